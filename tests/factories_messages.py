"""Visits of fictitious women who can be reached in some way, at a provider that has a name for them."""

from datetime import date, time

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.models.messages import MessageToWoman
from mobile_units.models.providers import Provider
from mobile_units.models.visits import Visit
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import VisitStatus
from tests import factories_booking as booking

EMAIL, TELEPHONE = "proba@example.org", "+48600000000"
"""Where a fictitious woman is written to; each is hers alone in a test."""


def named(session: Session, provider_id: int) -> None:
    """Gives a provider the name and the telephone that stand in messages."""
    provider = session.get_one(Provider, provider_id)
    provider.short_name, provider.telephone = "Centrum Próbne", "+48426301234"
    session.flush()


def visit(
    session: Session,
    provider_id: int,
    *,
    email: str | None = None,
    sms: str | None = None,
    day: date | None = None,
    at: time = time(9),
    moved_from: Visit | None = None,
    status: VisitStatus = VisitStatus.BOOKED,
) -> Visit:
    """A visit of a woman who agreed to be written to at `email` and by `sms`; a moved one is of the same woman."""
    slot = booking.slot(session, provider_id, day=day or booking.next_day(), at=at)
    woman = moved_from.woman if moved_from else booking.woman(session, provider_id)
    if not moved_from:
        woman.email, woman.telephone = email, sms
        woman.email_consent_at = clock.now() if email else None
        woman.sms_consent_at = clock.now() if sms else None
    slot.taken = 1
    made = Visit(
        provider_id=provider_id,
        woman=woman,
        slot=slot,
        programme=slot.schedule.programme,
        path=Path.MAMMOGRAPHY,
        contract_range=slot.schedule.contract_range,
        status=status,
        moved_from=moved_from.uuid if moved_from else None,
    )
    if moved_from:
        moved_from.status = VisitStatus.MOVED
        session.flush()
    session.add(made)
    session.flush()
    return made


def messages(session: Session, provider_id: int) -> list[MessageToWoman]:
    """The messages of a provider, oldest first, as they are in the database."""
    query = select(MessageToWoman).where(MessageToWoman.provider_id == provider_id).order_by(MessageToWoman.id)
    return list(session.scalars(query.execution_options(populate_existing=True)))
