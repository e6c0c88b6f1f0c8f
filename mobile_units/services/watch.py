"""Watching over the hand-over: its figures, the same as metrics for Prometheus, and findings for a monitor.

The metrics also count the planning jobs and the messages to women, which the same worker does.

Everything is counted from the database at the time of asking, for one provider, so that any number of web processes
answers the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from mobile_units.models.inbound import InboundChange, InboundCursor, InboundState
from mobile_units.models.planning import JobState, PlanningJob
from mobile_units.models.reconciliation import Difference, DifferenceState, Reconciliation
from mobile_units.models.transmissions import (
    AttemptOutcome,
    MessageState,
    OutboxMessage,
    TransmissionAttempt,
    TransmissionLink,
)
from mobile_units.rules.calendar import local_day
from mobile_units.rules.messages import Channel
from mobile_units.services import call_list, messages_to_women, orphans, risks, transmissions
from mobile_units.services.actors import Actor
from mobile_units.services.messages_to_women import Summary
from mobile_units.services.orphans import OrphanCount
from mobile_units.services.queries import Paging
from mobile_units.services.risks import PATIENCE, RiskFilter, When, Why

HORIZON_DAYS = 14
STALE_READING = timedelta(hours=1)
"""How old the last reading of the centre's changes may be."""
CALLED_BEFORE = timedelta(days=1)
"""How long before her appointment a woman who is to be called is a finding."""
TODAY_LOOKED_AT = 500
"""How many of today's visits at risk are looked at one by one."""


class Severity(IntEnum):
    """How bad a finding is; the worst of them is the exit code of `transmissions check`."""

    FINE = 0
    NEEDS_A_PERSON = 1
    MONEY_TODAY = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One line for a monitor: a stable code, how many it concerns, and a sentence in both languages."""

    severity: Severity
    code: str
    count: int
    text_pl: str
    text_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The hand-over in numbers; ages are in seconds, None where there is nothing that could be old."""

    states: Mapping[MessageState, int]
    blocked: int
    oldest_due_seconds: float | None
    at_risk: Mapping[When, int]
    attempts_last_hour: Mapping[AttemptOutcome, int]
    link: TransmissionLink
    inbound_conflicts: int
    open_differences: int
    changes_read_seconds: float | None
    changes_failing: bool
    orphans: OrphanCount
    to_women: Summary
    women_to_call_soon: int


def figures(session: Session, actor: Actor, now: datetime) -> Figures:
    """The figures at the instant `now`."""
    counted = transmissions.summary(session, actor)
    cursor = session.get(InboundCursor, actor.provider_id)
    oldest = _oldest_due(session, actor, now)
    return Figures(
        states=counted.states,
        blocked=counted.blocked,
        oldest_due_seconds=(now - oldest).total_seconds() if oldest else None,
        at_risk=risks.counts(session, actor, local_day(now), HORIZON_DAYS),
        attempts_last_hour=_attempts(session, actor, now - timedelta(hours=1)),
        link=transmissions.link(session, actor),
        inbound_conflicts=_conflicts(session, actor),
        open_differences=_differences(session, actor),
        changes_read_seconds=(now - cursor.read_at).total_seconds() if cursor and cursor.read_at else None,
        changes_failing=cursor is not None and cursor.failed_at is not None,
        orphans=orphans.count(session, actor),
        to_women=messages_to_women.summary(session, actor),
        women_to_call_soon=call_list.count(session, actor, (now, now + CALLED_BEFORE)),
    )


def _oldest_due(session: Session, actor: Actor, now: datetime) -> datetime | None:
    """Since when the oldest message that could be sent is due."""
    message = OutboxMessage
    query = select(func.min(message.due_at)).where(
        message.provider_id == actor.provider_id,
        message.state == MessageState.PENDING,
        message.due_at <= now,
        ~message.waits_for.any(),
    )
    return session.scalar(query)


