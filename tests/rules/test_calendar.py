"""The Polish calendar."""

from contextlib import nullcontext
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.clock import WARSAW
from mobile_units.errors import DomainError
from mobile_units.rules.calendar import (
    first_working_day_after,
    holiday_name,
    in_force,
    is_working_day,
    last_working_day_before,
    local_day,
    local_instant,
    quarter_from,
    require_in_order,
    require_period,
    require_validity,
    working_days,
)

days = st.dates(date(2020, 1, 1), date(2040, 12, 31))


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 1, 6), "Święto Trzech Króli"),
        (date(2026, 4, 6), "Poniedziałek Wielkanocny"),
        (date(2026, 6, 4), "Dzień Bożego Ciała"),
        (date(2026, 11, 11), "Narodowe Święto Niepodległości"),
        (date(2024, 12, 24), None),
        (date(2025, 12, 24), "Wigilia Bożego Narodzenia"),
        (date(2026, 12, 24), "Wigilia Bożego Narodzenia"),
        (date(2026, 4, 3), None),
        (date(2026, 5, 10), None),
    ],
)
def test_holidays_have_polish_names_and_christmas_eve_is_one_since_2025(day: date, name: str | None) -> None:
    """Good Friday and a plain Sunday are no public holidays."""
    assert holiday_name(day) == name


@pytest.mark.parametrize(
    ("day", "weekdays", "works"),
    [
        (date(2026, 5, 15), frozenset({1, 2, 3, 4, 5}), True),
        (date(2026, 5, 16), frozenset({1, 2, 3, 4, 5}), False),
        (date(2026, 5, 16), frozenset({1, 2, 3, 4, 5, 6}), True),
        (date(2026, 8, 15), frozenset({6}), False),
        (date(2026, 12, 24), frozenset({4}), False),
        (date(2026, 5, 17), frozenset({7}), True),
    ],
)
def test_a_working_day_has_a_worked_weekday_and_is_no_holiday(day: date, weekdays: frozenset[int], works: bool) -> None:
    """Saturdays and Sundays are worked where the provider says so, holidays never."""
    assert is_working_day(day, weekdays) is works


def test_working_days_include_both_ends() -> None:
    """The week of Corpus Christi 2026 (Thursday 4 June) has four of them."""
    assert working_days(date(2026, 6, 1), date(2026, 6, 5)) == [date(2026, 6, n) for n in (1, 2, 3, 5)]


def test_there_are_no_working_days_when_the_last_comes_before_the_first() -> None:
    """A range the wrong way round is empty."""
    assert working_days(date(2026, 6, 5), date(2026, 6, 1)) == []


def test_the_working_day_after_christmas_2026_skips_four_days() -> None:
    """24 to 26 December are holidays and the 27th is a Sunday."""
    assert first_working_day_after(date(2026, 12, 23)) == date(2026, 12, 28)
    assert last_working_day_before(date(2026, 12, 28)) == date(2026, 12, 23)


@given(days)
def test_nothing_is_worked_between_a_day_and_the_next_working_day(day: date) -> None:
    """The next working day is the nearest one."""
    following = first_working_day_after(day)
    assert working_days(day + timedelta(days=1), following) == [following]


@pytest.mark.parametrize("nearest", [first_working_day_after, last_working_day_before])
def test_without_weekdays_there_is_no_nearest_working_day(nearest: object) -> None:
    """Asking for one is a mistake of the caller, not an endless search."""
    assert callable(nearest)
    with pytest.raises(ValueError, match="weekday"):
        nearest(date(2026, 5, 15), frozenset())


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2026, 7, 1), date(2026, 9, 30)),
        (date(2026, 12, 1), date(2027, 2, 28)),
        (date(2027, 12, 1), date(2028, 2, 29)),
        (date(2026, 5, 15), date(2026, 8, 14)),
    ],
)
def test_a_quarter_is_three_full_months(first: date, last: date) -> None:
    """Its last day is the day before the same date three months later, leap years included."""
    assert quarter_from(first) == (first, last)


