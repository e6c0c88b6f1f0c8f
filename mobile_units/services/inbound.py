"""What women change in IKP: visits booked, moved and cancelled at the central system become local ones.

The last change of a visit says all of it, so earlier ones that were not taken over yet are superseded, and the order in
which changes come, or come again, is of no account. What comes from the centre is not sent back. What cannot be taken
over (a blocked or full slot, another visit of hers, a visit that is over here) is kept as a conflict with the code of
the refusal, until a person retries it, declines it or sets it aside.

Where both sides changed a visit at once:

- She changed it while a message of ours about it was not accepted yet: hers is taken over, and the visit is told once
  more, behind that message, so that the centre ends with what is here. If our message overtook hers at the centre, it
  is told once more as well.
- She cancelled what we had cancelled: both agree. She cancelled what we had moved, or moved what we had cancelled:
  ours stands and a person decides, for she has to be spoken to.
- What she did is unreadable: it waits for a person, and what is known of the visit from before stays good.
- Eligibility refuses nothing, because her place is taken at the centre: she is booked, and a person decides.
- A slot that began meanwhile is no obstacle either: the centre let her in in time, and we read late.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from mobile_units.errors import DomainError
from mobile_units.models.inbound import CHANGE_UNREADABLE, InboundChange, InboundCursor, InboundState
from mobile_units.models.providers import Provider
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.calendar import local_day
from mobile_units.rules.programmes import Programme
from mobile_units.rules.roles import Role
from mobile_units.rules.transmissions import MessageKind, in_sequence_with
from mobile_units.rules.visits import ACTIVE, CancelledBy, ChangedBy, VisitSource, VisitStatus, require_transition
from mobile_units.services import expired_holds, slot_places, slots, visits, women
from mobile_units.services import visit_steps as steps
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import Page, Paging, get_owned, page_of
from mobile_units.transmission.messages import (
    CENTRAL_STATUSES,
    PESEL_ROOT,
    CentralStatus,
    CentralVisit,
    ObjectId,
    PatientData,
    PersonId,
    visit_from_json,
)

FETCHING = timedelta(minutes=2)
"""How long before a change is kept it may have been told."""
BY_THE_CENTRE = "zmiana w centralnej e-rejestracji"
"""The reason in the history of a visit."""

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_CANCELLERS = {ChangedBy.WOMAN: CancelledBy.WOMAN, ChangedBy.SYSTEM: CancelledBy.SYSTEM}
_STATUSES = {
    CentralStatus.PERFORMED: VisitStatus.PERFORMED,
    CentralStatus.NOT_PERFORMED: VisitStatus.NOT_PERFORMED,
}


@dataclass(frozen=True, slots=True)
class InboundFilter:
    """Which changes are wanted; without a state, those that wait for a person."""

    paging: Paging = Paging()
    state: InboundState = InboundState.CONFLICT
    code: str | None = None


@dataclass(frozen=True, slots=True)
class InboundStatus:
    """When the changes were last read, why they could not be read since, and how many wait for a person."""

    read_at: datetime | None
    failed_at: datetime | None
    failure: str | None
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Why a person decided as she did."""

    note: str = field(repr=False)


def receive(session: Session, actor: Actor, change_id: int, now: datetime) -> InboundChange:
    """Takes over a change that was kept; one that was dealt with before is left as it is.

    Raises:
        DomainError: `not_found`. Any other refusal makes a conflict of the change.
    """
    change = _locked(session, actor, change_id)
    if change.state is InboundState.RECEIVED:
        _settle(session, actor, change, now)
        session.flush()
    return change


def _settle(session: Session, actor: Actor, change: InboundChange, now: datetime) -> None:
    if change.changed_by is ChangedBy.PROVIDER:
        change.state = InboundState.ECHO
    elif _told_later(session, change, InboundChange.changed_by != ChangedBy.PROVIDER, _IS_READABLE):
        change.state = InboundState.SUPERSEDED
    elif change.code == CHANGE_UNREADABLE:
        _refuse(change, DomainError(CHANGE_UNREADABLE), _known(session, actor, _identifier(change)))
    else:
        _supersede_earlier(session, change)
        _try(session, actor, change, now)


def _try(session: Session, actor: Actor, change: InboundChange, now: datetime) -> None:
    try:
        with session.begin_nested():
            visit, eligible = _take_over(session, actor, change, now)
    except DomainError as refusal:
        known = refusal.facts.get("visit_id") or _known(session, actor, _central(change).identifier)
        _refuse(change, refusal, known)
        return
    change.visit = visit
    _tell_slots_again(session, actor, change)
    if eligible:
        change.state, change.code = InboundState.APPLIED, None
    else:
        _refuse(change, _neutral(visit), visit.id if visit else None)


