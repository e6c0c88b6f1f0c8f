"""Repair after a breakdown: what moves, what stays, and that no rule is broken by it."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mobile_units.planning.check import check, check_stops, terms
from mobile_units.planning.problem import Limit, Period, PlannedStop, PlanningSite, PlanningUnit, Problem
from mobile_units.planning.repair import (
    Breakdown,
    LimitChange,
    Move,
    Repair,
    hit_stops,
    repairs,
    without,
)
from mobile_units.rules.programmes import Programme
from mobile_units.rules.repair import RepairKind
from tests.planning.meridian import problem, site, unit
from tests.planning.problems import FIRST_DAY, plan_of, problems

MONDAY, TUESDAY, THURSDAY, FRIDAY, NEXT_MONDAY = (date(2026, 11, day) for day in (9, 10, 12, 13, 16))
"""The working days: Wednesday is Independence Day."""
TODAY = Breakdown(1, Period(MONDAY, MONDAY))


def stop(unit_id: int, site_id: int, *days: date, women: int = 50) -> PlannedStop:
    """A stop whose women are those of one first day unless given."""
    return PlannedStop(unit_id, site_id, days, women)


def found(world: Problem, breakdown: Breakdown = TODAY) -> dict[RepairKind, Repair]:
    """The repairs by kind."""
    return {repair.kind: repair for repair in repairs(world, breakdown)}


def world(*fixed: PlannedStop, units: int = 2, **rules: Any) -> Problem:
    """Two mammobuses with one base, three places north of it, 50 women due at each."""
    places = [site(number, 51 + number / 10, breast=50, **rules) for number in (1, 2, 3)]
    return problem([unit(number) for number in range(1, units + 1)], places, fixed=fixed)


def test_what_is_not_hit_needs_no_repair() -> None:
    """Neither stops of other units nor other days."""
    assert repairs(world(stop(1, 1, TUESDAY), stop(2, 2, MONDAY)), TODAY) == []


def test_a_stop_that_is_hit_is_lost_when_it_is_withdrawn() -> None:
    """All else stays."""
    hit, kept = stop(1, 1, MONDAY), stop(1, 2, TUESDAY)
    repair = found(world(hit, kept))[RepairKind.WITHDRAW]
    assert (repair.moves, repair.stops, repair.women_lost) == ((Move(hit, None),), (kept,), 50)
    assert repair.km == pytest.approx(0, abs=0.01)


def test_only_the_days_of_the_breakdown_are_withdrawn() -> None:
    """The second day becomes the first, and the women are those whom the set-up leaves time for."""
    place = site(1, 51.1, breast=100)
    hit = stop(1, 1, MONDAY, TUESDAY, women=100)
    repair = found(problem([unit(1)], [place], fixed=[hit]))[RepairKind.WITHDRAW]
    assert repair.moves == (Move(hit, stop(1, 1, TUESDAY, women=50)),)
    assert repair.women_lost == 50


def test_what_is_left_of_a_stop_is_not_shorter_than_a_stay_there_has_to_be() -> None:
    """It is lost then."""
    place = site(1, 51.1, breast=100, days_min=2)
    hit = stop(1, 1, MONDAY, TUESDAY, women=100)
    assert found(problem([unit(1)], [place], fixed=[hit]))[RepairKind.WITHDRAW].moves == (Move(hit, None),)


def test_a_stop_is_postponed_to_the_next_free_days_of_its_unit() -> None:
    """Other stops are not touched."""
    hit, kept = stop(1, 1, MONDAY), stop(1, 2, TUESDAY)
    repair = found(world(hit, kept, units=1))[RepairKind.POSTPONE]
    assert repair.moves == (Move(hit, stop(1, 1, THURSDAY)),)
    assert repair.women_lost == 0


def test_work_that_was_begun_goes_on_after_the_breakdown() -> None:
    """Around the days on which the unit is out."""
    hit = stop(1, 1, MONDAY, TUESDAY, women=110)
    place = site(1, 51.1, breast=110)
    repair = found(problem([unit(1)], [place], fixed=[hit]), Breakdown(1, Period(TUESDAY, TUESDAY)))
    assert repair[RepairKind.POSTPONE].moves == (Move(hit, stop(1, 1, MONDAY, THURSDAY, women=110)),)


def test_following_stops_are_shifted_only_as_far_as_they_have_to() -> None:
    """The order of the unit's stops stays; the last one finds a free day between and stays where it is."""
    hit, next_one, last = stop(1, 1, MONDAY), stop(1, 2, TUESDAY), stop(1, 3, FRIDAY)
    repair = found(world(hit, next_one, last, units=1))[RepairKind.SHIFT]
    assert repair.moves == (Move(hit, stop(1, 1, TUESDAY)), Move(next_one, stop(1, 2, THURSDAY)))
    assert last in repair.stops


