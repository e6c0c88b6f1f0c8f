"""What a worker does with the messages of the outbox before it sends them: claim and renew; `records` comes after.

- A claim is a lease. When it runs out, the message is claimed again as `uncertain`, for its owner may have sent it.
  `attempts` grows with every claim and so tells the present owner from a former one.
- Whether a lease ran out is told by one clock for all hosts (`shared_clock`): `now` is its time.
- A claim is durable before anything is sent, or a message that arrived could take up a later change after a crash of
  the database.
- Locks are taken in one order: what the message is about, the message, the link of its provider.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from mobile_units.models.transmissions import UNSETTLED
from mobile_units.rules.transmissions import MessageKind, spacing
from mobile_units.transmission import links
from mobile_units.transmission.gateway import (
    AlreadyDelivered,
    Delivered,
    Outcome,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMessage:
    """A message that its claimer alone may send until `leased_until`, and not before `call_at`.

    `attempts` counts this claim too. If `uncertain`, an earlier attempt may have arrived: ask before sending again. A
    `probe` is the one message by which a connection that was down is tried again.
    """

    id: int
    uuid: UUID
    provider_id: int
    kind: MessageKind
    subject_id: int
    attempts: int
    uncertain: bool
    leased_until: datetime
    call_at: datetime
    probe: bool = False


@dataclass(frozen=True, slots=True)
class ToldSlots:
    """How many places of which slots a message tells, and when these end; all have the same length."""

    ids: list[int]
    places: list[int]
    ends: list[datetime]


Told = ToldSlots | str
"""What the central system holds once it accepted a message: places of slots, the digest of the content, or the path of
a visit."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver a message, as the worker saw it.

    `told` is what the message says, if that is remembered. `certificate` is the fingerprint of the one that signed and
    `sent` the compressed envelope with personal data masked, if one left. Without a call (`called` is false) nothing
    was learnt about the connection.
    """

    outcome: Outcome
    started_at: datetime
    milliseconds: int
    endpoint: str
    told: Told | None = None
    certificate: str | None = None
    sent: bytes | None = None
    called: bool = True

    @property
    def accepted(self) -> bool:
        """Whether the message is with the receiver."""
        return isinstance(self.outcome, Delivered | AlreadyDelivered)


_WAITS_FOR_NOTHING = f"""NOT EXISTS (
    SELECT FROM outbox_dependencies AS dependency
    WHERE dependency.message_id = message.id
        AND (SELECT required.{UNSETTLED} FROM outbox_messages AS required WHERE required.id = dependency.requires_id)
    OFFSET 0
)"""  # noqa: S608 -- put together from constants
# OFFSET 0 and the inner question have it asked for each message and each dependency by their keys; as a join, the
# planner may choose to read all messages ever stored.

_DUE_AT = "CASE message.state WHEN 'pending' THEN message.due_at ELSE message.leased_until END"

_DUE = text(f"""
SELECT ARRAY({links.PROBED}) AS probed, (
    SELECT message.id FROM outbox_messages AS message
    WHERE message.state IN ('pending', 'in_progress')
        AND {_DUE_AT} <= :now
        AND message.provider_id <> ALL (ARRAY({links.BARRED}))
        AND {_WAITS_FOR_NOTHING}
    ORDER BY message.service_day, message.id
    LIMIT 1
    FOR NO KEY UPDATE OF message SKIP LOCKED
) AS due
""")  # noqa: S608 -- put together from constants


def _probing(which: str, order: str) -> TextClause:
    return text(f"""
SELECT message.id FROM outbox_messages AS message
WHERE message.provider_id = :provider_id
    AND (message.state = 'pending' OR message.state = 'in_progress' AND message.leased_until <= :now)
    AND {which} AND {_WAITS_FOR_NOTHING}