def _refuse(change: InboundChange, refusal: DomainError, visit_id: int | None) -> None:
    """The words tell nothing of her health, because the list of conflicts is not the midwife's alone."""
    change.state, change.code = InboundState.CONFLICT, refusal.code
    change.visit_id = visit_id
    refusal = _neutral(None) if refusal.code == "not_eligible" else refusal
    change.content = change.content | {"refusal": {"pl": refusal.sentence("pl"), "en": refusal.sentence("en")}}


def _neutral(visit: Visit | None) -> DomainError:
    return DomainError(
        "not_eligible",
        woman_id=visit.woman_id if visit else None,
        reason_pl="zob. ocenę uprawnień pacjentki.",
        reason_en="see her assessment.",
        next_eligible_pl="zob. ocenę uprawnień",
        next_eligible_en="see the assessment",
    )


def _central(change: InboundChange) -> CentralVisit:
    return visit_from_json(change.content["visit"])


def _identifier(change: InboundChange) -> ObjectId:
    return ObjectId(change.cer_root, change.cer_extension)


def _locked(session: Session, actor: Actor, change_id: int) -> InboundChange:
    """The change while its visit's identifier is locked: changes of one visit are dealt with one after the other.

    The lock comes before any row, because taking over a change also ends the earlier ones.
    """
    change = get_owned(session, actor, InboundChange, change_id)
    name = f"{change.provider_id} {change.cer_root} {change.cer_extension}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    session.refresh(change)
    return change


def _of_the_same_visit(change: InboundChange) -> ColumnElement[bool]:
    return and_(
        InboundChange.provider_id == change.provider_id,
        InboundChange.cer_root == change.cer_root,
        InboundChange.cer_extension == change.cer_extension,
    )


_IS_READABLE = InboundChange.code.is_distinct_from(CHANGE_UNREADABLE)
_WHEN = tuple_(InboundChange.changed_at, InboundChange.id)


def _when(change: InboundChange) -> Any:
    return tuple_(change.changed_at, change.id)


def _told_later(session: Session, change: InboundChange, *which: ColumnElement[bool]) -> bool:
    later = select(InboundChange.id).where(_of_the_same_visit(change), _WHEN.op(">")(_when(change)), *which)
    return bool(session.scalar(select(later.exists())))


def _supersede_earlier(session: Session, change: InboundChange) -> None:
    open_states = (InboundState.RECEIVED, InboundState.CONFLICT)
    earlier = select(InboundChange).where(
        _of_the_same_visit(change),
        _WHEN.op("<")(_when(change)),
        InboundChange.state.in_(open_states),
    )
    for each in session.scalars(earlier):
        each.state = InboundState.SUPERSEDED


# taking over


def _take_over(session: Session, actor: Actor, change: InboundChange, now: datetime) -> tuple[Visit | None, bool]:
    """Makes the local visit what the centre holds; returns it, and whether the woman is eligible."""
    central = _central(change)
    visit_id = _known(session, actor, central.identifier)
    if visit_id is None and central.status is CentralStatus.CANCELLED:
        return None, True
    if visit_id is None:
        return _book(session, actor, change, central, now)
    visit = steps.locked_visit(session, actor, visit_id)
    eligible = _follow(session, actor, change, central, visit, now)
    _tell_if_ours_was_under_way(session, change, visit)
    return visit, eligible


def _known(session: Session, actor: Actor, identifier: ObjectId) -> int | None:
    """The key of the visit that the centre knows by this identifier, given by it or by us."""
    given_there = and_(Visit.cer_root == identifier.root, Visit.cer_extension == identifier.extension)
    uuid = _own_uuid(session, actor, identifier)
    same = given_there if uuid is None else or_(given_there, Visit.uuid == uuid)
    return session.scalar(select(Visit.id).where(Visit.provider_id == actor.provider_id, same))


def _own_uuid(session: Session, actor: Actor, identifier: ObjectId) -> UUID | None:
    """The UUID in an identifier of ours, None if it is not one."""
    own_root = session.scalar(select(Provider.oid_root).where(Provider.id == actor.provider_id))
    try:
        return UUID(identifier.extension) if identifier.root == own_root else None
    except ValueError:
        return None


