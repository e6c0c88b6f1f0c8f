"""Who carries out a use-case, and the trace that it leaves in the audit log."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert
from sqlalchemy.orm import Session

from mobile_units.models.audit import AuditEntry
from mobile_units.rules.roles import Role


@dataclass(frozen=True, slots=True)
class Actor:
    """A user of one provider, or the system itself where `user_id` is None."""

    provider_id: int
    user_id: int | None = None
    roles: frozenset[Role] = frozenset()
    request_id: str | None = None


def audit(session: Session, actor: Actor, action: str, subject: str, subject_id: int | None) -> None:
    """Adds to the audit log what the actor did to which object; never what the object holds."""
    session.add(AuditEntry(**_entry(actor, action, subject, subject_id)))


def _entry(actor: Actor, action: str, subject: str, subject_id: int | None) -> dict[str, Any]:
    return {
        "provider_id": actor.provider_id,
        "user_id": actor.user_id,
        "action": action,
        "subject": subject,
        "subject_id": subject_id,
        "request_id": actor.request_id,
    }


_PREFIX = "audit_"
_COLUMNS = _entry(Actor(0), "", "", None)
AUDIT = insert(AuditEntry).values({name: bindparam(_PREFIX + name) for name in _COLUMNS}).cte("audit")
"""`audit` as a part of the statement that stores what the entry tells of; `audit_values` are its parameters."""


def audit_values(actor: Actor, action: str, subject: str, subject_id: int | None) -> dict[str, Any]:
    """The parameters of `AUDIT`."""
    return {_PREFIX + name: value for name, value in _entry(actor, action, subject, subject_id).items()}
