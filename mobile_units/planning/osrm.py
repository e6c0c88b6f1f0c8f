"""Road kilometres and hours from the `table` service of OSRM, which answers for a number of places at a time."""

import json
import math
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import requests
from numpy.typing import NDArray

from mobile_units.errors import DomainError
from mobile_units.planning.http import Patience, ServiceError, UnreachableError, fetch

METRES_PER_KILOMETRE = 1000.0
SECONDS_PER_HOUR = 3600.0
LONGEST_METRES = 40_000_000.0
LONGEST_SECONDS = 10_000_000.0

Place = tuple[float, float]
"""Latitude and longitude."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Osrm:
    """Where the service is, and how it is asked.

    One question has at most `table_size` places to start from and as many to go to, which is what OSRM's own
    `--max-table-size` limits. All questions together may take `total_seconds`.
    """

    url: str
    table_size: int = 100
    profile: str = "driving"
    patience: Patience = field(default_factory=Patience)
    total_seconds: float = 900.0


@dataclass(frozen=True, slots=True)
class Tables:
    """Kilometres and hours from each place to each; not a number where no road leads."""

    kilometres: NDArray[np.float64]
    hours: NDArray[np.float64]


def road_tables(places: Sequence[Place], service: Osrm) -> Tables:
    """The roads between all `places`, as the service knows them.

    Raises:
        DomainError: `road_service_unreachable`, `road_service_answer` (it cannot be used), `road_service_slow`.
    """
    count = len(places)
    tables = Tables(np.zeros((count, count)), np.zeros((count, count)))
    deadline = time.monotonic() + service.total_seconds
    with requests.Session() as session:
        session.trust_env = False  # the service is the provider's own: no proxy of the shell is meant for it
        for rows, columns in _blocks(count, service.table_size):
            if time.monotonic() > deadline:
                raise DomainError("road_service_slow", seconds=f"{service.total_seconds:g}")
            part = np.ix_(rows, columns)
            tables.kilometres[part], tables.hours[part] = _ask(session, service, places, rows, columns)
    for table in (tables.kilometres, tables.hours):
        np.fill_diagonal(table, 0.0)
    return tables


def _blocks(count: int, size: int) -> Iterator[tuple[range, range]]:
    """Pairs of strips of places that together make all pairs."""
    strips = [range(first, min(first + size, count)) for first in range(0, count, size)]
    return ((rows, columns) for rows in strips for columns in strips)


def _ask(
    session: requests.Session, service: Osrm, places: Sequence[Place], rows: range, columns: range
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Kilometres and hours from the places in `rows` to those in `columns`."""
    try:
        status, content = fetch(session, _address(service, places, rows, columns), {}, service.patience)
        answer = _answer(status, content)
        shape = len(rows), len(columns)
        metres = _table(answer, "distances", shape, LONGEST_METRES)
        seconds = _table(answer, "durations", shape, LONGEST_SECONDS)
    except UnreachableError as error:
        raise DomainError("road_service_unreachable", reason=error.reason) from None
    except ServiceError as error:
        raise DomainError("road_service_answer", reason=error.reason) from None
    return metres / METRES_PER_KILOMETRE, seconds / SECONDS_PER_HOUR


def _address(service: Osrm, places: Sequence[Place], rows: range, columns: range) -> str:
    """The question; written out, because OSRM takes commas and semicolons only as they are."""
    asked = list(dict.fromkeys([*rows, *columns]))
    points = ";".join(f"{places[each][1]:.6f},{places[each][0]:.6f}" for each in asked)
    number = {place: str(position) for position, place in enumerate(asked)}
    sources, destinations = (";".join(number[each] for each in part) for part in (rows, columns))
    base = f"{service.url.rstrip('/')}/table/v1/{service.profile}/{points}"
    return f"{base}?annotations=duration,distance&sources={sources}&destinations={destinations}"


def _answer(status: int, content: bytes) -> dict[str, Any]:
    """What the service says when it says `Ok`."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise ServiceError(f"HTTP {status}" if status != requests.codes.ok else "no JSON object")
    if status != requests.codes.ok or answer.get("code") != "Ok":
        raise ServiceError(f"HTTP {status}{_word(answer.get('code'))}")
    return answer


def _word(code: object) -> str:
    """The service's own name of what is wrong, if it is one."""
    return f", {code}" if isinstance(code, str) and re.fullmatch("[A-Za-z]{1,40}", code) else ""


def _table(answer: dict[str, Any], name: str, shape: tuple[int, int], longest: float) -> NDArray[np.float64]:
    """A table of the answer with exactly this shape; not a number where it has null."""
    rows = answer.get(name)
    if not isinstance(rows, list) or len(rows) != shape[0]:
        raise ServiceError(f"{name}: expected {shape[0]} rows")
    if not all(isinstance(row, list) and len(row) == shape[1] for row in rows):
        raise ServiceError(f"{name}: expected {shape[1]} columns")
    return np.array([[_figure(cell, name, longest) for cell in row] for row in rows], dtype=np.float64)


def _figure(cell: object, name: str, longest: float) -> float:
    if cell is None:
        return math.nan
    if isinstance(cell, bool) or not isinstance(cell, int | float) or not 0 <= cell <= longest:
        raise ServiceError(f"{name}: a cell is no number from 0 to {longest:.0f}")
    return float(cell)
