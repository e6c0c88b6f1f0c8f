"""Visits at risk: which, in what order, why, and what to do."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from mobile_units.models.initial_loads import InitialLoad, InitialLoadChunk, InitialLoadRow, LoadedRowState
from mobile_units.models.transmissions import AttemptOutcome, MessageState, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.services import risks
from mobile_units.services.actors import Actor
from mobile_units.services.queries import Paging
from mobile_units.services.risks import LATE_DAYS, RiskFilter, VisitAtRisk, When, Why
from tests import factories, factories_log

TODAY = date(2027, 3, 10)
NOW = datetime(2027, 3, 10, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def visit(session: Session, actor: Actor, days: int = 0, **values: Any) -> Visit:
    """A visit so many days from today."""
    return factories_log.visit(session, actor.provider_id, TODAY + timedelta(days=days), **values)


def queued(session: Session, visit: Visit, state: MessageState = MessageState.PENDING, **values: Any) -> OutboxMessage:
    """Its message, due a minute ago."""
    return factories_log.of_visit(session, visit, state, **{"due_at": NOW - timedelta(minutes=1), **values})


def found(session: Session, actor: Actor, **criteria: Any) -> list[int]:
    """The visits at risk."""
    return [each.visit_id for each in risks.find(session, actor, RiskFilter(**criteria), NOW).items]


def only(session: Session, actor: Actor) -> VisitAtRisk:
    """The only visit at risk."""
    (each,) = risks.find(session, actor, RiskFilter(), NOW).items
    return each


def test_todays_come_first_then_those_to_come_then_those_too_late(session: Session, actor: Actor) -> None:
    """Those to come in order of time, those too late beginning with the latest; each by itself as well."""
    days = (-20, -1, 3, 0, 1, 15, -LATE_DAYS - 1)
    long_ago, yesterday, third, today, tomorrow, far, forgotten = (visit(session, actor, day) for day in days)
    assert found(session, actor) == [each.id for each in (today, tomorrow, third, yesterday, long_ago)]
    assert found(session, actor, when=When.TODAY) == [today.id]
    assert found(session, actor, when=When.COMING, horizon_days=15) == [tomorrow.id, third.id, far.id]
    assert found(session, actor, when=When.LATE) == [yesterday.id, long_ago.id]
    assert risks.counts(session, actor, TODAY, 14) == {When.TODAY: 1, When.COMING: 2, When.LATE: 2}
    page = risks.find(session, actor, RiskFilter(Paging(2, 2)), NOW)
    assert ([each.visit_id for each in page.items], page.total) == ([third.id, yesterday.id], 5)
    assert forgotten.id not in found(session, actor, when=When.LATE)


def test_only_what_would_be_paid_is_at_risk(session: Session, actor: Actor) -> None:
    """Not what was passed, is urgent, held, cancelled or missed, nor what belongs to others."""
    performed = visit(session, actor, status=VisitStatus.PERFORMED)
    visit(session, actor, passed_at=NOW)
    visit(session, actor, urgent=True)
    visit(session, actor, status=VisitStatus.HELD)
    visit(session, actor, status=VisitStatus.NO_SHOW)
    visit(session, actor, status=VisitStatus.CANCELLED, cancelled_by=CancelledBy.WOMAN)
    visit(session, Actor(factories.provider(session).id))
    assert found(session, actor) == [performed.id]


def test_a_visit_that_changed_since_it_was_passed_is_listed(session: Session, actor: Actor) -> None:
    """Until the change is accepted, or its day is over; it is marked."""
    changed = visit(session, actor, passed_at=NOW - HOUR)
    stored = queued(session, changed)
    over = visit(session, actor, -1, passed_at=NOW - 30 * HOUR)
    queued(session, over)
    assert (only(session, actor).visit_id, only(session, actor).changed_since) == (changed.id, True)
    stored.state = MessageState.ACCEPTED
    session.flush()
    assert found(session, actor) == []


def test_a_message_on_its_way_needs_nobody(session: Session, actor: Actor) -> None:
    """Due a moment ago, or being sent."""
    queued(session, visit(session, actor))
    each = only(session, actor)
    assert (each.why, each.why.needs_a_person) == (Why.ON_ITS_WAY, False)
    assert "Wieluń" in each.subject.text_pl
    assert each.starts_at == datetime(2027, 3, 10, 8, tzinfo=UTC)


def test_a_message_that_nobody_takes_up_needs_a_worker(session: Session, actor: Actor) -> None:
    """After a quarter of an hour, also if a worker took it up and fell silent."""
    stored = queued(session, visit(session, actor), due_at=NOW - timedelta(minutes=16))
    assert only(session, actor).why is Why.NO_WORKER
    stored.state, stored.leased_until = MessageState.IN_PROGRESS, NOW - timedelta(minutes=16)
    session.flush()
    assert only(session, actor).why is Why.NO_WORKER
    stored.leased_until = NOW + timedelta(minutes=1)
    session.flush()
    assert only(session, actor).why is Why.ON_ITS_WAY


def test_a_rejected_visit_says_by_which_rule(session: Session, actor: Actor) -> None:
    """And since when."""
    stored = queued(session, visit(session, actor), MessageState.REJECTED)
    for hours, rule in ((3, "REG.WER.12"), (2, "REG.WER.13")):
        factories_log.attempt(session, stored, NOW - hours * HOUR, AttemptOutcome.REJECTED, "x", f"{rule}: brak")
    each = only(session, actor)
    assert (each.why, each.rule, each.since) == (Why.REJECTED, "REG.WER.13", NOW - 2 * HOUR)
    assert "REG.WER.13: W terminie nie ma wolnego miejsca." in each.detail_pl
    assert each.message_id == stored.id


def test_a_visit_behind_a_rejected_message_names_it(session: Session, actor: Actor) -> None:
    """However many messages are between them."""
    mine = visit(session, actor)
    schedule_id = mine.slot.schedule_id
    rejected = factories_log.message(
        session, actor.provider_id, MessageState.REJECTED, MessageKind.SAVE_SCHEDULE, schedule_id
    )
    factories_log.attempt(session, rejected, NOW - HOUR, AttemptOutcome.REJECTED, "x", "REG.WER.3: brak")
    slots = factories_log.message(session, actor.provider_id, kind=MessageKind.SAVE_SLOTS, requires=[rejected])
    queued(session, mine, requires=[slots])
    each = only(session, actor)
    assert (each.why, each.rule, list(each.blocked_by)) == (Why.WAITS_FOR_REJECTED, "REG.WER.3", [rejected.id])
    assert f"{rejected.id} (harmonogram" in each.detail_pl


@pytest.mark.parametrize("state", [MessageState.ACCEPTED, MessageState.GIVEN_UP])
def test_what_was_accepted_or_given_up_holds_nobody(session: Session, actor: Actor, state: MessageState) -> None:
    """The visit goes on."""
    slots = factories_log.message(session, actor.provider_id, state, MessageKind.SAVE_SLOTS)
    queued(session, visit(session, actor), requires=[slots])
    assert only(session, actor).why is Why.ON_ITS_WAY


@pytest.mark.parametrize(("minutes", "why"), [(1, Why.WAITS_FOR_OTHERS), (16, Why.NO_WORKER)])
def test_a_visit_behind_earlier_messages_waits_for_them(session: Session, actor: Actor, minutes: int, why: Why) -> None:
    """If nobody sends those, a worker is missing."""
    due_at = NOW - timedelta(minutes=minutes)
    slots = factories_log.message(session, actor.provider_id, kind=MessageKind.SAVE_SLOTS, due_at=due_at)
    queued(session, visit(session, actor), requires=[slots])
    each = only(session, actor)
    assert (each.why, list(each.blocked_by)) == (why, [slots.id])


def test_a_halted_link_and_an_open_breaker_hold_everything(session: Session, actor: Actor) -> None:
    """But what was rejected stays rejected."""
    queued(session, visit(session, actor))
    link = factories_log.link(
        session, actor.provider_id, failures=9, opened_at=NOW - HOUR, probe_at=NOW, halted_at=NOW, halted_reason="x",
        halted_code="certyfikatNiewazny",
    )  # fmt: skip
    each = only(session, actor)
    assert (each.why, each.since, "certyfikatNiewazny" in each.detail_pl) == (Why.LINK_HALTED, NOW, True)
    link.halted_at = link.halted_reason = None
    session.flush()
    assert (only(session, actor).why, only(session, actor).since) == (Why.BREAKER_OPEN, NOW - HOUR)
    stored = queued(session, visit(session, actor, 1), MessageState.REJECTED)
    page = risks.find(session, actor, RiskFilter(), NOW)
    assert {item.message_id: item.why for item in page.items}[stored.id] is Why.REJECTED


def test_a_visit_that_is_tried_again_says_since_when(session: Session, actor: Actor) -> None:
    """And how it failed last."""
    stored = queued(session, visit(session, actor))
    factories_log.attempt(session, stored, NOW - 2 * HOUR, AttemptOutcome.OUTCOME_UNKNOWN, None, "ReadTimeout")
    factories_log.attempt(session, stored, NOW - HOUR, AttemptOutcome.RETRYABLE, "bladWewnetrzny", "Błąd")
    each = only(session, actor)
    assert (each.why, each.since) == (Why.RETRYING, NOW - 2 * HOUR)
    assert "(bladWewnetrzny)" in each.detail_pl


def test_a_visit_without_a_message_or_with_one_given_up(session: Session, actor: Actor) -> None:
    """Both need a person; even so the visit is described."""
    visit(session, actor)
    each = only(session, actor)
    assert (each.why, each.message_id, each.why.needs_a_person) == (Why.NOT_QUEUED, None, True)
    assert "Wieluń" in each.subject.text_pl
    second = visit(session, actor, 1)
    queued(session, second, MessageState.GIVEN_UP, decided_at=NOW)
    assert risks.find(session, actor, RiskFilter(when=When.COMING), NOW).items[0].why is Why.GIVEN_UP


def test_a_visit_refused_in_an_initial_load_names_its_row(session: Session, actor: Actor) -> None:
    """The load as a whole was accepted."""
    mine = visit(session, actor)
    load = InitialLoad(provider_id=actor.provider_id, file_name="wizyty.csv", digest="d")
    session.add(load)
    session.flush()
    row = InitialLoadRow(row=7, visit_id=mine.id, state=LoadedRowState.REFUSED, code="x", rule="REG.WER.12")
    chunk = InitialLoadChunk(provider_id=actor.provider_id, load_id=load.id, number=1, rows=[row])
    session.add(chunk)
    session.flush()
    factories_log.message(session, actor.provider_id, MessageState.ACCEPTED, MessageKind.LOAD_VISITS, chunk.id)
    each = only(session, actor)
    assert (each.why, each.rule) == (Why.REFUSED_IN_LOAD, "REG.WER.12")
    assert "(wiersz 7)" in each.detail_pl


@pytest.mark.parametrize("why", Why)
def test_every_reason_says_what_to_do(why: Why) -> None:
    """In both languages."""
    assert all((why.name_pl, why.name_en, why.to_do_pl, why.to_do_en))
