"""Visits: booking, moving, cancelling, changing the path, and recording attendance.

Who locks what, and in which order, so that nobody waits in a circle:

1. what a use-case changes as a whole: a bulk move; the central identifier of the visit, where something comes from the
   central system (`services.inbound`); the itinerary and the units, or the place, of a change of plans;
2. the row of the woman, the lowest id first. It is the lock of everything that is hers: eligibility, the repeated key,
   her visits with their statuses, her entries on the waiting list and the messages about her visits stay as they are
   for the use-case that has it until it commits. A worker alone comes to them by other ways, as told below;
3. the rows of mixed sessions, the lowest id first, because what fits in their slots depends on all of them;
4. the rows of slots, the lowest id first, late in the transaction, because many women want the same slot. All that are
   needed are locked before anything is told of one, those of a mixed session that may fit no longer or again too;
5. visits and their unique indexes. A wait there is for another woman's booking under the same idempotency key, which
   needs no further slot;
6. the outbox: first the turn of the provider for news of slots, schedules, points and places (`outbox.take_turn`),
   then messages. Who has the turn has all rows above that it needs, and waits for nobody who wants the turn. A plain
   booking needs no turn, nor does a cancellation unless its slot has news; messages about one visit are met by who has
   its woman. A worker that records an attempt goes the same way, from what the message is about, which may be many
   slots or visits, the lowest id first, to the message;
7. messages to women, the lowest id first, whose sender locks nothing else.

Who would come against this order takes a row only if nobody has it: the worker that ends holds or offers places has the
woman, her visit and her entry so (`expired_holds`, `offers`; a slot that is offered is claimed by a lock of its own,
before all these), a worker that claims a message, and who sends all rejected messages again.

A place is never counted before it is taken: one conditional UPDATE takes it, and the constraints of the database
guard capacity and the one active visit even against a use-case that forgets all this.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from mobile_units.errors import DomainError
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit, VisitChange
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.calendar import local_day
from mobile_units.rules.messages import NoticeKind
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.visits import ACTIVE, CancelledBy, VisitStatus, require_transition
from mobile_units.services import booking_facts, expired_holds, new_visits, slot_places, slots
from mobile_units.services import visit_steps as steps
from mobile_units.services.actors import Actor, audit
from mobile_units.services.booking_facts import Facts
from mobile_units.services.messages_to_women import notify
from mobile_units.services.queries import Page, Paging, get_owned, page_of
from mobile_units.services.slot_places import Admission

ATTENDANCE = (VisitStatus.ARRIVED, VisitStatus.PERFORMED, VisitStatus.NOT_PERFORMED, VisitStatus.NO_SHOW)
RECORDED = (VisitStatus.CONFIRMED, *ATTENDANCE)
"""The statuses that staff record; the others come about by booking, moving and cancelling."""

_OUTCOMES = frozenset({VisitStatus.PERFORMED, VisitStatus.NOT_PERFORMED, VisitStatus.NO_SHOW})
"""The statuses that the central system tells apart from a visit that is to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVisit:
    """A place for a woman; `override_reason` sets the rules of eligibility aside, if they would refuse her.

    `channel` says where she asked for it. With `overbooking` she may come above the capacity of the slot, as far as
    its schedule lets women.

    `idempotency_key` makes a repeated request harmless: it answers with the visit that the first one made. With
    `notify` she is written to about the booking.
    """

    woman_id: int
    slot_id: int
    path: Path
    urgent: bool = False
    channel: BookingChannel = BookingChannel.DESK
    overbooking: bool = False
    override_reason: str | None = field(default=None, repr=False)
    idempotency_key: str | None = None
    notify: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """What is recorded about a visit: one of `RECORDED`."""

    version: int
    status: VisitStatus
    reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """Who gives a visit up, and why; with `notify` the woman is told, who did not ask for it herself."""

    version: int
    cancelled_by: CancelledBy
    reason: str | None = field(default=None, repr=False)
    notify: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PathChange:
    """The path that the woman chose instead."""

    version: int
    path: Path
    override_reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The slot to which a visit goes; an override of the visit goes with it unless a new reason is given.

    With `notify` the woman is told, who did not ask for it herself.
    """

    version: int
    slot_id: int
    reason: str | None = field(default=None, repr=False)
    override_reason: str | None = field(default=None, repr=False)
    notify: bool = False


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
            role may not override), `no_contracted_range`, `woman_merged`, and whatever `slot_places.take` refuses.
    """
    return admit(session, actor, command, now)


def admit(  # noqa: PLR0913 -- a booking, and what makes a hold or an offer of it
    session: Session,
    actor: Actor,
    command: NewVisit,
    now: datetime,
    *,
    held_until: datetime | None = None,
    waiting: bool = False,
) -> Visit:
    """As `book`, or until `held_until` as a hold, which is not passed on; `waiting` opens places kept for the list."""
    where = (command.woman_id, command.slot_id, command.path, now, command.idempotency_key)
    facts = booking_facts.read(session, actor, *where)
    if facts.known is not None:
        return _booked_before(session, command, facts.known, is_hold=held_until is not None)
    values = _judged(session, actor, command, facts)
    if facts.has_expired_hold:
        _release_hers(session, command.woman_id, facts, now)
    values["overbooked"] = steps.take_place(session, facts.slot, now, _admission(command, waiting=waiting))
    values |= {"status": VisitStatus.HELD if held_until else VisitStatus.BOOKED, "held_until": held_until}
    visit = new_visits.store(session, actor, facts, values, "hold" if held_until else "book")
    if held_until is None:
        new_visits.pass_on(session, visit)
    if command.notify and held_until is None:
        notify(session, actor, visit, NoticeKind.BOOKED)
    return visit


