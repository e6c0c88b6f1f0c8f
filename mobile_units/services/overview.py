"""The first page: how much there is, the stops of one week, and how far the central e-registration knows of it all.

Everything is read in a fixed number of statements, however many units, stops and messages there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop, StopDay
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.providers import Provider
from mobile_units.models.schedules import Schedule
from mobile_units.models.sites import Site
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.models.units import MobileUnit
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_day, local_instant, quarter_from
from mobile_units.rules.compliance import horizon_end
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import ACTIVE, OCCUPYING, VisitStatus
from mobile_units.services import cover, orphans
from mobile_units.services.actors import Actor
from mobile_units.services.cover import PlaceCover
from mobile_units.services.orphans import OrphanCount
from mobile_units.services.reports import is_late, passed_in_time

BOOKED = ACTIVE - {VisitStatus.HELD}
"""Visits that a woman counts on; a short reservation is not one yet."""

TO_BE_PASSED = BOOKED | {VisitStatus.PERFORMED}
"""Visits that the NFZ pays for, or would pay for, only if they are passed."""

_DONE_FIRST = (MessageState.ACCEPTED, MessageState.IN_PROGRESS, MessageState.PENDING, MessageState.REJECTED)


@dataclass(frozen=True, slots=True)
class Counts:
    """What the provider has; slots and visits from this moment on, stops in the calendar quarter of today."""

    sites: int
    units: int
    stops: int
    stops_ahead: int
    open_slots: int
    free_places: int
    visits_booked: int
    visits_today: int
    performed_today: int


@dataclass(frozen=True, slots=True)
class DayStop:
    """One day of a stop: hours as instants, places taken by visits, and places that can still be booked."""

    unit_id: int
    day: date
    place: str
    opens_at: datetime
    closes_at: datetime
    taken: int
    free: int


@dataclass(frozen=True, slots=True)
class UnitWeek:
    """A unit and what it does on each of seven days, Monday first."""

    code: str
    name: str
    days: Sequence[Sequence[DayStop]]


@dataclass(frozen=True, slots=True)
class Week:
    """The published stops of the week that begins on `monday`, and the nearest day with a stop after that week."""

    monday: date
    units: Sequence[UnitWeek]
    next_stop_day: date | None

    @property
    def days(self) -> Sequence[date]:
        """The seven days."""
        return [self.monday + timedelta(days=n) for n in range(7)]

    @property
    def previous(self) -> date:
        """The Monday before."""
        return self.monday - timedelta(days=7)

    @property
    def following(self) -> date:
        """The Monday after."""
        return self.monday + timedelta(days=7)

    @property
    def has_stops(self) -> bool:
        """Whether any unit stands anywhere."""
        return any(any(unit.days) for unit in self.units)


@dataclass(frozen=True, slots=True)
class Handover:
    """Messages by kind and state, and the visits that have still to be passed.

    A rejected message counts until a later message of the same kind and subject takes its place. `visits_late` are
    those of past days; `visits_passed_late` were passed, but after their day. `day_at_risk` is the nearest service day
    with a visit not yet passed. Urgent visits are neither late nor at risk.
    """

    messages: Mapping[MessageKind, Mapping[MessageState, int]]
    last_accepted_at: datetime | None
    visits_not_passed: int
    visits_late: int
    visits_passed_late: int
    day_at_risk: date | None

    @property
    def totals(self) -> Mapping[MessageState, int]:
        """Messages in each state, from what is done to what is refused."""
        return {state: sum(each.get(state, 0) for each in self.messages.values()) for state in _DONE_FIRST}


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the first page; `horizon` is the day that accepted schedules have to reach now."""

    provider: str
    counts: Counts
    week: Week
    handover: Handover
    places: Sequence[PlaceCover]
    horizon: date
    orphans: OrphanCount


