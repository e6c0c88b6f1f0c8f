"""Reading the audit log."""

from dataclasses import dataclass
from datetime import date, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.models.audit import AuditEntry
from mobile_units.rules.calendar import local_instant
from mobile_units.services.actors import Actor
from mobile_units.services.queries import Page, Paging, get_owned, page_of


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are wanted; `from_day` and `to_day` are days in Poland, both included."""

    paging: Paging = Paging()
    subject: str | None = None
    subject_id: int | None = None
    user_id: int | None = None
    from_day: date | None = None
    to_day: date | None = None


def find(session: Session, actor: Actor, criteria: AuditFilter) -> Page[AuditEntry]:
    """Entries of the provider, the latest first."""
    query = select(AuditEntry).where(AuditEntry.provider_id == actor.provider_id)
    for column in ("subject", "subject_id", "user_id"):
        wanted = getattr(criteria, column)
        if wanted is not None:
            query = query.where(getattr(AuditEntry, column) == wanted)
    if criteria.from_day:
        query = query.where(AuditEntry.at >= local_instant(criteria.from_day, time()))
    if criteria.to_day:
        query = query.where(AuditEntry.at < local_instant(criteria.to_day + timedelta(days=1), time()))
    return page_of(session, query.order_by(AuditEntry.id.desc()), criteria.paging)


def get(session: Session, actor: Actor, entry_id: int) -> AuditEntry:
    """One entry."""
    return get_owned(session, actor, AuditEntry, entry_id)