def _judged(session: Session, actor: Actor, command: NewVisit, facts: Facts) -> dict[str, Any]:
    """The columns of the visit that follow from the rules of eligibility and of the contracts."""
    if command.path.programme != facts.slot.schedule.programme:
        raise DomainError("path_not_of_programme", path=command.path, programme=facts.slot.schedule.programme)
    assessment = facts.assess(session)
    if not assessment.eligible:
        steps.require_override(actor, facts.woman, assessment, command.override_reason)
    return {
        "contract_range": facts.contract_range(session),
        "eligibility_rule_id": assessment.rule_id,
        "override_reason": None if assessment.eligible else command.override_reason,
        "urgent": command.urgent,
        "channel": command.channel,
        "idempotency_key": command.idempotency_key,
    }


def _admission(command: NewVisit, *, waiting: bool) -> Admission:
    return Admission(
        command.channel,
        urgent=command.urgent,
        overbooking=command.overbooking,
        waiting=waiting,
        path=command.path,
    )


def _release_hers(session: Session, woman_id: int, facts: Facts, now: datetime) -> None:
    """Ends her own hold in the programme whose time is over, before it is in the way of this visit."""
    hers = (Visit.woman_id == woman_id, Visit.programme == facts.slot.schedule.programme)
    expired_holds.release(session, now, *hers, also=[facts.slot])


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

    A hold was never passed on, so nothing is told of its end.

    Raises:
        DomainError: `not_found`, `stale_version`, `transition_not_allowed`.
    """
    visit = steps.locked_visit(session, actor, visit_id, command.version)
    require_transition(visit.status, VisitStatus.CANCELLED)
    slot_places.free(session, visit)
    was_held, visit.held_until = visit.status is VisitStatus.HELD, None
    visit.cancelled_by = command.cancelled_by
    steps.change(session, actor, visit, VisitStatus.CANCELLED, command.reason)
    if not was_held:
        steps.call_off(session, visit)
    if command.notify and not was_held:
        notify(session, actor, visit, NoticeKind.CANCELLED)
    return visit


def change_path(session: Session, actor: Actor, visit_id: int, command: PathChange) -> Visit:
    """Gives a visit another path of its programme, with the contract range that follows; until the examination.

    The visit does not count as passed until it is accepted under the new product code. A rule that was set aside for
    the former path says nothing of this one, so it takes a reason of its own.

    Raises:
        DomainError: `not_found`, `stale_version`, `visit_over`, `path_not_of_programme`, `not_eligible`, `not_allowed`,
            `no_contracted_range`; `path_not_in_session`; `session_full`, the rooms or the crew that the slot shares
            have no time for it.
    """
    visit = steps.locked_visit(session, actor, visit_id, command.version)
    if visit.status not in ACTIVE:
        raise DomainError("visit_over", status=visit.status.value)
    note = f"{visit.path} → {command.path}"
    steps.set_path(session, actor, visit, command.path, command.override_reason)
    steps.not_passed(visit)
    slot_places.change_path(session, visit, command.path)
    steps.record(session, actor, visit, "change_path", visit.status, note)
    if visit.status is not VisitStatus.HELD:
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
    new.urgent, new.channel, new.moved_from = old.urgent, old.channel, old.uuid
    steps.set_path(session, actor, new, old.path, command.override_reason or old.override_reason)
    new.overbooked = steps.exchange(session, old, slot, now, steps.admission_of(old))
    steps.change(session, actor, old, VisitStatus.MOVED, command.reason)
    steps.store(session, actor, new, "move")
    steps.call_off(session, old)
    steps.pass_on(session, new)
    if command.notify:
        notify(session, actor, new, NoticeKind.MOVED)
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


def _booked_before(session: Session, command: NewVisit, visit_id: int, *, is_hold: bool) -> Visit:
    """The visit that the first request with this key made; the wording of an override may differ."""
    visit = session.scalars(select(Visit).where(Visit.id == visit_id).options(*_PARTS)).one()
    began_as = session.scalars(_FIRST_STATUS, {"visit_id": visit_id}).one()
    differs = any(getattr(visit, name) != getattr(command, name) for name in _CONTENT)
    if differs or (began_as is VisitStatus.HELD) != is_hold:
        raise DomainError("idempotency_key_reused")
    return visit


_CONTENT = ("woman_id", "slot_id", "path", "urgent", "channel")
_FIRST_STATUS = (
    select(VisitChange.to_status).where(VisitChange.visit_id == bindparam("visit_id")).order_by(VisitChange.id).limit(1)
)
