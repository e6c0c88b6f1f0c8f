"""Which day of which stop or stationary place a list is wanted of: the coming ones, and those not filled in yet."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Date, and_, case, cast, func, null, or_, select
from sqlalchemy.orm import Session, joinedload

from mobile_units.models.itineraries import Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.programmes import Mobility
from mobile_units.rules.visits import ACTIVE, VisitStatus
from mobile_units.services.actors import Actor

DAYS_SHOWN = 14
LOOKED_BACK = 31
"""For how many days unfinished lists are called to mind."""

Where: TypeAlias = tuple[int | None, int | None, date]
"""The key of a stop or of a stationary place, one of them None, and the day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkDay:
    """A day with slots; `women` have a place, `free` places are left, `waiting` visits have no outcome yet."""

    stop_id: int | None
    service_place_id: int | None
    day: date
    name: str
    unit: str | None
    starts_at: datetime
    ends_at: datetime
    women: int
    free: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The days of work from `first_day` on, and those of the last month on which somebody has no outcome yet."""

    first_day: date
    days: Sequence[WorkDay]
    unfinished: Sequence[WorkDay]

    @property
    def previous(self) -> date:
        """Where the days before begin."""
        return self.first_day - timedelta(days=DAYS_SHOWN)

    @property
    def following(self) -> date:
        """Where the days after begin."""
        return self.first_day + timedelta(days=DAYS_SHOWN)


def read(session: Session, actor: Actor, first_day: date, today: date) -> Choice:
    """What may be chosen; nothing here names a woman."""
    days = _work_days(session, actor, first_day, first_day + timedelta(days=DAYS_SHOWN - 1))
    past = _work_days(session, actor, today - timedelta(days=LOOKED_BACK), today - timedelta(days=1))
    return Choice(first_day, days, [each for each in past if each.waiting])


def _work_days(session: Session, actor: Actor, first: date, last: date) -> Sequence[WorkDay]:
    within = _within(actor, first, last)
    rows = [tuple(row) for row in session.execute(_offered(within))]
    waiting = _waiting(session, within)
    stops = _stops(session, {row[0] for row in rows})
    places = _places(session, {row[1] for row in rows})
    found = [_work_day(row, waiting, stops, places) for row in rows]
    return sorted(found, key=lambda each: (each.day, each.starts_at, each.name))


def _within(actor: Actor, first: date, last: date) -> tuple[ColumnElement[bool], ...]:
    """Slots of the days; by their schedules, of which few are valid on them."""
    begins, ends = local_instant(first, time()), local_instant(last + timedelta(days=1), time())
    return (
        Schedule.provider_id == actor.provider_id,
        Schedule.valid_to >= first,
        Schedule.valid_from <= last,
        or_(Schedule.mobile, Schedule.place_mobility == Mobility.STATIONARY),
        Slot.starts_at >= begins,
        Slot.starts_at < ends,
        Slot.status != SlotStatus.WITHDRAWN,
    )


_DAY = cast(func.timezone("Europe/Warsaw", Slot.starts_at), Date)
_WHERE = (MobilePoint.stop_id, case((Schedule.mobile, null()), else_=Schedule.service_place_id), _DAY)
_IS_FREE = and_(Slot.status == SlotStatus.OPEN, Slot.fits, ~Slot.kept_for_waiting, Slot.taken < Slot.capacity)


def _offered(within: Sequence[ColumnElement[bool]]) -> Any:
    counted = (
        func.min(Slot.starts_at),
        func.max(Slot.ends_at),
        func.sum(Slot.taken),
        func.coalesce(func.sum(Slot.capacity - Slot.taken).filter(_IS_FREE, Slot.reserved_for.is_(None)), 0),
    )
    query = select(*_WHERE, *counted).select_from(Slot).join(Schedule, Schedule.id == Slot.schedule_id)
    return query.outerjoin(MobilePoint, MobilePoint.id == Schedule.mobile_point_id).where(*within).group_by(*_WHERE)


def _waiting(session: Session, within: Sequence[ColumnElement[bool]]) -> Mapping[Where, int]:
    query = select(*_WHERE, func.count()).select_from(Slot).join(Schedule, Schedule.id == Slot.schedule_id)
    query = query.outerjoin(MobilePoint, MobilePoint.id == Schedule.mobile_point_id)
    query = query.join(Visit, Visit.slot_id == Slot.id).where(*within, Visit.status.in_(ACTIVE - {VisitStatus.HELD}))
    return {(stop_id, place_id, day): n for stop_id, place_id, day, n in session.execute(query.group_by(*_WHERE))}


def _stops(session: Session, keys: Collection[int | None]) -> Mapping[int, Stop]:
    query = select(Stop).where(Stop.id.in_(keys - {None}))  # type: ignore[operator]  # a set without its None
    return {stop.id: stop for stop in session.scalars(query.options(joinedload(Stop.site), joinedload(Stop.unit)))}


def _places(session: Session, keys: Collection[int | None]) -> Mapping[int, ServicePlace]:
    query = select(ServicePlace).where(ServicePlace.id.in_(keys - {None}))  # type: ignore[operator]  # as above
    return {place.id: place for place in session.scalars(query)}


def _work_day(
    row: tuple[Any, ...], waiting: Mapping[Where, int], stops: Mapping[int, Stop], places: Mapping[int, ServicePlace]
) -> WorkDay:
    stop_id, place_id, day, starts_at, ends_at, women, free = row
    return WorkDay(
        stop_id=stop_id,
        service_place_id=place_id,
        day=day,
        name=stops[stop_id].site.name if stop_id else places[place_id].name,
        unit=stops[stop_id].unit.name if stop_id else None,
        starts_at=starts_at,
        ends_at=ends_at,
        women=women,
        free=free,
        waiting=waiting.get((stop_id, place_id, day), 0),
    )
