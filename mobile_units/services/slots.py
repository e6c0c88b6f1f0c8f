"""Slots: search for what can be booked, blocking for a while, withdrawing, and changing how many women a slot takes.

A slot can be booked when it is open, has a free place and has not begun. It need not be known to the central system
yet: the visit's message waits for the message of the slot.

Who takes places away locks the slots first, the lowest id first as bookings do (`services.visits`), and then looks for
visits: a booking either came before and is in the way, or comes after and finds nothing to book.
"""

from collections.abc import Collection, Iterable, Sequence
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
from mobile_units.models.transmissions import MessageState
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import OCCUPYING, VisitStatus
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
        DomainError: `slot_has_visits`, `slot_withdrawn`.
    """
    _set_status(session, actor, slot_id, SlotStatus.BLOCKED, Slot.taken == 0)
    slot = _not_withdrawn(session, actor, slot_id)
    if slot.status is not SlotStatus.BLOCKED:
        raise DomainError("slot_has_visits", visits=slot.capacity - slot.free)
    audit(session, actor, "block", "slot", slot_id)
    left = outbox.unaccepted_of_visits(session, Visit.slot_id == slot_id)
    tell(session, slot.schedule_id, left)
    return slot


def unblock(session: Session, actor: Actor, slot_id: int) -> SlotAtPlace:
    """Opens a slot for booking again; an open one stays so.

    Raises:
        DomainError: `slot_withdrawn`.
    """
    _set_status(session, actor, slot_id, SlotStatus.OPEN)
    slot = _not_withdrawn(session, actor, slot_id)
    audit(session, actor, "unblock", "slot", slot_id)
    tell(session, slot.schedule_id)
    return slot


def _not_withdrawn(session: Session, actor: Actor, slot_id: int) -> SlotAtPlace:
    slot = get(session, actor, slot_id)
    if slot.status is SlotStatus.WITHDRAWN:
        raise DomainError("slot_withdrawn")
    return slot


def withdraw(session: Session, actor: Actor, slot_ids: Collection[int], now: datetime) -> list[SlotAtPlace]:
    """Takes slots out of their schedules, all or none; one that was withdrawn before stays so.

    It is for good: only where the hours of the day leave out the time of the slot and take it in again does it return.

    Raises:
        DomainError: `not_found`; `slot_in_the_past`, one has begun; `slots_have_visits`, with the list of visits.
    """
    rows = [slot for slot in _locked(session, actor, slot_ids, now) if slot.status is not SlotStatus.WITHDRAWN]
    require_no_visits(visits_in(session, (slot.id for slot in rows if slot.taken)))
    for slot in rows:
        slot.status = SlotStatus.WITHDRAWN
        audit(session, actor, "withdraw", "slot", slot.id)
    session.flush()
    for schedule_id in sorted({slot.schedule_id for slot in rows}):
        tell_fewer(session, schedule_id, [slot.id for slot in rows if slot.schedule_id == schedule_id])
    query = _query(actor, null()).where(Slot.id.in_(slot_ids)).order_by(Slot.starts_at, Slot.id)
    return [SlotAtPlace(**row) for row in session.execute(query).mappings()]


def change_capacity(session: Session, actor: Actor, slot_id: int, capacity: int, now: datetime) -> SlotAtPlace:
    """Sets how many women a slot takes.

    Raises:
        DomainError: `not_found`, `slot_in_the_past`, `slot_withdrawn`; `slots_have_visits`, more are booked already,
            with the list of visits.
    """
    [slot] = _locked(session, actor, [slot_id], now)
    if slot.status is SlotStatus.WITHDRAWN:
        raise DomainError("slot_withdrawn")
    if capacity < slot.taken:
        require_no_visits(visits_in(session, [slot_id]))
    before, slot.capacity = slot.capacity, capacity
    session.flush()
    audit(session, actor, "change_capacity", "slot", slot_id)
    if capacity < before:
        tell_fewer(session, slot.schedule_id, [slot_id])
    elif capacity > before:
        tell(session, slot.schedule_id)
    return get(session, actor, slot_id)


def _locked(session: Session, actor: Actor, slot_ids: Collection[int], now: datetime) -> Sequence[Slot]:
    """The slots, locked in the order of bookings, none of which has begun."""
    query = select(Slot).join(Slot.schedule).where(Slot.id.in_(slot_ids), Schedule.provider_id == actor.provider_id)
    rows = lock(session, query)
    missing = set(slot_ids) - {slot.id for slot in rows}
    if missing:
        raise DomainError("not_found", what=f"Slot {min(missing)}")
    if any(slot.starts_at <= now for slot in rows):
        raise DomainError("slot_in_the_past")
    return rows


def lock(session: Session, query: Select[Slot]) -> Sequence[Slot]:
    """The slots of a query as they are once no booking can change them until the end of the transaction."""
    locked = query.order_by(Slot.id).with_for_update(of=Slot, key_share=True)
    return session.scalars(locked.execution_options(populate_existing=True)).all()


@dataclass(frozen=True, slots=True)
class BookedVisit:
    """A visit that keeps a slot from being withdrawn; whose it is, is asked elsewhere."""

    id: int
    slot_id: int
    starts_at: datetime
    status: VisitStatus


def visits_in(session: Session, slot_ids: Iterable[int]) -> list[BookedVisit]:
    """The visits that hold a place in the slots, in order of time."""
    query = (
        select(Visit.id, Visit.slot_id, Slot.starts_at, Visit.status)
        .join(Slot, Slot.id == Visit.slot_id)
        .where(Visit.slot_id.in_(list(slot_ids)), Visit.status.in_(sorted(OCCUPYING)))
        .order_by(Slot.starts_at, Visit.id)
    )
    return [BookedVisit(*row) for row in session.execute(query)]


def require_no_visits(found: Sequence[BookedVisit]) -> None:
    """Raises `slots_have_visits` with the list of those found."""
    if found:
        listed = [
            {"id": each.id, "slot_id": each.slot_id, "starts_at": each.starts_at.isoformat(), "status": each.status}
            for each in found
        ]
        raise DomainError("slots_have_visits", count=len(found), visits=listed)


def tell(session: Session, schedule_id: int, after: Sequence[tuple[MessageKind, int]] = ()) -> None:
    """Has the slots of a schedule handed over again, behind those that were taken back and the messages of `after`."""
    taken_back = (MessageKind.WITHDRAW_SLOTS, schedule_id)
    outbox.enqueue_again(session, MessageKind.SAVE_SLOTS, schedule_id, after=[*after, taken_back])


def tell_fewer(session: Session, schedule_id: int, slot_ids: Collection[int]) -> None:
    """Has it handed over that slots of a schedule take fewer women, if any of its slots were queued before.

    The central system keeps no slot with fewer places than visits, so it hears first who left these slots. What may be
    on its way about the slots comes first too, unless it was refused.
    """
    told = outbox.latest(session, MessageKind.SAVE_SLOTS, schedule_id)
    if told is None:
        return
    refused = told.state in {MessageState.REJECTED, MessageState.GIVEN_UP}
    outbox.enqueue(
        session,
        provider_id=told.provider_id,
        kind=MessageKind.WITHDRAW_SLOTS,
        subject_id=schedule_id,
        service_day=told.service_day,
        after=[
            *outbox.unaccepted_of_visits(session, Visit.slot_id.in_(slot_ids)),
            *([] if refused else [(MessageKind.SAVE_SLOTS, schedule_id)]),
        ],
    )


_TAKE = (
    update(Slot)
    .where(Slot.id == bindparam("slot_id"), _HAS_FREE_PLACE, Slot.starts_at > bindparam("now"))
    .values(taken=Slot.taken + 1)
    .returning(Slot.id)
)


def take(session: Session, slot: Slot, now: datetime) -> None:
    """Takes one place in one statement, which no other booking can come between; the slot is locked until commit.

    Raises:
        DomainError: `slot_in_the_past`, `slot_withdrawn`, `slot_not_open`, `slot_full`.
    """
    if session.execute(_TAKE, {"slot_id": slot.id, "now": now}, execution_options=_CORE).one_or_none() is None:
        session.refresh(slot, ["status", "starts_at"])
        raise DomainError(_why_not(slot, now))


def _why_not(slot: Slot, now: datetime) -> str:
    if slot.starts_at <= now:
        return "slot_in_the_past"
    if slot.status is SlotStatus.WITHDRAWN:
        return "slot_withdrawn"
    return "slot_full" if slot.status is SlotStatus.OPEN else "slot_not_open"


def free(session: Session, slot_id: int) -> None:
    """Gives one place back."""
    session.execute(update(Slot).where(Slot.id == slot_id).values(taken=Slot.taken - 1), execution_options=_CORE)


def _set_status(
    session: Session, actor: Actor, slot_id: int, status: SlotStatus, *conditions: ColumnElement[bool]
) -> None:
    owned = exists().where(Schedule.id == Slot.schedule_id, Schedule.provider_id == actor.provider_id)
    conditions = (*conditions, owned, Slot.status != SlotStatus.WITHDRAWN)
    changed = update(Slot).where(Slot.id == slot_id, *conditions).values(status=status)
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
