"""Reads the fields of forms; what cannot be read is refused by the Polish name of the field."""

import re
from collections.abc import Mapping
from datetime import date, time

from mobile_units.errors import DomainError

LARGEST_KEY = 2**63 - 1
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)

Form = Mapping[str, str]


def whole(form: Form, name: str, label: str, least: int = 1, most: int = LARGEST_KEY) -> int:
    """A whole number.

    Raises:
        DomainError: `invalid_input`, it is none or out of range.
    """
    text = form.get(name, "").strip()
    if not re.fullmatch("[0-9]{1,19}", text, re.ASCII) or not least <= int(text) <= most:
        within = f" (liczba od {least} do {most})" if most < LARGEST_KEY else ""
        raise DomainError("invalid_input", problem=label + within)
    return int(text)


def whole_if_any(form: Form, name: str, label: str, least: int, most: int) -> int | None:
    """As `whole`; None of an empty field."""
    return whole(form, name, label, least, most) if form.get(name, "").strip() else None


def number(form: Form, name: str, label: str, most: float) -> float:
    """A number from zero on, with a decimal comma or point.

    Raises:
        DomainError: `invalid_input`, it is none or above `most`.
    """
    text = form.get(name, "").strip().replace(",", ".")
    found = float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text, re.ASCII) else -1.0
    if not 0 <= found <= most:
        raise DomainError("invalid_input", problem=f"{label} (liczba od 0 do {most:g})")
    return found


def day(form: Form, name: str, label: str) -> date:
    """A day, as a browser sends it.

    Raises:
        DomainError: `invalid_input`, it is none.
    """
    text = form.get(name, "").strip()
    try:
        found = date.fromisoformat(text) if len(text) == len("2027-03-10") else None
    except ValueError:
        found = None
    if found is None or not FIRST_DAY <= found <= LAST_DAY:
        raise DomainError("invalid_input", problem=f"{label} (dzień w zapisie RRRR-MM-DD)")
    return found


def clock_time_if_any(form: Form, name: str, label: str) -> time | None:
    """A time of day to the minute; None of an empty field.

    Raises:
        DomainError: `invalid_input`, it is none.
    """
    text = form.get(name, "").strip()
    if not text:
        return None
    parts = re.fullmatch("([01][0-9]|2[0-3]):([0-5][0-9])(:00)?", text, re.ASCII)
    if parts is None:
        raise DomainError("invalid_input", problem=f"{label} (godzina w zapisie GG:MM)")
    return time(int(parts[1]), int(parts[2]))


def line(form: Form, name: str, label: str, most: int, least: int = 1) -> str:
    """A text without the blanks around it.

    Raises:
        DomainError: `invalid_input`, it is too short or too long, or no database could keep it.
    """
    text = form.get(name, "").strip()
    if not least <= len(text) <= most or UNSTORABLE.search(text):
        raise DomainError("invalid_input", problem=f"{label} (od {least} do {most} znaków)")
    return text
