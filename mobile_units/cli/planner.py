"""The planner within a worker: claims one planning job after the other and has it computed by a child process.

For each job: claim (a transaction), read the problem (a transaction), compute with none open, keep the result (a
transaction). While it computes it reports about once a second, which renews its lease and tells it whether the job was
cancelled. Killed at any point, it loses nothing but time: the job is claimed anew when its lease has run out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from threading import Event
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.cli.common import road_distances
from mobile_units.config import Settings
from mobile_units.errors import DomainError
from mobile_units.planning.problem import Distances, Plan, Problem, Progress
from mobile_units.planning.process import Report, solve_apart
from mobile_units.services import planning, planning_jobs, planning_queue
from mobile_units.services.planning_queue import ClaimedJob, Order
from mobile_units.transmission.shared_clock import SharedClock

IDLE_SECONDS = 1.0
LEASE = timedelta(seconds=30)
REPORT_SECONDS = 1.0
FORGET_SECONDS = 3600.0
LONGEST_BACK_OFF_SECONDS = 30.0
CURVE_POINTS = 60

Kept = TypeVar("Kept")

log = structlog.get_logger()


class SolveApart(Protocol):
    """`planning.process.solve_apart`, or what stands in for it."""

    def __call__(self, problem: Problem, *, seconds: float, seed: int, progress: Report, memory_bytes: int) -> Plan:
        """Solves a problem."""


class _EndedError(Exception):
    """The work at a job is to end without a result; `order` is None where the worker itself is to stop."""

    def __init__(self, order: Order | None) -> None:
        self.order = order
        super().__init__(order)


@dataclass(slots=True)
class Planner:
    """Works at one job at a time until `stop` is set; then the job at hand is given back.

    `memory_bytes` are the most that a child may take. `distances` asks for roads; without it the solver estimates them.
    """

    engine: Engine
    memory_bytes: int
    distances: Distances | None = None
    stop: Event = field(default_factory=Event)
    solve: SolveApart = solve_apart
    lease: timedelta = LEASE
    shared: SharedClock = field(default_factory=SharedClock)
    _forgets_at: float = 0.0

    def run(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Plans whatever is asked for until `stop` is set; whatever goes wrong, it waits, and goes on."""
        failures = 0
        while not self.stop.is_set():
            try:
                if not self.plan_next():
                    self.stop.wait(idle_seconds)
                failures = 0
            except Exception:
                failures += 1
                log.exception("planner_failed", failures=failures)
                self.stop.wait(min(LONGEST_BACK_OFF_SECONDS, 0.1 * 2.0 ** min(failures, 20)))

    def plan_next(self) -> bool:
        """Works at the job whose turn it is, until it is over or given back; False if there is none.

        Raises:
            OperationalError: the database is unreachable; whatever was claimed is claimed again later.
        """
        self.shared.keep(self.engine)
        self._forget()
        with db.transaction(self.engine) as session:
            claimed = planning_queue.claim(session, self.shared.now(), self.lease)
        if claimed is None:
            return False
        log.info("planning_began", job=claimed.id, provider=claimed.provider_id, attempt=claimed.attempts)
        log.info("planning_ended", job=claimed.id, outcome=self._work(claimed))
        return True

    def _forget(self) -> None:
        """Once in a while, jobs that are over for long."""
        if clock.monotonic() < self._forgets_at:
            return
        with db.transaction(self.engine) as session:
            planning_queue.forget(session, self.shared.now())
        self._forgets_at = clock.monotonic() + FORGET_SECONDS

    def _work(self, claimed: ClaimedJob) -> str:
        """How the work at a job ended, in a word for the log."""
        try:
            result = self._computed(claimed).to_json()
            state = self._keep(lambda session: planning_queue.finish(session, claimed, result, self.shared.now()))
        except _EndedError as ended:
            return self._end(claimed, ended.order)
        except db.UNREACHABLE:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, the job is over and the log says why
            refusal = self._told(claimed, error)
            self._keep(lambda session: planning_queue.fail(session, claimed, refusal, self.shared.now()))
            return "failed"
        return "lost" if state is None else state.value

    @staticmethod
    def _told(claimed: ClaimedJob, error: Exception) -> DomainError:
        """The refusal; of whatever else went wrong only the log says more."""
        if isinstance(error, DomainError):
            return error
        log.error("planning_failed", job=claimed.id, exc_info=error)
        return DomainError("planning_failed", job_id=claimed.id)

    def _computed(self, claimed: ClaimedJob) -> planning_jobs.JobResult:
        with db.transaction(self.engine) as session:
            question = planning_jobs.question_of(session, claimed)
        asked = planning_jobs.NewJob.from_json(claimed.request).plan
        watch = _Watch(self, claimed)

        def solve(problem: Problem) -> Plan:
            seconds, seed, memory_bytes = asked.seconds, asked.seed, self.memory_bytes
            plan = self.solve(problem, seconds=seconds, seed=seed, progress=watch, memory_bytes=memory_bytes)
            watch.curve.closed = True
            return plan

        return planning_jobs.answer(claimed, question, partial(self._prepared, watch=watch), solve)

    def _prepared(self, problem: Problem, watch: Report) -> Problem:
        """The problem with the roads between its places, which a child asks for, so that it can be ended."""
        return planning.with_distances(problem, self.distances, progress=watch, memory_bytes=self.memory_bytes)

    def _end(self, claimed: ClaimedJob, order: Order | None) -> str:
        if order is None:
            with db.transaction(self.engine) as session:
                planning_queue.give_back(session, claimed, self.shared.now())
            return "given_back"
        if order is Order.CANCEL:
            self._keep(lambda session: planning_queue.cancelled(session, claimed, self.shared.now()))
            return "cancelled"
        return "lost"

    def _keep(self, work: Callable[[Session], Kept]) -> Kept:
        return db.keep(self.engine, work, self.stop, REPORT_SECONDS)


