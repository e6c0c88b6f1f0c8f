"""CSV and XLSX read into rows of text, and cells into values."""

import io
import zipfile
from datetime import date, datetime, time

import pytest
from openpyxl import Workbook

from mobile_units.rules.programmes import Programme
from mobile_units.services import tables
from mobile_units.services.tables import Column, Row
from tests.factories_catalogue import refused


def xlsx(*rows: list[object]) -> bytes:
    """A workbook whose first sheet has these rows; a second sheet is there to be ignored."""
    workbook = Workbook()
    assert workbook.active is not None
    for row in rows:
        workbook.active.append(row)
    workbook.create_sheet("inne").append(["x"])
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def numbered(rows: list[Row]) -> list[tuple[int, list[str]]]:
    """Rows in a form that compares well; empty cells at the end are of no account."""
    return [(row.number, "|".join(row.cells).rstrip("|").split("|")) for row in rows]


@pytest.mark.parametrize(
    "content",
    [
        'code,name\nA,Łódź\n\n B ,"x, y"\n'.encode(),
        "\ufeffcode;name\r\nA;Łódź\r\n;\r\n B ;x, y\r\n".encode(),
        xlsx(["code", "name"], ["A", "Łódź"], [None, None], [" B ", "x, y"]),
    ],
)
def test_the_same_table_in_any_form_gives_the_same_rows(content: bytes) -> None:
    """Byte order mark, delimiter and format do not matter; blank rows are skipped and counted."""
    assert numbered(tables.read(content)) == [(1, ["code", "name"]), (2, ["A", "Łódź"]), (4, ["B", "x, y"])]


def test_cells_of_a_spreadsheet_are_read_as_they_are_typed() -> None:
    """Whole numbers lose their point, days their midnight."""
    midnight = datetime(2026, 9, 7)  # noqa: DTZ001 -- a spreadsheet knows no zones
    cells: list[object] = [1.0, 51.22097, midnight, date(2026, 9, 8), time(8, 30), 0]
    rows = tables.read(xlsx(["a"], cells))
    assert list(rows[1].cells)[:6] == ["1", "51.22097", "2026-09-07", "2026-09-08", "08:30:00", "0"]


def _with_entity() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx(["a"], ["b"]))) as good, zipfile.ZipFile(out, "w") as bad:
        for part in good.infolist():
            declaration = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' if part.filename.endswith("sheet1.xml") else b""
            bad.writestr(part.filename, declaration + good.read(part))
    return out.getvalue()


def _bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("xl/sharedStrings.xml", bytes(tables.UNPACKED_BYTES + 1))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "table_empty"),
        (b"code,name\n", "table_empty"),
        (xlsx(["code"]), "table_empty"),
        ("kod,nazwa\nA,Łódź".encode("cp1250"), "table_unreadable"),
        (b'code,name\n"A,B\n', "table_unreadable"),
        (b"PK\x03\x04 no archive", "table_unreadable"),
        (xlsx(["a"], ["b"])[:-200], "table_unreadable"),
        (_with_entity(), "table_unreadable"),
        (_bomb(), "table_too_large"),
        (b"x" * (tables.MAX_BYTES + 1), "table_too_large"),
        (b"a\n" + b"1\n" * (tables.MAX_ROWS + 1), "table_too_large"),
        (b"a\n" + b"," * tables.MAX_COLUMNS + b"1\n", "table_too_large"),
        (xlsx(["a"], [None] * tables.MAX_COLUMNS + ["x"]), "table_too_large"),
    ],
)
def test_a_file_that_is_no_table_is_refused(content: bytes, code: str) -> None:
    """Damaged, hostile and oversized files end in a refusal that says so."""
    with refused(code):
        tables.read(content)


def test_the_largest_table_is_read() -> None:
    """The limits are allowed themselves."""
    rows = tables.read(b"a\n" + b"1\n" * tables.MAX_ROWS)
    assert len(rows) == tables.MAX_ROWS + 1


def test_a_far_row_of_a_sheet_is_read_with_its_number() -> None:
    """The blank rows between cost little."""
    workbook = Workbook()
    assert workbook.active is not None
    workbook.active["A1"] = "a"
    workbook.active["A1048576"] = "b"
    out = io.BytesIO()
    workbook.save(out)
    assert numbered(tables.read(out.getvalue())) == [(1, ["a"]), (1_048_576, ["b"])]


COLUMNS = (Column("code", tables.text(5), required=True), Column("size", tables.whole(1, 9)))


