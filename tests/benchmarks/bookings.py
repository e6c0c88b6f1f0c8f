"""Bookings over HTTP in a national quarter, beside a minimal Flask route that sends the same statements.

Both are served by gunicorn as `mobile-units serve` does it, and get their requests in turn, round by round, from the
same clients: a closed loop each, all of them in this process, because clients, servers and database share the machine.
"""

import asyncio
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, text

from mobile_units import clock, crypto, db
from mobile_units.config import Settings
from mobile_units.demo.processes import free_port
from mobile_units.rules.roles import Role
from mobile_units.services import reference, users
from mobile_units.services.actors import Actor
from routes.app import create_app
from tests.benchmarks.national import Stored
from tests.benchmarks.stage import report

ROOT = Path(__file__).parents[2]
CLIENTS = 16
ROUNDS = 6
OF_A_ROUND = 500
WARM_UP = 320

Pair = tuple[int, int]
"""The keys of a woman and of a slot."""


def measure(stored: Stored) -> None:
    """Books other slots for other women through both servers."""
    pairs = _prepare(stored, 2 + 2 * (WARM_UP + ROUNDS * OF_A_ROUND))
    token = _token(stored)
    sent = _statements(stored, token, [pairs.pop(), pairs.pop()])
    with tempfile.NamedTemporaryFile() as file:
        file.write(pickle.dumps(sent))
        file.flush()
        environ = os.environ | stored.environ | {"BENCH_STATEMENTS": file.name}
        with (
            _server(environ, "tests.benchmarks.minimal_app:app", "/visits") as peer,
            _server(environ, "wsgi:app", "/healthz") as ours,
        ):
            _compare(
                lambda some: _book(ours, [_request("/api/v1/visits", pair, token) for pair in some]),
                lambda some: _book(peer, [_request("/visits", pair, token) for pair in some]),
                pairs,
            )
    _verify(stored, pairs)


def _compare(ours: Any, peer: Any, pairs: Sequence[Pair]) -> None:
    rest = iter(pairs)

    def some(count: int) -> list[Pair]:
        return [next(rest) for _ in range(count)]

    peer(some(WARM_UP)), ours(some(WARM_UP))
    theirs, latencies, seconds = 0.0, list[float](), 0.0
    for _ in range(ROUNDS):
        theirs += peer(some(OF_A_ROUND))[0]
        took, each = ours(some(OF_A_ROUND))
        seconds += took
        latencies += each
    of_ours, of_theirs = (ROUNDS * OF_A_ROUND / each for each in (seconds, theirs))
    report(
        f"bookings a second over HTTP, {CLIENTS} clients, beside a minimal route",
        f"{of_ours:,.0f} beside {of_theirs:,.0f}: {of_ours / of_theirs:.2f} (at least 0.5)",
    )
    p50, p95, p99 = (1000 * statistics.quantiles(latencies, n=100)[percent - 1] for percent in (50, 95, 99))
    report("  latency of ours (p99 under 100)", f"p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f} ms")


def _prepare(stored: Stored, count: int) -> list[Pair]:
    """So many women who are old enough, each with a free slot somewhere in the quarter."""
    facts = {
        "provider": stored.quarter.provider_id,
        "count": count,
        "secret": crypto.EncryptedText().process_bind_param("Fikcyjna", stored.engine.dialect),
        "born": crypto.EncryptedText().process_bind_param("1970-05-17", stored.engine.dialect),
        "nothing": crypto.EncryptedJson().process_bind_param({}, stored.engine.dialect),
    }
    with db.transaction(stored.engine) as session:
        reference.load_reference_data(session)
        women = session.scalars(text(_WOMEN), facts).all()
        slots = session.scalars(text(_SLOTS), {"provider": facts["provider"], "count": count}).all()
    return list(zip(women, slots, strict=True))


def _token(stored: Stored) -> str:
    actor = Actor(stored.quarter.provider_id)
    wanted = users.NewUser(login="pomiar", password="x" * users.PASSWORD_LENGTH, roles=[Role.MIDWIFE])
    with db.transaction(stored.engine) as session:
        midwife = users.create(session, actor, wanted)
        return users.issue_token(session, midwife, "bench", clock.now() + timedelta(hours=1))


