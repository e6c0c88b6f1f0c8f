"""The bulk move: other places for women whose unit broke down or whose stop was lost, best for all of them at once.

First as many women as possible get a place; then as many of the urgent ones as possible, which costs no other woman
her place (whom a set of places can serve is a matroid, in which the heaviest basis is also a largest set); then the
sum of the costs is the least there is. It is a flow of least cost: from women to groups of places that are alike, and
from there out, at whole numbers (thousandths of a kilometre), so nothing is rounded on the way. The same input in any
order has the same answer.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from operator import eq, ge, le
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from mobile_units.planning.problem import Key
from mobile_units.planning.violations import Words
from mobile_units.rules.calendar import local_day
from mobile_units.rules.programmes import Path
from mobile_units.rules.wishes import NOON, Wish, as_before, local_time

Coordinates = tuple[float, float]
"""Latitude and longitude in degrees."""

EARTH_RADIUS_KM = 6371.0
PARTS_OF_A_KM = 1000
"""Costs are whole thousandths, about a metre."""
HEAVIEST = 1000.0
"""The greatest weight, so that sums of costs stay far within 64 bits."""

REASONS: Mapping[str, Words] = {
    "no_place_of_path": Words(
        "w wybranych postojach nie ma terminów na to badanie: {path_pl}",
        "the stops chosen offer no times for this examination: {path_en}",
    ),
    "no_place_ahead": Words(
        "wszystkie terminy na to badanie minęły albo są zbyt bliskie",
        "all times for this examination are past or too soon",
    ),
    "needs_not_met": Words(
        "żaden z terminów na to badanie nie spełnia jej potrzeb",
        "no time for this examination meets her needs",
    ),
    "after_deadline": Words(
        "wszystkie odpowiednie terminy wypadają po {latest}, ostatnim dniu, który się dla niej liczy",
        "all suitable times are after {latest}, the last day that counts for her",
    ),
    "before_eligible": Words(
        "wszystkie odpowiednie terminy wypadają przed {not_before}, pierwszym dniem, w którym może być badana",
        "all suitable times are before {not_before}, the first day on which she may be examined",
    ),
    "all_full": Words(
        "odpowiednie terminy są zajęte albo przydzielone innym kobietom (wolnych miejsc: {free})",
        "the suitable times are taken or given to other women (free places: {free})",
    ),
}
"""Why a woman has no place. The rules are asked in this order; the first that leaves nothing is the reason."""

Numbers = NDArray[np.int64]
Kilometres = NDArray[np.float64]
Degrees = NDArray[np.float64]
Answers = NDArray[np.bool_]
Item = TypeVar("Item", "MovingVisit", "FreePlaces")
One = TypeVar("One", bound=Hashable)
Other = TypeVar("Other", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingVisit:
    """A visit that needs another place; its programme follows from its path.

    `comes_from` is where the woman lives, or else the stop where she was to go, which is at `stop_at`. Counted are days
    from `not_before` (from when she may be examined) to `latest` (the last that counts for her), both included, None
    being open. `needs` are words of which a place must offer each. Without a `wish` she is taken to want what she had.
    """

    key: Key
    path: Path
    starts_at: datetime
    stop: Key
    unit: Key
    stop_at: Coordinates
    comes_from: Coordinates
    urgent: bool = False
    not_before: date | None = None
    latest: date | None = None
    needs: frozenset[str] = frozenset()
    wish: Wish | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreePlaces:
    """A slot of another stop, in which `free` more women can be examined; `offers` are words of needs that it meets."""

    key: Key
    path: Path
    starts_at: datetime
    stop: Key
    unit: Key
    stop_at: Coordinates
    free: int
    offers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveWeights:
    """What a change is worth to a woman, in kilometres of straight line; no source, so a provider may set them.

    `day_later` counts for each day, `urgent_day_later` in its place for urgent women. Raises ValueError for a weight
    below zero or above `HEAVIEST`.
    """

    km: float = 1.0
    day_later: float = 2.0
    urgent_day_later: float = 10.0
    day_earlier: float = 1.0
    other_weekday: float = 5.0
    other_time: float = 5.0
    other_unit: float = 3.0

    def __post_init__(self) -> None:
        if not all(0 <= getattr(self, each.name) <= HEAVIEST for each in fields(self)):
            raise ValueError(f"a weight lies between 0 and {HEAVIEST:.0f}")


@dataclass(frozen=True, slots=True)
class Change:
    """What changes for a woman; below zero she comes from nearer (`km_farther`) or on an earlier day (`days_later`)."""

    km_farther: float
    days_later: int
    other_weekday: bool
    other_time: bool
    other_unit: bool
    other_stop: bool


@dataclass(frozen=True, slots=True)
class Assignment:
    """The place of a woman, what changes for her, and the cost of it in weighted kilometres."""

    visit: MovingVisit
    place: FreePlaces
    change: Change
    cost: float


@dataclass(frozen=True, slots=True)
class Unassigned:
    """A woman without a place, and a reason from `REASONS`."""

    visit: MovingVisit
    code: str
    reason_pl: str
    reason_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The whole proposal; kilometres and days are sums, below zero if most come nearer or earlier."""

    women: int
    assigned: int
    km_farther: float
    days_later: int
    same_day: int
    same_stop: int
    same_unit: int
    cost: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """Who goes where, who cannot go anywhere; each in order of the keys of the visits."""

    assigned: tuple[Assignment, ...]
    unassigned: tuple[Unassigned, ...]

    @property
    def totals(self) -> Totals:
        """What it amounts to."""
        changes = [each.change for each in self.assigned]
        return Totals(
            women=len(changes) + len(self.unassigned),
            assigned=len(changes),
            km_farther=round(sum(each.km_farther for each in changes), 3),
            days_later=sum(each.days_later for each in changes),
            same_day=sum(each.days_later == 0 for each in changes),
            same_stop=sum(not each.other_stop for each in changes),
            same_unit=sum(not each.other_unit for each in changes),
            cost=round(sum(each.cost for each in self.assigned), 3),
        )


