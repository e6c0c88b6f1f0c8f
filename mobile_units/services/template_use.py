"""Applying a template to published stops, or to dates of a stationary place, after a preview.

A preview is the application itself, undone at once, so it tells what would happen and refuses what would be refused.
Of many stops all are changed or none. A slot with visits is never removed: it becomes orphaned, or stays open where the
template has room for its visits.

Locks: the itinerary and the units, or the place, as other changes do; then mixed sessions, then slots.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from dateutil.relativedelta import relativedelta
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop
from mobile_units.models.mixed_sessions import MixedSession
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.slots import Slot
from mobile_units.models.units import MobileUnit, UnitProgramme
from mobile_units.rules.calendar import local_day, require_period
from mobile_units.rules.programmes import Mobility, Path
from mobile_units.rules.schedules import rescaled
from mobile_units.rules.slots import Interval
from mobile_units.rules.template_changes import Mode
from mobile_units.rules.template_slots import IdleDay, PlannedSlot, apply_to_dates, apply_to_stop
from mobile_units.rules.templates import DatedHours
from mobile_units.services import changes, dated_exceptions, derivation, slots, templates
from mobile_units.services.actors import Actor, audit
from mobile_units.services.change_works import offered_by, undone, with_parts
from mobile_units.services.derivation import Contracts
from mobile_units.services.queries import apply_change, get_owned, require_version
from mobile_units.services.template_schedules import ScheduleBook
from mobile_units.services.template_works import Key, Target, TemplateWork, carry_out
from mobile_units.services.templates import KeptTemplate


@dataclass(frozen=True, slots=True, kw_only=True)
class StopsUse:
    """A template is applied to all days to come of published stops of one itinerary, by its version."""

    version: int
    mode: Mode
    stop_ids: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceUse:
    """A template is applied to days of a stationary place, both included, by the version of the place."""

    version: int
    mode: Mode
    service_place_id: int
    first_day: date
    last_day: date


@dataclass(slots=True)
class DayOfPath:
    """What becomes of the slots of a path on a day, and how many women they take before and after.

    `kept` and `untouched` stay as they are: as wanted, or because the template leaves them alone.
    """

    day: date
    path: Path
    added: int = 0
    kept: int = 0
    changed: int = 0
    removed: int = 0
    orphaned: int = 0
    untouched: int = 0
    withheld: int = 0
    women_before: int = 0
    women_after: int = 0


@dataclass(frozen=True, slots=True)
class UnroomedSlot:
    """A slot that only its visits keep; `wanted` tells that the template wants it, but too small for them."""

    slot_id: int
    path: Path
    starts_at: datetime
    ends_at: datetime
    visits: int
    wanted: bool


@dataclass(frozen=True, slots=True)
class WithheldSlot:
    """A slot that the template wants and that cannot be, because of what stands in the same rooms."""

    path: Path
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a template does at one stop or place."""

    stop_id: int | None
    service_place_id: int | None
    days: Sequence[DayOfPath]
    orphaned: Sequence[UnroomedSlot]
    withheld: Sequence[WithheldSlot]
    idle: Sequence[IdleDay]


@dataclass(frozen=True, slots=True)
class TemplateUsed:
    """What a template does everywhere it is applied, and the sums of it."""

    template_id: int
    outcomes: Sequence[Outcome]
    sums: Mapping[str, int] = field(default_factory=dict)


COUNTED = ("added", "kept", "changed", "removed", "orphaned", "untouched", "withheld", "women_before", "women_after")
"""The numbers of a `DayOfPath`."""


def preview(session: Session, actor: Actor, template_id: int, use: StopsUse | PlaceUse, now: datetime) -> TemplateUsed:
    """What `apply` would do; refused as it would be."""
    with undone(session):
        return apply(session, actor, template_id, use, now)


def apply(session: Session, actor: Actor, template_id: int, use: StopsUse | PlaceUse, now: datetime) -> TemplateUsed:
    """Applies a template, and queues the difference; what has begun at the instant `now` stays as it is.

    Raises:
        DomainError: `not_found`; `template_retired`; `given_twice`, a stop, or a day with exceptions of two places;
            `stops_of_several_itineraries`, `itinerary_not_published`, `stale_version`; `mobile_place_has_no_hours`,
            `ends_before_start`, `period_too_long`; `template_not_for_unit`, the unit or place does not examine in a
            programme of the template; `no_contracted_range`; `hours_past_midnight`, `no_such_local_time`.
    """
    template = templates.get(session, actor, template_id)
    if not template.active:
        raise DomainError("template_retired", name=template.name)
    if isinstance(use, StopsUse):
        works = _at_stops(session, actor, template, use, now)
    else:
        works = [_at_place(session, actor, template, use, now)]
    outcomes = [_outcome(work) for work in works]
    carry_out(session, actor, works)
    for work in works:
        _finish(session, actor, work)
    session.flush()
    sums = {name: sum(getattr(day, name) for each in outcomes for day in each.days) for name in COUNTED}
    return TemplateUsed(template_id, outcomes, sums)


