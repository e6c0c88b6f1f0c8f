"""A unit stands in one place at a time, and what was worked stays worked when hours change."""

from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.rules.slots import Interval
from mobile_units.rules.stops import changed_from, covers, first_overlap, merged, overlaps, without

MIDNIGHT = datetime(2026, 9, 7, tzinfo=UTC)


def between(start: int, end: int) -> Interval:
    """An interval between two hours of one day."""
    return Interval(MIDNIGHT + timedelta(hours=start), MIDNIGHT + timedelta(hours=end))


intervals = st.builds(lambda start, length: between(start, start + length), st.integers(0, 60), st.integers(1, 12))


@pytest.mark.parametrize(
    ("other", "clash"),
    [
        (between(6, 8), False),
        (between(6, 9), True),
        (between(9, 10), True),
        (between(8, 16), True),
        (between(7, 17), True),
        (between(15, 17), True),
        (between(16, 18), False),
    ],
)
def test_intervals_clash_only_when_they_share_time(other: Interval, clash: bool) -> None:
    """Leaving at the hour at which the next stop begins is no overlap."""
    assert overlaps(between(8, 16), other) is clash
    assert overlaps(other, between(8, 16)) is clash


def test_the_earliest_clash_is_told_by_position() -> None:
    """The positions are those of the list that was given, whatever its order."""
    assert first_overlap([between(20, 22), between(21, 23), between(9, 12), between(8, 10)]) == (2, 3)


def test_a_long_stop_clashes_with_the_first_one_inside_it() -> None:
    """A stop that swallows two others clashes with the earlier of them."""
    assert first_overlap([between(12, 13), between(8, 18), between(9, 10)]) == (1, 2)


@pytest.mark.parametrize("stops", [[], [between(8, 10)], [between(10, 12), between(8, 10)]])
def test_disjoint_stops_do_not_clash(stops: list[Interval]) -> None:
    """No stops, one stop and back-to-back stops are all right."""
    assert first_overlap(stops) is None


@given(st.lists(intervals, max_size=8))
def test_a_clash_is_found_exactly_when_some_pair_overlaps(stops: list[Interval]) -> None:
    """The sweep agrees with comparing every pair."""
    clashes = [(i, j) for i, j in combinations(range(len(stops)), 2) if overlaps(stops[i], stops[j])]
    found = first_overlap(stops)
    assert (found in clashes) if clashes else found is None


def hours(times: list[Interval]) -> set[int]:
    """The hours after midnight that lie in some of the times."""
    return {hour for hour in range(80) if any(covers(time, between(hour, hour + 1)) for time in times)}


@given(st.lists(intervals, max_size=6))
def test_merged_times_are_the_same_time_without_seams(times: list[Interval]) -> None:
    """No hour is lost or won, and between two of the intervals there is always a gap."""
    whole = merged(times)
    assert hours(whole) == hours(times)
    assert all(one.ends_at < other.starts_at for one, other in pairwise(whole))


@given(st.lists(intervals, max_size=5), st.lists(intervals, max_size=5))
def test_what_is_shut_is_cut_out(times: list[Interval], shut: list[Interval]) -> None:
    """Every other hour stays."""
    assert hours(without(times, shut)) == hours(times) - hours(shut)


@given(st.lists(intervals, max_size=4), st.lists(intervals, max_size=4), st.integers(0, 72))
def test_hours_change_from_now_on(before: list[Interval], wanted: list[Interval], hour: int) -> None:
    """Earlier hours are those of before, later ones those that are wanted."""
    now = MIDNIGHT + timedelta(hours=hour)
    past, ahead = set(range(hour)), set(range(hour, 80))
    assert hours(changed_from(now, before, wanted)) == hours(before) & past | hours(wanted) & ahead
