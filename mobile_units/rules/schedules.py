"""From working time to slots: how a day's work is cut into bookable times and shared among contract ranges."""

from collections.abc import Sequence
from dataclasses import dataclass

from mobile_units.rules.slots import Interval, deal, grid


@dataclass(frozen=True, slots=True)
class Pace:
    """How a place examines: minutes for one woman, rooms side by side, and women a day at the most (None: no limit)."""

    minutes_per_woman: int
    rooms: int = 1
    women_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class SlotTime:
    """A bookable time for `capacity` women."""

    time: Interval
    capacity: int


def slot_times(working_time: Interval, pace: Pace) -> list[SlotTime]:
    """The slots of one day's working time; the last one takes fewer women where the limit of the day asks for it."""
    limit = pace.women_per_day
    rows = None if limit is None else -(-limit // pace.rooms)
    times = grid(working_time.starts_at, working_time.ends_at, pace.minutes_per_woman, rows)
    left = len(times) * pace.rooms if limit is None else limit
    return [SlotTime(time, min(pace.rooms, left - number * pace.rooms)) for number, time in enumerate(times)]


def share(slots: Sequence[SlotTime], weights: Sequence[int]) -> list[list[SlotTime]]:
    """The slots dealt to one list for each weight (a contract range), in proportion to the weights."""
    shares: list[list[SlotTime]] = [[] for _ in weights]
    for slot, receiver in zip(slots, deal(len(slots), weights), strict=True):
        shares[receiver].append(slot)
    return shares


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in whole parts proportional to `weights`; the parts add up to it.

    Each part is its exact share rounded down or up, up for the largest remainders and, of equal ones, the first.
    Weights that are all zero count as equal.
    """
    shares = list(weights) if any(weights) else [1] * len(weights)
    parts = [total * share // sum(shares) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda index: -(total * shares[index] % sum(shares)))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts
