"""The verdict on a visit: what the log supports, and nothing that it does not."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mobile_units.rules.evidence import Case, Finding, Reason, Timing, judge, time_is_up
from mobile_units.rules.outages import Call, outages

DAY = date(2027, 3, 10)
DEADLINE = datetime(2027, 3, 10, 23, tzinfo=UTC)
"""Midnight in Poland."""
NEXT_DAY = DEADLINE + timedelta(hours=12)
HOUR = timedelta(hours=1)


def call(hours_before: float, outcome: str = "delivered", code: str | None = None, text: str | None = None) -> Call:
    """A call that began so many hours before the time was up."""
    return Call(DEADLINE - hours_before * HOUR, 400, outcome, code, text)


def server_error(hours_before: float) -> Call:
    """The centre said that it failed inside."""
    return call(hours_before, "retryable", "bladWewnetrzny")


def not_connected(hours_before: float) -> Call:
    """No connection came about."""
    return call(hours_before, "retryable", None, "ConnectTimeout")


def case(calls: Sequence[Call] = (), others: Sequence[Call] = (), **values: Any) -> Case:
    """A visit stored ten hours before the time was up, with the calls about it and those about others."""
    every = [*calls, *values.get("earlier", ()), *others]
    defaults: dict[str, Any] = {
        "service_day": DAY,
        "urgent": False,
        "passed_at": None,
        "stored_at": DEADLINE - 10 * HOUR,
        "last_call": max(
            (each for each in every if each.started_at < DEADLINE), key=lambda each: each.started_at, default=None
        ),
        "outages": outages(every),
    }
    return Case(calls=calls, **{**defaults, **values})


def finding(judged: Case, now: datetime = NEXT_DAY) -> Finding | None:
    """What the verdict rests on."""
    return judge(judged, now).finding


def test_the_time_is_up_at_midnight_in_poland() -> None:
    """Also on the days on which the clocks are moved."""
    assert time_is_up(DAY) == DEADLINE
    assert time_is_up(date(2027, 3, 28)) - time_is_up(date(2027, 3, 27)) == 23 * HOUR


@pytest.mark.parametrize(
    ("passed_at", "now", "timing"),
    [
        (DEADLINE - timedelta(milliseconds=1), NEXT_DAY, Timing.IN_TIME),
        (DEADLINE, NEXT_DAY, Timing.LATE),
        (None, NEXT_DAY, Timing.NOT_PASSED),
        (None, DEADLINE, Timing.NOT_PASSED),
        (None, DEADLINE - timedelta(milliseconds=1), Timing.STILL_TIME),
    ],
)
def test_when_it_was_passed(passed_at: datetime | None, now: datetime, timing: Timing) -> None:
    """In time is by the end of its day; until then there is still time."""
    assert judge(case(passed_at=passed_at), now).timing is timing


def test_of_a_visit_passed_in_time_nothing_is_claimed() -> None:
    """Whatever failed before."""
    judged = judge(case([server_error(3)], passed_at=DEADLINE - HOUR), NEXT_DAY)
    assert (judged.finding, judged.reason) == (None, None)


def test_an_urgent_visit_is_an_exception_of_its_own() -> None:
    """No fault is needed; passed in time it needs no exception."""
    assert judge(case(urgent=True), NEXT_DAY).reason is Reason.URGENT
    assert judge(case(urgent=True, passed_at=DEADLINE - HOUR), NEXT_DAY).reason is None


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (server_error(2), Finding.CENTRE_FAILED),
        (call(2, "outcome_unknown", None, "ReadTimeout"), Finding.CENTRE_FAILED),
        (not_connected(2), Finding.NO_CONNECTION),
        (call(2, "halted", "certyfikatNiewazny"), Finding.CERTIFICATE),
        (call(2, "rejected", "bladWeryfikacjiRegul"), Finding.REFUSED),
        (call(2, "retryable", None, "NoResultFound"), Finding.OWN_ERROR),
        (call(2, "retryable", "nieznanyBlad"), Finding.UNCLEAR),
    ],
    ids=str,
)
def test_the_last_call_in_time_decides(last: Call, expected: Finding) -> None:
    """Not what happened before it, nor what came too late."""
    assert finding(case([server_error(9), call(8, "rejected", "x"), last, call(-3, "rejected", "x")])) is expected


def test_a_missing_connection_is_told_apart_from_a_fault_that_the_centre_admits() -> None:
    """One failure of another kind in the same outage shows more than that no connection came about."""
    assert finding(case([not_connected(3), not_connected(2)])) is Finding.NO_CONNECTION
    assert finding(case([server_error(3), not_connected(2)])) is Finding.CENTRE_FAILED


def test_a_failure_long_before_the_end_proves_nothing_if_others_were_answered_after_it() -> None:
    """The visit could have been tried again."""
    assert finding(case([server_error(5)], others=[call(4)])) is Finding.NOT_TRIED_AGAIN
    assert finding(case([server_error(5)], others=[call(-1)])) is Finding.CENTRE_FAILED


def test_a_failure_minutes_before_the_end_excuses_the_visit() -> None:
    """Its next try was due only afterwards, even though others were answered meanwhile."""
    assert finding(case([server_error(0.03)], others=[call(0.02)])) is Finding.CENTRE_FAILED


def test_a_visit_entered_after_its_day_is_our_own_delay() -> None:
    """Also one that was never stored as a message."""
    outage = [server_error(3), server_error(2)]
    assert finding(case(others=outage, stored_at=DEADLINE)) is Finding.ENTERED_LATE
    assert finding(case(others=outage, stored_at=None)) is Finding.ENTERED_LATE


def test_what_the_visit_waited_for_decides_if_it_was_never_tried() -> None:
    """Rejected slots, or a centre that was down while they were sent."""
    assert finding(case(earlier=[call(4, "rejected", "x")])) is Finding.EARLIER_REFUSED
    assert finding(case(earlier=[call(50, "rejected", "x")])) is Finding.EARLIER_REFUSED
    assert finding(case(earlier=[server_error(4)])) is Finding.CENTRE_FAILED
    assert finding(case([server_error(5)], earlier=[call(4, "rejected", "x")])) is Finding.NOT_TRIED_AGAIN


def test_an_outage_met_by_other_messages_excuses_a_visit_that_was_not_tried() -> None:
    """While the centre is down only one message is tried at a time."""
    assert finding(case(others=[server_error(3), server_error(2)])) is Finding.CENTRE_FAILED
    assert finding(case(others=[call(2, "halted", "certyfikatNiewazny")])) is Finding.CERTIFICATE


@pytest.mark.parametrize(
    "others", [[], [call(2)], [call(2, "rejected", "x")], [server_error(11)]], ids=["none", "ok", "refused", "before"]
)
def test_without_a_trace_nothing_is_claimed(others: list[Call]) -> None:
    """No call in its time, or only such as went well or were about others."""
    assert judge(case(others=others), NEXT_DAY).reason is Reason.UNDETERMINED
    assert finding(case(others=others)) is Finding.NOT_TRIED


def test_while_there_is_still_time_the_present_decides() -> None:
    """What was tried last until now."""
    now = DEADLINE - 5 * HOUR
    assert finding(case([server_error(5.1), call(1, "rejected", "x")]), now) is Finding.CENTRE_FAILED


@pytest.mark.parametrize("each", Finding)
def test_every_finding_is_worded_and_supports_a_reason(each: Finding) -> None:
    """In both languages, as sentences."""
    assert each.reason in Reason
    assert each.sentence_pl.endswith(".")
    assert each.sentence_en.endswith(".")
