"""OR-Tools routing on the planner's problem: a vehicle is a unit, a node is a stay at a site for certain programmes.

What it models exactly: women by the weight of their site (a disjunction's penalty; what a unit reaches fewer is a
cost), kilometres from stop to stop, the length of a stay by unit, equipment, permits, reach, windows, weekdays and
closed days, the end of the quarter, and that women of a site are served once.

What it models nearly: vehicles do not share a calendar, so days off shorten the quarter of a unit; weekends are counted
by the length of stays; alternatives exclude each other in the same programme; in large problems a unit's ways home and
those of its crew are a mean, because a table of costs for each unit does not fit into memory. Uneven load and the
longest drive between two sites are not modelled. Its routes are then laid on the exact calendar, a stop that breaks a
rule is left out, and days that are free are filled with the stays that reach most women a day. That favours it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from google.protobuf import text_format
from numpy.typing import NDArray
from ortools.constraint_solver import pywrapcp

from mobile_units.planning.problem import Need, PlannedStop, Problem
from mobile_units.rules.calendar import MONDAY_TO_FRIDAY, working_days
from mobile_units.rules.units import HomeRule
from tests.benchmarks.planner_diary import Diary, Served, Stay, crew_km_of

SCALE = 100
"""What a woman of weight one is worth: the library reckons in whole numbers."""
LARGEST_TABLES = 20_000_000
"""Up to so many numbers, each unit has its own table of costs; beyond, the units share one table of kilometres."""
MOST_TO_FILL = 40


@dataclass(frozen=True, slots=True)
class Setting:
    """How the library is to search: its parameters in its own words.

    `warm` begins with a plan in which every unit is given the stays with the most women per day.
    """

    name: str
    parameters: str
    warm: bool = False


ITERATED = """
    first_solution_strategy: PARALLEL_CHEAPEST_INSERTION
    use_iterated_local_search: true
    iterated_local_search_parameters {
      perturbation_strategy: RUIN_AND_RECREATE
      ruin_recreate_parameters {
        ruin_strategies { sisr { max_removed_sequence_size: 10 avg_num_removed_visits: 10 bypass_factor: 0.5 } }
        ruin_composition_strategy: UNSET
        recreate_strategy { heuristic: LOCAL_CHEAPEST_INSERTION }
        route_selection_neighbors_ratio: 1 route_selection_min_neighbors: 10 route_selection_max_neighbors: 100
      }
      improve_perturbed_solution: true
      best_solution_acceptance_strategy { greedy_descent {} }
      reference_solution_acceptance_strategy {
        simulated_annealing {
          cooling_schedule_strategy: EXPONENTIAL initial_temperature: 3000 final_temperature: 10
        }
      }
    }
"""
SETTINGS = (
    Setting("most women first, guided local search", "local_search_metaheuristic: GUIDED_LOCAL_SEARCH", warm=True),
    Setting("cheapest insertion, iterated local search", ITERATED),
)
"""The best of those tried; each gets a core and the whole time, and the better plan counts.

