"""Itineraries: proposed by the planner, edited by hand, judged by the check.

Planning takes seconds, so it is three steps: `problem_for` reads, `propose` computes without a transaction, and
`keep_plan` stores the draft.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, time
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload, selectinload

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop, StopDay
from mobile_units.models.sites import Site
from mobile_units.models.units import MobileUnit, UnitProgramme
from mobile_units.planning.check import Violation, check, kilometres
from mobile_units.planning.problem import Objective, Plan, PlannedStop, PlanningSite, PlanningUnit, Problem
from mobile_units.rules.calendar import local_instant, require_period
from mobile_units.rules.slots import Interval, capacity_of
from mobile_units.services import sites, units
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import (
    OwnedEntity,
    Page,
    Paging,
    apply_change,
    get_owned,
    page_of,
    require_version,
)

if TYPE_CHECKING:
    from mobile_units.planning.solver import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What is to be planned: all active units, or those named, from day to day, both included, a year at the most.

    `seconds` is the time that the search may take; the same seed gives the same plan unless time runs out.
    """

    name: str
    first_day: date
    last_day: date
    unit_ids: Sequence[int] = ()
    seconds: float = 10.0
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItinerary:
    """An empty draft, to be filled by hand."""

    name: str
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class DayHours:
    """One day of a stop; without hours, those of the unit. Polish local time."""

    day: date
    opens: time | None = None
    closes: time | None = None


