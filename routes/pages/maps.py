"""The map of a plan as its template shows it: bases, places and tours."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from math import cos, radians, sqrt
from typing import NamedTuple

from mobile_units.planning.problem import Key
from routes.pages.drawn import DrawnSite, DrawnStop, DrawnUnit, StopState

MAP_WIDTH = 720.0
MAP_HEIGHT_AT_MOST = 760.0
MARGIN = 26.0
KM_PER_DEGREE = 111.195
"""Of a great circle on a sphere of 6,371 km."""

ROUND_KM = (1, 2, 5, 10, 20, 50, 100, 200, 500)
LEAST_SPAN_KM = 10.0


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
    base_size = round(min(12.0, 5 + largest), 1)
    shown_bases = [Base(*projection.point(unit.latitude, unit.longitude), unit) for unit in units]
    largest_first = sorted(served, key=lambda place: -place.women)
    signs = [(place.x, place.y, place.r) for place in largest_first[:HEEDED]]
    signs += [(base.x, base.y, base_size / 2) for base in shown_bases]
    return SiteMap(
        width=projection.width,
        height=projection.height,
        bases=shown_bases,
        base_size=base_size,
        tours=[_tour(unit, projection, at, tours[unit.id]) for unit in units if tours[unit.id]],
        served=sorted(served, key=lambda place: -place.r),
        unserved=left_out,
        labels=_labels(largest_first, signs, projection.width),
        scale=round(length * projection.per_km, 1),
        scale_km=length,
        estimated=sum(site.estimated for site in sites),
    )


LABELS = 16
"""How many of the largest stops are named on the map, at the most."""
LETTER, LINE = 6.2, 14.0
"""How wide a letter and how high a line of a label is, about."""
HEEDED = 4 * LABELS
"""How many of the largest stops no name may hide; in the crowd of a country there would be no room for any."""
GAP = 4.0
"""Between a sign and its label."""


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def hides(self, other: "_Box") -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def _labels(places: Iterable[Place], signs: Iterable[tuple[float, float, float]], width: float) -> list[Label]:
    """Names of the largest places, on the side where they hide neither another name nor a sign (point and radius)."""
    made: list[Label] = []
    taken = [_Box(x - r, y - r, x + r, y + r) for x, y, r in signs]
    for place in places:
        for label, box in _sides(place):
            if box.left >= 0 and box.right <= width and not any(box.hides(other) for other in taken):
                taken.append(box)
                made.append(label)
                break
        if len(made) == LABELS:
            break
    return made


def _sides(place: Place) -> Iterable[tuple[Label, _Box]]:
    """The name to the right and to the left of a place, and how much room it takes."""
    long, name, y = LETTER * len(place.site.name), place.site.name, round(place.y + 4, 1)
    top, bottom = place.y - LINE / 2, place.y + LINE / 2
    right, left = place.x + place.r + GAP, place.x - place.r - GAP
    yield Label(round(right, 1), y, name, "start"), _Box(right, top, right + long, bottom)
    yield Label(round(left, 1), y, name, "end"), _Box(left - long, top, left, bottom)


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
