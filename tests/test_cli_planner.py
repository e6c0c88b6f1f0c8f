"""The planner within a worker: what it does with each outcome, and that no job is lost whatever is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import psutil
import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from mobile_units import clock, db
from mobile_units.cli import planner as module
from mobile_units.cli.planner import CURVE_POINTS, Curve, Planner, planner_of
from mobile_units.config import Settings
from mobile_units.errors import DomainError
from mobile_units.models.planning import JobState, PlanningJob
from mobile_units.models.units import MobileUnit
from mobile_units.planning.problem import Matrix, Plan, Problem, Progress, Weights
from mobile_units.services import planning, planning_jobs, planning_queue
from mobile_units.services.actors import Actor
from mobile_units.services.what_if import WhatIf
from tests.environment import environment
from tests.factories_planning_jobs import REQUEST, ScriptedSolver, no_jobs, planned, queued, world

MEMORY_BYTES = 1024**3
PATIENCE = 20.0
UNTIL_COMPILED = 300.0
"""The first search on a machine compiles the solver."""


@pytest.fixture(autouse=True)
def frequent_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every word of a child is told at once."""
    monkeypatch.setattr(module, "REPORT_SECONDS", 0.0)


@pytest.fixture
def actor(engine: Engine) -> Iterator[Actor]:
    """The coordinator of a provider with a unit and two sites."""
    no_jobs(engine)
    with db.transaction(engine) as session:
        actor = world(session)
    yield actor
    no_jobs(engine)


@pytest.fixture
def job(engine: Engine, actor: Actor) -> int:
    """A job that waits."""
    return ask(engine, actor)


def ask(engine: Engine, actor: Actor, what_if: WhatIf | None = None) -> int:
    """Queues a job."""
    with db.transaction(engine) as session:
        return queued(session, actor, what_if).id


def read(engine: Engine, job_id: int) -> PlanningJob:
    """The job as it is now."""
    with db.transaction(engine) as session:
        return session.get_one(PlanningJob, job_id)


