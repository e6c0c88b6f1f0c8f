"""How a working time becomes bookable times, and how these and the women planned are shared among contract ranges."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.rules.schedules import Pace, SlotTime, apportion, share, slot_times
from mobile_units.rules.slots import Interval, capacity_of

OPENS = datetime(2027, 3, 10, 7, tzinfo=UTC)

paces = st.builds(Pace, st.integers(1, 60), st.integers(1, 5), st.none() | st.integers(0, 100))
worked_minutes = st.integers(1, 720)
weight_lists = st.lists(st.integers(0, 50), min_size=1, max_size=6)


def work(minutes: int) -> Interval:
    """So many minutes from eight o'clock in Poland."""
    return Interval(OPENS, OPENS + timedelta(minutes=minutes))


def slots_of(count: int) -> list[SlotTime]:
    """So many slots of ten minutes for one woman each."""
    return slot_times(work(10 * count), Pace(10))


@pytest.mark.parametrize(
    ("minutes", "pace", "capacities"),
    [
        (60, Pace(10), 6 * [1]),
        (65, Pace(10), 6 * [1]),
        (60, Pace(10, rooms=3), 6 * [3]),
        (60, Pace(10, women_per_day=4), 4 * [1]),
        (60, Pace(10, rooms=2, women_per_day=5), [2, 2, 1]),
        (60, Pace(10, rooms=2, women_per_day=6), [2, 2, 2]),
        (60, Pace(10, rooms=2, women_per_day=1), [1]),
        (60, Pace(10, rooms=2, women_per_day=100), 6 * [2]),
        (60, Pace(10, women_per_day=0), []),
        (9, Pace(10), []),
    ],
)
def test_a_working_time_is_cut_into_slots(minutes: int, pace: Pace, capacities: list[int]) -> None:
    """Each slot takes a woman in every room; the last one takes fewer where the limit of the day asks for it."""
    slots = slot_times(work(minutes), pace)
    assert [slot.capacity for slot in slots] == capacities
    ten = timedelta(minutes=10)
    assert [slot.time for slot in slots] == [
        Interval(OPENS + n * ten, OPENS + (n + 1) * ten) for n in range(len(slots))
    ]


@given(worked_minutes, paces)
def test_slots_take_as_many_women_as_can_be_examined(minutes: int, pace: Pace) -> None:
    """Never more than the limit of the day or the rooms allow, and never fewer than fit."""
    slots = slot_times(work(minutes), pace)
    time = work(minutes)
    women = capacity_of(time.starts_at, time.ends_at, pace.minutes_per_woman, pace.rooms, pace.women_per_day)
    assert sum(slot.capacity for slot in slots) == women
    assert all(slot.capacity == pace.rooms for slot in slots[:-1])
    assert all(1 <= slot.capacity <= pace.rooms for slot in slots)
    assert all(time.starts_at <= slot.time.starts_at and slot.time.ends_at <= time.ends_at for slot in slots)


def test_slots_are_shared_evenly_through_the_day() -> None:
    """With three examinations of one kind for one of the other, every third of four slots is of the other."""
    slots = slots_of(8)
    assert share(slots, [3, 1]) == [[slots[n] for n in (0, 1, 3, 4, 5, 7)], [slots[2], slots[6]]]


def test_a_range_without_a_limit_left_gets_no_slots() -> None:
    """Unless no range has any: then all are equal."""
    slots = slots_of(4)
    assert share(slots, [0, 5]) == [[], slots]
    assert [len(part) for part in share(slots, [0, 0])] == [2, 2]


@given(st.integers(0, 80), weight_lists)
def test_every_slot_goes_to_one_range_in_proportion(count: int, weights: list[int]) -> None:
    """Each range gets its exact share rounded down or up, in order of time; no slot is lost or given twice."""
    slots = slots_of(count) if count else []
    shares = share(slots, weights)
    assert sorted((slot for part in shares for slot in part), key=lambda slot: slot.time.starts_at) == slots
    assert all(part == sorted(part, key=lambda slot: slot.time.starts_at) for part in shares)
    effective = weights if any(weights) else [1] * len(weights)
    for part, weight in zip(shares, effective, strict=True):
        assert abs(len(part) - count * weight / sum(effective)) < 1


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10, [11, 3], [8, 2]),
        (10, [3, 1], [8, 2]),
        (10, [1, 3], [3, 7]),
        (10, [1, 1, 1], [4, 3, 3]),
        (2, [1, 1, 1], [1, 1, 0]),
        (7, [0, 0], [4, 3]),
        (7, [0, 2], [0, 7]),
        (0, [5, 6], [0, 0]),
        (5, [9], [5]),
    ],
)
def test_women_are_apportioned_by_weight(total: int, weights: list[int], parts: list[int]) -> None:
    """The largest remainder is rounded up first and, of equal ones, the first; 10 by 11:3 is 7.86 and 2.14."""
    assert apportion(total, weights) == parts


@given(st.integers(0, 100_000), weight_lists)
def test_the_parts_add_up_and_stay_within_one_of_the_exact_share(total: int, weights: list[int]) -> None:
    """Nobody is lost in rounding."""
    parts = apportion(total, weights)
    effective = weights if any(weights) else [1] * len(weights)
    assert sum(parts) == total
    assert all(
        abs(part * sum(effective) - total * weight) < sum(effective)
        for part, weight in zip(parts, effective, strict=True)
    )
