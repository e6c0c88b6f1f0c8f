"""Mobile points: reading what the central e-registration knows, or will know, of the stops."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from mobile_units.models.itineraries import Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.services.actors import Actor
from mobile_units.services.queries import Page, Paging, get_owned, page_of

_WITH_SITE = joinedload(MobilePoint.stop).joinedload(Stop.site)


@dataclass(frozen=True, slots=True, kw_only=True)
class MobilePointFilter:
    """Which points are wanted: valid on some of the days from `first_day` to `last_day`, accepted by CeR or not."""

    paging: Paging = Paging()
    service_place_id: int | None = None
    stop_id: int | None = None
    first_day: date | None = None
    last_day: date | None = None
    accepted: bool | None = None


def find(session: Session, actor: Actor, criteria: MobilePointFilter) -> Page[MobilePoint]:
    """Mobile points of the provider with their sites, in order of time."""
    query = select(MobilePoint).where(MobilePoint.provider_id == actor.provider_id).options(_WITH_SITE)
    if criteria.service_place_id is not None:
        query = query.where(MobilePoint.service_place_id == criteria.service_place_id)
    if criteria.stop_id is not None:
        query = query.where(MobilePoint.stop_id == criteria.stop_id)
    if criteria.first_day:
        query = query.where(MobilePoint.valid_to >= criteria.first_day)
    if criteria.last_day:
        query = query.where(MobilePoint.valid_from <= criteria.last_day)
    if criteria.accepted is not None:
        query = query.where(MobilePoint.accepted_at.is_not(None) == criteria.accepted)
    return page_of(session, query.order_by(MobilePoint.valid_from, MobilePoint.id), criteria.paging)


def get(session: Session, actor: Actor, mobile_point_id: int) -> MobilePoint:
    """One mobile point with its site."""
    return get_owned(session, actor, MobilePoint, mobile_point_id, _WITH_SITE)
