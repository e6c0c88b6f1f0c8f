"""Slots: taking and freeing places, blocking for a while, withdrawing, and changing how many women a slot takes.

Who takes places away locks the slots first, the lowest id first as bookings do (`services.visits`), and then looks for
visits: a booking either came before and is in the way, or comes after and finds nothing to book.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    column,
    exists,
    func,
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
from mobile_units.models.slots import CLOSED, GONE, UNSURE, Slot, SlotStatus
from mobile_units.models.transmissions import NEVER_TRIED, MessageState, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules.admission import BookingChannel, reservations_open_to
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.orphans import Cause
from mobile_units.rules.programmes import Path
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import OCCUPYING, VisitStatus
from mobile_units.services import mixed_sessions
from mobile_units.services.actors import Actor, audit
from mobile_units.services.slot_search import SlotAtPlace, get, get_many
from mobile_units.services.waiting_list import waits_for
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


@dataclass(frozen=True, slots=True)
class Admission:
    """In whose name a place is taken: by which channel, and with which rights.

    With `overbooking` a woman may come above the capacity, with `waiting` she has a place that was kept for those who
    wait, and what stays free is kept on. `path` is that of the examination, None stands for the one that the slot is
    meant for.
    """

    channel: BookingChannel
    urgent: bool = False
    overbooking: bool = False
    waiting: bool = False
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a slot, and whether there is `news` of it: of more places or fewer, as the function says.

    `above` tells whether the woman came above the capacity.
    """

    schedule_id: int
    news: bool
    above: bool = False
    orphaned: bool = False


_TAKE = (
    text("""
UPDATE slots SET taken = taken + 1, kept_for_waiting = kept_for_waiting AND taken + 1 < capacity
WHERE id = :slot_id AND status = 'open' AND starts_at > :now AND session_id IS NOT DISTINCT FROM :session_id
    AND (reserved_for IS NULL OR reserved_for = ANY(:open_to)) AND (:waiting OR NOT kept_for_waiting)
    AND taken < capacity + CASE WHEN :overbooking THEN extra ELSE 0 END
RETURNING schedule_id, taken > capacity AS above,
    :waiting OR NOT fits OR coalesce(reserved_for, 'central') <> 'central' AS closed
""")
    .bindparams(bindparam("session_id", type_=BigInteger))
    .columns(column("schedule_id", BigInteger), column("above", Boolean), column("closed", Boolean))
)


def take(session: Session, slot: Slot, now: datetime, admission: Admission, leaving: int | None = None) -> bool:
    """Takes one place in one statement, which no other booking can come between; the slot is locked until commit.

    `leaving` is the key of a visit whose place is given up for this one. Returns whether the woman comes above the
    capacity. Where the central system knows of fewer places than are taken now, it is told of the slot first.

    Raises:
        DomainError: `slot_in_the_past`, `slot_withdrawn`, `slot_orphaned`, `slot_not_open`, `slot_reserved`,
            `slot_kept_for_waiting`, `overbooking_exhausted`, `slot_full`; `path_not_in_session`; `session_full`, the
            rooms or the crew that the slot shares have no time; `stale_version`, the slot came into another session meanwhile.
    """
    turning = _planned(session, slot, now, admission, leaving)
    if turning:
        mixed_sessions.lock_slots(session, [*turning, slot.id])
    above = _take(session, slot, now, admission)
    _tell_turned(session, turning)
    return above


def free(session: Session, visit: Visit) -> None:
    """Gives the place of a visit back.

    Of an orphaned slot that it leaves empty nothing remains, and a place that others wait for is kept for them. Where
    the central system has to hear of fewer places, it does so behind the messages about who left; `steps.call_off`
    adds the one about this visit.
    """
    turning = _planned_without(session, visit)
    if turning:
        mixed_sessions.lock_slots(session, [*turning, visit.slot_id])
    _free(session, visit.slot_id)
    _tell_turned(session, turning)


