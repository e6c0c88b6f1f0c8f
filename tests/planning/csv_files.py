"""Sites, units and distances as people write them to files."""

from collections.abc import Mapping, Sequence
from datetime import date

from mobile_units.planning.files import read_problem
from mobile_units.planning.problem import Problem

FIRST, LAST = date(2027, 3, 1), date(2027, 3, 31)
"""Monday and Wednesday; Easter Monday is 29 March 2027."""

SITE_COLUMNS = (
    "site_id", "name", "gmina", "lat", "lon", "programme", "women_due", "earliest", "latest", "weekdays", "blackout",
    "days_min", "days_max", "group", "priority",
)  # fmt: skip
UNIT_COLUMNS = (
    "unit_id", "name", "base_lat", "base_lon", "programmes", "women_per_day", "weekdays", "home_rule",
    "max_relocation_km", "unavailable",
)  # fmt: skip
SITE = {"site_id": "W1", "name": "Wieluń", "lat": "51.22", "lon": "18.57", "women_due": "120"}
UNIT = {"unit_id": "M1", "name": "Mammobus 1", "base_lat": "51.77", "base_lon": "19.46", "women_per_day": "50"}
"""Only what has to be filled in."""


def site(**cells: str) -> dict[str, str]:
    """A site that is free in everything but these cells."""
    return SITE | cells


def unit(**cells: str) -> dict[str, str]:
    """A unit that is free in everything but these cells."""
    return UNIT | cells


def table(columns: Sequence[str], rows: Sequence[Mapping[str, str]], end: str = "\n") -> bytes:
    """A CSV file of these rows."""
    lines = [",".join(columns), *(",".join(row.get(name, "") for name in columns) for row in rows)]
    return "".join(line + end for line in lines).encode()


def sites(*rows: Mapping[str, str]) -> bytes:
    """A file of sites."""
    return table(SITE_COLUMNS, rows)


def units(*rows: Mapping[str, str]) -> bytes:
    """A file of units."""
    return table(UNIT_COLUMNS, rows)


def problem(of_sites: bytes | None = None, of_units: bytes | None = None, matrix: str | None = None) -> Problem:
    """What the files ask for in March 2027."""
    return read_problem(
        FIRST,
        LAST,
        sites=sites(SITE) if of_sites is None else of_sites,
        units=units(UNIT) if of_units is None else of_units,
        matrix=None if matrix is None else matrix.encode(),
    )