@dataclass(frozen=True, slots=True)
class _VisitFigures:
    booked: int
    today: int
    performed_today: int
    not_passed: int
    late: int
    passed_late: int
    at_risk: datetime | None


def read(session: Session, actor: Actor, monday: date, now: datetime) -> Overview:
    """The state of the provider at the instant `now`, with the week that begins on `monday`."""
    today = local_day(now)
    visits = _visit_figures(session, actor, today)
    provider, sites, units = _master_data(session, actor)
    stops, stops_ahead = _stops_of_quarter(session, actor, today)
    open_slots, free_places = _bookable(session, actor, now)
    return Overview(
        provider=provider,
        counts=Counts(
            sites=sites,
            units=units,
            stops=stops,
            stops_ahead=stops_ahead,
            open_slots=open_slots,
            free_places=free_places,
            visits_booked=visits.booked,
            visits_today=visits.today,
            performed_today=visits.performed_today,
        ),
        week=_week(session, actor, monday, now),
        handover=_handover(session, actor, visits),
        places=cover.read(session, actor, today),
        horizon=horizon_end(today),
        orphans=orphans.count(session, actor),
    )


def _master_data(session: Session, actor: Actor) -> tuple[str, int, int]:
    """The provider's name, and how many sites and units are in use."""
    active_sites = select(func.count()).where(Site.provider_id == Provider.id, Site.active).scalar_subquery()
    active_units = select(func.count()).where(MobileUnit.provider_id == Provider.id, MobileUnit.active)
    query = select(Provider.name, active_sites, active_units.scalar_subquery())
    name, sites, units = session.execute(query.where(Provider.id == actor.provider_id)).one()
    return name, sites, units


