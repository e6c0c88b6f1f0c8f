"""Planning jobs as coordinators see them: asked for, followed, cancelled, accepted once."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from mobile_units.models.audit import AuditEntry
from mobile_units.models.itineraries import ItineraryStatus
from mobile_units.models.planning import JobKind, JobState, PlanningJob
from mobile_units.models.units import MobileUnit
from mobile_units.planning.problem import Plan, Problem, Weights
from mobile_units.services import itineraries, planning_jobs, planning_queue
from mobile_units.services.actors import Actor
from mobile_units.services.planning_jobs import JobFilter, JobResult, NewJob
from mobile_units.services.queries import Paging
from mobile_units.services.what_if import OtherUnit, WhatIf
from tests import factories, factories_planning
from tests.factories_planning_jobs import LEASE, NOW, REQUEST, claimed, done, planned, queued, world
from tests.statements import counted, refused

HEAVY = Weights(km_per_woman=1.0)


@pytest.fixture
def actor(session: Session) -> Actor:
    """The coordinator of a provider with a unit and two sites; nobody else asked for anything."""
    session.execute(delete(PlanningJob))
    return world(session)


def unit_of(session: Session, actor: Actor) -> MobileUnit:
    """The provider's unit."""
    return session.scalars(select(MobileUnit).where(MobileUnit.provider_id == actor.provider_id)).one()


def test_a_job_is_kept_as_it_was_asked_for(session: Session, actor: Actor) -> None:
    """With all that was asked, its author, and a trace; nothing is planned yet."""
    job = queued(session, actor, weights=HEAVY, unit_ids=(unit_of(session, actor).id,))
    session.expire_all()
    read = planning_jobs.get(session, actor, job.id)
    asked = replace(REQUEST, weights=HEAVY, unit_ids=(unit_of(session, actor).id,))
    assert NewJob.from_json(read.request) == NewJob(plan=asked)
    assert (read.kind, read.state, read.author_id) == (JobKind.PLAN, JobState.QUEUED, actor.user_id)
    assert (read.attempts, read.progress, read.result, read.cancel_requested) == (0, None, None, False)
    traces = select(AuditEntry.action).where(AuditEntry.subject == "planning_job", AuditEntry.subject_id == job.id)
    assert session.scalars(traces).all() == ["create"]


def test_what_is_supposed_is_kept_with_the_job(session: Session, actor: Actor) -> None:
    """A job that asks what would be is of its own kind."""
    supposed = WhatIf(units=(OtherUnit(unit_id=unit_of(session, actor).id, added_as="Drugi"),), weights=HEAVY)
    job = queued(session, actor, supposed)
    assert (job.kind, NewJob.from_json(job.request).what_if) == (JobKind.WHAT_IF, supposed)


@pytest.mark.parametrize(
    ("changes", "supposed", "code"),
    [
        ({"last_day": date(2027, 2, 1)}, None, "ends_before_start"),
        ({"last_day": date(2029, 2, 1)}, None, "period_too_long"),
        ({"unit_ids": (2**60,)}, None, "not_found"),
        ({"site_ids": (2**60,)}, None, "not_found"),
        ({"itinerary_id": 2**60}, None, "not_found"),
        ({}, WhatIf(left_out=(2**60,)), "not_found"),
    ],
)
def test_what_can_never_be_planned_is_refused_at_once(
    session: Session, actor: Actor, changes: dict[str, Any], supposed: WhatIf | None, code: str
) -> None:
    """No job is kept."""
    with refused(code):
        queued(session, actor, supposed, **changes)
    assert planning_jobs.find(session, actor, JobFilter()).total == 0


def test_without_units_nothing_is_queued(session: Session) -> None:
    """Nor without women who are due."""
    empty = Actor(factories.provider(session).id)
    with refused("nothing_to_plan"):
        queued(session, empty)
    factories_planning.unit(session, empty.provider_id)
    with refused("nothing_to_plan"):
        queued(session, empty)


def test_jobs_are_listed_without_their_results(session: Session, actor: Actor) -> None:
    """The latest first, by kind and state, page by page; a result is not even read."""
    first = done(session, actor, queued(session, actor))
    second = queued(session, actor, WhatIf(weights=HEAVY))
    session.expire_all()
    page = planning_jobs.find(session, actor, JobFilter())
    assert [job.id for job in page.items] == [second.id, first.id]
    session.expunge_all()
    listed = planning_jobs.find(session, actor, JobFilter(Paging(2, 1)))
    assert ([job.id for job in listed.items], listed.total) == ([first.id], 2)
    with pytest.raises(InvalidRequestError):
        assert listed.items[0].result
    for criteria, wanted in (
        (JobFilter(state=JobState.DONE), [first.id]),
        (JobFilter(kind=JobKind.WHAT_IF), [second.id]),
        (JobFilter(kind=JobKind.PLAN, state=JobState.QUEUED), []),
    ):
        assert [job.id for job in planning_jobs.find(session, actor, criteria).items] == wanted


def test_a_job_is_read_by_one_statement(session: Session, actor: Actor) -> None:
    """It is asked for once a second."""
    job_id = queued(session, actor).id
    session.expunge_all()
    with counted(session.connection()) as statements:
        planning_jobs.get(session, actor, job_id)
    assert len(statements) == 1


def test_another_provider_knows_nothing_of_it(session: Session, actor: Actor) -> None:
    """It neither reads nor cancels nor accepts it."""
    job = done(session, actor, queued(session, actor))
    stranger = Actor(factories.provider(session).id)
    assert planning_jobs.find(session, stranger, JobFilter()).total == 0
    for call in (
        lambda: planning_jobs.get(session, stranger, job.id),
        lambda: planning_jobs.cancel(session, stranger, job.id, NOW),
        lambda: planning_jobs.accept(session, stranger, job.id),
    ):
        with refused("not_found"):
            call()


