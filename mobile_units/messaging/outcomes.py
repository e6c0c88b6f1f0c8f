"""What an attempt came to, as a queue stores it: nothing here holds a text, a number, an address or a foreign sentence.

Servers repeat addresses and numbers in their answers, so of an answer only the code is kept.
"""

from dataclasses import dataclass

from mobile_units.rules.deliveries import Presence, SendResult


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an attempt; `reason` says why in a few words of ours, `reference` is the receiver's name for it."""

    result: SendResult
    reason: str = ""
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a look-up came to; `reason` says why there is no answer."""

    presence: Presence
    reference: str | None = None
    reason: str = ""
