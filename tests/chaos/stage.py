"""The stage of the chaos test: a database, a sandbox and workers as real processes, and the hand that kills them."""

import json
import os
import shutil
import sqlite3
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Engine

from mobile_units import db, embedded, migrations
from mobile_units.config import Settings
from mobile_units.demo import secrets_file
from mobile_units.demo.processes import Processes, Program, free_port
from mobile_units.sandbox import certificates

READ_SECONDS = 2.0
LEASE_SECONDS = 6.0
PLENTY = 10_000_000
EVERY_CALL = {"kind": "delay", "share": 1, "seconds": 0}
"""Disturbs nothing; the sandbox counts by it."""
TABLES = Path(__file__).with_name("arrivals.sql")
"""What the sandbox's state file notes of each arrival, by triggers that the sandbox knows nothing of."""


class TooLateError(RuntimeError):
    """Something did not happen in time."""


@dataclass(slots=True)
class Stage:
    """Everything that runs; the workers are named `worker-1` and so on."""

    folder: Path
    environ: dict[str, str]
    settings: Settings
    engine: Engine
    processes: Processes
    page: str
    sandbox_program: Program
    kills: Counter[str] = field(default_factory=Counter)
    restarts: Counter[str] = field(default_factory=Counter)
    disturbances: list[dict[str, Any]] = field(default_factory=list)
    disturbed: Counter[str] = field(default_factory=Counter)
    quiet: bool = True
    calls: Counter[str] = field(default_factory=Counter)

    @property
    def sandbox_file(self) -> Path:
        """Where the sandbox keeps its state."""
        return self.folder / "sandbox.sqlite"

    def start_sandbox(self) -> None:
        """Starts the sandbox and, at the first start, has its state file note every arrival."""
        self.processes.start(self.sandbox_program)
        with closing(sqlite3.connect(self.sandbox_file, timeout=10)) as connection:
            connection.executescript(TABLES.read_text(encoding="utf-8"))

    def start_worker(self, number: int, threads: int) -> None:
        """Starts a worker, or starts it again."""
        self.processes.start(Program(f"worker-{number}", ["worker", "--threads", str(threads)]))

    def kill(self, name: str) -> None:
        """Ends a program as a power cut would."""
        _, process = self.processes.running[name]
        process.kill()
        process.wait(10)
        self.kills[name.partition("-")[0]] += 1

    def end(self, name: str) -> None:
        """Asks a program to end, and waits until it did."""
        _, process = self.processes.running[name]
        process.terminate()
        process.wait(30)

    def restart_ended(self) -> list[str]:
        """Starts again what was killed; the names."""
        names = self.processes.restart_ended()
        self.restarts.update(name.partition("-")[0] for name in names)
        return names

    def kill_database(self) -> None:
        """Ends all processes of the database at once, then starts it again."""
        number = int((self.folder / "postgres" / "postmaster.pid").read_text().split()[0])
        server = psutil.Process(number)
        family = [server, *server.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=10)
        self.kills["database"] += 1
        if embedded.ensure_running(self.folder) != self.settings.database_url:
            raise RuntimeError("the database came back at another address")
        self.restarts["database"] += 1

    def kill_sandbox(self) -> None:
        """Ends the sandbox and starts it again, with what disturbs it."""
        self._count_disturbed()
        self.kill("sandbox")
        self.restart_ended()
        self.ask("/faults", self.disturbances)

    def disturb(self, wanted: Sequence[dict[str, Any]]) -> None:
        """Has the sandbox disturb calls in these ways and in no other."""
        self._count_disturbed()
        self.quiet = not wanted
        self.disturbances = [{**each, "remaining": PLENTY} for each in (EVERY_CALL, *wanted)]
        self.ask("/faults", self.disturbances)

    def _count_disturbed(self) -> None:
        """Adds what the sandbox did since it was told what to do."""
        for told, now in zip(self.disturbances, self.ask("/faults"), strict=True):
            struck = told["remaining"] - now["remaining"]
            if now["share"] == 1:
                self.calls["quiet" if self.quiet else "disturbed"] += struck
            else:
                self.disturbed[" ".join(filter(None, (now["kind"], now["code"])))] += struck

    def ask(self, path: str, body: Any = None) -> Any:
        """Asks the sandbox's page: GET, or POST with a JSON body.

        Raises:
            OSError: it does not answer, or refuses.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.page + path, data, {"Content-Type": "application/json"})  # noqa: S310 -- an address of our own on loopback
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 -- the same
            return json.loads(response.read() or b"null")


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """A database and a sandbox over TLS with signatures in a new folder; all processes end with the context."""
    folder = folder.resolve()
    url = embedded.ensure_running(folder)
    engine: Engine | None = None
    try:
        port, page_port = free_port(), free_port()
        made = certificates.make(folder / "certificates")
        environ = _environment(folder, url, port) | made.variables()
        settings = Settings.from_env(environ)
        engine = db.engine_of(settings)
        migrations.upgrade(engine)
        page = f"http://127.0.0.1:{page_port}"
        arguments = ["--port", str(port), "--page-port", str(page_port), "--state", str(folder / "sandbox.sqlite")]
        sandbox = ["sandbox", *arguments, "--certificates", str(folder / "certificates")]
        program = Program("sandbox", sandbox, f"{page}/healthz")
        with Processes(folder / "processes", environ) as processes:
            made_stage = Stage(folder, environ, settings, engine, processes, page, program)
            made_stage.start_sandbox()
            yield made_stage
    finally:
        if engine is not None:
            engine.dispose()
        embedded.stop(folder)


def remove(folder: Path) -> None:
    """Removes the folder of a stage that ended."""
    shutil.rmtree(folder)


def _environment(folder: Path, url: str, port: int) -> dict[str, str]:
    keys, _ = secrets_file.load_or_make(folder / "secrets.json")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MOBILE_UNITS_", "DATABASE_URL"))}
    return (
        kept
        | keys
        | {
            "DATABASE_URL": url,
            "MOBILE_UNITS_DATA_DIR": str(folder),
            "MOBILE_UNITS_CER_URL": f"https://127.0.0.1:{port}/services",
            "MOBILE_UNITS_CER_CONNECT_SECONDS": "1",
            "MOBILE_UNITS_CER_READ_SECONDS": str(READ_SECONDS),
            "MOBILE_UNITS_LEASE_SECONDS": str(LEASE_SECONDS),
            "MOBILE_UNITS_CER_CHANGES_SECONDS": "1",
            "MOBILE_UNITS_CER_RECONCILE_HOUR": "off",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
    )


def wait_until(condition: Callable[[], bool], seconds: float, what: str, pause: float = 0.2) -> None:
    """Waits until a condition holds.

    Raises:
        TooLateError: it did not in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TooLateError(f"not within {seconds:g} seconds: {what}")
        time.sleep(pause)
