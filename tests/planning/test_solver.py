"""The solver: the judge on random problems, brute force on tiny ones, and a case by hand for every constraint."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mobile_units.planning import solver
from mobile_units.planning.check import check, terms
from mobile_units.planning.problem import (
    GREEDY,
    Capacity,
    Limit,
    Matrix,
    Period,
    Plan,
    PlannedStop,
    PlanningSite,
    Problem,
    Progress,
    Roads,
    Weights,
)
from mobile_units.planning.solver import SOLVER, greedy, solve
from mobile_units.planning.violations import Violation
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule
from tests.planning.brute import optimum
from tests.planning.meridian import FROM_51_TO_52, FROM_51_TO_53, problem, site, unit
from tests.planning.problems import plan_of, problems, tiny_problems
from tests.planning.sample import sample_problem

SECONDS = 10.0
ROUNDS_PER_SECOND = 100
"""Few rounds and much time for them: the clock ends no search, on the slowest machine."""

BREAST, CERVICAL = Programme.BREAST, Programme.CERVICAL


def november(*days: int) -> tuple[date, ...]:
    """Days of November 2026."""
    return tuple(date(2026, 11, day) for day in days)


WORKING = november(9, 10, 12, 13, 16)
"""The working days of the problems on the meridian."""


@pytest.fixture(scope="module", autouse=True)
def _few_rounds() -> Iterator[None]:
    """As many rounds in every search as the tests need."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solver, "ROUNDS_PER_SECOND", ROUNDS_PER_SECOND)
        yield


# the judge on random problems


@given(problems())
@settings(max_examples=150, deadline=None)
def test_the_judge_finds_nothing_in_what_the_solver_made(asked: Problem) -> None:
    """Nor in the greedy plan; both state their true terms, and explain what they leave out."""
    for plan in (greedy(asked), solve(asked, seconds=SECONDS)):
        assert check(asked, plan) == []
        assert_terms(asked, plan)
        assert_explained(asked, plan)
        assert not Counter(asked.fixed) - Counter(plan.stops)


@st.composite
def problems_with_bad_stops(draw: st.DrawFn) -> Problem:
    """Published stops that break the rules of today: on any days, some of them outside the period, or not permitted."""
    asked = draw(problems(fixed=0))
    length = (asked.last_day - asked.first_day).days + 1
    fixed: list[PlannedStop] = []
    for _ in range(draw(st.integers(1, 3))):
        numbers = draw(st.sets(st.integers(-3, length + 2), min_size=1, max_size=4))
        days = tuple(asked.first_day + timedelta(days=number) for number in sorted(numbers))
        if not any(0 <= number < length for number in numbers):
            continue
        crew, place = draw(st.sampled_from(asked.units)), draw(st.sampled_from(asked.sites))
        stop = PlannedStop(crew.id, place.id, days, draw(st.sampled_from((0, 30, 100))))
        if all(_are_apart(stop, other) for other in fixed):
            fixed.append(stop)
    return replace(asked, fixed=tuple(fixed))


def _are_apart(one: PlannedStop, other: PlannedStop) -> bool:
    """Whether one unit could make both, the one after the other."""
    return one.unit_id != other.unit_id or one.days[-1] < other.days[0] or other.days[-1] < one.days[0]


@given(problems_with_bad_stops())
@settings(max_examples=100, deadline=None)
def test_what_is_fixed_is_kept_however_bad_it_is(asked: Problem) -> None:
    """Nothing is wrong with the plan that is not wrong with the fixed stops."""
    known = {kind(found) for found in check(asked, plan_of(asked, list(asked.fixed)))}
    for plan in (greedy(asked), solve(asked, seconds=SECONDS)):
        assert not Counter(asked.fixed) - Counter(plan.stops)
        assert {kind(found) for found in check(asked, plan)} <= known
        assert_terms(asked, plan)


def kind(found: Violation) -> tuple[object, ...]:
    """What is wrong with whom; whom it is told of depends on the order of stops where several are involved."""
    if found.code in {"gap_too_short", "two_alternatives"}:
        return (found.code,)
    on_the_way = found.code in {"relocation_too_long", "travel_does_not_fit"}
    return found.code, found.unit_id, None if on_the_way else found.site_id


