"""Visits at risk: those that the NFZ will not pay for unless they are passed in time, why each is not, and what to do.

Urgent visits are exempt, so they are never at risk. A visit that was passed but changed since is listed as well: what
the central system holds of it is not what is true.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, text
from sqlalchemy.orm import Session, contains_eager

from mobile_units.models.initial_loads import InitialLoadRow, LoadedRowState
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import (
    AttemptOutcome,
    MessageState,
    OutboxMessage,
    TransmissionAttempt,
    TransmissionLink,
)
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_day, local_instant
from mobile_units.rules.refusals import meaning_of, rule_in
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import ACTIVE, VisitStatus
from mobile_units.services import subjects, transmissions
from mobile_units.services.actors import Actor
from mobile_units.services.queries import Page, Paging
from mobile_units.services.subjects import Subject
from mobile_units.services.words import KINDS_PL

TO_BE_PASSED = (ACTIVE | {VisitStatus.PERFORMED}) - {VisitStatus.HELD}
"""Visits that the NFZ pays for, or would pay for, only if they are passed; a short reservation is not one yet."""
PATIENCE = timedelta(minutes=15)
"""How long a message may wait for a worker before somebody looks whether there is one."""

LATE_DAYS = 62
"""How far back visits that are too late are listed; those before are in the report for settlement."""


class When(StrEnum):
    """When a visit takes place; `late` means that its day is over, so that only evidence of a fault can help."""

    TODAY = "today"
    COMING = "coming"
    LATE = "late"


class Why(StrEnum):
    """What keeps a visit from being passed."""

    REJECTED = "rejected"
    WAITS_FOR_REJECTED = "waits_for_rejected"
    REFUSED_IN_LOAD = "refused_in_load"
    GIVEN_UP = "given_up"
    NOT_QUEUED = "not_queued"
    LINK_HALTED = "link_halted"
    BREAKER_OPEN = "breaker_open"
    RETRYING = "retrying"
    WAITS_FOR_OTHERS = "waits_for_others"
    NO_WORKER = "no_worker"
    ON_ITS_WAY = "on_its_way"

    @property
    def needs_a_person(self) -> bool:
        """Whether it stays so until somebody does something."""
        return self in _NEED_A_PERSON

    @property
    def name_pl(self) -> str:
        """What it is, in Polish."""
        return _WORDS[self][0]

    @property
    def name_en(self) -> str:
        """What it is, in English."""
        return _WORDS[self][1]

    @property
    def to_do_pl(self) -> str:
        """What to do, in Polish."""
        return _WORDS[self][2]

    @property
    def to_do_en(self) -> str:
        """What to do, in English."""
        return _WORDS[self][3]


_NEED_A_PERSON = frozenset(
    {
        Why.REJECTED,
        Why.WAITS_FOR_REJECTED,
        Why.REFUSED_IN_LOAD,
        Why.GIVEN_UP,
        Why.NOT_QUEUED,
        Why.LINK_HALTED,
        Why.NO_WORKER,
    }
)
_WORDS = {
    Why.REJECTED: (
        "komunikat odrzucony",
        "its message was rejected",
        "Popraw dane i wyślij komunikat ponownie.",
        "Correct the data and resend the message.",
    ),
    Why.WAITS_FOR_REJECTED: (
        "czeka za odrzuconym komunikatem",
        "waits behind a rejected message",
        "Popraw i wyślij ponownie wskazany odrzucony komunikat.",
        "Correct and resend the rejected message that is named.",
    ),
    Why.REFUSED_IN_LOAD: (
        "odrzucona w zasileniu inicjalnym",
        "refused in the initial load",
        "Popraw wizytę według raportu zasilenia i przekaż ją.",
        "Correct the visit by the report of the load and pass it.",
    ),
    Why.GIVEN_UP: (
        "odstąpiono od wysyłki",
        "its message was given up",
        "Jeśli wizyta ma być opłacona, zmień ją lub zapisz od nowa, aby powstał nowy komunikat.",
        "If the visit is to be paid for, change it or book it anew, so that there is a new message.",
    ),
    Why.NOT_QUEUED: (
        "brak komunikatu o wizycie",
        "there is no message about it",
        "Zgłoś administratorowi.",
        "Tell an administrator.",
    ),
    Why.LINK_HALTED: (
        "wysyłka wstrzymana: system centralny nas nie wpuszcza",
        "sending is halted: we are not let in",
        "Administrator wyjaśnia certyfikat lub konto i wznawia wysyłkę (transmissions resume).",
        "An administrator mends the certificate or the account and resumes (transmissions resume).",
    ),
    Why.BREAKER_OPEN: (
        "system centralny nie odpowiada",
        "the central system does not answer",
        "Program sprawdza sam, czy system odpowiada. Próby są dowodem awarii (transmissions evidence).",
        "The program probes by itself. The attempts are evidence of the fault (transmissions evidence).",
    ),
    Why.RETRYING: (
        "ponawiana po nieudanych próbach",
        "tried again after failures",
        "Program ponawia sam. Próby są dowodem awarii (transmissions evidence).",
        "The program tries again by itself. The attempts are evidence of the fault (transmissions evidence).",
    ),
    Why.WAITS_FOR_OTHERS: (
        "czeka na wcześniejsze komunikaty",
        "waits for earlier messages",
        "Nic: zostanie wysłana po ich przyjęciu.",
        "Nothing: it is sent once they are accepted.",
    ),
    Why.NO_WORKER: (
        "nikt jej nie wysyła",
        "nobody sends it",
        "Sprawdź, czy działa `mobile-units worker`.",
        "See whether `mobile-units worker` runs.",
    ),
    Why.ON_ITS_WAY: ("w drodze", "on its way", "Nic.", "Nothing."),
}


@dataclass(frozen=True, slots=True)
class RiskFilter:
    """Which visits are wanted: all, or those of one `when`; coming ones up to `horizon_days` from today."""

    paging: Paging = Paging()
    when: When | None = None
    horizon_days: int = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitAtRisk:
    """A visit not passed, or changed since; `since` is when what keeps it began, `detail_pl` and `detail_en` say more.

    `message_id` is its message, `blocked_by` the messages that are waited for and themselves wait for none.
    """

    visit_id: int
    service_day: date
    starts_at: datetime
    when: When
    changed_since: bool
    subject: Subject
    why: Why
    since: datetime | None
    detail_pl: str
    detail_en: str
    rule: str | None
    message_id: int | None
    blocked_by: Sequence[int]


def find(session: Session, actor: Actor, criteria: RiskFilter, now: datetime) -> Page[VisitAtRisk]:
    """Visits at risk: today's first, then the coming ones by time, then those already too late, the latest first."""
    today = local_day(now)
    query = _query(actor, criteria, today)
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    paging = criteria.paging
    rows = session.scalars(query.limit(paging.page_size).offset((paging.page - 1) * paging.page_size)).unique().all()
    return Page(_explained(session, actor, rows, now), total, paging.page, paging.page_size)


