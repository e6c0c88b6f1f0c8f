"""Derivation: stops and opening hours become mobile points, schedules and slots, and all of it is queued.

The central e-registration takes things in one order: the service place, its mobile points, their schedules, the slots
of each schedule, and only then the activation of the place. Each message therefore requires those before it. What was
published for one stop never waits for another stop; the activation waits for the first slots of its place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from itertools import groupby
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule, ScheduleHours
from mobile_units.models.service_places import OpeningHours, ServicePlace, ServicePlaceStatus
from mobile_units.models.transmissions import OutboxMessage
from mobile_units.models.units import MobileUnit, UnitProgramme
from mobile_units.rules.calendar import local_day, local_instant, month_parts, working_days
from mobile_units.rules.product_codes import CatalogueEntry, ContractedRange, paths_offered
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.schedules import Pace, SlotTime, apportion, share, slot_times
from mobile_units.rules.slots import Interval
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services import contracts, itineraries, product_codes, slot_rows
from mobile_units.services.actors import Actor
from mobile_units.services.slot_rows import open_slots
from mobile_units.transmission import outbox

EVERY_DAY = frozenset(range(1, 8))


@dataclass(frozen=True, slots=True)
class Published:
    """How much was derived, and how many stops of the itinerary before were kept, changed or withdrawn."""

    mobile_points: int = 0
    schedules: int = 0
    slots: int = 0
    kept: int = 0
    changed: int = 0
    withdrawn: int = 0

    def __add__(self, other: "Published") -> "Published":
        """Both together."""
        return Published(*(one + another for one, another in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class _Work:
    """One uninterrupted working time, and how women are examined in it."""

    time: Interval
    pace: Pace

    @property
    def day(self) -> date:
        """The Polish day."""
        return local_day(self.time.starts_at)


@dataclass(frozen=True, slots=True)
class Contracts:
    """The ranges that the provider may settle, what their codes mean, and how many examinations each allows."""

    catalogue: Sequence[CatalogueEntry]
    ranges: Sequence[ContractedRange]
    limits: dict[int, int]

    def offered(self, place: ServicePlace, programme: Programme, day: date) -> Sequence[tuple[Path, ContractedRange]]:
        """The paths contracted for a place on a day; raises `no_contracted_range` if there are none."""
        offered = paths_offered(programme, place.setting, place.mobility, day, place.id, self.catalogue, self.ranges)
        if not offered:
            raise DomainError("no_contracted_range", path=programme, day=day.isoformat())
        return offered


@dataclass(frozen=True, slots=True)
class _Draft:
    """What a schedule will hold: the working times under one contract range, and the slots dealt to it."""

    place: ServicePlace
    point: MobilePoint | None
    path: Path
    contract_range_id: int
    hours: list[Interval]
    slots: list[SlotTime]

    @property
    def places(self) -> int:
        """How many women the slots take."""
        return sum(slot.capacity for slot in self.slots)


@dataclass(frozen=True, slots=True)
class _NewSchedule:
    """A schedule and its slots."""

    schedule: Schedule
    slots: Sequence[SlotTime]


def require_ahead(stops: Iterable[Stop], now: datetime) -> None:
    """Raises `stop_in_the_past` for the first stop with a day that is over: nobody could be booked there."""
    first = min(stops, key=lambda stop: stop.first_day, default=None)
    if first and first.first_day < local_day(now):
        raise DomainError("stop_in_the_past", site=first.site.name, day=first.first_day.isoformat())


def from_stops(session: Session, actor: Actor, stops: Iterable[Stop]) -> Published:
    """Derives what follows from stops and queues it.

    Raises:
        DomainError: `unit_without_programme`; `out_of_use`, a unit or a site was retired; `no_contracted_range`, a
            unit's programme has no contract for its place on a day of a stop; `schedule_without_slots`, nobody can be
            examined in the hours of a stop.
    """
    known = contracts_of(session, actor)
    return _keep(session, actor, [each for stop in stops for each in _of_stop(known, stop)])


def from_opening_hours(
    session: Session, actor: Actor, place: ServicePlace, first_day: date, last_day: date
) -> Published:
    """Derives the schedules of a stationary place, one for each month and contract range, and queues them.

    Raises:
        DomainError: `no_contracted_range`; `schedule_without_slots`, nobody can be examined in the opening hours.
    """
    known = contracts_of(session, actor)
    programmes = sorted({hours.programme for hours in place.opening_hours})
    derived = [
        each
        for first, last in month_parts(first_day, last_day)
        for programme in programmes
        for each in _of_month(known, place, programme, first, last)
    ]
    return _keep(session, actor, derived)


def lock(session: Session, entity: type[MobileUnit | ServicePlace], keys: Iterable[int]) -> None:
    """Has publications of one unit or place, and changes of what was published, follow each other.

    Side by side they would wait for each other in the constraints that forbid overlaps, and end in a deadlock.
    """
    query = select(entity.id).where(entity.id.in_(keys)).order_by(entity.id)
    session.execute(query.with_for_update(key_share=True))


def contracts_of(session: Session, actor: Actor) -> Contracts:
    """What the provider may settle."""
    return Contracts(
        product_codes.catalogue(session, actor.provider_id),
        contracts.contracted_ranges(session, actor.provider_id),
        contracts.quantity_limits(session, actor.provider_id),
    )


def _of_stop(known: Contracts, stop: Stop) -> list[_NewSchedule]:
    """The schedules of a stop; the women planned for it are shared among them by the places that they offer."""
    itineraries.require_ready(stop.unit)
    itineraries.require_in_use(stop.site)
    points = {each.service_place_id: point_of(stop, each.service_place) for each in stop.unit.programmes}
    drafts = [
        draft
        for each in stop.unit.programmes
        for draft in _drafts(
            known, each.service_place, each.programme, _work(stop, each), points[each.service_place_id]
        )
    ]
    women = apportion(stop.women_planned, [draft.places for draft in drafts])
    return [_derived(draft, part) for draft, part in zip(drafts, women, strict=True)]


def point_of(stop: Stop, place: ServicePlace) -> MobilePoint:
    """A new mobile point: what the central system will know of the stop in the name of a place."""
    return MobilePoint(
        uuid=uuid4(),
        provider_id=place.provider_id,
        service_place=place,
        stop=stop,
        name=stop.site.name,
        valid_from=stop.first_day,
        valid_to=stop.last_day,
    )


def _work(stop: Stop, each: UnitProgramme) -> list[_Work]:
    pace = Pace(each.minutes_per_woman, each.rooms, each.women_per_day)
    return [_Work(Interval(day.opens_at, day.closes_at), pace) for day in stop.days]


def _of_month(
    known: Contracts, place: ServicePlace, programme: Programme, first: date, last: date
) -> list[_NewSchedule]:
    work = [
        _opening(day, hours)
        for day in working_days(first, last, EVERY_DAY)
        for hours in place.opening_hours
        if hours.programme == programme and hours.weekday == day.isoweekday()
    ]
    drafts = _drafts(known, place, programme, work, None) if work else []
    return [_derived(draft, draft.places) for draft in drafts]


def _opening(day: date, hours: OpeningHours) -> _Work:
    time = Interval(local_instant(day, hours.opens), local_instant(day, hours.closes))
    return _Work(time, Pace(hours.minutes_per_woman, hours.rooms))


def _drafts(
    known: Contracts, place: ServicePlace, programme: Programme, work: Sequence[_Work], point: MobilePoint | None
) -> list[_Draft]:
    """One draft for each contract range that gets slots: they are dealt in proportion to the limits of the ranges.

    A day is settled by a contract that is valid on it, so where one contract follows another the schedule of the first
    ends and that of the next begins.
    """
    drafts: dict[tuple[Path, int], _Draft] = {}
    for offered, days in groupby(work, lambda each: known.offered(place, programme, each.day)):
        part = list(days)
        slots = [slot for each in part for slot in slot_times(each.time, each.pace)]
        shares = share(slots, [known.limits[contracted.id] for _, contracted in offered])
        for (path, contracted), dealt in zip(offered, shares, strict=True):
            if dealt:
                key = path, contracted.id
                draft = drafts.setdefault(key, _Draft(place, point, path, contracted.id, [], []))
                draft.hours.extend(each.time for each in part)
                draft.slots.extend(dealt)
    if not drafts:
        raise DomainError("schedule_without_slots", place=place.name, day=work[0].day.isoformat())
    return list(drafts.values())


def _derived(draft: _Draft, women_planned: int) -> _NewSchedule:
    schedule = Schedule(
        uuid=uuid4(),
        provider_id=draft.place.provider_id,
        service_place=draft.place,
        place_mobility=draft.place.mobility,
        mobile=draft.point is not None,
        mobile_point=draft.point,
        contract_range_id=draft.contract_range_id,
        programme=draft.path.programme,
        path=draft.path,
        valid_from=local_day(draft.hours[0].starts_at),
        valid_to=local_day(draft.hours[-1].starts_at),
        women_planned=women_planned,
        hours=[ScheduleHours(starts_at=time.starts_at, ends_at=time.ends_at) for time in draft.hours],
    )
    return _NewSchedule(schedule, draft.slots)


def _keep(session: Session, actor: Actor, derived: Sequence[_NewSchedule]) -> Published:
    """Stores schedules and slots, and queues their messages place by place, so that no two queue crosswise."""
    if not derived:
        return Published()
    schedules = [each.schedule for each in derived]
    session.add_all(schedules)
    session.flush()
    stored = slot_rows.store(session, (row for each in derived for row in open_slots(each.schedule, each.slots)))
    schedules.sort(key=lambda schedule: schedule.service_place_id)
    for _, of_place in groupby(schedules, lambda schedule: schedule.service_place_id):
        queue(session, actor, list(of_place))
    points = {schedule.mobile_point_id for schedule in schedules} - {None}
    return Published(len(points), len(schedules), stored)


def queue(
    session: Session, actor: Actor, schedules: Sequence[Schedule], after: Sequence[tuple[MessageKind, int]] = ()
) -> None:
    """Queues what new schedules of one place need, in the order that the central system requires.

    What is told of the schedules waits for the messages of `after`.
    """

    def enqueue(
        kind: MessageKind, subject_id: int, day: date, *requires: OutboxMessage | None, first: bool = False
    ) -> OutboxMessage:
        known = [message for message in requires if message is not None]
        return outbox.enqueue(
            session,
            provider_id=actor.provider_id,
            kind=kind,
            subject_id=subject_id,
            service_day=day,
            requires=known,
            after=after,
            first=first,
        )

    place = schedules[0].service_place
    first_day = min(schedule.valid_from for schedule in schedules)
    registration = outbox.latest(session, MessageKind.SAVE_SERVICE_PLACE, place.id) or enqueue(
        MessageKind.SAVE_SERVICE_PLACE, place.id, first_day
    )
    points: dict[int | None, OutboxMessage] = {}
    everything = [registration]
    for schedule in schedules:
        day, point_id = schedule.valid_from, schedule.mobile_point_id
        if point_id is not None and point_id not in points:
            points[point_id] = enqueue(MessageKind.IMPORT_MOBILE_POINTS, point_id, day, registration)
        saved = enqueue(MessageKind.SAVE_SCHEDULE, schedule.id, day, registration, points.get(point_id), first=True)
        everything += [saved, enqueue(MessageKind.SAVE_SLOTS, schedule.id, day, saved, first=True)]
    if place.status is not ServicePlaceStatus.ACTIVE:
        enqueue(MessageKind.ACTIVATE_SERVICE_PLACE, place.id, first_day, *everything, *points.values())
