"""The demonstration from its folder to its figures: database, sandbox, worker, the job, and then the application."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from mobile_units import clock, db, embedded, migrations
from mobile_units.config import Settings
from mobile_units.demo import job, secrets_file
from mobile_units.demo.job import Run, Wanted
from mobile_units.demo.processes import Processes, Program, free_port, require_free_port
from mobile_units.demo.progress import Progress
from mobile_units.sandbox import certificates

CERTIFICATES = "certificates"


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A demonstration in `folder`, apart from any database or setting of the environment."""

    folder: Path
    wanted: Wanted
    settings: Settings
    environ: dict[str, str]
    passwords: dict[str, str]
    sandbox_port: int
    page_port: int


def prepare(folder: Path, wanted: Wanted, *sandbox_ports: int) -> Demonstration:
    """Makes folder, secrets and certificates if they are not there.

    `sandbox_ports` are those of the service and of the page; the sandbox takes free ones if they are not given.
    """
    folder = folder.resolve()
    keys, passwords = secrets_file.load_or_make(folder / "secrets.json")
    port, page_port = sandbox_ports or (free_port(), free_port())
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MOBILE_UNITS_", "DATABASE_URL"))}
    environ = kept | keys | certificates.make(folder / CERTIFICATES).variables()
    environ |= {
        "MOBILE_UNITS_DATA_DIR": str(folder),
        "MOBILE_UNITS_CER_URL": f"https://127.0.0.1:{port}/services",
        "MOBILE_UNITS_SECURE_COOKIES": "0",
        "MOBILE_UNITS_CER_READ_SECONDS": "10",
        "MOBILE_UNITS_LEASE_SECONDS": "30",
    }
    return Demonstration(folder, wanted, Settings.from_env(environ), environ, passwords, port, page_port)


def reset(folder: Path) -> None:
    """Stops the database of the folder and removes the folder, if it is one of a demonstration."""
    if (folder / "secrets.json").exists():
        with Processes(folder / "processes", os.environ):
            embedded.stop(folder)
        shutil.rmtree(folder)


def once(demonstration: Demonstration) -> dict[str, Any]:
    """Does the whole job and ends everything; returns the figures."""
    with _stage(demonstration) as processes:
        return _do_job(demonstration, processes)


def serve(demonstration: Demonstration, port: int) -> None:
    """Does the whole job, then serves the application until Ctrl-C or SIGTERM."""
    with _stage(demonstration, port) as processes:
        figures = _do_job(demonstration, processes)
        address = f"http://127.0.0.1:{port}"
        processes.start(Program("web", ["serve", "--port", str(port)], f"{address}/healthz"))
        _tell(demonstration, figures, address)
        while True:
            time.sleep(1)
            embedded.ensure_running(demonstration.folder)
            for name in processes.restart_ended():
                print(f"{name} ended by itself and was started again", file=sys.stderr)  # noqa: T201 -- for people


@contextmanager
def _stage(demonstration: Demonstration, *ports: int) -> Iterator[Processes]:
    """Database, sandbox and worker run inside, with `ports` kept free; Ctrl-C and SIGTERM end them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    with Processes(demonstration.folder / "processes", demonstration.environ) as processes:
        for port in (demonstration.sandbox_port, demonstration.page_port, *ports):
            require_free_port(port)
        try:
            _start(demonstration, processes)
            yield processes
        finally:
            processes.end()
            embedded.stop(demonstration.folder)


def _start(demonstration: Demonstration, processes: Processes) -> None:
    engine = db.engine_of(demonstration.settings)
    migrations.upgrade(engine)
    engine.dispose()
    folder, page = demonstration.folder, f"{demonstration.page_port}"
    where = ["--port", f"{demonstration.sandbox_port}", "--page-port", page]
    kept = ["--state", str(folder / "sandbox.sqlite"), "--certificates", str(folder / CERTIFICATES)]
    processes.start(Program("sandbox", ["sandbox", *where, *kept], f"http://127.0.0.1:{page}/healthz"))
    processes.start(Program("worker", ["worker"]))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _do_job(demonstration: Demonstration, processes: Processes) -> dict[str, Any]:
    engine = db.engine_of(demonstration.settings)
    try:
        run = Run(demonstration.settings, engine, demonstration.wanted, clock.today(), Progress())
        figures = job.run(run, demonstration.passwords, processes.require_running)
    finally:
        engine.dispose()
    return figures


def _tell(demonstration: Demonstration, figures: dict[str, Any], address: str) -> None:
    """Says where the application is and who may sign in."""
    done = "{stops} stops, {slots} slots, {visits} visits, {messages[accepted]} messages accepted".format(**figures)
    lines = [
        "",
        f"  {address}   API: {address}/api/v1/docs",
        f"  http://127.0.0.1:{demonstration.page_port}   the sandbox of the central system: IKP, faults on demand",
        f"  {done}",
        "",
        *(f"  {login:<14} {password}" for login, password in demonstration.passwords.items()),
        "",
        f"  Logs: {demonstration.folder / 'processes'}   Ctrl-C stops everything.",
        "",
    ]
    print("\n".join(lines), file=sys.stderr)  # noqa: T201 -- for people