class Dated(Protocol):
    """Something about one day."""

    @property
    def day(self) -> date:
        """The Polish day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStop:
    """A stop added by hand; `women_planned` defaults to what the unit can examine there."""

    unit_id: int
    site_id: int
    days: Sequence[DayHours]
    women_planned: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopChange:
    """A change of a stop by the version of its itinerary; None leaves a field as it is, days are given whole."""

    version: int
    site_id: int | None = None
    days: Sequence[DayHours] | None = None
    women_planned: int | None = None


@dataclass(frozen=True, slots=True)
class ItineraryFilter:
    """Which itineraries are wanted."""

    paging: Paging = Paging()
    status: ItineraryStatus | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True)
class StopFilter:
    """Which stops are wanted: those that last into the days from `first_day` to `last_day`."""

    paging: Paging = Paging()
    itinerary_id: int | None = None
    unit_id: int | None = None
    site_id: int | None = None
    status: ItineraryStatus | None = None
    first_day: date | None = None
    last_day: date | None = None


def problem_for(session: Session, actor: Actor, request: PlanRequest) -> Problem:
    """The planning problem of the provider's active sites, and of its active units with a programme or those named.

    Raises:
        DomainError: `ends_before_start`, `period_too_long`; `nothing_to_plan`, there is no unit with a programme or no
            site with women due; `not_found`, `out_of_use` or `unit_without_programme`, a named unit.
    """
    require_period(request.first_day, request.last_day)
    wanted = _named_units(session, actor, request.unit_ids) if request.unit_ids else _ready_units(session, actor)
    problem = _problem(session, actor, request.first_day, request.last_day, wanted)
    if not problem.units:
        raise DomainError(
            "nothing_to_plan", missing_pl="brak jednostek z programem", missing_en="no unit has a programme"
        )
    if not any(site.women_due_for(unit) for site in problem.sites for unit in problem.units):
        raise DomainError(
            "nothing_to_plan", missing_pl="nigdzie nie ma kobiet do zbadania", missing_en="no women are due"
        )
    return problem


def _problem(session: Session, actor: Actor, first_day: date, last_day: date, wanted: Iterable[MobileUnit]) -> Problem:
    query = select(Site).where(Site.provider_id == actor.provider_id, Site.active)
    known = session.scalars(query.options(selectinload(Site.demands)).order_by(Site.id))
    return Problem(first_day, last_day, tuple(map(planning_unit, wanted)), tuple(map(planning_site, known)))


def _ready_units(session: Session, actor: Actor) -> Sequence[MobileUnit]:
    query = select(MobileUnit).where(
        MobileUnit.provider_id == actor.provider_id, MobileUnit.active, MobileUnit.programmes.any()
    )
    return session.scalars(query.options(selectinload(MobileUnit.programmes)).order_by(MobileUnit.id)).all()


def _named_units(session: Session, actor: Actor, keys: Iterable[int]) -> Sequence[MobileUnit]:
    named = [units.get(session, actor, key) for key in sorted(set(keys))]
    for unit in named:
        require_ready(unit)
    return named


def require_ready(unit: MobileUnit) -> None:
    """Raises `out_of_use` for a unit that was retired, `unit_without_programme` for one that examines nobody."""
    require_in_use(unit)
    if not unit.programmes:
        raise DomainError("unit_without_programme", unit=unit.name)


def require_in_use(what: MobileUnit | Site) -> None:
    """Raises `out_of_use` for a unit or a site that was retired."""
    if not what.active:
        raise DomainError("out_of_use", what=what.name)


def planning_unit(unit: MobileUnit) -> PlanningUnit:
    """The unit as the planner sees it: what its working hours and rooms allow, not only what it is asked for."""
    return PlanningUnit(
        id=unit.id,
        name=unit.name,
        latitude=unit.base_latitude,
        longitude=unit.base_longitude,
        programmes=frozenset(each.programme for each in unit.programmes),
        women_per_day=women_on(unit, first=False),
        women_on_first_day=women_on(unit, first=True),
        weekdays=frozenset(unit.weekdays),
    )


_ORDINARY_DAY = date(2026, 1, 5)
"""A day without a clock change."""


def women_on(unit: MobileUnit, *, first: bool) -> int:
    """Women whom the unit can examine on an ordinary day, or on the `first` day of a stop."""
    hours = unit_hours(unit, DayHours(_ORDINARY_DAY), first=first)
    return sum(_women_within(hours, each) for each in unit.programmes)


def _women_within(hours: Interval, each: UnitProgramme) -> int:
    return capacity_of(hours.starts_at, hours.ends_at, each.minutes_per_woman, each.rooms, each.women_per_day)


def planning_site(site: Site) -> PlanningSite:
    """The site as the planner sees it."""
    return PlanningSite(
        id=site.id,
        name=site.name,
        latitude=site.latitude,
        longitude=site.longitude,
        women_due={demand.programme: demand.women_due for demand in site.demands},
        days_max=site.days_max,
    )


def unit_hours(unit: MobileUnit, day: DayHours, *, first: bool) -> Interval:
    """When women are examined on a day: the hours given, else the unit's, later by the set-up on the first day.

    Raises:
        DomainError: `ends_before_start`, `no_such_local_time`.
    """
    opens_at = local_instant(day.day, day.opens or unit.opens)
    if first and day.opens is None:
        opens_at += unit.setup_time
    return Interval(opens_at, local_instant(day.day, day.closes or unit.closes))


def propose(problem: Problem, request: PlanRequest, progress: "Report | None" = None) -> Plan:
    """The plan of the solver; computes for seconds, so no transaction may be open."""
    from mobile_units.planning.solver import solve  # noqa: PLC0415 -- the solver takes long to load and few need it

    return solve(problem, seconds=request.seconds, seed=request.seed, progress=progress)


def keep_plan(session: Session, actor: Actor, request: PlanRequest, plan: Plan) -> Itinerary:
    """Stores a plan as a draft with its stops, hours, terms and the reasons for the sites left out."""
    command = NewItinerary(name=request.name, first_day=request.first_day, last_day=request.last_day)
    itinerary = _begin(session, actor, command, _terms(plan))
    stood = _owned(session, actor, MobileUnit, {stop.unit_id for stop in plan.stops})
    visited = _owned(session, actor, Site, {stop.site_id for stop in plan.stops})
    for stop in sorted(plan.stops, key=lambda each: (each.days[0], each.unit_id)):
        days = [DayHours(day) for day in stop.days]
        _add_stop(itinerary, stood[stop.unit_id], visited[stop.site_id], days, stop.women)
    session.flush()
    return itinerary


def _terms(plan: Plan) -> dict[str, Any]:
    return {
        "solver": plan.solver,
        "seed": plan.seed,
        "seconds": round(plan.seconds, 2),
        "objective": asdict(plan.objective) | {"value": round(plan.objective.value, 1)},
        "unserved": [asdict(each) for each in plan.unserved],
    }


def _owned(session: Session, actor: Actor, entity: type[OwnedEntity], keys: Iterable[int]) -> Mapping[int, OwnedEntity]:
    query = select(entity).where(entity.id.in_(keys), entity.provider_id == actor.provider_id)
    return {each.id: each for each in session.scalars(query)}


def create(session: Session, actor: Actor, command: NewItinerary) -> Itinerary:
    """Keeps an empty draft.

    Raises:
        DomainError: `ends_before_start`, `period_too_long`.
    """
    return _begin(session, actor, command, {})


def _begin(session: Session, actor: Actor, command: NewItinerary, planning: dict[str, Any]) -> Itinerary:
    require_period(command.first_day, command.last_day)
    itinerary = Itinerary(
        provider_id=actor.provider_id,
        status=ItineraryStatus.DRAFT,
        planning=planning,
        stops=[],
        **asdict(command),
    )
    session.add(itinerary)
    session.flush()
    audit(session, actor, "create", "itinerary", itinerary.id)
    return itinerary


def _add_stop(itinerary: Itinerary, unit: MobileUnit, site: Site, days: Sequence[DayHours], women: int) -> Stop:
    days = sorted(days, key=lambda each: each.day)
    stop = Stop(
        unit=unit,
        site=site,
        first_day=days[0].day,
        last_day=days[-1].day,
        women_planned=women,
        days=[_stop_day(itinerary, unit, day, first=number == 0) for number, day in enumerate(days)],
    )
    itinerary.stops.append(stop)
    return stop


def _stop_day(itinerary: Itinerary, unit: MobileUnit, day: DayHours, *, first: bool) -> StopDay:
    hours = unit_hours(unit, day, first=first)
    return StopDay(
        itinerary_id=itinerary.id,
        itinerary_status=itinerary.status,
        unit_id=unit.id,
        day=day.day,
        opens_at=hours.starts_at,
        closes_at=hours.ends_at,
    )


_PARTS = (selectinload(Itinerary.stops).options(joinedload(Stop.unit), joinedload(Stop.site), selectinload(Stop.days)),)


def find(session: Session, actor: Actor, criteria: ItineraryFilter) -> Page[Itinerary]:
    """Itineraries of the provider, the latest period first, without their stops."""
    query = select(Itinerary).where(Itinerary.provider_id == actor.provider_id)
    if criteria.status:
        query = query.where(Itinerary.status == criteria.status)
    if criteria.on:
        query = query.where(Itinerary.first_day <= criteria.on, Itinerary.last_day >= criteria.on)
    return page_of(session, query.order_by(Itinerary.first_day.desc(), Itinerary.id.desc()), criteria.paging)


def get(session: Session, actor: Actor, itinerary_id: int) -> Itinerary:
    """One itinerary with its stops."""
    return get_owned(session, actor, Itinerary, itinerary_id, *_PARTS)


def find_stops(session: Session, actor: Actor, criteria: StopFilter) -> Page[Stop]:
    """Stops of the provider's itineraries in order of time."""
    query = select(Stop).join(Stop.itinerary).where(Itinerary.provider_id == actor.provider_id)
    for column in ("itinerary_id", "unit_id", "site_id"):
        if getattr(criteria, column) is not None:
            query = query.where(getattr(Stop, column) == getattr(criteria, column))
    if criteria.status:
        query = query.where(Itinerary.status == criteria.status)
    if criteria.first_day:
        query = query.where(Stop.last_day >= criteria.first_day)
    if criteria.last_day:
        query = query.where(Stop.first_day <= criteria.last_day)
    query = query.options(joinedload(Stop.unit), joinedload(Stop.site), selectinload(Stop.days))
    return page_of(session, query.order_by(Stop.first_day, Stop.unit_id, Stop.id), criteria.paging)


