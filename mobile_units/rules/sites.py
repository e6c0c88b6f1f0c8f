"""Rules of sites: in which gmina they lie, how long a unit stays, and between which days."""

import re
from datetime import date

from mobile_units.errors import DomainError


def teryt_of(teryt: str | None, gmina: str | None) -> str | None:
    """The TERYT code of a gmina: what is given as such, or its identifier given in place of its name."""
    return gmina if teryt is None and gmina is not None and re.fullmatch("[0-9]{7}", gmina) else teryt


def require_stay(days_min: int, days_max: int) -> None:
    """Raises `stay_reversed` when the shortest stay is longer than the longest."""
    if days_max < days_min:
        raise DomainError("stay_reversed", days_min=days_min, days_max=days_max)


def require_window(earliest: date | None, latest: date | None) -> None:
    """Raises `window_reversed` when the latest day comes before the earliest; None is open."""
    if earliest is not None and latest is not None and latest < earliest:
        raise DomainError("window_reversed", earliest=earliest.isoformat(), latest=latest.isoformat())