@pytest.mark.parametrize(
    ("day", "valid_to", "valid"),
    [
        (date(2025, 12, 31), None, False),
        (date(2026, 1, 1), None, True),
        (date(2099, 1, 1), None, True),
        (date(2026, 6, 30), date(2026, 6, 30), True),
        (date(2026, 7, 1), date(2026, 6, 30), False),
    ],
)
def test_validity_includes_both_its_days(day: date, valid_to: date | None, valid: bool) -> None:
    """An open end means for ever."""
    assert in_force(date(2026, 1, 1), valid_to, day) is valid


@pytest.mark.parametrize(
    ("day", "at", "instant"),
    [
        (date(2026, 1, 15), time(9), datetime(2026, 1, 15, 8, tzinfo=UTC)),
        (date(2026, 7, 15), time(9), datetime(2026, 7, 15, 7, tzinfo=UTC)),
        (date(2026, 10, 25), time(1, 59), datetime(2026, 10, 24, 23, 59, tzinfo=UTC)),
        (date(2026, 10, 25), time(2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (date(2026, 10, 25), time(2, 30, fold=1), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (date(2026, 10, 25), time(3), datetime(2026, 10, 25, 2, tzinfo=UTC)),
        (date(2027, 3, 28), time(1, 59), datetime(2027, 3, 28, 0, 59, tzinfo=UTC)),
        (date(2027, 3, 28), time(3), datetime(2027, 3, 28, 1, tzinfo=UTC)),
        (date(2026, 7, 1), time(0), datetime(2026, 6, 30, 22, tzinfo=UTC)),
    ],
)
def test_wall_time_becomes_an_instant(day: date, at: time, instant: datetime) -> None:
    """In winter Poland is an hour ahead, in summer two; a repeated hour means its first occurrence."""
    assert local_instant(day, at) == instant
    assert local_instant(day, at).tzinfo is UTC


@pytest.mark.parametrize("at", [time(2), time(2, 30), time(2, 59, 59)])
def test_a_time_skipped_by_the_clocks_is_refused(at: time) -> None:
    """On 28 March 2027 the clocks go from 2:00 to 3:00."""
    with pytest.raises(DomainError) as refused:
        local_instant(date(2027, 3, 28), at)
    assert refused.value.code == "no_such_local_time"
    assert at.isoformat("minutes") in refused.value.sentence("pl")


@given(days, st.times().filter(lambda at: at.hour != 2))
def test_an_instant_shows_the_wall_time_it_came_from(day: date, at: time) -> None:
    """Outside the hour of clock changes every wall time survives the round trip."""
    local = local_instant(day, at).astimezone(WARSAW)
    assert (local.date(), local.time()) == (day, at)


def test_a_validity_may_be_one_day_or_open_but_not_reversed() -> None:
    """Both days are included."""
    day = date(2026, 9, 7)
    require_validity(day, day)
    require_validity(day, None)
    with pytest.raises(DomainError) as refusal:
        require_validity(day, day - timedelta(days=1))
    assert refusal.value.code == "validity_reversed"


def test_days_from_one_to_another_are_in_order() -> None:
    """A single day is."""
    day = date(2026, 9, 7)
    require_in_order(day, day)
    with pytest.raises(DomainError) as refusal:
        require_in_order(day, day - timedelta(days=1))
    assert refusal.value.code == "period_reversed"


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (date(2027, 3, 1), None),
        (date(2028, 2, 29), None),
        (date(2028, 3, 1), "period_too_long"),
        (date(2027, 2, 28), "ends_before_start"),
    ],
)
def test_a_period_has_a_day_to_a_leap_year(last: date, code: str | None) -> None:
    """366 days at the most, both included."""
    refusal = nullcontext() if code is None else pytest.raises(DomainError, check=lambda error: error.code == code)
    with refusal:
        require_period(date(2027, 3, 1), last)


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 10, 24, 21, 59, tzinfo=UTC), date(2026, 10, 24)),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 25, 22, 59, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), date(2026, 10, 26)),
    ],
)
def test_a_day_begins_at_polish_midnight(instant: datetime, day: date) -> None:
    """Before the autumn clock change that is 22:00 UTC, after it 23:00."""
    assert local_day(instant) == day
