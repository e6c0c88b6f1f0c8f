"""Planning jobs, and what stands in for the solver."""

import os
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.models.planning import PlanningJob
from mobile_units.planning.check import terms
from mobile_units.planning.problem import Plan, PlannedStop, Problem, Progress, Unserved
from mobile_units.planning.process import Report
from mobile_units.rules.programmes import Programme
from mobile_units.services import planning_jobs, planning_queue
from mobile_units.services.actors import Actor
from mobile_units.services.planning import PlanRequest
from mobile_units.services.planning_jobs import NewJob
from mobile_units.services.planning_queue import ClaimedJob
from mobile_units.services.what_if import WhatIf
from tests import factories, factories_planning
from tests.factories_planning import FIRST, LAST

NOW = datetime(2027, 2, 1, 9, tzinfo=UTC)
LEASE = timedelta(seconds=30)
REQUEST = PlanRequest(name="Wiosna", first_day=FIRST, last_day=LAST, seconds=5.0, seed=7)


def planned(problem: Problem, seed: int = 7, women: int = 10) -> Plan:
    """A plan of one stop: the first unit on its first day at the first site; the last site is left out."""
    unit, site = problem.units[0], problem.sites[0]
    stops = (*problem.fixed, PlannedStop(unit.id, site.id, (problem.working_days(unit)[0],), women))
    left = Unserved(problem.sites[-1].id, "too_far", "too far", "za daleko", Programme.BREAST)
    return Plan(
        stops=stops,
        unserved=(left,),
        objective=terms(problem, stops),
        seconds=0.5,
        solver="stand-in",
        seed=seed,
        iterations=3,
    )


def world(session: Session) -> Actor:
    """A provider with a unit and two sites, whose coordinator acts."""
    provider_id = factories.provider(session).id
    factories_planning.unit(session, provider_id)
    for _ in range(2):
        factories_planning.site(session, provider_id)
    return Actor(provider_id, factories.user(session, provider_id).id)


def queued(session: Session, actor: Actor, what_if: WhatIf | None = None, **changes: object) -> PlanningJob:
    """A job that waits."""
    request = replace(REQUEST, **changes)  # type: ignore[arg-type]  # fields of the request
    return planning_jobs.queue(session, actor, NewJob(plan=request, what_if=what_if))


def claimed(session: Session, now: datetime = NOW) -> ClaimedJob:
    """A job that a planner took."""
    found = planning_queue.claim(session, now, LEASE)
    assert found is not None
    return found


def done(session: Session, actor: Actor, job: PlanningJob) -> PlanningJob:
    """The job, once its planner kept the plan of the stand-in; no other may wait."""
    taken = claimed(session)
    assert taken.id == job.id
    question = planning_jobs.question_of(session, taken)
    result = planning_jobs.answer(taken, question, lambda problem: problem, planned)
    planning_queue.finish(session, taken, result.to_json(), NOW + timedelta(seconds=5))
    return planning_jobs.get(session, actor, job.id)


def no_jobs(engine: Engine) -> None:
    """Forgets the jobs of other tests."""
    with db.transaction(engine) as session:
        session.execute(delete(PlanningJob))


@dataclass
class ScriptedSolver:
    """Plays the child process: reports `reports` times, every `pause` seconds, then raises or answers.

    It waits for `may_end`; `begun` is set at the first report.
    """

    begun: Event
    may_end: Event
    pause: float = 0.02
    error: Exception | None = None
    problems: list[Problem] | None = None

    @classmethod
    def free(cls, error: Exception | None = None) -> "ScriptedSolver":
        """One that ends at once."""
        made = cls(Event(), Event(), error=error)
        made.may_end.set()
        return made

    def __call__(self, problem: Problem, *, seconds: float, seed: int, progress: Report, memory_bytes: int) -> Plan:
        """Solves in its way."""
        assert (seconds, seed) == (REQUEST.seconds, REQUEST.seed)
        assert memory_bytes
        self.problems = [*(self.problems or []), problem]
        iterations = 0
        while True:
            progress(Progress(iterations * self.pause, iterations, iterations, 2.0 * iterations, 1.0 * iterations))
            self.begun.set()
            iterations += 1
            if self.may_end.is_set():
                break
            time.sleep(self.pause)
        if self.error is not None:
            raise self.error
        return planned(problem, seed)


def search(folder: Path, problem: Problem, seconds: float, seed: int, report: Report) -> Plan:
    """What a child does in place of the solver: it leaves its process id and searches until there is a file `go`."""
    (folder / f"{os.getpid()}.child").touch()
    iterations = 0
    while not (folder / "go").exists():
        iterations += 1
        report(Progress(0.0, iterations, 10, 100.0, float(iterations)))
        time.sleep(0.05)
    return planned(problem, seed)
