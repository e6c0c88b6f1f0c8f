"""The hand-over over TLS with signatures: beside a bare loop, over a quarter of a national programme, and its memory.

The default run is a tenth of the full one, which `BENCH_FULL=1 make bench` does.
"""

import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event
from unittest import mock

import psutil
from sqlalchemy import Engine, func, insert, select, text

from mobile_units import clock, db, embedded, logs, migrations
from mobile_units.config import Settings
from mobile_units.demo.processes import Processes, Program, free_port
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.models.women import IdentityKind, Woman
from mobile_units.sandbox import certificates
from mobile_units.sandbox.certificates import Certificates
from mobile_units.transmission.transport import HttpAnswer, HttpConnection
from mobile_units.transmission.worker import Worker, worker_of
from tests.benchmarks import bare_loop, stage
from tests.benchmarks.stage import report

FULL = os.environ.get("BENCH_FULL") == "1"
SLOTS = 500_000 if FULL else 50_000
VISITS = 100_000 if FULL else 10_000
SLOTS_OF_SCHEDULE = 100
ROUNDS = 4
SCHEDULES_A_ROUND = 25
VISITS_A_ROUND = 150
VISITS_SIDE_BY_SIDE = 500
LONGEST = 3600.0
TABLES = Path(__file__).with_name("transmission.sql")


@dataclass(slots=True)
class Stage:
    """A database, a sandbox and whoever carries messages; `peer` is a sandbox in the same state for the bare loop."""

    folder: Path
    environ: dict[str, str]
    engine: Engine
    settings: Settings
    processes: Processes
    files: Certificates
    provider_id: int = 0
    ports: dict[str, int] = field(default_factory=dict)

    def address(self, sandbox: str) -> str:
        """The service of a sandbox."""
        return f"https://127.0.0.1:{self.ports[sandbox]}/services"

    def start_sandbox(self, name: str) -> None:
        """Starts a sandbox on the state file of its name."""
        port, page = self.ports.setdefault(name, free_port()), free_port()
        options = ["--port", str(port), "--page-port", str(page), "--state", str(self.folder / f"{name}.sqlite")]
        arguments = ["sandbox", *options, "--certificates", str(self.folder / "certificates")]
        self.processes.start(Program(name, arguments, f"http://127.0.0.1:{page}/healthz"))

    def run_sql(self, part: str, **values: object) -> None:
        """Runs a part of the SQL file in one transaction."""
        statements = TABLES.read_text(encoding="utf-8").split(f"-- {part}\n")[1].split("\n-- ")[0]
        with self.engine.begin() as connection:
            for statement in filter(str.strip, statements.split(";")):
                connection.execute(text(statement), values | {"provider": self.provider_id})

    def count_left(self) -> int:
        """Messages that are not accepted."""
        with db.reading(self.engine) as session:
            left = select(func.count()).where(OutboxMessage.state != MessageState.ACCEPTED)
            return session.scalar(left) or 0


def measure() -> None:
    """Prints its lines of the table."""
    print(f"\nhand-over over TLS with signatures; {'the full run' if FULL else 'a tenth of the full run'}")
    with tempfile.TemporaryDirectory(prefix="mobile-units-bench-") as folder, _stage(Path(folder).resolve()) as made:
        _programme(made)
        _slots_beside_bare(made)
        _store_visits(made)
        _visits_beside_bare(made)
        _side_by_side(made)
        _memory(made)


@contextmanager
def _stage(folder: Path) -> Iterator[Stage]:
    url = embedded.ensure_running(folder)
    try:
        files = certificates.make(folder / "certificates")
        port = free_port()
        environ = stage.KEYS | files.variables()
        environ |= {
            "DATABASE_URL": url,
            "MOBILE_UNITS_LOG_LEVEL": "ERROR",
            "MOBILE_UNITS_CER_CALLS_PER_SECOND": "0",
            "MOBILE_UNITS_CER_URL": f"https://127.0.0.1:{port}/services",
        }
        settings = Settings.from_env(environ)
        logs.configure(settings.log_level)
        engine = db.engine_of(settings)
        migrations.upgrade(engine)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        kept["PYTHONPATH"] = str(Path(__file__).parents[2])
        with Processes(folder / "processes", kept | environ) as processes, closing_engine(engine):
            made = Stage(folder, environ, engine, settings, processes, files, ports={"sandbox": port})
            made.start_sandbox("sandbox")
            made.run_sql("provider")
            with engine.connect() as connection:
                made.provider_id = connection.execute(text("SELECT id FROM providers")).scalar_one()
            yield made
    finally:
        embedded.stop(folder)


