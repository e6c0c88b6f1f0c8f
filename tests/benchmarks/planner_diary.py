"""The exact calendar on which the planner's peers put their stops: the rules of the problem, in plain Python.

It knows the rules that the benchmark's problems use: windows, weekdays, closed days, alternatives, one visit per
programme, days off, home rules, the longest drive and the hours of driving between two days of work.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from mobile_units.planning.distances import matrix_for
from mobile_units.planning.problem import Key, Need, PlannedStop, PlanningUnit, Problem
from mobile_units.rules.units import HomeRule

SATURDAY = 6


@dataclass(frozen=True, slots=True)
class Stay:
    """Days of a unit at a site: the numbers of the first and of the one after the last among its working days."""

    site: int
    first: int
    end: int


class Diary:
    """What each unit can do where and when; units and sites are numbers, in the order of the problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.km = matrix_for(problem).kilometres
        self.working = [problem.working_days(unit) for unit in problem.units]
        self.needs = [[frozenset(site.needs_of(unit)) for site in problem.sites] for unit in problem.units]
        self._length: dict[tuple[int, int], int] = {}

    def place(self, site: int) -> int:
        """The number of a site among all places; a base has the number of its unit."""
        return len(self.problem.units) + site

    def may_come(self, unit: int, site: int) -> bool:
        """Whether the unit may and can serve the site at all."""
        served, there = self.problem.units[unit], self.problem.sites[site]
        if not self.needs[unit][site] or not served.may_serve(there):
            return False
        return served.home_rule is HomeRule.STAYS_OUT or self.is_in_reach(unit, site)

    def is_in_reach(self, unit: int, site: int) -> bool:
        """Whether the unit can be driven between its base and the site in one piece."""
        served, km = self.problem.units[unit], self.km[unit, self.place(site)]
        hours = km / self.problem.roads.speed_kmh
        daily = served.home_rule is HomeRule.HOME_DAILY
        if served.home_rule is not HomeRule.STAYS_OUT and hours * (1 + daily) > self.problem.roads.drive_hours:
            return False
        return bool(served.max_relocation_km is None or km <= served.max_relocation_km)

    def length(self, unit: int, site: int) -> int:
        """Days until all women due are reached, the most that are allowed at most."""
        found = self._length.get((unit, site))
        if found is None:
            found = self._length[unit, site] = self._length_of(unit, site)
        return found

    def _length_of(self, unit: int, site: int) -> int:
        there = self.problem.sites[site]
        due = sum(there.women_due[need] for need in self.needs[unit][site])
        days = there.days_min
        while days < there.days_max and self.women(unit, site, days) < due:
            days += 1
        return days

    def women(self, unit: int, site: int, days: int) -> int:
        """Women reached in a stay of so many days."""
        return sum(self.women_in(need, unit, site, days) for need in self.needs[unit][site])

    def women_in(self, need: Need, unit: int, site: int, days: int) -> int:
        """Those of them who are due for one programme."""
        served, there, day = self.problem.units[unit], self.problem.sites[site], self.problem.first_day
        first = served.women_on(need, there.id, day, first=True)
        return min(there.women_due[need], first + (days - 1) * served.women_on(need, there.id, day, first=False))

    def is_open(self, site: int, day: date) -> bool:
        """Whether a unit may stand at the site on the day."""
        there = self.problem.sites[site]
        return (
            (there.earliest is None or there.earliest <= day)
            and (there.latest is None or day <= there.latest)
            and day.isoweekday() in there.weekdays
            and not any(day in period for period in there.blackouts)
        )

    def stay(self, unit: int, site: int, first: int) -> Stay | None:
        """The whole stay that begins on a working day of the unit; None if the site is closed on one of its days."""
        end = first + self.length(unit, site)
        days = self.working[unit][first:end]
        whole = end <= len(self.working[unit])
        return Stay(site, first, end) if whole and all(self.is_open(site, day) for day in days) else None

    def first_stay(self, unit: int, site: int, before: Stay | None) -> Stay | None:
        """The earliest stay after another one that the unit reaches in time."""
        start = before.end if before else 0
        for first in range(start, len(self.working[unit]) - self.length(unit, site) + 1):
            found = self.stay(unit, site, first)
            if found and (before is None or self.drive_fits(unit, before, found)):
                return found
        return None

    def drive_fits(self, unit: int, before: Stay, after: Stay) -> bool:
        """Whether the drive between two stays is short enough for the unit and for the time between."""
        served, roads = self.problem.units[unit], self.problem.roads
        if served.home_rule is HomeRule.HOME_DAILY:
            return True
        start, end = self.place(before.site), self.place(after.site)
        left, arrived = self.working[unit][before.end - 1], self.working[unit][after.first]
        home = served.home_rule is HomeRule.HOME_ON_WEEKENDS and is_weekend_between(left, arrived)
        drives = [self.km[start, unit], self.km[unit, end]] if home else [self.km[start, end]]
        longest = served.max_relocation_km
        hours = sum(drives) / roads.speed_kmh
        return bool((longest is None or max(drives) <= longest) and hours <= roads.drive_hours * (arrived - left).days)

    def lay(self, unit: int, sites: Sequence[int]) -> list[Stay]:
        """The stays of a unit at sites in this order, each as early as possible; what does not fit is left out."""
        stays: list[Stay] = []
        for site in sites:
            found = self.first_stay(unit, site, stays[-1] if stays else None)
            if found and (stays or self.is_in_reach(unit, site)):
                stays.append(found)
        while stays and not self.is_in_reach(unit, stays[-1].site):
            stays.pop()
        return stays

    def stops(self, unit: int, stays: Iterable[Stay]) -> list[PlannedStop]:
        """The same as stops of a plan."""
        served, sites = self.problem.units[unit], self.problem.sites
        return [
            PlannedStop(
                served.id,
                sites[stay.site].id,
                tuple(self.working[unit][stay.first : stay.end]),
                self.women(unit, stay.site, stay.end - stay.first),
            )
            for stay in stays
        ]