def exchange(session: Session, visit: Visit, entered: Slot, now: datetime, admission: Admission) -> bool:
    """Gives the place of a visit back and takes one in another slot, in the order of locks; returns what `take` does.

    Raises:
        DomainError: as `take`.
    """
    mixed_sessions.lock(session, [visit.slot.session_id, entered.session_id])
    turning = _planned(session, entered, now, admission, visit.id)
    if visit.slot.session_id != entered.session_id:
        turning = [*turning, *_planned_without(session, visit)]
    mixed_sessions.lock_slots(session, [*turning, visit.slot_id, entered.id])
    above = _take(session, entered, now, admission)
    _free(session, visit.slot_id)
    _tell_turned(session, turning)
    return above


def take_back_one(session: Session, visit: Visit) -> Change:
    """As `take_one`, of a place that was hers, whatever became of its slot: it is not for sale.

    A slot that was withdrawn when it was left empty is orphaned again. One who is `overbooked` may have an extra place.

    Raises:
        DomainError: `slot_full`, others have the places.
    """
    wanted = {"entered": visit.slot.id, "above": visit.overbooked}
    found = session.execute(_TAKE_BACK, wanted, execution_options=_CORE).one_or_none()
    if found is None:
        raise DomainError("slot_full")
    schedule_id, closed, orphaned = found
    return Change(schedule_id, closed, orphaned=orphaned)


def tell_orphaned(session: Session, schedule_id: int) -> None:
    """As `tell`, where a slot is orphaned again that may lie outside of the hours that the central system knows."""
    outbox.enqueue_again(session, MessageKind.SAVE_SCHEDULE, schedule_id)
    tell(session, schedule_id, [(MessageKind.SAVE_SCHEDULE, schedule_id)])


_TAKE_BACK = (
    update(Slot)
    .where(
        Slot.id == bindparam("entered"),
        Slot.taken < Slot.capacity + case((bindparam("above", type_=Boolean), Slot.extra), else_=0),
    )
    .values(
        taken=Slot.taken + 1,
        status=case((Slot.status == SlotStatus.WITHDRAWN, SlotStatus.ORPHANED.value), else_=Slot.status),
        kept_for_waiting=and_(Slot.kept_for_waiting, Slot.taken + 1 < Slot.capacity),
    )
    .returning(Slot.schedule_id, or_(CLOSED, Slot.taken > Slot.capacity), Slot.status == SlotStatus.ORPHANED)
)


def change_path(session: Session, visit: Visit, path: Path) -> None:
    """Gives a visit the time that another path takes, where its slot shares rooms and crew.

    Raises:
        DomainError: `path_not_in_session`, `session_full`.
    """
    if visit.slot.session_id is None:
        return
    booked = mixed_sessions.booked(session, visit.slot.session_id, visit.id)
    turning = mixed_sessions.turning(session, booked.with_one_more(path, visit.slot.starts_at))
    mixed_sessions.lock_slots(session, turning)
    _tell_turned(session, turning)


def refresh_session(session: Session, session_id: int) -> None:
    """Works out anew which slots of a session fit one more, after its slots or its content changed, and tells of them.

    It locks the session and then slots, so a caller who locked slots before locked the session before them.
    """
    turning = mixed_sessions.turning(session, mixed_sessions.booked(session, session_id))
    mixed_sessions.lock_slots(session, turning)
    _tell_turned(session, turning)


def _planned(session: Session, slot: Slot, now: datetime, admission: Admission, leaving: int | None) -> list[int]:
    """The slots that turn when one more is booked in the session of a slot, which is locked by this."""
    if slot.session_id is None:
        return []
    booked = mixed_sessions.booked(session, slot.session_id, leaving)
    try:
        after = booked.with_one_more(admission.path or slot.schedule.path, slot.starts_at)
    except DomainError:
        _require_open(session, slot, now, admission)
        raise
    return mixed_sessions.turning(session, after)


def _planned_without(session: Session, visit: Visit) -> list[int]:
    """The slots that turn when a visit leaves the session of its slot, which is locked by this."""
    if visit.slot.session_id is None:
        return []
    return mixed_sessions.turning(session, mixed_sessions.booked(session, visit.slot.session_id, visit.id))


def _tell_turned(session: Session, turning: Sequence[int]) -> None:
    fewer: dict[int, list[int]] = {}
    for each in mixed_sessions.turn(session, turning):
        fewer.setdefault(each.schedule_id, [])
        fewer[each.schedule_id] += [] if each.fits else [each.slot_id]
    for schedule_id, slot_ids in sorted(fewer.items()):
        if slot_ids:
            tell_fewer(session, schedule_id, slot_ids)
        else:
            tell(session, schedule_id)


