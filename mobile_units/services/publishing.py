"""Publishing: stops become mobile points, schedules and slots, and all of it is queued for the hand-over.

The central e-registration takes things in one order: the service place, its mobile points, their schedules, the slots
of each schedule, and only then the activation of the place. Each message therefore requires those before it. What was
published for one stop never waits for another stop; only the activation waits for everything of its place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import uuid4

from sqlalchemy import insert, select
from sqlalchemy.orm import Session, selectinload

from mobile_units.clock import WARSAW
from mobile_units.errors import DomainError
from mobile_units.models.itineraries import ItineraryStatus, Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule, ScheduleHours
from mobile_units.models.service_places import OpeningHours, ServicePlace, ServicePlaceStatus
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import OutboxMessage
from mobile_units.models.units import UnitProgramme
from mobile_units.rules.calendar import local_instant, month_parts, working_days
from mobile_units.rules.product_codes import CatalogueEntry, ContractedRange, paths_offered
from mobile_units.rules.programmes import Mobility, Programme
from mobile_units.rules.schedules import Pace, SlotTime, apportion, share, slot_times
from mobile_units.rules.slots import Interval, slot_uuid
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services import contracts, itineraries, product_codes
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import get_owned, require_version
from mobile_units.transmission import outbox

EVERY_DAY = frozenset(range(1, 8))


@dataclass(frozen=True, slots=True)
class Published:
    """How much was derived."""

    mobile_points: int
    schedules: int
    slots: int

    def __add__(self, other: "Published") -> "Published":
        """Both together."""
        return Published(
            self.mobile_points + other.mobile_points, self.schedules + other.schedules, self.slots + other.slots
        )


@dataclass(frozen=True, slots=True)
class _Contracts:
    """The ranges that the provider may settle, what their codes mean, and how many examinations each allows."""

    catalogue: Sequence[CatalogueEntry]
    ranges: Sequence[ContractedRange]
    limits: dict[int, int]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A schedule and its slots, not yet stored."""

    place: ServicePlace
    schedule: Schedule
    slots: Sequence[SlotTime]

    @property
    def places(self) -> int:
        """How many women the slots take."""
        return sum(slot.capacity for slot in self.slots)


def publish(session: Session, actor: Actor, itinerary_id: int, version: int, now: datetime) -> Published:
    """Publishes a draft: its units are bound to its stops, and everything that follows is derived and queued.

    Raises:
        DomainError: `itinerary_not_draft`, `itinerary_empty`, `stale_version`, `unit_without_programme`;
            `no_contracted_range`, a unit's programme has no contract for its place on a stop's first day;
            `unit_in_two_places` (at flush), another published itinerary has the unit elsewhere.
    """
    itinerary = itineraries.get_draft(session, actor, itinerary_id)
    require_version(itinerary, version)
    if not itinerary.stops:
        raise DomainError("itinerary_empty")
    itinerary.status, itinerary.published_at = ItineraryStatus.PUBLISHED, now
    session.flush()
    known = _contracts(session, actor)
    drafts = [draft for stop in itinerary.stops for draft in _draft_stop(known, stop)]
    audit(session, actor, "publish", "itinerary", itinerary.id)
    return _keep(session, actor, drafts)


def open_stationary(session: Session, actor: Actor, place_id: int, first_day: date, last_day: date) -> Published:
    """Opens schedules and slots of a stationary place from its opening hours: one schedule for each month and range.

    Raises:
        DomainError: `not_found`, `ends_before_start`, `no_contracted_range`; `schedule_without_slots`, nothing fits the
            opening hours; `schedule_overlaps` (at flush), some of the days have a schedule already.
    """
    if last_day < first_day:
        raise DomainError("ends_before_start")
    place = get_owned(session, actor, ServicePlace, place_id, selectinload(ServicePlace.opening_hours))
    known = _contracts(session, actor)
    programmes = sorted({hours.programme for hours in place.opening_hours})
    drafts = [
        draft
        for first, last in month_parts(first_day, last_day)
        for programme in programmes
        for draft in _draft_month(known, place, programme, first, last)
    ]
    if not drafts:
        raise DomainError("schedule_without_slots", place=place.name, day=first_day.isoformat())
    audit(session, actor, "publish", "service_place", place.id)
    return _keep(session, actor, drafts)


def open_all_stationary(session: Session, actor: Actor, first_day: date, last_day: date) -> list[Published]:
    """Opens every stationary place of the provider that has opening hours."""
    query = select(ServicePlace.id).where(
        ServicePlace.provider_id == actor.provider_id,
        ServicePlace.mobility == Mobility.STATIONARY,
        ServicePlace.opening_hours.any(),
    )
    places = session.scalars(query.order_by(ServicePlace.id)).all()
    return [open_stationary(session, actor, place_id, first_day, last_day) for place_id in places]


def _contracts(session: Session, actor: Actor) -> _Contracts:
    return _Contracts(
        product_codes.catalogue(session, actor.provider_id),
        contracts.contracted_ranges(session, actor.provider_id),
        contracts.quantity_limits(session, actor.provider_id),
    )


def _draft_stop(known: _Contracts, stop: Stop) -> list[_Draft]:
    """The schedules of a stop; the women planned for it are shared among them by the places that they offer."""
    if not stop.unit.programmes:
        raise DomainError("unit_without_programme", unit=stop.unit.name)
    drafts = [draft for each in stop.unit.programmes for draft in _draft_programme(known, stop, each)]
    for draft, women in zip(drafts, apportion(stop.women_planned, [each.places for each in drafts]), strict=True):
        draft.schedule.women_planned = women
    return drafts


