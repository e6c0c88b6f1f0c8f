"""Random planning problems, small enough to be judged by the hundred and narrow enough that every constraint binds.

Places lie on a grid of 28 kilometres, so that some are within reach of a crew or of a drive and others are not; the
weeks around Independence Day have weekends and a holiday in them.
"""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from hypothesis import strategies as st

from mobile_units.planning.check import check, terms
from mobile_units.planning.problem import (
    EVERY_DAY,
    Capacity,
    Key,
    Limit,
    Matrix,
    Need,
    Period,
    Plan,
    PlannedStop,
    PlanningSite,
    PlanningUnit,
    Problem,
    Roads,
    Weights,
)
from mobile_units.rules.calendar import MONDAY_TO_FRIDAY
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule

FIRST_DAY = date(2026, 11, 5)
REGIONS = ("10", "14")
FEATURES = frozenset({"power", "water"})

latitudes = st.integers(0, 6).map(lambda step: 51 + step / 4)
longitudes = st.integers(0, 6).map(lambda step: 18 + step * 0.4)
weekdays_of_unit = st.sampled_from((MONDAY_TO_FRIDAY, MONDAY_TO_FRIDAY, frozenset({1, 2, 4, 6}), EVERY_DAY))
weekdays_of_site = st.sampled_from(
    (EVERY_DAY, EVERY_DAY, EVERY_DAY, EVERY_DAY, frozenset({2, 3, 4}), frozenset({1, 4, 5, 6}))
)
needed = st.sampled_from((frozenset[str](), frozenset[str](), frozenset({"power"}), FEATURES))
lacking = st.sampled_from((frozenset[str](), frozenset[str](), frozenset[str](), frozenset({"power"})))


def days(length: int) -> st.SearchStrategy[date]:
    """Days of a period of this length, and some beside it."""
    return st.integers(-2, length + 1).map(lambda number: FIRST_DAY + timedelta(days=number))


@st.composite
def periods(draw: st.DrawFn, length: int) -> Period:
    """Up to four days."""
    first = draw(days(length))
    return Period(first, first + timedelta(days=draw(st.integers(0, 3))))


@st.composite
def capacities(draw: st.DrawFn, length: int, sites: int) -> Capacity:
    """Other numbers at a site, while another crew works, or both."""
    women = draw(st.dictionaries(st.sampled_from(Programme), st.sampled_from((0, 5, 40)), min_size=1))
    site_id = draw(st.none() | st.integers(1, sites))
    return Capacity(women, site_id, draw(periods(length)) if site_id is None else draw(st.none() | periods(length)))


@st.composite
def units(draw: st.DrawFn, number: int, length: int, sites: int) -> PlanningUnit:
    """A unit with every rule that a unit can have, each of them now and then."""
    programmes = draw(st.sampled_from((list(Programme), [Programme.BREAST], [Programme.CERVICAL])))
    per_day = {programme: draw(st.sampled_from((60, 30, 10))) for programme in programmes}
    return PlanningUnit(
        id=number,
        name=f"Unit {number}",
        latitude=draw(latitudes),
        longitude=draw(longitudes),
        women_per_day=per_day,
        women_on_first_day={
            programme: women - draw(st.sampled_from((0, 5, 10))) for programme, women in per_day.items()
        },
        weekdays=draw(weekdays_of_unit),
        home_rule=draw(st.sampled_from(HomeRule)),
        max_relocation_km=draw(st.sampled_from((None, None, 100.0, 200.0))),
        unavailable=tuple(draw(st.lists(periods(length), max_size=1))),
        regions=draw(st.sampled_from((frozenset[str](), frozenset[str](), frozenset[str](), frozenset(REGIONS[:1])))),
        site_ids=draw(
            st.just(frozenset()) | st.just(frozenset()) | st.sets(st.integers(1, sites), min_size=2).map(frozenset[Key])
        ),
        needs=draw(needed),
        capacities=tuple(draw(st.lists(capacities(length, sites), max_size=2))),
    )


@st.composite
def demands(draw: st.DrawFn) -> dict[Need, int]:
    """Women due by programme, or for any."""
    women = st.sampled_from((70, 150, 30, 250, 5, 0))
    kind = draw(st.integers(0, 11))
    if kind < 2:
        return {None: draw(women)}
    due: dict[Need, int] = {programme: draw(women) for programme in Programme}
    return due | {None: draw(women)} if kind == 2 else due


