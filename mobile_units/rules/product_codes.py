"""NFZ product codes: the effective-dated catalogue, and the contract range under which an examination is settled.

The code of a visit follows by one rule. Among the catalogue's entries of the path that are valid on the day and fit
the setting and the mobility of the service place, those that the provider has contracted for the day and the place
remain; a range contracted for that very place comes first, then the lowest code, then the lowest id.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from mobile_units.errors import DomainError
from mobile_units.rules.calendar import in_force
from mobile_units.rules.programmes import Mobility, Path, Programme, Setting


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """What a product code stands for.

    None for `setting` or `mobility` means any; for `path`, that nothing is settled with the code itself.
    `associated_with` is the base code that must be contracted too (zakres skojarzony). `valid_from` of the default
    entries is the day from which we hold them, not that of an act. An entry not `confirmed` must be checked against
    the contract.
    """

    code: str
    name_pl: str
    programme: Programme | None
    path: Path | None
    setting: Setting | None
    mobility: Mobility | None
    associated_with: str | None
    valid_from: date
    valid_to: date | None
    confirmed: bool
    source: str


@dataclass(frozen=True, slots=True)
class ContractedRange:
    """A range of a contract, for one service place or, when `service_place_id` is None, for all of them."""

    id: int
    product_code: str
    valid_from: date
    valid_to: date | None
    service_place_id: int | None


def is_code(text: str) -> bool:
    """Whether `text` has the form AA.BBBB.CCC.DD of a product code."""
    return re.fullmatch(r"[0-9]{2}\.[0-9]{4}\.[0-9]{3}\.[0-9]{2}", text) is not None


def choose_range(  # noqa: PLR0913, PLR0917 - the rule depends on all of these facts
    path: Path,
    setting: Setting | None,
    mobility: Mobility,
    on: date,
    service_place_id: int | None,
    catalogue: Iterable[CatalogueEntry],
    ranges: Iterable[ContractedRange],
) -> ContractedRange:
    """The contract range that settles an examination on `path`; raises `no_contracted_range`."""
    codes = _codes_for(path, setting, mobility, on, catalogue)
    chosen = _best_range(codes, on, service_place_id, ranges)
    if chosen is None:
        raise DomainError("no_contracted_range", path=path, day=on.isoformat())
    return chosen


def paths_offered(  # noqa: PLR0913, PLR0917 - the facts of choose_range, asked for each path
    programme: Programme,
    setting: Setting | None,
    mobility: Mobility,
    on: date,
    service_place_id: int | None,
    catalogue: Iterable[CatalogueEntry],
    ranges: Iterable[ContractedRange],
) -> list[tuple[Path, ContractedRange]]:
    """The paths of a programme that the provider has contracted for the place and the day, each with its range."""
    catalogue, ranges = tuple(catalogue), tuple(ranges)
    best = (
        (path, _best_range(_codes_for(path, setting, mobility, on, catalogue), on, service_place_id, ranges))
        for path in Path
        if path.programme == programme
    )
    return [(path, chosen) for path, chosen in best if chosen is not None]


def missing_base_ranges(codes_in_contract: Iterable[str], catalogue: Iterable[CatalogueEntry]) -> dict[str, str]:
    """The associated codes in a contract whose base code is not in it, each with that base code."""
    codes = frozenset(codes_in_contract)
    return {
        entry.code: entry.associated_with
        for entry in catalogue
        if entry.code in codes and entry.associated_with is not None and entry.associated_with not in codes
    }


def unknown_codes(codes: Iterable[str], catalogue: Iterable[CatalogueEntry], first: date, last: date) -> list[str]:
    """Those of `codes` that no entry makes valid on any day from `first` to `last`, both included."""
    known = {
        entry.code
        for entry in catalogue
        if entry.valid_from <= last and (entry.valid_to is None or first <= entry.valid_to)
    }
    return [code for code in codes if code not in known]


def _codes_for(
    path: Path, setting: Setting | None, mobility: Mobility, on: date, catalogue: Iterable[CatalogueEntry]
) -> set[str]:
    return {
        entry.code
        for entry in catalogue
        if entry.path == path
        and entry.setting in {None, setting}
        and entry.mobility in {None, mobility}
        and in_force(entry.valid_from, entry.valid_to, on)
    }


def _best_range(
    codes: set[str], on: date, service_place_id: int | None, ranges: Iterable[ContractedRange]
) -> ContractedRange | None:
    contracted = (
        candidate
        for candidate in ranges
        if candidate.product_code in codes
        and candidate.service_place_id in {None, service_place_id}
        and in_force(candidate.valid_from, candidate.valid_to, on)
    )
    return min(contracted, key=_preference, default=None)


def _preference(contracted: ContractedRange) -> tuple[bool, str, int]:
    return contracted.service_place_id is None, contracted.product_code, contracted.id


_HELD_FROM = date(2026, 1, 1)
_LEAFLET = "ulotka Ministerstwa Zdrowia o centralnej e-rejestracji, 2026"
_OLD_SOURCE = "źródło publiczne z 2018 r.; do potwierdzenia z umową"
_BASE_OF_AOS = "02.1450.001.02"


def _cervical(
    code: str, name_pl: str, path: Path, setting: Setting, associated_with: str | None = None
) -> CatalogueEntry:
    return CatalogueEntry(
        code=code,
        name_pl=name_pl,
        programme=Programme.CERVICAL,
        path=path,
        setting=setting,
        mobility=None,
        associated_with=associated_with,
        valid_from=_HELD_FROM,
        valid_to=None,
        confirmed=True,
        source=_LEAFLET,
    )


def _breast(code: str, name_pl: str, mobility: Mobility) -> CatalogueEntry:
    return CatalogueEntry(
        code=code,
        name_pl=name_pl,
        programme=Programme.BREAST,
        path=Path.MAMMOGRAPHY,
        setting=None,
        mobility=mobility,
        associated_with=None,
        valid_from=_HELD_FROM,
        valid_to=None,
        confirmed=False,
        source=_OLD_SOURCE,
    )


DEFAULT_CATALOGUE: tuple[CatalogueEntry, ...] = (
    _cervical(
        "01.0034.101.01",
        "świadczenia położnej POZ w programie profilaktyki raka szyjki macicy",
        Path.CLASSIC_CYTOLOGY,
        Setting.POZ,
    ),
    _cervical(
        "01.0034.102.01",
        "świadczenia położnej POZ: pobranie materiału do testu HPV HR w triage z LBC",
        Path.HPV_LBC,
        Setting.POZ,
    ),
    CatalogueEntry(
        code=_BASE_OF_AOS,
        name_pl="zakres podstawowy dla zakresów skojarzonych (nazwa nie jest nam znana)",
        programme=None,
        path=None,
        setting=Setting.AOS,
        mobility=None,
        associated_with=None,
        valid_from=_HELD_FROM,
        valid_to=None,
        confirmed=True,
        source=_LEAFLET,
    ),
    _cervical(
        "02.1450.101.02",
        "pobranie materiału do przesiewowego badania cytologicznego",
        Path.CLASSIC_CYTOLOGY,
        Setting.AOS,
        _BASE_OF_AOS,
    ),
    _cervical(
        "02.1450.102.02",
        "pobranie materiału do przesiewowego badania HPV z LBC",
        Path.HPV_LBC,
        Setting.AOS,
        _BASE_OF_AOS,
    ),
    _breast(
        "10.7940.158.02",
        "program profilaktyki raka piersi, etap podstawowy, pracownia stacjonarna",
        Mobility.STATIONARY,
    ),
    _breast(
        "10.7940.159.02",
        "program profilaktyki raka piersi, etap podstawowy, pracownia mobilna",
        Mobility.MOBILE,
    ),
)
