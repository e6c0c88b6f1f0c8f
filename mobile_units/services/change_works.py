"""What changes after publication have in common: working out what becomes of slots, carrying it out, telling it.

A change is first worked out whole: which slots stay, come and go. If visits are in the way nothing is done, unless the
change may orphan their slots: these keep their visits and take no others, until the last visit has left or the time is
wanted again. A preview is the change itself, undone at once, so it tells what would happen and refuses what would be
refused.

What changed is queued, and nothing else: slots that take fewer women, mobile points, schedules, slots that take more,
in this order. The central e-registration is not known to have an operation that deletes a point or a schedule. One
whose last slot is withdrawn therefore keeps its hours and days there, and here, and offers nothing.

Locks: what the change is about (`services.changes`, `services.place_changes`), so that publications and changes follow
each other; then mixed sessions and slots, as `services.slots` does.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from mobile_units.errors import DomainError
from mobile_units.models.contracts import ContractRange
from mobile_units.models.schedules import Schedule, ScheduleHours
from mobile_units.models.slots import GONE, Slot, SlotStatus
from mobile_units.rules.calendar import in_force, local_day
from mobile_units.rules.orphans import Cause
from mobile_units.rules.schedules import ChangedDay, Difference, Pace, PresentSlot, SlotTime, difference, offered_after
from mobile_units.rules.slots import Interval, deal
from mobile_units.rules.stops import changed_from
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services import mixed_sessions, slot_places, slot_rows, slots
from mobile_units.services.actors import Actor
from mobile_units.services.slots import BookedVisit
from mobile_units.transmission import outbox


@dataclass(frozen=True, slots=True)
class ChangedSlot:
    """A slot that comes, goes or takes another number of women."""

    schedule_id: int
    starts_at: datetime
    ends_at: datetime
    capacity: int


@dataclass(frozen=True, slots=True)
class OrphanedSlot:
    """A slot that would go or take fewer women than it has visits; `visits` counts them."""

    slot_id: int
    schedule_id: int
    starts_at: datetime
    ends_at: datetime
    visits: int


@dataclass(slots=True)
class Changes:
    """What a change does: slots of the changed days, and the visits that are in its way.

    `orphaned` are those of the slots withdrawn or resized that `visits` keep from it: they become orphaned, if the
    change may do that, and keep their size. `visits_at_new_site` counts the visits to come whose women have to hear of
    the new site.
    """

    kept: int = 0
    added: list[ChangedSlot] = field(default_factory=list)
    withdrawn: list[ChangedSlot] = field(default_factory=list)
    resized: list[ChangedSlot] = field(default_factory=list)
    orphaned: list[OrphanedSlot] = field(default_factory=list)
    visits: list[BookedVisit] = field(default_factory=list)
    visits_at_new_site: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Schedules of one place and programme, which share their working times; the days that change, and the pace."""

    schedules: Sequence[Schedule]
    days: Mapping[date, ChangedDay]
    paces: Mapping[date, Pace | None]


@dataclass(frozen=True, slots=True)
class Work:
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

    def kept_by_visits(self) -> list[Slot]:
        """The slots with more visits than they would take."""
        left = {slot.time.starts_at: slot.capacity for slot in self.slots.resized}
        return [row for row in self.fewer if row.taken > left.get(row.starts_at, 0)]


@contextmanager
def undone(session: Session) -> Iterator[None]:
    """Does what follows, and undoes it at the end."""
    savepoint = session.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()


DayChange = tuple[list[Interval], list[Interval], int | None]
"""The working times of a day before and after a change, and the rooms from then on."""


def day_change(before: list[Interval], wanted: list[Interval], rooms: int | None, now: datetime) -> DayChange:
    """How a day changes whose working times are to be other ones from `now` on."""
    return before, changed_from(now.replace(second=0, microsecond=0), before, wanted), rooms


def with_parts(session: Session, query: Select[Schedule]) -> Sequence[Schedule]:
    """Schedules by place and programme, with their hours and contracts."""
    contract = joinedload(Schedule.contract_range).joinedload(ContractRange.contract)
    parts = joinedload(Schedule.service_place), selectinload(Schedule.hours), contract
    query = query.options(*parts).order_by(Schedule.service_place_id, Schedule.programme, Schedule.id)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def works_of(session: Session, groups: Iterable[Group]) -> list[Work]:
    """What becomes of each schedule; the slots of the days that change are locked.

    Raises:
        DomainError: `no_contracted_range`, no schedule may hold the new slots of a day.
    """
    return [work for group in groups if group.days for work in _works_of_group(session, group)]


