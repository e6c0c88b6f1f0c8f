"""The places that a bulk move may give: open slots of other stops, near enough and not kept for others.

A mixed session offers only places that could all be given at once beside what is booked, so that no two women are sent
to places of which only one can be held. Another choice of its places might hold more women; it is not looked for.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import cos, radians
from typing import Any

from sqlalchemy import ColumnElement, and_, select, text
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Stop
from mobile_units.models.mixed_sessions import MixedSession
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.sites import Site
from mobile_units.models.slots import BOOKABLE, Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.rules import sessions
from mobile_units.rules.admission import BookingChannel, Reservation, reservations_open_to
from mobile_units.rules.calendar import local_day
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.visits import OCCUPYING
from mobile_units.services import mixed_sessions
from mobile_units.services.actors import Actor
from mobile_units.services.bulk_move_scopes import Leaving, Scope
from mobile_units.services.slots import in_days


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A slot with where it is; `at` are the coordinates of its stop, None in a stationary place."""

    id: int
    schedule_id: int
    programme: Programme
    path: Path
    starts_at: datetime
    status: SlotStatus
    free: int
    fits: bool
    reserved_for: Reservation | None
    kept_for_waiting: bool
    session_id: int | None
    stop_id: int | None
    unit_id: int | None
    at: tuple[float, float] | None


def is_open_to(reserved_for: Reservation | None, channel: BookingChannel, *, urgent: bool) -> bool:
    """Whether women who come so may have a place that is reserved for some, or for none."""
    return reserved_for is None or reserved_for in reservations_open_to(channel, urgent=urgent)


def is_open(place: Place, now: datetime) -> bool:
    """Whether somebody may still be sent to a slot, if it has room."""
    return place.status is SlotStatus.OPEN and not place.kept_for_waiting and place.starts_at > now


def place_of(session: Session, actor: Actor, slot_id: int) -> Place:
    """A slot with where it is.

    Raises:
        DomainError: `not_found`.
    """
    found = places_of(session, actor, [slot_id])
    if not found:
        raise DomainError("not_found", what=f"Slot {slot_id}")
    return found[0]


_PLACE = (
    select(
        Slot.id,
        Slot.schedule_id,
        Schedule.programme,
        Schedule.path,
        Slot.starts_at,
        Slot.status,
        (Slot.capacity - Slot.taken).label("free"),
        Slot.fits,
        Slot.reserved_for,
        Slot.kept_for_waiting,
        Slot.session_id,
        Stop.id.label("stop_id"),
        Stop.unit_id,
        Site.latitude,
        Site.longitude,
    )
    .join(Slot.schedule)
    .outerjoin(Schedule.mobile_point)
    .outerjoin(MobilePoint.stop)
    .outerjoin(Stop.site)
)
_COLUMNS = tuple(name for name in Place.__dataclass_fields__ if name != "at")


def _place(row: Sequence[Any]) -> Place:
    *values, latitude, longitude = row
    at = None if latitude is None else (latitude, longitude)
    return Place(**dict(zip(_COLUMNS, values, strict=True)), at=at)


def places_of(session: Session, actor: Actor, slot_ids: Iterable[int]) -> list[Place]:
    """The slots with these keys that belong to the provider."""
    wanted = Slot.id.in_(sorted(slot_ids)), Schedule.provider_id == actor.provider_id
    return [_place(row) for row in session.execute(_PLACE.where(*wanted))]


def offered(  # noqa: PLR0913, PLR0917 -- where to look, for whom, and from when
    session: Session, actor: Actor, scope: Scope, visits: Sequence[Leaving], rest: Sequence[Leaving], now: datetime
) -> list[Place]:
    """The places of the stops that may take the `rest`, none of them where `visits` leave."""
    first = local_day(now) + timedelta(days=scope.notice_days)
    last = max(local_day(each.starts_at) for each in rest) + timedelta(days=scope.within_days)
    days = (first, None if scope.to_stop_ids else last)
    schedules = _schedules(session, actor, scope, rest, days)
    wanted = Slot.schedule_id.in_(schedules), _BOOKABLE, *in_days(*days)
    left = {each.slot_id for each in visits}
    found = (_offer(schedules[row.schedule_id], row) for row in session.execute(_OFFERS.where(*wanted)))
    return _held_at_once(session, [each for each in found if each.id not in left and not _leaves(each, scope)])


_OFFERS = select(
    Slot.id,
    Slot.schedule_id,
    Slot.starts_at,
    (Slot.capacity - Slot.taken).label("free"),
    Slot.reserved_for,
    Slot.session_id,
)


def _offer(schedule: Mapping[str, Any], slot: Any) -> Place:
    return Place(
        id=slot.id,
        starts_at=slot.starts_at,
        status=SlotStatus.OPEN,
        free=slot.free,
        fits=True,
        reserved_for=slot.reserved_for,
        kept_for_waiting=False,
        session_id=slot.session_id,
        **schedule,
    )


