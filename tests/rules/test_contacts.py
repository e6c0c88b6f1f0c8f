"""Telephone numbers and e-mail addresses: one spelling, or a refusal that does not repeat them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.errors import DomainError
from mobile_units.rules.contacts import parse_email, parse_telephone, shown, takes_sms
from mobile_units.rules.wording import Language


@pytest.mark.parametrize(
    ("written", "number", "mobile"),
    [
        ("512 345 678", "+48512345678", True),
        ("+48 512-345-678", "+48512345678", True),
        ("0048512345678", "+48512345678", True),
        ("(42) 630 12 34", "+48426301234", False),
        ("42\u00a0630\u00a012\u00a034", "+48426301234", False),
        ("+49 1512 3456789", "+4915123456789", True),
        ("+380 50 123 4567", "+380501234567", True),
        ("+1 202 555 0123", "+12025550123", True),
    ],
)
def test_numbers_in_one_spelling(written: str, number: str, mobile: bool) -> None:
    """Of Poland without its country, of others with it; SMS go to mobiles and to what may be one."""
    assert (parse_telephone(written), takes_sms(number)) == (number, mobile)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "   ",
        "123",
        "512 345 67",
        "+48 000 000 000",
        "+49 1",
        "+999 123 456 789",
        "4915123456789",
        "512345678 wew. 5",
        "512345678;ext=5",
        "800 SZPITAL",
        "٥١٢٣٤٥٦٧٨",
        "512345678\r\nBcc: x",
        "+48512345678, +48512345679",
        "1" * 41,
        "tel:+48512345678",
    ],
)
def test_what_is_no_number_is_refused(written: str) -> None:
    """Too short, of no plan, with an extension, with letters or lines, or two of them."""
    with pytest.raises(DomainError) as refused:
        parse_telephone(written)
    assert (refused.value.code, refused.value.facts, refused.value.__cause__) == ("telephone_invalid", {}, None)


@given(st.text(max_size=45) | st.from_regex(r"\+?[0-9 ().-]{0,20}", fullmatch=True))
def test_whatever_is_written_is_a_number_or_refused(written: str) -> None:
    """A number is digits of ASCII that are read again as themselves."""
    try:
        number = parse_telephone(written)
    except DomainError as refused:
        if refused.code != "telephone_invalid":
            raise
    else:
        assert number.isascii()
        assert number[0] == "+"
        assert number[1:].isdigit()
        assert parse_telephone(number) == number
        assert parse_telephone(shown(number, Language.POLISH)) == number


def test_numbers_as_they_are_read() -> None:
    """A Polish one without its country in a Polish text, and every one with it in an English text."""
    assert shown("+48426301234", Language.POLISH) == "42 630 12 34"
    assert shown("+48426301234", Language.ENGLISH) == "+48 42 630 12 34"
    assert shown("+4915123456789", Language.POLISH) == "+49 1512 3456789"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("anna@example.pl", "anna@example.pl"),
        (" Anna.Nowak+x@Sub.Example.PL ", "Anna.Nowak+x@sub.example.pl"),
        ("a@xn--d-uga.pl", "a@xn--d-uga.pl"),
    ],
)
def test_addresses(written: str, address: str) -> None:
    """The domain in lower case, the rest as it is."""
    assert parse_email(written) == address


@pytest.mark.parametrize(
    "written",
    [
        "",
        "anna",
        "@example.pl",
        "anna@",
        "anna@localhost",
        "anna@example.1",
        "a..b@example.pl",
        ".a@example.pl",
        "a@-example.pl",
        "a@example..pl",
        '"a b"@example.pl',
        "a@[127.0.0.1]",
        "zażółć@example.pl",
        "a@zażółć.pl",
        "a@example.pl\nBcc: b@example.pl",
        "a@example.pl\r\n",
        "a@example.pl>",
        "a@example.pl, b@example.pl",
        "Anna <a@example.pl>",
        "a" * 65 + "@example.pl",
        "a@" + "b" * 250 + ".pl",
        "a@example.pl\x00",
        "a@" + "b." * 124 + "example.pl",
    ],
)
def test_what_is_no_address_is_refused(written: str) -> None:
    """No second address, no header, nothing that needs quoting; the refusal does not repeat it."""
    with pytest.raises(DomainError) as refused:
        parse_email(written)
    assert (refused.value.code, refused.value.facts) == ("email_invalid", {})
