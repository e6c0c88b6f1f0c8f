"""The vocabulary of itinerary planning: what is asked of the planner and what it answers.

Pure values: no database, no solver. Kilometres are road kilometres, days are calendar dates, women are counted heads.
A key of a unit or a site is whatever its owner uses: a number from the database, or a text from a file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from mobile_units.rules.calendar import working_days
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Key = int | str
Need = Programme | None
"""What women are due for at a site; None is any programme, which every unit offers."""

EVERY_DAY: frozenset[int] = frozenset(range(1, 8))
UNLIMITED_DAYS = 366
GREEDY = "greedy"
"""The solver of a plan that was built and not searched."""


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Days from the first to the last, both included."""

    first_day: date
    last_day: date

    def __post_init__(self) -> None:
        if self.last_day < self.first_day:
            raise ValueError("a period ends before it begins")

    def __contains__(self, day: date) -> bool:
        return self.first_day <= day <= self.last_day


@dataclass(frozen=True, slots=True)
class Capacity:
    """Women per day other than the usual number: at one site, or while another crew works.

    Without a site it holds everywhere, without a period always.
    """

    women_per_day: Mapping[Programme, int]
    site_id: Key | None = None
    period: Period | None = None

    def applies(self, site_id: Key | None, day: date) -> bool:
        """Whether it holds at a site on a day."""
        return self.site_id in {None, site_id} and (self.period is None or day in self.period)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningUnit:
    """A mobile unit as the planner sees it; `latitude` and `longitude` are those of its base.

    `women_on_first_day` is smaller than `women_per_day`, because the first appointment at a new place waits for the
    set-up; both are by programme. The last of `capacities` that applies replaces them. `weekdays` are numbered 1
    (Monday) to 7 (Sunday). `max_relocation_km` is the longest single drive. Empty `regions` (voivodeships, the first
    two digits of TERYT) and `site_ids` permit every site. `needs` is what a place must not lack.
    """

    id: Key
    name: str
    latitude: float
    longitude: float
    women_per_day: Mapping[Programme, int]
    women_on_first_day: Mapping[Programme, int]
    weekdays: frozenset[int]
    home_rule: HomeRule = HomeRule.STAYS_OUT
    max_relocation_km: float | None = None
    unavailable: tuple[Period, ...] = ()
    regions: frozenset[str] = frozenset()
    site_ids: frozenset[Key] = frozenset()
    needs: frozenset[str] = frozenset()
    capacities: tuple[Capacity, ...] = ()

    def __post_init__(self) -> None:
        if not self.women_per_day or self.women_per_day.keys() != self.women_on_first_day.keys():
            raise ValueError("a unit has a capacity in each of its programmes, on the first day and on the others")
        for programme, women in self.women_per_day.items():
            if not 0 <= self.women_on_first_day[programme] <= women or women < 1:
                raise ValueError(
                    "a unit sees at least one woman a day, and no more on the first day than on the others"
                )

    @property
    def programmes(self) -> frozenset[Programme]:
        """What the unit is equipped for."""
        return frozenset(self.women_per_day)

    def offers(self, need: Need) -> bool:
        """Whether women due for it can be examined in the unit."""
        return need is None or need in self.women_per_day

    def women_on(self, need: Need, site_id: Key | None, day: date, *, first: bool) -> int:
        """Women who can be examined on a day at a site; for any programme, in the one with the most of them.

        Without a site it is one that has no capacity of its own.
        """
        if need is None:
            return max(self.women_on(each, site_id, day, first=first) for each in self.women_per_day)
        usual, on_first = self.women_per_day.get(need, 0), self.women_on_first_day.get(need, 0)
        women = usual
        for capacity in self.capacities:
            if capacity.applies(site_id, day):
                women = capacity.women_per_day.get(need, women)
        return women * on_first // usual if first and usual else women

    def women_within(self, site: "PlanningSite", days: Sequence[date]) -> dict[Need, int]:
        """Women who can be examined at a site in a stay on these days, however many are due."""
        return {
            need: sum(self.women_on(need, site.id, day, first=day == days[0]) for day in days)
            for need in site.needs_of(self)
        }

    def may_serve(self, site: "PlanningSite") -> bool:
        """Whether the unit is permitted at the site and the site has what the unit needs; says nothing of distance."""
        permitted = not self.site_ids or site.id in self.site_ids
        in_region = not self.regions or site.region in self.regions
        return permitted and in_region and not self.needs & site.lacks

    def is_available(self, day: date) -> bool:
        """Whether no unavailability covers the day."""
        return not any(day in period for period in self.unavailable)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningSite:
    """A place where a unit may stand.

    A stay lasts as long as the women due need, at least `days_min` and at most `days_max` days; women beyond it stay
    due. A stay lies within `earliest` and `latest`, on `weekdays`, outside `blackouts`. Of the sites of a `group` one
    is chosen. `visits_max` stays may be made in each programme, `gap_days` or more lying free between two of them, and
    between `last_visit` and the first. `weight` is what a woman here counts in the objective, one being the usual.
    """

    id: Key
    name: str
    latitude: float
    longitude: float
    women_due: Mapping[Need, int]
    days_min: int = 1
    days_max: int = UNLIMITED_DAYS
    earliest: date | None = None
    latest: date | None = None
    weekdays: frozenset[int] = EVERY_DAY
    blackouts: tuple[Period, ...] = ()
    group: str | None = None
    weight: float = 1.0
    region: str | None = None
    lacks: frozenset[str] = frozenset()
    visits_max: int = 1
    gap_days: int = 0
    last_visit: date | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.days_min <= self.days_max or any(women < 0 for women in self.women_due.values()):
            raise ValueError("a stay lasts at least one day, and women due cannot be negative")

    def needs_of(self, unit: PlanningUnit) -> dict[Need, int]:
        """Women due whom the unit could examine, by what they are due for; never a zero."""
        return {need: women for need, women in self.women_due.items() if women > 0 and unit.offers(need)}

    def women_due_for(self, unit: PlanningUnit) -> int:
        """Women due in the programmes that the unit offers."""
        return sum(self.needs_of(unit).values())


