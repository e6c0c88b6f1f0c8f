"""Visits: booking, moving, cancelling, changing the path, and recording attendance.

Who locks what, and in which order, so that nobody waits in a circle:

1. the central identifier of the visit, where something comes from the central system (`services.inbound`);
2. the row of the woman. It is the lock of everything about her visits: eligibility, the repeated key and the statuses
   that a use-case reads stay as they are until it commits;
3. the rows of slots, the lowest id first, late in the transaction, because many women want the same slot;
4. visits and their unique indexes. A wait there is for another woman's booking under the same idempotency key, which
   needs no further slot;
5. the message in the outbox. A worker that records an attempt goes the same way, from the visit to the message.

A place is never counted before it is taken: one conditional UPDATE takes it, and the constraints of the database
guard capacity and the one active visit even against a use-case that forgets all this.
"""

from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from mobile_units.errors import DomainError
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_day
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.visits import ACTIVE, CancelledBy, VisitStatus, require_transition
from mobile_units.services import slots
from mobile_units.services import visit_steps as steps
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import Page, Paging, get_owned, page_of

ATTENDANCE = (VisitStatus.ARRIVED, VisitStatus.PERFORMED, VisitStatus.NOT_PERFORMED, VisitStatus.NO_SHOW)
RECORDED = (VisitStatus.CONFIRMED, *ATTENDANCE)
"""The statuses that staff record; the others come about by booking, moving and cancelling."""

_OUTCOMES = frozenset({VisitStatus.PERFORMED, VisitStatus.NOT_PERFORMED, VisitStatus.NO_SHOW})
"""The statuses that the central system tells apart from a visit that is to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVisit:
    """A place for a woman; `override_reason` sets the rules of eligibility aside, if they would refuse her.

    `idempotency_key` makes a repeated request harmless: it answers with the visit that the first one made.
    """

    woman_id: int
    slot_id: int
    path: Path
    urgent: bool = False
    override_reason: str | None = field(default=None, repr=False)
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """What is recorded about a visit: one of `RECORDED`."""

    version: int
    status: VisitStatus
    reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """Who gives a visit up, and why."""

    version: int
    cancelled_by: CancelledBy
    reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathChange:
    """The path that the woman chose instead."""

    version: int
    path: Path
    override_reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The slot to which a visit goes; an override of the visit goes with it unless a new reason is given."""

    version: int
    slot_id: int
    reason: str | None = field(default=None, repr=False)
    override_reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitFilter:
    """Which visits are wanted; days are those of the slots, `passed` tells whether CeR accepted them."""

    paging: Paging = Paging()
    first_day: date | None = None
    last_day: date | None = None
    stop_id: int | None = None
    service_place_id: int | None = None
    slot_id: int | None = None
    woman_id: int | None = None
    status: VisitStatus | None = None
    programme: Programme | None = None
    path: Path | None = None
    passed: bool | None = None


def book(session: Session, actor: Actor, command: NewVisit, now: datetime) -> Visit:
    """Books a woman into a slot and has the visit passed on; a repeated request gets the same visit.

    The constraints speak at flush, in the middle of the call: `parallel_visit`, and `idempotency_key_reused` where two
    women were booked under one key at once.

    Raises:
        DomainError: `not_found`, `idempotency_key_reused`, `path_not_of_programme`, `not_eligible`, `not_allowed` (the
            role may not override), `no_contracted_range`, `slot_full`, `slot_not_open`, `slot_in_the_past`.
    """
    woman = steps.locked_woman(session, actor, command.woman_id)
    known = _booked_before(session, actor, command)
    if known:
        return known
    slot = steps.slot_at_place(session, actor, command.slot_id)
    visit = steps.new_visit(actor, woman, slot)
    visit.urgent, visit.idempotency_key = command.urgent, command.idempotency_key
    steps.set_path(session, actor, visit, command.path, command.override_reason)
    slots.take(session, slot, now)
    steps.store(session, actor, visit, "book")
    steps.pass_on(session, visit)
    return visit


def change_status(session: Session, actor: Actor, visit_id: int, command: StatusChange, now: datetime) -> Visit:
    """Records that a visit was confirmed or how it went; attendance from the day of the slot on.

    A woman who comes after all (`no_show` to `arrived`) is active again, which the database refuses, as
    `parallel_visit`, if she has booked anew.

    Raises:
        DomainError: `not_found`, `stale_version`, `transition_not_allowed`, `too_early`.
    """
    visit = steps.locked_visit(session, actor, visit_id, command.version)
    before, day = visit.status, steps.day_of(visit.slot)
    if command.status not in RECORDED:
        raise DomainError("transition_not_allowed", from_status=before, to_status=command.status)
    if command.status in ATTENDANCE and local_day(now) < day:
        raise DomainError("too_early", day=day.isoformat())
    steps.change(session, actor, visit, command.status, command.reason)
    if _OUTCOMES & {before, visit.status}:
        steps.pass_on(session, visit)
    return visit


def cancel(session: Session, actor: Actor, visit_id: int, command: Cancellation) -> Visit:
    """Gives a visit up and its place back, and has the cancellation passed on behind the visit.

    Raises:
        DomainError: `not_found`, `stale_version`, `transition_not_allowed`.
    """
    visit = steps.locked_visit(session, actor, visit_id, command.version)
    require_transition(visit.status, VisitStatus.CANCELLED)
    slots.free(session, visit.slot_id)
    visit.cancelled_by = command.cancelled_by
    steps.change(session, actor, visit, VisitStatus.CANCELLED, command.reason)
    steps.call_off(session, visit)
    return visit


