"""The queue of planning jobs as those see it who work it off: claim, report, give back, end.

- A claim is a lease. When it runs out, its owner was lost and the job begins anew; `attempts`, which grows with every
  claim, tells the present owner from a former one, whose word no longer counts.
- Whether a lease ran out is told by one clock for all hosts: every `now` is the database's time.
- Nothing but the job's own row is ever locked, and never while a plan is computed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from mobile_units.errors import REFUSALS, DomainError
from mobile_units.models.planning import JobKind, JobState, PlanningJob

LOST_AT_MOST = 3
"""So many workers may be lost over a job; it would take the next ones along as well."""
KEPT = timedelta(days=90)
OVER = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that its claimer alone works at, as long as he reports in time; `author_id` asked for it."""

    id: int
    provider_id: int
    author_id: int | None
    kind: JobKind
    request: Mapping[str, Any]
    attempts: int


class Order(Enum):
    """What the owner of a job is to do next."""

    GO_ON = auto()
    CANCEL = auto()
    LET_GO = auto()
    """The lease was lost: somebody else works at it, or the job is over."""


def _due() -> Select[PlanningJob]:
    """The job whose turn it is: providers with the fewest running jobs first, then the one served longest ago."""
    now: BindParameter[datetime] = bindparam("now")
    other, earlier = aliased(PlanningJob), aliased(PlanningJob)
    running = select(func.count()).where(other.provider_id == PlanningJob.provider_id, other.leased_until > now)
    served = select(func.max(earlier.started_at)).where(earlier.provider_id == PlanningJob.provider_id)
    query = select(PlanningJob).where(or_(PlanningJob.state == JobState.QUEUED, _is_lost(now)))
    order = (running.scalar_subquery(), served.scalar_subquery().nulls_first(), PlanningJob.id)
    query = query.order_by(*order).limit(1).with_for_update(of=PlanningJob, skip_locked=True)
    return query.execution_options(populate_existing=True)


def _is_lost(now: BindParameter[datetime]) -> ColumnElement[bool]:
    return and_(PlanningJob.state == JobState.RUNNING, PlanningJob.leased_until <= now)


_DUE = _due()


def claim(session: Session, now: datetime, lease: timedelta) -> ClaimedJob | None:
    """Takes the job whose turn it is; None if there is none. Commit before working at it.

    A lost job that is to be cancelled, or over which `LOST_AT_MOST` workers were lost, ends here.
    """
    while (job := session.scalars(_DUE, {"now": now}).one_or_none()) is not None:
        if job.cancel_requested:
            end(job, JobState.CANCELLED, now)
        elif job.attempts >= LOST_AT_MOST:
            end(job, JobState.FAILED, now, failure=told(DomainError("planning_interrupted", attempts=job.attempts)))
        else:
            return _leased(session, job, now, lease)
        session.flush()
    return None


def _leased(session: Session, job: PlanningJob, now: datetime, lease: timedelta) -> ClaimedJob:
    job.state, job.started_at, job.leased_until, job.progress = JobState.RUNNING, now, now + lease, None
    job.attempts += 1
    session.flush()
    return ClaimedJob(job.id, job.provider_id, job.author_id, job.kind, job.request, job.attempts)


def end(
    job: PlanningJob,
    state: JobState,
    now: datetime,
    *,
    result: dict[str, Any] | None = None,
    failure: dict[str, Any] | None = None,
) -> None:
    """Ends a job, whose row is locked: a done one has a result, a failed one a failure."""
    job.state, job.ended_at, job.leased_until, job.result, job.failure = state, now, None, result, failure


def report(
    session: Session, claimed: ClaimedJob, now: datetime, lease: timedelta, progress: Mapping[str, Any] | None
) -> Order:
    """Begins the lease anew, keeps the progress and says what to do next."""
    known = {} if progress is None else {"progress": progress}
    renewed = update(PlanningJob).where(*_owned(claimed)).values(leased_until=now + lease, **known)
    cancelled = session.execute(renewed.returning(PlanningJob.cancel_requested)).scalar_one_or_none()
    if cancelled is None:
        return Order.LET_GO
    return Order.CANCEL if cancelled else Order.GO_ON


def _owned(claimed: ClaimedJob) -> tuple[ColumnElement[bool], ...]:
    return (
        PlanningJob.id == claimed.id,
        PlanningJob.state == JobState.RUNNING,
        PlanningJob.attempts == claimed.attempts,
    )


def _locked(session: Session, claimed: ClaimedJob) -> PlanningJob | None:
    query = select(PlanningJob).where(*_owned(claimed)).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def give_back(session: Session, claimed: ClaimedJob, now: datetime) -> None:
    """Queues the job again, because its worker is about to stop; that is not counted as an attempt."""
    job = _locked(session, claimed)
    if job is None:
        return
    if job.cancel_requested:
        end(job, JobState.CANCELLED, now)
    else:
        job.state, job.leased_until, job.progress, job.attempts = JobState.QUEUED, None, None, job.attempts - 1
    session.flush()


def finish(session: Session, claimed: ClaimedJob, result: dict[str, Any], now: datetime) -> JobState | None:
    """Keeps the result, unless the job was cancelled meanwhile; how it ended, or None if the lease was lost."""
    job = _locked(session, claimed)
    if job is None:
        return None
    if job.cancel_requested:
        end(job, JobState.CANCELLED, now)
    else:
        end(job, JobState.DONE, now, result=result)
    session.flush()
    return job.state


def cancelled(session: Session, claimed: ClaimedJob, now: datetime) -> None:
    """Notes that the work at a cancelled job ended."""
    if (job := _locked(session, claimed)) is not None:
        end(job, JobState.CANCELLED, now)
        session.flush()


def fail(session: Session, claimed: ClaimedJob, refusal: DomainError, now: datetime) -> None:
    """Ends the job with a refusal, unless it was cancelled meanwhile."""
    job = _locked(session, claimed)
    if job is None:
        return
    if job.cancel_requested:
        end(job, JobState.CANCELLED, now)
    else:
        end(job, JobState.FAILED, now, failure=told(refusal))
    session.flush()


def told(refusal: DomainError) -> dict[str, Any]:
    """A refusal as it is kept."""
    return {"code": refusal.code, "facts": json.loads(json.dumps(refusal.facts, default=str))}


def refusal_of(job: PlanningJob) -> DomainError | None:
    """Why the job failed; a code that this program no longer knows is told as `planning_failed`."""
    if job.failure is None:
        return None
    if job.failure["code"] not in REFUSALS:
        return DomainError("planning_failed", job_id=job.id)
    return DomainError(job.failure["code"], **job.failure["facts"])


def forget(session: Session, now: datetime) -> int:
    """Removes jobs that ended more than `KEPT` ago, and says how many; itineraries made of them stay."""
    old = delete(PlanningJob).where(PlanningJob.state.in_(OVER), PlanningJob.ended_at < now - KEPT)
    return len(session.scalars(old.returning(PlanningJob.id)).all())
