"""The search for slots: what can really be booked, the soonest or the nearest first.

A slot can be booked when it is open, has not begun, has a free place, fits its mixed session, is not kept for the
waiting list, and is not reserved for somebody else. It need not be known to the central system yet: the visit's
message waits for the message of the slot.

A hold that has run out gives its place back in the eyes of the search, though nobody has released it yet: whoever books
next does (`services.holds`). Not so a place that was offered to somebody on the waiting list, because it is offered
further, and a mixed session in which one more fits only without the hold, because that is judged when it is released.

How a search stays fast however much is stored (`services.slot_statements`): anywhere, slots are walked in order of
time until the page is full, which it soon is. If it is not, because those wanted are rare, and wherever the place is
known, the schedules are found first and their slots asked for one schedule at a time. No way counts what it finds.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from math import asin, cos, degrees, inf, radians, sin
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.slots import SlotStatus
from mobile_units.rules.admission import BookingChannel, Reservation, reservations_open_to
from mobile_units.rules.calendar import LONGEST_PERIOD_DAYS, local_day, local_instant, require_in_order, require_period
from mobile_units.rules.day_times import Window, windows
from mobile_units.rules.programmes import Path, Programme
from mobile_units.services import alternative_statements
from mobile_units.services import slot_statements as statements
from mobile_units.services.actors import Actor
from mobile_units.services.queries import Paging
from mobile_units.services.slot_columns import BY_IDS, EARTH_RADIUS_KM
from mobile_units.services.slot_statements import Counts, Shape

DEEPEST = 2_000
"""So many slots can be turned over by number of page; whoever wants more goes on behind the last slot (`after`)."""

WALKED = 2_000
"""At least so many bookable slots are looked at in order of time before they are looked for by schedule."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(2200, 1, 1, tzinfo=UTC)
_EVERY_ID, _NO_ID = -1, 2**63 - 1


