"""A world small enough to be worked out by hand: bases and places on one meridian.

One degree of latitude on the WGS84 ellipsoid is 111.2578 km around 51.5° and 111.2768 km around 52.5°.
"""

from collections.abc import Iterable
from datetime import date

from mobile_units.planning.problem import PlanningSite, PlanningUnit, Problem
from mobile_units.rules.calendar import MONDAY_TO_FRIDAY
from mobile_units.rules.programmes import Programme

FROM_51_TO_52 = 111.2578
FROM_51_TO_53 = 111.2578 + 111.2768


def unit(
    number: int = 1,
    *,
    programmes: Iterable[Programme] = (Programme.BREAST,),
    per_day: int = 60,
    first_day: int = 50,
    latitude: float = 51.0,
) -> PlanningUnit:
    """A unit with its base at 51 degrees, working Monday to Friday."""
    return PlanningUnit(
        number, f"Unit {number}", latitude, 19.0, frozenset(programmes), per_day, first_day, MONDAY_TO_FRIDAY
    )


def site(number: int, latitude: float, *, breast: int = 0, cervical: int = 0, days_max: int = 5) -> PlanningSite:
    """A place on the meridian."""
    due = {Programme.BREAST: breast, Programme.CERVICAL: cervical}
    return PlanningSite(number, f"Site {number}", latitude, 19.0, due, days_max)


def problem(
    units: Iterable[PlanningUnit],
    sites: Iterable[PlanningSite],
    first: date = date(2026, 11, 9),
    last: date = date(2026, 11, 16),
) -> Problem:
    """By default a week and a day with Independence Day in it: the working days 9, 10, 12, 13 and 16 November 2026."""
    return Problem(first, last, tuple(units), tuple(sites))
