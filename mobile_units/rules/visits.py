"""The life of a visit: its statuses, which may follow which, and which of them hold a place.

A visit that moves ends as `moved` and a new visit is booked at the new time. A reservation that was not completed in
time is cancelled by the system. What was recorded about attendance can be corrected, because it is often filled in
later from paper: `performed`, `not_performed` and `no_show` may replace one another, and a woman who came late
after all goes from `no_show` to `arrived`.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from mobile_units.errors import DomainError


class VisitStatus(StrEnum):
    """Where a visit stands; it begins as `held` (a short reservation) or `booked`."""

    HELD = "held"
    BOOKED = "booked"
    CONFIRMED = "confirmed"
    ARRIVED = "arrived"
    PERFORMED = "performed"
    NOT_PERFORMED = "not_performed"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"
    MOVED = "moved"

    @property
    def name_pl(self) -> str:
        """The Polish name of the status."""
        return _NAMES_PL[self]


_NAMES_PL = {
    VisitStatus.HELD: "wstępnie zarezerwowana",
    VisitStatus.BOOKED: "umówiona",
    VisitStatus.CONFIRMED: "potwierdzona",
    VisitStatus.ARRIVED: "pacjentka przyszła",
    VisitStatus.PERFORMED: "zrealizowana",
    VisitStatus.NOT_PERFORMED: "niezrealizowana",
    VisitStatus.NO_SHOW: "pacjentka nie przyszła",
    VisitStatus.CANCELLED: "odwołana",
    VisitStatus.MOVED: "przeniesiona",
}


class VisitSource(StrEnum):
    """Where a visit was booked: at the provider, by the woman in IKP, or before the integration (initial load)."""

    PROVIDER = "provider"
    IKP = "ikp"
    INITIAL_LOAD = "initial_load"


class CancelledBy(StrEnum):
    """Who cancelled a visit; `system` is an expired reservation."""

    WOMAN = "woman"
    PROVIDER = "provider"
    SYSTEM = "system"


class ChangedBy(StrEnum):
    """Who changed a visit last: the woman in IKP, the provider (so it is an echo of ours), or the central system."""

    WOMAN = "woman"
    PROVIDER = "provider"
    SYSTEM = "system"


_GIVEN_UP = frozenset({VisitStatus.CANCELLED, VisitStatus.MOVED})
_ATTENDANCE = frozenset({VisitStatus.PERFORMED, VisitStatus.NOT_PERFORMED, VisitStatus.NO_SHOW})

TRANSITIONS: Mapping[VisitStatus, frozenset[VisitStatus]] = MappingProxyType(
    {
        VisitStatus.HELD: frozenset({VisitStatus.BOOKED, VisitStatus.CANCELLED}),
        VisitStatus.BOOKED: frozenset({VisitStatus.CONFIRMED, VisitStatus.ARRIVED}) | _ATTENDANCE | _GIVEN_UP,
        VisitStatus.CONFIRMED: frozenset({VisitStatus.ARRIVED}) | _ATTENDANCE | _GIVEN_UP,
        VisitStatus.ARRIVED: _ATTENDANCE | _GIVEN_UP,
        VisitStatus.PERFORMED: _ATTENDANCE - {VisitStatus.PERFORMED},
        VisitStatus.NOT_PERFORMED: _ATTENDANCE - {VisitStatus.NOT_PERFORMED},
        VisitStatus.NO_SHOW: _ATTENDANCE - {VisitStatus.NO_SHOW} | {VisitStatus.ARRIVED},
        VisitStatus.CANCELLED: frozenset(),
        VisitStatus.MOVED: frozenset(),
    }
)
"""The statuses that may follow each status."""

ACTIVE: frozenset[VisitStatus] = frozenset(
    {
        VisitStatus.HELD,
        VisitStatus.BOOKED,
        VisitStatus.CONFIRMED,
        VisitStatus.ARRIVED,
    }
)
"""Visits still to be carried out; a woman has at most one of them in a programme."""

OCCUPYING: frozenset[VisitStatus] = frozenset(VisitStatus) - _GIVEN_UP
"""Visits that keep their place in the slot, so that correcting attendance never overfills it."""


def require_transition(current: VisitStatus, new: VisitStatus) -> None:
    """Raises `transition_not_allowed` unless a visit that is `current` may become `new`."""
    if new not in TRANSITIONS[current]:
        raise DomainError("transition_not_allowed", from_status=current, to_status=new)
