"""The hand-over as its provider sees it: messages, what they wait for, how attempts ended; and sending again."""

from dataclasses import dataclass
from datetime import date, datetime
from operator import eq, ge, le
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from mobile_units.errors import DomainError
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import Page, Paging, get_owned, page_of


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


def resend(session: Session, actor: Actor, message_id: int, now: datetime) -> OutboxMessage:
    """Sends a rejected message again, after a person corrected what it is about; what waited for it can go on.

    Raises:
        DomainError: `not_rejected`, there is nothing to correct.
    """
    lock = select(OutboxMessage.id).where(
        OutboxMessage.id == message_id, OutboxMessage.provider_id == actor.provider_id
    )
    session.execute(lock.with_for_update(key_share=True))
    message = get(session, actor, message_id)
    if message.state is not MessageState.REJECTED:
        raise DomainError("not_rejected", state=message.state.value)
    message.state, message.due_at = MessageState.PENDING, now
    audit(session, actor, "resend", "outbox_message", message.id)
    session.flush()
    return message
