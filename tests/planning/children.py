"""What children do in the tests of `mobile_units.planning.process`: they import these functions by name."""

import os
import signal
import time
from datetime import date
from pathlib import Path

import numpy as np

from mobile_units.errors import DomainError
from mobile_units.planning.problem import Matrix, Objective, Plan, PlannedStop, Problem, Progress
from mobile_units.planning.process import NOTHING_YET, Report

WORDS = "said"


def say(_: Report) -> str:
    """Answers at once."""
    return WORDS


def tell_three_times(report: Report) -> str:
    """Reports quickly one after another, then goes on for a while."""
    for women in (1, 2, 3):
        report(Progress(9.0, women, women, 0.0, float(women)))
    time.sleep(1.2)
    return WORDS


def hang(path: Path, _: Report) -> None:
    """Leaves its process id in a file and never ends."""
    path.write_text(str(os.getpid()), encoding="ascii")
    time.sleep(600)


def hang_in_the_background(path: Path, report: Report) -> None:
    """Ignores what asks it to end politely."""
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    hang(path, report)


def crash(_: Report) -> None:
    """Ends as a fault in compiled code would."""
    os.kill(os.getpid(), signal.SIGSEGV)


def fail(_: Report) -> None:
    """Raises."""
    raise ValueError("no way")


def eat(_: Report) -> int:
    """Takes half a GB."""
    return len([np.ones(1024**2) for _ in range(64)])


def chat(_: Report) -> str:
    """Writes where libraries write."""
    print("loading", flush=True)  # noqa: T201 -- this is what is tried
    return WORDS


def found(problem: Problem, seconds: float, seed: int, _: Report) -> Plan:
    """A search that finds something."""
    return plan(problem, f"search of {seconds:.0f} s", seed)


def found_greedily(problem: Problem, seed: int, _: Report) -> Plan:
    """A greedy plan."""
    return plan(problem, "made up", seed)


def plan(problem: Problem, solver: str, seed: int) -> Plan:
    """A plan of one stop."""
    objective = Objective(
        women=1, women_weighted=1.0, women_due=1, km=0.0, km_crews=0.0,
        unit_days=1, unit_days_used=1, uneven_days=0.0, weights=problem.weights,
    )  # fmt: skip
    stop = PlannedStop("M1", "W1", (date(2027, 3, 1),), 1)
    return Plan(stops=(stop,), unserved=(), objective=objective, seconds=0.0, solver=solver, seed=seed)


def find_nothing(problem: Problem, seconds: float, seed: int, report: Report) -> None:
    """A search that crashes."""
    crash(report)


def find_nothing_greedily(problem: Problem, seed: int, report: Report) -> None:
    """Not even a greedy plan."""
    fail(report)


def search_for_ever(problem: Problem, seconds: float, seed: int, report: Report) -> None:
    """A search that does not keep to its time."""
    report(NOTHING_YET)
    time.sleep(600)


def get_ready(seconds: float, then: float, report: Report) -> str:
    """Takes some seconds to be ready, and some then."""
    time.sleep(seconds)
    report(NOTHING_YET)
    time.sleep(then)
    return WORDS


def ten_kilometres(problem: Problem) -> Matrix:
    """The same distance between any two places."""
    count = len(problem.units) + len(problem.sites)
    return Matrix(10.0 * (1 - np.eye(count)))


def no_road(_: Problem) -> Matrix:
    """Nobody tells the distances."""
    raise DomainError("road_service_slow", seconds="900")


def no_way(problem: Problem) -> Matrix:
    """Asking for distances crashes."""
    crash(lambda _: None)
    return ten_kilometres(problem)


def group(_: Report) -> int:
    """The group of processes that the child belongs to."""
    return os.getpgrp()
