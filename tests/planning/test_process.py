"""The solver in a process of its own: limits, progress, cancellation, and nothing that is left behind."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from mobile_units.errors import DomainError
from mobile_units.planning import process
from mobile_units.planning.check import check
from mobile_units.planning.problem import Distances, Problem, Progress
from mobile_units.planning.process import ChildError, Work, measure_apart, run_apart, solve_apart
from tests.planning import children, csv_files

MEMORY = 1024**3
PROBLEM = Problem(first_day=date(2027, 3, 1), last_day=date(2027, 3, 5), units=(), sites=())


class CancelledError(Exception):
    """What a caller raises to cancel."""


def ignore(_: Progress) -> None:
    """Does not care for progress."""


def cancel(_: Progress) -> None:
    """Cancels at the first report."""
    raise CancelledError


def apart(work: Work, seconds: float = 30, memory_bytes: int = MEMORY) -> Any:
    """What a child answers within ample limits."""
    return run_apart(work, seconds=seconds, memory_bytes=memory_bytes, progress=ignore)


def wait_for(path: Path) -> int:
    """The process id that a child left."""
    return int(wait_until(lambda: path.exists() and path.read_text(encoding="ascii")))


def wait_until(happened: Any) -> Any:
    """What becomes true within ten seconds."""
    for _ in range(200):
        if value := happened():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def is_gone(pid: int) -> bool:
    """Whether nothing runs under this number any more; what ended but was not collected does not run."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def search_with(monkeypatch: pytest.MonkeyPatch, search: Any, greedy: Any) -> None:
    """Lets children do something else than to load the solver."""
    monkeypatch.setattr(process, "_search", search)
    monkeypatch.setattr(process, "_greedy", greedy)


# one child


def test_a_child_answers() -> None:
    """With what its work returned, whatever libraries write to its output meanwhile."""
    assert apart(children.say) == children.WORDS
    assert apart(children.chat) == children.WORDS


def test_a_child_can_be_started_by_any_thread() -> None:
    """As web and worker processes do, several at once."""
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(apart, [children.say] * 3)) == [children.WORDS] * 3


def test_progress_is_told_twice_a_second_with_the_latest_that_is_known() -> None:
    """Three reports at once make one; while nothing is heard the time still goes on."""
    told: list[Progress] = []
    run_apart(children.tell_three_times, seconds=30, memory_bytes=MEMORY, progress=told.append)
    times = [each.seconds for each in told]
    assert times == sorted(times)
    assert all(later - earlier >= 0.5 for earlier, later in pairwise(times))
    assert {each.women for each in told} <= {0, 3}
    assert told[-1].women == 3
    assert told[-1].seconds < 9


def test_what_progress_raises_ends_the_child_and_reaches_the_caller(tmp_path: Path) -> None:
    """That is how a search is cancelled, even one that reports nothing."""
    path = tmp_path / "pid"

    def cancel_once_it_runs(_: Progress) -> None:
        if path.exists():
            raise CancelledError

    with pytest.raises(CancelledError):
        run_apart(
            partial(children.hang_in_the_background, path),
            seconds=30,
            memory_bytes=MEMORY,
            progress=cancel_once_it_runs,
        )
    assert is_gone(wait_for(path))


def test_a_broken_pipe_of_the_caller_is_not_taken_for_one_of_the_child() -> None:
    """As when progress is printed to a terminal that was closed."""

    def print_progress(_: Progress) -> None:
        raise BrokenPipeError("the terminal")

    with pytest.raises(BrokenPipeError, match="terminal"):
        run_apart(children.tell_three_times, seconds=30, memory_bytes=MEMORY, progress=print_progress)


def test_a_child_that_raises_says_what() -> None:
    """In words, because the exception may be of a class that only the child has loaded."""
    with pytest.raises(ChildError, match=r"^ValueError: no way$"):
        apart(children.fail)


def test_a_child_that_crashes_is_told_by_its_exit_code() -> None:
    """The caller is not harmed."""
    with pytest.raises(ChildError, match=f"exit code {-signal.SIGSEGV}"):
        apart(children.crash)


def test_a_child_is_stopped_when_its_time_is_over(tmp_path: Path) -> None:
    """However it resists."""
    path, started = tmp_path / "pid", time.monotonic()
    with pytest.raises(ChildError, match=f"exit code {-signal.SIGKILL}"):
        apart(partial(children.hang_in_the_background, path), seconds=3)
    assert time.monotonic() - started < 10
    assert is_gone(wait_for(path))


