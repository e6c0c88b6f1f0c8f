"""What a woman wishes of the time of an examination: weekdays, and hours on the clocks of Poland."""

from dataclasses import dataclass
from datetime import datetime, time

from mobile_units.clock import WARSAW
from mobile_units.rules.calendar import local_day

NOON = time(12)
ANY_WEEKDAY: frozenset[int] = frozenset(range(1, 8))
"""ISO weekdays, Monday being 1 and Sunday 7."""


@dataclass(frozen=True, slots=True)
class Wish:
    """ISO weekdays, and local hours from `after` (included) to `before` (not included); None is open.

    Raises ValueError for no weekday, for a number that is none, and for hours that are empty.
    """

    weekdays: frozenset[int] = ANY_WEEKDAY
    after: time | None = None
    before: time | None = None

    def __post_init__(self) -> None:
        if not self.weekdays or not self.weekdays <= ANY_WEEKDAY:
            raise ValueError("weekdays are numbered 1 to 7, and one at least is wished")
        if self.before is not None and (self.after or time.min) >= self.before:
            raise ValueError("the hours wished are empty")

    def includes(self, at: time) -> bool:
        """Whether a local time is among the hours."""
        return (self.after or time.min) <= at and (self.before is None or at < self.before)


def local_time(instant: datetime) -> time:
    """What clocks in Poland show at an instant."""
    return instant.astimezone(WARSAW).time()


def as_before(instant: datetime) -> Wish:
    """The wish of a woman who told none: the weekday that she had, and the same half of the day."""
    weekday = frozenset({local_day(instant).isoweekday()})
    return Wish(weekday, before=NOON) if local_time(instant) < NOON else Wish(weekday, after=NOON)
