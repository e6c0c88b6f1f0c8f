"""What the judge knows of the road: the drives that follow from stops, of the units and of their crews.

Worked out day by day from the problem alone, without the solver and its distances: the shortest way on the ellipsoid as
geopy tells it, times the road factor, unless the problem brings a matrix.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

from mobile_units.planning.problem import Key, PlannedStop, PlanningUnit, Problem, coordinates
from mobile_units.rules.units import HomeRule

Place = int
"""The number of a base or a site: the bases of the units come first, the sites after them."""

Coordinates = tuple[float, float]


class Ways:
    """Kilometres and hours between the places of a problem."""

    def __init__(self, problem: Problem) -> None:
        self._places = coordinates(problem.units, problem.sites)
        self._matrix = problem.matrix
        self._roads = problem.roads
        self.bases: dict[Key, Place] = {unit.id: number for number, unit in enumerate(problem.units)}
        self.sites: dict[Key, Place] = {site.id: len(self.bases) + n for n, site in enumerate(problem.sites)}

    def km(self, start: Place, end: Place) -> float:
        """Road kilometres from one place to another."""
        if self._matrix is not None:
            return float(self._matrix.kilometres[start, end])
        one, other = sorted((self._places[start], self._places[end]))
        return _kilometres(one, other) * self._roads.road_factor

    def hours(self, start: Place, end: Place) -> float:
        """Hours on the road from one place to another."""
        if self._matrix is not None and self._matrix.hours is not None:
            return float(self._matrix.hours[start, end])
        return self.km(start, end) / self._roads.speed_kmh


@dataclass(frozen=True, slots=True)
class WorkedDay:
    """A day on which a unit works at a place; `stop` is the number of the stop among those of the unit."""

    day: date
    place: Place
    stop: int


@dataclass(frozen=True, slots=True)
class Journey:
    """The drives of a unit between two days of work, through `places`.

    `left` is None where the unit sets out from its base for the first time, `arrived` where it is home for good.
    """

    places: tuple[Place, ...]
    left: date | None
    arrived: date | None

    @property
    def drives(self) -> Iterator[tuple[Place, Place]]:
        """Every drive in one piece, by its start and its end."""
        return pairwise(self.places)

    def hours_allowed(self, drive_hours: float) -> float | None:
        """How long it may take: `drive_hours`, and as much for each free day between; None without a limit."""
        if self.left is None or self.arrived is None:
            return None
        return drive_hours * max(1, (self.arrived - self.left).days)


def worked_days(ways: Ways, stops: Sequence[PlannedStop]) -> list[WorkedDay]:
    """The days of the stops of one unit, in order."""
    days = (
        WorkedDay(day, ways.sites[stop.site_id], number)
        for number, stop in enumerate(sorted((stop for stop in stops if stop.days), key=lambda stop: min(stop.days)))
        for day in stop.days
    )
    return sorted(days, key=lambda worked: (worked.day, worked.stop))


def journeys(ways: Ways, unit: PlanningUnit, worked: Sequence[WorkedDay]) -> Iterator[Journey]:
    """All drives of a unit that works on these days."""
    base = ways.bases[unit.id]
    if unit.home_rule is HomeRule.HOME_DAILY:
        yield from (Journey((base, at.place, base), at.day, at.day) for at in worked)
        return
    if worked:
        yield Journey((base, worked[0].place), None, worked[0].day)
        for before, after in pairwise(worked):
            if unit.home_rule is HomeRule.HOME_ON_WEEKENDS and _weekend_between(before.day, after.day):
                yield Journey((before.place, base, after.place), before.day, after.day)
            elif before.stop != after.stop:
                yield Journey((before.place, after.place), before.day, after.day)
        yield Journey((worked[-1].place, base), worked[-1].day, None)


def unit_km(ways: Ways, unit: PlanningUnit, worked: Sequence[WorkedDay]) -> float:
    """Kilometres of the unit on all its journeys."""
    return sum(ways.km(*drive) for journey in journeys(ways, unit, worked) for drive in journey.drives)


def crew_km(ways: Ways, unit: PlanningUnit, worked: Sequence[WorkedDay], commute_km: float) -> float:
    """Kilometres of the crew in its car: home every evening from nearby, home on free weekends from farther away.

    The crew of a unit that goes home itself rides along, but for the evenings near the base of one that stays out in
    the week.
    """
    if unit.home_rule is HomeRule.HOME_DAILY:
        return 0.0
    base = ways.bases[unit.id]
    lodges = {at.place: ways.km(base, at.place) > commute_km for at in worked}
    km = sum(2 * ways.km(base, at.place) for at in worked if not lodges[at.place])
    if unit.home_rule is HomeRule.STAYS_OUT:
        for before, after in pairwise(worked):
            if _weekend_between(before.day, after.day):
                km += ways.km(before.place, base) if lodges[before.place] else 0.0
                km += ways.km(base, after.place) if lodges[after.place] else 0.0
    return km


def by_unit(problem: Problem, stops: Iterable[PlannedStop]) -> dict[Key, list[PlannedStop]]:
    """The stops of each unit of the problem; stops of strangers are left out."""
    sites = {site.id for site in problem.sites}
    made: dict[Key, list[PlannedStop]] = {unit.id: [] for unit in problem.units}
    for stop in stops:
        if stop.unit_id in made and stop.site_id in sites:
            made[stop.unit_id].append(stop)
    return made


def _weekend_between(before: date, after: date) -> bool:
    """Whether a Saturday or a Sunday lies between two days."""
    return any((before + timedelta(days=n)).isoweekday() >= 6 for n in range(1, min((after - before).days, 8)))


@lru_cache(maxsize=200_000)
def _kilometres(one: Coordinates, other: Coordinates) -> float:
    from geopy.distance import geodesic  # noqa: PLC0415 - the library loads every geocoder, and few requests need it

    return float(geodesic(one, other).km)
