"""Rules of mobile units: a working day in which women can be examined, the place that a programme works for, nights."""

from collections.abc import Collection
from datetime import date, time
from enum import StrEnum

from mobile_units.errors import DomainError
from mobile_units.rules.calendar import require_in_order
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


def require_offered(programme: Programme, offered: Collection[Programme]) -> None:
    """Raises `capacity_without_programme`: women per day can only differ in a programme that the unit has."""
    if programme not in offered:
        raise DomainError("capacity_without_programme", programme=programme)


def require_case(site_id: object, first_day: date | None, last_day: date | None) -> None:
    """Checks what another number of women per day is about: a site (None being any), days (both None being any).

    Raises:
        DomainError: `capacity_without_case`, neither site nor days; `period_incomplete`; `period_reversed`.
    """
    if (first_day is None) != (last_day is None):
        raise DomainError("period_incomplete")
    if first_day is not None and last_day is not None:
        require_in_order(first_day, last_day)
    elif site_id is None:
        raise DomainError("capacity_without_case")


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute
