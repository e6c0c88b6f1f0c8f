"""Working times in forms: from, to, and breaks as people write them, `11:00–11:15, 13:00–13:10`."""

import re
from collections.abc import Sequence
from datetime import time

from mobile_units.errors import DomainError
from mobile_units.rules.templates import Break, Hours
from routes.pages import fields

MOST_BREAKS = 10
SPAN = re.compile(r"\s*(\d{1,2})[:.](\d{2})\s*(?:-|–|—|do)\s*(\d{1,2})[:.](\d{2})\s*", re.ASCII)


def breaks_words(breaks: Sequence[Break]) -> str:
    """Breaks as the field shows them."""
    return ", ".join(f"{each.starts:%H:%M}–{each.ends:%H:%M}" for each in breaks)


def read(form: fields.Form, suffix: str, label: str) -> Hours | None:
    """The working time of the fields `opens`, `closes` and `breaks` with a suffix; None if all are empty.

    Raises:
        DomainError: `invalid_input`, one cannot be read or only one of both hours is given; `template_past_midnight`,
            `break_outside_hours`.
    """
    opens = fields.clock_time_if_any(form, f"opens{suffix}", f"{label}: od")
    closes = fields.clock_time_if_any(form, f"closes{suffix}", f"{label}: do")
    written = form.get(f"breaks{suffix}", "").strip()
    if opens is None and closes is None and not written:
        return None
    if opens is None or closes is None:
        raise DomainError("invalid_input", problem=f"{label} (podaj obie godziny: od i do)")
    return Hours(opens, closes, _breaks(written, label))


def required(form: fields.Form, suffix: str, label: str) -> Sequence[Hours]:
    """As `read`, for fields that have to be filled in.

    Raises:
        DomainError: as `read`; `invalid_input` if they are empty.
    """
    found = read(form, suffix, label)
    if found is None:
        raise DomainError("invalid_input", problem=f"{label} (albo zaznacz, że miejsce jest nieczynne)")
    return (found,)


def _breaks(written: str, label: str) -> Sequence[Break]:
    parts = [part for part in re.split("[,;]", written) if part.strip()]
    found = [SPAN.fullmatch(part) for part in parts]
    if len(parts) > MOST_BREAKS or not all(found):
        raise DomainError("invalid_input", problem=f"{label}: przerwy (pisz na przykład 11:00–11:15, 13:00–13:10)")
    return tuple(Break(_time(each[1], each[2], label), _time(each[3], each[4], label)) for each in found if each)


def _time(hour: str, minute: str, label: str) -> time:
    if int(hour) > 23 or int(minute) > 59:
        raise DomainError("invalid_input", problem=f"{label}: przerwy (nie ma godziny {hour}:{minute})")
    return time(int(hour), int(minute))
