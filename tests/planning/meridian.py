"""A world small enough to be worked out by hand: bases and places on one meridian.

One degree of latitude on the WGS84 ellipsoid is 111.2578 km around 51.5° and 111.2768 km around 52.5°.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from mobile_units.planning.problem import Need, PlanningSite, PlanningUnit, Problem
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
    **rules: Any,
) -> PlanningUnit:
    """A unit with its base at 51 degrees, working Monday to Friday; `rules` are its other attributes."""
    offered = list(programmes)
    return PlanningUnit(
        id=number,
        name=f"Unit {number}",
        latitude=latitude,
        longitude=19.0,
        women_per_day=dict.fromkeys(offered, per_day),
        women_on_first_day=dict.fromkeys(offered, first_day),
        **{"weekdays": MONDAY_TO_FRIDAY} | rules,
    )


def site(
    number: int, latitude: float, *, breast: int = 0, cervical: int = 0, anything: int = 0, **rules: Any
) -> PlanningSite:
    """A place on the meridian where units stay five days at the most; `rules` are its other attributes."""
    due: dict[Need, int] = {Programme.BREAST: breast, Programme.CERVICAL: cervical}
    return PlanningSite(
        id=number,
        name=f"Site {number}",
        latitude=latitude,
        longitude=19.0,
        women_due=due | {None: anything} if anything else due,
        **{"days_max": 5} | rules,
    )


def problem(
    units: Iterable[PlanningUnit],
    sites: Iterable[PlanningSite],
    first: date = date(2026, 11, 9),
    last: date = date(2026, 11, 16),
    **rules: Any,
) -> Problem:
    """By default a week and a day with Independence Day in it: the working days 9, 10, 12, 13 and 16 November 2026."""
    return Problem(first_day=first, last_day=last, units=tuple(units), sites=tuple(sites), **rules)
