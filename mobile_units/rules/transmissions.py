"""The vocabulary of the hand-over to the central e-registration, its order, its pace, and when to try again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class MessageKind(StrEnum):
    """The steps of the hand-over; each kind has one encoder."""

    SAVE_SERVICE_PLACE = "save_service_place"
    IMPORT_MOBILE_POINTS = "import_mobile_points"
    SAVE_SCHEDULE = "save_schedule"
    WITHDRAW_SLOTS = "withdraw_slots"
    SAVE_SLOTS = "save_slots"
    ACTIVATE_SERVICE_PLACE = "activate_service_place"
    SAVE_VISIT = "save_visit"
    CANCEL_VISIT = "cancel_visit"
    LOAD_VISITS = "load_visits"


SEQUENCES: tuple[frozenset[MessageKind], ...] = (frozenset({MessageKind.SAVE_VISIT, MessageKind.CANCEL_VISIT}),)
"""Kinds whose messages about one subject must arrive in the order in which they were stored."""

BACK_OFF_BASE = timedelta(seconds=2)
BACK_OFF_CAP = timedelta(minutes=2)
ASK_AGAIN_CAP = timedelta(seconds=30)
"""The longest wait before the receiver is asked what became of a message of unknown outcome."""

FAILURES_TO_OPEN = 5
"""So many calls in a row without an answer of substance mean that the receiver is down."""
PROBE_BASE = timedelta(seconds=1)
PROBE_CAP = timedelta(seconds=60)


def in_sequence_with(kind: MessageKind) -> frozenset[MessageKind]:
    """The kinds that may not overtake a message of this kind, or be overtaken by it, about one subject."""
    return next((sequence for sequence in SEQUENCES if kind in sequence), frozenset({kind}))


def back_off(attempts: int, fraction: float, cap: timedelta = BACK_OFF_CAP) -> timedelta:
    """How long to wait after the given number of attempts: exponential, with full jitter.

    `fraction` is a random number from 0 to 1; drawing the whole wait, and not a small part of it, at random spreads
    the messages that failed together.
    """
    longest = BACK_OFF_BASE * 2.0 ** min(attempts - 1, 30)
    return min(cap, longest) * fraction


@dataclass(frozen=True, slots=True)
class Breaker:
    """The circuit breaker of a connection: closed while `opened_at` is None; open, one call may go at `probe_at`.

    `failures` counts the calls in a row that got no answer of substance.
    """

    failures: int = 0
    opened_at: datetime | None = None
    probe_at: datetime | None = None

    def after_failure(self, now: datetime, fraction: float, *, probe: bool) -> "Breaker":
        """The breaker after a call that got no answer; `fraction` is a random number from 0 to 1.

        Calls that were under way when it opened fail later. They do not bring the next probe nearer: only the failure
        of the `probe` itself says when the next one goes.
        """
        failures = self.failures + 1
        if failures < FAILURES_TO_OPEN or (self.opened_at is not None and not probe):
            return Breaker(failures, self.opened_at, self.probe_at)
        return Breaker(failures, self.opened_at or now, now + probe_wait(failures, fraction))


def probe_wait(failures: int, fraction: float) -> timedelta:
    """How long to wait for the next probe: from 1 s to 60 s, twice as long each time, up to half of it drawn by lot."""
    longest = min(PROBE_CAP, 2 * PROBE_BASE * 2.0 ** min(max(failures - FAILURES_TO_OPEN, 0), 30))
    return longest * (1 + fraction) / 2


def spacing(calls_per_second: float) -> timedelta:
    """The time between the beginnings of two calls at this rate; none if it is 0, which means no limit."""
    return timedelta(seconds=1 / calls_per_second) if calls_per_second else timedelta(0)
