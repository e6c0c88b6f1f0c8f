"""The sample region: its data, and the plan made of it."""

from itertools import pairwise

import pytest

from mobile_units.planning.check import check
from mobile_units.planning.distances import road_kilometres
from mobile_units.planning.problem import (
    Plan,
    PlanningUnit,
    Problem,
    coordinates,
    days_needed,
    women_within,
)
from mobile_units.planning.solver import solve
from tests.planning.sample import sample_problem, sample_rows


@pytest.fixture(scope="module")
def asked() -> Problem:
    """The sample problem."""
    return sample_problem()


@pytest.fixture(scope="module")
def plan(asked: Problem) -> Plan:
    """The plan that a user of the demo gets; it ends by itself long before its time is over."""
    return solve(asked, seconds=60)


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
    """The plan can be carried out as it stands."""
    assert check(asked, plan) == []


def test_every_unit_day_is_used_and_nearly_full(asked: Problem, plan: Plan) -> None:
    """The bound of full days everywhere cannot be reached, because set-up costs five women at every stop."""
    bound = sum(unit.women_per_day * len(asked.working_days(unit)) for unit in asked.units)
    assert plan.objective.unit_days_used == plan.objective.unit_days == 3 * 61
    assert plan.women >= 0.97 * bound


def test_the_plan_is_shorter_than_the_nearest_neighbour_rule(asked: Problem, plan: Plan) -> None:
    """A seventh fewer kilometres, and no fewer women, than when the fullest places are taken, nearest first."""
    women, km = nearest_neighbour(asked)
    assert plan.women >= women
    assert plan.km <= 6 / 7 * km


def nearest_neighbour(asked: Problem) -> tuple[int, float]:
    """Women and kilometres when the fullest places are chosen first and then visited nearest first.

    The unit with the most days left moves next, to the nearest chosen place of its programmes that fits its days.
    """
    km = road_kilometres(coordinates(asked.units, asked.sites), asked.road_factor)
    total_women, total_km = 0, 0.0
    for programmes in {unit.programmes for unit in asked.units}:
        rows = [row for row, unit in enumerate(asked.units) if unit.programmes == programmes]
        left = {row: len(asked.working_days(asked.units[row])) for row in rows}
        paths = {row: [row] for row in rows}
        chosen = fullest_places(asked, asked.units[rows[0]], sum(left.values()))
        while moves := [(-left[row], row) for row in rows if any(days <= left[row] for days, _ in chosen.values())]:
            row = min(moves)[1]
            fitting = [place for place, (days, _) in chosen.items() if days <= left[row]]
            place = min(fitting, key=lambda candidate, here=paths[row][-1]: km[here, candidate])  # type: ignore[misc]  # a default
            days, women = chosen.pop(place)
            left[row] -= days
            total_women += women
            paths[row].append(place)
        total_km += sum(float(km[a, b]) for row in rows for a, b in pairwise([*paths[row], row]))
    return total_women, total_km


def fullest_places(asked: Problem, unit: PlanningUnit, unit_days: int) -> dict[int, tuple[int, int]]:
    """Days and women by row, the places with most women per day first, until the unit-days are used up."""
    stays: list[tuple[float, int, int, int]] = []
    for row, site in enumerate(asked.sites, start=len(asked.units)):
        due = site.women_due_for(unit)
        if days := days_needed(unit, due, site.days_max):
            women = women_within(unit, due, days)
            stays.append((-women / days, row, days, women))
    chosen: dict[int, tuple[int, int]] = {}
    for _, row, days, women in sorted(stays):
        if days <= unit_days:
            unit_days -= days
            chosen[row] = (days, women)
    return chosen