def test_another_unit_takes_over_on_the_same_day_if_it_is_free() -> None:
    """The women keep their day."""
    hit, busy = stop(1, 1, MONDAY), stop(2, 2, MONDAY)
    repair = found(world(hit, busy, units=3))[RepairKind.TAKE_OVER]
    assert repair.moves == (Move(hit, stop(3, 1, MONDAY)),)
    later = found(world(hit, busy))[RepairKind.TAKE_OVER]
    assert later.moves == (Move(hit, stop(2, 1, TUESDAY)),)


def test_of_units_that_are_free_the_one_with_the_shortest_way_takes_over() -> None:
    """Here the one that stands next door anyway."""
    places = [site(number, 51 + number / 10, breast=50) for number in (1, 2)]
    units = [unit(1), unit(2, latitude=51.8), unit(3, latitude=51.3)]
    hit = stop(1, 1, MONDAY)
    assert found(problem(units, places, fixed=[hit]))[RepairKind.TAKE_OVER].moves[0].to == stop(3, 1, MONDAY)


def test_a_unit_without_the_equipment_does_not_take_over() -> None:
    """Nor one that is not permitted."""
    cytobus = unit(2, programmes=[Programme.CERVICAL])
    banned = unit(3, site_ids=frozenset({9}))
    world = problem([unit(1), cytobus, banned], [site(1, 51.1, breast=50, cervical=50)], fixed=[stop(1, 1, MONDAY)])
    assert {move.to.unit_id for each in repairs(world, TODAY) for move in each.moves if move.to} == {1}


def test_a_unit_that_has_not_all_programmes_takes_over_whom_it_can_examine() -> None:
    """The others are lost."""
    both = unit(1, programmes=Programme)
    place = site(1, 51.1, breast=30, cervical=20)
    hit = stop(1, 1, MONDAY)
    repair = found(problem([both, unit(2)], [place], fixed=[hit]))[RepairKind.TAKE_OVER]
    assert (repair.moves, repair.women_lost) == ((Move(hit, stop(2, 1, MONDAY, women=30)),), 20)


def test_whoever_is_sooner_takes_a_stop_of_a_mixed_repair() -> None:
    """The other unit has no free day before its own unit is back."""
    hit, busy = stop(1, 1, MONDAY), [stop(2, 2, MONDAY), stop(2, 3, TUESDAY)]
    repairs_found = found(world(hit, *busy))
    assert repairs_found[RepairKind.TAKE_OVER].moves[0].to == stop(2, 1, THURSDAY)
    assert repairs_found[RepairKind.POSTPONE].moves[0].to == stop(1, 1, TUESDAY)
    assert RepairKind.MIXED not in repairs_found


@pytest.mark.parametrize(
    "closed",
    [
        {"latest": MONDAY},
        {"weekdays": frozenset({1})},
        {"blackouts": (Period(TUESDAY, NEXT_MONDAY),)},
    ],
)
def test_a_stop_is_not_postponed_to_a_day_on_which_its_site_is_closed(closed: dict[str, Any]) -> None:
    """Its window, its weekdays and its blackouts bind; the next Monday is beyond the period here."""
    hit = stop(1, 1, MONDAY)
    closed_world = replace(world(hit, units=1, **closed), last_day=FRIDAY)
    assert [each.moves for each in repairs(closed_world, TODAY)] == [(Move(hit, None),)]