def test_the_time_of_a_child_counts_from_when_it_is_ready() -> None:
    """However long that took; a child that is never ready, or comes to no end then, is stopped."""

    def ready_in(seconds: float, then: float, ready_seconds: float = 8) -> Any:
        work = partial(children.get_ready, seconds, then)
        return run_apart(work, seconds=2, memory_bytes=MEMORY, progress=ignore, ready_seconds=ready_seconds)

    assert ready_in(3, 0) == children.WORDS
    started = time.monotonic()
    with pytest.raises(ChildError, match=f"exit code {-signal.SIGKILL}"):
        ready_in(0, 600)
    assert time.monotonic() - started < 8
    with pytest.raises(ChildError, match=f"exit code {-signal.SIGKILL}"):
        ready_in(600, 0, 1)


def test_a_child_gets_no_more_memory_than_allowed() -> None:
    """The same work succeeds with a higher limit."""
    with pytest.raises(ChildError, match="MemoryError"):
        apart(children.eat, memory_bytes=MEMORY // 4)
    assert apart(children.eat, memory_bytes=MEMORY) == 64


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    """Even if the parent is killed so that it cannot tidy up."""
    path = tmp_path / "pid"
    program = (
        "import sys; from pathlib import Path; from functools import partial;"
        "from tests.planning import children; from tests.planning.test_process import apart;"
        "apart(partial(children.hang_in_the_background, Path(sys.argv[1])), 600)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", program, str(path)], env=environment) as parent:
        child = wait_for(path)
        assert not is_gone(child)
        parent.kill()
    wait_until(partial(is_gone, child))


def test_a_child_is_not_interrupted_with_its_parent() -> None:
    """Ctrl-C goes to a whole group of processes; the parent decides what becomes of the child."""
    assert apart(children.group) != os.getpgrp()


# the distances


def test_distances_are_asked_for_in_a_child() -> None:
    """They come with the problem, which stays as it is otherwise."""
    problem = csv_files.problem()
    measured = measure_apart(problem, children.ten_kilometres, progress=ignore)
    assert measured.matrix is not None
    assert measured.matrix.kilometres.tolist() == children.ten_kilometres(problem).kilometres.tolist()
    assert replace(measured, matrix=None) == replace(problem, matrix=None)


@pytest.mark.parametrize(
    ("distances", "code"), [(children.no_road, "road_service_slow"), (children.no_way, "planner_failed")]
)
def test_distances_that_cannot_be_had_are_a_refusal(distances: Distances, code: str) -> None:
    """That of the service, or that of a child that came to no end."""
    with pytest.raises(DomainError) as refused:
        measure_apart(PROBLEM, distances)
    assert refused.value.code == code


# the solver


def test_the_answer_is_that_of_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is."""
    search_with(monkeypatch, children.found, children.find_nothing_greedily)
    plan = solve_apart(PROBLEM, seconds=7, seed=5)
    assert (plan.solver, plan.seed, len(plan.stops)) == ("search of 7 s", 5, 1)


@pytest.mark.parametrize("search", [children.find_nothing, children.search_for_ever])
def test_a_search_that_comes_to_no_end_is_answered_by_the_greedy_plan(
    search: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is marked, and the log says why."""
    search_with(monkeypatch, search, children.found_greedily)
    caplog.set_level("WARNING", process.__name__)
    plan = solve_apart(PROBLEM, seconds=0.5, seed=5, grace=4)
    assert (plan.solver, plan.seed, len(plan.stops)) == ("greedy", 5, 1)
    assert "exit code" in caplog.text


def test_without_even_a_greedy_plan_the_refusal_is_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what can be done."""
    search_with(monkeypatch, children.find_nothing, children.find_nothing_greedily)
    with pytest.raises(DomainError) as refused:
        solve_apart(PROBLEM, seconds=1)
    assert refused.value.code == "planner_failed"
    assert refused.value.way_out("pl").startswith("Zaplanuj mniej jednostek")


def test_a_cancelled_search_has_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a greedy one either."""
    search_with(monkeypatch, children.search_for_ever, children.found_greedily)
    with pytest.raises(CancelledError):
        solve_apart(PROBLEM, seconds=30, progress=cancel)


def test_both_plans_are_made_by_the_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the usual limits; the greedy one is there even for a small problem."""
    problem = csv_files.problem()
    searched = solve_apart(problem, seconds=0.5, seed=2)
    monkeypatch.setattr(process, "_search", children.find_nothing)
    greedy = solve_apart(problem, seconds=0.5, seed=2)
    assert (searched.solver == "greedy", greedy.solver) == (False, "greedy")
    assert searched.women == greedy.women == 120
    assert check(problem, searched) == check(problem, greedy) == []