def get_stop(session: Session, actor: Actor, stop_id: int) -> Stop:
    """One stop with its days.

    Raises:
        DomainError: `not_found`.
    """
    query = select(Stop).join(Stop.itinerary).where(Stop.id == stop_id, Itinerary.provider_id == actor.provider_id)
    query = query.options(joinedload(Stop.unit), joinedload(Stop.site), selectinload(Stop.days))
    stop = session.scalars(query).one_or_none()
    if stop is None:
        raise DomainError("not_found", what=f"Stop {stop_id}")
    return stop


def get_draft(session: Session, actor: Actor, itinerary_id: int) -> Itinerary:
    """An itinerary that may still be changed, as it is once it is locked until the end of the transaction.

    Raises:
        DomainError: `not_found`, `itinerary_not_draft`.
    """
    return _draft(session, actor, Itinerary.id == itinerary_id, f"Itinerary {itinerary_id}")


def _draft(session: Session, actor: Actor, wanted: ColumnElement[bool], what: str) -> Itinerary:
    query = select(Itinerary).where(wanted, Itinerary.provider_id == actor.provider_id).options(*_PARTS)
    locked = query.with_for_update().execution_options(populate_existing=True)
    itinerary = session.scalars(locked).one_or_none()
    if itinerary is None:
        raise DomainError("not_found", what=what)
    if itinerary.status is not ItineraryStatus.DRAFT:
        raise DomainError("itinerary_not_draft", status=itinerary.status.value)
    return itinerary