ORDER BY {order}
LIMIT 1
FOR NO KEY UPDATE OF message SKIP LOCKED
""")  # noqa: S608 -- put together from constants


_PROBES = (
    _probing("message.attempts = 0", "message.service_day, message.id"),
    _probing("message.attempts > 0", "message.attempts, message.service_day, message.id"),
)
"""The message that probes is one that was tried least, whatever its back-off: one that always fails proves nothing."""

_LEASED = """SET state = 'in_progress', attempts = attempts + 1, uncertain = uncertain OR state = 'in_progress'"""
_CLAIMED = "message.id, uuid, message.provider_id, kind, subject_id, attempts, uncertain, leased_until"

_LEASE = text(f"""
UPDATE outbox_messages AS message {_LEASED}, leased_until = :now + CAST(:lease AS interval)
WHERE message.id = :id AND {_WAITS_FOR_NOTHING}
RETURNING {_CLAIMED}, CAST(:now AS timestamptz) AS call_at, false AS probe
""")

_LEASE_AND_ENTER = text(f"""
WITH entering AS (
    SELECT message.provider_id FROM outbox_messages AS message WHERE message.id = :id AND {_WAITS_FOR_NOTHING}
), link AS ({links.ENTERED})
UPDATE outbox_messages AS message {_LEASED}, leased_until = link.call_at + CAST(:lease AS interval)
FROM link WHERE message.id = :id
RETURNING {_CLAIMED}, link.call_at, link.probe
""")  # noqa: S608 -- put together from constants

_RENEW = text("""
UPDATE outbox_messages SET leased_until = :call_at + CAST(:lease AS interval)
WHERE id = :id AND attempts = :attempts AND state = 'in_progress'
RETURNING id
""")

_NEXT_DUE = text(f"""
SELECT min(CASE
    WHEN link.probe_at IS NULL THEN {_DUE_AT}
    WHEN message.state = 'pending' THEN link.probe_at
    ELSE greatest(message.leased_until, link.probe_at)
END)
FROM outbox_messages AS message LEFT JOIN transmission_links AS link ON link.provider_id = message.provider_id
WHERE message.state IN ('pending', 'in_progress') AND link.halted_at IS NULL AND {_WAITS_FOR_NOTHING}
""")  # noqa: S608 -- put together from constants


def claim(
    session: Session, now: datetime, lease_seconds: float, calls_per_second: float = 0.0
) -> ClaimedMessage | None:
    """Takes one message that is due and waits for no other, that of the nearest service day first; None if none is.

    Commit before sending, and send at `call_at`: no more than `calls_per_second` are made for one provider (0 is no
    limit). A message whose lease ran out is due as well. Of a provider whose link is halted nothing is taken; of one
    whose circuit breaker is open, one message by the time of the next probe.

    Row locks of others are skipped, so claimers wait for each other only where they reserve a call. What a message
    waits for is looked at again once its row is locked, because `enqueue` may have added to it after the search began.
    """
    times = {"now": now, "lease": timedelta(seconds=lease_seconds), "spacing": spacing(calls_per_second)}
    while True:
        found = session.execute(_DUE, {"now": now}).one()
        for provider_id in found.probed:
            if (probe := _lease(session, _LEASE_AND_ENTER, _probe_of(session, provider_id, now), times)) is not None:
                return probe
        if found.due is None:
            return None
        lease = _LEASE_AND_ENTER if calls_per_second else _LEASE
        if (claimed := _lease(session, lease, found.due, times)) is not None:
            return claimed


def _probe_of(session: Session, provider_id: int, now: datetime) -> int | None:
    found = (session.scalar(search, {"provider_id": provider_id, "now": now}) for search in _PROBES)
    return next((message_id for message_id in found if message_id is not None), None)


def _lease(
    session: Session, lease: TextClause, message_id: int | None, times: Mapping[str, Any]
) -> ClaimedMessage | None:
    if message_id is None:
        return None
    row = session.execute(lease, {"id": message_id, **times}).mappings().one_or_none()
    return None if row is None else ClaimedMessage(**{**row, "kind": MessageKind(row["kind"])})


def renew(
    session: Session, claimed: ClaimedMessage, now: datetime, lease_seconds: float, calls_per_second: float = 0.0
) -> datetime | None:
    """Begins the lease anew for one more call and says when it may go.

    None if the lease ran out and the message was taken over, so that it must not be sent.
    """
    owned = {"id": claimed.id, "attempts": claimed.attempts, "lease": timedelta(seconds=lease_seconds)}
    if session.scalar(_RENEW, owned | {"call_at": now}) is None:
        return None
    call_at = links.pace(session, claimed.provider_id, now, calls_per_second)
    if call_at > now:
        session.execute(_RENEW, owned | {"call_at": call_at})
    return call_at


def next_due(session: Session) -> datetime | None:
    """When the first message that waits for no other may be claimed; None if there is no such message."""
    due: datetime | None = session.scalar(_NEXT_DUE)
    return due
