"""The outbox: what is to be handed over is stored with the change that makes it necessary, and sent by a worker later.

A message lives through `enqueue` → `claim` → (the worker sends) → `record`. A message holds no content, so it stands
for "hand over the subject as it is"; this module keeps that true:

- A message that was never tried takes up newer changes of its subject. Once tried it may have arrived, so a newer
  change gets a message of its own, which waits for the older one.
- Messages about one visit wait for each other in the order in which they were stored, the rejected ones included: a
  cancellation cannot overtake a booking that a person has yet to correct. What waits behind a rejected message is
  listed as blocked, and goes on when the rejected one was sent again.
- A claim is a lease. When it runs out, the message is claimed again as `uncertain`, for its owner may have sent it.
  `attempts` grows with every claim and so tells the present owner from a former one.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Update, bindparam, case, func, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace, ServicePlaceStatus
from mobile_units.models.transmissions import (
    NEVER_TRIED,
    AttemptOutcome,
    MessageState,
    OutboxMessage,
    TransmissionAttempt,
)
from mobile_units.models.visits import Visit
from mobile_units.rules.transmissions import ASK_AGAIN_CAP, MessageKind, back_off, in_sequence_with
from mobile_units.transmission.gateway import (
    AlreadyDelivered,
    Delivered,
    Halted,
    Outcome,
    OutcomeUnknown,
    Rejected,
    Retryable,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMessage:
    """A message that its claimer alone may send until `leased_until`.

    `attempts` counts this claim too. If `uncertain`, an earlier attempt may have arrived: ask before sending again.
    """

    id: int
    uuid: UUID
    provider_id: int
    kind: MessageKind
    subject_id: int
    attempts: int
    uncertain: bool
    leased_until: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver a message, as the worker saw it."""

    outcome: Outcome
    started_at: datetime
    milliseconds: int
    endpoint: str


def enqueue(  # noqa: PLR0913 -- the columns of a message, all named at the call
    session: Session,
    *,
    provider_id: int,
    kind: MessageKind,
    subject_id: int,
    service_day: date,
    requires: Iterable[OutboxMessage] = (),
    after: Sequence[tuple[MessageKind, int]] = (),
) -> OutboxMessage:
    """Stores, in the transaction of the change, that the subject has to be handed over; returns the message.

    A message about the same that was never tried is reused, on the earlier service day of the two. Reusing it updates
    and so locks its row until the change is committed: a worker, which skips locked rows, cannot claim it in between
    and hand over what the subject was before. If a worker claimed it first, a new message is stored behind it.

    The message waits for those of `requires` that are not accepted yet, for the newest one of each kind and subject in
    `after` likewise, and for the earlier ones of its own sequence. One of `after` that itself waits for the message,
    directly or through others, is left out: it cannot have been sent, and when it is sent it tells what is so then.
    Change the subject before this call, so that two changes of one subject are stored in one order.
    """
    row = {"provider_id": provider_id, "kind": kind, "subject_id": subject_id, "service_day": service_day}
    session.flush()
    message = session.scalars(_STORE, row, execution_options={"populate_existing": True}).one()
    awaited = {
        "message_id": message.id,
        "subject_id": subject_id,
        "sequence": [each.value for each in in_sequence_with(kind)],
        "required": [required.id for required in requires],
        "kinds": [each.value for each, _ in after],
        "subjects": [subject for _, subject in after],
    }
    session.execute(_ADD_DEPENDENCIES, awaited)
    return message


def enqueue_again(
    session: Session, kind: MessageKind, *subject_ids: int, after: Sequence[tuple[MessageKind, int]] = ()
) -> None:
    """Stores that the subjects changed after they had been queued; what never was will be told as it is then."""
    for subject_id in sorted(subject_ids):
        known = latest(session, kind, subject_id)
        if known is not None:
            enqueue(
                session,
                provider_id=known.provider_id,
                kind=kind,
                subject_id=subject_id,
                service_day=known.service_day,
                after=after,
            )


