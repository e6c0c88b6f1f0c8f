"""From working time to slots: how a day's work is cut into bookable times and shared among contract ranges.

When hours change after publication, as little as possible changes with them: a slot that lies within the new hours
stays what it is, so that its identifier and its visits stay, and only time that was not worked before is cut anew.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mobile_units.rules.slots import Interval, deal, grid
from mobile_units.rules.stops import covers, overlaps, without


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


def rescaled(women: int, before: int, after: int) -> int:
    """Women planned for `before` places, now that there are `after`; unchanged where one of them is none."""
    return round(women * after / before) if before and after else women


@dataclass(frozen=True, slots=True)
class PresentSlot:
    """A slot as it stands; a withdrawn one is offered no more, but its start is known. With visits it is orphaned."""

    time: Interval
    capacity: int
    withdrawn: bool = False
    visits: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """What becomes of the slots of a schedule; the `resized` ones are among the `kept`, with their new capacity."""

    kept: tuple[SlotTime, ...]
    added: tuple[SlotTime, ...]
    withdrawn: tuple[SlotTime, ...]
    resized: tuple[SlotTime, ...]


def difference(present: Iterable[PresentSlot], wanted: Iterable[SlotTime]) -> Difference:
    """How the slots that are offered become those that are wanted; a slot is known by its start.

    A withdrawn or orphaned slot that is wanted is among the added. Raises ValueError where an offered slot would
    get another end: other hours do not change how long a slot lasts.
    """
    offered = {each.time.starts_at: each for each in present if not each.withdrawn}
    asked = {each.time.starts_at: each for each in wanted}
    kept = [each for start, each in asked.items() if start in offered]
    if any(each.time != offered[each.time.starts_at].time for each in kept):
        raise ValueError("a slot keeps its end")
    return Difference(
        kept=tuple(kept),
        added=tuple(each for start, each in asked.items() if start not in offered),
        withdrawn=tuple(SlotTime(each.time, each.capacity) for start, each in offered.items() if start not in asked),
        resized=tuple(each for each in kept if each.capacity != offered[each.time.starts_at].capacity),
    )


@dataclass(frozen=True, slots=True)
class ChangedDay:
    """A day whose working times become `hours` at the instant `now`; with `rooms`, every slot to come gets as many.

    Working times that touch are one (`stops.merged`).
    """

    before: Sequence[Interval]
    hours: Sequence[Interval]
    now: datetime
    rooms: int | None = None


def offered_after(present: Sequence[PresentSlot], day: ChangedDay, pace: Pace | None) -> list[SlotTime]:
    """What a day offers after its hours changed, in order of time.

    A slot stays that has begun or lies within the new hours. Time in which no slot stays is cut at the pace (left
    empty without one) as far as the limit of the day allows, but not where a single slot was withdrawn from hours that
    are worked on: somebody wanted that. A day that offers nothing counts as not worked before. An orphaned slot returns
    under the same conditions, if it takes as many women as it has visits; until then it keeps its time to itself.
    """
    offered = [each for each in present if not each.withdrawn]
    stays = [
        SlotTime(each.time, _women(each, day))
        for each in offered
        if each.time.starts_at <= day.now or any(covers(hours, each.time) for hours in day.hours)
    ]
    worked = day.before if offered else ()
    gone = [each for each in present if each.withdrawn]
    shut = [each.time for each in gone if each.visits or any(covers(hours, each.time) for hours in worked)]
    stays += [SlotTime(each.time, _women(each, day)) for each in gone if _returns(each, day, worked, stays)]
    free = without(day.hours, (*(each.time for each in stays), *shut))
    never = {each.time.starts_at for each in offered}
    fresh = _fill(free, pace, day, sum(each.capacity for each in stays)) if pace else []
    added = [each for each in fresh if each.time.starts_at not in never]
    return sorted((*stays, *added), key=lambda each: each.time.starts_at)


def _returns(slot: PresentSlot, day: ChangedDay, worked: Iterable[Interval], stays: Iterable[SlotTime]) -> bool:
    """Whether an orphaned slot is wanted again."""
    wanted = any(covers(hours, slot.time) for hours in day.hours) and slot.time.starts_at > day.now
    shut = any(covers(hours, slot.time) for hours in worked) or any(overlaps(slot.time, each.time) for each in stays)
    return wanted and not shut and 0 < slot.visits <= _women(slot, day)


def _women(slot: PresentSlot, day: ChangedDay) -> int:
    to_come = slot.time.starts_at > day.now
    return day.rooms if day.rooms is not None and to_come else slot.capacity


def _fill(free: Sequence[Interval], pace: Pace, day: ChangedDay, women: int) -> list[SlotTime]:
    """Slots in the free time that is to come, for as many as the limit of the day leaves beside `women`."""
    rooms = pace.rooms if day.rooms is None else day.rooms
    times = [time for gap in free for time in grid(gap.starts_at, gap.ends_at, pace.minutes_per_woman)]
    ahead = [time for time in times if time.starts_at > day.now]
    left = len(ahead) * rooms if pace.women_per_day is None else max(0, pace.women_per_day - women)
    capacities = (min(rooms, left - number * rooms) for number in range(len(ahead)))
    return [SlotTime(time, capacity) for time, capacity in zip(ahead, capacities, strict=True) if capacity > 0]