@contextmanager
def closing_engine(engine: Engine) -> Iterator[None]:
    """Gives its connections back at the end."""
    try:
        yield
    finally:
        engine.dispose()


def _programme(made: Stage) -> None:
    """A quarter of a national programme, from places to activation, by one worker as it is started by default."""
    schedules = SLOTS // SLOTS_OF_SCHEDULE
    made.run_sql("schedules", first=1, last=schedules, slots=SLOTS_OF_SCHEDULE)
    made.run_sql("messages of schedules", first=1, last=schedules)
    made.run_sql("activation")
    left = made.count_left()
    seconds, _ = _carried_by(made, processes=1, threads=2)
    report(
        f"{SLOTS:,} slots in {schedules:,} schedules handed over ({left:,} messages), one worker",
        f"{seconds:.0f} s, {SLOTS / seconds:,.0f} slots a second"
        + ("" if FULL else f"; 500,000 at this pace: {seconds * 500_000 / SLOTS / 60:.1f} min"),
    )


def _slots_beside_bare(made: Stage) -> None:
    first = SLOTS // SLOTS_OF_SCHEDULE + 1
    last = first + ROUNDS * SCHEDULES_A_ROUND - 1
    made.run_sql("schedules", first=first, last=last, slots=SLOTS_OF_SCHEDULE)
    made.run_sql("messages of schedules without slots", first=first, last=last)
    _worker(made).drain()
    _copy_sandbox(made)

    def enqueue(number: int) -> None:
        start = first + number * SCHEDULES_A_ROUND
        made.run_sql("messages of slots", first=start, last=start + SCHEDULES_A_ROUND - 1)

    _beside_bare(made, "slots a second in zapiszSloty", enqueue, SLOTS_OF_SCHEDULE)


def _visits_beside_bare(made: Stage) -> None:
    _copy_sandbox(made)

    def enqueue(number: int) -> None:
        made.run_sql("messages of visits", many=VISITS_A_ROUND)

    _beside_bare(made, "visits a second in zapiszWizyte", enqueue, 1)


def _beside_bare(made: Stage, title: str, enqueue: Callable[[int], None], each: int) -> None:
    """Rounds of ours and of the bare loop in turn: the same bytes to two sandboxes in the same state."""
    worker = _worker(made)
    ours: list[float] = []
    theirs: list[float] = []
    with bare_loop.session(made.files, made.address("peer")) as bare:
        for number in range(ROUNDS):
            enqueue(number)
            with _recorded() as recorded:
                ours.append(_seconds(worker.drain))
            prepared = [bare_loop.unsigned(*each) for each in recorded]
            theirs.append(_seconds(lambda: bare.send_all(prepared)))  # noqa: B023 -- called at once
            sent = len(prepared) * each
    per_second = [sent / statistics.median(seconds) for seconds in (ours, theirs)]
    report(
        f"{title}, beside bare lxml, xmlsec, requests",
        "{:,.0f} beside {:,.0f} ({:.2f})".format(*per_second, per_second[0] / per_second[1])
        + f"; {ROUNDS} rounds of {sent:,}",
    )
    made.processes.running["peer"][1].terminate()
    made.processes.running.pop("peer")[1].wait(15)