@dataclass(slots=True)
class Curve:
    """The best plan so far and how its value rose; of a long search every other point is left out, again and again.

    Once `closed`, it takes note of no other plan: what is planned then is only there to compare with.
    """

    best: Progress | None = None
    points: list[tuple[float, float]] = field(default_factory=list)
    closed: bool = False

    def add(self, progress: Progress, seconds: float) -> None:
        """Takes note of the best plan after some seconds; one without iterations and women is none."""
        if self.closed or not (progress.iterations or progress.women):
            return
        self.best = progress
        if self.points and self.points[-1][1] == progress.value:
            return
        if len(self.points) >= CURVE_POINTS:
            self.points[:] = self.points[::2]
        self.points.append((seconds, progress.value))

    def to_json(self, seconds: float) -> dict[str, Any]:
        """The progress as a job keeps it; before there is a plan, nothing is known but the time."""
        best = self.best
        return {
            "seconds": round(seconds, 1),
            "iterations": best.iterations if best else 0,
            "women": best.women if best else None,
            "km": round(best.km, 1) if best else None,
            "value": round(best.value, 1) if best else None,
            "history": [[round(at, 1), round(value, 1)] for at, value in self.points],
        }


@dataclass(slots=True)
class _Watch:
    """Reports how far a job is; raises when the work at it is to end."""

    planner: Planner
    claimed: ClaimedJob
    curve: Curve = field(default_factory=Curve)
    _began: float = field(default_factory=clock.monotonic)
    _told: float = field(default_factory=clock.monotonic)

    def __call__(self, progress: Progress) -> None:
        """Takes note of the progress; tells it if that was not done for a second."""
        if self.planner.stop.is_set():
            raise _EndedError(None)
        now = clock.monotonic()
        self.curve.add(progress, now - self._began)
        if now - self._told >= REPORT_SECONDS:
            self._told = now
            self._tell(self.curve.to_json(now - self._began))

    def _tell(self, progress: dict[str, Any]) -> None:
        """Without an answer of the database the work goes on: the lease may last until it answers again."""
        planner = self.planner
        try:
            planner.shared.keep(planner.engine)
            with db.transaction(planner.engine) as session:
                order = planning_queue.report(session, self.claimed, planner.shared.now(), planner.lease, progress)
        except db.UNREACHABLE:
            log.warning("planning_not_reported", job=self.claimed.id)
            return
        if order is not Order.GO_ON:
            raise _EndedError(order)


def planner_of(settings: Settings, engine: Engine, stop: Event) -> Planner:
    """A planner for one thread."""
    return Planner(engine, settings.planning_memory_bytes, road_distances(settings), stop)
