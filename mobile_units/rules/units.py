"""Rules of mobile units: a working day in which women can be examined, and the place that a programme works for."""

from datetime import time

from mobile_units.errors import DomainError
from mobile_units.rules.programmes import Mobility, Programme


def require_working_day(opens: time, closes: time, setup_minutes: int, longest_examination: int) -> None:
    """Checks the working hours of a unit, in Polish local time; `longest_examination` is in minutes.

    Raises:
        DomainError: `ends_before_start`; `working_day_too_short`, nobody could be examined on the first day of a stop.
    """
    if closes <= opens:
        raise DomainError("ends_before_start")
    needed = setup_minutes + longest_examination
    if _minutes(closes) - _minutes(opens) < needed:
        raise DomainError("working_day_too_short", needed=needed)


def require_mobile(mobility: Mobility, programme: Programme) -> None:
    """Raises `service_place_not_mobile`: a unit works for a place registered as mobile."""
    if mobility is not Mobility.MOBILE:
        raise DomainError("service_place_not_mobile", programme=programme.value)


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute
