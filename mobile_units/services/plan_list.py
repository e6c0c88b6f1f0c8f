"""The list of a provider's itineraries, each with what it is worth and how much is wrong with it, and of proposals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop
from mobile_units.models.planning import JobState, PlanningJob
from mobile_units.services import itineraries, planning, planning_jobs
from mobile_units.services.actors import Actor
from mobile_units.services.itineraries import ItineraryFilter
from mobile_units.services.planning_jobs import JobFilter, NewJob
from mobile_units.services.queries import Page, Paging

JUDGED = 6
"""How many itineraries of a page are judged: each takes a tenth of a second in a region, a second in the country."""
OPEN = frozenset({ItineraryStatus.DRAFT, ItineraryStatus.APPROVED, ItineraryStatus.PUBLISHED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedItinerary:
    """An itinerary without its stops, and what they add up to.

    Of one that is over or out of use nobody asks what is wrong with it; where that is not known (None), kilometres are
    not known either. `lives` tells the one reason from the other.
    """

    itinerary: Itinerary
    stops: int
    women: int
    km: float | None
    violations: int | None
    lives: bool


def read(session: Session, actor: Actor, criteria: ItineraryFilter, today: date) -> Page[ListedItinerary]:
    """Itineraries in the order of `itineraries.find`."""
    page = itineraries.find(session, actor, criteria)
    sums = _sums(session, [each.id for each in page.items])
    living = [each.id for each in page.items if each.status in OPEN and each.last_day >= today]
    found = {key: _judged(session, actor, key) for key in living[:JUDGED]}
    listed = [_listed(each, sums, found, lives=each.id in living) for each in page.items]
    return Page(listed, page.total, page.page, page.page_size)


def _sums(session: Session, keys: Sequence[int]) -> Mapping[int, tuple[int, int]]:
    """Stops that were not withdrawn, and their women, by itinerary."""
    query = select(Stop.itinerary_id, func.count(), func.sum(Stop.women_planned))
    query = query.where(Stop.itinerary_id.in_(keys), Stop.days.any()).group_by(Stop.itinerary_id)
    return {key: (stops, women) for key, stops, women in session.execute(query)}


def _judged(session: Session, actor: Actor, itinerary_id: int) -> tuple[float, int]:
    """Kilometres, and how many violations there are."""
    itinerary = itineraries.get(session, actor, itinerary_id)
    judge = planning.judge(session, actor, itinerary)
    return judge.terms(itinerary).km, len(judge.violations(itinerary))


def _listed(
    itinerary: Itinerary,
    sums: Mapping[int, tuple[int, int]],
    judged: Mapping[int, tuple[float, int]],
    *,
    lives: bool,
) -> ListedItinerary:
    stops, women = sums.get(itinerary.id, (0, 0))
    km, violations = judged.get(itinerary.id, (None, None))
    return ListedItinerary(itinerary=itinerary, stops=stops, women=women, km=km, violations=violations, lives=lives)


LATEST = Paging(page_size=12)
"""The jobs among which proposals are sought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A job of which no draft was made yet, and the figures of its plan, or of the best so far."""

    job: PlanningJob
    asked: NewJob
    women: int | None
    km: float | None


def proposals(session: Session, actor: Actor) -> list[Proposal]:
    """The latest jobs that were neither cancelled nor accepted."""
    page = planning_jobs.find(session, actor, JobFilter(LATEST))
    jobs = [job for job in page.items if job.itinerary_id is None and job.state is not JobState.CANCELLED]
    done = _results(session, [job.id for job in jobs if job.state is JobState.DONE])
    return [_proposal(job, done.get(job.id, job.progress or {})) for job in jobs]


def _results(session: Session, keys: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    """The terms of plans that are there, by job; the plans themselves may be large."""
    objective = PlanningJob.result["plan"]["objective"]
    query = select(PlanningJob.id, objective).where(PlanningJob.id.in_(keys))
    return {row[0]: row[1] for row in session.execute(query)}


def _proposal(job: PlanningJob, figures: Mapping[str, Any]) -> Proposal:
    return Proposal(job=job, asked=NewJob.from_json(job.request), women=figures.get("women"), km=figures.get("km"))
