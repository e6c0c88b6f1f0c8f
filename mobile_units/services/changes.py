"""Changes of a published stop: it gets other hours, days or another site, or is withdrawn.

They are worked out and carried out as `services.change_works` tells. Locks: the itinerary and the unit, then the slots.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import groupby

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop, StopDay
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.units import MobileUnit
from mobile_units.rules.calendar import local_day, local_instant
from mobile_units.rules.orphans import Cause
from mobile_units.rules.schedules import ChangedDay, Pace, apportion, rescaled
from mobile_units.rules.slots import Interval
from mobile_units.services import derivation, itineraries, sites, slots, stop_notices
from mobile_units.services.actors import Actor, audit
from mobile_units.services.change_works import (
    Changes,
    DayChange,
    Group,
    Work,
    carry_out,
    changes_of,
    day_change,
    offered_by,
    undone,
    with_parts,
    works_of,
)
from mobile_units.services.itineraries import DayHours
from mobile_units.services.queries import apply_change, require_version


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

    Days are given whole: one that is left out is dropped, from this moment on. Slots with visits in the way become
    orphaned if `orphan` says so; else the change is refused.
    """

    version: int
    days: Sequence[WorkedDay] | None = None
    site_id: int | None = None
    orphan: bool = False


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
            `slots_have_visits`, with the list of visits, unless their slots may be orphaned; `unit_in_two_places` (at
            flush).
    """
    changes = attempt_stop(session, actor, stop_id, command, now)
    slots.require_no_visits(() if command.orphan else changes.visits)
    return changes


def preview_withdrawal(session: Session, actor: Actor, stop_id: int, version: int, now: datetime) -> Changes:
    """What `withdraw_stop` would do and which visits are in its way."""
    return preview_stop(session, actor, stop_id, StopChange(version=version, days=()), now)


def withdraw_stop(  # noqa: PLR0913 -- which stop, as it was read, and whether its visits may be orphaned
    session: Session, actor: Actor, stop_id: int, version: int, now: datetime, *, orphan: bool = False
) -> Changes:
    """Drops all days of a published stop from `now` on; its unit is free for other stops.

    Raises:
        DomainError: as `change_stop`.
    """
    return change_stop(session, actor, stop_id, StopChange(version=version, days=(), orphan=orphan), now)


def attempt_stop(  # noqa: PLR0913, PLR0917 -- as `change_stop`, and what it is a part of
    session: Session, actor: Actor, stop_id: int, command: StopChange, now: datetime, cause: Cause | None = None
) -> Changes:
    """As `change_stop`, but visits in the way are only listed, and then nothing is done unless it may orphan slots.

    They are orphaned because of `cause`; if none is given, because the stop was changed or withdrawn.
    """
    stop = _published(session, actor, stop_id)
    require_version(stop.itinerary, command.version)
    derivation.lock(session, MobileUnit, [stop.unit_id])
    days = _days_of_stop(stop, command, now)
    works = works_of(session, _groups_of_stop(session, stop, days, now))
    changes = changes_of(session, works)
    affected = stop_notices.affected_by(session, stop, command.site_id, now)
    points = set() if command.site_id is None else _move(session, actor, stop, command.site_id)
    changes.visits_at_new_site = len(affected)
    if changes.visits and not command.orphan:
        return changes
    _set_days(stop, {day: hours for day, (_, hours, _) in days.items()})
    points |= _set_points(session, stop)
    _set_women(stop, works)
    apply_change(stop.itinerary, command.version, {})
    audit(session, actor, "change" if stop.days else "withdraw", "stop", stop.id)
    carry_out(session, actor, works, points, cause or (Cause.STOP_CHANGED if stop.days else Cause.STOP_WITHDRAWN))
    stop_notices.tell(session, actor, stop, affected)
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


def _days_of_stop(stop: Stop, command: StopChange, now: datetime) -> dict[date, DayChange]:
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
        day: day_change(
            [before[day]] if day in before else [],
            [wanted[day]] if day in wanted else [],
            given[day].rooms if day in given else None,
            now,
        )
        for day in sorted({*before, *wanted})
    }


def _hours(stop: Stop, each: WorkedDay, before: Mapping[date, Interval], *, first: bool) -> Interval:
    usual = before.get(each.day) or itineraries.unit_hours(stop.unit, DayHours(each.day), first=first)
    return Interval(
        local_instant(each.day, each.opens) if each.opens else usual.starts_at,
        local_instant(each.day, each.closes) if each.closes else usual.ends_at,
    )


def _groups_of_stop(session: Session, stop: Stop, days: Mapping[date, DayChange], now: datetime) -> Iterator[Group]:
    query = select(Schedule).join(Schedule.mobile_point).where(MobilePoint.stop_id == stop.id)
    schedules = with_parts(session, query.options(contains_eager(Schedule.mobile_point)))
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
        yield Group(list(group), changed, dict.fromkeys(changed, paces.get(key)))


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


def _set_women(stop: Stop, works: Sequence[Work]) -> None:
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
    _, places = offered_by(session, [schedule.id for schedule in schedules])
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
