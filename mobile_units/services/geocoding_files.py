"""Coordinates for a CSV file of places: what a file lacks is added to it, and everything else stays as it is."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import dropwhile

from mobile_units.errors import DomainError
from mobile_units.rules.addresses import Address, Found
from mobile_units.services import tables
from mobile_units.services.geocoding import Known
from mobile_units.services.tables import Problem

LATITUDE, LONGITUDE, CONFIDENCE = "lat", "lon", "location_confidence"


@dataclass(frozen=True)
class PlacesFile:
    """The rows of a file as they are written, the heading first; blank rows are kept."""

    rows: Sequence[Sequence[str]]
    delimiter: str

    @cached_property
    def columns(self) -> Mapping[str, int]:
        """The position of each column by its folded name."""
        return {tables.folded(name).replace(" ", "_"): number for number, name in enumerate(self.rows[0])}

    @cached_property
    def missing(self) -> Mapping[int, Address]:
        """The addresses of the rows without coordinates, by their numbers as a spreadsheet shows them."""
        return {
            number: self._address(row)
            for number, row in enumerate(self.rows[1:], start=2)
            if not _is_blank(row) and not self._cell(row, LATITUDE) and not self._cell(row, LONGITUDE)
        }

    @property
    def problems(self) -> list[Problem]:
        """What keeps rows from being looked up: half of the coordinates, or no address."""
        halves = [
            tables.problem(number, LATITUDE, DomainError("coordinates_incomplete"))
            for number, row in enumerate(self.rows[1:], start=2)
            if bool(self._cell(row, LATITUDE)) is not bool(self._cell(row, LONGITUDE))
        ]
        empty = [number for number, address in self.missing.items() if not address.key]
        return halves + [tables.problem(number, None, DomainError("address_missing")) for number in empty]

    def _cell(self, row: Sequence[str], column: str) -> str:
        position = self.columns.get(column)
        return row[position].strip() if position is not None and position < len(row) else ""

    def _address(self, row: Sequence[str]) -> Address:
        """By `address`, or `locality` and `street`, or the name of the place."""
        text, locality = self._cell(row, "address"), self._cell(row, "locality")
        gmina, teryt = self._cell(row, "gmina") or None, self._cell(row, "teryt") or None
        if text or not locality:
            return Address(None, text or self._cell(row, "name"), gmina, teryt and teryt.zfill(7))
        return Address(locality, self._cell(row, "street") or None, gmina, teryt and teryt.zfill(7))

    def filled(self, known: Known, *, confidence: bool) -> bytes:
        """The file with what is known of the missing coordinates, and with the columns for it."""
        wanted = [LATITUDE, LONGITUDE, *([CONFIDENCE] if confidence else [])]
        columns = dict(self.columns)
        for name in wanted:
            columns.setdefault(name, max(columns.values()) + 1)
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator="\n")
        new = [name for name in wanted if name not in self.columns]
        writer.writerow([*self.rows[0], *new])
        for number, row in enumerate(self.rows[1:], start=2):
            address = self.missing.get(number)
            writer.writerow(_filled(row, columns, known.get(address.key) if address else None))
        return text.getvalue().encode()


def _filled(row: Sequence[str], columns: Mapping[str, int], found: Found | None) -> list[str]:
    if _is_blank(row):
        return list(row)
    cells = [*row, *[""] * (max(columns.values()) + 1 - len(row))]
    if found:
        values = {LATITUDE: f"{found.latitude:.6f}", LONGITUDE: f"{found.longitude:.6f}"}
        for name, value in (values | {CONFIDENCE: f"{found.confidence:g}"}).items():
            if name in columns:
                cells[columns[name]] = value
    return cells


def read_places(content: bytes) -> PlacesFile:
    """The file as it is, without blank rows above its heading.

    Raises:
        DomainError: `table_unreadable`, `table_empty`, `table_too_large`, `column_repeated`, `too_many_cells`.
    """
    tables.read(content)
    try:
        text = content.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=tables.delimiter_of(text), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise DomainError("table_unreadable") from None
    file = PlacesFile(list(dropwhile(_is_blank, rows)), tables.delimiter_of(text))
    names = [name for cell in file.rows[0] if (name := tables.folded(cell))]
    if len(set(names)) < len(names):
        raise DomainError("column_repeated")
    if any(any(row[len(file.rows[0]) :]) for row in file.rows):
        raise DomainError("too_many_cells", width=len(file.rows[0]))
    return file


def _is_blank(row: Sequence[str]) -> bool:
    return not any(cell.strip() for cell in row)
