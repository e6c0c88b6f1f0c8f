"""Identity of a woman: PESEL, or a foreign document folded to one spelling.

No error raised here carries the number it speaks of.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from stdnum.exceptions import ValidationError
from stdnum.pl import pesel as pesel_format

from mobile_units.errors import DomainError

Sex = Literal["F", "M"]

_MONTH_OFFSETS = {18: 80, 19: 0, 20: 20, 21: 40, 22: 60}
"""What PESEL adds to the month in each century of birth."""


@dataclass(frozen=True, slots=True)
class Pesel:
    """A valid PESEL with what it tells; its printed form shows nothing of it."""

    number: str = field(repr=False)
    birth_date: date = field(repr=False)
    sex: Sex = field(repr=False)


def parse_pesel(text: str) -> Pesel:
    """The PESEL written in `text`, spaces and hyphens ignored; raises `pesel_invalid`."""
    try:
        number = pesel_format.validate(text)
    except ValidationError:
        raise DomainError("pesel_invalid") from None
    return Pesel(number, pesel_format.get_birth_date(number), "F" if pesel_format.get_gender(number) == "F" else "M")


def require_woman(pesel: Pesel) -> None:
    """Raises `pesel_not_a_woman`: the programmes are for women."""
    if pesel.sex != "F":
        raise DomainError("pesel_not_a_woman")


def fold_document(country: str, number: str) -> str:
    """One spelling of a foreign document, `DE:C01X00T47`, so that equal documents have equal keyed hashes.

    `country` is a two-letter ISO code. Letters are made upper case, everything but letters and digits is dropped.
    Raises `document_invalid`.
    """
    folded_country, folded_number = country.strip().upper(), _fold(number)
    if not re.fullmatch(r"[A-Z]{2}", folded_country) or not folded_number:
        raise DomainError("document_invalid")
    return f"{folded_country}:{folded_number}"


def make_pesel(birth_date: date, serial: int, sex: Sex) -> str:
    """A well-formed PESEL for fictitious people in demonstrations and tests; `serial` is 0 to 4999.

    Such a number may by chance be a real person's: never send it to a real system.
    """
    if not 0 <= serial <= 4999:
        raise ValueError("serial must be between 0 and 4999")
    month = birth_date.month + _MONTH_OFFSETS[birth_date.year // 100]
    ordinal = 2 * serial + (sex == "M")
    digits = f"{birth_date.year % 100:02}{month:02}{birth_date.day:02}{ordinal:04}"
    return digits + pesel_format.calc_check_digit(digits)


def _fold(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKC", text).upper() if char.isalnum())
