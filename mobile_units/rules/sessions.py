"""Mixed sessions: what can be held at once where several paths share rooms and staff, decided exactly.

With fixed starts, rooms and crew are two separate questions, because any suitable person can work in any suitable room.
Each is a colouring of intervals in which not every colour suits every interval. Giving each examination the most
specialised resource that is free is wrong (`test_sessions` shows where), so all ways are followed at once, from start
to start. Resources that serve the same paths are alike, and a way is no more than which kind is busy until when, so
the ways stay few; `Session` refuses crews so varied that they would not.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from itertools import chain, combinations, islice, product
from math import comb, prod

from mobile_units.errors import DomainError
from mobile_units.rules.calendar import local_day, local_instant
from mobile_units.rules.programmes import Path
from mobile_units.rules.slots import Interval
from mobile_units.rules.stops import covers, without

MOST_WAYS = 1_000
"""In how many ways the rooms, or the persons, of a session may be busy at one instant, alike ones not told apart.

No six or seven resources exceed it (180 and 630 at the most), nor do twelve of three kinds, four of each (325).
"""

FEW_WAYS = 12
"""How many ways are followed first: where all can be held, they nearly always show it."""

WIDTHS = (1, 8, 64)
"""How many ways to fill a session `capacity` follows at once, one width after the other while no answer is proven."""

_Ways = Mapping[bytes, tuple[bytes, int]]
"""Each way in which kinds are busy (one byte for each examination under way, in order of their ends), with the way
before and the kind that was taken last."""

_Layer = tuple[_Ways, list[datetime]]
"""Ways, and the ends of the examinations that are under way."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A room or a person, and the paths it is suitable for."""

    name: str
    serves: frozenset[Path]


@dataclass(frozen=True, slots=True)
class Examination:
    """An examination of a path at a fixed time."""

    path: Path
    time: Interval


@dataclass(frozen=True, slots=True)
class Session:
    """A working time without its `breaks`, in which paths of `minutes` each share `rooms` and `crew`.

    A break outside the hours shuts nothing.

    Raises:
        DomainError: `hours_past_midnight`, the hours end later than the Polish day on which they start;
            `session_too_varied`, the rooms or the persons can be busy in more than `MOST_WAYS` ways.
        ValueError: two rooms or two persons have one name, or an examination takes no time.
    """

    hours: Interval
    minutes: Mapping[Path, int]
    rooms: tuple[Resource, ...]
    crew: tuple[Resource, ...]
    breaks: tuple[Interval, ...] = ()

    def __post_init__(self) -> None:
        if self.hours.ends_at > local_instant(local_day(self.hours.starts_at) + timedelta(days=1), time()):
            raise DomainError("hours_past_midnight", day=local_day(self.hours.starts_at).isoformat())
        if min(self.minutes.values(), default=1) < 1:
            raise ValueError("an examination lasts at least a minute")
        for resources in (self.rooms, self.crew):
            if len({each.name for each in resources}) < len(resources):
                raise ValueError("a name is given twice")
            if _most_ways(_Kinds.of(resources, self.minutes)) > MOST_WAYS:
                raise DomainError("session_too_varied", count=len(resources))

    @property
    def open_times(self) -> list[Interval]:
        """The hours without the breaks, in order."""
        return without([self.hours], self.breaks)

    def examination(self, path: Path, starts_at: datetime) -> Examination:
        """An examination as long as the path takes here; KeyError for a path that is not held."""
        if starts_at.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        start = starts_at.astimezone(UTC)
        return Examination(path, Interval(start, start + timedelta(minutes=self.minutes[path])))

    def allows(self, examination: Examination) -> bool:
        """Whether its path is held, and it lies in the hours and outside the breaks."""
        return examination.path in self.minutes and any(covers(each, examination.time) for each in self.open_times)


@dataclass(frozen=True, slots=True)
class Held:
    """An examination, and the room and the person that it occupies."""

    examination: Examination
    room: str
    person: str


@dataclass(frozen=True, slots=True)
class Rota:
    """Who examines where: the proof that all of it can be held. It binds nobody; the next one may differ."""

    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class Capacity:
    """As many examinations as were placed, how, and how many cannot be exceeded."""

    rota: Rota
    at_most: int

    @property
    def count(self) -> int:
        """How many were placed."""
        return len(self.rota.held)

    @property
    def exact(self) -> bool:
        """Whether it is proven that no more can be placed."""
        return self.count == self.at_most


