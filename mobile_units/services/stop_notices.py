"""Telling women that the stop of their visit got another site."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from mobile_units.models.itineraries import Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.rules.messages import Appointment, NoticeKind
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import appointments
from mobile_units.services.actors import Actor
from mobile_units.services.messages_to_women import notify

_COUNTED_ON = (VisitStatus.BOOKED, VisitStatus.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Affected:
    """A visit to come, and its appointment at the former site."""

    visit: Visit
    was: Appointment


def affected_by(session: Session, stop: Stop, site_id: int | None, now: datetime) -> Sequence[Affected]:
    """The visits to come of a stop, which still has its former site, if it gets another one."""
    if site_id is None or site_id == stop.site_id:
        return ()
    query = select(Visit).join(Visit.slot).join(Slot.schedule).join(Schedule.mobile_point)
    query = query.where(MobilePoint.stop_id == stop.id, Slot.starts_at > now, Visit.status.in_(_COUNTED_ON))
    visits = session.scalars(query.options(contains_eager(Visit.slot)).order_by(Visit.id))
    return [Affected(visit, appointments.at_site(stop.site, visit.slot.starts_at)) for visit in visits]


def tell(session: Session, actor: Actor, stop: Stop, affected: Sequence[Affected]) -> None:
    """Has the women told; the version of the itinerary, raised by the change, is the occasion."""
    occasion = f"{stop.itinerary_id}.{stop.itinerary.version}"
    for each in affected:
        notify(session, actor, each.visit, NoticeKind.STOP_MOVED, was=each.was, occasion=occasion)
