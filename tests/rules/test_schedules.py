"""How a working time becomes bookable times, and how these and the women planned are shared among contract ranges."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.rules.schedules import (
    ChangedDay,
    Pace,
    PresentSlot,
    SlotTime,
    apportion,
    difference,
    offered_after,
    rescaled,
    share,
    slot_times,
)
from mobile_units.rules.slots import Interval, capacity_of
from mobile_units.rules.stops import covers, merged, overlaps

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


# changes after publication

BEFORE_WORK = OPENS - timedelta(hours=10)
TEN = Pace(10)


def time(first: int, last: int) -> Interval:
    """From one minute after opening to another."""
    return Interval(OPENS + timedelta(minutes=first), OPENS + timedelta(minutes=last))


def present(*starts: int, withdrawn: bool = False, capacity: int = 1) -> list[PresentSlot]:
    """Slots of ten minutes that start so many minutes after opening."""
    return [PresentSlot(time(start, start + 10), capacity, withdrawn) for start in starts]


def after(
    slots: list[PresentSlot],
    before: Interval | None,
    hours: Interval | None,
    pace: Pace | None = TEN,
    *,
    now: datetime = BEFORE_WORK,
    rooms: int | None = None,
) -> list[tuple[int, int]]:
    """The slots offered once the hours changed: minutes after opening, and women."""
    day = ChangedDay([before] if before else [], [hours] if hours else [], now, rooms)
    offered = offered_after(slots, day, pace)
    return [((slot.time.starts_at - OPENS) // timedelta(minutes=1), slot.capacity) for slot in offered]


def ones(*starts: int) -> list[tuple[int, int]]:
    """Slots for one woman."""
    return [(start, 1) for start in starts]


def test_slots_outside_of_the_new_hours_go() -> None:
    """Also one that only reaches out of them."""
    assert after(present(0, 10, 20, 30), time(0, 40), time(10, 35)) == ones(10, 20)
    assert after(present(0, 10), time(0, 20), None) == []


def test_time_not_worked_before_is_cut_at_the_pace() -> None:
    """Earlier and later; what was there stays as it is, even if the pace is another one by now."""
    assert after(present(0, 10), time(0, 20), time(-20, 30)) == ones(-20, -10, 0, 10, 20)
    assert after(present(0, 10), time(0, 20), time(-30, 20), Pace(15)) == ones(-30, -15, 0, 10)
    assert after(present(0, 10), time(0, 20), time(-20, 20), None) == ones(0, 10)


def test_a_slot_withdrawn_from_working_hours_stays_away() -> None:
    """It comes back when its time was not worked in between."""
    slots = present(0, 20) + present(10, withdrawn=True)
    assert after(slots, time(0, 30), time(0, 40)) == ones(0, 20, 30)
    assert after(slots, time(20, 30), time(0, 30)) == ones(0, 10, 20)
    assert after(present(0, 10, withdrawn=True), time(0, 20), time(0, 20)) == ones(0, 10)


def test_the_limit_of_the_day_counts_those_who_stay() -> None:
    """Of three women in two rooms one may still come."""
    slots = present(0, capacity=2)
    assert after(slots, time(0, 10), time(0, 40), Pace(10, rooms=2, women_per_day=3)) == [(0, 2), (10, 1)]
    assert after(slots, time(0, 10), time(0, 40), Pace(10, rooms=2, women_per_day=1)) == [(0, 2)]


def test_another_number_of_rooms_holds_for_slots_to_come() -> None:
    """Those that have begun keep theirs."""
    now = OPENS + timedelta(minutes=5)
    assert after(present(0, 10), time(0, 20), time(0, 30), now=now, rooms=2) == [(0, 1), (10, 2), (20, 2)]


def test_what_has_begun_stays_and_nothing_begins_in_the_past() -> None:
    """At minute 15 the slots at 0 and 10 have begun."""
    now = OPENS + timedelta(minutes=15)
    assert after(present(0, 10, 20), time(0, 30), None, now=now) == ones(0, 10)
    assert after(present(20), time(20, 30), time(0, 30), now=now) == ones(20)


def test_a_slot_is_never_replaced_by_one_of_the_same_start() -> None:
    """A shorter pace could fit one in where a longer slot reached out of the hours; it would bear the same name."""
    assert after(present(0, 10), time(0, 20), time(0, 15), Pace(5)) == ones(0)


minutes = st.integers(-12, 12).map(lambda ten: 10 * ten)
times = st.builds(lambda first, length: time(first, first + length), minutes, st.integers(10, 120))
working_times = st.lists(times, max_size=2).map(merged)
old_slots = st.lists(
    st.tuples(minutes, st.integers(1, 3), st.booleans()), max_size=12, unique_by=lambda slot: slot[0]
).map(lambda slots: [PresentSlot(time(start, start + 10), capacity, gone) for start, capacity, gone in slots])


@given(old_slots, working_times, working_times, paces, minutes)
def test_a_changed_day_is_sound(
    slots: list[PresentSlot], before: list[Interval], hours: list[Interval], pace: Pace, begun: int
) -> None:
    """Whatever changes: nothing overlaps, the past is as it was, and to come is only what lies within the hours."""
    now = OPENS + timedelta(minutes=begun)
    offered = offered_after(slots, ChangedDay(before, hours, now), pace)
    assert not any(overlaps(one.time, other.time) for one, other in pairwise(offered))
    was = {SlotTime(slot.time, slot.capacity) for slot in slots if not slot.withdrawn}
    assert {slot for slot in was if slot.time.starts_at <= now} == {
        slot for slot in offered if slot.time.starts_at <= now
    }
    to_come = [slot for slot in offered if slot.time.starts_at > now]
    assert all(any(covers(each, slot.time) for each in hours) for slot in to_come)
    assert {slot for slot in was if any(covers(each, slot.time) for each in hours)} <= set(offered)
    new = sum(slot.capacity for slot in set(offered) - was)
    if new and pace.women_per_day is not None:
        assert sum(slot.capacity for slot in offered) <= pace.women_per_day


@given(old_slots, old_slots)
def test_the_difference_loses_nothing(old: list[PresentSlot], new: list[PresentSlot]) -> None:
    """Kept and added are what is wanted, kept and withdrawn what was offered; resized ones stay with the new number."""
    wanted = [SlotTime(slot.time, slot.capacity) for slot in new]
    found = difference(old, wanted)
    offered = {slot.time: slot.capacity for slot in old if not slot.withdrawn}
    assert sorted((*found.kept, *found.added), key=repr) == sorted(wanted, key=repr)
    assert sorted((slot.time for slot in (*found.kept, *found.withdrawn)), key=repr) == sorted(offered, key=repr)
    assert set(found.resized) == {slot for slot in found.kept if offered[slot.time] != slot.capacity}


def test_a_slot_keeps_its_end() -> None:
    """Under its identifier another time was handed over."""
    with pytest.raises(ValueError, match="end"):
        difference(present(0), [SlotTime(time(0, 15), 1)])


@pytest.mark.parametrize(
    ("women", "before", "after_it", "planned"), [(40, 80, 40, 20), (40, 80, 80, 40), (40, 80, 0, 40), (40, 0, 80, 40)]
)
def test_women_planned_follow_the_places(women: int, before: int, after_it: int, planned: int) -> None:
    """With no places before or after there is nothing to measure by."""
    assert rescaled(women, before, after_it) == planned
