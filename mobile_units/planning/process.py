"""The solver in a process of its own, with hard limits on time and memory.

A search that is stuck, grows without bounds or crashes ends with its process and harms nobody else: the greedy plan,
computed by another child, is the answer then. A child never outlives the call, nor the process that made it.
"""

import ctypes
import logging
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from threading import Timer
from time import monotonic
from typing import Any

from mobile_units.errors import DomainError
from mobile_units.planning.problem import GREEDY, Distances, Matrix, Plan, Problem, Progress

Report = Callable[[Progress], None]
Work = Callable[[Report], Any]
"""What a child does: a function, or a `partial` of one, that can be imported by its name; it may report progress."""

MEMORY_BYTES = 2 * 1024**3
READY_SECONDS = 300.0
"""To start and to load the solver; where it was never compiled that is half a minute of work, which takes minutes where
others work, too."""
GRACE_SECONDS = 60.0
"""Beyond the seconds of the search, once the solver is loaded: to build the model of a country, and to explain."""
MEASURE_SECONDS = 1200.0
"""Longer than a service of roads is asked for (`planning.osrm`)."""
NOTHING_YET = Progress(0.0, 0, 0, 0.0, 0.0)
"""What a child reports that is ready to search."""

_SECONDS_BETWEEN_REPORTS = 0.5
_CHILD = "from mobile_units.planning.process import serve; serve()"
_PR_SET_PDEATHSIG = 1

log = logging.getLogger(__name__)


class ChildError(RuntimeError):
    """A child ended without an answer: it raised, crashed, or was stopped at one of its limits."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the work of a child returned."""

    value: Any


@dataclass(frozen=True, slots=True)
class _Failure:
    """What the work of a child raised, in words."""

    reason: str


def solve_apart(  # noqa: PLR0913 -- what is wanted and the limits
    problem: Problem,
    *,
    seconds: float,
    seed: int = 1,
    progress: Report | None = None,
    memory_bytes: int = MEMORY_BYTES,
    grace: float = GRACE_SECONDS,
) -> Plan:
    """The plan of `solver.solve`, or the greedy one, so marked, if the search comes to no end within its limits.

    Once the solver is loaded, for which there are `READY_SECONDS`, the search is stopped `grace` seconds after its time
    at the latest; the greedy plan has `grace` seconds.
    `progress` is called about twice a second from the start; what it raises ends the search and reaches the caller.

    Raises:
        DomainError: `planner_failed`, there was not even a greedy plan.
    """
    report = progress or _ignore
    try:
        search = partial(_search, problem, seconds, seed)
        plan: Plan = run_apart(
            search, seconds=seconds + grace, memory_bytes=memory_bytes, progress=report, ready_seconds=READY_SECONDS
        )
    except ChildError as error:
        log.warning("the search ended without a plan, so the greedy one is taken: %s", error)
        plan = _greedy_apart(problem, seed, report, memory_bytes, grace)
    return plan


def measure_apart(
    problem: Problem, distances: Distances, *, progress: Report | None = None, memory_bytes: int = MEMORY_BYTES
) -> Problem:
    """The problem with the matrix that `distances` gives, which a child asks for, so that it can be ended.

    Raises:
        DomainError: as `distances`; `planner_failed`, the child came to no end.
    """
    work = partial(_measured, distances, problem)
    try:
        found = run_apart(work, seconds=MEASURE_SECONDS, memory_bytes=memory_bytes, progress=progress or _ignore)
    except ChildError as error:
        log.warning("there are no distances: %s", error)
        raise DomainError("planner_failed") from error
    if isinstance(found, DomainError):
        raise found
    return replace(problem, matrix=found)


def _measured(distances: Distances, problem: Problem, _: Report) -> Matrix | DomainError:
    """What a child finds out; a refusal is handed over as it is."""
    try:
        return distances(problem)
    except DomainError as refusal:
        return refusal


def _greedy_apart(problem: Problem, seed: int, report: Report, memory_bytes: int, seconds: float) -> Plan:
    try:
        work = partial(_greedy, problem, seed)
        plan: Plan = run_apart(
            work, seconds=seconds, memory_bytes=memory_bytes, progress=report, ready_seconds=READY_SECONDS
        )
    except ChildError as error:
        log.warning("there is no greedy plan either: %s", error)
        raise DomainError("planner_failed") from error
    return replace(plan, solver=GREEDY)


