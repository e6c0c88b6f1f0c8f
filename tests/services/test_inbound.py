"""What women change in IKP: taken over whatever the order, kept for a person where it cannot be."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.inbound import InboundChange, InboundState
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import MessageState, OutboxDependency, OutboxMessage
from mobile_units.models.visits import Visit, VisitChange
from mobile_units.models.women import Woman
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, ChangedBy, VisitSource, VisitStatus
from mobile_units.services import inbound, slots, visits, women
from mobile_units.services.actors import Actor
from mobile_units.services.inbound import InboundFilter, Note
from mobile_units.services.visits import Cancellation, Move, NewVisit, PathChange, StatusChange
from mobile_units.transmission import inbound as network
from mobile_units.transmission.messages import CentralChange, CentralStatus, ObjectId, visit_as_json, visit_from_json
from tests import factories, factories_booking
from tests.factories_booking import NOW
from tests.factories_inbound import booked, held_there, kept, patient, slot_id, then, unreadable

YESTERYEAR = datetime(2026, 1, 1, tzinfo=UTC)
NOTE = Note(note="uzgodniono z pacjentką przez telefon")


def slot(session: Session, actor: Actor, path: Path = Path.MAMMOGRAPHY, capacity: int = 1) -> Slot:
    """A slot on a schedule of its own."""
    return factories_booking.slot(session, actor.provider_id, path, capacity=capacity)


def received(session: Session, actor: Actor, change: CentralChange) -> InboundChange:
    """What became of a change that was fetched, kept and taken over."""
    return inbound.receive(session, actor, kept(session, actor, change), NOW)


def conflict(session: Session, actor: Actor, change: CentralChange, code: str) -> InboundChange:
    """A change that waits for a person, for this reason."""
    row = received(session, actor, change)
    assert (row.state, row.code) == (InboundState.CONFLICT, code)
    assert row.content["visit"] == visit_as_json(change.visit), "nothing of it is lost"
    assert row.content["refusal"]["pl"]
    return row


def refusal(session: Session, act: Callable[[], object]) -> str:
    """The code with which something is refused, and undone as its transaction would be."""
    with pytest.raises(DomainError) as caught, session.begin_nested():
        act()
    return caught.value.code


def visit_of(session: Session, change: CentralChange) -> Visit:
    """The local visit of a change, as stored."""
    identifier = change.visit.identifier
    query = select(Visit).where(Visit.cer_root == identifier.root, Visit.cer_extension == identifier.extension)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def ours(session: Session, actor: Actor, *, accepted: bool = True) -> Visit:
    """A visit that we booked, accepted by the centre or on its way."""
    where = slot(session, actor)
    woman = factories_booking.woman(session, actor.provider_id)
    command = NewVisit(woman_id=woman.id, slot_id=where.id, path=Path.MAMMOGRAPHY)
    visit = visits.book(session, actor, command, NOW)
    if accepted:
        accept(session, visit)
    return visit


def accept(session: Session, visit: Visit, at: datetime = YESTERYEAR) -> None:
    """The centre took all messages about a visit."""
    for message in session.scalars(select(OutboxMessage).where(OutboxMessage.subject_id == visit.id)):
        message.state, message.attempts, message.accepted_at = MessageState.ACCEPTED, 1, at
    visit.passed_at = visit.passed_at or NOW
    session.flush()


def taken(session: Session, of: Slot) -> int | None:
    """Places taken, as stored."""
    return session.scalar(select(Slot.taken).where(Slot.id == of.id))


def waiting(session: Session, visit: Visit) -> list[MessageKind]:
    """The messages about a visit that are not accepted, in order."""
    query = select(OutboxMessage.kind).where(
        OutboxMessage.subject_id == visit.id,
        OutboxMessage.kind.in_((MessageKind.SAVE_VISIT, MessageKind.CANCEL_VISIT)),
        OutboxMessage.state != MessageState.ACCEPTED,
    )
    return list(session.scalars(query.order_by(OutboxMessage.id)))


def messages(session: Session, actor: Actor) -> int | None:
    """How many messages about visits the provider ever stored."""
    kinds = (MessageKind.SAVE_VISIT, MessageKind.CANCEL_VISIT)
    own = select(func.count()).where(OutboxMessage.provider_id == actor.provider_id, OutboxMessage.kind.in_(kinds))
    return session.scalar(own)


# booking


def test_a_visit_booked_in_ikp_is_a_visit_here(session: Session, actor: Actor) -> None:
    """The woman is registered, the place is hers, the centre has it since she booked, and nothing is sent back."""
    where = slot(session, actor, capacity=2)
    change = booked(session, actor, where)
    row = received(session, actor, change)
    visit = visit_of(session, change)
    assert (row.state, row.code, row.visit_id) == (InboundState.APPLIED, None, visit.id)
    assert (visit.status, visit.source, visit.slot_id) == (VisitStatus.BOOKED, VisitSource.IKP, where.id)
    assert visit.passed_at == change.at
    assert visit.contract_range.product_code == "10.7940.159.02"
    assert visit.eligibility_rule_id is not None
    assert (visit.woman.family_name, visit.woman.telephone) == ("Zmyślona", "+48601000000")
    assert taken(session, where) == 1
    assert messages(session, actor) == 0
    history = session.scalars(select(VisitChange).where(VisitChange.visit_id == visit.id)).all()
    assert [(each.from_status, each.to_status, each.user_id) for each in history] == [(None, VisitStatus.BOOKED, None)]


def test_a_woman_who_is_known_is_not_registered_again(session: Session, actor: Actor) -> None:
    """She is found by her PESEL, and what we know of her stays."""
    woman = factories_booking.woman(session, actor.provider_id)
    change = booked(session, actor, slot(session, actor), replace(patient(woman), family_name="Inna"))
    received(session, actor, change)
    assert visit_of(session, change).woman_id == woman.id
    assert session.scalars(select(Woman).where(Woman.provider_id == actor.provider_id)).one().family_name == "Testowa"


def test_a_product_code_that_settles_the_path_there_is_kept(session: Session, actor: Actor) -> None:
    """Any other says nothing, so the rule chooses."""
    change = booked(session, actor, slot(session, actor))
    strange = replace(change, visit=replace(change.visit, product_code="99.9999.999.99"))
    received(session, actor, strange)
    assert visit_of(session, change).contract_range.product_code == "10.7940.159.02"


def test_a_slot_that_began_before_we_read_is_still_hers(session: Session, actor: Actor) -> None:
    """The centre let her in in time; we were late."""
    change = booked(session, actor, slot(session, actor))
    row = inbound.receive(session, actor, kept(session, actor, change), NOW + timedelta(days=30))
    assert row.state is InboundState.APPLIED


def test_our_own_change_that_comes_back_is_an_echo(session: Session, actor: Actor) -> None:
    """It changes nothing, and what it says is not kept a second time."""
    visit = ours(session, actor)
    moved = then(held_there(session, actor, visit), by=ChangedBy.PROVIDER, status=CentralStatus.CANCELLED)
    row = received(session, actor, moved)
    assert (row.state, row.content, visit.status) == (InboundState.ECHO, {}, VisitStatus.BOOKED)


def test_a_change_that_comes_again_is_known(session: Session, actor: Actor) -> None:
    """It is stored once, and taking it over again does nothing."""
    change = booked(session, actor, slot(session, actor))
    row = received(session, actor, change)
    assert network.keep(session, actor.provider_id, [change, change]) == []
    assert inbound.receive(session, actor, row.id, NOW).state is InboundState.APPLIED
    assert session.scalar(select(func.count()).where(Visit.provider_id == actor.provider_id)) == 1


# what she changes later


def test_a_visit_cancelled_in_ikp_frees_its_place(session: Session, actor: Actor) -> None:
    """By her, and nothing is sent back."""
    where = slot(session, actor)
    change = booked(session, actor, where)
    received(session, actor, change)
    cancelled = then(change, status=CentralStatus.CANCELLED, cancelled_by=CancelledBy.WOMAN)
    assert received(session, actor, cancelled).state is InboundState.APPLIED
    visit = visit_of(session, change)
    assert (visit.status, visit.cancelled_by) == (VisitStatus.CANCELLED, CancelledBy.WOMAN)
    assert (taken(session, where), messages(session, actor)) == (0, 0)


def test_a_visit_of_ours_moved_in_ikp_stays_one_visit(session: Session, actor: Actor) -> None:
    """As at the centre: another slot under the same identifier, with a line in its history, still passed."""
    visit, later = ours(session, actor), slot(session, actor)
    left, passed_at, before = visit.slot, visit.passed_at, messages(session, actor)
    moved = then(held_there(session, actor, visit), slot=slot_id(session, actor, later))
    assert received(session, actor, moved).visit_id == visit.id
    session.refresh(visit)
    assert (visit.slot_id, visit.status, visit.passed_at) == (later.id, VisitStatus.BOOKED, passed_at)
    assert (taken(session, left), taken(session, later)) == (0, 1)
    assert messages(session, actor) == before
    last = session.scalars(select(VisitChange).where(VisitChange.visit_id == visit.id).order_by(VisitChange.id)).all()[
        -1
    ]
    assert "→" in (last.reason or "")


def test_a_path_chosen_anew_brings_its_range(session: Session, actor: Actor) -> None:
    """Within the programme of the slot; another one is a conflict."""
    change = booked(session, actor, slot(session, actor, Path.HPV_LBC))
    received(session, actor, change)
    received(
        session,
        actor,
        then(change, path=Path.CLASSIC_CYTOLOGY, slot=slot_id(session, actor, slot(session, actor, Path.HPV_LBC))),
    )
    assert visit_of(session, change).contract_range.product_code == "01.0034.101.01"
    conflict(
        session,
        actor,
        then(change, 2, path=Path.MAMMOGRAPHY, slot=slot_id(session, actor, slot(session, actor))),
        "path_not_of_programme",
    )


def test_attendance_recorded_by_the_centre_is_taken_over(session: Session, actor: Actor) -> None:
    """From the day of the visit on."""
    change = booked(session, actor, slot(session, actor))
    received(session, actor, change)
    performed = then(change, by=ChangedBy.SYSTEM, status=CentralStatus.PERFORMED)
    row = inbound.receive(session, actor, kept(session, actor, performed), NOW + timedelta(days=20))
    assert (row.state, visit_of(session, change).status) == (InboundState.APPLIED, VisitStatus.PERFORMED)


def test_a_visit_cancelled_before_we_heard_of_it_is_nothing_to_us(session: Session, actor: Actor) -> None:
    """Its booking, coming late, is superseded."""
    change = booked(session, actor, slot(session, actor))
    cancelled = then(change, status=CentralStatus.CANCELLED, cancelled_by=CancelledBy.WOMAN)
    assert received(session, actor, cancelled).state is InboundState.APPLIED
    assert received(session, actor, change).state is InboundState.SUPERSEDED
    assert session.scalar(select(func.count()).where(Visit.provider_id == actor.provider_id)) == 0


# conflicts


@pytest.mark.parametrize("status", [SlotStatus.BLOCKED, SlotStatus.WITHDRAWN])
def test_a_slot_that_is_not_offered_makes_a_conflict(session: Session, actor: Actor, status: SlotStatus) -> None:
    """Blocked or withdrawn here while she booked it there; once it is open, the visit can be taken over."""
    where = slot(session, actor)
    where.status = status
    session.flush()
    row = received(session, actor, booked(session, actor, where))
    assert row.state is InboundState.CONFLICT
    assert row.code in {"slot_not_open", "slot_withdrawn"}
    if status is SlotStatus.BLOCKED:
        slots.unblock(session, actor, where.id)
        assert inbound.retry(session, actor, row.id, NOW).state is InboundState.APPLIED
        assert taken(session, where) == 1


def test_a_taken_slot_makes_a_conflict_until_there_is_room(session: Session, actor: Actor) -> None:
    """A retry that cannot succeed is refused with the reason and changes nothing."""
    visit = ours(session, actor)
    row = conflict(session, actor, booked(session, actor, visit.slot), "slot_full")
    assert refusal(session, lambda: inbound.retry(session, actor, row.id, NOW)) == "slot_full"
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.PROVIDER))
    assert inbound.retry(session, actor, row.id, NOW).state is InboundState.APPLIED


def test_a_second_visit_in_a_programme_makes_a_conflict(session: Session, actor: Actor) -> None:
    """She had been booked here, and booked herself there before the centre knew."""
    visit = ours(session, actor, accepted=False)
    conflict(session, actor, booked(session, actor, slot(session, actor), patient(visit.woman)), "parallel_visit")


def test_an_unknown_slot_makes_a_conflict(session: Session, actor: Actor) -> None:
    """Even one whose identifier is none of ours; it can only be set aside."""
    change = booked(session, actor, slot(session, actor))
    for identifier in (
        ObjectId("2.25", "1"),
        replace(change.visit.slot, extension="none"),
        replace(change.visit.slot, extension="6f2c1b1e-0000-4000-8000-000000000000"),
    ):
        strange = booked(session, actor, slot(session, actor))
        row = conflict(session, actor, replace(strange, visit=replace(strange.visit, slot=identifier)), "slot_unknown")
        assert refusal(session, partial(inbound.decline, session, actor, row.id, NOTE, NOW)) == "slot_unknown"
        assert inbound.dismiss(session, actor, row.id, NOTE, NOW).state is InboundState.DISMISSED


def test_a_path_without_a_contract_makes_a_conflict(session: Session, actor: Actor) -> None:
    """A contract that covers it mends it."""
    factories_booking.contract(session, actor.provider_id, ["01.0034.102.01"])
    where = slot(session, actor, Path.HPV_LBC)
    row = conflict(session, actor, booked(session, actor, where, path=Path.CLASSIC_CYTOLOGY), "no_contracted_range")
    inbound.decline(session, actor, row.id, NOTE, NOW)
    declined = session.get_one(InboundChange, row.id).visit
    assert declined is not None
    assert declined.contract_range_id == where.schedule.contract_range_id


def test_an_ineligible_woman_is_booked_and_shown(session: Session, actor: Actor) -> None:
    """Her place is taken at the centre; the midwife sets the rule aside, with the note as the reason."""
    change = booked(session, actor, slot(session, actor), patient(born=date(2000, 1, 1)))
    row = conflict(session, actor, change, "not_eligible")
    visit = visit_of(session, change)
    assert (row.visit_id, visit.status, visit.override_reason) == (visit.id, VisitStatus.BOOKED, None)
    assert "2000" not in str(row.content["refusal"])
    assert refusal(session, lambda: inbound.retry(session, actor, row.id, NOW)) == "not_eligible"
    assert refusal(session, lambda: inbound.dismiss(session, actor, row.id, NOTE, NOW)) == "not_allowed"
    midwife = replace(actor, roles=frozenset({Role.MIDWIFE}))
    inbound.dismiss(session, midwife, row.id, NOTE, NOW)
    assert visit_of(session, change).override_reason == NOTE.note


def test_a_status_that_we_cannot_follow_makes_a_conflict(session: Session, actor: Actor) -> None:
    """A visit that was performed here is not cancelled, nor moved, by her."""
    visit = ours(session, actor)
    there = held_there(session, actor, visit)
    status = StatusChange(version=visit.version, status=VisitStatus.PERFORMED)
    visits.change_status(session, actor, visit.id, status, NOW + timedelta(days=9))
    conflict(session, actor, then(there, status=CentralStatus.CANCELLED), "transition_not_allowed")
    elsewhere = slot_id(session, actor, slot(session, actor))
    row = conflict(session, actor, then(there, 2, slot=elsewhere), "transition_not_allowed")
    assert row.visit_id == visit.id
    assert refusal(session, lambda: inbound.decline(session, actor, row.id, NOTE, NOW)) == "transition_not_allowed"
    assert received(session, actor, then(there, 3)).state is InboundState.APPLIED


def test_a_visit_of_another_woman_makes_a_conflict(session: Session, actor: Actor) -> None:
    """Whose it is has to be cleared up."""
    visit = ours(session, actor)
    conflict(session, actor, then(held_there(session, actor, visit), patient=patient()), "woman_differs")


def test_a_later_change_ends_a_conflict(session: Session, actor: Actor) -> None:
    """She found the slot blocked as well and moved on."""
    visit, free = ours(session, actor), slot(session, actor)
    change = booked(session, actor, visit.slot)
    row = conflict(session, actor, change, "slot_full")
    assert received(session, actor, then(change, slot=slot_id(session, actor, free))).state is InboundState.APPLIED
    session.refresh(row)
    assert row.state is InboundState.SUPERSEDED
    assert visit_of(session, change).slot_id == free.id


# both sides at once


def test_her_cancellation_meets_a_message_of_ours(session: Session, actor: Actor) -> None:
    """Hers is taken over, and told behind ours, which may have been sent with the visit as it was."""
    visit = ours(session, actor)
    there = held_there(session, actor, visit)
    visits.change_path(session, actor, visit.id, PathChange(version=visit.version, path=Path.MAMMOGRAPHY))
    received(session, actor, then(there, status=CentralStatus.CANCELLED, cancelled_by=CancelledBy.WOMAN))
    session.refresh(visit)
    assert visit.status is VisitStatus.CANCELLED
    assert waiting(session, visit) == [MessageKind.SAVE_VISIT, MessageKind.CANCEL_VISIT]


def test_her_move_meets_a_message_of_ours(session: Session, actor: Actor) -> None:
    """The unsent message tells the slot that she chose; the visit counts as passed when that is accepted."""
    visit, later = ours(session, actor), slot(session, actor)
    there = held_there(session, actor, visit)
    visits.change_path(session, actor, visit.id, PathChange(version=visit.version, path=Path.MAMMOGRAPHY))
    received(session, actor, then(there, slot=slot_id(session, actor, later)))
    session.refresh(visit)
    assert (visit.slot_id, visit.passed_at) == (later.id, None)
    assert waiting(session, visit) == [MessageKind.SAVE_VISIT]


def test_her_move_that_ours_overtook_is_told_again(session: Session, actor: Actor) -> None:
    """An echo of ours after her change means that the centre forgot it; it hears of it from us."""
    visit, later = ours(session, actor), slot(session, actor)
    there = held_there(session, actor, visit)
    kept(session, actor, then(there, 5, by=ChangedBy.PROVIDER))
    received(session, actor, then(there, slot=slot_id(session, actor, later)))
    session.refresh(visit)
    assert visit.slot_id == later.id
    assert waiting(session, visit) == [MessageKind.SAVE_VISIT]


def test_her_move_that_ours_may_have_overtaken_is_told_again(session: Session, actor: Actor) -> None:
    """A message of ours was accepted after hers was fetched and before it was taken over; no echo is known yet."""
    visit, later = ours(session, actor), slot(session, actor)
    change_id = kept(session, actor, then(held_there(session, actor, visit), slot=slot_id(session, actor, later)))
    accept(session, visit, at=clock.now())
    inbound.receive(session, actor, change_id, NOW)
    session.refresh(visit)
    assert visit.slot_id == later.id
    assert waiting(session, visit) == [MessageKind.SAVE_VISIT]


def test_two_cancellations_that_cross_agree(session: Session, actor: Actor) -> None:
    """Nothing is left to decide."""
    visit = ours(session, actor)
    there = held_there(session, actor, visit)
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.PROVIDER))
    row = received(session, actor, then(there, status=CentralStatus.CANCELLED, cancelled_by=CancelledBy.WOMAN))
    assert (row.state, visit.cancelled_by) == (InboundState.APPLIED, CancelledBy.PROVIDER)


def test_her_move_crosses_our_cancellation(session: Session, actor: Actor) -> None:
    """Ours stands, and somebody has to speak to her."""
    visit, later = ours(session, actor), slot(session, actor)
    there = held_there(session, actor, visit)
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.PROVIDER))
    conflict(session, actor, then(there, slot=slot_id(session, actor, later)), "changed_on_both_sides")
    assert taken(session, later) == 0


def test_her_cancellation_crosses_our_move(session: Session, actor: Actor) -> None:
    """The conflict names the visit that she has now; declining it is what she wished."""
    visit, later = ours(session, actor), slot(session, actor)
    there = held_there(session, actor, visit)
    new = visits.move(session, actor, visit.id, Move(version=visit.version, slot_id=later.id), NOW)
    gone = then(there, status=CentralStatus.CANCELLED, cancelled_by=CancelledBy.WOMAN)
    row = conflict(session, actor, gone, "changed_on_both_sides")
    assert row.visit_id == new.id
    inbound.decline(session, actor, row.id, NOTE, NOW)
    assert (new.status, taken(session, later)) == (VisitStatus.CANCELLED, 0)


# decisions


def test_a_declined_visit_is_cancelled_at_the_centre(session: Session, actor: Actor) -> None:
    """By its identifier there; it takes no place and is her visit here, cancelled by us."""
    full = ours(session, actor).slot
    change = booked(session, actor, full)
    row = conflict(session, actor, change, "slot_full")
    decided = inbound.decline(session, actor, row.id, NOTE, NOW)
    visit = visit_of(session, change)
    assert (decided.state, decided.note, decided.visit_id) == (InboundState.DISMISSED, NOTE.note, visit.id)
    assert (visit.status, visit.cancelled_by) == (VisitStatus.CANCELLED, CancelledBy.PROVIDER)
    assert waiting(session, visit) == [MessageKind.CANCEL_VISIT]
    assert taken(session, full) == 1


def test_what_was_refused_because_of_a_declined_visit_is_told_again(session: Session, actor: Actor) -> None:
    """The last place, taken there and here at once, and her other visit: both wait for the end of what is declined."""
    last = ours(session, actor, accepted=False)
    hers = ours(session, actor, accepted=False)
    elsewhere = ours(session, actor, accepted=False)
    messages = {visit.id: save_of(session, visit) for visit in (last, hers, elsewhere)}
    for message in messages.values():
        message.state, message.attempts = MessageState.REJECTED, 1
    change = booked(session, actor, last.slot, patient(hers.woman))
    row = conflict(session, actor, change, "parallel_visit")
    inbound.decline(session, actor, row.id, NOTE, NOW)
    for message in messages.values():
        session.refresh(message)
    states = [messages[visit.id].state for visit in (last, hers, elsewhere)]
    assert states == [MessageState.PENDING, MessageState.PENDING, MessageState.REJECTED]
    end = session.scalars(
        select(OutboxMessage.id).where(
            OutboxMessage.kind == MessageKind.CANCEL_VISIT, OutboxMessage.subject_id == visit_of(session, change).id
        )
    ).one()
    for visit in (last, hers):
        waits_for = select(OutboxDependency.requires_id).where(OutboxDependency.message_id == messages[visit.id].id)
        assert end in session.scalars(waits_for).all()


def save_of(session: Session, visit: Visit) -> OutboxMessage:
    """The message that hands over a visit."""
    saves = OutboxMessage.kind == MessageKind.SAVE_VISIT, OutboxMessage.subject_id == visit.id
    return session.scalars(select(OutboxMessage).where(*saves)).one()


def test_a_decision_is_made_once_and_leaves_its_trace(session: Session, actor: Actor) -> None:
    """In the row and in the audit log."""
    row = conflict(session, actor, booked(session, actor, ours(session, actor).slot), "slot_full")
    user = factories.user(session, actor.provider_id, [Role.COORDINATOR])
    inbound.dismiss(session, Actor(actor.provider_id, user.id), row.id, NOTE, NOW)
    assert (row.decided_by, row.decided_at, row.note) == (user.id, NOW, NOTE.note)
    acts = select(AuditEntry.action).where(AuditEntry.subject == "inbound_change", AuditEntry.subject_id == row.id)
    assert session.scalars(acts).all() == ["dismiss"]
    for again in (inbound.dismiss, inbound.decline):
        assert refusal(session, partial(again, session, actor, row.id, NOTE, NOW)) == "not_a_conflict"
    assert refusal(session, lambda: inbound.retry(session, actor, row.id, NOW)) == "not_a_conflict"


def test_an_unreadable_change_can_only_be_set_aside(session: Session, actor: Actor) -> None:
    """It names our visit if it can, and changes nothing of it."""
    visit = ours(session, actor)
    odd = unreadable(held_there(session, actor, visit).visit.identifier, NOW, ChangedBy.WOMAN)
    row = inbound.receive(session, actor, kept(session, actor, odd), NOW)
    assert (row.state, row.code, row.visit_id) == (InboundState.CONFLICT, "change_unreadable", visit.id)
    assert row.content["unreadable"]["xml"] == odd.xml
    assert row.content["refusal"]["pl"]
    assert refusal(session, lambda: inbound.retry(session, actor, row.id, NOW)) == "change_unreadable"
    assert refusal(session, lambda: inbound.decline(session, actor, row.id, NOTE, NOW)) == "change_unreadable"
    assert inbound.dismiss(session, actor, row.id, NOTE, NOW).state is InboundState.DISMISSED
    assert (visit.status, waiting(session, visit)) == (VisitStatus.BOOKED, [])


def test_an_unreadable_change_does_not_undo_what_was_read_before(session: Session, actor: Actor) -> None:
    """The booking before it is taken over, whichever comes first; the change after it says all."""
    change = booked(session, actor, slot(session, actor))
    odd = unreadable(change.visit.identifier, change.at + timedelta(minutes=1))
    ids = [kept(session, actor, odd), kept(session, actor, change)]
    odd_row, booking = (inbound.receive(session, actor, each, NOW) for each in ids)
    assert (odd_row.state, booking.state) == (InboundState.CONFLICT, InboundState.APPLIED)
    after = received(session, actor, then(change, 2, status=CentralStatus.CANCELLED))
    assert (after.state, odd_row.state) == (InboundState.APPLIED, InboundState.SUPERSEDED)


def test_an_unreadable_change_is_superseded_once_it_is_read(session: Session, actor: Actor) -> None:
    """As after the dialect was corrected and all was read again."""
    change = booked(session, actor, slot(session, actor))
    odd = unreadable(change.visit.identifier, change.at, change.by)
    row = inbound.receive(session, actor, kept(session, actor, odd), NOW)
    assert received(session, actor, change).state is InboundState.APPLIED
    assert row.state is InboundState.SUPERSEDED


def test_the_list_shows_what_waits_for_a_person(session: Session, actor: Actor) -> None:
    """In the order in which it happened; another provider's is not there."""
    full = ours(session, actor).slot
    rows = [conflict(session, actor, booked(session, actor, full), "slot_full") for _ in range(2)]
    found = inbound.find(session, actor, InboundFilter()).items
    assert [each.id for each in found] == [each.id for each in rows]
    assert inbound.waiting(session, actor) == 2
    assert inbound.find(session, actor, InboundFilter(code="not_eligible")).items == []
    stranger = Actor(factories.provider(session).id)
    assert inbound.find(session, stranger, InboundFilter()).items == []
    assert refusal(session, lambda: inbound.dismiss(session, stranger, rows[0].id, NOTE, NOW)) == "not_found"


