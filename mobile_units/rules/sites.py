"""Rules of sites: how long a unit stays, and between which days."""

from datetime import date

from mobile_units.errors import DomainError


def require_stay(days_min: int, days_max: int) -> None:
    """Raises `stay_reversed` when the shortest stay is longer than the longest."""
    if days_max < days_min:
        raise DomainError("stay_reversed", days_min=days_min, days_max=days_max)


def require_window(earliest: date | None, latest: date | None) -> None:
    """Raises `window_reversed` when the latest day comes before the earliest; None is open."""
    if earliest is not None and latest is not None and latest < earliest:
        raise DomainError("window_reversed", earliest=earliest.isoformat(), latest=latest.isoformat())