def _book(
    session: Session, actor: Actor, change: InboundChange, central: CentralVisit, now: datetime
) -> tuple[Visit, bool]:
    visit = _new_visit(session, actor, central, now)
    hers = (Visit.woman_id == visit.woman.id, Visit.programme == visit.programme)
    expired_holds.release(session, now, *hers, also=[visit.slot])
    _require_no_other(session, visit.woman, visit.slot.schedule.programme)
    assessment = steps.follow_path(session, visit, central.path, central.product_code)
    steps.take_place(session, visit.slot, _LONG_AGO, _admission(central))
    visit.passed_at = change.changed_at
    steps.store(session, actor, visit, "receive")
    _follow_status(session, actor, central, visit, now)
    return visit, assessment.eligible


def _admission(central: CentralVisit) -> slot_places.Admission:
    """A place that others wait for is hers all the same if it is free: the centre let her in before it was told."""
    return slot_places.Admission(BookingChannel.CENTRAL, urgent=central.urgent, waiting=True, path=central.path)


def _new_visit(session: Session, actor: Actor, central: CentralVisit, now: datetime) -> Visit:
    """A visit under the centre's identifier, of the woman whose row is locked; not stored yet and without a path."""
    known = _woman(session, actor, central.patient, now)
    woman = steps.locked_woman(session, actor, known.id)
    visit = steps.new_visit(actor, woman, _slot(session, actor, central.slot))
    visit.source, visit.channel, visit.urgent = VisitSource.IKP, BookingChannel.CENTRAL, central.urgent
    visit.cer_root, visit.cer_extension = central.identifier.root, central.identifier.extension
    return visit


def _woman(session: Session, actor: Actor, patient: PatientData, now: datetime) -> Woman:
    """The woman whom the centre names, registered if she is not known; what we know of her already stays."""
    identity = _identity(patient.identifier)
    known = women.find_by_identity(session, actor, identity)
    if known is not None:
        return known
    command = women.NewWoman(
        identity=identity,
        given_name=patient.given_name,
        family_name=patient.family_name,
        birth_date=patient.birth_date,
        telephone=patient.telephone,
    )
    try:
        with session.begin_nested():
            return women.register_as_told(session, actor, command, local_day(now))
    except IntegrityError:
        found = women.find_by_identity(session, actor, identity)
        if found is None:
            raise
        return found


def _identity(person: PersonId) -> women.Identity:
    if person.root == PESEL_ROOT:
        return women.Identity(pesel=person.extension)
    country = person.country or person.extension.partition(":")[0]
    return women.Identity(country=country, document_number=person.extension.removeprefix(f"{country}:"))


def _slot(session: Session, actor: Actor, identifier: ObjectId) -> Slot:
    uuid = _own_uuid(session, actor, identifier)
    slot = steps.slot_by_uuid(session, actor, uuid) if uuid else None
    if slot is None:
        raise DomainError("slot_unknown")
    return slot


def _require_no_other(session: Session, woman: Woman, programme: Programme) -> None:
    other = select(Visit.id).where(
        Visit.woman_id == woman.id, Visit.programme == programme, Visit.status.in_(sorted(ACTIVE))
    )
    if session.scalar(select(other.exists())):
        raise DomainError("parallel_visit")


# following a visit that is known here


def _follow(  # noqa: PLR0913, PLR0917 -- who takes over what, from where, and when
    session: Session, actor: Actor, change: InboundChange, central: CentralVisit, visit: Visit, now: datetime
) -> bool:
    """Makes a known visit what the centre holds; says whether she is eligible at what she chose."""
    _require_same_woman(visit, central)
    if visit.status not in ACTIVE:
        _require_agreement(session, visit, central)
        return True
    if central.status is CentralStatus.CANCELLED:
        _cancel(session, actor, change, central, visit)
        return True
    eligible = _place_again(session, actor, central, visit)
    _follow_status(session, actor, central, visit, now)
    return eligible


def _require_same_woman(visit: Visit, central: CentralVisit) -> None:
    woman = visit.woman
    if hash_of(central.patient) not in {woman.identity_hash, *(each.identity_hash for each in woman.merged)}:
        raise DomainError("woman_differs")


def hash_of(patient: PatientData) -> bytes | None:
    """By which the woman whom the centre names is found; None if nobody can be found by what it says."""
    try:
        return women.identity_hash(_identity(patient.identifier))
    except DomainError:
        return None