def assert_terms(asked: Problem, plan: Plan) -> None:
    """Every term that the plan states is the one that the judge works out."""
    found = terms(asked, plan.stops)
    for term in fields(found):
        stated, true = getattr(plan.objective, term.name), getattr(found, term.name)
        assert stated == (true if term.name == "weights" else pytest.approx(true, abs=1e-6)), term.name
    assert (plan.women, plan.km) == (plan.objective.women, plan.objective.km)


def assert_explained(asked: Problem, plan: Plan) -> None:
    """Whoever is due is served or told why not."""
    units = {crew.id: crew for crew in asked.units}
    places = {place.id: place for place in asked.sites}
    served = {
        (stop.site_id, need) for stop in plan.stops for need in places[stop.site_id].needs_of(units[stop.unit_id])
    }
    due = {(place.id, need) for place in asked.sites for need, women in place.women_due.items() if women}
    nobody = {(place.id, None) for place in asked.sites if not any(place.women_due.values())}
    assert {(entry.site_id, entry.programme) for entry in plan.unserved} == (due - served) | nobody


@pytest.mark.parametrize(
    "asked",
    [
        problem([], []),
        problem([], [site(10, 52.0, breast=100)]),
        problem([unit(1)], []),
        problem([unit(1)], [site(10, 52.0, cervical=100)]),
        problem([unit(1)], [site(10, 52.0)]),
        problem([unit(1)], [site(10, 52.0, breast=100)], date(2026, 11, 11), date(2026, 11, 11)),
        problem([unit(1, weekdays=frozenset())], [site(10, 52.0, breast=100)]),
        problem([unit(1, unavailable=(Period(*november(1, 30)),))], [site(10, 52.0, breast=100)]),
        problem([unit(1, site_ids=frozenset({99}))], [site(10, 52.0, breast=100), site(20, 52.0, breast=100)]),
        problem([unit(1, capacities=(Capacity({BREAST: 0}),))], [site(10, 52.0, breast=100)]),
    ],
    ids=[
        "nothing at all",
        "no units",
        "no sites",
        "not offered",
        "nobody due",
        "only a holiday",
        "no weekdays",
        "unavailable",
        "no permits",
        "no capacity",
    ],
)
def test_nothing_to_plan_is_an_empty_plan(asked: Problem) -> None:
    """Every site has its reason all the same."""
    for plan in (greedy(asked), solve(asked, seconds=SECONDS)):
        assert (plan.stops, plan.women, plan.km) == ((), 0, 0)
        assert check(asked, plan) == []
        assert_terms(asked, plan)
        assert_explained(asked, plan)


# tiny problems, by brute force


def calm(asked: Problem) -> Problem:
    """The problem without what the search does not try: to wait for another crew or a weekend."""
    units = tuple(
        replace(crew, capacities=tuple(each for each in crew.capacities if each.period is None)) for crew in asked.units
    )
    return replace(asked, units=units, roads=replace(asked.roads, drive_hours=6.0))


