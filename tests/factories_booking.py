"""Women and slots with everything below them: place, contract, stop, mobile point and schedule.

A chain is small and valid; several may belong to one provider. The eligibility rules and the product codes are those
of the reference data.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.models.contracts import Contract, ContractRange
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop, StopDay
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule, ScheduleHours
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.sites import Site
from mobile_units.models.slots import Slot
from mobile_units.models.units import MobileUnit
from mobile_units.models.women import Woman
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.product_codes import DEFAULT_CATALOGUE, choose_range
from mobile_units.rules.programmes import Mobility, Path, Programme, Setting
from mobile_units.rules.women import make_pesel
from mobile_units.services import contracts, reference, women
from mobile_units.services.actors import Actor
from tests.factories import number

DAY = date(2027, 3, 10)
"""A Wednesday on which the chains stand, unless told otherwise."""
NOW = datetime(2027, 3, 1, 8, 0, tzinfo=UTC)
"""An instant before it."""


def next_day() -> date:
    """A day to come by the real clock, for what goes through the web."""
    return clock.today() + timedelta(days=14)


def contract(session: Session, provider_id: int, codes: Iterable[str] | None = None) -> Contract:
    """The provider's contract on all codes of the default catalogue, or on some of them; made once."""
    known = session.scalars(select(Contract).where(Contract.provider_id == provider_id)).first()
    if known:
        return known
    reference.load_reference_data(session)
    wanted = [entry.code for entry in DEFAULT_CATALOGUE] if codes is None else codes
    made = Contract(
        provider_id=provider_id,
        number=f"05/{number()}",
        nfz_branch="05",
        valid_from=date(2026, 1, 1),
        valid_to=date(2035, 12, 31),
        ranges=[ContractRange(product_code=code, quantity_limit=10_000) for code in wanted],
    )
    session.add(made)
    session.flush()
    return made


def service_place(
    session: Session,
    provider_id: int,
    programme: Programme = Programme.BREAST,
    mobility: Mobility = Mobility.MOBILE,
    setting: Setting | None = None,
) -> ServicePlace:
    """A place that takes part in one programme; a cervical one belongs to primary care unless told otherwise."""
    cell = number() % 1000
    made = ServicePlace(
        provider_id=provider_id,
        name=f"Pracownia {cell}",
        cell_code=f"{cell:03d}",
        specialty_code="1450" if programme is Programme.CERVICAL else "7940",
        mobility=mobility,
        setting=setting or (Setting.POZ if programme is Programme.CERVICAL else None),
        address="Łódź, ul. Próbna 1",
    )
    session.add(made)
    session.flush()
    return made


def stop(
    session: Session,
    provider_id: int,
    day: date = DAY,
    locality: str = "Wieluń",
    at: tuple[float, float] = (51.22097, 18.56964),
) -> Stop:
    """A stop of one day, 8:00 to 16:00, in a published itinerary, of a unit of its own."""
    unit = MobileUnit(
        provider_id=provider_id,
        code=f"U{number()}",
        name="Mammobus",
        base_latitude=51.77,
        base_longitude=19.46,
        weekdays=[1, 2, 3, 4, 5],
        opens=time(8),
        closes=time(16),
    )
    site = Site(
        provider_id=provider_id,
        code=f"S{number()}",
        name=f"{locality}, Plac Legionów",
        locality=locality,
        landmark="przy Urzędzie Gminy",
        latitude=at[0],
        longitude=at[1],
    )
    itinerary = Itinerary(
        provider_id=provider_id, name="Próba", first_day=day, last_day=day, status=ItineraryStatus.PUBLISHED
    )
    made = Stop(itinerary=itinerary, unit=unit, site=site, first_day=day, last_day=day, women_planned=40)
    session.add(made)
    session.flush()
    hours = StopDay(
        itinerary_id=itinerary.id,
        itinerary_status=itinerary.status,
        unit_id=unit.id,
        day=day,
        opens_at=local_instant(day, time(8)),
        closes_at=local_instant(day, time(16)),
    )
    made.days.append(hours)
    session.flush()
    return made


def schedule(
    session: Session,
    provider_id: int,
    path: Path = Path.MAMMOGRAPHY,
    day: date = DAY,
    *,
    place: ServicePlace | None = None,
    at: Stop | None = None,
) -> Schedule:
    """A schedule of one day, 8:00 to 16:00: of a mobile place at a stop, or of a stationary place."""
    ranges = contract(session, provider_id).ranges
    place = place or service_place(session, provider_id, path.programme)
    mobile = place.mobility is Mobility.MOBILE
    made = Schedule(
        provider_id=provider_id,
        service_place=place,
        place_mobility=place.mobility,
        mobile=mobile,
        mobile_point=_point(at or stop(session, provider_id, day), place) if mobile else None,
        contract_range=next(each for each in ranges if each.id == _range_of(session, place, path, day)),
        programme=path.programme,
        path=path,
        valid_from=day,
        valid_to=day,
        women_planned=40,
        hours=[ScheduleHours(starts_at=local_instant(day, time(8)), ends_at=local_instant(day, time(16)))],
    )
    session.add(made)
    session.flush()
    return made


def _point(at: Stop, place: ServicePlace) -> MobilePoint:
    return MobilePoint(
        provider_id=place.provider_id,
        service_place=place,
        stop=at,
        name=at.site.name,
        valid_from=at.first_day,
        valid_to=at.last_day,
    )


def _range_of(session: Session, place: ServicePlace, path: Path, day: date) -> int:
    ranges = contracts.contracted_ranges(session, place.provider_id)
    return choose_range(path, place.setting, place.mobility, day, place.id, DEFAULT_CATALOGUE, ranges).id


def slot(
    session: Session,
    provider_id: int,
    path: Path = Path.MAMMOGRAPHY,
    day: date = DAY,
    *,
    at: time = time(9),
    capacity: int = 1,
    of: Schedule | None = None,
) -> Slot:
    """An open slot of ten minutes, on a schedule of its own unless one is given."""
    of = of or schedule(session, provider_id, path, day)
    starts_at = local_instant(of.valid_from, at)
    made = Slot(
        uuid=uuid4(),
        schedule=of,
        service_place_id=of.service_place_id,
        place_mobility=of.place_mobility,
        mobile=of.mobile,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=10),
        capacity=capacity,
    )
    session.add(made)
    session.flush()
    return made


def pesel(born: date = date(1970, 5, 17)) -> str:
    """A well-formed PESEL of a fictitious woman, not given before in this test process."""
    return make_pesel(born, number() % 5000, "F")


def woman(session: Session, provider_id: int, born: date = date(1970, 5, 17), **declared: object) -> Woman:
    """A fictitious woman; `declared` are the fields of her declaration."""
    reference.load_reference_data(session)
    command = women.NewWoman(
        identity=women.Identity(pesel=pesel(born)),
        given_name="Próba",
        family_name="Testowa",
        telephone="600 000 000",
        declaration=women.Declaration(**declared),  # type: ignore[arg-type]  # the fields' types are the callers' care
    )
    return women.register(session, Actor(provider_id), command, DAY)
