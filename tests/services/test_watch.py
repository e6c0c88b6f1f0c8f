"""Watching over the hand-over: figures, metrics and findings."""

from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.orm import Session

from mobile_units.models.inbound import InboundChange, InboundCursor, InboundState
from mobile_units.models.messages import HaltedWay
from mobile_units.models.planning import JobKind, JobState, PlanningJob
from mobile_units.models.reconciliation import (
    Difference,
    DifferenceKind,
    DifferenceState,
    Reconciliation,
    ReconciliationState,
)
from mobile_units.models.slots import SlotStatus
from mobile_units.models.transmissions import AttemptOutcome, MessageState
from mobile_units.rules.deliveries import DeliveryState
from mobile_units.rules.messages import Channel, NoticeKind
from mobile_units.rules.visits import ChangedBy, VisitStatus
from mobile_units.services import watch
from mobile_units.services.actors import Actor
from mobile_units.services.messages_to_women import notify
from mobile_units.services.watch import Severity
from tests import factories, factories_log, factories_messages

NOW = datetime(2027, 3, 10, 9, 30, tzinfo=UTC)
TODAY = NOW.date()
HOUR = timedelta(hours=1)


def codes(session: Session, actor: Actor) -> dict[str, tuple[Severity, int]]:
    """The findings by code."""
    return {each.code: (each.severity, each.count) for each in watch.check(session, actor, NOW)}


def metrics(session: Session, actor: Actor) -> dict[tuple[str, str], float]:
    """The samples by name and the value of their label."""
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(watch.metrics(session, actor, NOW))
        for sample in family.samples
    }


def change(session: Session, provider_id: int, state: InboundState) -> None:
    """A change of the centre in a state."""
    session.add(
        InboundChange(
            provider_id=provider_id, digest=str(factories.number()), cer_root="2.25", cer_extension="1", changed_at=NOW,
            changed_by=ChangedBy.WOMAN, content={}, state=state, code="slot_full",
        )
    )  # fmt: skip
    session.flush()


def difference(session: Session, provider_id: int, *states: DifferenceState) -> None:
    """Differences of one comparison."""
    made = Reconciliation(
        provider_id=provider_id, first_day=TODAY, last_day=TODAY, started_at=NOW, state=ReconciliationState.DONE
    )
    made.differences = [
        Difference(kind=DifferenceKind.DIFFERS, fields="", cer_root="2.25", cer_extension="1", state=state)
        for state in states
    ]
    session.add(made)
    session.flush()


def stuck_visit(session: Session, actor: Actor, days: int = 0, **values: Any) -> None:
    """A visit whose message was rejected."""
    visit = factories_log.visit(session, actor.provider_id, TODAY + timedelta(days=days), **values)
    rejected = factories_log.of_visit(session, visit, MessageState.REJECTED)
    factories_log.attempt(session, rejected, NOW - 2 * HOUR, AttemptOutcome.REJECTED, "x", "REG.WER.13: brak")


def test_nothing_is_found_where_all_is_well(session: Session, actor: Actor) -> None:
    """A visit of today on its way, one to come, and what others have to do."""
    for days in (0, 1):
        visit = factories_log.visit(session, actor.provider_id, TODAY + timedelta(days=days))
        factories_log.of_visit(session, visit, due_at=NOW)
    other = Actor(factories.provider(session).id)
    stuck_visit(session, other)
    change(session, other.provider_id, InboundState.CONFLICT)
    difference(session, other.provider_id, DifferenceState.OPEN)
    assert watch.check(session, actor, NOW) == []
    assert watch.severity([]) is Severity.FINE


def test_money_is_at_stake_if_a_visit_of_today_is_stuck(session: Session, actor: Actor) -> None:
    """The worst comes first and decides; it says what keeps the first visit."""
    stuck_visit(session, actor)
    found = watch.check(session, actor, NOW)
    assert [(each.code, each.severity, each.count) for each in found] == [
        ("visits_today", Severity.MONEY_TODAY, 1), ("rejected", Severity.NEEDS_A_PERSON, 1)
    ]  # fmt: skip
    assert "REG.WER.13" in found[0].text_pl
    assert watch.severity(found) is Severity.MONEY_TODAY


