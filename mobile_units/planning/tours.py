"""Tours: the order in which units visit sites, how a tour grows, and the dated stops that come of it.

Everything here works on positions in a `Task`, in days of stay and in kilometres; the calendar enters only at the end,
because relocations happen outside opening hours and stays follow each other without a lost day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mobile_units.planning.problem import PlannedStop, PlanningSite, PlanningUnit, Problem, days_needed, women_within


class Stay(NamedTuple):
    """A number of working days at the site with this position in the task."""

    site: int
    days: int


Tour = list[Stay]


@dataclass(frozen=True, slots=True)
class Task:
    """Units of one programme set and the sites where women are due for them.

    `due` has one number per site; `stays` has a row per unit and says how many days the shortest sufficient stay takes;
    `kilometres` lists the bases of the units first and the sites after them.
    """

    units: tuple[PlanningUnit, ...]
    calendars: tuple[tuple[date, ...], ...]
    sites: tuple[PlanningSite, ...]
    due: NDArray[np.int64]
    stays: NDArray[np.int64]
    kilometres: NDArray[np.float64]
    km_per_woman: float

    def place(self, site: int) -> int:
        """The row of a site in `kilometres`."""
        return len(self.units) + site

    def free_days(self, unit: int, tour: Tour) -> int:
        """Working days that the tour leaves unused."""
        return len(self.calendars[unit]) - sum(stay.days for stay in tour)

    def stop_women(self, unit: int, stay: Stay) -> int:
        """Women that the unit reaches in one stay."""
        return women_within(self.units[unit], int(self.due[stay.site]), stay.days)


def task_for(
    problem: Problem, units: tuple[PlanningUnit, ...], due: Sequence[int], kilometres: NDArray[np.float64]
) -> Task:
    """The task of `units`; `due` and `kilometres` follow the order of the problem (units first, then sites)."""
    calendars = tuple(tuple(problem.working_days(unit)) for unit in units)
    open_sites = [position for position, women in enumerate(due) if women > 0]
    sites = tuple(problem.sites[position] for position in open_sites)
    open_due = [due[position] for position in open_sites]
    rows = [problem.units.index(unit) for unit in units] + [len(problem.units) + position for position in open_sites]
    stays = [
        [
            days_needed(unit, women, min(site.days_max, len(calendar)))
            for site, women in zip(sites, open_due, strict=True)
        ]
        for unit, calendar in zip(units, calendars, strict=True)
    ]
    return Task(
        units=units,
        calendars=calendars,
        sites=sites,
        due=np.array(open_due, dtype=np.int64),
        stays=np.array(stays, dtype=np.int64).reshape(len(units), len(sites)),
        kilometres=kilometres[np.ix_(rows, rows)],
        km_per_woman=problem.km_per_woman,
    )


def fill(task: Task, tours: Sequence[Tour]) -> list[Tour]:
    """The tours with stays added while a unit has free days and a site is worth the way.

    Unit by unit the stay with the most women per day, kilometres deducted at the task's rate, is put where it lengthens
    the tour least. A site already in a tour is not visited again; a last stay may be cut to the days that are left.
    """
    filled = [list(tour) for tour in tours]
    visited = {stay.site for tour in filled for stay in tour}
    for unit, tour in enumerate(filled):
        while (found := _best_insertion(task, unit, tour, visited)) is not None:
            position, stay = found
            tour.insert(position, stay)
            visited.add(stay.site)
    return filled


def _best_insertion(task: Task, unit: int, tour: Tour, visited: set[int]) -> tuple[int, Stay] | None:
    free = task.free_days(unit, tour)
    sites = np.array([site for site in range(len(task.sites)) if site not in visited], dtype=np.int64)
    if free <= 0 or not len(sites):
        return None
    detours = _detours(task, unit, tour, sites)
    days = np.minimum(task.stays[unit, sites], free)
    gains = (women_reached(task, unit, sites, days) - detours.min(axis=0) / task.km_per_woman) / days
    best = int(gains.argmax())
    if gains[best] <= 0:
        return None
    return int(detours[:, best].argmin()), Stay(int(sites[best]), int(days[best]))


def _detours(task: Task, unit: int, tour: Tour, sites: NDArray[np.int64]) -> NDArray[np.float64]:
    """Kilometres added by each site (column) at each position of the tour (row)."""
    path = np.array([unit, *(task.place(stay.site) for stay in tour), unit])
    before, after = path[:-1], path[1:]
    places = sites + len(task.units)
    to_and_from = task.kilometres[np.ix_(before, places)] + task.kilometres[np.ix_(after, places)]
    added: NDArray[np.float64] = to_and_from - task.kilometres[before, after][:, np.newaxis]
    return added


def women_reached(task: Task, unit: int, sites: NDArray[np.int64], days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Women that the unit reaches in each of the stays, given by their sites and their days."""
    crew = task.units[unit]
    return np.minimum(task.due[sites], crew.women_on_first_day + (days - 1) * crew.women_per_day)


def tour_kilometres(task: Task, unit: int, tour: Tour) -> float:
    """From the base through the stays in their order and back to the base."""
    path = [unit, *(task.place(stay.site) for stay in tour), unit]
    return float(sum(task.kilometres[start, end] for start, end in pairwise(path)))


def dated_stops(task: Task, tours: Sequence[Tour]) -> Iterator[PlannedStop]:
    """The stays on consecutive working days of their units, from the first day of the period."""
    for unit, tour in enumerate(tours):
        begin = 0
        for stay in tour:
            days = task.calendars[unit][begin : begin + stay.days]
            begin += stay.days
            yield PlannedStop(task.units[unit].id, task.sites[stay.site].id, days, task.stop_women(unit, stay))
