"""Changes after publication: a stop gets other hours, days or another site, or is withdrawn; a stationary place closes.

A change is first worked out whole: which slots stay, come and go. If visits are in the way nothing is done. A preview
is the change itself, undone at once, so it tells what would happen and refuses what would be refused.

What changed is queued, and nothing else: slots that take fewer women, mobile points, schedules, slots that take more,
in this order. The central e-registration is not known to have an operation that deletes a point or a schedule. One
whose last slot is withdrawn therefore keeps its hours and days there, and here, and offers nothing.

Locks: the itinerary and the unit, or the place, so that publications and changes follow each other; then the slots, as
`services.slots` does.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import groupby

from sqlalchemy import Select, func, insert, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from mobile_units.errors import DomainError
from mobile_units.models.contracts import ContractRange
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop, StopDay
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule, ScheduleHours
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.units import MobileUnit
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import in_force, local_day, local_instant
from mobile_units.rules.programmes import Mobility, Programme
from mobile_units.rules.schedules import (
    ChangedDay,
    Difference,
    Pace,
    PresentSlot,
    SlotTime,
    apportion,
    difference,
    offered_after,
    rescaled,
)
from mobile_units.rules.slots import Interval, deal
from mobile_units.rules.stops import changed_from, first_overlap, merged
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import ACTIVE
from mobile_units.services import derivation, itineraries, sites, slots
from mobile_units.services.actors import Actor, audit
from mobile_units.services.itineraries import DayHours
from mobile_units.services.queries import apply_change, get_owned, require_version
from mobile_units.services.slots import BookedVisit
from mobile_units.transmission import outbox


@dataclass(frozen=True, slots=True)
class WorkedDay:
    """A day on which a stop is worked, Polish local time.

    Without hours, those of before, or the unit's on a new day; with `rooms`, every slot to come takes as many women.
    """

    day: date
    opens: time | None = None
    closes: time | None = None
    rooms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopChange:
    """A change of a published stop by the version of its itinerary; None leaves a field as it is.

    Days are given whole: one that is left out is dropped, from this moment on.
    """

    version: int
    days: Sequence[WorkedDay] | None = None
    site_id: int | None = None


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """An uninterrupted working time, Polish local time."""

    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class PlaceDay:
    """All that is worked on a day in a stationary place, nothing being closed; in one programme, or in all."""

    day: date
    hours: Sequence[WorkingHours] = ()
    programme: Programme | None = None
    rooms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceChange:
    """Other hours of some days of a stationary place, by the version of the place; other days stay as they are."""

    version: int
    days: Sequence[PlaceDay]


@dataclass(frozen=True, slots=True)
class ChangedSlot:
    """A slot that comes, goes or takes another number of women."""

    schedule_id: int
    starts_at: datetime
    ends_at: datetime
    capacity: int


@dataclass(slots=True)
class Changes:
    """What a change does: slots of the changed days, and the visits that are in its way.

    `visits_at_new_site` counts the visits to come whose women have to hear of the new site.
    """

    kept: int = 0
    added: list[ChangedSlot] = field(default_factory=list)
    withdrawn: list[ChangedSlot] = field(default_factory=list)
    resized: list[ChangedSlot] = field(default_factory=list)
    visits: list[BookedVisit] = field(default_factory=list)
    visits_at_new_site: int = 0


@dataclass(frozen=True, slots=True)
class _Group:
    """Schedules of one place and programme, which share their working times; the days that change, and the pace."""

    schedules: Sequence[Schedule]
    days: Mapping[date, ChangedDay]
    paces: Mapping[date, Pace | None]


@dataclass(frozen=True, slots=True)
class _Work:
    """What becomes of one schedule.

    `rows` are the slots of the changed days by their starts, `hours` the working times of these days, `before` and
    `after` the women for whom there are slots, `fewer` the slots that take fewer, and `more` whether any takes more.
    """

    schedule: Schedule
    rows: Mapping[datetime, Slot]
    hours: Mapping[date, Sequence[Interval]]
    slots: Difference
    before: int
    after: int
    fewer: Sequence[Slot]
    more: bool

    def in_the_way(self) -> list[int]:
        """The slots with more visits than they would take."""
        left = {slot.time.starts_at: slot.capacity for slot in self.slots.resized}
        return [row.id for row in self.fewer if row.taken > left.get(row.starts_at, 0)]


@contextmanager
def undone(session: Session) -> Iterator[None]:
    """Does what follows, and undoes it at the end."""
    savepoint = session.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()


def preview_stop(session: Session, actor: Actor, stop_id: int, command: StopChange, now: datetime) -> Changes:
    """What `change_stop` would do and which visits are in its way; refused as it would be, but for the visits."""
    with undone(session):
        return attempt_stop(session, actor, stop_id, command, now)


def change_stop(session: Session, actor: Actor, stop_id: int, command: StopChange, now: datetime) -> Changes:
    """Changes hours, days or site of a published stop, all its schedules alike, and queues the difference.

    What was worked already stays: past days, and of a day that has begun the hours until `now`.

    Raises:
        DomainError: `not_found`, `itinerary_not_published`, `stale_version`, `given_twice`, `stop_outside_itinerary`,
            `ends_before_start`, `no_such_local_time`, `day_over`, `no_contracted_range`, `out_of_use` (the site);
            `slots_have_visits`, with the list of visits; `unit_in_two_places` (at flush).
    """
    changes = attempt_stop(session, actor, stop_id, command, now)
    slots.require_no_visits(changes.visits)
    return changes


def preview_withdrawal(session: Session, actor: Actor, stop_id: int, version: int, now: datetime) -> Changes:
    """What `withdraw_stop` would do and which visits are in its way."""
    return preview_stop(session, actor, stop_id, StopChange(version=version, days=()), now)


def withdraw_stop(session: Session, actor: Actor, stop_id: int, version: int, now: datetime) -> Changes:
    """Drops all days of a published stop from `now` on; its unit is free for other stops.

    Raises:
        DomainError: as `change_stop`.
    """
    return change_stop(session, actor, stop_id, StopChange(version=version, days=()), now)


def preview_place(session: Session, actor: Actor, place_id: int, command: PlaceChange, now: datetime) -> Changes:
    """What `change_place` would do and which visits are in its way; refused as it would be, but for the visits."""
    with undone(session):
        return _place(session, actor, place_id, command, now)


def change_place(session: Session, actor: Actor, place_id: int, command: PlaceChange, now: datetime) -> Changes:
    """Changes or closes days of a stationary place that have schedules, all schedules of a programme alike.

    Raises:
        DomainError: `not_found`, `mobile_place_has_no_hours`, `stale_version`, `given_twice`, `ends_before_start`,
            `opening_hours_overlap`, `no_such_local_time`, `day_over`; `day_without_schedule`, the place was not opened
            for the day; `no_contracted_range`; `slots_have_visits`, with the list of visits.
    """
    changes = _place(session, actor, place_id, command, now)
    slots.require_no_visits(changes.visits)
    return changes


# stops


def attempt_stop(session: Session, actor: Actor, stop_id: int, command: StopChange, now: datetime) -> Changes:
    """As `change_stop`, but visits in the way are only listed, and then nothing is done."""
    stop = _published(session, actor, stop_id)
    require_version(stop.itinerary, command.version)
    derivation.lock(session, MobileUnit, [stop.unit_id])
    days = _days_of_stop(stop, command, now)
    works = _works(session, _groups_of_stop(session, stop, days, now))
    changes = _changes(session, works)
    points = set() if command.site_id is None else _move(session, actor, stop, command.site_id)
    changes.visits_at_new_site = _to_come(session, stop, now) if points else 0
    if changes.visits:
        return changes
    _set_days(stop, {day: hours for day, (_, hours, _) in days.items()})
    points |= _set_points(session, stop)
    _set_women(stop, works)
    apply_change(stop.itinerary, command.version, {})
    audit(session, actor, "change" if stop.days else "withdraw", "stop", stop.id)
    _carry_out(session, works, points)
    return changes


def _published(session: Session, actor: Actor, stop_id: int) -> Stop:
    query = select(Stop).join(Stop.itinerary).where(Stop.id == stop_id, Itinerary.provider_id == actor.provider_id)
    unit = joinedload(Stop.unit).selectinload(MobileUnit.programmes)
    query = query.options(contains_eager(Stop.itinerary), unit, joinedload(Stop.site), selectinload(Stop.days))
    query = query.with_for_update(of=Itinerary).execution_options(populate_existing=True)
    stop = session.scalars(query).one_or_none()
    if stop is None:
        raise DomainError("not_found", what=f"Stop {stop_id}")
    if stop.itinerary.status is not ItineraryStatus.PUBLISHED:
        raise DomainError("itinerary_not_published", status=stop.itinerary.status)
    return stop


_DayChange = tuple[list[Interval], list[Interval], int | None]
"""The working times of a day before and after a change, and the rooms from then on."""


def _days_of_stop(stop: Stop, command: StopChange, now: datetime) -> dict[date, _DayChange]:
    """The days of a stop, those that are dropped or new included."""
    before = {row.day: Interval(row.opens_at, row.closes_at) for row in stop.days}
    given = {} if command.days is None else {each.day: each for each in command.days}
    itineraries.check_days(stop.itinerary, command.days or ())
    if command.days is None:
        return {day: ([hours], [hours], None) for day, hours in before.items()}
    wanted = {each.day: _hours(stop, each, before, first=each.day == min(given)) for each in command.days}
    for day, hours in wanted.items():
        if day < local_day(now) and hours != before.get(day):
            raise DomainError("day_over", day=day.isoformat())
    return {
        day: _day_change(
            [before[day]] if day in before else [],
            [wanted[day]] if day in wanted else [],
            given[day].rooms if day in given else None,
            now,
        )
        for day in sorted({*before, *wanted})
    }


def _day_change(before: list[Interval], wanted: list[Interval], rooms: int | None, now: datetime) -> _DayChange:
    return before, changed_from(now.replace(second=0, microsecond=0), before, wanted), rooms


def _hours(stop: Stop, each: WorkedDay, before: Mapping[date, Interval], *, first: bool) -> Interval:
    usual = before.get(each.day) or itineraries.unit_hours(stop.unit, DayHours(each.day), first=first)
    return Interval(
        local_instant(each.day, each.opens) if each.opens else usual.starts_at,
        local_instant(each.day, each.closes) if each.closes else usual.ends_at,
    )


def _groups_of_stop(session: Session, stop: Stop, days: Mapping[date, _DayChange], now: datetime) -> Iterator[_Group]:
    query = select(Schedule).join(Schedule.mobile_point).where(MobilePoint.stop_id == stop.id)
    schedules = _with_parts(session, query.options(contains_eager(Schedule.mobile_point)))
    paces = {
        (each.service_place_id, each.programme): Pace(each.minutes_per_woman, each.rooms, each.women_per_day)
        for each in stop.unit.programmes
    }
    changed = {
        day: ChangedDay(before, hours, now, rooms)
        for day, (before, hours, rooms) in days.items()
        if hours != before or rooms is not None
    }
    for key, group in groupby(schedules, lambda each: (each.service_place_id, each.programme)):
        yield _Group(list(group), changed, dict.fromkeys(changed, paces.get(key)))


def _with_parts(session: Session, query: Select[Schedule]) -> Sequence[Schedule]:
    """Schedules by place and programme, with their hours and contracts."""
    contract = joinedload(Schedule.contract_range).joinedload(ContractRange.contract)
    parts = joinedload(Schedule.service_place), selectinload(Schedule.hours), contract
    query = query.options(*parts).order_by(Schedule.service_place_id, Schedule.programme, Schedule.id)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def _move(session: Session, actor: Actor, stop: Stop, site_id: int) -> set[int]:
    """Gives a stop another site; returns its mobile points, which have to be told."""
    if site_id == stop.site_id:
        return set()
    stop.site = sites.get(session, actor, site_id)
    itineraries.require_in_use(stop.site)
    points = session.scalars(select(MobilePoint).where(MobilePoint.stop_id == stop.id)).all()
    for point in points:
        point.name = stop.site.name
    return {point.id for point in points}


def _set_days(stop: Stop, days: Mapping[date, Sequence[Interval]]) -> None:
    """The days with hours, from the first hour to the last; a stop without any keeps the days that it had."""
    known = {row.day: row for row in stop.days}
    rows = [known.get(day) or _new_day(stop, day) for day, hours in days.items() if hours]
    for row in rows:
        row.opens_at, row.closes_at = days[row.day][0].starts_at, days[row.day][-1].ends_at
    stop.days[:] = rows
    if rows:
        stop.first_day, stop.last_day = rows[0].day, rows[-1].day


def _new_day(stop: Stop, day: date) -> StopDay:
    itinerary = stop.itinerary
    return StopDay(itinerary_id=itinerary.id, itinerary_status=itinerary.status, unit_id=stop.unit_id, day=day)


def _set_women(stop: Stop, works: Sequence[_Work]) -> None:
    """The women of a stop follow its places, and are shared among its schedules as they were when it was published."""
    places = [work.after for work in works]
    stop.women_planned = rescaled(stop.women_planned, sum(work.before for work in works), sum(places))
    if any(places):
        for work, women in zip(works, apportion(stop.women_planned, places), strict=True):
            work.schedule.women_planned = women


def plan_women(session: Session, stop: Stop, women: int) -> None:
    """Plans another number of women for a published stop, shared among its schedules by their places."""
    stop.women_planned = women
    query = select(Schedule).join(Schedule.mobile_point).where(MobilePoint.stop_id == stop.id).order_by(Schedule.id)
    schedules = session.scalars(query).all()
    _, places = _offered(session, [schedule.id for schedule in schedules])
    parts = apportion(women, [places[schedule.id] for schedule in schedules]) if schedules else []
    for schedule, part in zip(schedules, parts, strict=True):
        schedule.women_planned = part


def _set_points(session: Session, stop: Stop) -> set[int]:
    """Has the mobile points of a stop last as long as it; returns those that did not."""
    changed = select(MobilePoint).where(
        MobilePoint.stop_id == stop.id,
        or_(MobilePoint.valid_from != stop.first_day, MobilePoint.valid_to != stop.last_day),
    )
    points = session.scalars(changed).all() if stop.days else ()
    for point in points:
        point.valid_from, point.valid_to = stop.first_day, stop.last_day
    return {point.id for point in points}


def _to_come(session: Session, stop: Stop, now: datetime) -> int:
    query = select(func.count()).select_from(Visit).join(Visit.slot).join(Slot.schedule).join(Schedule.mobile_point)
    ahead = Slot.starts_at > now, Visit.status.in_(sorted(ACTIVE))
    return session.scalars(query.where(MobilePoint.stop_id == stop.id, *ahead)).one()


# stationary places


def _place(session: Session, actor: Actor, place_id: int, command: PlaceChange, now: datetime) -> Changes:
    get_owned(session, actor, ServicePlace, place_id)
    derivation.lock(session, ServicePlace, [place_id])
    parts = selectinload(ServicePlace.opening_hours)
    place = session.get_one(ServicePlace, place_id, options=[parts], populate_existing=True)
    if place.mobility is Mobility.MOBILE:
        raise DomainError("mobile_place_has_no_hours")
    require_version(place, command.version)
    works = _works(session, _groups_of_place(session, place, command.days, now))
    changes = _changes(session, works)
    if changes.visits:
        return changes
    for work in works:
        work.schedule.women_planned = work.after or work.schedule.women_planned
    apply_change(place, command.version, {})
    audit(session, actor, "change_hours", "service_place", place.id)
    _carry_out(session, works, ())
    return changes


def _groups_of_place(
    session: Session, place: ServicePlace, days: Sequence[PlaceDay], now: datetime
) -> Iterator[_Group]:
    query = select(Schedule).where(Schedule.service_place_id == place.id, ~Schedule.mobile)
    first, last = min(each.day for each in days), max(each.day for each in days)
    schedules = _with_parts(session, query.where(Schedule.valid_to >= first, Schedule.valid_from <= last))
    wanted = _by_programme(schedules, days)
    for programme, of_programme in groupby(schedules, lambda each: each.programme):
        group = list(of_programme)
        changed = {day: _changed_day(group, each, now) for day, each in wanted.get(programme, {}).items()}
        yield _Group(group, changed, {day: _pace(place, programme, day) for day in changed})


def _by_programme(schedules: Sequence[Schedule], days: Sequence[PlaceDay]) -> dict[Programme, dict[date, PlaceDay]]:
    wanted: dict[Programme, dict[date, PlaceDay]] = {}
    for each in days:
        holders = {s.programme for s in schedules if _lasts_into(s, each.day)}
        programmes = holders if each.programme is None else holders & {each.programme}
        if not programmes:
            raise DomainError("day_without_schedule", day=each.day.isoformat())
        for programme in programmes:
            if each.day in wanted.setdefault(programme, {}):
                raise DomainError("given_twice")
            wanted[programme][each.day] = each
    return wanted


def _changed_day(schedules: Sequence[Schedule], each: PlaceDay, now: datetime) -> ChangedDay:
    if each.day < local_day(now):
        raise DomainError("day_over", day=each.day.isoformat())
    given = [Interval(local_instant(each.day, h.opens), local_instant(each.day, h.closes)) for h in each.hours]
    clash = first_overlap(given)
    if clash:
        opens = each.hours[clash[1]].opens.isoformat("minutes")
        raise DomainError("opening_hours_overlap", weekday=each.day.isoweekday(), opens=opens)
    before, hours, rooms = _day_change(_worked(schedules, each.day), given, each.rooms, now)
    return ChangedDay(before, hours, now, rooms)


def _worked(schedules: Iterable[Schedule], day: date) -> list[Interval]:
    rows = (row for schedule in schedules for row in schedule.hours if local_day(row.starts_at) == day)
    return merged(Interval(row.starts_at, row.ends_at) for row in rows)


def _pace(place: ServicePlace, programme: Programme, day: date) -> Pace | None:
    """How women are examined in a programme on the weekday, else on another one, None if on none."""
    own = [hours for hours in place.opening_hours if hours.programme == programme]
    own.sort(key=lambda hours: (hours.weekday != day.isoweekday(), hours.weekday, hours.opens))
    return Pace(own[0].minutes_per_woman, own[0].rooms) if own else None


# what stops and stationary places have in common


def _works(session: Session, groups: Iterable[_Group]) -> list[_Work]:
    return [work for group in groups if group.days for work in _works_of(session, group)]


def _works_of(session: Session, group: _Group) -> list[_Work]:
    keys = [schedule.id for schedule in group.schedules]
    days = sorted(group.days)
    known = select(Slot).where(Slot.schedule_id.in_(keys), *slots.in_days(days[0], days[-1]))
    rows = [row for row in slots.lock(session, known) if local_day(row.starts_at) in group.days]
    counts, places = _offered(session, keys)
    held = Counter(counts) - Counter(row.schedule_id for row in rows if row.status is not SlotStatus.WITHDRAWN)
    wanted: dict[int, list[SlotTime]] = {key: [] for key in keys}
    for day in days:
        of_day = sorted((row for row in rows if local_day(row.starts_at) == day), key=lambda row: row.starts_at)
        _assign(group, day, of_day, held, wanted)
    return [_work(group, schedule, rows, wanted[schedule.id], places[schedule.id]) for schedule in group.schedules]


def _offered(session: Session, schedule_ids: Collection[int]) -> tuple[Counter[int], Counter[int]]:
    """How many slots schedules offer, and for how many women."""
    query = select(Slot.schedule_id, func.count(), func.sum(Slot.capacity)).group_by(Slot.schedule_id)
    query = query.where(Slot.schedule_id.in_(schedule_ids), Slot.status != SlotStatus.WITHDRAWN)
    found = session.execute(query).all()
    return Counter({key: count for key, count, _ in found}), Counter({key: places for key, _, places in found})


def _assign(
    group: _Group, day: date, rows: Sequence[Slot], held: Counter[int], wanted: dict[int, list[SlotTime]]
) -> None:
    """Gives each slot of a day to a schedule: where it is, or was; else they are dealt by the limits of the ranges."""
    receivers = [each for each in group.schedules if _may_hold(each, day)]
    keys = {each.id for each in receivers}
    owner = {row.starts_at: row.schedule_id for row in rows if row.schedule_id in keys}
    owner |= {row.starts_at: row.schedule_id for row in rows if row.status is not SlotStatus.WITHDRAWN}
    offered = offered_after(_present(rows), group.days[day], group.paces[day])
    fresh = [slot for slot in offered if slot.time.starts_at not in owner]
    if fresh and not receivers:
        raise DomainError("no_contracted_range", path=group.schedules[0].programme, day=day.isoformat())
    for slot in offered:
        if slot.time.starts_at in owner:
            wanted[owner[slot.time.starts_at]].append(slot)
            held[owner[slot.time.starts_at]] += 1
    weights = [each.contract_range.quantity_limit for each in receivers]
    shares = deal(len(fresh), weights, [held[each.id] for each in receivers]) if fresh else []
    for slot, number in zip(fresh, shares, strict=True):
        wanted[receivers[number].id].append(slot)
        held[receivers[number].id] += 1


def _may_hold(schedule: Schedule, day: date) -> bool:
    """Whether a day may be settled under a schedule: by its contract, and in a stationary place by its own days."""
    contract = schedule.contract_range.contract
    contracted = in_force(contract.valid_from, contract.valid_to, day)
    return contracted and (schedule.mobile or _lasts_into(schedule, day))


def _lasts_into(schedule: Schedule, day: date) -> bool:
    return in_force(schedule.valid_from, schedule.valid_to, day)


def _present(rows: Iterable[Slot]) -> list[PresentSlot]:
    return [
        PresentSlot(Interval(row.starts_at, row.ends_at), row.capacity, row.status is SlotStatus.WITHDRAWN)
        for row in rows
    ]


def _work(group: _Group, schedule: Schedule, rows: Iterable[Slot], wanted: Sequence[SlotTime], places: int) -> _Work:
    own = {row.starts_at: row for row in rows if row.schedule_id == schedule.id}
    found = difference(_present(own.values()), wanted)
    worked = {local_day(slot.time.starts_at) for slot in wanted}
    hours = {
        day: change.hours if day in worked or _may_hold(schedule, day) else () for day, change in group.days.items()
    }
    grown = {each.time.starts_at: each.capacity - own[each.time.starts_at].capacity for each in found.resized}
    gone = [each.time.starts_at for each in found.withdrawn]
    return _Work(
        schedule=schedule,
        rows=own,
        hours=hours,
        slots=found,
        before=places,
        after=places + _women(found.added) + sum(grown.values()) - _women(found.withdrawn),
        fewer=[own[start] for start in (*gone, *(start for start, women in grown.items() if women < 0))],
        more=bool(found.added) or any(women > 0 for women in grown.values()),
    )


def _women(times: Iterable[SlotTime]) -> int:
    return sum(each.capacity for each in times)


def _changes(session: Session, works: Sequence[_Work]) -> Changes:
    changes = Changes(visits=slots.visits_in(session, (key for work in works for key in work.in_the_way())))
    for work in works:
        changes.kept += len(work.slots.kept)
        for kind in ("added", "withdrawn", "resized"):
            listed: list[ChangedSlot] = getattr(changes, kind)
            listed += [_changed_slot(work.schedule, slot) for slot in getattr(work.slots, kind)]
    for listed in (changes.added, changes.withdrawn, changes.resized):
        listed.sort(key=lambda slot: (slot.starts_at, slot.schedule_id))
    return changes


def _changed_slot(schedule: Schedule, slot: SlotTime) -> ChangedSlot:
    return ChangedSlot(schedule.id, slot.time.starts_at, slot.time.ends_at, slot.capacity)


def _carry_out(session: Session, works: Sequence[_Work], points: Collection[int]) -> None:
    """Does what was worked out, and queues it together with changed mobile points."""
    for work in works:
        _set_slots(session, work)
    rescheduled = {work.schedule.id for work in works if _set_hours(work)}
    session.flush()
    for work in works:
        if work.fewer:
            slots.tell_fewer(session, work.schedule.id, [row.id for row in work.fewer])
    taken_back = [(MessageKind.WITHDRAW_SLOTS, work.schedule.id) for work in works]
    outbox.enqueue_again(session, MessageKind.IMPORT_MOBILE_POINTS, *points, after=taken_back)
    for work in works:
        _tell(session, work, rescheduled=work.schedule.id in rescheduled)


def _set_slots(session: Session, work: _Work) -> None:
    for slot in work.slots.withdrawn:
        work.rows[slot.time.starts_at].status = SlotStatus.WITHDRAWN
    for slot in work.slots.resized:
        work.rows[slot.time.starts_at].capacity = slot.capacity
    for slot in work.slots.added:
        if row := work.rows.get(slot.time.starts_at):
            row.status, row.ends_at, row.capacity = SlotStatus.OPEN, slot.time.ends_at, slot.capacity
    new = [slot for slot in work.slots.added if slot.time.starts_at not in work.rows]
    if new:
        session.execute(insert(Slot), derivation.slot_rows(work.schedule, new))


def _set_hours(work: _Work) -> bool:
    """Gives a schedule the hours of the changed days; says whether that changed anything.

    One without hours keeps those that it had: so it stands at the central system. They are forgotten when it is worked
    again.
    """
    schedule, known = work.schedule, {row.starts_at: row for row in work.schedule.hours}
    staying = [row for row in schedule.hours if work.before and local_day(row.starts_at) not in work.hours]
    wanted = {row.starts_at: row.ends_at for row in staying}
    wanted |= {time.starts_at: time.ends_at for hours in work.hours.values() for time in hours}
    if not wanted or wanted == {start: row.ends_at for start, row in known.items()}:
        return False
    schedule.hours[:] = [known.get(start) or ScheduleHours(starts_at=start) for start in sorted(wanted)]
    for row in schedule.hours:
        row.ends_at = wanted[row.starts_at]
    if schedule.mobile:
        schedule.valid_from, schedule.valid_to = local_day(min(wanted)), local_day(max(wanted))
    return True


def _tell(session: Session, work: _Work, *, rescheduled: bool) -> None:
    schedule = work.schedule
    if rescheduled:
        after = [(MessageKind.WITHDRAW_SLOTS, schedule.id)]
        if schedule.mobile_point_id is not None:
            after.append((MessageKind.IMPORT_MOBILE_POINTS, schedule.mobile_point_id))
        outbox.enqueue_again(session, MessageKind.SAVE_SCHEDULE, schedule.id, after=after)
    if work.more:
        slots.tell(session, schedule.id, [(MessageKind.SAVE_SCHEDULE, schedule.id)])