def counts(session: Session, actor: Actor, today: date, horizon_days: int) -> Mapping[When, int]:
    """How many visits are at risk; a `when` without any counts zero."""
    query = _query(actor, RiskFilter(horizon_days=horizon_days), today)
    when = _when(today).label("when")
    counted = query.order_by(None).with_only_columns(when, func.count()).group_by(when)
    found = dict(iter(session.execute(counted)))
    return {each: found.get(each.value, 0) for each in When}


def _query(actor: Actor, criteria: RiskFilter, today: date) -> Select[Visit]:
    begins = {
        days: local_instant(today + timedelta(days=days), time())
        for days in (-LATE_DAYS, 0, 1, criteria.horizon_days + 1)
    }
    until = begins[1] if criteria.when is When.TODAY else begins[criteria.horizon_days + 1]
    bounds: dict[When | None, list[ColumnElement[bool]]] = {
        None: [Slot.starts_at >= begins[-LATE_DAYS], Slot.starts_at < until],
        When.TODAY: [Slot.starts_at >= begins[0], Slot.starts_at < until],
        When.COMING: [Slot.starts_at >= begins[1], Slot.starts_at < until],
        When.LATE: [Slot.starts_at >= begins[-LATE_DAYS], Slot.starts_at < begins[0]],
    }
    rank = case((_when(today) == When.TODAY.value, 0), (_when(today) == When.COMING.value, 1), else_=2)
    ahead = case((Slot.starts_at >= begins[0], Slot.starts_at), else_=None)
    return (
        select(Visit)
        .join(Visit.slot)
        .where(Visit.provider_id == actor.provider_id, _at_risk(begins[0]), *bounds[criteria.when])
        .options(contains_eager(Visit.slot))
        .order_by(rank, ahead, Slot.starts_at.desc(), Visit.id)
    )


