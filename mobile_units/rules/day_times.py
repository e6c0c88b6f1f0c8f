"""Times of the day on some days, as clocks in Poland show them, turned into the instants that they are."""

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from mobile_units.clock import WARSAW

Window = tuple[datetime, datetime]
"""From an instant to another in UTC, the second not included."""

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


@lru_cache(maxsize=64)
def windows(
    first: date, last: date, weekdays: Collection[int], from_time: time | None, to_time: time | None
) -> tuple[Window, ...]:
    """The instants, in order, at which it is in Poland one of the days, between the two times.

    Days go from `first` to `last`, both included; `weekdays` are ISO numbers, none meaning all. The day begins at
    `from_time` and ends before `to_time`, None being midnight. An hour that occurs twice, in autumn, is in it both
    times; one that the clocks skip in spring is not.
    """
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    wanted = (day for day in days if not weekdays or day.isoweekday() in weekdays)
    return tuple(window for day in wanted for window in _of_day(day, from_time or time(), to_time))


def _of_day(day: date, from_time: time, to_time: time | None) -> Iterator[Window]:
    opens = datetime.combine(day, from_time)
    closes = datetime.combine(day, to_time) if to_time else datetime.combine(day, time()) + _DAY
    for starts_at, ends_at, offset in _of_one_offset(day):
        window = (
            max(starts_at, (opens - offset).replace(tzinfo=UTC)),
            min(ends_at, (closes - offset).replace(tzinfo=UTC)),
        )
        if window[0] < window[1]:
            yield window


def _of_one_offset(day: date) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The parts of a Polish day in each of which clocks differ from UTC by the same; they change on full hours."""
    starts_at, ends_at = _midnight(day), _midnight(day + _DAY)
    part, offset = starts_at, _offset(starts_at)
    if _offset(ends_at) != offset:
        while _offset(part) == offset:
            part += _HOUR
        yield starts_at, part, offset
        starts_at, offset = part, _offset(part)
    yield starts_at, ends_at, offset


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=WARSAW).astimezone(UTC)


def _offset(instant: datetime) -> timedelta:
    return instant.astimezone(WARSAW).utcoffset() or timedelta()
