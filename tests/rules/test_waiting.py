"""Until when a woman may answer an offer: by day, in time before the slot, and long enough to think it over."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.clock import WARSAW
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.waiting import LEAD, SHORTEST, TRANSITIONS, WaitingStatus, answer_by, by_day

FOUR_HOURS = timedelta(hours=4)
FAR = datetime(2027, 12, 1, tzinfo=UTC)
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 730 * 24 * 60).map(lambda minutes: BEGINNING + timedelta(minutes=minutes))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant in March 2027, by Polish clocks."""
    return local_instant(date(2027, 3, day), time(hour, minute))


@pytest.mark.parametrize(
    ("offered", "slot", "until"),
    [
        (at(10, 9), FAR, at(10, 13)),
        (at(10, 16), FAR, at(10, 20)),
        (at(10, 18), FAR, at(11, 10)),
        (at(10, 23), FAR, at(11, 12)),
        (at(10, 5), FAR, at(10, 12)),
        (at(27, 19), FAR, at(28, 11)),
        (at(10, 9), at(10, 14), at(10, 12)),
        (at(10, 18), at(11, 9), at(10, 20)),
        (at(10, 9), at(10, 11, 30), at(10, 9, 30)),
        (at(10, 9), at(10, 11, 29), None),
        (at(10, 22), at(11, 10), None),
        (at(10, 9), at(10, 8), None),
    ],
)
def test_an_answer_is_due_by_day_and_before_the_slot(offered: datetime, slot: datetime, until: datetime | None) -> None:
    """Four hours by day, across a night, a change of clocks, and cut short by the slot."""
    assert answer_by(offered, slot, FOUR_HOURS) == until


@given(INSTANTS, st.integers(0, 10_000), st.integers(30, 3000))
def test_no_answer_is_due_at_night_nor_too_late_nor_too_soon(now: datetime, minutes: int, allowed: int) -> None:
    """Whatever the instant of the offer, the slot, and the time allowed."""
    slot = now + timedelta(minutes=minutes)
    until = answer_by(now, slot, timedelta(minutes=allowed))
    if until is None:
        return
    assert time(8) <= until.astimezone(WARSAW).time() <= time(20)
    assert until <= slot - LEAD
    assert until - by_day(now) >= SHORTEST
    assert until <= by_day(now) + timedelta(minutes=allowed) + timedelta(hours=13) * (allowed // 720 + 1)


@given(INSTANTS, st.integers(30, 720))
def test_who_has_time_gets_all_of_it_by_day(now: datetime, allowed: int) -> None:
    """Counted minute by minute, the hours between eight and twenty are as many as are allowed."""
    now = now.replace(second=0, microsecond=0)
    until = answer_by(now, now + timedelta(days=9), timedelta(minutes=allowed))
    assert until is not None
    minutes = (now + timedelta(minutes=n) for n in range(int((until - now) / timedelta(minutes=1))))
    assert sum(time(8) <= minute.astimezone(WARSAW).time() < time(20) for minute in minutes) == allowed


def test_an_ended_entry_comes_back_only_if_it_lapsed() -> None:
    """Booked and withdrawn are the end."""
    last = [status for status, following in TRANSITIONS.items() if not following]
    assert last == [WaitingStatus.BOOKED, WaitingStatus.WITHDRAWN]
    assert TRANSITIONS[WaitingStatus.LAPSED] == {WaitingStatus.WAITING}