def wait_for(happened: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What becomes true soon."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := happened():
            return value
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def failure(engine: Engine, job_id: int) -> str:
    """The code of a failed job."""
    refusal = planning_queue.refusal_of(read(engine, job_id))
    assert refusal is not None
    return refusal.code


def unreachable() -> OperationalError:
    """What a statement raises while the database is away."""
    return OperationalError("SELECT 1", {}, Exception("gone"))


@contextmanager
def at_work(engine: Engine, solver: ScriptedSolver) -> Iterator[tuple[Planner, Thread]]:
    """A planner in the middle of a job."""
    planner = Planner(engine, MEMORY_BYTES, solve=solver)
    thread = Thread(target=planner.plan_next)
    thread.start()
    try:
        assert solver.begun.wait(PATIENCE)
        yield planner, thread
    finally:
        solver.may_end.set()
        thread.join()


# outcomes


def test_a_job_is_done(engine: Engine, job: int) -> None:
    """Its plan is kept, with the seed that was asked for; then there is nothing to do."""
    planner = Planner(engine, MEMORY_BYTES, solve=ScriptedSolver.free())
    assert planner.plan_next() is True
    found = read(engine, job)
    result = planning_jobs.result_of(found)
    assert result is not None
    assert (found.state, found.attempts, result.plan.seed) == (JobState.DONE, 1, REQUEST.seed)
    assert planner.plan_next() is False


def test_progress_is_told_while_it_computes(engine: Engine, job: int) -> None:
    """The best plan so far, and how its value rose; nothing of it before there is a plan."""
    solver = ScriptedSolver(Event(), Event())
    with at_work(engine, solver):
        seen = wait_for(lambda: (p := read(engine, job).progress) and p["iterations"] > 3 and p)
    assert (seen["women"], seen["km"], seen["value"]) == (seen["iterations"], 2.0 * seen["women"], 1.0 * seen["women"])
    values = [value for _, value in seen["history"]]
    assert values == [float(n) for n in range(1, seen["iterations"] + 1)]
    times = [seconds for seconds, _ in seen["history"]]
    assert times == sorted(times)
    assert times[-1] <= seen["seconds"] <= PATIENCE
    first = Curve().to_json(1.25)
    assert first == {"seconds": 1.2, "iterations": 0, "women": None, "km": None, "value": None, "history": []}


@pytest.mark.parametrize(
    ("error", "code"),
    [(DomainError("planner_failed"), "planner_failed"), (ValueError("/secret/path"), "planning_failed")],
)
def test_a_failure_is_told_without_what_is_inside(engine: Engine, job: int, error: Exception, code: str) -> None:
    """A refusal by its code, anything else in general; the log says more."""
    with capture_logs() as logged:
        Planner(engine, MEMORY_BYTES, solve=ScriptedSolver.free(error)).plan_next()
    assert (read(engine, job).state, failure(engine, job)) == (JobState.FAILED, code)
    assert "secret" not in str(read(engine, job).failure)
    told = [each["exc_info"] for each in logged if each["log_level"] == "error"]
    assert told == ([error] if code == "planning_failed" else [])


def test_what_became_impossible_fails(engine: Engine, actor: Actor) -> None:
    """The only unit was retired after it was asked for."""
    job = ask(engine, actor)
    with db.transaction(engine) as session:
        session.execute(update(MobileUnit).where(MobileUnit.provider_id == actor.provider_id).values(active=False))
    Planner(engine, MEMORY_BYTES, solve=ScriptedSolver.free()).plan_next()
    assert failure(engine, job) == "nothing_to_plan"


def test_a_result_that_cannot_be_kept_fails(engine: Engine, job: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not computed again and again."""
    monkeypatch.setattr(planning_jobs.JobResult, "to_json", lambda _: {"plan": object()})
    Planner(engine, MEMORY_BYTES, solve=ScriptedSolver.free()).plan_next()
    assert failure(engine, job) == "planning_failed"


def test_a_cancelled_job_ends_within_a_report(engine: Engine, actor: Actor, job: int) -> None:
    """Without a result, though the search would never end."""
    solver = ScriptedSolver(Event(), Event())
    with at_work(engine, solver) as (_, thread):
        with db.transaction(engine) as session:
            planning_jobs.cancel(session, actor, job, clock.now())
        thread.join(PATIENCE)
        assert not solver.may_end.is_set()
        assert not thread.is_alive()
    assert read(engine, job).state is JobState.CANCELLED


def test_a_planner_that_stops_gives_its_job_back(engine: Engine, job: int) -> None:
    """It waits again, and that was no attempt."""
    solver = ScriptedSolver(Event(), Event())
    with at_work(engine, solver) as (planner, thread):
        planner.stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()
    found = read(engine, job)
    assert (found.state, found.attempts, found.progress) == (JobState.QUEUED, 0, None)


def test_a_planner_that_lost_its_lease_lets_go(engine: Engine, job: int) -> None:
    """Another one has the job; the first leaves no trace in it."""
    solver = ScriptedSolver(Event(), Event())
    with at_work(engine, solver) as (planner, thread):
        with db.transaction(engine) as session:
            taken = planning_queue.claim(session, planner.shared.now() + timedelta(hours=1), timedelta(hours=1))
        assert taken is not None
        thread.join(PATIENCE)
        assert not thread.is_alive()
    found = read(engine, job)
    assert (found.state, found.attempts, found.progress) == (JobState.RUNNING, 2, None)


def test_an_unreachable_database_costs_no_plan(engine: Engine, job: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports are left out, and the result is kept as soon as it answers."""
    finish, refusals = planning_queue.finish, [unreachable(), unreachable()]

    def refuse(*_: Any) -> Any:
        raise unreachable()

    def finish_later(*arguments: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return finish(*arguments)

    monkeypatch.setattr(planning_queue, "report", refuse)
    monkeypatch.setattr(planning_queue, "finish", finish_later)
    Planner(engine, MEMORY_BYTES, solve=ScriptedSolver.free()).plan_next()
    assert (read(engine, job).state, refusals) == (JobState.DONE, [])


def test_a_planner_goes_on_after_an_error(engine: Engine, job: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of which the log tells."""
    claim, errors = planning_queue.claim, [unreachable(), RuntimeError("x")]

    def claim_later(*arguments: Any) -> Any:
        if errors:
            raise errors.pop()
        return claim(*arguments)

    monkeypatch.setattr(planning_queue, "claim", claim_later)
    planner = Planner(engine, MEMORY_BYTES, solve=ScriptedSolver.free())
    with capture_logs() as logged:
        thread = Thread(target=planner.run, args=(0.01,))
        thread.start()
        wait_for(lambda: read(engine, job).state is JobState.DONE)
        planner.stop.set()
        thread.join()
    assert [each["failures"] for each in logged if each["event"] == "planner_failed"] == [1, 2]


def test_what_is_over_for_long_is_forgotten(engine: Engine, actor: Actor) -> None:
    """By the planner itself, once in a while."""
    jobs = [ask(engine, actor) for _ in range(2)]
    planner = Planner(engine, MEMORY_BYTES, solve=ScriptedSolver.free())
    while planner.plan_next():
        pass
    with db.transaction(engine) as session:
        long_ago = clock.now() - timedelta(days=91)
        session.execute(update(PlanningJob).where(PlanningJob.id == jobs[0]).values(ended_at=long_ago))
    planner.plan_next()
    assert read(engine, jobs[0])
    Planner(engine, MEMORY_BYTES, solve=ScriptedSolver.free()).plan_next()
    with db.transaction(engine) as session:
        kept = session.scalars(select(PlanningJob.id).where(PlanningJob.provider_id == actor.provider_id)).all()
    assert kept == [jobs[1]]


def test_the_curve_is_that_of_the_plan(engine: Engine, actor: Actor) -> None:
    """What is planned only to compare with adds nothing to it, but keeps the lease."""
    job, reports = ask(engine, actor, WhatIf(weights=Weights(km_per_woman=2.0))), []

    def solve(problem: Problem, **options: Any) -> Plan:
        value = 5.0 if problem.weights.km_per_woman == 2.0 else 9.0
        options["progress"](Progress(0.0, 1, 1, 1.0, value))
        reports.append(read(engine, job).progress)
        return planned(problem, REQUEST.seed)

    Planner(engine, MEMORY_BYTES, solve=solve).plan_next()
    assert [(each or {})["value"] for each in reports] == [5.0, 5.0]
    assert [len((each or {})["history"]) for each in reports] == [1, 1]


def test_a_long_curve_is_thinned() -> None:
    """Its ends stay, and it never grows beyond what a page can draw."""
    curve = Curve()
    for n in range(1, 1000):
        curve.add(Progress(0.0, n, n, 0.0, float(n // 2)), float(n))
        assert len(curve.points) <= CURVE_POINTS
    assert curve.points[0] == (1.0, 0.0)
    assert curve.points[-1] == (998.0, 499.0)
    assert curve.points == sorted(curve.points)


# distances


def paved(problem: Problem) -> Matrix:
    """Ten kilometres between any two places."""
    count = len(problem.units) + len(problem.sites)
    return Matrix(10.0 * (1 - np.eye(count)))


def unpaved(_: Problem) -> Matrix:
    """Nobody knows the roads."""
    raise DomainError("road_service_slow", seconds="900")


def test_roads_are_asked_for_in_a_child(engine: Engine, job: int) -> None:
    """The solver gets them with the problem."""
    solver = ScriptedSolver.free()
    Planner(engine, MEMORY_BYTES, paved, solve=solver).plan_next()
    assert read(engine, job).state is JobState.DONE
    assert solver.problems is not None
    matrix = solver.problems[0].matrix
    assert matrix is not None
    assert matrix.kilometres.tolist() == paved(solver.problems[0]).kilometres.tolist()


def test_a_service_of_roads_that_fails_is_named(engine: Engine, job: int) -> None:
    """As it is anywhere else."""
    Planner(engine, MEMORY_BYTES, unpaved, solve=ScriptedSolver.free()).plan_next()
    assert failure(engine, job) == "road_service_slow"


def test_a_planner_is_made_as_configured(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    """Memory in megabytes; distances, estimated without a service of roads, are worked out once and kept."""
    configured = replace(settings, planning_memory_mb=700, data_dir=tmp_path)
    made = planner_of(configured, engine, Event())
    assert made.memory_bytes == 700 * 1024**2
    with db.transaction(engine) as session:
        problem = planning.problem_for(session, world(session), REQUEST)
    matrix = planning.with_distances(problem, made.distances).matrix
    assert matrix is not None
    assert matrix.kilometres.shape == (3, 3)
    assert len(list(configured.distances_folder.glob("*.npz"))) == 1


# processes


@contextmanager
def workers(settings: Settings, folder: Path) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    """Starts workers whose children search until there is a file `go`; ends whatever is left of them."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.planner_process", str(folder)]
        started.append(subprocess.Popen(command, env=environment(settings)))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.wait()
        for pid in children(folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def children(folder: Path) -> list[int]:
    """The process ids that children left."""
    return [int(path.stem) for path in folder.glob("*.child")]


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def searching(engine: Engine, job: int) -> bool:
    """Whether a child found something for the job."""
    found = read(engine, job)
    return found.state is JobState.RUNNING and (found.progress or {}).get("iterations", 0) > 0


def test_a_killed_worker_is_replaced(settings: Settings, engine: Engine, job: int, tmp_path: Path) -> None:
    """Its child ends with it; another worker begins anew when the lease has run out, and makes the same plan."""
    with workers(settings, tmp_path) as start:
        first = start()
        wait_for(lambda: searching(engine, job))
        first.kill()
        first.wait()
        (child,) = children(tmp_path)
        wait_for(lambda: gone(child))
        start()
        wait_for(lambda: read(engine, job).attempts == 2 and searching(engine, job))
        (tmp_path / "go").touch()
        wait_for(lambda: read(engine, job).state is JobState.DONE)
    result = planning_jobs.result_of(read(engine, job))
    assert result is not None
    assert (result.plan.solver, result.plan.seed) == ("stand-in", REQUEST.seed)


def test_a_worker_that_is_asked_to_end_gives_its_job_back(
    settings: Settings, engine: Engine, job: int, tmp_path: Path
) -> None:
    """At once, with its child; another worker takes it without waiting for a lease."""
    with workers(settings, tmp_path) as start:
        first = start()
        wait_for(lambda: searching(engine, job))
        began = time.monotonic()
        first.terminate()
        assert first.wait(PATIENCE) == 0
        assert time.monotonic() - began < 5
        (child,) = children(tmp_path)
        assert gone(child)
        assert (read(engine, job).state, read(engine, job).attempts) == (JobState.QUEUED, 0)
        (tmp_path / "go").touch()
        start()
        wait_for(lambda: read(engine, job).state is JobState.DONE)
    assert read(engine, job).attempts == 1


def test_cancelling_ends_the_child(settings: Settings, engine: Engine, actor: Actor, job: int, tmp_path: Path) -> None:
    """Within two seconds or so; the worker goes on with the next job."""
    with workers(settings, tmp_path) as start:
        start()
        wait_for(lambda: searching(engine, job))
        with db.transaction(engine) as session:
            planning_jobs.cancel(session, actor, job, clock.now())
        began = time.monotonic()
        wait_for(lambda: read(engine, job).state is JobState.CANCELLED)
        assert time.monotonic() - began < 4
        (child,) = children(tmp_path)
        assert gone(child)
        following = ask(engine, actor)
        wait_for(lambda: searching(engine, following))


def test_a_worker_plans(settings: Settings, engine: Engine, actor: Actor) -> None:
    """The command as it is started in production, with the solver itself."""
    with db.transaction(engine) as session:
        job = queued(session, actor, first_day=date(2027, 3, 8), last_day=date(2027, 3, 12), seconds=1.0).id
    command = [sys.executable, "-m", "mobile_units", "worker", "--threads", "1"]
    process = subprocess.Popen(command, env=environment(settings), stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: read(engine, job).state in planning_queue.OVER, UNTIL_COMPILED)
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert read(engine, job).state is JobState.DONE