def test_the_contract_binds_whoever_takes_over() -> None:
    """And what is settled elsewhere then is told."""
    hit = stop(1, 1, MONDAY)
    week = Period(MONDAY, NEXT_MONDAY)
    own, other = (Limit(f"code {key}", Programme.BREAST, frozenset({key}), week, 50) for key in (1, 2))
    taken = found(replace(world(hit), limits=(own, other)))[RepairKind.TAKE_OVER]
    assert taken.limits == (LimitChange(own, -50), LimitChange(other, 50))
    poor = replace(world(hit), limits=(own, replace(other, women=49)))
    assert RepairKind.TAKE_OVER not in found(poor)


def test_the_way_to_the_next_stop_may_need_the_one_that_is_lost() -> None:
    """Then the next stop is given up too, rather than a rule."""
    places = [site(1, 51.5, breast=50), site(2, 52.0, breast=50)]
    units = [unit(1, max_relocation_km=140.0)]
    back = site(3, 51.2, breast=50)
    hit, far, near = stop(1, 1, MONDAY), stop(1, 2, TUESDAY), stop(1, 3, THURSDAY)
    world = problem(units, [*places, back], fixed=[hit, far, near])
    assert not check(world, plan_of(world, list(world.fixed)))
    repair = found(world)[RepairKind.WITHDRAW]
    assert repair.moves == (Move(hit, None), Move(far, None))
    assert repair.stops == (near,)


@st.composite
def carried_out(draw: st.DrawFn) -> Problem:
    """A random problem whose fixed stops fill the days of its units as far as no rule is broken."""
    asked = draw(problems(most_units=4, visits_max=2, fixed=0))
    asked = replace(asked, sites=tuple(replace(each, blackouts=()) for each in asked.sites))
    for unit_ in asked.units:
        for place in draw(st.permutations(asked.sites)):
            asked = with_one_more(asked, unit_, place, draw(st.integers(1, 2)))
    return asked


def with_one_more(asked: Problem, by: PlanningUnit, at: PlanningSite, length: int) -> Problem:
    """The problem with a fixed stop more, if one breaks no rule."""
    working = asked.working_days(by)
    busy = {day for each in asked.fixed if each.unit_id == by.id for day in each.days}
    for start in range(len(working)):
        days = tuple(working[start : start + max(length, at.days_min)])
        for women in (30, 5) if busy.isdisjoint(days) else ():
            made = PlannedStop(by.id, at.id, days, women)
            if not check_stops(asked, [*asked.fixed, made]):
                return replace(asked, fixed=(*asked.fixed, made))
    return asked


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(asked=carried_out(), number=st.integers(0, 9), offset=st.integers(0, 10), days=st.integers(1, 6))
def test_no_repair_breaks_a_rule_or_touches_another_unit(asked: Problem, number: int, offset: int, days: int) -> None:
    """The stops that it leaves and makes are carried out as the judge wants; only the unit's own stops move."""
    assume(asked.fixed)
    first_day = FIRST_DAY + timedelta(days=offset)
    breakdown = Breakdown(
        asked.fixed[number % len(asked.fixed)].unit_id, Period(first_day, first_day + timedelta(days=days - 1))
    )
    hit, after = hit_stops(asked, breakdown), without(asked, breakdown)
    for repair in repairs(asked, breakdown):
        assert check(after, plan_of(after, list(repair.stops))) == []
        moved = Counter(move.stop for move in repair.moves)
        assert set(hit) <= set(moved)
        assert {each.unit_id for each in moved} == {breakdown.unit_id}
        made = Counter(move.to for move in repair.moves if move.to)
        assert Counter(repair.stops) == Counter(asked.fixed) - moved + made
        assert repair.km == pytest.approx(terms(after, repair.stops).km - terms(asked, asked.fixed).km, abs=0.01)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(asked=carried_out())
def test_the_same_breakdown_is_repaired_in_the_same_way(asked: Problem) -> None:
    """Whatever came before; and what is withdrawn comes first."""
    assume(asked.fixed)
    first = asked.fixed[0]
    breakdown = Breakdown(first.unit_id, Period(first.days[0], first.days[-1]))
    assert repairs(asked, breakdown) == repairs(asked, breakdown)
    assert all(repair.kind is RepairKind.WITHDRAW for repair in repairs(asked, breakdown)[:1])
