"""Planning problems from one region to the whole country for the planner's benchmark; a seed always gives the same.

The places are real: `places.csv` holds 2,477 localities of GeoNames (CC BY 4.0), as many of the largest of each
voivodeship as it has gminas (the largest elsewhere where GeoNames knows too few). All else is drawn: women due follow
from the inhabitants, with some added for the villages around, by the product's own estimate (larger towns than 20,000
have laboratories of their own, so the rest of them do not count, and a part of the women went elsewhere); windows,
weekdays, closed days, alternatives, last visits and uptake are given to a share of the sites; the units are fictitious
and differ in equipment, capacity, home rule, reach, permits and days off.

Women due exceed what the fleet can reach in the quarter, as they do in reality, so the choice of places matters.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from random import Random

from mobile_units.planning.demand import DemandWeights, estimate_women_due, weight_of
from mobile_units.planning.problem import Need, Period, PlanningSite, PlanningUnit, Problem
from mobile_units.rules.calendar import MONDAY_TO_FRIDAY, quarter_from
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule

PLACES = Path(__file__).with_name("places.csv")
SEED = 2477
REGIONS = ("10", "30", "02", "16", "24", "26", "14", "04", "06", "18", "12", "20", "28", "22", "32", "08")
"""The voivodeships by TERYT, neighbours after each other."""

BREAST, CERVICAL = Programme.BREAST, Programme.CERVICAL
EQUIPMENT = ((BREAST,), (BREAST,), (BREAST, CERVICAL), (BREAST,), (CERVICAL,), (BREAST, CERVICAL))
HOME_RULES = (HomeRule.STAYS_OUT, HomeRule.HOME_ON_WEEKENDS, HomeRule.STAYS_OUT, HomeRule.HOME_DAILY)
SET_UP_WOMEN = 5
TOWN = 20_000


@dataclass(frozen=True, slots=True)
class Size:
    """How large a problem is, and the voivodeships that its places are drawn from."""

    name: str
    sites: int
    units: int
    regions: int


REGION = Size("one region", 100, 3, 1)
COUNTRY = Size("the country", 2_477, 100, 16)
SIZES = (REGION, Size("two regions", 300, 12, 2), Size("seven regions", 1_000, 40, 7), COUNTRY)


@dataclass(frozen=True, slots=True)
class Place:
    """A locality."""

    geonames_id: int
    region: str
    latitude: float
    longitude: float
    population: int


def problem_of(size: Size, seed: int = SEED) -> Problem:
    """The problem of a size: the first quarter of 2027."""
    random = Random(f"{seed} {size.name}")  # noqa: S311 -- an instance, no secret
    first, last = quarter_from(date(2027, 1, 1))
    regions = REGIONS[: size.regions]
    candidates = [place for place in places() if place.region in regions]
    drawn = candidates if size.sites == len(candidates) else random.sample(candidates, size.sites)
    groups = _groups(random, drawn)
    return Problem(
        first_day=first,
        last_day=last,
        units=tuple(_unit(random, number, regions, candidates) for number in range(size.units)),
        sites=tuple(_site(random, place, groups.get(place.geonames_id), first, last) for place in drawn),
    )


@cache
def places() -> tuple[Place, ...]:
    """All localities, the largest first."""
    with PLACES.open(encoding="utf-8", newline="") as file:
        return tuple(
            Place(
                int(row["geonames_id"]),
                row["region"],
                float(row["latitude"]),
                float(row["longitude"]),
                int(row["population"]),
            )
            for row in csv.DictReader(file)
        )


def _groups(random: Random, drawn: Sequence[Place]) -> dict[int, str]:
    """Pairs of neighbours of which one is to be chosen: about eight places in a hundred."""
    groups: dict[int, str] = {}
    for place in random.sample(drawn, len(drawn) // 25):
        others = [other for other in drawn if other is not place and other.geonames_id not in groups]
        if place.geonames_id not in groups and others:
            nearest = min(others, key=lambda other: _apart(place, other))
            groups[place.geonames_id] = groups[nearest.geonames_id] = f"group {place.geonames_id}"
    return groups


def _apart(one: Place, other: Place) -> float:
    return (one.latitude - other.latitude) ** 2 + 0.38 * (one.longitude - other.longitude) ** 2


def _site(random: Random, place: Place, group: str | None, first: date, last: date) -> PlanningSite:
    inhabitants = min(place.population, TOWN) + round(random.lognormvariate(8.3, 0.5))
    window = _window(random, first, last)
    days_since = None if random.random() < 0.1 else random.randint(180, 1_200)
    return PlanningSite(
        id=place.geonames_id,
        name=f"GN{place.geonames_id}",
        latitude=place.latitude,
        longitude=place.longitude,
        women_due=_women_due(random, inhabitants),
        days_max=8 if place.population >= TOWN else 5,
        earliest=window[0],
        latest=window[1],
        weekdays=MONDAY_TO_FRIDAY - {random.randint(1, 5)} if random.random() < 0.1 else MONDAY_TO_FRIDAY,
        blackouts=_blackouts(random, first),
        group=group,
        weight=round(weight_of(1.0, days_since, random.uniform(0.15, 0.5), DemandWeights()), 3),
        region=place.region,
    )


def _women_due(random: Random, inhabitants: int) -> dict[Need, int]:
    """For both programmes in six places of ten, for one of them in the others."""
    programmes = random.choices(((BREAST, CERVICAL), (BREAST,), (CERVICAL,)), (6, 3, 1))[0]
    return {
        programme: max(1, round(estimate_women_due(inhabitants, programme) * random.uniform(0.3, 0.9)))
        for programme in programmes
    }


def _window(random: Random, first: date, last: date) -> tuple[date | None, date | None]:
    """One site in five is open in a part of the quarter only, of five to nine weeks."""
    if random.random() >= 0.2:
        return None, None
    length = random.randint(35, 63)
    opens = first + timedelta(days=random.randint(0, (last - first).days - length))
    return opens, opens + timedelta(days=length)


def _blackouts(random: Random, first: date) -> tuple[Period, ...]:
    """One site in seven is closed for some days: a fair, works on the road, a holiday camp."""
    if random.random() >= 0.15:
        return ()
    closed = first + timedelta(days=random.randint(0, 85))
    return (Period(closed, closed + timedelta(days=random.randint(1, 10))),)


def _unit(random: Random, number: int, regions: Sequence[str], candidates: Sequence[Place]) -> PlanningUnit:
    region = regions[number % len(regions)]
    base = random.choice([place for place in candidates if place.region == region][:12])
    programmes = EQUIPMENT[number // len(regions) % len(EQUIPMENT)] if len(regions) > 1 else EQUIPMENT[2 * number]
    shared = 10 if len(programmes) > 1 else 0
    per_day: dict[Programme, int] = {programme: random.choice((50, 55, 60, 65)) - shared for programme in programmes}
    return PlanningUnit(
        id=number + 1,
        name=f"Unit {number + 1}",
        latitude=base.latitude,
        longitude=base.longitude,
        women_per_day=per_day,
        women_on_first_day={programme: women - SET_UP_WOMEN for programme, women in per_day.items()},
        weekdays=MONDAY_TO_FRIDAY,
        home_rule=HOME_RULES[random.randrange(len(HOME_RULES))],
        max_relocation_km=random.choice((None, None, None, 180.0, 120.0)),
        unavailable=_unavailable(random),
        regions=_permitted(random, region, regions),
    )


def _unavailable(random: Random) -> tuple[Period, ...]:
    """One unit in three is away for one or two weeks."""
    if random.random() >= 1 / 3:
        return ()
    monday = date(2027, 1, 11) + timedelta(weeks=random.randint(0, 9))
    return (Period(monday, monday + timedelta(days=random.choice((4, 11)))),)


def _permitted(random: Random, region: str, regions: Sequence[str]) -> frozenset[str]:
    """Six units of ten work in their own voivodeship only, three also in the next one, one everywhere."""
    dice, at = random.random(), regions.index(region)
    if dice < 0.1:
        return frozenset()
    beside = regions[at - 1 if at % 2 else (at + 1) % len(regions)]
    return frozenset({region} if dice < 0.7 else {region, beside})
