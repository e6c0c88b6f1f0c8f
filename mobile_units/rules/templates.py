"""Schedule templates: a usual week of work, turned into the slots of a stop or of a stationary place.

A template is written in Polish wall time and applied day by day. What it wants is instants in UTC, so that a minute is
a real minute on every day of the year. Three decisions about wall time, the same as everywhere (`calendar`):

- an hour that the clocks skip in spring is refused; a dated exception gives that day other hours;
- an hour that occurs twice in autumn means its first occurrence, for an opening, a closing and a break alike: work from
  1:00 to 4:00 then lasts four hours, work from 1:00 to 2:30 lasts one and a half;
- working time begins and ends on the same day.

The rooms of one programme are a place in which slots never overlap, whatever the paths; the rooms of two programmes
work side by side. Everything is counted in order of time and anew each day, so a change of one day moves nothing on
another; only overbooking is counted over a whole stop.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import groupby, islice, pairwise
from typing import TypeAlias, TypeVar
from uuid import UUID

from mobile_units.errors import DomainError
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.calendar import holiday_name, local_day, local_instant, require_period
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.slots import Interval, deal, slot_uuid
from mobile_units.rules.stops import without

T = TypeVar("T")

ScheduleOf: TypeAlias = Callable[[Path, date], UUID]
"""The identifier of the schedule that takes the slots of a path on a day; it must not change between two calls."""


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

    Raises `given_twice` for a repeated path, ValueError for paths of several programmes and for weights without any.
    """

    examinations: Sequence[Examination]
    places: int = 1
    women_per_day: int | None = None

    def __post_init__(self) -> None:
        paths = {each.path for each in self.examinations}
        if len(paths) < len(self.examinations):
            raise DomainError("given_twice")
        if len({path.programme for path in paths}) != 1 or not any(each.weight for each in self.examinations):
            raise ValueError("rooms examine in one programme, and at least one examination has a weight")
        if self.places < 1 or (self.women_per_day is not None and self.women_per_day < 0):
            raise ValueError("rooms have places and no negative limit")

    @property
    def programme(self) -> Programme:
        """The programme of all their examinations."""
        return self.examinations[0].path.programme


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Places kept for urgent cases in each working time: so many, and at least so many per cent of them, rounded up."""

    places: int = 0
    percent: int = 0

    def __post_init__(self) -> None:
        if self.places < 0 or not 0 <= self.percent <= 100:
            raise ValueError("held-back places are not negative and not more than there are")

    def of(self, places: int) -> int:
        """How many of the places of one working time are held back."""
        return min(places, max(self.places, -(-places * self.percent // 100)))


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

    `setup_minutes` pass between the opening and the first woman on the first day that is worked at a stop. `quotas` are
    the percentages of a day's bookable places (neither blocked nor held back) that only one channel books; the rest is
    open to all.

    Raises `opening_hours_overlap`; `given_twice`, two sets of rooms for one programme; `quotas_above_all`.
    """

    week: Mapping[int, Sequence[Hours]]
    rooms: Sequence[Rooms]
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
        _require_quotas(self.quotas)


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


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """A slot as a template wants it or as it stands.

    Of `capacity` women `held_back` are urgent cases, and each channel of `quotas` alone books so many; `extra` may come
    above the capacity. The identifier follows from the schedule and the start.
    """

    schedule: UUID
    path: Path
    time: Interval
    capacity: int
    extra: int = 0
    held_back: int = 0
    quotas: tuple[tuple[BookingChannel, int], ...] = ()
    blocked: bool = False

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

    @property
    def open_to_all(self) -> int:
        """Places that any channel may book."""
        return 0 if self.blocked else self.capacity - self.held_back - sum(places for _, places in self.quotas)


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
    that a stop no longer has is to be given up.
    """

    slots: tuple[PlannedSlot, ...]
    idle: tuple[IdleDay, ...]
    programmes: frozenset[Programme]
    first: date | None
    last: date | None
    crew: str
    overbooking: Overbooking | None

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
    slots, idle = _of_days(template, open_on, exceptions, template.setup_minutes)
    slots = _overbooked(slots, template.overbooking)
    return _applied(template, slots, idle, schedule_of, None)


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
    slots, idle = _of_days(template, days, exceptions, 0)
    by_day = groupby(slots, lambda each: local_day(each.time.starts_at))
    slots = [each for _, of_day in by_day for each in _overbooked(list(of_day), template.overbooking)]
    return _applied(template, slots, idle, schedule_of, (first, last))


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


def _of_days(
    template: Template, days: Mapping[date, Interval | None], exceptions: Iterable[DatedHours], setup_minutes: int
) -> tuple[list[PlannedSlot], list[IdleDay]]:
    """The slots of days in order, without their schedules; the set-up is on the first day that is worked."""
    excepted = _by_day((each.day, each) for each in exceptions)
    slots: list[PlannedSlot] = []
    idle: list[IdleDay] = []
    ahead = setup_minutes
    for day, open_at in days.items():
        hours = _hours(template, day, excepted.get(day))
        if isinstance(hours, IdleDay):
            idle.append(hours)
            continue
        found = _of_day(template, _worked(day, hours, open_at, ahead))
        ahead = 0
        slots += found
        if not found:
            idle.append(IdleDay(day, IdleReason.TOO_SHORT))
    return slots, idle


def _hours(template: Template, day: date, exception: DatedHours | None) -> Sequence[Hours] | IdleDay:
    if exception:
        return exception.hours or IdleDay(day, IdleReason.CLOSED, exception.reason)
    if holiday := holiday_name(day):
        return IdleDay(day, IdleReason.HOLIDAY, holiday)
    return template.week.get(day.isoweekday(), ()) or IdleDay(day, IdleReason.NO_HOURS)


def _worked(day: date, hours: Sequence[Hours], open_at: Interval | None, setup_minutes: int) -> list[list[Interval]]:
    """The uninterrupted times of each working time in which women are received; empty ones left out."""
    sessions = [(_on(day, each.opens, each.closes), each.breaks) for each in hours]
    sessions.sort(key=lambda session: session[0].starts_at)
    starts = sessions[0][0].starts_at + timedelta(minutes=setup_minutes)
    ends = sessions[-1][0].ends_at
    if open_at:
        starts, ends = max(starts, open_at.starts_at), min(ends, open_at.ends_at)
    cut = ((_common(whole, starts, ends), breaks) for whole, breaks in sessions)
    parts = [without(whole, [_on(day, each.starts, each.ends) for each in breaks]) for whole, breaks in cut]
    return [each for each in parts if each]


def _on(day: date, starts: time, ends: time) -> Interval:
    return Interval(local_instant(day, starts), local_instant(day, ends))


def _common(whole: Interval, starts: datetime, ends: datetime) -> list[Interval]:
    first, last = max(whole.starts_at, starts), min(whole.ends_at, ends)
    return [Interval(first, last)] if first < last else []


def _of_day(template: Template, sessions: Sequence[Sequence[Interval]]) -> list[PlannedSlot]:
    if not sessions:
        return []
    closes = sessions[-1][-1].ends_at
    slots = (slot for rooms in template.rooms for slot in _of_rooms(template, rooms, sessions, closes))
    return sorted(slots, key=lambda each: each.order)


def _of_rooms(
    template: Template, rooms: Rooms, sessions: Sequence[Sequence[Interval]], closes: datetime
) -> Iterator[PlannedSlot]:
    cuts = list(_cut(rooms, sessions))
    shut = [_is_blocked(template.blocking, number, cut.time, closes) for number, cut in enumerate(cuts, 1)]
    bookable = [0 if blocked else cut.women for cut, blocked in zip(cuts, shut, strict=True)]
    held = _held_back(template.held_back, [cut.session for cut in cuts], bookable)
    left = [women - kept for women, kept in zip(bookable, held, strict=True)]
    dealt = _dealt(template.quotas, left)
    for cut, blocked, kept, quotas in zip(cuts, shut, held, dealt, strict=True):
        yield PlannedSlot(_NO_SCHEDULE, cut.path, cut.time, cut.women, 0, kept, quotas, blocked)


_NO_SCHEDULE = UUID(int=0)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A slot before anything is kept back; `session` numbers the working times of its day."""

    session: int
    path: Path
    time: Interval
    women: int


