"""Product codes and the range that settles an examination."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.errors import DomainError
from mobile_units.rules.product_codes import (
    DEFAULT_CATALOGUE,
    ContractedRange,
    choose_range,
    is_code,
    missing_base_ranges,
    paths_offered,
    unknown_codes,
)
from mobile_units.rules.programmes import Mobility, Path, Programme, Setting

DAY = date(2026, 9, 7)
CODES = [entry.code for entry in DEFAULT_CATALOGUE]
ALL_RANGES = [ContractedRange(n, code, date(2026, 1, 1), None, None) for n, code in enumerate(CODES, start=1)]
MOBILE, STATIONARY = Mobility.MOBILE, Mobility.STATIONARY


def contracted(range_id: int, code: str, place: int | None = None, valid_to: date | None = None) -> ContractedRange:
    """A range contracted from the beginning of 2026."""
    return ContractedRange(range_id, code, date(2026, 1, 1), valid_to, place)


@pytest.mark.parametrize(
    ("path", "setting", "mobility", "code"),
    [
        (Path.CLASSIC_CYTOLOGY, Setting.POZ, MOBILE, "01.0034.101.01"),
        (Path.HPV_LBC, Setting.POZ, STATIONARY, "01.0034.102.01"),
        (Path.CLASSIC_CYTOLOGY, Setting.AOS, MOBILE, "02.1450.101.02"),
        (Path.HPV_LBC, Setting.AOS, STATIONARY, "02.1450.102.02"),
        (Path.MAMMOGRAPHY, None, STATIONARY, "10.7940.158.02"),
        (Path.MAMMOGRAPHY, None, MOBILE, "10.7940.159.02"),
        (Path.MAMMOGRAPHY, Setting.AOS, MOBILE, "10.7940.159.02"),
    ],
)
def test_the_code_follows_from_path_setting_and_mobility(
    path: Path, setting: Setting | None, mobility: Mobility, code: str
) -> None:
    """With everything contracted there is exactly one code for each combination."""
    assert choose_range(path, setting, mobility, DAY, 5, DEFAULT_CATALOGUE, ALL_RANGES).product_code == code


@pytest.mark.parametrize(
    ("range_", "on"),
    [
        (contracted(1, "10.7940.158.02"), DAY),
        (contracted(1, "10.7940.159.02", place=6), DAY),
        (contracted(1, "10.7940.159.02", valid_to=date(2026, 6, 30)), date(2026, 7, 1)),
        (contracted(1, "10.7940.159.02"), date(2025, 12, 31)),
        (contracted(1, "10.7940.999.02"), DAY),
    ],
)
def test_a_range_that_does_not_fit_is_refused(range_: ContractedRange, on: date) -> None:
    """Another mobility, another place, another day and an unknown code do not settle the examination."""
    with pytest.raises(DomainError) as refused:
        choose_range(Path.MAMMOGRAPHY, None, MOBILE, on, 5, DEFAULT_CATALOGUE, [range_])
    assert refused.value.code == "no_contracted_range"
    assert refused.value.facts == {"path": "mammography", "day": on.isoformat()}


def test_a_range_is_valid_to_the_end_of_its_last_day() -> None:
    """The last day of the contract is still settled."""
    range_ = contracted(1, "10.7940.159.02", valid_to=DAY)
    assert choose_range(Path.MAMMOGRAPHY, None, MOBILE, DAY, 5, DEFAULT_CATALOGUE, [range_]) == range_


def test_a_code_withdrawn_from_the_catalogue_is_not_used() -> None:
    """The catalogue is dated too."""
    catalogue = [replace(entry, valid_to=date(2026, 8, 31)) for entry in DEFAULT_CATALOGUE]
    with pytest.raises(DomainError):
        choose_range(Path.MAMMOGRAPHY, None, MOBILE, DAY, 5, catalogue, ALL_RANGES)


@given(
    st.permutations(
        [
            contracted(4, "10.7940.159.02", place=5),
            contracted(3, "10.7940.160.02", place=5),
            contracted(2, "10.7940.159.02"),
            contracted(9, "10.7940.159.02", place=5),
            contracted(1, "10.7940.159.02", place=6),
        ]
    )
)
def test_the_range_of_the_place_wins_then_code_then_id(ranges: list[ContractedRange]) -> None:
    """The choice is the same whatever order the contracts come in."""
    added = replace(DEFAULT_CATALOGUE[-1], code="10.7940.160.02")
    catalogue = [*DEFAULT_CATALOGUE, added]

    def chosen(place: int | None) -> int:
        return choose_range(Path.MAMMOGRAPHY, None, MOBILE, DAY, place, catalogue, ranges).id

    assert (chosen(5), chosen(6), chosen(7), chosen(None)) == (4, 1, 2, 2)


def test_a_place_offers_the_paths_that_are_contracted() -> None:
    """A cytobus of primary care with one of the two ranges offers one path; with both, both."""
    classic, hpv = contracted(1, "01.0034.101.01"), contracted(2, "01.0034.102.01")

    def offered(*ranges: ContractedRange) -> list[tuple[Path, ContractedRange]]:
        return paths_offered(Programme.CERVICAL, Setting.POZ, MOBILE, DAY, 5, iter(DEFAULT_CATALOGUE), iter(ranges))

    assert offered() == []
    assert offered(hpv) == [(Path.HPV_LBC, hpv)]
    assert offered(hpv, classic) == [(Path.CLASSIC_CYTOLOGY, classic), (Path.HPV_LBC, hpv)]


def test_a_programme_offers_only_its_own_paths() -> None:
    """The breast programme has one path."""
    offered = paths_offered(Programme.BREAST, Setting.POZ, MOBILE, DAY, 5, DEFAULT_CATALOGUE, ALL_RANGES)
    assert [path for path, _ in offered] == [Path.MAMMOGRAPHY]


@pytest.mark.parametrize(
    ("codes", "missing"),
    [
        ([], {}),
        (["01.0034.101.01"], {}),
        (["02.1450.101.02"], {"02.1450.101.02": "02.1450.001.02"}),
        (["02.1450.101.02", "02.1450.001.02"], {}),
        (
            ["02.1450.101.02", "02.1450.102.02"],
            {"02.1450.101.02": "02.1450.001.02", "02.1450.102.02": "02.1450.001.02"},
        ),
    ],
)
def test_an_associated_range_needs_its_base_range(codes: list[str], missing: dict[str, str]) -> None:
    """Each associated code without its base is named with the base that lacks."""
    assert missing_base_ranges(codes, DEFAULT_CATALOGUE) == missing


def test_nothing_is_settled_with_the_base_range() -> None:
    """It has no path, so no examination can choose it."""
    base = [contracted(1, "02.1450.001.02")]
    assert paths_offered(Programme.CERVICAL, Setting.AOS, MOBILE, DAY, 5, DEFAULT_CATALOGUE, base) == []


def test_the_catalogue_says_which_codes_are_unconfirmed() -> None:
    """Both mammography codes come from a source of 2018."""
    assert [entry.code for entry in DEFAULT_CATALOGUE if not entry.confirmed] == ["10.7940.158.02", "10.7940.159.02"]
    assert all(is_code(entry.code) for entry in DEFAULT_CATALOGUE)
    assert all(entry.path is None or entry.path.programme is entry.programme for entry in DEFAULT_CATALOGUE)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("02.1450.101.02", True),
        ("02.1450.101.2", False),
        ("02.1450.101.02 ", False),
        ("02.1450.101.02\n", False),
        ("0214501010200", False),
        ("02-1450-101-02", False),
        ("AA.1450.101.02", False),
        ("٠٢.1450.101.02", False),
        ("", False),
    ],
)
def test_the_form_of_a_code(text: str, valid: bool) -> None:
    """Two, four, three and two digits with dots between them."""
    assert is_code(text) is valid


@pytest.mark.parametrize(
    ("first", "last", "known"),
    [
        (date(2025, 1, 1), date(2025, 12, 31), False),
        (date(2025, 1, 1), date(2026, 1, 1), True),
        (date(2026, 6, 30), date(2027, 12, 31), True),
        (date(2026, 7, 1), date(2027, 12, 31), False),
    ],
)
def test_a_code_is_known_to_a_contract_if_both_are_valid_on_some_day(first: date, last: date, known: bool) -> None:
    """The entry holds from 1 January to 30 June 2026; one common day is enough."""
    entry = replace(DEFAULT_CATALOGUE[0], valid_to=date(2026, 6, 30))
    assert unknown_codes([entry.code], [entry], first, last) == ([] if known else [entry.code])
