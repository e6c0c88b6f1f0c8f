"""Drawings of a plan as their templates show them: a timeline of units and days, a map, a curve.

Pure view models: plain values in, nothing read from anywhere. Stored itineraries and plans of the planner look alike.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby, pairwise
from math import cos, radians, sqrt
from typing import NamedTuple

from mobile_units.planning.problem import EVERY_DAY, Key, Period, PlanningSite, PlanningUnit
from mobile_units.rules.calendar import holiday_name

COLOURS = 8
"""How many colours tell units apart; with more units they come again."""

MAP_WIDTH = 720.0
MAP_HEIGHT_AT_MOST = 760.0
MARGIN = 26.0
KM_PER_DEGREE = 111.195
"""Of a great circle on a sphere of 6,371 km."""

ROUND_KM = (1, 2, 5, 10, 20, 50, 100, 200, 500)
LEAST_SPAN_KM = 10.0


class StopState(StrEnum):
    """How firmly a stop stands: it may move, is pinned, is promised, or differs from the version that it revises."""

    FREE = "free"
    PINNED = "pinned"
    PUBLISHED = "published"
    CHANGED = "changed"


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


# the timeline


class CellKind(StrEnum):
    """What a unit does on some days in a row within a week."""

    FREE = "free"
    OFF = "off"
    AWAY = "away"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Days in a row of one kind; a stop goes on in further cells after days off, of which the first is `begins`.

    `link` leads to the stop, or to adding one on the first of free days.
    """

    kind: CellKind
    days: Sequence[date]
    stop: DrawnStop | None = None
    begins: bool = True
    ends: bool = True
    link: str | None = None

    @property
    def monday(self) -> bool:
        """Whether a week begins with it."""
        return self.days[0].weekday() == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A unit and its days; more than one lane of cells only if stops overlap."""

    unit: DrawnUnit
    lanes: Sequence[Sequence[Cell]]
    stops: int
    women: int


@dataclass(frozen=True, slots=True)
class Column:
    """A day of the heading."""

    day: date
    off: bool
    holiday: str | None
    today: bool


class Span(NamedTuple):
    """Days that have a heading in common: a month or a week; the first day, and how many."""

    first_day: date
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Units by days, ready to be shown by the macro of the same name."""

    months: Sequence[Span]
    weeks: Sequence[Span]
    columns: Sequence[Column]
    rows: Sequence[Row]
    stops: int
    states: Sequence[StopState]
    wrong: int

    @property
    def first_day(self) -> date:
        """The first day shown."""
        return self.columns[0].day

    @property
    def last_day(self) -> date:
        """The last day shown."""
        return self.columns[-1].day


def timeline(  # noqa: PLR0913 -- what is drawn, and what may be done with it
    units: Sequence[DrawnUnit],
    first_day: date,
    last_day: date,
    stops: Iterable[DrawnStop],
    *,
    today: date | None = None,
    add_link: Callable[[Key, date], str] | None = None,
) -> Timeline:
    """Units as rows and days as columns; stops of other units, and their days outside the period, are not shown.

    With `add_link` (unit, day) every row of free days leads to adding a stop on the first of them.
    """
    days = [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]
    by_unit: dict[Key, list[DrawnStop]] = {unit.id: [] for unit in units}
    for stop in stops:
        if stop.unit_id in by_unit and any(first_day <= day <= last_day for day in stop.days):
            by_unit[stop.unit_id].append(stop)
    shown = [stop for each in by_unit.values() for stop in each]
    held = {stop.state for stop in shown}
    return Timeline(
        months=_spans(days, lambda day: (day.year, day.month)),
        weeks=_spans(days, lambda day: day.isocalendar()[:2]),
        columns=[Column(day, _is_off(day), holiday_name(day), day == today) for day in days],
        rows=[_row(unit, by_unit[unit.id], days, add_link) for unit in units],
        stops=len(shown),
        states=[state for state in StopState if state in held],
        wrong=sum(bool(stop.wrong) for stop in shown),
    )