def change_path(session: Session, actor: Actor, visit_id: int, command: PathChange) -> Visit:
    """Gives a visit another path of its programme, with the contract range that follows; until the examination.

    The visit does not count as passed until it is accepted under the new product code. A rule that was set aside for
    the former path says nothing of this one, so it takes a reason of its own.

    Raises:
        DomainError: `not_found`, `stale_version`, `visit_over`, `path_not_of_programme`, `not_eligible`, `not_allowed`,
            `no_contracted_range`.
    """
    visit = steps.locked_visit(session, actor, visit_id, command.version)
    if visit.status not in ACTIVE:
        raise DomainError("visit_over", status=visit.status.value)
    note = f"{visit.path} → {command.path}"
    steps.set_path(session, actor, visit, command.path, command.override_reason)
    steps.not_passed(visit)
    steps.record(session, actor, visit, "change_path", visit.status, note)
    steps.pass_on(session, visit)
    return visit


def move(session: Session, actor: Actor, visit_id: int, command: Move, now: datetime) -> Visit:
    """Moves a visit to another slot: the old one ends as `moved`, the new one is booked in its place.

    Raises:
        DomainError: `not_found`, `stale_version`, `transition_not_allowed`, `same_slot`, and whatever `book` refuses.
    """
    old = steps.locked_visit(session, actor, visit_id, command.version)
    require_transition(old.status, VisitStatus.MOVED)
    if command.slot_id == old.slot_id:
        raise DomainError("same_slot")
    slot = steps.slot_at_place(session, actor, command.slot_id)
    new = steps.new_visit(actor, old.woman, slot)
    new.urgent, new.moved_from = old.urgent, old.uuid
    steps.set_path(session, actor, new, old.path, command.override_reason or old.override_reason)
    steps.exchange(session, old.slot_id, slot, now)
    steps.change(session, actor, old, VisitStatus.MOVED, command.reason)
    steps.store(session, actor, new, "move")
    steps.call_off(session, old)
    steps.pass_on(session, new)
    return new


def find(session: Session, actor: Actor, criteria: VisitFilter) -> Page[Visit]:
    """Visits with their slots and product codes, by time; nothing here names a woman.

    Who asks for the visits of one woman is noted in the audit log.
    """
    if criteria.woman_id is not None:
        audit(session, actor, "visits_read", "woman", criteria.woman_id)
    return page_of(session, _wanted(actor, criteria), criteria.paging)


def find_with_women(session: Session, actor: Actor, criteria: VisitFilter) -> Page[Visit]:
    """As `find`, with the women; each is noted in the audit log as read."""
    page = page_of(session, _wanted(actor, criteria).options(joinedload(Visit.woman)), criteria.paging)
    for woman_id in sorted({visit.woman_id for visit in page.items}):
        audit(session, actor, "read", "woman", woman_id)
    return page


def get(session: Session, actor: Actor, visit_id: int) -> Visit:
    """One visit with its history; noted in the audit log as read of its woman, though she is not named."""
    visit = get_owned(session, actor, Visit, visit_id, *_PARTS, selectinload(Visit.changes))
    audit(session, actor, "visit_read", "woman", visit.woman_id)
    return visit


def get_with_woman(session: Session, actor: Actor, visit_id: int) -> Visit:
    """One visit with its history and the woman, who is noted in the audit log as read."""
    parts = (*_PARTS, selectinload(Visit.changes), joinedload(Visit.woman))
    visit = get_owned(session, actor, Visit, visit_id, *parts)
    audit(session, actor, "read", "woman", visit.woman_id)
    return visit


_PARTS = (joinedload(Visit.slot), joinedload(Visit.contract_range))


def _wanted(actor: Actor, criteria: VisitFilter) -> Select[Visit]:
    query = select(Visit).join(Visit.slot).where(Visit.provider_id == actor.provider_id)
    query = query.where(*slots.in_days(criteria.first_day, criteria.last_day))
    for column in ("slot_id", "woman_id", "status", "programme", "path"):
        value = getattr(criteria, column)
        if value is not None:
            query = query.where(getattr(Visit, column) == value)
    if criteria.service_place_id is not None:
        query = query.where(Slot.service_place_id == criteria.service_place_id)
    if criteria.stop_id is not None:
        points = select(MobilePoint.id).where(MobilePoint.stop_id == criteria.stop_id)
        query = query.where(Slot.schedule.has(Schedule.mobile_point_id.in_(points)))
    if criteria.passed is not None:
        query = query.where(Visit.passed_at.is_not(None) == criteria.passed)
    query = query.options(contains_eager(Visit.slot), joinedload(Visit.contract_range))
    return query.order_by(Slot.starts_at, Visit.id)


def _booked_before(session: Session, actor: Actor, command: NewVisit) -> Visit | None:
    """The visit that the first request with this key made; the wording of an override may differ."""
    if command.idempotency_key is None:
        return None
    query = select(Visit).where(
        Visit.provider_id == actor.provider_id, Visit.idempotency_key == command.idempotency_key
    )
    visit = session.scalars(query.options(*_PARTS)).one_or_none()
    if visit and any(getattr(visit, name) != getattr(command, name) for name in _CONTENT):
        raise DomainError("idempotency_key_reused")
    return visit


_CONTENT = ("woman_id", "slot_id", "path", "urgent")
