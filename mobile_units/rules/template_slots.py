"""The slots that a template wants: its week applied day by day to a stop or to dates of a stationary place.

What it wants is instants in UTC, so that a minute is a real minute on every day of the year. Two decisions about wall
time, the same as everywhere (`calendar`):

- an hour that the clocks skip in spring is refused; a dated exception gives that day other hours;
- an hour that occurs twice in autumn means its first occurrence, for an opening, a closing and a break alike: work from
  1:00 to 4:00 then lasts four hours, work from 1:00 to 2:30 lasts one and a half.

Everything is counted in order of time and anew each day, so a change of one day moves nothing on another; only
overbooking is counted over a whole stop.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple, TypeAlias, TypeVar
from uuid import UUID

from mobile_units.errors import DomainError
from mobile_units.rules.admission import Reservation
from mobile_units.rules.calendar import holiday_name, local_day, local_instant, require_period
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.sessions import Session
from mobile_units.rules.slots import Interval, deal, slot_uuid
from mobile_units.rules.stops import without
from mobile_units.rules.templates import Blocking, DatedHours, Hours, Overbooking, Rooms, Template

T = TypeVar("T")

ScheduleOf: TypeAlias = Callable[[Path, date], UUID]
"""The identifier of the schedule that takes the slots of a path on a day; it must not change between two calls."""


class PlannedSlot(NamedTuple):
    """A slot as a template wants it or as it stands; `extra` women may come above its capacity.

    It may be `reserved_for` some women alone. `session` is the start of the mixed session that it belongs to. The
    identifier follows from the schedule and the start. A named tuple, because hundreds of thousands are made at once.
    """

    schedule: UUID
    path: Path
    time: Interval
    capacity: int
    extra: int = 0
    reserved_for: Reservation | None = None
    blocked: bool = False
    session: datetime | None = None

    @property
    def uuid(self) -> UUID:
        """The identifier by which the slot is known everywhere."""
        return slot_uuid(self.schedule, self.time.starts_at)

    @property
    def key(self) -> tuple[UUID, datetime]:
        """What the identifier is made of; the database holds it unique."""
        return self.schedule, self.time.starts_at

    @property
    def order(self) -> tuple[datetime, Path, UUID]:
        """By time; slots of one time by path."""
        return self.time.starts_at, self.path, self.schedule

    @property
    def women(self) -> int:
        """How many women it takes at the most."""
        return self.capacity + self.extra


class IdleReason(StrEnum):
    """Why a day got no slots."""

    HOLIDAY = "holiday"
    CLOSED = "closed"
    NO_HOURS = "no_hours"
    TOO_SHORT = "too_short"

    @property
    def name_pl(self) -> str:
        """The reason in Polish."""
        return _IDLE_PL[self]


_IDLE_PL = {
    IdleReason.HOLIDAY: "święto",
    IdleReason.CLOSED: "nieczynne",
    IdleReason.NO_HOURS: "szablon nie ma godzin w tym dniu tygodnia",
    IdleReason.TOO_SHORT: "nie mieści się ani jedno badanie",
}


@dataclass(frozen=True, slots=True)
class IdleDay:
    """A day without slots; `note` is the name of the holiday or the reason of the exception."""

    day: date
    reason: IdleReason
    note: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """What a template wants, in order of time, and what it speaks about.

    It decides about slots of its `programmes`, from day `first` to day `last`; None stands for every day, because a day
    that a stop no longer has is to be given up. Of the mixed `sessions` slots name the start. `worked` are the
    uninterrupted working times of each day that has slots.
    """

    slots: tuple[PlannedSlot, ...]
    idle: tuple[IdleDay, ...]
    worked: Mapping[date, Sequence[Interval]]
    sessions: tuple[Session, ...]
    programmes: frozenset[Programme]
    first: date | None
    last: date | None

    def decides(self, slot: PlannedSlot) -> bool:
        """Whether a slot would be wanted if it were right."""
        day = local_day(slot.time.starts_at)
        in_time = self.first is None or self.last is None or self.first <= day <= self.last
        return in_time and slot.path.programme in self.programmes


def apply_to_stop(
    template: Template, days: Sequence[Interval], schedule_of: ScheduleOf, exceptions: Iterable[DatedHours] = ()
) -> Applied:
    """The slots of a stop; `days` are all the times at which its unit receives women, one for each day.

    Only what is common to the hours of the template and of the stop is offered. Hours of a stop leave the set-up out
    already, so the first woman comes when both allow: the stop is open, and the set-up after the template's opening is
    done.

    Raises:
        DomainError: `hours_past_midnight`; `given_twice`, two times or two exceptions for a day; `no_such_local_time`.
    """
    open_on = _by_day((_one_day(each), each) for each in days)
    made = _Made(template, schedule_of)
    made.add_days(open_on, exceptions, template.setup_minutes)
    return made.applied(_overbooked(made.slots, template.overbooking), None)


def apply_to_dates(
    template: Template, first: date, last: date, schedule_of: ScheduleOf, exceptions: Iterable[DatedHours] = ()
) -> Applied:
    """The slots of a stationary place from day `first` to day `last`; nothing is set up there.

    Raises:
        DomainError: `ends_before_start`, `period_too_long`; `given_twice`, two exceptions for a day;
            `no_such_local_time`.
    """
    require_period(first, last)
    days: dict[date, Interval | None] = {first + timedelta(days=n): None for n in range((last - first).days + 1)}
    made = _Made(template, schedule_of)
    made.add_days(days, exceptions, 0)
    by_day = groupby(made.slots, lambda each: local_day(each.time.starts_at)) if template.overbooking else ()
    slots = [each for _, of_day in by_day for each in _overbooked(list(of_day), template.overbooking)]
    return made.applied(slots or made.slots, (first, last))


@dataclass(frozen=True, slots=True)
class _Work:
    """A working time in which women are received, and its uninterrupted parts."""

    hours: Interval
    breaks: Sequence[Interval]
    parts: Sequence[Interval]


class _Cut(NamedTuple):
    """A slot before anything is kept back; `work` numbers the working times of its day."""

    work: int
    path: Path
    time: Interval
    women: int


class _Made:
    """What a template wants, day after day."""

    def __init__(self, template: Template, schedule_of: ScheduleOf) -> None:
        self.template, self.schedule_of, self.lanes = template, schedule_of, template.lanes
        self.slots: list[PlannedSlot] = []
        self.idle: list[IdleDay] = []
        self.worked: dict[date, Sequence[Interval]] = {}
        self.sessions: list[Session] = []

    def add_days(
        self, days: Mapping[date, Interval | None], exceptions: Iterable[DatedHours], setup_minutes: int
    ) -> None:
        """Adds days in order; the set-up is on the first one that is worked."""
        excepted = _by_day((each.day, each) for each in exceptions)
        for day, open_at in days.items():
            hours = _hours(self.template, day, excepted.get(day))
            if isinstance(hours, IdleDay):
                self.idle.append(hours)
                continue
            works = _worked(day, hours, open_at, setup_minutes)
            found = self._of_day(day, works)
            setup_minutes = 0
            self.slots += found
            if found:
                self.worked[day] = [part for work in works for part in work.parts]
            else:
                self.idle.append(IdleDay(day, IdleReason.TOO_SHORT))

    def applied(self, slots: Iterable[PlannedSlot], days: tuple[date, date] | None) -> Applied:
        """The slots with all that was learned about them."""
        first, last = days or (None, None)
        programmes = frozenset(path.programme for path in self.template.paths)
        return Applied(tuple(slots), tuple(self.idle), self.worked, tuple(self.sessions), programmes, first, last)

    def _of_day(self, day: date, works: Sequence[_Work]) -> list[PlannedSlot]:
        found = [slot for rooms in self.lanes for slot in self._of_rooms(day, rooms, works)]
        if len(self.lanes) > 1:
            found.sort(key=lambda each: each.order)
        if shared := self.template.shared:
            used = {slot.session for slot in found}
            self.sessions += [shared.session(work.hours, work.breaks) for work in works if work.hours.starts_at in used]
        return found

    def _of_rooms(self, day: date, rooms: Rooms, works: Sequence[_Work]) -> list[PlannedSlot]:
        cuts = _cut(rooms, works)
        if not cuts:
            return []
        blocked = _blocked(self.template.blocking, cuts, works[-1].hours.ends_at)
        reserved = _reserved(self.template, cuts, blocked)
        schedules = {path: self.schedule_of(path, day) for path in {cut.path for cut in cuts}}
        sessions = [work.hours.starts_at if self.template.shared else None for work in works]
        return [
            PlannedSlot(schedules[path], path, time, women, 0, reserved_for, shut, sessions[work])
            for (work, path, time, women), reserved_for, shut in zip(cuts, reserved, blocked, strict=True)
        ]


def _one_day(times: Interval) -> date:
    """The Polish day of a stop's hours."""
    day = local_day(times.starts_at)
    if times.ends_at > local_instant(day + timedelta(days=1), time()):
        raise DomainError("hours_past_midnight", day=day.isoformat())
    return day


