"""The sample region: its data, and the plan made of it."""

from datetime import date

import pytest

from mobile_units.planning import solver
from mobile_units.planning.check import check, terms
from mobile_units.planning.distances import matrix_for
from mobile_units.planning.problem import Key, Plan, PlannedStop, PlanningSite, PlanningUnit, Problem
from tests.planning.problems import plan_of
from tests.planning.sample import sample_problem, sample_rows

ROUNDS = 5_000
GREEDY_AT_LEAST = 10_300.0
AT_LEAST = 10_390.0
"""What the objective was when this was written, 10 356 and 10 404, less one or two in a thousand."""


@pytest.fixture(scope="module")
def asked() -> Problem:
    """The sample problem."""
    return sample_problem()


@pytest.fixture(scope="module")
def plan(asked: Problem) -> Plan:
    """A plan made in few rounds, for which there is time on the slowest machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solver, "ROUNDS_PER_SECOND", ROUNDS / 100)
        return solver.solve(asked, seconds=100)


def test_every_row_names_its_place_and_its_source() -> None:
    """Unique codes made of GeoNames ids, inhabitants, and coordinates within Łódzkie."""
    rows = sample_rows()
    assert len(rows) == len({row["code"] for row in rows}) == 189
    for row in rows:
        assert row["source"] == f"GeoNames {row['code'].removeprefix('GN')}, CC BY 4.0"
        assert row["name"] == row["locality"] != ""
        assert int(row["population"]) > 0
        assert 50.8 < float(row["lat"]) < 52.4
        assert 18.0 < float(row["lon"]) < 20.7


def test_the_judge_finds_nothing(asked: Problem, plan: Plan) -> None:
    """The plan can be carried out as it stands, and its terms are true."""
    assert plan.iterations > 0
    assert check(asked, plan) == []
    assert terms(asked, plan.stops).value == pytest.approx(plan.objective.value, abs=1e-6)


def test_every_unit_day_is_used_and_nearly_full(asked: Problem, plan: Plan) -> None:
    """The bound of full days everywhere cannot be reached, because set-up costs five women at every stop."""
    bound = sum(max(unit.women_per_day.values()) * len(asked.working_days(unit)) for unit in asked.units)
    assert plan.objective.unit_days_used == plan.objective.unit_days == 3 * 61
    assert plan.women >= 0.97 * bound


def test_the_plan_is_as_good_as_it_was(asked: Problem, plan: Plan) -> None:
    """Women reached less what the way is worth, in the greedy plan and in the plan found from there."""
    first = solver.greedy(asked).objective.value
    assert first >= GREEDY_AT_LEAST
    assert plan.objective.value >= AT_LEAST
    assert plan.objective.value > first


def test_the_plan_is_better_than_the_nearest_neighbour_rule(asked: Problem, plan: Plan) -> None:
    """By the 15 per cent that are asked for, and with no fewer women than if every unit goes to the nearest place."""
    by_hand = nearest_neighbour(asked)
    found = terms(asked, by_hand)
    assert check(asked, plan_of(asked, by_hand)) == []
    assert plan.objective.value >= 1.15 * found.value
    assert plan.women >= found.women


def nearest_neighbour(asked: Problem) -> list[PlannedStop]:
    """What a person does: the unit goes to the nearest place that nobody visited, stays until all are seen, and on."""
    matrix = matrix_for(asked).kilometres
    made: list[PlannedStop] = []
    for number, crew in enumerate(asked.units):
        here, days = number, asked.working_days(crew)
        visited = {stop.site_id for stop in made if stop.unit_id in _like(asked, crew)}
        while True:
            stays = [
                (matrix[here, len(asked.units) + row], row, stay)
                for row, site in enumerate(asked.sites)
                if site.id not in visited and (stay := _stay(crew, site, days)) is not None
            ]
            if not stays:
                break
            _, row, stay = min(stays, key=lambda each: each[:2])
            made.append(stay)
            visited.add(stay.site_id)
            here, days = len(asked.units) + row, days[len(stay.days) :]
    return made


def _like(asked: Problem, crew: PlanningUnit) -> set[Key]:
    """The units with the same equipment."""
    return {other.id for other in asked.units if other.programmes == crew.programmes}


def _stay(crew: PlanningUnit, site: PlanningSite, days: list[date]) -> PlannedStop | None:
    """The shortest stay that reaches all women due, or the longest."""
    (need, due), *_ = site.needs_of(crew).items()
    for length in range(1, site.days_max + 1):
        women = sum(crew.women_on(need, site.id, day, first=day == days[0]) for day in days[:length])
        if length <= len(days) and (women >= due or length == site.days_max):
            return PlannedStop(crew.id, site.id, tuple(days[:length]), min(women, due))
    return None
