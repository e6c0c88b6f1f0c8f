"""Units that work, sites where women are due, contracts with limits, and drafts of itineraries."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal

from sqlalchemy.orm import Session

from mobile_units.models.contracts import Contract, ContractRange
from mobile_units.models.itineraries import Itinerary, ItineraryStatus
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.sites import Site, SiteDemand
from mobile_units.models.units import MobileUnit, UnitProgramme
from mobile_units.rules.programmes import Programme
from mobile_units.services import itineraries, publishing, reference, versions
from mobile_units.services.actors import Actor
from mobile_units.services.derivation import Published
from mobile_units.services.itineraries import DayHours, NewItinerary, NewStop
from tests import factories_booking
from tests.factories import number

FIRST, LAST = date(2027, 3, 1), date(2027, 5, 31)
"""The days of a draft; Easter Monday is 29 March 2027, the clocks go forward the night before."""
WEDNESDAY, THURSDAY = date(2027, 3, 10), date(2027, 3, 11)
MAMMOGRAPHY, CYTOLOGY, HPV = "10.7940.159.02", "01.0034.101.01", "01.0034.102.01"
"""Codes of mobile mammography, and of cytology and HPV tests by midwives of primary care."""
BREAST: Mapping[Programme, int] = {Programme.BREAST: 50}


def does(
    session: Session,
    provider_id: int,
    programme: Programme = Programme.BREAST,
    *,
    minutes: int = 10,
    rooms: int = 1,
    limit: int = 1000,
    place: ServicePlace | None = None,
) -> UnitProgramme:
    """What a unit does: by default mammography, a woman every ten minutes, for a service place of its own."""
    return UnitProgramme(
        programme=programme,
        service_place=place or factories_booking.service_place(session, provider_id, programme),
        women_per_day=limit,
        minutes_per_woman=minutes,
        rooms=rooms,
    )


def unit(
    session: Session,
    provider_id: int,
    programmes: Sequence[UnitProgramme] | None = None,
    *,
    setup_minutes: int = 60,
    active: bool = True,
) -> MobileUnit:
    """A unit that works from 8:00 to 10:00 on weekdays and is set up within an hour."""
    made = MobileUnit(
        provider_id=provider_id,
        code=f"U{number()}",
        name="Mammobus",
        base_latitude=51.77,
        base_longitude=19.46,
        weekdays=[1, 2, 3, 4, 5],
        opens=time(8),
        closes=time(10),
        setup_minutes=setup_minutes,
        active=active,
        programmes=[does(session, provider_id)] if programmes is None else list(programmes),
    )
    session.add(made)
    session.flush()
    return made


def site(
    session: Session, provider_id: int, women_due: Mapping[Programme, int] = BREAST, *, active: bool = True
) -> Site:
    """A site in Wieluń for at most five days."""
    made = Site(
        provider_id=provider_id,
        code=f"S{number()}",
        name="Wieluń, Plac Legionów",
        locality="Wieluń",
        latitude=51.22097,
        longitude=18.56964,
        active=active,
        demands=[
            SiteDemand(programme=programme, women_due=women, estimated=True, source="próba", as_of=FIRST)
            for programme, women in women_due.items()
        ],
    )
    session.add(made)
    session.flush()
    return made


def contract(
    session: Session,
    provider_id: int,
    limits: Mapping[str, int],
    *,
    valid_from: date = date(2026, 1, 1),
    valid_to: date = date(2035, 12, 31),
    price: Decimal | None = None,
) -> Contract:
    """A contract with a limit for each code."""
    reference.load_reference_data(session)
    made = Contract(
        provider_id=provider_id,
        number=f"05/{number()}",
        nfz_branch="05",
        valid_from=valid_from,
        valid_to=valid_to,
        ranges=[
            ContractRange(product_code=code, quantity_limit=limit, unit_price=price) for code, limit in limits.items()
        ],
    )
    session.add(made)
    session.flush()
    return made


def draft(session: Session, actor: Actor, name: str = "Wiosna") -> Itinerary:
    """An empty draft of three months."""
    return itineraries.create(session, actor, NewItinerary(name=name, first_day=FIRST, last_day=LAST))


def stop_of(unit: MobileUnit, site: Site, *days: date, women: int | None = None) -> NewStop:
    """A stop at the hours of the unit."""
    return NewStop(unit_id=unit.id, site_id=site.id, days=[DayHours(day) for day in days], women_planned=women)


def draft_with_stop(
    session: Session, actor: Actor, unit: MobileUnit, *days: date, women: int | None = None
) -> Itinerary:
    """A draft with one stop of the unit at a site of its own; by default on a Wednesday and the day after."""
    made = draft(session, actor)
    command = stop_of(unit, site(session, actor.provider_id), *(days or (WEDNESDAY, THURSDAY)), women=women)
    itineraries.add_stop(session, actor, made.id, command)
    return made


def approve(session: Session, actor: Actor, itinerary: Itinerary, now: datetime) -> Itinerary:
    """Approves a draft as it stands, whatever it violates."""
    return versions.approve(session, actor, itinerary.id, itinerary.version, now, accepted_reason="próba")


def publish(session: Session, actor: Actor, itinerary: Itinerary, now: datetime) -> Published:
    """Publishes an itinerary, approving it first if it is a draft."""
    approved = approve(session, actor, itinerary, now) if itinerary.status is ItineraryStatus.DRAFT else itinerary
    return publishing.publish(session, actor, approved.id, approved.version, now)
