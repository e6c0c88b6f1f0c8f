"""Disturbances on demand: what goes wrong with a share of the calls, so that a client can be seen to cope.

Whatever is disturbed, a message is never answered as accepted or as a duplicate unless it was accepted.
"""

import random
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from threading import Lock
from typing import Any

LONGEST = 86_400.0
"""The most seconds that a disturbance may take."""


class Kind(StrEnum):
    """What goes wrong.

    DELAY: the answer comes late. REFUSE: the connection is reset and for some seconds nobody listens. RESET_BEFORE and
    RESET_AFTER: the connection is reset, the request not carried out or carried out. HTTP_500: an error without SOAP,
    the request not carried out. FAULT: a technical error of P1, the request not carried out. MALFORMED, TRUNCATED: the
    request is carried out and the answer is no XML or stops in the middle. DUPLICATE: it is carried out and called a
    duplicate. CLOCK_SKEW: the clock is off.
    """

    DELAY = "delay"
    REFUSE = "refuse"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    HTTP_500 = "http_500"
    FAULT = "fault"
    MALFORMED = "malformed"
    TRUNCATED = "truncated"
    DUPLICATE = "duplicate"
    CLOCK_SKEW = "clock_skew"


_ALL = frozenset(Kind)
TIMED = frozenset({Kind.DELAY, Kind.REFUSE, Kind.CLOCK_SKEW})
"""The kinds that need seconds; those of a clock may be negative."""


class BadDisturbanceError(ValueError):
    """A disturbance that cannot be; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """One thing that goes wrong with a `share` of the calls, or of those of one `operation`.

    `code` is that of a fault; `seconds` how long a delay or a refusal takes or how far the clock is off (positive:
    fast); `remaining` how many calls are still to be disturbed (None: without end). With a `seed` the same calls are
    disturbed each time.
    """

    kind: Kind
    share: float = 1.0
    operation: str | None = None
    code: str | None = None
    seconds: float | None = None
    remaining: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        _require(0 <= self.share <= 1, "share lies between 0 and 1")
        _require((self.kind is Kind.FAULT) == (self.code is not None), "a fault, and nothing else, has a code")
        _require(self.code is None or re.fullmatch(r"[A-Za-z]{1,100}", self.code), "a code has letters only")
        _require((self.kind in TIMED) == (self.seconds is not None), "delay, refuse and clock_skew have seconds")
        lowest = -LONGEST if self.kind is Kind.CLOCK_SKEW else 0
        _require(self.seconds is None or lowest <= self.seconds <= LONGEST, "seconds are not a day or more")
        _require(self.remaining is None or self.remaining > 0, "remaining is a positive number")

    @property
    def is_outage(self) -> bool:
        """Whether it befalls everybody at once, without waiting for a call."""
        return self.kind is Kind.REFUSE and self.share >= 1 and self.operation is None

    def after_a_call(self) -> "Disturbance | None":
        """What is left of it once it has struck."""
        if self.remaining is None:
            return self
        return replace(self, remaining=self.remaining - 1) if self.remaining > 1 else None

    def as_json(self) -> dict[str, Any]:
        """Its fields, as they are given."""
        return asdict(self)


def read(given: object) -> Disturbance:
    """A disturbance from JSON; raises BadDisturbanceError."""
    if not isinstance(given, dict):
        raise BadDisturbanceError("a disturbance is an object")
    try:
        fields = {name: _FIELDS[name](value) for name, value in given.items() if value is not None}
        return Disturbance(**fields)
    except KeyError as unknown:
        raise BadDisturbanceError(f"there is no field {unknown}; there are {', '.join(_FIELDS)}") from None
    except TypeError:
        raise BadDisturbanceError("a field lacks or is of the wrong type; kind is needed") from None
    except BadDisturbanceError:
        raise
    except ValueError as wrong:
        raise BadDisturbanceError(str(wrong)) from None


@dataclass(slots=True)
class _Active:
    """A disturbance that is switched on, None once it is used up; and its dice."""

    disturbance: Disturbance | None
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        seed = self.disturbance.seed if self.disturbance else None
        self.dice = random.Random(seed)  # noqa: S311 -- chance, not a secret

    def strike(self, operation: str | None, kinds: Collection[Kind]) -> Disturbance | None:
        """The disturbance if it is of these kinds and befalls this call, which uses it up by one."""
        known = self.disturbance
        if known is None or known.kind not in kinds or known.operation not in {None, operation}:
            return None
        if self.dice.random() >= known.share:
            return None
        self.disturbance = known.after_a_call()
        return known


class Disturbances:
    """Those that are switched on; safe to share between threads."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._active: list[_Active] = []

    def switch_on(self, *more: Disturbance) -> None:
        """Adds to those there are."""
        with self._turn:
            self._active += map(_Active, more)

    def replace(self, all_of_them: Iterable[Disturbance]) -> None:
        """Leaves these and no others."""
        with self._turn:
            self._active = [*map(_Active, all_of_them)]

    def listed(self) -> list[Disturbance]:
        """Those that are switched on, `remaining` as it is now."""
        with self._turn:
            return [each.disturbance for each in self._active if each.disturbance]

    def draw(self, operation: str | None) -> tuple[float, Disturbance | None]:
        """What befalls a call: seconds of delay, and of the other kinds the first that strikes."""
        delay, struck = 0.0, None
        with self._turn:
            for each in self._active:
                found = each.strike(operation, _ALL if struck is None else {Kind.DELAY})
                if found and found.kind is Kind.DELAY:
                    delay += found.seconds or 0
                elif found:
                    struck = found
            self._active = [each for each in self._active if each.disturbance]
        return delay, struck


def _require(condition: object, reason: str) -> None:
    if not condition:
        raise BadDisturbanceError(reason)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadDisturbanceError("share and seconds are numbers")
    return float(value)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadDisturbanceError("remaining and seed are whole numbers")
    return value


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise BadDisturbanceError("operation and code are names")
    return value


_FIELDS: dict[str, Any] = {
    "kind": Kind,
    "share": _number,
    "operation": _name,
    "code": _name,
    "seconds": _number,
    "remaining": _count,
    "seed": _count,
}
