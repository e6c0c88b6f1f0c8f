"""Bookings over HTTP beside a minimal Flask route: the same server, the same number of clients, the same database."""

import http.client
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sqlalchemy import select

from mobile_units import clock, db
from mobile_units.demo.processes import free_port
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.users import User
from mobile_units.rules.programmes import Path as ExaminationPath
from mobile_units.rules.women import make_pesel
from mobile_units.services import users, women
from tests.benchmarks.stage import Database, report

ROOT = Path(__file__).parents[2]
CLIENTS = 8
BOOKINGS = 1500


def measure(database: Database) -> None:
    """Books other slots for other women through both servers."""
    prepared = _prepare(database)
    half = len(prepared) // 2
    minimal = [
        ("/visits", {"slot": slot, "woman": woman, "provider": database.actor.provider_id, "range": contract_range})
        for woman, slot, contract_range in prepared[:half]
    ]
    ours = [
        ("/api/v1/visits", {"slot_id": slot, "woman_id": woman, "path": "mammography"})
        for woman, slot, _ in prepared[half:]
    ]
    with _server(database, "tests.benchmarks.minimal_app:app", "/visits") as port:
        theirs_per_second, _ = _book(port, minimal, "")
    with _server(database, "wsgi:app", "/healthz") as port:
        ours_per_second, latencies = _book(port, ours, _token(database))
    report(
        f"bookings a second over HTTP, {CLIENTS} clients, beside a minimal route",
        f"{ours_per_second:,.0f} beside {theirs_per_second:,.0f} ({ours_per_second / theirs_per_second:.2f})",
    )
    p50, p99 = statistics.median(latencies), sorted(latencies)[int(len(latencies) * 0.99)]
    report("  our latency", f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms; {len(latencies)} bookings")


def _prepare(database: Database) -> list[tuple[int, int, int]]:
    """Women, slots and contract ranges for twice `BOOKINGS`."""
    born = date(clock.today().year - 60, 1, 1)
    with db.transaction(database.engine) as session:
        query = (
            select(Slot.id, Schedule.contract_range_id)
            .join(Slot.schedule)
            .where(Schedule.path == ExaminationPath.MAMMOGRAPHY, Slot.starts_at > clock.now())
            .order_by(Slot.id)
            .limit(2 * BOOKINGS)
        )
        found = session.execute(query).all()
        keys = []
        for number in range(len(found)):
            pesel = make_pesel(born + timedelta(days=number), number, "F")
            command = women.NewWoman(
                identity=women.Identity(pesel=pesel), given_name="Pacjentka", family_name=f"Fikcyjna-{number}"
            )
            keys.append(women.register(session, database.actor, command, clock.today()).id)
        return [(woman, slot, contract_range) for woman, (slot, contract_range) in zip(keys, found, strict=True)]


def _token(database: Database) -> str:
    with db.transaction(database.engine) as session:
        midwife = session.scalars(select(User).where(User.login == "polozna")).one()
        return users.issue_token(session, midwife, "bench", clock.now() + timedelta(hours=1))


@contextmanager
def _server(database: Database, application: str, probe: str) -> Iterator[int]:
    port = free_port()
    options = ["--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4", "--log-level", "error"]
    environ = os.environ | database.environ
    process = subprocess.Popen([sys.executable, "-m", "gunicorn", application, *options], cwd=ROOT, env=environ)
    try:
        _wait_for(f"http://127.0.0.1:{port}{probe}")
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{url} does not answer")


def _book(port: int, requests: Sequence[tuple[str, dict[str, Any]]], token: str) -> tuple[float, list[float]]:
    """Requests a second, and the seconds of each."""
    shares = [requests[number::CLIENTS] for number in range(CLIENTS)]
    with get_context("spawn").Pool(CLIENTS) as pool:
        pool.map(time.sleep, [0.2] * CLIENTS)
        started = time.perf_counter()
        latencies = pool.starmap(_client, zip(repeat(port), shares, repeat(token), strict=False), chunksize=1)
        seconds = time.perf_counter() - started
    return len(requests) / seconds, [each for client in latencies for each in client]


def _client(port: int, requests: Sequence[tuple[str, dict[str, Any]]], token: str) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    latencies = []
    for path, facts in requests:
        started = time.perf_counter()
        connection.request("POST", path, json.dumps(facts), headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != 201:
            raise RuntimeError(f"{response.status}: {body.decode()}")
        latencies.append(time.perf_counter() - started)
    return latencies
