"""Breakdowns: a unit is out for some days, and what can be done about its published stops, each way with its cost.

The proposals are worked out by `planning.repair` and told in words of the database: which stops move where, and which
visits go with them. Nothing is stored until one is accepted, which makes a draft that revises the itinerary.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.clock import WARSAW
from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.units import MobileUnit, UnitUnavailability
from mobile_units.models.visits import Visit
from mobile_units.planning.problem import Period, PlannedStop, PlanningUnit, Problem
from mobile_units.planning.repair import Breakdown, Repair, repairs
from mobile_units.rules.calendar import local_day
from mobile_units.rules.programmes import Programme
from mobile_units.rules.repair import RepairKind
from mobile_units.rules.visits import ACTIVE
from mobile_units.services import itineraries, planning, units, versions
from mobile_units.services.actors import Actor, audit
from mobile_units.services.itineraries import DayHours

VISIT_OTHER_UNIT, VISIT_OTHER_DAY, VISIT_LOST = 0.1, 1.0, 3.0
"""What it costs, in women, to tell a booked woman of another vehicle, of another day, or that there is no place."""
WOMAN_MOVED = 0.1
"""What it costs, in women, that a woman who is not booked yet is reached on another day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairRequest:
    """A unit is out from a day on for a number of calendar days."""

    itinerary_id: int
    unit_id: int
    first_day: date
    days: int
    reason: str = "awaria"

    @property
    def period(self) -> Period:
        """The days on which the unit is out."""
        return Period(self.first_day, self.first_day + timedelta(days=self.days - 1))


@dataclass(frozen=True, slots=True)
class MovedStop:
    """A published stop that does not stay as it is, and the stop in its place; None if it is lost."""

    stop_id: int
    stop: PlannedStop
    to: PlannedStop | None


@dataclass(frozen=True, slots=True)
class MovedVisit:
    """A visit that cannot be kept as it is, and the new stop where there is a place for it, if any."""

    visit_id: int
    stop_id: int
    to: PlannedStop | None


@dataclass(frozen=True, slots=True)
class ContractChange:
    """Women more, or fewer, who are settled under product codes."""

    codes: str
    programme: Programme
    women: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairProposal:
    """One way to go on and what it costs; `disturbance` counts what women notice of it, and the least is the best.

    `key` tells a proposal from any other, and from the same when the stops have changed in between.
    """

    key: str
    kind: RepairKind
    kept: int
    moved: tuple[MovedStop, ...]
    visits: tuple[MovedVisit, ...]
    women_hit: int
    women_lost: int
    km: float
    km_crews: float
    contract: tuple[ContractChange, ...]
    disturbance: float

    @property
    def lost(self) -> int:
        """Stops without another in their place."""
        return sum(each.to is None for each in self.moved)

    @property
    def visits_lost(self) -> int:
        """Visits for which there is no place."""
        return sum(each.to is None for each in self.visits)


@dataclass(frozen=True, slots=True)
class _Booked:
    """A visit to come at a stop of the unit that is out."""

    id: int
    stop_id: int
    day: date
    programme: Programme


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What a breakdown meets: the problem with all published stops, the unit's stops by key, and their visits."""

    problem: Problem
    breakdown: Breakdown
    stops: Mapping[PlannedStop, int]
    visits: Sequence[_Booked]


def damage(session: Session, actor: Actor, request: RepairRequest) -> Damage:
    """Reads what the breakdown meets.

    Raises:
        DomainError: `not_found`, the itinerary or the unit; `itinerary_not_published`; `nothing_hit`.
    """
    itinerary = itineraries.get(session, actor, request.itinerary_id)
    if itinerary.status is not ItineraryStatus.PUBLISHED:
        raise DomainError("itinerary_not_published", status=itinerary.status)
    unit = units.get(session, actor, request.unit_id)
    own = {planning.planned_stop(stop): stop.id for stop in itinerary.stops if stop.unit_id == unit.id and stop.days}
    if not any(day in request.period for stop in own for day in stop.days):
        days = request.period
        raise DomainError(
            "nothing_hit", unit=unit.name, first_day=days.first_day.isoformat(), last_day=days.last_day.isoformat()
        )
    problem = planning.problem_around(session, actor, itinerary, replaced=False)
    return Damage(
        problem=_without_stops_elsewhere(problem, unit.id, own),
        breakdown=Breakdown(unit.id, request.period),
        stops=own,
        visits=_booked(session, own.values()),
    )