def _finish(session: Session, actor: Actor, work: TemplateWork) -> None:
    """The women planned follow the places that there are; the log tells what was done."""
    stop, place = work.target.stop, work.target.place
    if stop:
        before = sum(each.slot.capacity for each in work.before if not each.orphaned)
        after = sum(each.slot.capacity for each in work.after if not each.orphaned)
        if not work.change.nothing_to_do:
            changes.plan_women(session, stop, rescaled(stop.women_planned, before, after))
        audit(session, actor, "apply_template", "stop", stop.id)
    if place:
        schedules = {each.id: each for each in work.target.book.all() if each.id is not None}
        _, places = offered_by(session, schedules)
        for key, schedule in schedules.items():
            schedule.women_planned = places[key] or schedule.women_planned
        audit(session, actor, "apply_template", "service_place", place.id)


# stops


def _at_stops(
    session: Session, actor: Actor, template: KeptTemplate, use: StopsUse, now: datetime
) -> list[TemplateWork]:
    stops = _published(session, actor, use)
    derivation.lock(session, MobileUnit, {stop.unit_id for stop in stops})
    contracts = derivation.contracts_of(session, actor)
    exceptions = _exceptions(session, stops)
    works = []
    for stop, target in zip(stops, _targets(session, contracts, stops), strict=True):
        days = [Interval(day.opens_at, day.closes_at) for day in stop.days]
        wanted = apply_to_stop(template.template, days, target.book.uuid_of, _of_unit(exceptions, stop))
        works.append(TemplateWork.of(target, template, use.mode, wanted, now))
    apply_change(stops[0].itinerary, use.version, {})
    return works


def _published(session: Session, actor: Actor, use: StopsUse) -> Sequence[Stop]:
    """The stops, of one published itinerary, which is locked."""
    if len(set(use.stop_ids)) < len(use.stop_ids):
        raise DomainError("given_twice")
    own = Stop.id.in_(use.stop_ids), Itinerary.provider_id == actor.provider_id
    unit = joinedload(Stop.unit).selectinload(MobileUnit.programmes).joinedload(UnitProgramme.service_place)
    query = select(Stop).join(Stop.itinerary).where(*own).order_by(Stop.id)
    query = query.options(contains_eager(Stop.itinerary), unit, joinedload(Stop.site), selectinload(Stop.days))
    locked = query.with_for_update(of=Itinerary).execution_options(populate_existing=True)
    stops = session.scalars(locked).all()
    if missing := set(use.stop_ids) - {stop.id for stop in stops}:
        raise DomainError("not_found", what=f"Stop {min(missing)}")
    if len({stop.itinerary_id for stop in stops}) > 1:
        raise DomainError("stops_of_several_itineraries")
    itinerary = stops[0].itinerary
    if itinerary.status is not ItineraryStatus.PUBLISHED:
        raise DomainError("itinerary_not_published", status=itinerary.status)
    require_version(itinerary, use.version)
    return stops


def _exceptions(session: Session, stops: Sequence[Stop]) -> dict[int, list[DatedHours]]:
    places = {each.service_place_id for stop in stops for each in stop.unit.programmes}
    first, last = min(stop.first_day for stop in stops), max(stop.last_day for stop in stops)
    return dated_exceptions.of_places(session, places, first, last)


def _of_unit(exceptions: Mapping[int, Sequence[DatedHours]], stop: Stop) -> list[DatedHours]:
    """The exceptions of the places for which a unit works, each of which holds for the unit as a whole."""
    places = sorted({each.service_place_id for each in stop.unit.programmes})
    return [each for place_id in places for each in exceptions[place_id]]


def _targets(session: Session, contracts: Contracts, stops: Sequence[Stop]) -> list[Target]:
    keys = [stop.id for stop in stops]
    query = select(Schedule).join(Schedule.mobile_point).where(MobilePoint.stop_id.in_(keys))
    schedules: dict[int, list[Schedule]] = defaultdict(list)
    for schedule in with_parts(session, query.options(contains_eager(Schedule.mobile_point))):
        if schedule.mobile_point:
            schedules[schedule.mobile_point.stop_id].append(schedule)
    points: dict[int, dict[int, MobilePoint]] = defaultdict(dict)
    for point in session.scalars(select(MobilePoint).where(MobilePoint.stop_id.in_(keys))):
        points[point.stop_id][point.service_place_id] = point
    shared: dict[int, dict[datetime, MixedSession]] = defaultdict(dict)
    for row in _locked_sessions(session, MixedSession.stop_id.in_(keys)):
        shared[row.stop_id or 0][row.starts_at] = row
    known = [schedule.id for own in schedules.values() for schedule in own]
    rows: dict[int, list[Slot]] = defaultdict(list)
    for slot in slots.lock(session, select(Slot).where(Slot.schedule_id.in_(known))):
        rows[slot.schedule_id].append(slot)
    targets = []
    for stop in stops:
        places = {each.programme: each.service_place for each in stop.unit.programmes}
        book = ScheduleBook(contracts, places, schedules[stop.id], stop, points[stop.id])
        own = [row for schedule in book.known for row in rows[schedule.id]]
        targets.append(Target(book, _by_key(book, own), shared[stop.id], stop=stop))
    return targets


