"""The solver: the best tours that PyVRP finds in the time given. The only module that imports PyVRP.

The model. Units with the same programmes are the vehicles of one prize-collecting routing problem. A vehicle leaves its
base and returns to it, and its shift lasts as many time units as it has working days; relocation happens outside
opening hours and costs no time. A site is an optional group of clients of which one is visited: one client for each
length of stay, with the days as its service time and the women reached as its prize. Where units differ in capacity
they have different matrices (PyVRP's profiles): a prize is what the strongest unit reaches, and what another unit falls
short of it is a cost on the edges that leave the client. A woman is worth `km_per_woman`; costs are tenths of a
kilometre.

Units with different programmes are planned one group after the other, those with fewer programmes first; women reached
by an earlier group are no longer due for the later ones. Within a group a site is visited at most once.

The search starts from the greedy tours, so there is always an answer, and ends at a number of rounds without
improvement, so that the same seed gives the same plan unless the time runs out first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyvrp import (
    Client,
    ClientGroup,
    Depot,
    IteratedLocalSearch,
    IteratedLocalSearchParams,
    Location,
    ProblemData,
    Route,
    Solution,
    SolveParams,
    VehicleType,
)
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
    coordinates,
)
from mobile_units.planning.tours import Stay, Task, Tour, dated_stops, fill, task_for, tour_kilometres, women_reached
from mobile_units.rules.programmes import Programme

SOLVER = "pyvrp"
COSTS_PER_KILOMETRE = 10
PATIENCE = 4_000
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
    for a region of 190 sites; a higher one finds shorter tours and needs more `seconds`.
    `progress` is called about twice a second while the search runs. What it raises ends the search and reaches the
    caller, which is how a search is cancelled.
    """
    started = perf_counter()
    kilometres = road_kilometres(coordinates(problem.units, problem.sites), problem.road_factor)
    remaining = {site.id: dict(site.women_due) for site in problem.sites}
    groups = _groups(problem)
    stops: list[PlannedStop] = []
    km = 0.0
    for number, units in enumerate(groups):
        programmes = units[0].programmes
        due = [sum(remaining[site.id].get(programme, 0) for programme in programmes) for site in problem.sites]
        task = task_for(problem, units, due, kilometres)
        share = _share(seconds - (perf_counter() - started), groups[number:])
        watch = _Watch(progress, started, sum(stop.women for stop in stops), km)
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
    if not task.sites:
        return greedy
    model = _Model(task)
    watch.model = model
    result = search(
        model.data,
        MultipleCriteria([MaxRuntime(effort.seconds), NoImprovement(effort.patience)]),
        seed=effort.seed,
        collect_stats=False,
        params=SolveParams(ils=IteratedLocalSearchParams(callbacks=watch)),
        initial_solution=model.solution(greedy),
    )
    return fill(task, model.tours(result.best))


class _Model:
    """The solver's view of a task: its clients are the possible stays, by site and then by days."""

    def __init__(self, task: Task) -> None:
        longest = task.stays.max(axis=0)
        self.task = task
        self.stays = [Stay(site, days) for site in range(len(task.sites)) for days in range(1, int(longest[site]) + 1)]
        self.clients = {stay: client for client, stay in enumerate(self.stays)}
        self.data = self._data()

    def solution(self, tours: Sequence[Tour]) -> Solution:
        """The tours of all units as the solver sees them."""
        routes = [[self.clients[stay] for stay in tour] for tour in tours]
        return Solution(self.data, [Route(self.data, route, unit) for unit, route in enumerate(routes) if route])

    def tours(self, solution: Solution) -> list[Tour]:
        """The solver's routes as tours of all units."""
        tours: list[Tour] = [[] for _ in self.task.units]
        for route in solution.routes():
            unit = route.vehicle_type()
            stays = [self.stays[activity.idx] for activity in route if activity.is_client()]
            tours[unit] = [stay for stay in stays if self.task.stop_women(unit, stay) > 0]
        return tours

    def _data(self) -> ProblemData:
        sites, days = np.array(self.stays, dtype=np.int64).T
        units = range(len(self.task.units))
        women = np.stack([women_reached(self.task, unit, sites, days) for unit in units])
        costs, profiles = np.unique(self._costs(women.max(axis=0) - women), axis=0, return_inverse=True)
        rows = [*units, *(len(units) + sites)]
        places = coordinates(self.task.units, self.task.sites)
        distances: list[Any] = [self._distances(rows, leaving) for leaving in costs]
        return ProblemData(
            locations=[Location(longitude, latitude) for latitude, longitude in (places[row] for row in rows)],
            clients=self._clients(self._costs(women.max(axis=0))),
            depots=[Depot(unit) for unit in units],
            vehicle_types=[
                VehicleType(start_depot=unit, end_depot=unit, shift_duration=len(calendar), profile=int(profiles[unit]))
                for unit, calendar in enumerate(self.task.calendars)
            ],
            distance_matrices=distances,
            duration_matrices=[np.zeros_like(matrix) for matrix in distances],
            groups=self._groups(),
        )

    def _costs(self, women: NDArray[np.int64]) -> NDArray[np.int64]:
        costs: NDArray[np.int64] = np.rint(women * self.task.km_per_woman * COSTS_PER_KILOMETRE).astype(np.int64)
        return costs

    def _clients(self, prizes: NDArray[np.int64]) -> list[Client]:
        first = len(self.task.units)
        return [
            Client(first + number, service_duration=stay.days, prize=int(prize), required=False, group=stay.site)
            for number, (stay, prize) in enumerate(zip(self.stays, prizes, strict=True))
        ]

    def _groups(self) -> list[ClientGroup]:
        members: list[list[int]] = [[] for _ in self.task.sites]
        for client, stay in enumerate(self.stays):
            members[stay.site].append(client)
        return [ClientGroup(clients, required=False) for clients in members]

    def _distances(self, rows: list[int], leaving: NDArray[np.int64]) -> NDArray[np.int64]:
        """Kilometres as costs, with the cost of leaving each client added."""
        costs = np.rint(self.task.kilometres[np.ix_(rows, rows)] * COSTS_PER_KILOMETRE).astype(np.int64)
        costs[len(self.task.units) :] += leaving[:, np.newaxis]
        np.fill_diagonal(costs, 0)
        return costs


@dataclass(slots=True)
class _Watch(IteratedLocalSearchCallbacks):
    """Reports the progress of one group; `women` and `km` are those of the groups before it."""

    report: Report | None
    started: float
    women: int
    km: float
    model: _Model = field(init=False)
    best: Solution = field(init=False)
    iterations: int = 0
    reported: float = 0.0

    def on_start(self, ils: IteratedLocalSearch) -> None:
        """Begins with the greedy tours."""
        self.best = ils.initial_solution

    def on_best(self, best: Solution) -> None:
        """Keeps the best solution for the next report."""
        self.best = best

    def on_iteration(self, *_: object) -> None:
        """Reports when it is time to."""
        self.iterations += 1
        elapsed = perf_counter() - self.started
        if self.report is not None and elapsed - self.reported >= SECONDS_BETWEEN_REPORTS:
            self.reported = elapsed
            self.report(self._progress(elapsed))

    def _progress(self, elapsed: float) -> Progress:
        women, km = 0, 0.0
        for unit, tour in enumerate(self.model.tours(self.best)):
            women += sum(self.model.task.stop_women(unit, stay) for stay in tour)
            km += tour_kilometres(self.model.task, unit, tour)
        return Progress(elapsed, self.iterations, self.women + women, round(self.km + km, 1))
