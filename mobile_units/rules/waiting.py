"""The life of an entry on a waiting list."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class WaitingStatus(StrEnum):
    """Where an entry stands: a place that is `offered` is held for the woman until she answers or the time is over.

    An offer that she lets pass ends the entry as `lapsed`; one that she declines puts her back to `waiting`.
    """

    WAITING = "waiting"
    OFFERED = "offered"
    BOOKED = "booked"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"

    @property
    def name_pl(self) -> str:
        """The Polish name of the status."""
        return _NAMES_PL[self]


_NAMES_PL = {
    WaitingStatus.WAITING: "oczekuje",
    WaitingStatus.OFFERED: "zaproponowano termin",
    WaitingStatus.BOOKED: "umówiona",
    WaitingStatus.LAPSED: "nie odpowiedziała w terminie",
    WaitingStatus.WITHDRAWN: "wycofana",
}

OPEN = frozenset({WaitingStatus.WAITING, WaitingStatus.OFFERED})
"""A woman has at most one such entry in a programme."""

TRANSITIONS: Mapping[WaitingStatus, frozenset[WaitingStatus]] = MappingProxyType(
    {
        WaitingStatus.WAITING: frozenset({WaitingStatus.OFFERED, WaitingStatus.BOOKED, WaitingStatus.WITHDRAWN}),
        WaitingStatus.OFFERED: frozenset(WaitingStatus) - {WaitingStatus.OFFERED},
        WaitingStatus.BOOKED: frozenset(),
        WaitingStatus.LAPSED: frozenset({WaitingStatus.WAITING}),
        WaitingStatus.WITHDRAWN: frozenset(),
    }
)
"""The statuses that may follow each status; who let an offer pass may be put back by staff, at the end of the list."""