def test_a_visit_of_another_day_waits_for_a_person(session: Session, actor: Actor) -> None:
    """Money is not at stake today: one is to come, one is too late."""
    stuck_visit(session, actor, 1)
    assert codes(session, actor) == {"rejected": (Severity.NEEDS_A_PERSON, 1)}
    stuck_visit(session, actor, -1)
    assert codes(session, actor)["visits_late"] == (Severity.NEEDS_A_PERSON, 1)


def test_a_change_of_a_passed_visit_is_no_money_at_stake(session: Session, actor: Actor) -> None:
    """It was passed in time."""
    stuck_visit(session, actor, passed_at=NOW - HOUR)
    assert codes(session, actor)["visits_today_changed"] == (Severity.NEEDS_A_PERSON, 1)


def test_a_halted_link_needs_a_person(session: Session, actor: Actor) -> None:
    """And puts the visits of today at stake."""
    visit = factories_log.visit(session, actor.provider_id, TODAY)
    factories_log.of_visit(session, visit, due_at=NOW)
    factories_log.link(session, actor.provider_id, halted_at=NOW, halted_reason="x", halted_code="certyfikatNiewazny")
    assert codes(session, actor) == {
        "visits_today": (Severity.MONEY_TODAY, 1), "link_halted": (Severity.NEEDS_A_PERSON, 1)
    }  # fmt: skip


def test_an_open_breaker_is_told_after_a_while(session: Session, actor: Actor) -> None:
    """It often closes by itself within minutes."""
    link = factories_log.link(session, actor.provider_id, failures=7, opened_at=NOW - HOUR / 5, probe_at=NOW)
    assert codes(session, actor) == {}
    link.opened_at = NOW - HOUR
    session.flush()
    assert codes(session, actor) == {"link_open": (Severity.NEEDS_A_PERSON, 7)}


def test_a_message_that_nobody_sends_is_found(session: Session, actor: Actor) -> None:
    """Unless it waits for another, or its time has not come."""
    factories_log.message(session, actor.provider_id, due_at=NOW + HOUR)
    first = factories_log.message(session, actor.provider_id, due_at=NOW - HOUR / 5)
    factories_log.message(session, actor.provider_id, due_at=NOW - HOUR, requires=[first])
    assert codes(session, actor) == {}
    first.due_at = NOW - HOUR
    session.flush()
    assert codes(session, actor) == {"no_worker": (Severity.NEEDS_A_PERSON, 1)}


def test_what_the_centre_told_waits_for_decisions(session: Session, actor: Actor) -> None:
    """Conflicts and open differences; those settled do not count."""
    for state in (InboundState.CONFLICT, InboundState.APPLIED):
        change(session, actor.provider_id, state)
    difference(session, actor.provider_id, DifferenceState.OPEN, DifferenceState.OPEN, DifferenceState.DISMISSED)
    assert codes(session, actor) == {
        "inbound_conflicts": (Severity.NEEDS_A_PERSON, 1), "open_differences": (Severity.NEEDS_A_PERSON, 2)
    }  # fmt: skip


def test_visits_in_orphaned_slots_have_to_be_moved(session: Session, actor: Actor) -> None:
    """Found until nobody is booked there; counted as a metric."""
    visit = factories_log.visit(session, actor.provider_id, TODAY + timedelta(days=3), passed_at=NOW)
    visit.slot.status = SlotStatus.ORPHANED
    session.flush()
    [found] = watch.check(session, actor, NOW)
    assert (found.code, found.severity, found.count) == ("orphaned_slots", Severity.NEEDS_A_PERSON, 1)
    assert "13.03.2027" in found.text_pl
    assert metrics(session, actor)["mobile_units_orphaned_visits", ""] == 1
    visit.status = VisitStatus.PERFORMED
    session.flush()
    assert watch.check(session, actor, NOW) == []


def test_changes_have_to_be_read(session: Session, actor: Actor) -> None:
    """Within the hour and without a failure; where reading never began nothing is missed."""
    cursor = InboundCursor(provider_id=actor.provider_id, read_at=NOW - HOUR / 2)
    session.add(cursor)
    session.flush()
    assert codes(session, actor) == {}
    cursor.failed_at = NOW
    session.flush()
    assert "changes_not_read" in codes(session, actor)
    cursor.failed_at, cursor.read_at = None, NOW - 2 * HOUR
    session.flush()
    assert "changes_not_read" in codes(session, actor)


