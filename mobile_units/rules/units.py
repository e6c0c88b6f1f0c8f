"""Rules of mobile units: a working day in which women can be examined, the place that a programme works for, nights."""

from datetime import time
from enum import StrEnum

from mobile_units.errors import DomainError
from mobile_units.rules.programmes import Mobility, Programme


class HomeRule(StrEnum):
    """Where a unit spends the nights and the days off.

    `STAYS_OUT` drives from place to place; `HOME_ON_WEEKENDS` returns to its base before a Saturday or Sunday that it
    does not work, and leaves again after it; `HOME_DAILY` returns every evening.
    """

    STAYS_OUT = "stays_out"
    HOME_ON_WEEKENDS = "home_on_weekends"
    HOME_DAILY = "home_daily"


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