def _spans(days: Iterable[date], key: Callable[[date], tuple[int, int]]) -> list[Span]:
    runs = [list(run) for _, run in groupby(days, key)]
    return [Span(run[0], len(run)) for run in runs]


def _is_off(day: date) -> bool:
    return day.isoweekday() > 5 or holiday_name(day) is not None


def _row(
    unit: DrawnUnit,
    stops: Sequence[DrawnStop],
    days: Sequence[date],
    add_link: Callable[[Key, date], str] | None,
) -> Row:
    lanes = [list(_cells(unit, lane, days, add_link)) for lane in _lanes(stops)]
    return Row(unit=unit, lanes=lanes, stops=len(stops), women=sum(stop.women for stop in stops))


def _lanes(stops: Iterable[DrawnStop]) -> list[dict[date, DrawnStop]]:
    """The stops by day, in as few lanes as they need; one at least."""
    lanes: list[dict[date, DrawnStop]] = [{}]
    for stop in sorted(stops, key=lambda each: (each.days[0], each.days[-1])):
        lane = next((each for each in lanes if not any(day in each for day in stop.days)), None)
        if lane is None:
            lanes.append(lane := {})
        lane.update(dict.fromkeys(stop.days, stop))
    return lanes


def _cells(
    unit: DrawnUnit,
    stops: Mapping[date, DrawnStop],
    days: Sequence[date],
    add_link: Callable[[Key, date], str] | None,
) -> Iterable[Cell]:
    for (kind, *_), run in groupby(days, lambda day: _key(unit, stops, day)):
        cell_days = list(run)
        stop = stops.get(cell_days[0])
        if stop is None:
            link = add_link(unit.id, cell_days[0]) if add_link and kind is CellKind.FREE else None
            yield Cell(kind=kind, days=cell_days, link=link)
        else:
            yield Cell(
                kind=kind,
                days=cell_days,
                stop=stop,
                begins=cell_days[0] == max(stop.days[0], days[0]),
                ends=cell_days[-1] == min(stop.days[-1], days[-1]),
                link=stop.link,
            )


def _key(unit: DrawnUnit, stops: Mapping[date, DrawnStop], day: date) -> tuple[CellKind, int, int]:
    """What the days of one cell have in common; free days are cut at weeks, a stop goes on over them."""
    stop = stops.get(day)
    if stop is not None:
        return CellKind.STOP, id(stop), 0
    if not unit.works_on(day):
        return CellKind.OFF, 0, day.isocalendar()[1]
    return (CellKind.AWAY if unit.is_away(day) else CellKind.FREE), 0, day.isocalendar()[1]


# the map


@dataclass(frozen=True, slots=True)
class Base:
    """The place from which a unit starts."""

    x: float
    y: float
    unit: DrawnUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A site on the map; without a `unit` it is left out."""

    x: float
    y: float
    r: float
    site: DrawnSite
    unit: DrawnUnit | None = None
    women: int = 0
    days: Sequence[date] = ()
    state: StopState | None = None
    wrong: bool = False


class Label(NamedTuple):
    """The name of a place, from which point it is written, and to which side of it."""

    x: float
    y: float
    name: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Tour:
    """The way of a unit from its base from stop to stop, in order of time, and home, as points of a line."""

    unit: DrawnUnit
    points: str
    stops: int
    women: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteMap:
    """Bases, sites and tours, ready to be shown by the macro of the same name.

    `scale_km` kilometres are `scale` units of the drawing long.
    """

    width: float
    height: float
    bases: Sequence[Base]
    base_size: float
    tours: Sequence[Tour]
    served: Sequence[Place]
    unserved: Sequence[Place]
    labels: Sequence[Label]
    scale: float
    scale_km: int
    estimated: int


@dataclass(slots=True)
class _Projection:
    """The sinusoidal projection around the middle of what is shown: areas are true, and directions nearly so."""

    middle: float
    per_km: float = 1.0
    left: float = 0.0
    top: float = 0.0
    width: float = 0.0
    height: float = 0.0

    def km(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Kilometres to the east and to the south."""
        return (longitude - self.middle) * cos(radians(latitude)) * KM_PER_DEGREE, -latitude * KM_PER_DEGREE

    def point(self, latitude: float, longitude: float) -> tuple[float, float]:
        """The point of the drawing."""
        east, south = self.km(latitude, longitude)
        return round(MARGIN + (east - self.left) * self.per_km, 1), round(MARGIN + (south - self.top) * self.per_km, 1)


