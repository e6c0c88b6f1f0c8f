"""Who has to be called, in which order, and what becomes of a call."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.models.audit import AuditEntry
from mobile_units.models.messages import CallResult, MessageToWoman
from mobile_units.rules.deliveries import DeliveryState
from mobile_units.rules.messages import NoticeKind
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.rules.wording import Language
from mobile_units.services import call_list
from mobile_units.services.actors import Actor
from mobile_units.services.call_list import CallFilter, CallMade
from mobile_units.services.messages_to_women import notify
from tests import factories
from tests import factories_messages as make
from tests.factories_booking import next_day
from tests.statements import refused

NOW = clock.now()


def listed(session: Session, actor: Actor) -> list[int]:
    """The visits on the list, in its order."""
    return [call.visit_id for call in call_list.find(session, actor, CallFilter(), NOW).items]


def test_the_soonest_appointment_comes_first_and_what_passed_comes_last(session: Session, actor: Actor) -> None:
    """Of a moved visit the sooner of both counts: she might come to the one that she knows."""
    today = next_day()
    late = make.visit(session, actor.provider_id, day=today - timedelta(days=20))
    far = make.visit(session, actor.provider_id, day=today + timedelta(days=9))
    near = make.visit(session, actor.provider_id, day=today + timedelta(days=3))
    old = make.visit(session, actor.provider_id, day=today)
    moved = make.visit(session, actor.provider_id, moved_from=old, day=today + timedelta(days=20))
    for visit in (late, far, near):
        notify(session, actor, visit, NoticeKind.BOOKED)
    notify(session, actor, moved, NoticeKind.MOVED)
    assert listed(session, actor) == [moved.id, near.id, far.id, late.id]
    first, *_, last = call_list.find(session, actor, CallFilter(), NOW).items
    assert (first.call_by, first.late, last.late) == (old.slot.starts_at, False, True)
    assert call_list.count(session, actor) == 4
    assert call_list.count(session, actor, (NOW, old.slot.starts_at)) == 1
    other = Actor(factories.provider(session).id)
    assert (listed(session, other), call_list.count(session, other)) == ([], 0)


def test_a_midwife_reads_whom_to_call_and_what_to_say(session: Session, actor: Actor) -> None:
    """In the language of the woman; that she was read is in the audit log."""
    make.named(session, actor.provider_id)
    visit = make.visit(session, actor.provider_id, sms="48 426 301 234")
    visit.woman.language, visit.woman.sms_consent_at = Language.ENGLISH, None
    notify(session, actor, visit, NoticeKind.BOOKED)
    (call,) = call_list.find_with_women(session, actor, CallFilter(kind=NoticeKind.BOOKED), NOW).items
    assert (call.given_name, call.family_name, call.woman_id) == ("Próba", "Testowa", visit.woman_id)
    assert call.text is not None
    assert "Centrum Próbne: appointment on" in call.text
    assert "Testowa" not in repr(call)
    read = select(AuditEntry).where(AuditEntry.action == "read", AuditEntry.subject_id == visit.woman_id)
    assert session.scalars(read.where(AuditEntry.provider_id == actor.provider_id)).one().subject == "woman"


def test_without_a_name_of_the_provider_there_is_no_text_but_a_call(session: Session, actor: Actor) -> None:
    """The reason says what is missing."""
    notify(session, actor, make.visit(session, actor.provider_id), NoticeKind.BOOKED)
    (call,) = call_list.find_with_women(session, actor, CallFilter(), NOW).items
    assert (call.text, call.text_missing) == (None, "provider_not_named")


def test_who_was_told_is_off_the_list_and_who_was_not_stays(session: Session, actor: Actor) -> None:
    """With the number of calls and the last one; nobody is told twice."""
    notify(session, actor, make.visit(session, actor.provider_id), NoticeKind.BOOKED)
    (row,) = make.messages(session, actor.provider_id)
    for number, result in enumerate((CallResult.NO_ANSWER, CallResult.WRONG_NUMBER), 1):
        call_list.record_call(session, actor, row.id, CallMade(result), NOW)
        (call,) = call_list.find(session, actor, CallFilter(), NOW).items
        assert (call.calls, call.called_at, call.call_result) == (number, NOW, result)
    told = call_list.record_call(session, actor, row.id, CallMade(CallResult.TOLD), NOW)
    assert (told.calls, listed(session, actor)) == (3, [])
    with refused("not_to_call"):
        call_list.record_call(session, actor, row.id, CallMade(CallResult.TOLD), NOW)
    with refused("not_found"):
        call_list.record_call(session, Actor(0), row.id, CallMade(CallResult.TOLD), NOW)


def test_what_a_machine_still_sends_is_not_told_by_telephone(session: Session, actor: Actor) -> None:
    """Else she would hear it twice."""
    notify(session, actor, make.visit(session, actor.provider_id, email=make.EMAIL), NoticeKind.BOOKED)
    (row,) = make.messages(session, actor.provider_id)
    with refused("not_to_call"):
        call_list.record_call(session, actor, row.id, CallMade(CallResult.TOLD), NOW)
    assert listed(session, actor) == []


def test_what_is_no_longer_so_is_left_out_unless_she_may_have_heard_it(session: Session, actor: Actor) -> None:
    """The woman cancelled herself: nobody calls her about a move, unless a message may have told her of it."""
    visits = [make.visit(session, actor.provider_id) for _ in range(2)]
    for visit in visits:
        notify(session, actor, visit, NoticeKind.BOOKED)
        visit.status, visit.cancelled_by = VisitStatus.CANCELLED, CancelledBy.WOMAN
    tried = session.scalars(select(MessageToWoman).where(MessageToWoman.visit_id == visits[1].id)).one()
    tried.attempts, tried.perhaps_arrived, tried.state = 1, True, DeliveryState.TO_CALL
    session.flush()
    (call,) = call_list.find(session, actor, CallFilter(), NOW).items
    assert (call.visit_id, call.perhaps_told) == (visits[1].id, True)
