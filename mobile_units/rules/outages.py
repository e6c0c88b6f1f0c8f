"""Outages of the central system, as far as our own attempts to reach it show them.

Calls of one endpoint come in; out come the stretches of time in which it gave no answer of substance. Nothing is
claimed that no call shows: an outage begins with the first failure of a run and ends when a call that was answered
began, the longest time without any call inside it is told, and failures whose side cannot be known never begin, extend
or end an outage of the centre.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

MINIMUM = timedelta(seconds=60)
"""What is shorter is momentary."""


class Sign(StrEnum):
    """What one call shows about the central system.

    - `accepted`, `refused`, `not_let_in`: it answered; it took the message, found its content wrong, or did not accept
      our certificate or account.
    - `server_error`: it said that it failed itself.
    - `no_answer`: the message left, and the connection broke or nothing came back in time.
    - `no_connection`: no connection came about. On whose side the cause was, this alone does not tell.
    - `no_call`: nothing left our system, because of an error of ours or because there was nothing to send.
    - `unclear`: none of these for certain, such as a fault that nobody has described.
    """

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_LET_IN = "not_let_in"
    SERVER_ERROR = "server_error"
    NO_ANSWER = "no_answer"
    NO_CONNECTION = "no_connection"
    NO_CALL = "no_call"
    UNCLEAR = "unclear"


class Side(StrEnum):
    """Whose failure it was."""

    CENTRE = "centre"
    OURS = "ours"
    UNCLEAR = "unclear"


ANSWERED = frozenset({Sign.ACCEPTED, Sign.REFUSED, Sign.NOT_LET_IN})
OF_THE_CENTRE = frozenset({Sign.SERVER_ERROR, Sign.NO_ANSWER, Sign.NO_CONNECTION})
SIDES = {
    Sign.REFUSED: Side.OURS,
    Sign.NOT_LET_IN: Side.OURS,
    Sign.NO_CALL: Side.OURS,
    Sign.UNCLEAR: Side.UNCLEAR,
    **dict.fromkeys(OF_THE_CENTRE, Side.CENTRE),
}
"""Whose failure each sign is; an acceptance is nobody's."""

SERVER_CODES = frozenset({"bladwewnetrzny", "bladzapisu", "przekroczonyczas"})
"""Last segments, in lower case, of the codes by which P1 says that it failed itself."""
NOT_CONNECTED = frozenset({"ConnectTimeout", "ConnectionError", "NewConnectionError", "ConnectTimeoutError"})
BROKEN_OFF = frozenset({"ReadTimeout", "ConnectionError", "Timeout", "ChunkedEncodingError", "ContentDecodingError"})
"""Names of errors of the HTTP library, which the log of attempts keeps as the reason."""
UNANSWERED_LOOKUP = "lookup_unanswered"
NO_CALLS = frozenset({"nothing_to_send", "certificate_unusable", "contract_unusable", "contract_mismatch"})
"""Codes of ours with which an attempt ended before anything left."""
NOT_TRUSTED = "tls_untrusted"
"""The code of ours when the server's certificate is not one that we trust: either side may have the wrong one."""
_HTTP_SERVER_ERROR = re.compile(r"http[_ ]5\d\d\b", re.IGNORECASE)
_NAME_OF_AN_ERROR = re.compile(r"[A-Za-z_]+")
_ANSWERS = {
    "delivered": Sign.ACCEPTED,
    "already_delivered": Sign.ACCEPTED,
    "rejected": Sign.REFUSED,
    "halted": Sign.NOT_LET_IN,
}


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt as the log keeps it; `outcome` is one of the words of the log, `milliseconds` how long it took."""

    started_at: datetime
    milliseconds: int
    outcome: str
    code: str | None = None
    description: str | None = None

    @property
    def ended_at(self) -> datetime:
        """When its outcome was known."""
        return self.started_at + timedelta(milliseconds=self.milliseconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A run of failures without an answer between them; all instants are those at which calls began.

    `ended_at` is when the first call that was answered began (never before the last failure), None if none was yet.
    `calls` counts the failures by which it is shown, `signs` says which; `unclear` more failed in the meantime for
    reasons that cannot be told. `longest_gap` is the longest time inside it without any call. A `momentary` one is a
    single failure, or is shorter than the minimum.
    """

    begun_at: datetime
    last_failed_at: datetime
    ended_at: datetime | None
    calls: int
    signs: tuple[tuple[Sign, int], ...]
    unclear: int
    longest_gap: timedelta
    side: Side
    momentary: bool

    @property
    def shown(self) -> timedelta:
        """How long it lasted by what the calls show."""
        return (self.ended_at or self.last_failed_at) - self.begun_at

    def covers(self, instant: datetime) -> bool:
        """Whether it had begun and not ended."""
        return self.begun_at <= instant and (self.ended_at is None or instant <= self.ended_at)


