"""What there is to book: a provider with mobile and stationary places, published stops, schedules and slots."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.demo import sample
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.sites import Site
from mobile_units.models.units import MobileUnit
from mobile_units.rules.programmes import Programme
from mobile_units.rules.roles import Role
from mobile_units.services import itineraries, publishing, units, versions
from mobile_units.services.actors import Actor

DAYS_AT_A_SITE = 2


@dataclass(frozen=True, slots=True)
class Scene:
    """For whom we act, the root of its identifiers, and the days on which women are examined, both included."""

    actor: Actor
    oid_root: str
    first_day: date
    last_day: date


def publish(session: Session, days: int) -> Scene:
    """The sample's provider with two more units that examine several women at once, at stops on so many days."""
    today = clock.today()
    first_day = today + timedelta(days=1)
    last_day = first_day + timedelta(days=days - 1)
    loaded = sample.load(session, sample.SITES.read_bytes(), sample.new_passwords(), today)
    actor = Actor(loaded.provider_id, roles=frozenset(Role))
    _add_units(session, actor)
    draft = itineraries.create(
        session, actor, itineraries.NewItinerary(name="chaos", first_day=first_day, last_day=last_day)
    )
    _add_stops(session, actor, draft.id, [first_day + timedelta(days=number) for number in range(days)])
    now = clock.now()
    versions.approve(session, actor, draft.id, draft.version, now, accepted_reason="chaos")
    publishing.publish(session, actor, draft.id, draft.version, now)
    publishing.open_all_stationary(session, actor, first_day, last_day)
    return Scene(actor, sample.PROVIDER.oid_root, first_day, last_day)


def _add_units(session: Session, actor: Actor) -> None:
    """Adds the units with several rooms, which work on every day of the week."""
    places = {
        place.cell_code: place
        for place in session.scalars(select(ServicePlace).where(ServicePlace.provider_id == actor.provider_id))
    }
    for code, programme, cell, minutes in (
        ("MB3", Programme.BREAST, "001", 10),
        ("CB2", Programme.CERVICAL, "002", 15),
    ):
        examines = units.NewUnitProgramme(
            programme=programme,
            service_place_id=places[cell].id,
            women_per_day=120,
            minutes_per_woman=minutes,
            rooms=3,
        )
        model = session.scalars(select(MobileUnit).where(MobileUnit.provider_id == actor.provider_id)).first()
        assert model is not None
        unit = units.NewUnit(
            code=code,
            name=code,
            base_latitude=model.base_latitude,
            base_longitude=model.base_longitude,
            weekdays=tuple(range(1, 8)),
            opens=model.opens,
            closes=model.closes,
            programmes=[examines],
        )
        units.create(session, actor, unit)


def _add_stops(session: Session, actor: Actor, itinerary_id: int, days: list[date]) -> None:
    """Each unit stands at one site after the other, two days at each."""
    fleet = session.scalars(select(MobileUnit.id).where(MobileUnit.provider_id == actor.provider_id)).all()
    sites = session.scalars(select(Site.id).where(Site.provider_id == actor.provider_id).order_by(Site.id)).all()
    parts = [days[start : start + DAYS_AT_A_SITE] for start in range(0, len(days), DAYS_AT_A_SITE)]
    for number, (unit_id, part) in enumerate((unit_id, part) for unit_id in fleet for part in parts):
        stop = itineraries.NewStop(
            unit_id=unit_id,
            site_id=sites[number % len(sites)],
            days=[itineraries.DayHours(day) for day in part],
        )
        itineraries.add_stop(session, actor, itinerary_id, stop)
