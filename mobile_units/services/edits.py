"""Edits of a draft by hand, as a person asks for them: a unit, a site, a day and how long; the rest is worked out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

from sqlalchemy.orm import Session

from mobile_units.clock import WARSAW
from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, Stop, StopDay
from mobile_units.models.units import MobileUnit
from mobile_units.planning.check import shares
from mobile_units.planning.problem import Need, PlannedStop, PlanningSite, PlanningUnit, Problem
from mobile_units.rules.slots import Interval
from mobile_units.services import itineraries, planning, versions
from mobile_units.services.actors import Actor
from mobile_units.services.itineraries import DayHours, NewStop, StopChange
from mobile_units.services.planning import Judge
from mobile_units.services.queries import require_version
from mobile_units.services.versions import Edit


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A stop from a day on, for a number of working days of its unit; the first day is taken whatever day it is.

    Without hours the unit works as it usually does, without `women` it reaches as many as it can.
    """

    unit_id: int
    site_id: int
    first_day: date
    length: int
    opens: time | None = None
    closes: time | None = None
    women: int | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of a stop, Polish local time; empty where they are those of the unit, or `mixed` from day to day."""

    opens: time | None = None
    closes: time | None = None
    mixed: bool = False


def hours_of(stop: Stop) -> Hours:
    """How the hours of a stop differ from those of its unit."""
    if not any(_by_hand(stop.unit, row, first=number == 0) for number, row in enumerate(stop.days)):
        return Hours()
    known = {(row.opens_at.astimezone(WARSAW).time(), row.closes_at.astimezone(WARSAW).time()) for row in stop.days}
    return Hours(*known.pop()) if len(known) == 1 else Hours(mixed=True)


def _by_hand(unit: MobileUnit, row: StopDay, *, first: bool) -> bool:
    usual = itineraries.unit_hours(unit, DayHours(row.day), first=first)
    return usual != Interval(row.opens_at, row.closes_at)


def add(session: Session, actor: Actor, itinerary_id: int, version: int, wish: Wish) -> Edit:
    """Adds a stop to a draft.

    Raises:
        DomainError: `stale_version`; else as `itineraries.add_stop`.
    """
    itinerary = itineraries.get_draft(session, actor, itinerary_id)
    require_version(itinerary, version)
    judge = planning.judge(session, actor, itinerary)
    days = _stay(judge.problem, wish)
    command = NewStop(
        unit_id=wish.unit_id,
        site_id=wish.site_id,
        days=[DayHours(day, wish.opens, wish.closes) for day in days],
        women_planned=_women(judge, planning.own_stops(itinerary), wish, days),
    )
    return versions.judged(judge, itinerary, lambda: itineraries.add_stop(session, actor, itinerary_id, command))


def change(session: Session, actor: Actor, stop_id: int, version: int, wish: Wish) -> Edit:
    """Makes a stop of a draft what is wished for; its days stay unless another first day or length is.

    Raises:
        DomainError: as `itineraries.change_stop`.
    """
    itinerary, stop = _found(session, actor, stop_id, version)
    judge = planning.judge(session, actor, itinerary)
    known = [row.day for row in stop.days]
    same = bool(known) and (wish.first_day, wish.length) == (known[0], len(known))
    days = known if same else _stay(judge.problem, wish)
    others = Counter(planning.own_stops(itinerary)) - Counter([planning.planned_stop(stop)])
    command = StopChange(
        version=version,
        unit_id=wish.unit_id,
        site_id=wish.site_id,
        days=_hours(stop, wish, days),
        women_planned=_women(judge, others.elements(), wish, days),
    )
    return versions.judged(judge, itinerary, lambda: itineraries.change_stop(session, actor, stop_id, command))


def remove(session: Session, actor: Actor, stop_id: int, version: int) -> Edit:
    """Takes a stop out of a draft.

    Raises:
        DomainError: `stale_version`; else as `itineraries.remove_stop`.
    """
    itinerary, _ = _found(session, actor, stop_id, version)
    judge = planning.judge(session, actor, itinerary)
    return versions.judged(judge, itinerary, lambda: itineraries.remove_stop(session, actor, stop_id))


def in_the_way(session: Session, actor: Actor, itinerary_id: int, wish: Wish, stop_id: int | None) -> Sequence[Stop]:
    """The other stops of the draft on which the unit stands on a day that is wished for, in order of time."""
    itinerary = itineraries.get(session, actor, itinerary_id)
    days = set(_stay(planning.problem_around(session, actor, itinerary), wish))
    return [
        stop
        for stop in itinerary.stops
        if stop.unit_id == wish.unit_id and stop.id != stop_id and any(row.day in days for row in stop.days)
    ]


def _found(session: Session, actor: Actor, stop_id: int, version: int) -> tuple[Itinerary, Stop]:
    itinerary = itineraries.get_draft_of(session, actor, stop_id)
    require_version(itinerary, version)
    stop = next((stop for stop in itinerary.stops if stop.id == stop_id), None)
    if stop is None:  # removed by somebody else while this transaction waited for the lock
        raise DomainError("not_found", what=f"Stop {stop_id}")
    return itinerary, stop


def _stay(problem: Problem, wish: Wish) -> list[date]:
    """The first day, and as many of the working days of the unit that follow as are wished for."""
    unit = _unit(problem, wish.unit_id)
    later = [day for day in problem.working_days(unit) if day > wish.first_day] if unit else []
    days = [wish.first_day, *later[: wish.length - 1]]
    if unit and len(days) < wish.length:
        after, edges = problem.last_day + timedelta(days=1), (problem.first_day, problem.last_day)
        first_day, last_day = (day.isoformat() for day in edges)
        raise DomainError("stop_outside_itinerary", day=after.isoformat(), first_day=first_day, last_day=last_day)
    return days


def _unit(problem: Problem, unit_id: int) -> PlanningUnit | None:
    return next((unit for unit in problem.units if unit.id == unit_id), None)


def _hours(stop: Stop, wish: Wish, days: Iterable[date]) -> list[DayHours]:
    """The hours that are wished for; without any, mixed ones that were given by hand stay on the days that stay."""
    asked = wish.opens is not None or wish.closes is not None
    if asked or wish.unit_id != stop.unit_id or not hours_of(stop).mixed:
        return [DayHours(day, wish.opens, wish.closes) for day in days]
    kept = {row.day: row for number, row in enumerate(stop.days) if _by_hand(stop.unit, row, first=number == 0)}
    return [_as_it_was(kept[day]) if day in kept else DayHours(day) for day in days]


def _as_it_was(row: StopDay) -> DayHours:
    return DayHours(row.day, row.opens_at.astimezone(WARSAW).time(), row.closes_at.astimezone(WARSAW).time())


def _women(judge: Judge, others: Iterable[PlannedStop], wish: Wish, days: Sequence[date]) -> int | None:
    """The women who are wished for, or those due whom the stop reaches and no other; None of what is not planned."""
    unit = _unit(judge.problem, wish.unit_id)
    site = next((site for site in judge.problem.sites if site.id == wish.site_id), None)
    if wish.women is not None or unit is None or site is None:
        return wish.women
    reached = _reached(judge.problem, site, (*judge.beside, *others))
    room = unit.women_within(site, days)
    return sum(max(0, min(women, site.women_due[need] - reached[need])) for need, women in room.items())


def _reached(problem: Problem, site: PlanningSite, stops: Iterable[PlannedStop]) -> "Counter[Need]":
    """Women whom the stops reach at a site, by what they are due for."""
    units = {unit.id: unit for unit in problem.units}
    reached: Counter[Need] = Counter()
    for stop in stops:
        if stop.site_id == site.id and stop.unit_id in units:
            reached.update(shares(stop.women, site, units[stop.unit_id].women_within(site, stop.days)))
    return reached
