"""The list of one day at a stop or in a stationary place: every slot in order of time, with the women who are to come.

The crew works from it: on a screen, or on paper where there is no connection (`services.day_list_paper`). What they
note there comes back through `services.attendance`. Each woman on a list is noted in the audit log as read.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, Stop, StopDay
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule, ScheduleHours
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit, VisitChange
from mobile_units.models.women import IdentityKind, Woman
from mobile_units.rules.calendar import local_day, local_instant
from mobile_units.rules.programmes import Mobility, Path, Programme
from mobile_units.rules.slots import Interval
from mobile_units.rules.stops import merged
from mobile_units.rules.visits import OCCUPYING, TRANSITIONS, VisitStatus
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import get_owned

OUTCOMES = (VisitStatus.ARRIVED, VisitStatus.PERFORMED, VisitStatus.NOT_PERFORMED, VisitStatus.NO_SHOW)
"""What is noted about a woman, in the order of the boxes."""

LEAST_DIGITS = 4


class Mark(StrEnum):
    """What the crew should know of a visit before the woman comes in."""

    URGENT = "urgent"
    OVERBOOKED = "overbooked"
    OVERRIDDEN = "overridden"
    FIRST_TIME = "first_time"
    CONFIRMED = "confirmed"
    HELD = "held"

    @property
    def name_pl(self) -> str:
        """The Polish words of the mark."""
        return _MARKS_PL[self]


_MARKS_PL = {
    Mark.URGENT: "pilne",
    Mark.OVERBOOKED: "nadliczbowa",
    Mark.OVERRIDDEN: "odstępstwo od zasad kwalifikacji",
    Mark.FIRST_TIME: "pierwszy raz u nas",
    Mark.CONFIRMED: "potwierdziła",
    Mark.HELD: "wstępna rezerwacja",
}


class Place(StrEnum):
    """What a line without a woman stands for."""

    FREE = "free"
    BLOCKED = "blocked"
    RESERVED = "reserved"
    WAITING_LIST = "waiting_list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A woman and her visit; `outcomes` are those that may be recorded now, besides the one that is.

    `identity_end` is given only where two women on the list have the same name and year of birth. `reason` is what
    was noted when an attendance was recorded.
    """

    visit_id: int
    version: int
    woman_id: int = field(repr=False)
    name: str = field(repr=False)
    born: int = field(repr=False)
    identity_end: str | None = field(repr=False)
    telephone: str | None = field(repr=False)
    path: Path
    status: VisitStatus
    marks: Sequence[Mark]
    overbooking_reason: str | None
    held_until: datetime | None
    reason: str | None = field(repr=False)

    @property
    def outcomes(self) -> frozenset[VisitStatus]:
        """What may follow the status."""
        return TRANSITIONS[self.status] & frozenset(OUTCOMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One place of a slot: with a woman, or without one, where a walk-in can be written in.

    `for_pl` says in Polish for whom a reserved place is.
    """

    slot_id: int
    starts_at: datetime
    ends_at: datetime
    path: Path
    place: Place
    for_pl: str | None
    booked: Booked | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayList:
    """A day of a stop, or of a stationary place: exactly one of the keys is given.

    `unit` is the vehicle, None in a building; `where` leads there, from the landmark to the gmina. `hours` is empty on
    a day that was taken from a stop, though there may still be visits. Women are recorded from `day` on.
    """

    stop_id: int | None
    service_place_id: int | None
    day: date
    name: str
    unit: str | None
    where: Sequence[str]
    hours: Sequence[Interval]
    crew: Sequence[str]
    lines: Sequence[Line]
    made_at: datetime

    @property
    def booked(self) -> Sequence[Booked]:
        """The visits."""
        return [line.booked for line in self.lines if line.booked]

    @property
    def free(self) -> int:
        """Places into which anybody could still come."""
        return sum(line.booked is None and line.place is Place.FREE for line in self.lines)

    @property
    def may_record(self) -> bool:
        """Whether the day has come."""
        return local_day(self.made_at) >= self.day


def at_stop(session: Session, actor: Actor, stop_id: int, day: date, now: datetime) -> DayList:
    """The list of one day at a stop.

    Raises:
        DomainError: `not_found`.
    """
    parts = joinedload(Stop.site), joinedload(Stop.unit)
    query = select(Stop).join(Stop.itinerary).options(*parts)
    stop = session.scalars(query.where(Stop.id == stop_id, Itinerary.provider_id == actor.provider_id)).one_or_none()
    if stop is None:
        raise DomainError("not_found", what=f"Stop {stop_id}")
    points = select(MobilePoint.id).where(MobilePoint.stop_id == stop_id)
    slots = _slots(session, actor, day, Schedule.mobile_point_id.in_(points))
    hours = session.scalars(select(StopDay).where(StopDay.stop_id == stop_id, StopDay.day == day))
    site = stop.site
    return DayList(
        stop_id=stop_id,
        service_place_id=None,
        day=day,
        name=site.name,
        unit=f"{stop.unit.name} {stop.unit.code}",
        where=_told_once(site.name, (site.landmark, site.street, site.locality, site.gmina and f"gmina {site.gmina}")),
        hours=[Interval(each.opens_at, each.closes_at) for each in hours],
        crew=_crew(slots),
        lines=_lines(session, actor, slots, now),
        made_at=now,
    )


def at_place(session: Session, actor: Actor, service_place_id: int, day: date, now: datetime) -> DayList:
    """The list of one day in a stationary service place; what a mobile one does is listed by its stops.

    Raises:
        DomainError: `not_found`.
    """
    place = get_owned(session, actor, ServicePlace, service_place_id)
    if place.mobility is not Mobility.STATIONARY:
        raise DomainError("not_found", what=f"ServicePlace {service_place_id}")
    here = Schedule.service_place_id == service_place_id
    slots = _slots(session, actor, day, here)
    return DayList(
        stop_id=None,
        service_place_id=service_place_id,
        day=day,
        name=place.name,
        unit=None,
        where=_told_once(place.name, (place.address,)),
        hours=_opening_hours(session, actor, day, here),
        crew=_crew(slots),
        lines=_lines(session, actor, slots, now),
        made_at=now,
    )


def of_visits(session: Session, actor: Actor, visit_ids: Collection[int]) -> Mapping[int, Line]:
    """The lines of visits by their keys, wherever and however these are by now; those of other providers are left out.

    For a visit that somebody moved or cancelled while its attendance was being filled in.
    """
    query = select(Visit).where(Visit.id.in_(visit_ids), Visit.provider_id == actor.provider_id)
    slot = joinedload(Visit.slot).joinedload(Slot.schedule)
    visits = session.scalars(query.options(joinedload(Visit.woman), slot)).all()
    booked = _booked(session, actor, visits)
    return {visit.id: _line(visit.slot, booked[visit.id]) for visit in visits}


def _told_once(name: str, parts: Sequence[str | None]) -> Sequence[str]:
    """The parts of an address that its name does not hold already."""
    return [part for part in parts if part and part.removeprefix("gmina ") not in name]


def on_day(day: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The slots of a Polish day."""
    begins, ends = (local_instant(each, time()) for each in (day, day + timedelta(days=1)))
    return Slot.starts_at >= begins, Slot.starts_at < ends


def _slots(session: Session, actor: Actor, day: date, here: ColumnElement[bool]) -> Sequence[Slot]:
    query = select(Slot).join(Slot.schedule).options(contains_eager(Slot.schedule))
    wanted = Schedule.provider_id == actor.provider_id, here, *on_day(day), Slot.status != SlotStatus.WITHDRAWN
    return session.scalars(query.where(*wanted).order_by(Slot.starts_at, Schedule.path, Slot.id)).all()


def _opening_hours(session: Session, actor: Actor, day: date, here: ColumnElement[bool]) -> Sequence[Interval]:
    begins, ends = (local_instant(each, time()) for each in (day, day + timedelta(days=1)))
    query = select(ScheduleHours.starts_at, ScheduleHours.ends_at).join(Schedule)
    wanted = Schedule.provider_id == actor.provider_id, here, ScheduleHours.starts_at.between(begins, ends)
    return merged(Interval(*row) for row in session.execute(query.where(*wanted)))


def _crew(slots: Sequence[Slot]) -> Sequence[str]:
    return list(dict.fromkeys(slot.schedule.crew for slot in slots if slot.schedule.crew))


def _lines(session: Session, actor: Actor, slots: Sequence[Slot], now: datetime) -> Sequence[Line]:
    keys = [slot.id for slot in slots]
    query = select(Visit).where(Visit.slot_id.in_(keys), Visit.status.in_(OCCUPYING)).order_by(Visit.id)
    visits = [
        visit
        for visit in session.scalars(query.options(joinedload(Visit.woman)))
        if visit.held_until is None or visit.held_until > now
    ]
    booked, by_slot = _booked(session, actor, visits), defaultdict(list)
    for visit in visits:
        by_slot[visit.slot_id].append(booked[visit.id])
    return [line for slot in slots for line in _lines_of(slot, by_slot[slot.id])]


def _lines_of(slot: Slot, booked: Sequence[Booked]) -> list[Line]:
    """Those who are booked, and a line for each place that is left; none where no more examination has its time."""
    shut = slot.status is SlotStatus.ORPHANED or not slot.fits
    left = 0 if shut else max(slot.capacity - len(booked), 0)
    return [_line(slot, each) for each in booked] + [_line(slot, None)] * left


def _line(slot: Slot, booked: Booked | None) -> Line:
    return Line(
        slot_id=slot.id,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        path=booked.path if booked else slot.schedule.path,
        place=_place(slot),
        for_pl=slot.reserved_for.name_pl if slot.reserved_for else None,
        booked=booked,
    )


def _place(slot: Slot) -> Place:
    if slot.status is not SlotStatus.OPEN:
        return Place.BLOCKED
    if slot.kept_for_waiting:
        return Place.WAITING_LIST
    return Place.RESERVED if slot.reserved_for else Place.FREE


def _booked(session: Session, actor: Actor, visits: Sequence[Visit]) -> Mapping[int, Booked]:
    """The women of visits by the keys of these, each noted as read."""
    for woman_id in sorted({visit.woman_id for visit in visits}):
        audit(session, actor, "read", "woman", woman_id)
    known, reasons = _examined_before(session, visits), _reasons(session, visits)
    ends = _identity_ends({visit.woman_id: visit.woman for visit in visits}.values())
    return {
        visit.id: Booked(
            visit_id=visit.id,
            version=visit.version,
            woman_id=visit.woman_id,
            name=_name(visit.woman),
            born=_born(visit.woman),
            identity_end=ends.get(visit.woman_id),
            telephone=visit.woman.telephone,
            path=visit.path,
            status=visit.status,
            marks=_marks(visit, known),
            overbooking_reason=visit.slot.schedule.overbooking_reason if visit.overbooked else None,
            held_until=visit.held_until,
            reason=reasons.get(visit.id),
        )
        for visit in visits
    }


def _name(woman: Woman) -> str:
    return f"{woman.family_name} {woman.given_name}"


def _born(woman: Woman) -> int:
    return date.fromisoformat(woman.birth_date).year


def _marks(visit: Visit, known: Collection[tuple[int, Programme]]) -> Sequence[Mark]:
    holds = {
        Mark.URGENT: visit.urgent,
        Mark.OVERBOOKED: visit.overbooked,
        Mark.OVERRIDDEN: visit.overridden,
        Mark.FIRST_TIME: (visit.woman_id, visit.programme) not in known,
        Mark.CONFIRMED: visit.status is VisitStatus.CONFIRMED,
        Mark.HELD: visit.status is VisitStatus.HELD,
    }
    return [mark for mark, does_hold in holds.items() if does_hold]


def _examined_before(session: Session, visits: Sequence[Visit]) -> set[tuple[int, Programme]]:
    """The women whom the provider examined in a programme, these visits apart."""
    women = {visit.woman_id for visit in visits}
    query = select(Visit.woman_id, Visit.programme).distinct()
    before = Visit.status == VisitStatus.PERFORMED, Visit.id.not_in([visit.id for visit in visits])
    return {(woman_id, of) for woman_id, of in session.execute(query.where(Visit.woman_id.in_(women), *before))}


def _reasons(session: Session, visits: Sequence[Visit]) -> Mapping[int, str | None]:
    """What was noted when the status of each recorded attendance was given."""
    recorded = [visit.id for visit in visits if visit.status in OUTCOMES]
    query = select(VisitChange).join(Visit).where(VisitChange.visit_id.in_(recorded)).order_by(VisitChange.id)
    return {each.visit_id: each.reason for each in session.scalars(query.where(VisitChange.to_status == Visit.status))}


def _identity_ends(women: Collection[Woman]) -> Mapping[int, str]:
    """The ends of the identities of women who could be mistaken for each other, as long as it takes to tell them."""
    namesakes: dict[tuple[str, int], list[Woman]] = defaultdict(list)
    for woman in women:
        namesakes[_name(woman).casefold(), _born(woman)].append(woman)
    return {key: end for same in namesakes.values() if len(same) > 1 for key, end in _told_apart(same).items()}


def _told_apart(women: Sequence[Woman]) -> Mapping[int, str]:
    longest = max(len(woman.identity_number) for woman in women)
    for digits in range(LEAST_DIGITS, longest + 1):
        ends = {woman.id: woman.identity_number[-digits:] for woman in women}
        if len(set(ends.values())) == len(ends):
            break
    return {woman.id: f"{_KINDS_PL[woman.identity_kind]} …{ends[woman.id]}" for woman in women}


_KINDS_PL = {IdentityKind.PESEL: "PESEL", IdentityKind.DOCUMENT: "dokument"}