def test_records_hold_the_cells_that_are_filled_in() -> None:
    """Headings are compared without case and blanks; the order of columns does not matter."""
    records, problems = tables.parse(tables.read(b" SIZE ,Code\n3,A\n,B\n"), COLUMNS)
    assert problems == []
    assert [(record.row, record.values) for record in records] == [(2, {"code": "A", "size": 3}), (3, {"code": "B"})]


def test_every_problem_is_found_at_once() -> None:
    """Each has its row, column and code; the rest of a row is still checked."""
    rows = tables.read(b"code,size,size,colour\n,x\nABCDEF,0,,,more\n")
    _, problems = tables.parse(rows, COLUMNS)
    assert [(each.row, each.column, each.code) for each in problems] == [
        (1, "size", "column_repeated"),
        (1, "colour", "column_unknown"),
        (2, "code", "value_missing"),
        (2, "size", "value_not_whole_number"),
        (3, None, "too_many_cells"),
        (3, "code", "value_too_long"),
        (3, "size", "value_out_of_range"),
    ]
    assert all(each.reason_pl and each.reason_en for each in problems)


def test_a_missing_column_is_named_once() -> None:
    """Not once for every row."""
    _, problems = tables.parse(tables.read(b"size\n1\n2\n"), COLUMNS)
    assert [(each.row, each.column, each.code) for each in problems] == [(1, "code", "column_missing")]


@pytest.mark.parametrize(
    ("parse", "cell", "value"),
    [
        (tables.text(9), "a \n b\u00a0c", "a b c"),
        (tables.number(0, 99), "51,22097", 51.22097),
        (tables.number(0, 99), "1e1", 10.0),
        (tables.number(0, 9999), "1 234.5", 1234.5),
        (tables.whole(0, 9_999_999), "639 890", 639_890),
        (tables.whole(0, 9_999_999), "639\u00a0890", 639_890),
        (tables.one_of(Programme), "Breast", Programme.BREAST),
        (tables.flag, "TAK", True),
        (tables.flag, "0", False),
        (tables.day, "2026-09-07", date(2026, 9, 7)),
        (tables.day, "07.09.2026", date(2026, 9, 7)),
        (tables.period, "2026-09-07 / 11.09.2026", (date(2026, 9, 7), date(2026, 9, 11))),
        (tables.period, "2026-09-07", (date(2026, 9, 7), date(2026, 9, 7))),
        (tables.clock, "8:00", time(8)),
        (tables.clock, "16:30:00", time(16, 30)),
        (tables.teryt, "1017093", "1017093"),
        (tables.teryt, "201011", "0201011"),
        (tables.items, " a ; b;; ", ["a", "b"]),
    ],
)
def test_a_cell_is_read_as_people_write_it(parse: tables.Parse, cell: str, value: object) -> None:
    """Polish decimal commas, spaces between thousands, Polish days and the zero that spreadsheets drop."""
    assert parse(cell) == value


@pytest.mark.parametrize(
    ("parse", "cell", "code"),
    [
        (tables.text(3), "abcd", "value_too_long"),
        (tables.text(9), "a\x00b", "value_not_printable"),
        (tables.text(9), "a\ud800", "value_not_printable"),
        (tables.number(0, 99), "1.234,5", "value_not_number"),
        (tables.number(0, 99), "nan", "value_not_number"),
        (tables.number(0, 99), "inf", "value_not_number"),
        (tables.number(0, 99), "1_0", "value_not_number"),
        (tables.number(0, 99), "٣", "value_not_number"),
        (tables.number(0, 99), "99.5", "value_out_of_range"),
        (tables.number(0, 99), "1e999", "value_out_of_range"),
        (tables.whole(0, 9), "1.5", "value_not_whole_number"),
        (tables.whole(0, 9), "9" * 5000, "value_not_whole_number"),
        (tables.whole(0, 9), "-1", "value_out_of_range"),
        (tables.one_of(Programme), "piersi", "value_not_known"),
        (tables.flag, "maybe", "value_not_known"),
        (tables.day, "2026-02-30", "value_not_day"),
        (tables.day, "7/9/2026", "value_not_day"),
        (tables.period, "2026-09-07/", "value_not_period"),
        (tables.period, "2026-09-07/2026-09-08/2026-09-09", "value_not_period"),
        (tables.period, "2026-09-11/2026-09-07", "period_reversed"),
        (tables.clock, "24:00", "value_not_time"),
        (tables.clock, "8", "value_not_time"),
        (tables.teryt, "10170931", "value_not_teryt"),
        (tables.teryt, "10170A3", "value_not_teryt"),
    ],
)
def test_a_wrong_cell_is_refused_with_its_reason(parse: tables.Parse, cell: str, code: str) -> None:
    """Nothing is guessed."""
    with refused(code):
        parse(cell)