def assign(
    visits: Iterable[MovingVisit],
    places: Iterable[FreePlaces],
    earliest: datetime,
    weights: MoveWeights | None = None,
) -> Proposal:
    """The best proposal for all women at once; no place that begins before `earliest` is given.

    A visit gets one place at the most, and never one of another path. Two visits of one woman (one in each programme)
    are not kept from falling on the same time.

    Raises ValueError for a key that occurs twice, a number of places below zero and an instant without a zone.
    """
    women, slots = _in_order(visits), _in_order(places)
    _require_sound(women, slots, earliest)
    board = _Board(women, _groups(women, slots, earliest), weights or MoveWeights())
    chosen = _cheapest(board.costs, board.allowed, board.free, np.array([woman.urgent for woman in women]))
    given = _dealt(women, board.groups, chosen)
    assigned = tuple(
        Assignment(woman, given[row], board.change(row, group), int(board.costs[row, group]) / PARTS_OF_A_KM)
        for row, (woman, group) in enumerate(zip(women, chosen, strict=True))
        if group is not None
    )
    left = tuple(board.reason(row) for row, group in enumerate(chosen) if group is None)
    return Proposal(assigned, left)


def straight_km(one: Degrees, other: Degrees) -> Kilometres:
    """Kilometres on a sphere (haversine formula); the last axis of both holds latitude and longitude in degrees."""
    (north, west), (south, east) = np.moveaxis(np.radians(one), -1, 0), np.moveaxis(np.radians(other), -1, 0)
    half = np.sin((south - north) / 2) ** 2 + np.cos(north) * np.cos(south) * np.sin((east - west) / 2) ** 2
    km: Kilometres = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(1.0, half)))
    return km


def _order(key: Key) -> tuple[bool, int, str]:
    return (True, 0, key) if isinstance(key, str) else (False, key, "")


def _in_order(items: Iterable[Item]) -> list[Item]:
    return sorted(items, key=lambda each: _order(each.key))


def _require_sound(women: Sequence[MovingVisit], slots: Sequence[FreePlaces], earliest: datetime) -> None:
    if len({each.key for each in women}) < len(women) or len({each.key for each in slots}) < len(slots):
        raise ValueError("a key occurs twice")
    if any(each.free < 0 for each in slots):
        raise ValueError("there cannot be less than no places")
    instants = [earliest, *(each.starts_at for each in women), *(each.starts_at for each in slots)]
    if any(instant.tzinfo is None for instant in instants):
        raise ValueError("an instant needs a time zone")


# places that are alike


class _Kind(NamedTuple):
    """All that makes a difference to any woman between two places; `hours` is a time between the same wishes."""

    path: Path
    stop: Key
    unit: Key
    stop_at: Coordinates
    offers: frozenset[str]
    day: date
    hours: time
    ahead: bool


class _Group(NamedTuple):
    kind: _Kind
    slots: list[FreePlaces]

    @property
    def free(self) -> int:
        return sum(slot.free for slot in self.slots)


