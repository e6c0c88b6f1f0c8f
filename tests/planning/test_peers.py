"""The peers of the planner's benchmark: what they make is judged like any plan, so it must keep every rule."""

import pytest

from mobile_units.planning.check import check, terms
from mobile_units.planning.problem import PlannedStop, Problem
from tests.benchmarks import planner, planner_nearest, planner_ortools
from tests.benchmarks.planner_instances import COUNTRY, REGION, Size, places, problem_of

SMALL = Size("some sites", 80, 3, 1)


@pytest.fixture(scope="module", params=range(3))
def problem(request: pytest.FixtureRequest) -> Problem:
    """Eighty sites and three units with windows, days off, closed days, alternatives and reach."""
    return problem_of(SMALL, seed=request.param)


def test_the_same_seed_gives_the_same_problem() -> None:
    """Figures of two runs are about the same problem."""
    assert problem_of(SMALL, seed=1) == problem_of(SMALL, seed=1) != problem_of(SMALL, seed=2)


def test_the_country_has_all_gminas() -> None:
    """A site and its coordinates for each of the 2,477 gminas, in all 16 voivodeships."""
    assert COUNTRY.sites == len(places()) == len({place.geonames_id for place in places()}) == 2_477
    assert len({place.region for place in places()}) == COUNTRY.regions == 16


def test_not_everybody_can_be_reached(problem: Problem) -> None:
    """Women due exceed the capacity of the fleet, so the choice of places matters."""
    capacity = sum(sum(unit.women_per_day.values()) * len(problem.working_days(unit)) for unit in problem.units)
    assert sum(sum(site.women_due.values()) for site in problem.sites) > capacity


def test_nearest_neighbour_keeps_the_rules(problem: Problem) -> None:
    """A plan of a person's rule, with a stop for every unit."""
    stops = planner_nearest.plan(problem)
    assert check(problem, planner.plan_of(problem, stops)) == []
    assert {stop.unit_id for stop in stops} == {unit.id for unit in problem.units}


@pytest.mark.parametrize("setting", planner_ortools.SETTINGS, ids=lambda setting: setting.name)
def test_ortools_keeps_the_rules(problem: Problem, setting: planner_ortools.Setting) -> None:
    """A plan of each setting, better than the rule of a person."""
    stops = planner_ortools.plan(problem, 1.0, setting)
    assert check(problem, planner.plan_of(problem, stops)) == []
    assert _value(problem, stops) > _value(problem, planner_nearest.plan(problem))


def test_the_best_plan_known_is_one_of_the_region() -> None:
    """It keeps the rules and is worth what is said of it."""
    assert planner.best_known(problem_of(REGION)) > 0


def test_the_best_plan_of_another_problem_is_refused() -> None:
    """A change of the problems asks for a new search."""
    with pytest.raises(ValueError, match="another problem"):
        planner.best_known(problem_of(REGION, seed=1))


def _value(problem: Problem, stops: list[PlannedStop]) -> float:
    return terms(problem, stops).value
