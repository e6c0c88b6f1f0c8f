"""The connection of each provider to the central system: its circuit breaker, its halt and its pace.

One row for each provider is shared by all workers on all hosts. While all is well and the calls are not limited, it
is only read, and that within the search for a message (`deliveries`). Locks are taken in one order: subject, message,
link; so whoever holds the row of a link waits for no message.
"""

import random
from datetime import datetime

from sqlalchemy import Engine, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.models.transmissions import TransmissionLink
from mobile_units.rules.transmissions import Breaker, spacing
from mobile_units.transmission.gateway import Halted, Outcome, OutcomeUnknown, Retryable
from mobile_units.transmission.shared_clock import SharedClock

BARRED = "SELECT provider_id FROM transmission_links WHERE halted_at IS NOT NULL OR opened_at IS NOT NULL"
"""Providers of which nothing may be sent, unless it is a probe."""

PROBED = "SELECT provider_id FROM transmission_links WHERE halted_at IS NULL AND probe_at <= :now ORDER BY probe_at"
"""Providers whose connection has to be tried again by one message."""

ENTERED = """
    INSERT INTO transmission_links AS link (provider_id, failures, next_call_at)
    SELECT provider_id, 0, CAST(:now AS timestamptz) + CAST(:spacing AS interval) FROM entering
    ON CONFLICT (provider_id) DO UPDATE SET
        next_call_at = greatest(link.next_call_at, :now) + CAST(:spacing AS interval),
        probe_at = CASE WHEN link.probe_at IS NOT NULL
            THEN greatest(link.next_call_at, :now) + CAST(:lease AS interval) END
    WHERE link.halted_at IS NULL AND (link.probe_at IS NULL OR link.probe_at <= :now)
    RETURNING provider_id, next_call_at - CAST(:spacing AS interval) AS call_at, probe_at IS NOT NULL AS probe
"""
"""Reserves the time of a call for each provider in `entering`; no row if it is halted or somebody else probes.

An open breaker lets this call be the probe, and no other until its lease has run out.
"""

_PACE = text("""
INSERT INTO transmission_links AS link (provider_id, failures, next_call_at)
VALUES (:provider_id, 0, CAST(:now AS timestamptz) + CAST(:spacing AS interval))
ON CONFLICT (provider_id) DO UPDATE
SET next_call_at = greatest(link.next_call_at, :now) + CAST(:spacing AS interval)
RETURNING next_call_at - CAST(:spacing AS interval)
""")


def pace(session: Session, provider_id: int, now: datetime, calls_per_second: float) -> datetime:
    """Reserves the time of one more call: `now`, or as long after the call before it as the limit asks.

    Wait for it outside the transaction.
    """
    if not calls_per_second:
        return now
    values = {"provider_id": provider_id, "now": now, "spacing": spacing(calls_per_second)}
    call_at: datetime = session.scalars(_PACE, values).one()
    return call_at


def await_turn(engine: Engine, shared: SharedClock, provider_id: int, calls_per_second: float) -> None:
    """Reserves the time of one more call and waits for it, with no transaction open."""
    if not calls_per_second:
        return
    shared.keep(engine)
    with db.transaction(engine) as session:
        call_at = pace(session, provider_id, shared.now(), calls_per_second)
    shared.wait_until(call_at)


def note(session: Session, provider_id: int, outcome: Outcome, now: datetime, *, probe: bool = False) -> None:
    """Keeps what a call says of the connection.

    An answer of substance, whatever it says, closes the breaker, and lets go what waited for the connection. A call
    without one counts as a failure. Where we are not let in, nothing more is sent until a person resumes it.
    """
    if isinstance(outcome, Retryable | OutcomeUnknown):
        _count_failure(session, provider_id, now, probe=probe)
        return
    if isinstance(outcome, Halted):
        _halt(session, provider_id, outcome, now)
    if session.scalar(_CLOSE, {"provider_id": provider_id}):
        _let_go(session, provider_id, now)


def not_called(session: Session, provider_id: int, now: datetime) -> None:
    """A message that was to be the probe was not sent: another one may be it."""
    session.execute(_PROBE_NOW, {"provider_id": provider_id, "now": now})


def resume(session: Session, provider_id: int, now: datetime) -> None:
    """Ends a halt: everything is forgotten and all messages may go at once."""
    session.execute(_RESUME, {"provider_id": provider_id})
    _let_go(session, provider_id, now)


def _count_failure(session: Session, provider_id: int, now: datetime, *, probe: bool) -> None:
    link = _locked(session, provider_id)
    fraction = random.random()  # noqa: S311 -- spreads load, guards no secret
    breaker = Breaker(link.failures, link.opened_at, link.probe_at).after_failure(now, fraction, probe=probe)
    link.failures, link.opened_at, link.probe_at = breaker.failures, breaker.opened_at, breaker.probe_at
    session.flush()


def _halt(session: Session, provider_id: int, outcome: Halted, now: datetime) -> None:
    link = _locked(session, provider_id)
    if link.halted_at is None:
        link.halted_at, link.halted_code, link.halted_reason = now, outcome.code, outcome.reason
        session.flush()


def _locked(session: Session, provider_id: int) -> TransmissionLink:
    made = postgresql.insert(TransmissionLink).values(provider_id=provider_id, failures=0)
    session.execute(made.on_conflict_do_nothing())
    query = select(TransmissionLink).where(TransmissionLink.provider_id == provider_id)
    return session.scalars(query.with_for_update(key_share=True).execution_options(populate_existing=True)).one()


_CLOSE = text("""
UPDATE transmission_links AS link SET failures = 0, opened_at = NULL, probe_at = NULL
FROM (SELECT * FROM transmission_links WHERE provider_id = :provider_id FOR NO KEY UPDATE) AS before
WHERE link.provider_id = before.provider_id AND (before.failures > 0 OR before.opened_at IS NOT NULL)
RETURNING before.opened_at IS NOT NULL
""")

_PROBE_NOW = text("""
UPDATE transmission_links SET probe_at = :now WHERE provider_id = :provider_id AND probe_at IS NOT NULL
""")

_RESUME = text("""
UPDATE transmission_links
SET failures = 0, opened_at = NULL, probe_at = NULL, halted_at = NULL, halted_code = NULL, halted_reason = NULL
WHERE provider_id = :provider_id
""")

_DUE_NOW = text("""
UPDATE outbox_messages SET due_at = :now WHERE id IN (
    SELECT id FROM outbox_messages
    WHERE provider_id = :provider_id AND state = 'pending' AND due_at > :now
    FOR NO KEY UPDATE SKIP LOCKED
)
""")


def _let_go(session: Session, provider_id: int, now: datetime) -> None:
    """Ends the back-offs. A message that is locked is being claimed or recorded by somebody, so it is skipped."""
    session.execute(_DUE_NOW, {"provider_id": provider_id, "now": now})
