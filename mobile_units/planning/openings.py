"""Where a plan has room: the days that units have left, the places before and after them, and what one more stop costs.

Days are bits of a number here, the first day of the period being the lowest, so that whole calendars are compared at
once. Distances are close approximations; what is to be exact is judged by `planning.check`.
"""

from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from mobile_units.planning.check import shares
from mobile_units.planning.drives import Journey, Place, Ways, by_unit, crew_km, journeys, unit_km, worked_days
from mobile_units.planning.problem import (
    EVERY_DAY,
    Key,
    Limit,
    Need,
    PlannedStop,
    PlanningSite,
    PlanningUnit,
    Problem,
    coordinates,
)
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule

EARTH_RADIUS_KM = 6371.0
EQUATORIAL_RADIUS_KM = 6378.137
ECCENTRICITY_SQUARED = 0.00669437999014

Days = int
"""Days of the period as bits."""


class Lines(Ways):
    """Distances of one place to all others at once: chords of the ellipsoid, bent into arcs; right to a few metres."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._points = _on_the_ellipsoid(coordinates(problem.units, problem.sites))
        self.row = cache(self._row)

    def km(self, start: Place, end: Place) -> float:
        """Road kilometres from one place to another."""
        return float(self.row(start)[end])

    def _row(self, start: Place) -> NDArray[np.float64]:
        if self._matrix is not None:
            row: NDArray[np.float64] = self._matrix.kilometres[start]
            return row
        chords = np.sqrt(((self._points - self._points[start]) ** 2).sum(axis=1))
        arcs: NDArray[np.float64] = chords * (1 + (chords / EARTH_RADIUS_KM) ** 2 / 24) * self._roads.road_factor
        return arcs


def _on_the_ellipsoid(places: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Points in space, in kilometres from the centre of the earth (WGS84)."""
    latitudes, longitudes = np.radians(np.array(places, dtype=np.float64).reshape(-1, 2)).T
    normal = EQUATORIAL_RADIUS_KM / np.sqrt(1 - ECCENTRICITY_SQUARED * np.sin(latitudes) ** 2)
    across = normal * np.cos(latitudes)
    up = normal * (1 - ECCENTRICITY_SQUARED) * np.sin(latitudes)
    return np.stack([across * np.cos(longitudes), across * np.sin(longitudes), up], axis=1)


