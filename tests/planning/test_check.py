"""The judge: a valid plan passes, every planted violation is named, and the terms are worked out by hand."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from mobile_units.planning.check import check, shares, terms
from mobile_units.planning.problem import (
    EVERY_DAY,
    Capacity,
    Limit,
    Matrix,
    Period,
    Plan,
    PlannedStop,
    PlanningSite,
    PlanningUnit,
    Problem,
    Roads,
    Weights,
)
from mobile_units.planning.violations import SENTENCES
from mobile_units.rules.calendar import MONDAY_TO_FRIDAY
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule
from tests.planning.meridian import FROM_51_TO_52, FROM_51_TO_53, problem, site, unit
from tests.planning.problems import problems

BREAST, CERVICAL = Programme.BREAST, Programme.CERVICAL
TO_52, TO_53 = 1.3 * FROM_51_TO_52, 1.3 * FROM_51_TO_53
ALWAYS = Period(date(2026, 1, 1), date(2026, 12, 31))


def november(*days: int) -> tuple[date, ...]:
    """Days of November 2026: the 1st is a Sunday, the 11th a public holiday."""
    return tuple(date(2026, 11, day) for day in days)


def between(first: int, last: int) -> Period:
    """Days of November 2026."""
    return Period(date(2026, 11, first), date(2026, 11, last))


MAMMOBUS = unit(1)
CYTOBUS = unit(2, programmes=[CERVICAL], per_day=40, first_day=30)
HERE = site(10, 52.0, breast=170, cervical=100, days_max=3)
THERE = site(20, 53.0, breast=110, days_max=2)
NEAR = PlannedStop(1, 10, november(2, 3, 4), 170)
FAR = PlannedStop(1, 20, november(5, 6), 110)
CYTOLOGY = PlannedStop(2, 10, november(9, 10, 12), 100)


def asked(
    units: Iterable[PlanningUnit] = (MAMMOBUS, CYTOBUS), sites: Iterable[PlanningSite] = (HERE, THERE), **rules: Any
) -> Problem:
    """A mammobus and a cytobus in the first two weeks of November; the far place is for the mammobus only."""
    return problem(units, sites, date(2026, 11, 2), date(2026, 11, 13), **rules)


def with_units(one: dict[str, Any] | None = None, other: dict[str, Any] | None = None, **rules: Any) -> Problem:
    """The usual problem, the mammobus and the cytobus changed."""
    return asked([replace(MAMMOBUS, **one or {}), replace(CYTOBUS, **other or {})], **rules)


def with_sites(near: dict[str, Any] | None = None, far: dict[str, Any] | None = None, **rules: Any) -> Problem:
    """The usual problem, the near and the far place changed."""
    return asked(sites=[replace(HERE, **near or {}), replace(THERE, **far or {})], **rules)


def plan(of: Problem, *stops: PlannedStop, **stated: Any) -> Plan:
    """A plan that states its true terms unless told otherwise."""
    objective = replace(terms(of, stops), **stated)
    return Plan(stops=stops, unserved=(), objective=objective, seconds=0.0, solver="by hand", seed=0)


def codes(of: Problem, *stops: PlannedStop, **stated: Any) -> set[str]:
    """The codes of all violations."""
    return {violation.code for violation in check(of, plan(of, *stops, **stated))}


VALID = (NEAR, FAR, CYTOLOGY)
LIMIT = Limit("10.7940.159.02", BREAST, frozenset({1}), ALWAYS, 280)
WEEKEND = (replace(NEAR, days=november(4, 5, 6)), replace(FAR, days=november(9, 10)), CYTOLOGY)


def test_a_valid_plan_has_no_violations() -> None:
    """Full days, a stay over a holiday, two units at one place."""
    assert check(asked(), plan(asked(), *VALID)) == []


ALLOWED: dict[str, tuple[Problem, tuple[PlannedStop, ...]]] = {
    "a stay over an unavailability": (
        with_units({"unavailable": (between(3, 4),)}),
        (replace(NEAR, days=november(2, 5, 6)), replace(FAR, days=november(9, 10)), CYTOLOGY),
    ),
    "on the first and the last day of the window": (
        with_sites({"earliest": date(2026, 11, 2), "latest": date(2026, 11, 12)}),
        VALID,
    ),
    "as short and as long as may be": (with_sites({"days_min": 3}, {"days_min": 2}), VALID),
    "next to a blackout": (with_sites(far={"blackouts": (between(4, 4), between(7, 30))}), VALID),
    "on the site's weekdays": (with_sites(far={"weekdays": frozenset({4, 5})}), VALID),
    "in its region, at its site, with all it needs": (
        with_units(
            {"regions": frozenset({"10"}), "site_ids": frozenset({10, 20}), "needs": frozenset({"power"})},
            sites=[replace(HERE, region="10", lacks=frozenset({"water"})), replace(THERE, region="10")],
        ),
        VALID,
    ),
    "a gap as long as asked for": (
        with_sites(
            {"visits_max": 2, "gap_days": 3, "last_visit": date(2026, 10, 29)}, {"women_due": {}, "visits_max": 2}
        ),
        (replace(NEAR, women=100), PlannedStop(1, 10, november(9), 50), replace(CYTOLOGY, days=november(10, 12, 13))),
    ),
    "another need in the gap": (with_sites({"gap_days": 30}), VALID),
    "one of a group": (with_sites({"group": "Wieluń"}, {"group": "Łódź"}), VALID),
    "a drive as long as may be": (with_units({"max_relocation_km": TO_53 + 0.1}), VALID),
    "as many as the contract pays for": (asked(limits=(LIMIT,)), VALID),
    "contracts of other units, programmes and times": (
        asked(
            limits=(
                replace(LIMIT, unit_ids=frozenset({2}), women=0),
                replace(LIMIT, programme=CERVICAL, women=0),
                replace(LIMIT, period=between(6, 30), women=0),
            )
        ),
        VALID,
    ),
    "fixed stops kept": (asked(fixed=(FAR, CYTOLOGY)), VALID),
    "fixed stops whose women are reckoned anew": (asked(fixed=(replace(FAR, women=90),)), VALID),
    "a day's drive in the evening and the morning": (asked(roads=Roads(drive_hours=TO_53 / 50)), VALID),
    "a long drive over the weekend": (asked(roads=Roads(drive_hours=1.0, speed_kmh=50)), WEEKEND),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_allowed_is_not_a_violation(name: str) -> None:
    """Each rule at its very edge."""
    of, stops = ALLOWED[name]
    assert check(of, plan(of, *stops)) == []


PLANTED: list[tuple[str, Problem, tuple[PlannedStop, ...]]] = [
    ("unknown_unit", asked(), (NEAR, FAR, replace(CYTOLOGY, unit_id=99))),
    ("unknown_site", asked(), (NEAR, replace(FAR, site_id=99), CYTOLOGY)),
    ("no_days", asked(), (NEAR, replace(FAR, days=(), women=0), CYTOLOGY)),
    ("outside_period", asked(), (NEAR, replace(FAR, days=november(13, 16)), CYTOLOGY)),
    ("not_a_weekday_of_unit", asked(), (NEAR, replace(FAR, days=november(6, 7)), CYTOLOGY)),
    ("public_holiday", asked(), (NEAR, FAR, replace(CYTOLOGY, days=november(10, 11, 12)))),
    ("unit_unavailable", with_units({"unavailable": (between(6, 8),)}), VALID),
    ("outside_window", with_sites(far={"earliest": date(2026, 11, 6)}), VALID),
    ("outside_window", with_sites(far={"latest": date(2026, 11, 5)}), VALID),
    ("not_a_weekday_of_site", with_sites(far={"weekdays": frozenset({1, 2, 3, 4})}), VALID),
    ("blackout", with_sites(far={"blackouts": (between(6, 6),)}), VALID),
    ("stay_interrupted", asked(), (NEAR, replace(FAR, days=november(5, 9)), CYTOLOGY)),
    ("stay_interrupted", asked(), (NEAR, replace(FAR, days=november(6, 5)), CYTOLOGY)),
    ("stay_interrupted", asked(), (NEAR, replace(FAR, days=november(5, 5), women=50), CYTOLOGY)),
    ("programme_not_offered", asked(), (NEAR, FAR, PlannedStop(2, 20, november(9, 10), 0))),
    ("not_permitted", with_units({"site_ids": frozenset({10})}), VALID),
    (
        "not_permitted",
        with_units({"regions": frozenset({"10"})}, sites=[replace(HERE, region="10"), replace(THERE, region="14")]),
        VALID,
    ),
    ("region_unknown", with_units({"regions": frozenset({"10"})}, sites=[replace(HERE, region="10"), THERE]), VALID),
    (
        "logistics_missing",
        with_units({"needs": frozenset({"power", "water"})}, sites=[HERE, replace(THERE, lacks=frozenset({"power"}))]),
        VALID,
    ),
    ("stay_too_short", with_sites(far={"days_min": 2}), (NEAR, replace(FAR, days=november(5), women=50), CYTOLOGY)),
    ("stay_too_long", asked(), (NEAR, replace(FAR, days=november(5, 6, 9)), CYTOLOGY)),
    ("above_capacity", asked(), (NEAR, replace(FAR, days=november(5)), CYTOLOGY)),
    ("above_capacity", with_units({"capacities": (Capacity({BREAST: 59}, site_id=20),)}), VALID),
    ("above_capacity", with_units({"capacities": (Capacity({BREAST: 30}, period=between(6, 6)),)}), VALID),
    ("above_women_due", asked(), (NEAR, FAR, replace(CYTOLOGY, women=101))),
    (
        "visited_too_often",
        with_sites({"women_due": {BREAST: 270}}),
        (NEAR, FAR, PlannedStop(1, 10, november(9, 10), 100)),
    ),
    (
        "gap_too_short",
        with_sites({"women_due": {BREAST: 270}, "visits_max": 2, "gap_days": 5}),
        (NEAR, FAR, PlannedStop(1, 10, november(9, 10), 100)),
    ),
    ("gap_too_short", with_sites({"gap_days": 4, "last_visit": date(2026, 10, 29)}), VALID),
    (
        "gap_too_short",
        asked([MAMMOBUS, unit(2)], [replace(HERE, women_due={BREAST: 270}, visits_max=2)]),
        (NEAR, PlannedStop(2, 10, november(4), 50)),
    ),
    ("two_alternatives", with_sites({"group": "Wieluń"}, {"group": "Wieluń"}), VALID),
    ("two_places_at_once", asked(), (NEAR, replace(FAR, days=november(4, 5)), CYTOLOGY)),
    ("relocation_too_long", with_units({"max_relocation_km": TO_53 - 0.1}), VALID),
    ("travel_does_not_fit", asked(roads=Roads(drive_hours=(TO_53 - TO_52 - 0.1) / 50)), VALID),
    (
        "travel_does_not_fit",
        with_units({"home_rule": HomeRule.HOME_DAILY}, roads=Roads(drive_hours=2 * TO_53 / 50 - 0.1)),
        VALID,
    ),
    (
        "travel_does_not_fit",
        with_units({"home_rule": HomeRule.HOME_ON_WEEKENDS}, roads=Roads(drive_hours=(TO_52 + TO_53) / 150 - 0.1)),
        WEEKEND,
    ),
    ("above_contract", asked(limits=(replace(LIMIT, women=279),)), VALID),
    ("fixed_stop_changed", asked(fixed=(FAR,)), (NEAR, replace(FAR, days=november(9, 10)), CYTOLOGY)),
    ("fixed_stop_changed", asked(fixed=(FAR,)), (NEAR, CYTOLOGY)),
]


@pytest.mark.parametrize(("code", "of", "stops"), PLANTED)
def test_each_violation_is_named_alone(code: str, of: Problem, stops: tuple[PlannedStop, ...]) -> None:
    """One mutation of a valid plan or of what is asked, one code."""
    stated = {"women": sum(stop.women for stop in stops)}
    assert codes(of, *stops, **stated) == {code}


MISSTATED: list[tuple[str, dict[str, Any]]] = [
    ("women_misstated", {"women": 381}),
    ("kilometres_misstated", {"km": 1.0}),
    ("kilometres_misstated", {"km": float("nan")}),
    ("kilometres_misstated", {"km_crews": 1.0}),
    ("objective_misstated", {"women_weighted": 379.0}),
    ("objective_misstated", {"women_due": 379}),
    ("objective_misstated", {"unit_days": 17}),
    ("objective_misstated", {"unit_days_used": 9}),
    ("objective_misstated", {"uneven_days": 9.0}),
    ("objective_misstated", {"weights": Weights(km_per_woman=11)}),
]


@pytest.mark.parametrize(("code", "stated"), MISSTATED)
def test_each_term_that_a_plan_misstates_is_named(code: str, stated: dict[str, Any]) -> None:
    """Every term of the objective is worked out again."""
    assert codes(asked(), *VALID, **stated) == {code}


def test_fewer_women_than_none_are_a_misstatement() -> None:
    """However the sum comes out."""
    assert codes(asked(), replace(NEAR, women=-1), FAR, CYTOLOGY) == {"women_misstated"}


def test_every_code_is_planted_somewhere() -> None:
    """No code without a test, no test of a code that does not exist."""
    assert {code for code, *_ in [*PLANTED, *MISSTATED]} == SENTENCES.keys()


def test_a_violation_says_where_and_when() -> None:
    """The unit, the site and the day, in both languages, with the name of the holiday."""
    (violation,) = check(asked(), plan(asked(), NEAR, FAR, replace(CYTOLOGY, days=november(10, 11, 12))))
    assert (violation.unit_id, violation.site_id, violation.day) == (2, 10, date(2026, 11, 11))
    assert violation.message_pl == "2026-11-11 to święto: Narodowe Święto Niepodległości."
    assert violation.message_en.startswith("2026-11-11 is a public holiday")


def test_a_violation_of_travel_says_how_far_and_how_long() -> None:
    """The places by name, the base as such, numbers with one decimal."""
    of = with_units({"max_relocation_km": 200}, roads=Roads(drive_hours=2))
    told = {violation.code: violation for violation in check(of, plan(of, *VALID))}
    assert told["relocation_too_long"].message_en == (
        "Unit 1: the drive from Site 20 to the base is 289.3 km long (estimated), and 200.0 km are allowed."
    )
    assert (
        told["travel_does_not_fit"].message_pl
        == "Unit 1: przejazd Site 10 – Site 20 trwa 2.9 h (szacunek), a czasu jest 2.0 h."
    )


@pytest.mark.parametrize(("women", "found"), [(270, set()), (271, {"above_women_due"})])
def test_a_combined_unit_reaches_the_women_of_all_its_programmes(women: int, found: set[str]) -> None:
    """170 women for mammography and 100 for cytology."""
    crew = unit(1, programmes=Programme, per_day=100, first_day=100)
    of = problem([crew], [site(10, 52.0, breast=170, cervical=100)])
    assert codes(of, PlannedStop(1, 10, november(9, 10, 12), women)) == found


def test_many_due_for_one_programme_do_not_make_up_for_few_in_another() -> None:
    """In a day 60 women can be examined in each: the 10 due for mammography, and 60 of the 300 for cytology."""
    crew = unit(1, programmes=Programme, per_day=60, first_day=60)
    of = problem([crew], [site(10, 52.0, breast=10, cervical=300)])
    assert codes(of, PlannedStop(1, 10, november(9), 70)) == set()
    assert codes(of, PlannedStop(1, 10, november(9), 71)) == {"above_women_due"}


def test_units_with_shared_programmes_do_not_count_a_woman_twice() -> None:
    """The mammobus has reached all women due for mammography; the combined unit finds only those due for cytology."""
    units = (unit(1, per_day=200, first_day=200), unit(2, programmes=Programme, per_day=200, first_day=200))
    of = problem(units, [site(10, 52.0, breast=170, cervical=100, visits_max=2)])
    mammobus = PlannedStop(1, 10, november(9), 170)
    assert codes(of, mammobus, PlannedStop(2, 10, november(10), 100)) == set()
    assert codes(of, mammobus, PlannedStop(2, 10, november(10), 101)) == {"above_women_due"}


def test_women_due_for_any_programme_are_examined_by_any_unit() -> None:
    """By each as many as its better programme allows."""
    of = problem([CYTOBUS], [site(10, 52.0, anything=70)])
    assert codes(of, PlannedStop(2, 10, november(9, 10), 70)) == set()
    assert codes(of, PlannedStop(2, 10, november(9, 10), 71)) == {"above_capacity"}


def test_the_women_of_a_stop_are_divided_by_whom_it_could_reach() -> None:
    """Of 40 and 20 twice as many; what remains goes to the largest remainder, and of two equal ones to the first."""
    here = site(10, 52.0, breast=40, cervical=300)
    assert shares(45, here, {BREAST: 60, CERVICAL: 20}) == {BREAST: 30, CERVICAL: 15}
    assert shares(44, here, {BREAST: 60, CERVICAL: 20}) == {BREAST: 29, CERVICAL: 15}
    assert shares(1, here, {CERVICAL: 40, BREAST: 40}) == {BREAST: 1, CERVICAL: 0}
    assert shares(5, here, {BREAST: 0}) == {BREAST: 0}


def test_the_contract_binds_the_part_of_its_programme() -> None:
    """A combined unit with 170 women for mammography and 100 for cytology."""
    crew = unit(1, programmes=Programme, per_day=100, first_day=100)
    stop = PlannedStop(1, 10, november(9, 10, 12), 270)
    for programme, women in ((BREAST, 170), (CERVICAL, 100)):
        limit = Limit("X", programme, frozenset({1}), ALWAYS, women)
        place = site(10, 52.0, breast=170, cervical=100)
        assert codes(problem([crew], [place], limits=(limit,)), stop) == set()
        assert codes(problem([crew], [place], limits=(replace(limit, women=women - 1),)), stop) == {"above_contract"}


# the terms

OVER_TWO_WEEKENDS = (
    PlannedStop(1, 10, november(5, 6, 9), 0),
    PlannedStop(1, 20, november(10, 12, 13, 16), 0),
)


def driven(home: HomeRule, commute: float = 0.0) -> tuple[float, float]:
    """Kilometres of the unit and of its crew, over a weekend at each of two places, nothing else in the way."""
    of = problem(
        [unit(1, home_rule=home)],
        [site(10, 52.0), site(20, 53.0)],
        date(2026, 11, 2),
        date(2026, 11, 30),
        roads=Roads(crew_commute_km=commute),
    )
    found = terms(of, OVER_TWO_WEEKENDS)
    return found.km, found.km_crews


def test_a_unit_that_stays_out_drives_from_place_to_place() -> None:
    """And its crew, which lodges there, drives home and back on each of the two weekends."""
    assert driven(HomeRule.STAYS_OUT) == pytest.approx((2 * TO_53, 2 * TO_52 + 2 * TO_53), abs=0.01)


def test_a_unit_that_goes_home_on_weekends_leaves_its_place_and_returns_to_it() -> None:
    """Its crew rides along."""
    assert driven(HomeRule.HOME_ON_WEEKENDS) == pytest.approx((2 * TO_53 + 2 * TO_52 + 2 * TO_53, 0), abs=0.01)


def test_a_unit_that_goes_home_daily_drives_every_day() -> None:
    """Three days at the near place and four at the far one."""
    assert driven(HomeRule.HOME_DAILY, 1000) == pytest.approx((3 * 2 * TO_52 + 4 * 2 * TO_53, 0), abs=0.01)


@pytest.mark.parametrize("home", [HomeRule.STAYS_OUT, HomeRule.HOME_ON_WEEKENDS])
def test_a_crew_within_reach_of_its_home_sleeps_there(home: HomeRule) -> None:
    """Two days at the near place and a third after the weekend; from the far one only those who stay out drive home."""
    _, crew = driven(home, commute=150)
    far = 2 * TO_53 if home is HomeRule.STAYS_OUT else 0
    assert crew == pytest.approx(3 * 2 * TO_52 + far, abs=0.01)


@pytest.mark.parametrize(("second", "km", "crew"), [(13, 2 * TO_53, 0), (16, 2 * TO_53, TO_52 + TO_53)])
def test_a_weekend_between_two_places_is_spent_at_home(second: int, km: float, crew: float) -> None:
    """The crew leaves from one and arrives at the other; the unit that stays out drives straight."""
    of = problem([unit(1)], [site(10, 52.0), site(20, 53.0)], roads=Roads(crew_commute_km=0))
    found = terms(of, [PlannedStop(1, 10, november(12), 0), PlannedStop(1, 20, november(second), 0)])
    assert (found.km, found.km_crews) == pytest.approx((km, crew), abs=0.01)


def test_a_unit_at_home_between_two_places_drives_over_the_base() -> None:
    """From the near place home on Friday, to the far one on Monday."""
    of = problem([unit(1, home_rule=HomeRule.HOME_ON_WEEKENDS)], [site(10, 52.0), site(20, 53.0)])
    found = terms(of, [PlannedStop(1, 10, november(13), 0), PlannedStop(1, 20, november(16), 0)])
    assert found.km == pytest.approx(2 * TO_52 + 2 * TO_53, abs=0.01)


def test_a_matrix_replaces_coordinates_and_may_be_asymmetric() -> None:
    """Base, near, far: 1 + 20 + 300 kilometres forth; the crew goes home from near, twice the way from the base."""
    kilometres = np.array([[0.0, 1, 2], [10, 0, 20], [300, 200, 0]])
    of = problem(
        [unit(1)],
        [site(10, 52.0), site(20, 53.0)],
        matrix=Matrix(kilometres, kilometres / 10),
        roads=Roads(crew_commute_km=1, drive_hours=1.9),
    )
    stops = [PlannedStop(1, 20, november(10), 0), PlannedStop(1, 10, november(9), 0)]
    found = terms(of, stops)
    assert (found.km, found.km_crews) == (321, 2)
    assert "travel_does_not_fit" in codes(of, *stops)
    assert "travel_does_not_fit" not in codes(replace(of, roads=Roads(drive_hours=2)), *stops)


def test_women_are_weighted_by_their_sites_and_loads_compared_by_days_available() -> None:
    """Five days of nine used by the mammobus and three of nine by the cytobus; one programme has no unit."""
    weighted = with_sites({"weight": 2.0}, {"women_due": {BREAST: 110, CERVICAL: 5}})
    found = terms(weighted, VALID)
    assert (found.women, found.women_weighted, found.women_due) == (380, 650, 385)
    assert (found.unit_days, found.unit_days_used) == (18, 8)
    assert found.uneven_days == pytest.approx(2 * 1 / 9)
    assert terms(asked([MAMMOBUS]), VALID[:2]).women_due == 280
    assert found.value == pytest.approx(650 - (found.km + 0.3 * found.km_crews) / 10 - 0.2 * 2 / 9)


def test_the_fair_share_is_proportional_to_the_days_available() -> None:
    """Of nine and four days available five and three are used: 5.54 and 2.46 would be fair."""
    of = with_units(other={"unavailable": (between(2, 6),)})
    fair = 9 * 8 / 13, 4 * 8 / 13
    assert terms(of, VALID).uneven_days == pytest.approx((5 - fair[0]) ** 2 / 9 + (3 - fair[1]) ** 2 / 4)


@pytest.mark.parametrize(
    ("weekdays", "days", "km"),
    [
        (frozenset({5, 7}), november(6, 8), 4 * TO_52),
        (frozenset({6, 1}), november(7, 9), 4 * TO_52),
        (EVERY_DAY, november(6, 7, 8, 9), 2 * TO_52),
        (MONDAY_TO_FRIDAY, november(3, 4), 2 * TO_52),
    ],
)
def test_only_a_free_saturday_or_sunday_brings_a_unit_home(
    weekdays: frozenset[int], days: tuple[date, ...], km: float
) -> None:
    """Either of them will do; a weekend that is worked will not."""
    of = asked([unit(1, home_rule=HomeRule.HOME_ON_WEEKENDS, weekdays=weekdays)], [HERE])
    assert terms(of, [PlannedStop(1, 10, days, 0)]).km == pytest.approx(km, abs=0.01)


def test_a_unit_without_working_days_has_no_share_of_the_load() -> None:
    """It is out for the whole period."""
    assert terms(with_units(other={"unavailable": (ALWAYS,)}), VALID[:2]).uneven_days == 0


@given(problems())
@settings(max_examples=50, deadline=None)
def test_nothing_is_wrong_with_an_empty_plan(of: Problem) -> None:
    """Whatever is asked, as long as nothing is fixed."""
    of = replace(of, fixed=())
    assert check(of, plan(of)) == []