@st.composite
def sites(draw: st.DrawFn, number: int, length: int, visits_max: int) -> PlanningSite:
    """A site with every rule that a site can have, each of them now and then."""
    days_min, more = draw(st.sampled_from((1, 1, 1, 2))), draw(st.integers(0, 3))
    bounds = sorted([draw(days(length)), draw(days(length))])
    window = draw(st.sampled_from(("open", "open", "open", "open", "from", "until", "both")))
    return PlanningSite(
        id=number,
        name=f"Site {number}",
        latitude=draw(latitudes),
        longitude=draw(longitudes),
        women_due=draw(demands()),
        days_min=days_min,
        days_max=days_min + more,
        earliest=bounds[0] if window in {"from", "both"} else None,
        latest=bounds[1] if window in {"until", "both"} else None,
        weekdays=draw(weekdays_of_site),
        blackouts=tuple(draw(st.lists(periods(length), max_size=1))),
        group=draw(st.sampled_from((None, None, "Wieluń"))),
        weight=draw(st.sampled_from((1.0, 1.0, 0.5, 2.0))),
        region=draw(st.sampled_from((*REGIONS, *REGIONS, None))),
        lacks=draw(lacking),
        visits_max=draw(st.integers(1, visits_max)),
        gap_days=draw(st.sampled_from((0, 0, 2, 4))),
        last_visit=draw(
            st.none() | st.none() | st.sampled_from((-2, -2, 3)).map(lambda day: FIRST_DAY + timedelta(day))
        ),
    )


@st.composite
def limits(draw: st.DrawFn, length: int, units: int) -> Limit:
    """What is left of a contract."""
    unit_ids = draw(st.sets(st.integers(1, units), min_size=1))
    period = draw(st.just(Period(FIRST_DAY, FIRST_DAY + timedelta(days=length))) | periods(length))
    return Limit(
        "X", draw(st.sampled_from(Programme)), frozenset(unit_ids), period, draw(st.sampled_from((25, 100, 0)))
    )


@st.composite
def matrices(draw: st.DrawFn, places: int) -> Matrix:
    """Kilometres of a country with one-way roads, and now and then the hours that they take."""
    chance = np.random.default_rng(draw(st.integers(0, 1_000)))
    kilometres = chance.choice((20.0, 60.0, 100.0, 150.0, 400.0), (places, places), p=(0.3, 0.3, 0.2, 0.15, 0.05))
    np.fill_diagonal(kilometres, 0.0)
    hours = kilometres / chance.choice((30.0, 60.0), (places, places))
    return Matrix(kilometres, hours if draw(st.booleans()) else None)


@st.composite
def problems(
    draw: st.DrawFn,
    *,
    most_units: int = 3,
    most_sites: int = 7,
    most_days: int = 16,
    visits_max: int = 3,
    fixed: int = 2,
) -> Problem:
    """A problem with up to so many units, sites, days, visits to a site, and fixed stops, which keep the rules."""
    unit_count, site_count = (
        draw(st.sampled_from([*range(1, most_units + 1), most_units])),
        draw(st.integers(min(3, most_sites), most_sites)),
    )
    length = draw(st.integers(min(6, most_days), most_days))
    problem = Problem(
        first_day=FIRST_DAY,
        last_day=FIRST_DAY + timedelta(days=length - 1),
        units=tuple(draw(units(number, length, site_count)) for number in range(1, unit_count + 1)),
        sites=tuple(draw(sites(number, length, visits_max)) for number in range(1, site_count + 1)),
        limits=tuple(draw(st.lists(limits(length, unit_count), max_size=2))),
        weights=Weights(km_per_woman=draw(st.sampled_from((10.0, 40.0)))),
        roads=Roads(
            drive_hours=draw(st.sampled_from((6.0, 2.0))), crew_commute_km=draw(st.sampled_from((0.0, 60.0, 80.0)))
        ),
    )
    if draw(st.integers(0, 3)) == 0:
        problem = replace(problem, matrix=draw(matrices(unit_count + site_count)))
    return replace(problem, fixed=tuple(draw(fixed_stops(problem, fixed)))) if fixed else problem


@st.composite
def fixed_stops(draw: st.DrawFn, problem: Problem, most: int) -> list[PlannedStop]:
    """Stops of one or two days that break no rule, alone or together."""
    chosen: list[PlannedStop] = []
    for _ in range(draw(st.integers(0, most))):
        unit, site = draw(st.sampled_from(problem.units)), draw(st.sampled_from(problem.sites))
        working = problem.working_days(unit)
        if working:
            first, length = draw(st.integers(0, len(working) - 1)), draw(st.integers(1, 2))
            women = draw(st.sampled_from((0, 5, 13, 20, 30)))
            stop = PlannedStop(unit.id, site.id, tuple(working[first : first + length]), women)
            if not check(problem, plan_of(problem, [*chosen, stop])):
                chosen.append(stop)
    return chosen


def tiny_problems() -> st.SearchStrategy[Problem]:
    """Small enough for brute force."""
    return problems(most_units=2, most_sites=4, most_days=8, visits_max=1, fixed=1)


def plan_of(problem: Problem, stops: list[PlannedStop]) -> Plan:
    """A plan that states its true terms."""
    objective = terms(problem, stops)
    return Plan(stops=tuple(stops), unserved=(), objective=objective, seconds=0.0, solver="by hand", seed=0)
