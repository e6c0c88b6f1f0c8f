"""One visit with all that happened to it: who did what and why, where it came from, and what was passed on of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from mobile_units.models.product_codes import ProductCode
from mobile_units.models.transmissions import OutboxMessage
from mobile_units.models.users import User
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_day
from mobile_units.rules.messages import Appointment
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import appointments, slot_search, visits
from mobile_units.services.actors import Actor
from mobile_units.services.product_codes import visible_to
from mobile_units.services.queries import in_force_on
from mobile_units.services.slot_search import SlotAtPlace
from mobile_units.transmission import outbox


@dataclass(frozen=True, slots=True)
class VisitStory:
    """A visit; `authors` are the logins of users by key, `before` and `after` the visits that a move connects with it.

    `message` is the last one about it to the central system: of its end, if it was called off.
    """

    visit: Visit
    place: SlotAtPlace
    appointment: Appointment
    product: str | None
    authors: Mapping[int, str]
    before: int | None
    after: int | None
    message: OutboxMessage | None


def read(session: Session, actor: Actor, visit_id: int) -> VisitStory:
    """A visit with its story; its woman is noted in the audit log as read.

    Raises:
        DomainError: `not_found`.
    """
    visit = visits.get_with_woman(session, actor, visit_id)
    return VisitStory(
        visit=visit,
        place=slot_search.get(session, actor, visit.slot_id),
        appointment=appointments.of_visit(session, visit.id),
        product=_product(session, visit),
        authors=_authors(session, visit),
        before=None if visit.moved_from is None else _key(session, actor, Visit.uuid == visit.moved_from),
        after=_key(session, actor, Visit.moved_from == visit.uuid) if visit.status is VisitStatus.MOVED else None,
        message=outbox.latest(session, _told_by(visit.status), visit.id),
    )


def _told_by(status: VisitStatus) -> MessageKind:
    called_off = status in {VisitStatus.CANCELLED, VisitStatus.MOVED}
    return MessageKind.CANCEL_VISIT if called_off else MessageKind.SAVE_VISIT


def _product(session: Session, visit: Visit) -> str | None:
    """The name of its code in the catalogue on the day; the provider's own one before the shared one."""
    query = select(ProductCode.name_pl).where(
        ProductCode.code == visit.contract_range.product_code,
        visible_to(visit.provider_id),
        in_force_on(ProductCode, local_day(visit.slot.starts_at)),
    )
    return session.scalars(query.order_by(ProductCode.provider_id.nulls_last()).limit(1)).one_or_none()


def _authors(session: Session, visit: Visit) -> dict[int, str]:
    keys = {change.user_id for change in visit.changes if change.user_id is not None}
    query = select(User.id, User.login).where(User.id.in_(keys))
    return dict(session.execute(query).all()) if keys else {}


def _key(session: Session, actor: Actor, condition: ColumnElement[bool]) -> int | None:
    query = select(Visit.id).where(Visit.provider_id == actor.provider_id, condition)
    return session.scalars(query.limit(1)).one_or_none()
