"""Slots: search for what can be booked, and blocking.

A slot can be booked when it is open, has a free place and has not begun. It need not be known to the central system
yet: the visit's message waits for the message of the slot.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, null, or_, select, text, update
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.sites import Site
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import Paging
from mobile_units.transmission import outbox

EARTH_RADIUS_KM = 6371.0088
"""The mean radius; a sphere of it is within half a percent of the true distance."""

_HAS_FREE_PLACE = text("slots.status = 'open' AND slots.taken < slots.capacity")
"""Written as the predicate of the index `ix_slots_bookable` is, so that the index serves every search."""

_CORE = {"synchronize_session": False}


class SlotOrder(StrEnum):
    """What comes first; slots at one distance are in order of time."""

    TIME = "time"
    DISTANCE = "distance"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFilter:
    """Which bookable slots are wanted; days are included, `text` is part of a place's or site's name or locality.

    With coordinates only slots of stops within `radius_km`, as the crow flies, are found: a stationary place has an
    address but no coordinates. `path` is the one that a slot's schedule is meant for.
    """

    paging: Paging = Paging()
    programme: Programme | None = None
    path: Path | None = None
    first_day: date | None = None
    last_day: date | None = None
    service_place_id: int | None = None
    stop_id: int | None = None
    text: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    radius_km: float = 30.0
    order: SlotOrder = SlotOrder.TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotAtPlace:
    """A slot with where it is; stop and site are empty in a stationary place, distance without coordinates."""

    id: int
    uuid: UUID
    schedule_id: int
    starts_at: datetime
    ends_at: datetime
    status: SlotStatus
    capacity: int
    free: int
    programme: Programme
    path: Path
    mobile: bool
    service_place_id: int
    service_place: str
    address: str
    stop_id: int | None
    site_id: int | None
    site: str | None
    locality: str | None
    landmark: str | None
    street: str | None
    telephone: str | None
    latitude: float | None
    longitude: float | None
    distance_km: float | None


@dataclass(frozen=True, slots=True)
class SlotPage:
    """A part of the slots found; `more` tells whether others follow, for counting them all would cost every search."""

    items: list[SlotAtPlace]
    page: int
    page_size: int
    more: bool


def find(session: Session, actor: Actor, criteria: SlotFilter, now: datetime) -> SlotPage:
    """The slots that can be booked at the instant `now`, the soonest or the nearest first."""
    distance = _distance(criteria)
    query = _query(actor, null() if distance is None else distance).where(_HAS_FREE_PLACE, Slot.starts_at > now)
    query = query.where(*_conditions(criteria))
    if distance is not None:
        query = query.where(distance <= criteria.radius_km)
    if distance is not None and criteria.order is SlotOrder.DISTANCE:
        query = query.order_by(distance)
    return _page(session, query.order_by(Slot.starts_at, Slot.id), criteria.paging)


def get(session: Session, actor: Actor, slot_id: int) -> SlotAtPlace:
    """One slot, bookable or not.

    Raises:
        DomainError: `not_found`.
    """
    row = session.execute(_query(actor, null()).where(Slot.id == slot_id)).mappings().one_or_none()
    if row is None:
        raise DomainError("not_found", what=f"Slot {slot_id}")
    return SlotAtPlace(**row)


def block(session: Session, actor: Actor, slot_id: int) -> SlotAtPlace:
    """Takes a slot without visits out of booking; a blocked one stays so.

    The central system keeps no slot with fewer places than visits, so it hears first who left the slot.

    Raises:
        DomainError: `slot_has_visits`.
    """
    _set_status(session, actor, slot_id, SlotStatus.BLOCKED, Slot.taken == 0)
    slot = get(session, actor, slot_id)
    if slot.status is not SlotStatus.BLOCKED:
        raise DomainError("slot_has_visits", visits=slot.capacity - slot.free)
    audit(session, actor, "block", "slot", slot_id)
    left = outbox.unaccepted_of_visits(session, Visit.slot_id == slot_id)
    outbox.enqueue_again(session, MessageKind.SAVE_SLOTS, slot.schedule_id, after=left)
    return slot


def unblock(session: Session, actor: Actor, slot_id: int) -> SlotAtPlace:
    """Opens a slot for booking again; an open one stays so."""
    _set_status(session, actor, slot_id, SlotStatus.OPEN)
    slot = get(session, actor, slot_id)
    audit(session, actor, "unblock", "slot", slot_id)
    outbox.enqueue_again(session, MessageKind.SAVE_SLOTS, slot.schedule_id)
    return slot


_TAKE = (
    update(Slot)
    .where(Slot.id == bindparam("slot_id"), _HAS_FREE_PLACE, Slot.starts_at > bindparam("now"))
    .values(taken=Slot.taken + 1)
    .returning(Slot.id)
)


def take(session: Session, slot: Slot, now: datetime) -> None:
    """Takes one place in one statement, which no other booking can come between; the slot is locked until commit.

    Raises:
        DomainError: `slot_in_the_past`, `slot_not_open`, `slot_full`.
    """
    if session.execute(_TAKE, {"slot_id": slot.id, "now": now}, execution_options=_CORE).one_or_none() is None:
        session.refresh(slot, ["status", "starts_at"])
        raise DomainError(_why_not(slot, now))


def _why_not(slot: Slot, now: datetime) -> str:
    if slot.starts_at <= now:
        return "slot_in_the_past"
    return "slot_full" if slot.status is SlotStatus.OPEN else "slot_not_open"


def free(session: Session, slot_id: int) -> None:
    """Gives one place back."""
    session.execute(update(Slot).where(Slot.id == slot_id).values(taken=Slot.taken - 1), execution_options=_CORE)


def _set_status(
    session: Session, actor: Actor, slot_id: int, status: SlotStatus, *conditions: ColumnElement[bool]
) -> None:
    owned = exists().where(Schedule.id == Slot.schedule_id, Schedule.provider_id == actor.provider_id)
    changed = update(Slot).where(Slot.id == slot_id, owned, *conditions).values(status=status)
    session.execute(changed, execution_options=_CORE)


def _query(actor: Actor, distance: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Slot.id,
            Slot.uuid,
            Slot.schedule_id,
            Slot.starts_at,
            Slot.ends_at,
            Slot.status,
            Slot.capacity,
            (Slot.capacity - Slot.taken).label("free"),
            Schedule.programme,
            Schedule.path,
            Slot.mobile,
            Slot.service_place_id,
            ServicePlace.name.label("service_place"),
            ServicePlace.address,
            MobilePoint.stop_id,
            Site.id.label("site_id"),
            Site.name.label("site"),
            Site.locality,
            Site.landmark,
            Site.street,
            Site.telephone,
            Site.latitude,
            Site.longitude,
            distance.label("distance_km"),
        )
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .join(ServicePlace, ServicePlace.id == Schedule.service_place_id)
        .outerjoin(MobilePoint, MobilePoint.id == Schedule.mobile_point_id)
        .outerjoin(Stop, Stop.id == MobilePoint.stop_id)
        .outerjoin(Site, Site.id == Stop.site_id)
        .where(Schedule.provider_id == actor.provider_id)
    )


def _conditions(criteria: SlotFilter) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    equal = {
        Schedule.programme: criteria.programme,
        Schedule.path: criteria.path,
        Slot.service_place_id: criteria.service_place_id,
        MobilePoint.stop_id: criteria.stop_id,
    }
    wanted += [column == value for column, value in equal.items() if value is not None]
    wanted += in_days(criteria.first_day, criteria.last_day)
    if criteria.text:
        named = (Site.name, Site.locality, Site.gmina, ServicePlace.name, ServicePlace.address)
        wanted.append(or_(*(column.icontains(criteria.text, autoescape=True) for column in named)))
    return wanted


def in_days(first: date | None, last: date | None) -> list[ColumnElement[bool]]:
    """Conditions on slots that begin on the Polish days from `first` to `last`, both included, None being open."""
    wanted: list[ColumnElement[bool]] = []
    if first:
        wanted.append(Slot.starts_at >= local_instant(first, time()))
    if last:
        wanted.append(Slot.starts_at < local_instant(last + timedelta(days=1), time()))
    return wanted


def _distance(criteria: SlotFilter) -> ColumnElement[float] | None:
    """Kilometres from the coordinates wanted to the site, by the haversine formula."""
    if criteria.latitude is None or criteria.longitude is None:
        return None
    north = func.pow(func.sin(func.radians(Site.latitude - criteria.latitude) / 2), 2)
    east = func.pow(func.sin(func.radians(Site.longitude - criteria.longitude) / 2), 2)
    across = func.cos(func.radians(criteria.latitude)) * func.cos(func.radians(Site.latitude)) * east
    kilometres: ColumnElement[float] = 2 * EARTH_RADIUS_KM * func.asin(func.least(1.0, func.sqrt(north + across)))
    return kilometres


def _page(session: Session, query: Select[*tuple[Any, ...]], paging: Paging) -> SlotPage:
    offset = (paging.page - 1) * paging.page_size
    rows = session.execute(query.limit(paging.page_size + 1).offset(offset)).mappings().all()
    items = [SlotAtPlace(**row) for row in rows[: paging.page_size]]
    return SlotPage(items, paging.page, paging.page_size, len(rows) > paging.page_size)
