"""Outages as our own attempts show them, and nothing beyond what they show."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.models.transmissions import AttemptOutcome
from mobile_units.rules.outages import (
    ANSWERED,
    OF_THE_CENTRE,
    SIDES,
    Call,
    Outage,
    Side,
    Sign,
    is_failure,
    outages,
    sign_of,
)

NOON = datetime(2027, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minutes: float, outcome: str, code: str | None = None, text: str | None = None, took: int = 400) -> Call:
    """A call that began so many minutes after noon."""
    return Call(NOON + minutes * MINUTE, took, outcome, code, text)


def ok(minutes: float, took: int = 400) -> Call:
    """A call that was accepted."""
    return at(minutes, "delivered", took=took)


def failed(minutes: float) -> Call:
    """A call to which the centre said that it failed inside."""
    return at(minutes, "retryable", "bladWewnetrzny")


def unclear(minutes: float) -> Call:
    """A call with a fault that nobody has described."""
    return at(minutes, "retryable", "nieznanyBlad")


@pytest.mark.parametrize(
    ("call", "sign"),
    [
        (at(0, "delivered"), Sign.ACCEPTED),
        (at(0, "already_delivered"), Sign.ACCEPTED),
        (at(0, "rejected", "bladWeryfikacjiRegul"), Sign.REFUSED),
        (at(0, "halted", "certyfikatNiewazny"), Sign.NOT_LET_IN),
        (at(0, "halted", "tls_refused"), Sign.NOT_LET_IN),
        (at(0, "halted", "tls_untrusted"), Sign.UNCLEAR),
        (at(0, "halted", "certificate_unusable"), Sign.NO_CALL),
        (at(0, "rejected", "contract_mismatch"), Sign.NO_CALL),
        (at(0, "retryable", "urn:csioz:p1:kod:bladWewnetrzny"), Sign.SERVER_ERROR),
        (at(0, "retryable", "BLADZAPISU"), Sign.SERVER_ERROR),
        (at(0, "retryable", "przekroczonyCzas"), Sign.SERVER_ERROR),
        (at(0, "retryable", "http_503", "HTTP 503: the answer is no SOAP envelope"), Sign.SERVER_ERROR),
        (at(0, "outcome_unknown", None, "HTTP 500: the answer is no well-formed XML"), Sign.SERVER_ERROR),
        (at(0, "outcome_unknown", None, "ReadTimeout"), Sign.NO_ANSWER),
        (at(0, "outcome_unknown", None, "ConnectionError"), Sign.NO_ANSWER),
        (at(0, "retryable", None, "lookup_unanswered"), Sign.NO_ANSWER),
        (at(0, "retryable", None, "ConnectTimeout"), Sign.NO_CONNECTION),
        (at(0, "retryable", None, "ConnectionError"), Sign.NO_CONNECTION),
        (at(0, "retryable", None, "lease_lost"), Sign.NO_CALL),
        (at(0, "retryable", None, "NoResultFound"), Sign.NO_CALL),
        (at(0, "already_delivered", "nothing_to_send"), Sign.NO_CALL),
        (at(0, "outcome_unknown", None, "HTTP 200: the answer has no result"), Sign.UNCLEAR),
        (at(0, "retryable", "http_404", "HTTP 404: the answer is no SOAP envelope"), Sign.UNCLEAR),
        (at(0, "retryable", "nieznanyBlad", "Coś poszło nie tak"), Sign.UNCLEAR),
        (at(0, "retryable", None, "SSLError"), Sign.UNCLEAR),
        (at(0, "retryable"), Sign.UNCLEAR),
    ],
    ids=str,
)
def test_what_a_call_shows(call: Call, sign: Sign) -> None:
    """By its outcome, its code and the reason; whatever is not known for certain is unclear."""
    assert sign_of(call) is sign


def test_every_outcome_of_the_log_is_understood() -> None:
    """A new one would have to be thought about here."""
    assert {each.value for each in AttemptOutcome} == {
        "delivered", "already_delivered", "rejected", "halted", "retryable", "outcome_unknown"
    }  # fmt: skip


def test_whose_failure_each_sign_is() -> None:
    """Everything but an acceptance is somebody's, or is not known."""
    assert set(SIDES) == set(Sign) - {Sign.ACCEPTED}
    assert SIDES[Sign.NOT_LET_IN] is SIDES[Sign.REFUSED] is SIDES[Sign.NO_CALL] is Side.OURS
    assert {SIDES[sign] for sign in OF_THE_CENTRE} == {Side.CENTRE}
    assert SIDES[Sign.UNCLEAR] is Side.UNCLEAR


