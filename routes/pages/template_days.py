"""What a day looks like by a template: the slots that follow, as they would be stored, before anything is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from mobile_units.errors import DomainError
from mobile_units.rules.admission import Reservation
from mobile_units.rules.calendar import holiday_name, local_instant
from mobile_units.rules.programmes import Path
from mobile_units.rules.slots import Interval
from mobile_units.rules.template_slots import Applied, IdleDay, PlannedSlot, apply_to_dates, apply_to_stop
from mobile_units.rules.templates import Template
from routes.pages import slot_grids
from routes.pages.slot_grids import GridDay, Timeline
from routes.pages.template_forms import sentence

NOWHERE = UUID(int=0)
"""In the place of a schedule, for nothing is stored."""


@dataclass(frozen=True, slots=True)
class Sum:
    """Slots of one examination: all, the women they take, and those that are kept back, reserved or closed."""

    path: Path
    slots: int
    women: int
    urgent: int
    of_channels: int
    blocked: int
    extra: int


@dataclass(frozen=True, slots=True)
class ShownDay:
    """A day by a template; without a grid it is idle, or refused for the `problem`."""

    day: date
    grid: GridDay | None = None
    line: Timeline | None = None
    sums: Sequence[Sum] = ()
    shared: bool = False
    idle: IdleDay | None = None
    problem: str = ""


def usual_day(template: Template, today: date) -> date:
    """The next day on which the template works."""
    days = (today + timedelta(days=n) for n in range(1, 15))
    return next((day for day in days if day.isoweekday() in template.week and not holiday_name(day)), today)


def show(template: Template, day: date, *, first_of_stop: bool) -> ShownDay:
    """A day; the first of a stop begins with the set-up."""
    try:
        applied = _applied(template, day, first_of_stop=first_of_stop)
    except DomainError as error:
        return ShownDay(day, problem=sentence(error))
    if not applied.slots:
        return ShownDay(day, idle=applied.idle[0])
    [grid] = slot_grids.of_plan(applied.slots)
    paths = sorted({slot.path for slot in applied.slots})
    sums = [_sum(path, [slot for slot in applied.slots if slot.path is path]) for path in paths]
    return ShownDay(day, grid, slot_grids.timeline(grid), sums, shared=template.shared is not None)


def _applied(template: Template, day: date, *, first_of_stop: bool) -> Applied:
    hours = template.week.get(day.isoweekday())
    if first_of_stop and hours:
        opens, closes = min(each.opens for each in hours), max(each.closes for each in hours)
        whole = Interval(local_instant(day, opens), local_instant(day, closes))
        return apply_to_stop(template, [whole], lambda *_: NOWHERE)
    return apply_to_dates(template, day, day, lambda *_: NOWHERE)


def _sum(path: Path, slots: Sequence[PlannedSlot]) -> Sum:
    reserved = [slot for slot in slots if slot.reserved_for]
    urgent = sum(slot.reserved_for is Reservation.URGENT for slot in reserved)
    blocked = sum(slot.blocked for slot in slots)
    women = sum(slot.capacity for slot in slots if not slot.blocked)
    return Sum(path, len(slots), women, urgent, len(reserved) - urgent, blocked, sum(slot.extra for slot in slots))