def _when(today: date) -> ColumnElement[str]:
    begins, ends = (local_instant(today + timedelta(days=days), time()) for days in (0, 1))
    return case(
        (Slot.starts_at < begins, When.LATE.value), (Slot.starts_at < ends, When.TODAY.value), else_=When.COMING.value
    )


def _at_risk(today_begins: datetime) -> ColumnElement[bool]:
    """Not passed and to be paid for; or passed, its day not over, and a later change of it not accepted yet."""
    message = OutboxMessage
    untold = exists().where(
        message.kind == MessageKind.SAVE_VISIT,
        message.subject_id == Visit.id,
        message.state.not_in([MessageState.ACCEPTED, MessageState.GIVEN_UP]),
    )
    not_passed = Visit.passed_at.is_(None)
    changed = and_(Visit.passed_at.is_not(None), Slot.starts_at >= today_begins, untold)
    return and_(~Visit.urgent, Visit.status.in_(sorted(TO_BE_PASSED)), or_(not_passed, changed))


_ROOTS = text("""
WITH RECURSIVE awaited (held, id, state) AS (
    SELECT dependency.message_id, message.id, message.state FROM outbox_dependencies AS dependency
    JOIN outbox_messages AS message ON message.id = dependency.requires_id
    WHERE dependency.message_id = ANY (:ids) AND message.state NOT IN ('accepted', 'given_up')
    UNION
    SELECT awaited.held, message.id, message.state FROM awaited
    JOIN outbox_dependencies AS dependency ON dependency.message_id = awaited.id
    JOIN outbox_messages AS message ON message.id = dependency.requires_id
    WHERE message.state NOT IN ('accepted', 'given_up')
)
SELECT held, id FROM awaited WHERE state = 'rejected' OR NOT EXISTS (
    SELECT FROM outbox_dependencies AS dependency
    JOIN outbox_messages AS message ON message.id = dependency.requires_id
    WHERE dependency.message_id = awaited.id AND message.state NOT IN ('accepted', 'given_up')
)
ORDER BY held, id
""")


@dataclass(frozen=True, slots=True)
class _Known:
    """What is read once for all visits of a page."""

    link: TransmissionLink
    messages: Mapping[int, OutboxMessage]
    refused: Mapping[int, InitialLoadRow]
    roots: Mapping[int, Sequence[OutboxMessage]]
    rejections: Mapping[int, TransmissionAttempt]
    failures: Mapping[int, tuple[datetime, str]]
    subjects: Mapping[subjects.Key, Subject]
    now: datetime


def _explained(session: Session, actor: Actor, visits: Sequence[Visit], now: datetime) -> list[VisitAtRisk]:
    keys = [visit.id for visit in visits]
    messages = _messages(session, keys)
    roots = _roots(session, [message.id for message in messages.values()])
    awaited = {root.id: root for each in roots.values() for root in each}
    refused = select(InitialLoadRow).where(
        InitialLoadRow.visit_id.in_(keys), InitialLoadRow.state == LoadedRowState.REFUSED
    )
    involved = [*{message.id: message for message in messages.values()}.values(), *awaited.values()]
    known = _Known(
        link=transmissions.link(session, actor),
        messages=messages,
        refused={row.visit_id: row for row in session.scalars(refused)},
        roots=roots,
        rejections=transmissions.last_rejections(session, [message.id for message in involved]),
        failures=_failures(session, [message.id for message in messages.values()]),
        subjects=subjects.describe(session, [*involved, *_as_messages(keys)]),
        now=now,
    )
    return [_at_risk_visit(visit, known) for visit in visits]


