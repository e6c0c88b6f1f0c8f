"""The planner beside OR-Tools routing and beside the nearest-neighbour rule, from one region to the whole country.

Everybody gets the same problem and is judged by the same check and the same terms (`planning.check`). The planner runs
in its child process with its limit on memory. OR-Tools gets the same seconds for each of two settings, one on a core,
and the better of the two counts; making its model is not counted. For the region the best plan known is kept beside
this file, so that everybody can check it.

`python -m tests.benchmarks.planner` runs all of it, with `--sites 100` for one size only; `--json FILE` keeps the
figures; `--best-known SECONDS` searches for a better plan of the region for so long in each of its runs.
"""

import json
import os
import platform
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import psutil

from mobile_units.planning.check import check, terms
from mobile_units.planning.problem import Plan, PlannedStop, Problem, Progress
from mobile_units.planning.process import MEMORY_BYTES, solve_apart
from tests.benchmarks import planner_nearest, planner_ortools
from tests.benchmarks.planner_instances import COUNTRY, REGION, SIZES, Size, problem_of
from tests.benchmarks.planner_ortools import SETTINGS, Setting
from tests.benchmarks.stage import report

SECONDS = {REGION: 10.0, COUNTRY: 60.0}
OTHER_SECONDS = 20.0
BEST_KNOWN = Path(__file__).with_name("planner_best_known.json")
SEEDS = range(1, 9)
"""Of the runs that look for the best plan known."""
CORES = 2

Result = TypeVar("Result")

WITHIN_BEST_KNOWN, OVER_ORTOOLS, OVER_NEAREST, BUILD_SECONDS = 0.01, 0.03, 0.15, 5.0
"""What is asked of the planner."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of one problem; values are those of the objective, in weighted women."""

    name: str
    sites: int
    units: int
    women_due: int
    capacity: int
    seconds: float
    solver: str
    build_seconds: float
    greedy_seconds: float
    greedy: float
    ours: float
    rounds_per_second: float
    peak_mib: int
    check_seconds: float
    violations: int
    ortools: float
    ortools_setting: str
    peers_violations: int
    nearest: float
    nearest_seconds: float
    best_known: float | None

    def over(self, other: float) -> float:
        """By which part our value is greater than another."""
        return self.ours / other - 1


def measure(sizes: Sequence[Size] = SIZES, file: Path | None = None) -> list[Figures]:
    """Prints its lines of the table; with a `file` the figures are kept in it as JSON."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numba", "numpy", "ortools"))
    print(f"\nplanner: a quarter; {machine()}; {libraries}; OR-Tools: {'; '.join(each.name for each in SETTINGS)}")
    _compile()
    found = []
    for size in sizes:
        found.append(_measured(size))
        _print_figures(found[-1])
    for line in verdicts(found):
        report(*line)
    if file is not None:
        figures = {"machine": machine(), "problems": [asdict(each) for each in found]}
        file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return found


def machine() -> str:
    """What it is measured on."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _compile() -> None:
    """The solver is compiled when it runs for the first time on a machine, which is not what is measured."""
    solve_apart(problem_of(REGION), seconds=0.1, grace=300.0)


# one problem


def _measured(size: Size) -> Figures:
    from mobile_units.planning import model, solver  # noqa: PLC0415 -- loading the compiled solver is no part of others

    problem, seconds = problem_of(size), SECONDS.get(size, OTHER_SECONDS)
    build_seconds, _ = _timed(partial(model.build, problem))
    greedy_seconds, greedy = _timed(partial(solver.greedy, problem))
    peak = _Peak()
    ours = solve_apart(problem, seconds=seconds, progress=peak.look)
    nearest_seconds, nearest = _timed(partial(planner_nearest.plan, problem))
    ortools, setting = best_of_ortools(size, seconds)
    check_seconds, violations = _timed(partial(check, problem, ours))
    wrong = len(check(problem, plan_of(problem, ortools))) + len(check(problem, plan_of(problem, nearest)))
    return Figures(
        name=size.name,
        sites=size.sites,
        units=size.units,
        women_due=ours.objective.women_due,
        capacity=sum(len(problem.working_days(unit)) * sum(unit.women_per_day.values()) for unit in problem.units),
        seconds=seconds,
        solver=ours.solver,
        build_seconds=build_seconds,
        greedy_seconds=greedy_seconds,
        greedy=greedy.objective.value,
        ours=terms(problem, ours.stops).value,
        rounds_per_second=ours.iterations / ours.seconds,
        peak_mib=peak.bytes >> 20,
        check_seconds=check_seconds,
        violations=len(violations),
        ortools=terms(problem, ortools).value,
        ortools_setting=setting.name,
        peers_violations=wrong,
        nearest=terms(problem, nearest).value,
        nearest_seconds=nearest_seconds,
        best_known=best_known(problem) if size == REGION else None,
    )


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