def _by_day(pairs: Iterable[tuple[date, T]]) -> dict[date, T]:
    found: dict[date, T] = {}
    for day, each in pairs:
        if day in found:
            raise DomainError("given_twice")
        found[day] = each
    return dict(sorted(found.items()))


def _hours(template: Template, day: date, exception: DatedHours | None) -> Sequence[Hours] | IdleDay:
    if exception:
        return exception.hours or IdleDay(day, IdleReason.CLOSED, exception.reason)
    if holiday := holiday_name(day):
        return IdleDay(day, IdleReason.HOLIDAY, holiday)
    return template.week.get(day.isoweekday(), ()) or IdleDay(day, IdleReason.NO_HOURS)


def _worked(day: date, hours: Sequence[Hours], open_at: Interval | None, setup_minutes: int) -> list[_Work]:
    """The working times in which women are received; those without any room for one left out."""
    works = [(_on(day, each.opens, each.closes), each.breaks) for each in hours]
    works.sort(key=lambda work: work[0].starts_at)
    starts = works[0][0].starts_at + timedelta(minutes=setup_minutes)
    ends = works[-1][0].ends_at
    if open_at:
        starts, ends = max(starts, open_at.starts_at), min(ends, open_at.ends_at)
    found = []
    for whole, breaks in works:
        shut = [_on(day, each.starts, each.ends) for each in breaks]
        if parts := without(_common(whole, starts, ends), shut):
            found.append(_Work(Interval(parts[0].starts_at, parts[-1].ends_at), shut, parts))
    return found