def _require_agreement(session: Session, visit: Visit, central: CentralVisit) -> None:
    """A visit that is over here changes no more; only what the centre may say of such a visit passes."""
    if visit.status is VisitStatus.CANCELLED and central.status is CentralStatus.CANCELLED:
        return
    if visit.status in {VisitStatus.CANCELLED, VisitStatus.MOVED}:
        raise DomainError("changed_on_both_sides", visit_id=_present(session, visit).id)
    same_place = central.slot.extension == str(visit.slot.uuid) and central.path == visit.path
    if same_place and central.status in {CentralStatus.BOOKED, CENTRAL_STATUSES[visit.status]}:
        return
    now_there = VisitStatus.CANCELLED if central.status is CentralStatus.CANCELLED else VisitStatus.BOOKED
    raise DomainError(
        "transition_not_allowed", from_status=visit.status, to_status=_STATUSES.get(central.status, now_there)
    )


def _present(session: Session, visit: Visit) -> Visit:
    """The visit that a moved one became in the end."""
    while visit.status is VisitStatus.MOVED:
        query = select(Visit).where(Visit.provider_id == visit.provider_id, Visit.moved_from == visit.uuid)
        visit = session.scalars(query).one()
    return visit


def _cancel(session: Session, actor: Actor, change: InboundChange, central: CentralVisit, visit: Visit) -> None:
    require_transition(visit.status, VisitStatus.CANCELLED)
    slot_places.free(session, visit)
    visit.cancelled_by = central.cancelled_by or _CANCELLERS.get(change.changed_by, CancelledBy.SYSTEM)
    steps.change(session, actor, visit, VisitStatus.CANCELLED, BY_THE_CENTRE)


def _place_again(session: Session, actor: Actor, central: CentralVisit, visit: Visit) -> bool:
    """Moves the visit to the slot and the path that she chose; the visit itself stays the same, as at the centre."""
    slot = _slot(session, actor, central.slot)
    if slot.id == visit.slot_id and central.path == visit.path:
        return True
    left = visit.slot
    if slot.id != left.id:
        visit.overbooked = steps.exchange(session, visit, slot, _LONG_AGO, _admission(central))
    elif slot.session_id is not None and central.path.programme == visit.programme:
        slot_places.change_path(session, visit, central.path)
    note = f"{left.starts_at.isoformat()} {visit.path} → {slot.starts_at.isoformat()} {central.path}"
    visit.slot = slot
    if slot.schedule.programme != visit.programme:
        raise DomainError("path_not_of_programme", path=central.path, programme=slot.schedule.programme)
    assessment = steps.follow_path(session, visit, central.path, central.product_code)
    steps.record(session, actor, visit, "receive_move", visit.status, f"{BY_THE_CENTRE}: {note}")
    return assessment.eligible or visit.overridden


def _follow_status(session: Session, actor: Actor, central: CentralVisit, visit: Visit, now: datetime) -> None:
    """Attendance that the centre recorded by itself."""
    status = _STATUSES.get(central.status)
    if status is None:
        return
    day = steps.day_of(visit.slot)
    if local_day(now) < day:
        raise DomainError("too_early", day=day.isoformat())
    steps.change(session, actor, visit, status, BY_THE_CENTRE)


def _tell_slots_again(
    session: Session, actor: Actor, change: InboundChange, after: Sequence[tuple[MessageKind, int]] = ()
) -> None:
    """Whatever was refused about the slot because she had booked there is told again, after what ends her visit."""
    uuid = _own_uuid(session, actor, _central(change).slot)
    slot = steps.slot_by_uuid(session, actor, uuid) if uuid else None
    if slot is not None:
        slots.tell_refused_again(session, slot.schedule_id, after)


def _tell_if_ours_was_under_way(session: Session, change: InboundChange, visit: Visit) -> None:
    overwritten = _told_later(session, change, InboundChange.changed_by == ChangedBy.PROVIDER)
    if overwritten or steps.under_way(session, visit) or _sent_meanwhile(session, change, visit):
        tell_again(session, visit)
    elif visit.passed_at is None:
        visit.passed_at = change.changed_at


def _sent_meanwhile(session: Session, change: InboundChange, visit: Visit) -> bool:
    """Whether a message of ours was accepted since hers was fetched, and so may have overtaken it at the centre."""
    sent = select(OutboxMessage.id).where(
        OutboxMessage.subject_id == visit.id,
        OutboxMessage.kind.in_(in_sequence_with(MessageKind.SAVE_VISIT)),
        OutboxMessage.accepted_at >= change.created_at - FETCHING,
    )
    return bool(session.scalar(select(sent.exists())))