def _storing() -> ReturningInsert[OutboxMessage]:
    insert = postgresql.insert(OutboxMessage)
    stored = insert.on_conflict_do_update(
        index_elements=["kind", "subject_id"],
        index_where=text(NEVER_TRIED),
        set_={"service_day": func.least(OutboxMessage.service_day, insert.excluded.service_day)},
    )
    return stored.returning(OutboxMessage)


_STORE = _storing()

_ADD_DEPENDENCIES = text("""
WITH RECURSIVE waiting (id) AS (
    SELECT message_id FROM outbox_dependencies WHERE requires_id = :message_id
    UNION
    SELECT message_id FROM outbox_dependencies JOIN waiting ON requires_id = waiting.id
)
INSERT INTO outbox_dependencies (message_id, requires_id)
SELECT CAST(:message_id AS bigint), id FROM outbox_messages
WHERE id <> :message_id AND state <> 'accepted' AND (
    id = ANY (CAST(:required AS bigint[]))
    OR subject_id = :subject_id AND kind = ANY (CAST(:sequence AS varchar[])) AND id < :message_id
    OR id = ANY (ARRAY(
        SELECT max(id) FROM outbox_messages
        JOIN unnest(CAST(:kinds AS varchar[]), CAST(:subjects AS bigint[])) AS after (kind, subject_id)
        USING (kind, subject_id)
        GROUP BY kind, subject_id
    )) AND id NOT IN (SELECT id FROM waiting)
)
ON CONFLICT DO NOTHING
""")


def latest(session: Session, kind: MessageKind, subject_id: int) -> OutboxMessage | None:
    """The newest message of a kind about a subject."""
    query = select(OutboxMessage).where(OutboxMessage.kind == kind, OutboxMessage.subject_id == subject_id)
    return session.scalars(query.order_by(OutboxMessage.id.desc()).limit(1)).one_or_none()


_OF_VISITS = (
    select(OutboxMessage.kind, OutboxMessage.subject_id)
    .join(Visit, Visit.id == OutboxMessage.subject_id)
    .where(
        OutboxMessage.kind.in_(in_sequence_with(MessageKind.SAVE_VISIT)), OutboxMessage.state != MessageState.ACCEPTED
    )
)


def unaccepted_of_visits(session: Session, *which: ColumnElement[bool]) -> list[tuple[MessageKind, int]]:
    """Kinds and subjects of the messages about the visits that meet the conditions, as `after` takes them."""
    return [(kind, visit_id) for kind, visit_id in session.execute(_OF_VISITS.where(*which))]


_WAITS_FOR_NOTHING = """NOT EXISTS (
    SELECT FROM outbox_dependencies AS dependency
    JOIN outbox_messages AS required ON required.id = dependency.requires_id
    WHERE dependency.message_id = message.id AND required.state <> 'accepted'
    OFFSET 0
)"""
# OFFSET 0 has it asked for each message by the index; otherwise the planner may join all dependencies ever stored.

_DUE_AT = "CASE message.state WHEN 'pending' THEN message.due_at ELSE message.leased_until END"

_DUE = text(f"""
SELECT message.id FROM outbox_messages AS message
WHERE message.state IN ('pending', 'in_progress')
    AND {_DUE_AT} <= :now
    AND {_WAITS_FOR_NOTHING}
ORDER BY message.service_day, message.id
LIMIT 1
FOR NO KEY UPDATE OF message SKIP LOCKED
""")  # noqa: S608 -- put together from constants

_NEXT_DUE = text(f"""
SELECT min({_DUE_AT}) FROM outbox_messages AS message
WHERE message.state IN ('pending', 'in_progress') AND {_WAITS_FOR_NOTHING}
""")  # noqa: S608 -- put together from constants