def change(session: Session, actor: Actor, itinerary_id: int, version: int, values: Mapping[str, Any]) -> Itinerary:
    """Changes the name of a draft.

    Raises:
        DomainError: as `get_draft`; `stale_version`.
    """
    itinerary = get_draft(session, actor, itinerary_id)
    apply_change(itinerary, version, values)
    audit(session, actor, "change", "itinerary", itinerary.id)
    session.flush()
    return itinerary


def discard(session: Session, actor: Actor, itinerary_id: int, version: int) -> Itinerary:
    """Puts a draft aside; it can still be read.

    Raises:
        DomainError: as `get_draft`; `stale_version`.
    """
    itinerary = get_draft(session, actor, itinerary_id)
    require_version(itinerary, version)
    itinerary.status = ItineraryStatus.DISCARDED
    session.flush()
    audit(session, actor, "discard", "itinerary", itinerary.id)
    return itinerary


def add_stop(session: Session, actor: Actor, itinerary_id: int, command: NewStop) -> Stop:
    """Adds a stop to a draft, whose version is raised so that nobody publishes what he has not read.

    Raises:
        DomainError: as `get_draft`; `not_found`, the unit or the site; `out_of_use`, `unit_without_programme`,
            `stop_outside_itinerary`, `given_twice` (a day), `ends_before_start`, `no_such_local_time`;
            `unit_in_two_places` (at flush).
    """
    itinerary = get_draft(session, actor, itinerary_id)
    unit = units.get(session, actor, command.unit_id)
    site = sites.get(session, actor, command.site_id)
    require_ready(unit)
    require_in_use(site)
    check_days(itinerary, command.days)
    stop = _add_stop(itinerary, unit, site, command.days, 0)
    stop.women_planned = _women_reached(unit, site, stop) if command.women_planned is None else command.women_planned
    _raise_version(itinerary)
    session.flush()
    audit(session, actor, "create", "stop", stop.id)
    return stop


def _raise_version(itinerary: Itinerary) -> None:
    apply_change(itinerary, itinerary.version, {})


def check_days(itinerary: Itinerary, days: Sequence[Dated]) -> None:
    """Raises `given_twice` or `stop_outside_itinerary` unless each of the days is given once and in the itinerary."""
    if len({each.day for each in days}) < len(days):
        raise DomainError("given_twice")
    for each in days:
        if not itinerary.first_day <= each.day <= itinerary.last_day:
            first_day, last_day = itinerary.first_day.isoformat(), itinerary.last_day.isoformat()
            raise DomainError(
                "stop_outside_itinerary", day=each.day.isoformat(), first_day=first_day, last_day=last_day
            )