def tell_again(session: Session, visit: Visit) -> None:
    """Has the centre, which holds the visit, told once more what it is here."""
    if CENTRAL_STATUSES[visit.status] is CentralStatus.CANCELLED:
        steps.call_off(session, visit, is_there=True)
    else:
        steps.pass_on(session, visit)


# decisions of a person


def find(session: Session, actor: Actor, criteria: InboundFilter) -> Page[InboundChange]:
    """Changes of the provider in the order in which they happened; who lists them does not see the women."""
    query = select(InboundChange).where(
        InboundChange.provider_id == actor.provider_id, InboundChange.state == criteria.state
    )
    if criteria.code:
        query = query.where(InboundChange.code == criteria.code)
    return page_of(session, query.order_by(InboundChange.changed_at, InboundChange.id), criteria.paging)


def get(session: Session, actor: Actor, change_id: int) -> InboundChange:
    """One change, without the woman."""
    return get_owned(session, actor, InboundChange, change_id)


def get_with_woman(session: Session, actor: Actor, change_id: int) -> InboundChange:
    """One change with the woman whom the centre named; noted in the audit log."""
    change = get_owned(session, actor, InboundChange, change_id, joinedload(InboundChange.visit))
    audit(session, actor, "read", "inbound_change", change.id)
    if change.visit is not None:
        audit(session, actor, "read", "woman", change.visit.woman_id)
    return change


def status(session: Session, actor: Actor) -> InboundStatus:
    """How far the changes were read, and why no further."""
    row = session.get(InboundCursor, actor.provider_id) or InboundCursor()
    return InboundStatus(row.read_at, row.failed_at, row.failure, waiting(session, actor))


def read_again(session: Session, actor: Actor) -> None:
    """Has the changes read from the first one on, such as after the centre lost its cursors; known ones stay known."""
    row = session.get(InboundCursor, actor.provider_id)
    if row is not None:
        row.cursor = None
    audit(session, actor, "read_again", "inbound_cursor", None)


def waiting(session: Session, actor: Actor) -> int:
    """How many changes wait for a person."""
    query = select(func.count()).select_from(InboundChange)
    conflicts = InboundChange.state == InboundState.CONFLICT
    return session.scalar(query.where(InboundChange.provider_id == actor.provider_id, conflicts)) or 0


def retry(session: Session, actor: Actor, change_id: int, now: datetime) -> InboundChange:
    """Takes a conflict over after all, once a person mended what was in the way.

    Raises:
        DomainError: `not_a_conflict`; `change_unreadable`, it can only be set aside; and what is still in the way.
    """
    change = _readable_conflict(session, actor, change_id)
    booked = change.visit if change.code == "not_eligible" else None
    visit, eligible = _take_over(session, actor, change, now)
    if booked is not None:
        eligible = _eligible_now(session, actor, booked)
    if not eligible:
        raise _neutral(visit)
    change.visit = visit
    _tell_slots_again(session, actor, change)
    return _decided(session, actor, change, InboundState.APPLIED, None, "retry", now)


def _eligible_now(session: Session, actor: Actor, visit: Visit) -> bool:
    visit = steps.locked_visit(session, actor, visit.id)
    return visit.status not in ACTIVE or steps.follow_path(session, visit, visit.path).eligible


def decline(session: Session, actor: Actor, change_id: int, command: Note, now: datetime) -> InboundChange:
    """Ends the visit at the centre: one that is known here is cancelled, of another the cancelled visit is kept.

    What the centre refused of us because of it is told again behind its end: visits in the slot, and others of hers.

    Raises:
        DomainError: `not_a_conflict`; `change_unreadable`, it can only be set aside; `slot_unknown`, such a visit can
            only be set aside here and cancelled there; `transition_not_allowed`, the visit took place.
    """
    change = _readable_conflict(session, actor, change_id)
    visit_id = change.visit_id or _known(session, actor, _central(change).identifier)
    refused = _refused_there(session, actor, change)
    known = [] if visit_id is None else [visit_id]
    steps.lock_women_of(session, actor, [*refused, *known], [Woman.id.in_(_her_keys(actor, change))])
    if visit_id is None:
        change.visit = _declined(session, actor, _central(change), command, now)
    else:
        change.visit = _ended(session, actor, visit_id, command)
    _tell_slots_again(session, actor, change, [(MessageKind.CANCEL_VISIT, change.visit.id)])
    for each in refused:
        if each != change.visit.id:
            _pass_on_again(session, actor, each)
    return _decided(session, actor, change, InboundState.DISMISSED, command.note, "decline", now)


