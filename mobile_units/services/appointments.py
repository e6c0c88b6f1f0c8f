"""When and where a visit is, in the words in which women are told."""

import re
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from mobile_units.models.itineraries import Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.sites import Site
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.rules.messages import Appointment

_POSTCODE = re.compile(r"^[0-9]{2}-[0-9]{3}\s+")
_STREET = re.compile(r"^(ul|al|pl|os)\.|[0-9]")


def at_site(site: Site, starts_at: datetime) -> Appointment:
    """An appointment at a stop: the landmark that is published for it, else the street, else its name."""
    return Appointment(starts_at, site.locality, site.landmark or site.street or site.name)


def of_visit(session: Session, visit_id: int) -> Appointment:
    """The appointment of a visit as it is published now."""
    return _read(session, Visit.id == visit_id)


def before_move(session: Session, visit: Visit) -> Appointment | None:
    """The appointment from which a visit was moved, None if it was not."""
    if visit.moved_from is None:
        return None
    return _read(session, Visit.uuid == visit.moved_from)


def _read(session: Session, which: ColumnElement[bool]) -> Appointment:
    row = session.execute(_APPOINTMENTS.where(which)).one()
    site: Site | None = row.Site
    if site is not None:
        return at_site(site, row.starts_at)
    place, locality = in_parts(row.address)
    return Appointment(row.starts_at, locality, place)


_APPOINTMENTS = (
    select(Slot.starts_at, ServicePlace.address, Site)
    .select_from(Visit)
    .join(Visit.slot)
    .join(Slot.schedule)
    .join(Schedule.service_place)
    .outerjoin(Schedule.mobile_point)
    .outerjoin(MobilePoint.stop)
    .outerjoin(Stop.site)
)


def in_parts(address: str) -> tuple[str, str]:
    """An address of one line as what stands beside the town, and the town; one without a known town is both."""
    parts = [part.strip() for part in address.split(",")]
    bare = [_POSTCODE.sub("", part) for part in parts]
    towns = [number for number, part in enumerate(bare) if part and not _STREET.search(part)]
    if not towns or len(parts) == 1:
        return address, address
    town = towns[-1]
    return ", ".join(parts[:town] + parts[town + 1 :]), bare[town]


def stored(appointment: Appointment) -> dict[str, str]:
    """An appointment as a column keeps it."""
    starts_at = appointment.starts_at.isoformat()
    return {"starts_at": starts_at, "locality": appointment.locality, "place": appointment.place}


def restored(values: Mapping[str, str]) -> Appointment:
    """The appointment that `stored` kept."""
    return Appointment(datetime.fromisoformat(values["starts_at"]), values["locality"], values["place"])
