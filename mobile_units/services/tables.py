"""Tables that users bring: CSV or XLSX read into rows of text, and the text of cells into values.

CSV is UTF-8, with or without a byte order mark, separated by commas or semicolons as its heading is. Of an XLSX file
the first sheet is read. Rows are numbered as a spreadsheet shows them.
"""

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from itertools import islice
from typing import Any

from mobile_units.errors import DomainError
from mobile_units.rules.calendar import require_in_order

MAX_BYTES = 8 * 1024 * 1024
MAX_ROWS = 20_000
MAX_COLUMNS = 50
UNPACKED_BYTES = 64 * 1024 * 1024
SHEET_ROWS = 1_048_576
"""How many rows a sheet of a spreadsheet can have; more are a fault of the file."""
SHEET_COLUMNS = 256

Parse = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is not blank, its cells stripped."""

    number: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its headings; `parse` turns the text of a cell into a value or raises a DomainError.

    Headings are compared folded; without any the name is the heading. The first that occurs is taken.
    """

    name: str
    parse: Parse
    required: bool = False
    headings: Sequence[str] = ()

    def position(self, names: Sequence[str]) -> int | None:
        """Which of the folded names is this column."""
        return next((names.index(heading) for heading in self.folded_headings if heading in names), None)

    @property
    def folded_headings(self) -> list[str]:
        """The headings as they are compared."""
        return [folded(heading) for heading in self.headings or (self.name,)]


@dataclass(frozen=True, slots=True)
class Record:
    """The values of one row by column; empty cells are left out."""

    row: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where; without a column it is the row as a whole."""

    row: int
    column: str | None
    code: str
    reason_pl: str
    reason_en: str


def problem(row: int, column: str | None, error: DomainError) -> Problem:
    """The problem that a refusal makes at a place in the table."""
    return Problem(row, column, error.code, error.sentence("pl"), error.sentence("en"))


def read(content: bytes) -> list[Row]:
    """The rows of a CSV or XLSX file that are not blank.

    Raises:
        DomainError: `table_too_large`, `table_unreadable`, `table_empty`.
    """
    if len(content) > MAX_BYTES:
        raise _too_large_in_bytes(MAX_BYTES)
    rows = list(islice(_rows(content), MAX_ROWS + 2))
    if len(rows) < 2:
        raise DomainError("table_empty")
    if len(rows) > MAX_ROWS + 1:
        raise DomainError("table_too_large", limit_pl=f"{MAX_ROWS} wierszy", limit_en=f"{MAX_ROWS} rows")
    if any(any(row.cells[MAX_COLUMNS:]) for row in rows):
        raise DomainError("table_too_large", limit_pl=f"{MAX_COLUMNS} kolumn", limit_en=f"{MAX_COLUMNS} columns")
    return rows


def parse(
    rows: Sequence[Row], columns: Sequence[Column], *, others: bool = False
) -> tuple[list[Record], list[Problem]]:
    """The records under the heading in the first row, and everything that is wrong with them.

    Columns that are not named are a problem unless `others` lets them be.
    """
    heading, body = rows[0], rows[1:]
    names = [folded(name) for name in heading.cells]
    found = list(_problems_of_heading(heading.number, names, columns))
    if not others:
        found += _unknown_columns(heading, columns)
    positions = [(column, at) for column in columns if (at := column.position(names)) is not None]
    records = [_record(row, len(names), positions, found) for row in body]
    return records, found


def folded(heading: str) -> str:
    """A heading in lower case without diacritics, punctuation or double spaces."""
    letters = unicodedata.normalize("NFKD", heading.casefold().replace("ł", "l"))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(re.findall(r"[a-z0-9]+", plain))


def _problems_of_heading(row: int, names: Sequence[str], columns: Sequence[Column]) -> Iterator[Problem]:
    for column in columns:
        at = column.position(names)
        if at is not None and names.count(names[at]) > 1:
            yield problem(row, column.name, DomainError("column_repeated"))
        if at is None and column.required:
            headings = ", ".join(column.headings or (column.name,))
            yield problem(row, column.name, DomainError("column_missing", headings=headings))


def _unknown_columns(heading: Row, columns: Sequence[Column]) -> Iterator[Problem]:
    known = {name for column in columns for name in column.folded_headings}
    for cell in heading.cells:
        if cell and folded(cell) not in known:
            names = ", ".join(column.name for column in columns)
            yield problem(heading.number, cell, DomainError("column_unknown", known=names))


def _record(row: Row, width: int, positions: Sequence[tuple[Column, int]], found: list[Problem]) -> Record:
    values = {}
    if any(row.cells[width:]):
        found.append(problem(row.number, None, DomainError("too_many_cells", width=width)))
    for column, position in positions:
        cell = row.cells[position] if position < len(row.cells) else ""
        try:
            if cell or column.required:
                values[column.name] = _value(column, cell)
        except DomainError as error:
            found.append(problem(row.number, column.name, error))
    return Record(row.number, values)


def _value(column: Column, cell: str) -> Any:
    if not cell:
        raise DomainError("value_missing")
    return column.parse(cell)


def _rows(content: bytes) -> Iterator[Row]:
    grid = _xlsx(content) if content.startswith(b"PK\x03\x04") else _csv(content)
    for number, cells in enumerate(grid, start=1):
        stripped = [cell.strip() for cell in cells]
        if any(stripped):
            yield Row(number, stripped)


def _csv(content: bytes) -> Iterator[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DomainError("table_unreadable") from None
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text), strict=True)
    except csv.Error:
        raise DomainError("table_unreadable") from None


def delimiter_of(text: str) -> str:
    """What separates the cells of a CSV file: what its heading has more of."""
    heading = next((line for line in text.splitlines() if line.strip()), "")
    return ";" if heading.count(";") > heading.count(",") else ","


def _xlsx(content: bytes) -> Iterator[list[str]]:
    from openpyxl import load_workbook  # noqa: PLC0415 - loads slowly and most requests never need it

    try:
        _require_harmless(content)
        workbook = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = workbook.worksheets[0]
        sheet.reset_dimensions()
        for cells in islice(sheet.iter_rows(max_col=SHEET_COLUMNS, values_only=True), SHEET_ROWS):
            yield [] if cells.count(None) == len(cells) else [_text(cell) for cell in cells]
    except DomainError:
        raise
    except Exception:  # noqa: BLE001 - a damaged file makes the library raise anything
        raise DomainError("table_unreadable") from None


def _require_harmless(content: bytes) -> None:
    """Refuses a file that unpacks to far more than it holds, or that defines XML entities as no spreadsheet does."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        if sum(part.file_size for part in package.infolist()) > UNPACKED_BYTES:
            raise _too_large_in_bytes(UNPACKED_BYTES)
        for part in package.infolist():
            if b"<!DOCTYPE" in package.read(part).replace(b"\0", b""):
                raise DomainError("table_unreadable")