def _attempts(session: Session, actor: Actor, since: datetime) -> Mapping[AttemptOutcome, int]:
    log = TransmissionAttempt
    query = (
        select(log.outcome, func.count())
        .join(OutboxMessage, OutboxMessage.id == log.message_id)
        .where(OutboxMessage.provider_id == actor.provider_id, log.started_at >= since)
        .group_by(log.outcome)
    )
    found = dict(iter(session.execute(query)))
    return {outcome: found.get(outcome, 0) for outcome in AttemptOutcome}


def _conflicts(session: Session, actor: Actor) -> int:
    own = InboundChange.provider_id == actor.provider_id, InboundChange.state == InboundState.CONFLICT
    return session.scalars(select(func.count()).select_from(InboundChange).where(*own)).one()


def _differences(session: Session, actor: Actor) -> int:
    own = exists().where(
        Reconciliation.id == Difference.reconciliation_id, Reconciliation.provider_id == actor.provider_id
    )
    query = select(func.count()).select_from(Difference).where(Difference.state == DifferenceState.OPEN, own)
    return session.scalars(query).one()


# metrics


def metrics(session: Session, actor: Actor, now: datetime) -> str:
    """The figures in the text format of Prometheus; what has no value is left out."""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 -- takes long to load

    known = figures(session, actor, now)
    registry = CollectorRegistry()
    _count_messages(registry, known)
    _count_visits(registry, known)
    _tell_link(registry, known)
    _count_messages_to_women(registry, known)
    _gauge(registry, "planning_jobs", "Planning jobs of 90 days by state.", _planning_jobs(session, actor), "state")
    return generate_latest(registry).decode()


def _gauge(
    registry: object, name: str, meaning: str, values: Mapping[str, float] | float | None, label: str = ""
) -> None:
    from prometheus_client import Gauge  # noqa: PLC0415 -- takes long to load

    if values is None:
        return
    made = Gauge(f"mobile_units_{name}", meaning, [label] if label else [], registry=registry)  # type: ignore[arg-type]
    if isinstance(values, Mapping):
        for value, count in values.items():
            made.labels(value).set(count)
    else:
        made.set(values)


def _count_messages(registry: object, known: Figures) -> None:
    _gauge(registry, "messages", "Messages by state.", _by_word(known.states), "state")
    _gauge(registry, "messages_blocked", "Pending messages that wait for others.", known.blocked)
    _gauge(
        registry,
        "oldest_due_seconds",
        "Age of the oldest due message that waits for no other.",
        known.oldest_due_seconds or 0,
    )
    meaning = "Attempts of the last hour by outcome."
    _gauge(registry, "attempts_last_hour", meaning, _by_word(known.attempts_last_hour), "outcome")


def _count_visits(registry: object, known: Figures) -> None:
    meaning = f"Visits not passed, or changed since: of today, of the next {HORIZON_DAYS} days, or too late."
    _gauge(registry, "visits_at_risk", meaning, _by_word(known.at_risk), "when")
    _gauge(registry, "inbound_conflicts", "Changes of the centre that wait for a person.", known.inbound_conflicts)
    _gauge(registry, "open_differences", "Differences of reconciliations not settled.", known.open_differences)
    _gauge(registry, "orphaned_visits", "Visits in orphaned slots, which have to be moved.", known.orphans.visits)
    meaning = "Time since the changes of the centre were last read."
    _gauge(registry, "changes_read_age_seconds", meaning, known.changes_read_seconds)


def _tell_link(registry: object, known: Figures) -> None:
    link = known.link
    _gauge(registry, "link_halted", "1 if we are not let in and sending is halted.", float(link.halted_at is not None))
    _gauge(registry, "link_open", "1 if the circuit breaker is open.", float(link.opened_at is not None))
    _gauge(registry, "link_failures", "Calls in a row without an answer of substance.", float(link.failures))