def _take(session: Session, slot: Slot, now: datetime, admission: Admission) -> bool:
    taken = take_one(session, slot, now, admission)
    if taken.news:
        tell(session, taken.schedule_id)
    return taken.above


def take_one(session: Session, slot: Slot, now: datetime, admission: Admission) -> Change:
    """Takes one place of a slot, which may not share rooms and crew unless the caller sees to it; tells of nothing.

    The news is of more places, of which the central system has to hear before the visit.

    Raises:
        DomainError: as `take`, but for what the session refuses.
    """
    wanted = {
        "slot_id": slot.id,
        "session_id": slot.session_id,
        "now": now,
        "open_to": list(reservations_open_to(admission.channel, urgent=admission.urgent)),
        "waiting": admission.waiting,
        "overbooking": admission.overbooking,
    }
    taken = session.connection().execute(_TAKE, wanted).one_or_none()
    if taken is None:
        _require_open(session, slot, now, admission)
        raise DomainError("slot_full")
    return Change(taken.schedule_id, taken.closed or taken.above, taken.above)


def _require_open(session: Session, slot: Slot, now: datetime, admission: Admission) -> None:
    """Raises why a woman cannot have a place in a slot; nothing, if it looks as if she could."""
    state = session.execute(_STATE, {"slot_id": slot.id}).one()
    if state.starts_at <= now:
        raise DomainError("slot_in_the_past")
    if state.status in _CLOSED:
        raise DomainError(_CLOSED[state.status])
    if state.reserved_for not in {None, *reservations_open_to(admission.channel, urgent=admission.urgent)}:
        raise DomainError("slot_reserved", reserved_for=state.reserved_for)
    if state.kept_for_waiting and not admission.waiting:
        raise DomainError("slot_kept_for_waiting")
    if state.session_id != slot.session_id:
        raise DomainError("stale_version")
    if admission.overbooking and state.extra and state.taken >= state.capacity + state.extra:
        reason = state.overbooking_reason or "-"
        raise DomainError("overbooking_exhausted", extra=state.extra, capacity=state.capacity, reason=reason)
    if state.taken >= state.capacity + (state.extra if admission.overbooking else 0):
        raise DomainError("slot_full")


_STATE = (
    select(
        Slot.starts_at,
        Slot.status,
        Slot.reserved_for,
        Slot.kept_for_waiting,
        Slot.session_id,
        Slot.capacity,
        Slot.extra,
        Slot.taken,
        Schedule.overbooking_reason,
    )
    .join(Schedule, Schedule.id == Slot.schedule_id)
    .where(Slot.id == bindparam("slot_id"))
)
_CLOSED = {
    SlotStatus.WITHDRAWN: "slot_withdrawn",
    SlotStatus.ORPHANED: "slot_orphaned",
    SlotStatus.BLOCKED: "slot_not_open",
}

_LAST_LEAVES = and_(Slot.status == SlotStatus.ORPHANED, Slot.taken == 1)
_SOMEBODY_WAITS = and_(
    Slot.status == SlotStatus.OPEN,
    Slot.taken <= Slot.capacity,
    Slot.starts_at > func.now(),
    waits_for(Slot.id),
)
_FREE = (
    update(Slot)
    .where(Slot.id == bindparam("left"))
    .values(
        taken=Slot.taken - 1,
        status=case((_LAST_LEAVES, SlotStatus.WITHDRAWN.value), else_=Slot.status),
        kept_for_waiting=or_(Slot.kept_for_waiting, _SOMEBODY_WAITS),
    )
    .returning(Slot.schedule_id, or_(CLOSED, Slot.taken >= Slot.capacity))
)


def _free(session: Session, slot_id: int) -> None:
    freed = free_one(session, slot_id)
    if freed.news:
        tell_fewer(session, freed.schedule_id, [slot_id])


def free_one(session: Session, slot_id: int) -> Change:
    """Gives one place of a slot back, which may share rooms and crew if the caller sees to it; tells of nothing.

    The news is of fewer places, of which the central system has to hear after the cancellation.
    """
    schedule_id, fewer = session.execute(_FREE, {"left": slot_id}, execution_options=_CORE).one()
    return Change(schedule_id, fewer)


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