def test_what_the_centre_said_survives_the_column(session: Session, actor: Actor) -> None:
    """The JSON that is kept is read as the visit that was told."""
    visit = booked(session, actor, slot(session, actor)).visit
    assert visit_from_json(visit_as_json(visit)) == visit


# any order


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_any_order_of_repetitions_gives_the_same_state(session: Session, actor: Actor, order: Sequence[int]) -> None:
    """Whatever comes first, late or again: once each came, the visit is what the last change says."""
    first, second, third = (slot(session, actor) for _ in range(3))
    start = booked(session, actor, first)
    story = [
        start,
        then(start, 1, slot=slot_id(session, actor, second)),
        then(start, 2, slot=slot_id(session, actor, third)),
        then(start, 3, slot=slot_id(session, actor, second)),
    ]
    keys: dict[int, int] = {}
    for step in [*order, *range(4)]:
        keys.setdefault(step, 0) or keys.update({step: kept(session, actor, story[step])})
        inbound.receive(session, actor, keys[step], NOW)
    visit = visit_of(session, start)
    assert (visit.slot_id, visit.status) == (second.id, VisitStatus.BOOKED)
    assert [taken(session, each) for each in (first, second, third)] == [0, 1, 0]
    states = select(InboundChange.state).where(InboundChange.id.in_(keys.values()))
    assert set(session.scalars(states)) <= {InboundState.APPLIED, InboundState.SUPERSEDED}
    assert messages(session, actor) == 0


def test_a_woman_corrected_here_is_told_though_she_booked_there(session: Session, actor: Actor) -> None:
    """Her visit has no message of ours yet."""
    change = booked(session, actor, slot(session, actor))
    received(session, actor, change)
    visit = visit_of(session, change)
    values = {"family_name": "Poprawna"}
    women.change(session, actor, visit.woman_id, visit.woman.version, values, NOW.date())
    assert waiting(session, visit) == [MessageKind.SAVE_VISIT]
