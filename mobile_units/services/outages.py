"""Outages of the central system as one provider met them, from its log of attempts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.transmissions import OutboxMessage, TransmissionAttempt
from mobile_units.rules import outages as rules
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.outages import MINIMUM, NO_CALLS, NOT_TRUSTED, Call, Outage
from mobile_units.services.actors import Actor, audit

LONGEST_RUN = timedelta(days=2)
"""How far before a period is searched for the beginning of an outage that reaches into it."""


@dataclass(frozen=True, slots=True)
class OutageFilter:
    """The Polish days of a list, both included; `minimum_seconds` tells outages from momentary failures."""

    first_day: date
    last_day: date
    minimum_seconds: int = int(MINIMUM.total_seconds())


@dataclass(frozen=True, slots=True)
class EndpointOutage:
    """An outage, or a momentary failure, of one endpoint."""

    endpoint: str
    outage: Outage


def find(session: Session, actor: Actor, criteria: OutageFilter) -> Sequence[EndpointOutage]:
    """Outages and momentary failures that touch the days, in order; reading them is audited.

    Raises:
        DomainError: `ends_before_start`.
    """
    if criteria.last_day < criteria.first_day:
        raise DomainError("ends_before_start")
    audit(session, actor, "read_outages", "transmission_link", actor.provider_id)
    begins, ends = (
        local_instant(criteria.first_day, time()),
        local_instant(criteria.last_day + timedelta(days=1), time()),
    )
    return between(session, actor.provider_id, begins, ends, timedelta(seconds=criteria.minimum_seconds))


def between(
    session: Session, provider_id: int, begins: datetime, ends: datetime, minimum: timedelta = MINIMUM
) -> Sequence[EndpointOutage]:
    """Outages and momentary failures that touch the time from `begins` to `ends`."""
    found = [
        EndpointOutage(endpoint, outage)
        for endpoint, calls in _calls(session, provider_id, begins - LONGEST_RUN, ends).items()
        for outage in rules.outages(calls, minimum)
        if outage.begun_at < ends and (outage.ended_at is None or outage.ended_at > begins)
    ]
    return sorted(found, key=lambda each: (each.outage.begun_at, each.endpoint))


_OF_PROVIDER = """FROM transmission_attempts AS attempt
    JOIN outbox_messages AS message ON message.id = attempt.message_id AND message.provider_id = :provider_id"""
_CALL = "attempt.endpoint, attempt.started_at, attempt.milliseconds, attempt.outcome, attempt.code, attempt.description"
_UNANSWERED = ", ".join(f"'{code}'" for code in sorted({*NO_CALLS, NOT_TRUSTED}))
_ANSWERED = f"""attempt.outcome IN ('delivered', 'already_delivered', 'rejected', 'halted')
        AND coalesce(attempt.code, '') NOT IN ({_UNANSWERED})"""
_ENDED_AT = "attempt.started_at + attempt.milliseconds * interval '1 millisecond'"
_CALLS = text(f"""
WITH failed AS (
    SELECT {_CALL} {_OF_PROVIDER}
    WHERE (attempt.outcome IN ('retryable', 'outcome_unknown') OR attempt.code = '{NOT_TRUSTED}')
        AND attempt.started_at >= :begins AND attempt.started_at < :ends
), slowest AS (
    SELECT coalesce(max(attempt.milliseconds), 0) * interval '1 millisecond' AS took {_OF_PROVIDER}
    WHERE {_ANSWERED} AND attempt.started_at >= :begins AND attempt.started_at < :ends
)
SELECT * FROM failed
UNION ALL
SELECT DISTINCT answer.* FROM failed CROSS JOIN slowest
LEFT JOIN LATERAL (
    SELECT {_ENDED_AT} AS ended_at {_OF_PROVIDER}
    WHERE attempt.endpoint = failed.endpoint AND {_ANSWERED} AND attempt.started_at >= failed.started_at
        AND {_ENDED_AT} > failed.started_at
    ORDER BY attempt.started_at
    LIMIT 1
) AS next ON true
CROSS JOIN LATERAL (
    SELECT {_CALL} {_OF_PROVIDER}
    WHERE attempt.endpoint = failed.endpoint AND {_ANSWERED}
        AND attempt.started_at >= failed.started_at - slowest.took
        AND attempt.started_at <= coalesce(next.ended_at, 'infinity')
        AND {_ENDED_AT} > failed.started_at
    ORDER BY {_ENDED_AT}, attempt.started_at
    LIMIT 1
) AS answer
""")  # noqa: S608 -- put together from constants
"""Every failure, and for each the first answer that came after it began: all that the rule needs to know.

What went well is not read, so that a month of many calls is no burden.
"""


def _calls(session: Session, provider_id: int, begins: datetime, ends: datetime) -> dict[str, list[Call]]:
    rows = session.execute(_CALLS, {"provider_id": provider_id, "begins": begins, "ends": ends})
    found: dict[str, list[Call]] = {}
    for endpoint, *call in rows:
        found.setdefault(endpoint, []).append(Call(*call))
    return found


def last_call(session: Session, provider_id: int, before: datetime) -> Call | None:
    """The provider's last call that began before an instant; what was wrong with one message tells of no other."""
    log = TransmissionAttempt
    query = (
        select(log.started_at, log.milliseconds, log.outcome, log.code, log.description)
        .join(OutboxMessage, OutboxMessage.id == log.message_id)
        .where(OutboxMessage.provider_id == provider_id, log.started_at < before)
        .where(func.coalesce(log.code, "").not_in(["nothing_to_send", "contract_mismatch"]))
        .order_by(log.started_at.desc())
        .limit(1)
    )
    row = session.execute(query).one_or_none()
    return Call(row[0], row[1], row[2].value, row[3], row[4]) if row else None
