"""Repair after a breakdown: what becomes of the stops of a unit that is out for some days, with the least disturbance.

Nothing here searches long: each stop that is hit goes to the first of its possible places, the least disturbing first,
where the judge finds nothing wrong. Stops of other units stay as they are; the unit's own stay unless the kind of
repair moves them, or unless without the stops that are hit the way to them is too long.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import asin, cos, radians, sin, sqrt

from mobile_units.planning.check import Violation, check_stops, shares, terms
from mobile_units.planning.problem import (
    Key,
    Limit,
    Matrix,
    Need,
    Objective,
    Period,
    PlannedStop,
    PlanningSite,
    PlanningUnit,
    Problem,
)
from mobile_units.rules.repair import RepairKind

TRIES = 100
"""How many possible places of a stop are put to the judge, the least disturbing first."""


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A unit that is out on some days."""

    unit_id: Key
    days: Period


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of a stop; None if it is lost."""

    stop: PlannedStop
    to: PlannedStop | None

    @property
    def women_lost(self) -> int:
        """Women who were planned and are not reached any more."""
        return max(0, self.stop.women - (self.to.women if self.to else 0))


@dataclass(frozen=True, slots=True)
class LimitChange:
    """How many women more, or fewer, are settled under a limit of the contract."""

    limit: Limit
    women: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One way to go on: what moves, and what it costs in kilometres.

    `stops` are all that there are then. Stops that are named in no move stay as they are.
    """

    kind: RepairKind
    moves: tuple[Move, ...]
    stops: tuple[PlannedStop, ...]
    km: float
    km_crews: float
    limits: tuple[LimitChange, ...]

    @property
    def women_hit(self) -> int:
        """Women planned at the stops that do not stay as they are."""
        return sum(move.stop.women for move in self.moves)

    @property
    def women_lost(self) -> int:
        """Women who were planned and are not reached any more."""
        return sum(move.women_lost for move in self.moves)


def repairs(problem: Problem, breakdown: Breakdown) -> list[Repair]:
    """The different ways to go on after a breakdown, in the order of `RepairKind`; none if no stop is hit.

    The fixed stops of the problem are those that are carried out. None of the repairs breaks a rule that was kept
    before.
    """
    hit = hit_stops(problem, breakdown)
    if not hit:
        return []
    start = _Board(problem, without(problem, breakdown), hit)
    found = [repair for kind in RepairKind for repair in _of_kind(kind, start)]
    return list(_distinct(found))


def hit_stops(problem: Problem, breakdown: Breakdown) -> list[PlannedStop]:
    """The fixed stops that the unit cannot carry out as they are, in order of time."""
    own = (stop for stop in problem.fixed if stop.unit_id == breakdown.unit_id)
    return sorted((stop for stop in own if any(day in breakdown.days for day in stop.days)), key=_by_time)


def without(problem: Problem, breakdown: Breakdown) -> Problem:
    """The problem in which the unit is not available, and nothing is fixed."""
    units = tuple(
        replace(unit, unavailable=(*unit.unavailable, breakdown.days)) if unit.id == breakdown.unit_id else unit
        for unit in problem.units
    )
    return replace(problem, units=units, fixed=())


def _of_kind(kind: RepairKind, start: "_Board") -> Iterator[Repair]:
    """The repair of a kind, unless it would break a rule."""
    board = start.copy()
    if kind is RepairKind.SHIFT:
        _shift(board)
    else:
        _withdraw(board, _PLACES[kind])
    if _mend(start, board):
        moves = sorted((Move(stop, to) for stop, to in board.moves.items()), key=lambda move: _by_time(move.stop))
        yield _costed(kind, start, board, tuple(moves))


def _distinct(found: Iterable[Repair]) -> Iterator[Repair]:
    seen = set()
    for repair in found:
        key = frozenset(repair.stops)
        if key not in seen:
            seen.add(key)
            yield repair


def _by_time(stop: PlannedStop) -> tuple[date, str]:
    return stop.days[0], str(stop.unit_id)


# what stands where