# stationary places


def _at_place(session: Session, actor: Actor, template: KeptTemplate, use: PlaceUse, now: datetime) -> TemplateWork:
    place = _stationary(session, actor, use)
    target = _place_target(session, actor, template, place, use)
    exceptions = dated_exceptions.of_places(session, [place.id], use.first_day, use.last_day)[place.id]
    wanted = apply_to_dates(template.template, use.first_day, use.last_day, target.book.uuid_of, exceptions)
    apply_change(place, use.version, {})
    return TemplateWork.of(target, template, use.mode, wanted, now)


def _stationary(session: Session, actor: Actor, use: PlaceUse) -> ServicePlace:
    require_period(use.first_day, use.last_day)
    get_owned(session, actor, ServicePlace, use.service_place_id)
    derivation.lock(session, ServicePlace, [use.service_place_id])
    place = session.get_one(ServicePlace, use.service_place_id, populate_existing=True)
    if place.mobility is Mobility.MOBILE:
        raise DomainError("mobile_place_has_no_hours")
    require_version(place, use.version)
    return place


def _place_target(session: Session, actor: Actor, template: KeptTemplate, place: ServicePlace, use: PlaceUse) -> Target:
    first, last = use.first_day + relativedelta(day=1), use.last_day + relativedelta(day=31)
    query = select(Schedule).where(Schedule.service_place_id == place.id, ~Schedule.mobile)
    schedules = with_parts(session, query.where(Schedule.valid_to >= first, Schedule.valid_from <= last))
    book = ScheduleBook(
        derivation.contracts_of(session, actor), {path.programme: place for path in template.template.paths}, schedules
    )
    days = MixedSession.day.between(use.first_day, use.last_day)
    shared = _locked_sessions(session, (MixedSession.service_place_id == place.id) & days)
    keys = [schedule.id for schedule in schedules]
    known = select(Slot).where(Slot.schedule_id.in_(keys), *slots.in_days(use.first_day, use.last_day))
    rows = slots.lock(session, known)
    return Target(book, _by_key(book, rows), {row.starts_at: row for row in shared}, place=place)


# what stops and stationary places have in common


def _locked_sessions(session: Session, which: ColumnElement[bool]) -> Sequence[MixedSession]:
    query = select(MixedSession).where(which).order_by(MixedSession.id).with_for_update(key_share=True)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def _by_key(book: ScheduleBook, rows: Iterable[Slot]) -> dict[Key, Slot]:
    uuids = {schedule.id: schedule.uuid for schedule in book.known}
    return {(uuids[row.schedule_id], row.starts_at): row for row in rows}


def _day_of_path(slot: PlannedSlot) -> tuple[date, Path]:
    return local_day(slot.time.starts_at), slot.path


def _outcome(work: TemplateWork) -> Outcome:
    change, target = work.change, work.target
    found: dict[tuple[date, Path], DayOfPath] = {}

    def of(slot: PlannedSlot) -> DayOfPath:
        key = _day_of_path(slot)
        return found.setdefault(key, DayOfPath(*key))

    named = {
        "added": change.added,
        "kept": change.kept,
        "changed": [each.after for each in change.changed],
        "removed": change.removed,
        "orphaned": [each.slot for each in change.orphaned],
        "untouched": change.untouched,
        "withheld": change.withheld,
    }
    for name, listed in named.items():
        for key, count in Counter(map(_day_of_path, listed)).items():
            setattr(found.setdefault(key, DayOfPath(*key)), name, count)
    for each in work.before:
        of(each.slot).women_before += 0 if each.orphaned else each.slot.capacity
    for each in work.after:
        of(each.slot).women_after += 0 if each.orphaned else each.slot.capacity
    return Outcome(
        stop_id=target.stop.id if target.stop else None,
        service_place_id=target.place.id if target.place else None,
        days=[found[key] for key in sorted(found)],
        orphaned=[
            UnroomedSlot(
                target.rows[each.slot.key].id,
                each.slot.path,
                each.slot.time.starts_at,
                each.slot.time.ends_at,
                each.visits,
                each.wanted is not None,
            )
            for each in change.orphaned
        ],
        withheld=[WithheldSlot(each.path, each.time.starts_at, each.time.ends_at) for each in change.withheld],
        idle=work.wanted.idle,
    )
