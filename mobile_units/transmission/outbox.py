"""The outbox: what is to be handed over is stored with the change that makes it necessary, and sent by a worker later.

A message lives through `enqueue` here, `claim` in `deliveries`, (the worker sends it) and `record` in `records`. It
holds no content, so it stands for "hand over the subject as it is"; this module keeps that true:

- A message that was never tried takes up newer changes of its subject. Once tried it may have arrived, so a newer
  change gets a message of its own, which waits for the older one.
- A rejected message is sent again when its subject changes, for the change is the correction. It takes the change up
  itself, unless one of its attempts may have arrived after all: then a message of its own follows it.
- Messages about one visit wait for each other in the order in which they were stored, the rejected ones included: a
  cancellation cannot overtake a booking that a person has yet to correct. What waits behind a rejected message is
  listed as blocked, and goes on when the rejected one was sent again or given up.
- A person gives it up, or the end of the visit does: of one that was only ever rejected there is nothing to correct
  and nothing to cancel, and nobody must wait for it.

Who changes a subject holds the lock of its row when it comes here; `records` locks in the same order, first the
subject and then the message, so that the two never wait for each other in a circle.

Messages about a visit are only met by who holds the lock of its woman. All others (news of slots, schedules, points and
places) are stored by many transactions, several by each: before the first of them a transaction takes the turn of its
provider (`take_turn`), so it never holds one while it waits for another. It has locked all rows that it needs by then.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from mobile_units.models.transmissions import NEVER_TRIED, UNSETTLED, MessageState, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules.transmissions import MessageKind, in_sequence_with
from mobile_units.rules.visits import ACTIVE, OCCUPYING, VisitStatus

VISIT_IS_OVER = "wizyta odwołana lub przeniesiona"
"""Why a rejected message is given up without a person."""


def enqueue(  # noqa: PLR0913 -- the columns of a message, all named at the call
    session: Session,
    *,
    provider_id: int,
    kind: MessageKind,
    subject_id: int,
    service_day: date,
    requires: Iterable[OutboxMessage] = (),
    after: Sequence[tuple[MessageKind, int]] = (),
    first: bool = False,
) -> OutboxMessage:
    """Stores, in the transaction of the change, that the subject has to be handed over; returns the message.

    A message about the same that was never tried is reused, on the earlier service day of the two. Reusing it updates
    and so locks its row until the change is committed: a worker, which skips locked rows, cannot claim it in between
    and hand over what the subject was before. If a worker claimed it first, a new message is stored behind it.

    A rejected one is sent again instead, as told above. The message waits for those of `requires` that are neither
    accepted nor given up, for the newest one of each kind and subject in `after` likewise, and for the earlier ones of
    its own sequence. One that itself waits for the message, directly or through others, is left out: it cannot have
    been sent, and when it is sent it tells what is so then. Two changes at once would not see that of each other, so
    one that uses a message about visits again and one about what they stand on follow each other. Change the subject
    before this call, so that two changes of one subject are stored in one order.

    A message about no visit takes the turn of the provider until the end of the transaction, unless it is the `first`
    about a subject that is stored with it, which nobody else can know.
    """
    row = {"provider_id": provider_id, "kind": kind.value, "subject_id": subject_id, "service_day": service_day}
    uuid = uuid4()
    session.flush()
    if kind not in _ABOUT_VISITS and not first:
        take_turn(session, provider_id)
    message: OutboxMessage = session.scalars(_STORE, row | {"uuid": uuid}).all()[-1]
    if kind in _ABOUT_VISITS and message.uuid != uuid:
        session.execute(_VISITS_IN_TURN, {"provider_id": provider_id})
    awaited = {
        "message_id": message.id,
        "kind": kind.value,
        "subject_id": subject_id,
        "sequence": [each.value for each in in_sequence_with(kind)],
        "required": [required.id for required in requires],
        "kinds": [each.value for each, _ in after],
        "subjects": [subject for _, subject in after],
    }
    session.execute(_ADD_DEPENDENCIES, awaited)
    return message


def take_turn(session: Session, provider_id: int) -> None:
    """Waits until no other transaction of the provider stores messages about anything but new or cancelled visits.

    Who stores one about a visit and then one about slots, and may meet messages of both that were never tried, takes
    the turn before the first.
    """
    session.execute(_ALONE, {"provider_id": provider_id})


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


_COLUMNS = ", ".join(column.name for column in OutboxMessage.__table__.columns)

_STORE = (
    select(OutboxMessage)
    .from_statement(
        text(f"""