class _Board:
    """The stops as they are moved, and what the judge says of a place for another one."""

    def __init__(self, before: Problem, after: Problem, hit: Sequence[PlannedStop]) -> None:
        self.before, self.after = before, after
        self.hit = hit
        self.moves: dict[PlannedStop, PlannedStop | None] = {}
        self.units = {unit.id: unit for unit in after.units}
        self.sites = {site.id: site for site in after.sites}
        self.stops: dict[Key, list[PlannedStop]] = {unit.id: [] for unit in after.units}
        self._at: defaultdict[Key, set[Key]] = defaultdict(set)
        self.used = [0] * len(after.limits)
        for stop in before.fixed:
            self.add(stop)

    def copy(self) -> "_Board":
        """The same, to be moved on its own."""
        other = copy(self)
        other.moves = dict(self.moves)
        other.stops = {unit: list(stops) for unit, stops in self.stops.items()}
        other._at = defaultdict(set, {site: set(units) for site, units in self._at.items()})  # noqa: SLF001 -- its own
        other.used = list(self.used)
        return other

    def all(self) -> tuple[PlannedStop, ...]:
        """Every stop, unit by unit in order of time."""
        return tuple(stop for stops in self.stops.values() for stop in sorted(stops, key=_by_time))

    def add(self, stop: PlannedStop) -> None:
        self.stops[stop.unit_id].append(stop)
        self._at[stop.site_id].add(stop.unit_id)
        self._count(stop, 1)

    def take(self, stop: PlannedStop) -> None:
        self.stops[stop.unit_id].remove(stop)
        self._at[stop.site_id] = {unit for unit, stops in self.stops.items() if self._stands(stops, stop.site_id)}
        self._count(stop, -1)

    @staticmethod
    def _stands(stops: Iterable[PlannedStop], site_id: Key) -> bool:
        return any(stop.site_id == site_id for stop in stops)

    def _count(self, stop: PlannedStop, sign: int) -> None:
        for number, women in enumerate(self._limited(stop)):
            self.used[number] += sign * women

    def _limited(self, stop: PlannedStop) -> list[int]:
        """Women of a stop who count for each limit."""
        parts = self.parts(stop)
        return [
            parts.get(limit.programme, 0) if stop.unit_id in limit.unit_ids and stop.days[0] in limit.period else 0
            for limit in self.after.limits
        ]

    def parts(self, stop: PlannedStop) -> dict[Need, int]:
        """Women of a stop by what they are due for."""
        unit, site = self.units[stop.unit_id], self.sites[stop.site_id]
        return shares(stop.women, site, unit.women_within(site, stop.days))

    def fits(self, stop: PlannedStop) -> bool:
        """Whether the stop breaks no rule that is kept without it."""
        if not self._is_paid_for(stop):
            return False
        near = self._near(stop)
        with_it = self.wrong(self.after, near, [stop])
        return not with_it or not Counter(with_it) - Counter(self.wrong(self.after, near, []))

    def _is_paid_for(self, stop: PlannedStop) -> bool:
        more = zip(self.after.limits, self.used, self._limited(stop), strict=True)
        return all(not women or used + women <= limit.women for limit, used, women in more)

    def _near(self, stop: PlannedStop) -> list[Key]:
        """The units whose stops may not go together with it: its own, and those at the site or an alternative to it."""
        group = self.sites[stop.site_id].group
        places = [key for key, site in self.sites.items() if site.group == group] if group else [stop.site_id]
        units = {stop.unit_id}.union(*(self._at[key] for key in places))
        return [key for key in self.stops if key in units]

    def wrong(self, problem: Problem, units: Sequence[Key], more: Sequence[PlannedStop]) -> list[Violation]:
        """What the judge says of all stops of some units, the limits apart."""
        stops = (*self._of(units), *more)
        return check_stops(_part(problem, units, stops), stops)

    def terms(self, problem: Problem, units: Iterable[Key]) -> Objective:
        """The terms of the stops of some units."""
        stops = self._of(units)
        return terms(_part(problem, units, stops), stops)

    def _of(self, units: Iterable[Key]) -> tuple[PlannedStop, ...]:
        return tuple(stop for key in units for stop in self.stops[key])


def _part(problem: Problem, units: Iterable[Key], stops: Iterable[PlannedStop]) -> Problem:
    """The problem of some units and of the sites of some stops, without limits."""
    kept, visited = set(units), {stop.site_id for stop in stops}
    rows = [number for number, unit in enumerate(problem.units) if unit.id in kept]
    columns = [number for number, site in enumerate(problem.sites) if site.id in visited]
    return replace(
        problem,
        units=tuple(problem.units[number] for number in rows),
        sites=tuple(problem.sites[number] for number in columns),
        fixed=(),
        limits=(),
        matrix=_part_of_matrix(problem.matrix, [*rows, *(len(problem.units) + number for number in columns)]),
    )


def _part_of_matrix(matrix: Matrix | None, places: Sequence[int]) -> Matrix | None:
    if matrix is None:
        return None
    rows = list(places)
    hours = None if matrix.hours is None else matrix.hours[rows][:, rows]
    return Matrix(matrix.kilometres[rows][:, rows], hours)


# where a stop may go

Places = Callable[[_Board, PlannedStop], Iterable[PlannedStop]]