def _on(day: date, starts: time, ends: time) -> Interval:
    return Interval(local_instant(day, starts), local_instant(day, ends))


def _common(whole: Interval, starts: datetime, ends: datetime) -> list[Interval]:
    first, last = max(whole.starts_at, starts), min(whole.ends_at, ends)
    return [Interval(first, last)] if first < last else []


def _cut(rooms: Rooms, works: Sequence[_Work]) -> list[_Cut]:
    """Back-to-back examinations, until none fits or the women of the day are reached."""
    dealt = [0] * len(rooms.examinations)
    lengths = [timedelta(minutes=each.minutes) for each in rooms.examinations]
    left, places, cuts = rooms.women_per_day, rooms.places, []
    for number, part in ((number, part) for number, work in enumerate(works) for part in work.parts):
        at, closes = part.starts_at, part.ends_at
        while left != 0 and (turn := _next(rooms, lengths, dealt, closes - at)) is not None:
            dealt[turn] += 1
            women = places if left is None else min(left, places)
            left = None if left is None else left - women
            ends_at = at + lengths[turn]
            cuts.append(_Cut(number, rooms.examinations[turn].path, Interval(at, ends_at), women))
            at = ends_at
    return cuts


def _next(rooms: Rooms, lengths: Sequence[timedelta], dealt: Sequence[int], room: timedelta) -> int | None:
    """Whose turn it is of the examinations that still fit, in proportion to their weights."""
    if len(lengths) == 1:
        return 0 if lengths[0] <= room else None
    fitting = tuple(
        each.weight if length <= room else 0 for each, length in zip(rooms.examinations, lengths, strict=True)
    )
    return _turn(fitting, tuple(dealt)) if any(fitting) else None


