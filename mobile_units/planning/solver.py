"""The solver: tours for all units that reach the most women with the fewest kilometres, found in the time given.

The search (`planning.kernel`) keeps every tour exact on its calendar. How many rounds it makes depends on the size of
the problem and the seconds asked for, not on the clock, so the same seed gives the same plan; on a slow machine the
time ends it earlier.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from math import sqrt
from time import perf_counter

import numpy as np

from mobile_units.planning import kernel
from mobile_units.planning.explain import explain_unserved
from mobile_units.planning.model import build
from mobile_units.planning.problem import GREEDY, Objective, Plan, PlannedStop, Problem, Progress

SOLVER = "ruin and recreate"
ROUNDS_PER_SECOND = 45_000
REPORTS_PER_SECOND = 4
HOT_SHARE = 0.3
COLD = 0.02
SOON = 1e-3
WHO_AND_WHEN = (kernel.CLIENT, kernel.START, kernel.END)

Report = Callable[[Progress], None]


def solve(problem: Problem, *, seconds: float, seed: int = 1, progress: Report | None = None) -> Plan:
    """The best plan found in about `seconds`; the same seed gives the same plan unless the time runs out.

    `progress` is called as the search goes on. What it raises ends the search and reaches the caller.
    """
    ready()
    started = perf_counter()
    search = _Search(problem, seed)
    begun = perf_counter()
    left = max(seconds - (begun - started), SOON)
    slices = max(1, round(seconds * REPORTS_PER_SECOND)) if seconds and search.has_choice else 0
    temperatures = np.geomspace(max(search.hot, COLD), COLD, slices + 1)
    number = 0
    while number < slices:
        search.run(search.rounds_in(seconds / slices), *temperatures[number : number + 2])
        now = perf_counter()
        if progress is not None:
            progress(search.progress(now - started))
        number = max(number + 1, int(slices * (now - begun) / left))
    return search.plan(SOLVER, perf_counter() - started)


def ready() -> None:
    """Loads the search, or compiles it when that was never done here, which takes a quarter of a minute."""
    _Search(Problem(first_day=date.min, last_day=date.min, units=(), sites=()), 1)


def greedy(problem: Problem, seed: int = 1) -> Plan:
    """The plan with which the search begins: place by place, the most women per day first."""
    started = perf_counter()
    return _Search(problem, seed).plan(GREEDY, perf_counter() - started)


class _Search:
    """A search that began with the greedy tours."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem, self.seed, self.rounds = problem, seed, 0
        self.built = build(problem)
        self.model = self.built.model
        self.state = kernel.new_state(self.model, self.built.longest, self.built.tokens, self.built.groups, seed)
        kernel.search(self.model, self.state, self.built.order, 0, 1, COLD, COLD)

    @property
    def has_choice(self) -> bool:
        """Whether there is any stop that could be made or left out."""
        return len(self.built.order) > 0

    @property
    def hot(self) -> float:
        """The temperature at the start, in women."""
        women = self.model.stay[:, :, kernel.WOMEN]
        served = women[women > 0]
        return float(HOT_SHARE * np.median(served)) if len(served) else COLD

    def rounds_in(self, seconds: float) -> int:
        """How many rounds belong to some seconds: the fewer the more units there are, as it was measured."""
        return max(1, round(seconds * ROUNDS_PER_SECOND / sqrt(max(2, len(self.problem.units)))))

    def run(self, rounds: int, hot: float, cold: float) -> None:
        """Some more rounds."""
        first = self.rounds + 1
        kernel.search(self.model, self.state, self.built.order, first, first + rounds, hot, cold)
        self.rounds += rounds

    def progress(self, seconds: float) -> Progress:
        """The best so far."""
        women = sum(stop.women for stop in self._stops())
        kilometres = float(self.state.best.terms[:, kernel.KM].sum())
        return Progress(seconds, self.rounds, women, round(kilometres, 1), float(self.state.value[kernel.BEST]))

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
        best = self.state.best
        for unit, planned in enumerate(self.problem.units):
            working = self.problem.working_days(planned)
            for number, start, end in best.stops[unit, : best.length[unit]][:, WHO_AND_WHEN].tolist():
                client = self.built.clients[number]
                if client.fixed is not None:
                    yield client.fixed
                    continue
                first = self.built.first_day + timedelta(days=start)
                last = self.built.first_day + timedelta(days=end)
                days = tuple(day for day in working if first <= day < last)
                yield PlannedStop(
                    planned.id, self.problem.sites[client.site].id, days, self._women(unit, number, start)
                )

    def _women(self, unit: int, client: int, start: int) -> int:
        crews = self.model.unit[unit, kernel.CREWS]
        if crews < 0:
            return int(self.model.stay[client, unit, kernel.WOMEN])
        return int(self.model.stay_on[crews, client, start, kernel.WOMEN])

    def _objective(self, stops: tuple[PlannedStop, ...]) -> Objective:
        terms, available = self.state.best.terms, self.model.bound[:, kernel.AVAILABLE]
        used, working = terms[:, kernel.USED], available > 0
        share = available * used.sum() / max(1.0, available.sum())
        offered = {None, *(programme for unit in self.problem.units for programme in unit.programmes)}
        due = [site.women_due for site in self.problem.sites]
        return Objective(
            women=sum(stop.women for stop in stops),
            women_weighted=float(terms[:, kernel.WEIGHTED].sum()),
            women_due=sum(
                women for each in due for need, women in each.items() if self.problem.units and need in offered
            ),
            km=float(terms[:, kernel.KM].sum()),
            km_crews=float(terms[:, kernel.CREW_KM].sum()),
            unit_days=int(available.sum()),
            unit_days_used=int(used.sum()),
            uneven_days=float((((used - share) ** 2)[working] / available[working]).sum()),
            weights=self.problem.weights,
        )
