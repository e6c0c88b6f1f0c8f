"""The whole job, step by step; a step that was done before is found done, so that a broken run can be repeated."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import Engine, Select, func, select
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.config import Settings
from mobile_units.demo import bookings, examples, sample
from mobile_units.demo.progress import Progress
from mobile_units.models.itineraries import Itinerary, ItineraryStatus
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.sites import Site
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import MessageState
from mobile_units.models.units import MobileUnit
from mobile_units.models.visits import Visit
from mobile_units.planning.distances import distances_from
from mobile_units.planning.problem import Distances
from mobile_units.rules.calendar import first_working_day_after, quarter_from
from mobile_units.services import itineraries, planning, publishing, reports, transmissions, versions
from mobile_units.services.actors import Actor
from mobile_units.services.planning import PlanRequest
from mobile_units.services.reports import ReportPeriod


@dataclass(frozen=True, slots=True)
class Wanted:
    """How large the demonstration is: the sites (CSV), women to book, booking processes, seconds for planning.

    With `examples` the diary goes through what it otherwise goes through in weeks (`demo.examples`).
    """

    sites: bytes
    women: int = 400
    processes: int = 4
    plan_seconds: float = 5.0
    examples: bool = True


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the job."""

    settings: Settings
    engine: Engine
    wanted: Wanted
    today: date
    progress: Progress


def run(job: Run, passwords: dict[str, str], watch: Callable[[], None]) -> dict[str, Any]:
    """Does what is not done yet and returns the figures of the whole.

    The worker has to run meanwhile; `watch` is called while it is waited for, and raises if it is not there any more.

    Raises:
        DomainError, RuntimeError: a step could not be done.
    """
    started = time.monotonic()
    job.progress.step("sample of real places, a fictitious provider")
    with db.transaction(job.engine) as session:
        actor = sample.load(session, job.wanted.sites, passwords, job.today)
    itinerary_id = _plan(job, actor)
    _publish(job, actor, itinerary_id)
    _wait_for_handover(job, actor, "hand-over of places, points, schedules and slots", watch)
    _book(job, actor)
    _wait_for_handover(job, actor, "hand-over of visits", watch)
    if job.wanted.examples:
        job.progress.step("examples: templates, a waiting list, a lost day, a bulk move")
        with db.transaction(job.engine) as session:
            examples.show(session, actor, itinerary_id, clock.now())
        _wait_for_handover(job, actor, "hand-over of the examples", watch)
    with db.transaction(job.engine) as session:
        return _figures(session, actor, itinerary_id) | {"seconds": round(time.monotonic() - started, 1)}


def _plan(job: Run, actor: Actor) -> int:
    """The itinerary of the quarter that starts on the first working day after today; a known one is kept."""
    with db.transaction(job.engine) as session:
        known = session.scalars(_itineraries(actor)).first()
        if known:
            return known.id
        first_day, last_day = quarter_from(first_working_day_after(job.today))
        request = PlanRequest(
            name=f"Kwartał od {first_day.day}.{first_day:%m.%Y}",
            first_day=first_day,
            last_day=last_day,
            seconds=job.wanted.plan_seconds,
        )
        problem = planning.problem_for(session, actor, request)
    job.progress.step(f"plan of {len(problem.units)} units and {len(problem.sites)} sites, {first_day} to {last_day}")
    memory_bytes = job.settings.planning_memory_bytes
    measured = planning.with_distances(problem, _distances(job.settings), memory_bytes=memory_bytes)
    plan = planning.propose(measured, request, memory_bytes=memory_bytes)
    with db.transaction(job.engine) as session:
        return planning.keep_plan(session, actor, request, plan).id


def _distances(settings: Settings) -> Distances:
    return distances_from(settings.osrm_url, settings.osrm_table_size, settings.distances_folder)


def _itineraries(actor: Actor) -> Select[Itinerary]:
    living = Itinerary.status.not_in([ItineraryStatus.SUPERSEDED, ItineraryStatus.DISCARDED])
    return select(Itinerary).where(Itinerary.provider_id == actor.provider_id, living).order_by(Itinerary.id)


