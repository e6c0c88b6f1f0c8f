"""The best plan of a tiny problem by trying them all: every assignment, every order, every date.

Only for problems in which a site is visited once in each programme. What a unit does is judged by the judge, and so is
what the units do together; nothing here is shared with the solver.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import product

from mobile_units.planning.check import check, terms
from mobile_units.planning.problem import PlannedStop, PlanningSite, PlanningUnit, Problem
from tests.planning.problems import plan_of

Stops = tuple[PlannedStop, ...]

SEEN_WITH_OTHER_STOPS = {"fixed_stop_changed", "relocation_too_long", "travel_does_not_fit"}
"""What is no fault of a stop alone: others may lie on the way, and other stops are fixed."""


def optimum(problem: Problem, *, any_length: bool = False) -> tuple[float, Stops]:
    """The highest objective that breaks no rule, and stops that have it.

    A stay lasts the fewest days that reach all women due, as the planner has it; with `any_length` every number of days
    from the least to the most is tried.
    """
    choices = [_best_tours(problem, unit, any_length=any_length) for unit in problem.units]
    together = sorted(product(*choices), key=lambda tours: -sum(gain for gain, _ in tours))
    best = float("-inf")
    best_stops: Stops = ()
    for tours in together:
        if sum(gain for gain, _ in tours) <= best:
            break
        stops: Stops = tuple(stop for _, tour in tours for stop in tour)
        value = terms(problem, stops).value
        if value > best and not check(problem, plan_of(problem, list(stops))):
            best, best_stops = value, stops
    return best, best_stops


def _best_tours(problem: Problem, unit: PlanningUnit, *, any_length: bool) -> list[tuple[float, Stops]]:
    """The best tour for every choice of stops that is different to the other units, with its gain but for even load."""
    best: dict[object, tuple[float, Stops]] = {}
    for tour in _tours(problem, unit, any_length=any_length):
        found = terms(problem, tour)
        gain = found.value + problem.weights.women_per_uneven_day * found.uneven_days
        choice = (found.unit_days_used, frozenset(_as_others_see_it(problem, stop) for stop in tour))
        if choice not in best or gain > best[choice][0]:
            best[choice] = gain, tour
    return list(best.values())


def _as_others_see_it(problem: Problem, stop: PlannedStop) -> tuple[object, ...]:
    return stop.site_id, stop.women, *(stop.days[0] in limit.period for limit in problem.limits)


def _tours(problem: Problem, unit: PlanningUnit, *, any_length: bool) -> Iterator[Stops]:
    """Every tour of the unit that breaks no rule, with its fixed stops in it."""
    fixed = tuple(stop for stop in problem.fixed if stop.unit_id == unit.id)
    possible = [stay for site in problem.sites for stay in stays(problem, unit, site, any_length=any_length)]
    alone = replace(problem, fixed=fixed)
    for tour in _sequences(sorted([*possible, *fixed], key=lambda stay: stay.days[0])):
        if set(fixed) <= set(tour) and not check(alone, plan_of(alone, list(tour))):
            yield tour


def _sequences(stays: Sequence[PlannedStop], tour: Stops = ()) -> Iterator[Stops]:
    """Every choice of stays one after the other, no site twice."""
    yield tour
    for number, stay in enumerate(stays):
        if not tour or (stay.days[0] > tour[-1].days[-1] and stay.site_id not in {stop.site_id for stop in tour}):
            yield from _sequences(stays[number + 1 :], (*tour, stay))


def stays(problem: Problem, unit: PlanningUnit, site: PlanningSite, *, any_length: bool) -> Iterator[PlannedStop]:
    """Every stay of the unit at the site that breaks no rule by itself."""
    working = problem.working_days(unit)
    for first in range(len(working)):
        for length in _lengths(unit, site, working, first, any_length=any_length):
            days = tuple(working[first : first + length])
            stay = PlannedStop(unit.id, site.id, days, _women(unit, site, days))
            if not _faults(problem, stay):
                yield stay


def _lengths(
    unit: PlanningUnit, site: PlanningSite, working: Sequence[date], first: int, *, any_length: bool
) -> list[int]:
    """How many of the days from the first one on a stay may take; nobody stays longer than the unit works at all."""
    days = working[first:]
    lengths = range(site.days_min, min(site.days_max, len(days)) + 1)
    if any_length:
        return list(lengths)
    due = site.women_due_for(unit)
    sufficient = (length for length in lengths if _women(unit, site, days[:length]) == due)
    shortest = next(sufficient, min(site.days_max, len(working)))
    return [shortest] if shortest in lengths else []


def _faults(problem: Problem, stay: PlannedStop) -> set[str]:
    return {violation.code for violation in check(problem, plan_of(problem, [stay]))} - SEEN_WITH_OTHER_STOPS


def _women(unit: PlanningUnit, site: PlanningSite, days: Sequence[date]) -> int:
    """As many as are due and can be examined, in each programme."""
    return sum(
        min(due, sum(unit.women_on(need, site.id, day, first=day == days[0]) for day in days))
        for need, due in site.needs_of(unit).items()
    )
