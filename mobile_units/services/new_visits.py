"""Storing a new visit in as few statements as its rules allow: nothing is done as often, and by as many at once."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import BigInteger, DateTime, String, bindparam, column, text
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from mobile_units.crypto import EncryptedText
from mobile_units.models.visits import Visit
from mobile_units.rules.visits import VisitSource
from mobile_units.services import booking_facts
from mobile_units.services import visit_steps as steps
from mobile_units.services.actors import Actor, audit_values
from mobile_units.services.booking_facts import Facts
from mobile_units.transmission import outbox


def store(session: Session, actor: Actor, facts: Facts, values: Mapping[str, Any], action: str) -> Visit:
    """Stores a visit of the woman in the slot, the beginning of its history and the entry in the audit log."""
    columns = {
        "uuid": uuid4(),
        "provider_id": actor.provider_id,
        "woman_id": facts.woman.id,
        "slot_id": facts.slot.id,
        "programme": facts.slot.schedule.programme,
        "path": facts.path,
        **values,
    }
    contract_range = columns.pop("contract_range")
    columns["contract_range_id"] = contract_range.id
    parameters = columns | audit_values(actor, f"visit_{action}", "woman", facts.woman.id)
    made = session.connection().execute(_STORE, parameters).one()
    given = {"id": made.id, "created_at": made.created_at, "version": 1, "source": VisitSource.PROVIDER}
    empty = dict.fromkeys(("cancelled_by", "moved_from", "cer_root", "cer_extension", "passed_at"))
    visit = booking_facts.stored(session, Visit, columns | empty | given)
    set_committed_value(visit, "woman", facts.woman)
    set_committed_value(visit, "slot", facts.slot)
    set_committed_value(visit, "contract_range", contract_range)
    return visit


_STORE = (
    text("""
WITH made AS (
    INSERT INTO visits (
        uuid, provider_id, woman_id, slot_id, programme, path, contract_range_id, status, urgent, channel, held_until,
        overbooked, eligibility_rule_id, override_reason, idempotency_key, source, version
    ) VALUES (
        :uuid, :provider_id, :woman_id, :slot_id, :programme, :path, :contract_range_id, :status, :urgent, :channel,
        :held_until, :overbooked, :eligibility_rule_id, :override_reason, :idempotency_key, 'provider', 1
    ) RETURNING id, created_at
), change AS (
    INSERT INTO visit_changes (visit_id, to_status, user_id)
    SELECT id, :status, CAST(:audit_user_id AS bigint) FROM made
), entry AS (
    INSERT INTO audit_entries (provider_id, user_id, action, subject, subject_id, request_id)
    VALUES (
        :audit_provider_id, :audit_user_id, :audit_action, :audit_subject, :audit_subject_id, :audit_request_id
    )
)
SELECT id, created_at FROM made
""")
    .bindparams(
        bindparam("override_reason", type_=EncryptedText()),
        bindparam("status", type_=String()),
        bindparam("held_until", type_=DateTime(timezone=True)),
        bindparam("eligibility_rule_id", type_=BigInteger()),
        bindparam("idempotency_key", type_=String()),
        bindparam("audit_user_id", type_=BigInteger()),
        bindparam("audit_request_id", type_=String()),
    )
    .columns(column("id", BigInteger()), column("created_at", DateTime(timezone=True)))
)


def pass_on(session: Session, visit: Visit) -> None:
    """As `visit_steps.pass_on`, for a visit of which nothing was ever told."""
    pass_on_all(session, [visit])


def pass_on_all(session: Session, visits: Sequence[Visit]) -> None:
    """As `pass_on` of each, in this order."""
    outbox.enqueue_new_visits(session, [steps.to_be_told(visit, steps.stands_on(visit.slot)) for visit in visits])
