"""Planning jobs: asked for by people, worked at by a planner (`services.planning_queue`), accepted by people.

A job plans, or plans what would be if something were different. Its result changes nothing until it is accepted, which
makes a draft of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary
from mobile_units.models.planning import JobKind, JobState, PlanningJob
from mobile_units.planning.problem import Objective, Plan, Problem
from mobile_units.services import planning, planning_queue, what_if
from mobile_units.services.actors import Actor, audit
from mobile_units.services.planning import PlanRequest
from mobile_units.services.planning_queue import OVER, ClaimedJob
from mobile_units.services.queries import Page, Paging, get_owned, page_of
from mobile_units.services.what_if import Question, Solve, WhatIf

Prepare = Callable[[Problem], Problem]
"""Completes a problem by the distances between its places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What is to be planned, and what would be different."""

    plan: PlanRequest
    what_if: WhatIf | None = None

    @property
    def kind(self) -> JobKind:
        """What kind of job it is."""
        return JobKind.PLAN if self.what_if is None else JobKind.WHAT_IF

    def to_json(self) -> dict[str, Any]:
        """The request as the job keeps it."""
        return {
            "plan": self.plan.to_json(),
            "what_if": None if self.what_if is None else self.what_if.to_json(),
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "NewJob":
        """The request that `to_json` gave."""
        supposed = given["what_if"]
        return cls(
            plan=PlanRequest.from_json(given["plan"]),
            what_if=None if supposed is None else WhatIf.from_json(supposed),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """The plan that was made, and the terms of the current one beside which it stands, if there is one."""

    plan: Plan
    current: Objective | None

    def to_json(self) -> dict[str, Any]:
        """The result as the job keeps it."""
        return {
            "plan": planning.plan_to_json(self.plan),
            "current": None if self.current is None else asdict(self.current),
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "JobResult":
        """The result that `to_json` gave."""
        current = given["current"]
        return cls(
            plan=planning.plan_from_json(given["plan"]),
            current=None if current is None else planning.objective_from_json(current),
        )


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are wanted."""

    paging: Paging = Paging()
    kind: JobKind | None = None
    state: JobState | None = None


# people


def queue(session: Session, actor: Actor, command: NewJob) -> PlanningJob:
    """Keeps a job for the next planner that is free; what could never be planned is refused at once.

    Raises:
        DomainError: as `planning.problem_for` and `what_if.apply`.
    """
    _question(session, actor, command)
    job = PlanningJob(
        provider_id=actor.provider_id,
        author_id=actor.user_id,
        kind=command.kind,
        state=JobState.QUEUED,
        request=command.to_json(),
    )
    session.add(job)
    session.flush()
    audit(session, actor, "create", "planning_job", job.id)
    return job


def _question(session: Session, actor: Actor, command: NewJob) -> Question:
    return what_if.ask(session, actor, command.plan, command.what_if or WhatIf())


def find(session: Session, actor: Actor, criteria: JobFilter) -> Page[PlanningJob]:
    """Jobs of the provider, the latest first, without their results."""
    query = select(PlanningJob).where(PlanningJob.provider_id == actor.provider_id)
    if criteria.kind:
        query = query.where(PlanningJob.kind == criteria.kind)
    if criteria.state:
        query = query.where(PlanningJob.state == criteria.state)
    query = query.options(defer(PlanningJob.result, raiseload=True)).order_by(PlanningJob.id.desc())
    return page_of(session, query, criteria.paging)


def get(session: Session, actor: Actor, job_id: int) -> PlanningJob:
    """One job with its result.

    Raises:
        DomainError: `not_found`.
    """
    return get_owned(session, actor, PlanningJob, job_id)


def result_of(job: PlanningJob) -> JobResult | None:
    """What the planner made; None as long as the job is not done."""
    return None if job.result is None else JobResult.from_json(job.result)


def cancel(session: Session, actor: Actor, job_id: int, now: datetime) -> PlanningJob:
    """Ends a job: one that nobody works at ends at once, else its planner ends it when it reports next.

    Raises:
        DomainError: `not_found`; `planning_job_over`.
    """
    job = _locked(session, actor, job_id)
    if job.state in OVER:
        raise DomainError("planning_job_over", state=job.state.value)
    if job.leased_until is None or job.leased_until <= now:
        planning_queue.end(job, JobState.CANCELLED, now)
    job.cancel_requested = True
    audit(session, actor, "cancel", "planning_job", job.id)
    session.flush()
    return job


def _locked(session: Session, actor: Actor, job_id: int) -> PlanningJob:
    query = select(PlanningJob).where(PlanningJob.id == job_id, PlanningJob.provider_id == actor.provider_id)
    locked = query.with_for_update().execution_options(populate_existing=True)
    job = session.scalars(locked).one_or_none()
    if job is None:
        raise DomainError("not_found", what=f"PlanningJob {job_id}")
    return job


def accept(session: Session, actor: Actor, job_id: int) -> Itinerary:
    """Makes a draft of the result, once.

    Raises:
        DomainError: `not_found`; `planning_job_not_done`; `planning_job_accepted`; `unit_does_not_exist`, the plan has
            stops of a unit that was only supposed; else as `planning.keep_plan`.
    """
    job = _locked(session, actor, job_id)
    result = result_of(job)
    if result is None:
        raise DomainError("planning_job_not_done", state=job.state.value)
    if job.itinerary_id is not None:
        raise DomainError("planning_job_accepted", itinerary_id=job.itinerary_id)
    what_if.require_existing(result.plan)
    itinerary = planning.keep_plan(session, actor, NewJob.from_json(job.request).plan, result.plan)
    job.itinerary_id = itinerary.id
    audit(session, actor, "accept", "planning_job", job.id)
    session.flush()
    return itinerary


# planners


def question_of(session: Session, claimed: ClaimedJob) -> Question:
    """What a claimed job asks, by what is known now.

    Raises:
        DomainError: as `queue`; units or sites may have been retired since.
    """
    return _question(session, Actor(claimed.provider_id, claimed.author_id), NewJob.from_json(claimed.request))


def answer(claimed: ClaimedJob, question: Question, prepare: Prepare, solve: Solve) -> JobResult:
    """The result of a job; computes for long, so no transaction may be open.

    Beside a plan for which nothing is supposed there is no other, unless an itinerary is planned anew.
    """
    changed = prepare(question.changed)
    if claimed.kind is JobKind.PLAN and question.current is None:
        return JobResult(plan=solve(changed), current=None)
    prepared = replace(question, changed=changed, problem=prepare(question.problem))
    found = what_if.answer(prepared, solve)
    return JobResult(plan=found.plan, current=found.current)