def _as_messages(visit_ids: Sequence[int]) -> list[OutboxMessage]:
    """Visits without a message are described as well; these are never stored."""
    return [OutboxMessage(kind=MessageKind.SAVE_VISIT, subject_id=key) for key in visit_ids]


def _messages(session: Session, visit_ids: Sequence[int]) -> dict[int, OutboxMessage]:
    """By visit the message that decides: the oldest that is not accepted, else the newest; of a load if it has none."""
    message, row = OutboxMessage, InitialLoadRow
    loads = (
        select(row.visit_id, message)
        .join(message, and_(message.kind == MessageKind.LOAD_VISITS, message.subject_id == row.chunk_id))
        .where(row.visit_id.in_(visit_ids))
    )
    saves = (
        select(message.subject_id, message)
        .where(message.kind == MessageKind.SAVE_VISIT, message.subject_id.in_(visit_ids))
        .order_by(message.id)
    )
    by_visit: dict[int, list[OutboxMessage]] = {}
    for query in (loads, saves):
        for visit_id, found in session.execute(query):
            by_visit.setdefault(visit_id, []).append(found)
    return {visit_id: _deciding(found) for visit_id, found in by_visit.items()}


def _deciding(messages: Sequence[OutboxMessage]) -> OutboxMessage:
    done = {MessageState.ACCEPTED, MessageState.GIVEN_UP}
    return next((message for message in messages if message.state not in done), messages[-1])


def _roots(session: Session, message_ids: Sequence[int]) -> dict[int, list[OutboxMessage]]:
    pairs = session.execute(_ROOTS, {"ids": list(message_ids)}).all()
    query = select(OutboxMessage).where(OutboxMessage.id.in_({root for _, root in pairs}))
    messages = {message.id: message for message in session.scalars(query)}
    found: dict[int, list[OutboxMessage]] = {}
    for held, root in pairs:
        found.setdefault(held, []).append(messages[root])
    return found


def _failures(session: Session, message_ids: Sequence[int]) -> dict[int, tuple[datetime, str]]:
    """Since when each of the messages fails, and how it failed last."""
    log = TransmissionAttempt
    query = (
        select(log.message_id, log.started_at, log.code, log.description)
        .where(
            log.message_id.in_(message_ids),
            log.outcome.in_([AttemptOutcome.RETRYABLE, AttemptOutcome.OUTCOME_UNKNOWN, AttemptOutcome.HALTED]),
        )
        .order_by(log.message_id, log.id)
    )
    found: dict[int, tuple[datetime, str]] = {}
    for message_id, at, code, description in session.execute(query):
        first = found.get(message_id, (at, ""))[0]
        found[message_id] = (first, code or description or "")
    return found


@dataclass(frozen=True, slots=True)
class _Cause:
    why: Why
    since: datetime | None = None
    detail_pl: str = ""
    detail_en: str = ""
    rule: str | None = None
    blocked_by: Sequence[int] = ()


def _at_risk_visit(visit: Visit, known: _Known) -> VisitAtRisk:
    message = known.messages.get(visit.id)
    cause = _cause(visit, message, known)
    day, today = local_day(visit.slot.starts_at), local_day(known.now)
    return VisitAtRisk(
        visit_id=visit.id,
        service_day=day,
        starts_at=visit.slot.starts_at,
        when=When.TODAY if day == today else When.LATE if day < today else When.COMING,
        changed_since=visit.passed_at is not None,
        subject=known.subjects.get((MessageKind.SAVE_VISIT, visit.id), subjects.UNKNOWN),
        message_id=message.id if message else None,
        why=cause.why,
        since=cause.since,
        detail_pl=cause.detail_pl or cause.why.name_pl,
        detail_en=cause.detail_en or cause.why.name_en,
        rule=cause.rule,
        blocked_by=cause.blocked_by,
    )


