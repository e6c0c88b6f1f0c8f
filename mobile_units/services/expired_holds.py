"""Holds whose time is over: their places are given back by the worker, or by whoever needs one before it came.

A hold belongs to another woman than the one who needs the place, so her row is locked only if nobody has it: nobody
ever waits here against the order of locks (`services.visits`). Whoever has it is about to end the hold, or confirmed
it just in time.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.orm import Session, joinedload

from mobile_units.errors import DomainError
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import mixed_sessions, slot_places, waiting_list

FULL = frozenset({"slot_full", "session_full", "overbooking_exhausted"})
"""The refusals that an expired hold may be the reason of."""

Result = TypeVar("Result")


def with_those_places(
    session: Session, slot: Slot, now: datetime, take: Callable[[], Result], left: Slot | None = None
) -> Result:
    """What `take` does, which takes a place in a slot or refuses it; where none is free, tried again without holds.

    A slot that shares rooms and crew is rid of them first, because locks of other slots would come too late after it.
    `left` is the slot whose place is given up for the other.
    """
    if slot.session_id is not None:
        release(session, now, _in_reach(slot), also=[slot] if left is None else [slot, left])
        return take()
    try:
        return take()
    except DomainError as refusal:
        if refusal.code not in FULL or not release(session, now, _in_reach(slot), also=[slot]):
            raise
    return take()


def _in_reach(slot: Slot) -> ColumnElement[bool]:
    """Visits that may be in the way in a slot: its own, or those of all the slots that share its rooms and crew."""
    if slot.session_id is None:
        return Visit.slot_id == slot.id
    return Visit.slot_id.in_(select(Slot.id).where(Slot.session_id == slot.session_id))


def release(
    session: Session, now: datetime, *which: ColumnElement[bool], also: Sequence[Slot] = (), limit: int = 100
) -> int:
    """Ends the holds among the visits that meet the conditions whose time is over, and frees their places; how many.

    Their slots are locked in order, together with those in `also`, which the caller is about to change.
    """
    found = _lock(session, now, which, limit)
    if found:
        _lock_slots(session, [*(visit.slot for visit in found), *also])
        for visit in found:
            slot_places.free(session, visit)
        ended = [visit.id for visit in found]
        session.execute(_END, {"visit_ids": ended})
        waiting_list.lapse(session, ended)
        for visit in found:
            session.expire(visit)
    return len(found)


def _lock(session: Session, now: datetime, which: Sequence[ColumnElement[bool]], limit: int) -> Sequence[Visit]:
    expired = (Visit.status == VisitStatus.HELD, Visit.held_until <= now)
    query = select(Visit).join(Woman, Woman.id == Visit.woman_id).where(*expired, *which)
    query = query.options(joinedload(Visit.slot)).order_by(Woman.id).limit(limit)
    locked = query.with_for_update(of=(Woman, Visit), key_share=True, skip_locked=True)
    return session.scalars(locked.execution_options(populate_existing=True)).all()


def _lock_slots(session: Session, places: Sequence[Slot]) -> None:
    shared = sorted({slot.session_id for slot in places if slot.session_id is not None})
    mixed_sessions.lock(session, shared)
    together = session.scalars(select(Slot.id).where(Slot.session_id.in_(shared))) if shared else ()
    mixed_sessions.lock_slots(session, [*together, *(slot.id for slot in places)])


_END = text("""
WITH ended AS (
    UPDATE visits SET status = 'cancelled', cancelled_by = 'system', held_until = NULL, version = version + 1
    WHERE id = ANY(:visit_ids) RETURNING id, woman_id, provider_id
), told AS (
    INSERT INTO visit_changes (visit_id, from_status, to_status) SELECT id, 'held', 'cancelled' FROM ended
)
INSERT INTO audit_entries (provider_id, action, subject, subject_id)
SELECT provider_id, 'visit_expire', 'woman', woman_id FROM ended
""")