def _works_of_group(session: Session, group: Group) -> list[Work]:
    keys = [schedule.id for schedule in group.schedules]
    days = sorted(group.days)
    of_days = Slot.schedule_id.in_(keys), *slots.in_days(days[0], days[-1])
    known = select(Slot).where(*of_days)
    shared = select(Slot.session_id).where(*of_days, Slot.session_id.is_not(None)).distinct()
    mixed_sessions.lock(session, session.scalars(shared).all())
    rows = [row for row in slots.lock(session, known) if local_day(row.starts_at) in group.days]
    counts, places = offered_by(session, keys)
    held = Counter(counts) - Counter(row.schedule_id for row in rows if row.status not in GONE)
    wanted: dict[int, list[SlotTime]] = {key: [] for key in keys}
    for day in days:
        of_day = sorted((row for row in rows if local_day(row.starts_at) == day), key=lambda row: row.starts_at)
        _assign(group, day, of_day, held, wanted)
    return [work_on(group, schedule, rows, wanted[schedule.id], places[schedule.id]) for schedule in group.schedules]


def offered_by(session: Session, schedule_ids: Collection[int]) -> tuple[Counter[int], Counter[int]]:
    """How many slots schedules offer, and for how many women."""
    query = select(Slot.schedule_id, func.count(), func.sum(Slot.capacity)).group_by(Slot.schedule_id)
    query = query.where(Slot.schedule_id.in_(schedule_ids), Slot.status.not_in(GONE))
    found = session.execute(query).all()
    return Counter({key: count for key, count, _ in found}), Counter({key: places for key, _, places in found})


def _assign(
    group: Group, day: date, rows: Sequence[Slot], held: Counter[int], wanted: dict[int, list[SlotTime]]
) -> None:
    """Gives each slot of a day to a schedule: where it is, or was; else they are dealt by the limits of the ranges."""
    receivers = [each for each in group.schedules if _may_hold(each, day)]
    keys = {each.id for each in receivers}
    owner = {row.starts_at: row.schedule_id for row in rows if row.schedule_id in keys}
    owner |= {row.starts_at: row.schedule_id for row in rows if row.status is SlotStatus.ORPHANED}
    owner |= {row.starts_at: row.schedule_id for row in rows if row.status not in GONE}
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
    return contracted and (schedule.mobile or lasts_into(schedule, day))


def lasts_into(schedule: Schedule, day: date) -> bool:
    """Whether a day is one of a schedule's."""
    return in_force(schedule.valid_from, schedule.valid_to, day)


def _present(rows: Iterable[Slot]) -> list[PresentSlot]:
    return [
        PresentSlot(Interval(row.starts_at, row.ends_at), row.capacity, row.status in GONE, row.taken) for row in rows
    ]


def work_on(group: Group, schedule: Schedule, rows: Iterable[Slot], wanted: Sequence[SlotTime], places: int) -> Work:
    """What becomes of a schedule that offers `places` in all, of whose changed days the slots `wanted` are wanted."""
    own = {row.starts_at: row for row in rows if row.schedule_id == schedule.id}
    found = difference(_present(own.values()), wanted)
    worked = {local_day(slot.time.starts_at) for slot in wanted}
    hours = {
        day: change.hours if day in worked or _may_hold(schedule, day) else () for day, change in group.days.items()
    }
    grown = {each.time.starts_at: each.capacity - own[each.time.starts_at].capacity for each in found.resized}
    gone = [each.time.starts_at for each in found.withdrawn]
    lost = [each for each in found.resized if own[each.time.starts_at].taken > each.capacity]
    return Work(
        schedule=schedule,
        rows=own,
        hours=hours,
        slots=found,
        before=places,
        after=places + _women(found.added) + sum(grown.values()) - _women(found.withdrawn) - _women(lost),
        fewer=[own[start] for start in (*gone, *(start for start, women in grown.items() if women < 0))],
        more=bool(found.added) or any(women > 0 for women in grown.values()),
    )


def _women(times: Iterable[SlotTime]) -> int:
    return sum(each.capacity for each in times)


def changes_of(session: Session, works: Sequence[Work]) -> Changes:
    """The works as they are told of, with the visits that are in the way."""
    kept = [row for work in works for row in work.kept_by_visits()]
    changes = Changes(visits=slots.visits_in(session, (row.id for row in kept)))
    changes.orphaned = [OrphanedSlot(row.id, row.schedule_id, row.starts_at, row.ends_at, row.taken) for row in kept]
    for work in works:
        changes.kept += len(work.slots.kept)
        for kind in ("added", "withdrawn", "resized"):
            listed: list[ChangedSlot] = getattr(changes, kind)
            listed += [_changed_slot(work.schedule, slot) for slot in getattr(work.slots, kind)]
    for listed in (changes.added, changes.withdrawn, changes.resized):
        listed.sort(key=_in_time)
    changes.orphaned.sort(key=_in_time)
    return changes