def _search(problem: Problem, seconds: float, seed: int, report: Report) -> Plan:
    from mobile_units.planning.solver import ready, solve  # noqa: PLC0415 -- only the child loads the solver

    ready()
    report(NOTHING_YET)
    return solve(problem, seconds=seconds, seed=seed, progress=report)


def _greedy(problem: Problem, seed: int, report: Report) -> Plan:
    from mobile_units.planning.solver import greedy, ready  # noqa: PLC0415 -- only the child loads the solver

    ready()
    report(NOTHING_YET)
    return greedy(problem, seed)


def _ignore(_: Progress) -> None:
    """Nobody wants to know."""


def run_apart(work: Work, *, seconds: float, memory_bytes: int, progress: Report, ready_seconds: float = 0.0) -> Any:
    """What `work` returns when a child does it, within `seconds` and with `memory_bytes` of data at the most.

    With `ready_seconds` the `seconds` count from its first report, for which it has these at the most besides.
    `progress` is called about twice a second, with the latest that is known; what it raises ends the child and reaches
    the caller.

    Raises:
        ChildError: the child ended without an answer.
    """
    started = monotonic()
    latest, told = NOTHING_YET, started
    with _child(ready_seconds + seconds, memory_bytes) as child:
        child.send(work)
        while not isinstance(message := child.receive(told + _SECONDS_BETWEEN_REPORTS - monotonic()), _Answer):
            if message and latest is NOTHING_YET:
                child.end_in(seconds)
            latest = message or latest
            if monotonic() - told >= _SECONDS_BETWEEN_REPORTS:
                told = monotonic()
                progress(replace(latest, seconds=told - started))
    return message.value


@dataclass(slots=True)
class _Child:
    """A process that does work, the pipe to it, and what ends it in time."""

    process: "subprocess.Popen[bytes]"
    pipe: Connection
    killer: Timer | None = None

    def end_in(self, seconds: float) -> None:
        """Lets it work for some seconds from now on, whatever was said before."""
        self.let_be()
        self.killer = Timer(seconds, self.process.kill)
        self.killer.daemon = True
        self.killer.start()

    def let_be(self) -> None:
        """Takes its limit away."""
        if self.killer is not None:
            self.killer.cancel()

    def send(self, work: Work) -> None:
        """Tells the child what to do."""
        with self._failure_told():
            self.pipe.send(work)

    def receive(self, seconds: float) -> Progress | _Answer | None:
        """What the child says next, None if that takes more than some seconds."""
        with self._failure_told():
            message = self.pipe.recv() if self.pipe.poll(max(0.0, seconds)) else None
        if isinstance(message, _Failure):
            raise ChildError(message.reason)
        return message

    @contextmanager
    def _failure_told(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError) as error:
            raise ChildError(f"the process ended with exit code {self.process.wait()}") from error


@contextmanager
def _child(seconds: float, memory_bytes: int) -> Iterator[_Child]:
    """A child that ends with the block, or after some seconds."""
    ours, theirs = Pipe()
    with ours:
        with theirs:
            process = _start(theirs.fileno(), memory_bytes)
        child = _Child(process, ours)
        try:
            child.end_in(seconds)
            yield child
        finally:
            child.let_be()
            process.kill()
            process.wait()


def _start(descriptor: int, memory_bytes: int) -> "subprocess.Popen[bytes]":
    """Starts a process that finds the same modules as this one and is not interrupted together with it."""
    return subprocess.Popen(  # noqa: S603 -- our own program
        [sys.executable, "-c", _CHILD, str(descriptor), str(memory_bytes), str(os.getpid())],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        pass_fds=[descriptor],
        stdin=subprocess.DEVNULL,
        process_group=0,
    )


def serve() -> None:
    """The child: does the work that comes over the pipe and sends the answer."""
    descriptor, memory_bytes, parent = map(int, sys.argv[1:])
    _die_with(parent)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    with Connection(descriptor) as pipe:
        pipe.send(_done(pipe))


def _done(pipe: Connection) -> _Answer | _Failure:
    try:
        work: Work = pipe.recv()
        return _Answer(work(pipe.send))
    except Exception as error:  # noqa: BLE001 -- whatever it is, the parent is told and has another plan
        return _Failure(f"{type(error).__name__}: {error}")


def _die_with(parent: int) -> None:
    """Lets the kernel end this process with its parent, where it can; elsewhere the next report does not go through."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent has ended")
