"""The order of a bulk move: no slot is ever too full, and no visit is cancelled without need."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.planning.hand_over import HandOver, Step, StepKind, Transfer, order_of_hand_over
from mobile_units.planning.problem import Key

Moves = Sequence[Transfer]
Free = dict[Key, int]
State = tuple[frozenset[Transfer], frozenset[Transfer]]
"""Visits that have not moved, and those of the others that are cancelled and not booked again."""


def moves_of(*ways: str) -> list[Transfer]:
    """Moves between slots named by one letter: "ab" goes from a to b; visits are numbered from 1."""
    return [Transfer(number, *way) for number, way in enumerate(ways, start=1)]


def told(hand_over: HandOver) -> list[str]:
    """The steps in short."""
    return [f"{step.kind} {step.transfer.visit}" for step in hand_over.steps]


@st.composite
def bulk_moves(draw: st.DrawFn) -> tuple[list[Transfer], Free]:
    """A few moves among a few slots, with at least the free places that they need in the end."""
    slots = "abcd"
    words = draw(st.lists(st.tuples(st.permutations(slots), st.integers(2, 4), st.booleans()), max_size=2))
    chains = [[*order[:length], *(order[:1] if closed else ())] for order, length, closed in words]
    moves = moves_of(*(one + other for chain in chains for one, other in pairwise(chain)))
    comes, leaves = Counter(move.to_slot for move in moves), Counter(move.from_slot for move in moves)
    spare = draw(st.fixed_dictionaries({slot: st.sampled_from((0, 0, 0, 1)) for slot in slots}))
    return moves, {slot: max(0, comes[slot] - leaves[slot]) + spare[slot] for slot in slots}


def least_free(steps: Iterable[Step], free: Mapping[Key, int]) -> int:
    """The fewest free places that any slot has at any moment; below zero it is too full."""
    left: Counter[Key] = Counter(free)
    least = 0
    for step in steps:
        if step.kind is not StepKind.CANCEL:
            left[step.transfer.to_slot] -= 1
        if step.kind is not StepKind.BOOK:
            left[step.transfer.from_slot] += 1
        least = min(least, *left.values())
    return least


def fewest_cancellations(moves: Moves, free: Mapping[Key, int]) -> int:
    """How many visits have to be cancelled on the way, by trying every order: the states reached with so many."""
    reached = {(frozenset(moves), frozenset[Transfer]())}
    for cancellations in range(len(moves) + 1):
        waiting = list(reached)
        while waiting:
            state = waiting.pop()
            for following in _following(state, moves, free):
                if following not in reached:
                    reached.add(following)
                    waiting.append(following)
        if any(not left and not cancelled for left, cancelled in reached):
            return cancellations
        reached |= {(left - {move}, cancelled | {move}) for left, cancelled in reached for move in left}
    raise AssertionError("cancelling everything always works")


def _following(state: State, moves: Moves, free: Mapping[Key, int]) -> Iterable[State]:
    left, cancelled = state
    room: Counter[Key] = Counter(free)
    room.update(move.from_slot for move in moves if move not in left)
    room.subtract(move.to_slot for move in moves if move not in left and move not in cancelled)
    yield from ((left - {move}, cancelled) for move in left if room[move.to_slot] > 0)
    yield from ((left, cancelled - {move}) for move in cancelled if room[move.to_slot] > 0)


@given(bulk_moves())
def test_no_slot_is_ever_too_full(world: tuple[list[Transfer], Free]) -> None:
    """At no step of the order."""
    moves, free = world
    assert least_free(order_of_hand_over(moves, free).steps, free) == 0


@given(bulk_moves())
def test_every_visit_moves_once(world: tuple[list[Transfer], Free]) -> None:
    """Directly, or cancelled first and booked later; nobody else is touched."""
    moves, free = world
    steps = order_of_hand_over(moves, free).steps
    done: dict[Transfer, list[StepKind]] = {}
    for step in steps:
        done.setdefault(step.transfer, []).append(step.kind)
    assert set(done) == set(moves)
    assert all(kinds in ([StepKind.MOVE], [StepKind.CANCEL, StepKind.BOOK]) for kinds in done.values())


@given(bulk_moves())
def test_nobody_is_cancelled_without_need(world: tuple[list[Transfer], Free]) -> None:
    """As few as in the best of all orders, one for each circle that is named."""
    moves, free = world
    found = order_of_hand_over(moves, free)
    cancelled = sum(step.kind is StepKind.CANCEL for step in found.steps)
    assert cancelled == len(found.circles) == fewest_cancellations(moves, free)


@given(bulk_moves(), st.data())
def test_the_order_of_the_input_does_not_matter(world: tuple[list[Transfer], Free], data: st.DataObject) -> None:
    """The same moves have the same answer."""
    moves, free = world
    assert order_of_hand_over(data.draw(st.permutations(moves)), free) == order_of_hand_over(moves, free)


def test_a_chain_begins_where_a_place_is_free() -> None:
    """The last of a chain goes first."""
    assert told(order_of_hand_over(moves_of("ab", "bc", "cd"), {"d": 1})) == ["move 3", "move 2", "move 1"]


def test_a_place_is_not_lost_to_a_woman_for_whom_nobody_waits() -> None:
    """One place is free at a: who comes from c would leave a and b waiting for each other."""
    assert told(order_of_hand_over(moves_of("ca", "ba", "ab"), {"a": 1})) == ["move 2", "move 3", "move 1"]


def test_a_circle_is_named_and_opened_by_a_cancellation() -> None:
    """The visit that is cancelled is the first of the circle and the last to be booked."""
    found = order_of_hand_over(moves_of("ab", "bc", "ca"), {})
    assert told(found) == ["cancel 2", "move 1", "move 3", "book 2"]
    assert found.circles == ((2, 1, 3),)


def test_circles_that_do_not_touch_are_opened_one_by_one() -> None:
    """Each with a cancellation of its own, the second not before the first is closed."""
    found = order_of_hand_over(moves_of("ab", "cd", "ba", "dc"), {})
    assert told(found) == ["cancel 3", "move 1", "book 3", "cancel 4", "move 2", "book 4"]
    assert found.circles == ((3, 1), (4, 2))


def test_a_circle_with_a_free_place_needs_no_cancellation() -> None:
    """One place anywhere on it is enough."""
    found = order_of_hand_over(moves_of("ab", "bc", "ca"), {"c": 1})
    assert told(found) == ["move 2", "move 1", "move 3"]
    assert found.circles == ()


@pytest.mark.parametrize(
    ("moves", "free", "problem"),
    [
        ([Transfer(1, "a", "b"), Transfer(1, "c", "b")], {"b": 2}, "twice"),
        ([Transfer(1, "a", "a")], {"a": 1}, "where it is"),
        ([Transfer(1, "a", "b"), Transfer(2, "a", "b")], {"b": 1}, "hold"),
    ],
)
def test_moves_that_cannot_be_meant_are_refused(moves: list[Transfer], free: Free, problem: str) -> None:
    """A visit that moves twice or nowhere, and a slot that would be too full in the end."""
    with pytest.raises(ValueError, match=problem):
        order_of_hand_over(moves, free)


def test_nothing_moves_in_no_step() -> None:
    """No moves, no order."""
    assert order_of_hand_over([], {}) == HandOver((), ())


def test_thousands_of_moves_are_put_in_order() -> None:
    """One chain of 2,000 slots is no deeper than the interpreter goes."""
    chain = [Transfer(number, number, number + 1) for number in range(2000)]
    found = order_of_hand_over(chain, {2000: 1})
    assert [step.transfer.visit for step in found.steps] == list(reversed(range(2000)))