def _groups(women: Sequence[MovingVisit], slots: Sequence[FreePlaces], earliest: datetime) -> list[_Group]:
    """Places that are the same to every woman, each group in order of time."""
    bounds = sorted({time.min, NOON, *_bounds_of_wishes(women)})
    alike: defaultdict[_Kind, list[FreePlaces]] = defaultdict(list)
    for slot in sorted(slots, key=lambda each: (each.starts_at, _order(each.key))):
        hours = bounds[bisect_right(bounds, local_time(slot.starts_at)) - 1]
        day, ahead = local_day(slot.starts_at), slot.starts_at >= earliest
        alike[_Kind(slot.path, slot.stop, slot.unit, slot.stop_at, slot.offers, day, hours, ahead)].append(slot)
    return [_Group(*each) for each in alike.items()]


def _bounds_of_wishes(women: Iterable[MovingVisit]) -> Iterator[time]:
    for wish in (woman.wish for woman in women):
        if wish is not None:
            yield from (bound for bound in (wish.after, wish.before) if bound is not None)


def _dealt(
    women: Sequence[MovingVisit], groups: Sequence[_Group], chosen: Sequence[int | None]
) -> dict[int, FreePlaces]:
    """The slot of each woman (by row) within her group: urgent women first, then as they were to come."""
    rows: defaultdict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(chosen):
        if group is not None:
            rows[group].append(row)
    given: dict[int, FreePlaces] = {}
    for group, members in rows.items():
        members.sort(key=lambda row: (not women[row].urgent, women[row].starts_at, row))
        places = (slot for slot in groups[group].slots for _ in range(slot.free))
        given |= dict(zip(members, places, strict=False))
    return given


# what each group would mean to each woman


class _Board:
    """Women in rows, groups of places in columns: what is allowed, what changes, and what it costs in whole parts."""

    def __init__(self, women: Sequence[MovingVisit], groups: Sequence[_Group], weights: MoveWeights) -> None:
        self.women, self.groups = women, groups
        self.free: Numbers = np.array([group.free for group in groups], dtype=np.int64)
        kinds = [group.kind for group in groups]
        self.rules = _rules(women, kinds)
        self.allowed = np.logical_and.reduce(list(self.rules.values()))
        self.km = _km_farther(women, kinds)
        self.days = _days_later(women, kinds)
        wishes = [woman.wish or as_before(woman.starts_at) for woman in women]
        self.other_weekday = ~_each(
            [wish.weekdays for wish in wishes], [kind.day.isoweekday() for kind in kinds], lambda days, day: day in days
        )
        self.other_time = ~_each(wishes, [kind.hours for kind in kinds], Wish.includes)
        self.other_unit = ~_each([woman.unit for woman in women], [kind.unit for kind in kinds], eq)
        self.costs = self._costs(weights)

    def _costs(self, weights: MoveWeights) -> Numbers:
        later = np.array([weights.urgent_day_later if woman.urgent else weights.day_later for woman in self.women])
        cost = weights.km * self.km
        cost += np.where(self.days > 0, later[:, None], -weights.day_earlier) * self.days
        cost += weights.other_weekday * self.other_weekday
        cost += weights.other_time * self.other_time
        cost += weights.other_unit * self.other_unit
        return np.rint(cost * PARTS_OF_A_KM).astype(np.int64)

    def change(self, row: int, column: int) -> Change:
        """What changes for a woman in a group."""
        at = row, column
        return Change(
            km_farther=round(float(self.km[at]), 3),
            days_later=int(self.days[at]),
            other_weekday=bool(self.other_weekday[at]),
            other_time=bool(self.other_time[at]),
            other_unit=bool(self.other_unit[at]),
            other_stop=self.groups[column].kind.stop != self.women[row].stop,
        )

    def reason(self, row: int) -> Unassigned:
        """Why a woman is left without a place."""
        woman, left = self.women[row], np.ones(len(self.groups), dtype=np.bool_)
        code = "all_full"
        for rule, answers in self.rules.items():
            left = left & answers[row]
            if not left.any():
                code = rule
                break
        facts = {
            "path_pl": woman.path.name_pl,
            "path_en": woman.path.name_en,
            "latest": woman.latest,
            "not_before": woman.not_before,
            "free": int(self.free[left].sum()),
        }
        pl, en = (sentence.format(**facts) for sentence in REASONS[code])
        return Unassigned(woman, code, pl, en)