_LEASE = text(f"""
UPDATE outbox_messages AS message
SET state = 'in_progress', leased_until = :leased_until, attempts = attempts + 1,
    uncertain = uncertain OR state = 'in_progress'
WHERE message.id = :id AND {_WAITS_FOR_NOTHING}
RETURNING id, uuid, provider_id, kind, subject_id, attempts, uncertain, leased_until
""")  # noqa: S608 -- put together from constants


def claim(session: Session, now: datetime, lease_seconds: float) -> ClaimedMessage | None:
    """Takes one message that is due and waits for no other, that of the nearest service day first; None if none is.

    Commit before sending. A message whose lease ran out is due as well. Row locks of others are skipped, so claimers
    never wait for each other. What a message waits for is looked at again once its row is locked, because `enqueue`
    may have added to it after the search began.
    """
    leased_until = now + timedelta(seconds=lease_seconds)
    while (message_id := session.scalar(_DUE, {"now": now})) is not None:
        row = session.execute(_LEASE, {"id": message_id, "leased_until": leased_until}).mappings().one_or_none()
        if row is not None:
            return ClaimedMessage(**{**row, "kind": MessageKind(row["kind"])})
    return None


def renew(session: Session, claimed: ClaimedMessage, now: datetime, lease_seconds: float) -> bool:
    """Begins the lease anew; False if it ran out and the message was taken over, so that it must not be sent."""
    owned = (OutboxMessage.id == claimed.id) & (OutboxMessage.attempts == claimed.attempts)
    renewal = update(OutboxMessage).where(owned, OutboxMessage.state == MessageState.IN_PROGRESS)
    leased_until = now + timedelta(seconds=lease_seconds)
    return session.scalar(renewal.values(leased_until=leased_until).returning(OutboxMessage.id)) is not None


def next_due(session: Session) -> datetime | None:
    """When the first message that waits for no other is due, or its lease ends; None if there is no such message."""
    due: datetime | None = session.scalar(_NEXT_DUE)
    return due


def record(session: Session, claimed: ClaimedMessage, attempt: Attempt, now: datetime) -> None:
    """Keeps an attempt and draws its consequences; recording the same attempt again changes nothing.

    Only the owner of the lease decides what becomes of the message. From a former owner an acceptance alone counts,
    because it is a fact about the receiver: the subject is marked as handed over at once, and so is the message unless
    the present owner is just sending it; then the message ends as accepted when that owner records, whatever it was
    answered, so that nothing behind it is sent while a repetition may still be on its way.
    """
    message = session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.id == claimed.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()
    if _is_recorded(session, attempt, message.id):
        return
    session.add(_row(attempt, message.id))
    if isinstance(attempt.outcome, Delivered | AlreadyDelivered):
        _note_acceptance(session, message, now)
    in_flight = message.state is MessageState.IN_PROGRESS
    if in_flight and message.attempts == claimed.attempts:
        _settle(message, attempt.outcome, now)
    elif not in_flight and message.accepted_at is not None:
        message.state = MessageState.ACCEPTED
    session.flush()


def _is_recorded(session: Session, attempt: Attempt, message_id: int) -> bool:
    log = TransmissionAttempt
    same = select(log.id).where(log.message_id == message_id, log.started_at == attempt.started_at)
    return bool(session.scalar(select(same.exists())))


def _settle(message: OutboxMessage, outcome: Outcome, now: datetime) -> None:
    """Ends the lease with what the outcome asks for."""
    message.leased_until = None
    if message.accepted_at is not None:
        message.state = MessageState.ACCEPTED
    elif isinstance(outcome, Rejected):
        message.state = MessageState.REJECTED
    else:
        message.state = MessageState.PENDING
        message.uncertain = message.uncertain or isinstance(outcome, OutcomeUnknown)
        message.due_at = now + _wait(message, outcome)


def _wait(message: OutboxMessage, outcome: Outcome) -> timedelta:
    fraction = random.random()  # noqa: S311 -- spreads load, guards no secret
    if isinstance(outcome, OutcomeUnknown):
        return back_off(message.attempts, fraction, ASK_AGAIN_CAP)
    return back_off(message.attempts, fraction) if isinstance(outcome, Retryable) else timedelta(0)


