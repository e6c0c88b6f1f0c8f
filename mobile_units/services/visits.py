"""Visits: booking, moving, cancelling, changing the path, and recording attendance.

Who locks what, and in which order, so that nobody waits in a circle:

1. the row of the woman. It is the lock of everything about her visits: eligibility, the repeated key and the statuses
   that a use-case reads stay as they are until it commits;
2. the rows of slots, the lowest id first, late in the transaction, because many women want the same slot;
3. visits and their unique indexes. A wait there is for another woman's booking under the same idempotency key, which
   needs no further slot;
4. the message in the outbox. A worker that records an attempt goes from the message to the visit; it holds messages
   that were tried, we take up only those that were not.

A place is never counted before it is taken: one conditional UPDATE takes it, and the constraints of the database
guard capacity and the one active visit even against a use-case that forgets all this.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, and_, bindparam, insert, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, load_only, selectinload
from sqlalchemy.orm.attributes import flag_modified

from mobile_units.errors import DomainError
from mobile_units.models.contracts import ContractRange
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace, ServicePlaceStatus
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit, VisitChange
from mobile_units.models.women import Woman
from mobile_units.rules.calendar import local_day
from mobile_units.rules.eligibility import Assessment
from mobile_units.rules.product_codes import choose_range
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.roles import Role
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import ACTIVE, OCCUPYING, CancelledBy, VisitStatus, require_transition
from mobile_units.services import slots, women
from mobile_units.services.actors import AUDIT, Actor, audit, audit_values
from mobile_units.services.contracts import ranges_on_path
from mobile_units.services.queries import Page, Paging, get_owned, page_of, require_version
from mobile_units.transmission import outbox

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
    woman = _locked_woman(session, actor, command.woman_id)
    known = _booked_before(session, actor, command)
    if known:
        return known
    slot = _slot(session, actor, command.slot_id)
    visit = _new_visit(actor, woman, slot)
    visit.urgent, visit.idempotency_key = command.urgent, command.idempotency_key
    _set_path(session, actor, visit, command.path, command.override_reason)
    slots.take(session, slot, now)
    _store(session, actor, visit, "book")
    _pass_on(session, visit)
    return visit


def change_status(session: Session, actor: Actor, visit_id: int, command: StatusChange, now: datetime) -> Visit:
    """Records that a visit was confirmed or how it went; attendance from the day of the slot on.

    A woman who comes after all (`no_show` to `arrived`) is active again, which the database refuses, as
    `parallel_visit`, if she has booked anew.

    Raises:
        DomainError: `not_found`, `stale_version`, `transition_not_allowed`, `too_early`.
    """
    visit = _locked_visit(session, actor, visit_id, command.version)
    before, day = visit.status, _day_of(visit.slot)
    if command.status not in RECORDED:
        raise DomainError("transition_not_allowed", from_status=before, to_status=command.status)
    if command.status in ATTENDANCE and local_day(now) < day:
        raise DomainError("too_early", day=day.isoformat())
    _change(session, actor, visit, command.status, command.reason)
    if _OUTCOMES & {before, visit.status}:
        _pass_on(session, visit)
    return visit


def cancel(session: Session, actor: Actor, visit_id: int, command: Cancellation) -> Visit:
    """Gives a visit up and its place back, and has the cancellation passed on behind the visit.

    Raises:
        DomainError: `not_found`, `stale_version`, `transition_not_allowed`.
    """
    visit = _locked_visit(session, actor, visit_id, command.version)
    require_transition(visit.status, VisitStatus.CANCELLED)
    slots.free(session, visit.slot_id)
    visit.cancelled_by = command.cancelled_by
    _change(session, actor, visit, VisitStatus.CANCELLED, command.reason)
    _call_off(session, visit)
    return visit


def change_path(session: Session, actor: Actor, visit_id: int, command: PathChange) -> Visit:
    """Gives a visit another path of its programme, with the contract range that follows; until the examination.

    The visit does not count as passed until it is accepted under the new product code. A rule that was set aside for
    the former path says nothing of this one, so it takes a reason of its own.

    Raises:
        DomainError: `not_found`, `stale_version`, `visit_over`, `path_not_of_programme`, `not_eligible`, `not_allowed`,
            `no_contracted_range`.
    """
    visit = _locked_visit(session, actor, visit_id, command.version)
    if visit.status not in ACTIVE:
        raise DomainError("visit_over", status=visit.status.value)
    note = f"{visit.path} → {command.path}"
    _set_path(session, actor, visit, command.path, command.override_reason)
    _not_passed(visit)
    _record(session, actor, visit, "change_path", visit.status, note)
    _pass_on(session, visit)
    return visit


def move(session: Session, actor: Actor, visit_id: int, command: Move, now: datetime) -> Visit:
    """Moves a visit to another slot: the old one ends as `moved`, the new one is booked in its place.

    Raises:
        DomainError: `not_found`, `stale_version`, `transition_not_allowed`, `same_slot`, and whatever `book` refuses.
    """
    old = _locked_visit(session, actor, visit_id, command.version)
    require_transition(old.status, VisitStatus.MOVED)
    if command.slot_id == old.slot_id:
        raise DomainError("same_slot")
    slot = _slot(session, actor, command.slot_id)
    new = _new_visit(actor, old.woman, slot)
    new.urgent, new.moved_from = old.urgent, old.uuid
    _set_path(session, actor, new, old.path, command.override_reason or old.override_reason)
    _exchange(session, old.slot_id, slot, now)
    _change(session, actor, old, VisitStatus.MOVED, command.reason)
    _store(session, actor, new, "move")
    _call_off(session, old)
    _pass_on(session, new)
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


def _for_update(*conditions: ColumnElement[bool]) -> Select[Woman]:
    """What eligibility asks about a woman; locked against other bookings, not against rows that refer to her."""
    query = select(Woman).options(load_only(Woman.birth_date, Woman.declaration)).where(*conditions)
    return query.with_for_update(key_share=True).execution_options(populate_existing=True)


_WOMAN = _for_update(Woman.id == bindparam("woman_id"), Woman.provider_id == bindparam("provider_id"))
_WOMAN_OF_VISIT = _for_update(
    Woman.id
    == select(Visit.woman_id)
    .where(Visit.id == bindparam("visit_id"), Visit.provider_id == bindparam("provider_id"))
    .scalar_subquery()
)


def _locked_woman(session: Session, actor: Actor, woman_id: int) -> Woman:
    woman = session.scalars(_WOMAN, {"woman_id": woman_id, "provider_id": actor.provider_id}).one_or_none()
    if woman is None:
        raise DomainError("not_found", what=f"Woman {woman_id}")
    return woman


def _locked_visit(session: Session, actor: Actor, visit_id: int, version: int) -> Visit:
    """The visit as it is once the row of its woman is locked, if it still has the version that the caller read."""
    of_visit = {"visit_id": visit_id, "provider_id": actor.provider_id}
    woman = session.scalars(_WOMAN_OF_VISIT, of_visit).one_or_none()
    if woman is None:
        raise DomainError("not_found", what=f"Visit {visit_id}")
    parts = (_SLOT_AT_PLACE, joinedload(Visit.contract_range))
    visit = session.get_one(Visit, visit_id, options=parts, populate_existing=True)
    require_version(visit, version)
    return visit


_SLOT_AT_PLACE = joinedload(Visit.slot).joinedload(Slot.schedule).joinedload(Schedule.service_place)


_SLOT = (
    select(Slot)
    .join(Slot.schedule)
    .join(Schedule.service_place)
    .options(
        contains_eager(Slot.schedule).options(
            load_only(Schedule.provider_id, Schedule.service_place_id, Schedule.programme),
            contains_eager(Schedule.service_place).load_only(
                ServicePlace.setting, ServicePlace.mobility, ServicePlace.status
            ),
        )
    )
    .where(Slot.id == bindparam("slot_id"), Schedule.provider_id == bindparam("provider_id"))
)


def _slot(session: Session, actor: Actor, slot_id: int) -> Slot:
    slot = session.scalars(_SLOT, {"slot_id": slot_id, "provider_id": actor.provider_id}).one_or_none()
    if slot is None:
        raise DomainError("not_found", what=f"Slot {slot_id}")
    return slot


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


def _new_visit(actor: Actor, woman: Woman, slot: Slot) -> Visit:
    """A visit that is not stored yet and has no path."""
    return Visit(
        provider_id=actor.provider_id,
        woman=woman,
        slot=slot,
        programme=slot.schedule.programme,
        status=VisitStatus.BOOKED,
    )


def _set_path(session: Session, actor: Actor, visit: Visit, path: Path, override_reason: str | None) -> None:
    """Gives a visit the path with all that follows: the rule that let her in or was set aside, and the range."""
    if path.programme != visit.programme:
        raise DomainError("path_not_of_programme", path=path, programme=visit.programme)
    assessment = women.assess(session, visit.woman, path, _day_of(visit.slot))
    if not assessment.eligible:
        _require_override(actor, visit.woman, assessment, override_reason)
    contract_range = _range(session, visit.slot, path)
    visit.path = path
    visit.eligibility_rule_id = assessment.rule_id
    visit.override_reason = None if assessment.eligible else override_reason
    visit.contract_range = contract_range


def _require_override(actor: Actor, woman: Woman, assessment: Assessment, reason: str | None) -> None:
    if not reason:
        raise _not_eligible(woman, assessment)
    if Role.MIDWIFE not in actor.roles:
        raise DomainError("not_allowed", roles=Role.MIDWIFE.value)


def _not_eligible(woman: Woman, assessment: Assessment) -> DomainError:
    """The refusal tells of her health, so it carries her key, by which it is audited after the rollback."""
    day = assessment.next_eligible_on
    return DomainError(
        "not_eligible",
        woman_id=woman.id,
        reason_pl=assessment.reason_pl,
        reason_en=assessment.reason_en,
        next_eligible_pl=f"{day:%d.%m.%Y}" if day else "nie wiadomo",
        next_eligible_en=day.isoformat() if day else "not known",
    )


def _range(session: Session, slot: Slot, path: Path) -> ContractRange:
    place = slot.schedule.service_place
    rows, entries, ranges = ranges_on_path(session, slot.schedule.provider_id, path)
    chosen = choose_range(path, place.setting, place.mobility, _day_of(slot), place.id, entries, ranges)
    return next(row for row in rows if row.id == chosen.id)


def _not_passed(visit: Visit) -> None:
    """Written in any case: what was accepted since the visit was read was accepted as it had been."""
    visit.passed_at = None
    flag_modified(visit, "passed_at")


def _day_of(slot: Slot) -> date:
    return local_day(slot.starts_at)


def _exchange(session: Session, left: int, entered: Slot, now: datetime) -> None:
    """Frees a place in one slot and takes one in another, in the order of locks."""
    if left < entered.id:
        slots.free(session, left)
        slots.take(session, entered, now)
    else:
        slots.take(session, entered, now)
        slots.free(session, left)


def _store(session: Session, actor: Actor, visit: Visit, action: str) -> None:
    session.add(visit)
    _record(session, actor, visit, action, None, None)


def _change(session: Session, actor: Actor, visit: Visit, status: VisitStatus, reason: str | None) -> None:
    before = visit.status
    require_transition(before, status)
    visit.status = status
    _record(session, actor, visit, status.value, before, reason)


_RECORD = (
    insert(VisitChange)
    .values(
        visit_id=bindparam("changed"),
        from_status=bindparam("before"),
        to_status=bindparam("after"),
        reason=bindparam("why"),
        user_id=bindparam("by"),
    )
    .add_cte(AUDIT)
)


def _record(  # noqa: PLR0913, PLR0917 -- a change with its reason, its author, and its name in the audit log
    session: Session, actor: Actor, visit: Visit, action: str, before: VisitStatus | None, reason: str | None
) -> None:
    """Stores a visit, its history and the entry in the audit log, which is about the woman: all of hers is found there.

    A change of the path leaves the status as it is and names both paths as the reason.
    """
    session.flush()
    change = {"changed": visit.id, "before": before, "after": visit.status, "why": reason, "by": actor.user_id}
    session.execute(_RECORD, change | audit_values(actor, f"visit_{action}", "woman", visit.woman_id))


def _pass_on(session: Session, visit: Visit) -> None:
    """Has the visit handed over once its slot is known, its place active, and what must come before is accepted."""
    schedule = visit.slot.schedule
    after = [(MessageKind.SAVE_SLOTS, schedule.id)]
    if schedule.service_place.status is not ServicePlaceStatus.ACTIVE:
        after.append((MessageKind.ACTIVATE_SERVICE_PLACE, schedule.service_place_id))
    _enqueue(session, visit, MessageKind.SAVE_VISIT, after + _made_room(session, visit))


def _made_room(session: Session, visit: Visit) -> list[tuple[MessageKind, int]]:
    """What has to be known before the visit can be: her other visits in the programme are over, others left the slot.

    Only visits that hold no more are waited for, so that two that hold never wait for each other. Who left the slot
    did so under the lock of its row, before `slots.take` got it, so the message about it is stored by now.
    """
    over = and_(
        Visit.woman_id == visit.woman_id, Visit.programme == visit.programme, Visit.status.not_in(sorted(ACTIVE))
    )
    left = and_(Visit.slot_id == visit.slot_id, Visit.status.not_in(sorted(OCCUPYING)))
    return outbox.unaccepted_of_visits(session, Visit.id != visit.id, or_(over, left))


def _call_off(session: Session, visit: Visit) -> None:
    """Has the cancellation handed over; the outbox keeps it behind the message that handed over the visit."""
    _enqueue(session, visit, MessageKind.CANCEL_VISIT)


def _enqueue(session: Session, visit: Visit, kind: MessageKind, after: Sequence[tuple[MessageKind, int]] = ()) -> None:
    outbox.enqueue(
        session,
        provider_id=visit.provider_id,
        kind=kind,
        subject_id=visit.id,
        service_day=_day_of(visit.slot),
        after=after,
    )
