"""The solver: the best tours that PyVRP finds in the time given. The only module that imports PyVRP.

The model. Units with the same programmes are the vehicles of one prize-collecting routing problem. A vehicle leaves its
base and returns to it, and its shift lasts as many time units as it has working days. Sites are optional clients. The
days of a stay are the duration of the edges that leave the site; relocation happens outside opening hours and costs no
time. Units with different capacities have different matrices (PyVRP's profiles), so one site may take them different
numbers of days; where one of them reaches fewer women, the difference is a cost on the edges that leave the site. The
prize of a site is the women reached, at `km_per_woman`, and all costs are counted in tenths of a kilometre.

Units with different programmes are planned one group after the other, those with fewer programmes first; women reached
by an earlier group are no longer due for the later ones. Within a group a site is visited at most once.

The search starts from the greedy tours, so there is always an answer, and ends at a number of rounds without
improvement, so that the same seed gives the same plan unless the time runs out first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from pyvrp import (
    Client,
    Depot,
    IteratedLocalSearchParams,
    Location,
    ProblemData,
    Solution,
    SolveParams,
    VehicleType,
)
from pyvrp import Route as SolverRoute
from pyvrp import solve as search
from pyvrp.IteratedLocalSearch import IteratedLocalSearchCallbacks
from pyvrp.stop import MaxRuntime, MultipleCriteria, NoImprovement

from mobile_units.planning.distances import road_kilometres
from mobile_units.planning.explain import explain_unserved
from mobile_units.planning.problem import (
    Objective,
    Plan,
    PlannedStop,
    PlanningUnit,
    Problem,
    Progress,
)
from mobile_units.planning.tours import Stay, Task, Tour, dated_stops, fill, task_for, tour_kilometres
from mobile_units.rules.programmes import Programme

SOLVER = "pyvrp"
COSTS_PER_KILOMETRE = 10
PATIENCE = 5_000
SECONDS_BETWEEN_REPORTS = 0.5

Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class _Effort:
    seconds: float
    patience: int
    seed: int


def solve(
    problem: Problem, *, seconds: float, seed: int = 1, patience: int = PATIENCE, progress: Report | None = None
) -> Plan:
    """The best plan found in about `seconds`; the same seed gives the same plan unless the time runs out.

    The search for a group of units ends after `patience` rounds without improvement. The default takes a few seconds
    for a region of 190 sites; four times as much saves about another tenth of the kilometres in half a minute.
    `progress` is called about twice a second while the search runs. What it raises ends the search and reaches the
    caller, which is how a search is cancelled.
    """
    started = perf_counter()
    places = [(place.latitude, place.longitude) for place in (*problem.units, *problem.sites)]
    kilometres = road_kilometres(places, problem.road_factor)
    remaining = {site.id: dict(site.women_due) for site in problem.sites}
    groups = _groups(problem)
    stops: list[PlannedStop] = []
    km = 0.0
    for number, units in enumerate(groups):
        programmes = units[0].programmes
        due = [sum(remaining[site.id].get(programme, 0) for programme in programmes) for site in problem.sites]
        task = task_for(problem, units, due, kilometres)
        share = _share(seconds - (perf_counter() - started), groups[number:])
        watch = _Watch(task, progress, started, sum(stop.women for stop in stops), km)
        tours = _search(task, _Effort(share, patience, seed), watch)
        made = list(dated_stops(task, tours))
        for stop in made:
            _settle(remaining[stop.site_id], programmes, stop.women)
        stops += made
        km += sum(tour_kilometres(task, unit, tour) for unit, tour in enumerate(tours))
    return _plan(problem, stops, km, perf_counter() - started, seed)


def _groups(problem: Problem) -> list[tuple[PlanningUnit, ...]]:
    """The units that work at all, by programme set, those with fewer programmes first."""
    working = [unit for unit in problem.units if problem.working_days(unit)]
    sets = sorted({unit.programmes for unit in working}, key=lambda programmes: (len(programmes), sorted(programmes)))
    return [tuple(unit for unit in working if unit.programmes == programmes) for programmes in sets]


def _share(seconds: float, groups: Sequence[tuple[PlanningUnit, ...]]) -> float:
    """What the first of the groups may take of the seconds that are left: its share of the units."""
    return max(0.0, seconds) * len(groups[0]) / sum(len(group) for group in groups)


def _settle(remaining: dict[Programme, int], programmes: frozenset[Programme], women: int) -> None:
    for programme in sorted(programmes):
        reached = min(women, remaining.get(programme, 0))
        remaining[programme] = remaining.get(programme, 0) - reached
        women -= reached


def _plan(problem: Problem, stops: list[PlannedStop], km: float, seconds: float, seed: int) -> Plan:
    women = sum(stop.women for stop in stops)
    offered = {programme for unit in problem.units for programme in unit.programmes}
    objective = Objective(
        women=women,
        women_due=sum(site.women_due.get(programme, 0) for site in problem.sites for programme in offered),
        km=round(km, 1),
        km_per_woman=problem.km_per_woman,
        unit_days=sum(len(problem.working_days(unit)) for unit in problem.units),
        unit_days_used=sum(len(stop.days) for stop in stops),
    )
    return Plan(
        stops=tuple(stops),
        unserved=explain_unserved(problem, stops),
        women=women,
        km=objective.km,
        objective=objective,
        seconds=seconds,
        solver=SOLVER,
        seed=seed,
    )


def _search(task: Task, effort: _Effort, watch: "_Watch") -> list[Tour]:
    """The best tours for one group: greedy ones, improved by the solver, and filled up where days are left."""
    greedy = fill(task, [[] for _ in task.units])
    if not len(task.sites):
        return greedy
    data = _model(task)
    result = search(
        data,
        MultipleCriteria([MaxRuntime(effort.seconds), NoImprovement(effort.patience)]),
        seed=effort.seed,
        collect_stats=False,
        params=SolveParams(ils=IteratedLocalSearchParams(callbacks=watch)),
        initial_solution=_solution(task, data, greedy),
    )
    return fill(task, _tours(task, result.best))


def _model(task: Task) -> ProblemData:
    places = (*task.units, *task.sites)
    profiles: dict[tuple[bytes, bytes], int] = {}
    owners: list[int] = []
    vehicles: list[VehicleType] = []
    for unit, calendar in enumerate(task.calendars):
        key = (task.stays[unit].tobytes(), task.women[unit].tobytes())
        if key not in profiles:
            profiles[key] = len(owners)
            owners.append(unit)
        vehicles.append(
            VehicleType(start_depot=unit, end_depot=unit, shift_duration=len(calendar), profile=profiles[key])
        )
    return ProblemData(
        locations=[Location(place.longitude, place.latitude) for place in places],
        clients=[
            Client(task.place(site), prize=_costs(task, women), required=False)
            for site, women in enumerate(task.women.max(axis=0))
        ],
        depots=[Depot(unit) for unit in range(len(task.units))],
        vehicle_types=vehicles,
        distance_matrices=[_distances(task, unit) for unit in owners],
        duration_matrices=[_durations(task, unit) for unit in owners],
    )


def _costs(task: Task, women: int) -> int:
    return round(women * task.km_per_woman * COSTS_PER_KILOMETRE)


def _distances(task: Task, unit: int) -> NDArray[np.int64]:
    """Costs of the edges: kilometres, and what this unit loses at a site against the unit that reaches most there."""
    lost = (task.women.max(axis=0) - task.women[unit]) * task.km_per_woman
    return _rounded(task.kilometres * COSTS_PER_KILOMETRE + _leaving(task, lost * COSTS_PER_KILOMETRE))


def _durations(task: Task, unit: int) -> NDArray[np.int64]:
    return _rounded(np.broadcast_to(_leaving(task, task.stays[unit]), task.kilometres.shape))


def _leaving(task: Task, by_site: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64]:
    """A column of what it costs to leave each place: nothing at the bases."""
    return np.concatenate([np.zeros(len(task.units)), by_site])[:, np.newaxis]


def _rounded(matrix: NDArray[np.float64]) -> NDArray[np.int64]:
    whole = np.rint(matrix).astype(np.int64)
    np.fill_diagonal(whole, 0)
    return whole


def _solution(task: Task, data: ProblemData, tours: Sequence[Tour]) -> Solution:
    """The tours as the solver sees them; stays cut short are left out, because it knows only whole ones."""
    whole = [
        [stay.site for stay in tour if stay.days == task.stays[unit, stay.site]] for unit, tour in enumerate(tours)
    ]
    return Solution(data, [SolverRoute(data, sites, unit) for unit, sites in enumerate(whole) if sites])


def _tours(task: Task, solution: Solution) -> list[Tour]:
    """The solver's routes as tours of all units."""
    tours: list[Tour] = [[] for _ in task.units]
    for route in solution.routes():
        unit = route.vehicle_type()
        sites = [activity.idx for activity in route if activity.is_client()]
        tours[unit] = [Stay(site, int(task.stays[unit, site])) for site in sites if task.women[unit, site]]
    return tours


@dataclass(slots=True)
class _Watch(IteratedLocalSearchCallbacks):
    """Reports the progress of one group; `women` and `km` are those of the groups before it."""

    task: Task
    report: Report | None
    started: float
    women: int
    km: float
    best: Solution | None = None
    iterations: int = 0
    reported: float = 0.0

    def on_best(self, best: Solution) -> None:
        """Keeps the best solution for the next report."""
        self.best = best

    def on_iteration(self, *_: object) -> None:
        """Reports when it is time to."""
        self.iterations += 1
        elapsed = perf_counter() - self.started
        if self.report is not None and self.best is not None and elapsed - self.reported >= SECONDS_BETWEEN_REPORTS:
            self.reported = elapsed
            self.report(self._progress(_tours(self.task, self.best), elapsed))

    def _progress(self, tours: Sequence[Tour], elapsed: float) -> Progress:
        units = range(len(tours))
        women = sum(self.task.stop_women(unit, stay) for unit in units for stay in tours[unit])
        km = sum(tour_kilometres(self.task, unit, tours[unit]) for unit in units)
        return Progress(elapsed, self.iterations, self.women + women, round(self.km + km, 1))