def _women_reached(unit: MobileUnit, site: Site, stop: Stop) -> int:
    hours = [Interval(day.opens_at, day.closes_at) for day in stop.days]
    places = sum(_women_within(each, programme) for each in hours for programme in unit.programmes)
    return min(places, planning_site(site).women_due_for(planning_unit(unit)))


def remove_stop(session: Session, actor: Actor, stop_id: int) -> None:
    """Takes a stop out of a draft, whose version is raised.

    Raises:
        DomainError: `not_found`, `itinerary_not_draft`.
    """
    itinerary, stop = _stop_of_draft(session, actor, stop_id)
    itinerary.stops.remove(stop)
    _raise_version(itinerary)
    audit(session, actor, "remove", "stop", stop_id)
    session.flush()


def _stop_of_draft(session: Session, actor: Actor, stop_id: int) -> tuple[Itinerary, Stop]:
    what = f"Stop {stop_id}"
    itinerary = _draft(session, actor, Itinerary.stops.any(Stop.id == stop_id), what)
    stop = next((each for each in itinerary.stops if each.id == stop_id), None)
    if stop is None:  # removed by somebody else while this transaction waited for the lock
        raise DomainError("not_found", what=what)
    return itinerary, stop


def change_stop(session: Session, actor: Actor, stop_id: int, command: StopChange) -> Stop:
    """Changes site, days or women of a stop in a draft, whose version is raised.

    Raises:
        DomainError: `stale_version`; else as `add_stop`.
    """
    itinerary, stop = _stop_of_draft(session, actor, stop_id)
    require_version(itinerary, command.version)
    require_ready(stop.unit)
    if command.site_id is not None:
        stop.site = sites.get(session, actor, command.site_id)
        require_in_use(stop.site)
    if command.days is not None:
        check_days(itinerary, command.days)
        _replace_days(itinerary, stop, command.days)
    if command.women_planned is not None:
        stop.women_planned = command.women_planned
    _raise_version(itinerary)
    audit(session, actor, "change", "stop", stop.id)
    session.flush()
    return stop


def _replace_days(itinerary: Itinerary, stop: Stop, given: Sequence[DayHours]) -> None:
    """Keeps the rows of days that stay: a new row for such a day would stand beside the old one for a moment."""
    known = {row.day: row for row in stop.days}
    days = sorted(given, key=lambda each: each.day)
    wanted = [_stop_day(itinerary, stop.unit, day, first=number == 0) for number, day in enumerate(days)]
    for row in wanted:
        if row.day in known:
            known[row.day].opens_at, known[row.day].closes_at = row.opens_at, row.closes_at
    stop.days[:] = [known.get(row.day, row) for row in wanted]
    stop.first_day, stop.last_day = days[0].day, days[-1].day


def violations(session: Session, actor: Actor, itinerary_id: int) -> list[Violation]:
    """Everything that keeps the itinerary, as it stands, from being carried out by the units and sites now in use."""
    itinerary = get(session, actor, itinerary_id)
    ready = _ready_units(session, actor)
    problem = _problem(session, actor, itinerary.first_day, itinerary.last_day, ready)
    return check(problem, _as_plan(problem, itinerary))


def _as_plan(problem: Problem, itinerary: Itinerary) -> Plan:
    stops = tuple(
        PlannedStop(stop.unit_id, stop.site_id, tuple(each.day for each in stop.days), stop.women_planned)
        for stop in itinerary.stops
        if stop.days
    )
    objective = Objective(
        women=sum(stop.women for stop in stops),
        women_due=sum(sum(site.women_due.values()) for site in problem.sites),
        km=kilometres(problem, stops),
        km_per_woman=problem.km_per_woman,
        unit_days=sum(len(problem.working_days(unit)) for unit in problem.units),
        unit_days_used=sum(len(stop.days) for stop in stops),
    )
    solver, seed = itinerary.planning.get("solver", "by hand"), itinerary.planning.get("seed", 0)
    return Plan(stops, (), objective.women, objective.km, objective, 0.0, solver, seed)