def test_an_outage_lasts_from_the_first_failure_to_the_next_answer() -> None:
    """All failures between are one outage."""
    (outage,) = outages([ok(0), failed(1), failed(2), failed(5), ok(7), ok(8)])
    assert (outage.begun_at, outage.last_failed_at, outage.ended_at) == (
        NOON + MINUTE, NOON + 5 * MINUTE, NOON + 7 * MINUTE
    )  # fmt: skip
    assert (outage.calls, outage.momentary, outage.side) == (3, False, Side.CENTRE)
    assert (outage.shown, outage.longest_gap) == (6 * MINUTE, 3 * MINUTE)


def test_an_outage_without_an_answer_is_open() -> None:
    """It has lasted only as long as was tried."""
    (outage,) = outages([failed(0), failed(3)])
    assert (outage.ended_at, outage.shown, outage.momentary) == (None, 3 * MINUTE, False)
    assert outage.covers(NOON + 100 * MINUTE)
    assert not outage.covers(NOON - MINUTE)


def test_a_single_failure_is_no_outage() -> None:
    """However long nobody tried again."""
    for calls in ([failed(0), ok(1)], [failed(0), ok(300)], [failed(0)]):
        assert [each.momentary for each in outages(calls)] == [True]


@pytest.mark.parametrize(("seconds", "momentary"), [(59, True), (60, False)])
def test_what_is_shorter_than_the_minimum_is_momentary(seconds: float, momentary: bool) -> None:
    """The minimum itself is an outage."""
    (outage,) = outages([failed(0), failed(0.5), ok(seconds / 60)], timedelta(seconds=60))
    assert outage.momentary is momentary


@pytest.mark.parametrize("outcome", ["rejected", "halted"])
def test_a_refusal_is_an_answer(outcome: str) -> None:
    """A system that rejects or does not let us in is up."""
    assert len(outages([failed(0), failed(2), at(3, outcome), failed(4), failed(6)])) == 2


def test_a_slow_answer_counts_when_it_comes() -> None:
    """A call that began before an outage and was answered in its midst parts it; it began too early to end it so."""
    first, second = outages([ok(0, took=150_000), failed(1), failed(2), failed(3), failed(5)])
    assert (first.last_failed_at, first.ended_at) == (NOON + 2 * MINUTE, NOON + 2 * MINUTE)
    assert (second.begun_at, second.ended_at) == (NOON + 3 * MINUTE, None)


def test_what_is_unclear_neither_begins_nor_extends_an_outage_of_the_centre() -> None:
    """It is told apart; alone it is an outage of an unknown side."""
    (outage,) = outages([unclear(0), failed(1), unclear(2), failed(3), unclear(9)])
    assert (outage.begun_at, outage.last_failed_at) == (NOON + MINUTE, NOON + 3 * MINUTE)
    assert (outage.calls, outage.unclear, outage.side) == (2, 3, Side.CENTRE)
    (alone,) = outages([unclear(0), unclear(3), ok(4)])
    assert (alone.side, alone.calls, alone.unclear) == (Side.UNCLEAR, 2, 0)


def test_what_sent_nothing_shows_nothing() -> None:
    """Neither a failure nor an answer."""
    nothing = [at(1, "retryable", None, "lease_lost"), at(2, "already_delivered", "nothing_to_send")]
    assert outages(nothing) == []
    assert len(outages([failed(0), *nothing, failed(4)])) == 1