def test_metrics_tell_the_figures(session: Session, actor: Actor) -> None:
    """By the names on which alarms rest; a state without messages is zero; nothing of the process."""
    stuck_visit(session, actor)
    stuck_visit(session, actor, -1)
    due = factories_log.message(session, actor.provider_id, due_at=NOW - timedelta(seconds=90))
    factories_log.message(session, actor.provider_id, requires=[due])
    factories_log.attempt(session, due, NOW - HOUR / 2, AttemptOutcome.RETRYABLE)
    factories_log.link(session, actor.provider_id, failures=6, opened_at=NOW, probe_at=NOW)
    change(session, actor.provider_id, InboundState.CONFLICT)
    difference(session, actor.provider_id, DifferenceState.OPEN)
    session.add(InboundCursor(provider_id=actor.provider_id, read_at=NOW - timedelta(seconds=30)))
    session.add(PlanningJob(provider_id=actor.provider_id, kind=JobKind.PLAN, state=JobState.QUEUED, request={}))
    session.flush()
    told = metrics(session, actor)
    expected = {
        ("mobile_units_messages", "pending"): 2,
        ("mobile_units_messages", "in_progress"): 0,
        ("mobile_units_messages", "accepted"): 0,
        ("mobile_units_messages", "rejected"): 2,
        ("mobile_units_messages", "given_up"): 0,
        ("mobile_units_messages_blocked", ""): 1,
        ("mobile_units_oldest_due_seconds", ""): 90,
        ("mobile_units_visits_at_risk", "today"): 1,
        ("mobile_units_visits_at_risk", "coming"): 0,
        ("mobile_units_visits_at_risk", "late"): 1,
        ("mobile_units_link_halted", ""): 0,
        ("mobile_units_link_open", ""): 1,
        ("mobile_units_link_failures", ""): 6,
        ("mobile_units_inbound_conflicts", ""): 1,
        ("mobile_units_open_differences", ""): 1,
        ("mobile_units_changes_read_age_seconds", ""): 30,
        **{("mobile_units_attempts_last_hour", outcome.value): 0 for outcome in AttemptOutcome},
        ("mobile_units_attempts_last_hour", "retryable"): 1,
        **{("mobile_units_planning_jobs", state.value): 0 for state in JobState},
        ("mobile_units_planning_jobs", "queued"): 1,
        **{("mobile_units_messages_to_women", state.value): 0 for state in DeliveryState},
        ("mobile_units_women_to_call", ""): 0,
        ("mobile_units_women_to_call_soon", ""): 0,
        ("mobile_units_way_to_women_halted", "email"): 0,
        ("mobile_units_way_to_women_halted", "sms"): 0,
        ("mobile_units_orphaned_visits", ""): 0,
    }
    assert told == expected


def test_metrics_of_an_idle_provider(session: Session, actor: Actor) -> None:
    """What has no value is left out, the rest is zero."""
    told = metrics(session, actor)
    assert ("mobile_units_changes_read_age_seconds", "") not in told
    assert set(told.values()) == {0.0}


def test_a_halted_way_and_women_to_be_called_soon_are_findings(session: Session, actor: Actor) -> None:
    """A call that has time is daily work and no finding; all are counted."""
    session.add(HaltedWay(channel=Channel.EMAIL, halted_at=NOW, reason="SMTP 535"))
    for day in (TODAY + timedelta(days=1), TODAY + timedelta(days=9)):
        notify(session, actor, factories_messages.visit(session, actor.provider_id, day=day), NoticeKind.BOOKED)
    assert {"way_to_women_halted", "women_to_call_soon"} <= set(codes(session, actor))
    assert codes(session, actor)["women_to_call_soon"] == (Severity.NEEDS_A_PERSON, 1)
    known = metrics(session, actor)
    assert known["mobile_units_women_to_call", ""] == 2
    assert known["mobile_units_messages_to_women", "to_call"] == 2
    assert known["mobile_units_way_to_women_halted", "email"] == 1
    assert known["mobile_units_way_to_women_halted", "sms"] == 0