def _rules(women: Sequence[MovingVisit], kinds: Sequence[_Kind]) -> dict[str, Answers]:
    """For each reason, in the order of `REASONS`, whether its rule lets a woman have a place."""
    days = [kind.day for kind in kinds]
    ahead = np.array([kind.ahead for kind in kinds], dtype=np.bool_)
    return {
        "no_place_of_path": _each([woman.path for woman in women], [kind.path for kind in kinds], eq),
        "no_place_ahead": np.broadcast_to(ahead, (len(women), len(kinds))),
        "needs_not_met": _each(
            [woman.needs for woman in women], [kind.offers for kind in kinds], frozenset[str].issubset
        ),
        "after_deadline": _each([woman.latest or date.max for woman in women], days, ge),
        "before_eligible": _each([woman.not_before or date.min for woman in women], days, le),
    }


def _each(ones: Sequence[One], others: Sequence[Other], holds: Callable[[One, Other], bool]) -> Answers:
    """Whether something holds of each of `ones` (rows) and each of `others` (columns); equal pairs are asked once."""
    rows, columns = _numbered(ones), _numbered(others)
    answers = np.array([[holds(one, other) for other in columns] for one in rows], dtype=np.bool_)
    table = answers.reshape(len(rows), len(columns))
    return table[np.ix_([rows[one] for one in ones], [columns[other] for other in others])]


def _numbered(items: Iterable[One]) -> dict[One, int]:
    return {item: number for number, item in enumerate(dict.fromkeys(items))}


def _km_farther(women: Sequence[MovingVisit], kinds: Sequence[_Kind]) -> Kilometres:
    """From where each woman comes to each place, less her way to where she was to go."""
    stops = _numbered(kind.stop_at for kind in kinds)
    origins, before = _points(woman.comes_from for woman in women), _points(woman.stop_at for woman in women)
    km = straight_km(origins[:, None], _points(stops)[None]) - straight_km(origins, before)[:, None]
    farther: Kilometres = km[:, np.array([stops[kind.stop_at] for kind in kinds], dtype=np.intp)]
    return farther


def _points(places: Iterable[Coordinates]) -> Degrees:
    return np.array(list(places), dtype=np.float64).reshape(-1, 2)


def _days_later(women: Sequence[MovingVisit], kinds: Sequence[_Kind]) -> Numbers:
    new = np.array([kind.day.toordinal() for kind in kinds], dtype=np.int64)
    old = np.array([local_day(woman.starts_at).toordinal() for woman in women], dtype=np.int64)
    return new[None, :] - old[:, None]


# the flow


def _cheapest(costs: Numbers, allowed: Answers, free: Numbers, urgent: Answers) -> list[int | None]:
    """The column of each row, None for those that get none; no column more often than it is `free`.

    Staying without a place costs more than all that could be saved by it, and twice that for urgent women.
    """
    women, groups = costs.shape
    above_least = costs - costs.min(initial=0)
    staying = 1 + women * int(above_least.max(initial=0))
    rows, columns = np.nonzero(_worth_trying(above_least, allowed, free))
    everyone, ways_out, out = np.arange(women), women + np.arange(groups), women + groups
    flow = SimpleMinCostFlow()
    tried = flow.add_arcs_with_capacity_and_unit_cost(
        rows, women + columns, np.ones_like(rows), above_least[rows, columns]
    )
    flow.add_arcs_with_capacity_and_unit_cost(ways_out, np.full(groups, out), free, np.zeros_like(free))
    flow.add_arcs_with_capacity_and_unit_cost(
        everyone, np.full(women, out), np.ones_like(everyone), staying * (1 + urgent.astype(np.int64))
    )
    flow.set_nodes_supplies(np.append(everyone, out), np.append(np.ones_like(everyone), -women))
    if (status := flow.solve()) != flow.OPTIMAL:
        raise RuntimeError(f"no flow of least cost: {status}")
    taken = flow.flows(tried) > 0
    of_row = dict(zip(rows[taken].tolist(), columns[taken].tolist(), strict=True))
    return [of_row.get(row) for row in range(women)]


def _worth_trying(costs: Numbers, allowed: Answers, free: Numbers) -> Answers:
    """The cheapest columns of each row that together have a place for every row.

    Nobody need look further: whoever did would find one of these places left by the others, at no greater cost.
    """
    ranked = costs.argsort(axis=1, kind="stable")
    room = np.where(np.take_along_axis(allowed, ranked, axis=1), free[ranked], 0)
    cheaper = room.cumsum(axis=1) - room
    worth = np.zeros_like(allowed)
    np.put_along_axis(worth, ranked, cheaper < len(costs), axis=1)
    return worth & allowed