_BOOKABLE: ColumnElement[bool] = text(BOOKABLE)  # type: ignore[assignment]  # a condition, though not typed as one


def _leaves(place: Place, scope: Scope) -> bool:
    """Whether the unit of the scope is out then."""
    if scope.unit_id is None or place.unit_id != scope.unit_id or scope.first_day is None or scope.last_day is None:
        return False
    return scope.first_day <= local_day(place.starts_at) <= scope.last_day


def _schedules(
    session: Session, actor: Actor, scope: Scope, rest: Sequence[Leaving], days: tuple[date, date | None]
) -> dict[int, dict[str, Any]]:
    """By schedule, what all its places have in common."""
    query = select(Schedule.id, Schedule.programme, Schedule.path, Stop.id, Stop.unit_id, Site.latitude, Site.longitude)
    query = query.join(Schedule.mobile_point).join(MobilePoint.stop).join(Stop.site)
    query = query.where(Schedule.provider_id == actor.provider_id, Schedule.path.in_({each.path for each in rest}))
    query = query.where(Schedule.valid_to >= days[0])
    query = query.where(Stop.id.in_(scope.to_stop_ids) if scope.to_stop_ids else and_(*_around(scope, rest)))
    if days[1] is not None:
        query = query.where(Schedule.valid_from <= days[1])
    if scope.stop_id is not None:
        query = query.where(Stop.id != scope.stop_id)
    found = {}
    for key, programme, path, stop_id, unit_id, *at in session.execute(query).all():
        found[key] = {"schedule_id": key, "programme": programme, "path": path, "stop_id": stop_id, "unit_id": unit_id}
        found[key]["at"] = tuple(at)
    return found


KM_PER_DEGREE = 110.0
"""Less than a degree of latitude measures, so that what is drawn around a place with it is too large at the most."""


def _around(scope: Scope, rest: Sequence[Leaving]) -> list[ColumnElement[bool]]:
    """Sites in the rectangle that reaches the kilometres of the scope beyond all stops that are left."""
    known = [each.at for each in rest if each.at is not None]
    norths, easts = [at[0] for at in known], [at[1] for at in known]
    high = scope.within_km / KM_PER_DEGREE
    wide = high / max(cos(radians(min(89.0, max(map(abs, norths)) + high))), 0.01)
    return [
        Site.latitude.between(min(norths) - high, max(norths) + high),
        Site.longitude.between(min(easts) - wide, max(easts) + wide),
    ]


def _held_at_once(session: Session, places: Sequence[Place]) -> list[Place]:
    """Those of the places that can all be given: in each mixed session as many, the earliest first, as fit together."""
    shared: defaultdict[int, list[Place]] = defaultdict(list)
    for each in places:
        if each.session_id is not None:
            shared[each.session_id].append(each)
    if not shared:
        return list(places)
    booked = _booked(session, shared)
    held = [each for each in places if each.session_id is None]
    for row in session.scalars(select(MixedSession).where(MixedSession.id.in_(sorted(shared)))):
        judged = mixed_sessions.session_of(row)
        if any(path not in judged.minutes for path, _ in booked[row.id]):
            continue
        taken = [judged.examination(*each) for each in booked[row.id]]
        singles = [replace(each, free=1) for each in shared[row.id] for _ in range(each.free)]
        held += _fitting(judged, taken, sorted(singles, key=lambda each: (each.starts_at, each.id)))
    return _summed(held)


def _booked(session: Session, session_ids: Iterable[int]) -> defaultdict[int, list[tuple[Path, datetime]]]:
    booked: defaultdict[int, list[tuple[Path, datetime]]] = defaultdict(list)
    query = select(MixedSession.id, Visit.path, Slot.starts_at).join(Slot.session).join(Visit, Visit.slot_id == Slot.id)
    wanted = MixedSession.id.in_(sorted(session_ids)), Visit.status.in_(sorted(OCCUPYING))
    for session_id, path, starts_at in session.execute(query.where(*wanted)):
        booked[session_id].append((path, starts_at))
    return booked


def _fitting(judged: sessions.Session, booked: list[sessions.Examination], places: Sequence[Place]) -> list[Place]:
    """The places that fit beside what is booked and the earlier ones of them; `booked` grows by them.

    Halves are asked as wholes first, because what is held together is also held in part.
    """
    asked = [judged.examination(each.path, each.starts_at) for each in places if each.path in judged.minutes]
    if len(asked) < len(places) or sessions.fits(judged, [*booked, *asked]) is None:
        if len(places) <= 1:
            return []
        middle = len(places) // 2
        earlier = _fitting(judged, booked, places[:middle])
        return earlier + _fitting(judged, booked, places[middle:])
    booked += asked
    return list(places)


def _summed(places: Iterable[Place]) -> list[Place]:
    """Each slot once, with all its places."""
    summed: dict[int, Place] = {}
    for each in places:
        free = summed[each.id].free if each.id in summed else 0
        summed[each.id] = replace(each, free=free + each.free)
    return list(summed.values())