class Served:
    """Who has been served: each programme of a site once, and one site of a group."""

    def __init__(self, problem: Problem) -> None:
        self._sites = problem.sites
        self._needs: set[tuple[int, Need]] = set()
        self._chosen: dict[str, Key] = {}

    def is_due(self, site: int, needs: frozenset[Need]) -> bool:
        """Whether a unit that serves these needs may still come."""
        there = self._sites[site]
        chosen = there.id if there.group is None else self._chosen.get(there.group, there.id)
        return chosen == there.id and not any((site, need) in self._needs for need in needs)

    def add(self, site: int, needs: frozenset[Need]) -> None:
        """A unit has come."""
        there = self._sites[site]
        self._needs |= {(site, need) for need in needs}
        if there.group is not None:
            self._chosen[there.group] = there.id


def is_weekend_between(before: date, after: date) -> bool:
    """Whether a Saturday or Sunday lies strictly between two days."""
    return (after - before).days > 1 and (before.isoweekday() + (after - before).days - 1 >= SATURDAY)


def crew_km_of(diary: Diary, unit: PlanningUnit, base: int, site: int, days: int) -> tuple[float, float]:
    """About how many kilometres the unit and its crew drive because of a stay, on top of the way from stop to stop.

    Whether a weekend falls into a stay is not known before it has its days: one is counted in five days.
    """
    km = 2.0 * float(diary.km[base, diary.place(site)])
    if unit.home_rule is HomeRule.HOME_DAILY:
        return km * days, 0.0
    of_unit = km * days / 5 if unit.home_rule is HomeRule.HOME_ON_WEEKENDS else 0.0
    if km / 2 <= diary.problem.roads.crew_commute_km:
        return of_unit, km * days
    return of_unit, km * days / 5 if unit.home_rule is HomeRule.STAYS_OUT else 0.0
