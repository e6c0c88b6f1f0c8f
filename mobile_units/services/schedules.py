"""Schedules: reading the working times that itineraries and opening hours were turned into."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.rules.programmes import Path, Programme
from mobile_units.services.actors import Actor
from mobile_units.services.queries import Page, Paging, get_owned, page_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFilter:
    """Which schedules are wanted: valid on some of the days from `first_day` to `last_day`, accepted by CeR or not."""

    paging: Paging = Paging()
    service_place_id: int | None = None
    stop_id: int | None = None
    programme: Programme | None = None
    path: Path | None = None
    mobile: bool | None = None
    first_day: date | None = None
    last_day: date | None = None
    accepted: bool | None = None


def find(session: Session, actor: Actor, criteria: ScheduleFilter) -> Page[Schedule]:
    """Schedules of the provider with their working hours, in order of time."""
    query = select(Schedule).where(Schedule.provider_id == actor.provider_id)
    for column in ("service_place_id", "programme", "path", "mobile"):
        wanted = getattr(criteria, column)
        if wanted is not None:
            query = query.where(getattr(Schedule, column) == wanted)
    if criteria.stop_id is not None:
        query = query.where(Schedule.mobile_point.has(MobilePoint.stop_id == criteria.stop_id))
    if criteria.first_day:
        query = query.where(Schedule.valid_to >= criteria.first_day)
    if criteria.last_day:
        query = query.where(Schedule.valid_from <= criteria.last_day)
    if criteria.accepted is not None:
        query = query.where(Schedule.accepted_at.is_not(None) == criteria.accepted)
    query = query.options(joinedload(Schedule.contract_range), selectinload(Schedule.hours))
    return page_of(session, query.order_by(Schedule.valid_from, Schedule.id), criteria.paging)


def get(session: Session, actor: Actor, schedule_id: int) -> Schedule:
    """One schedule with its working hours."""
    parts = (joinedload(Schedule.contract_range), selectinload(Schedule.hours))
    return get_owned(session, actor, Schedule, schedule_id, *parts)
