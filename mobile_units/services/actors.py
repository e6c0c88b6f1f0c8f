"""Who carries out a use-case, and the trace that it leaves in the audit log."""

from dataclasses import dataclass

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
    session.add(
        AuditEntry(
            provider_id=actor.provider_id,
            user_id=actor.user_id,
            action=action,
            subject=subject,
            subject_id=subject_id,
            request_id=actor.request_id,
        )
    )
