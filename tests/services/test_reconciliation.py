"""Our visits against the centre's: every difference named, the plain ones settled, the others left to a person."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.inbound import InboundChange, InboundState
from mobile_units.models.reconciliation import (
    Difference,
    DifferenceKind,
    DifferenceState,
    Reconciliation,
    ReconciliationState,
)
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules.programmes import Path
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, ChangedBy, VisitStatus
from mobile_units.services import inbound, reconciliation, visits
from mobile_units.services.actors import Actor
from mobile_units.services.reconciliation import (
    Comparison,
    Decision,
    DecisionOnDifference,
    DifferenceFilter,
    Period,
    ReconciliationFilter,
)
from mobile_units.services.visits import Cancellation, NewVisit
from mobile_units.transmission.messages import CentralChange, CentralStatus
from tests import factories, factories_booking
from tests.factories_booking import DAY, NOW
from tests.factories_inbound import booked, held_there, kept, patient, slot_id, then, unreadable

PERIOD = Period(DAY - timedelta(days=30), DAY + timedelta(days=30))
LONG_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
"""Before anything that a test stores was changed."""
YESTERYEAR = datetime(2026, 1, 1, tzinfo=UTC)
STARTED = datetime(2100, 1, 1, tzinfo=UTC)
"""After all of it, so that nothing counts as changed since."""


def slot(session: Session, actor: Actor) -> Slot:
    """A slot on a schedule of its own."""
    return factories_booking.slot(session, actor.provider_id, capacity=2)


def ours(session: Session, actor: Actor) -> Visit:
    """A visit that the centre accepted."""
    woman = factories_booking.woman(session, actor.provider_id)
    command = NewVisit(woman_id=woman.id, slot_id=slot(session, actor).id, path=Path.MAMMOGRAPHY)
    visit = visits.book(session, actor, command, NOW)
    accept(session, visit)
    return visit


def about(visit: Visit) -> tuple[ColumnElement[bool], ...]:
    """The messages about a visit, not those about a schedule or another subject of the same number."""
    kinds = OutboxMessage.kind.in_({MessageKind.SAVE_VISIT, MessageKind.CANCEL_VISIT})
    return OutboxMessage.subject_id == visit.id, kinds


def accept(session: Session, visit: Visit) -> None:
    """The centre takes all messages about a visit."""
    for message in session.scalars(select(OutboxMessage).where(*about(visit))):
        message.state, message.attempts, message.accepted_at = MessageState.ACCEPTED, 1, YESTERYEAR
    visit.passed_at = NOW
    session.flush()


def waiting(session: Session, visit: Visit) -> list[MessageKind]:
    """The messages about a visit that are not accepted, in order."""
    query = select(OutboxMessage.kind).where(*about(visit), OutboxMessage.state != MessageState.ACCEPTED)
    return list(session.scalars(query.order_by(OutboxMessage.id)))


def begun(session: Session, actor: Actor, started_at: datetime = STARTED) -> Comparison:
    """A comparison that began at an instant."""
    row = reconciliation.begin(session, actor, PERIOD, NOW)
    return replace(reconciliation.comparison_of(actor, row), started_at=started_at)


def compared(
    session: Session, actor: Actor, *there: CentralChange, started_at: datetime = STARTED, settled: bool = True
) -> list[Difference]:
    """What a whole comparison found, after what settles itself was settled."""
    comparison = begun(session, actor, started_at)
    found = comparison.compare(session, there)
    while (missing := comparison.missing(session)) is not None:
        found += missing
    for difference_id in found if settled else ():
        comparison.settle(session, difference_id)
    comparison.finish(session)
    return [session.get_one(Difference, each, populate_existing=True) for each in found]


def only(found: list[Difference]) -> tuple[DifferenceKind, str, DifferenceState]:
    """Kind, fields and state of the only difference."""
    (difference,) = found
    return difference.kind, difference.fields, difference.state


def refusal(session: Session, act: Callable[[], object]) -> str:
    """The code with which something is refused, and undone as its transaction would be."""
    with pytest.raises(DomainError) as caught, session.begin_nested():
        act()
    return caught.value.code


# what differs


def test_two_sides_that_agree_have_no_difference(session: Session, actor: Actor) -> None:
    """Whether the visit is ours or hers, active or cancelled; both sides are counted."""
    visit, cancelled = ours(session, actor), ours(session, actor)
    command = Cancellation(version=cancelled.version, cancelled_by=CancelledBy.PROVIDER)
    visits.cancel(session, actor, cancelled.id, command)
    accept(session, cancelled)
    gone = booked(session, actor, slot(session, actor))
    there = [held_there(session, actor, each) for each in (visit, cancelled)]
    there.append(replace(gone, visit=replace(gone.visit, status=CentralStatus.CANCELLED)))
    assert compared(session, actor, *there) == []
    row = session.scalars(select(Reconciliation).where(Reconciliation.provider_id == actor.provider_id)).one()
    assert (row.state, row.visits_here, row.visits_there) == (ReconciliationState.DONE, 1, 3)


def test_a_visit_missing_there_is_sent_again(session: Session, actor: Actor) -> None:
    """It had been accepted, so the centre lost it."""
    visit = ours(session, actor)
    assert only(compared(session, actor)) == (DifferenceKind.MISSING_THERE, "", DifferenceState.SENT_AGAIN)
    assert waiting(session, visit) == [MessageKind.SAVE_VISIT]


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"urgent": True}, "urgent"),
        ({"product_code": "10.7940.158.02"}, "product_code"),
        ({"status": CentralStatus.PERFORMED}, "status"),
    ],
)
def test_what_is_ours_to_say_is_sent_again(session: Session, actor: Actor, values: dict[str, Any], fields: str) -> None:
    """Each field that differs is named; once it was sent in vain, a person decides."""
    visit = ours(session, actor)
    there = then(held_there(session, actor, visit), by=ChangedBy.PROVIDER, **values)
    assert only(compared(session, actor, there)) == (DifferenceKind.DIFFERS, fields, DifferenceState.SENT_AGAIN)
    assert waiting(session, visit) == [MessageKind.SAVE_VISIT]
    accept(session, visit)
    assert only(compared(session, actor, there)) == (DifferenceKind.DIFFERS, fields, DifferenceState.OPEN)


def test_names_and_telephones_are_compared_as_people_read_them(session: Session, actor: Actor) -> None:
    """Case and spacing are no difference; another name or number is."""
    visit = ours(session, actor)
    there = held_there(session, actor, visit)
    written = replace(there.visit.patient, family_name="TESTOWA ", telephone="600-000-000")
    assert compared(session, actor, then(there, patient=written)) == []
    renamed = replace(there.visit.patient, given_name="Ewa", telephone="600 000 001")
    assert only(compared(session, actor, then(there, patient=renamed)))[1] == "names,telephone"


def test_a_new_telephone_number_is_no_difference_of_a_visit_that_took_place(session: Session, actor: Actor) -> None:
    """It is told of her visits to come only."""
    visit = ours(session, actor)
    visit.status = VisitStatus.PERFORMED
    there = held_there(session, actor, visit)
    assert compared(session, actor, then(there, patient=replace(there.visit.patient, telephone="600 000 001"))) == []


def test_our_cancellation_that_the_centre_lacks_is_sent_again(session: Session, actor: Actor) -> None:
    """As a cancellation."""
    visit = ours(session, actor)
    there = held_there(session, actor, visit)
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.PROVIDER))
    accept(session, visit)
    assert only(compared(session, actor, there)) == (DifferenceKind.DIFFERS, "status", DifferenceState.SENT_AGAIN)
    assert waiting(session, visit) == [MessageKind.CANCEL_VISIT]


def test_a_refused_visit_that_is_there_all_the_same_is_cancelled_there(session: Session, actor: Actor) -> None:
    """Cancelled here, it had nothing to be told; what the centre holds says otherwise."""
    visit = ours(session, actor)
    there = held_there(session, actor, visit)
    message = session.scalars(select(OutboxMessage).where(*about(visit))).one()
    message.state, message.accepted_at, visit.passed_at = MessageState.REJECTED, None, None
    session.flush()
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.PROVIDER))
    assert waiting(session, visit) == [MessageKind.SAVE_VISIT]
    assert only(compared(session, actor, there)) == (DifferenceKind.DIFFERS, "status", DifferenceState.SENT_AGAIN)
    assert waiting(session, visit) == [MessageKind.SAVE_VISIT, MessageKind.CANCEL_VISIT]


def test_a_slot_that_she_chose_is_taken_over(session: Session, actor: Actor) -> None:
    """A slot that we sent is ours to say."""
    visit, later = ours(session, actor), slot(session, actor)
    elsewhere = slot_id(session, actor, later)
    by_us = then(held_there(session, actor, visit), by=ChangedBy.PROVIDER, slot=elsewhere)
    assert only(compared(session, actor, by_us)) == (DifferenceKind.DIFFERS, "slot", DifferenceState.SENT_AGAIN)
    accept(session, visit)
    by_her = then(held_there(session, actor, visit), 2, slot=elsewhere)
    assert only(compared(session, actor, by_her)) == (DifferenceKind.DIFFERS, "slot", DifferenceState.TAKEN_OVER)
    session.refresh(visit)
    assert (visit.slot_id, waiting(session, visit)) == (later.id, [])


def test_a_cancellation_of_hers_is_taken_over(session: Session, actor: Actor) -> None:
    """One that the centre says is ours, and that we know nothing of, waits for a person."""
    visit, other = ours(session, actor), ours(session, actor)
    by_her = then(held_there(session, actor, visit), status=CentralStatus.CANCELLED, cancelled_by=CancelledBy.WOMAN)
    by_us = then(held_there(session, actor, other), by=ChangedBy.PROVIDER, status=CentralStatus.CANCELLED)
    first, second = compared(session, actor, by_her, by_us)
    assert {first.kind, second.kind} == {DifferenceKind.CANCELLED_THERE}
    assert (first.state, second.state) == (DifferenceState.TAKEN_OVER, DifferenceState.OPEN)
    session.refresh(visit)
    assert (visit.status, other.status) == (VisitStatus.CANCELLED, VisitStatus.BOOKED)


def test_a_visit_unknown_here_is_taken_over(session: Session, actor: Actor) -> None:
    """Or becomes a conflict in the other list; one that is said to be ours waits for a person."""
    change = booked(session, actor, slot(session, actor))
    full = factories_booking.slot(session, actor.provider_id)
    full.capacity, full.taken = 1, 1
    session.flush()
    crowded, strange = booked(session, actor, full), booked(session, actor, slot(session, actor))
    found = compared(session, actor, change, crowded, replace(strange, by=ChangedBy.PROVIDER))
    assert [each.kind for each in found] == [DifferenceKind.UNKNOWN_HERE] * 3
    assert [each.state for each in found] == [
        DifferenceState.TAKEN_OVER,
        DifferenceState.TAKEN_OVER,
        DifferenceState.OPEN,
    ]
    rows = select(InboundChange.state).where(InboundChange.provider_id == actor.provider_id)
    assert session.scalars(rows.order_by(InboundChange.id)).all() == [InboundState.APPLIED, InboundState.CONFLICT]


def test_an_unreadable_visit_waits_for_a_person(session: Session, actor: Actor) -> None:
    """It is there, so it is neither missing nor sent again; once it is read, the difference is closed."""
    visit = ours(session, actor)
    there = held_there(session, actor, visit)
    comparison = begun(session, actor)
    comparison.unreadable(session, [unreadable(there.visit.identifier, NOW)])
    assert comparison.missing(session) == []
    comparison.finish(session)
    found = session.scalars(select(Difference).where(Difference.visit_id == visit.id)).one()
    assert only([reconciliation.settle(session, actor, found.id, NOW)]) == (
        DifferenceKind.DIFFERS,
        "unreadable",
        DifferenceState.OPEN,
    )
    assert waiting(session, visit) == []
    take_over = DecisionOnDifference(decision=Decision.TAKE_OVER)
    decided = partial(reconciliation.decide, session, actor, found.id, take_over, NOW)
    assert refusal(session, decided) == "decision_not_possible"
    assert compared(session, actor, there) == []
    assert found.state is DifferenceState.DISMISSED


def test_nothing_is_sent_as_missing_while_a_visit_there_has_no_name(session: Session, actor: Actor) -> None:
    """It may be that one: both wait for a person."""
    visit = ours(session, actor)
    comparison = begun(session, actor)
    comparison.unreadable(session, [unreadable()])
    assert comparison.missing(session) == []
    comparison.finish(session)
    rows = select(Difference).join(Difference.reconciliation).where(Reconciliation.provider_id == actor.provider_id)
    found = session.scalars(rows.order_by(Difference.id)).all()
    assert [(each.fields, each.visit_id) for each in found] == [("unreadable", None), ("", visit.id)]
    assert {each.state for each in found} == {DifferenceState.OPEN}


def test_an_unreadable_change_that_waits_already_is_no_difference(session: Session, actor: Actor) -> None:
    """One list is enough."""
    odd = unreadable()
    inbound.receive(session, actor, kept(session, actor, odd), NOW)
    comparison = begun(session, actor)
    comparison.unreadable(session, [odd])
    comparison.finish(session)
    own = Reconciliation.provider_id == actor.provider_id
    assert session.scalars(select(Difference).join(Difference.reconciliation).where(own)).all() == []


def test_another_woman_there_waits_for_a_person(session: Session, actor: Actor) -> None:
    """Neither side can be right by itself."""
    visit = ours(session, actor)
    kind, fields, state = only(compared(session, actor, then(held_there(session, actor, visit), patient=patient())))
    assert (kind, state) == (DifferenceKind.DIFFERS, DifferenceState.OPEN)
    assert fields.startswith("woman")


def test_a_change_that_was_dealt_with_and_still_differs_waits_for_a_person(session: Session, actor: Actor) -> None:
    """It was applied before, so applying it again would only go round."""
    visit, later = ours(session, actor), slot(session, actor)
    left = slot_id(session, actor, visit.slot)
    moved = then(held_there(session, actor, visit), slot=slot_id(session, actor, later))
    assert only(compared(session, actor, moved))[2] is DifferenceState.TAKEN_OVER
    session.refresh(visit)
    back = replace(moved, visit=replace(moved.visit, slot=left))
    compared(session, actor, replace(back, at=back.at + timedelta(minutes=1)))
    session.refresh(visit)
    assert only(compared(session, actor, moved))[2] is DifferenceState.OPEN


# what is not compared


def test_a_visit_with_a_message_under_way_is_not_compared(session: Session, actor: Actor) -> None:
    """What is merely late is no difference, whether the centre has it or not."""
    visit = ours(session, actor)
    there = then(held_there(session, actor, visit), by=ChangedBy.PROVIDER, urgent=True)
    message = session.scalars(select(OutboxMessage).where(*about(visit))).one()
    for state in (MessageState.PENDING, MessageState.REJECTED):
        message.state = state
        session.flush()
        assert compared(session, actor, there) == []
        assert compared(session, actor) == []
    message.state = MessageState.GIVEN_UP
    session.flush()
    assert only(compared(session, actor, there))[1] == "urgent"


def test_a_visit_changed_since_the_start_is_not_compared(session: Session, actor: Actor) -> None:
    """By its history, or by a message that was accepted since."""
    visit = ours(session, actor)
    there = then(held_there(session, actor, visit), by=ChangedBy.PROVIDER, urgent=True)
    assert compared(session, actor, there, started_at=LONG_BEFORE) == []
    message = session.scalars(select(OutboxMessage).where(*about(visit))).one()
    for column in ("created_at", "accepted_at"):
        setattr(message, column, STARTED + timedelta(seconds=1))
        session.flush()
        assert compared(session, actor, there) == []
        setattr(message, column, NOW)
        session.flush()
    assert only(compared(session, actor, there))[1] == "urgent"


def test_a_visit_of_hers_taken_over_since_the_start_is_not_compared(session: Session, actor: Actor) -> None:
    """It has no message of ours; its history tells."""
    change = booked(session, actor, slot(session, actor))
    inbound.receive(session, actor, kept(session, actor, change), NOW)
    there = then(change, by=ChangedBy.PROVIDER, urgent=True)
    assert compared(session, actor, there, started_at=LONG_BEFORE) == []
    assert only(compared(session, actor, there))[1] == "urgent"


def test_a_visit_that_was_never_told_is_not_missing(session: Session, actor: Actor) -> None:
    """Such as one that the centre refused and a person gave up."""
    visit = ours(session, actor)
    message = session.scalars(select(OutboxMessage).where(*about(visit))).one()
    message.state, message.accepted_at, visit.passed_at = MessageState.GIVEN_UP, None, None
    session.flush()
    assert compared(session, actor) == []


def test_a_visit_outside_the_days_is_not_missing(session: Session, actor: Actor) -> None:
    """The centre was asked for the days only."""
    ours(session, actor)
    row = reconciliation.begin(session, actor, Period(date(2028, 1, 1), date(2028, 1, 31)), NOW)
    comparison = replace(reconciliation.comparison_of(actor, row), started_at=STARTED)
    assert comparison.missing(session) is None


# decisions


def test_a_person_takes_over_what_the_centre_says_is_ours(session: Session, actor: Actor) -> None:
    """A visit that we lost with our data comes back, though the centre says that we sent it."""
    strange = replace(booked(session, actor, slot(session, actor)), by=ChangedBy.PROVIDER)
    (difference,) = compared(session, actor, strange)
    command = DecisionOnDifference(decision=Decision.TAKE_OVER, note="odtworzona kopia")
    decided = reconciliation.decide(session, actor, difference.id, command, NOW)
    assert (decided.state, decided.note, decided.decided_at) == (DifferenceState.TAKEN_OVER, "odtworzona kopia", NOW)
    visit = session.scalars(select(Visit).where(Visit.cer_extension == strange.visit.identifier.extension)).one()
    assert visit.status is VisitStatus.BOOKED
    again = refusal(session, lambda: reconciliation.decide(session, actor, difference.id, command, NOW))
    assert again == "difference_settled"


def test_a_person_sends_again_or_sets_aside(session: Session, actor: Actor) -> None:
    """What is not there cannot be taken over, what is not here cannot be sent."""
    visit = ours(session, actor)
    (missing,) = compared(session, actor, settled=False)
    strange = replace(booked(session, actor, slot(session, actor)), by=ChangedBy.PROVIDER)
    (unknown,) = compared(session, actor, held_there(session, actor, visit), strange)
    for difference, decision in ((missing, Decision.TAKE_OVER), (unknown, Decision.RESEND)):
        difference.state = DifferenceState.OPEN
        session.flush()
        command = DecisionOnDifference(decision=decision)
        act = lambda d=difference, c=command: reconciliation.decide(session, actor, d.id, c, NOW)  # noqa: E731
        assert refusal(session, act) == "decision_not_possible"
    sent = reconciliation.decide(session, actor, missing.id, DecisionOnDifference(decision=Decision.RESEND), NOW)
    assert (sent.state, waiting(session, visit)) == (DifferenceState.SENT_AGAIN, [MessageKind.SAVE_VISIT])
    dismissed = reconciliation.decide(session, actor, unknown.id, DecisionOnDifference(decision=Decision.DISMISS), NOW)
    assert dismissed.state is DifferenceState.DISMISSED
    stranger = Actor(factories.provider(session).id)
    command = DecisionOnDifference(decision=Decision.DISMISS)
    assert refusal(session, lambda: reconciliation.decide(session, stranger, sent.id, command, NOW)) == "not_found"


def test_the_next_comparison_closes_what_it_finds_in_order(session: Session, actor: Actor) -> None:
    """Or finds anew; what it could not compare stays open."""
    visit, other = ours(session, actor), ours(session, actor)
    strangers = [
        then(held_there(session, actor, each), by=ChangedBy.PROVIDER, patient=patient()) for each in (visit, other)
    ]
    compared(session, actor, *strangers)
    assert reconciliation.waiting(session, actor) == 2
    message = session.scalars(select(OutboxMessage).where(*about(other))).one()
    message.state = MessageState.PENDING
    session.flush()
    compared(session, actor, held_there(session, actor, visit), held_there(session, actor, other))
    (left,) = reconciliation.find_differences(session, actor, DifferenceFilter()).items
    assert left.visit_id == other.id


def test_lists_are_the_providers_own(session: Session, actor: Actor) -> None:
    """With filters; the differences are also told in numbers."""
    ours(session, actor)
    (difference,) = compared(session, actor)
    of_it = DifferenceFilter(
        reconciliation_id=difference.reconciliation_id,
        kind=DifferenceKind.MISSING_THERE,
        state=DifferenceState.SENT_AGAIN,
    )
    assert reconciliation.find_differences(session, actor, of_it).total == 1
    told = reconciliation.get_with_summary(session, actor, difference.reconciliation_id)
    assert told.differences == {"missing_there": {"sent_again": 1}}
    done = ReconciliationFilter(state=ReconciliationState.DONE)
    assert reconciliation.find(session, actor, done).total == 1
    stranger = Actor(factories.provider(session).id)
    assert reconciliation.find(session, stranger, done).total == 0
    assert reconciliation.find_differences(session, stranger, of_it).total == 0


# only one at a time


def test_a_second_comparison_is_refused_until_the_first_ends(session: Session, actor: Actor) -> None:
    """One whose lease ran out was interrupted and gives way."""
    first = reconciliation.begin(session, actor, PERIOD, NOW)
    again = refusal(session, lambda: reconciliation.begin(session, actor, PERIOD, NOW + timedelta(minutes=14)))
    assert again == "reconciliation_running"
    reconciliation.begin(session, actor, PERIOD, NOW + timedelta(minutes=16))
    session.refresh(first)
    assert (first.state, first.failure) == (ReconciliationState.FAILED, "interrupted")


def test_a_failure_is_noted(session: Session, actor: Actor) -> None:
    """With its reason."""
    comparison = begun(session, actor)
    comparison.fail(session, "ConnectTimeout")
    row = session.get_one(Reconciliation, comparison.reconciliation_id, populate_existing=True)
    assert (row.state, row.failure, row.leased_until) == (ReconciliationState.FAILED, "ConnectTimeout", None)


def test_once_a_day_after_the_hour(session: Session, actor: Actor) -> None:
    """Not before; not again that day; but again a while after a failure."""
    early, late = datetime(2027, 3, 1, 1, 59, tzinfo=UTC), datetime(2027, 3, 1, 2, 0, tzinfo=UTC)
    assert reconciliation.begin_daily(session, actor, early, 3) is None
    row = reconciliation.begin_daily(session, actor, late, 3)
    assert row is not None
    assert (row.first_day, row.last_day) == (date(2027, 1, 30), date(2027, 6, 29))
    assert reconciliation.begin_daily(session, actor, late + timedelta(minutes=1), 3) is None
    row.state, row.leased_until, row.finished_at = ReconciliationState.FAILED, None, late
    session.flush()
    assert reconciliation.begin_daily(session, actor, late + timedelta(minutes=14), 3) is None
    second = reconciliation.begin_daily(session, actor, late + timedelta(minutes=16), 3)
    assert second is not None
    second.state, second.leased_until, second.finished_at = ReconciliationState.DONE, None, late
    session.flush()
    assert reconciliation.begin_daily(session, actor, late + timedelta(hours=20), 3) is None
    assert reconciliation.begin_daily(session, actor, late + timedelta(hours=24), 3) is not None
