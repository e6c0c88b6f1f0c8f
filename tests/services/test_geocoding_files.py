"""Coordinates for a file of places: what is missing is found out, and everything else stays as it is."""

import pytest

from mobile_units.errors import DomainError
from mobile_units.rules.addresses import Address, Found
from mobile_units.services.geocoding_files import read_places

SITES = """code,name,locality,street,gmina,teryt,lat,lon,note
W1,Urząd,Wieluń,ul. Nowa 1,Wieluń,917093,,,"a, b"
O1,Rynek,Osjaków,,,,51.3,18.8,
"""
FOUND = Found(51.2211, 18.56967, 0.85, "Wieluń, Nowa, 1")


def test_rows_without_coordinates_are_looked_up() -> None:
    """By locality, street and gmina; a zero that a spreadsheet dropped is put back."""
    file = read_places(SITES.encode())
    assert file.missing == {2: Address("Wieluń", "ul. Nowa 1", "Wieluń", "0917093")}
    assert file.problems == []


def test_what_was_found_is_filled_in() -> None:
    """All other cells stay as they are; a second time nothing is missing and nothing changes."""
    file = read_places(SITES.encode())
    filled = file.filled({file.missing[2].key: FOUND}, confidence=True)
    assert filled.decode().splitlines() == [
        "code,name,locality,street,gmina,teryt,lat,lon,note,location_confidence",
        'W1,Urząd,Wieluń,ul. Nowa 1,Wieluń,917093,51.221100,18.569670,"a, b",0.85',
        "O1,Rynek,Osjaków,,,,51.3,18.8,,",
    ]
    again = read_places(filled)
    assert again.missing == {}
    assert again.filled({}, confidence=True) == filled


def test_columns_that_lack_are_added() -> None:
    """In a file with semicolons too; what nobody knows stays empty."""
    file = read_places("\ufeff\nAddress;X\nWieluń, Nowa 1;1\n\nNigdzie\n".encode())
    assert file.missing == {2: Address(None, "Wieluń, Nowa 1"), 4: Address(None, "Nigdzie")}
    filled = file.filled({"wieluń, nowa 1": FOUND, "nigdzie": None}, confidence=False)
    assert filled.decode().splitlines() == [
        "Address;X;lat;lon", "Wieluń, Nowa 1;1;51.221100;18.569670", "", "Nigdzie;;;"
    ]  # fmt: skip


def test_the_name_stands_in_for_an_address() -> None:
    """Files for the planner have nothing else."""
    file = read_places(b"site_id,name,gmina,lat,lon\n1,Osjaki 5,Osjaki,,\n")
    assert file.missing == {2: Address(None, "Osjaki 5", "Osjaki")}


def test_rows_that_cannot_be_looked_up_are_named() -> None:
    """Half of the coordinates, or no address at all."""
    file = read_places(b"name,lat,lon\nA,51.2,\nB,,18.5\n,,\nC,51.2,18.5\n ,,x\n")
    assert [(each.row, each.column, each.code) for each in file.problems] == [
        (2, "lat", "coordinates_incomplete"),
        (3, "lat", "coordinates_incomplete"),
        (6, "lat", "coordinates_incomplete"),
    ]
    (problem,) = read_places(b"name,town,lat,lon\n,Osjaki,,\n").problems
    assert (problem.row, problem.code) == (2, "address_missing")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "table_empty"),
        (b"name,lat\n", "table_empty"),
        (b"name,lat,Lat\nA,,\n", "column_repeated"),
        (b"name,lat\nA,,7\n", "too_many_cells"),
        (b"name,lat\n\xff,\n", "table_unreadable"),
        (b'name,lat\n"A\n', "table_unreadable"),
        (b"PK\x03\x04xlsx", "table_unreadable"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(content: bytes, code: str) -> None:
    """A spreadsheet among them: only CSV is written."""
    with pytest.raises(DomainError) as refused:
        read_places(content)
    assert refused.value.code == code