class Calendar:
    """Days of the period as bits of a number."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.length = (problem.last_day - problem.first_day).days + 1
        self.all = (1 << self.length) - 1
        self._weekdays = {
            weekday: self.bits(day for day in map(self.day, range(self.length)) if day.isoweekday() == weekday)
            for weekday in EVERY_DAY
        }

    def number(self, day: date) -> int:
        """Days from the first one; negative before it."""
        return (day - self.problem.first_day).days

    def day(self, number: int) -> date:
        """The day with this number."""
        return self.problem.first_day + timedelta(days=number)

    def bits(self, days: Iterable[date]) -> Days:
        """Days as bits; those outside the period are left out."""
        bits = 0
        for number in map(self.number, days):
            if 0 <= number < self.length:
                bits |= 1 << number
        return bits

    def span(self, first: date | None, last: date | None) -> Days:
        """The days from one to another, both included; None is open."""
        start = 0 if first is None else min(max(0, self.number(first)), self.length)
        end = self.length if last is None else max(start, min(self.number(last) + 1, self.length))
        return (1 << end) - (1 << start)

    def open_at(self, site: PlanningSite) -> Days:
        """The days on which somebody may stand at the site."""
        bits = self.span(site.earliest, site.latest) & self.span(rested(site), None)
        for weekday in EVERY_DAY - site.weekdays:
            bits &= ~self._weekdays[weekday]
        for period in site.blackouts:
            bits &= ~self.span(period.first_day, period.last_day)
        return bits


def rested(site: PlanningSite) -> date | None:
    """The first day after the last visit and the gap that follows it."""
    return site.last_visit and site.last_visit + timedelta(days=site.gap_days + 1)


def numbers(days: Days) -> Iterator[int]:
    """The days by their numbers, in order."""
    while days:
        lowest = days & -days
        yield lowest.bit_length() - 1
        days ^= lowest


@lru_cache(maxsize=100_000)
def starts_of(work: Days, good: Days, length: int) -> Days:
    """The days on which `length` working days in a row begin that are all good."""
    if length == 1:
        return work & good
    starts: Days = 0
    run: list[int] = []
    for number in numbers(work):
        run = [*run[-length + 1 :], number] if good >> number & 1 else []
        if len(run) == length:
            starts |= 1 << run[0]
    return starts


@dataclass(frozen=True, slots=True)
class Gap:
    """Working days of a unit that no stop uses, and the places before and after them."""

    days: Days
    before: Place
    after: Place


class Tour:
    """What a unit does in the plan; worked out when it is asked for."""

    def __init__(self, ways: Lines, unit: PlanningUnit, calendar: Calendar, stops: Sequence[PlannedStop]) -> None:
        self.unit = unit
        self.base = ways.bases[unit.id]
        self.work = calendar.bits(calendar.problem.working_days(unit))
        self.free = self.work & ~calendar.bits(day for stop in stops for day in stop.days)
        self._ways = ways
        self._commute_km = calendar.problem.roads.crew_commute_km
        self._calendar = calendar
        self._stops = sorted((stop for stop in stops if stop.days), key=lambda stop: stop.days[0])
        self._now = cache(lambda: self._driven(()))
        self.gaps = cache(self._gaps)
        self.nearest = cache(self._nearest)

    def with_stop(self, stop: PlannedStop) -> tuple[set[Journey], float, float]:
        """The journeys that one more stop brings, and the kilometres that it adds for the unit and for its crew."""
        before, after = self._now(), self._driven((stop,))
        return after[0] - before[0], after[1] - before[1], after[2] - before[2]

    def _driven(self, more: tuple[PlannedStop, ...]) -> tuple[set[Journey], float, float]:
        worked = worked_days(self._ways, [*self._stops, *more])
        return (
            set(journeys(self._ways, self.unit, worked)),
            unit_km(self._ways, self.unit, worked),
            crew_km(self._ways, self.unit, worked, self._commute_km),
        )

    def _gaps(self) -> list[Gap]:
        first_days = [self._calendar.number(stop.days[0]) for stop in self._stops]
        places = [self.base, *(self._ways.sites[stop.site_id] for stop in self._stops), self.base]
        days: defaultdict[int, Days] = defaultdict(int)
        for number in numbers(self.free):
            days[bisect(first_days, number)] |= 1 << number
        return [Gap(free, places[position], places[position + 1]) for position, free in days.items()]

    def _nearest(self) -> NDArray[np.float64]:
        """Kilometres to every place from the base or a stop, whichever is nearer."""
        visited = [] if self.unit.home_rule is HomeRule.HOME_DAILY else self._stops
        places = {self.base, *(self._ways.sites[stop.site_id] for stop in visited)}
        nearest: NDArray[np.float64] = np.min([self._ways.row(place) for place in places], axis=0)
        return nearest


class Made:
    """A plan in the shape in which it answers questions."""

    def __init__(self, problem: Problem, stops: Sequence[PlannedStop]) -> None:
        self.problem = problem
        self.ways = Lines(problem)
        self.calendar = Calendar(problem)
        stops_of = by_unit(problem, stops)
        self.tours = [Tour(self.ways, unit, self.calendar, stops_of[unit.id]) for unit in problem.units]
        self.offering: dict[Need, list[Tour]] = {
            need: [tour for tour in self.tours if tour.unit.offers(need)] for need in (*Programme, None)
        }
        self.visits: Counter[tuple[Key, Need]] = Counter()
        self.at_site: defaultdict[Key, list[tuple[PlannedStop, frozenset[Need]]]] = defaultdict(list)
        self.chosen: dict[str, PlanningSite] = {}
        self.left = {limit: limit.women for limit in problem.limits}
        self.limits_of: dict[Key, list[Limit]] = {}
        for unit in problem.units:
            if limits := [each for each in problem.limits if unit.id in each.unit_ids and unit.offers(each.programme)]:
                self.limits_of[unit.id] = limits
        sites = {site.id: site for site in problem.sites}
        for unit in problem.units:
            for stop in stops_of[unit.id]:
                if stop.days:
                    self._visit(unit, sites[stop.site_id], stop)

    def _visit(self, unit: PlanningUnit, site: PlanningSite, stop: PlannedStop) -> None:
        needs = frozenset(site.needs_of(unit))
        self.visits.update((site.id, need) for need in needs)
        self.at_site[site.id].append((stop, needs))
        if site.group is not None:
            self.chosen[site.group] = site
        if self.left:
            divided = shares(stop.women, site, unit.women_within(site, stop.days))
            for limit in self.left:
                if unit.id in limit.unit_ids and stop.days[0] in limit.period:
                    self.left[limit] -= divided.get(limit.programme, 0)


def least_women(unit: PlanningUnit, programme: Programme, days: int) -> int:
    """Women who can be examined in so many days wherever and whenever they are."""
    usual = unit.women_per_day[programme]
    per_day = [usual, *(each.women_per_day.get(programme, usual) for each in unit.capacities)]
    on_first = [each * unit.women_on_first_day[programme] // usual for each in per_day]
    return min(on_first) + (days - 1) * min(per_day)
