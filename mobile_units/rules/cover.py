"""How far ahead a place offers slots, which days lack them, and when its duty of three full months will be broken.

What the duty is stands in `rules.compliance`. A stationary place is judged by the days that it usually works
(`covered_until`); a mobile one, whose days without a stop are no gap, by its last day with slots.
"""

from collections.abc import Collection
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from mobile_units.rules.calendar import MONDAY_TO_FRIDAY, first_working_day_after, working_days
from mobile_units.rules.compliance import horizon_covered, horizon_end


def missing_days(
    offered: Collection[date],
    today: date,
    weekdays: frozenset[int] = MONDAY_TO_FRIDAY,
    closed: Collection[date] = (),
) -> list[date]:
    """The days after `today` and within its horizon that a place should work and on which it offers nothing.

    It works on `weekdays` that are no public holidays, except the days it has `closed`.
    """
    expected = working_days(today + timedelta(days=1), horizon_end(today), weekdays)
    return [day for day in expected if day not in offered and day not in closed]


def covered_until(
    offered: Collection[date],
    today: date,
    weekdays: frozenset[int] = MONDAY_TO_FRIDAY,
    closed: Collection[date] = (),
) -> date:
    """The last day before the first one after `today` that lacks slots; `today` itself if that is the next one.

    The day before a gap and not the last one with slots, so that a place that works on Tuesdays only is covered for the
    whole week. Raises ValueError when `weekdays` is empty.
    """
    day = first_working_day_after(today, weekdays)
    while day in offered or day in closed:
        day = first_working_day_after(day, weekdays)
    return day - timedelta(days=1)


def broken_on(reach: date | None, today: date) -> date:
    """The first day, from `today`, on which the duty is broken if nothing is done; `today` if it is broken already.

    `reach` is the last day that is covered, None if there is none. The horizon moves at the beginning of each month.
    """
    day = today
    while horizon_covered(reach, day):
        day += relativedelta(months=1, day=1)
    return day
