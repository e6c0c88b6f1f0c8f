"""The duties towards the central e-registration."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.rules.calendar import local_instant
from mobile_units.rules.compliance import (
    SettlementState,
    horizon_covered,
    horizon_end,
    is_passed_in_time,
    settlement_state,
)

DAY = date(2026, 9, 7)
LAST_MOMENT = datetime(2026, 9, 7, 21, 59, 59, tzinfo=UTC)
MIDNIGHT = datetime(2026, 9, 7, 22, tzinfo=UTC)
AUTUMN = date(2026, 10, 25)
SPRING = date(2027, 3, 28)


@pytest.mark.parametrize(
    ("service_day", "accepted_at", "urgent", "in_time"),
    [
        (DAY, datetime(2026, 8, 1, 10, tzinfo=UTC), False, True),
        (DAY, LAST_MOMENT, False, True),
        (DAY, MIDNIGHT, False, False),
        (DAY, None, False, False),
        (DAY, None, True, True),
        (DAY, MIDNIGHT, True, True),
        (AUTUMN, datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC), False, True),
        (AUTUMN, datetime(2026, 10, 25, 23, tzinfo=UTC), False, False),
        (SPRING, datetime(2027, 3, 28, 21, 59, 59, tzinfo=UTC), False, True),
        (SPRING, datetime(2027, 3, 28, 22, tzinfo=UTC), False, False),
    ],
)
def test_a_visit_is_in_time_until_midnight_in_poland(
    service_day: date, accepted_at: datetime | None, urgent: bool, in_time: bool
) -> None:
    """The service day ends at midnight on Polish clocks, also when they are moved; urgent visits are exempt."""
    assert is_passed_in_time(service_day, accepted_at, urgent=urgent) is in_time


@pytest.mark.parametrize(
    ("accepted_at", "urgent", "now", "state"),
    [
        (LAST_MOMENT, False, MIDNIGHT, SettlementState.PASSED),
        (LAST_MOMENT, True, MIDNIGHT, SettlementState.PASSED),
        (None, False, LAST_MOMENT, SettlementState.WAITING),
        (None, True, LAST_MOMENT, SettlementState.WAITING),
        (None, False, MIDNIGHT, SettlementState.LATE),
        (None, True, MIDNIGHT, SettlementState.EXCUSED_URGENT),
        (MIDNIGHT, False, MIDNIGHT, SettlementState.LATE),
        (MIDNIGHT, True, MIDNIGHT, SettlementState.EXCUSED_URGENT),
    ],
)
def test_the_state_of_payment(
    accepted_at: datetime | None, urgent: bool, now: datetime, state: SettlementState
) -> None:
    """A visit waits until its day is over, then it is late unless it was urgent."""
    assert settlement_state(DAY, accepted_at, urgent=urgent, now=now) is state


@given(st.none() | st.integers(-5000, 5000), st.booleans(), st.integers(0, 5000))
def test_after_the_service_day_the_state_agrees_with_the_duty(accepted: int | None, urgent: bool, later: int) -> None:
    """Late means exactly that the duty was not met."""
    midnight = local_instant(DAY + timedelta(days=1), time(0))
    accepted_at = None if accepted is None else midnight + timedelta(minutes=accepted)
    state = settlement_state(DAY, accepted_at, urgent=urgent, now=midnight + timedelta(minutes=later))
    assert (state is SettlementState.LATE) is not is_passed_in_time(DAY, accepted_at, urgent=urgent)


@pytest.mark.parametrize(
    ("today", "end"),
    [
        (date(2026, 6, 1), date(2026, 9, 30)),
        (date(2026, 6, 30), date(2026, 9, 30)),
        (date(2026, 7, 1), date(2026, 10, 31)),
        (date(2026, 11, 30), date(2027, 2, 28)),
        (date(2027, 11, 15), date(2028, 2, 29)),
    ],
)
def test_the_horizon_is_three_full_months_after_the_present_one(today: date, end: date) -> None:
    """On 1 June 2026 it reaches to the end of September, as the leaflet's example names September."""
    assert horizon_end(today) == end


@pytest.mark.parametrize(
    ("last_schedule_day", "today", "covered"),
    [
        (None, date(2026, 6, 1), False),
        (date(2026, 9, 29), date(2026, 6, 1), False),
        (date(2026, 9, 30), date(2026, 6, 1), True),
        (date(2026, 10, 29), date(2026, 7, 1), False),
        (date(2026, 10, 30), date(2026, 7, 1), True),
        (date(2027, 1, 29), date(2026, 10, 5), True),
        (date(2027, 1, 28), date(2026, 10, 5), False),
    ],
)
def test_schedules_need_not_reach_a_weekend_at_the_end(
    last_schedule_day: date | None, today: date, covered: bool
) -> None:
    """31 October 2026 is a Saturday and 31 January 2027 a Sunday: the Friday before is enough."""
    assert horizon_covered(last_schedule_day, today) is covered