def _cause(visit: Visit, message: OutboxMessage | None, known: _Known) -> _Cause:
    """What keeps a visit: first what only a person can mend about it, then the connection, then patience."""
    refused = known.refused.get(visit.id)
    settled = message is None or message.state is MessageState.ACCEPTED
    if settled and refused is not None:
        return _refused_row(refused)
    if settled or message is None:
        return _Cause(Why.NOT_QUEUED)
    if message.state is MessageState.REJECTED:
        return _rejected(Why.REJECTED, message, known)
    if message.state is MessageState.GIVEN_UP:
        return _Cause(Why.GIVEN_UP, message.decided_at)
    return _of_pending(message, known)


def _of_pending(message: OutboxMessage, known: _Known) -> _Cause:
    roots = known.roots.get(message.id, [])
    rejected = next((root for root in roots if root.state is MessageState.REJECTED), None)
    if rejected is not None:
        return _rejected(Why.WAITS_FOR_REJECTED, rejected, known)
    link = known.link
    if link.halted_at is not None:
        return _Cause(Why.LINK_HALTED, link.halted_at, *_told(Why.LINK_HALTED, link.halted_code))
    if link.opened_at is not None:
        return _Cause(Why.BREAKER_OPEN, link.opened_at, blocked_by=[root.id for root in roots])
    if roots:
        return _waits(roots, known)
    if message.id in known.failures:
        since, last = known.failures[message.id]
        return _Cause(Why.RETRYING, since, *_told(Why.RETRYING, last))
    return _queued(message, known.now)


def _queued(message: OutboxMessage, now: datetime) -> _Cause:
    waiting_since = message.leased_until or message.due_at
    return _Cause(Why.NO_WORKER if now - waiting_since > PATIENCE else Why.ON_ITS_WAY, message.due_at)


def _told(why: Why, more: str | None) -> tuple[str, str]:
    return (f"{why.name_pl} ({more})", f"{why.name_en} ({more})") if more else ("", "")


def _rejected(why: Why, message: OutboxMessage, known: _Known) -> _Cause:
    answer = known.rejections.get(message.id)
    rule = rule_in(answer.description) if answer else None
    meaning = meaning_of(answer.code if answer else None, rule)
    subject = subjects.subject_of(known.subjects, message).text_pl
    about = f" {message.id} ({subject})" if why is Why.WAITS_FOR_REJECTED else ""
    return _Cause(
        why,
        answer.started_at if answer else None,
        f"{why.name_pl}{about}: {_named(rule, meaning.code)}{meaning.pl}",
        f"{why.name_en}{about}: {_named(rule, meaning.code)}{meaning.en}",
        rule or meaning.code or None,
        [message.id] if why is Why.WAITS_FOR_REJECTED else [],
    )


def _named(rule: str | None, code: str) -> str:
    return f"{rule or code}: " if rule or code else ""


def _refused_row(row: InitialLoadRow) -> _Cause:
    meaning = meaning_of(row.code, row.rule)
    place_pl, place_en = f" (wiersz {row.row})", f" (row {row.row})"
    why = Why.REFUSED_IN_LOAD
    return _Cause(
        why,
        None,
        f"{why.name_pl}{place_pl}: {meaning.pl}",
        f"{why.name_en}{place_en}: {meaning.en}",
        row.rule or row.code,
    )


def _waits(roots: Sequence[OutboxMessage], known: _Known) -> _Cause:
    first = roots[0]
    subject = subjects.subject_of(known.subjects, first).text_pl
    stuck = all(_queued(root, known.now).why is Why.NO_WORKER for root in roots)
    why = Why.NO_WORKER if stuck else Why.WAITS_FOR_OTHERS
    more_pl = f"{why.name_pl}: {KINDS_PL[first.kind]} {first.id} ({subject})"
    more_en = f"{why.name_en}: {first.kind.value} {first.id} ({subject})"
    return _Cause(why, first.due_at, more_pl, more_en, blocked_by=[root.id for root in roots])