def sign_of(call: Call) -> Sign:
    """What a call shows; whatever is not known for certain is unclear."""
    code = (call.code or "").strip().rpartition(":")[2]
    text = call.description or ""
    if code in NO_CALLS:
        return Sign.NO_CALL
    if code == NOT_TRUSTED:
        return Sign.UNCLEAR
    if call.outcome in _ANSWERS:
        return _ANSWERS[call.outcome]
    if code.casefold() in SERVER_CODES or _HTTP_SERVER_ERROR.match(code) or _HTTP_SERVER_ERROR.match(text):
        return Sign.SERVER_ERROR
    if call.outcome == "outcome_unknown":
        return Sign.NO_ANSWER if text in BROKEN_OFF else Sign.UNCLEAR
    return Sign.UNCLEAR if code else _sign_of_reason(text)


def _sign_of_reason(reason: str) -> Sign:
    """A retryable failure without a code: of the network by its known names, of ours if an error was its reason."""
    if reason == UNANSWERED_LOOKUP:
        return Sign.NO_ANSWER
    if reason in NOT_CONNECTED:
        return Sign.NO_CONNECTION
    ambiguous = reason in BROKEN_OFF or reason.startswith(("SSL", "Proxy"))
    return Sign.NO_CALL if _NAME_OF_AN_ERROR.fullmatch(reason) and not ambiguous else Sign.UNCLEAR


def is_failure(sign: Sign) -> bool:
    """Whether a call was made and got no answer of substance."""
    return sign in OF_THE_CENTRE or sign is Sign.UNCLEAR


def outages(calls: Iterable[Call], minimum: timedelta = MINIMUM) -> list[Outage]:
    """The outages and the momentary failures that calls of one endpoint show, in order; calls may come in any order.

    Calls overlap where several workers send. An answer counts at the instant at which it came: no failure that began
    before it and none that began after it are one run.
    """
    signs = [(call, sign_of(call)) for call in calls]
    answered = (call for call, sign in signs if sign in ANSWERED)
    answers = sorted(answered, key=lambda call: (call.ended_at, call.started_at))
    failures = sorted(((call, sign) for call, sign in signs if is_failure(sign)), key=lambda each: each[0].started_at)
    found: list[Outage] = []
    position = 0
    run: list[tuple[Call, Sign]] = []
    for call, sign in failures:
        if run and position < len(answers) and answers[position].ended_at <= call.started_at:
            found.append(_outage(run, answers[position], minimum))
            run = []
        while position < len(answers) and answers[position].ended_at <= call.started_at:
            position += 1
        run.append((call, sign))
    if run:
        found.append(_outage(run, answers[position] if position < len(answers) else None, minimum))
    return found


def _outage(run: Sequence[tuple[Call, Sign]], answer: Call | None, minimum: timedelta) -> Outage:
    shown = [each for each in run if each[1] in OF_THE_CENTRE] or run
    starts = [call.started_at for call, _ in shown]
    signs = [sign for _, sign in shown]
    ended_at = max(answer.started_at, starts[-1]) if answer else None
    marks = [
        *sorted(call.started_at for call, _ in run if call.started_at >= starts[0]),
        *([ended_at] if ended_at else []),
    ]
    side = Side.CENTRE if signs[0] in OF_THE_CENTRE else Side.UNCLEAR
    return Outage(
        begun_at=starts[0],
        last_failed_at=starts[-1],
        ended_at=ended_at,
        calls=len(shown),
        signs=tuple((sign, signs.count(sign)) for sign in Sign if sign in signs),
        unclear=len(run) - len(shown),
        longest_gap=max((later - earlier for earlier, later in pairwise(sorted(marks))), default=timedelta()),
        side=side,
        momentary=len(shown) == 1 or (ended_at or starts[-1]) - starts[0] < minimum,
    )