def _nowhere(board: _Board, stop: PlannedStop) -> Iterable[PlannedStop]:  # noqa: ARG001 -- one of `Places`
    return ()


def _later(board: _Board, stop: PlannedStop) -> Iterable[PlannedStop]:
    """Free days of the same unit, the earliest first; work that was begun before the breakdown goes on after it."""
    return _stays(board, stop, board.units[stop.unit_id], stop.days[0])


def _elsewhere(board: _Board, stop: PlannedStop) -> Iterable[PlannedStop]:
    """Free days of other units, the nearest to those of the stop first, then the shortest way there."""
    others = (unit for unit in board.after.units if unit.id != stop.unit_id)
    return _nearest(board, stop, (stay for unit in others for stay in _stays(board, stop, unit, _begins(board))))


def _anywhere(board: _Board, stop: PlannedStop) -> Iterable[PlannedStop]:
    """Free days of any unit, the nearest first."""
    return _nearest(board, stop, [*_later(board, stop), *_elsewhere(board, stop)])


_PLACES: Mapping[RepairKind, Places] = {
    RepairKind.WITHDRAW: _nowhere,
    RepairKind.POSTPONE: _later,
    RepairKind.TAKE_OVER: _elsewhere,
    RepairKind.MIXED: _anywhere,
}


def _begins(board: _Board) -> date:
    """The first day on which work is lost."""
    unit = board.units[board.hit[0].unit_id]
    return min(day for stop in board.hit for day in stop.days if not unit.is_available(day))


def _nearest(board: _Board, stop: PlannedStop, stays: Iterable[PlannedStop]) -> list[PlannedStop]:
    def cost(stay: PlannedStop) -> tuple[int, int, float, str]:
        late = abs((stay.days[0] - stop.days[0]).days)
        return late, -stay.women, _detour(board, stay), str(stay.unit_id)

    return sorted(stays, key=cost)


def _stays(board: _Board, stop: PlannedStop, unit: PlanningUnit, earliest: date) -> Iterator[PlannedStop]:
    """Stays at the site of a stop in free days of a unit, as short as its women allow, in order of time."""
    site, parts = board.sites[stop.site_id], board.parts(stop)
    if not unit.may_serve(site) or not any(women and unit.offers(need) for need, women in parts.items()):
        return
    taken = {day for each in board.stops[unit.id] for day in each.days}
    days = board.after.working_days(unit)
    for start, day in enumerate(days):
        if day >= earliest and day not in taken:
            stay = _stay(unit, site, parts, _run(days[start:], taken, site))
            if stay:
                yield stay


def _run(days: Sequence[date], taken: set[date], site: PlanningSite) -> list[date]:
    """As many of the days as a stay may last, until one is taken or the site is closed."""
    run: list[date] = []
    for day in days[: site.days_max]:
        if day in taken or not _is_open(site, day):
            break
        run.append(day)
    return run


def _is_open(site: PlanningSite, day: date) -> bool:
    within = (site.earliest is None or site.earliest <= day) and (site.latest is None or day <= site.latest)
    return within and day.isoweekday() in site.weekdays and not any(day in period for period in site.blackouts)


def _reached(unit: PlanningUnit, site: PlanningSite, parts: Mapping[Need, int], days: Sequence[date]) -> int:
    """How many of the women, counted by what they are due for, the unit can examine on the days."""
    return sum(min(parts.get(need, 0), women) for need, women in unit.women_within(site, days).items())


def _stay(unit: PlanningUnit, site: PlanningSite, parts: Mapping[Need, int], run: Sequence[date]) -> PlannedStop | None:
    """The shortest stay in a run of days that reaches all women whom the unit can examine, or else the whole run."""
    wanted = sum(women for need, women in parts.items() if unit.offers(need))
    for length in range(site.days_min, len(run) + 1):
        days = tuple(run[:length])
        women = _reached(unit, site, parts, days)
        if women and (women == wanted or length == len(run)):
            return PlannedStop(unit.id, site.id, days, women)
    return None


def _detour(board: _Board, stay: PlannedStop) -> float:
    """Roughly the kilometres that the stay adds to the way of its unit."""
    unit, site = board.units[stay.unit_id], board.sites[stay.site_id]
    stops = sorted(board.stops[unit.id], key=_by_time)
    base = (unit.latitude, unit.longitude)
    before, after = base, base
    for stop in stops:
        place = (board.sites[stop.site_id].latitude, board.sites[stop.site_id].longitude)
        if stop.days[0] < stay.days[0]:
            before = place
        else:
            after = place
            break
    here = (site.latitude, site.longitude)
    return _rough_km(before, here) + _rough_km(here, after) - _rough_km(before, after)


