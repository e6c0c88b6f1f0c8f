"""Sites, units and distances from files: what each column means, and how every bad cell is told."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.errors import DomainError
from mobile_units.planning import files
from mobile_units.planning.files import BadCell
from mobile_units.planning.problem import EVERY_DAY, UNLIMITED_DAYS, Period, PlanningSite, PlanningUnit
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule
from tests.planning.csv_files import (
    FIRST,
    LAST,
    SITE,
    SITE_COLUMNS,
    UNIT,
    UNIT_COLUMNS,
    problem,
    site,
    sites,
    table,
    unit,
    units,
)

BOTH = frozenset(Programme)


def only_site(**cells: str) -> PlanningSite:
    """The site of a file with one row."""
    (found,) = problem(sites(site(**cells))).sites
    return found


def only_unit(**cells: str) -> PlanningUnit:
    """The unit of a file with one row."""
    (found,) = problem(of_units=units(unit(**cells))).units
    return found


def refused(of_sites: bytes | None = None, of_units: bytes | None = None, matrix: str | None = None) -> list[BadCell]:
    """What is said to be wrong."""
    with pytest.raises(DomainError) as error:
        problem(of_sites, of_units, matrix)
    assert error.value.code == "files_refused"
    bad: list[BadCell] = error.value.facts["problems"]
    assert error.value.facts["count"] == len(bad)
    assert all(cell.reason_pl and cell.reason_en for cell in bad)
    return bad


def places(bad: list[BadCell]) -> list[tuple[str, int, str | None, str]]:
    """Where something is wrong, and what."""
    return [(cell.file, cell.row, cell.column, cell.code) for cell in bad]


# what the columns mean


def test_an_empty_cell_of_a_site_is_no_restriction() -> None:
    """Whatever may be left out is left out."""
    assert only_site() == PlanningSite(id="W1", name="Wieluń", latitude=51.22, longitude=18.57, women_due={None: 120})
    assert only_site(name="").name == "W1"


def test_an_empty_cell_of_a_unit_is_no_restriction() -> None:
    """It works every day, in every programme, everywhere; it needs no time to be set up."""
    women = dict.fromkeys(sorted(Programme), 50)
    assert only_unit() == PlanningUnit(
        id="M1",
        name="Mammobus 1",
        latitude=51.77,
        longitude=19.46,
        women_per_day=women,
        women_on_first_day=women,
        weekdays=EVERY_DAY,
    )
    assert only_unit(name="").name == "M1"


def test_every_column_of_a_site_is_read() -> None:
    """Into what the planner knows it as."""
    full = site(
        gmina="1017092",
        programme="breast",
        earliest="2027-03-02",
        latest="2027-03-30",
        weekdays="1;3;5",
        blackout="2027-03-08;2027-03-10/2027-03-12",
        days_min="2",
        days_max="3",
        group="Wieluń",
        priority="1.5",
    )
    assert problem(sites(full)).sites[0] == PlanningSite(
        id="W1",
        name="Wieluń",
        latitude=51.22,
        longitude=18.57,
        women_due={Programme.BREAST: 120},
        region="10",
        earliest=date(2027, 3, 2),
        latest=date(2027, 3, 30),
        weekdays=frozenset({1, 3, 5}),
        blackouts=(
            Period(date(2027, 3, 8), date(2027, 3, 8)),
            Period(date(2027, 3, 10), date(2027, 3, 12)),
        ),
        days_min=2,
        days_max=3,
        group="Wieluń",
        weight=1.5,
    )


def test_every_column_of_a_unit_is_read() -> None:
    """Into what the planner knows it as."""
    full = only_unit(
        programmes="cytology",
        weekdays="1;2;3;4;5",
        home_rule="home_on_weekends",
        max_relocation_km="120.5",
        unavailable="2027-03-10",
    )
    assert full.women_per_day == full.women_on_first_day == {Programme.CERVICAL: 50}
    assert full.weekdays == frozenset({1, 2, 3, 4, 5})
    assert full.home_rule is HomeRule.HOME_ON_WEEKENDS
    assert full.max_relocation_km == 120.5
    assert full.unavailable == (Period(date(2027, 3, 10), date(2027, 3, 10)),)


@pytest.mark.parametrize(
    ("words", "programmes"),
    [
        ("breast", {Programme.BREAST}),
        ("Mammography", {Programme.BREAST}),
        ("MAMMOGRAFIA", {Programme.BREAST}),
        ("cervical", {Programme.CERVICAL}),
        ("cytology", {Programme.CERVICAL}),
        ("cytologia", {Programme.CERVICAL}),
        ("HPV", {Programme.CERVICAL}),
        ("cytology;hpv", {Programme.CERVICAL}),
        ("both", BOTH),
        ("mammography; cytology", BOTH),
        ("", BOTH),
    ],
)
def test_programmes_have_many_names(words: str, programmes: set[Programme]) -> None:
    """Women of a site that is open for more than one are due in any of them."""
    assert only_unit(programmes=words).programmes == programmes
    need = None if programmes == BOTH else next(iter(programmes))
    assert only_site(programme=words).women_due == {need: 120}


@pytest.mark.parametrize("written", ["1;2;5", "125", " 1 ; 2 ; 5 ", "5;2;1;1", "1-2;5", "5-5;12"])
def test_weekdays_are_digits(written: str) -> None:
    """Separated by semicolons, or not at all; several in a row may be written as a range."""
    assert only_site(weekdays=written).weekdays == only_unit(weekdays=written).weekdays == {1, 2, 5}


def test_only_a_teryt_code_says_where_a_gmina_is() -> None:
    """A name, or a number that lost its zero, does not."""
    assert [only_site(gmina=gmina).region for gmina in ("1017092", "Wieluń", "201011")] == ["10", None, None]


def test_the_format_of_the_file_is_free_where_it_does_not_matter() -> None:
    """Byte order mark, ends of lines, order of columns, blank lines, spaces, quotes, decimals of whole numbers."""
    turned = table(SITE_COLUMNS[::-1], [site(name='"Wieluń, ""Plac"""', women_due=" 120.0 ")], end="\r\n")
    assert (
        problem(b"\xef\xbb\xbf" + turned + b"\r\n,,\r\n").sites == problem(sites(site(name='"Wieluń, ""Plac"""'))).sites
    )


