"""When and where a visit is, in the words in which women are told."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from uuid import UUID

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
    return of_visits(session, [visit_id])[visit_id]


def of_visits(session: Session, visit_ids: Collection[int]) -> dict[int, Appointment]:
    """The appointments of visits as they are published now."""
    found = _read(session, Visit.id.in_(visit_ids))
    return {visit_id: appointment for visit_id, _, appointment in found}


def before_moves(session: Session, visits: Iterable[Visit]) -> dict[int, Appointment]:
    """By visit, the appointment from which it was moved; those that were not are left out."""
    moved = {visit.moved_from: visit.id for visit in visits if visit.moved_from is not None}
    if not moved:
        return {}
    return {moved[uuid]: appointment for _, uuid, appointment in _read(session, Visit.uuid.in_(moved))}


def _read(session: Session, which: ColumnElement[bool]) -> Iterator[tuple[int, UUID, Appointment]]:
    for visit_id, uuid, starts_at, address, site in session.execute(_APPOINTMENTS.where(which)):
        yield visit_id, uuid, _appointment(starts_at, address, site)


def _appointment(starts_at: datetime, address: str, site: Site | None) -> Appointment:
    if site is not None:
        return at_site(site, starts_at)
    place, locality = in_parts(address)
    return Appointment(starts_at, locality, place)


_APPOINTMENTS = (
    select(Visit.id, Visit.uuid, Slot.starts_at, ServicePlace.address, Site)
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