def _rough_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """On a sphere: enough to compare ways, and much faster than the ellipsoid."""
    north, south = radians(one[0]), radians(other[0])
    half = sin((south - north) / 2) ** 2 + cos(north) * cos(south) * sin(radians(other[1] - one[1]) / 2) ** 2
    return 2 * 6371 * asin(sqrt(half))


# the kinds of repair


def _withdraw(board: _Board, places: Places) -> None:
    """Each stop that is hit goes to one of its places, or else loses the days of the breakdown."""
    for stop in board.hit:
        board.take(stop)
    for stop in board.hit:
        _place(board, stop, places)


def _place(board: _Board, stop: PlannedStop, places: Places) -> None:
    """Puts a stop where it reaches most of its women; of places that reach all, the first."""
    rest = _rest(board, stop)
    best = rest if rest is not None and board.fits(rest) else None
    for tries, stay in enumerate(places(board, stop)):
        if tries == TRIES or (best is not None and best.women >= stop.women):
            break
        if (best is None or stay.women > best.women) and board.fits(stay):
            best = stay
    board.moves[stop] = best
    if best is not None:
        board.add(best)


def _rest(board: _Board, stop: PlannedStop) -> PlannedStop | None:
    """What is left of a stop without the days on which its unit is out."""
    unit, site, parts = board.units[stop.unit_id], board.sites[stop.site_id], board.parts(stop)
    days = tuple(day for day in stop.days if unit.is_available(day))
    if len(days) < site.days_min:
        return None
    return PlannedStop(unit.id, site.id, days, _reached(unit, site, parts, days))


def _shift(board: _Board) -> None:
    """The stops of the unit from the first that is hit on keep their order, each as early as it can be."""
    first = board.hit[0]
    following = sorted((stop for stop in board.stops[first.unit_id] if stop.days[0] >= first.days[0]), key=_by_time)
    for stop in following:
        board.take(stop)
    free_from = first.days[0]
    for stop in following:
        stays = stop not in board.hit and stop.days[0] >= free_from and board.fits(stop)
        moved = stop if stays else _first_that_fits(board, stop, max(free_from, stop.days[0]))
        if moved is not None:
            board.add(moved)
            free_from = moved.days[-1] + timedelta(days=1)
        if moved != stop:
            board.moves[stop] = moved


def _first_that_fits(board: _Board, stop: PlannedStop, earliest: date) -> PlannedStop | None:
    stays = _stays(board, stop, board.units[stop.unit_id], earliest)
    return next((stay for tries, stay in enumerate(stays) if tries < TRIES and board.fits(stay)), None)


def _mend(start: _Board, board: _Board) -> bool:
    """Drops stops of the unit to which the way is too long now; tells whether nothing is wrong that was not before."""
    units = _concerned(board)
    known = Counter(start.wrong(board.before, units, []))
    for _ in range(len(board.stops[board.hit[0].unit_id]) + 1):
        found = list((Counter(board.wrong(board.after, units, [])) - known).elements())
        if not found:
            return True
        if not _drop(board, found):
            return False
    return False


def _concerned(board: _Board) -> list[Key]:
    units = {board.hit[0].unit_id} | {to.unit_id for to in board.moves.values() if to is not None}
    return [key for key in board.stops if key in units]


def _drop(board: _Board, found: Sequence[Violation]) -> bool:
    """Drops the first stop of the unit from the breakdown on, rather one that a violation names."""
    own = sorted(board.stops[board.hit[0].unit_id], key=_by_time)
    later = [stop for stop in own if stop.days[-1] >= board.hit[0].days[0]]
    named = {violation.site_id for violation in found}
    dropped = next((stop for stop in later if stop.site_id in named), later[0] if later else None)
    if dropped is None:
        return False
    board.take(dropped)
    origin = next((stop for stop, to in board.moves.items() if to == dropped), dropped)
    board.moves[origin] = None
    return True


def _costed(kind: RepairKind, start: _Board, board: _Board, moves: tuple[Move, ...]) -> Repair:
    changed = {stop.unit_id for move in moves for stop in (move.stop, move.to) if stop}
    units = [key for key in board.stops if key in changed]
    old, new = start.terms(start.before, units), board.terms(board.after, units)
    return Repair(
        kind=kind,
        moves=moves,
        stops=board.all(),
        km=new.km - old.km,
        km_crews=new.km_crews - old.km_crews,
        limits=tuple(
            LimitChange(limit, women - before)
            for limit, before, women in zip(board.after.limits, start.used, board.used, strict=True)
            if women != before
        ),
    )
