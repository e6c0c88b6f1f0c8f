"""Identity of a woman."""

import traceback
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.errors import DomainError
from mobile_units.rules.women import Pesel, Sex, fold_document, make_pesel, parse_pesel, require_woman

births = st.dates(date(1800, 1, 1), date(2299, 12, 31))
serials = st.integers(0, 4999)
sexes: st.SearchStrategy[Sex] = st.sampled_from(["F", "M"])


@given(births, serials, sexes)
def test_a_made_pesel_tells_what_it_was_made_of(birth_date: date, serial: int, sex: Sex) -> None:
    """Birth date and sex survive in every century that PESEL knows."""
    number = make_pesel(birth_date, serial, sex)
    assert parse_pesel(number) == Pesel(number, birth_date, sex)


@given(births, serials, sexes, st.integers(0, 10), st.integers(1, 9))
def test_one_wrong_digit_is_found(birth_date: date, serial: int, sex: Sex, place: int, added: int) -> None:
    """The check digit catches every single changed digit."""
    number = make_pesel(birth_date, serial, sex)
    wrong = number[:place] + str((int(number[place]) + added) % 10) + number[place + 1 :]
    with pytest.raises(DomainError):
        parse_pesel(wrong)


@pytest.mark.parametrize(
    ("text", "number", "birth_date", "sex"),
    [
        ("44051401359", "44051401359", date(1944, 5, 14), "M"),
        (" 02211307589 ", "02211307589", date(2002, 1, 13), "F"),
        ("022113-07589", "02211307589", date(2002, 1, 13), "F"),
    ],
)
def test_published_examples_are_read(text: str, number: str, birth_date: date, sex: Sex) -> None:
    """Spaces and hyphens around the digits do no harm."""
    assert parse_pesel(text) == Pesel(number, birth_date, sex)


@pytest.mark.parametrize("text", ["", "44051401358", "4405140135", "440514013590", "4405140135X", "02381307589"])
def test_a_wrong_pesel_is_refused_without_repeating_it(text: str) -> None:
    """Length, checksum and birth date are checked; the number appears neither in the facts nor in the traceback."""
    with pytest.raises(DomainError) as refused:
        parse_pesel(text)
    error = refused.value
    assert (error.code, error.facts) == ("pesel_invalid", {})
    assert error.__suppress_context__
    assert not text or text not in "".join(traceback.format_exception(error))


def test_a_printed_pesel_shows_nothing() -> None:
    """Neither the number nor the birth date can reach a log by accident."""
    assert repr(parse_pesel("02211307589")) == "Pesel()"


def test_only_a_woman_passes() -> None:
    """The tenth digit tells the sex."""
    require_woman(parse_pesel(make_pesel(date(1970, 2, 28), 17, "F")))
    with pytest.raises(DomainError) as refused:
        require_woman(parse_pesel(make_pesel(date(1970, 2, 28), 17, "M")))
    assert (refused.value.code, refused.value.facts) == ("pesel_not_a_woman", {})


@pytest.mark.parametrize("serial", [-1, 5000])
def test_a_serial_has_its_range(serial: int) -> None:
    """There are five thousand numbers for a birth date and sex."""
    with pytest.raises(ValueError, match="serial"):
        make_pesel(date(1970, 1, 1), serial, "F")


@pytest.mark.parametrize(
    ("country", "number", "folded"),
    [
        ("DE", "C01X00T47", "DE:C01X00T47"),
        ("de", " c01x-00t 47 ", "DE:C01X00T47"),
        ("UA", "ФВ 123456", "UA:ФВ123456"),
        ("CZ", "１２３/45", "CZ:12345"),
    ],
)
def test_spellings_of_a_document_fold_to_one(country: str, number: str, folded: str) -> None:
    """Case, spaces, hyphens and full-width digits make no difference."""
    assert fold_document(country, number) == folded


@given(st.sampled_from(["DE", "ua"]), st.text(min_size=1))
def test_folding_twice_changes_nothing(country: str, number: str) -> None:
    """A stored spelling is its own folding."""
    try:
        folded = fold_document(country, number)
    except DomainError:
        return
    assert fold_document(*folded.split(":", 1)) == folded


@pytest.mark.parametrize(("country", "number"), [("DEU", "1"), ("", "1"), ("D1", "1"), ("DE", " -/ ")])
def test_a_document_needs_a_country_and_a_number(country: str, number: str) -> None:
    """The refusal carries neither of them."""
    with pytest.raises(DomainError) as refused:
        fold_document(country, number)
    assert (refused.value.code, refused.value.facts) == ("document_invalid", {})
