"""Outages as one provider met them, read from the log."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.transmissions import AttemptOutcome, OutboxMessage
from mobile_units.rules import outages as rules
from mobile_units.services import outages
from mobile_units.services.actors import Actor
from mobile_units.services.evidence import call_of
from mobile_units.services.outages import OutageFilter
from tests import factories, factories_log

NOON = datetime(2027, 3, 10, 12, tzinfo=UTC)
DAY = date(2027, 3, 10)
MINUTE = timedelta(minutes=1)
ALL_DAY = OutageFilter(DAY, DAY)


@pytest.fixture
def stored(session: Session, actor: Actor) -> OutboxMessage:
    """A message to which attempts belong."""
    return factories_log.message(session, actor.provider_id)


def fail(session: Session, stored: OutboxMessage, *minutes: float, endpoint: str = factories_log.ENDPOINT) -> None:
    """Failures of the centre so many minutes after noon."""
    for each in minutes:
        factories_log.attempt(
            session, stored, NOON + each * MINUTE, AttemptOutcome.RETRYABLE, "bladWewnetrzny", endpoint=endpoint
        )


def test_an_outage_is_read_from_the_log(session: Session, actor: Actor, stored: OutboxMessage) -> None:
    """From the first failure to the next answer, whatever message got it."""
    fail(session, stored, 1, 2, 5)
    other = factories_log.message(session, actor.provider_id)
    for minutes in (0, 7, 9):
        factories_log.attempt(session, other, NOON + minutes * MINUTE)
    (found,) = outages.find(session, actor, ALL_DAY)
    assert (found.endpoint, found.outage.calls) == (factories_log.ENDPOINT, 3)
    assert (found.outage.begun_at, found.outage.ended_at) == (NOON + MINUTE, NOON + 7 * MINUTE)


def test_what_the_centre_never_got_does_not_end_an_outage(
    session: Session, actor: Actor, stored: OutboxMessage
) -> None:
    """A certificate that does not open, a message that does not fit, a server that we do not trust: no answers."""
    fail(session, stored, 1, 2)
    for minutes, outcome, code in (
        (3, AttemptOutcome.HALTED, "certificate_unusable"),
        (4, AttemptOutcome.REJECTED, "contract_mismatch"),
        (5, AttemptOutcome.HALTED, "tls_untrusted"),
    ):
        factories_log.attempt(session, stored, NOON + minutes * MINUTE, outcome, code)
    factories_log.attempt(session, stored, NOON + 7 * MINUTE)
    (found,) = outages.find(session, actor, ALL_DAY)
    assert (found.outage.ended_at, found.outage.calls, found.outage.unclear) == (NOON + 7 * MINUTE, 2, 1)


def test_each_endpoint_has_outages_of_its_own(session: Session, actor: Actor, stored: OutboxMessage) -> None:
    """An answer of one says nothing of the other."""
    fail(session, stored, 1, 3)
    factories_log.attempt(session, stored, NOON + 2 * MINUTE, endpoint="https://other.example/")
    fail(session, stored, 4, 6, endpoint="https://other.example/")
    found = outages.find(session, actor, ALL_DAY)
    assert [(each.endpoint, each.outage.ended_at) for each in found] == [
        (factories_log.ENDPOINT, None), ("https://other.example/", None)
    ]  # fmt: skip


def test_what_another_provider_met_is_not_told(session: Session, actor: Actor, stored: OutboxMessage) -> None:
    """Neither its failures nor its answers."""
    fail(session, stored, 1, 5)
    other = factories_log.message(session, factories.provider(session).id)
    factories_log.attempt(session, other, NOON + 3 * MINUTE)
    (found,) = outages.find(session, actor, ALL_DAY)
    assert found.outage.ended_at is None
    assert outages.find(session, Actor(factories.provider(session).id), ALL_DAY) == []


def test_the_days_are_polish_and_an_outage_may_reach_into_them(
    session: Session, actor: Actor, stored: OutboxMessage
) -> None:
    """One that began before or ends after is listed; one on another day is not."""
    eve = timedelta(hours=11, minutes=30)
    fail(session, stored, *(((eve + n * MINUTE) / MINUTE) for n in (-45, -20)))
    factories_log.attempt(session, stored, NOON + eve + MINUTE)
    days = [DAY - timedelta(days=1), DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)]
    assert [len(outages.find(session, actor, OutageFilter(day, day))) for day in days] == [0, 1, 1, 0]


def test_a_period_that_ends_before_it_begins_is_refused(session: Session, actor: Actor) -> None:
    """As everywhere."""
    with pytest.raises(DomainError, match="ends_before_start"):
        outages.find(session, actor, OutageFilter(DAY, DAY - timedelta(days=1)))


def test_reading_them_is_audited(session: Session, actor: Actor) -> None:
    """They are read to claim money."""
    outages.find(session, actor, ALL_DAY)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.provider_id == actor.provider_id)).one()
    assert (entry.action, entry.subject_id) == ("read_outages", actor.provider_id)


def test_the_last_call_is_one_that_was_made(session: Session, actor: Actor, stored: OutboxMessage) -> None:
    """Before an instant; where nothing was sent there was no call."""
    assert outages.last_call(session, actor.provider_id, NOON) is None
    factories_log.attempt(session, stored, NOON)
    factories_log.attempt(session, stored, NOON + MINUTE, AttemptOutcome.ALREADY_DELIVERED, "nothing_to_send")
    factories_log.attempt(session, stored, NOON + 3 * MINUTE)
    last = outages.last_call(session, actor.provider_id, NOON + 2 * MINUTE)
    assert last is not None
    assert (last.started_at, last.outcome) == (NOON, "delivered")


ATTEMPTS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from(AttemptOutcome),
        st.sampled_from(
            [None, "bladWewnetrzny", "nieznanyBlad", "nothing_to_send", "certificate_unusable", "tls_untrusted"]
        ),
        st.integers(0, 900_000),
    ),
    max_size=14,
)


@given(ATTEMPTS)
@example(
    [
        (0, AttemptOutcome.RETRYABLE, None, 0),
        (0, AttemptOutcome.DELIVERED, None, 0),
        (1, AttemptOutcome.DELIVERED, None, 0),
    ]
)
@profile(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_not_reading_what_went_well_changes_nothing(
    session: Session, attempts: list[tuple[int, AttemptOutcome, str | None, int]]
) -> None:
    """The database gives what the rule needs: the same outages as from the whole log."""
    stored = factories_log.message(session, factories.provider(session).id)
    made = [
        factories_log.attempt(session, stored, NOON + minutes * MINUTE, outcome, code, milliseconds=took)
        for minutes, outcome, code, took in attempts
    ]
    found = outages.between(session, stored.provider_id, NOON - MINUTE, NOON + timedelta(hours=2))
    assert [each.outage for each in found] == rules.outages(map(call_of, made))