def _too_large_in_bytes(limit: int) -> DomainError:
    size = f"{limit // 1024**2} MiB"
    return DomainError("table_too_large", limit_pl=size, limit_en=size)


def _text(cell: object) -> str:
    """A cell as its user would type it."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    return str(cell)


def text(longest: int) -> Parse:
    """Text of at most `longest` characters; white space within is made single."""

    def parse_text(cell: str) -> str:
        value = " ".join(cell.split())
        if len(value) > longest:
            raise DomainError("value_too_long", longest=longest)
        if any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
            raise DomainError("value_not_printable")
        return value

    return parse_text


def number(lowest: float, highest: float) -> Parse:
    """A number with a decimal point or comma, `lowest` to `highest`."""

    def parse_number(cell: str) -> float:
        written = _without_spaces(cell).replace(",", ".")
        if not re.fullmatch(r"[+-]?[0-9]{1,15}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?", written, re.IGNORECASE):
            raise DomainError("value_not_number")
        return _within(float(written), lowest, highest)

    return parse_number


def whole(lowest: int, highest: int) -> Parse:
    """A whole number, `lowest` to `highest`; spaces between thousands are allowed."""

    def parse_whole(cell: str) -> int:
        written = _without_spaces(cell)
        if not re.fullmatch(r"[+-]?[0-9]{1,15}", written):
            raise DomainError("value_not_whole_number")
        return int(_within(int(written), lowest, highest))

    return parse_whole


def one_of(words: type[StrEnum]) -> Parse:
    """One of the values of a vocabulary."""

    def parse_word(cell: str) -> StrEnum:
        known = [word.value for word in words]
        if cell.casefold() not in known:
            raise DomainError("value_not_known", known=", ".join(known))
        return words(cell.casefold())

    return parse_word


def flag(cell: str) -> bool:
    """Yes or no, in English or Polish, or 1 and 0."""
    meanings = {"true": True, "tak": True, "1": True, "false": False, "nie": False, "0": False}
    if cell.casefold() not in meanings:
        raise DomainError("value_not_known", known=", ".join(meanings))
    return meanings[cell.casefold()]


def day(cell: str) -> date:
    """A day as 2026-09-07 or 07.09.2026."""
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(cell, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise DomainError("value_not_day")


def period(cell: str) -> tuple[date, date]:
    """The first and the last day of a period written as 2026-09-07/2026-09-11, or the same day twice."""
    first, slash, last = cell.partition("/")
    try:
        first_day, last_day = day(first.strip()), day((last if slash else first).strip())
    except DomainError:
        raise DomainError("value_not_period") from None
    require_in_order(first_day, last_day)
    return first_day, last_day


def clock(cell: str) -> time:
    """A time of day as 8:00, or 08:00:00 as spreadsheets write it."""
    match = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(:00)?", cell)
    if not match:
        raise DomainError("value_not_time")
    return time(int(match[1]), int(match[2]))


def teryt(cell: str) -> str:
    """The 7 digits of a gmina in TERYT; the leading zero that spreadsheets drop is put back."""
    if not re.fullmatch(r"[0-9]{6,7}", cell):
        raise DomainError("value_not_teryt")
    return cell.zfill(7)


def items(cell: str) -> list[str]:
    """What semicolons separate, blank items left out."""
    return [item.strip() for item in cell.split(";") if item.strip()]


def repeated(records: Iterable[Record], column: str, key: Callable[[Record], object]) -> Iterator[Problem]:
    """A problem for every record whose key an earlier one has; None is no key."""
    first: dict[object, int] = {}
    for record in records:
        if key(record) is not None and first.setdefault(key(record), record.row) != record.row:
            yield problem(record.row, column, DomainError("row_repeated", first=first[key(record)]))


def _without_spaces(cell: str) -> str:
    return "".join(cell.split())


def _within(value: float, lowest: float, highest: float) -> float:
    if not lowest <= value <= highest:
        raise DomainError("value_out_of_range", lowest=f"{lowest:g}", highest=f"{highest:g}")
    return value
