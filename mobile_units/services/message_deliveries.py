"""The way of a message to a woman, step by step as `rules.deliveries` tells it.

Each function is one transaction of the one who sends; between `claim` and `record` none is open. Every `now` is the
database's time. Nothing but rows of messages is ever locked here.

What a message says and where it goes is made when it is claimed, from what is true then, and is stored nowhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.messages import HaltedWay, MessageToWoman
from mobile_units.models.women import Woman
from mobile_units.rules import deliveries as rules
from mobile_units.rules.deliveries import DeliveryState, Found, Memory, Outcome, SendResult, Standing
from mobile_units.rules.messages import Channel, Letter, channels, compose
from mobile_units.services import notices
from mobile_units.services.messages_to_women import contact_of

LEASE = timedelta(minutes=5)
SETTLING = timedelta(minutes=2)
"""Longer than the longest call; both are counted from the beginning of an attempt."""
LOOK_AGAIN = timedelta(minutes=2)
PATIENCE = timedelta(hours=1)
"""What a machine could not deliver in this time is a person's; nobody should stand at a place that is not there."""
LONGEST_BACK_OFF = timedelta(minutes=10)

OVERTAKEN = "overtaken"
NO_WAY = "no_way"
NOT_IN_TIME = "not_in_time"
LEASE_ENDED = "lease_ended"


class Sender(Protocol):
    """One way of sending."""

    def memory(self, first_attempt: datetime, now: datetime) -> Memory:
        """What the receiver still knows now of a letter that was first tried then."""

    def send(self, letter: Letter) -> Outcome:
        """Hands a letter over, with no transaction open; a DomainError means that nothing was sent."""

    def lookup(self, uuid: UUID) -> Found:
        """Asks the receiver for a letter."""