def _stops_of_quarter(session: Session, actor: Actor, today: date) -> tuple[int, int]:
    """Published stops in the calendar quarter of `today`, withdrawn ones left out: all, and those not yet over."""
    first, last = quarter_from(date(today.year, 3 * ((today.month - 1) // 3) + 1, 1))
    query = (
        select(func.count(), func.count().filter(Stop.last_day >= today))
        .join(Itinerary, Itinerary.id == Stop.itinerary_id)
        .where(*_published(actor), Stop.first_day <= last, Stop.last_day >= first, Stop.days.any())
    )
    everything, ahead = session.execute(query).one()
    return everything, ahead


def _published(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    return Itinerary.provider_id == actor.provider_id, Itinerary.status == ItineraryStatus.PUBLISHED


def _bookable(session: Session, actor: Actor, now: datetime) -> tuple[int, int]:
    """Open slots with a free place that have not begun, and the free places in them."""
    query = (
        select(func.count(), func.coalesce(func.sum(Slot.capacity - Slot.taken), 0))
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .where(
            Schedule.provider_id == actor.provider_id,
            Slot.status == SlotStatus.OPEN,
            Slot.taken < Slot.capacity,
            Slot.starts_at > now,
        )
    )
    slots, places = session.execute(query).one()
    return slots, places


def _visit_figures(session: Session, actor: Actor, today: date) -> _VisitFigures:
    begins, ends = (local_instant(day, time()) for day in (today, today + timedelta(days=1)))
    is_today = and_(Slot.starts_at >= begins, Slot.starts_at < ends)
    to_be_passed, passed = Visit.status.in_(TO_BE_PASSED), Visit.passed_at.is_not(None)
    late = is_late(today)
    query = (
        select(
            func.count().filter(Visit.status.in_(BOOKED)),
            func.count().filter(is_today, Visit.status.in_(OCCUPYING - {VisitStatus.HELD})),
            func.count().filter(is_today, Visit.status == VisitStatus.PERFORMED),
            func.count().filter(to_be_passed, ~passed),
            func.count().filter(to_be_passed, late, ~passed),
            func.count().filter(to_be_passed, late, passed),
            func.min(Slot.starts_at).filter(to_be_passed, ~passed_in_time(), ~late),
        )
        .join(Slot, Slot.id == Visit.slot_id)
        .where(Visit.provider_id == actor.provider_id)
    )
    return _VisitFigures(*session.execute(query).one())


def _week(session: Session, actor: Actor, monday: date, now: datetime) -> Week:
    stops = _day_stops(session, actor, monday, now)
    units = select(MobileUnit).where(
        MobileUnit.provider_id == actor.provider_id,
        or_(MobileUnit.active, MobileUnit.id.in_({stop.unit_id for stop in stops})),
    )
    rows = [_unit_week(unit, monday, stops) for unit in session.scalars(units.order_by(MobileUnit.code))]
    later = (
        select(func.min(StopDay.day))
        .join(Itinerary, Itinerary.id == StopDay.itinerary_id)
        .where(*_published(actor), StopDay.day > monday + timedelta(days=6))
    )
    return Week(monday, rows, session.scalar(later))


def _unit_week(unit: MobileUnit, monday: date, stops: Sequence[DayStop]) -> UnitWeek:
    own = [stop for stop in stops if stop.unit_id == unit.id]
    days = [[stop for stop in own if stop.day == monday + timedelta(days=n)] for n in range(7)]
    return UnitWeek(unit.code, unit.name, days)


def _day_stops(session: Session, actor: Actor, monday: date, now: datetime) -> Sequence[DayStop]:
    bookable = and_(Slot.status == SlotStatus.OPEN, Slot.starts_at > now)
    free = func.coalesce(func.sum(case((bookable, Slot.capacity - Slot.taken), else_=0)), 0)
    query = (
        select(
            StopDay.unit_id,
            StopDay.day,
            Site.name,
            StopDay.opens_at,
            StopDay.closes_at,
            func.coalesce(func.sum(Slot.taken), 0),
            free,
        )
        .join(Itinerary, Itinerary.id == StopDay.itinerary_id)
        .join(Stop, Stop.id == StopDay.stop_id)
        .join(Site, Site.id == Stop.site_id)
        .outerjoin(MobilePoint, MobilePoint.stop_id == Stop.id)
        .outerjoin(Schedule, Schedule.mobile_point_id == MobilePoint.id)
        .outerjoin(
            Slot,
            and_(
                Slot.schedule_id == Schedule.id,
                Slot.starts_at >= StopDay.opens_at,
                Slot.starts_at < StopDay.closes_at,
            ),
        )
        .where(*_published(actor), StopDay.day.between(monday, monday + timedelta(days=6)))
        .group_by(StopDay.id, Site.name)
        .order_by(StopDay.opens_at)
    )
    return [DayStop(*row) for row in session.execute(query)]


def _handover(session: Session, actor: Actor, visits: _VisitFigures) -> Handover:
    later = aliased(OutboxMessage)
    replaced = exists().where(
        later.kind == OutboxMessage.kind, later.subject_id == OutboxMessage.subject_id, later.id > OutboxMessage.id
    )
    query = (
        select(OutboxMessage.kind, OutboxMessage.state, func.count(), func.max(OutboxMessage.accepted_at))
        .where(
            OutboxMessage.provider_id == actor.provider_id,
            or_(OutboxMessage.state != MessageState.REJECTED, ~replaced),
        )
        .group_by(OutboxMessage.kind, OutboxMessage.state)
    )
    rows = session.execute(query).all()
    by_kind: dict[MessageKind, dict[MessageState, int]] = {kind: {} for kind in MessageKind}
    for kind, state, count, _ in rows:
        by_kind[kind][state] = count
    return Handover(
        messages={kind: states for kind, states in by_kind.items() if states},
        last_accepted_at=max((at for *_, at in rows if at), default=None),
        visits_not_passed=visits.not_passed,
        visits_late=visits.late,
        visits_passed_late=visits.passed_late,
        day_at_risk=local_day(visits.at_risk) if visits.at_risk else None,
    )
