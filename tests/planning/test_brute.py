"""What the tests of the planner lean on: brute force finds the best plan, and every constraint binds in the samples."""

from contextlib import suppress
from datetime import date

from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from mobile_units.planning.check import check, check_stops, terms
from mobile_units.planning.problem import PlannedStop, Problem, Weights
from mobile_units.planning.violations import SENTENCES
from tests.planning.brute import optimum
from tests.planning.meridian import problem, site, unit
from tests.planning.problems import plan_of, problems, tiny_problems

NEVER_BY_CHANCE = {"unknown_unit", "unknown_site", "no_days", "fixed_stop_changed"}
"""What only an edit by hand can do to a plan."""

WORKING = tuple(date(2026, 11, day) for day in (9, 10, 12, 13, 16))


@st.composite
def problems_with_stops(draw: st.DrawFn) -> tuple[Problem, list[PlannedStop]]:
    """Stops put on the days of the period without a thought."""
    asked = draw(problems())
    stops = list(asked.fixed)
    every_day = [date.fromordinal(n) for n in range(asked.first_day.toordinal() - 1, asked.last_day.toordinal() + 2)]
    for _ in range(draw(st.integers(1, 4))):
        crew, place = draw(st.sampled_from(asked.units)), draw(st.sampled_from(asked.sites))
        first, length = draw(st.integers(0, len(every_day) - 1)), draw(st.integers(1, 4))
        days = draw(st.sampled_from([asked.working_days(crew) or every_day, every_day]))[first : first + length]
        days = days[:: draw(st.sampled_from((1, 1, 1, 2)))]
        if days:
            stops.append(PlannedStop(crew.id, place.id, tuple(days), draw(st.sampled_from((0, 20, 100)))))
    return asked, stops


def test_every_constraint_binds_in_random_problems() -> None:
    """Sooner or later, within 500 problems, somebody runs into each."""
    never_met = {code for code in SENTENCES if "misstated" not in code} - NEVER_BY_CHANCE

    def all_are_met(made: tuple[Problem, list[PlannedStop]]) -> bool:
        never_met.difference_update(violation.code for violation in check_stops(*made))
        return not never_met

    with suppress(NoSuchExample):
        find(
            problems_with_stops(),
            all_are_met,
            settings=settings(max_examples=500, phases=[Phase.generate], derandomize=True, database=None),
        )
    assert never_met == set()


def test_the_best_of_two_orders_is_found() -> None:
    """Far first or near first is the same way, but a window opens late at the far place."""
    asked = problem([unit(1)], [site(10, 52.0, breast=170), site(20, 53.0, breast=100, earliest=WORKING[3])])
    value, stops = optimum(asked)
    assert {(stop.site_id, stop.days, stop.women) for stop in stops} == {(10, WORKING[:3], 170), (20, WORKING[3:], 100)}
    assert value == terms(asked, stops).value


def test_a_shorter_stay_is_tried_where_it_may_be() -> None:
    """Both places need three of the five days."""
    asked = problem([unit(1)], [site(10, 52.0, breast=170), site(20, 52.1, breast=170)])
    assert sum(stop.women for stop in optimum(asked)[1]) == 170
    assert sum(stop.women for stop in optimum(asked, any_length=True)[1]) == 170 + 110


def test_the_load_is_shared_where_that_is_worth_more_than_the_way() -> None:
    """The second unit stands a little farther away."""
    units = [unit(1), unit(2, latitude=50.9)]
    places = [site(10, 51.5, breast=50), site(20, 51.5, breast=50)]
    for worth, crews in ((0.2, {1}), (60.0, {1, 2})):
        asked = problem(units, places, weights=Weights(women_per_uneven_day=worth))
        assert {stop.unit_id for stop in optimum(asked)[1]} == crews


@given(tiny_problems())
@settings(max_examples=25, deadline=None)
def test_what_brute_force_finds_is_a_valid_plan(asked: Problem) -> None:
    """And stays of any length are never worse."""
    value, stops = optimum(asked)
    assert check(asked, plan_of(asked, list(stops))) == []
    assert value >= terms(asked, asked.fixed).value - 1e-9
    assert optimum(asked, any_length=True)[0] >= value - 1e-9