WITH corrected AS (
    UPDATE outbox_messages
    SET state = 'pending', due_at = now(), service_day = least(service_day, CAST(:service_day AS date))
    WHERE kind = :kind AND subject_id = :subject_id AND state = 'rejected'
    RETURNING {_COLUMNS}
), stored AS (
    INSERT INTO outbox_messages (uuid, provider_id, kind, subject_id, service_day, state, attempts, uncertain)
    SELECT CAST(:uuid AS uuid), CAST(:provider_id AS bigint), CAST(:kind AS varchar), CAST(:subject_id AS bigint),
        CAST(:service_day AS date), 'pending', 0, false
    WHERE NOT EXISTS (SELECT FROM corrected WHERE NOT uncertain)
    ON CONFLICT (kind, subject_id) WHERE {NEVER_TRIED}
    DO UPDATE SET service_day = least(outbox_messages.service_day, excluded.service_day)
    RETURNING {_COLUMNS}
)
SELECT {_COLUMNS} FROM stored UNION ALL SELECT {_COLUMNS} FROM corrected WHERE NOT uncertain
""").columns(*OutboxMessage.__table__.columns)  # noqa: S608 -- put together from constants
    )
    .execution_options(populate_existing=True)
)

_ABOUT_VISITS = frozenset({MessageKind.SAVE_VISIT, MessageKind.CANCEL_VISIT, MessageKind.LOAD_VISITS})
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('outbox ' || CAST(:provider_id AS varchar), 0))")
_VISITS_IN_TURN = text(
    "SELECT pg_advisory_xact_lock_shared(hashtextextended('outbox ' || CAST(:provider_id AS varchar), 0))"
)
"""Messages about visits alone never wait in a circle: they wait for visits that are over, which wait for no new ones.

A new one is not waited for before it is committed, so it closes no circle and takes no lock.
"""

_HAS_ROOM_THERE = f"""
EXISTS (
    SELECT FROM visits JOIN slots ON slots.id = visits.slot_id
    WHERE visits.id = :subject_id AND slots.told_places >= slots.taken
) AND NOT EXISTS (
    SELECT FROM outbox_messages AS news
    WHERE news.subject_id = outbox_messages.subject_id AND news.kind IN ('save_slots', 'withdraw_slots')
        AND news.{UNSETTLED} AND (news.state = 'in_progress' OR news.uncertain)
)"""  # noqa: S608 -- put together from constants
"""The central system confirmed places for all visits of the slot, and nothing that may be on its way says less.

What is told later says as many as are taken by then, so a visit need not wait for news of the other slots.
"""

_ADD_DEPENDENCIES = text(f"""
WITH RECURSIVE waiting (id) AS (
    SELECT message_id FROM outbox_dependencies WHERE requires_id = :message_id
    UNION
    SELECT message_id FROM outbox_dependencies JOIN waiting ON requires_id = waiting.id
)
INSERT INTO outbox_dependencies (message_id, requires_id)
SELECT CAST(:message_id AS bigint), id FROM outbox_messages
WHERE id <> :message_id AND {UNSETTLED} AND id NOT IN (SELECT id FROM waiting) AND (
    id = ANY (CAST(:required AS bigint[]))
    OR subject_id = :subject_id AND kind = ANY (CAST(:sequence AS varchar[])) AND id < :message_id
    OR id = ANY (ARRAY(
        SELECT max(id) FROM outbox_messages
        JOIN unnest(CAST(:kinds AS varchar[]), CAST(:subjects AS bigint[])) AS after (kind, subject_id)
        USING (kind, subject_id)
        GROUP BY kind, subject_id
    ))
) AND NOT (:kind = 'save_visit' AND kind = 'save_slots' AND {_HAS_ROOM_THERE})
ON CONFLICT DO NOTHING
""")  # noqa: S608 -- put together from constants


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutVisit:
    """A visit that is to be told of; `after` as in `enqueue`."""

    provider_id: int
    visit_id: int
    service_day: date
    after: Sequence[tuple[MessageKind, int]] = ()

    def values(self) -> dict[str, Any]:
        """The parameters of the statements that store it."""
        about = {"provider_id": self.provider_id, "subject_id": self.visit_id, "service_day": self.service_day}
        awaited = {"kinds": [kind.value for kind, _ in self.after], "subjects": [subject for _, subject in self.after]}
        return {"uuid": uuid4(), **about, **awaited}


def enqueue_new_visits(session: Session, visits: Sequence[AboutVisit]) -> None:
    """As `enqueue` of visits of which no message was ever stored, so that nothing can wait for them yet.

    Each waits for what is told of her other visits in the programme that are over and of visits that left the slot
    (`services.visit_steps.made_room`) as well, which is asked in the same statement.
    """
    if visits:
        session.connection().execute(_STORE_NEW_VISIT, [each.values() for each in visits])


def enqueue_cancellations(session: Session, visits: Sequence[AboutVisit]) -> None:
    """As `enqueue` of the end of visits of which nobody was told before, so that nothing can wait for it yet."""
    if visits:
        session.connection().execute(_STORE_CANCELLATION, [each.values() for each in visits])


_NOT_ACTIVE, _NOT_OCCUPYING = (
    ", ".join(f"'{status}'" for status in sorted(set(VisitStatus) - kept)) for kept in (ACTIVE, OCCUPYING)
)
_IN_SEQUENCE = ", ".join(f"'{kind}'" for kind in sorted(in_sequence_with(MessageKind.SAVE_VISIT)))
_AWAITED = """
    SELECT max(id) FROM outbox_messages
    JOIN unnest(CAST(:kinds AS varchar[]), CAST(:subjects AS bigint[])) AS after (kind, subject_id)
    USING (kind, subject_id)
    GROUP BY kind, subject_id