class SlotOrder(StrEnum):
    """What comes first; slots at one distance are in order of time."""

    TIME = "time"
    DISTANCE = "distance"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list of slots goes on: behind this one; `distance_km` is -1 where they are in order of time."""

    starts_at: datetime
    slot_id: int
    distance_km: float = -1.0

    def __str__(self) -> str:
        """As clients keep it."""
        return f"{(self.starts_at - _EPOCH) // timedelta(microseconds=1)}_{self.slot_id}_{self.distance_km!r}"

    @classmethod
    def parse(cls, written: str) -> Self:
        """The place that was written so; ValueError for anything else."""
        microseconds, slot_id, distance = written.split("_")
        try:
            starts_at = _EPOCH + timedelta(microseconds=int(microseconds))
        except OverflowError as error:
            raise ValueError from error
        place = cls(starts_at, int(slot_id), float(distance))
        if not (_EPOCH <= starts_at < _END and 0 < place.slot_id < _NO_ID and -1 <= place.distance_km < inf):
            raise ValueError
        return place


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFilter:
    """Which bookable slots are wanted; days are included, `weekdays` are ISO numbers, none meaning all.

    A slot begins at `from_time` or later and before `to_time`, as clocks in Poland show it. `text` is part of the name,
    locality or gmina of a site or of the name or address of a place, capitals and Polish marks not minded; `gmina` is
    its whole name, `teryt` the beginning of its code. With coordinates only slots of stops within `radius_km`, as the
    crow flies, are found: a stationary place has an address but no coordinates. `path` is the one that a slot's
    schedule is meant for.

    `channel` and `urgent` say which reserved slots are open. With `overbooking` slots are found, too, that have only
    extra places left; `places` is how many women come together, which rules mixed sessions out if it is more than one.
    """

    paging: Paging = Paging()
    after: Place | None = None
    programme: Programme | None = None
    path: Path | None = None
    first_day: date | None = None
    last_day: date | None = None
    weekdays: Collection[int] = ()
    from_time: time | None = None
    to_time: time | None = None
    service_place_id: int | None = None
    stop_id: int | None = None
    teryt: str | None = None
    gmina: str | None = None
    text: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    radius_km: float = 30.0
    channel: BookingChannel = BookingChannel.DESK
    urgent: bool = False
    overbooking: bool = False
    places: int = 1
    order: SlotOrder = SlotOrder.TIME

    @property
    def by_distance(self) -> bool:
        """Whether the nearest come first, which without coordinates they cannot."""
        return self.order is SlotOrder.DISTANCE and self.latitude is not None


@dataclass(frozen=True, slots=True)
class SlotAtPlace:
    """A slot with where it is; stop and site are empty in a stationary place, distance without coordinates.

    `free` counts places within the capacity, `extra` those above it that are left; where only these are, the woman is
    told the `overbooking_reason`.
    """

    id: int
    uuid: UUID
    schedule_id: int
    starts_at: datetime
    ends_at: datetime
    status: SlotStatus
    capacity: int
    free: int
    extra: int
    reserved_for: Reservation | None
    overbooking_reason: str | None
    programme: Programme
    path: Path
    mobile: bool
    service_place_id: int
    service_place: str
    address: str
    stop_id: int | None
    site_id: int | None
    site: str | None
    locality: str | None
    landmark: str | None
    street: str | None
    telephone: str | None
    latitude: float | None
    longitude: float | None
    distance_km: float | None


@dataclass(frozen=True, slots=True)
class SlotPage:
    """A part of the slots found; `more` tells whether others follow, for counting them all would cost every search.

    `next` is where they go on, None if no more follow.
    """

    items: list[SlotAtPlace]
    page: int
    page_size: int
    more: bool
    next: Place | None = field(default=None)


def find(session: Session, actor: Actor, criteria: SlotFilter, now: datetime) -> SlotPage:
    """The slots that can be booked at the instant `now`, the soonest or the nearest first.

    Raises:
        DomainError: `period_reversed`; `period_too_long`, more than a year for some weekdays or hours alone;
            `page_too_deep`, see `DEEPEST`.
    """
    _require_sense(criteria)
    by_distance = criteria.by_distance
    about = _shape(criteria), _counts(criteria), _parameters(actor, criteria, now)
    rows = _found(session, *about, by_distance=by_distance)
    paging = criteria.paging
    items = [_slot(row) for row in rows[: paging.page_size]]
    more = len(rows) > paging.page_size
    return SlotPage(items, paging.page, paging.page_size, more, _behind(items[-1], by_distance) if more else None)


def _require_sense(criteria: SlotFilter) -> None:
    first, last = criteria.first_day, criteria.last_day
    if first and last:
        require_in_order(first, last)
        if _at_times(criteria):
            require_period(first, last)
    if criteria.paging.page * criteria.paging.page_size > DEEPEST and criteria.paging.page > 1:
        raise DomainError("page_too_deep", slots=DEEPEST)


def _found(
    session: Session, shape: Shape, counts: Counts, parameters: dict[str, Any], *, by_distance: bool
) -> Sequence[Row[Any]]:
    if by_distance:
        return session.execute(statements.nearest(shape, counts), parameters).all()
    if shape.anywhere and shape.walks:
        rows = session.execute(statements.walk(shape, counts), parameters).all()
        if rows and rows[0].seen == counts.enough:
            return rows
        if session.scalar(statements.walked(shape, counts), parameters) < counts.walked:
            return rows
    return session.execute(statements.soonest(shape, counts), parameters).all()


def _slot(row: Row[Any]) -> SlotAtPlace:
    return SlotAtPlace(*tuple(row)[:-1])


def _behind(slot: SlotAtPlace, by_distance: bool) -> Place:  # noqa: FBT001 -- told by the caller, one line above
    distance = slot.distance_km if by_distance else None
    return Place(slot.starts_at, slot.id, -1.0 if distance is None else distance)


def _shape(criteria: SlotFilter) -> Shape:
    given = [name for name in _CRITERIA if getattr(criteria, name) is not None]
    if criteria.latitude is not None:
        given.append("distance")
    return Shape(
        given=frozenset(given),
        reservations=_reservations(criteria.channel, urgent=criteria.urgent),
        times=_at_times(criteria),
        overbooking=criteria.overbooking,
        several=criteria.places > 1,
    )


_CRITERIA = ("programme", "path", "service_place_id", "stop_id", "teryt", "gmina", "text")


def _reservations(channel: BookingChannel, *, urgent: bool) -> tuple[str, ...]:
    """As `slot_statements.branches` names them; the first is that of slots that are not reserved."""
    return ("", *sorted(reservations_open_to(channel, urgent=urgent)))


def _at_times(criteria: SlotFilter) -> bool:
    return bool(criteria.weekdays) or criteria.from_time is not None or criteria.to_time is not None


def _counts(criteria: SlotFilter) -> Counts:
    size = criteria.paging.page_size
    offset = 0 if criteria.after else (criteria.paging.page - 1) * size
    return Counts(size + 1, offset + size + 1, offset, max(WALKED, 4 * (offset + size)))


def _parameters(actor: Actor, criteria: SlotFilter, now: datetime) -> dict[str, Any]:
    """All that any of the statements may ask for; each takes its own."""
    start = _start(criteria, now)
    last_day = criteria.last_day or _END.date()
    return {
        "provider_id": actor.provider_id,
        "now": now,
        "from_at": start[0],
        "from_id": start[1],
        "until": local_instant(criteria.last_day + timedelta(days=1), time()) if criteria.last_day else _END,
        "first_day": local_day(start[0]),
        "last_day": last_day,
        "places": criteria.places,
        **{name: getattr(criteria, name) for name in ("programme", "path", "service_place_id", "stop_id", "teryt")},
        "gmina": criteria.gmina and folded(criteria.gmina),
        "text": criteria.text and _containing(criteria.text),
        **(_times(criteria, start) if _at_times(criteria) else {}),
        **_around(criteria),
    }


def _start(criteria: SlotFilter, now: datetime) -> tuple[datetime, int]:
    """The last instant and key that are not looked at any more."""
    start = (now, _NO_ID)
    if criteria.first_day:
        start = max(start, (local_instant(criteria.first_day, time()), _EVERY_ID))
    if criteria.after and not criteria.by_distance:
        start = max(start, (criteria.after.starts_at, criteria.after.slot_id))
    return start


def _times(criteria: SlotFilter, start: tuple[datetime, int]) -> dict[str, Any]:
    """The times wanted from the start on, for a year unless a last day is given."""
    first = local_day(start[0])
    last = criteria.last_day or first + timedelta(days=LONGEST_PERIOD_DAYS - 1)
    all_of_them = windows(first, last, tuple(sorted(set(criteria.weekdays))), criteria.from_time, criteria.to_time)
    lower = [max((starts_at, _EVERY_ID), start) for starts_at, ends_at in all_of_them if ends_at > start[0]]
    return {
        "lower": [instant for instant, _ in lower],
        "from_ids": [key for _, key in lower],
        "upper": [ends_at for _, ends_at in all_of_them if ends_at > start[0]],
        "times": _multirange(all_of_them),
    }


@lru_cache(maxsize=64)
def _multirange(times: tuple[Window, ...]) -> str:
    """As PostgreSQL reads it."""
    return "{" + ",".join(f"[{starts_at.isoformat()},{ends_at.isoformat()})" for starts_at, ends_at in times) + "}"


_FOLDED = str.maketrans("ąćęłńóśźż", "acelnoszz")


def folded(written: str) -> str:
    """A text without regard to capitals and to the Polish marks on letters, as `models.sites.FOLDED`."""
    return written.lower().translate(_FOLDED)


def _containing(part: str) -> str:
    escaped = re.sub(r"([\\%_])", r"\\\1", folded(part))
    return f"%{escaped}%"


def _around(criteria: SlotFilter) -> dict[str, float | datetime | int]:
    """The circle wanted, the box of coordinates around it, and where in it a list goes on."""
    if criteria.latitude is None or criteria.longitude is None:
        return {}
    south, north, west, east = _box(criteria.latitude, criteria.longitude, criteria.radius_km)
    after = criteria.after or Place(_EPOCH, _EVERY_ID)
    return {
        "latitude": criteria.latitude,
        "longitude": criteria.longitude,
        "radius_km": criteria.radius_km,
        "south": south,
        "north": north,
        "west": west,
        "east": east,
        "after_km": after.distance_km,
        "after_at": after.starts_at,
        "after_id": after.slot_id,
    }


def _box(latitude: float, longitude: float, radius_km: float) -> tuple[float, float, float, float]:
    """South, north, west and east of a circle; all longitudes where it holds a pole or crosses the date line."""
    angle = radius_km / EARTH_RADIUS_KM * (1 + 1e-9) + 1e-9
    south, north = latitude - degrees(angle), latitude + degrees(angle)
    across = sin(angle) / cos(radians(latitude)) if south > -90 and north < 90 else 1.0
    width = degrees(asin(across)) if across < 1 else 180.0
    if longitude - width < -180 or longitude + width > 180:
        return south, north, -180.0, 180.0
    return south, north, longitude - width, longitude + width


def get(session: Session, actor: Actor, slot_id: int) -> SlotAtPlace:
    """One slot, bookable or not.

    Raises:
        DomainError: `not_found`.
    """
    found = get_many(session, actor, [slot_id])
    if not found:
        raise DomainError("not_found", what=f"Slot {slot_id}")
    return found[0]


def get_many(session: Session, actor: Actor, slot_ids: Collection[int]) -> list[SlotAtPlace]:
    """Those of the slots that are the provider's, bookable or not, by time."""
    parameters = {"ids": list(slot_ids), "provider_id": actor.provider_id}
    return [_slot(row) for row in session.execute(BY_IDS, parameters)]


def alternatives(  # noqa: PLR0913 -- what a woman asks for, and how many answers
    session: Session,
    actor: Actor,
    slot_id: int,
    *,
    path: Path,
    channel: BookingChannel,
    urgent: bool,
    now: datetime,
    limit: int = 5,
) -> list[SlotAtPlace]:
    """The nearest slots that can be booked instead of one that cannot be had, on her path or on that of the slot.

    First come those of the same stop or stationary place on the same day; then the others, by the hours between the
    two beginnings plus the kilometres between the two sites (`distance_km`), up to 28 days and 100 km away. A
    stationary place is near to itself only, having no coordinates. Places behind holds that ran out are not counted,
    nor are those of a mixed session on another path than hers, for which it may have no rooms or no time.
    """
    parameters = {
        "provider_id": actor.provider_id,
        "slot_id": slot_id,
        "path": path,
        "today": local_day(now),
        "now": now,
    }
    statement = alternative_statements.alternatives(_reservations(channel, urgent=urgent), limit)
    return [_slot(row) for row in session.execute(statement, parameters)]