@pytest.mark.parametrize(("are_calm", "share"), [(True, 0.8), (False, 0.7)], ids=["calm", "any"])
def test_tiny_problems_are_solved_to_the_optimum(*, are_calm: bool, share: float) -> None:
    """In so many of them, and in none better than the best."""
    best: list[bool] = []

    @given(tiny_problems())
    @settings(
        max_examples=100,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def solve_one(drawn: Problem) -> None:
        asked = calm(drawn) if are_calm else drawn
        value, stops = optimum(asked)
        found = solve(asked, seconds=SECONDS).objective.value
        assert found <= value + 1e-6
        if set(stops) != set(asked.fixed):
            best.append(found >= value - 1e-6)

    solve_one()
    assert len(best) >= 25
    assert sum(best) >= share * len(best)


# every constraint by hand


@dataclass(frozen=True)
class Case:
    """A problem without and with a rule; `code` is what is wrong with the first plan under the rule."""

    code: str
    without: Problem
    under: Problem
    stops: set[tuple[int, int, tuple[date, ...], int]]


def alone(**rules: Any) -> Problem:
    """One unit and one place near its base, where 110 women take two days; `rules` are of the unit."""
    return problem([unit(1, **rules)], [site(10, 51.1, breast=110)])


def at(**rules: Any) -> Problem:
    """The same; `rules` are of the place."""
    return problem([unit(1)], [site(10, 51.1, **{"breast": 110} | rules)])


def two(first: PlanningSite, second: PlanningSite, **rules: Any) -> Problem:
    """One unit and two places; `rules` are of the problem."""
    return problem([unit(1)], [first, second], **rules)


FREE = alone()
LATER = {(1, 10, november(12, 13), 110)}
NOWHERE: set[tuple[int, int, tuple[date, ...], int]] = set()
ALL_PERIOD = Period(*november(9, 16))
TWO_CREWS = [unit(1), unit(2, latitude=51.5)]
BY_THE_SECOND = {(2, 10, november(9, 10), 110)}


def crews(**rules: Any) -> Problem:
    """The first of two units, to which the place is nearer, has `rules`; the place has no power."""
    places = [site(10, 51.1, breast=110, region="10", lacks=frozenset({"power"}))]
    return problem([unit(1, **rules), TWO_CREWS[1]], places)


NEAR = site(10, 51.0, breast=50, latest=november(9)[0])
FAR = site(20, 54.0, breast=150)
AGAIN = site(10, 51.1, breast=110, days_max=1, visits_max=2)
FIXED = PlannedStop(1, 10, november(12, 13), 110)
CLOSE = 10.0 * (1 - np.eye(3))

CASES = {
    "weekdays of the unit": Case("not_a_weekday_of_unit", FREE, alone(weekdays=frozenset({4, 5})), LATER),
    "unavailable unit": Case("unit_unavailable", FREE, alone(unavailable=(Period(*november(9, 10)),)), LATER),
    "earliest": Case("outside_window", FREE, at(earliest=november(11)[0]), LATER),
    "latest": Case(
        "outside_window",
        two(site(10, 51.1, breast=110), site(20, 51.2, breast=110, latest=november(10)[0])),
        two(site(10, 51.1, breast=110, latest=november(10)[0]), site(20, 51.2, breast=110, latest=november(10)[0])),
        {(1, 10, november(9, 10), 110)},
    ),
    "weekdays of the place": Case("not_a_weekday_of_site", FREE, at(weekdays=frozenset({4, 5})), LATER),
    "blackout": Case("blackout", FREE, at(blackouts=(Period(*november(8, 10)),)), LATER),
    "shortest stay": Case("stay_too_short", at(breast=20), at(breast=20, days_min=2), {(1, 10, november(9, 10), 20)}),
    "longest stay": Case("stay_too_long", FREE, at(days_max=1), {(1, 10, november(9), 50)}),
    "women due": Case("above_women_due", FREE, at(breast=105), {(1, 10, november(9, 10), 105)}),
    "women per day": Case("above_capacity", FREE, alone(per_day=50, first_day=50), {(1, 10, november(9, 10, 12), 110)}),
    "set-up on the first day": Case("above_capacity", FREE, alone(first_day=40), {(1, 10, november(9, 10, 12), 110)}),
    "women per day at a place": Case(
        "above_capacity",
        FREE,
        alone(capacities=(Capacity({BREAST: 48}, 10),)),
        {(1, 10, november(9, 10, 12), 110)},
    ),
    "women per day of another crew": Case(
        "above_capacity",
        FREE,
        alone(capacities=(Capacity({BREAST: 30}, None, Period(*november(9, 10))),)),
        {(1, 10, november(9, 10, 12), 110)},
    ),
    "period": Case(
        "outside_period",
        two(site(10, 51.1, breast=290), site(20, 51.1, breast=280), last=november(30)[0]),
        two(site(10, 51.1, breast=290), site(20, 51.1, breast=280)),
        {(1, 10, WORKING, 290)},
    ),
    "regions": Case("not_permitted", crews(), crews(regions=frozenset({"14"})), BY_THE_SECOND),
    "region unknown": Case(
        "region_unknown",
        problem(TWO_CREWS, [site(10, 51.1, breast=110)]),
        problem([unit(1, regions=frozenset({"10"})), TWO_CREWS[1]], [site(10, 51.1, breast=110)]),
        BY_THE_SECOND,
    ),
    "places permitted": Case("not_permitted", crews(), crews(site_ids=frozenset({99})), BY_THE_SECOND),
    "logistics": Case("logistics_missing", crews(), crews(needs=frozenset({"power"})), BY_THE_SECOND),
    "equipment": Case("programme_not_offered", crews(), crews(programmes=[CERVICAL]), BY_THE_SECOND),
    "one place at a time": Case(
        "unknown_unit",
        problem([unit(1), unit(2)], [site(10, 51.1, breast=290), site(20, 51.1, breast=280)]),
        two(site(10, 51.1, breast=290), site(20, 51.1, breast=280)),
        {(1, 10, WORKING, 290)},
    ),
    "longest relocation": Case(
        "relocation_too_long",
        problem([unit(1)], [site(10, 52.0, breast=110)]),
        problem([unit(1, max_relocation_km=100.0)], [site(10, 52.0, breast=110)]),
        NOWHERE,
    ),
    "longest relocation home": Case(
        "relocation_too_long",
        two(site(10, 51.7, breast=110), site(20, 52.4, breast=110)),
        problem([unit(1, max_relocation_km=110.0)], [site(10, 51.7, breast=110), site(20, 52.4, breast=110)]),
        {(1, 10, november(9, 10), 110)},
    ),
    "time for the drive": Case(
        "travel_does_not_fit",
        two(NEAR, FAR, roads=Roads(drive_hours=24.0)),
        two(NEAR, FAR, roads=Roads(drive_hours=6.0)),
        {(1, 10, november(9), 50), (1, 20, november(12, 13, 16), 150)},
    ),
    "hours of a matrix": Case(
        "travel_does_not_fit",
        two(NEAR, FAR, matrix=Matrix(CLOSE)),
        two(NEAR, FAR, matrix=Matrix(CLOSE, CLOSE * 1.3)),
        {(1, 10, november(9), 50), (1, 20, november(12, 13, 16), 150)},
    ),
    "home in the evening": Case(
        "travel_does_not_fit",
        problem([unit(1)], [site(10, 52.5, breast=110)]),
        problem([unit(1, home_rule=HomeRule.HOME_DAILY)], [site(10, 52.5, breast=110)]),
        NOWHERE,
    ),
    "home on the weekend": Case(
        "travel_does_not_fit",
        problem([unit(1)], [site(10, 55.0, breast=500)]),
        problem([unit(1, home_rule=HomeRule.HOME_ON_WEEKENDS)], [site(10, 55.0, breast=500)]),
        NOWHERE,
    ),
    "one of several places": Case(
        "two_alternatives",
        two(site(10, 51.1, breast=110), site(20, 51.1, breast=100)),
        two(site(10, 51.1, breast=110, group="a gmina"), site(20, 51.1, breast=100, group="a gmina")),
        {(1, 10, november(9, 10), 110)},
    ),
    "visits": Case(
        "visited_too_often",
        problem([unit(1)], [AGAIN]),
        problem([unit(1)], [replace(AGAIN, visits_max=1)]),
        {(1, 10, november(9), 50)},
    ),
    "gap between visits": Case(
        "gap_too_short",
        problem([unit(1)], [AGAIN]),
        problem([unit(1)], [replace(AGAIN, gap_days=5)]),
        {(1, 10, november(9), 50), (1, 10, november(16), 50)},
    ),
    "gap since the last visit": Case("gap_too_short", FREE, at(last_visit=november(6)[0], gap_days=4), LATER),
    "contract": Case(
        "above_contract",
        two(site(10, 51.1, breast=50), site(20, 51.1, breast=40)),
        two(
            site(10, 51.1, breast=50),
            site(20, 51.1, breast=40),
            limits=(Limit("X", BREAST, frozenset({1}), ALL_PERIOD, 89),),
        ),
        {(1, 10, november(9), 50)},
    ),
    "contract of a combined unit": Case(
        "above_contract",
        problem([unit(1, programmes=Programme)], [site(10, 51.1, breast=50, cervical=20)]),
        problem(
            [unit(1, programmes=Programme)],
            [site(10, 51.1, breast=50, cervical=20)],
            limits=(Limit("X", CERVICAL, frozenset({1}), ALL_PERIOD, 19),),
        ),
        NOWHERE,
    ),
    "contract of one unit": Case(
        "above_contract",
        crews(),
        replace(crews(), limits=(Limit("X", BREAST, frozenset({1}), ALL_PERIOD, 109),)),
        BY_THE_SECOND,
    ),
    "contract that ends": Case(
        "above_contract",
        FREE,
        replace(FREE, limits=(Limit("X", BREAST, frozenset({1}), Period(*november(9, 10)), 109),)),
        {(1, 10, november(12, 13), 110)},
    ),
    "two contracts that end": Case(
        "above_contract",
        two(NEAR, site(20, 51.1, breast=50)),
        two(
            NEAR,
            site(20, 51.1, breast=50),
            limits=(
                Limit("X", BREAST, frozenset({1}), Period(*november(9, 10)), 60),
                Limit("Y", BREAST, frozenset({1}), Period(*november(12, 15)), 49),
            ),
        ),
        {(1, 10, november(9), 50), (1, 20, november(16), 50)},
    ),
    "fixed stops": Case("fixed_stop_changed", FREE, replace(FREE, fixed=(FIXED,)), LATER),
}


@pytest.mark.parametrize("name", CASES)
def test_every_constraint_binds_and_is_obeyed(name: str) -> None:
    """Without the rule the plan is another, which breaks it."""
    case = CASES[name]
    free, plan = solve(case.without, seconds=SECONDS), solve(case.under, seconds=SECONDS)
    assert {(stop.unit_id, stop.site_id, stop.days, stop.women) for stop in plan.stops} == case.stops
    assert check(case.under, plan) == []
    assert check(case.without, free) == []
    assert case.code in {found.code for found in check(case.under, free)}


def test_a_stay_goes_on_after_a_holiday_and_a_weekend() -> None:
    """Independence Day is a Wednesday; with five days of work the stay ends on the Monday after."""
    plan = solve(at(breast=290), seconds=SECONDS)
    assert [(stop.days, stop.women) for stop in plan.stops] == [(WORKING, 290)]


@pytest.mark.parametrize(
    ("rule", "km", "km_crews"),
    [
        (HomeRule.STAYS_OUT, 2, 2),
        (HomeRule.HOME_ON_WEEKENDS, 4, 0),
        (HomeRule.HOME_DAILY, 10, 0),
    ],
)
def test_where_the_unit_spends_its_nights_is_what_is_driven(rule: HomeRule, km: int, km_crews: int) -> None:
    """Five days with a weekend in between, 144.6 kilometres from the base: whoever goes home drives there and back."""
    asked = problem([unit(1, home_rule=rule)], [site(10, 52.0, breast=290)])
    plan = solve(asked, seconds=SECONDS)
    way = 1.3 * FROM_51_TO_52
    assert (plan.km, plan.objective.km_crews) == pytest.approx((km * way, km_crews * way), abs=0.1)
    assert plan.women == 290


@pytest.mark.parametrize("days", [november(6, 9), november(5, 6, 9), november(13, 16, 17), november(16, 17, 20, 23)])
@pytest.mark.parametrize("rule", HomeRule)
def test_a_fixed_stop_may_reach_beyond_the_period(rule: HomeRule, days: tuple[date, ...]) -> None:
    """All its days count, and the weekends among them; the others go around it."""
    asked = two(site(10, 51.5, breast=250), site(20, 51.1, breast=50))
    stop = PlannedStop(1, 10, days, 100)
    asked = replace(asked, units=(unit(1, home_rule=rule),), fixed=(stop,))
    plan = solve(asked, seconds=SECONDS)
    (other,) = set(plan.stops) - {stop}
    assert (other.site_id, len(other.days), len(plan.stops)) == (20, 1, 2)
    assert not set(other.days) & set(days)
    assert_terms(asked, plan)


def test_two_sites_and_a_holiday() -> None:
    """Three days and two days on the five working days, in one of the two equally long orders."""
    asked = two(site(10, 52.0, breast=170), site(20, 53.0, breast=100))
    plan = solve(asked, seconds=SECONDS)
    assert {stop.site_id: stop.days for stop in plan.stops} in (
        {10: WORKING[:3], 20: WORKING[3:]},
        {20: WORKING[:2], 10: WORKING[2:]},
    )
    assert plan.km == pytest.approx(1.3 * 2 * FROM_51_TO_53, abs=0.1)
    assert plan.unserved == ()
    assert (plan.women, plan.objective.unit_days_used, plan.objective.women_due) == (270, 5, 270)


def test_a_one_way_road_decides_the_order() -> None:
    """With a matrix the distances are those of the way that is driven."""
    asked = two(site(10, 52.0, breast=50), site(20, 53.0, breast=50))
    for order in ((1, 2), (2, 1)):
        plan = solve(replace(asked, matrix=one_way((0, *order, 0))), seconds=SECONDS)
        assert [stop.site_id for stop in sorted(plan.stops, key=lambda stop: stop.days)] == [10 * n for n in order]
        assert plan.km == 30.0


def one_way(places: Iterable[int]) -> Matrix:
    """Ten kilometres from one of the places to the next one, a hundred between any others."""
    kilometres = np.full((3, 3), 100.0)
    for start, end in pairwise(places):
        kilometres[start, end] = 10.0
    return Matrix(kilometres)


# the objective


def served_of(asked: Problem) -> list[tuple[object, object]]:
    """Who goes where in the plan of a problem; it takes many rounds until the second best unit is tried twice."""
    return sorted((stop.unit_id, stop.site_id) for stop in solve(asked, seconds=20 * SECONDS).stops)


def test_the_women_who_count_more_come_first() -> None:
    """There are days for one of the places only."""
    places = [site(10, 51.1, breast=290), site(20, 51.1, breast=290)]
    heavy = [site(10, 51.1, breast=290, weight=0.5), site(20, 51.1, breast=290)]
    light = [site(10, 51.1, breast=290), site(20, 51.1, breast=290, weight=0.5)]
    assert len(served_of(problem([unit(1)], places))) == 1
    assert served_of(problem([unit(1)], heavy)) == [(1, 20)]
    assert served_of(problem([unit(1)], light)) == [(1, 10)]


def test_women_must_be_worth_the_way() -> None:
    """Twenty women and 289 kilometres."""
    asked = problem([unit(1)], [site(10, 52.0, breast=20)], roads=Roads(crew_commute_km=0.0))
    assert served_of(asked) == []
    assert served_of(replace(asked, weights=Weights(km_per_woman=20.0))) == [(1, 10)]


def test_the_way_of_the_crew_counts() -> None:
    """Five days within reach of the base: 434 kilometres of the crew, or as many nights in lodgings and no way."""
    asked = problem([unit(1)], [site(10, 51.3, breast=50, days_min=5)])
    assert served_of(asked) == [(1, 10)]
    assert served_of(replace(asked, weights=Weights(crew_km_share=1.0, km_per_woman=9.0))) == []


def test_the_load_is_shared_where_that_is_worth_more_than_the_way() -> None:
    """The second unit stands a little farther away."""
    asked = problem([unit(1), unit(2, latitude=50.9)], [site(10, 51.5, breast=50), site(20, 51.5, breast=50)])
    assert served_of(asked) == [(1, 10), (1, 20)]
    shared = served_of(replace(asked, weights=Weights(women_per_uneven_day=60.0)))
    assert {crew for crew, _ in shared} == {1, 2}


def test_the_unit_with_the_nearer_base_goes() -> None:
    """The bases are at 51.0 and 51.5 degrees."""
    for latitude, crew in ((51.1, 1), (51.4, 2)):
        assert served_of(problem(TWO_CREWS, [site(10, latitude, breast=110)])) == [(crew, 10)]


def test_units_of_different_capacity_take_different_days_for_the_same_women() -> None:
    """The strong unit goes where the many are: 290 women in five days, of whom the weak one would reach 100."""
    units = [unit(1, per_day=20, first_day=20), unit(2)]
    plan = solve(problem(units, [site(10, 51.5, breast=290), site(20, 51.5, breast=100)]), seconds=SECONDS)
    assert {(stop.unit_id, stop.site_id, stop.women) for stop in plan.stops} == {(1, 20, 100), (2, 10, 290)}


def test_all_women_of_a_place_are_reached_in_several_visits() -> None:
    """Three stays of a day each, one after the other, and no woman twice."""
    asked = at(breast=140, days_max=1, visits_max=3)
    plan = solve(asked, seconds=SECONDS)
    assert [stop.women for stop in plan.stops] == [50, 50, 40]
    assert check(asked, plan) == []


# time, chance and progress


def test_without_any_time_there_is_still_a_plan() -> None:
    """The greedy one."""
    asked = sample_problem()
    plan = solve(asked, seconds=0)
    assert plan.iterations == 0
    assert plan.stops == greedy(asked).stops
    assert check(asked, plan) == []


def test_a_plan_names_its_method_and_its_seed() -> None:
    """And how long it took."""
    plans = greedy(FREE, 3), solve(FREE, seconds=SECONDS, seed=4)
    assert [(plan.solver, plan.seed) for plan in plans] == [(GREEDY, 3), (SOLVER, 4)]
    assert 0 == plans[0].iterations < plans[1].iterations
    assert all(plan.seconds > 0 for plan in plans)


@given(problems())
@settings(max_examples=15, deadline=None)
def test_the_same_seed_gives_the_same_plan(asked: Problem) -> None:
    """Stops, order and terms."""
    one, other = (solve(asked, seconds=SECONDS, seed=5) for _ in range(2))
    assert (one.stops, one.objective, one.iterations) == (other.stops, other.objective, other.iterations)


def test_another_seed_may_give_another_plan() -> None:
    """On a problem large enough that chance matters."""
    asked = sample_problem()
    assert len({solve(asked, seconds=SECONDS, seed=seed).stops for seed in range(1, 5)}) > 1


IN_A_CHILD = """
import sys
from mobile_units.planning import solver
from tests.planning.test_solver import words_everywhere
solver.ROUNDS_PER_SECOND = 10
plan = solver.solve(words_everywhere(), seconds=100, seed=7)
sys.stdout.write(f"{plan.iterations} {plan.objective!r} {plan.stops!r}")
"""


def test_the_same_seed_gives_the_same_plan_in_every_process() -> None:
    """Sets of words are iterated in another order in each of them."""
    told = {in_a_child(hash_seed) for hash_seed in (0, 1)}
    assert len(told) == 1
    assert "PlannedStop" in told.pop()


def words_everywhere() -> Problem:
    """Many places of the sample, with words for keys, groups, regions and permits."""
    asked = sample_problem()
    places = tuple(
        replace(
            place,
            id=f"S{place.id}",
            group=f"gmina {number % 37}" if number % 3 == 0 else None,
            region=("10", "14")[number % 2],
            lacks=frozenset(("power", "water", "toilets")[: number % 4]),
            visits_max=1 + number % 2,
            gap_days=14,
        )
        for number, place in enumerate(asked.sites)
    )
    ids = frozenset(place.id for place in places)
    units = tuple(
        replace(crew, id=f"U{crew.id}", regions=frozenset({"10", "14"}), site_ids=ids, needs=frozenset({"toilets"}))
        for crew in asked.units
    )
    limit = Limit("X", BREAST, frozenset({"U1", "U2"}), Period(asked.first_day, asked.last_day), 5_000)
    combined = replace(
        units[0], id="U4", women_per_day=dict.fromkeys(Programme, 40), women_on_first_day=dict.fromkeys(Programme, 35)
    )
    return replace(asked, units=(*units, combined), sites=places, limits=(limit,))


def in_a_child(hash_seed: int) -> str:
    """What another process says of the same problem."""
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    ran = subprocess.run(
        [sys.executable, "-c", IN_A_CHILD], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return ran.stdout


def test_progress_is_told_while_the_search_runs() -> None:
    """The best plan so far, never worse than before; the plan is the last of them."""
    reports: list[Progress] = []
    plan = solve(sample_problem(), seconds=SECONDS, progress=reports.append)
    values = [report.value for report in reports]
    assert len(reports) > 2
    assert values == sorted(values)
    assert values[-1] > values[0]
    assert [report.iterations for report in reports] == sorted({report.iterations for report in reports})
    assert [report.seconds for report in reports] == sorted(report.seconds for report in reports)
    assert values[-1] == pytest.approx(plan.objective.value)
    assert reports[-1].women == plan.women
    assert reports[-1].km == pytest.approx(plan.km, abs=0.1)


def test_a_search_is_cancelled_by_raising_from_progress() -> None:
    """The exception reaches the caller, and nothing goes on."""
    reports: list[Progress] = []

    def cancel(report: Progress) -> None:
        reports.append(report)
        if len(reports) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve(sample_problem(), seconds=SECONDS, progress=cancel)
    assert len(reports) == 2