def _draft_programme(known: _Contracts, stop: Stop, each: UnitProgramme) -> list[_Draft]:
    pace = Pace(each.minutes_per_woman, each.rooms, each.women_per_day)
    work = [(Interval(day.opens_at, day.closes_at), pace) for day in stop.days]
    point = MobilePoint(
        uuid=uuid4(),
        provider_id=each.service_place.provider_id,
        service_place=each.service_place,
        stop=stop,
        name=stop.site.name,
        valid_from=stop.first_day,
        valid_to=stop.last_day,
    )
    return _draft_schedules(known, each.service_place, each.programme, work, point)


def _draft_month(known: _Contracts, place: ServicePlace, programme: Programme, first: date, last: date) -> list[_Draft]:
    work = [
        (_opening(day, hours), Pace(hours.minutes_per_woman, hours.rooms))
        for day in working_days(first, last, EVERY_DAY)
        for hours in place.opening_hours
        if hours.programme == programme and hours.weekday == day.isoweekday()
    ]
    drafts = _draft_schedules(known, place, programme, work, None) if work else []
    for draft in drafts:
        draft.schedule.women_planned = draft.places
    return drafts


def _opening(day: date, hours: OpeningHours) -> Interval:
    return Interval(local_instant(day, hours.opens), local_instant(day, hours.closes))


def _draft_schedules(
    known: _Contracts,
    place: ServicePlace,
    programme: Programme,
    work: Sequence[tuple[Interval, Pace]],
    point: MobilePoint | None,
) -> list[_Draft]:
    """One schedule for each contracted path that gets slots: they are dealt in proportion to the ranges' limits."""
    first, last = (_local_day(work[end][0].starts_at) for end in (0, -1))
    offered = paths_offered(programme, place.setting, place.mobility, first, place.id, known.catalogue, known.ranges)
    if not offered:
        raise DomainError("no_contracted_range", path=programme.value, day=first.isoformat())
    slots = [slot for time, pace in work for slot in slot_times(time, pace)]
    if not slots:
        raise DomainError("schedule_without_slots", place=place.name, day=first.isoformat())
    shares = share(slots, [known.limits[contracted.id] for _, contracted in offered])
    return [
        _Draft(
            place,
            Schedule(
                uuid=uuid4(),
                provider_id=place.provider_id,
                service_place=place,
                place_mobility=place.mobility,
                mobile=point is not None,
                mobile_point=point,
                contract_range_id=contracted.id,
                programme=programme,
                path=path,
                valid_from=first,
                valid_to=last,
                hours=[ScheduleHours(starts_at=time.starts_at, ends_at=time.ends_at) for time, _ in work],
            ),
            dealt,
        )
        for (path, contracted), dealt in zip(offered, shares, strict=True)
        if dealt
    ]


def _local_day(instant: datetime) -> date:
    return instant.astimezone(WARSAW).date()


def _keep(session: Session, actor: Actor, drafts: Sequence[_Draft]) -> Published:
    """Stores schedules and slots, and queues their messages."""
    session.add_all(draft.schedule for draft in drafts)
    session.flush()
    rows = [row for draft in drafts for row in slot_rows(draft.schedule, draft.slots)]
    session.execute(insert(Slot), rows)
    by_place: dict[int, list[_Draft]] = {}
    for draft in drafts:
        by_place.setdefault(draft.place.id, []).append(draft)
    for of_place in by_place.values():
        _queue(session, actor, of_place[0].place, [draft.schedule for draft in of_place])
    points = {draft.schedule.mobile_point_id for draft in drafts} - {None}
    return Published(len(points), len(drafts), len(rows))


def slot_rows(schedule: Schedule, slots: Iterable[SlotTime]) -> list[dict[str, object]]:
    """The rows of a stored schedule's slots."""
    common = {
        "schedule_id": schedule.id,
        "service_place_id": schedule.service_place_id,
        "place_mobility": schedule.place_mobility,
        "mobile": schedule.mobile,
        "taken": 0,
        "status": SlotStatus.OPEN,
    }
    return [
        common
        | {
            "uuid": slot_uuid(schedule.uuid, slot.time.starts_at),
            "starts_at": slot.time.starts_at,
            "ends_at": slot.time.ends_at,
            "capacity": slot.capacity,
        }
        for slot in slots
    ]


def _queue(session: Session, actor: Actor, place: ServicePlace, schedules: Sequence[Schedule]) -> None:
    """Queues what the schedules of one place need, in the order that the central system requires."""

    def enqueue(kind: MessageKind, subject_id: int, day: date, *requires: OutboxMessage | None) -> OutboxMessage:
        known = [message for message in requires if message is not None]
        return outbox.enqueue(
            session,
            provider_id=actor.provider_id,
            kind=kind,
            subject_id=subject_id,
            service_day=day,
            requires=known,
        )

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
        saved = enqueue(MessageKind.SAVE_SCHEDULE, schedule.id, day, registration, points.get(point_id))
        everything += [saved, enqueue(MessageKind.SAVE_SLOTS, schedule.id, day, saved)]
    if place.status is not ServicePlaceStatus.ACTIVE:
        enqueue(MessageKind.ACTIVATE_SERVICE_PLACE, place.id, first_day, *everything, *points.values())