def _cut(rooms: Rooms, sessions: Sequence[Sequence[Interval]]) -> Iterator[_Cut]:
    """Back-to-back examinations, until none fits or the women of the day are reached."""
    dealt = [0] * len(rooms.examinations)
    left = rooms.women_per_day
    for session, part in ((number, part) for number, parts in enumerate(sessions) for part in parts):
        at = part.starts_at
        while left != 0 and (turn := _next(rooms, dealt, part.ends_at - at)) is not None:
            examination = rooms.examinations[turn]
            dealt[turn] += 1
            women = rooms.places if left is None else min(left, rooms.places)
            left = None if left is None else left - women
            ends_at = at + timedelta(minutes=examination.minutes)
            yield _Cut(session, examination.path, Interval(at, ends_at), women)
            at = ends_at


def _next(rooms: Rooms, dealt: Sequence[int], room: timedelta) -> int | None:
    """Whose turn it is of the examinations that still fit, in proportion to their weights."""
    fitting = tuple(each.weight if timedelta(minutes=each.minutes) <= room else 0 for each in rooms.examinations)
    if not any(fitting):
        return None
    return 0 if len(fitting) == 1 else _turn(fitting, tuple(dealt))


@lru_cache(maxsize=4096)
def _turn(weights: tuple[int, ...], dealt: tuple[int, ...]) -> int:
    return deal(1, weights, dealt)[0]


