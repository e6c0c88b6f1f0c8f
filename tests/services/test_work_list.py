"""Decisions about the hand-over: the list of work, sending again, giving up, resuming, and reading what was sent."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.initial_loads import LoadedRowState
from mobile_units.models.transmissions import AttemptOutcome, MessageState, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import VisitSource
from mobile_units.services import transmissions
from mobile_units.services.actors import Actor
from mobile_units.services.queries import Paging
from mobile_units.services.transmissions import GivingUp, WorkFilter
from tests import factories, factories_log
from tests.factories_transmission import load_chunk

NOW = datetime(2027, 3, 9, 12, tzinfo=UTC)
GIVING_UP = GivingUp("Wizyta odbyła się prywatnie.")


def reject(session: Session, stored: OutboxMessage, rule: str | None = "REG.WER.13", code: str = "x") -> OutboxMessage:
    """The message as the centre rejected it an hour ago."""
    text = f"{rule}: opis" if rule else "opis"
    factories_log.attempt(session, stored, NOW - timedelta(hours=1), AttemptOutcome.REJECTED, code, text)
    stored.state = MessageState.REJECTED
    session.flush()
    return stored


def rejected(session: Session, actor: Actor, rule: str | None = "REG.WER.13", code: str = "x") -> OutboxMessage:
    """A rejected message about something."""
    return reject(session, factories_log.message(session, actor.provider_id), rule, code)


def actions(session: Session, actor: Actor) -> list[tuple[str, int | None]]:
    """What the audit log holds of the provider, apart from women."""
    query = select(AuditEntry.action, AuditEntry.subject_id).where(
        AuditEntry.provider_id == actor.provider_id, AuditEntry.subject != "woman"
    )
    return [(action, key) for action, key in session.execute(query.order_by(AuditEntry.id))]


def test_the_list_of_work_says_what_to_correct(session: Session, actor: Actor) -> None:
    """Which message about what, what was answered, what that means, and what waits for it."""
    visit = factories_log.visit(session, actor.provider_id)
    stored = reject(session, factories_log.of_visit(session, visit), "REG.WER.12")
    first = factories_log.message(session, actor.provider_id, requires=[stored])
    factories_log.message(session, actor.provider_id, requires=[first])
    factories_log.message(session, actor.provider_id, MessageState.ACCEPTED)
    (item,) = transmissions.work_list(session, actor, WorkFilter()).items
    assert (item.message.id, item.rule, item.code, item.waiting) == (stored.id, "REG.WER.12", "x", 2)
    assert item.meaning.pl == "Termin nie istnieje w systemie centralnym."
    assert (item.subject.visit_id, item.subject.point) == (visit.id, "Wieluń, Plac Legionów")
    assert visit.woman.family_name not in item.subject.text_pl


def test_every_kind_of_subject_is_described(session: Session, actor: Actor) -> None:
    """By place, point, days and times; what is gone is said to be unknown."""
    visit = factories_log.visit(session, actor.provider_id)
    schedule = visit.slot.schedule
    subjects = {
        MessageKind.SAVE_SERVICE_PLACE: (schedule.service_place_id, f"miejsce {schedule.service_place.name}"),
        MessageKind.ACTIVATE_SERVICE_PLACE: (schedule.service_place_id, f"miejsce {schedule.service_place.name}"),
        MessageKind.IMPORT_MOBILE_POINTS: (schedule.mobile_point_id, "punkt mobilny Wieluń, Plac Legionów, 10.03.2027"),
        MessageKind.SAVE_SCHEDULE: (schedule.id, f"harmonogram {schedule.id}, 10.03.2027"),
        MessageKind.SAVE_SLOTS: (schedule.id, f"harmonogram {schedule.id}, 10.03.2027"),
        MessageKind.WITHDRAW_SLOTS: (schedule.id, f"harmonogram {schedule.id}, 10.03.2027"),
        MessageKind.SAVE_VISIT: (visit.id, f"wizyta {visit.id}, 10.03.2027 09:00"),
        MessageKind.CANCEL_VISIT: (visit.id, f"wizyta {visit.id}, 10.03.2027 09:00"),
        MessageKind.LOAD_VISITS: (2**40, "obiekt usunięty lub nieznany"),
    }
    assert set(subjects) == set(MessageKind)
    for kind, (key, text) in subjects.items():
        factories_log.message(session, actor.provider_id, MessageState.REJECTED, kind, key)
        (item,) = transmissions.work_list(session, actor, WorkFilter(kind=kind)).items
        assert item.subject.text_pl.startswith(text)


def test_the_last_rejection_counts(session: Session, actor: Actor) -> None:
    """Also for the filter; one without an attempt is listed all the same."""
    stored = rejected(session, actor, "REG.WER.12")
    reject(session, stored, "REG.WER.13")
    bare = factories_log.message(session, actor.provider_id, MessageState.REJECTED)
    items = {item.message.id: item for item in transmissions.work_list(session, actor, WorkFilter()).items}
    assert items[stored.id].rule == "REG.WER.13"
    assert (items[bare.id].rejected_at, items[bare.id].code) == (None, None)
    assert transmissions.work_list(session, actor, WorkFilter(rule="REG.WER.12")).total == 0


def test_the_list_is_filtered_by_rule_code_and_kind(session: Session, actor: Actor) -> None:
    """A code by its last segment, whatever its case; a page at a time; only the provider's own."""
    by_rule = rejected(session, actor, "REG.WER.1")
    rejected(session, actor, "REG.WER.13")
    by_code = rejected(session, actor, None, "urn:csioz:p1:kod:bladAutoryzacji")
    rejected(session, Actor(factories.provider(session).id), "REG.WER.1")

    def found(criteria: WorkFilter) -> list[int]:
        return [item.message.id for item in transmissions.work_list(session, actor, criteria).items]

    assert found(WorkFilter(rule="REG.WER.1")) == [by_rule.id]
    assert found(WorkFilter(rule="BladAutoryzacji")) == [by_code.id]
    assert found(WorkFilter(kind=MessageKind.SAVE_SLOTS)) == []
    assert found(WorkFilter(Paging(3, 1))) == [by_code.id]


