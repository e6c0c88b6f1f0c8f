"""Planning: a provider's units, sites, contracts and published stops become a problem, and its solution a draft.

Planning takes seconds, so it is four steps: `problem_for` reads, `with_distances` asks how far all is from all,
`propose` computes, both without a transaction, and `keep_plan` stores the draft.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import ScalarSelect, Select, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop, StopDay
from mobile_units.models.planning import PlanningSettings
from mobile_units.models.sites import Site, SiteDemand
from mobile_units.models.units import MobileUnit, UnitCapacity, UnitProgramme
from mobile_units.planning.check import Violation, check_stops, terms
from mobile_units.planning.demand import DemandWeights, weight_of
from mobile_units.planning.problem import (
    Capacity,
    Distances,
    KeptDistances,
    Key,
    Need,
    Objective,
    Period,
    Plan,
    PlannedStop,
    PlanningSite,
    PlanningUnit,
    Problem,
    Roads,
    Unserved,
)
from mobile_units.planning.problem import Weights as Weights  # noqa: PLC0414 -- part of what is asked here
from mobile_units.planning.process import MEMORY_BYTES, Report, measure_apart, solve_apart
from mobile_units.rules.calendar import require_period
from mobile_units.rules.programmes import Programme
from mobile_units.rules.schedules import apportion
from mobile_units.services import itineraries, planning_limits, sites
from mobile_units.services.actors import Actor
from mobile_units.services.itineraries import DayHours, NewItinerary
from mobile_units.services.queries import get_owned


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What is to be planned: all active units, or those named, from day to day, both included, a year at the most.

    `seconds` is the time that the search may take; the same seed gives the same plan unless time runs out. Named sites
    are the only ones where new stops are made. An itinerary that is planned anew keeps its pinned and published stops.
    `weights` stand in for those of the provider's settings.
    """

    name: str
    first_day: date
    last_day: date
    unit_ids: Sequence[int] = ()
    site_ids: Sequence[int] = ()
    itinerary_id: int | None = None
    weights: Weights | None = None
    seconds: float = 10.0
    seed: int = 1

    def to_json(self) -> dict[str, Any]:
        """The request as JSON keeps it."""
        days = {"first_day": self.first_day.isoformat(), "last_day": self.last_day.isoformat()}
        return asdict(self) | days | {"unit_ids": list(self.unit_ids), "site_ids": list(self.site_ids)}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "PlanRequest":
        """The request that `to_json` gave."""
        days = {name: date.fromisoformat(given[name]) for name in ("first_day", "last_day")}
        keys = {name: tuple(given[name]) for name in ("unit_ids", "site_ids")}
        weights = Weights(**given["weights"]) if given["weights"] else None
        return cls(**{**given, **days, **keys, "weights": weights})


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """A plan as JSON keeps it."""
    stops = [asdict(stop) | {"days": [day.isoformat() for day in stop.days]} for stop in plan.stops]
    return asdict(plan) | {"stops": stops}


def plan_from_json(given: Mapping[str, Any]) -> Plan:
    """The plan that `plan_to_json` gave."""
    stops = tuple(
        PlannedStop(each["unit_id"], each["site_id"], tuple(map(date.fromisoformat, each["days"])), each["women"])
        for each in given["stops"]
    )
    unserved = tuple(Unserved(**each | {"programme": _programme(each["programme"])}) for each in given["unserved"])
    objective = objective_from_json(given["objective"])
    return Plan(**{**given, "stops": stops, "unserved": unserved, "objective": objective})


def objective_from_json(given: Mapping[str, Any]) -> Objective:
    """The terms that `dataclasses.asdict` gave."""
    return Objective(**{**given, "weights": Weights(**given["weights"])})


def _programme(value: str | None) -> Programme | None:
    return None if value is None else Programme(value)


