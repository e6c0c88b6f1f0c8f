"""Overlap of times: a unit stands in one place at a time."""

from collections.abc import Sequence
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