def test_rejected_messages_are_sent_again_together(session: Session, actor: Actor) -> None:
    """All, or those of one rule; each is audited, and no other provider's is touched."""
    first, second = rejected(session, actor, "REG.WER.1"), rejected(session, actor, "REG.WER.2")
    foreign = rejected(session, Actor(factories.provider(session).id), "REG.WER.1")
    assert transmissions.resend_all(session, actor, "REG.WER.1", NOW) == 1
    assert (first.state, first.due_at, second.state) == (MessageState.PENDING, NOW, MessageState.REJECTED)
    assert transmissions.resend_all(session, actor, None, NOW) == 1
    assert transmissions.resend_all(session, actor, None, NOW) == 0
    assert foreign.state is MessageState.REJECTED
    assert actions(session, actor) == [("resend", first.id), ("resend", second.id)]


def test_a_rejected_message_is_given_up_with_a_reason(session: Session, actor: Actor) -> None:
    """Who decided when and why is kept; what waited for it waits no more."""
    user = factories.user(session, actor.provider_id)
    deciding = Actor(actor.provider_id, user.id)
    stored = rejected(session, actor)
    waiting = factories_log.message(session, actor.provider_id, requires=[stored])
    given_up = transmissions.give_up(session, deciding, stored.id, GIVING_UP, NOW)
    assert (given_up.state, given_up.note) == (MessageState.GIVEN_UP, GIVING_UP.reason)
    assert (given_up.decided_by, given_up.decided_at) == (user.id, NOW)
    assert actions(session, actor)[-1] == ("give_up", stored.id)
    session.expire_all()
    assert not transmissions.get(session, actor, waiting.id).blocked
    assert transmissions.work_list(session, actor, WorkFilter()).total == 0


@pytest.mark.parametrize("state", sorted(set(MessageState) - {MessageState.REJECTED}))
def test_only_a_rejected_message_is_given_up(session: Session, actor: Actor, state: MessageState) -> None:
    """Everything else goes by itself or has arrived; a foreign one does not exist."""
    leased_until = NOW if state is MessageState.IN_PROGRESS else None
    stored = factories_log.message(session, actor.provider_id, state, leased_until=leased_until)
    with pytest.raises(DomainError, match="not_rejected"):
        transmissions.give_up(session, actor, stored.id, GIVING_UP, NOW)
    with pytest.raises(DomainError, match="not_found"):
        transmissions.give_up(session, Actor(factories.provider(session).id), stored.id, GIVING_UP, NOW)


def cancelled(session: Session, visit: Visit) -> tuple[OutboxMessage, OutboxMessage]:
    """The rejected message of a visit, and its cancellation behind it."""
    saved = reject(session, factories_log.of_visit(session, visit))
    return saved, factories_log.of_visit(session, visit, kind=MessageKind.CANCEL_VISIT, requires=[saved])


def test_of_a_visit_never_passed_there_is_nothing_to_cancel(session: Session, actor: Actor) -> None:
    """With its message the cancellation behind it is given up as well."""
    saved, cancellation = cancelled(session, factories_log.visit(session, actor.provider_id))
    other = factories_log.message(session, actor.provider_id, kind=MessageKind.CANCEL_VISIT, requires=[saved])
    transmissions.give_up(session, actor, saved.id, GIVING_UP, NOW)
    assert (cancellation.state, cancellation.note) == (MessageState.GIVEN_UP, GIVING_UP.reason)
    assert other.state is MessageState.PENDING
    assert actions(session, actor) == [("give_up", saved.id), ("give_up", cancellation.id)]


