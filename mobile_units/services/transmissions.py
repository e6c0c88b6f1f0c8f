"""The hand-over as its provider sees it: messages, how attempts ended, what a person has to correct, and decisions.

What was rejected is work for a person: it is corrected where it belongs and sent again, or given up with a reason.
Nothing leaves the list by itself.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import eq, ge, le
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, selectinload, undefer

from mobile_units.errors import DomainError
from mobile_units.models.initial_loads import InitialLoadRow, LoadedRowState
from mobile_units.models.transmissions import (
    AttemptOutcome,
    MessageState,
    OutboxDependency,
    OutboxMessage,
    TransmissionAttempt,
    TransmissionLink,
)
from mobile_units.models.visits import Visit
from mobile_units.rules.refusals import Meaning, meaning_of, rule_in
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import VisitSource
from mobile_units.services import subjects
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import Page, Paging, get_owned, page_of
from mobile_units.services.subjects import Subject
from mobile_units.transmission import links


@dataclass(frozen=True, slots=True)
class TransmissionFilter:
    """Which messages are wanted; days are service days, both included. `blocked` ones wait for unaccepted messages."""

    paging: Paging = Paging()
    state: MessageState | None = None
    kind: MessageKind | None = None
    subject_id: int | None = None
    first_day: date | None = None
    last_day: date | None = None
    blocked: bool | None = None


@dataclass(frozen=True, slots=True)
class TransmissionSummary:
    """How many messages are in each state, and how many of them wait for messages that are not accepted."""

    states: dict[MessageState, int]
    blocked: int


def find(session: Session, actor: Actor, criteria: TransmissionFilter) -> Page[OutboxMessage]:
    """Messages of the provider, those of the nearest service day first."""
    query = select(OutboxMessage).where(*_conditions(actor, criteria)).options(selectinload(OutboxMessage.waits_for))
    return page_of(session, query.order_by(OutboxMessage.service_day, OutboxMessage.id), criteria.paging)


def _conditions(actor: Actor, criteria: TransmissionFilter) -> list[Any]:
    message = OutboxMessage
    wanted = (
        (eq, message.state, criteria.state),
        (eq, message.kind, criteria.kind),
        (eq, message.subject_id, criteria.subject_id),
        (ge, message.service_day, criteria.first_day),
        (le, message.service_day, criteria.last_day),
        (eq, message.waits_for.any(), criteria.blocked),
    )
    given = [compare(column, value) for compare, column, value in wanted if value is not None]
    return [message.provider_id == actor.provider_id, *given]


def get(session: Session, actor: Actor, message_id: int) -> OutboxMessage:
    """One message with every attempt to deliver it."""
    loads = selectinload(OutboxMessage.waits_for), selectinload(OutboxMessage.log)
    return get_owned(session, actor, OutboxMessage, message_id, *loads)


def summary(session: Session, actor: Actor) -> TransmissionSummary:
    """The state of the provider's hand-over in numbers; a state without messages counts zero."""
    own = OutboxMessage.provider_id == actor.provider_id
    counts = select(OutboxMessage.state, func.count()).where(own).group_by(OutboxMessage.state)
    counted = dict(iter(session.execute(counts)))
    waiting = select(func.count()).select_from(OutboxMessage).where(own, OutboxMessage.state == MessageState.PENDING)
    blocked = session.scalars(waiting.where(OutboxMessage.waits_for.any())).one()
    return TransmissionSummary({state: counted.get(state, 0) for state in MessageState}, blocked)


@dataclass(frozen=True, slots=True)
class WorkFilter:
    """Which rejected messages are wanted; `rule` is a rule (REG.WER.n) or a code of the central system."""

    paging: Paging = Paging()
    rule: str | None = None
    kind: MessageKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """A rejected message: what it is about, what was answered, what that means, and how many messages wait for it."""

    message: OutboxMessage
    subject: Subject
    rejected_at: datetime | None
    code: str | None
    rule: str | None
    description: str | None
    event_uuid: str | None
    meaning: Meaning
    waiting: int


@dataclass(frozen=True, slots=True)
class GivingUp:
    """The decision not to send a rejected message again, and why."""

    reason: str = field(repr=False)


def work_list(session: Session, actor: Actor, criteria: WorkFilter) -> Page[WorkItem]:
    """The rejected messages, those of the nearest service day first, each with what a person needs to correct it."""
    query = select(OutboxMessage).where(*_rejected(actor, criteria.rule, criteria.kind))
    page = page_of(session, query.order_by(OutboxMessage.service_day, OutboxMessage.id), criteria.paging)
    answers = last_rejections(session, [message.id for message in page.items])
    about = subjects.describe(session, page.items)
    waiting = _waiting_for(session, [message.id for message in page.items])
    items = [
        _item(message, subjects.subject_of(about, message), answers.get(message.id), waiting.get(message.id, 0))
        for message in page.items
    ]
    return Page(items, page.total, page.page, page.page_size)


