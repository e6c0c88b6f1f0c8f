"""The protocol by which a message reaches a woman once, whatever dies on the way.

A queue keeps one row for each message, and the row keeps this order:

1. The row is stored `waiting` in the transaction of the change, once for each change and woman (a unique key).
2. A worker claims it: `claimed`, the attempt counted, a lease taken. The claim is committed before a byte leaves, and
   the row's UUID goes with every attempt, as the idempotency key of the SMS gateway and in the e-mail's Message-ID.
3. It sends, with no transaction open.
4. It records what came of it by `after_send`, only if the row is still claimed by the same attempt. What was recorded
   late by a worker that lost its lease changes nothing.
5. A lease that ends says nothing about the message: the row becomes what `after_silence` says, never `waiting`.
6. An `uncertain` row is looked up, not before the settling time has passed since the attempt began, and becomes what
   `after_lookup` says. Only a row that is known not to have arrived, or whose key the receiver still knows at that
   moment (`before_attempt`), is sent again; any other goes to the call list as perhaps told: a person can ask.
7. Before it sends, the worker drops a `waiting` row whose notice is no longer true: a newer one about the visit was
   stored, the visit is over, or the time to answer has passed. A row that was ever tried is never dropped in silence.

The settling time is longer than the longest call, so that a request that is still under way is not taken for absent.
The lease is longer than the longest call as well.
"""

from dataclasses import dataclass
from enum import StrEnum


class DeliveryState(StrEnum):
    """Where a message is on its way.

    `sent` means that the receiving server took it over, not that it was read; `dropped` that its notice was no longer
    true before anything was tried.
    """

    WAITING = "waiting"
    CLAIMED = "claimed"
    UNCERTAIN = "uncertain"
    SENT = "sent"
    REFUSED = "refused"
    TO_CALL = "to_call"
    DROPPED = "dropped"


FINAL = frozenset({DeliveryState.SENT, DeliveryState.REFUSED, DeliveryState.TO_CALL, DeliveryState.DROPPED})
"""No machine sends a message again that is one of these; a refused one continues by the next channel."""


class SendResult(StrEnum):
    """How an attempt ended, named by what is done next.

    `rejected`: this message will never be taken by this way. `retryable`: it was certainly not taken, try again later.
    `outcome_unknown`: nobody knows. `halted`: we are not let in; stop all sending by this way and alert a person.
    """

    ACCEPTED = "accepted"
    ALREADY_ACCEPTED = "already_accepted"
    REJECTED = "rejected"
    RETRYABLE = "retryable"
    OUTCOME_UNKNOWN = "outcome_unknown"
    HALTED = "halted"


class Presence(StrEnum):
    """What a receiver says when it is asked for a message by its key."""

    PRESENT = "present"
    ABSENT = "absent"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an attempt; `reason` says why in a few words of ours, `reference` is the receiver's name for it.

    Servers repeat addresses and numbers in their answers, so nothing of what they say is kept but a code.
    """

    result: SendResult
    reason: str = ""
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a look-up came to; `reason` says why there is no answer."""

    presence: Presence
    reference: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a receiver still knows of a message at the time of asking.

    `by_key`: a repetition under the same key is taken for the same message. `by_lookup`: it can be asked.
    """

    by_key: bool
    by_lookup: bool


NONE = Memory(by_key=False, by_lookup=False)
"""A mail server: it has no look-up, and takes a repetition for another message."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a message, and whether an earlier attempt may have arrived of which nobody knows."""

    state: DeliveryState = DeliveryState.WAITING
    perhaps_arrived: bool = False


def before_attempt(standing: Standing, memory: Memory) -> Standing:
    """What a waiting message becomes when a worker takes it: claimed, or a person's where a repetition is not safe."""
    safe = memory.by_key or not standing.perhaps_arrived
    return Standing(DeliveryState.CLAIMED if safe else DeliveryState.TO_CALL, standing.perhaps_arrived)


def after_send(standing: Standing, result: SendResult, memory: Memory) -> Standing:
    """What a claimed message becomes by the result of its attempt."""
    if result in {SendResult.ACCEPTED, SendResult.ALREADY_ACCEPTED}:
        return Standing(DeliveryState.SENT)
    if result is SendResult.OUTCOME_UNKNOWN:
        return after_silence(memory)
    if result is SendResult.REJECTED:
        return Standing(
            DeliveryState.TO_CALL if standing.perhaps_arrived else DeliveryState.REFUSED, standing.perhaps_arrived
        )
    return Standing(DeliveryState.WAITING, standing.perhaps_arrived)


def after_silence(memory: Memory) -> Standing:
    """What a claimed message becomes of which nothing is known: the answer was lost, or the lease ended."""
    known = memory.by_lookup or memory.by_key
    return Standing(DeliveryState.UNCERTAIN if known else DeliveryState.TO_CALL, perhaps_arrived=True)


def after_lookup(presence: Presence | None, memory: Memory) -> Standing:
    """What an uncertain message becomes, the settling time having passed; without a look-up, `presence` is None.

    A receiver that no longer remembers the time of the attempt answers `absent` to everything; it is not believed.
    """
    if memory.by_lookup and presence is Presence.PRESENT:
        return Standing(DeliveryState.SENT)
    if memory.by_lookup and presence is Presence.ABSENT:
        return Standing(DeliveryState.WAITING)
    if memory.by_lookup:
        return Standing(DeliveryState.UNCERTAIN, perhaps_arrived=True)
    return Standing(DeliveryState.WAITING if memory.by_key else DeliveryState.TO_CALL, perhaps_arrived=True)