def fits(session: Session, examinations: Sequence[Examination]) -> Rota | None:
    """Who examines where, in the order given, if all examinations can be held; None if they cannot. Exact."""
    if not all(map(session.allows, examinations)):
        return None
    rooms = _Sweep.of(session.rooms, examinations).names()
    crew = _Sweep.of(session.crew, examinations).names() if rooms is not None else None
    if rooms is None or crew is None:
        return None
    return Rota(tuple(Held(*each) for each in zip(examinations, rooms, crew, strict=True)))


def one_more(session: Session, booked: Sequence[Examination], path: Path, starts_at: datetime) -> bool:
    """Whether one more examination can start at an instant. Exact.

    The booked ones keep their times, but not the room or the person. No where they do not fit by themselves.
    """
    if path not in session.minutes:
        return False
    every = [*booked, session.examination(path, starts_at)]
    sweeps = (_Sweep.of(each, every) for each in (session.rooms, session.crew))
    return all(map(session.allows, every)) and all(sweep.possible for sweep in sweeps)


def open_starts(session: Session, booked: Sequence[Examination], path: Path, grid_minutes: int) -> list[datetime]:
    """The instants at which one more examination can start (each for itself), in order. Exact.

    Instants are `grid_minutes` apart, counted from the opening and anew from the end of each break. ValueError for a
    grid of less than a minute.
    """
    _require_grid(grid_minutes)
    if path not in session.minutes:
        return []
    question = _Question(session, booked)
    asked = (session.examination(path, start) for start in _starts(session, grid_minutes))
    return [each.time.starts_at for each in asked if question.admits(each)]


def which_fit(
    session: Session, booked: Sequence[Examination], asked: Iterable[tuple[Path, datetime]]
) -> Iterator[bool]:
    """For each path and start asked, whether one more examination (each for itself) can be held. Exact."""
    question = _Question(session, booked)
    for path, starts_at in asked:
        yield path in session.minutes and question.admits(session.examination(path, starts_at))


def capacity(session: Session, mix: Mapping[Path, int], grid_minutes: int) -> Capacity:
    """How many examinations of a mix can be placed in an empty session, starts being free on the grid of `open_starts`.

    The rota is a proof that as many can be held, `at_most` is proven too: by the time that rooms and crew have for
    each set of paths, or by having tried everything. The count is exact where they meet, which `Capacity.exact` tells.
    They may part where the time is nearly used up and lengths, rooms and crew differ at once.
    """
    _require_grid(grid_minutes)
    wanted = {path: count for path, count in mix.items() if count > 0 and path in session.minutes}
    target = _bound(session, wanted, grid_minutes)
    goals = [target] if target == wanted else [target, wanted]
    best, at_most = Rota(()), sum(target.values())
    for width, goal in product(WIDTHS, goals):
        filled = _Filling(session, goal, grid_minutes, width).run()
        best = max(best, filled.rota, key=lambda rota: len(rota.held))
        if filled.complete and goal == wanted:
            at_most = len(filled.rota.held)
        if len(best.held) == at_most:
            break
    return Capacity(best, at_most)


