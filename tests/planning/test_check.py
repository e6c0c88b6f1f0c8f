"""The judge: a valid plan passes, and every planted violation is named."""

from dataclasses import replace
from datetime import date

import pytest

from mobile_units.planning.check import check
from mobile_units.planning.problem import Objective, Plan, PlannedStop, Problem
from mobile_units.rules.programmes import Programme
from tests.planning.meridian import FROM_51_TO_52, FROM_51_TO_53, problem, site, unit

KM = 1.3 * 2 * (FROM_51_TO_53 + FROM_51_TO_52)


def november(*days: int) -> tuple[date, ...]:
    """Days of November 2026: the 1st is a Sunday, the 11th a public holiday."""
    return tuple(date(2026, 11, day) for day in days)


NEAR = PlannedStop(1, 10, november(2, 3, 4), 170)
FAR = PlannedStop(1, 20, november(5, 6), 110)
CYTOLOGY = PlannedStop(2, 10, november(9, 10, 12), 100)


@pytest.fixture
def asked() -> Problem:
    """A mammobus and a cytobus in the first two weeks of November; the far place is for the mammobus only."""
    units = (unit(1), unit(2, programmes=[Programme.CERVICAL], per_day=40, first_day=30))
    sites = (site(10, 52.0, breast=170, cervical=100, days_max=3), site(20, 53.0, breast=110, days_max=2))
    return problem(units, sites, date(2026, 11, 2), date(2026, 11, 13))


def plan(*stops: PlannedStop, km: float = KM, women: int | None = None) -> Plan:
    """A plan that states the women of its stops and the kilometres of the valid plan unless told otherwise."""
    stated = sum(stop.women for stop in stops) if women is None else women
    objective = Objective(stated, 380, km, 10.0, 18, sum(len(stop.days) for stop in stops))
    return Plan(stops, (), stated, km, objective, 0.0, "by hand", 0)


def codes(asked: Problem, made: Plan) -> set[str]:
    """The codes of all violations."""
    return {violation.code for violation in check(asked, made)}


def test_a_valid_plan_has_no_violations(asked: Problem) -> None:
    """Full days, a stay over a holiday, two units at one place."""
    assert check(asked, plan(NEAR, FAR, CYTOLOGY)) == []


@pytest.mark.parametrize(
    ("code", "mutated"),
    [
        ("two_places_at_once", plan(NEAR, replace(FAR, days=november(4, 5)), CYTOLOGY)),
        ("public_holiday", plan(NEAR, FAR, replace(CYTOLOGY, days=november(10, 11, 12)))),
        ("not_a_weekday_of_unit", plan(NEAR, replace(FAR, days=november(6, 7)), CYTOLOGY)),
        ("outside_period", plan(NEAR, replace(FAR, days=november(13, 16)), CYTOLOGY)),
        ("stay_interrupted", plan(NEAR, replace(FAR, days=november(5, 9)), CYTOLOGY)),
        ("stay_interrupted", plan(NEAR, replace(FAR, days=november(6, 5)), CYTOLOGY)),
        ("above_capacity", plan(NEAR, replace(FAR, days=november(5)), CYTOLOGY)),
        ("above_women_due", plan(NEAR, FAR, replace(CYTOLOGY, women=101))),
        ("stay_too_long", plan(NEAR, replace(FAR, days=november(5, 6, 9)), CYTOLOGY)),
        ("women_misstated", plan(NEAR, FAR, CYTOLOGY, women=381)),
        ("women_misstated", plan(replace(NEAR, women=-1), FAR, CYTOLOGY)),
        ("kilometres_misstated", plan(NEAR, FAR, CYTOLOGY, km=KM - 1)),
        (
            "programme_not_offered",
            plan(NEAR, FAR, replace(CYTOLOGY, site_id=20, days=november(9, 10), women=0), km=1.3 * 4 * FROM_51_TO_53),
        ),
    ],
)
def test_each_violation_is_named_alone(asked: Problem, code: str, mutated: Plan) -> None:
    """One mutation of the valid plan, one code."""
    assert codes(asked, mutated) == {code}


@pytest.mark.parametrize(
    ("code", "mutated"),
    [
        ("unknown_unit", plan(NEAR, FAR, replace(CYTOLOGY, unit_id=99))),
        ("unknown_site", plan(NEAR, replace(FAR, site_id=99), CYTOLOGY)),
        ("no_days", plan(NEAR, replace(FAR, days=(), women=0), CYTOLOGY)),
    ],
)
def test_a_stop_that_cannot_be_placed_also_changes_the_kilometres(asked: Problem, code: str, mutated: Plan) -> None:
    """The unit no longer drives there."""
    assert codes(asked, mutated) == {code, "kilometres_misstated"}


def test_a_violation_says_where_and_when(asked: Problem) -> None:
    """The unit, the site and the day, in both languages, with the name of the holiday."""
    (violation,) = check(asked, plan(NEAR, FAR, replace(CYTOLOGY, days=november(10, 11, 12))))
    assert (violation.unit_id, violation.site_id, violation.day) == (2, 10, date(2026, 11, 11))
    assert violation.message_pl == "2026-11-11 to święto: Narodowe Święto Niepodległości."
    assert violation.message_en.startswith("2026-11-11 is a public holiday")


def test_the_longest_stay_is_not_evaded_by_a_second_stop(asked: Problem) -> None:
    """Three days at the near place, and later another one."""
    assert "stay_too_long" in codes(asked, plan(NEAR, FAR, CYTOLOGY, PlannedStop(1, 10, november(9), 0)))


@pytest.mark.parametrize(("women", "found"), [(270, set()), (271, {"above_women_due"})])
def test_a_combined_unit_reaches_the_women_of_all_its_programmes(women: int, found: set[str]) -> None:
    """170 women for mammography and 100 for cytology."""
    crew = unit(1, programmes=Programme, per_day=100, first_day=100)
    asked = problem([crew], [site(10, 52.0, breast=170, cervical=100)])
    stop = PlannedStop(1, 10, november(9, 10, 12), women)
    assert codes(asked, plan(stop, km=1.3 * 2 * FROM_51_TO_52)) == found


def test_units_with_shared_programmes_do_not_count_a_woman_twice() -> None:
    """The mammobus has reached all women due for mammography; the combined unit finds only those due for cytology."""
    units = (unit(1, per_day=200, first_day=200), unit(2, programmes=Programme, per_day=200, first_day=200))
    asked = problem(units, [site(10, 52.0, breast=170, cervical=100)])
    mammobus = PlannedStop(1, 10, november(9), 170)
    km = 1.3 * 4 * FROM_51_TO_52
    assert codes(asked, plan(mammobus, PlannedStop(2, 10, november(10), 100), km=km)) == set()
    assert codes(asked, plan(mammobus, PlannedStop(2, 10, november(10), 101), km=km)) == {"above_women_due"}
