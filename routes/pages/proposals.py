"""The plan that a job made, as its page shows it: drawn beside what was fixed, with names instead of keys."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop
from mobile_units.models.planning import PlanningJob
from mobile_units.planning.problem import Key, PlannedStop, Problem
from mobile_units.services import itineraries, planning, planning_jobs, sites, units, what_if
from mobile_units.services.actors import Actor
from mobile_units.services.planning_jobs import JobResult, NewJob
from mobile_units.services.queries import Paging
from mobile_units.services.sites import SiteFilter
from mobile_units.services.units import UnitFilter
from mobile_units.services.what_if import WhatIf
from routes.pages.drawn import DrawnStop, StopState, drawn_sites, drawn_units
from routes.pages.maps import SiteMap, site_map
from routes.pages.timelines import Timeline, timeline

ALL = Paging(page_size=10_000)


@dataclass(frozen=True, slots=True)
class Drawn:
    """The drawings of a plan; `kept` of its stops were fixed."""

    timeline: Timeline
    map: SiteMap | None
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan as it is laid before a person; not `drawn` if something that it is about is not in use any more.

    It is `supposed` if it has stops of units that do not exist, so that nobody can accept it.
    """

    result: JobResult
    names: Mapping[Key, str]
    drawn: Drawn | None
    supposed: bool


def read(session: Session, actor: Actor, job: PlanningJob, today: date) -> Proposal | None:
    """The proposal of a job, as things are now; None as long as the job is not done."""
    result = planning_jobs.result_of(job)
    if result is None:
        return None
    names: dict[Key, str] = {site.id: site.name for site in sites.find(session, actor, SiteFilter(ALL)).items}
    return Proposal(
        result=result,
        names=names,
        drawn=_drawn(session, actor, NewJob.from_json(job.request), result.plan.stops, names, today),
        supposed=any(isinstance(stop.unit_id, str) for stop in result.plan.stops),
    )


def _drawn(  # noqa: PLR0913, PLR0917 -- who asks, and what is drawn
    session: Session,
    actor: Actor,
    asked: NewJob,
    stops: Sequence[PlannedStop],
    names: Mapping[Key, str],
    today: date,
) -> Drawn | None:
    try:
        problem = what_if.ask(session, actor, asked.plan, asked.what_if or WhatIf()).changed
    except DomainError:
        return None
    pinned = _pinned(session, actor, asked)
    shown = [_stop(stop, names, _state(stop, problem, pinned)) for stop in stops]
    shown_units = drawn_units(problem.units, _codes(session, actor))
    unsure = [site.id for site in sites.find(session, actor, SiteFilter(ALL, doubtful=True)).items]
    return Drawn(
        timeline=timeline(shown_units, problem.first_day, problem.last_day, shown, today=today),
        map=site_map(drawn_sites(problem.sites, unsure), shown_units, shown),
        kept=sum(stop.state is not StopState.FREE for stop in shown),
    )


def _pinned(session: Session, actor: Actor, asked: NewJob) -> Set[PlannedStop]:
    """Stops that nobody promised, but that are pinned in the itinerary that is planned anew."""
    if asked.plan.itinerary_id is None:
        return frozenset()
    base = itineraries.get(session, actor, asked.plan.itinerary_id)
    return frozenset(planning.planned_stop(stop) for stop in base.stops if _is_only_pinned(base, stop))


def _is_only_pinned(base: Itinerary, stop: Stop) -> bool:
    promised = base.status is ItineraryStatus.PUBLISHED or stop.origin_id is not None
    return stop.pinned and not promised and bool(stop.days)


def _state(stop: PlannedStop, problem: Problem, pinned: Set[PlannedStop]) -> StopState:
    if stop in pinned:
        return StopState.PINNED
    return StopState.PUBLISHED if stop in problem.fixed else StopState.FREE


def _stop(stop: PlannedStop, names: Mapping[Key, str], state: StopState) -> DrawnStop:
    return DrawnStop(
        unit_id=stop.unit_id,
        site_id=stop.site_id,
        place=names.get(stop.site_id, str(stop.site_id)),
        days=stop.days,
        women=stop.women,
        state=state,
    )


def _codes(session: Session, actor: Actor) -> dict[Key, str]:
    return {unit.id: unit.code for unit in units.find(session, actor, UnitFilter(ALL)).items}