def _count_messages_to_women(registry: object, known: Figures) -> None:
    states = {state.value: float(count) for state, count in known.to_women.states.items()}
    _gauge(registry, "messages_to_women", "Messages to women by state.", states, "state")
    _gauge(registry, "women_to_call", "Women who have to be told by telephone.", known.to_women.to_call)
    meaning = "Women who have to be told by telephone of what is within a day."
    _gauge(registry, "women_to_call_soon", meaning, known.women_to_call_soon)
    halted = {way.channel for way in known.to_women.halted}
    ways = {way.value: float(way in halted) for way in (Channel.EMAIL, Channel.SMS)}
    _gauge(registry, "way_to_women_halted", "1 if nothing is sent to women by this way.", ways, "way")


def _planning_jobs(session: Session, actor: Actor) -> dict[str, float]:
    query = select(PlanningJob.state, func.count()).where(PlanningJob.provider_id == actor.provider_id)
    found = dict(iter(session.execute(query.group_by(PlanningJob.state))))
    return {state.value: float(found.get(state, 0)) for state in JobState}


def _by_word(
    counts: Mapping[MessageState, int] | Mapping[When, int] | Mapping[AttemptOutcome, int],
) -> dict[str, float]:
    return {word.value: float(count) for word, count in counts.items()}


# findings


def check(session: Session, actor: Actor, now: datetime) -> list[Finding]:
    """What needs a person, the worst first; empty if all is well.

    Money is at stake today when a visit of today is not passed and does not go by itself within minutes, or when
    sending is halted or unanswered while there are such visits.
    """
    known = figures(session, actor, now)
    found = [*_of_today(session, actor, now), *_of_link(known, now), *_of_messages(known), *_of_centre(known)]
    found += [*_of_women(known), *_of_orphans(known)]
    return sorted(found, key=lambda finding: -finding.severity)


def severity(findings: list[Finding]) -> Severity:
    """The worst of the findings."""
    return max((finding.severity for finding in findings), default=Severity.FINE)


_NOT_STUCK = frozenset({Why.ON_ITS_WAY, Why.WAITS_FOR_OTHERS, Why.GIVEN_UP})
"""Goes by itself, or somebody decided already."""


def _of_today(session: Session, actor: Actor, now: datetime) -> Iterator[Finding]:
    criteria = RiskFilter(Paging(1, TODAY_LOOKED_AT), When.TODAY)
    page = risks.find(session, actor, criteria, now)
    stuck = [visit for visit in page.items if visit.why not in _NOT_STUCK]
    unseen = page.total - len(page.items)
    for changed, code in ((False, "visits_today"), (True, "visits_today_changed")):
        some = [visit for visit in stuck if visit.changed_since is changed]
        count = len(some) + (0 if changed else unseen)
        if count:
            first = (some[0].detail_pl.rstrip("."), some[0].detail_en.rstrip(".")) if some else ("-", "-")
            yield _visits_finding(code, count, *first)


def _visits_finding(code: str, count: int, first_pl: str, first_en: str) -> Finding:
    if code == "visits_today":
        return Finding(
            Severity.MONEY_TODAY,
            code,
            count,
            f"Dzisiejsze wizyty, które utknęły przed przekazaniem: {count}. Pierwsza: {first_pl}.",
            f"Visits of today that are stuck before they are passed: {count}. The first: {first_en}.",
        )
    return Finding(
        Severity.NEEDS_A_PERSON,
        code,
        count,
        f"Dzisiejsze wizyty przekazane, których późniejsza zmiana utknęła: {count}. Pierwsza: {first_pl}.",
        f"Visits of today that were passed, but a later change is stuck: {count}. The first: {first_en}.",
    )