@dataclass(frozen=True, slots=True)
class _Kinds:
    """Resources by kind: those that serve the same of the asked paths are alike."""

    names: tuple[tuple[str, ...], ...]
    suits: Mapping[Path, tuple[int, ...]]

    @classmethod
    def of(cls, resources: Iterable[Resource], paths: Iterable[Path]) -> "_Kinds":
        """The kinds as far as the paths tell them apart; the most specialised first."""
        asked = frozenset(paths)
        members: dict[frozenset[Path], list[str]] = {}
        for each in resources:
            if each.serves & asked:
                members.setdefault(each.serves & asked, []).append(each.name)
        kinds = sorted(members, key=lambda kind: (len(kind), sorted(kind)))
        suits = {path: tuple(number for number, kind in enumerate(kinds) if path in kind) for path in asked}
        return cls(tuple(tuple(members[kind]) for kind in kinds), suits)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many there are of each kind."""
        return tuple(map(len, self.names))


def _most_ways(kinds: _Kinds) -> int:
    """In how many ways kinds can be busy at an instant, at the most, whatever is examined."""
    groups = sorted({suits for suits in kinds.suits.values() if suits})
    ways = {(0,) * len(groups): 1}
    for number, count in enumerate(kinds.counts):
        ranges = [range(count + 1) if number in suits else range(1) for suits in groups]
        added = [each for each in product(*ranges) if sum(each) <= count]
        grown: dict[tuple[int, ...], int] = {}
        for (before, times), more in product(ways.items(), added):
            after = tuple(map(sum, zip(before, more, strict=True)))
            grown[after] = grown.get(after, 0) + times * prod(map(comb, after, more))
        ways = grown
    return max(ways.values())


@dataclass(frozen=True, slots=True)
class _Turn:
    """An examination's turn: how many of the busy are free again when it starts, and all ends once it has started.

    Of the others that are busy then, those from `first` to `last` end with it.
    """

    path: Path
    over: int
    first: int
    last: int
    ends: list[datetime]

    @classmethod
    def of(cls, ends: list[datetime], examination: Examination) -> "_Turn":
        """The turn of an examination after others that end at `ends`."""
        over, end = bisect_right(ends, examination.time.starts_at), examination.time.ends_at
        left = ends[over:]
        first, last = bisect_left(left, end), bisect_right(left, end)
        return cls(examination.path, over, first, last, [*left[:first], end, *left[first:]])


@dataclass(frozen=True)
class _Sweep:
    """All ways to give one kind of resource (rooms, or persons) to examinations in order of their starts."""

    kinds: _Kinds
    order: tuple[int, ...]
    examinations: tuple[Examination, ...]
    known: dict[tuple[Path, int, int], dict[bytes, list[tuple[bytes, int]]]] = field(default_factory=dict)

    @classmethod
    def of(cls, resources: Iterable[Resource], examinations: Sequence[Examination], *more: Path) -> "_Sweep":
        """The sweep over examinations, of whose paths and `more` the resources are asked."""
        order = sorted(range(len(examinations)), key=lambda i: (examinations[i].time.starts_at, examinations[i].path))
        kinds = _Kinds.of(resources, chain((each.path for each in examinations), more))
        return cls(kinds, tuple(order), tuple(examinations[i] for i in order))

    @cached_property
    def starts(self) -> list[datetime]:
        """The starts, in order."""
        return [each.time.starts_at for each in self.examinations]

    @cached_property
    def layers(self) -> list[_Layer]:
        """The ways after none, one, two … examinations were given a resource, and until when those are busy."""
        return self._follow(None)

    @cached_property
    def way_through(self) -> list[_Layer] | None:
        """Layers that show a way to hold all, if there is one; all ways are followed only if the first few fail."""
        return next((found for width in (FEW_WAYS, None) if (found := self._follow(width))[-1][0]), None)

    def _follow(self, width: int | None) -> list[_Layer]:
        layers: list[_Layer] = [({b"": (b"", 0)}, [])]
        for each in self.examinations:
            ways, ends = layers[-1]
            layers.append(self.place(islice(ways, width), ends, each))
        return layers

    @cached_property
    def good(self) -> list[set[bytes]]:
        """Before each examination, and after the last: the ways from which all that follow can still be held."""
        ways, ends = self.layers[-1]
        good = [{way[len(ends) :] for way in ways}]
        for number in reversed(range(len(self.examinations))):
            good.append(self._leading_to(good[-1], number))
        return good[::-1]

    def _leading_to(self, good: set[bytes], number: int) -> set[bytes]:
        ways, ends = self.layers[number]
        turn = _Turn.of(ends, self.examinations[number])
        over = self.over(turn.ends, number + 1)
        present = {way[turn.over :] for way in ways}
        return {busy for busy in present if any(after[over:] in good for after, _ in self._after(busy, turn))}

    def over(self, ends: list[datetime], number: int) -> int:
        """How many of the ends have passed when an examination starts; all after the last one."""
        return bisect_right(ends, self.starts[number]) if number < len(self.starts) else len(ends)

    def place(
        self, ways: Iterable[bytes], ends: list[datetime], examination: Examination
    ) -> tuple[_Ways, list[datetime]]:
        """The ways after one more examination was given a resource that is free at its start."""
        turn = _Turn.of(ends, examination)
        present = {way[turn.over :]: way for way in ways}
        after = {new: (way, kind) for busy, way in present.items() for new, kind in self._after(busy, turn)}
        return after, turn.ends

    def _after(self, busy: bytes, turn: _Turn) -> list[tuple[bytes, int]]:
        """What is busy after an examination, and the kind it has taken, for each kind that is free and suits it."""
        known = self.known.setdefault((turn.path, turn.first, turn.last), {})
        if busy not in known:
            before, alike, later = busy[: turn.first], busy[turn.first : turn.last], busy[turn.last :]
            free = (kind for kind in self.kinds.suits[turn.path] if busy.count(kind) < self.kinds.counts[kind])
            known[busy] = [(before + bytes(sorted((*alike, kind))) + later, kind) for kind in free]
        return known[busy]

    @property
    def possible(self) -> bool:
        """Whether all can be held."""
        return self.way_through is not None

    def names(self) -> list[str] | None:
        """A resource for each examination, in the order in which they were given; None if there is no way."""
        if self.way_through is None:
            return None
        busy_until = [dict.fromkeys(names, datetime.min.replace(tzinfo=UTC)) for names in self.kinds.names]
        names = [""] * len(self.order)
        for index, kind, examination in zip(self.order, _kinds_taken(self.way_through), self.examinations, strict=True):
            until = busy_until[kind]
            name = next(name for name, end in until.items() if end <= examination.time.starts_at)
            until[name] = examination.time.ends_at
            names[index] = name
        return names

    def admits(self, more: Examination) -> bool:
        """Whether one more could be held.

        All that was possible before it began is followed until it is over; then nothing of it is left but a way in
        which the others are held, and whether the rest fits is known.
        """
        return any(self._admits(more, width) for width in (FEW_WAYS, None))

    def _admits(self, more: Examination, width: int | None) -> bool:
        number = bisect_left(self.starts, more.time.starts_at)
        ways, ends = self.layers[number]
        ways, ends = self.place(islice(ways, width), ends, more)
        while number < len(self.starts) and self.starts[number] < more.time.ends_at:
            ways, ends = self.place(ways, ends, self.examinations[number])
            number += 1
        over = self.over(ends, number)
        return any(way[over:] in self.good[number] for way in ways)


def _kinds_taken(layers: Sequence[_Layer]) -> list[int]:
    """The kind given to each examination on one of the ways that came through."""
    way = next(iter(layers[-1][0]))
    taken = []
    for ways, _ in layers[:0:-1]:
        way, kind = ways[way]
        taken.append(kind)
    return taken[::-1]


class _Question:
    """Whether one more can be held beside those booked, for as many as are asked."""

    def __init__(self, session: Session, booked: Sequence[Examination]) -> None:
        self.session = session
        self.sound = all(map(session.allows, booked))
        self.sweeps = [_Sweep.of(each, booked, *session.minutes) for each in (session.rooms, session.crew)]

    def admits(self, more: Examination) -> bool:
        """Whether there is an open time, a room and a person for it."""
        return self.sound and self.session.allows(more) and all(sweep.admits(more) for sweep in self.sweeps)


def _require_grid(minutes: int) -> None:
    if minutes < 1:
        raise ValueError("a grid is at least a minute wide")


def _starts(session: Session, grid_minutes: int) -> Iterator[datetime]:
    """The instants of the grid that lie in the open times."""
    step = timedelta(minutes=grid_minutes)
    for each in session.open_times:
        count = -((each.starts_at - each.ends_at) // step)
        yield from (each.starts_at + number * step for number in range(count))


@dataclass(frozen=True, slots=True)
class _Filled:
    """The fullest way that was found to fill a session, and whether all ways were looked at."""

    rota: Rota
    complete: bool


_Busy = tuple[tuple[datetime, int], ...]
"""Until when resources are busy, and their kinds, in order."""


@dataclass(frozen=True, slots=True)
class _Way:
    """A session filled so far: how many of each path, which rooms and persons are busy, and what was placed."""

    counts: tuple[int, ...]
    rooms: _Busy = ()
    crew: _Busy = ()
    placed: tuple[Examination, ...] = field(default=(), compare=False)


class _Filling:
    """Fills a session from start to start, following `width` ways at once: those with the most work done."""

    def __init__(self, session: Session, goal: Mapping[Path, int], grid_minutes: int, width: int) -> None:
        self.session, self.width, self.grid_minutes = session, width, grid_minutes
        self.paths = sorted(goal, key=lambda path: (-session.minutes[path], path))
        self.goal = tuple(goal[path] for path in self.paths)
        self.rooms, self.crew = (_Kinds.of(each, self.paths) for each in (session.rooms, session.crew))
        self.complete = True

    def run(self) -> _Filled:
        """The fullest way, with its rota."""
        ways = [_Way((0,) * len(self.paths))]
        for start in _starts(self.session, self.grid_minutes):
            ways = self._best(self._after(ways, start), start)
            if any(way.counts == self.goal for way in ways):
                break
        placed = max(ways, key=lambda way: sum(way.counts)).placed
        rota = fits(self.session, placed)
        if rota is None:
            raise AssertionError("what was placed start by start can be held")
        return _Filled(rota, self.complete)

    def _after(self, ways: Iterable[_Way], start: datetime) -> list[_Way]:
        """All ways to begin examinations at an instant, none included, each once."""
        every = dict.fromkeys(self._freed(way, start) for way in ways)
        for number, path in enumerate(self.paths):
            examination = self.session.examination(path, start)
            newest = every if self.session.allows(examination) else {}
            while newest:
                newest = dict.fromkeys(more for way in newest for more in self._with(way, number, examination))
                every = every | newest
        return list(every)

    def _freed(self, way: _Way, start: datetime) -> _Way:
        rooms, crew = (tuple(each for each in busy if each[0] > start) for busy in (way.rooms, way.crew))
        return _Way(way.counts, rooms, crew, way.placed)

    def _with(self, way: _Way, number: int, examination: Examination) -> Iterator[_Way]:
        if way.counts[number] == self.goal[number]:
            return
        counts = tuple(count + (each == number) for each, count in enumerate(way.counts))
        rooms = _taken(self.rooms, way.rooms, examination)
        crew = _taken(self.crew, way.crew, examination)
        for one, other in product(rooms, crew):
            yield _Way(counts, one, other, (*way.placed, examination))

    def _best(self, ways: list[_Way], now: datetime) -> list[_Way]:
        if len(ways) <= self.width:
            return ways
        self.complete = False
        return sorted(ways, key=lambda way: self._promise(way, now))[: self.width]

    def _promise(self, way: _Way, now: datetime) -> tuple[object, ...]:
        """Most work done and most under way first; then what keeps the specialised busy and is free early."""
        begun = sum(count * self.session.minutes[path] for count, path in zip(way.counts, self.paths, strict=True))
        left = sum((end - now for end, _ in way.crew), timedelta()) // timedelta(minutes=1)
        kinds = sum(kind for _, kind in chain(way.rooms, way.crew))
        return left - begun, -len(way.crew), kinds, way.counts, way.rooms, way.crew


def _taken(kinds: _Kinds, busy: _Busy, examination: Examination) -> list[_Busy]:
    """What is busy once an examination has taken a free resource of each kind that suits it."""
    taken = [kind for _, kind in busy]
    free = (kind for kind in kinds.suits[examination.path] if taken.count(kind) < kinds.counts[kind])
    return [tuple(sorted((*busy, (examination.time.ends_at, kind)))) for kind in free]


def _bound(session: Session, wanted: Mapping[Path, int], grid_minutes: int) -> dict[Path, int]:
    """The most of the wanted that the time of rooms and crew could hold, each set of paths looked at by itself.

    An examination takes its length rounded up to the grid, as the next can start no earlier; only the last one before
    a closing may overhang. So each set of paths has a sum of rounded lengths that one resource cannot exceed.
    """
    paths = tuple(wanted)
    sets = [each for size in range(1, len(paths) + 1) for each in combinations(range(len(paths)), size)]
    lengths = [-(-session.minutes[path] // grid_minutes) for path in paths]
    room = [(each, _units(session, [paths[i] for i in each], grid_minutes)) for each in sets]
    mixes: list[tuple[int, ...]] = [()]
    for number, path in enumerate(paths):
        here = [(each[:-1], units) for each, units in room if each[-1] == number]
        mixes = [
            (*mix, more)
            for mix in mixes
            for most in [min(units - sum(mix[i] * lengths[i] for i in each) for each, units in here)]
            for more in range(min(wanted[path], most // lengths[number]) + 1)
        ]
    return dict(zip(paths, max(mixes, key=sum), strict=True))


def _units(session: Session, paths: Sequence[Path], grid_minutes: int) -> int:
    """How many steps of the grid examinations of some paths can take at the most, in all suitable rooms and by all."""
    hands = min(sum(not each.serves.isdisjoint(paths) for each in means) for means in (session.rooms, session.crew))
    return hands * sum(_longest(session, paths, each, grid_minutes) for each in session.open_times)


def _longest(session: Session, paths: Sequence[Path], open_time: Interval, grid_minutes: int) -> int:
    """The largest sum of lengths, in steps of the grid, that one resource can do one after another."""
    steps = {path: -(-session.minutes[path] // grid_minutes) for path in paths}
    free = open_time.ends_at - open_time.starts_at
    last = {
        path: (free - timedelta(minutes=session.minutes[path])) // timedelta(minutes=grid_minutes) for path in paths
    }
    sums = {0}
    for total in range(max(0, *last.values()) + 1):
        if total in sums:
            sums.update(total + each for each in steps.values())
    reached = (total + steps[path] for path in paths for total in sums if total <= last[path])
    return max(reached, default=0)
