"""The columns of the files that users bring, and what is written in their cells.

A cell may list parts of what its row is about, separated by semicolons; a lone semicolon is an empty list.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from operator import attrgetter
from typing import Any

from mobile_units.errors import DomainError
from mobile_units.models.service_places import ServicePlace
from mobile_units.rules.places import LATITUDES, LONGITUDES, checked_voivodeships, features
from mobile_units.rules.programmes import Programme
from mobile_units.rules.service_places import require_setting
from mobile_units.rules.units import HomeRule, require_case, require_mobile
from mobile_units.services import tables
from mobile_units.services.sites import Blackout
from mobile_units.services.tables import Column
from mobile_units.services.units import Capacity, NewUnitProgramme, PermittedSite, Unavailability

LEAST = 0.001
"""The least of a number that has to be above nothing."""
REASON = "import"
"""The reason of days in a file that tells none."""


def _degrees(frame: tuple[float, float]) -> tables.Parse:
    lowest, highest = frame

    def parse_degrees(cell: str) -> float:
        value: float = tables.number(-180, 180)(cell)
        if not lowest <= value <= highest:
            raise DomainError("outside_poland")
        return value

    return parse_degrees


def _weekdays(cell: str) -> list[int]:
    days = {tables.whole(1, 7)(part) for part in re.split(r"[;,\s]+", cell) if part}
    if not days:
        raise DomainError("value_missing")
    return sorted(days)


def _features(cell: str) -> list[str]:
    return features(map(tables.text(40), tables.items(cell)))


def _voivodeships(cell: str) -> list[str]:
    """A spreadsheet drops the zero of 02."""
    return checked_voivodeships(item.zfill(2) for item in tables.items(cell))


SITE_COLUMNS = (
    Column("code", tables.text(40), required=True),
    Column("name", tables.text(200), required=True),
    Column("locality", tables.text(200), required=True),
    Column("landmark", tables.text(200)),
    Column("street", tables.text(200)),
    Column("gmina", tables.text(200)),
    Column("teryt", tables.teryt),
    Column("lat", _degrees(LATITUDES), required=True),
    Column("lon", _degrees(LONGITUDES), required=True),
    Column("location_confidence", tables.number(0, 1)),
    Column("population", tables.whole(0, 50_000_000)),
    Column("telephone", tables.text(40)),
    Column("days_min", tables.whole(1, 92)),
    Column("days_max", tables.whole(1, 92)),
    Column("earliest", tables.day),
    Column("latest", tables.day),
    Column("weekdays", _weekdays),
    Column("blackout", tables.items),
    Column("group", tables.text(200)),
    Column("priority", tables.number(LEAST, 100)),
    Column("uptake", tables.number(0, 1)),
    Column("last_visit", tables.day),
    Column("visits_max", tables.whole(1, 12)),
    Column("gap_days", tables.whole(0, 366)),
    Column("lacks", _features),
    Column("source", tables.text(200)),
)
UNIT_COLUMNS = (
    Column("code", tables.text(40), required=True),
    Column("name", tables.text(200), required=True),
    Column("base_lat", _degrees(LATITUDES), required=True),
    Column("base_lon", _degrees(LONGITUDES), required=True),
    Column("weekdays", _weekdays, required=True),
    Column("opens", tables.clock, required=True),
    Column("closes", tables.clock, required=True),
    Column("setup_minutes", tables.whole(0, 480)),
    Column("programmes", tables.items),
    Column("home_rule", tables.one_of(HomeRule)),
    Column("max_relocation_km", tables.number(LEAST, 5000)),
    Column("unavailable", tables.items),
    Column("voivodeships", _voivodeships),
    Column("permitted_sites", tables.items),
    Column("needs", _features),
    Column("capacities", tables.items),
)
DEMAND_COLUMNS = (
    Column("site_code", tables.text(40), required=True),
    Column("programme", tables.one_of(Programme), required=True),
    Column("women_due", tables.whole(0, 5_000_000), required=True),
    Column("as_of", tables.day, required=True),
    Column("source", tables.text(200), required=True),
    Column("estimated", tables.flag),
)
FIELDS = {
    "lat": "latitude",
    "lon": "longitude",
    "base_lat": "base_latitude",
    "base_lon": "base_longitude",
    "group": "alternative_group",
}
"""Fields whose columns have another name."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A column whose cells list the parts of an entity; two with the same `key` are a mistake.

    `read` makes a part, a `kind` of command, of an item or raises a DomainError. The order means something where it is
    `ordered`.
    """

    column: str
    part: str
    kind: type[Any]
    read: Callable[[str], Any]
    key: Callable[[Any], Hashable]
    ordered: bool = False


def site_listings() -> list[Listing]:
    """The lists in a row of a site."""
    return [Listing("blackout", "blackouts", Blackout, _blackout, attrgetter("first_day", "last_day"))]


def unit_listings(places: Mapping[str, ServicePlace], site_ids: Mapping[str, int]) -> list[Listing]:
    """The lists in a row of a unit, with the service places by their cell codes and the sites by their codes."""
    days, permitted = attrgetter("first_day", "last_day"), partial(_permitted_site, site_ids=site_ids)
    capacity = partial(_capacity, site_ids=site_ids)
    return [
        Listing(
            "programmes", "programmes", NewUnitProgramme, partial(_programme, places=places), attrgetter("programme")
        ),
        Listing("unavailable", "unavailabilities", Unavailability, _unavailability, days),
        Listing("permitted_sites", "permitted_sites", PermittedSite, permitted, attrgetter("site_id")),
        Listing("capacities", "capacities", Capacity, capacity, attrgetter("case"), ordered=True),
    ]


def _programme(item: str, places: Mapping[str, ServicePlace]) -> NewUnitProgramme:
    """One programme written as programme:cell code:women a day:minutes:rooms."""
    parts = _fields(item)
    if len(parts) != 5:
        raise DomainError("value_not_programme")
    programme: Programme = tables.one_of(Programme)(parts[0])
    if parts[1] not in places:
        raise DomainError("unknown_cell_code", cell_code=parts[1])
    place = places[parts[1]]
    require_mobile(place.mobility, programme)
    require_setting(place.setting, [programme])
    return NewUnitProgramme(
        programme=programme,
        service_place_id=place.id,
        women_per_day=tables.whole(1, 1000)(parts[2]),
        minutes_per_woman=tables.whole(1, 240)(parts[3]),
        rooms=tables.whole(1, 20)(parts[4]),
    )


def _capacity(item: str, site_ids: Mapping[str, int]) -> Capacity:
    """Other women per day, written as programme:women a day:site code:period:crew; what is empty may be left out."""
    parts = _fields(item)
    if not 2 <= len(parts) <= 5:
        raise DomainError("value_not_capacity")
    programme, women, code, days, crew = parts + [""] * (5 - len(parts))
    first_day, last_day = tables.period(days) if days else (None, None)
    site_id = _site_id(code, site_ids) if code else None
    require_case(site_id, first_day, last_day)
    return Capacity(
        programme=tables.one_of(Programme)(programme),
        women_per_day=tables.whole(0, 1000)(women),
        site_id=site_id,
        first_day=first_day,
        last_day=last_day,
        crew=tables.text(200)(crew) or None,
    )


def _permitted_site(item: str, site_ids: Mapping[str, int]) -> PermittedSite:
    return PermittedSite(_site_id(item, site_ids))


def _site_id(code: str, site_ids: Mapping[str, int]) -> int:
    if code not in site_ids:
        raise DomainError("unknown_site_code")
    return site_ids[code]


def _blackout(item: str) -> Blackout:
    first_day, last_day, reason = _days_and_reason(item)
    return Blackout(first_day=first_day, last_day=last_day, reason=reason)


def _unavailability(item: str) -> Unavailability:
    first_day, last_day, reason = _days_and_reason(item)
    return Unavailability(first_day=first_day, last_day=last_day, reason=reason)


def _days_and_reason(item: str) -> tuple[date, date, str]:
    """Days written as period:reason; the reason may be left out."""
    days, _, reason = item.partition(":")
    return *tables.period(days.strip()), tables.text(200)(reason.strip()) or REASON


def _fields(item: str) -> list[str]:
    return [part.strip() for part in item.split(":")]