@dataclass(frozen=True, slots=True)
class PlannedStop:
    """One stay of a unit at a site, on consecutive working days of the unit, reaching `women` at most."""

    unit_id: Key
    site_id: Key
    days: tuple[date, ...]
    women: int


@dataclass(frozen=True, slots=True)
class Limit:
    """How many women the contract still pays for: in a programme, by these units, at stops that begin in the period.

    `codes` are the product codes that it is about, for the explanation.
    """

    codes: str
    programme: Programme
    unit_ids: frozenset[Key]
    period: Period
    women: int


@dataclass(frozen=True, slots=True)
class Weights:
    """What the terms of the objective are worth.

    One more woman (of weight one) is worth `km_per_woman` kilometres of a unit; a kilometre of a crew in its car counts
    `crew_km_share` of it; a day of uneven load costs `women_per_uneven_day` women.
    """

    km_per_woman: float = 10.0
    crew_km_share: float = 0.3
    women_per_uneven_day: float = 0.2


@dataclass(frozen=True, slots=True)
class Roads:
    """How straight lines become roads, and how far a unit is driven between two days of work.

    Between consecutive working days a unit is driven `drive_hours` at the most, and as long again on each free day
    between them. A crew goes home every evening from a place within `crew_commute_km` of the base.
    """

    road_factor: float = 1.3
    speed_kmh: float = 50.0
    drive_hours: float = 6.0
    crew_commute_km: float = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """Road kilometres, and hours where known, between the bases of the units and the sites, in this order.

    `estimated` of the pairs were estimated, because the source knows no road between them.
    """

    kilometres: "NDArray[np.float64]"
    hours: "NDArray[np.float64] | None" = None
    estimated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is to be planned: units and sites between two days, both included.

    `fixed` stops have a day in the period and are part of every plan, as they are. Without a `matrix` the distances are
    estimated from coordinates.
    """

    first_day: date
    last_day: date
    units: tuple[PlanningUnit, ...]
    sites: tuple[PlanningSite, ...]
    fixed: tuple[PlannedStop, ...] = ()
    limits: tuple[Limit, ...] = ()
    weights: Weights = field(default_factory=Weights)
    roads: Roads = field(default_factory=Roads)
    matrix: Matrix | None = None

    def __post_init__(self) -> None:
        for stop in self.fixed:
            if not any(self.first_day <= day <= self.last_day for day in stop.days):
                raise ValueError("a fixed stop has a day in the period")

    def working_days(self, unit: PlanningUnit) -> list[date]:
        """The days of the period on which the unit works, in order."""
        return [day for day in working_days(self.first_day, self.last_day, unit.weekdays) if unit.is_available(day)]


@dataclass(frozen=True, slots=True)
class Unserved:
    """Why no unit comes to a site for a programme; `programme` is None where it is any, or no women are due at all."""

    site_id: Key
    code: str
    reason_en: str
    reason_pl: str
    programme: Programme | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """The terms by which a plan is judged: women reached first, then kilometres, then even load.

    `women_weighted` counts each woman by the weight of her site; `women_due` is the demand in the programmes offered.
    `km` are those of the units, `km_crews` those of their crews by car. `unit_days` are the working days of all units.
    `uneven_days` is how far the loads of the units are from each other, in days: the sum over the units of
    (days used - fair share)² / days available, the fair share being proportional to the days available.
    """

    women: int
    women_weighted: float
    women_due: int
    km: float
    km_crews: float
    unit_days: int
    unit_days_used: int
    uneven_days: float
    weights: Weights

    @property
    def value(self) -> float:
        """Weighted women reached, less kilometres and uneven load counted in women; more is better."""
        km = self.km + self.weights.crew_km_share * self.km_crews
        return (
            self.women_weighted - km / self.weights.km_per_woman - self.weights.women_per_uneven_day * self.uneven_days
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An itinerary for every unit. `seconds` is the time it took; `solver` names the method that made it."""

    stops: tuple[PlannedStop, ...]
    unserved: tuple[Unserved, ...]
    objective: Objective
    seconds: float
    solver: str
    seed: int
    iterations: int = 0

    @property
    def women(self) -> int:
        """Women reached."""
        return self.objective.women

    @property
    def km(self) -> float:
        """Kilometres of the units."""
        return self.objective.km


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known while the solver runs; `women`, `km` and `value` are those of the best plan so far."""

    seconds: float
    iterations: int
    women: int
    km: float
    value: float


Distances = Callable[[Problem], Matrix]
"""Says how far all places of a problem are from each other; what is handed to another process can be pickled."""

KeptDistances = Callable[[Problem], Matrix | None]
"""Says the same without asking anybody; None if it is not known."""


def coordinates(units: Sequence[PlanningUnit], sites: Sequence[PlanningSite]) -> list[tuple[float, float]]:
    """Latitude and longitude of the bases of `units`, then of `sites`."""
    bases = [(unit.latitude, unit.longitude) for unit in units]
    return bases + [(site.latitude, site.longitude) for site in sites]