class _Peak:
    """The most memory that a child of this process has held at any time, as the kernel counts it."""

    def __init__(self) -> None:
        self.bytes = 0

    def look(self, _: Progress) -> None:
        """Looks at all children there are now."""
        for child in psutil.Process().children():
            with suppress(OSError, ValueError):
                status = Path(f"/proc/{child.pid}/status").read_text(encoding="utf-8")
                self.bytes = max(self.bytes, int(status.split("VmHWM:")[1].split()[0]) << 10)


def plan_of(problem: Problem, stops: Iterable[PlannedStop]) -> Plan:
    """Stops as a plan that states its true terms."""
    stops = tuple(stops)
    return Plan(stops=stops, unserved=(), objective=terms(problem, stops), seconds=0.0, solver="peer", seed=0)


def best_of_ortools(size: Size, seconds: float) -> tuple[list[PlannedStop], Setting]:
    """The better plan of OR-Tools, whose settings run side by side."""
    problem = problem_of(size)
    with _processes() as pool:
        plans = list(pool.map(partial(_with_ortools, size, seconds), SETTINGS))
    return max(zip(plans, SETTINGS, strict=True), key=lambda found: terms(problem, found[0]).value)


def _processes() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(CORES, mp_context=get_context("spawn"))


def _with_ortools(size: Size, seconds: float, setting: Setting) -> list[PlannedStop]:
    return planner_ortools.plan(problem_of(size), seconds, setting)


# what it comes to


def _print_figures(found: Figures) -> None:
    report(
        f"{found.name}: {found.sites:,} sites, {found.units} units, {found.women_due:,} women due",
        f"room for {found.capacity:,} women in the programmes of the units, {found.seconds:.0f} s",
    )
    report("  model built, distances included", f"{found.build_seconds:.2f} s")
    report("  greedy plan, with the model", f"{found.greedy_seconds:.2f} s, objective {found.greedy:,.0f}")
    report(f"  {found.solver}", f"{found.rounds_per_second:,.0f} rounds a second, {found.peak_mib:,} MiB at the peak")
    report("  check", f"{found.check_seconds:.2f} s, {found.violations} violations")
    report("  objective", f"{found.ours:,.0f}")
    report(f"  OR-Tools ({found.ortools_setting})", f"{found.ortools:,.0f}: ours {found.over(found.ortools):+.1%}")
    report(
        f"  nearest neighbour, in {found.nearest_seconds:.1f} s",
        f"{found.nearest:,.0f}: ours {found.over(found.nearest):+.1%}",
    )
    if found.best_known is not None:
        report("  best known", f"{found.best_known:,.0f}: ours {found.over(found.best_known):+.2%}")


def verdicts(found: Iterable[Figures]) -> list[tuple[str, str]]:
    """What is asked of the planner, and whether it is so."""
    asked: list[tuple[str, bool]] = []
    for each in found:
        asked.append((f"{each.name}: the check finds nothing", not each.violations + each.peers_violations))
        if each.best_known is not None:
            within = each.over(each.best_known) >= -WITHIN_BEST_KNOWN
            asked.append((f"{each.name}: within {WITHIN_BEST_KNOWN:.0%} of the best known", within))
        if each.sites == COUNTRY.sites:
            asked += _of_the_country(each)
    return [(what, "yes" if is_so else "NO") for what, is_so in asked]


