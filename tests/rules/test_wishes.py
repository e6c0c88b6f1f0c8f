"""Wishes for the time of an examination."""

from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.rules.wishes import NOON, Wish, as_before, local_time


@pytest.mark.parametrize(
    ("weekdays", "after", "before"),
    [
        (frozenset(), None, None),
        (frozenset({0}), None, None),
        (frozenset({1}), NOON, NOON),
        (frozenset({1}), None, time()),
    ],
)
def test_a_wish_that_nothing_fulfils_is_refused(
    weekdays: frozenset[int], after: time | None, before: time | None
) -> None:
    """No weekday, a weekday that does not exist, or no hours."""
    with pytest.raises(ValueError, match="wished"):
        Wish(weekdays, after, before)


def test_hours_include_their_beginning_and_not_their_end() -> None:
    """So that two wishes that touch have no time in common."""
    wish = Wish(after=time(9), before=time(12))
    assert [wish.includes(at) for at in (time(8, 59), time(9), time(11, 59), time(12))] == [False, True, True, False]


def test_the_time_is_that_of_clocks_in_poland() -> None:
    """An hour ahead of UTC in winter, two in summer."""
    assert local_time(datetime(2026, 1, 5, 10, tzinfo=UTC)) == time(11)
    assert local_time(datetime(2026, 7, 6, 10, tzinfo=UTC)) == time(12)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 -- Hypothesis adds the zone
def test_who_told_no_wish_wants_what_she_had(instant: datetime) -> None:
    """Her own time fulfils it; only one weekday and one half of the day do."""
    wish, at = as_before(instant), local_time(instant)
    assert wish.includes(at)
    assert len(wish.weekdays) == 1
    assert wish.includes(time(11, 59)) == (at < NOON)
    assert wish.includes(NOON) == (at >= NOON)


def test_the_weekday_is_that_of_poland() -> None:
    """Sunday evening in UTC is Monday in Poland."""
    assert as_before(datetime(2026, 7, 5, 22, 30, tzinfo=UTC)) == Wish(frozenset({1}), before=NOON)
