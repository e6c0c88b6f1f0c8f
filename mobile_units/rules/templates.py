"""Schedule templates: a usual week of work. `rules.template_slots` turns it into the slots of a stop or a place.

A template is written in Polish wall time; working time begins and ends on the same day. The rooms of one programme are
a place in which slots never overlap, whatever the paths; the rooms of two programmes work side by side. Where paths
share rooms and crew instead, slots of all of them are offered at once, and whether one more fits is decided when it is
booked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import pairwise

from mobile_units.errors import DomainError
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.sessions import Resource, Session
from mobile_units.rules.slots import Interval


@dataclass(frozen=True, slots=True)
class Break:
    """A time without examinations within working hours, Polish local time; raises `template_past_midnight`."""

    starts: time
    ends: time

    def __post_init__(self) -> None:
        _require_one_day(self.starts, self.ends)


@dataclass(frozen=True, slots=True)
class Hours:
    """One working time of a day with its breaks, Polish local time.

    Raises `template_past_midnight`; `break_outside_hours`, a break does not lie within the working time.
    """

    opens: time
    closes: time
    breaks: Sequence[Break] = ()

    def __post_init__(self) -> None:
        _require_one_day(self.opens, self.closes)
        for each in self.breaks:
            if each.starts < self.opens or self.closes < each.ends:
                raise DomainError("break_outside_hours", starts=_clock(each.starts), ends=_clock(each.ends))


@dataclass(frozen=True, slots=True)
class Examination:
    """How long one examination takes, and how often it comes: its `weight` among those of the same rooms."""

    path: Path
    minutes: int
    weight: int = 1

    def __post_init__(self) -> None:
        if self.minutes < 1 or self.weight < 0:
            raise ValueError("an examination lasts at least a minute and has no negative weight")


@dataclass(frozen=True, slots=True)
class Rooms:
    """Equal rooms of one programme: `places` women at a time, all on one path; `women_per_day` at the most, or None.

    Raises `given_twice` for a repeated path; `rooms_of_one_programme`, the paths are of several programmes, or none has
    a weight.
    """

    examinations: Sequence[Examination]
    places: int = 1
    women_per_day: int | None = None

    def __post_init__(self) -> None:
        paths = {each.path for each in self.examinations}
        if len(paths) < len(self.examinations):
            raise DomainError("given_twice")
        if len({path.programme for path in paths}) != 1 or not any(each.weight for each in self.examinations):
            raise DomainError("rooms_of_one_programme")
        if self.places < 1 or (self.women_per_day is not None and self.women_per_day < 0):
            raise ValueError("rooms have places and no negative limit")

    @property
    def programme(self) -> Programme:
        """The programme of all their examinations."""
        return self.examinations[0].path.programme


@dataclass(frozen=True, slots=True)
class SharedResources:
    """Rooms and crew that paths of `minutes` each share: a mixed session, in which bookings decide who comes.

    Raises `given_twice` for a repeated name; `path_without_resources`, no room or nobody serves a path;
    `session_too_varied` (see `sessions.Session`).
    """

    minutes: Mapping[Path, int]
    rooms: tuple[Resource, ...]
    crew: tuple[Resource, ...]

    def __post_init__(self) -> None:
        if not self.minutes or min(self.minutes.values()) < 1:
            raise ValueError("shared rooms examine, and an examination lasts at least a minute")
        for resources in (self.rooms, self.crew):
            if len({each.name for each in resources}) < len(resources):
                raise DomainError("given_twice")
        for path in self.minutes:
            if not self.at_once(path):
                raise DomainError("path_without_resources", path=path)
        self.session(_ANY_HOUR)

    def at_once(self, path: Path) -> int:
        """How many examinations of a path there can be at a time, if there are no others."""
        return min(sum(path in each.serves for each in resources) for resources in (self.rooms, self.crew))

    def session(self, hours: Interval, breaks: Sequence[Interval] = ()) -> Session:
        """The mixed session of a working time."""
        return Session(hours, self.minutes, self.rooms, self.crew, tuple(breaks))


_ANY_HOUR = Interval(datetime(2026, 1, 5, 9, tzinfo=UTC), datetime(2026, 1, 5, 10, tzinfo=UTC))
"""Whether a session is too varied does not depend on its hours."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Slots kept for urgent cases in each working time: so many, and at least so many per cent of them, rounded up."""

    slots: int = 0
    percent: int = 0

    def __post_init__(self) -> None:
        if self.slots < 0 or not 0 <= self.percent <= 100:
            raise ValueError("held-back slots are not negative and not more than there are")

    def of(self, slots: int) -> int:
        """How many of the slots of one working time are held back."""
        return min(slots, max(self.slots, -(-slots * self.percent // 100)))


@dataclass(frozen=True, slots=True)
class Overbooking:
    """Women above the capacity: at most `places` in a whole stop (or day of a stationary place), one in a slot.

    Raises `overbooking_without_reason`: who meets a fuller waiting room is owed an explanation.
    """

    places: int
    reason: str

    def __post_init__(self) -> None:
        if self.places < 0:
            raise ValueError("overbooking is not negative")
        if not self.reason.strip():
            raise DomainError("overbooking_without_reason")


@dataclass(frozen=True, slots=True)
class Blocking:
    """Slots closed to booking: every `every`-th of a day in the same rooms, and what reaches into its last minutes.

    Zero blocks nothing. The last minutes are counted from the end of the day's last working time.
    """

    every: int = 0
    last_minutes: int = 0

    def __post_init__(self) -> None:
        if self.every < 0 or self.last_minutes < 0:
            raise ValueError("a blocking pattern is not negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A usual week: working times by ISO weekday, who works, and how the rooms are offered.

    Rooms are each programme's own, or `shared`. `setup_minutes` pass between the opening and the first woman on the
    first day that is worked at a stop. `quotas` are the percentages of a day's bookable slots (neither blocked nor held
    back) that are reserved for one channel; the rest is everybody's.

    Raises `opening_hours_overlap`; `given_twice`, two sets of rooms for one programme; `rooms_own_or_shared`, there are
    both or none; `shared_not_overbooked`, for whether one more fits is known exactly there; `quotas_above_all`.
    """

    week: Mapping[int, Sequence[Hours]]
    rooms: Sequence[Rooms] = ()
    shared: SharedResources | None = None
    crew: str = ""
    setup_minutes: int = 0
    held_back: HeldBack = HeldBack()
    quotas: Mapping[BookingChannel, int] = field(default_factory=dict)
    overbooking: Overbooking | None = None
    blocking: Blocking = Blocking()

    def __post_init__(self) -> None:
        if not self.week.keys() <= set(range(1, 8)) or self.setup_minutes < 0:
            raise ValueError("weekdays are 1 to 7 and the set-up is not negative")
        for weekday, hours in self.week.items():
            _require_apart(weekday, hours)
        if len({each.programme for each in self.rooms}) < len(self.rooms):
            raise DomainError("given_twice")
        if bool(self.rooms) == bool(self.shared):
            raise DomainError("rooms_own_or_shared")
        if self.shared and self.overbooking:
            raise DomainError("shared_not_overbooked")
        _require_quotas(self.quotas)

    @property
    def lanes(self) -> Sequence[Rooms]:
        """What is cut into slots by itself: the rooms of a programme, or each path of shared rooms at its length."""
        if self.shared is None:
            return self.rooms
        lengths = sorted(self.shared.minutes.items())
        return [Rooms([Examination(path, minutes)], self.shared.at_once(path)) for path, minutes in lengths]

    @property
    def paths(self) -> frozenset[Path]:
        """All that is examined."""
        return frozenset(each.path for rooms in self.lanes for each in rooms.examinations)


@dataclass(frozen=True, slots=True)
class DatedHours:
    """An exception for one day: other hours, also on a public holiday, or none at all.

    Raises `opening_hours_overlap`.
    """

    day: date
    hours: Sequence[Hours] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        _require_apart(self.day.isoweekday(), self.hours)


def _require_one_day(starts: time, ends: time) -> None:
    if ends <= starts:
        raise DomainError("template_past_midnight", starts=_clock(starts), ends=_clock(ends))


def _clock(at: time) -> str:
    return at.isoformat("minutes")


def _require_apart(weekday: int, hours: Sequence[Hours]) -> None:
    for earlier, later in pairwise(sorted(hours, key=lambda each: each.opens)):
        if later.opens < earlier.closes:
            raise DomainError("opening_hours_overlap", weekday=weekday, opens=_clock(later.opens))


def _require_quotas(quotas: Mapping[BookingChannel, int]) -> None:
    if any(percent < 0 for percent in quotas.values()):
        raise ValueError("a quota is not negative")
    if sum(quotas.values()) > 100:
        raise DomainError("quotas_above_all", percent=sum(quotas.values()))