def _projection(places: Sequence[tuple[float, float]]) -> _Projection:
    longitudes = [longitude for _, longitude in places]
    made = _Projection((min(longitudes) + max(longitudes)) / 2)
    points = [made.km(*place) for place in places]
    easts, souths = [east for east, _ in points], [south for _, south in points]
    wide = max(max(easts) - min(easts), LEAST_SPAN_KM)
    high = max(max(souths) - min(souths), LEAST_SPAN_KM)
    made.per_km = min((MAP_WIDTH - 2 * MARGIN) / wide, (MAP_HEIGHT_AT_MOST - 2 * MARGIN) / high)
    made.left, made.top = min(easts), min(souths)
    made.width = round(wide * made.per_km + 2 * MARGIN, 1)
    made.height = round(high * made.per_km + 2 * MARGIN, 1)
    return made


def site_map(sites: Sequence[DrawnSite], units: Sequence[DrawnUnit], stops: Iterable[DrawnStop]) -> SiteMap | None:
    """Bases, sites served and left out, and the tours; None if there is nothing to show.

    The area of a site grows with the women that its stops reach; one that is left out is drawn the smallest.
    """
    if not sites and not units:
        return None
    places = [(site.latitude, site.longitude) for site in sites]
    bases = [(unit.latitude, unit.longitude) for unit in units]
    projection = _projection(places + bases)
    by_unit = {unit.id: unit for unit in units}
    at = {site.id: projection.point(site.latitude, site.longitude) for site in sites}
    made = [stop for stop in stops if stop.unit_id in by_unit and stop.site_id in at]
    by_site: dict[Key, list[DrawnStop]] = {}
    tours: dict[Key, list[DrawnStop]] = {unit.id: [] for unit in units}
    for stop in sorted(made, key=lambda each: each.days[0]):
        by_site.setdefault(stop.site_id, []).append(stop)
        tours[stop.unit_id].append(stop)
    most = max((sum(stop.women for stop in each) for each in by_site.values()), default=0)
    largest = _largest(len(by_site))
    served = [
        _served(site, at[site.id], by_site[site.id], by_unit, (most, largest)) for site in sites if site.id in by_site
    ]
    left_out = [
        Place(x=at[site.id][0], y=at[site.id][1], r=largest / 4, site=site) for site in sites if site.id not in by_site
    ]
    length = _scale_km(projection)
    return SiteMap(
        width=projection.width,
        height=projection.height,
        bases=[Base(*projection.point(unit.latitude, unit.longitude), unit) for unit in units],
        base_size=round(min(12.0, 5 + largest), 1),
        tours=[_tour(unit, projection, at, tours[unit.id]) for unit in units if tours[unit.id]],
        served=sorted(served, key=lambda place: -place.r),
        unserved=left_out,
        labels=_labels(sorted(served, key=lambda place: -place.women), projection.width),
        scale=round(length * projection.per_km, 1),
        scale_km=length,
        estimated=sum(site.estimated for site in sites),
    )


LABELS = 16
"""How many of the largest stops are named on the map, at the most."""
LETTER, LINE = 6.2, 14.0
"""How wide a letter and how high a line of a label is, about."""


