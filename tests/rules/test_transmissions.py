"""The order of the hand-over, its pace and when to try again."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mobile_units.rules.transmissions import (
    BACK_OFF_BASE,
    BACK_OFF_CAP,
    FAILURES_TO_OPEN,
    PROBE_BASE,
    PROBE_CAP,
    Breaker,
    MessageKind,
    back_off,
    in_sequence_with,
    probe_wait,
    spacing,
)

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


NOW = datetime(2027, 3, 10, 8, tzinfo=UTC)
failures = st.integers(FAILURES_TO_OPEN, 10_000)


@given(failures, fractions)
def test_a_probe_waits_from_one_second_to_a_minute(failures: int, fraction: float) -> None:
    """Each failed probe doubles the wait, of which at least half is certain."""
    longest = probe_wait(failures, 1.0)
    assert PROBE_BASE <= probe_wait(failures, fraction) <= longest <= PROBE_CAP
    assert probe_wait(failures, 0.0) * 2 == longest
    assert probe_wait(FAILURES_TO_OPEN, 0.0) == PROBE_BASE
    assert probe_wait(failures + 1, 1.0) == min(2 * longest, PROBE_CAP)


@given(st.integers(1, 40), fractions)
def test_the_breaker_opens_at_the_fifth_failure_in_a_row(count: int, fraction: float) -> None:
    """Not before; and it keeps the instant at which it opened while its probes fail."""
    breaker = Breaker()
    for number in range(count):
        breaker = breaker.after_failure(NOW + timedelta(seconds=number), fraction, probe=breaker.opened_at is not None)
    opened = count >= FAILURES_TO_OPEN
    assert breaker.failures == count
    assert breaker.opened_at == (NOW + timedelta(seconds=FAILURES_TO_OPEN - 1) if opened else None)
    last = NOW + timedelta(seconds=count - 1)
    assert breaker.probe_at == (last + probe_wait(count, fraction) if opened else None)


@given(failures, fractions)
def test_calls_that_fail_late_leave_the_next_probe_where_it_is(failures: int, fraction: float) -> None:
    """They were under way when the breaker opened; only the probe itself moves the next one."""
    probe_at = NOW + timedelta(minutes=2)
    late = Breaker(failures, NOW, probe_at).after_failure(NOW, fraction, probe=False)
    assert late == Breaker(failures + 1, NOW, probe_at)
    assert Breaker(failures, NOW, probe_at).after_failure(NOW, fraction, probe=True).probe_at != probe_at


@given(st.floats(0.01, 10_000))
def test_calls_are_spaced_evenly(rate: float) -> None:
    """As many as the rate says fit in a second; without a limit nothing is between them."""
    assert abs(spacing(rate).total_seconds() * rate - 1) < 0.01
    assert spacing(0) == timedelta(0)
