"""The slot grid and the dealing of slots to contract ranges."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta, timezone
from fractions import Fraction
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.clock import WARSAW
from mobile_units.errors import DomainError
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.slots import Interval, capacity_of, deal, grid, slot_uuid

OPENS = datetime(2026, 9, 7, 7, tzinfo=UTC)
SCHEDULE = UUID("6f3c1a52-6d0c-4c8c-9a51-0f6f3a7f9b11")

openings = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.sampled_from([UTC, WARSAW]))  # noqa: DTZ001 - the strategy adds the zone
lengths = st.integers(1, 120)
weight_lists = st.lists(st.integers(0, 50), min_size=1, max_size=8)


def hours(count: float) -> timedelta:
    """A stretch of elapsed time."""
    return timedelta(hours=count)


@pytest.mark.parametrize(
    ("worked", "minutes", "limit", "count"),
    [
        (hours(2), 8, None, 15),
        (hours(2), 7, None, 17),
        (hours(7), 8, 40, 40),
        (hours(7), 8, 60, 52),
        (timedelta(minutes=7), 8, None, 0),
        (timedelta(minutes=8), 8, None, 1),
        (timedelta(0), 8, None, 0),
        (-hours(1), 8, None, 0),
        (hours(2), 8, 0, 0),
    ],
)
def test_the_grid_holds_as_many_times_as_fit(worked: timedelta, minutes: int, limit: int | None, count: int) -> None:
    """A last time that would end after closing is left out; the limit cuts the rest."""
    assert len(grid(OPENS, OPENS + worked, minutes, limit)) == count


def test_examinations_follow_one_another() -> None:
    """The first starts at the opening, each at the end of the one before."""
    first, second = grid(OPENS, OPENS + timedelta(minutes=20), 8)
    assert first == Interval(OPENS, OPENS + timedelta(minutes=8))
    assert second == Interval(OPENS + timedelta(minutes=8), OPENS + timedelta(minutes=16))


@pytest.mark.parametrize(("day", "count"), [(date(2026, 10, 24), 6), (date(2026, 10, 25), 8), (date(2027, 3, 28), 4)])
def test_clock_changes_change_the_working_time(day: date, count: int) -> None:
    """From 1:00 to 4:00 there are three hours, four in the autumn night and two in the spring one."""
    opens, closes = local_instant(day, time(1)), local_instant(day, time(4))
    assert len(grid(opens, closes, 30)) == count
    assert len(grid(opens.astimezone(WARSAW), closes.astimezone(WARSAW), 30)) == count


@given(openings, st.integers(0, 900), lengths, st.none() | st.integers(0, 60))
def test_the_grid_stays_inside_without_overlap(opens: datetime, worked: int, minutes: int, limit: int | None) -> None:
    """Every time has the asked length, none overlap, none leaves the working time, no room for another is left."""
    closes = opens.astimezone(UTC) + timedelta(minutes=worked)
    times = grid(opens, closes, minutes, limit)
    assert all(t.ends_at - t.starts_at == timedelta(minutes=minutes) for t in times)
    assert all(a.ends_at == b.starts_at for a, b in pairwise(times))
    assert all(opens <= t.starts_at and t.ends_at <= closes for t in times)
    assert len(times) == (worked // minutes if limit is None else min(limit, worked // minutes))


@pytest.mark.parametrize(("rooms", "limit", "women"), [(1, None, 60), (2, None, 120), (2, 70, 70), (2, 200, 120)])
def test_capacity_counts_women_in_all_rooms(rooms: int, limit: int | None, women: int) -> None:
    """Eight hours at eight minutes make sixty examinations in each room, up to the limit of women."""
    assert capacity_of(OPENS, OPENS + hours(8), 8, rooms, limit) == women


@pytest.mark.parametrize("minutes", [0, -5])
def test_an_examination_takes_time(minutes: int) -> None:
    """A length of no minutes is a mistake of the caller."""
    with pytest.raises(ValueError, match="minute"):
        grid(OPENS, OPENS + hours(1), minutes)


@pytest.mark.parametrize("length", [timedelta(0), -hours(1)])
def test_an_interval_ends_after_it_starts(length: timedelta) -> None:
    """Closing at or before the opening is refused with a sentence for the user."""
    with pytest.raises(DomainError) as refused:
        Interval(OPENS, OPENS + length)
    assert refused.value.code == "ends_before_start"


def test_an_interval_needs_zones() -> None:
    """A time without a zone is not an instant."""
    with pytest.raises(ValueError, match="time zone"):
        Interval(OPENS.replace(tzinfo=None), OPENS)


def test_an_interval_measures_elapsed_time_whatever_zone_it_was_given_in() -> None:
    """From 1:00 to 4:00 on the autumn night four hours pass."""
    night = Interval(datetime(2026, 10, 25, 1, tzinfo=WARSAW), datetime(2026, 10, 25, 4, tzinfo=WARSAW))
    assert night.ends_at - night.starts_at == hours(4)


def test_the_identifier_of_a_slot_never_changes() -> None:
    """A slot published once keeps its identifier in every later version of the product."""
    assert slot_uuid(SCHEDULE, OPENS) == UUID("e8d00806-1bea-54b5-bfd1-678c48f42f2e")


@given(openings, st.integers(-12, 12))
def test_the_identifier_follows_the_instant_and_not_its_notation(starts_at: datetime, offset: int) -> None:
    """The same instant written in another zone is the same slot; another instant or schedule is another."""
    elsewhere = starts_at.astimezone(timezone(hours(offset)))
    assert slot_uuid(SCHEDULE, starts_at) == slot_uuid(SCHEDULE, elsewhere)
    assert slot_uuid(SCHEDULE, starts_at) != slot_uuid(SCHEDULE, elsewhere + timedelta(minutes=1))
    assert slot_uuid(SCHEDULE, starts_at) != slot_uuid(UUID(int=1), starts_at)


@pytest.mark.parametrize(
    ("count", "weights", "dealt"),
    [
        (6, [1, 1], [0, 1, 0, 1, 0, 1]),
        (6, [2, 1], [0, 1, 0, 0, 1, 0]),
        (4, [0, 5], [1, 1, 1, 1]),
        (4, [0, 0], [0, 1, 0, 1]),
        (3, [7], [0, 0, 0]),
        (0, [1, 2], []),
    ],
)
def test_slots_are_dealt_in_turn(count: int, weights: list[int], dealt: list[int]) -> None:
    """A weight of zero receives nothing unless all are zero."""
    assert deal(count, weights) == dealt


@given(st.integers(0, 150), weight_lists)
def test_every_prefix_is_within_one_of_proportional(count: int, weights: list[int]) -> None:
    """However many slots are filled first, no range is a whole slot ahead or behind."""
    shares = weights if any(weights) else [1] * len(weights)
    held: Counter[int] = Counter()
    for number, index in enumerate(deal(count, weights), start=1):
        held[index] += 1
        assert all(abs(held[i] - Fraction(number * w, sum(shares))) < 1 for i, w in enumerate(shares))


def test_six_weights_stay_within_one() -> None:
    """The case in which serving the largest deficit first falls behind by more than one."""
    weights = [1, 1, 3, 15, 17, 19]
    dealt = deal(sum(weights), weights)
    for number in range(1, len(dealt) + 1):
        assert all(abs(dealt[:number].count(i) - Fraction(number * w, sum(weights))) < 1 for i, w in enumerate(weights))


@given(st.integers(0, 100), st.integers(0, 100), weight_lists)
def test_dealing_more_slots_never_changes_the_first_ones(count: int, more: int, weights: list[int]) -> None:
    """Dealing is deterministic, and a longer deal begins with the shorter one."""
    assert deal(count + more, weights)[:count] == deal(count, weights)


@pytest.mark.parametrize("weights", [[], [1, -1]])
def test_weights_must_make_sense(weights: list[int]) -> None:
    """No weights or a negative one is a mistake of the caller."""
    with pytest.raises(ValueError, match="weights"):
        deal(3, weights)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=5), st.integers(0, 40), st.data())
def test_dealing_goes_on_from_what_is_held(weights: list[int], count: int, data: st.DataObject) -> None:
    """Interrupting the dealing changes nothing."""
    first = data.draw(st.integers(0, count))
    begun = deal(first, weights)
    held = [begun.count(index) for index in range(len(weights))]
    assert begun + deal(count - first, weights, held) == deal(count, weights)


def test_who_holds_too_much_waits_for_the_others() -> None:
    """Of equal shares one has four already: the other gets the next four."""
    assert deal(6, [1, 1], [4, 0]) == [1, 1, 1, 1, 0, 1]