def _row(attempt: Attempt, message_id: int) -> TransmissionAttempt:
    return TransmissionAttempt(
        message_id=message_id,
        started_at=attempt.started_at,
        milliseconds=attempt.milliseconds,
        outcome=OUTCOMES[type(attempt.outcome)],
        code=getattr(attempt.outcome, "code", None),
        description=_description(attempt.outcome),
        event_uuid=getattr(attempt.outcome, "event_uuid", None),
        endpoint=attempt.endpoint,
    )


OUTCOMES: dict[type[Outcome], AttemptOutcome] = {
    Delivered: AttemptOutcome.DELIVERED,
    AlreadyDelivered: AttemptOutcome.ALREADY_DELIVERED,
    Rejected: AttemptOutcome.REJECTED,
    Retryable: AttemptOutcome.RETRYABLE,
    OutcomeUnknown: AttemptOutcome.OUTCOME_UNKNOWN,
    Halted: AttemptOutcome.HALTED,
}
"""How each outcome is kept."""


def _description(outcome: Outcome) -> str | None:
    match outcome:
        case Delivered():
            return outcome.note
        case AlreadyDelivered():
            return None
        case Rejected(rule=rule, description=description):
            return description if rule is None or rule in description else f"{rule}: {description}"
        case _:
            return outcome.reason


def _note_acceptance(session: Session, message: OutboxMessage, now: datetime) -> None:
    """Marks message and subject as accepted at `now`, unless an earlier acceptance is known."""
    if message.accepted_at is None:
        message.accepted_at = now
        if message.kind is MessageKind.SAVE_VISIT:
            _lock_visit(session, message.subject_id)
        effect = _EFFECTS.get(message.kind)
        if effect is not None:
            session.execute(effect, {"subject_id": message.subject_id, "message_id": message.id, "at": now})


def _lock_visit(session: Session, visit_id: int) -> None:
    """A change of the visit and its message are committed at once; the statement after this lock sees both or none."""
    session.execute(select(Visit.id).where(Visit.id == visit_id).with_for_update(key_share=True))


def _first_acceptance(entity: Any, column: Any, **values: Any) -> Update:
    noted = {column.key: func.coalesce(column, bindparam("at")), **values}
    return update(entity).where(entity.id == bindparam("subject_id")).values(noted)


_REGISTERED = case(
    (ServicePlace.status == ServicePlaceStatus.DRAFT, ServicePlaceStatus.REGISTERED.value), else_=ServicePlace.status
)

_NEWER = (
    select(OutboxMessage.id)
    .where(
        OutboxMessage.kind == MessageKind.SAVE_VISIT,
        OutboxMessage.subject_id == Visit.id,
        OutboxMessage.id > bindparam("message_id"),
    )
    .exists()
)

_EFFECTS: dict[MessageKind, Update] = {
    MessageKind.SAVE_SERVICE_PLACE: _first_acceptance(ServicePlace, ServicePlace.registered_at, status=_REGISTERED),
    MessageKind.IMPORT_MOBILE_POINTS: _first_acceptance(MobilePoint, MobilePoint.accepted_at),
    MessageKind.SAVE_SCHEDULE: _first_acceptance(Schedule, Schedule.accepted_at),
    MessageKind.SAVE_SLOTS: _first_acceptance(Schedule, Schedule.slots_accepted_at),
    MessageKind.ACTIVATE_SERVICE_PLACE: _first_acceptance(
        ServicePlace, ServicePlace.activated_at, status=ServicePlaceStatus.ACTIVE
    ),
    MessageKind.SAVE_VISIT: _first_acceptance(Visit, Visit.passed_at).where(~_NEWER),
}
"""What the acceptance of a message changes at its subject; a cancellation changes nothing.

A visit counts as passed when its newest message was accepted, for only that one is sure to tell of its present path.
"""
