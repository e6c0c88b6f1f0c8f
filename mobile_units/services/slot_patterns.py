"""Many slots at once by a pattern: blocked or opened again, held back for urgent cases or one channel, or released.

A pattern means the same slots however they stand, so what was done by one is undone by the same. Slots that have begun
and those that their schedule offers no more are never meant. Locks: the slots, the lowest id first (`services.slots`).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from itertools import groupby

from sqlalchemy import ColumnElement, Date, Select, Time, cast, func, select, update
from sqlalchemy.orm import Session

from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import GONE, Slot, SlotStatus
from mobile_units.rules.admission import Reservation, is_public
from mobile_units.rules.calendar import require_period
from mobile_units.rules.programmes import Path
from mobile_units.services import slots
from mobile_units.services.actors import Actor, audit
from mobile_units.services.change_works import undone
from mobile_units.services.slots import BookedVisit


class PatternAct(StrEnum):
    """What is done with the slots."""

    BLOCK = "block"
    UNBLOCK = "unblock"
    RESERVE = "reserve"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotPattern:
    """Which slots are meant: those of a stop or a place that begin on the days and in the hours, Polish time.

    Days are included, the hour `before` is not. `weekdays` count from 1, Monday; empty means all. Of the slots of a
    schedule in the hours of a day every n-th is meant, `every` being n, from the one with the number `beginning_with`
    on. With `reserved_for` only slots that are reserved so.
    """

    first_day: date
    last_day: date
    stop_id: int | None = None
    service_place_id: int | None = None
    weekdays: Collection[int] = ()
    since: time | None = None
    before: time | None = None
    every: int = 1
    beginning_with: int = 1
    path: Path | None = None
    reserved_for: Reservation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternCommand:
    """What to do with the slots of a pattern; `reserve_for` says for whom they are reserved.

    Slots with visits are not blocked: with `skip_visits` they are left as they are, else everything is refused.
    """

    pattern: SlotPattern
    act: PatternAct
    reserve_for: Reservation | None = None
    skip_visits: bool = False


@dataclass(frozen=True, slots=True)
class PatternOutcome:
    """How many slots are meant and how many of them change; `visits` are those in slots that cannot be blocked."""

    found: int
    changed: int
    with_visits: int
    visits: Sequence[BookedVisit]


def preview(session: Session, actor: Actor, command: PatternCommand, now: datetime) -> PatternOutcome:
    """What `block_many` would do; with `visits` it would be refused, unless they are to be skipped."""
    with undone(session):
        outcome, _ = _found(session, actor, command, now)
        return outcome


def block_many(session: Session, actor: Actor, command: PatternCommand, now: datetime) -> PatternOutcome:
    """Blocks, opens, reserves or releases all slots of a pattern and queues what changed; all or nothing.

    Raises:
        DomainError: `ends_before_start`, `period_too_long`; `slots_have_visits`, with the list of visits in slots that
            were to be blocked.
    """
    outcome, changing = _found(session, actor, command, now)
    slots.require_no_visits(() if command.skip_visits else outcome.visits)
    _change(session, actor, changing, command)
    return outcome


def _found(
    session: Session, actor: Actor, command: PatternCommand, now: datetime
) -> tuple[PatternOutcome, Sequence[Slot]]:
    """What is to be done, and the slots with which it is, locked."""
    require_period(command.pattern.first_day, command.pattern.last_day)
    meant = session.scalars(_meant(actor, command.pattern, now)).all()
    rows = [row for row in slots.lock(session, select(Slot).where(Slot.id.in_(meant))) if row.status not in GONE]
    wanted = _values(command)
    differing = [row for row in rows if any(getattr(row, name) != value for name, value in wanted.items())]
    visited = [row for row in differing if row.taken] if command.act is PatternAct.BLOCK else []
    changing = [row for row in differing if not row.taken] if command.act is PatternAct.BLOCK else differing
    visits = slots.visits_in(session, (row.id for row in visited))
    return PatternOutcome(len(rows), len(changing), len(visited), visits), changing


def _meant(actor: Actor, pattern: SlotPattern, now: datetime) -> Select[int]:
    local = func.timezone("Europe/Warsaw", Slot.starts_at)
    day = cast(local, Date)
    number = func.row_number().over(partition_by=(Slot.schedule_id, day), order_by=Slot.starts_at).label("number")
    query = (
        select(Slot.id, Slot.starts_at, Slot.reserved_for, number)
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .outerjoin(MobilePoint, MobilePoint.id == Schedule.mobile_point_id)
        .where(Schedule.provider_id == actor.provider_id, Slot.status.not_in(GONE))
        .where(*slots.in_days(pattern.first_day, pattern.last_day), *_conditions(pattern, local))
    )
    numbered = query.subquery()
    chosen = (numbered.c.number - pattern.beginning_with) % pattern.every == 0
    meant = select(numbered.c.id).where(numbered.c.starts_at > now, numbered.c.number >= pattern.beginning_with, chosen)
    return meant if pattern.reserved_for is None else meant.where(numbered.c.reserved_for == pattern.reserved_for)


def _conditions(pattern: SlotPattern, local: ColumnElement[datetime]) -> Iterator[ColumnElement[bool]]:
    equal = {
        MobilePoint.stop_id: pattern.stop_id,
        Slot.service_place_id: pattern.service_place_id,
        Schedule.path: pattern.path,
    }
    yield from (column == value for column, value in equal.items() if value is not None)
    if pattern.weekdays:
        yield func.extract("isodow", local).in_(sorted(pattern.weekdays))
    if pattern.since is not None:
        yield cast(local, Time) >= pattern.since
    if pattern.before is not None:
        yield cast(local, Time) < pattern.before


def _values(command: PatternCommand) -> dict[str, object]:
    match command.act:
        case PatternAct.BLOCK:
            return {"status": SlotStatus.BLOCKED}
        case PatternAct.UNBLOCK:
            return {"status": SlotStatus.OPEN}
        case PatternAct.RESERVE:
            return {"reserved_for": command.reserve_for}
        case PatternAct.RELEASE:
            return {"reserved_for": None}


def _change(session: Session, actor: Actor, rows: Sequence[Slot], command: PatternCommand) -> None:
    """Changes the slots, schedule by schedule."""
    fewer = command.act is PatternAct.BLOCK or (
        command.act is PatternAct.RESERVE and not is_public(command.reserve_for)
    )
    for row in rows:
        audit(session, actor, command.act, "slot", row.id)
    changed = update(Slot).where(Slot.id.in_([row.id for row in rows])).values(_values(command))
    session.execute(changed, execution_options={"synchronize_session": "fetch"})
    by_schedule = sorted(rows, key=lambda row: (row.schedule_id, row.id))
    for schedule_id, of_schedule in groupby(by_schedule, lambda row: row.schedule_id):
        if fewer:
            slots.tell_fewer(session, schedule_id, [row.id for row in of_schedule])
        else:
            slots.tell(session, schedule_id)