# cancelling


def test_a_waiting_job_is_cancelled_at_once(session: Session, actor: Actor) -> None:
    """Nobody takes it then, and it is over."""
    job = planning_jobs.cancel(session, actor, queued(session, actor).id, NOW)
    assert (job.state, job.ended_at) == (JobState.CANCELLED, NOW)
    assert planning_queue.claim(session, NOW, LEASE) is None
    with refused("planning_job_over"):
        planning_jobs.cancel(session, actor, job.id, NOW)


def test_a_running_job_is_asked_to_end(session: Session, actor: Actor) -> None:
    """Its planner ends it; asking twice does no harm."""
    job = queued(session, actor)
    claimed(session)
    for _ in range(2):
        asked = planning_jobs.cancel(session, actor, job.id, NOW)
        assert (asked.state, asked.cancel_requested) == (JobState.RUNNING, True)


def test_a_job_whose_planner_was_lost_is_cancelled_at_once(session: Session, actor: Actor) -> None:
    """Nobody would see the request."""
    job = queued(session, actor)
    claimed(session)
    cancelled = planning_jobs.cancel(session, actor, job.id, NOW + LEASE)
    assert (cancelled.state, cancelled.leased_until) == (JobState.CANCELLED, None)


# results


def test_a_plan_stands_alone(session: Session, actor: Actor) -> None:
    """Without an itinerary to plan anew there is nothing to compare it with, and it is planned once."""
    job = done(session, actor, queued(session, actor))
    result = planning_jobs.result_of(job)
    assert result is not None
    assert result.current is None
    assert (result.plan.solver, result.plan.seed, len(result.plan.stops)) == ("stand-in", 7, 1)
    assert JobResult.from_json(result.to_json()) == result


def test_an_itinerary_planned_anew_stands_beside_the_plan(session: Session, actor: Actor) -> None:
    """The terms of its stops, by the weights of the plan."""
    itinerary = factories_planning.draft_with_stop(session, actor, unit_of(session, actor), women=12)
    job = done(session, actor, queued(session, actor, itinerary_id=itinerary.id, weights=HEAVY))
    result = planning_jobs.result_of(job)
    assert result is not None
    assert result.current is not None
    assert (result.current.women, result.current.weights) == (12, HEAVY)


def test_what_would_be_stands_beside_what_is(session: Session, actor: Actor) -> None:
    """Without an itinerary, the plan of the problem as it is; both with the distances that were prepared."""
    queued(session, actor, WhatIf(weights=HEAVY))
    taken = claimed(session)
    prepared: list[Problem] = []

    def prepare(problem: Problem) -> Problem:
        prepared.append(problem)
        return replace(problem, sites=problem.sites[:1])

    def solve(problem: Problem) -> Plan:
        assert len(problem.sites) == 1
        return planned(problem, women=20 if problem.weights == HEAVY else 10)

    result = planning_jobs.answer(taken, planning_jobs.question_of(session, taken), prepare, solve)
    assert result.current is not None
    assert (result.plan.women, result.current.women, result.current.weights) == (20, 10, HEAVY)
    assert len(prepared) == 2


# accepting


def test_a_plan_is_accepted_once(session: Session, actor: Actor) -> None:
    """It becomes a draft with the stops and terms of the plan; the job knows it."""
    job = done(session, actor, queued(session, actor))
    made = planning_jobs.accept(session, actor, job.id)
    read = itineraries.get(session, actor, made.id)
    assert (read.status, read.name, read.first_day) == (ItineraryStatus.DRAFT, REQUEST.name, REQUEST.first_day)
    assert [(stop.women_planned, len(stop.days)) for stop in read.stops] == [(10, 1)]
    assert (read.planning["solver"], read.planning["seed"]) == ("stand-in", 7)
    assert job.itinerary_id == made.id
    with refused("planning_job_accepted"):
        planning_jobs.accept(session, actor, job.id)


def test_only_a_plan_that_is_there_is_accepted(session: Session, actor: Actor) -> None:
    """Not of a job that waits, runs, or was cancelled."""
    job = queued(session, actor)
    with refused("planning_job_not_done"):
        planning_jobs.accept(session, actor, job.id)
    claimed(session)
    with refused("planning_job_not_done"):
        planning_jobs.accept(session, actor, job.id)
    planning_jobs.cancel(session, actor, job.id, NOW + LEASE)
    with refused("planning_job_not_done"):
        planning_jobs.accept(session, actor, job.id)


def test_a_plan_of_a_unit_that_is_only_supposed_is_not_accepted(session: Session, actor: Actor) -> None:
    """It can be read, not carried out."""
    unit = unit_of(session, actor)
    supposed = WhatIf(units=(OtherUnit(unit_id=unit.id, added_as="Drugi"),), left_out=(unit.id,))
    job = done(session, actor, queued(session, actor, supposed))
    with refused("unit_does_not_exist"):
        planning_jobs.accept(session, actor, job.id)
    assert job.itinerary_id is None


def test_a_job_asks_by_what_is_known_when_it_is_done(session: Session, actor: Actor) -> None:
    """A unit that was retired meanwhile is refused then."""
    unit = unit_of(session, actor)
    queued(session, actor, unit_ids=(unit.id,))
    unit.active = False
    session.flush()
    taken = claimed(session, NOW + timedelta(seconds=1))
    with refused("out_of_use"):
        planning_jobs.question_of(session, taken)