def _store_visits(made: Stage) -> None:
    """Fictitious women, each with a visit in a slot of her own."""
    many = VISITS + ROUNDS * VISITS_A_ROUND + 3 * VISITS_SIDE_BY_SIDE
    born = clock.today().replace(year=clock.today().year - 60)
    for start in range(0, many, 5_000):
        rows = [
            {
                "provider_id": made.provider_id,
                "identity_kind": IdentityKind.DOCUMENT,
                "identity_number": f"SK:FIKCYJNA{number:07d}",
                "identity_hash": number.to_bytes(8, "big"),
                "given_name": "Pacjentka",
                "family_name": f"Fikcyjna-{number:07d}",
                "birth_date": (born + timedelta(days=number % 3000)).isoformat(),
                "telephone": "600000000",
                "declaration": {},
            }
            for number in range(start, min(start + 5_000, many))
        ]
        with db.transaction(made.engine) as session:
            session.execute(insert(Woman), rows)
    made.run_sql("visits")


def _side_by_side(made: Stage) -> None:
    """How the pace grows with threads and with processes."""
    paces = []
    for processes, threads in ((1, 1), (1, 2), (2, 1)):
        made.run_sql("messages of visits", many=VISITS_SIDE_BY_SIDE)
        seconds, _ = _carried_by(made, processes=processes, threads=threads)
        paces.append(VISITS_SIDE_BY_SIDE / seconds)
    report(
        f"visits a second: one worker; two threads; two workers ({VISITS_SIDE_BY_SIDE:,} each)",
        "; ".join(f"{pace:,.0f}" for pace in paces),
    )


def _memory(made: Stage) -> None:
    """The resident memory of one worker, as it is started by default, over many visits."""
    made.run_sql("messages of visits", many=VISITS)
    seconds, samples = _carried_by(made, processes=1, threads=2)
    tenths = [statistics.median(samples[start : start + max(1, len(samples) // 10)]) for start in _starts(len(samples))]
    report(
        f"memory of a worker over {VISITS:,} visits (tenths of the way)",
        f"{tenths[0]:.0f} MiB after one, {tenths[4]:.0f} after five, {tenths[-1]:.0f} after ten;"
        f" highest {max(samples):.0f}; {VISITS / seconds:,.0f} visits a second",
    )


def _starts(samples: int) -> list[int]:
    return [number * samples // 10 for number in range(10)]


def _carried_by(made: Stage, *, processes: int, threads: int) -> tuple[float, list[float]]:
    """Seconds from the first message accepted to the last, and the memory of the first worker in MiB, often.

    The start of the processes is not counted.
    """
    total = made.count_left()
    programs = [Program(f"worker-{number}", ["worker", "--threads", str(threads)]) for number in range(processes)]
    for program in programs:
        made.processes.start(program)
    watched = psutil.Process(made.processes.running["worker-0"][1].pid)
    samples: list[float] = []
    deadline = time.monotonic() + LONGEST
    while made.count_left() == total:
        _pause(made, deadline)
    begun_at, begun_left = time.perf_counter(), made.count_left()
    while made.count_left():
        _pause(made, deadline)
        samples.append(watched.memory_info().rss / 2**20)
    seconds = (time.perf_counter() - begun_at) * total / max(begun_left, 1)
    for program in programs:
        process = made.processes.running.pop(program.name)[1]
        process.terminate()
        process.wait(30)
    return seconds, samples


def _pause(made: Stage, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise RuntimeError("the worker takes too long")
    made.processes.require_running()
    time.sleep(0.1)


def _worker(made: Stage) -> Worker:
    return worker_of(made.settings, made.engine, Event())


def _copy_sandbox(made: Stage) -> None:
    """Starts a second sandbox in the state of the first."""
    target = made.folder / "peer.sqlite"
    target.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(made.folder / "sandbox.sqlite", timeout=10)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
    made.start_sandbox("peer")


@contextmanager
def _recorded() -> Iterator[list[tuple[bytes, bytes]]]:
    """The bodies and actions that our worker sends meanwhile."""
    sent: list[tuple[bytes, bytes]] = []
    post = HttpConnection.post

    def recording(connection: HttpConnection, address: str, content: bytes, headers: dict[str, str]) -> HttpAnswer:
        sent.append((content, headers["SOAPAction"].encode()))
        return post(connection, address, content, headers)

    with mock.patch.object(HttpConnection, "post", recording):
        yield sent


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    measure()
