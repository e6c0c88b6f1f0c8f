"""What a person does with a map: a unit that gets free goes to the nearest site that is due, open and permitted.

All units are planned side by side, day by day, and stay until everybody due has been examined (or as long as allowed).
A unit that finds no site waits for the next day. At the end of the quarter a stay may be cut short.
"""

from datetime import date

from mobile_units.planning.problem import PlannedStop, Problem
from tests.benchmarks.planner_diary import Diary, Served, Stay


def plan(problem: Problem) -> list[PlannedStop]:
    """The stops of all units."""
    diary = Diary(problem)
    tours = _Tours(diary)
    for day in sorted({day for days in diary.working for day in days}):
        for unit in range(len(problem.units)):
            tours.go_on(unit, day)
    return [stop for unit, stays in enumerate(tours.stays) for stop in diary.stops(unit, stays)]


class _Tours:
    """Where the units have been so far."""

    def __init__(self, diary: Diary) -> None:
        units, sites = range(len(diary.problem.units)), range(len(diary.problem.sites))
        self.diary, self.served = diary, Served(diary.problem)
        self.stays: list[list[Stay]] = [[] for _ in units]
        self.comes_to = [
            [site for site in sites if diary.may_come(unit, site) and diary.is_in_reach(unit, site)] for unit in units
        ]

    def go_on(self, unit: int, day: date) -> None:
        """Sends a unit that is free on a day to the nearest site where a stay can begin, if there is one."""
        tour = self.stays[unit]
        free_from = tour[-1].end if tour else 0
        if day not in self.diary.working[unit][free_from:]:
            return
        stands, first = self.diary.place(tour[-1].site) if tour else unit, self.diary.working[unit].index(day)
        for site in sorted(self.comes_to[unit], key=lambda site: self.diary.km[stands, self.diary.place(site)]):
            stay = _stay(self.diary, unit, site, first) if self._is_due(unit, site) else None
            if stay and (not tour or self.diary.drive_fits(unit, tour[-1], stay)):
                tour.append(stay)
                self.served.add(site, self.diary.needs[unit][site])
                return

    def _is_due(self, unit: int, site: int) -> bool:
        return self.served.is_due(site, self.diary.needs[unit][site])


def _stay(diary: Diary, unit: int, site: int, first: int) -> Stay | None:
    """The whole stay, or what the quarter leaves of it."""
    left = diary.working[unit][first:]
    if diary.length(unit, site) <= len(left):
        return diary.stay(unit, site, first)
    cut = len(left) >= diary.problem.sites[site].days_min and all(diary.is_open(site, day) for day in left)
    return Stay(site, first, first + len(left)) if cut else None