def test_a_visit_that_the_centre_knows_is_cancelled_all_the_same(session: Session, actor: Actor) -> None:
    """It was passed, accepted before its path changed, or booked there."""
    passed = factories_log.visit(session, actor.provider_id, passed_at=NOW)
    accepted = factories_log.visit(session, actor.provider_id)
    factories_log.of_visit(session, accepted, MessageState.ACCEPTED, accepted_at=NOW)
    booked_there = factories_log.visit(
        session, actor.provider_id, source=VisitSource.IKP, cer_root="2.25", cer_extension=str(factories.number())
    )
    for visit in (passed, accepted, booked_there):
        saved, cancellation = cancelled(session, visit)
        transmissions.give_up(session, actor, saved.id, GIVING_UP, NOW)
        assert (saved.state, cancellation.state) == (MessageState.GIVEN_UP, MessageState.PENDING)


def test_a_visit_that_the_centre_may_hold_is_cancelled_all_the_same(session: Session, actor: Actor) -> None:
    """An attempt of unknown outcome came before the rejection."""
    saved, cancellation = cancelled(session, factories_log.visit(session, actor.provider_id))
    saved.uncertain = True
    session.flush()
    transmissions.give_up(session, actor, saved.id, GIVING_UP, NOW)
    assert (saved.state, cancellation.state) == (MessageState.GIVEN_UP, MessageState.PENDING)


def test_the_rows_of_a_load_that_is_given_up_are_refused(session: Session, actor: Actor) -> None:
    """So they are in the report, are compared again, and can be sent one by one; what was answered stays."""
    visit = factories_log.visit(session, actor.provider_id)
    answered = factories_log.visit(session, actor.provider_id)
    chunk = load_chunk(session, [visit, answered])
    waiting, accepted = chunk.rows
    accepted.state = LoadedRowState.ACCEPTED
    stored = reject(
        session, factories_log.message(session, actor.provider_id, kind=MessageKind.LOAD_VISITS, subject_id=chunk.id)
    )
    transmissions.give_up(session, actor, stored.id, GIVING_UP, NOW)
    session.expire_all()
    assert (waiting.state, waiting.code, waiting.rule) == (LoadedRowState.REFUSED, "x", "REG.WER.13")
    assert accepted.state is LoadedRowState.ACCEPTED


def test_a_halted_link_is_resumed(session: Session, actor: Actor) -> None:
    """Halt, breaker and failures are cleared, and who did it is kept; a second time there is nothing to resume."""
    factories_log.link(
        session, actor.provider_id, failures=5, opened_at=NOW, probe_at=NOW, halted_at=NOW, halted_code="x",
        halted_reason="x",
    )  # fmt: skip
    transmissions.resume(session, actor, clock.now())
    session.expire_all()
    link = transmissions.link(session, actor)
    cleared = (link.halted_at, link.halted_code, link.halted_reason, link.opened_at, link.probe_at, link.failures)
    assert cleared == (None, None, None, None, None, 0)
    assert actions(session, actor) == [("resume", actor.provider_id)]
    with pytest.raises(DomainError, match="not_halted"):
        transmissions.resume(session, actor, clock.now())


def test_a_link_never_used_is_not_halted(session: Session, actor: Actor) -> None:
    """There is no row yet, and asking makes none."""
    assert (transmissions.link(session, actor).failures, transmissions.link(session, actor).halted_at) == (0, None)
    with pytest.raises(DomainError, match="not_halted"):
        transmissions.resume(session, actor, clock.now())


def test_what_was_sent_is_read_and_that_is_audited(session: Session, actor: Actor) -> None:
    """As it was kept; where nothing left there is nothing, and a foreign attempt does not exist."""
    stored = factories_log.message(session, actor.provider_id)
    attempt = factories_log.attempt(session, stored, NOW)
    nothing = factories_log.attempt(session, stored, NOW, sent=None)
    session.expire_all()
    assert transmissions.sent(session, actor, attempt.id) == factories_log.ENVELOPE
    assert actions(session, actor) == [("read_sent", attempt.id)]
    with pytest.raises(DomainError, match="nothing_sent"):
        transmissions.sent(session, actor, nothing.id)
    with pytest.raises(DomainError, match="not_found"):
        transmissions.sent(session, Actor(factories.provider(session).id), attempt.id)


def test_the_reason_is_in_no_repr() -> None:
    """It is free text and may name somebody."""
    assert GIVING_UP.reason not in repr(GIVING_UP)