def problem_for(session: Session, actor: Actor, request: PlanRequest) -> Problem:
    """The planning problem of the provider's active sites, and of its active units with a programme or those named.

    Published stops of the period are fixed, those of units that are not planned too: such a unit is free on no other
    day. So are the pinned stops, and those that continue published ones, of the itinerary that is planned anew.

    Raises:
        DomainError: `ends_before_start`, `period_too_long`; `nothing_to_plan`, there is no unit with a programme or no
            site with women due; `not_found`, `out_of_use` or `unit_without_programme`, a named unit; `not_found` or
            `out_of_use`, a named site; `not_found`, the itinerary.
    """
    require_period(request.first_day, request.last_day)
    wanted = _named_units(session, actor, request.unit_ids) if request.unit_ids else _ready_units(session, actor)
    if not wanted:
        raise DomainError(
            "nothing_to_plan", missing_pl="brak jednostek z programem", missing_en="no unit has a programme"
        )
    base = None if request.itinerary_id is None else itineraries.get(session, actor, request.itinerary_id)
    own = [] if base is None else [stop for stop in base.stops if _stays(base, stop, request)]
    replaced = () if base is None else (base.id, base.revises_id)
    problem = _problem(session, actor, Period(request.first_day, request.last_day), wanted, own, replaced)
    problem = replace(problem, weights=request.weights or problem.weights)
    if request.site_ids:
        problem = _only_at(problem, _named_sites(session, actor, request.site_ids))
    if not any(site.women_due_for(unit) for site in problem.sites for unit in problem.units):
        raise DomainError(
            "nothing_to_plan", missing_pl="nigdzie nie ma kobiet do zbadania", missing_en="no women are due"
        )
    return problem


def _named_units(session: Session, actor: Actor, keys: Iterable[int]) -> Sequence[MobileUnit]:
    named = [get_owned(session, actor, MobileUnit, key, *_UNIT_PARTS) for key in sorted(set(keys))]
    for unit in named:
        itineraries.require_ready(unit)
    return named


def _named_sites(session: Session, actor: Actor, keys: Iterable[int]) -> frozenset[int]:
    for key in sorted(set(keys)):
        itineraries.require_in_use(sites.get(session, actor, key))
    return frozenset(keys)


def _ready_units(session: Session, actor: Actor) -> Sequence[MobileUnit]:
    query = select(MobileUnit).where(
        MobileUnit.provider_id == actor.provider_id, MobileUnit.active, MobileUnit.programmes.any()
    )
    return session.scalars(query.options(*_UNIT_PARTS).order_by(MobileUnit.id)).all()


_UNIT_PARTS: tuple[Any, ...] = (
    selectinload(MobileUnit.programmes).joinedload(UnitProgramme.service_place),
    selectinload(MobileUnit.unavailabilities),
    selectinload(MobileUnit.capacities),
    selectinload(MobileUnit.permitted_sites),
)
_SITE_PARTS: tuple[Any, ...] = (selectinload(Site.demands), selectinload(Site.blackouts))


def _only_at(problem: Problem, wanted: frozenset[int]) -> Problem:
    """The problem without the sites that are neither wanted nor visited by a fixed stop."""
    visited = {stop.site_id for stop in problem.fixed}
    return replace(
        problem,
        sites=tuple(
            site if site.id in wanted else _closed(site, problem.fixed)
            for site in problem.sites
            if site.id in wanted or site.id in visited
        ),
    )


def _closed(site: PlanningSite, fixed: Iterable[PlannedStop]) -> PlanningSite:
    """The site as it is for the fixed stops alone: no other stop is made there."""
    women = [stop.women for stop in fixed if stop.site_id == site.id]
    due = {need: min(known, sum(women)) for need, known in site.women_due.items()}
    return replace(site, women_due=due, visits_max=max(1, len(women)))