def _item(message: OutboxMessage, subject: Subject, answer: TransmissionAttempt | None, waiting: int) -> WorkItem:
    code, description = (answer.code, answer.description) if answer else (None, None)
    rule = rule_in(description)
    return WorkItem(
        message=message,
        subject=subject,
        rejected_at=answer.started_at if answer else None,
        code=code,
        rule=rule,
        description=description,
        event_uuid=answer.event_uuid if answer else None,
        meaning=meaning_of(code, rule),
        waiting=waiting,
    )


def _rejected(actor: Actor, rule: str | None, kind: MessageKind | None = None) -> list[ColumnElement[bool]]:
    message = OutboxMessage
    wanted = [message.provider_id == actor.provider_id, message.state == MessageState.REJECTED]
    if kind is not None:
        wanted.append(message.kind == kind)
    if rule is not None:
        wanted.append(message.id.in_(_rejected_by(rule)))
    return wanted


def _rejected_by(rule: str) -> Any:
    """Messages whose last rejection names a rule or has a code; a code is compared by its last segment."""
    log = TransmissionAttempt
    last = (
        select(log.message_id, log.code, log.description)
        .ext(distinct_on(log.message_id))
        .join(OutboxMessage, OutboxMessage.id == log.message_id)
        .where(log.outcome == AttemptOutcome.REJECTED, OutboxMessage.state == MessageState.REJECTED)
        .order_by(log.message_id, log.id.desc())
        .subquery()
    )
    named = func.substring(last.c.description, r"REG\.WER\.\d+") == rule
    segment = func.lower(func.substring(last.c.code, "[^:]*$")) == rule.casefold()
    return select(last.c.message_id).where(named | segment)


def last_rejections(session: Session, message_ids: Sequence[int]) -> Mapping[int, TransmissionAttempt]:
    """The last rejection of each of the messages that has one."""
    log = TransmissionAttempt
    query = (
        select(log)
        .ext(distinct_on(log.message_id))
        .where(log.message_id.in_(message_ids), log.outcome == AttemptOutcome.REJECTED)
        .order_by(log.message_id, log.id.desc())
    )
    return {attempt.message_id: attempt for attempt in session.scalars(query)}


_WAITING = text("""
WITH RECURSIVE waiting (root, id) AS (
    SELECT requires_id, message_id FROM outbox_dependencies WHERE requires_id = ANY (:ids)
    UNION
    SELECT waiting.root, dependency.message_id
    FROM waiting JOIN outbox_dependencies AS dependency ON dependency.requires_id = waiting.id
)
SELECT waiting.root, count(*) FROM waiting JOIN outbox_messages AS message ON message.id = waiting.id
WHERE message.state = 'pending'
GROUP BY waiting.root
""")


def _waiting_for(session: Session, message_ids: Sequence[int]) -> Mapping[int, int]:
    """How many messages wait for each of these, directly or through others."""
    return dict(iter(session.execute(_WAITING, {"ids": list(message_ids)})))


def resend(session: Session, actor: Actor, message_id: int, now: datetime) -> OutboxMessage:
    """Sends a rejected message again, after a person corrected what it is about; what waited for it can go on.

    Raises:
        DomainError: `not_rejected`, there is nothing to correct.
    """
    message = _locked_rejected(session, actor, message_id)
    message.state, message.due_at = MessageState.PENDING, now
    audit(session, actor, "resend", "outbox_message", message.id)
    session.flush()
    return message


def resend_all(session: Session, actor: Actor, rule: str | None, now: datetime) -> int:
    """Sends all rejected messages again, or those that broke one rule; returns how many.

    One that somebody else corrects or gives up at this moment is left to them: it is waited for by nobody who holds
    others.
    """
    query = select(OutboxMessage).where(*_rejected(actor, rule)).order_by(OutboxMessage.id)
    messages = session.scalars(query.with_for_update(key_share=True, skip_locked=True)).all()
    for message in messages:
        message.state, message.due_at = MessageState.PENDING, now
        audit(session, actor, "resend", "outbox_message", message.id)
    session.flush()
    return len(messages)


def give_up(session: Session, actor: Actor, message_id: int, command: GivingUp, now: datetime) -> OutboxMessage:
    """Decides that a rejected message is not sent again; what waited for it waits no more.

    Of a visit that the central system never accepted there is nothing to cancel there: with its message, the
    cancellation that waits behind it is given up as well. The visits of an initial load were refused with the whole.

    Raises:
        DomainError: `not_rejected`.
    """
    message = _locked_rejected(session, actor, message_id)
    _give_up(session, actor, message, command.reason, now)
    if message.kind is MessageKind.SAVE_VISIT and not _known_there(session, message.subject_id):
        for cancellation in _cancellations_behind(session, message):
            _give_up(session, actor, cancellation, command.reason, now)
    if message.kind is MessageKind.LOAD_VISITS:
        _refuse_rows(session, message)
    session.flush()
    return get(session, actor, message_id)


