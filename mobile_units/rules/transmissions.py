"""The vocabulary of the hand-over to the central e-registration, its order, and when to try again."""

from datetime import timedelta
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
BACK_OFF_CAP = timedelta(minutes=10)
ASK_AGAIN_CAP = timedelta(seconds=30)
"""The longest wait before the receiver is asked what became of a message of unknown outcome."""


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
