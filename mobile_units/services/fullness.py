"""How full the coming stops and stationary places are, and the slots of one of them day by day. Nobody is named."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, case, func, null, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from mobile_units.models.itineraries import Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.sites import Site
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.units import MobileUnit
from mobile_units.rules.admission import Reservation
from mobile_units.rules.calendar import local_day, local_instant
from mobile_units.rules.programmes import Mobility, Path
from mobile_units.services.actors import Actor
from mobile_units.services.slots import in_days


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Slots that are offered or blocked, and women: `taken` have a place, `free` places can be booked now.

    Of the free ones `reserved` are for some women alone. `blocked` places are closed; `orphaned` women have to be
    moved, `kept` places are offered to those who wait first. `overbooked` women came above the capacity.
    """

    slots: int
    taken: int
    free: int
    reserved: int
    blocked: int
    orphaned: int
    kept: int
    overbooked: int

    @property
    def places(self) -> int:
        """All that is taken, free, closed or kept; what share of it is what makes a bar."""
        return self.taken + self.free + self.blocked + self.orphaned + self.kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Fullness(Figures):
    """How full a stop is, or a stationary place (then stop and unit are empty) in the days asked for."""

    stop_id: int | None
    service_place_id: int | None
    name: str
    unit_id: int | None
    unit: str | None
    first_day: date
    last_day: date


def read(session: Session, actor: Actor, first: date, last: date, now: datetime) -> Sequence[Fullness]:
    """Stops that last into the days, as a whole, and stationary places in the days alone, in order of time."""
    stop_id, place_id = MobilePoint.stop_id, case((Schedule.mobile, null()), else_=Schedule.service_place_id)
    within = (
        Schedule.provider_id == actor.provider_id,
        Schedule.valid_to >= first,
        Schedule.valid_from <= last,
        or_(Schedule.mobile, and_(Schedule.place_mobility == Mobility.STATIONARY, *in_days(first, last))),
    )
    counted = select(stop_id, place_id, func.min(Slot.starts_at), func.max(Slot.starts_at), *_figures(now))
    rows = session.execute(_at(counted).where(*within).group_by(stop_id, place_id)).all()
    stops = stop_names(session, actor, {row[0] for row in rows if row[0]})
    places = _places(session, {row[1] for row in rows if row[1]})
    found = [_fullness(row, stops.get(row[0] or 0) or (places[row[1]], None, None)) for row in rows]
    return sorted(found, key=lambda each: (each.stop_id is None, each.first_day, each.name, each.stop_id or 0))


