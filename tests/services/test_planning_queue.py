"""The queue of planning jobs as planners see it: leases, attempts, fairness, and how jobs end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.planning import JobState, PlanningJob
from mobile_units.services import planning_jobs, planning_queue
from mobile_units.services.actors import Actor
from mobile_units.services.planning_queue import KEPT, LOST_AT_MOST, ClaimedJob, Order
from tests.factories_planning_jobs import LEASE, NOW, claimed, done, queued, world

SECOND = timedelta(seconds=1)
PROGRESS = {"seconds": 1.0, "value": 5.0}
RESULT: dict[str, Any] = {"plan": {}, "current": None}


@pytest.fixture
def actor(session: Session) -> Actor:
    """The coordinator of a provider with a unit and two sites; nobody else asked for anything."""
    session.execute(delete(PlanningJob))
    return world(session)


def test_a_claimed_job_is_leased(session: Session, actor: Actor) -> None:
    """To one planner, who counts as an attempt; then there is no other job."""
    job = queued(session, actor)
    taken = claimed(session)
    assert (taken.id, taken.provider_id, taken.author_id, taken.attempts) == (
        job.id,
        actor.provider_id,
        actor.user_id,
        1,
    )
    assert (job.state, job.started_at, job.leased_until) == (JobState.RUNNING, NOW, NOW + LEASE)
    assert planning_queue.claim(session, NOW + LEASE - SECOND, LEASE) is None


def test_a_lost_job_begins_anew(session: Session, actor: Actor) -> None:
    """Its former owner is told so and can neither keep a result nor end it."""
    job = queued(session, actor)
    former = claimed(session)
    planning_queue.report(session, former, NOW + SECOND, LEASE, PROGRESS)
    later = NOW + SECOND + LEASE
    present = claimed(session, later)
    assert (present.id, present.attempts, job.progress) == (job.id, 2, None)
    assert planning_queue.report(session, former, later, LEASE, PROGRESS) is Order.LET_GO
    assert planning_queue.finish(session, former, RESULT, later) is None
    planning_queue.fail(session, former, DomainError("planner_failed"), later)
    planning_queue.cancelled(session, former, later)
    planning_queue.give_back(session, former, later)
    session.refresh(job)
    assert (job.state, job.attempts, job.progress, job.leased_until) == (JobState.RUNNING, 2, None, later + LEASE)


def test_a_job_over_which_workers_are_lost_fails(session: Session, actor: Actor) -> None:
    """After three of them nobody tries again, and the reason is told."""
    job = queued(session, actor)
    now = NOW
    for attempt in range(1, LOST_AT_MOST + 1):
        assert claimed(session, now).attempts == attempt
        now += LEASE
    assert planning_queue.claim(session, now, LEASE) is None
    refusal = planning_queue.refusal_of(job)
    assert (job.state, job.ended_at) == (JobState.FAILED, now)
    assert refusal is not None
    assert (refusal.code, "3" in refusal.sentence("pl")) == ("planning_interrupted", True)


def test_a_lost_job_that_was_to_be_cancelled_is_not_begun_anew(session: Session, actor: Actor) -> None:
    """It ends; the next one is taken."""
    job, following = queued(session, actor), queued(session, actor)
    claimed(session)
    planning_jobs.cancel(session, actor, job.id, NOW)
    assert claimed(session, NOW + LEASE).id == following.id
    assert job.state is JobState.CANCELLED


def test_a_report_renews_the_lease(session: Session, actor: Actor) -> None:
    """And keeps the progress; None leaves it as it is."""
    job = queued(session, actor)
    taken = claimed(session)
    assert planning_queue.report(session, taken, NOW + SECOND, LEASE, PROGRESS) is Order.GO_ON
    assert planning_queue.report(session, taken, NOW + 2 * SECOND, LEASE, None) is Order.GO_ON
    session.refresh(job)
    assert (job.progress, job.leased_until) == (PROGRESS, NOW + 2 * SECOND + LEASE)


def test_a_cancelled_job_ends_when_its_planner_sees_it(session: Session, actor: Actor) -> None:
    """What it has found until then is not kept, whether it ended by itself or not."""
    ends: list[Callable[[ClaimedJob], object]] = [
        lambda taken: planning_queue.cancelled(session, taken, NOW),
        lambda taken: planning_queue.finish(session, taken, RESULT, NOW),
        lambda taken: planning_queue.fail(session, taken, DomainError("planner_failed"), NOW),
        lambda taken: planning_queue.give_back(session, taken, NOW),
    ]
    for end in ends:
        job = queued(session, actor)
        taken = claimed(session)
        planning_jobs.cancel(session, actor, job.id, NOW)
        assert planning_queue.report(session, taken, NOW, LEASE, PROGRESS) is Order.CANCEL
        end(taken)
        assert (job.state, job.result, job.failure, job.leased_until) == (JobState.CANCELLED, None, None, None)


def test_a_job_that_is_given_back_waits_again(session: Session, actor: Actor) -> None:
    """As if it had never been taken, however often."""
    job = queued(session, actor)
    for _ in range(LOST_AT_MOST + 1):
        taken = claimed(session)
        planning_queue.report(session, taken, NOW, LEASE, PROGRESS)
        planning_queue.give_back(session, taken, NOW)
        assert (job.state, job.attempts, job.progress) == (JobState.QUEUED, 0, None)
        assert planning_queue.report(session, taken, NOW, LEASE, PROGRESS) is Order.LET_GO


def test_a_failed_job_tells_why(session: Session, actor: Actor) -> None:
    """By the refusal with its facts; one that this program does not know any more is told in general."""
    job = queued(session, actor)
    planning_queue.fail(session, claimed(session), DomainError("out_of_use", what="Mammobus"), NOW)
    refusal = planning_queue.refusal_of(job)
    assert refusal is not None
    assert (refusal.code, "Mammobus" in refusal.sentence("pl")) == ("out_of_use", True)
    session.execute(update(PlanningJob).values(failure={"code": "of_old", "facts": {"x": 1}}))
    session.refresh(job)
    refusal = planning_queue.refusal_of(job)
    assert refusal is not None
    assert (refusal.code, str(job.id) in refusal.way_out("en")) == ("planning_failed", True)
    assert planning_queue.refusal_of(queued(session, actor)) is None


def test_one_provider_does_not_keep_the_others_waiting(session: Session, actor: Actor) -> None:
    """First those without a running job, then those served longest ago; within a provider in order."""
    other = world(session)
    mine = [queued(session, actor).id for _ in range(4)]
    theirs = [queued(session, other).id for _ in range(2)]
    taken = [claimed(session, NOW + n * SECOND) for n in range(3)]
    assert [each.id for each in taken] == [mine[0], theirs[0], mine[1]]
    planning_queue.finish(session, taken[0], RESULT, NOW + 3 * SECOND)
    planning_queue.finish(session, taken[1], RESULT, NOW + 3 * SECOND)
    assert claimed(session, NOW + 4 * SECOND).id == theirs[1]
    assert claimed(session, NOW + 5 * SECOND).id == mine[2]


def test_after_a_job_another_provider_comes_first(session: Session, actor: Actor) -> None:
    """With a single planner the providers take turns, though one asked for much before the other."""
    other = world(session)
    mine = [queued(session, actor).id for _ in range(3)]
    theirs = [queued(session, other).id for _ in range(2)]
    order = []
    for n in range(5):
        taken = claimed(session, NOW + n * SECOND)
        order.append(taken.id)
        planning_queue.finish(session, taken, RESULT, NOW + n * SECOND)
    assert order == [mine[0], theirs[0], mine[1], theirs[1], mine[2]]


def test_a_long_job_does_not_make_its_provider_the_next(session: Session, actor: Actor) -> None:
    """It was served longest ago, and it is still served."""
    other = world(session)
    mine, theirs = ([queued(session, each).id for _ in range(2)] for each in (actor, other))
    assert claimed(session).id == mine[0]
    taken = claimed(session, NOW + SECOND)
    planning_queue.finish(session, taken, RESULT, NOW + 2 * SECOND)
    assert [taken.id, claimed(session, NOW + 3 * SECOND).id] == theirs


def test_old_results_are_forgotten(session: Session, actor: Actor) -> None:
    """Ninety days after the end; the draft that was made of one stays, and so does what is not over."""
    job = done(session, actor, queued(session, actor))
    made = planning_jobs.accept(session, actor, job.id)
    waiting = queued(session, actor)
    assert job.ended_at is not None
    assert planning_queue.forget(session, job.ended_at + KEPT) == 0
    assert planning_queue.forget(session, job.ended_at + KEPT + SECOND) == 1
    session.expire_all()
    assert session.get(PlanningJob, job.id) is None
    assert session.get(PlanningJob, waiting.id) is not None
    assert session.get(type(made), made.id) is not None
