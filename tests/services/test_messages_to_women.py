"""What is stored with a change that a woman has to hear of."""

from datetime import time

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mobile_units.models.audit import AuditEntry
from mobile_units.models.messages import CallResult, MessageToWoman
from mobile_units.models.visits import Visit
from mobile_units.rules.deliveries import DeliveryState
from mobile_units.rules.messages import Appointment, Channel, NoticeKind
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.services import appointments, messages_to_women
from mobile_units.services.actors import Actor
from mobile_units.services.messages_to_women import MessageFilter, notify
from tests import factories
from tests import factories_messages as make
from tests.factories_messages import EMAIL, TELEPHONE


def told(session: Session, actor: Actor) -> list[tuple[NoticeKind, DeliveryState, str | None]]:
    """Kind, state and reason of the messages, oldest first."""
    return [(row.kind, row.state, row.reason) for row in make.messages(session, actor.provider_id)]


@pytest.mark.parametrize(
    ("email", "sms", "channel"),
    [
        (EMAIL, TELEPHONE, Channel.EMAIL),
        (None, "600 000 000", Channel.SMS),
        (None, "+48426301234", Channel.CALL_LIST),
        (None, None, Channel.CALL_LIST),
    ],
)
def test_a_notice_goes_by_the_first_way_to_which_she_agreed(
    session: Session, actor: Actor, email: str | None, sms: str | None, channel: Channel
) -> None:
    """A telephone that takes no SMS, and no consent, mean a call at once."""
    visit = make.visit(session, actor.provider_id, email=email, sms=sms)
    notify(session, actor, visit, NoticeKind.BOOKED)
    (row,) = make.messages(session, actor.provider_id)
    state = DeliveryState.TO_CALL if channel is Channel.CALL_LIST else DeliveryState.WAITING
    assert (row.channel, row.state, row.attempts, row.woman_id) == (channel, state, 0, visit.woman_id)


def test_a_repetition_is_harmless_and_another_occasion_is_another_notice(session: Session, actor: Actor) -> None:
    """A stop may move twice; each version of its itinerary is one occasion."""
    visit = make.visit(session, actor.provider_id, email=EMAIL)
    was = Appointment(visit.slot.starts_at, "Osjaków", "przy GOK")
    for _ in range(2):
        notify(session, actor, visit, NoticeKind.STOP_MOVED, was=was, occasion="4")
    assert told(session, actor) == [(NoticeKind.STOP_MOVED, DeliveryState.WAITING, None)]
    session.execute(text("UPDATE messages_to_women SET state = 'sent'"))
    notify(session, actor, visit, NoticeKind.STOP_MOVED, was=was, occasion="5")
    assert [row.occasion for row in make.messages(session, actor.provider_id)] == ["4", "5"]


def test_a_moved_visit_knows_where_it_was(session: Session, actor: Actor) -> None:
    """The place is the landmark of the stop, as it is published."""
    old = make.visit(session, actor.provider_id, email=EMAIL, at=time(9))
    new = make.visit(session, actor.provider_id, moved_from=old, at=time(10))
    notify(session, actor, new, NoticeKind.MOVED)
    (row,) = make.messages(session, actor.provider_id)
    assert row.was is not None
    assert appointments.restored(row.was) == Appointment(old.slot.starts_at, "Wieluń", "przy Urzędzie Gminy")


def cancel(visit: Visit) -> None:
    """Cancels by the provider, without all that goes with it."""
    visit.status, visit.cancelled_by = VisitStatus.CANCELLED, CancelledBy.PROVIDER


def test_an_untold_notice_is_replaced_and_she_hears_from_what_she_knows(session: Session, actor: Actor) -> None:
    """Moved twice and then cancelled within a moment: she is told that her first appointment is off, and no more."""
    first = make.visit(session, actor.provider_id, email=EMAIL, at=time(9))
    second = make.visit(session, actor.provider_id, moved_from=first, at=time(10))
    notify(session, actor, second, NoticeKind.MOVED)
    third = make.visit(session, actor.provider_id, moved_from=second, at=time(11))
    notify(session, actor, third, NoticeKind.MOVED)
    cancel(third)
    notify(session, actor, third, NoticeKind.CANCELLED)
    replaced = (NoticeKind.MOVED, DeliveryState.DROPPED, "replaced")
    assert told(session, actor) == [replaced, replaced, (NoticeKind.CANCELLED, DeliveryState.WAITING, None)]
    assert make.messages(session, actor.provider_id)[-1].was == appointments.stored(
        appointments.of_visit(session, first.id)
    )


