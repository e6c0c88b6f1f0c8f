"""The protocol of a queue: a woman is told once, whoever dies and whatever the receiver forgets."""

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_units.rules.deliveries import (
    FINAL,
    NONE,
    DeliveryState,
    Memory,
    Presence,
    SendResult,
    Standing,
    after_lookup,
    after_send,
    after_silence,
    before_attempt,
)

S, R = DeliveryState, SendResult
BOTH, KEY, LOOKUP = Memory(True, True), Memory(True, False), Memory(False, True)
CLAIMED, DOUBTFUL = Standing(S.CLAIMED), Standing(S.CLAIMED, perhaps_arrived=True)


@pytest.mark.parametrize(
    ("standing", "result", "memory", "expected"),
    [
        (CLAIMED, R.ACCEPTED, NONE, Standing(S.SENT)),
        (DOUBTFUL, R.ALREADY_ACCEPTED, KEY, Standing(S.SENT)),
        (CLAIMED, R.RETRYABLE, NONE, Standing(S.WAITING)),
        (DOUBTFUL, R.RETRYABLE, KEY, Standing(S.WAITING, perhaps_arrived=True)),
        (DOUBTFUL, R.HALTED, KEY, Standing(S.WAITING, perhaps_arrived=True)),
        (CLAIMED, R.REJECTED, KEY, Standing(S.REFUSED)),
        (DOUBTFUL, R.REJECTED, KEY, Standing(S.TO_CALL, perhaps_arrived=True)),
        (CLAIMED, R.OUTCOME_UNKNOWN, NONE, Standing(S.TO_CALL, perhaps_arrived=True)),
        (CLAIMED, R.OUTCOME_UNKNOWN, KEY, Standing(S.UNCERTAIN, perhaps_arrived=True)),
        (CLAIMED, R.OUTCOME_UNKNOWN, LOOKUP, Standing(S.UNCERTAIN, perhaps_arrived=True)),
    ],
)
def test_what_an_attempt_makes_of_a_message(
    standing: Standing, result: SendResult, memory: Memory, expected: Standing
) -> None:
    """What may have arrived stays so until the receiver says otherwise."""
    assert after_send(standing, result, memory) == expected


@pytest.mark.parametrize(
    ("presence", "memory", "expected"),
    [
        (Presence.PRESENT, LOOKUP, Standing(S.SENT)),
        (Presence.ABSENT, LOOKUP, Standing(S.WAITING)),
        (Presence.UNANSWERED, BOTH, Standing(S.UNCERTAIN, perhaps_arrived=True)),
        (None, KEY, Standing(S.WAITING, perhaps_arrived=True)),
        (Presence.ABSENT, KEY, Standing(S.WAITING, perhaps_arrived=True)),
        (Presence.ABSENT, NONE, Standing(S.TO_CALL, perhaps_arrived=True)),
        (Presence.PRESENT, NONE, Standing(S.TO_CALL, perhaps_arrived=True)),
        (None, NONE, Standing(S.TO_CALL, perhaps_arrived=True)),
    ],
)
def test_what_a_look_up_makes_of_a_message(presence: Presence | None, memory: Memory, expected: Standing) -> None:
    """A receiver is believed as long as it remembers."""
    assert after_lookup(presence, memory) == expected


def test_a_doubtful_message_is_repeated_only_under_a_key_that_is_known() -> None:
    """The key may have been forgotten while it waited."""
    doubtful = Standing(S.WAITING, perhaps_arrived=True)
    assert before_attempt(doubtful, KEY) == DOUBTFUL
    assert before_attempt(doubtful, LOOKUP) == Standing(S.TO_CALL, perhaps_arrived=True)
    assert before_attempt(Standing(), NONE) == CLAIMED


@dataclass
class Receiver:
    """A gateway that fails at random, forgets at a time, and counts how often the telephone rang."""

    chance: Random
    memory: Memory
    forgets_at: int
    delivered: int = 0
    keys: set[str] = field(default_factory=set)

    def remembers(self, step: int) -> Memory:
        """What it knows now."""
        return self.memory if step < self.forgets_at else NONE

    def post(self, step: int) -> SendResult | None:
        """Takes a message, or not, and answers, or not; None is silence."""
        fate = self.chance.choice(["taken", "taken", "lost before", "lost after", "busy", "refused", "broken"])
        if fate in {"lost before", "busy", "refused"}:
            return {"lost before": R.OUTCOME_UNKNOWN, "busy": R.RETRYABLE, "refused": R.REJECTED}[fate]
        known = bool(self.keys) and self.remembers(step).by_key
        if not known:
            self.delivered += 1
            self.keys.add("key")
        if fate == "taken":
            return R.ALREADY_ACCEPTED if known else R.ACCEPTED
        return R.OUTCOME_UNKNOWN if fate == "lost after" else None

    def ask(self, step: int) -> Presence:
        """Says what it knows, or nothing."""
        if self.chance.random() < 0.3:
            return Presence.UNANSWERED
        return Presence.PRESENT if self.keys and self.remembers(step).by_lookup else Presence.ABSENT


def run(receiver: Receiver, deaths: Random) -> tuple[Standing, int]:
    """A queue of one row with workers that die between any two steps; the row as it ends, and after how many steps."""
    row = Standing()
    for step in range(500):
        memory = receiver.remembers(step)
        if row.state in FINAL:
            return row, step
        if row.state is S.UNCERTAIN:
            row = after_lookup(receiver.ask(step) if memory.by_lookup else None, memory)
            continue
        row = before_attempt(row, memory)
        if row.state is not S.CLAIMED:
            continue
        died = deaths.random() < 0.2
        result = None if died and deaths.random() < 0.5 else receiver.post(step)
        died = died or result is None
        row = after_silence(memory) if died else after_send(row, result or R.OUTCOME_UNKNOWN, memory)
    return row, 500


@settings(max_examples=500)
@given(st.randoms(use_true_random=False), st.sampled_from([NONE, KEY, LOOKUP, BOTH]), st.integers(0, 12))
def test_she_is_told_once_whatever_dies(chance: Random, memory: Memory, forgets_at: int) -> None:
    """Never twice; once if it says so; never if it was refused; and where nobody knows, a person is told to ask."""
    receiver = Receiver(chance, memory, forgets_at)
    row, steps = run(receiver, chance)
    assert steps < 500
    assert receiver.delivered <= 1
    if row.state is S.SENT:
        assert receiver.delivered == 1
    if row.state is S.REFUSED:
        assert receiver.delivered == 0
    if row.state is S.TO_CALL:
        assert row.perhaps_arrived
