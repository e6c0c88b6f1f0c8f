"""The vocabulary of itinerary planning: what is asked of the planner and what it answers.

Pure values: no database, no solver. Kilometres are road kilometres, days are calendar dates, women are counted heads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mobile_units.rules.calendar import working_days
from mobile_units.rules.programmes import Programme


@dataclass(frozen=True, slots=True)
class PlanningUnit:
    """A mobile unit as the planner sees it; `latitude` and `longitude` are those of its base.

    `women_on_first_day` is smaller than `women_per_day`, because the first appointment at a new place waits for the
    set-up. Both count all programmes of the unit together. `weekdays` are numbered 1 (Monday) to 7 (Sunday).
    """

    id: int
    name: str
    latitude: float
    longitude: float
    programmes: frozenset[Programme]
    women_per_day: int
    women_on_first_day: int
    weekdays: frozenset[int]

    def __post_init__(self) -> None:
        if not 0 <= self.women_on_first_day <= self.women_per_day or self.women_per_day < 1:
            raise ValueError("a unit sees at least one woman a day, and no more on the first day than on the others")


@dataclass(frozen=True, slots=True)
class PlanningSite:
    """A place where a unit may stand. `days_max` is the longest stay; women beyond it stay due."""

    id: int
    name: str
    latitude: float
    longitude: float
    women_due: Mapping[Programme, int]
    days_max: int

    def __post_init__(self) -> None:
        if self.days_max < 1 or any(women < 0 for women in self.women_due.values()):
            raise ValueError("a stay lasts at least one day, and women due cannot be negative")

    def women_due_for(self, unit: PlanningUnit) -> int:
        """Women due in the programmes that the unit offers."""
        return sum(women for programme, women in self.women_due.items() if programme in unit.programmes)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be planned: units and sites between two days, both included.

    `road_factor` turns distances on the ellipsoid into road kilometres. `km_per_woman` is the exchange rate of the
    objective: how many kilometres one more woman reached is worth.
    """

    first_day: date
    last_day: date
    units: tuple[PlanningUnit, ...]
    sites: tuple[PlanningSite, ...]
    road_factor: float = 1.3
    km_per_woman: float = 10.0

    def working_days(self, unit: PlanningUnit) -> list[date]:
        """The days of the period on which the unit works, in order."""
        return working_days(self.first_day, self.last_day, unit.weekdays)


@dataclass(frozen=True, slots=True)
class PlannedStop:
    """One stay of a unit at a site, on consecutive working days of the unit, reaching `women` at most."""

    unit_id: int
    site_id: int
    days: tuple[date, ...]
    women: int


@dataclass(frozen=True, slots=True)
class Unserved:
    """Why no unit comes to a site for a programme; `programme` is None where no women are due at all."""

    site_id: int
    code: str
    reason_en: str
    reason_pl: str
    programme: Programme | None = None


@dataclass(frozen=True, slots=True)
class Objective:
    """The terms by which a plan is judged: women reached first, kilometres second.

    `women_due` is the demand in the programmes offered by the units, `unit_days` are the working days of all units.
    """

    women: int
    women_due: int
    km: float
    km_per_woman: float
    unit_days: int
    unit_days_used: int

    @property
    def value(self) -> float:
        """Women reached, less the kilometres counted in women; more is better."""
        return self.women - self.km / self.km_per_woman


@dataclass(frozen=True, slots=True)
class Plan:
    """An itinerary for every unit. `seconds` is the time it took; `solver` names the method that made it."""

    stops: tuple[PlannedStop, ...]
    unserved: tuple[Unserved, ...]
    women: int
    km: float
    objective: Objective
    seconds: float
    solver: str
    seed: int


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known while the solver runs; `women` and `km` are those of the best plan so far."""

    seconds: float
    iterations: int
    women: int
    km: float


def coordinates(units: Sequence[PlanningUnit], sites: Sequence[PlanningSite]) -> list[tuple[float, float]]:
    """Latitude and longitude of the bases of `units`, then of `sites`."""
    bases = [(unit.latitude, unit.longitude) for unit in units]
    return bases + [(site.latitude, site.longitude) for site in sites]


def women_within(unit: PlanningUnit, due: int, days: int) -> int:
    """Women that the unit reaches in a stay of `days` at a place where `due` women are due."""
    return min(due, unit.women_on_first_day + (days - 1) * unit.women_per_day) if days > 0 else 0


def days_needed(unit: PlanningUnit, due: int, days_max: int) -> int:
    """The shortest stay that reaches all women due, at most `days_max` days; 0 when nobody is due."""
    if due <= 0:
        return 0
    after_first_day = max(0, due - unit.women_on_first_day)
    return min(days_max, 1 + -(-after_first_day // unit.women_per_day))
