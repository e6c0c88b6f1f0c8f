"""Units, places and stops to be drawn."""

from collections.abc import Sequence
from datetime import date

from mobile_units.planning.problem import Period
from mobile_units.rules.calendar import MONDAY_TO_FRIDAY
from routes.pages.drawn import DrawnSite, DrawnStop, DrawnUnit, StopState

MONDAY = date(2027, 3, 8)
SUNDAY = date(2027, 3, 14)
LODZ, WIELUN, KUTNO = (51.77, 19.46), (51.22, 18.57), (52.23, 19.36)


def unit(key: int = 1, *, away: Sequence[Period] = (), weekdays: frozenset[int] = MONDAY_TO_FRIDAY) -> DrawnUnit:
    """A unit from Łódź."""
    return DrawnUnit(
        id=key, name=f"Mammobus {key}", latitude=LODZ[0], longitude=LODZ[1], weekdays=weekdays, unavailable=away
    )


def site(key: int, place: tuple[float, float] = WIELUN, women: int = 100, *, estimated: bool = False) -> DrawnSite:
    """A site where women are due."""
    return DrawnSite(
        id=key, name=f"Miejsce {key}", latitude=place[0], longitude=place[1], women_due=women, estimated=estimated
    )


def stop(
    *days: date, unit_id: int = 1, site_id: int = 1, women: int = 60, state: StopState = StopState.FREE
) -> DrawnStop:
    """A stop on these days."""
    return DrawnStop(
        unit_id=unit_id, site_id=site_id, place="Wieluń", days=days, women=women, state=state, link=f"/stops/{site_id}"
    )
