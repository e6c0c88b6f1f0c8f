"""Holds: a place kept for a woman for a short while, until she is booked into it or gives it up.

A hold is a visit that the central system never hears of. Its time is over at `held_until`; then whoever comes first
ends it: the worker, or who needs the place (`services.expired_holds`).
"""

from datetime import datetime

from sqlalchemy import bindparam, exists, select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.slots import SlotStatus
from mobile_units.models.visits import Visit, VisitChange
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.services import expired_holds, visits
from mobile_units.services import visit_steps as steps
from mobile_units.services.actors import Actor
from mobile_units.services.queries import require_version


def hold(  # noqa: PLR0913 -- a booking, and until when it is only held
    session: Session,
    actor: Actor,
    command: visits.NewVisit,
    now: datetime,
    until: datetime,
    *,
    waiting: bool = False,
) -> Visit:
    """Keeps a place for a woman until an instant; all that `visits.book` asks is asked now, not at the end.

    A repeated request gets the same hold, whatever became of it. With `waiting` the place may be one that is kept for
    those who wait.

    Raises:
        DomainError: whatever `visits.book` refuses.
    """
    return visits.admit(session, actor, command, now, held_until=until, waiting=waiting)


def confirm(session: Session, actor: Actor, visit_id: int, version: int | None, now: datetime) -> Visit:
    """Books what was held, and has the visit passed on; a caller who read it under its locks needs no version.

    Raises:
        DomainError: `not_found`, `stale_version`; `transition_not_allowed`, it is no hold; `hold_expired`, whoever
            ended it since; `slot_in_the_past`; `slot_orphaned`, the slot is to leave the schedule.
    """
    visit = _held(session, actor, visit_id, version, VisitStatus.BOOKED)
    if visit.held_until is not None and visit.held_until <= now:
        raise DomainError("hold_expired")
    if visit.slot.starts_at <= now:
        raise DomainError("slot_in_the_past")
    if visit.slot.status is SlotStatus.ORPHANED:
        raise DomainError("slot_orphaned")
    visit.held_until = None
    steps.change(session, actor, visit, VisitStatus.BOOKED, None)
    steps.pass_on(session, visit)
    return visit


def give_up(session: Session, actor: Actor, visit_id: int, command: visits.Cancellation) -> Visit:
    """Ends a hold before its time, and frees its place.

    Raises:
        DomainError: `not_found`, `stale_version`; `transition_not_allowed`, it is no hold; `hold_expired`.
    """
    _held(session, actor, visit_id, command.version, VisitStatus.CANCELLED)
    return visits.cancel(session, actor, visit_id, command)


def expire(session: Session, now: datetime) -> bool:
    """Ends one hold whose time is over, and frees its place; False if there is none, or others are at it."""
    return expired_holds.release(session, now, limit=1) > 0


def _held(session: Session, actor: Actor, visit_id: int, version: int | None, to: VisitStatus) -> Visit:
    visit = steps.locked_visit(session, actor, visit_id)
    if visit.cancelled_by is CancelledBy.SYSTEM and session.scalar(_RAN_OUT, {"visit_id": visit_id}):
        raise DomainError("hold_expired")
    if version is not None:
        require_version(visit, version)
    if visit.status is not VisitStatus.HELD:
        raise DomainError("transition_not_allowed", from_status=visit.status, to_status=to)
    return visit


_RAN_OUT = select(
    exists().where(
        VisitChange.visit_id == bindparam("visit_id"),
        VisitChange.from_status == VisitStatus.HELD,
        VisitChange.to_status == VisitStatus.CANCELLED,
    )
)
"""Whether a visit ended while it was a hold."""
