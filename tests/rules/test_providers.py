"""Identifiers of a provider."""

from collections.abc import Callable

import pytest

from mobile_units.rules.providers import (
    NFZ_BRANCHES,
    checked_nfz_branch,
    checked_nip,
    checked_oid_root,
    checked_regon,
    checked_rpwdl_book,
)
from tests.factories_catalogue import refused


@pytest.mark.parametrize(
    ("check", "text", "number"),
    [
        (checked_regon, "192598184", "192598184"),
        (checked_regon, "123-456-785", "123456785"),
        (checked_regon, "12345678512347", "12345678512347"),
        (checked_nip, "PL 8567346215", "8567346215"),
        (checked_nip, "856-734-62-15", "8567346215"),
        (checked_rpwdl_book, " 000000012345 ", "000000012345"),
        (checked_nfz_branch, "16", "16"),
        (checked_oid_root, "2.16.840.1.113883.3.4424.2.7.1", "2.16.840.1.113883.3.4424.2.7.1"),
    ],
)
def test_a_right_identifier_gets_one_spelling(check: Callable[[str], str], text: str, number: str) -> None:
    """Separators are dropped, leading zeros stay."""
    assert check(text) == number


@pytest.mark.parametrize(
    ("check", "text", "code"),
    [
        (checked_regon, "192598183", "regon_invalid"),
        (checked_regon, "12345678512348", "regon_invalid"),
        (checked_regon, "1925981840", "regon_invalid"),
        (checked_nip, "8567346216", "nip_invalid"),
        (checked_nip, "", "nip_invalid"),
        (checked_rpwdl_book, "12345", "rpwdl_book_invalid"),
        (checked_rpwdl_book, "00000001234x", "rpwdl_book_invalid"),
        (checked_nfz_branch, "17", "nfz_branch_unknown"),
        (checked_nfz_branch, "5", "nfz_branch_unknown"),
        (checked_oid_root, "2.16.", "oid_root_invalid"),
        (checked_oid_root, "2", "oid_root_invalid"),
    ],
)
def test_a_wrong_identifier_is_refused(check: Callable[[str], str], text: str, code: str) -> None:
    """A wrong check digit, length or form has its own code."""
    with refused(code):
        check(text)


def test_there_are_sixteen_branches() -> None:
    """One for each voivodeship."""
    assert len(NFZ_BRANCHES) == 16
    assert NFZ_BRANCHES["05"] == "Łódzki"
