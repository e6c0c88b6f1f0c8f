"""In which order moves between slots are carried out one by one, so that no slot ever holds more than it may.

A move takes a free place and leaves another one free, so a free place travels against the moves. Each place that is
free at the beginning is therefore led along the moves backwards, on a way that uses every move once: Euler's trails,
found by Hierholzer's algorithm. Which move comes first matters: of two women who want the one place that is free, the
one in whose place somebody else waits has to go before the other. Moves that are only connected among themselves, all
of them between full slots, have no free place to begin with; one visit of such a circle is cancelled first and booked
again at the end.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from mobile_units.planning.problem import Key


class StepKind(StrEnum):
    """What is done: a visit goes straight to its new place, or is cancelled now and booked there later."""

    MOVE = "move"
    CANCEL = "cancel"
    BOOK = "book"


@dataclass(frozen=True, slots=True)
class Transfer:
    """A visit that goes from one slot to another."""

    visit: Key
    from_slot: Key
    to_slot: Key


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do."""

    kind: StepKind
    transfer: Transfer


@dataclass(frozen=True, slots=True)
class HandOver:
    """The steps in order, and the circles among them: of each, the visits in the order in which they leave."""

    steps: tuple[Step, ...]
    circles: tuple[tuple[Key, ...], ...]


def order_of_hand_over(transfers: Iterable[Transfer], free: Mapping[Key, int]) -> HandOver:
    """The order for moves into slots with `free` places before the first of them (none where a slot is not named).

    A place that a move leaves may be used by a later one. As few visits as possible are cancelled on the way: one for
    each circle. The same moves in any order have the same answer.

    Raises ValueError for a visit that moves twice or nowhere, and where a slot would be too full in the end.
    """
    moves = sorted(transfers, key=lambda each: _order(each.visit))
    _require_possible(moves, free)
    steps: list[Step] = []
    circles = []
    for part in _connected(moves):
        start = _start(part, free)
        trail = _circuit(_ways(part), part[0].to_slot if start is None else start.slot)
        if start is None:
            steps += _with_cancellation(trail)
            circles.append(tuple(move.visit for move in (trail[-1], *trail[:-1])))
        else:
            steps += (Step(StepKind.MOVE, move) for move in trail)
    return HandOver(tuple(steps), tuple(circles))


def _order(key: Key) -> tuple[bool, int, str]:
    return (True, 0, key) if isinstance(key, str) else (False, key, "")


def _surplus(moves: Iterable[Transfer]) -> Counter[Key]:
    """How many more visits come to a slot than leave it."""
    surplus: Counter[Key] = Counter()
    for move in moves:
        surplus[move.to_slot] += 1
        surplus[move.from_slot] -= 1
    return surplus


def _require_possible(moves: Sequence[Transfer], free: Mapping[Key, int]) -> None:
    if len({move.visit for move in moves}) < len(moves):
        raise ValueError("a visit moves twice")
    if any(move.from_slot == move.to_slot for move in moves):
        raise ValueError("a visit moves to where it is")
    if any(more > free.get(slot, 0) for slot, more in _surplus(moves).items()):
        raise ValueError("more visits come to a slot than it can hold")


def _connected(moves: Sequence[Transfer]) -> list[list[Transfer]]:
    """The moves in parts that have no slot in common, in order of their first visits."""
    beside: defaultdict[Key, list[Key]] = defaultdict(list)
    for move in moves:
        beside[move.from_slot].append(move.to_slot)
        beside[move.to_slot].append(move.from_slot)
    part_of: dict[Key, int] = {}
    parts: defaultdict[int, list[Transfer]] = defaultdict(list)
    for number, move in enumerate(moves):
        if move.to_slot not in part_of:
            part_of |= dict.fromkeys(_reached(move.to_slot, beside), number)
        parts[part_of[move.to_slot]].append(move)
    return list(parts.values())


def _reached(slot: Key, beside: Mapping[Key, Sequence[Key]]) -> set[Key]:
    reached, waiting = {slot}, [slot]
    while waiting:
        new = set(beside[waiting.pop()]) - reached
        reached |= new
        waiting += new
    return reached


class _Start(NamedTuple):
    """Where the free place of a circuit is at first; None is the outside, from which several come."""

    slot: Key | None


class _Way(NamedTuple):
    """A free place goes from one slot to another, by a move in the other direction or through the outside (None)."""

    at: Key | None
    to: Key | None
    move: Transfer | None


def _start(part: Sequence[Transfer], free: Mapping[Key, int]) -> _Start | None:
    """Where connected moves begin; None for a circle, in which no place is free."""
    surplus = _surplus(part)
    if any(surplus.values()):
        return _Start(None)
    return next((_Start(slot) for slot in surplus if free.get(slot, 0) > 0), None)


def _ways(part: Sequence[Transfer]) -> list[_Way]:
    """The ways of the free places, closed through the outside so that every slot is left as often as it is reached."""
    surplus = _surplus(part)
    inwards = [_Way(None, slot, None) for slot, more in surplus.items() for _ in range(more)]
    outwards = [_Way(slot, None, None) for slot, more in surplus.items() for _ in range(-more)]
    return [*inwards, *(_Way(move.to_slot, move.from_slot, move) for move in part), *outwards]


def _circuit(ways: Iterable[_Way], start: Key | None) -> list[Transfer]:
    """The moves in the order in which one circuit from `start` uses all ways (Hierholzer 1873)."""
    leaving: defaultdict[Key | None, list[_Way]] = defaultdict(list)
    for way in ways:
        leaving[way.at].append(way)
    path, circuit = [_Way(None, start, None)], []
    while path:
        if onward := leaving[path[-1].to]:
            path.append(onward.pop(0))
        else:
            circuit.append(path.pop().move)
    return [move for move in reversed(circuit) if move is not None]


def _with_cancellation(circle: Sequence[Transfer]) -> list[Step]:
    """The last visit makes room for the first, and is booked when all others have moved."""
    last = circle[-1]
    return [
        Step(StepKind.CANCEL, last),
        *(Step(StepKind.MOVE, move) for move in circle[:-1]),
        Step(StepKind.BOOK, last),
    ]