def test_places_keep_the_order_of_the_files() -> None:
    """The matrix relies on it."""
    found = problem(sites(site(site_id="Z"), site(site_id="A")), units(unit(unit_id="9"), unit(unit_id="10")))
    assert [each.id for each in found.sites] == ["Z", "A"]
    assert [each.id for each in found.units] == ["9", "10"]


def test_the_period_is_checked() -> None:
    """As everywhere."""
    for first, last, code in ((LAST, FIRST, "ends_before_start"), (FIRST, date(2029, 1, 1), "period_too_long")):
        with pytest.raises(DomainError) as error:
            files.read_problem(first, last, sites=sites(SITE), units=units(UNIT))
        assert error.value.code == code


# bad cells


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("site_id", "", "value_missing"),
        ("lat", "", "value_missing"),
        ("lat", '"51,22"', "value_has_decimal_comma"),
        ("lat", "fifty", "value_not_number"),
        ("lat", "nan", "value_not_number"),
        ("lat", "18.57", "outside_poland"),
        ("lon", "51.22", "outside_poland"),
        ("lon", "1e3", "value_out_of_range"),
        ("programme", "lungs", "value_not_known"),
        ("women_due", "", "value_missing"),
        ("women_due", "many", "value_not_whole_number"),
        ("women_due", "1.5", "value_not_whole_number"),
        ("women_due", "-1", "value_out_of_range"),
        ("earliest", "1.03.2027", "value_not_iso_day"),
        ("earliest", "20270301", "value_not_iso_day"),
        ("latest", "2027-02-30", "value_not_iso_day"),
        ("weekdays", "0;1", "value_not_weekdays"),
        ("weekdays", "5-1", "value_not_weekdays"),
        ("weekdays", "1-8", "value_not_weekdays"),
        ("weekdays", "1-5-6", "value_not_weekdays"),
        ("weekdays", "12-5", "value_not_weekdays"),
        ("weekdays", "-", "value_not_weekdays"),
        ("weekdays", ";", "value_not_weekdays"),
        ("blackout", "2027-03-08/", "value_not_iso_day"),
        ("blackout", "2027-03-08/2027-03-09/2027-03-10", "value_not_iso_day"),
        ("blackout", "2027-03-09/2027-03-08", "period_reversed"),
        ("days_min", "0", "value_out_of_range"),
        ("days_max", "two", "value_not_whole_number"),
        ("priority", "0", "value_out_of_range"),
        ("priority", '"1,5"', "value_has_decimal_comma"),
    ],
)
def test_a_bad_cell_of_a_site_is_named(column: str, cell: str, code: str) -> None:
    """By the row as a spreadsheet numbers it, the column, and what is wrong."""
    bad = refused(sites(site(site_id="A"), site(**{column: cell})))
    assert places(bad) == [("sites", 3, column, code)]


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("unit_id", "", "value_missing"),
        ("base_lat", "", "value_missing"),
        ("base_lon", '"19,46"', "value_has_decimal_comma"),
        ("programmes", "breast;lungs", "value_not_known"),
        ("women_per_day", "", "value_missing"),
        ("women_per_day", "0", "value_out_of_range"),
        ("weekdays", "8", "value_not_weekdays"),
        ("home_rule", "home", "value_not_known"),
        ("max_relocation_km", "-5", "value_out_of_range"),
        ("max_relocation_km", "far", "value_not_number"),
        ("unavailable", "Monday", "value_not_iso_day"),
    ],
)
def test_a_bad_cell_of_a_unit_is_named(column: str, cell: str, code: str) -> None:
    """In the same way."""
    bad = refused(of_units=units(unit(unit_id="A"), unit(**{column: cell})))
    assert places(bad) == [("units", 3, column, code)]


