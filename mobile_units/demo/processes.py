"""The processes of the demonstration: started, watched, and all ended again, those of a killed run included."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

READY_SECONDS = 30.0
STOP_SECONDS = 15.0
CLOCK_SECONDS = 2.0
"""By how much a change of the clock may seem to move the instant at which a process was created."""


@dataclass(frozen=True, slots=True)
class Program:
    """A subcommand of `mobile-units` to be kept running; `health` answers 200 once it works, None: at once."""

    name: str
    arguments: Sequence[str]
    health: str | None = None


@dataclass(slots=True)
class Processes:
    """A context in which programs run; their logs go to files in `folder`, where their process ids are kept too."""

    folder: Path
    environ: Mapping[str, str]
    running: dict[str, tuple[Program, "subprocess.Popen[bytes]"]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Ends what a killed run left behind.

        Raises:
            RuntimeError: the run that uses the folder is not over.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        known = _known(self._pid_file)
        if known[:1] and _alive(known[:1]):
            raise RuntimeError(f"the demonstration in {self.folder.parent} is running already")
        _end(_alive(known))
        self._remember()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends every program and frees the folder."""
        self.end()
        self._pid_file.unlink(missing_ok=True)

    @property
    def _pid_file(self) -> Path:
        return self.folder / "processes.json"

    def start(self, program: Program) -> None:
        """Starts a program and waits until it is ready.

        Raises:
            RuntimeError: it ended or did not become ready in time; the message names its log.
        """
        log = self.folder / f"{program.name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 -- our own program
                [sys.executable, "-m", "mobile_units", *program.arguments],
                stdout=output,
                stderr=output,
                env=dict(self.environ),
                start_new_session=True,
            )
        self.running[program.name] = (program, process)
        self._remember()
        deadline = time.monotonic() + READY_SECONDS
        while program.health and not _answers(program.health):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{program.name} did not start; see {log}")
            time.sleep(0.05)

    def end(self) -> None:
        """Ends every program, the last started first."""
        for _, process in reversed(self.running.values()):
            if process.poll() is None:
                _end([psutil.Process(process.pid)])
                process.wait()

    def restart_ended(self) -> list[str]:
        """Starts again whatever ended by itself; returns the names."""
        ended = [program for program, process in self.running.values() if process.poll() is not None]
        for program in ended:
            self.start(program)
        return [program.name for program in ended]

    def require_running(self) -> None:
        """Raises RuntimeError if a program ended by itself."""
        for program, process in self.running.values():
            if process.poll() is not None:
                raise RuntimeError(f"{program.name} ended unexpectedly; see {self.folder / program.name}.log")

    def _remember(self) -> None:
        """Writes who we are and what we started; in one step, so that a run killed meanwhile can be cleaned up."""
        started = [process.pid for _, process in self.running.values() if process.poll() is None]
        known = [psutil.Process(pid) for pid in (os.getpid(), *started)]
        draft = self._pid_file.with_suffix(".new")
        draft.write_text(json.dumps([[each.pid, each.create_time()] for each in known]))
        draft.replace(self._pid_file)


def _known(pid_file: Path) -> list[tuple[int, float]]:
    """Number and instant of creation of the processes of the last run, the run itself first."""
    return [(pid, created) for pid, created in json.loads(pid_file.read_text())] if pid_file.exists() else []


def _alive(known: Iterable[tuple[int, float]]) -> list[psutil.Process]:
    """Those that still live; a number that the system gave to another process is not one of them."""
    found = []
    for pid, created in known:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if abs(process.create_time() - created) < CLOCK_SECONDS and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _end(processes: Sequence[psutil.Process]) -> None:
    """Asks the processes and their children to end, and makes those end that do not."""
    family = [*processes, *(child for each in processes for child in _children(each))]
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 -- an address of our own on loopback
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def require_free_port(port: int) -> None:
    """Raises RuntimeError if somebody listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise RuntimeError(f"port {port} is taken; is the demonstration running already?") from None
