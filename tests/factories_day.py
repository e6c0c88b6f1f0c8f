"""A day of work with women in it: what lists of a day and attendance need."""

from datetime import date, time

from sqlalchemy.orm import Session

from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.rules.programmes import Mobility, Path
from mobile_units.rules.visits import VisitStatus
from tests.factories_booking import DAY, schedule, service_place, slot
from tests.factories_transmission import visit


def stop_day(session: Session, provider_id: int, day: date = DAY) -> tuple[int, Schedule]:
    """The key of a stop of one day and its schedule of mammographies."""
    made = schedule(session, provider_id, day=day)
    assert made.mobile_point is not None
    return made.mobile_point.stop_id, made


def place_day(session: Session, provider_id: int, day: date = DAY) -> tuple[int, Schedule]:
    """The key of a stationary place and its schedule of one day."""
    place = service_place(session, provider_id, mobility=Mobility.STATIONARY)
    return place.id, schedule(session, provider_id, Path.MAMMOGRAPHY, day, place=place)


def booked(
    session: Session,
    of: Schedule,
    at: time = time(9),
    names: tuple[str, str] = ("Próba", "Testowa"),
    status: VisitStatus = VisitStatus.BOOKED,
) -> Visit:
    """A visit of a woman of her own, with these given and family names, in a slot of its own."""
    made: Slot = slot(session, of.provider_id, of=of, at=at)
    found = visit(session, of.provider_id, made, status)
    found.woman.given_name, found.woman.family_name = names
    session.flush()
    return found
