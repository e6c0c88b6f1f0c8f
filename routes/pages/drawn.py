"""What is drawn of a plan, whichever way: units, places and stops.

Plain values, nothing read from anywhere, so that stored itineraries and plans of the planner look alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from mobile_units.planning.problem import EVERY_DAY, Key, Period, PlanningSite, PlanningUnit
from mobile_units.rules.calendar import holiday_name

COLOURS = 8
"""How many colours tell units apart; with more units they come again."""


class StopState(StrEnum):
    """How firmly a stop stands: it may move, is pinned, is promised, or differs from the version that it revises.

    One that is `BESIDE` is published in another itinerary, and only shown so that its days are not taken for free.
    """

    FREE = "free"
    PINNED = "pinned"
    PUBLISHED = "published"
    CHANGED = "changed"
    BESIDE = "beside"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnUnit:
    """A unit: its base, weekdays of work (1 is Monday) and days off; `colour` counts from 0 to `COLOURS` - 1."""

    id: Key
    name: str
    latitude: float
    longitude: float
    code: str = ""
    weekdays: frozenset[int] = EVERY_DAY
    unavailable: Sequence[Period] = ()
    colour: int = 0

    def works_on(self, day: date) -> bool:
        """Whether it is one of its weekdays and no public holiday; says nothing of its unavailability."""
        return day.isoweekday() in self.weekdays and holiday_name(day) is None

    def is_away(self, day: date) -> bool:
        """Whether it is unavailable on the day."""
        return any(day in period for period in self.unavailable)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnSite:
    """A place, and the women due there; `estimated` coordinates were looked up and nobody confirmed them."""

    id: Key
    name: str
    latitude: float
    longitude: float
    women_due: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnStop:
    """A stay: `place` is the name of the site, `days` are those of work in order, `wrong` what a violation says of it.

    `link` is the address to which the bar leads, if any.
    """

    unit_id: Key
    site_id: Key
    place: str
    days: Sequence[date]
    women: int
    state: StopState = StopState.FREE
    wrong: Sequence[str] = ()
    link: str | None = None


def drawn_units(units: Iterable[PlanningUnit], codes: Mapping[Key, str] | None = None) -> list[DrawnUnit]:
    """The units of a problem, coloured in their order."""
    return [
        DrawnUnit(
            id=unit.id,
            name=unit.name,
            latitude=unit.latitude,
            longitude=unit.longitude,
            code=(codes or {}).get(unit.id, ""),
            weekdays=unit.weekdays,
            unavailable=unit.unavailable,
            colour=number % COLOURS,
        )
        for number, unit in enumerate(units)
    ]


def drawn_sites(sites: Iterable[PlanningSite], estimated: Iterable[Key] = ()) -> list[DrawnSite]:
    """The sites of a problem; those named have unconfirmed coordinates."""
    unsure = frozenset(estimated)
    return [
        DrawnSite(
            id=site.id,
            name=site.name,
            latitude=site.latitude,
            longitude=site.longitude,
            women_due=sum(site.women_due.values()),
            estimated=site.id in unsure,
        )
        for site in sites
    ]
