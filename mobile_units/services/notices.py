"""What a stored message says now, and whether it is still true."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from mobile_units.errors import DomainError
from mobile_units.models.messages import MessageToWoman
from mobile_units.models.providers import Provider
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.rules.messages import Notice, NoticeKind
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import appointments

_TO_COME = (VisitStatus.BOOKED, VisitStatus.CONFIRMED)


def of(session: Session, row: MessageToWoman) -> Notice:
    """The notice by what is true now.

    Raises:
        DomainError: `provider_not_named`; `message_incomplete`, `message_field_invalid`.
    """
    columns = (Provider.short_name, Provider.telephone)
    name, telephone = session.execute(select(*columns).where(Provider.id == row.provider_id)).one()
    if name is None or telephone is None:
        raise DomainError("provider_not_named")
    return Notice(
        kind=row.kind,
        sender=name,
        telephone=telephone,
        now=None if row.kind is NoticeKind.CANCELLED else appointments.of_visit(session, row.visit_id),
        was=appointments.restored(row.was) if row.was else None,
        answer_by=session.scalar(select(Visit.held_until).where(Visit.id == row.visit_id)),
    )


def woman_id(session: Session, row: MessageToWoman) -> int:
    """Whose visit it is: where two rows of one woman were merged, the one that stayed."""
    return session.scalars(select(Visit.woman_id).where(Visit.id == row.visit_id)).one()


def is_true(now: datetime) -> ColumnElement[bool]:
    """Whether the notice of a row of `MessageToWoman` holds and the woman can still act on it."""
    answerable = or_(MessageToWoman.kind != NoticeKind.PLACE_OFFERED, Visit.held_until > now)
    in_time = select(Visit.id).join(Visit.slot).where(Visit.id == MessageToWoman.visit_id, Slot.starts_at > now)
    return and_(holds(), in_time.where(answerable).correlate(MessageToWoman).exists())


def holds() -> ColumnElement[bool]:
    """Whether the visit is as the notice of a row of `MessageToWoman` says, and no later notice about it is stored."""
    later = aliased(MessageToWoman)
    overtaken = exists().where(later.visit_id == MessageToWoman.visit_id, later.id > MessageToWoman.id)
    as_told = or_(
        and_(MessageToWoman.kind == NoticeKind.CANCELLED, Visit.status == VisitStatus.CANCELLED),
        and_(MessageToWoman.kind == NoticeKind.PLACE_OFFERED, Visit.status == VisitStatus.HELD),
        and_(MessageToWoman.kind.in_(_OF_VISITS), Visit.status.in_(_TO_COME)),
    )
    visit = exists().where(Visit.id == MessageToWoman.visit_id, as_told).correlate(MessageToWoman)
    return and_(visit, ~overtaken.correlate(MessageToWoman))


_OF_VISITS = (NoticeKind.BOOKED, NoticeKind.MOVED, NoticeKind.STOP_MOVED)