def _problem(  # noqa: PLR0913, PLR0917 -- what is planned, and what stands beside it
    session: Session,
    actor: Actor,
    period: Period,
    wanted: Sequence[MobileUnit],
    own: Sequence[Stop] = (),
    replaced: Iterable[int | None] = (),
) -> Problem:
    """The problem of the wanted units among `own` stops and the published ones, but for the replaced itineraries."""
    standing = _standing(session, actor, period, own, replaced)
    among = _units(wanted, standing)
    context = _Context(
        session.get(PlanningSettings, actor.provider_id), period, sites.last_visits(session, actor, period.first_day)
    )
    at = standing.by_site()
    known = _sites(session, actor, {stop.site_id for stop in standing.within})
    return Problem(
        first_day=period.first_day,
        last_day=period.last_day,
        units=_planning_units(wanted, standing, period),
        sites=tuple(_site_among(site, at.get(site.id, _Standing()), context) for site in known),
        fixed=tuple(planned_stop(stop) for stop in standing.within),
        limits=planning_limits.limits(session, actor, period, among, {stop.id for stop in standing.within}),
        weights=weights_of(context.settings),
        roads=roads_of(context.settings),
    )


def weights_of(settings: PlanningSettings | None) -> Weights:
    """What the terms of the objective are worth to a provider; the usual unless it said otherwise."""
    if settings is None:
        return Weights()
    return Weights(settings.km_per_woman, settings.crew_km_share, settings.women_per_uneven_day)


def roads_of(settings: PlanningSettings | None) -> Roads:
    """How the units of a provider drive; as usual unless it said otherwise."""
    if settings is None:
        return Roads()
    return Roads(settings.road_factor, settings.speed_kmh, settings.drive_hours, settings.crew_commute_km)


@dataclass(frozen=True, slots=True)
class _Standing:
    """The stops that stand whatever is planned: those within the period, and others that reach women who were due."""

    within: Sequence[Stop] = ()
    others: Sequence[Stop] = ()

    def by_site(self) -> "dict[int, _Standing]":
        """The same site by site."""
        within, others = (_by_site(stops) for stops in (self.within, self.others))
        return {key: _Standing(within[key], others[key]) for key in {*within, *others}}


def _by_site(stops: Iterable[Stop]) -> defaultdict[int, list[Stop]]:
    found: defaultdict[int, list[Stop]] = defaultdict(list)
    for stop in stops:
        found[stop.site_id].append(stop)
    return found


def _standing(
    session: Session, actor: Actor, period: Period, own: Sequence[Stop], replaced: Iterable[int | None]
) -> _Standing:
    """Stops of a unit that has lost its programmes cannot be planned around, but their women are reached."""
    query = _published_stops(actor).where(
        Stop.last_day >= func.least(_counted_from(actor), period.first_day),
        Stop.itinerary_id.not_in([key for key in replaced if key is not None]),
    )
    parts = (joinedload(Stop.unit).options(*_UNIT_PARTS), selectinload(Stop.days))
    published = session.scalars(query.options(*parts).order_by(Stop.first_day, Stop.id)).all()
    within: list[Stop] = []
    others: list[Stop] = []
    for stop in (*own, *published):
        inside = stop.days[0].day in period and stop.days[-1].day in period and stop.unit.programmes
        (within if inside else others).append(stop)
    return _Standing(within, others)


def _published_stops(actor: Actor) -> Select[Stop]:
    """Published stops that were not withdrawn."""
    return (
        select(Stop)
        .join(Stop.itinerary)
        .where(
            Itinerary.provider_id == actor.provider_id,
            Itinerary.status == ItineraryStatus.PUBLISHED,
            Stop.days.any(),
        )
    )


def _counted_from(actor: Actor) -> ScalarSelect[date]:
    """The earliest day as of which women due were counted."""
    query = select(func.min(SiteDemand.as_of)).join(Site, Site.id == SiteDemand.site_id)
    return query.where(Site.provider_id == actor.provider_id, Site.active).scalar_subquery()


def _stays(base: Itinerary, stop: Stop, request: PlanRequest) -> bool:
    """Whether a stop stays when its itinerary is planned anew: it is promised, pinned, or no part of the request."""
    promised = base.status is ItineraryStatus.PUBLISHED or stop.origin_id is not None
    asked = not request.unit_ids or stop.unit_id in request.unit_ids
    inside = request.first_day <= stop.first_day and stop.last_day <= request.last_day
    return bool(stop.days) and (promised or stop.pinned or not asked or not inside)