def _refused_there(session: Session, actor: Actor, change: InboundChange) -> Sequence[int]:
    """Visits in the slot of a change, and those of its woman, of which a message waits because it was rejected."""
    central = _central(change)
    in_slot = Visit.slot_id.in_(select(Slot.id).where(Slot.uuid == _own_uuid(session, actor, central.slot)))
    hers = and_(Visit.woman_id.in_(_her_keys(actor, change)), Visit.programme == central.path.programme)
    rejected = (OutboxMessage.kind == MessageKind.SAVE_VISIT, OutboxMessage.state == MessageState.REJECTED)
    query = select(Visit.id).join(OutboxMessage, OutboxMessage.subject_id == Visit.id).where(*rejected)
    query = query.where(Visit.provider_id == actor.provider_id, Visit.status.in_(_TO_COME), or_(in_slot, hers))
    return session.scalars(query.distinct().order_by(Visit.id)).all()


_TO_COME = sorted(ACTIVE - {VisitStatus.HELD})


def _her_keys(actor: Actor, change: InboundChange) -> Select[int]:
    """The key of the woman of a change, if she is known."""
    named = Woman.identity_hash == hash_of(_central(change).patient)
    return select(func.coalesce(Woman.merged_into_id, Woman.id)).where(Woman.provider_id == actor.provider_id, named)


def _pass_on_again(session: Session, actor: Actor, visit_id: int) -> None:
    visit = steps.locked_visit(session, actor, visit_id)
    if visit.status in _TO_COME:
        steps.pass_on(session, visit)


def _declined(session: Session, actor: Actor, central: CentralVisit, command: Note, now: datetime) -> Visit:
    """The visit that we never had, as one that we cancelled; a path without a contract counts to the slot's range."""
    visit = _new_visit(session, actor, central, now)
    visit.status, visit.cancelled_by = VisitStatus.CANCELLED, CancelledBy.PROVIDER
    try:
        steps.follow_path(session, visit, central.path, central.product_code)
    except DomainError:
        visit.path, visit.contract_range = central.path, visit.slot.schedule.contract_range
    session.add(visit)
    steps.record(session, actor, visit, "decline", None, command.note)
    steps.call_off(session, visit)
    return visit


def _ended(session: Session, actor: Actor, visit_id: int, command: Note) -> Visit:
    visit = steps.locked_visit(session, actor, visit_id)
    if visit.status is VisitStatus.CANCELLED:
        steps.call_off(session, visit, is_there=True)
        return visit
    cancellation = visits.Cancellation(version=visit.version, cancelled_by=CancelledBy.PROVIDER, reason=command.note)
    return visits.cancel(session, actor, visit_id, cancellation)


def dismiss(session: Session, actor: Actor, change_id: int, command: Note, now: datetime) -> InboundChange:
    """Sets a conflict aside; for a woman who is booked though not eligible, the note says why the rule is set aside.

    Raises:
        DomainError: `not_a_conflict`; `not_allowed`, the role may not set a rule of eligibility aside.
    """
    change = _conflict(session, actor, change_id)
    if change.code == "not_eligible" and change.visit_id is not None:
        if Role.MIDWIFE not in actor.roles:
            raise DomainError("not_allowed", roles=Role.MIDWIFE.value)
        visit = steps.locked_visit(session, actor, change.visit_id)
        visit.override_reason = command.note
        steps.record(session, actor, visit, "override", visit.status, command.note)
    return _decided(session, actor, change, InboundState.DISMISSED, command.note, "dismiss", now)


def _conflict(session: Session, actor: Actor, change_id: int) -> InboundChange:
    change = _locked(session, actor, change_id)
    if change.state is not InboundState.CONFLICT:
        raise DomainError("not_a_conflict", state=change.state.value)
    return change


def _readable_conflict(session: Session, actor: Actor, change_id: int) -> InboundChange:
    change = _conflict(session, actor, change_id)
    if change.code == CHANGE_UNREADABLE:
        raise DomainError(CHANGE_UNREADABLE)
    return change


def _decided(  # noqa: PLR0913, PLR0917 -- who decided what about which change, when and why
    session: Session,
    actor: Actor,
    change: InboundChange,
    state: InboundState,
    note: str | None,
    action: str,
    now: datetime,
) -> InboundChange:
    change.state, change.note = state, note
    change.decided_by, change.decided_at = actor.user_id, now
    audit(session, actor, action, "inbound_change", change.id)
    session.flush()
    return change
