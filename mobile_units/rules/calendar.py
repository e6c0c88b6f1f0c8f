"""The Polish calendar: public holidays, working days, quarters, and wall time in Warsaw turned into instants."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from dateutil.relativedelta import relativedelta

from mobile_units.clock import WARSAW
from mobile_units.errors import DomainError

if TYPE_CHECKING:
    from holidays import HolidayBase

MONDAY_TO_FRIDAY: frozenset[int] = frozenset({1, 2, 3, 4, 5})
"""ISO weekdays, Monday being 1 and Sunday 7."""

LONGEST_PERIOD_DAYS = 366
"""The longest time that is planned or opened at once, so that a mistyped year does not make millions of slots."""


def holiday_name(day: date) -> str | None:
    """The Polish name of the public holiday on `day`, None on other days; plain Sundays are not holidays here."""
    return _holidays(day.year).get(day)


def is_working_day(day: date, weekdays: frozenset[int] = MONDAY_TO_FRIDAY) -> bool:
    """Whether work is done on `day`: its ISO weekday is one of `weekdays` and it is no public holiday."""
    return day.isoweekday() in weekdays and holiday_name(day) is None


def working_days(first: date, last: date, weekdays: frozenset[int] = MONDAY_TO_FRIDAY) -> list[date]:
    """The working days from `first` to `last`, both included."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if is_working_day(day, weekdays)]


def first_working_day_after(day: date, weekdays: frozenset[int] = MONDAY_TO_FRIDAY) -> date:
    """The nearest working day later than `day`; ValueError when `weekdays` is empty."""
    return _nearest_working_day(day, timedelta(days=1), weekdays)


def last_working_day_before(day: date, weekdays: frozenset[int] = MONDAY_TO_FRIDAY) -> date:
    """The nearest working day earlier than `day`; ValueError when `weekdays` is empty."""
    return _nearest_working_day(day, timedelta(days=-1), weekdays)


def quarter_from(first: date) -> tuple[date, date]:
    """`first` and the last day of the three full calendar months that begin with it."""
    return first, first + relativedelta(months=3, days=-1)


def month_parts(first: date, last: date) -> list[tuple[date, date]]:
    """The days from `first` to `last` cut at the ends of calendar months: first and last day of each part."""
    parts = []
    while first <= last:
        end = min(last, first + relativedelta(day=31))
        parts.append((first, end))
        first = end + timedelta(days=1)
    return parts


def in_force(valid_from: date, valid_to: date | None, day: date) -> bool:
    """Whether something valid from `valid_from` to `valid_to` (both included, None being open) is valid on `day`."""
    return valid_from <= day and (valid_to is None or day <= valid_to)


def require_validity(valid_from: date, valid_to: date | None) -> None:
    """Raises `validity_reversed` when the last day is earlier than the first; None is open."""
    if valid_to is not None and valid_to < valid_from:
        raise DomainError("validity_reversed", first=valid_from.isoformat(), last=valid_to.isoformat())


def require_in_order(first: date, last: date) -> None:
    """Raises `period_reversed` when the last day is earlier than the first."""
    if last < first:
        raise DomainError("period_reversed", first=first.isoformat(), last=last.isoformat())


def require_period(first: date, last: date) -> None:
    """Checks the days of a plan or of an opening, both included.

    Raises:
        DomainError: `ends_before_start`; `period_too_long`, more than `LONGEST_PERIOD_DAYS`.
    """
    if last < first:
        raise DomainError("ends_before_start")
    if (last - first).days >= LONGEST_PERIOD_DAYS:
        raise DomainError("period_too_long", days=LONGEST_PERIOD_DAYS)


def local_instant(day: date, at: time) -> datetime:
    """The UTC instant at which clocks in Poland show `at` (without a zone) on `day`.

    An hour that occurs twice, in autumn, means its first occurrence. Raises `no_such_local_time` for a time that the
    clocks skip in spring.
    """
    instant = datetime.combine(day, at.replace(fold=0), tzinfo=WARSAW).astimezone(UTC)
    if instant.astimezone(WARSAW).time() != at:
        raise DomainError("no_such_local_time", day=day.isoformat(), at=at.isoformat("minutes"))
    return instant


def local_day(instant: datetime) -> date:
    """The day that it is in Poland at an instant."""
    return instant.astimezone(WARSAW).date()


def _nearest_working_day(day: date, step: timedelta, weekdays: frozenset[int]) -> date:
    if not weekdays:
        raise ValueError("no weekday is worked")
    day += step
    while not is_working_day(day, weekdays):
        day += step
    return day


@lru_cache(maxsize=64)
def _holidays(year: int) -> "HolidayBase":
    from holidays.countries.poland import Poland  # noqa: PLC0415 - the library loads slowly and many commands never ask

    return Poland(years=year, expand=False, language="pl")  # type: ignore[no-untyped-call]  # untyped in the library
