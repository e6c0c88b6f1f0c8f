"""Places in slots: taking one, giving it back, exchanging it, and what that does to a mixed session.

Nobody counts places by any other way. A place is taken by one conditional UPDATE (`services.visits` tells the order of
locks), and whatever the central system has to hear of the slot is queued with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Boolean, and_, bindparam, case, column, func, or_, select, text, update
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import CLOSED, Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.rules.admission import BookingChannel, reservations_open_to
from mobile_units.rules.programmes import Path
from mobile_units.services import mixed_sessions, slots
from mobile_units.services.waiting_list import waits_for

_CORE = {"synchronize_session": False}


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
            rooms or the crew that the slot shares have no time; `stale_version`, the slot came into another session
            meanwhile.
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
            slots.tell_fewer(session, schedule_id, slot_ids)
        else:
            slots.tell(session, schedule_id)


def _take(session: Session, slot: Slot, now: datetime, admission: Admission) -> bool:
    taken = take_one(session, slot, now, admission)
    if taken.news:
        slots.tell(session, taken.schedule_id)
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
        slots.tell_fewer(session, freed.schedule_id, [slot_id])


def free_one(session: Session, slot_id: int) -> Change:
    """Gives one place of a slot back, which may share rooms and crew if the caller sees to it; tells of nothing.

    The news is of fewer places, of which the central system has to hear after the cancellation.
    """
    schedule_id, fewer = session.execute(_FREE, {"left": slot_id}, execution_options=_CORE).one()
    return Change(schedule_id, fewer)