def _statements(stored: Stored, token: str, pairs: Sequence[Pair]) -> list[tuple[str, dict[str, Any]]]:
    """What a booking sends once the application is warm."""
    sent: list[tuple[str, dict[str, Any]]] = []
    app = create_app(Settings.from_env(stored.environ))
    engine = app.extensions["engine"]
    event.listen(engine, "before_cursor_execute", lambda *about: sent.append((about[2], dict(about[3]))))
    for woman_id, slot_id in pairs:
        sent.clear()
        asked = {"woman_id": woman_id, "slot_id": slot_id, "path": "mammography"}
        answer = app.test_client().post("/api/v1/visits", json=asked, headers={"Authorization": f"Bearer {token}"})
        if answer.status_code != 201:
            raise RuntimeError(answer.text)
    engine.dispose()
    return sent


@contextmanager
def _server(environ: dict[str, str], application: str, probe: str) -> Iterator[int]:
    port = free_port()
    options = ["--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4", "--log-level", "error"]
    process = subprocess.Popen([sys.executable, "-m", "gunicorn", application, *options], cwd=ROOT, env=environ)
    try:
        _wait_for(f"http://127.0.0.1:{port}{probe}")
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{url} does not answer")


def _request(path: str, pair: Pair, token: str) -> bytes:
    body = json.dumps({"woman_id": pair[0], "slot_id": pair[1], "path": "mammography"}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _book(port: int, requests: Sequence[bytes]) -> tuple[float, list[float]]:
    """The seconds of all requests together, and of each."""
    latencies: list[float] = []
    waiting = iter(requests)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            started = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split()[0])
            body = await reader.readexactly(length)
            latencies.append(time.perf_counter() - started)
            if not head.startswith(b"HTTP/1.1 201"):
                raise RuntimeError(f"{head.decode()}{body.decode()}")
        writer.close()

    async def storm() -> None:
        await asyncio.gather(*(client() for _ in range(CLIENTS)))

    started = time.perf_counter()
    asyncio.run(storm())
    return time.perf_counter() - started, latencies


def _verify(stored: Stored, pairs: Sequence[Pair]) -> None:
    """Raises RuntimeError unless each woman has her visit in her slot, counted there, and its message."""
    women, slots = zip(*pairs, strict=True)
    with stored.engine.connect() as connection:
        found = connection.scalar(text(_BOOKED), {"women": list(women), "slots": list(slots)})
    if found != len(pairs):
        raise RuntimeError(f"{len(pairs)} were booked, but {found} are stored")
    report("  stored, with place and message", f"{found:,} of {len(pairs):,} bookings")


_WOMEN = """
INSERT INTO women (provider_id, identity_kind, identity_number, identity_hash, given_name, family_name, birth_date,
    declaration, language, version)
SELECT :provider, 'pesel', :secret, CAST(md5('booked-' || :provider || '-' || number) AS bytea), :secret, :secret,
    :born, :nothing, 'pl', 1
FROM generate_series(1, :count) AS number RETURNING id
"""
_SLOTS = """
SELECT slots.id FROM slots JOIN schedules ON schedules.id = schedule_id
WHERE provider_id = :provider AND path = 'mammography' AND taken = 0 ORDER BY hashint8(slots.id) LIMIT :count
"""
_BOOKED = """
SELECT count(*) FROM unnest(CAST(:women AS bigint[]), CAST(:slots AS bigint[])) AS pairs (woman_id, slot_id)
JOIN visits ON visits.woman_id = pairs.woman_id AND visits.slot_id = pairs.slot_id AND visits.status = 'booked'
JOIN slots ON slots.id = pairs.slot_id AND slots.taken = 1
JOIN outbox_messages ON subject_id = visits.id AND kind = 'save_visit'
JOIN visit_changes ON visit_changes.visit_id = visits.id
"""