def _of_link(known: Figures, now: datetime) -> Iterator[Finding]:
    link = known.link
    if link.halted_at is not None:
        more = link.halted_code or link.halted_reason
        yield Finding(
            Severity.NEEDS_A_PERSON,
            "link_halted",
            1,
            f"Wysyłka wstrzymana, system centralny nas nie wpuszcza: {more}. Po naprawie: transmissions resume.",
            f"Sending is halted, we are not let in: {more}. Once that is mended: transmissions resume.",
        )
    elif link.opened_at is not None and now - link.opened_at > PATIENCE:
        minutes = int((now - link.opened_at).total_seconds() // 60)
        yield Finding(
            Severity.NEEDS_A_PERSON,
            "link_open",
            link.failures,
            f"System centralny nie odpowiada od {minutes} min.",
            f"The central system has not answered for {minutes} minutes.",
        )
    elif known.oldest_due_seconds is not None and known.oldest_due_seconds > PATIENCE.total_seconds():
        minutes = int(known.oldest_due_seconds // 60)
        yield Finding(
            Severity.NEEDS_A_PERSON,
            "no_worker",
            1,
            f"Komunikat czeka na wysłanie od {minutes} min; sprawdź, czy działa `mobile-units worker`.",
            f"A message has been due for {minutes} minutes; see whether `mobile-units worker` runs.",
        )


def _of_messages(known: Figures) -> Iterator[Finding]:
    rejected, late = known.states[MessageState.REJECTED], known.at_risk[When.LATE]
    if rejected:
        yield Finding(
            Severity.NEEDS_A_PERSON,
            "rejected",
            rejected,
            f"Odrzucone komunikaty do poprawienia: {rejected} (transmissions list --state rejected).",
            f"Rejected messages to be corrected: {rejected} (transmissions list --state rejected).",
        )
    if late:
        yield Finding(
            Severity.NEEDS_A_PERSON,
            "visits_late",
            late,
            f"Wizyty nieprzekazane, choć ich dzień minął: {late} (transmissions at-risk, transmissions evidence).",
            f"Visits not passed though their day is over: {late} (transmissions at-risk, transmissions evidence).",
        )


def _of_orphans(known: Figures) -> Iterator[Finding]:
    found = known.orphans
    if found.first_at is not None:
        day = local_day(found.first_at)
        yield Finding(
            Severity.NEEDS_A_PERSON,
            "orphaned_slots",
            found.slots,
            f"Terminy osierocone: {found.slots}, wizyty do przeniesienia: {found.visits}, pierwsza {day:%d.%m.%Y}.",
            f"Orphaned slots: {found.slots}, visits to be moved: {found.visits}, the first on {day.isoformat()}.",
        )


def _of_centre(known: Figures) -> Iterator[Finding]:
    if known.inbound_conflicts:
        yield Finding(
            Severity.NEEDS_A_PERSON,
            "inbound_conflicts",
            known.inbound_conflicts,
            f"Zmiany z systemu centralnego czekające na decyzję: {known.inbound_conflicts}.",
            f"Changes of the centre that wait for a decision: {known.inbound_conflicts}.",
        )
    if known.open_differences:
        yield Finding(
            Severity.NEEDS_A_PERSON,
            "open_differences",
            known.open_differences,
            f"Nierozstrzygnięte różnice z uzgodnienia: {known.open_differences}.",
            f"Differences of reconciliations not settled: {known.open_differences}.",
        )
    age = known.changes_read_seconds
    if known.changes_failing or (age is not None and age > STALE_READING.total_seconds()):
        yield Finding(
            Severity.NEEDS_A_PERSON,
            "changes_not_read",
            1,
            "Zmiany z systemu centralnego nie są odczytywane; sprawdź `mobile-units worker` i dziennik.",
            "The changes of the centre are not being read; see `mobile-units worker` and its log.",
        )


def _of_women(known: Figures) -> Iterator[Finding]:
    for way in known.to_women.halted:
        yield Finding(
            Severity.NEEDS_A_PERSON,
            "way_to_women_halted",
            1,
            f"Wiadomości do pacjentek wstrzymane ({way.channel}): {way.reason}. Po naprawie: messages resume.",
            f"Messages to women are halted ({way.channel}): {way.reason}. Once that is mended: messages resume.",
        )
    if known.women_to_call_soon:
        yield Finding(
            Severity.NEEDS_A_PERSON,
            "women_to_call_soon",
            known.women_to_call_soon,
            f"Pacjentki, do których trzeba zadzwonić w ciągu doby: {known.women_to_call_soon}.",
            f"Women who have to be called within a day: {known.women_to_call_soon}.",
        )
