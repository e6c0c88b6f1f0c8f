"""The life of an entry on a waiting list, whose turn it is, and until when a woman may answer an offer."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType

from mobile_units.rules.calendar import local_day, local_instant


class WaitingStatus(StrEnum):
    """Where an entry stands: a place that is `offered` is held for the woman until she answers or the time is over.

    An offer that she lets pass ends the entry as `lapsed`, as does the end of all that she waits for; an offer that
    she declines puts her back to `waiting`.
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
    WaitingStatus.LAPSED: "wygasła",
    WaitingStatus.WITHDRAWN: "wycofana",
}

OPEN = frozenset({WaitingStatus.WAITING, WaitingStatus.OFFERED})
"""A woman has at most one such entry in a programme."""

TRANSITIONS: Mapping[WaitingStatus, frozenset[WaitingStatus]] = MappingProxyType(
    {
        WaitingStatus.WAITING: frozenset(WaitingStatus) - {WaitingStatus.WAITING},
        WaitingStatus.OFFERED: frozenset(WaitingStatus) - {WaitingStatus.OFFERED},
        WaitingStatus.BOOKED: frozenset(),
        WaitingStatus.LAPSED: frozenset({WaitingStatus.WAITING}),
        WaitingStatus.WITHDRAWN: frozenset(),
    }
)
"""The statuses that may follow each status; who let an offer pass may be put back by staff, at the end of the list."""

FIRST_HOUR, LAST_HOUR = time(8), time(20)
"""Polish hours between which women are offered places and the time to answer ends."""
LEAD = timedelta(hours=2)
"""How long before its slot an offer is over at the latest, so that somebody else can still come."""
SHORTEST = timedelta(minutes=30)
"""Nobody is asked to answer sooner."""


def turn(*, urgent: bool, queued_at: datetime) -> tuple[bool, datetime]:
    """The order in which places are offered, the least first: urgent women, then those who wait for longest."""
    return not urgent, queued_at


def answer_by(now: datetime, starts_at: datetime, allowed: timedelta) -> datetime | None:
    """Until when a woman may answer an offer made at `now`, or at night on the next morning, of a slot at `starts_at`.

    The time `allowed` is counted by day alone. It ends by day too, and `LEAD` before the slot. None if that would leave
    her less than `SHORTEST`: then there is no time for an offer.
    """
    begins = by_day(now)
    until = min(_counted_by_day(begins, allowed), _day_before(starts_at - LEAD))
    return until if until - begins >= SHORTEST else None


def by_day(instant: datetime) -> datetime:
    """The instant itself if it is day, else the next morning."""
    opens, closes = _bounds(instant, 0)
    if instant < opens:
        return opens
    return instant if instant < closes else _bounds(instant, 1)[0]


def _counted_by_day(begins: datetime, allowed: timedelta) -> datetime:
    left = _bounds(begins, 0)[1] - begins
    while allowed > left:
        allowed -= left
        begins = _bounds(begins, 1)[0]
        left = _bounds(begins, 0)[1] - begins
    return begins + allowed


def _day_before(instant: datetime) -> datetime:
    """The last instant of a day that is not later."""
    opens, closes = _bounds(instant, 0)
    return min(instant, closes) if instant >= opens else _bounds(instant, -1)[1]


def _bounds(instant: datetime, days: int) -> tuple[datetime, datetime]:
    """When it becomes and ceases to be day, so many days after the Polish day of an instant."""
    day = local_day(instant) + timedelta(days=days)
    return local_instant(day, FIRST_HOUR), local_instant(day, LAST_HOUR)