Senders = Mapping[Channel, Sender]
"""The ways that are open; a way that is missing is one that nobody set up."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that its claimer alone may send until `leased_until`."""

    id: int
    channel: Channel
    attempts: int
    leased_until: datetime
    letter: Letter


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message of which nobody knows whether it arrived, and whose receiver can be asked."""

    id: int
    channel: Channel
    attempts: int
    uuid: UUID


def claim(session: Session, now: datetime, senders: Senders, lease: timedelta = LEASE) -> Claimed | None:
    """Takes the message that is due longest and can be sent; None if there is none. Commit before sending it.

    On the way those are settled that need no sending, or cannot be sent.
    """
    while (row := session.scalars(_DUE.where(MessageToWoman.next_attempt_at <= now)).one_or_none()) is not None:
        letter = _prepared(session, row, now, senders)
        if letter is not None:
            row.state, row.leased_until, row.next_attempt_at = DeliveryState.CLAIMED, now + lease, now + SETTLING
            row.attempts, row.first_attempt_at = row.attempts + 1, row.first_attempt_at or now
            session.flush()
            return Claimed(row.id, row.channel, row.attempts, now + lease, letter)
        session.flush()
    return None


_HALTED = select(HaltedWay.channel)


def _one(*conditions: ColumnElement[bool]) -> Select[MessageToWoman]:
    query = select(MessageToWoman).where(*conditions).order_by(MessageToWoman.next_attempt_at, MessageToWoman.id)
    return query.limit(1).with_for_update(skip_locked=True).execution_options(populate_existing=True)


_DUE = _one(MessageToWoman.state == DeliveryState.WAITING, MessageToWoman.channel.not_in(_HALTED))


def _prepared(session: Session, row: MessageToWoman, now: datetime, senders: Senders) -> Letter | None:
    """The letter of a waiting message that is sent now; None once the message became something else."""
    if not session.scalar(select(notices.is_true(now)).where(MessageToWoman.id == row.id)):
        row.state = DeliveryState.TO_CALL if row.attempts else DeliveryState.DROPPED
        row.reason = OVERTAKEN
        return None
    if row.channel not in _open_ways(session, row, senders):
        _settle(session, row, _refused(row), NO_WAY, senders)
        return None
    standing = rules.before_attempt(_standing(row), _memory(row, now, senders))
    if standing.state is not DeliveryState.CLAIMED:
        _settle(session, row, standing, row.reason, senders)
        return None
    try:
        return _letter(session, row)
    except DomainError as refusal:
        _settle(session, row, _refused(row), refusal.code, senders)
        return None


def _open_ways(session: Session, row: MessageToWoman, senders: Senders) -> list[Channel]:
    return [way for way in channels(contact_of(session, notices.woman_id(session, row))) if way in senders]


def _standing(row: MessageToWoman) -> Standing:
    return Standing(row.state, row.perhaps_arrived)


def _refused(row: MessageToWoman) -> Standing:
    """What becomes of a message that will never go by its way; nothing was sent, so no memory is asked."""
    return rules.after_send(_standing(row), SendResult.REJECTED, rules.NONE)


def _memory(row: MessageToWoman, now: datetime, senders: Senders) -> Memory:
    sender = senders.get(row.channel)
    return rules.NONE if sender is None else sender.memory(row.first_attempt_at or now, now)


def _settle(
    session: Session, row: MessageToWoman, standing: Standing, reason: str | None, senders: Senders
) -> DeliveryState:
    """Gives a message its new standing; one that was refused goes by her next way, at last by telephone."""
    state = standing.state
    if state is DeliveryState.REFUSED:
        ahead = [way for way in _open_ways(session, row, senders) if _RANK[way] > _RANK[row.channel]]
        row.channel = ahead[0] if ahead else Channel.CALL_LIST
        state = DeliveryState.WAITING if ahead else DeliveryState.TO_CALL
        row.first_attempt_at = None
    row.state, row.perhaps_arrived, row.reason, row.leased_until = state, standing.perhaps_arrived, reason, None
    session.flush()
    return state


_RANK = {channel: rank for rank, channel in enumerate(Channel)}


def _letter(session: Session, row: MessageToWoman) -> Letter:
    woman_id = notices.woman_id(session, row)
    contact, notice = contact_of(session, woman_id), notices.of(session, row)
    language = session.scalars(select(Woman.language).where(Woman.id == woman_id)).one()
    to = contact.email if row.channel is Channel.EMAIL else contact.telephone
    return Letter(
        uuid=row.uuid,
        to=to or "",
        text=compose(notice, row.channel, language),
        language=language,
        sender_name=notice.sender,
        written_at=row.created_at,
    )


def record(session: Session, claimed: Claimed, ended: Outcome, senders: Senders, now: datetime) -> DeliveryState | None:
    """Keeps how an attempt ended; None where the lease was lost: then it changes nothing.

    One that was not let in halts its way until `resume`.
    """
    row = _own(session, claimed, DeliveryState.CLAIMED)
    if row is None:
        return None
    if ended.result is SendResult.HALTED:
        halt = {"channel": row.channel, "halted_at": now, "reason": ended.reason or ended.result.value}
        session.execute(insert(HaltedWay).values(halt).on_conflict_do_nothing())
    standing = rules.after_send(_standing(row), ended.result, _memory(row, now, senders))
    state = _settle(session, row, standing, ended.reason or None, senders)
    if state is DeliveryState.SENT:
        row.sent_at, row.receiver_reference = now, ended.reference
    elif state is DeliveryState.WAITING:
        moved_on = row.channel is not claimed.channel
        row.next_attempt_at = now if moved_on else now + min(LONGEST_BACK_OFF, timedelta(seconds=15 * 2**row.attempts))
    session.flush()
    return state


def _own(session: Session, taken: Claimed | Doubt, state: DeliveryState) -> MessageToWoman | None:
    """The row, locked, if it is still in the state and at the attempt in which it was taken."""
    same = MessageToWoman.id == taken.id, MessageToWoman.state == state, MessageToWoman.attempts == taken.attempts
    query = select(MessageToWoman).where(*same).with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def end_leases(session: Session, now: datetime, senders: Senders) -> None:
    """Settles messages whose sender was lost; nobody knows whether they arrived."""
    ended = and_(MessageToWoman.next_attempt_at <= now, MessageToWoman.leased_until <= now)
    while row := session.scalars(_one(MessageToWoman.state == DeliveryState.CLAIMED, ended)).one_or_none():
        _settle(session, row, rules.after_silence(_memory(row, now, senders)), LEASE_ENDED, senders)


def take_doubt(session: Session, now: datetime, senders: Senders) -> Doubt | None:
    """Takes an uncertain message of which the receiver can be asked; those of which it cannot are settled."""
    due = MessageToWoman.next_attempt_at <= now
    while row := session.scalars(_one(MessageToWoman.state == DeliveryState.UNCERTAIN, due)).one_or_none():
        memory = _memory(row, now, senders)
        if memory.by_lookup:
            row.next_attempt_at = now + LOOK_AGAIN
            session.flush()
            return Doubt(row.id, row.channel, row.attempts, row.uuid)
        _settle(session, row, rules.after_lookup(None, memory), row.reason, senders)
    return None


def settle_doubt(
    session: Session, doubt: Doubt, answer: Found, senders: Senders, now: datetime
) -> DeliveryState | None:
    """Keeps what the receiver answered; None where somebody else settled it meanwhile."""
    row = _own(session, doubt, DeliveryState.UNCERTAIN)
    if row is None:
        return None
    standing = rules.after_lookup(answer.presence, _memory(row, now, senders))
    state = _settle(session, row, standing, answer.reason or row.reason, senders)
    if state is DeliveryState.SENT:
        row.sent_at, row.receiver_reference = now, answer.reference
    elif state is DeliveryState.WAITING:
        row.next_attempt_at = now
    session.flush()
    return state


def hand_to_people(session: Session, now: datetime) -> None:
    """Puts on the call list what was tried in vain, or could not be tried because its way is halted, for too long."""
    stuck = or_(MessageToWoman.attempts > 0, MessageToWoman.channel.in_(_HALTED))
    late = MessageToWoman.created_at <= now - PATIENCE
    undelivered = MessageToWoman.state.in_([DeliveryState.WAITING, DeliveryState.UNCERTAIN])
    values = {"state": DeliveryState.TO_CALL, "reason": NOT_IN_TIME}
    session.execute(update(MessageToWoman).where(undelivered, stuck, late).values(values))


def resume(session: Session, now: datetime) -> list[Channel]:
    """Ends all halts, once a person has mended why we were not let in; what waits is due. Returns the ways.

    Raises:
        DomainError: `not_halted`.
    """
    rows = session.scalars(select(HaltedWay).order_by(HaltedWay.channel).with_for_update()).all()
    if not rows:
        raise DomainError("not_halted")
    ways = [row.channel for row in rows]
    waiting = MessageToWoman.state == DeliveryState.WAITING, MessageToWoman.channel.in_(ways)
    session.execute(update(MessageToWoman).where(*waiting).values(next_attempt_at=now))
    for row in rows:
        session.delete(row)
    session.flush()
    return ways