def test_all_bad_cells_of_all_files_are_named_at_once() -> None:
    """Nobody has to try again to learn of the next one."""
    bad = refused(
        sites(site(lat="", women_due="x"), site(site_id="W2", lon="x")), units(unit(home_rule="x")), "0,1\n1,x\n"
    )
    assert places(bad) == [
        ("sites", 2, "lat", "value_missing"),
        ("sites", 2, "women_due", "value_not_whole_number"),
        ("sites", 3, "lon", "value_not_number"),
        ("units", 2, "home_rule", "value_not_known"),
        ("matrix", 1, None, "matrix_columns"),
        ("matrix", 2, None, "matrix_rows"),
        ("matrix", 2, None, "matrix_columns"),
        ("matrix", 2, "2", "value_not_number"),
    ]


def test_a_decimal_comma_is_explained() -> None:
    """With the number as it has to be written, in both languages."""
    (bad,) = refused(sites(site(lat='"51,22"')))
    assert bad.reason_pl == "Część ułamkową oddziela kropka, nie przecinek: 51.22."
    assert bad.reason_en == "Decimals are separated by a point, not by a comma: 51.22."


def test_a_comma_that_is_not_quoted_makes_the_row_too_long() -> None:
    """The other cells of the row are not judged: they have moved."""
    assert places(refused(sites(site(lat="51,22", programme="x")))) == [("sites", 2, None, "too_many_cells")]


def test_ids_occur_once() -> None:
    """Each later row is named with the first one; ids of sites and units have nothing to do with each other."""
    bad = refused(sites(SITE, site(site_id="W2"), SITE, SITE), units(UNIT, UNIT))
    assert places(bad) == [
        ("sites", 4, "site_id", "row_repeated"),
        ("sites", 5, "site_id", "row_repeated"),
        ("units", 3, "unit_id", "row_repeated"),
    ]
    assert "row 2" in bad[0].reason_en
    problem(sites(site(site_id="1")), units(unit(unit_id="1")))


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ({"earliest": "2027-03-09", "latest": "2027-03-08"}, "latest", "window_reversed"),
        ({"days_min": "3", "days_max": "2"}, "days_max", "stay_reversed"),
    ],
)
def test_cells_of_a_row_have_to_fit_together(cells: Mapping[str, str], column: str, code: str) -> None:
    """Equal bounds do."""
    assert places(refused(sites(site(**cells)))) == [("sites", 2, column, code)]
    only_site(earliest="2027-03-08", latest="2027-03-08", days_min="2", days_max="2")