def _in_time(slot: ChangedSlot | OrphanedSlot) -> tuple[datetime, int]:
    return slot.starts_at, slot.schedule_id


def _changed_slot(schedule: Schedule, slot: SlotTime) -> ChangedSlot:
    return ChangedSlot(schedule.id, slot.time.starts_at, slot.time.ends_at, slot.capacity)


def carry_out(session: Session, actor: Actor, works: Sequence[Work], points: Collection[int], cause: Cause) -> None:
    """Does what was worked out, and queues it together with changed mobile points.

    Slots with visits in the way become orphaned, because of `cause`; who may not do that asks `changes_of` before.
    """
    for work in works:
        _set_slots(session, actor, work, cause)
    rescheduled = {work.schedule.id for work in works if set_hours(work.schedule, work.hours, offers=work.before > 0)}
    session.flush()
    for work in works:
        if work.fewer:
            slots.tell_fewer(session, work.schedule.id, [row.id for row in work.fewer])
    taken_back = [(MessageKind.WITHDRAW_SLOTS, work.schedule.id) for work in works]
    outbox.enqueue_again(session, MessageKind.IMPORT_MOBILE_POINTS, *points, after=taken_back)
    for work in works:
        tell(session, work.schedule, rescheduled=work.schedule.id in rescheduled, more=work.more)
    for session_id in sorted({key for work in works for key in _sessions_entered(work)}):
        slot_places.refresh_session(session, session_id)


def _sessions_entered(work: Work) -> Iterator[int]:
    """The mixed sessions into which slots return: what fits there was not kept up while they were withdrawn."""
    for slot in work.slots.added:
        row = work.rows.get(slot.time.starts_at)
        if row is not None and row.session_id is not None:
            yield row.session_id


def _set_slots(session: Session, actor: Actor, work: Work, cause: Cause) -> None:
    orphaned = work.kept_by_visits()
    slots.orphan_slots(session, actor, orphaned, cause)
    kept = {row.starts_at for row in orphaned}
    for slot in work.slots.withdrawn:
        if slot.time.starts_at not in kept:
            work.rows[slot.time.starts_at].status = SlotStatus.WITHDRAWN
    for slot in work.slots.resized:
        if slot.time.starts_at not in kept:
            work.rows[slot.time.starts_at].capacity = slot.capacity
    for slot in work.slots.added:
        if row := work.rows.get(slot.time.starts_at):
            row.status, row.capacity, row.kept_for_waiting = SlotStatus.OPEN, slot.capacity, False
            slots.set_end(row, slot.time.ends_at)
    new = [slot for slot in work.slots.added if slot.time.starts_at not in work.rows]
    if new:
        slot_rows.store(session, slot_rows.open_slots(work.schedule, new))


def set_hours(schedule: Schedule, days: Mapping[date, Sequence[Interval]], *, offers: bool) -> bool:
    """Gives a schedule, that `offers` slots or does not, the hours of changed days; says whether it got other ones.

    One without hours keeps those that it had: so it stands at the central system. They are forgotten when it is worked
    again.
    """
    known = {row.starts_at: row for row in schedule.hours}
    staying = [row for row in schedule.hours if offers and local_day(row.starts_at) not in days]
    wanted = {row.starts_at: row.ends_at for row in staying}
    wanted |= {time.starts_at: time.ends_at for hours in days.values() for time in hours}
    if not wanted or wanted == {start: row.ends_at for start, row in known.items()}:
        return False
    schedule.hours[:] = [known.get(start) or ScheduleHours(starts_at=start) for start in sorted(wanted)]
    for row in schedule.hours:
        row.ends_at = wanted[row.starts_at]
    if schedule.mobile:
        schedule.valid_from, schedule.valid_to = local_day(min(wanted)), local_day(max(wanted))
    return True


def tell(session: Session, schedule: Schedule, *, rescheduled: bool, more: bool) -> None:
    """Has a schedule handed over, if it is another one, and then its slots, if any of them takes more women."""
    if rescheduled:
        after = [(MessageKind.WITHDRAW_SLOTS, schedule.id)]
        if schedule.mobile_point_id is not None:
            after.append((MessageKind.IMPORT_MOBILE_POINTS, schedule.mobile_point_id))
        outbox.enqueue_again(session, MessageKind.SAVE_SCHEDULE, schedule.id, after=after)
    if more:
        slots.tell(session, schedule.id, [(MessageKind.SAVE_SCHEDULE, schedule.id)])
