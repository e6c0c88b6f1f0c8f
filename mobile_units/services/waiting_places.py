"""For which stops and areas a woman can wait, and what they are called."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.sites import Site
from mobile_units.models.waiting_list import WaitingListEntry
from mobile_units.rules.places import VOIVODESHIPS
from mobile_units.rules.programmes import Path
from mobile_units.services.actors import Actor

STOPS_AT_MOST = 300
"""So many of the coming stops are told; whoever wants a later one waits in its gmina."""


@dataclass(frozen=True, slots=True)
class StopToCome:
    """A published stop with days to come."""

    id: int
    name: str
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class Area:
    """A gmina, powiat or voivodeship by the beginning of its TERYT code."""

    teryt: str
    name_pl: str


def stops(session: Session, actor: Actor, path: Path | None, today: date) -> Sequence[StopToCome]:
    """The coming stops at which there are examinations on a path, or on any, the soonest first."""
    schedules = exists().where(Schedule.mobile_point_id == MobilePoint.id, MobilePoint.stop_id == Stop.id)
    if path is not None:
        schedules = schedules.where(Schedule.path == path)
    query = (
        select(Stop.id, Site.name, Stop.first_day, Stop.last_day)
        .join(Stop.site)
        .join(Stop.itinerary)
        .where(
            Itinerary.provider_id == actor.provider_id,
            Itinerary.status == ItineraryStatus.PUBLISHED,
            Stop.last_day >= today,
            schedules,
        )
        .order_by(Stop.first_day, Site.name)
        .limit(STOPS_AT_MOST)
    )
    return [StopToCome(*row) for row in session.execute(query)]


def areas(session: Session, actor: Actor) -> Sequence[Area]:
    """The gminas in which the provider has sites, then the powiats and voivodeships around them, each by name."""
    gminas = _gminas(session, actor)
    codes = {code[:4] for code in gminas} | {code[:2] for code in gminas}
    named = [Area(code, _called(code, gminas)) for code in (*gminas, *codes)]
    return sorted(named, key=lambda area: (-len(area.teryt), area.name_pl, area.teryt))


def names(session: Session, actor: Actor, entries: Collection[WaitingListEntry]) -> dict[int, str]:
    """For which stop or area the women of these entries wait, by the key of the entry."""
    keys = {entry.stop_id for entry in entries if entry.stop_id is not None}
    query = select(Stop.id, Site.name).join(Stop.site).where(Stop.id.in_(keys), Site.provider_id == actor.provider_id)
    at_stop = dict(session.execute(query).all()) if keys else {}
    gminas = _gminas(session, actor) if any(entry.teryt for entry in entries) else {}
    return {
        entry.id: _called(entry.teryt, gminas) if entry.teryt else at_stop.get(entry.stop_id or 0, "")
        for entry in entries
    }


def _gminas(session: Session, actor: Actor) -> dict[str, str]:
    """The names of the gminas of the provider's sites, by code."""
    query = select(Site.teryt, Site.gmina, Site.locality).where(
        Site.provider_id == actor.provider_id, Site.teryt.is_not(None)
    )
    rows = session.execute(query.order_by(Site.id.desc()))
    return {code: gmina or locality for code, gmina, locality in rows if code is not None}


def _called(code: str, gminas: Mapping[str, str]) -> str:
    """An area in words: the package knows no names of powiats, so a powiat is told by its gminas."""
    if len(code) == 2:
        return f"województwo {VOIVODESHIPS.get(code, code)}"
    if code in gminas:
        return f"gmina {gminas[code]}"
    inside = sorted({name for each, name in gminas.items() if each.startswith(code)})
    some = ", ".join(inside[:3]) + (" i inne" if len(inside) > 3 else "")
    return f"powiat {code} ({some})" if inside else f"obszar {code}"