def _labels(places: Iterable[Place], width: float) -> list[Label]:
    """Names of the largest places, where they hide no other name."""
    made: list[Label] = []
    taken: list[tuple[float, float, float]] = []
    for place in places:
        long = LETTER * len(place.site.name)
        to_left = place.x + place.r + long + 6 > width
        x = place.x - place.r - 4 if to_left else place.x + place.r + 4
        left = x - long if to_left else x
        if all(abs(place.y - y) >= LINE or left > end or left + long < start for start, end, y in taken):
            taken.append((left, left + long, place.y))
            made.append(Label(round(x, 1), round(place.y + 4, 1), place.site.name, "end" if to_left else "start"))
        if len(made) == LABELS:
            break
    return made


def _largest(places: int) -> float:
    """How large the sign of a place is at the most: the more there are, the smaller, so that they can be told apart."""
    return max(3.5, 12.0 * min(1.0, sqrt(80 / max(places, 1))))


def _radius(women: int, most: int, largest: float) -> float:
    """Of the sign of a place, its area growing with the women."""
    return round(largest / 4 + 0.75 * largest * sqrt(women / most), 1) if most else largest / 4


def _served(
    site: DrawnSite,
    at: tuple[float, float],
    stops: Sequence[DrawnStop],
    units: Mapping[Key, DrawnUnit],
    most: tuple[int, float],
) -> Place:
    women = sum(stop.women for stop in stops)
    return Place(
        x=at[0],
        y=at[1],
        r=_radius(women, *most),
        site=site,
        unit=units[stops[0].unit_id],
        women=women,
        days=[day for stop in stops for day in stop.days],
        state=stops[0].state,
        wrong=any(stop.wrong for stop in stops),
    )


def _tour(
    unit: DrawnUnit, projection: _Projection, at: Mapping[Key, tuple[float, float]], stops: Sequence[DrawnStop]
) -> Tour:
    home = projection.point(unit.latitude, unit.longitude)
    way = [home, *(at[stop.site_id] for stop in stops), home]
    points = " ".join(f"{x:g},{y:g}" for (x, y), _ in groupby(way))
    return Tour(unit, points, len(stops), sum(stop.women for stop in stops))


def _scale_km(projection: _Projection) -> int:
    """The longest round length that takes no more than a quarter of the width."""
    fitting = [length for length in ROUND_KM if length * projection.per_km <= projection.width / 4]
    return fitting[-1] if fitting else ROUND_KM[0]


# the curve


@dataclass(frozen=True, slots=True)
class Curve:
    """How the value rose from the `lowest` to the `highest`, as points of a line `CURVE_WIDTH` by `CURVE_HEIGHT`."""

    points: str
    lowest: float
    highest: float
    seconds: float


CURVE_WIDTH, CURVE_HEIGHT = 320.0, 72.0
RIM = 4.0


def curve(history: Sequence[Sequence[float]], seconds: float) -> Curve | None:
    """A stair of pairs of seconds and value, over the seconds of the search; None of less than two pairs.

    It begins with the first plan, because nothing is found while the search is prepared.
    """
    pairs = [(pair[0] - history[0][0], pair[1]) for pair in history]
    if len(pairs) < 2:
        return None
    long = max(seconds, pairs[-1][0])
    lowest, highest = min(value for _, value in pairs), max(value for _, value in pairs)
    per_second = (CURVE_WIDTH - 2 * RIM) / long
    per_value = (CURVE_HEIGHT - 2 * RIM) / ((highest - lowest) or 1.0)

    def point(at: float, value: float) -> str:
        return f"{RIM + at * per_second:.1f},{RIM + (highest - value) * per_value:.1f}"

    steps = [point(*pairs[0])]
    for (_, before), (at, value) in pairwise(pairs):
        steps += [point(at, before), point(at, value)]
    return Curve(" ".join(steps), lowest, highest, pairs[-1][0])
