"""What an attempt to deliver a message leads to.

- What the central system holds (`told_places`, `told_digest`) is written down only if its answer leaves no doubt which
  of several attempts it carried out. Otherwise it counts as unknown, and all of it is told at the next occasion.
- The record of an acceptance is not waited for on the disk: lost in a crash of the database, the receiver is asked
  again. A failed attempt is evidence, and durable.
- Locks are taken in one order: what the message is about, the message, the link of its provider.
"""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session

from mobile_units.models.slots import UNSURE
from mobile_units.models.transmissions import AttemptOutcome, MessageState
from mobile_units.rules.transmissions import ASK_AGAIN_CAP, MessageKind, back_off
from mobile_units.transmission import links
from mobile_units.transmission.deliveries import Attempt, ClaimedMessage, Told, ToldSlots
from mobile_units.transmission.gateway import (
    AlreadyDelivered,
    Delivered,
    Halted,
    Outcome,
    OutcomeUnknown,
    Rejected,
    Retryable,
)


def record(session: Session, claimed: ClaimedMessage, attempt: Attempt, now: datetime) -> None:
    """Keeps an attempt and draws its consequences; recording the same attempt again changes nothing.

    Only the owner of the lease decides what becomes of the message. From a former owner an acceptance alone counts,
    because it is a fact about the receiver: the subject is marked as handed over at once, and so is the message unless
    the present owner is just sending it; then the message ends as accepted when that owner records, whatever it was
    answered, so that nothing behind it is sent while a repetition may still be on its way.
    """
    certain = _is_certain(claimed, attempt)
    if attempt.accepted:
        _keep_places(session, claimed, attempt.told if certain else None)
    keys = {"id": claimed.id, "subject_id": claimed.subject_id, "provider_id": claimed.provider_id}
    message = session.execute(_LOCK[claimed.kind] if attempt.accepted else _LOCK_AFTER_FAILURE, keys).one()
    owner = message.state == MessageState.IN_PROGRESS and message.attempts == claimed.attempts
    digest = attempt.told if certain and owner and isinstance(attempt.told, str) else None
    values = keys | _consequence(message, attempt, now, owner=owner) | _row(attempt) | {"digest": digest}
    effect = _RECORD[claimed.kind] if attempt.accepted else _RECORD_ONLY
    if session.scalar(effect, values | _refusals(attempt.outcome)) is None:
        return
    if certain and not owner:
        _keep_places(session, claimed, None)
    _note(session, claimed, attempt, now, troubled=message.troubled, owner=owner)


def _is_certain(claimed: ClaimedMessage, attempt: Attempt) -> bool:
    """Whether the receiver holds what this very attempt told, and not what an earlier one did."""
    return attempt.accepted and (isinstance(attempt.outcome, Delivered) or claimed.attempts == 1)


def _note(  # noqa: PLR0913 -- what is known about the link, named at the call
    session: Session, claimed: ClaimedMessage, attempt: Attempt, now: datetime, *, troubled: bool, owner: bool
) -> None:
    """Keeps what the attempt says about the link; an acceptance says nothing about one without troubles."""
    if not attempt.called:
        if claimed.probe:
            links.not_called(session, claimed.provider_id, now)
    elif troubled or isinstance(attempt.outcome, Retryable | OutcomeUnknown | Halted):
        links.note(session, claimed.provider_id, attempt.outcome, now, probe=claimed.probe and owner)


def _consequence(message: Row[Any], attempt: Attempt, now: datetime, *, owner: bool) -> dict[str, Any]:
    """What becomes of the message."""
    accepted_at = message.accepted_at or _accepted_at(message, attempt.outcome, now)
    kept = {
        "state": message.state,
        "accepted_at": accepted_at,
        "leased_until": message.leased_until,
        "uncertain": message.uncertain,
        "due_at": message.due_at,
    }
    if accepted_at is not None and (owner or message.state != MessageState.IN_PROGRESS):
        return kept | {"state": MessageState.ACCEPTED.value, "leased_until": None}
    return kept | _after_failure(message, attempt.outcome, now) if owner else kept


def _accepted_at(message: Row[Any], outcome: Outcome, now: datetime) -> datetime | None:
    """When it was accepted: what turns out to have arrived before arrived when it was sent, if that is on record."""
    if isinstance(outcome, AlreadyDelivered):
        return message.arrived_at or now
    return now if isinstance(outcome, Delivered) else None