def _give_up(session: Session, actor: Actor, message: OutboxMessage, reason: str, now: datetime) -> None:
    message.state, message.note = MessageState.GIVEN_UP, reason
    message.decided_by, message.decided_at = actor.user_id, now
    audit(session, actor, "give_up", "outbox_message", message.id)


def _refuse_rows(session: Session, message: OutboxMessage) -> None:
    """Gives the rows of a chunk the answer to the whole, so that each can be sent by itself."""
    answer = last_rejections(session, [message.id]).get(message.id)
    code, description = (answer.code, answer.description) if answer else (None, None)
    waiting = InitialLoadRow.chunk_id == message.subject_id, InitialLoadRow.state == LoadedRowState.WAITING
    refused = {"state": LoadedRowState.REFUSED, "code": code, "rule": rule_in(description), "description": description}
    session.execute(update(InitialLoadRow).where(*waiting).values(**refused))


def _known_there(session: Session, visit_id: int) -> bool:
    """Whether the central system ever accepted the visit, or may have, or booked it itself."""
    message, row = OutboxMessage, InitialLoadRow
    arrived = message.accepted_at.is_not(None) | message.uncertain
    saved = exists().where(message.kind == MessageKind.SAVE_VISIT, message.subject_id == Visit.id, arrived)
    loaded = exists().where(row.visit_id == Visit.id, row.state == LoadedRowState.ACCEPTED)
    known = Visit.passed_at.is_not(None) | (Visit.source == VisitSource.IKP) | saved | loaded
    return session.scalar(select(Visit.id).where(Visit.id == visit_id, known)) is not None


def _cancellations_behind(session: Session, message: OutboxMessage) -> Sequence[OutboxMessage]:
    query = (
        select(OutboxMessage)
        .join(OutboxDependency, OutboxDependency.message_id == OutboxMessage.id)
        .where(
            OutboxDependency.requires_id == message.id,
            OutboxMessage.kind == MessageKind.CANCEL_VISIT,
            OutboxMessage.subject_id == message.subject_id,
            OutboxMessage.state.in_([MessageState.PENDING, MessageState.REJECTED]),
        )
        .order_by(OutboxMessage.id)
    )
    return session.scalars(query.with_for_update(key_share=True, of=OutboxMessage)).all()


def _locked_rejected(session: Session, actor: Actor, message_id: int) -> OutboxMessage:
    lock = select(OutboxMessage.id).where(
        OutboxMessage.id == message_id, OutboxMessage.provider_id == actor.provider_id
    )
    session.execute(lock.with_for_update(key_share=True))
    message = get(session, actor, message_id)
    if message.state is not MessageState.REJECTED:
        raise DomainError("not_rejected", state=message.state.value)
    return message


def link(session: Session, actor: Actor) -> TransmissionLink:
    """The provider's connection to the central system; one that was never used is as good as new."""
    found = session.get(TransmissionLink, actor.provider_id)
    return found or TransmissionLink(provider_id=actor.provider_id, failures=0)


def resume(session: Session, actor: Actor, now: datetime) -> TransmissionLink:
    """Lets a halted connection send again, once a person has mended why we were not let in; all that waits is due.

    Raises:
        DomainError: `not_halted`.
    """
    query = select(TransmissionLink).where(TransmissionLink.provider_id == actor.provider_id)
    found = session.scalars(query.with_for_update(key_share=True)).one_or_none()
    if found is None or found.halted_at is None:
        raise DomainError("not_halted")
    links.resume(session, actor.provider_id, now)
    audit(session, actor, "resume", "transmission_link", actor.provider_id)
    session.refresh(found)
    return found


def sent(session: Session, actor: Actor, attempt_id: int) -> str:
    """The envelope that an attempt sent, with personal data masked; reading it is audited.

    Raises:
        DomainError: `not_found`; `nothing_sent`, the attempt ended before anything left.
    """
    log = TransmissionAttempt
    query = (
        select(log)
        .join(OutboxMessage, OutboxMessage.id == log.message_id)
        .where(log.id == attempt_id, OutboxMessage.provider_id == actor.provider_id)
        .options(undefer(log.sent))
    )
    attempt = session.scalars(query).one_or_none()
    if attempt is None:
        raise DomainError("not_found", what=f"TransmissionAttempt {attempt_id}")
    if attempt.sent is None:
        raise DomainError("nothing_sent")
    audit(session, actor, "read_sent", "transmission_attempt", attempt.id)
    return zlib.decompress(attempt.sent).decode()
