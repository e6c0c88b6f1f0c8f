"""The hand-over as its provider sees it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services import transmissions
from mobile_units.services.actors import Actor
from mobile_units.services.queries import Paging
from mobile_units.services.transmissions import TransmissionFilter
from tests import factories
from tests.factories_transmission import DAY, message

NOW = datetime(2027, 3, 9, 12, tzinfo=UTC)


def in_state(session: Session, stored: OutboxMessage, state: MessageState) -> OutboxMessage:
    """The message as if a worker had brought it there."""
    stored.state, stored.attempts = state, 1
    stored.accepted_at = NOW if state is MessageState.ACCEPTED else None
    stored.leased_until = NOW if state is MessageState.IN_PROGRESS else None
    session.flush()
    return stored


def found(session: Session, actor: Actor, criteria: TransmissionFilter) -> list[int]:
    """The keys of the messages found."""
    return [each.id for each in transmissions.find(session, actor, criteria).items]


def test_messages_are_listed_by_service_day(session: Session, actor: Actor) -> None:
    """The nearest first, a page at a time, and only the provider's own."""
    late = message(session, actor.provider_id, day=DAY + timedelta(days=1))
    early = message(session, actor.provider_id)
    message(session, factories.provider(session).id)
    assert found(session, actor, TransmissionFilter()) == [early.id, late.id]
    second = transmissions.find(session, actor, TransmissionFilter(Paging(page=2, page_size=1)))
    assert ([each.id for each in second.items], second.total) == ([late.id], 2)


def test_messages_are_found_by_state_kind_day_and_blockage(session: Session, actor: Actor) -> None:
    """Each filter alone; both ends of the days count."""
    rejected = in_state(session, message(session, actor.provider_id), MessageState.REJECTED)
    blocked = message(
        session, actor.provider_id, MessageKind.SAVE_SLOTS, day=DAY + timedelta(days=2), requires=[rejected]
    )
    assert found(session, actor, TransmissionFilter(state=MessageState.REJECTED)) == [rejected.id]
    assert found(session, actor, TransmissionFilter(kind=MessageKind.SAVE_SLOTS)) == [blocked.id]
    assert found(session, actor, TransmissionFilter(first_day=DAY, last_day=DAY)) == [rejected.id]
    assert found(session, actor, TransmissionFilter(first_day=DAY + timedelta(days=1))) == [blocked.id]
    assert found(session, actor, TransmissionFilter(blocked=True)) == [blocked.id]
    assert found(session, actor, TransmissionFilter(blocked=False)) == [rejected.id]


def test_a_blocked_message_says_what_it_waits_for(session: Session, actor: Actor) -> None:
    """Only for as long as that is not accepted."""
    required = message(session, actor.provider_id)
    waiting = message(session, actor.provider_id, requires=[required])
    assert [each.id for each in transmissions.get(session, actor, waiting.id).waits_for] == [required.id]
    assert waiting.blocked
    in_state(session, required, MessageState.ACCEPTED)
    session.expire_all()
    assert not transmissions.get(session, actor, waiting.id).blocked


def test_the_summary_counts_every_state(session: Session, actor: Actor) -> None:
    """Also the empty ones, and the blocked among the pending."""
    required = in_state(session, message(session, actor.provider_id), MessageState.REJECTED)
    message(session, actor.provider_id, requires=[required])
    message(session, actor.provider_id)
    message(session, factories.provider(session).id)
    counted = transmissions.summary(session, actor)
    assert counted.states == {
        MessageState.PENDING: 2,
        MessageState.IN_PROGRESS: 0,
        MessageState.ACCEPTED: 0,
        MessageState.REJECTED: 1,
        MessageState.GIVEN_UP: 0,
    }
    assert counted.blocked == 1


def test_a_rejected_message_is_sent_again(session: Session, actor: Actor) -> None:
    """Under the same identifier and at once; who did it is kept."""
    stored = in_state(session, message(session, actor.provider_id), MessageState.REJECTED)
    uuid = stored.uuid
    again = transmissions.resend(session, actor, stored.id, NOW)
    assert (again.state, again.due_at, again.uuid) == (MessageState.PENDING, NOW, uuid)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.provider_id == actor.provider_id)).one()
    assert (entry.action, entry.subject, entry.subject_id) == ("resend", "outbox_message", stored.id)


@pytest.mark.parametrize("state", sorted(set(MessageState) - {MessageState.REJECTED}))
def test_only_a_rejected_message_is_sent_again(session: Session, actor: Actor, state: MessageState) -> None:
    """Everything else goes by itself or has arrived."""
    stored = in_state(session, message(session, actor.provider_id), state)
    with pytest.raises(DomainError) as refused:
        transmissions.resend(session, actor, stored.id, NOW)
    assert (refused.value.code, refused.value.facts) == ("not_rejected", {"state": state.value})


def test_a_message_of_another_provider_does_not_exist(session: Session, actor: Actor) -> None:
    """Neither to be read nor to be sent again."""
    stored = in_state(session, message(session, factories.provider(session).id), MessageState.REJECTED)
    with pytest.raises(DomainError, match="not_found"):
        transmissions.get(session, actor, stored.id)
    with pytest.raises(DomainError, match="not_found"):
        transmissions.resend(session, actor, stored.id, NOW)