def _days(stop: Stop) -> tuple[date, ...]:
    return tuple(sorted({each.day for each in stop.days}))


def planned_stop(stop: Stop) -> PlannedStop:
    """A stop as the planner sees it."""
    return PlannedStop(stop.unit_id, stop.site_id, _days(stop), stop.women_planned)


def _units(wanted: Sequence[MobileUnit], standing: _Standing) -> list[MobileUnit]:
    """The units that are planned, and those that have fixed stops beside them."""
    by_id = {stop.unit_id: stop.unit for stop in standing.within} | {unit.id: unit for unit in wanted}
    return [by_id[key] for key in sorted(by_id)]


def _planning_units(wanted: Sequence[MobileUnit], standing: _Standing, period: Period) -> tuple[PlanningUnit, ...]:
    planned = {unit.id for unit in wanted}
    return tuple(
        _planned_unit(unit, standing.others) if unit.id in planned else _bystander(unit, standing.within, period)
        for unit in _units(wanted, standing)
    )


def _planned_unit(unit: MobileUnit, others: Iterable[Stop]) -> PlanningUnit:
    """A unit that is not free while a published stop reaches into the period from outside."""
    made = planning_unit(unit)
    away = tuple(Period(stop.first_day, stop.last_day) for stop in others if stop.unit_id == unit.id)
    return replace(made, unavailable=made.unavailable + away)


def _bystander(unit: MobileUnit, within: Iterable[Stop], period: Period) -> PlanningUnit:
    """A unit that is not planned: it works on the days of its fixed stops and on no other."""
    worked = sorted({day for stop in within if stop.unit_id == unit.id for day in _days(stop)})
    edges = [period.first_day - timedelta(days=1), *worked, period.last_day + timedelta(days=1)]
    gaps = (Period(a + timedelta(days=1), b - timedelta(days=1)) for a, b in pairwise(edges) if (b - a).days > 1)
    return replace(planning_unit(unit), unavailable=tuple(gaps))


def planning_unit(unit: MobileUnit) -> PlanningUnit:
    """The unit as the planner sees it: what its working hours and rooms allow, not only what it is asked for."""
    return PlanningUnit(
        id=unit.id,
        name=unit.name,
        latitude=unit.base_latitude,
        longitude=unit.base_longitude,
        women_per_day=women_on(unit, first=False),
        women_on_first_day=women_on(unit, first=True),
        weekdays=frozenset(unit.weekdays),
        home_rule=unit.home_rule,
        max_relocation_km=unit.max_relocation_km,
        unavailable=tuple(Period(each.first_day, each.last_day) for each in unit.unavailabilities),
        regions=frozenset(unit.voivodeships),
        site_ids=frozenset(each.site_id for each in unit.permitted_sites),
        needs=frozenset(unit.needs),
        capacities=tuple(map(_capacity, sorted(unit.capacities, key=lambda each: each.id))),
    )


def _capacity(row: UnitCapacity) -> Capacity:
    days = None if row.first_day is None or row.last_day is None else Period(row.first_day, row.last_day)
    return Capacity({row.programme: row.women_per_day}, row.site_id, days)


_ORDINARY_DAY = date(2026, 1, 5)
"""A day without a clock change."""


def women_on(unit: MobileUnit, *, first: bool) -> dict[Programme, int]:
    """Women whom the unit can examine on an ordinary day, or on the `first` day of a stop, by programme."""
    hours = itineraries.unit_hours(unit, DayHours(_ORDINARY_DAY), first=first)
    return {each.programme: itineraries.women_within(hours, each) for each in unit.programmes}


def _sites(session: Session, actor: Actor, visited: Set[int]) -> Sequence[Site]:
    wanted = or_(Site.active, Site.id.in_(visited))
    query = select(Site).where(Site.provider_id == actor.provider_id, wanted).options(*_SITE_PARTS)
    return session.scalars(query.order_by(Site.id)).all()


