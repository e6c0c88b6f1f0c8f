"""The solver: hand-checked cases, brute force, and the judge on random problems."""

import random
from datetime import date
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_units.planning import solver
from mobile_units.planning.check import check
from mobile_units.planning.distances import road_kilometres
from mobile_units.planning.problem import (
    PlanningSite,
    PlanningUnit,
    Problem,
    Progress,
    coordinates,
    days_needed,
    women_within,
)
from mobile_units.planning.solver import solve
from mobile_units.rules.programmes import Programme
from tests.planning.meridian import FROM_51_TO_53, problem, site, unit

SECONDS = 20.0
PATIENCE = 150


def test_two_sites_and_a_holiday() -> None:
    """Three days and two days on the five working days, in one of the two equally long orders."""
    asked = problem([unit(1)], [site(10, 52.0, breast=170), site(20, 53.0, breast=100)])
    plan = solve(asked, seconds=SECONDS, patience=PATIENCE)
    days = tuple(date(2026, 11, day) for day in (9, 10, 12, 13, 16))
    assert {stop.site_id: stop.days for stop in plan.stops} in (
        {10: days[:3], 20: days[3:]},
        {20: days[:2], 10: days[2:]},
    )
    assert plan.women == 270
    assert plan.km == pytest.approx(1.3 * 2 * FROM_51_TO_53, abs=0.1)
    assert plan.unserved == ()
    assert (plan.objective.unit_days, plan.objective.unit_days_used, plan.objective.women_due) == (5, 5, 270)
    assert plan.objective.value == pytest.approx(270 - plan.km / 10)
    assert check(asked, plan) == []


def test_days_that_no_whole_stay_fits_are_filled() -> None:
    """Both places need three of the five days; the unit stays two days at one of them."""
    asked = problem([unit(1)], [site(10, 52.0, breast=170), site(20, 52.1, breast=170)])
    plan = solve(asked, seconds=SECONDS, patience=PATIENCE)
    assert sorted(len(stop.days) for stop in plan.stops) == [2, 3]
    assert plan.women == 170 + 110


def test_units_of_different_capacity_take_different_days_for_the_same_women() -> None:
    """The strong unit goes where the many are: 290 women in five days, of whom the weak one would reach 100."""
    units = [unit(1, per_day=20, first_day=20), unit(2, per_day=60, first_day=50)]
    asked = problem(units, [site(10, 51.5, breast=290), site(20, 51.5, breast=100)])
    plan = solve(asked, seconds=SECONDS, patience=PATIENCE)
    assert {(stop.unit_id, stop.site_id, stop.women) for stop in plan.stops} == {(1, 20, 100), (2, 10, 290)}


def test_a_combined_unit_takes_what_the_specialised_one_left() -> None:
    """The mammobus reaches 40 of 70 women in its day; the combined unit the other 30 and the 20 for cytology."""
    units = [unit(1, programmes=Programme, per_day=50, first_day=50), unit(2, per_day=40, first_day=40)]
    asked = problem(units, [site(10, 51.1, breast=70, cervical=20, days_max=1)], date(2026, 11, 9), date(2026, 11, 10))
    plan = solve(asked, seconds=SECONDS, patience=PATIENCE)
    assert [(stop.unit_id, stop.women) for stop in plan.stops] == [(2, 40), (1, 50)]
    assert check(asked, plan) == []


@pytest.mark.parametrize(
    "asked",
    [
        problem([], [site(10, 52.0, breast=100)]),
        problem([unit(1)], []),
        problem([unit(1)], [site(10, 52.0, cervical=100)]),
        problem([unit(1)], [site(10, 52.0, breast=100)], date(2026, 11, 11), date(2026, 11, 11)),
    ],
    ids=["no units", "no sites", "nobody due", "only a holiday"],
)
def test_nothing_to_plan_is_an_empty_plan(asked: Problem) -> None:
    """Every site has its reason all the same."""
    plan = solve(asked, seconds=SECONDS, patience=PATIENCE)
    assert (plan.stops, plan.women, plan.km) == ((), 0, 0)
    assert {entry.site_id for entry in plan.unserved} == {place.id for place in asked.sites}


def test_without_any_time_there_is_still_a_plan() -> None:
    """The greedy one."""
    asked = problem([unit(1)], [site(10, 52.0, breast=170), site(20, 52.1, breast=100)])
    plan = solve(asked, seconds=0)
    assert plan.women == 270
    assert check(asked, plan) == []