def test_failures_are_counted_by_what_they_show() -> None:
    """In a fixed order."""
    (outage,) = outages([at(0, "retryable", None, "ConnectTimeout"), failed(1), failed(2)])
    assert outage.signs == ((Sign.SERVER_ERROR, 2), (Sign.NO_CONNECTION, 1))


CALLS = st.lists(
    st.builds(
        at,
        st.integers(0, 60),
        st.sampled_from([each.value for each in AttemptOutcome]),
        st.sampled_from([None, "bladWewnetrzny", "nieznanyBlad", "http_503"]),
        st.sampled_from([None, "ReadTimeout", "ConnectionError", "lease_lost"]),
        st.integers(0, 300_000),
    ),
    max_size=30,
)


def failures_of(calls: Sequence[Call]) -> list[Call]:
    """The calls that failed."""
    return [call for call in calls if is_failure(sign_of(call))]


def answers_of(calls: Sequence[Call]) -> list[Call]:
    """The calls that were answered."""
    return [call for call in calls if sign_of(call) in ANSWERED]


def within(outage: Outage, calls: Sequence[Call]) -> list[Call]:
    """The failures by which an outage is shown."""
    signs = {sign for sign, _ in outage.signs}
    return [
        call
        for call in failures_of(calls)
        if sign_of(call) in signs and outage.begun_at <= call.started_at <= outage.last_failed_at
    ]


@given(CALLS)
def test_an_outage_begins_and_lasts_by_failures_alone(calls: list[Call]) -> None:
    """Both its ends are failures of its side, and it counts all of them between."""
    for outage in outages(calls):
        shown = within(outage, calls)
        assert {outage.begun_at, outage.last_failed_at} <= {call.started_at for call in shown}
        assert outage.calls == len(shown) == sum(count for _, count in outage.signs)
        assert all((SIDES[sign] is Side.CENTRE) == (outage.side is Side.CENTRE) for sign, _ in outage.signs)


@given(CALLS)
def test_no_answer_came_between_two_failures_of_an_outage(calls: list[Call]) -> None:
    """So the system is never said to be down while it answered."""
    for outage in outages(calls):
        came = [call.ended_at for call in answers_of(calls)]
        assert [instant for instant in came if outage.begun_at < instant <= outage.last_failed_at] == []


@given(CALLS)
def test_an_outage_ends_with_the_first_answer_and_not_after_it(calls: list[Call]) -> None:
    """It is open exactly if no answer came after its last failure began."""
    for outage in outages(calls):
        later = [call for call in answers_of(calls) if call.ended_at > outage.last_failed_at]
        assert (outage.ended_at is None) == (not later)
        if outage.ended_at is not None:
            first = min(call.ended_at for call in later)
            assert outage.last_failed_at <= outage.ended_at <= first


@given(CALLS)
def test_every_failure_is_in_one_outage(calls: list[Call]) -> None:
    """Or told as unclear in one."""
    found = outages(calls)
    assert sum(outage.calls + outage.unclear for outage in found) == len(failures_of(calls))
    assert [each.begun_at for each in found] == sorted(each.begun_at for each in found)


@given(CALLS, st.randoms())
def test_the_order_in_which_calls_come_does_not_matter(calls: list[Call], random: object) -> None:
    """They come from a database."""
    shuffled = list(calls)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis gives a random.Random
    assert outages(shuffled) == outages(calls)


@given(CALLS)
def test_the_first_answer_after_each_failure_is_all_that_is_needed(calls: list[Call]) -> None:
    """So whoever reads a log need not read what went well."""

    def first_after(failure: Call) -> Call | None:
        later = [call for call in answers_of(calls) if call.ended_at > failure.started_at]
        return min(later, key=lambda call: (call.ended_at, call.started_at), default=None)

    needed = [first_after(call) for call in failures_of(calls)]
    assert outages([*failures_of(calls), *(call for call in needed if call)]) == outages(calls)