def _at(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Slots with their schedules and stops; withdrawn ones are no part of anything."""
    joined = query.select_from(Slot).join(Schedule, Schedule.id == Slot.schedule_id)
    joined = joined.outerjoin(MobilePoint, MobilePoint.id == Schedule.mobile_point_id)
    return joined.where(Slot.status != SlotStatus.WITHDRAWN)


def _figures(now: datetime) -> list[ColumnElement[int]]:
    """In the order of the fields of `Figures`."""
    left = Slot.capacity - Slot.taken
    ahead = and_(Slot.status == SlotStatus.OPEN, Slot.starts_at > now, left > 0)
    free = and_(ahead, Slot.fits, ~Slot.kept_for_waiting)
    orphaned, blocked = Slot.status == SlotStatus.ORPHANED, Slot.status == SlotStatus.BLOCKED

    def total(value: Summed, condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(value).filter(condition), 0)

    return [
        func.count().filter(~orphaned),
        total(Slot.taken, ~orphaned),
        total(left, free),
        total(left, and_(free, Slot.reserved_for.is_not(None))),
        total(left, blocked),
        total(Slot.taken, orphaned),
        total(left, and_(ahead, Slot.kept_for_waiting)),
        total(Slot.taken - Slot.capacity, and_(~orphaned, left < 0)),
    ]


Named: TypeAlias = tuple[str, int | None, str | None]
"""The name of a stop or place, with key and name of the unit."""
Summed: TypeAlias = ColumnElement[int] | InstrumentedAttribute[int]


def stop_names(session: Session, actor: Actor, keys: Collection[int]) -> dict[int, Named]:
    """Site and unit of those of the stops that are the provider's."""
    query = select(Stop.id, Site.name, Stop.unit_id, MobileUnit.name).join(Stop.site).join(Stop.unit)
    own = Stop.id.in_(keys), MobileUnit.provider_id == actor.provider_id
    return {row[0]: (row[1], row[2], row[3]) for row in session.execute(query.where(*own))}


def _places(session: Session, keys: set[int]) -> dict[int, str]:
    query = select(ServicePlace.id, ServicePlace.name).where(ServicePlace.id.in_(keys))
    return {row[0]: row[1] for row in session.execute(query)}


def _fullness(row: Any, named: Named) -> Fullness:
    stop_id, place_id, begins, ends, *numbers = row
    return Fullness(
        stop_id=stop_id,
        service_place_id=place_id,
        name=named[0],
        unit_id=named[1],
        unit=named[2],
        first_day=local_day(begins),
        last_day=local_day(ends),
        **_named(numbers),
    )


def _named(numbers: Sequence[int]) -> dict[str, int]:
    return dict(zip(Figures.__dataclass_fields__, numbers, strict=True))


# the slots of one stop or place


@dataclass(frozen=True, slots=True, kw_only=True)
class DiarySlot:
    """A slot as its diary shows it; `fits` is false where shared rooms have no time for one more examination."""

    id: int
    path: Path
    starts_at: datetime
    ends_at: datetime
    status: SlotStatus
    capacity: int
    taken: int
    extra: int
    reserved_for: Reservation | None
    kept_for_waiting: bool
    fits: bool
    session_id: int | None
    crew: str | None
    overbooking_reason: str | None

    @property
    def day(self) -> date:
        """The Polish day."""
        return local_day(self.starts_at)


_SLOT = (
    Slot.id,
    Schedule.path,
    Slot.starts_at,
    Slot.ends_at,
    Slot.status,
    Slot.capacity,
    Slot.taken,
    Slot.extra,
    Slot.reserved_for,
    Slot.kept_for_waiting,
    Slot.fits,
    Slot.session_id,
    Schedule.crew,
    Schedule.overbooking_reason,
)


def of_stop(session: Session, actor: Actor, stop_id: int, now: datetime) -> tuple[Figures, Sequence[DiarySlot]]:
    """The figures and slots of a stop, in order of time."""
    return _diary(session, now, Schedule.provider_id == actor.provider_id, MobilePoint.stop_id == stop_id)


def of_place(  # noqa: PLR0913, PLR0917 -- a place, its days, and the instant
    session: Session, actor: Actor, service_place_id: int, first: date, last: date, now: datetime
) -> tuple[Figures, Sequence[DiarySlot]]:
    """The figures and slots of a stationary place on the days, in order of time."""
    own = Schedule.provider_id == actor.provider_id, Schedule.service_place_id == service_place_id, ~Schedule.mobile
    valid = Schedule.valid_to >= first, Schedule.valid_from <= last
    return _diary(session, now, *own, *valid, *in_days(first, last))


def _diary(session: Session, now: datetime, *which: ColumnElement[bool]) -> tuple[Figures, Sequence[DiarySlot]]:
    numbers = session.execute(_at(select(*_figures(now))).where(*which)).one()
    rows = session.execute(_at(select(*_SLOT)).where(*which).order_by(Slot.starts_at, Schedule.path, Slot.id))
    return Figures(**_named(numbers)), [DiarySlot(**row) for row in rows.mappings()]


def next_work_day(session: Session, actor: Actor, service_place_id: int, since: date) -> date | None:
    """The first day from `since` on with slots of a stationary place."""
    query = select(func.min(Slot.starts_at)).where(
        Schedule.provider_id == actor.provider_id,
        Schedule.service_place_id == service_place_id,
        ~Schedule.mobile,
        Slot.starts_at >= local_instant(since, time()),
        Slot.status != SlotStatus.WITHDRAWN,
    )
    found = session.scalar(query.join(Schedule, Schedule.id == Slot.schedule_id))
    return None if found is None else local_day(found)