def planning_site(site: Site) -> PlanningSite:
    """The site as the planner sees it, as if nothing were published."""
    return PlanningSite(
        id=site.id,
        name=site.name,
        latitude=site.latitude,
        longitude=site.longitude,
        women_due={demand.programme: demand.women_due for demand in site.demands},
        days_min=site.days_min,
        days_max=site.days_max,
        earliest=site.earliest,
        latest=site.latest,
        weekdays=frozenset(site.weekdays),
        blackouts=tuple(Period(each.first_day, each.last_day) for each in site.blackouts),
        group=site.alternative_group,
        region=site.teryt[:2] if site.teryt else None,
        lacks=frozenset(site.lacks),
        visits_max=site.visits_max,
        gap_days=site.gap_days,
        last_visit=site.last_visit,
    )


@dataclass(frozen=True, slots=True)
class _Context:
    """What is known beside a site: the settings, the period, and when a unit stood there last."""

    settings: PlanningSettings | None
    period: Period
    visited: Mapping[int, date]


def _site_among(site: Site, standing: _Standing, context: _Context) -> PlanningSite:
    """The site between the stops that stand: who is still due, when nobody may come, what a woman counts."""
    last_visit = context.visited.get(site.id)
    kept_free = (_kept_free(stop, site.gap_days) for stop in standing.others)
    made = replace(
        planning_site(site),
        women_due=_still_due(site, standing),
        last_visit=last_visit,
        weight=_weight(site, context, last_visit),
    )
    made = replace(made, blackouts=made.blackouts + tuple(days for days in kept_free if _overlap(days, context.period)))
    return made if site.active else _closed(made, map(planned_stop, standing.within))


def _weight(site: Site, context: _Context, last_visit: date | None) -> float:
    since = None if last_visit is None else (context.period.first_day - last_visit).days
    return weight_of(site.priority, since, site.uptake, demand_weights_of(context.settings))


def demand_weights_of(settings: PlanningSettings | None) -> DemandWeights:
    """How much more an overdue and an under-screened woman counts to a provider; as usual unless it said otherwise."""
    if settings is None:
        return DemandWeights()
    return DemandWeights(settings.overdue_weight, settings.underscreened_weight)


def _kept_free(stop: Stop, gap_days: int) -> Period:
    """The days around a published stop on which nobody comes to its site."""
    gap = timedelta(days=gap_days)
    return Period(stop.first_day - gap, stop.last_day + gap)


def _overlap(one: Period, other: Period) -> bool:
    return one.first_day <= other.last_day and other.first_day <= one.last_day


def _still_due(site: Site, standing: _Standing) -> dict[Need, int]:
    """Women due in the plan, those of its fixed stops included.

    Who is reached at another stop is due no more, unless she was counted only afterwards; who was counted after a fixed
    stop that is over was due besides.
    """
    due: dict[Need, int] = {}
    for demand in site.demands:
        gone = sum(_women_in(demand, stop) for stop in standing.others if stop.last_day >= demand.as_of)
        examined = sum(_women_in(demand, stop) for stop in standing.within if stop.last_day < demand.as_of)
        due[demand.programme] = max(0, demand.women_due - gone) + examined
    return due


def _women_in(demand: SiteDemand, stop: Stop) -> int:
    """Women planned for a stop in one programme: they are divided by what the unit can do in each."""
    programmes = [each.programme for each in stop.unit.programmes]
    if demand.programme not in programmes:
        return 0
    parts = apportion(stop.women_planned, [each.women_per_day for each in stop.unit.programmes])
    return parts[programmes.index(demand.programme)]


def with_distances(
    problem: Problem,
    distances: Distances | None = None,
    *,
    progress: Report | None = None,
    memory_bytes: int = MEMORY_BYTES,
) -> Problem:
    """The problem with the roads between all its places, which may be asked of a server: no transaction may be open.

    Without `distances` the solver estimates them from the coordinates.

    Raises:
        DomainError: as `process.measure_apart`.
    """
    if distances is None:
        return problem
    return measure_apart(problem, distances, progress=progress, memory_bytes=memory_bytes)


