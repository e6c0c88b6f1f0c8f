"""Reading the audit log."""

from datetime import UTC, date, datetime

from sqlalchemy.orm import Session

from mobile_units.models.audit import AuditEntry
from mobile_units.services import audit
from mobile_units.services.actors import Actor
from mobile_units.services.audit import AuditFilter


def test_a_day_of_the_log_is_a_polish_day(session: Session, actor: Actor) -> None:
    """On the last Sunday of March it has 23 hours, from 23:00 UTC to 22:00 UTC."""
    for at in (
        datetime(2026, 3, 28, 22, 59, tzinfo=UTC),
        datetime(2026, 3, 28, 23, 0, tzinfo=UTC),
        datetime(2026, 3, 29, 21, 59, tzinfo=UTC),
        datetime(2026, 3, 29, 22, 0, tzinfo=UTC),
    ):
        session.add(AuditEntry(provider_id=actor.provider_id, action="read", subject="woman", at=at))
    session.flush()
    day = date(2026, 3, 29)
    found = audit.find(session, actor, AuditFilter(from_day=day, to_day=day))
    assert [entry.at.hour for entry in found.items] == [21, 23]
    assert found.total == 2