def test_nothing_is_told_where_all_is_as_she_knows_it(session: Session, actor: Actor) -> None:
    """A move that was undone before anybody heard of it."""
    first = make.visit(session, actor.provider_id, email=EMAIL, at=time(9))
    second = make.visit(session, actor.provider_id, moved_from=first, at=time(10))
    notify(session, actor, second, NoticeKind.MOVED)
    back = make.visit(session, actor.provider_id, moved_from=second, at=time(9))
    notify(session, actor, back, NoticeKind.MOVED)
    assert told(session, actor)[1] == (NoticeKind.MOVED, DeliveryState.DROPPED, "as_she_knows")


def test_what_was_tried_or_told_is_not_replaced(session: Session, actor: Actor) -> None:
    """She may know of it, so the next notice begins there; a call without an answer told her nothing."""
    for before in ({"attempts": 1}, {"call_result": CallResult.TOLD}, {"call_result": CallResult.NO_ANSWER}):
        own = Actor(factories.provider(session).id)
        first = make.visit(session, own.provider_id, at=time(9))
        second = make.visit(session, own.provider_id, moved_from=first, at=time(10))
        notify(session, own, second, NoticeKind.MOVED)
        (row,) = make.messages(session, own.provider_id)
        row.attempts, row.call_result = int("attempts" in before), before.get("call_result")  # type: ignore[assignment]  # of two types
        row.called_at = row.next_attempt_at if row.call_result else None
        third = make.visit(session, own.provider_id, moved_from=second, at=time(11))
        notify(session, own, third, NoticeKind.MOVED)
        known = first if row.call_result is CallResult.NO_ANSWER else second
        latest = make.messages(session, own.provider_id)[-1]
        assert latest.was == appointments.stored(appointments.of_visit(session, known.id)), before


def test_a_row_and_its_trace_hold_nothing_about_the_woman(session: Session, actor: Actor) -> None:
    """Neither name nor PESEL, neither address nor number; the audit log names her row."""
    visit = make.visit(session, actor.provider_id, email=EMAIL, sms=TELEPHONE)
    notify(session, actor, visit, NoticeKind.BOOKED)
    stored = session.execute(text("SELECT to_jsonb(m)::text FROM messages_to_women m")).scalars().all()
    woman = visit.woman
    for personal in (woman.given_name, woman.family_name, woman.identity_number, EMAIL, TELEPHONE):
        assert personal not in "".join(stored)
    own = AuditEntry.provider_id == actor.provider_id, AuditEntry.action == "notify"
    entry = session.scalars(select(AuditEntry).where(*own)).one()
    assert (entry.subject, entry.subject_id) == ("woman", visit.woman_id)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("ul. Przykładowa 1, 90-001 Łódź", ("ul. Przykładowa 1", "Łódź")),
        ("Łódź, ul. Próbna 1", ("ul. Próbna 1", "Łódź")),
        ("Rynek 3, 98-300 Wieluń", ("Rynek 3", "Wieluń")),
        ("Łódź", ("Łódź", "Łódź")),
    ],
)
def test_an_address_of_a_stationary_place_is_a_street_and_a_town(address: str, parts: tuple[str, str]) -> None:
    """In either order; a bare town is both."""
    assert appointments.in_parts(address) == parts


def test_messages_are_counted_and_listed_without_strangers(session: Session, actor: Actor) -> None:
    """Those of another provider are its own."""
    other = Actor(factories.provider(session).id)
    for own in (actor, other):
        notify(session, own, make.visit(session, own.provider_id), NoticeKind.BOOKED)
    found = messages_to_women.find(session, actor, MessageFilter(state=DeliveryState.TO_CALL, kind=NoticeKind.BOOKED))
    assert [isinstance(row, MessageToWoman) and row.provider_id for row in found.items] == [actor.provider_id]
    counted = messages_to_women.summary(session, actor)
    assert (counted.states[DeliveryState.TO_CALL], counted.to_call, counted.halted) == (1, 1, [])