def propose(
    problem: Problem, request: PlanRequest, progress: Report | None = None, memory_bytes: int = MEMORY_BYTES
) -> Plan:
    """The plan of the solver, in a process of its own; computes for seconds, so no transaction may be open.

    Raises:
        DomainError: as `process.solve_apart`.
    """
    return solve_apart(
        problem, seconds=request.seconds, seed=request.seed, progress=progress, memory_bytes=memory_bytes
    )


_Place = tuple[Key, Key, tuple[date, ...]]


def keep_plan(session: Session, actor: Actor, request: PlanRequest, plan: Plan) -> Itinerary:
    """Stores a plan as a draft with its stops, hours, terms and the reasons for the sites left out.

    The stops that stay of an itinerary that was planned anew are copied as they are; the draft of a published one
    revises it. Published stops of other itineraries stay where they are.

    Raises:
        DomainError: `ends_before_start`, `period_too_long`; `not_found`, the itinerary that was planned anew.
    """
    base = None if request.itinerary_id is None else itineraries.get(session, actor, request.itinerary_id)
    kept = [] if base is None else [stop for stop in base.stops if _stays(base, stop, request)]
    itinerary = _begin(session, actor, request, plan, kept)
    if base is not None:
        _continue(itinerary, base)
    for stop in kept:
        copy_stop(itinerary, stop, continues=base is not None and base.status is ItineraryStatus.PUBLISHED)
    known = {_place(planned_stop(stop)) for stop in (*kept, *_published(session, actor, plan))}
    put_stops(session, actor, itinerary, (stop for stop in plan.stops if _place(stop) not in known))
    return itinerary


def _begin(session: Session, actor: Actor, request: PlanRequest, plan: Plan, kept: Sequence[Stop]) -> Itinerary:
    """A draft of the period that was planned, and of the days of the stops that it keeps."""
    first_day = min([request.first_day, *(stop.first_day for stop in kept)])
    last_day = max([request.last_day, *(stop.last_day for stop in kept)])
    command = NewItinerary(name=request.name, first_day=first_day, last_day=last_day)
    return itineraries.begin(session, actor, command, terms_of(plan))


def _continue(itinerary: Itinerary, base: Itinerary) -> None:
    if base.status is ItineraryStatus.PUBLISHED:
        itinerary.revises_id, itinerary.revises_version = base.id, base.version
    else:
        itinerary.revises_id, itinerary.revises_version = base.revises_id, base.revises_version


def copy_stop(itinerary: Itinerary, stop: Stop, *, continues: bool) -> Stop:
    """A copy of a stop with its hours in a draft; it `continues` the stop, or else what that one continues."""
    copy = Stop(
        unit_id=stop.unit_id,
        site_id=stop.site_id,
        unit=stop.unit,
        site=stop.site,
        first_day=stop.first_day,
        last_day=stop.last_day,
        women_planned=stop.women_planned,
        pinned=stop.pinned,
        origin_id=stop.id if continues else stop.origin_id,
        days=[_copy_day(itinerary, stop, each) for each in stop.days],
    )
    itinerary.stops.append(copy)
    return copy


def _copy_day(itinerary: Itinerary, stop: Stop, day: StopDay) -> StopDay:
    return StopDay(
        itinerary_id=itinerary.id,
        itinerary_status=itinerary.status,
        unit_id=stop.unit_id,
        day=day.day,
        opens_at=day.opens_at,
        closes_at=day.closes_at,
    )


def _published(session: Session, actor: Actor, plan: Plan) -> Sequence[Stop]:
    units = {stop.unit_id for stop in plan.stops}
    query = _published_stops(actor).where(Stop.unit_id.in_(units)).options(selectinload(Stop.days))
    return session.scalars(query).all()


def _place(stop: PlannedStop) -> _Place:
    return stop.unit_id, stop.site_id, stop.days