@lru_cache(maxsize=4096)
def _turn(weights: tuple[int, ...], dealt: tuple[int, ...]) -> int:
    return deal(1, weights, dealt)[0]


def _blocked(blocking: Blocking, cuts: Sequence[_Cut], closes: datetime) -> list[bool]:
    blocked = [False] * len(cuts)
    if blocking.every:
        blocked[blocking.every - 1 :: blocking.every] = [True] * (len(cuts) // blocking.every)
    if blocking.last_minutes:
        last = closes - timedelta(minutes=blocking.last_minutes)
        blocked = [shut or cut.time.ends_at > last for shut, cut in zip(blocked, cuts, strict=True)]
    return blocked


def _reserved(template: Template, cuts: Sequence[_Cut], blocked: Sequence[bool]) -> list[Reservation | None]:
    """For whom each slot is: first the urgent cases of each working time, then the channels of the day."""
    reserved: list[Reservation | None] = [None] * len(cuts)
    bookable = [number for number, shut in enumerate(blocked) if not shut]
    for _, group in groupby(bookable, lambda number: cuts[number].work):
        numbers = list(group)
        for number, held in zip(numbers, _spread(template.held_back.of(len(numbers)), len(numbers)), strict=True):
            reserved[number] = Reservation.URGENT if held else None
    if any(template.quotas.values()):
        left = [number for number in bookable if reserved[number] is None]
        for number, channel in zip(left, _channels(len(left), tuple(sorted(template.quotas.items()))), strict=True):
            reserved[number] = channel
    return reserved


def _spread(count: int, total: int) -> list[int]:
    """`count` of `total` slots, as evenly as can be: 1 for each of these; after any of them the share, rounded down."""
    return [(seen + 1) * count // total - seen * count // total for seen in range(total)]


@lru_cache(maxsize=256)
def _channels(count: int, quotas: tuple[tuple[str, int], ...]) -> tuple[Reservation | None, ...]:
    """For which channel each of the slots is, None for everybody."""
    channels = [*(Reservation(channel) for channel, _ in quotas), None]
    shares = [percent for _, percent in quotas]
    return tuple(channels[turn] for turn in deal(count, [*shares, 100 - sum(shares)]))


def _overbooked(slots: Sequence[PlannedSlot], overbooking: Overbooking | None) -> Sequence[PlannedSlot]:
    """The slots of a stop or day with the women that may come above the capacity, spread evenly."""
    if not overbooking:
        return slots
    made, left = list(slots), overbooking.places
    for reservations in _OVERBOOKED:
        numbers = [n for n, each in enumerate(slots) if not each.blocked and each.reserved_for in reservations]
        count = min(left, len(numbers))
        left -= count
        for number, extra in zip(numbers, _spread(count, len(numbers)), strict=True):
            made[number] = made[number]._replace(extra=extra)
    return made


_OVERBOOKED: tuple[frozenset[Reservation | None], ...] = (
    frozenset({None}),
    frozenset({Reservation.DESK, Reservation.TELEPHONE}),
)
"""Where women come above the capacity, first of all everybody's slots; urgent cases keep theirs, and IKP knows no more
places than the capacity."""
