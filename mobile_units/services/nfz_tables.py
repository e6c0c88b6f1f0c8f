"""The NFZ's monthly table of people who qualify for a programme, by gmina.

Known of its shape are a gmina's id, names, the branch, "Liczba osób kwalifikujących się" and "Liczba osób wyłączonych".
The uptake of a gmina cannot be had from it: nothing tells how many were screened, nor why the others are excluded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mobile_units.services import tables
from mobile_units.services.tables import Column, Problem, Record, Row

MOST_PEOPLE = 5_000_000
GMINA_HEADINGS = (
    "id gminy",
    "gmina id",
    "identyfikator gminy",
    "kod gminy",
    "gmina kod",
    "teryt",
    "kod teryt",
    "teryt gminy",
    "kod teryt gminy",
    "id teryt",
)
"""Headings taken for the gmina's TERYT code. How the NFZ words it is not known to us, so several are accepted."""

NAME_HEADINGS = ("nazwa gminy", "gmina nazwa", "gmina", "nazwa")
QUALIFYING = "Liczba osób kwalifikujących się"
EXCLUDED = "Liczba osób wyłączonych"
TOTALS = frozenset({"razem", "suma", "ogolem"})
"""First words, folded, of rows that sum up others."""

_COLUMNS = (
    Column("id gminy", tables.teryt, required=True, headings=GMINA_HEADINGS),
    Column("nazwa gminy", tables.text(200), headings=NAME_HEADINGS),
    Column(QUALIFYING, tables.whole(0, MOST_PEOPLE), required=True),
    Column(EXCLUDED, tables.whole(0, MOST_PEOPLE), required=True),
)


@dataclass(frozen=True, slots=True)
class Gmina:
    """One row: the people who qualify in a gmina, who are the women due."""

    teryt: str
    name: str | None
    women_due: int


def read_gminas(rows: Sequence[Row]) -> tuple[list[Gmina], list[Problem]]:
    """The gminas of the table, and everything that is wrong with it; then the gminas are not to be used.

    The heading is the first row that names the people who qualify; rows above it are titles, totals are left out.
    """
    qualifying = tables.folded(QUALIFYING)
    start = next((at for at, row in enumerate(rows) if qualifying in map(tables.folded, row.cells)), 0)
    records, problems = tables.parse([row for row in rows[start:] if not _is_total(row)], _COLUMNS, others=True)
    problems += tables.repeated(records, "id gminy", lambda record: record.values.get("id gminy"))
    return [] if problems else list(map(_gmina, records)), problems


def _is_total(row: Row) -> bool:
    return tables.folded(next(filter(None, row.cells))) in TOTALS


def _gmina(record: Record) -> Gmina:
    return Gmina(record.values["id gminy"], record.values.get("nazwa gminy"), record.values[QUALIFYING])