def _without_stops_elsewhere(problem: Problem, unit_id: int, own: Mapping[PlannedStop, int]) -> Problem:
    """On the days of its stops in other published itineraries, which are not repaired here, the unit is not free."""
    elsewhere = {stop for stop in problem.fixed if stop.unit_id == unit_id and stop not in own}
    away = tuple(Period(stop.days[0], stop.days[-1]) for stop in elsewhere)

    def bound(unit: PlanningUnit) -> PlanningUnit:
        return replace(unit, unavailable=unit.unavailable + away) if unit.id == unit_id else unit

    return replace(
        problem,
        units=tuple(map(bound, problem.units)),
        fixed=tuple(stop for stop in problem.fixed if stop not in elsewhere),
    )


def _booked(session: Session, stops: Iterable[int]) -> list[_Booked]:
    query = (
        select(Visit.id, MobilePoint.stop_id, Slot.starts_at, Visit.programme)
        .join(Visit.slot)
        .join(Slot.schedule)
        .join(Schedule.mobile_point)
        .where(MobilePoint.stop_id.in_(stops), Visit.status.in_(ACTIVE))
        .order_by(Slot.starts_at, Visit.id)
    )
    return [_Booked(key, stop, local_day(at), programme) for key, stop, at, programme in session.execute(query)]


def proposals(met: Damage) -> list[RepairProposal]:
    """What can be done, the least disturbing and then the shortest first."""
    found = [_proposal(met, repair) for repair in repairs(met.problem, met.breakdown)]
    return sorted(found, key=lambda each: (each.disturbance, each.km + each.km_crews))


def propose_repair(session: Session, actor: Actor, request: RepairRequest) -> list[RepairProposal]:
    """What can be done about a breakdown, the least disturbing first; none of it is stored.

    What is free then can be filled by planning the draft anew that `accept_repair` makes.

    Raises:
        DomainError: as `damage`.
    """
    return proposals(damage(session, actor, request))


def _proposal(met: Damage, repair: Repair) -> RepairProposal:
    moved = tuple(MovedStop(met.stops[move.stop], move.stop, move.to) for move in repair.moves)
    visits = _moved_visits(met, moved)
    return RepairProposal(
        key=_key(repair.kind, moved),
        kind=repair.kind,
        kept=len(met.problem.fixed) - len(moved),
        moved=moved,
        visits=tuple(visits),
        women_hit=repair.women_hit,
        women_lost=repair.women_lost,
        km=round(repair.km, 1),
        km_crews=round(repair.km_crews, 1),
        contract=tuple(ContractChange(each.limit.codes, each.limit.programme, each.women) for each in repair.limits),
        disturbance=round(_disturbance(repair, moved, visits), 2),
    )


def _key(kind: RepairKind, moved: Iterable[MovedStop]) -> str:
    """The same for the same stops in the same places."""
    said = [kind, [asdict(each) for each in moved]]
    return hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()[:16]


def _moved_visits(met: Damage, moved: Iterable[MovedStop]) -> list[MovedVisit]:
    """The visits that cannot stay: as many as there is room for go to the new stop, the earliest first."""
    by_stop: defaultdict[int, list[_Booked]] = defaultdict(list)
    for visit in met.visits:
        by_stop[visit.stop_id].append(visit)
    return [
        MovedVisit(visit.id, visit.stop_id, to)
        for each in moved
        for visit, to in _places(met.problem, each, by_stop[each.stop_id])
    ]


def _places(problem: Problem, moved: MovedStop, visits: Sequence[_Booked]) -> list[tuple[_Booked, PlannedStop | None]]:
    to = moved.to
    if to is None:
        return [(visit, None) for visit in visits]
    staying = [visit for visit in visits if to.unit_id == moved.stop.unit_id and visit.day in to.days]
    room = _room(problem, to)
    room.subtract(visit.programme for visit in staying)
    found: list[tuple[_Booked, PlannedStop | None]] = []
    for visit in visits:
        if visit not in staying:
            found.append((visit, to if room[visit.programme] > 0 else None))
            room[visit.programme] -= 1
    return found


def _room(problem: Problem, stop: PlannedStop) -> "Counter[Programme]":
    """How many women can be examined at a stop in each programme."""
    unit = next(unit for unit in problem.units if unit.id == stop.unit_id)
    return Counter(
        {
            programme: sum(
                unit.women_on(programme, stop.site_id, day, first=number == 0) for number, day in enumerate(stop.days)
            )
            for programme in unit.women_per_day
        }
    )