def put_stops(session: Session, actor: Actor, itinerary: Itinerary, stops: Iterable[PlannedStop]) -> None:
    """Adds stops to a draft, in order of time and at the hours of their units."""
    made = sorted((stop.days, int(stop.unit_id), int(stop.site_id), stop.women) for stop in stops)
    stood = itineraries.owned(session, actor, MobileUnit, {unit_id for _, unit_id, _, _ in made})
    visited = itineraries.owned(session, actor, Site, {site_id for _, _, site_id, _ in made})
    for days, unit_id, site_id, women in made:
        itineraries.put_stop(itinerary, stood[unit_id], visited[site_id], list(map(DayHours, days)), women)
    session.flush()


def terms_of(plan: Plan) -> dict[str, Any]:
    """How a plan came about and what it is worth, as an itinerary keeps it."""
    return {
        "solver": plan.solver,
        "seed": plan.seed,
        "iterations": plan.iterations,
        "seconds": round(plan.seconds, 2),
        "objective": asdict(plan.objective) | {"value": round(plan.objective.value, 1)},
        "unserved": [asdict(each) for each in plan.unserved],
    }


def problem_around(session: Session, actor: Actor, itinerary: Itinerary, *, replaced: bool = True) -> Problem:
    """The problem of all units and sites in use in the time of an itinerary, all published stops being fixed.

    Its own stops are not among them if they are to be `replaced`; those of the itinerary that it revises are. The
    distances are those by which a plan was made, as far as they are at hand (`KEPT_DISTANCES`), else estimated.
    """
    ready = _ready_units(session, actor)
    period = Period(itinerary.first_day, itinerary.last_day)
    made = _problem(session, actor, period, ready, replaced=[itinerary.id] if replaced else ())
    kept: KeptDistances | None = session.info.get(KEPT_DISTANCES)
    return made if kept is None else replace(made, matrix=kept(made))


KEPT_DISTANCES = "kept_distances"
"""In `Session.info`: the `planning.problem.KeptDistances` by which itineraries are judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Judges the stops of one itinerary, again and again while they change; what it has to know is read once.

    The stops `beside` are published and not replaced by the itinerary; `known` is wrong without it, too.
    """

    problem: Problem
    beside: tuple[PlannedStop, ...]
    known: Sequence[Violation]

    def violations(self, itinerary: Itinerary) -> list[Violation]:
        """As the function `violations`."""
        known = Counter(self.known)
        found = check_stops(self.problem, self.beside + own_stops(itinerary))
        return [each for each in found if not _counted_off(known, each)]

    def terms(self, itinerary: Itinerary) -> Objective:
        """What the itinerary is worth by itself."""
        return terms(self.problem, own_stops(itinerary))


def judge(session: Session, actor: Actor, itinerary: Itinerary) -> Judge:
    """The judge of an itinerary, whatever stops it has or will have."""
    problem = problem_around(session, actor, itinerary)
    replaced = _revised(session, actor, itinerary)
    return Judge(
        problem=problem,
        beside=tuple(stop for stop in problem.fixed if stop not in replaced),
        known=check_stops(problem, problem.fixed),
    )


def own_stops(itinerary: Itinerary) -> tuple[PlannedStop, ...]:
    """The stops of an itinerary that were not withdrawn, as the planner sees them."""
    return tuple(planned_stop(stop) for stop in itinerary.stops if stop.days)


def violations(session: Session, actor: Actor, itinerary_id: int) -> list[Violation]:
    """Everything that keeps the itinerary, as it stands, from being carried out beside what is published already.

    What is wrong without it is not told again. A version that moves or drops what it revises is told so
    (`fixed_stop_changed`).
    """
    itinerary = itineraries.get(session, actor, itinerary_id)
    return judge(session, actor, itinerary).violations(itinerary)


def _counted_off(known: "Counter[Violation]", violation: Violation) -> bool:
    known[violation] -= 1
    return known[violation] >= 0


def _revised(session: Session, actor: Actor, itinerary: Itinerary) -> frozenset[PlannedStop]:
    if itinerary.revises_id is None:
        return frozenset()
    revised = itineraries.get(session, actor, itinerary.revises_id)
    return frozenset(planned_stop(stop) for stop in revised.stops if stop.days)
