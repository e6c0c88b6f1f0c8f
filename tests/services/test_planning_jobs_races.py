"""Planners and coordinators at the same instant, on real parallel connections."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary
from mobile_units.models.planning import JobState, PlanningJob
from mobile_units.services import planning_jobs, planning_queue
from mobile_units.services.actors import Actor
from mobile_units.services.planning_queue import ClaimedJob, Order
from tests.factories_planning_jobs import LEASE, NOW, claimed, done, no_jobs, queued, world

ROUNDS = 10
RESULT: dict[str, Any] = {"plan": {}, "current": None}
Act = Callable[[Session], Any]


@pytest.fixture
def actor(engine: Engine) -> Iterator[Actor]:
    """The coordinator of a provider with a unit and two sites, whom every connection sees."""
    no_jobs(engine)
    with db.transaction(engine) as session:
        actor = world(session)
    yield actor
    no_jobs(engine)


def claiming(now: datetime = NOW) -> Act:
    """A planner looks for a job."""
    return lambda session: planning_queue.claim(session, now, LEASE)


def reporting(taken: ClaimedJob, now: datetime = NOW) -> Act:
    """A planner says that it is still there."""
    return lambda session: planning_queue.report(session, taken, now, LEASE, None)


def finishing(taken: ClaimedJob) -> Act:
    """A planner has a result."""
    return lambda session: planning_queue.finish(session, taken, RESULT, NOW)


def cancelling(actor: Actor, job_id: int) -> Act:
    """The coordinator cancels."""
    return lambda session: planning_jobs.cancel(session, actor, job_id, NOW).state


def race(engine: Engine, acts: Sequence[Act]) -> list[Any]:
    """What each of the acts returned, or the code of its refusal; all begin at once."""
    start = Barrier(len(acts))

    def run(act: Act) -> Any:
        try:
            with db.transaction(engine) as session:
                session.execute(select(1))
                start.wait()
                return act(session)
        except DomainError as error:
            return error.code

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_a_job_is_taken_by_one_planner(engine: Engine, actor: Actor) -> None:
    """Of four who look at once; the others go on to the next jobs."""
    for _ in range(ROUNDS):
        no_jobs(engine)
        with db.transaction(engine) as session:
            jobs = {queued(session, actor).id for _ in range(2)}
        taken = race(engine, 4 * [claiming()])
        assert sorted(each.id for each in taken if each) == sorted(jobs)


def test_a_lost_job_is_taken_over_by_one_planner(engine: Engine, actor: Actor) -> None:
    """And by none, if its owner reports just in time."""
    for _ in range(ROUNDS):
        no_jobs(engine)
        with db.transaction(engine) as session:
            queued(session, actor)
            former = claimed(session)
        told, *taken = race(engine, [reporting(former, NOW + LEASE), *3 * [claiming(NOW + LEASE)]])
        owners = [each for each in taken if each]
        assert len(owners) == (0 if told is Order.GO_ON else 1)


def test_a_cancelled_job_has_no_result(engine: Engine, actor: Actor) -> None:
    """Whoever comes first: either it is done and cannot be cancelled, or it ends as cancelled."""
    seen = set()
    for _ in range(ROUNDS):
        no_jobs(engine)
        with db.transaction(engine) as session:
            job_id = queued(session, actor).id
            taken = claimed(session)
        finished, asked = race(engine, [finishing(taken), cancelling(actor, job_id)])
        with db.transaction(engine) as session:
            state = session.get_one(PlanningJob, job_id).state
        assert state is finished
        assert asked == ("planning_job_over" if state is JobState.DONE else JobState.RUNNING)
        seen.add(state)
    assert seen <= {JobState.DONE, JobState.CANCELLED}


def test_a_waiting_job_is_cancelled_or_taken(engine: Engine, actor: Actor) -> None:
    """A planner that takes it at the same instant is told, or finds nothing."""
    for _ in range(ROUNDS):
        no_jobs(engine)
        with db.transaction(engine) as session:
            job_id = queued(session, actor).id
        state, taken = race(engine, [cancelling(actor, job_id), claiming()])
        assert (state is JobState.CANCELLED) == (taken is None)
        if taken:
            assert race(engine, [reporting(taken)]) == [Order.CANCEL]


def test_a_plan_is_accepted_by_one(engine: Engine, actor: Actor) -> None:
    """Of four who accept at once; there is one draft."""
    with db.transaction(engine) as session:
        job_id = done(session, actor, queued(session, actor)).id
    answers = race(engine, 4 * [lambda session: planning_jobs.accept(session, actor, job_id).id])
    assert sorted(map(str, answers))[1:] == 3 * ["planning_job_accepted"]
    with db.transaction(engine) as session:
        made = select(func.count()).select_from(Itinerary).where(Itinerary.provider_id == actor.provider_id)
        assert session.scalar(made) == 1
