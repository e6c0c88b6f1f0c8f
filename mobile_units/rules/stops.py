"""Working times: a unit stands in one place at a time, and what was worked already stays worked when hours change."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from mobile_units.rules.slots import Interval


def overlaps(a: Interval, b: Interval) -> bool:
    """Whether two intervals share time; one that ends when the other starts does not."""
    return a.starts_at < b.ends_at and b.starts_at < a.ends_at


def first_overlap(intervals: Sequence[Interval]) -> tuple[int, int] | None:
    """The indexes (lower first) of two overlapping intervals, the earliest clash in time; None when none overlap."""
    in_time = sorted(range(len(intervals)), key=lambda i: (intervals[i].starts_at, intervals[i].ends_at))
    for earlier, later in pairwise(in_time):
        if overlaps(intervals[earlier], intervals[later]):
            return min(earlier, later), max(earlier, later)
    return None


def covers(outer: Interval, inner: Interval) -> bool:
    """Whether an interval lies in another one whole."""
    return outer.starts_at <= inner.starts_at and inner.ends_at <= outer.ends_at


def merged(times: Iterable[Interval]) -> list[Interval]:
    """The same time in as few intervals as can be, in order."""
    whole: list[Interval] = []
    for each in sorted(times, key=lambda time: (time.starts_at, time.ends_at)):
        if whole and each.starts_at <= whole[-1].ends_at:
            whole[-1] = Interval(whole[-1].starts_at, max(whole[-1].ends_at, each.ends_at))
        else:
            whole.append(each)
    return whole


def without(times: Iterable[Interval], shut: Iterable[Interval]) -> list[Interval]:
    """What is left of the times outside of those that are shut, in order."""
    left = merged(times)
    for each in shut:
        left = [part for time in left for part in _around(time, each)]
    return left


def _around(time: Interval, hole: Interval) -> list[Interval]:
    if not overlaps(time, hole):
        return [time]
    parts = (time.starts_at, hole.starts_at), (hole.ends_at, time.ends_at)
    return [Interval(start, end) for start, end in parts if start < end]


def changed_from(now: datetime, before: Sequence[Interval], wanted: Sequence[Interval]) -> list[Interval]:
    """Working times that change at the instant `now`: until then those of before, from then on those wanted."""
    past = (Interval(each.starts_at, min(each.ends_at, now)) for each in before if each.starts_at < now)
    ahead = (Interval(max(each.starts_at, now), each.ends_at) for each in wanted if each.ends_at > now)
    return merged((*past, *ahead))