def _after_failure(message: Row[Any], outcome: Outcome, now: datetime) -> dict[str, Any]:
    if isinstance(outcome, Rejected):
        return {"state": MessageState.REJECTED.value, "leased_until": None}
    return {
        "state": MessageState.PENDING.value,
        "leased_until": None,
        "uncertain": message.uncertain or isinstance(outcome, OutcomeUnknown),
        "due_at": now + _wait(message.attempts, outcome),
    }


def _wait(attempts: int, outcome: Outcome) -> timedelta:
    fraction = random.random()  # noqa: S311 -- spreads load, guards no secret
    if isinstance(outcome, OutcomeUnknown):
        return back_off(attempts, fraction, ASK_AGAIN_CAP)
    return back_off(attempts, fraction) if isinstance(outcome, Retryable) else timedelta(0)


def _row(attempt: Attempt) -> dict[str, Any]:
    return {
        "started_at": attempt.started_at,
        "milliseconds": attempt.milliseconds,
        "outcome": OUTCOMES[type(attempt.outcome)].value,
        "code": getattr(attempt.outcome, "code", None),
        "description": _description(attempt.outcome),
        "event_uuid": getattr(attempt.outcome, "event_uuid", None),
        "endpoint": attempt.endpoint,
        "certificate": attempt.certificate,
        "sent": attempt.sent,
    }


OUTCOMES: Mapping[type[Outcome], AttemptOutcome] = MappingProxyType(
    {
        Delivered: AttemptOutcome.DELIVERED,
        AlreadyDelivered: AttemptOutcome.ALREADY_DELIVERED,
        Rejected: AttemptOutcome.REJECTED,
        Retryable: AttemptOutcome.RETRYABLE,
        OutcomeUnknown: AttemptOutcome.OUTCOME_UNKNOWN,
        Halted: AttemptOutcome.HALTED,
    }
)
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


def _refusals(outcome: Outcome) -> dict[str, list[Any]]:
    refused = outcome.refused if isinstance(outcome, Delivered) else ()
    return {
        "roots": [each.identifier.root for each in refused],
        "extensions": [each.identifier.extension for each in refused],
        "codes": [each.code for each in refused],
        "rules": [each.rule for each in refused],
        "descriptions": [each.description for each in refused],
    }


# what the central system holds of slots

_OF_SLOTS = frozenset({MessageKind.SAVE_SLOTS, MessageKind.WITHDRAW_SLOTS})

_KEEP_PLACES = text(f"""
WITH locked AS MATERIALIZED (
    SELECT id FROM slots WHERE id = ANY (CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE
), told AS (
    SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:places AS smallint[]), CAST(:ends AS timestamptz[]))
        AS told (id, places, ends_at)
)
UPDATE slots SET told_places = CASE WHEN told.ends_at = slots.ends_at THEN told.places ELSE {UNSURE} END
FROM locked JOIN told USING (id)
WHERE slots.id = locked.id AND EXISTS (
    SELECT FROM outbox_messages WHERE id = :id AND attempts = :attempts AND state = 'in_progress'
)
""")  # noqa: S608 -- put together from constants
"""A slot that got another end while it was told is held there with the end that it had."""

_FORGET_PLACES = text(f"""
WITH locked AS MATERIALIZED (
    SELECT id FROM slots WHERE schedule_id = :subject_id AND told_places IS DISTINCT FROM {UNSURE}
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE slots SET told_places = {UNSURE} FROM locked WHERE slots.id = locked.id
""")  # noqa: S608 -- put together from constants


def _keep_places(session: Session, claimed: ClaimedMessage, told: Told | None) -> None:
    """Writes down what the central system holds of slots; without `told` it is not known.

    The rows of slots are locked before the message, and each in turn, as bookings do it.
    """
    if claimed.kind not in _OF_SLOTS:
        return
    if not isinstance(told, ToldSlots):
        session.execute(_FORGET_PLACES, {"subject_id": claimed.subject_id})
    elif told.ids:
        values = {"id": claimed.id, "attempts": claimed.attempts, "ids": told.ids, "places": told.places}
        values["ends"] = told.ends
        session.execute(_KEEP_PLACES, values)


# statements of `record`