def test_unknown_missing_and_repeated_columns_are_named() -> None:
    """All of them, in the row of the heading."""
    columns = [*(name for name in SITE_COLUMNS if name not in {"group", "lat"}), "colour", "", "name"]
    bad = refused(table(columns, [SITE]))
    assert places(bad) == [
        ("sites", 1, "lat", "column_missing"),
        ("sites", 1, "group", "column_missing"),
        ("sites", 1, "colour", "column_unknown"),
        ("sites", 1, "15", "column_unknown"),
        ("sites", 1, "name", "column_repeated"),
    ]


@pytest.mark.parametrize(
    ("content", "row", "code"),
    [
        (b"", 1, "table_empty"),
        (b"\xef\xbb\xbf\r\n,,\r\n", 1, "table_empty"),
        (table(UNIT_COLUMNS, []), 1, "table_empty"),
        (units(UNIT).replace(b",", b";"), 1, "separator_not_comma"),
        (units(UNIT).replace(b",", b"\t"), 1, "separator_not_comma"),
        (units(UNIT, unit(name="Łódź")).decode().encode("cp1250"), 3, "text_not_utf8"),
        (units(UNIT) + b'M2,"Mammobus', 3, "row_unreadable"),
        (units() + b'M2,"Mammobus', 2, "row_unreadable"),
    ],
)
def test_a_file_that_is_no_such_table_is_named(content: bytes, row: int, code: str) -> None:
    """With the row up to which it could be read."""
    assert places(refused(of_units=content)) == [("units", row, None, code)]


# the matrix


def test_the_matrix_is_taken_as_it_is() -> None:
    """Bases first and sites after; ways there and back may differ."""
    found = problem(matrix="0,10.5\n12,0\n")
    assert found.matrix is not None
    assert found.matrix.kilometres.tolist() == [[0, 10.5], [12, 0]]
    assert found.matrix.hours is None
    assert problem().matrix is None


@pytest.mark.parametrize(
    ("matrix", "bad"),
    [
        ("", [(1, None, "table_empty")]),
        ("0;1\n1;0\n", [(1, None, "separator_not_comma")]),
        ("0,1\n", [(1, None, "matrix_rows")]),
        ("0,1\n1,0\n1,1\n", [(3, None, "matrix_rows")]),
        ("0,1\n1\n", [(2, None, "matrix_columns")]),
        ("0,1\n1,0,5\n", [(2, None, "matrix_columns")]),
        ("0,-1\n1,0\n", [(1, "2", "value_out_of_range")]),
        ("0,\n1,0\n", [(1, "2", "value_missing")]),
        ("0,nan\ninf,0\n", [(1, "2", "value_not_number"), (2, "1", "value_not_number")]),
        ('0,"1,5"\n1,0\n', [(1, "2", "value_has_decimal_comma")]),
        ("0,1\n1,2\n", [(2, "2", "distance_to_itself")]),
        ("3,x\n1,0\n", [(1, "2", "value_not_number"), (1, "1", "distance_to_itself")]),
        ("M1,W1\n0,1\n1,0\n", [(3, None, "matrix_rows"), (1, "1", "value_not_number"), (1, "2", "value_not_number")]),
    ],
)
def test_a_bad_matrix_is_named_by_row_and_column(matrix: str, bad: list[tuple[int, str | None, str]]) -> None:
    """Both are numbered from one."""
    assert sorted(places(refused(matrix=matrix))) == sorted(("matrix", *each) for each in bad)


# whatever is written

CELLS = st.text(alphabet='0123456789.,;/-abW"\n \x00ł', max_size=12)


@given(st.dictionaries(st.sampled_from(SITE_COLUMNS), CELLS), st.dictionaries(st.sampled_from(UNIT_COLUMNS), CELLS))
def test_whatever_is_written_is_read_or_refused(of_site: dict[str, str], of_unit: dict[str, str]) -> None:
    """Nothing else is ever raised."""
    content = sites(site(**of_site)), units(unit(**of_unit))
    with suppress(DomainError):
        found = problem(*content)
        assert all(each.days_max <= UNLIMITED_DAYS for each in found.sites)