def _of_the_country(found: Figures) -> list[tuple[str, bool]]:
    return [
        (f"{found.name}: {OVER_ORTOOLS:.0%} better than OR-Tools", found.over(found.ortools) >= OVER_ORTOOLS),
        (f"{found.name}: {OVER_NEAREST:.0%} better than nearest neighbour", found.over(found.nearest) >= OVER_NEAREST),
        (f"{found.name}: model built in {BUILD_SECONDS:.0f} s", found.build_seconds < BUILD_SECONDS),
        (f"{found.name}: under {MEMORY_BYTES >> 20:,} MiB", 0 < found.peak_mib < MEMORY_BYTES >> 20),
    ]


# the best plan known


def best_known(problem: Problem) -> float:
    """The value of the best plan known of the region, which is checked first.

    Raises:
        ValueError: it is a plan of another problem; `--best-known` makes a new one.
    """
    kept = json.loads(BEST_KNOWN.read_text(encoding="utf-8"))
    plan = plan_of(problem, [_stop(each) for each in kept["stops"]])
    if check(problem, plan) or abs(plan.objective.value - kept["value"]) > 0.01:
        raise ValueError(f"{BEST_KNOWN.name} is a plan of another problem")
    return plan.objective.value


def _stop(kept: dict[str, Any]) -> PlannedStop:
    days = tuple(map(date.fromisoformat, kept["days"]))
    return PlannedStop(kept["unit_id"], kept["site_id"], days, kept["women"])


def search_best_known(seconds: float) -> None:
    """Looks for the best plan of the region for so long with each seed, then as long with OR-Tools from the best.

    The better of the best found and the one that is known already is kept.
    """
    problem = problem_of(REGION)
    found = {f"planner, seed {seed}": plan for seed, plan in zip(SEEDS, _ours_of_seeds(seconds), strict=True)}
    for setting in SETTINGS:
        found[f"OR-Tools, {setting.name}"] = _with_ortools(REGION, seconds, setting)
    best = max(found.values(), key=lambda stops: _is_sound(problem, stops) * terms(problem, stops).value)
    found["OR-Tools from the best of them"] = planner_ortools.plan(problem, seconds, SETTINGS[0], begin_with=best)
    values = {how: terms(problem, stops).value for how, stops in found.items() if _is_sound(problem, stops)}
    for how, value in values.items():
        report(f"  {how}, {seconds:.0f} s", f"{value:,.1f}")
    how = max(values, key=lambda each: values[each])
    with suppress(OSError, ValueError):
        if best_known(problem) >= values[how]:
            return
    _keep(f"{how}, {seconds:.0f} s ({machine()})", values[how], found[how])


def _is_sound(problem: Problem, stops: Iterable[PlannedStop]) -> bool:
    return not check(problem, plan_of(problem, stops))


def _ours_of_seeds(seconds: float) -> list[list[PlannedStop]]:
    with _processes() as pool:
        return list(pool.map(partial(_ours, seconds), SEEDS))


def _ours(seconds: float, seed: int) -> list[PlannedStop]:
    return list(solve_apart(problem_of(REGION), seconds=seconds, seed=seed).stops)


def _keep(how: str, value: float, stops: Iterable[PlannedStop]) -> None:
    kept = [
        {
            "unit_id": stop.unit_id,
            "site_id": stop.site_id,
            "days": [day.isoformat() for day in stop.days],
            "women": stop.women,
        }
        for stop in stops
    ]
    head = json.dumps({"how": how, "value": round(value, 3)})[:-1]
    lines = ",\n".join(f"  {json.dumps(stop)}" for stop in kept)
    BEST_KNOWN.write_text(f'{head}, "stops": [\n{lines}\n]}}\n', encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    """The program."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, nargs="*", help="only the problems of so many sites")
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    parser.add_argument("--best-known", type=float, metavar="SECONDS", help="look for a better plan of the region")
    options = parser.parse_args(arguments)
    if options.best_known:
        search_best_known(options.best_known)
    else:
        measure([size for size in SIZES if options.sites is None or size.sites in options.sites], options.json)


if __name__ == "__main__":
    main(sys.argv[1:])