_ARRIVED = """
    SELECT CASE WHEN outcome = 'outcome_unknown' THEN started_at + milliseconds * interval '1 millisecond' END
    FROM transmission_attempts WHERE message_id = :id AND (outcome = 'outcome_unknown' OR sent IS NOT NULL)
        AND (SELECT count(*) FROM transmission_attempts WHERE message_id = :id) = message.attempts - 1
    ORDER BY id DESC LIMIT 1
"""
"""The end of the last attempt that left, if it may have arrived and no attempt went without a record."""


def _locking(subject: str = "SELECT 1", durable: str = "off") -> TextClause:
    return text(f"""
WITH subject AS MATERIALIZED ({subject})
SELECT state, attempts, uncertain, accepted_at, leased_until, due_at, coalesce((
    SELECT failures > 0 OR opened_at IS NOT NULL FROM transmission_links WHERE provider_id = :provider_id
), false) AS troubled, CASE WHEN uncertain THEN ({_ARRIVED}) END AS arrived_at,
    set_config('synchronous_commit', '{durable}', true)
FROM outbox_messages AS message
WHERE message.id = :id AND (SELECT count(*) FROM subject) >= 0
FOR NO KEY UPDATE OF message
""")  # noqa: S608 -- put together from constants


def _recording(effect: str = "SELECT 1", answered: str = "SELECT 1", released: str = "SELECT 1") -> TextClause:
    return text(f"""
WITH attempt AS (
    INSERT INTO transmission_attempts (
        message_id, started_at, milliseconds, outcome, code, description, event_uuid, endpoint, certificate, sent
    )
    SELECT CAST(:id AS bigint), CAST(:started_at AS timestamptz), CAST(:milliseconds AS int),
        CAST(:outcome AS varchar), CAST(:code AS varchar), CAST(:description AS varchar),
        CAST(:event_uuid AS varchar), CAST(:endpoint AS varchar), CAST(:certificate AS varchar), CAST(:sent AS bytea)
    WHERE NOT EXISTS (SELECT FROM transmission_attempts WHERE message_id = :id AND started_at = :started_at)
    RETURNING message_id
), answered AS ({answered}), effect AS ({effect}), released AS ({released})
UPDATE outbox_messages AS message
SET state = :state, accepted_at = :accepted_at, leased_until = :leased_until, uncertain = :uncertain, due_at = :due_at
FROM attempt WHERE message.id = attempt.message_id
RETURNING message.id
""")  # noqa: S608 -- put together from constants


_LOCK_AFTER_FAILURE, _LOCK_MESSAGE, _RECORD_ONLY = _locking(durable="on"), _locking(), _recording()

_SUBJECT = "SELECT id FROM {} WHERE id = :subject_id FOR NO KEY UPDATE"

_LOCK: dict[MessageKind, TextClause] = {
    MessageKind.SAVE_SERVICE_PLACE: _locking(_SUBJECT.format("service_places")),
    MessageKind.IMPORT_MOBILE_POINTS: _locking(_SUBJECT.format("mobile_points")),
    MessageKind.SAVE_SCHEDULE: _locking(_SUBJECT.format("schedules")),
    MessageKind.WITHDRAW_SLOTS: _LOCK_MESSAGE,
    MessageKind.SAVE_SLOTS: _locking(_SUBJECT.format("schedules")),
    MessageKind.ACTIVATE_SERVICE_PLACE: _locking(_SUBJECT.format("service_places")),
    MessageKind.SAVE_VISIT: _locking(_SUBJECT.format("visits")),
    MessageKind.CANCEL_VISIT: _LOCK_MESSAGE,
    MessageKind.LOAD_VISITS: _locking("""
        SELECT visits.id FROM visits JOIN initial_load_rows ON initial_load_rows.visit_id = visits.id
        WHERE initial_load_rows.chunk_id = :subject_id ORDER BY visits.id FOR NO KEY UPDATE OF visits
    """),
}
"""Locks what a message is about, and then the message.

A change of a visit and its message are committed at once; the statement after this lock sees both or none.
"""

_NEWEST = """NOT EXISTS (
    SELECT FROM outbox_messages AS newer
    WHERE newer.kind = 'save_visit' AND newer.subject_id = visits.id AND newer.id > :id
)"""