def _is_blocked(blocking: Blocking, number: int, at: Interval, closes: datetime) -> bool:
    in_turn = blocking.every > 0 and number % blocking.every == 0
    return in_turn or at.ends_at > closes - timedelta(minutes=blocking.last_minutes)


def _held_back(rule: HeldBack, sessions: Sequence[int], bookable: Sequence[int]) -> list[int]:
    held: list[int] = []
    for _, group in groupby(zip(sessions, bookable, strict=True), lambda pair: pair[0]):
        places = [women for _, women in group]
        held += _spread(rule.of(sum(places)), places)
    return held


def _spread(count: int, places: Sequence[int]) -> list[int]:
    """`count` of the places, taken from them as evenly as can be; after any of them the exact share, rounded down."""
    total, seen, parts = max(1, sum(places)), 0, []
    for each in places:
        parts.append((seen + each) * count // total - seen * count // total)
        seen += each
    return parts


def _dealt(
    quotas: Mapping[BookingChannel, int], left: Sequence[int]
) -> Iterator[tuple[tuple[BookingChannel, int], ...]]:
    """For each slot how many of the places left in it belong to one channel."""
    channels = sorted(quotas)
    weights = (*(quotas[each] for each in channels), 100 - sum(quotas.values()))
    turns = iter(_turns(sum(left), weights) if any(quotas.values()) else ())
    for places in left:
        own = list(islice(turns, places))
        counts = ((channel, own.count(index)) for index, channel in enumerate(channels))
        yield tuple((channel, count) for channel, count in counts if count)


@lru_cache(maxsize=256)
def _turns(count: int, weights: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(deal(count, weights))


def _overbooked(slots: list[PlannedSlot], overbooking: Overbooking | None) -> list[PlannedSlot]:
    """The slots of a stop or day with the women that may come above the capacity, spread evenly."""
    if not overbooking:
        return slots
    bookable = [0 if each.blocked else 1 for each in slots]
    extra = _spread(min(overbooking.places, sum(bookable)), bookable)
    return [replace(slot, extra=more) for slot, more in zip(slots, extra, strict=True)]


def _applied(
    template: Template,
    slots: Iterable[PlannedSlot],
    idle: Iterable[IdleDay],
    schedule_of: ScheduleOf,
    days: tuple[date, date] | None,
) -> Applied:
    first, last = days or (None, None)
    return Applied(
        slots=tuple(replace(each, schedule=schedule_of(each.path, local_day(each.time.starts_at))) for each in slots),
        idle=tuple(idle),
        programmes=frozenset(each.programme for each in template.rooms),
        first=first,
        last=last,
        crew=template.crew,
        overbooking=template.overbooking,
    )
