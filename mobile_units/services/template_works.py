"""Carrying out what a template changes at stops and places: slots, schedules, mixed sessions, and what is told of them.

What changed is queued, and nothing else: slots that take fewer women, mobile points, schedules, slots that take more,
in this order, as for other changes (`services.change_works`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy.orm import Session

from mobile_units.models.itineraries import Stop
from mobile_units.models.mixed_sessions import MixedSession
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.rules.admission import is_public
from mobile_units.rules.calendar import local_day
from mobile_units.rules.orphans import Cause
from mobile_units.rules.slots import Interval
from mobile_units.rules.stops import changed_from, covers, merged
from mobile_units.rules.template_changes import Difference, Mode, StoredSlot, applied, difference
from mobile_units.rules.template_slots import Applied, PlannedSlot
from mobile_units.rules.templates import Template
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services import derivation, mixed_sessions, slot_rows, slots
from mobile_units.services.actors import Actor
from mobile_units.services.change_works import offered_by, set_hours, tell
from mobile_units.services.template_schedules import ScheduleBook
from mobile_units.services.templates import KeptTemplate

Key = tuple[UUID, datetime]


@dataclass(frozen=True, slots=True)
class Target:
    """A stop, or dates of a stationary place, to which a template is applied.

    `rows` are all its slots in the days in question, withdrawn ones too, by schedule and start; `sessions` its mixed
    sessions by their starts.
    """

    book: ScheduleBook
    rows: Mapping[Key, Slot]
    sessions: dict[datetime, MixedSession]
    stop: Stop | None = None
    place: ServicePlace | None = None

    @property
    def standing(self) -> list[StoredSlot]:
        """The slots that stand, as the rules know them."""
        schedules = {schedule.id: schedule for schedule in self.book.known}
        starts = {row.id: start for start, row in self.sessions.items()}
        return [
            _stored(row, schedules[row.schedule_id], starts.get(row.session_id or 0))
            for row in self.rows.values()
            if row.status is not SlotStatus.WITHDRAWN
        ]


def _stored(row: Slot, schedule: Schedule, session: datetime | None) -> StoredSlot:
    time, blocked = Interval(row.starts_at, row.ends_at), row.status is SlotStatus.BLOCKED
    slot = PlannedSlot(schedule.uuid, schedule.path, time, row.capacity, row.extra, row.reserved_for, blocked, session)
    return StoredSlot(slot, row.taken, row.status is SlotStatus.ORPHANED)


@dataclass(frozen=True, slots=True)
class TemplateWork:
    """What a template does to a target: `wanted` by it, and the `change` from what stood `before` to `after`."""

    target: Target
    template_id: int
    template: Template
    mode: Mode
    now: datetime
    before: Sequence[StoredSlot]
    wanted: Applied
    change: Difference
    after: Sequence[StoredSlot]

    @classmethod
    def of(cls, target: Target, kept: KeptTemplate, mode: Mode, wanted: Applied, now: datetime) -> "TemplateWork":
        """What becomes of the slots of a target."""
        before = target.standing
        change = difference(before, wanted, mode, now)
        return cls(target, kept.id, kept.template, mode, now, before, wanted, change, applied(before, change))


@dataclass(slots=True)
class _News:
    """What has to be told of one schedule: its slots that take fewer women, whether any takes more, other hours.

    `offers` tells whether it offered any slots before.
    """

    schedule: Schedule
    offers: bool
    fewer: list[int] = field(default_factory=list)
    more: bool = False
    rescheduled: bool = False


def carry_out(session: Session, actor: Actor, works: Sequence[TemplateWork]) -> None:
    """Does what was worked out, all of it, and queues it."""
    known = {each.id: each for work in works for each in work.target.book.known}
    counts, _ = offered_by(session, known)
    news = {key: _News(each, counts[key] > 0) for key, each in known.items()}
    for work in works:
        _store(session, actor, work, news)
    for each in news.values():
        if each.fewer:
            slots.tell_fewer(session, each.schedule.id, sorted(each.fewer))
    for each in news.values():
        tell(session, each.schedule, rescheduled=each.rescheduled, more=each.more)
    taken_back = [(MessageKind.WITHDRAW_SLOTS, key) for key, each in news.items() if each.fewer]
    new = [each for work in works for each in work.target.book.new if each.id is not None]
    new.sort(key=lambda schedule: schedule.service_place_id)
    for _, of_place in groupby(new, lambda schedule: schedule.service_place_id):
        derivation.queue(session, actor, list(of_place), taken_back)


def _store(session: Session, actor: Actor, work: TemplateWork, news: Mapping[int, _News]) -> None:
    """Stores what becomes of one target, and notes what is to be told."""
    _set_schedules(session, work, news)
    sessions = _set_sessions(session, actor, work)
    before = {row.id: (_places(row), row.ends_at) for row in work.target.rows.values()}
    _set_rows(session, actor, work, sessions)
    session.flush()
    for row in work.target.rows.values():
        (places, ends_at), known = before[row.id], news[row.schedule_id]
        known.more |= _places(row) > places or row.ends_at != ends_at
        known.fewer += [row.id] if _places(row) < places else []
    stored = _add_slots(session, work, sessions)
    for schedule_id in stored & news.keys():
        news[schedule_id].more = True
    _judge_sessions(session, sessions.values(), news)


# slots


def _set_rows(session: Session, actor: Actor, work: TemplateWork, sessions: Mapping[datetime, MixedSession]) -> None:
    rows, change = work.target.rows, work.change
    fresh = [rows[each.slot.key] for each in change.orphaned if each.fresh]
    slots.orphan_slots(session, actor, fresh, Cause.TEMPLATE_APPLIED)
    for slot in change.removed:
        rows[slot.key].status = SlotStatus.WITHDRAWN
    wanted = [*(each.after for each in change.changed), *(each for each in change.added if each.key in rows)]
    for slot in wanted:
        _set_row(rows[slot.key], slot, sessions)


def _set_row(row: Slot, slot: PlannedSlot, sessions: Mapping[datetime, MixedSession]) -> None:
    slots.set_end(row, slot.time.ends_at)
    if row.status is SlotStatus.WITHDRAWN:
        row.kept_for_waiting = False
    row.status = SlotStatus.BLOCKED if slot.blocked else SlotStatus.OPEN
    row.capacity, row.extra, row.reserved_for = slot.capacity, slot.extra, slot.reserved_for
    row.session_id = sessions[slot.session].id if slot.session else None
    row.fits = row.fits or row.session_id is None


def _places(row: Slot) -> int:
    """The places that the central system shows of a slot (`transmission.contents` asks the same of the database)."""
    if row.status is SlotStatus.WITHDRAWN:
        return 0
    shown = row.status is SlotStatus.OPEN and row.fits and not row.kept_for_waiting and is_public(row.reserved_for)
    return max(row.capacity, row.taken) if shown else row.taken


def _add_slots(session: Session, work: TemplateWork, sessions: Mapping[datetime, MixedSession]) -> set[int]:
    """Stores the new slots; returns the schedules that got some."""
    schedules = {schedule.uuid: schedule for schedule in work.target.book.all()}
    added = [each for each in work.change.added if each.key not in work.target.rows]
    added.sort(key=lambda slot: (slot.schedule, slot.time.starts_at))
    keys: dict[datetime | None, int] = {start: row.id for start, row in sessions.items()}
    by_schedule = groupby(added, lambda slot: slot.schedule)
    rows = (row for uuid, own in by_schedule for row in slot_rows.planned_slots(schedules[uuid], own, keys))
    if added:
        slot_rows.store(session, rows)
    return {schedules[slot.schedule].id for slot in added}


# schedules


def _set_schedules(session: Session, work: TemplateWork, news: Mapping[int, _News]) -> None:
    """Gives schedules their hours and what the template says of them; new ones are stored if they have slots."""
    times: dict[UUID, dict[date, list[PlannedSlot]]] = defaultdict(lambda: defaultdict(list))
    for each in (each for each in work.after if not each.orphaned):
        times[each.slot.schedule][local_day(each.slot.time.starts_at)].append(each.slot)
    added, asked = {slot.key for slot in work.change.added}, {slot.key for slot in work.wanted.slots}
    named = added if work.mode is Mode.ADDITIVE else asked
    new, book = [], work.target.book
    for schedule in book.all():
        own = times[schedule.uuid]
        standing = [slot for slots_of_day in own.values() for slot in slots_of_day]
        if any(slot.key in named for slot in standing):
            _name(schedule, work)
        days = _days(work, schedule, own, added if work.mode is Mode.ADDITIVE else asked)
        if schedule in book.known:
            known = news[schedule.id]
            known.rescheduled = _reschedule(schedule, days, offers=known.offers)
        elif standing:
            set_hours(schedule, days, offers=False)
            _last_as_long(schedule, standing)
            new.append(schedule)
    session.add_all(new)
    session.flush()


def _name(schedule: Schedule, work: TemplateWork) -> None:
    schedule.template_id, schedule.crew = work.template_id, work.template.crew or None
    if work.template.overbooking:
        schedule.overbooking_reason = work.template.overbooking.reason
    elif work.target.stop and work.mode is Mode.OVERWRITE:
        schedule.overbooking_reason = None


def _days(
    work: TemplateWork, schedule: Schedule, own: Mapping[date, Sequence[PlannedSlot]], named: set[Key]
) -> dict[date, list[Interval]]:
    """The hours of the days that change: when the template works, if it has slots there, and what stands beside it."""
    before: dict[date, list[Interval]] = defaultdict(list)
    for row in schedule.hours:
        before[local_day(row.starts_at)].append(Interval(row.starts_at, row.ends_at))
    found = {}
    for day in sorted({*before, *own}):
        ours = [slot.time for slot in own.get(day, ()) if slot.key in named]
        if work.mode is Mode.ADDITIVE:
            worked = _around(work.wanted.worked.get(day, ()), ours)
            found[day] = merged((*before[day], *worked))
        elif _is_decided(work.wanted, day):
            offered = work.wanted.worked.get(day, ()) if ours else ()
            hours = merged((*offered, *(slot.time for slot in own.get(day, ()))))
            found[day] = changed_from(work.now.replace(second=0, microsecond=0), before[day], hours)
    return found


def _around(worked: Iterable[Interval], times: Sequence[Interval]) -> list[Interval]:
    return [part for part in worked if any(covers(part, time) for time in times)]


def _is_decided(wanted: Applied, day: date) -> bool:
    return wanted.first is None or wanted.last is None or wanted.first <= day <= wanted.last


def _reschedule(schedule: Schedule, days: Mapping[date, Sequence[Interval]], *, offers: bool) -> bool:
    changed = set_hours(schedule, days, offers=offers)
    if changed and not schedule.mobile:
        worked = [local_day(row.starts_at) for row in schedule.hours]
        schedule.valid_from = min(schedule.valid_from, *worked)
        schedule.valid_to = max(schedule.valid_to, *worked)
    return changed


def _last_as_long(schedule: Schedule, standing: Iterable[PlannedSlot]) -> None:
    days = [local_day(slot.time.starts_at) for slot in standing]
    schedule.valid_from, schedule.valid_to = min(days), max(days)


# mixed sessions


def _set_sessions(session: Session, actor: Actor, work: TemplateWork) -> dict[datetime, MixedSession]:
    """The mixed sessions of the target by their starts, those that the template has slots in as it wants them."""
    change, known = work.change, work.target.sessions
    slots_in = (*change.added, *change.kept, *(each.after for each in change.changed))
    used = {slot.session for slot in slots_in}
    for judged in work.wanted.sessions:
        if judged.hours.starts_at in used:
            row = known.setdefault(judged.hours.starts_at, _new_session(actor, work.target, judged.hours))
            row.template_id, row.ends_at = work.template_id, judged.hours.ends_at
            row.content = mixed_sessions.content_of(judged)
            session.add(row)
    session.flush()
    return known


def _new_session(actor: Actor, target: Target, hours: Interval) -> MixedSession:
    return MixedSession(
        provider_id=actor.provider_id,
        stop_id=target.stop.id if target.stop else None,
        service_place_id=target.place.id if target.place else None,
        day=local_day(hours.starts_at),
        starts_at=hours.starts_at,
    )


def _judge_sessions(session: Session, sessions: Iterable[MixedSession], news: Mapping[int, _News]) -> None:
    """Keeps for every slot of the sessions whether one more fits, now that others stand there."""
    for row in sorted(sessions, key=lambda each: each.id):
        turning = mixed_sessions.turning(session, mixed_sessions.booked(session, row.id))
        for turned in mixed_sessions.turn(session, turning):
            if turned.schedule_id in news:
                known = news[turned.schedule_id]
                known.more |= turned.fits
                known.fewer += [] if turned.fits else [turned.slot_id]
