"""The order of the hand-over and when to try again."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from mobile_units.rules.transmissions import BACK_OFF_BASE, BACK_OFF_CAP, MessageKind, back_off, in_sequence_with

attempts = st.integers(1, 10_000)
fractions = st.floats(0, 1)


@given(attempts, fractions)
def test_a_wait_is_never_negative_and_never_longer_than_the_cap(attempts: int, fraction: float) -> None:
    """However often a message failed, it is tried again within ten minutes."""
    assert timedelta(0) <= back_off(attempts, fraction) <= BACK_OFF_CAP


@given(attempts, fractions)
def test_the_longest_wait_doubles_until_the_cap(attempts: int, fraction: float) -> None:
    """The first wait is at most the base; each further one may be twice as long."""
    assert back_off(1, 1.0) == BACK_OFF_BASE
    assert back_off(attempts + 1, 1.0) == min(2 * back_off(attempts, 1.0), BACK_OFF_CAP)


@given(attempts)
def test_the_whole_wait_is_drawn_at_random(attempts: int) -> None:
    """The wait may be anything from nothing to the longest: full jitter."""
    assert back_off(attempts, 0.0) == timedelta(0)
    assert abs(back_off(attempts, 0.5) * 2 - back_off(attempts, 1.0)) <= timedelta(microseconds=2)


def test_messages_about_one_visit_follow_each_other() -> None:
    """A booking and its cancellation form one sequence; other kinds follow only themselves."""
    sequence = {MessageKind.SAVE_VISIT, MessageKind.CANCEL_VISIT}
    assert in_sequence_with(MessageKind.SAVE_VISIT) == in_sequence_with(MessageKind.CANCEL_VISIT) == sequence
    assert in_sequence_with(MessageKind.SAVE_SLOTS) == {MessageKind.SAVE_SLOTS}