"""
_STORE_NEW_VISIT = text(f"""
WITH stored AS (
    INSERT INTO outbox_messages (uuid, provider_id, kind, subject_id, service_day, state, attempts, uncertain)
    VALUES (:uuid, :provider_id, 'save_visit', :subject_id, :service_day, 'pending', 0, false)
    RETURNING id
), awaited AS (
    SELECT id FROM outbox_messages
    WHERE {UNSETTLED} AND id = ANY (ARRAY({_AWAITED})) AND NOT (kind = 'save_slots' AND {_HAS_ROOM_THERE})
    UNION
    SELECT outbox_messages.id FROM visits AS new
    JOIN visits AS other ON other.id <> new.id AND (
        other.woman_id = new.woman_id AND other.programme = new.programme AND other.status IN ({_NOT_ACTIVE})
        OR other.slot_id = new.slot_id AND other.status IN ({_NOT_OCCUPYING})
    )
    JOIN outbox_messages ON outbox_messages.subject_id = other.id AND kind IN ({_IN_SEQUENCE}) AND {UNSETTLED}
    WHERE new.id = :subject_id
)
INSERT INTO outbox_dependencies (message_id, requires_id) SELECT stored.id, awaited.id FROM stored, awaited
""")  # noqa: S608 -- put together from constants
_STORE_CANCELLATION = text(f"""
WITH stored AS (
    INSERT INTO outbox_messages (uuid, provider_id, kind, subject_id, service_day, state, attempts, uncertain)
    VALUES (:uuid, :provider_id, 'cancel_visit', :subject_id, :service_day, 'pending', 0, false)
    RETURNING id
), awaited AS (
    SELECT id FROM outbox_messages WHERE {UNSETTLED} AND subject_id = :subject_id AND kind IN ({_IN_SEQUENCE})
    UNION
    SELECT id FROM outbox_messages WHERE {UNSETTLED} AND id = ANY (ARRAY({_AWAITED}))
)
INSERT INTO outbox_dependencies (message_id, requires_id) SELECT stored.id, awaited.id FROM stored, awaited
""")  # noqa: S608 -- put together from constants


def give_up_refused(session: Session, visit_ids: Collection[int]) -> set[int]:
    """Gives up what was to save visits that are over, where all of it was rejected; the visits of which that is true.

    Where a message was accepted, or may have arrived, the central system may hold the visit, and all stays as it is.
    """
    if not visit_ids:
        return set()
    query = select(OutboxMessage).where(OutboxMessage.kind == MessageKind.SAVE_VISIT)
    query = query.where(OutboxMessage.subject_id.in_(sorted(visit_ids))).order_by(OutboxMessage.id)
    locked = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    by_visit: dict[int, list[OutboxMessage]] = defaultdict(list)
    for message in session.scalars(locked):
        by_visit[message.subject_id].append(message)
    refused = {visit_id for visit_id, messages in by_visit.items() if all(map(_was_refused, messages))}
    for message in (message for visit_id in refused for message in by_visit[visit_id]):
        if message.state is MessageState.REJECTED:
            message.state, message.note, message.decided_at = MessageState.GIVEN_UP, VISIT_IS_OVER, func.now()
    session.flush()
    return refused


def _was_refused(message: OutboxMessage) -> bool:
    settled = message.state in {MessageState.REJECTED, MessageState.GIVEN_UP}
    return settled and not message.uncertain and not message.accepted_at


def latest(session: Session, kind: MessageKind, subject_id: int) -> OutboxMessage | None:
    """The newest message of a kind about a subject."""
    query = select(OutboxMessage).where(OutboxMessage.kind == kind, OutboxMessage.subject_id == subject_id)
    return session.scalars(query.order_by(OutboxMessage.id.desc()).limit(1)).one_or_none()


_OF_VISITS = (
    select(OutboxMessage.kind, OutboxMessage.subject_id)
    .join(Visit, Visit.id == OutboxMessage.subject_id)
    .where(OutboxMessage.kind.in_(in_sequence_with(MessageKind.SAVE_VISIT)), text(f"outbox_messages.{UNSETTLED}"))
)


def unaccepted_of_visits(session: Session, *which: ColumnElement[bool]) -> list[tuple[MessageKind, int]]:
    """Kinds and subjects of the messages about the visits that meet the conditions, as `after` takes them."""
    return [(kind, visit_id) for kind, visit_id in session.execute(_OF_VISITS.where(*which))]