def random_problem(seed: int, units: int = 3, sites: int = 12) -> Problem:
    """Units of several kinds and places all over a region, in the weeks around Independence Day."""
    chance = random.Random(seed)  # noqa: S311 - repeatable test data, no secret
    programmes = ([Programme.BREAST], [Programme.CERVICAL], list(Programme))
    return Problem(
        date(2026, 11, 2),
        date(2026, 11, chance.randint(6, 27)),
        tuple(
            PlanningUnit(
                id=number,
                name=f"Unit {number}",
                latitude=chance.uniform(51, 52),
                longitude=chance.uniform(18, 20),
                programmes=frozenset(chance.choice(programmes)),
                women_per_day=(per_day := chance.choice([20, 40, 60])),
                women_on_first_day=per_day - chance.choice([0, 5, 20]),
                weekdays=frozenset(chance.sample(range(1, 8), chance.randint(1, 6))),
            )
            for number in range(1, units + 1)
        ),
        tuple(
            PlanningSite(
                id=number,
                name=f"Site {number}",
                latitude=chance.uniform(51, 52),
                longitude=chance.uniform(18, 20),
                women_due={programme: chance.choice([0, 3, 50, 120, 400]) for programme in Programme},
                days_max=chance.randint(1, 6),
            )
            for number in range(1, sites + 1)
        ),
    )


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_the_judge_finds_nothing_in_what_the_solver_made(seed: int) -> None:
    """And every site where women are due for a programme is served or explained."""
    asked = random_problem(seed)
    plan = solve(asked, seconds=SECONDS, patience=40)
    assert check(asked, plan) == []
    explained = {(entry.site_id, entry.programme) for entry in plan.unserved}
    units = {crew.id: crew for crew in asked.units}
    served = {(stop.site_id, programme) for stop in plan.stops for programme in units[stop.unit_id].programmes}
    due = {(place.id, programme) for place in asked.sites for programme in Programme if place.women_due[programme]}
    assert due <= served | explained
    assert not served & explained


@pytest.mark.parametrize("seed", range(6))
def test_one_unit_does_as_well_as_brute_force(seed: int) -> None:
    """Every order of every choice of five places, each for its whole stay."""
    base = random_problem(seed, units=1, sites=5)
    crew = unit(1, latitude=51.5)
    asked = Problem(base.first_day, base.last_day, (crew,), base.sites)
    plan = solve(asked, seconds=SECONDS, patience=PATIENCE)
    assert plan.objective.value >= brute_force(asked, crew) - 0.01


def brute_force(asked: Problem, crew: PlanningUnit) -> float:
    """The best objective of any sequence of whole stays that fits the working days."""
    km = road_kilometres(coordinates(asked.units, asked.sites), asked.road_factor)
    horizon = len(asked.working_days(crew))
    days = [days_needed(crew, place.women_due_for(crew), min(place.days_max, horizon)) for place in asked.sites]
    women = [women_within(crew, place.women_due_for(crew), days[n]) for n, place in enumerate(asked.sites)]
    best = 0.0
    for count in range(1, len(asked.sites) + 1):
        for order in permutations(range(len(asked.sites)), count):
            if sum(days[n] for n in order) <= horizon:
                path = [0, *(n + 1 for n in order), 0]
                driven = sum(km[path[leg], path[leg + 1]] for leg in range(len(path) - 1))
                best = max(best, sum(women[n] for n in order) - driven / asked.km_per_woman)
    return best


def test_the_same_seed_gives_the_same_plan() -> None:
    """Stops, order and kilometres; the seed is told in the plan."""
    asked = random_problem(7, units=3, sites=40)
    one, other = (solve(asked, seconds=SECONDS, seed=5, patience=PATIENCE) for _ in range(2))
    assert (one.stops, one.km, one.seed) == (other.stops, other.km, 5)


def test_progress_is_told_while_the_search_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Women and kilometres of the best plan so far, never worse than before."""
    monkeypatch.setattr(solver, "SECONDS_BETWEEN_REPORTS", 0.0)
    reports: list[Progress] = []
    asked = random_problem(3, units=1, sites=40)
    plan = solve(asked, seconds=SECONDS, patience=PATIENCE, progress=reports.append)
    values = [report.women - report.km / asked.km_per_woman for report in reports]
    assert [report.iterations for report in reports] == sorted(report.iterations for report in reports)
    assert values == pytest.approx(sorted(values), abs=0.02)
    assert 0 < reports[-1].women <= plan.women
    assert reports[-1].seconds <= plan.seconds


def test_a_search_is_cancelled_by_raising_from_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exception reaches the caller."""
    monkeypatch.setattr(solver, "SECONDS_BETWEEN_REPORTS", 0.0)

    def cancel(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve(random_problem(3, units=1, sites=40), seconds=SECONDS, progress=cancel)
