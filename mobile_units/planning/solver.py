"""The solver: tours for all units that reach the most women with the fewest kilometres, found in the time given.

The search (`planning.kernel`) keeps every tour exact on its calendar. How many rounds it makes depends on the size of
the problem and the seconds asked for, not on the clock, so the same seed gives the same plan; on a slow machine time runs
out first, and the best plan so far is taken.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from time import perf_counter

import numpy as np

from mobile_units.planning import kernel
from mobile_units.planning.explain import explain_unserved
from mobile_units.planning.kernel import Tours
from mobile_units.planning.model import Built, build
from mobile_units.planning.problem import Objective, Plan, PlannedStop, Problem, Progress

SOLVER = "ruin and recreate"
GREEDY = "greedy"
ROUNDS_PER_SECOND = 2_500
SLICES = 100
HOT_SHARE = 0.3
COLD = 0.02

Report = Callable[[Progress], None]


def solve(problem: Problem, *, seconds: float, seed: int = 1, progress: Report | None = None) -> Plan:
    """The best plan found in about `seconds`; the same seed gives the same plan unless the time runs out.

    `progress` is called as the search goes on. What it raises ends the search and reaches the caller.
    """
    started = perf_counter()
    search = _Search(problem, seed)
    hot = search.hot
    rounds = max(1, int(seconds * ROUNDS_PER_SECOND / SLICES))
    cooling = (COLD / hot) ** (1 / SLICES) if hot > COLD else 1.0
    for _ in range(SLICES):
        if perf_counter() - started > seconds or not len(search.built.clients):
            break
        search.run(rounds, hot, hot * cooling)
        hot *= cooling
        if progress is not None:
            progress(search.progress(perf_counter() - started))
    return search.plan(SOLVER, perf_counter() - started)


def greedy(problem: Problem, seed: int = 1) -> Plan:
    """The plan with which the search begins: place by place, the most women per day first."""
    started = perf_counter()
    return _Search(problem, seed).plan(GREEDY, perf_counter() - started)


class _Search:
    """A search that began with the greedy tours."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem, self.seed = problem, seed
        self.built: Built = build(problem)
        model, built = self.built.model, self.built
        self.state = kernel.new_state(model, built.longest + 1, built.tokens, built.groups, seed)
        self.value = float(kernel.begin(model, self.state))
        self.best_value, self.rounds = self.value, 0
        self.best: Tours = Tours(*(each.copy() for each in self.state.now))

    @property
    def hot(self) -> float:
        """The temperature at the start, in women."""
        women = self.built.model.women
        served = women[women > 0]
        return float(HOT_SHARE * np.median(served)) if len(served) else COLD

    def run(self, rounds: int, hot: float, cold: float) -> None:
        """A part of the search."""
        self.value, self.best_value = kernel.search(
            self.built.model, self.state, self.best, rounds, hot, cold, self.value, self.best_value
        )
        self.rounds += rounds

    def progress(self, seconds: float) -> Progress:
        """The best so far."""
        women = sum(stop.women for stop in self._stops())
        return Progress(seconds, self.rounds, women, round(float(self.best.terms[:, 1].sum()), 1), float(self.best_value))

    def plan(self, solver: str, seconds: float) -> Plan:
        """The best tours as a plan."""
        stops = tuple(sorted(self._stops(), key=lambda stop: (str(stop.unit_id), stop.days[0])))
        return Plan(
            stops=stops,
            unserved=explain_unserved(self.problem, stops),
            objective=self._objective(stops),
            seconds=seconds,
            solver=solver,
            seed=self.seed,
            iterations=self.rounds,
        )

    def _stops(self) -> Iterator[PlannedStop]:
        model, best = self.built.model, self.best
        for unit, planned in enumerate(self.problem.units):
            working = self.problem.working_days(planned)
            for position in range(best.length[unit]):
                number = int(best.clients[unit, position])
                client = self.built.clients[number]
                if client.fixed is not None:
                    yield client.fixed
                    continue
                start, end = (int(each[unit, position]) for each in (best.start, best.end))
                first = self.problem.first_day + timedelta(days=start)
                last = self.problem.first_day + timedelta(days=end)
                dated = model.dated[unit]
                women = model.women[unit, number] if dated < 0 else model.dated_women[dated, number, start]
                days = tuple(day for day in working if first <= day < last)
                yield PlannedStop(planned.id, self.problem.sites[client.site].id, days, int(women))

    def _objective(self, stops: tuple[PlannedStop, ...]) -> Objective:
        terms, available = self.best.terms, self.built.model.available
        used = terms[:, 3]
        offered = {programme for unit in self.problem.units for programme in unit.programmes}
        share = available * used.sum() / available.sum() if available.sum() else available
        working = available > 0
        return Objective(
            women=sum(stop.women for stop in stops),
            women_weighted=float(terms[:, 0].sum()),
            women_due=sum(
                women
                for site in self.problem.sites
                for need, women in site.women_due.items()
                if need is None or need in offered
            ),
            km=float(terms[:, 1].sum()),
            km_crews=float(terms[:, 2].sum()),
            unit_days=int(available.sum()),
            unit_days_used=int(used.sum()),
            uneven_days=float((((used - share) ** 2)[working] / available[working]).sum()),
            weights=self.problem.weights,
        )