_PASSED = f"""
    UPDATE visits SET passed_at = coalesce(passed_at, :accepted_at)
    FROM attempt WHERE visits.id = :subject_id AND ({_NEWEST} OR visits.path = CAST(:digest AS varchar))
"""  # noqa: S608 -- put together from constants

_ANSWERED = """
    UPDATE initial_load_rows AS row
    SET state = CASE WHEN refused.code IS NULL THEN 'accepted' ELSE 'refused' END,
        code = refused.code, rule = refused.rule, description = refused.description
    FROM attempt, visits JOIN providers ON providers.id = visits.provider_id
    LEFT JOIN unnest(
        CAST(:roots AS varchar[]), CAST(:extensions AS varchar[]),
        CAST(:codes AS varchar[]), CAST(:rules AS varchar[]), CAST(:descriptions AS varchar[])
    ) AS refused (root, extension, code, rule, description)
    ON refused.root = coalesce(visits.cer_root, providers.oid_root)
        AND refused.extension = coalesce(visits.cer_extension, CAST(visits.uuid AS varchar))
    WHERE row.chunk_id = :subject_id AND row.visit_id = visits.id AND row.state = 'waiting'
    RETURNING row.visit_id, row.state
"""

_PASSED_OF_LOAD = f"""
    UPDATE visits SET passed_at = coalesce(passed_at, :accepted_at)
    FROM answered WHERE visits.id = answered.visit_id AND answered.state = 'accepted' AND {_NEWEST}
"""  # noqa: S608 -- put together from constants

_ACTIVATION = """
    DELETE FROM outbox_dependencies AS dependency USING (
        SELECT waits.message_id, waits.requires_id
        FROM attempt, schedules
        JOIN outbox_messages AS activation
            ON activation.kind = 'activate_service_place' AND activation.subject_id = schedules.service_place_id
        JOIN outbox_dependencies AS waits ON waits.message_id = activation.id
        JOIN outbox_messages AS required ON required.id = waits.requires_id
        WHERE schedules.id = :subject_id AND activation.state <> 'accepted' AND required.id <> :id
            AND required.kind IN ('import_mobile_points', 'save_schedule', 'save_slots')
        FOR UPDATE OF waits SKIP LOCKED
    ) AS waiting
    WHERE dependency.message_id = waiting.message_id AND dependency.requires_id = waiting.requires_id
"""
"""With its first slots a place can be opened, so that a stop that is refused does not keep all others shut."""

_RECORD: dict[MessageKind, TextClause] = {
    MessageKind.SAVE_SERVICE_PLACE: _recording("""
        UPDATE service_places SET registered_at = coalesce(registered_at, :accepted_at), told_digest = :digest,
            status = CASE status WHEN 'draft' THEN 'registered' ELSE status END
        FROM attempt WHERE service_places.id = :subject_id
    """),
    MessageKind.IMPORT_MOBILE_POINTS: _recording("""
        UPDATE mobile_points SET accepted_at = coalesce(accepted_at, :accepted_at), told_digest = :digest
        FROM attempt WHERE mobile_points.id = :subject_id
    """),
    MessageKind.SAVE_SCHEDULE: _recording("""
        UPDATE schedules SET accepted_at = coalesce(accepted_at, :accepted_at), told_digest = :digest
        FROM attempt WHERE schedules.id = :subject_id
    """),
    MessageKind.WITHDRAW_SLOTS: _RECORD_ONLY,
    MessageKind.SAVE_SLOTS: _recording(
        """
        UPDATE schedules SET slots_accepted_at = coalesce(slots_accepted_at, :accepted_at)
        FROM attempt WHERE schedules.id = :subject_id
    """,
        released=_ACTIVATION,
    ),
    MessageKind.ACTIVATE_SERVICE_PLACE: _recording("""
        UPDATE service_places SET activated_at = coalesce(activated_at, :accepted_at), status = 'active'
        FROM attempt WHERE service_places.id = :subject_id
    """),
    MessageKind.SAVE_VISIT: _recording(_PASSED),
    MessageKind.CANCEL_VISIT: _RECORD_ONLY,
    MessageKind.LOAD_VISITS: _recording(_PASSED_OF_LOAD, _ANSWERED),
}
"""Keeps an attempt that was accepted, and what that changes at the subject; a cancellation changes nothing.

A visit counts as passed when its newest message was accepted, or one that is known to have told its present path.
"""
