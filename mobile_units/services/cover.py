"""How far ahead each service place offers what the central system accepted, and when its duty will be broken.

The duty is that of three full months (`rules.compliance`), its reckoning that of `rules.cover`. Only days of accepted
schedules count on which there is a slot that somebody works.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from mobile_units.models.schedules import Schedule, ScheduleHours
from mobile_units.models.service_places import OpeningHours, ServicePlace, ServicePlaceStatus
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.templates import DatedException
from mobile_units.rules.calendar import MONDAY_TO_FRIDAY, local_day, local_instant
from mobile_units.rules.compliance import horizon_end
from mobile_units.rules.cover import broken_on, covered_until, missing_days
from mobile_units.rules.programmes import Mobility
from mobile_units.services.actors import Actor

Value = TypeVar("Value")

NOTICE = timedelta(days=30)
"""How long before the duty is broken it is told."""


class CoverState(StrEnum):
    """Whether a place keeps its duty, will soon break it unless something is done, or has broken it."""

    KEPT = "kept"
    SOON_BROKEN = "soon_broken"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class PlaceCover:
    """How far a place reaches, None if nowhere; the days that it lacks, and the first day with the duty broken.

    `needed_until` is the last day that it has to reach so that the duty is kept on `broken_on` as well.
    """

    service_place_id: int
    name: str
    cell_code: str
    mobility: Mobility
    status: ServicePlaceStatus
    reach: date | None
    missing: Sequence[date]
    broken_on: date
    needed_until: date
    state: CoverState


def read(session: Session, actor: Actor, today: date) -> Sequence[PlaceCover]:
    """All service places, those first whose duty is broken soonest; those not active yet have it all the same."""
    query = select(ServicePlace).where(ServicePlace.provider_id == actor.provider_id)
    places = session.scalars(query).all()
    last_days, usual = _last_days(session, actor, today), _usual_days(session, actor, today)
    found = [
        _mobile(place, last_days.get(place.id), today)
        if place.mobility is Mobility.MOBILE
        else _stationary(place, usual[place.id], today)
        for place in places
    ]
    return sorted(found, key=lambda each: (each.broken_on, each.cell_code, each.service_place_id))


@dataclass(frozen=True, slots=True)
class _Days:
    """The days that a stationary place offers and those it has closed, and the weekdays on which it usually works."""

    offered: Collection[date]
    closed: Collection[date]
    weekdays: frozenset[int]


def _mobile(place: ServicePlace, last_day: date | None, today: date) -> PlaceCover:
    return _judged(place, last_day, [], today)


def _stationary(place: ServicePlace, days: _Days, today: date) -> PlaceCover:
    about = days.offered, today, days.weekdays, days.closed
    return _judged(place, covered_until(*about) if days.offered else None, missing_days(*about), today)


def _judged(place: ServicePlace, reach: date | None, missing: Sequence[date], today: date) -> PlaceCover:
    broken = broken_on(reach, today)
    return PlaceCover(
        service_place_id=place.id,
        name=place.name,
        cell_code=place.cell_code,
        mobility=place.mobility,
        status=place.status,
        reach=reach,
        missing=missing,
        broken_on=broken,
        needed_until=horizon_end(broken),
        state=_state(broken, today),
    )


def _state(broken: date, today: date) -> CoverState:
    if broken <= today:
        return CoverState.BROKEN
    return CoverState.SOON_BROKEN if broken - today <= NOTICE else CoverState.KEPT


def _accepted(actor: Actor, mobility: Mobility, today: date) -> tuple[ColumnElement[bool], ...]:
    return (
        Schedule.provider_id == actor.provider_id,
        Schedule.place_mobility == mobility,
        Schedule.accepted_at.is_not(None),
        Schedule.valid_to >= today,
    )


_WORKED = Slot.status.in_((SlotStatus.OPEN, SlotStatus.BLOCKED))
"""A blocked slot is offered all the same; an orphaned one waits only for its women to leave."""


def _last_days(session: Session, actor: Actor, today: date) -> Mapping[int, date]:
    """The last day with slots of each mobile place; found at the end of each schedule, not by reading all slots."""
    last = (
        select(Slot.starts_at)
        .where(Slot.schedule_id == Schedule.id, _WORKED)
        .order_by(Slot.starts_at.desc())
        .limit(1)
        .correlate(Schedule)
        .scalar_subquery()
    )
    query = select(Schedule.service_place_id, func.max(last)).where(*_accepted(actor, Mobility.MOBILE, today))
    rows = session.execute(query.group_by(Schedule.service_place_id))
    return {place_id: local_day(starts_at) for place_id, starts_at in rows if starts_at}


def _usual_days(session: Session, actor: Actor, today: date) -> Mapping[int, _Days]:
    """The days of stationary places; one without opening hours works on the weekdays on which it offers anything."""
    offered = _by_place(_offered(session, actor, today))
    closed = _by_place(_closed(session, actor, today))
    opening = select(OpeningHours.service_place_id, OpeningHours.weekday).join(ServicePlace)
    own = opening.where(ServicePlace.provider_id == actor.provider_id)
    weekdays = _by_place((place_id, weekday) for place_id, weekday in session.execute(own))
    known: dict[int, _Days] = defaultdict(lambda: _Days(set(), set(), MONDAY_TO_FRIDAY))
    for place_id in {*offered, *closed, *weekdays}:
        seen = weekdays[place_id] or {day.isoweekday() for day in offered[place_id]}
        known[place_id] = _Days(offered[place_id], closed[place_id], frozenset(seen) or MONDAY_TO_FRIDAY)
    return known


def _offered(session: Session, actor: Actor, today: date) -> Iterable[tuple[int, date]]:
    """Places and days with a working time in which there is a slot."""
    has_slot = (
        select(Slot.id)
        .where(
            Slot.schedule_id == Schedule.id,
            Slot.starts_at >= ScheduleHours.starts_at,
            Slot.starts_at < ScheduleHours.ends_at,
            _WORKED,
        )
        .exists()
    )
    query = select(Schedule.service_place_id, ScheduleHours.starts_at).join(ScheduleHours)
    since = local_instant(today, time())
    query = query.where(*_accepted(actor, Mobility.STATIONARY, today), ScheduleHours.starts_at >= since, has_slot)
    return ((place_id, local_day(starts_at)) for place_id, starts_at in session.execute(query))


def _closed(session: Session, actor: Actor, today: date) -> Iterable[tuple[int, date]]:
    own = DatedException.provider_id == actor.provider_id, DatedException.day >= today
    query = select(DatedException.service_place_id, DatedException.day, DatedException.hours).where(*own)
    return ((place_id, day) for place_id, day, hours in session.execute(query) if not hours)


def _by_place(pairs: Iterable[tuple[int, Value]]) -> defaultdict[int, set[Value]]:
    found: defaultdict[int, set[Value]] = defaultdict(set)
    for place_id, value in pairs:
        found[place_id].add(value)
    return found
