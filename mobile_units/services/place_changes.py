"""Changes of what a stationary place was opened for: other hours on some days, or none.

They are worked out and carried out as `services.change_works` tells. Locks: the place, then the slots.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from mobile_units.errors import DomainError
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.rules.calendar import local_day, local_instant
from mobile_units.rules.orphans import Cause
from mobile_units.rules.programmes import Mobility, Programme
from mobile_units.rules.schedules import ChangedDay, Pace
from mobile_units.rules.slots import Interval
from mobile_units.rules.stops import first_overlap, merged
from mobile_units.services import derivation, slots
from mobile_units.services.actors import Actor, audit
from mobile_units.services.change_works import (
    Changes,
    Group,
    carry_out,
    changes_of,
    day_change,
    lasts_into,
    undone,
    with_parts,
    works_of,
)
from mobile_units.services.queries import apply_change, get_owned, require_version


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
    """Other hours of some days of a stationary place, by the version of the place; other days stay as they are.

    Slots with visits in the way become orphaned if `orphan` says so; else the change is refused.
    """

    version: int
    days: Sequence[PlaceDay]
    orphan: bool = False


def preview_place(session: Session, actor: Actor, place_id: int, command: PlaceChange, now: datetime) -> Changes:
    """What `change_place` would do and which visits are in its way; refused as it would be, but for the visits."""
    with undone(session):
        return _place(session, actor, place_id, command, now)


def change_place(session: Session, actor: Actor, place_id: int, command: PlaceChange, now: datetime) -> Changes:
    """Changes or closes days of a stationary place that have schedules, all schedules of a programme alike.

    Raises:
        DomainError: `not_found`, `mobile_place_has_no_hours`, `stale_version`, `given_twice`, `ends_before_start`,
            `opening_hours_overlap`, `no_such_local_time`, `day_over`; `day_without_schedule`, the place was not opened
            for the day; `no_contracted_range`; `slots_have_visits`, with the list of visits, unless their slots
            may be orphaned.
    """
    changes = _place(session, actor, place_id, command, now)
    slots.require_no_visits(() if command.orphan else changes.visits)
    return changes


def _place(session: Session, actor: Actor, place_id: int, command: PlaceChange, now: datetime) -> Changes:
    get_owned(session, actor, ServicePlace, place_id)
    derivation.lock(session, ServicePlace, [place_id])
    parts = selectinload(ServicePlace.opening_hours)
    place = session.get_one(ServicePlace, place_id, options=[parts], populate_existing=True)
    if place.mobility is Mobility.MOBILE:
        raise DomainError("mobile_place_has_no_hours")
    require_version(place, command.version)
    works = works_of(session, _groups_of_place(session, place, command.days, now))
    changes = changes_of(session, works)
    if changes.visits and not command.orphan:
        return changes
    for work in works:
        work.schedule.women_planned = work.after or work.schedule.women_planned
    apply_change(place, command.version, {})
    audit(session, actor, "change_hours", "service_place", place.id)
    carry_out(session, actor, works, (), Cause.PLACE_CHANGED)
    return changes


def _groups_of_place(session: Session, place: ServicePlace, days: Sequence[PlaceDay], now: datetime) -> Iterator[Group]:
    query = select(Schedule).where(Schedule.service_place_id == place.id, ~Schedule.mobile)
    first, last = min(each.day for each in days), max(each.day for each in days)
    schedules = with_parts(session, query.where(Schedule.valid_to >= first, Schedule.valid_from <= last))
    wanted = _by_programme(schedules, days)
    for programme, of_programme in groupby(schedules, lambda each: each.programme):
        group = list(of_programme)
        changed = {day: _changed_day(group, each, now) for day, each in wanted.get(programme, {}).items()}
        yield Group(group, changed, {day: _pace(place, programme, day) for day in changed})


def _by_programme(schedules: Sequence[Schedule], days: Sequence[PlaceDay]) -> dict[Programme, dict[date, PlaceDay]]:
    wanted: dict[Programme, dict[date, PlaceDay]] = {}
    for each in days:
        holders = {s.programme for s in schedules if lasts_into(s, each.day)}
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
    before, hours, rooms = day_change(_worked(schedules, each.day), given, each.rooms, now)
    return ChangedDay(before, hours, now, rooms)


def _worked(schedules: Iterable[Schedule], day: date) -> list[Interval]:
    rows = (row for schedule in schedules for row in schedule.hours if local_day(row.starts_at) == day)
    return merged(Interval(row.starts_at, row.ends_at) for row in rows)


def _pace(place: ServicePlace, programme: Programme, day: date) -> Pace | None:
    """How women are examined in a programme on the weekday, else on another one, None if on none."""
    own = [hours for hours in place.opening_hours if hours.programme == programme]
    own.sort(key=lambda hours: (hours.weekday != day.isoweekday(), hours.weekday, hours.opens))
    return Pace(own[0].minutes_per_woman, own[0].rooms) if own else None
