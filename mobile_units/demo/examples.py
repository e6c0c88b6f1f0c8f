"""What a diary goes through in weeks, done at once, so that every page has something to show.

A stop by a template with reserved, blocked and extra places; rooms that two programmes share; women who wait; a day
that is lost, with orphaned slots and a bulk move that somebody has to decide about; and women to be called.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from mobile_units.clock import WARSAW
from mobile_units.errors import DomainError
from mobile_units.models.bulk_moves import BulkMove
from mobile_units.models.itineraries import Itinerary, Stop, StopDay
from mobile_units.models.messages import MessageToWoman
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.templates import ScheduleTemplate
from mobile_units.models.visits import Visit
from mobile_units.models.waiting_list import WaitingListEntry
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.calendar import local_day
from mobile_units.rules.programmes import Mobility, Path
from mobile_units.rules.sessions import Resource
from mobile_units.rules.template_changes import Mode
from mobile_units.rules.templates import (
    Blocking,
    Break,
    Examination,
    HeldBack,
    Hours,
    Overbooking,
    Rooms,
    SharedResources,
    Template,
)
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.rules.women import make_pesel
from mobile_units.services import bulk_moves, changes, template_use, templates, visits, waiting_list, women
from mobile_units.services.actors import Actor
from mobile_units.services.bulk_move_scopes import Scope
from mobile_units.services.bulk_moves import NewBulkMove
from mobile_units.services.changes import StopChange, WorkedDay
from mobile_units.services.template_use import PlaceUse, StopsUse
from mobile_units.services.templates import NewTemplate
from mobile_units.services.visits import Cancellation
from mobile_units.services.waiting_list import NewEntry

BREAST, CERVICAL = frozenset({Path.MAMMOGRAPHY}), frozenset({Path.CLASSIC_CYTOLOGY, Path.HPV_LBC})
WEEKDAYS = range(1, 6)
DAY_OF_MAMMOBUS = NewTemplate(
    "Dzień mammobusu (przykład)",
    Template(
        week=dict.fromkeys(WEEKDAYS, (Hours(time(8), time(16), (Break(time(12), time(12, 30)),)),)),
        rooms=[Rooms([Examination(Path.MAMMOGRAPHY, 8)])],
        crew="Załoga A (fikcyjna)",
        held_back=HeldBack(percent=5),
        quotas={BookingChannel.CENTRAL: 20, BookingChannel.DESK: 10, BookingChannel.TELEPHONE: 20},
        overbooking=Overbooking(3, "co dwudziesta pacjentka nie przychodzi (przykład)"),
        blocking=Blocking(every=12),
    ),
)
SHARED_ROOMS = NewTemplate(
    "Wspólne gabinety pracowni (przykład)",
    Template(
        week=dict.fromkeys(WEEKDAYS, (Hours(time(8), time(12)),)),
        shared=SharedResources(
            {Path.MAMMOGRAPHY: 15, Path.CLASSIC_CYTOLOGY: 20, Path.HPV_LBC: 20},
            (Resource("Pracownia mammografii", BREAST), Resource("Gabinet położnej", CERVICAL)),
            (Resource("Technik elektroradiologii", BREAST), Resource("Położna", BREAST | CERVICAL)),
        ),
    ),
)
WEEKS_AHEAD = timedelta(weeks=6)
WAITING = 3


def show(session: Session, actor: Actor, itinerary_id: int, now: datetime) -> None:
    """Does all of it once; what there is no occasion for, in a small demonstration, is left out."""
    of_provider = ScheduleTemplate.provider_id == actor.provider_id
    if session.scalar(select(exists().where(of_provider))):
        return
    _use_templates(session, actor, itinerary_id, now)
    days = _days_with_visits(session, itinerary_id, now)
    if days:
        _have_women_wait(session, actor, *days[0], now)
    if days[1:]:
        _lose_a_day(session, actor, *days[-1], now)


def figures(session: Session, actor: Actor) -> dict[str, int]:
    """How much of it there is."""

    def count(entity: type[Any]) -> int:
        query = select(func.count()).select_from(entity).where(entity.provider_id == actor.provider_id)
        return session.scalar(query) or 0

    of_slots = select(func.count()).select_from(Slot).join(Slot.schedule)
    of_slots = of_slots.where(Schedule.provider_id == actor.provider_id)
    return {
        "templates": count(ScheduleTemplate),
        "reserved": session.scalar(of_slots.where(Slot.reserved_for.is_not(None))) or 0,
        "in_sessions": session.scalar(of_slots.where(Slot.session_id.is_not(None))) or 0,
        "orphaned": session.scalar(of_slots.where(Slot.status == SlotStatus.ORPHANED)) or 0,
        "waiting": count(WaitingListEntry),
        "bulk_moves": count(BulkMove),
        "messages_to_women": count(MessageToWoman),
    }


def _use_templates(session: Session, actor: Actor, itinerary_id: int, now: datetime) -> None:
    mammobus, shared = (templates.create(session, actor, each) for each in (DAY_OF_MAMMOBUS, SHARED_ROOMS))
    itinerary = session.get_one(Itinerary, itinerary_id)
    stop = session.scalars(_empty_stops(itinerary_id, now)).first()
    if stop is not None:
        use = StopsUse(version=itinerary.version, mode=Mode.OVERWRITE, stop_ids=[stop.id])
        template_use.apply(session, actor, mammobus.id, use, now)
    stationary = ServicePlace.provider_id == actor.provider_id, ServicePlace.mobility == Mobility.STATIONARY
    place = session.scalars(select(ServicePlace).where(*stationary).order_by(ServicePlace.id)).first()
    if place is not None:
        first = local_day(now + WEEKS_AHEAD)
        first -= timedelta(days=first.weekday())
        days = {"first_day": first, "last_day": first + timedelta(days=4)}
        at_place = PlaceUse(version=place.version, mode=Mode.OVERWRITE, service_place_id=place.id, **days)
        template_use.apply(session, actor, shared.id, at_place, now)


def _empty_stops(itinerary_id: int, now: datetime) -> Select[Stop]:
    """Stops to come of mammography in which nobody is booked, the soonest first."""
    own = Schedule.mobile_point_id == MobilePoint.id, MobilePoint.stop_id == Stop.id
    of_path = exists().where(*own, Schedule.path == Path.MAMMOGRAPHY)
    booked = exists().where(*own, Slot.schedule_id == Schedule.id, Slot.taken > 0)
    query = select(Stop).where(Stop.itinerary_id == itinerary_id, Stop.first_day > local_day(now), of_path, ~booked)
    return query.order_by(Stop.first_day, Stop.id)


def _days_with_visits(session: Session, itinerary_id: int, now: datetime) -> Sequence[tuple[Stop, date]]:
    """Days of stops of several days of mammography with visits, the one with the most visits first."""
    query = (
        select(Stop, StopDay.day)
        .join(StopDay, StopDay.stop_id == Stop.id)
        .join(MobilePoint, MobilePoint.stop_id == Stop.id)
        .join(Schedule, Schedule.mobile_point_id == MobilePoint.id)
        .join(Slot, Slot.schedule_id == Schedule.id)
        .where(Stop.itinerary_id == itinerary_id, Stop.first_day < Stop.last_day, Schedule.path == Path.MAMMOGRAPHY)
        .where(Slot.starts_at.between(StopDay.opens_at, StopDay.closes_at), Slot.starts_at > now, Slot.taken > 0)
        .group_by(Stop.id, StopDay.day)
        .order_by(func.count().desc(), StopDay.day, Stop.id)
    )
    return [(stop, day) for stop, day in session.execute(query)]


def _visits_on(session: Session, stop: Stop, day: date) -> Sequence[Visit]:
    query = select(Visit).join(Visit.slot).join(Slot.schedule).join(Schedule.mobile_point)
    of_stop = MobilePoint.stop_id == stop.id, Schedule.path == Path.MAMMOGRAPHY, Visit.status == VisitStatus.BOOKED
    found = session.scalars(query.where(*of_stop).order_by(Slot.starts_at, Visit.id))
    return [visit for visit in found if local_day(visit.slot.starts_at) == day]


def _have_women_wait(session: Session, actor: Actor, stop: Stop, day: date, now: datetime) -> None:
    """Women wait for a day that is full, or for an hour of it; then one who has a place gives it up."""
    [first, *_] = _visits_on(session, stop, day)
    for number in range(WAITING):
        woman = women.register(session, actor, _woman(number, local_day(now)), local_day(now))
        _wait(session, actor, woman.id, stop, first.slot.starts_at, now)
    given_up = Cancellation(version=first.version, cancelled_by=CancelledBy.WOMAN, reason="przykład")
    visits.cancel(session, actor, first.id, given_up)


def _wait(  # noqa: PLR0913, PLR0917 -- who waits, where and for when
    session: Session, actor: Actor, woman_id: int, stop: Stop, at: datetime, now: datetime
) -> None:
    """Waits for the whole day, or else for the minutes of a slot: nobody waits for what is free."""
    local = at.astimezone(WARSAW)
    for after, before in ((None, None), (local.time(), (local + timedelta(minutes=1)).time())):
        command = NewEntry(
            woman_id=woman_id,
            path=Path.MAMMOGRAPHY,
            stop_id=stop.id,
            first_day=local.date(),
            last_day=local.date(),
            after=after,
            before=before,
            channel=BookingChannel.TELEPHONE,
        )
        try:
            with session.begin_nested():
                waiting_list.add(session, actor, command, now)
        except DomainError as refusal:
            if refusal.code != "places_free":
                raise
        else:
            return


def _woman(number: int, today: date) -> women.NewWoman:
    """A fictitious woman who agreed to be written to, but for the first."""
    born = date(today.year - 55, 6, 1) + timedelta(days=number)
    return women.NewWoman(
        identity=women.Identity(pesel=make_pesel(born, 4990 + number, "F")),
        given_name="Oczekująca",
        family_name=f"Fikcyjna-{number + 1}",
        telephone=f"600 000 90{number}",
        email=f"oczekujaca-{number + 1}@example.com",
        email_consent=number > 0,
        sms_consent=number > 1,
    )


def _lose_a_day(session: Session, actor: Actor, stop: Stop, day: date, now: datetime) -> None:
    """Two women are called off; the day is lost, and where the others would go is proposed, to be decided about."""
    called_off, *others = [visit.id for visit in _visits_on(session, stop, day)]
    visit = session.get_one(Visit, called_off)
    command = Cancellation(version=visit.version, cancelled_by=CancelledBy.PROVIDER, reason="przykład", notify=True)
    visits.cancel(session, actor, visit.id, command)
    if not others:
        return
    staying = tuple(WorkedDay(each.day) for each in stop.days if each.day != day)
    change = StopChange(version=stop.itinerary.version, days=staying, orphan=True)
    changes.change_stop(session, actor, stop.id, change, now)
    scope = Scope(stop_id=stop.id, orphaned=True, within_km=200)
    move = NewBulkMove(reason="awaria mammobusu (przykład)", scope=scope)
    bulk_moves.propose(session, actor, move, now)
