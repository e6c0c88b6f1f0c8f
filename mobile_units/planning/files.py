"""Planning from files: sites, units and distances as CSV; no database is needed.

The files are UTF-8 with or without a byte order mark, separated by commas, with exactly the columns listed here in any
order. Empty means unrestricted, lists are separated by `;`, days are ISO, ranges of days `a/b`, weekdays 1-7, several
in a row `1-5`. Rows are numbered as a spreadsheet shows them. Everything that is wrong is told at once, as a list of
`BadCell`.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobile_units.errors import DomainError
from mobile_units.planning.problem import (
    EVERY_DAY,
    UNLIMITED_DAYS,
    Matrix,
    Period,
    PlanningSite,
    PlanningUnit,
    Problem,
)
from mobile_units.rules.calendar import require_in_order, require_period
from mobile_units.rules.places import LATITUDES, LONGITUDES
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule

Parse = Callable[[str], Any]

PROGRAMMES: Mapping[str, frozenset[Programme]] = {
    **dict.fromkeys(("breast", "mammography", "mammografia"), frozenset({Programme.BREAST})),
    **dict.fromkeys(("cervical", "cytology", "cytologia", "hpv"), frozenset({Programme.CERVICAL})),
    "both": frozenset(Programme),
}
"""The words by which files name programmes."""

LONGEST_DISTANCE_KM = 100_000


@dataclass(frozen=True, slots=True)
class BadCell:
    """What is wrong, and where: a row without a column is wrong as a whole.

    `file` is `sites`, `units` or `matrix`; the columns of a matrix are numbered like its rows.
    """

    file: str
    row: int
    column: str | None
    code: str
    reason_pl: str
    reason_en: str


@dataclass(frozen=True, slots=True)
class _Column:
    """How the text of a cell becomes a value, and the value of an empty cell."""

    parse: Parse
    empty: Any = None
    required: bool = False

    def value(self, cell: str) -> Any:
        """The value of a cell."""
        if not cell and self.required:
            raise DomainError("value_missing")
        return self.parse(cell) if cell else self.empty


@dataclass(frozen=True, slots=True)
class _Record:
    """The values of a row by column; those of bad cells are left out."""

    row: int
    values: Mapping[str, Any]


@dataclass(slots=True)
class _Sheet:
    """One file while it is read; what is wrong with it gathers in `bad`."""

    file: str
    bad: list[BadCell] = field(default_factory=list)

    def refuse(self, row: int, column: str | None, error: DomainError) -> None:
        """Notes what is wrong at a place."""
        self.bad.append(BadCell(self.file, row, column, error.code, error.sentence("pl"), error.sentence("en")))

    def parsed(self, row: int, name: str, column: _Column, cell: str) -> Iterator[tuple[str, Any]]:
        """The name and the value of a cell, nothing if it is bad."""
        try:
            yield name, column.value(cell)
        except DomainError as error:
            self.refuse(row, name, error)


def _number(lowest: float, highest: float) -> Parse:
    def parse_number(cell: str) -> float:
        if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", cell):
            raise DomainError("value_has_decimal_comma", number=cell.replace(",", "."))
        if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,3})?", cell, re.IGNORECASE):
            raise DomainError("value_not_number")
        return _within(float(cell), lowest, highest)

    return parse_number


def _whole(lowest: int, highest: int) -> Parse:
    """A whole number; the empty decimals that spreadsheets may add are allowed."""

    def parse_whole(cell: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,15}(\.0+)?", cell):
            raise DomainError("value_not_whole_number")
        return int(_within(float(cell), lowest, highest))

    return parse_whole


def _within(value: float, lowest: float, highest: float) -> float:
    if not lowest <= value <= highest:
        raise DomainError("value_out_of_range", lowest=f"{lowest:.12g}", highest=f"{highest:.12g}")
    return value


def _degrees(frame: tuple[float, float]) -> Parse:
    def parse_degrees(cell: str) -> float:
        degrees: float = _number(-180, 180)(cell)
        if not frame[0] <= degrees <= frame[1]:
            raise DomainError("outside_poland")
        return degrees

    return parse_degrees


def _items(cell: str) -> list[str]:
    return [item.strip() for item in cell.split(";") if item.strip()]


def _programmes(cell: str) -> frozenset[Programme]:
    return frozenset[Programme]().union(*(_word(PROGRAMMES, item) for item in _items(cell)))


def _home_rule(cell: str) -> HomeRule:
    rule: HomeRule = _word({rule.value: rule for rule in HomeRule}, cell)
    return rule


def _word(words: Mapping[str, Any], cell: str) -> Any:
    if cell.casefold() not in words:
        raise DomainError("value_not_known", known=", ".join(words))
    return words[cell.casefold()]


def _day(cell: str) -> date:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", cell):
            return date.fromisoformat(cell)
    except ValueError:
        pass
    raise DomainError("value_not_iso_day")


def _periods(cell: str) -> tuple[Period, ...]:
    return tuple(_period(item) for item in _items(cell))


def _period(item: str) -> Period:
    first, _, last = item.partition("/")
    first_day, last_day = _day(first.strip()), _day((last if "/" in item else first).strip())
    require_in_order(first_day, last_day)
    return Period(first_day, last_day)


def _weekdays(cell: str) -> frozenset[int]:
    items = _items(cell)
    if not items or not all(re.fullmatch(r"[1-7]+|[1-7]-[1-7]", item) for item in items):
        raise DomainError("value_not_weekdays")
    return frozenset(day for item in items for day in _weekdays_in(item))


def _weekdays_in(item: str) -> Iterable[int]:
    """The days of digits, `135`, or of a range, `1-5`."""
    first, to, last = item.partition("-")
    if not to:
        return map(int, item)
    if last < first:
        raise DomainError("value_not_weekdays")
    return range(int(first), int(last) + 1)


_DAYS = _whole(1, UNLIMITED_DAYS)
_SITES: Mapping[str, _Column] = {
    "site_id": _Column(str, required=True),
    "name": _Column(str, ""),
    "gmina": _Column(str, ""),
    "lat": _Column(_degrees(LATITUDES), required=True),
    "lon": _Column(_degrees(LONGITUDES), required=True),
    "programme": _Column(_programmes, frozenset(Programme)),
    "women_due": _Column(_whole(0, 10_000_000), required=True),
    "earliest": _Column(_day),
    "latest": _Column(_day),
    "weekdays": _Column(_weekdays, EVERY_DAY),
    "blackout": _Column(_periods, ()),
    "days_min": _Column(_DAYS, 1),
    "days_max": _Column(_DAYS, UNLIMITED_DAYS),
    "group": _Column(str),
    "priority": _Column(_number(0.001, 1000), 1.0),
}
_UNITS: Mapping[str, _Column] = {
    "unit_id": _Column(str, required=True),
    "name": _Column(str, ""),
    "base_lat": _Column(_degrees(LATITUDES), required=True),
    "base_lon": _Column(_degrees(LONGITUDES), required=True),
    "programmes": _Column(_programmes, frozenset(Programme)),
    "women_per_day": _Column(_whole(1, 100_000), required=True),
    "weekdays": _Column(_weekdays, EVERY_DAY),
    "home_rule": _Column(_home_rule, HomeRule.STAYS_OUT),
    "max_relocation_km": _Column(_number(0, LONGEST_DISTANCE_KM)),
    "unavailable": _Column(_periods, ()),
}


_DISTANCE = _Column(_number(0, LONGEST_DISTANCE_KM), required=True)


def read_problem(
    first_day: date, last_day: date, *, sites: bytes, units: bytes, matrix: bytes | None = None
) -> Problem:
    """What the files ask for between two days, both included.

    A unit of a file needs no time to be set up. A site whose programme is left open may be served in any.

    Raises:
        DomainError: `files_refused` with the fact `problems`, all bad cells; `ends_before_start`, `period_too_long`.
    """
    require_period(first_day, last_day)
    of_sites, of_units, of_matrix = _Sheet("sites"), _Sheet("units"), _Sheet("matrix")
    site_records = _records(of_sites, sites, _SITES, "site_id")
    unit_records = _records(of_units, units, _UNITS, "unit_id")
    for record in site_records:
        _judge_site(of_sites, record)
    places = len(unit_records) + len(site_records)
    kilometres = None if matrix is None else _kilometres(of_matrix, matrix, places)
    _refuse_if_bad(of_sites, of_units, of_matrix)
    return Problem(
        first_day=first_day,
        last_day=last_day,
        units=tuple(_unit(**record.values) for record in unit_records),
        sites=tuple(_site(**record.values) for record in site_records),
        matrix=None if kilometres is None else Matrix(kilometres),
    )


def _refuse_if_bad(*sheets: _Sheet) -> None:
    bad = [cell for sheet in sheets for cell in sorted(sheet.bad, key=lambda cell: cell.row)]
    if bad:
        raise DomainError("files_refused", count=len(bad), problems=bad)


def _records(sheet: _Sheet, content: bytes, columns: Mapping[str, _Column], key: str) -> list[_Record]:
    """The rows below the heading; each `key` may occur once."""
    rows = _table(sheet, content)
    if not rows:
        return []
    names = rows[0][1]
    _judge_heading(sheet, rows[0][0], names, columns)
    records = [_record(sheet, number, names, cells, columns) for number, cells in rows[1:]]
    if not records and not sheet.bad:
        sheet.refuse(rows[0][0], None, DomainError("table_empty"))
    _judge_repeated(sheet, records, key)
    return records


def _table(sheet: _Sheet, content: bytes) -> list[tuple[int, list[str]]]:
    """The rows of a file, none if it is no table at all."""
    rows = list(_rows(sheet, content))
    if not rows and not sheet.bad:
        sheet.refuse(1, None, DomainError("table_empty"))
    if rows and len(rows[0][1]) == 1 and re.search(r"[;\t]", rows[0][1][0]):
        sheet.refuse(rows[0][0], None, DomainError("separator_not_comma"))
        return []
    return rows


def _rows(sheet: _Sheet, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """The numbers and the stripped cells of the rows that are not blank."""
    number = 0
    try:
        text = content.decode("utf-8-sig")
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), start=1):
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield number, stripped
    except UnicodeDecodeError as error:
        sheet.refuse(content.count(b"\n", 0, error.start) + 1, None, DomainError("text_not_utf8"))
    except csv.Error:
        sheet.refuse(number + 1, None, DomainError("row_unreadable"))


def _judge_heading(sheet: _Sheet, row: int, names: Sequence[str], columns: Mapping[str, _Column]) -> None:
    for name in columns:
        if name not in names:
            sheet.refuse(row, name, DomainError("column_missing", headings=name))
    for number, name in enumerate(names, start=1):
        if name not in columns:
            sheet.refuse(row, name or str(number), DomainError("column_unknown", known=", ".join(columns)))
        elif name in names[: number - 1]:
            sheet.refuse(row, name, DomainError("column_repeated"))


def _record(
    sheet: _Sheet, row: int, names: Sequence[str], cells: Sequence[str], columns: Mapping[str, _Column]
) -> _Record:
    if len(cells) > len(names):
        sheet.refuse(row, None, DomainError("too_many_cells", width=len(names)))
        return _Record(row, {})
    given = dict(zip(names, cells, strict=False))
    known = [name for name in columns if name in names]
    return _Record(
        row, dict(pair for name in known for pair in sheet.parsed(row, name, columns[name], given.get(name, "")))
    )


def _judge_repeated(sheet: _Sheet, records: Sequence[_Record], key: str) -> None:
    first: dict[str, int] = {}
    for record in records:
        value = record.values.get(key)
        if value is not None and first.setdefault(value, record.row) != record.row:
            sheet.refuse(record.row, key, DomainError("row_repeated", first=first[value]))


def _judge_site(sheet: _Sheet, record: _Record) -> None:
    earliest, latest = record.values.get("earliest"), record.values.get("latest")
    if earliest and latest and latest < earliest:
        error = DomainError("window_reversed", earliest=earliest.isoformat(), latest=latest.isoformat())
        sheet.refuse(record.row, "latest", error)
    days_min, days_max = record.values.get("days_min"), record.values.get("days_max")
    if days_min and days_max and days_max < days_min:
        sheet.refuse(record.row, "days_max", DomainError("stay_reversed", days_min=days_min, days_max=days_max))


def _kilometres(sheet: _Sheet, content: bytes, places: int) -> NDArray[np.float64] | None:
    """The matrix, None if it is bad; `places` is how many rows and columns it has to have."""
    rows = _table(sheet, content)
    if rows and len(rows) != places:
        sheet.refuse(rows[-1][0], None, DomainError("matrix_rows", places=places, found=len(rows)))
    for row, cells in rows:
        if len(cells) != places:
            sheet.refuse(row, None, DomainError("matrix_columns", places=places, found=len(cells)))
    square = not sheet.bad
    distances = [_distances(sheet, row, cells) for row, cells in rows]
    if square:
        for place, (row, _) in enumerate(rows):
            if distances[place][place] > 0:
                sheet.refuse(row, str(place + 1), DomainError("distance_to_itself"))
    return None if sheet.bad else np.vstack(distances)


def _distances(sheet: _Sheet, row: int, cells: Sequence[str]) -> NDArray[np.float64]:
    """The kilometres in one row of the matrix, not a number where a cell is bad."""
    try:
        kilometres = np.array(cells, dtype=np.float64)
    except ValueError:
        kilometres = np.full(len(cells), np.nan)
    for bad in map(int, np.flatnonzero(~((kilometres >= 0) & (kilometres <= LONGEST_DISTANCE_KM)))):
        found = dict(sheet.parsed(row, str(bad + 1), _DISTANCE, cells[bad]))
        kilometres[bad] = found.get(str(bad + 1), np.nan)
    return kilometres


def _unit(  # noqa: PLR0913 -- one parameter for each column that has another name in the problem
    *,
    unit_id: str,
    name: str,
    base_lat: float,
    base_lon: float,
    programmes: frozenset[Programme],
    women_per_day: int,
    **values: Any,
) -> PlanningUnit:
    women = dict.fromkeys(sorted(programmes), women_per_day)
    return PlanningUnit(
        id=unit_id,
        name=name or unit_id,
        latitude=base_lat,
        longitude=base_lon,
        women_per_day=women,
        women_on_first_day=women,
        **values,
    )


def _site(  # noqa: PLR0913 -- one parameter for each column that has another name in the problem
    *,
    site_id: str,
    name: str,
    gmina: str,
    lat: float,
    lon: float,
    programme: frozenset[Programme],
    women_due: int,
    blackout: tuple[Period, ...],
    priority: float,
    **values: Any,
) -> PlanningSite:
    need = None if len(programme) > 1 else next(iter(programme))
    return PlanningSite(
        id=site_id,
        name=name or site_id,
        latitude=lat,
        longitude=lon,
        women_due={need: women_due},
        blackouts=blackout,
        weight=priority,
        region=gmina[:2] if re.fullmatch(r"[0-9]{7}", gmina) else None,
        **values,
    )