Tried: parallel cheapest insertion, local cheapest insertion, savings and nearest neighbour to begin with; guided local
search, simulated annealing, tabu search and iterated local search; more operators; lists of near nodes.
Beyond a region the library's own first solutions take longer than the time given, so it is given one.
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A possible stay: the programmes served at a site, and the units that would serve exactly these."""

    site: int
    needs: frozenset[Need]
    units: tuple[int, ...]


def plan(
    problem: Problem, seconds: float, setting: Setting, begin_with: Sequence[PlannedStop] | None = None
) -> list[PlannedStop]:
    """The stops of all units, found in so many seconds of search; making the model is not counted.

    The search may be told to begin with another plan.
    """
    routing = _Routing(problem)
    if begin_with is None and setting.warm:
        begin_with = _Repair(routing.diary).stops([[] for _ in problem.units])
    return routing.plan(seconds, setting, begin_with)


class _Routing:
    """The library's model of a problem; the nodes of the bases come after those of the stays."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.diary = problem, Diary(problem)
        self.units = range(len(problem.units))
        self.axis = working_days(problem.first_day, problem.last_day, MONDAY_TO_FRIDAY)
        self.nodes = [node for node in self._possible() if self._starts(node)]
        bases = [len(self.nodes) + unit for unit in self.units]
        self.manager = pywrapcp.RoutingIndexManager(len(self.nodes) + len(bases), len(bases), bases, bases)
        self.routing = pywrapcp.RoutingModel(self.manager)
        self._add_days()
        self._add_costs()
        self._add_choices()

    # nodes

    def _possible(self) -> Iterator[Node]:
        for site in range(len(self.problem.sites)):
            kinds: defaultdict[frozenset[Need], list[int]] = defaultdict(list)
            for unit in self.units:
                if self.diary.may_come(unit, site):
                    kinds[self.diary.needs[unit][site]].append(unit)
            for needs, units in kinds.items():
                yield Node(site, needs, tuple(units))

    def _starts(self, node: Node) -> list[int]:
        """The days on which a stay of the fastest of its units could begin, as numbers on the common calendar."""
        length = min(self.diary.length(unit, node.site) for unit in node.units)
        is_open = [self.diary.is_open(node.site, day) for day in self.axis]
        return [first for first in range(len(self.axis) - length + 1) if all(is_open[first : first + length])]

    def _worth(self, unit: int, node: Node) -> dict[Need, int]:
        """What the women whom a unit reaches are worth, by programme."""
        length, weight = self.diary.length(unit, node.site), self.problem.sites[node.site].weight
        women = {need: self.diary.women_in(need, unit, node.site, length) for need in node.needs}
        return {need: round(SCALE * weight * number) for need, number in women.items()}

    @cached_property
    def penalties(self) -> dict[tuple[int | str, Need], int]:
        """What is lost if nobody serves a programme of a site: at most, or in the mean without tables for each unit."""
        lost: defaultdict[tuple[int | str, Need], list[int]] = defaultdict(list)
        for node in self.nodes:
            for unit in node.units:
                cost = 0 if self.has_own_tables else self._cost_besides_road(unit, node) // len(node.needs)
                for need, worth in self._worth(unit, node).items():
                    lost[self._choice(node), need].append(worth - cost)
        if self.has_own_tables:
            return {key: max(worths) for key, worths in lost.items()}
        return {key: max(0, sum(worths) // len(worths)) for key, worths in lost.items()}

    def _cost_besides_road(self, unit: int, node: Node) -> int:
        length = self.diary.length(unit, node.site)
        own, crew = crew_km_of(self.diary, self.problem.units[unit], unit, node.site, length)
        return int(self._cost_of(np.array(own + self.problem.weights.crew_km_share * crew)))

    # days

    def _add_days(self) -> None:
        lengths = [
            self._by_node([self.diary.length(unit, node.site) if unit in node.units else 0 for node in self.nodes])
            for unit in self.units
        ]
        available = [len(days) for days in self.diary.working]
        self.routing.AddDimensionWithVehicleTransitAndCapacity(lengths, len(self.axis), available, True, "days")
        days = self.routing.GetDimensionOrDie("days")
        for number, node in enumerate(self.nodes):
            starts = self._starts(node)
            if len(starts) <= starts[-1]:
                days.CumulVar(self.manager.NodeToIndex(number)).SetValues(starts)

    def _by_node(self, values: Sequence[int]) -> int:
        """Registers what leaving a node adds; leaving a base adds nothing."""
        return int(self.routing.RegisterUnaryTransitVector([*values, *[0] * len(self.units)]))

    # costs

    def _add_costs(self) -> None:
        """A table for each unit where they are not too large; otherwise one for all that drive from stop to stop."""
        places = [self.diary.place(node.site) for node in self.nodes] + list(self.units)
        roads = self._cost_of(self.diary.km[np.ix_(places, places)])
        daily = [unit.home_rule is HomeRule.HOME_DAILY for unit in self.problem.units]
        if self.has_own_tables:
            for unit in self.units:
                table = self._extras(unit)[:, None] + roads * (not daily[unit])
                self.routing.SetArcCostEvaluatorOfVehicle(self.routing.RegisterTransitMatrix(table.tolist()), unit)
            return
        shared, none = self.routing.RegisterTransitMatrix(roads.tolist()), self._by_node([0] * len(self.nodes))
        for unit in self.units:
            self.routing.SetArcCostEvaluatorOfVehicle(none if daily[unit] else shared, unit)

    @cached_property
    def has_own_tables(self) -> bool:
        """Whether each unit has its own costs; where it has not, a mean of them is taken off what a stay is worth."""
        return (len(self.nodes) + len(self.units)) ** 2 * len(self.units) <= LARGEST_TABLES

    def _extras(self, unit: int) -> NDArray[np.int64]:
        """What each stay of a unit costs: its crew's way, ways home, and women whom another unit would reach."""
        extra = np.zeros(len(self.nodes) + len(self.units), np.int64)
        for number, node in enumerate(self.nodes):
            if unit in node.units:
                most = sum(self.penalties[self._choice(node), need] for need in node.needs)
                extra[number] = self._cost_besides_road(unit, node) + most - sum(self._worth(unit, node).values())
        return extra

    def _cost_of(self, km: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.rint(km * SCALE / self.problem.weights.km_per_woman).astype(np.int64)

    # choices

    def _add_choices(self) -> None:
        """Each programme of a site, or of the sites of a group together, is served once or paid for."""
        able: defaultdict[tuple[int | str, Need], list[int]] = defaultdict(list)
        for number, node in enumerate(self.nodes):
            index = self.manager.NodeToIndex(number)
            self.routing.VehicleVar(index).SetValues([-1, *node.units])  # 9.15 takes no list of allowed vehicles
            for need in node.needs:
                able[self._choice(node), need].append(number)
        for (choice, need), numbers in able.items():
            self.routing.AddDisjunction(numbers, self.penalties[choice, need])

    def _choice(self, node: Node) -> int | str:
        """The site, or the group in which it is an alternative."""
        group = self.problem.sites[node.site].group
        return node.site if group is None else group

    # search

    def plan(self, seconds: float, setting: Setting, begin_with: Sequence[PlannedStop] | None) -> list[PlannedStop]:
        """The stops found."""
        parameters = pywrapcp.DefaultRoutingSearchParameters()
        text_format.Merge(setting.parameters, parameters)
        parameters.time_limit.FromMilliseconds(round(seconds * 1_000))
        if begin_with is not None:
            self.routing.CloseModelWithParameters(parameters)
            begun = self.routing.ReadAssignmentFromRoutes(self._as_routes(begin_with), True)
            found = self.routing.SolveFromAssignmentWithParameters(begun, parameters) if begun else None
        elif parameters.use_iterated_local_search:
            found = self.routing.SolveWithIteratedLocalSearch(parameters)
        else:
            found = self.routing.SolveWithParameters(parameters)
        return _Repair(self.diary).stops(self._routes(found) if found else [[] for _ in self.units])

    def _as_routes(self, stops: Iterable[PlannedStop]) -> list[list[int]]:
        """The nodes of another plan, in order; what the model cannot take in is left out."""
        numbers = {(node.site, node.needs): number for number, node in enumerate(self.nodes)}
        sites = {site.id: number for number, site in enumerate(self.problem.sites)}
        units = {unit.id: number for number, unit in enumerate(self.problem.units)}
        routes: list[list[int]] = [[] for _ in self.units]
        free_from = [0 for _ in self.units]
        for stop in sorted(stops, key=lambda stop: stop.days[0]):
            unit, site = units[stop.unit_id], sites[stop.site_id]
            number, length = numbers.get((site, self.diary.needs[unit][site])), self.diary.length(unit, site)
            starts = [] if number is None else self._starts(self.nodes[number])
            start = next((start for start in starts if start >= free_from[unit]), len(self.axis))
            if number is not None and start + length <= len(self.diary.working[unit]):
                routes[unit].append(self.manager.NodeToIndex(number))
                free_from[unit] = start + length
        return routes

    def _routes(self, found: Any) -> list[list[int]]:
        """The sites of each unit in their order."""
        routes = []
        for unit in self.units:
            route, index = [], found.Value(self.routing.NextVar(self.routing.Start(unit)))
            while not self.routing.IsEnd(index):
                route.append(self.nodes[self.manager.IndexToNode(index)].site)
                index = found.Value(self.routing.NextVar(index))
            routes.append(route)
        return routes


class _Repair:
    """Lays routes on the exact calendar and fills the days that are left."""

    def __init__(self, diary: Diary) -> None:
        self.diary, self.served = diary, Served(diary.problem)

    def stops(self, routes: Sequence[Sequence[int]]) -> list[PlannedStop]:
        """The stops that keep all rules."""
        tours = [self._laid(unit, route) for unit, route in enumerate(routes)]
        for unit, tour in enumerate(tours):
            tours[unit] = self._filled(unit, tour)
        return [stop for unit, tour in enumerate(tours) for stop in self.diary.stops(unit, tour)]

    def _laid(self, unit: int, route: Sequence[int]) -> list[Stay]:
        """The stays of a route, but for those at an alternative of a place that is visited."""
        needs = self.diary.needs[unit]
        tour = self.diary.lay(unit, [site for site in route if self.served.is_due(site, needs[site])])
        for stay in tour:
            self.served.add(stay.site, needs[stay.site])
        return tour

    def _filled(self, unit: int, tour: list[Stay]) -> list[Stay]:
        while True:
            longer = next(self._longer(unit, tour), None)
            if longer is None:
                return tour
            added = ({stay.site for stay in longer} - {stay.site for stay in tour}).pop()
            self.served.add(added, self.diary.needs[unit][added])
            tour = longer

    def _longer(self, unit: int, tour: list[Stay]) -> Iterator[list[Stay]]:
        """The tour with one more stay, those with most women first."""
        free = len(self.diary.working[unit]) - sum(stay.end - stay.first for stay in tour)
        sites = [site for site in range(len(self.diary.problem.sites)) if self._fits(unit, site, free)]
        for site in sorted(sites, key=lambda site: -self._gain(unit, site))[:MOST_TO_FILL]:
            for position in range(len(tour), -1, -1):
                order = [stay.site for stay in tour]
                longer = self.diary.lay(unit, [*order[:position], site, *order[position:]])
                if len(longer) > len(tour):
                    yield longer

    def _fits(self, unit: int, site: int, free: int) -> bool:
        due = self.served.is_due(site, self.diary.needs[unit][site])
        return due and self.diary.may_come(unit, site) and self.diary.length(unit, site) <= free

    def _gain(self, unit: int, site: int) -> float:
        length = self.diary.length(unit, site)
        return self.diary.problem.sites[site].weight * self.diary.women(unit, site, length) / length
