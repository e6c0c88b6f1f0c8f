"""The vocabulary of planning: capacities, permits, days."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from mobile_units.planning.problem import Capacity, Objective, Period, Weights
from mobile_units.rules.programmes import Programme
from tests.planning.meridian import problem, site, unit

MONDAY, TUESDAY = date(2026, 11, 9), date(2026, 11, 10)
BREAST, CERVICAL = Programme.BREAST, Programme.CERVICAL


def test_a_period_holds_both_of_its_ends() -> None:
    """And nothing beyond them; it cannot be turned round."""
    days = Period(MONDAY, TUESDAY)
    assert [date(2026, 11, day) in days for day in (8, 9, 10, 11)] == [False, True, True, False]
    with pytest.raises(ValueError, match="ends before it begins"):
        Period(TUESDAY, MONDAY)


def test_fewer_women_are_examined_on_the_first_day() -> None:
    """Nobody in a programme that is not offered; for any programme, as many as in the strongest."""
    crew = replace(unit(), women_per_day={BREAST: 60, CERVICAL: 40}, women_on_first_day={BREAST: 30, CERVICAL: 40})
    assert [crew.women_on(need, 10, MONDAY, first=False) for need in (BREAST, CERVICAL, None)] == [60, 40, 60]
    assert [crew.women_on(need, 10, MONDAY, first=True) for need in (BREAST, CERVICAL, None)] == [30, 40, 40]
    assert unit().women_on(CERVICAL, 10, MONDAY, first=False) == 0


def test_the_last_capacity_that_applies_replaces_the_usual_numbers() -> None:
    """At one site, on some days, in the programme that it names; the first day loses as much of it as usual."""
    crew = unit(
        programmes=Programme,
        capacities=(
            Capacity({BREAST: 30}, site_id=10),
            Capacity({BREAST: 12, CERVICAL: 6}, period=Period(TUESDAY, TUESDAY)),
        ),
    )
    assert crew.women_on(BREAST, 20, MONDAY, first=False) == 60
    assert crew.women_on(BREAST, 10, MONDAY, first=False) == 30
    assert crew.women_on(BREAST, 10, MONDAY, first=True) == 25
    assert crew.women_on(CERVICAL, 10, MONDAY, first=False) == 60
    assert crew.women_on(BREAST, 10, TUESDAY, first=False) == 12
    assert crew.women_on(CERVICAL, 20, TUESDAY, first=False) == 6


@pytest.mark.parametrize(
    ("rules", "permitted"),
    [
        ({}, True),
        ({"regions": frozenset({"10", "14"})}, True),
        ({"regions": frozenset({"14"})}, False),
        ({"site_ids": frozenset({10})}, True),
        ({"site_ids": frozenset({20})}, False),
        ({"regions": frozenset({"14"}), "site_ids": frozenset({10})}, False),
        ({"needs": frozenset({"water"})}, True),
        ({"needs": frozenset({"water", "power"})}, False),
    ],
)
def test_where_a_unit_may_stand(rules: dict[str, Any], permitted: bool) -> None:
    """In its regions, at its sites, with all it needs; each only where it names any."""
    assert replace(unit(), **rules).may_serve(site(10, 52.0, region="10", lacks=frozenset({"power"}))) is permitted


def test_a_unit_works_on_its_weekdays_but_for_holidays_and_absences() -> None:
    """The 11th is Independence Day, the 12th is spent in the workshop."""
    crew = unit(unavailable=(Period(date(2026, 11, 12), date(2026, 11, 12)),))
    assert [day.day for day in problem([crew], []).working_days(crew)] == [9, 10, 13, 16]


def test_the_needs_of_a_site_are_those_that_a_unit_can_meet() -> None:
    """Never a zero, and any programme by everybody."""
    place = site(10, 52.0, breast=5, cervical=7, anything=2)
    assert place.needs_of(unit()) == {BREAST: 5, None: 2}
    assert place.women_due_for(unit(programmes=Programme)) == 14
    assert site(10, 52.0, breast=0).needs_of(unit()) == {}


@pytest.mark.parametrize(("per_day", "first_day"), [(0, 0), (10, 11), (10, -1)])
def test_a_unit_without_sensible_capacity_is_refused(per_day: int, first_day: int) -> None:
    """The first day cannot be the better one, and nobody is no capacity."""
    with pytest.raises(ValueError, match="at least one woman"):
        unit(per_day=per_day, first_day=first_day)


def test_a_unit_without_programmes_is_refused() -> None:
    """So is one whose first days are in other programmes than the others."""
    with pytest.raises(ValueError, match="in each of its programmes"):
        unit(programmes=[])
    with pytest.raises(ValueError, match="in each of its programmes"):
        replace(unit(), women_on_first_day={CERVICAL: 1})


@pytest.mark.parametrize("rules", [{"breast": -1}, {"days_max": 0}, {"days_min": 0}, {"days_min": 6}])
def test_a_site_without_sensible_numbers_is_refused(rules: dict[str, Any]) -> None:
    """Demand is not negative, a stay has a day, and the longest is not the shortest."""
    with pytest.raises(ValueError, match="at least one day"):
        site(1, 52.0, **rules)


def test_kilometres_and_uneven_load_are_counted_in_women() -> None:
    """200 weighted women, 100 km and 30 % of 50 km at ten a woman, five uneven days at 0.2."""
    terms = Objective(
        women=150,
        women_weighted=200,
        women_due=300,
        km=100,
        km_crews=50,
        unit_days=10,
        unit_days_used=9,
        uneven_days=5,
        weights=Weights(),
    )
    assert terms.value == pytest.approx(200 - 11.5 - 1)