def _disturbance(repair: Repair, moved: Sequence[MovedStop], visits: Sequence[MovedVisit]) -> float:
    """Women who are lost or have to be told of something else; kilometres are told beside it."""
    same_days = {each.stop_id: each.to is not None and each.stop.days == each.to.days for each in moved}
    told = sum(
        VISIT_LOST if visit.to is None else VISIT_OTHER_UNIT if same_days[visit.stop_id] else VISIT_OTHER_DAY
        for visit in visits
    )
    women = sum(
        min(each.stop.women, each.to.women) for each in moved if each.to is not None and not same_days[each.stop_id]
    )
    return repair.women_lost + told + WOMAN_MOVED * women


def accept_repair(session: Session, actor: Actor, request: RepairRequest, key: str) -> Itinerary:
    """Makes one of the proposals of `propose_repair` a draft that revises the itinerary.

    Raises:
        DomainError: as `damage`; `repair_outdated`, it is none of the proposals any more.
    """
    for proposal in propose_repair(session, actor, request):
        if proposal.key == key:
            return accept(session, actor, request, proposal)
    raise DomainError("repair_outdated")


def accept(session: Session, actor: Actor, request: RepairRequest, proposal: RepairProposal) -> Itinerary:
    """Makes a proposal a draft that revises the itinerary; from now on the unit is known not to be available.

    `planning["repair"]` keeps which visit goes to which stop of the draft, for the bulk move.

    Raises:
        DomainError: `not_found`, `itinerary_not_published`; `repair_outdated`, the stops have changed since, or
            something stands in the way now.
    """
    draft = versions.revise(session, actor, request.itinerary_id)
    _note_unavailable(session, actor, request)
    made = _rearranged(session, actor, draft, proposal)
    session.flush()
    draft.planning = {"repair": _told(request, proposal, made)}
    session.flush()
    session.expire(draft)
    wrong = (each for each in planning.violations(session, actor, draft.id) if each.code != "fixed_stop_changed")
    if any(wrong):
        raise DomainError("repair_outdated")
    audit(session, actor, "repair", "itinerary", request.itinerary_id)
    return itineraries.get(session, actor, draft.id)


def _note_unavailable(session: Session, actor: Actor, request: RepairRequest) -> None:
    unit, days = units.get(session, actor, request.unit_id), request.period
    if any(each.first_day <= days.first_day and days.last_day <= each.last_day for each in unit.unavailabilities):
        return
    row = UnitUnavailability(first_day=days.first_day, last_day=days.last_day, reason=request.reason)
    unit.unavailabilities.append(row)
    unit.version += 1
    audit(session, actor, "change", "unit", unit.id)


def _rearranged(session: Session, actor: Actor, draft: Itinerary, proposal: RepairProposal) -> dict[int, Stop]:
    """The new stops of the draft by the published ones in whose place they are."""
    copies = {stop.origin_id: stop for stop in draft.stops}
    for each in proposal.moved:
        copy = copies.get(each.stop_id)
        if copy is None or planning.planned_stop(copy) != each.stop:
            raise DomainError("repair_outdated")
    for each in proposal.moved:
        draft.stops.remove(copies[each.stop_id])
    session.flush()
    wanted = [(each.stop_id, each.to) for each in proposal.moved if each.to is not None]
    stood = itineraries.owned(session, actor, MobileUnit, {int(to.unit_id) for _, to in wanted})
    made = {}
    for stop_id, to in wanted:
        made[stop_id] = _put(draft, stood[int(to.unit_id)], copies[stop_id], to)
    return made


def _put(draft: Itinerary, unit: MobileUnit, copy: Stop, to: PlannedStop) -> Stop:
    """A stop in the place of another; on days that stay the unit works as it would have."""
    known = {row.day: row for row in copy.days} if copy.unit_id == unit.id else {}
    days = [
        _hours(day, known[day].opens_at, known[day].closes_at) if day in known and number else DayHours(day)
        for number, day in enumerate(to.days)
    ]
    stop = itineraries.put_stop(draft, unit, copy.site, days, to.women)
    stop.origin_id = copy.origin_id
    return stop


def _hours(day: date, opens_at: datetime, closes_at: datetime) -> DayHours:
    return DayHours(day, opens_at.astimezone(WARSAW).time(), closes_at.astimezone(WARSAW).time())


def _told(request: RepairRequest, proposal: RepairProposal, made: Mapping[int, Stop]) -> dict[str, Any]:
    return {
        **asdict(request),
        "first_day": request.first_day.isoformat(),
        "kind": proposal.kind,
        "women_lost": proposal.women_lost,
        "km": proposal.km,
        "visits": [
            {
                "visit_id": each.visit_id,
                "stop_id": each.stop_id,
                "to_stop_id": made[each.stop_id].id if each.to is not None else None,
            }
            for each in proposal.visits
        ],
    }
