"""The duty of three full months ahead, told before it is broken."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.rules.calendar import MONDAY_TO_FRIDAY, is_working_day, working_days
from mobile_units.rules.compliance import horizon_covered, horizon_end
from mobile_units.rules.cover import broken_on, covered_until, missing_days

TODAY = date(2026, 6, 10)
TUESDAYS = frozenset({2})
SEPTEMBER = working_days(TODAY, date(2026, 9, 30))

days = st.dates(date(2025, 1, 1), date(2035, 12, 31))
weekday_sets = st.frozensets(st.integers(1, 7), min_size=1)


def test_a_place_that_offers_every_day_of_the_horizon_lacks_nothing() -> None:
    """On 10 June 2026 the horizon is the end of September; its duty is kept until July begins."""
    assert missing_days(SEPTEMBER, TODAY) == []
    assert covered_until(SEPTEMBER, TODAY) == date(2026, 9, 30)
    assert broken_on(covered_until(SEPTEMBER, TODAY), TODAY) == date(2026, 7, 1)


def test_a_gap_is_named_and_ends_the_cover() -> None:
    """Friday 14 August is missing; the cover ends the day before and the duty is broken today."""
    offered = [day for day in SEPTEMBER if day != date(2026, 8, 14)]
    assert missing_days(offered, TODAY) == [date(2026, 8, 14)]
    assert covered_until(offered, TODAY) == date(2026, 8, 13)
    assert broken_on(covered_until(offered, TODAY), TODAY) == TODAY


def test_a_day_that_the_place_has_closed_is_no_gap() -> None:
    """Leave of the crew that was entered as an exception is not reported."""
    offered = [day for day in SEPTEMBER if day != date(2026, 8, 14)]
    closed = [date(2026, 8, 14)]
    assert missing_days(offered, TODAY, closed=closed) == []
    assert covered_until(offered, TODAY, closed=closed) == date(2026, 9, 30)


def test_holidays_and_today_are_no_gaps() -> None:
    """Corpus Christi, 4 June 2026, is not worked; what is missing today cannot be mended any more."""
    assert missing_days([], date(2026, 6, 3))[0] == date(2026, 6, 5)
    assert covered_until([], date(2026, 6, 3)) == date(2026, 6, 4)


def test_a_place_that_works_on_tuesdays_is_covered_by_its_tuesdays() -> None:
    """The last Tuesday of September 2026 is the 29th; until Tuesday 6 October nothing is missing."""
    offered = working_days(TODAY, date(2026, 9, 30), TUESDAYS)
    assert missing_days(offered, TODAY, TUESDAYS) == []
    assert covered_until(offered, TODAY, TUESDAYS) == date(2026, 10, 5)
    assert broken_on(covered_until(offered, TODAY, TUESDAYS), TODAY) == date(2026, 7, 1)


@pytest.mark.parametrize(
    ("reach", "broken"),
    [
        (None, TODAY),
        (date(2026, 9, 29), TODAY),
        (date(2026, 9, 30), date(2026, 7, 1)),
        (date(2026, 10, 29), date(2026, 7, 1)),
        (date(2026, 10, 30), date(2026, 8, 1)),
        (date(2026, 12, 31), date(2026, 10, 1)),
    ],
)
def test_the_day_on_which_the_duty_will_be_broken(reach: date | None, broken: date) -> None:
    """30 October 2026 is the last Friday of the month: July is safe then, August is not."""
    assert broken_on(reach, TODAY) == broken


def test_a_place_that_never_works_is_a_mistake_of_the_caller() -> None:
    """There would be no first day without slots."""
    with pytest.raises(ValueError, match="weekday"):
        covered_until([], TODAY, frozenset())


@given(days, st.integers(0, 800))
def test_the_duty_is_kept_every_day_until_it_is_broken(today: date, ahead: int) -> None:
    """Asked day by day, the rule says covered until the day that was told, and no longer then."""
    reach = today + timedelta(days=ahead)
    broken = broken_on(reach, today)
    assert all(horizon_covered(reach, today + timedelta(days=n)) for n in range((broken - today).days))
    assert not horizon_covered(reach, broken)


@given(days, st.integers(-5, 200), weekday_sets, st.sets(st.integers(0, 200), max_size=5))
def test_the_cover_ends_before_the_first_missing_day(
    today: date, length: int, weekdays: frozenset[int], closed_after: set[int]
) -> None:
    """Every day that should be worked is offered up to the cover, and the next day is the first that is not."""
    closed = {today + timedelta(days=n) for n in closed_after}
    offered = set(working_days(today, today + timedelta(days=length), weekdays)) - closed
    until = covered_until(offered, today, weekdays, closed)

    def lacks(day: date) -> bool:
        return is_working_day(day, weekdays) and day not in closed and day not in offered

    first = today + timedelta(days=1)
    while not lacks(first):
        first += timedelta(days=1)
    assert until == first - timedelta(days=1)
    missing = missing_days(offered, today, weekdays, closed)
    assert missing[:1] == ([first] if first <= horizon_end(today) else [])
    assert all(lacks(day) for day in missing)


@given(days, st.integers(0, 200))
def test_without_gaps_nothing_is_missing_exactly_when_the_duty_is_kept(today: date, length: int) -> None:
    """The two ways to ask agree for a place that works Monday to Friday."""
    last = today + timedelta(days=length)
    offered = working_days(today, last)
    kept = horizon_covered(covered_until(offered, today), today)
    assert kept is (not missing_days(offered, today, MONDAY_TO_FRIDAY))
