"""The processes of the demonstration: watched, started again, and all ended, whatever happened to the run."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from mobile_units.demo.processes import Processes, Program, free_port, require_free_port

pytestmark = pytest.mark.processes
ENDS_AT_ONCE = Program("ends", ["--help"])
RUN = """
import os, sys, time
from pathlib import Path
from mobile_units.demo.processes import Processes, Program

with Processes(Path(sys.argv[1]), os.environ) as processes:
    processes.start(Program("sandbox", ["sandbox", "--port", sys.argv[2], "--state", sys.argv[3]]))
    time.sleep(60)
"""
"""A run that starts a program and is then killed."""


def sandbox(folder: Path) -> Program:
    """A program that runs until it is ended and needs nothing."""
    port = free_port()
    state = str(folder / "sandbox.sqlite")
    return Program("sandbox", ["sandbox", "--port", str(port), "--state", state], f"http://127.0.0.1:{port}/healthz")


def until(condition: Callable[[], bool]) -> None:
    """Waits until it holds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lives(process: psutil.Process) -> bool:
    """Whether it runs; one that ended may still be listed, until its parent asks how."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def known(folder: Path) -> list[psutil.Process]:
    """The processes that the folder names: the run, and what it started."""
    return [psutil.Process(pid) for pid, _ in json.loads((folder / "processes.json").read_text())]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[list[psutil.Process]]:
    """Another run in the folder, and the program that it started."""
    arguments = [str(tmp_path), str(free_port()), str(tmp_path / "sandbox.sqlite")]
    with subprocess.Popen([sys.executable, "-c", RUN, *arguments]) as process:
        file = tmp_path / "processes.json"
        until(lambda: file.exists() and len(known(tmp_path)) == 2)
        both = known(tmp_path)
        yield both
        process.kill()
    if lives(both[1]):
        both[1].kill()


def test_a_program_runs_inside_and_is_ended_at_the_end(tmp_path: Path) -> None:
    """Its children too; nothing of it stays but its log."""
    with Processes(tmp_path / "run", os.environ) as processes:
        processes.start(sandbox(tmp_path))
        processes.require_running()
        _, process = processes.running["sandbox"]
        child = psutil.Process(process.pid)
        assert known(tmp_path / "run") == [psutil.Process(), child]
    assert not lives(child)
    assert process.returncode is not None
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["sandbox.log"]


def test_the_end_comes_after_an_error_too(tmp_path: Path) -> None:
    """Ctrl-C is one."""
    started = []

    def interrupted_run() -> None:
        with Processes(tmp_path, os.environ) as processes:
            processes.start(sandbox(tmp_path))
            started.extend(known(tmp_path)[1:])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted_run()
    assert [lives(process) for process in started] == [False]


def test_a_program_that_ended_is_noticed_and_started_again(tmp_path: Path) -> None:
    """The one that still runs is left alone."""
    with Processes(tmp_path, os.environ) as processes:
        processes.start(sandbox(tmp_path))
        first = processes.running["sandbox"][1]
        assert processes.restart_ended() == []
        first.kill()
        first.wait()
        with pytest.raises(RuntimeError, match=r"sandbox ended unexpectedly; see .*sandbox\.log"):
            processes.require_running()
        assert processes.restart_ended() == ["sandbox"]
        processes.require_running()
        assert known(tmp_path)[1].pid == processes.running["sandbox"][1].pid != first.pid


def test_a_program_that_does_not_get_ready_is_told_with_its_log(tmp_path: Path) -> None:
    """It ends, and its health never answers."""
    health = f"http://127.0.0.1:{free_port()}/healthz"
    with (
        Processes(tmp_path, os.environ) as processes,
        pytest.raises(RuntimeError, match=r"ends did not start; see .*ends\.log"),
    ):
        processes.start(Program("ends", ENDS_AT_ONCE.arguments, health))
    assert "Usage:" in (tmp_path / "ends.log").read_text()


def test_what_a_killed_run_left_behind_is_ended(tmp_path: Path, run: list[psutil.Process]) -> None:
    """The next run in the folder begins by it; even while nobody has asked yet how the killed run ended."""
    killed, left_behind = run
    killed.kill()
    until(lambda: not lives(killed))
    assert lives(left_behind)
    with Processes(tmp_path, os.environ):
        assert not lives(left_behind)


def test_a_run_that_is_not_over_is_left_alone(tmp_path: Path, run: list[psutil.Process]) -> None:
    """A second one in the same folder is refused, and what the first started goes on."""
    with pytest.raises(RuntimeError, match="is running already"), Processes(tmp_path, os.environ):
        pytest.fail("it began")
    assert [lives(process) for process in run] == [True, True]
    assert known(tmp_path) == run


def test_a_number_that_another_process_has_now_is_left_alone(tmp_path: Path) -> None:
    """A process that was created at another time is not the one that was started."""
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    created = psutil.Process(stranger.pid).create_time()
    entries = [[stranger.pid, created - 100], [stranger.pid, created - 100]]
    (tmp_path / "processes.json").write_text(json.dumps(entries))
    with Processes(tmp_path, os.environ):
        assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_taken_port_is_told_before_anything_starts() -> None:
    """A free one is not."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(RuntimeError, match="is taken"):
            require_free_port(taken.getsockname()[1])
    require_free_port(free_port())
