"""Slots: blocking for a while, withdrawing, changing how many women a slot takes, and telling of all that.

Who takes places away locks the slots first, the lowest id first as bookings do (`services.visits`), and then looks for
visits: a booking either came before and is in the way, or comes after and finds nothing to book.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    exists,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import StopDay
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule, ScheduleHours
from mobile_units.models.slots import GONE, UNSURE, Slot, SlotStatus
from mobile_units.models.transmissions import NEVER_TRIED, MessageState, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.orphans import Cause
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import OCCUPYING, VisitStatus
from mobile_units.services.actors import Actor, audit
from mobile_units.services.slot_search import SlotAtPlace, get, get_many
from mobile_units.transmission import outbox

_CORE = {"synchronize_session": False}


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
    """Opens a slot for booking again; an open one stays so, and so does an orphaned one in the hours of its stop.

    Raises:
        DomainError: `slot_withdrawn`; `slot_orphaned`, its time is worked no more.
    """
    _set_status(session, actor, slot_id, SlotStatus.OPEN, or_(Slot.status != SlotStatus.ORPHANED, _worked()))
    slot = _not_withdrawn(session, actor, slot_id)
    audit(session, actor, "unblock", "slot", slot_id)
    tell(session, slot.schedule_id)
    return slot


def _not_withdrawn(session: Session, actor: Actor, slot_id: int) -> SlotAtPlace:
    slot = get(session, actor, slot_id)
    if slot.status in GONE:
        raise DomainError(_gone(slot.status))
    return slot


def withdraw(
    session: Session, actor: Actor, slot_ids: Collection[int], now: datetime, *, orphan: bool = False
) -> list[SlotAtPlace]:
    """Takes slots out of their schedules, all or none; one that was withdrawn or orphaned before stays so.

    It is for good: only where the hours of the day leave out the time of the slot and take it in again does it return.
    Slots with visits become orphaned if `orphan` says so.

    Raises:
        DomainError: `not_found`; `slot_in_the_past`, one has begun; `slots_have_visits`, with the list of visits,
            unless they may be orphaned.
    """
    rows = [slot for slot in _locked(session, actor, slot_ids, now) if slot.status not in GONE]
    visited = [slot for slot in rows if slot.taken]
    if not orphan:
        require_no_visits(visits_in(session, (slot.id for slot in visited)))
    orphan_slots(session, actor, visited, Cause.SLOT_WITHDRAWN)
    for slot in rows:
        if not slot.taken:
            slot.status = SlotStatus.WITHDRAWN
            audit(session, actor, "withdraw", "slot", slot.id)
    session.flush()
    for schedule_id in sorted({slot.schedule_id for slot in rows}):
        tell_fewer(session, schedule_id, [slot.id for slot in rows if slot.schedule_id == schedule_id])
    return get_many(session, actor, slot_ids)


def change_capacity(  # noqa: PLR0913 -- what is wanted of one slot, and whether its visits may be orphaned
    session: Session, actor: Actor, slot_id: int, capacity: int, now: datetime, *, orphan: bool = False
) -> SlotAtPlace:
    """Sets how many women a slot takes; with more visits than that it becomes orphaned if `orphan` says so.

    Raises:
        DomainError: `not_found`, `slot_in_the_past`, `slot_withdrawn`, `slot_orphaned`; `slots_have_visits`, more are
            booked already, with the list of visits.
    """
    [slot] = _locked(session, actor, [slot_id], now)
    if slot.status in GONE:
        raise DomainError(_gone(slot.status))
    before = slot.capacity
    if capacity >= slot.taken:
        slot.capacity = capacity
    elif orphan:
        orphan_slots(session, actor, [slot], Cause.CAPACITY_CHANGED)
    else:
        require_no_visits(visits_in(session, [slot_id]))
    session.flush()
    audit(session, actor, "change_capacity", "slot", slot_id)
    if capacity < before:
        tell_fewer(session, slot.schedule_id, [slot_id])
    elif capacity > before:
        tell(session, slot.schedule_id)
    return get(session, actor, slot_id)


def orphan_slots(session: Session, actor: Actor, rows: Iterable[Slot], cause: Cause) -> None:
    """Has slots, locked and with visits, take no others; each goes when its last visit has left.

    The audit log keeps what was the cause. It is for the caller to tell that they take fewer women.
    """
    for slot in rows:
        slot.status = SlotStatus.ORPHANED
        audit(session, actor, f"orphan_{cause}", "slot", slot.id)


def set_end(row: Slot, ends_at: datetime) -> None:
    """Gives a slot, locked, another end: its identifier says when it starts, and it is told again with the end.

    It is for the caller to tell of it.
    """
    if row.ends_at != ends_at:
        row.ends_at = ends_at
        row.told_places = None if row.told_places is None else UNSURE


def _worked() -> ColumnElement[bool]:
    """Whether a slot lies in the days of its stop, or in the hours of its schedule in a stationary place."""
    of_its_stop = Schedule.id == Slot.schedule_id, MobilePoint.id == Schedule.mobile_point_id
    day = StopDay.stop_id == MobilePoint.stop_id, StopDay.opens_at <= Slot.starts_at, StopDay.closes_at >= Slot.ends_at
    of_stop = exists().where(*of_its_stop, *day)
    hours = and_(ScheduleHours.starts_at <= Slot.starts_at, ScheduleHours.ends_at >= Slot.ends_at)
    of_schedule = exists().where(ScheduleHours.schedule_id == Slot.schedule_id, hours)
    return or_(and_(Slot.mobile, of_stop), and_(~Slot.mobile, of_schedule))


def _gone(status: SlotStatus) -> str:
    return "slot_withdrawn" if status is SlotStatus.WITHDRAWN else "slot_orphaned"


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


def tell_orphaned(session: Session, schedule_id: int) -> None:
    """As `tell`, where a slot is orphaned again that may lie outside of the hours that the central system knows."""
    outbox.enqueue_again(session, MessageKind.SAVE_SCHEDULE, schedule_id)
    tell(session, schedule_id, [(MessageKind.SAVE_SCHEDULE, schedule_id)])


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
            *outbox.unaccepted_of_visits(session, Visit.slot_id.in_(slot_ids), Visit.status.not_in(sorted(OCCUPYING))),
            *([] if refused else [(MessageKind.SAVE_SLOTS, schedule_id)]),
        ],
    )


def tell_refused_again(session: Session, schedule_id: int, after: Sequence[tuple[MessageKind, int]] = ()) -> None:
    """Has news of slots that was refused handed over again, now that it is settled who has a place there.

    The central system keeps no slot with fewer places than visits, so it refuses to take a place away in which a woman
    booked of whom nobody knew here.
    """
    kinds = (MessageKind.WITHDRAW_SLOTS, MessageKind.SAVE_SLOTS)
    query = select(OutboxMessage.kind).where(
        OutboxMessage.kind.in_(kinds),
        OutboxMessage.subject_id == schedule_id,
        OutboxMessage.state == MessageState.REJECTED,
    )
    for kind in session.scalars(query.order_by(OutboxMessage.id)).all():
        outbox.enqueue_again(session, kind, schedule_id, after=after)


def news_of_fewer(session: Session, schedule_ids: Collection[int]) -> set[int]:
    """Those of the schedules of which news is queued, and was never tried, that slots take fewer women.

    Such news has to stay behind those who leave these slots, so `tell_fewer` is called again when they have left.
    """
    query = select(OutboxMessage.subject_id).where(
        OutboxMessage.kind == MessageKind.WITHDRAW_SLOTS,
        OutboxMessage.subject_id.in_(sorted(schedule_ids)),
        text(NEVER_TRIED),
    )
    return set(session.scalars(query))


def _set_status(
    session: Session, actor: Actor, slot_id: int, status: SlotStatus, *conditions: ColumnElement[bool]
) -> None:
    owned = exists().where(Schedule.id == Slot.schedule_id, Schedule.provider_id == actor.provider_id)
    conditions = (*conditions, owned, Slot.status != SlotStatus.WITHDRAWN)
    changed = update(Slot).where(Slot.id == slot_id, *conditions).values(status=status)
    session.execute(changed, execution_options=_CORE)


def in_days(first: date | None, last: date | None) -> list[ColumnElement[bool]]:
    """Conditions on slots that begin on the Polish days from `first` to `last`, both included, None being open."""
    wanted: list[ColumnElement[bool]] = []
    if first:
        wanted.append(Slot.starts_at >= local_instant(first, time()))
    if last:
        wanted.append(Slot.starts_at < local_instant(last + timedelta(days=1), time()))
    return wanted