def _publish(job: Run, actor: Actor, itinerary_id: int) -> None:
    """Approves and publishes the itinerary and, for the same days, the stationary places."""
    with db.transaction(job.engine) as session:
        itinerary = itineraries.get(session, actor, itinerary_id)
        if itinerary.status is ItineraryStatus.PUBLISHED:
            return
        job.progress.step(f"publication of {len(itinerary.stops)} stops")
        if itinerary.status is ItineraryStatus.DRAFT:
            versions.approve(session, actor, itinerary.id, itinerary.version, clock.now())
        publishing.publish(session, actor, itinerary.id, itinerary.version, clock.now())
        publishing.open_all_stationary(session, actor, itinerary.first_day, itinerary.last_day)


def _book(job: Run, actor: Actor) -> None:
    with db.transaction(job.engine) as session:
        known = _count(session, Visit, actor)
    if known >= job.wanted.women:
        return
    title = f"bookings by {job.wanted.processes} processes at once"
    booked = bookings.book_all(job.settings, actor, job.wanted.women, job.wanted.processes, job.today)
    job.progress.count(title, job.wanted.women, booked)


def _wait_for_handover(job: Run, actor: Actor, title: str, watch: Callable[[], None]) -> None:
    """Waits until the worker has nothing of the provider left that it could deliver."""
    summary = _handover(job, actor)
    job.progress.count(title, _open(summary), _deliveries(job, actor, _open(summary), watch))


def _handover(job: Run, actor: Actor) -> transmissions.TransmissionSummary:
    with db.transaction(job.engine) as session:
        return transmissions.summary(session, actor)


def _open(summary: transmissions.TransmissionSummary) -> int:
    return summary.states[MessageState.PENDING] + summary.states[MessageState.IN_PROGRESS]


def _deliveries(job: Run, actor: Actor, left: int, watch: Callable[[], None]) -> Iterator[int]:
    """How many more messages are done, again and again, until none is left or a rejected one holds up the rest."""
    while left:
        time.sleep(0.1)
        watch()
        summary = _handover(job, actor)
        now_left = _open(summary)
        yield left - now_left
        left = now_left
        if summary.states[MessageState.REJECTED] and left == summary.blocked:
            return


def _count(session: Session, entity: type[Any], actor: Actor) -> int:
    query = select(func.count()).select_from(entity).where(entity.provider_id == actor.provider_id)
    return session.scalar(query) or 0


def _figures(session: Session, actor: Actor, itinerary_id: int) -> dict[str, Any]:
    itinerary = itineraries.get(session, actor, itinerary_id)
    own_slots = select(func.count()).select_from(Slot).join(Slot.schedule)
    period = ReportPeriod(itinerary.first_day, itinerary.last_day)
    return {
        "sites": _count(session, Site, actor),
        "units": _count(session, MobileUnit, actor),
        "from": itinerary.first_day.isoformat(),
        "to": itinerary.last_day.isoformat(),
        "stops": len(itinerary.stops),
        "women_planned": sum(stop.women_planned for stop in itinerary.stops),
        "km": itinerary.planning["objective"]["km"],
        "plan_seconds": itinerary.planning["seconds"],
        "mobile_points": _count(session, MobilePoint, actor),
        "schedules": _count(session, Schedule, actor),
        "slots": session.scalar(own_slots.where(Schedule.provider_id == actor.provider_id)),
        "visits": _count(session, Visit, actor),
        "messages": {state.value: count for state, count in transmissions.summary(session, actor).states.items()},
        "diary": examples.figures(session, actor),
        "report": [asdict(row) for row in reports.contract_ranges(session, actor, period, clock.today())],
    }


def is_complete(figures: dict[str, Any]) -> bool:
    """Whether every message was accepted and every visit passed."""
    undone = sum(count for state, count in figures["messages"].items() if state != MessageState.ACCEPTED)
    return undone == 0 and all(row["not_passed"] == 0 for row in figures["report"])
