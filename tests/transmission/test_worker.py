"""The worker: what it does with each outcome, and that nothing is lost or doubled whatever is killed."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.request import urlopen

import psutil
import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from mobile_units import clock, db, embedded, migrations
from mobile_units.config import Settings
from mobile_units.models.providers import Provider
from mobile_units.models.transmissions import (
    AttemptOutcome,
    MessageState,
    OutboxMessage,
    TransmissionAttempt,
    TransmissionLink,
)
from mobile_units.models.visits import Visit
from mobile_units.rules.transmissions import FAILURES_TO_OPEN, MessageKind
from mobile_units.sandbox.server import SandboxServer
from mobile_units.transmission import contents, links
from mobile_units.transmission.certificates import CertificateError
from mobile_units.transmission.contents import Content
from mobile_units.transmission.gateway import (
    AlreadyDelivered,
    Delivered,
    Gateway,
    Halted,
    Outcome,
    OutcomeUnknown,
    Presence,
    RefusedVisit,
    Rejected,
    Retryable,
)
from mobile_units.transmission.messages import ActivationData, Message, ObjectId
from mobile_units.transmission.records import OUTCOMES
from mobile_units.transmission.shared_clock import SharedClock
from mobile_units.transmission.soap import ContractError
from mobile_units.transmission.worker import Worker, worker_of
from tests import factories, factories_booking
from tests.factories_transmission import (
    DAY,
    LEASE,
    ScriptedGateway,
    hand_over,
    hand_over_visits,
    load_chunk,
    message,
    must_claim,
    visit,
)
from tests.statements import counted

VISIT_MESSAGES = 5
CHAIN = 5
MANY = 80
"""So many visits that a process can be killed while they are handed over."""


@pytest.fixture(autouse=True)
def even_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wait is the longest, so that no message is due again by chance."""
    monkeypatch.setattr("mobile_units.transmission.records.random.random", lambda: 1.0)


@pytest.fixture
def visits(engine: Engine) -> list[int]:
    """Messages of visits, due at once because nothing is required."""
    with db.transaction(engine) as session:
        provider_id = factories.provider(session).id
        slot = factories_booking.slot(session, provider_id, capacity=VISIT_MESSAGES)
        booked = [visit(session, provider_id, slot) for _ in range(VISIT_MESSAGES)]
        return [message(session, provider_id, subject_id=each.id).id for each in booked]


def worker_with(engine: Engine, gateway: ScriptedGateway) -> Worker:
    """A worker that sends everything through this gateway."""
    return Worker(engine, lambda _: gateway, "https://cer.example/services", LEASE)


def states(engine: Engine) -> Counter[MessageState]:
    """How many messages are in each state."""
    with db.transaction(engine) as session:
        return Counter(session.scalars(select(OutboxMessage.state)))


def make_due(engine: Engine) -> None:
    """Ends all waiting: back-offs and leases."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE outbox_messages SET due_at = now() - interval '1 second'"))
        connection.execute(text("UPDATE outbox_messages SET leased_until = due_at WHERE state = 'in_progress'"))


def test_everything_that_can_go_goes(engine: Engine, visits: list[int]) -> None:
    """Each message is sent once, and recorded."""
    gateway = ScriptedGateway()
    assert worker_with(engine, gateway).drain() == {AttemptOutcome.DELIVERED: VISIT_MESSAGES}
    assert states(engine) == {MessageState.ACCEPTED: VISIT_MESSAGES}
    assert len({each.message_id for each in gateway.sent}) == len(gateway.sent) == VISIT_MESSAGES
    assert gateway.asked == []


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (AlreadyDelivered(), MessageState.ACCEPTED),
        (Rejected(code="c", rule=None, description="d"), MessageState.REJECTED),
        (Retryable(reason="r"), MessageState.PENDING),
        (OutcomeUnknown(reason="r"), MessageState.PENDING),
    ],
)
def test_one_outcome_does_not_hold_up_the_others(
    engine: Engine, visits: list[int], outcome: Outcome, state: MessageState
) -> None:
    """The rest of the messages goes on."""
    ended = worker_with(engine, ScriptedGateway([outcome])).drain()
    assert ended == {OUTCOMES[type(outcome)]: 1} | {AttemptOutcome.DELIVERED: VISIT_MESSAGES - 1}
    assert states(engine)[state] >= 1


def test_no_transaction_is_open_while_a_message_is_sent(engine: Engine, visits: list[int]) -> None:
    """A slow central system holds nothing in the database."""
    held: list[int] = []

    class Watching(ScriptedGateway):
        def send(self, message: Message) -> Outcome:
            held.append(engine.pool.checkedout())  # type: ignore[attr-defined]  # every pool in use here counts
            return super().send(message)

    worker_with(engine, Watching()).drain()
    assert held == [0] * VISIT_MESSAGES


@pytest.mark.parametrize(
    ("presence", "ended", "sent"),
    [
        (Presence.PRESENT, AttemptOutcome.ALREADY_DELIVERED, 0),
        (Presence.ABSENT, AttemptOutcome.DELIVERED, 1),
        (Presence.UNSUPPORTED, AttemptOutcome.DELIVERED, 1),
        (Presence.UNANSWERED, AttemptOutcome.RETRYABLE, 0),
    ],
)
def test_a_message_of_unknown_outcome_is_asked_about_first(
    engine: Engine, visits: list[int], presence: Presence, ended: AttemptOutcome, sent: int
) -> None:
    """Only if the receiver does not have it, or cannot tell, it is sent again, under the same identifier."""
    with db.transaction(engine) as session:
        session.query(OutboxMessage).filter(OutboxMessage.id != visits[0]).update({"state": MessageState.ACCEPTED})
    worker_with(engine, ScriptedGateway([OutcomeUnknown(reason="ReadTimeout")])).drain()
    make_due(engine)
    gateway = ScriptedGateway(presence=presence)
    outcome = worker_with(engine, gateway).deliver_next()
    assert outcome is not None
    assert OUTCOMES[type(outcome)] is ended
    assert (len(gateway.asked), len(gateway.sent)) == (1, sent)
    assert len({each.message_id for each in gateway.asked + gateway.sent}) == 1


def test_a_message_taken_over_while_it_was_asked_about_is_left_to_its_new_owner(
    engine: Engine, visits: list[int]
) -> None:
    """The question took longer than the lease; sending now could meet the sending of the new owner."""
    with db.transaction(engine) as session:
        must_claim(session)
    make_due(engine)

    class Slow(ScriptedGateway):
        def lookup(self, message: Message) -> Presence:
            with db.transaction(engine) as session:
                must_claim(session, after=LEASE + 5)
            return super().lookup(message)

    gateway = Slow()
    outcome = worker_with(engine, gateway).deliver_next()
    assert outcome == Retryable(reason="lease_lost")
    assert gateway.sent == []
    assert states(engine)[MessageState.IN_PROGRESS] == 1


def test_a_question_that_is_not_let_in_halts_the_link(
    engine: Engine, visits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a lone message of unknown outcome would ask for ever, and nobody would hear of it."""
    with db.transaction(engine) as session:
        must_claim(session)
    make_due(engine)
    gateway, refusal = ScriptedGateway(), Halted(reason="r", code="tls_refused")
    monkeypatch.setattr(gateway, "lookup", lambda _: refusal)
    assert worker_with(engine, gateway).deliver_next() == refusal
    assert gateway.sent == []
    assert halts(engine) == ["tls_refused"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CertificateError("wss.p12: wrong password"), "certificate_unusable"),
        (ContractError("the WSDL has no SOAP binding"), "contract_unusable"),
    ],
)
def test_what_would_fail_with_every_message_halts_the_link(
    engine: Engine, visits: list[int], error: Exception, code: str
) -> None:
    """A person is told once and nothing more is tried."""

    def broken(_: int) -> Gateway:
        raise error

    worker = Worker(engine, broken, "https://cer.example/services", LEASE)
    assert worker.drain() == {AttemptOutcome.HALTED: 1}
    assert halts(engine) == [code]
    assert states(engine) == {MessageState.PENDING: VISIT_MESSAGES}


def halts(engine: Engine) -> list[str | None]:
    """The codes for which links are halted."""
    with db.transaction(engine) as session:
        return list(
            session.scalars(select(TransmissionLink.halted_code).where(TransmissionLink.halted_at.is_not(None)))
        )


def test_a_message_that_cannot_be_made_is_kept_and_named(
    engine: Engine, visits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of ours waits like one of theirs; the log says which error and not what was in it."""

    def broken(*_: Any) -> Message:
        raise ValueError("91012312345")

    monkeypatch.setattr(contents, "content_of", broken)
    gateway = ScriptedGateway()
    assert worker_with(engine, gateway).drain() == {AttemptOutcome.RETRYABLE: VISIT_MESSAGES}
    assert gateway.sent == []
    with db.transaction(engine) as session:
        assert set(session.scalars(select(TransmissionAttempt.description))) == {"ValueError"}


def test_a_provider_that_is_not_let_in_waits_for_a_person(engine: Engine, visits: list[int]) -> None:
    """The alarm is raised, and nothing of it is sent; another provider goes on."""
    with db.transaction(engine) as session:
        other = factories.provider(session).id
        slot = factories_booking.slot(session, other)
        message(session, other, subject_id=visit(session, other, slot).id, day=DAY + timedelta(days=9))
        provider_id = session.get_one(OutboxMessage, visits[0]).provider_id
    gateway = ScriptedGateway([Halted(reason="certyfikat", code="certyfikatNiewazny")])
    mine = worker_with(engine, gateway)
    with capture_logs() as lines:
        assert mine.drain(patience_seconds=60) == {AttemptOutcome.HALTED: 1, AttemptOutcome.DELIVERED: 1}
    assert [line["log_level"] for line in lines] == ["error", "info"]
    assert states(engine) == {MessageState.PENDING: VISIT_MESSAGES, MessageState.ACCEPTED: 1}
    with running(mine):
        with db.transaction(engine) as session:
            links.resume(session, provider_id, clock.now())
        _until(lambda: states(engine) == {MessageState.ACCEPTED: VISIT_MESSAGES + 1})


def test_a_central_system_that_is_down_is_not_hammered(engine: Engine, visits: list[int]) -> None:
    """After five failures one message alone tries it now and then; once it answers, all go, back-offs or not."""
    down = ScriptedGateway([Retryable(reason="ConnectionError")] * 100)
    assert worker_with(engine, down).drain() == {AttemptOutcome.RETRYABLE: VISIT_MESSAGES}
    assert worker_with(engine, down).drain() == {}
    assert len(down.sent) == VISIT_MESSAGES == FAILURES_TO_OPEN
    ended = worker_with(engine, ScriptedGateway()).drain(patience_seconds=3)
    assert ended == {AttemptOutcome.DELIVERED: VISIT_MESSAGES}


def test_a_limit_of_calls_is_kept_by_all_workers_together(engine: Engine, visits: list[int]) -> None:
    """Two workers send five visits at twenty a second: the calls are fifty milliseconds apart."""
    times: list[float] = []

    class Timed(ScriptedGateway):
        def send(self, message: Message) -> Outcome:
            times.append(time.monotonic())
            return super().send(message)

    workers = [Worker(engine, lambda _: Timed(), "x", LEASE, calls_per_second=20) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: each.drain(), workers))
    assert len(times) == VISIT_MESSAGES
    assert max(times) - min(times) >= (VISIT_MESSAGES - 1) * 0.05 - 0.06


def test_what_is_held_already_is_not_sent(engine: Engine) -> None:
    """The message ends as accepted and says why; a reminder of it stands in the log of attempts."""
    with db.transaction(engine) as session:
        schedule = factories_booking.slot(session, factories.provider(session).id).schedule
        hand_over(session, schedule)
    worker_with(engine, ScriptedGateway()).drain()
    with db.transaction(engine) as session:
        hand_over(session, schedule)
    gateway = ScriptedGateway()
    ended = worker_with(engine, gateway).drain()
    assert ended == {AttemptOutcome.ALREADY_DELIVERED: 4, AttemptOutcome.DELIVERED: 1}
    assert [type(each) for each in gateway.sent] == [ActivationData]
    with db.transaction(engine) as session:
        kept = select(TransmissionAttempt.code, func.count()).group_by(TransmissionAttempt.code)
        assert dict(iter(session.execute(kept))) == {None: CHAIN + 1, "nothing_to_send": 4}


def test_an_attempt_keeps_what_left(engine: Engine, visits: list[int]) -> None:
    """The envelope is compressed; an attempt by which nothing left keeps nothing, whatever was sent before."""
    gateway = ScriptedGateway([OutcomeUnknown(reason="ReadTimeout")], Presence.PRESENT)
    gateway.certificate, gateway.last_sent = "ab" * 32, b"<Envelope/>"
    with db.transaction(engine) as session:
        session.query(OutboxMessage).filter(OutboxMessage.id != visits[0]).update({"state": MessageState.ACCEPTED})
    for _ in range(2):
        worker_with(engine, gateway).deliver_next()
        make_due(engine)
    with db.transaction(engine) as session:
        kept = select(TransmissionAttempt.certificate, TransmissionAttempt.sent).order_by(TransmissionAttempt.id)
        (certificate, sent), later_one = session.execute(kept).all()
    assert sent is not None
    assert (certificate, zlib.decompress(sent)) == ("ab" * 32, b"<Envelope/>")
    assert later_one == (None, None)


def test_a_message_whose_lease_ran_out_is_not_sent(
    engine: Engine, visits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading what it says took longer than the lease: somebody else may be sending it."""
    real = contents.content_of

    def slow(*given: Any) -> Content:
        time.sleep(0.02)
        return real(*given)

    monkeypatch.setattr(contents, "content_of", slow)
    gateway = ScriptedGateway()
    assert Worker(engine, lambda _: gateway, "x", 0.01).deliver_next() == Retryable(reason="lease_lost")
    assert gateway.sent == []


@pytest.mark.parametrize(
    ("answer", "ended"),
    [
        (lambda name: Delivered(refused=(refusal(name),)), Delivered),
        (lambda name: Delivered(refused=(refusal(replace(name, extension="?")),)), Retryable),
        (lambda _: AlreadyDelivered(), Retryable),
    ],
)
def test_an_initial_load_is_sent_until_each_visit_is_answered(
    engine: Engine, answer: Callable[[ObjectId], Outcome], ended: type[Outcome]
) -> None:
    """Of unknown outcome it is not asked about; an answer that leaves open which visits were refused is no answer."""
    with db.transaction(engine) as session:
        slot = factories_booking.slot(session, factories.provider(session).id)
        booked = visit(session, slot.schedule.provider_id, slot)
        message(session, booked.provider_id, MessageKind.LOAD_VISITS, load_chunk(session, [booked]).id)
        name = ObjectId(session.get_one(Provider, booked.provider_id).oid_root, str(booked.uuid))
    gateway = ScriptedGateway([OutcomeUnknown(reason="ReadTimeout"), answer(name)])
    worker_with(engine, gateway).deliver_next()
    make_due(engine)
    assert isinstance(worker_with(engine, gateway).deliver_next(), ended)
    assert (len(gateway.sent), gateway.asked) == (2, [])


def refusal(name: ObjectId) -> RefusedVisit:
    """The visit of this name is refused."""
    return RefusedVisit(identifier=name, code="c", rule=None, description="d")


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_host_whose_clock_is_wrong_takes_no_live_lease(
    engine: Engine, visits: list[int], monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Leases end by the database's clock, as do waits; a lease of its own is live for everybody else."""
    with db.transaction(engine) as session:
        held = must_claim(session).id
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=hours))
    gateway = ScriptedGateway()
    wrong = Worker(engine, lambda _: gateway, "x", LEASE, calls_per_second=1000)
    assert wrong.drain() == {AttemptOutcome.DELIVERED: VISIT_MESSAGES - 1}
    assert states(engine) == {MessageState.IN_PROGRESS: 1, MessageState.ACCEPTED: VISIT_MESSAGES - 1}
    with db.transaction(engine) as session:
        assert session.get_one(OutboxMessage, held).state is MessageState.IN_PROGRESS
        call_at = session.scalars(select(TransmissionLink.next_call_at)).one()
    assert call_at is not None
    assert abs(call_at - real()) < timedelta(seconds=30)


def test_a_clock_that_jumps_is_compared_anew(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise once a minute, because each comparison costs a statement."""
    shared, real = SharedClock(), clock.now
    with counted(engine) as sent:
        shared.keep(engine)
        shared.keep(engine)
    assert len(sent) == 1
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=1))
    shared.keep(engine)
    assert abs(shared.now() - real()) < timedelta(seconds=1)
    steady = clock.monotonic
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=1, seconds=61))
    monkeypatch.setattr(clock, "monotonic", lambda: steady() + 61)
    shared.keep(engine)
    assert abs(shared.now() - real()) < timedelta(seconds=1)


def test_a_visit_costs_few_statements(engine: Engine, visits: list[int]) -> None:
    """Search and lease, content, lock and record: no more while all is well."""
    mine = worker_with(engine, ScriptedGateway())
    mine.shared.keep(engine)
    with counted(engine) as sent:
        mine.deliver_next()
    assert len(sent) == 5, sent


def test_no_message_is_sent_twice_at_the_same_time(engine: Engine) -> None:
    """Eight workers, leases that hold, failures of every kind: at no time are two sendings of one message under way."""
    with db.transaction(engine) as session:
        hand_over_visits(session, factories.provider(session).id, 40)
    under_way: Counter[object] = Counter()
    most: list[int] = []
    answers: list[Outcome] = [OutcomeUnknown(reason="r"), Retryable(reason="r"), Delivered(), Delivered()]

    class Watched(ScriptedGateway):
        def send(self, message: Message) -> Outcome:
            under_way[message.message_id] += 1
            most.append(under_way[message.message_id])
            time.sleep(0.003)
            under_way[message.message_id] -= 1
            return random.choice(answers)  # noqa: S311 -- guards no secret

    workers = [Worker(engine, lambda _: Watched(presence=Presence.ABSENT), "x", LEASE) for _ in range(8)]
    with running(*workers):
        _until(lambda: _keep_going(engine) == {MessageState.ACCEPTED: CHAIN + 40}, seconds=60)
    assert set(most) == {1}


def _keep_going(engine: Engine) -> Counter[MessageState]:
    with engine.begin() as connection:
        connection.execute(text("UPDATE outbox_messages SET due_at = now() WHERE state = 'pending' AND attempts > 0"))
        connection.execute(
            text("UPDATE transmission_links SET probe_at = now() WHERE probe_at > now() + interval '1 s'")
        )
    return states(engine)


@contextmanager
def running(*workers: Worker) -> Iterator[None]:
    """Workers at work in threads of their own."""
    threads = [Thread(target=each.run, args=(0.02,)) for each in workers]
    for thread in threads:
        thread.start()
    yield
    for each, thread in zip(workers, threads, strict=True):
        each.stop.set()
        thread.join(timeout=30)
        assert not thread.is_alive()


def _until(condition: Any, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_stopping_worker_finishes_its_message(engine: Engine, visits: list[int]) -> None:
    """What was sent is recorded; what was not begun stays for others."""
    mine = worker_with(engine, ScriptedGateway())

    class Stopping(ScriptedGateway):
        def send(self, message: Message) -> Outcome:
            mine.stop.set()
            return super().send(message)

    gateway = Stopping()
    stopping = Worker(engine, lambda _: gateway, "x", LEASE, mine.stop)
    stopping.run()
    assert states(engine) == {MessageState.ACCEPTED: 1, MessageState.PENDING: VISIT_MESSAGES - 1}


def test_a_drain_waits_patiently_for_what_is_due_soon(engine: Engine, visits: list[int]) -> None:
    """With patience a message in its back-off is delivered too; without it is left."""
    assert worker_with(engine, ScriptedGateway([Retryable(reason="r")])).drain(patience_seconds=5) == {
        AttemptOutcome.RETRYABLE: 1,
        AttemptOutcome.DELIVERED: VISIT_MESSAGES,
    }


def test_the_log_names_messages_and_no_one(engine: Engine, visits: list[int]) -> None:
    """Identifiers, kind, outcome and duration."""
    with capture_logs() as lines:
        worker_with(engine, ScriptedGateway()).drain()
    assert {line["message"] for line in lines} == set(visits)
    known = {"event", "log_level", "message", "provider", "kind", "attempt", "outcome", "milliseconds"}
    assert {name for line in lines for name in line} == known


def test_a_worker_outlives_a_database_that_is_away(
    engine: Engine, visits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on when the database is back, also in the middle of recording, and keeps the attempt."""
    away = iter([True] * 3 + [False, True, True])
    real = db.transaction

    @contextmanager
    def flaky(engine: Engine) -> Iterator[Any]:
        if next(away, False):
            raise OperationalError("SELECT 1", {}, ConnectionError())
        with real(engine) as session:
            yield session

    monkeypatch.setattr(db, "transaction", flaky)
    gateway = ScriptedGateway()
    with running(worker_with(engine, gateway)):
        _until(lambda: len(gateway.sent) == VISIT_MESSAGES)
    assert states(engine) == {MessageState.ACCEPTED: VISIT_MESSAGES}
    with real(engine) as session:
        assert session.scalar(select(func.count(TransmissionAttempt.id))) == VISIT_MESSAGES


def test_workers_beside_each_other_send_each_message_once(engine: Engine, settings: Settings, tmp_path: Path) -> None:
    """Four workers, one real central system over HTTP: it holds everything, each in the order that it demands."""
    with db.transaction(engine) as session:
        hand_over_visits(session, factories.provider(session).id, 30)
    with SandboxServer(tmp_path / "sandbox.sqlite") as sandbox:
        own = replace(settings, cer_url=sandbox.address)
        with ThreadPoolExecutor(4) as pool:
            workers = [worker_of(own, engine, Event()) for _ in range(4)]
            list(pool.map(lambda each: each.drain(patience_seconds=5), workers))
        for each in workers:
            each.drain(patience_seconds=10)
        counts = sandbox.state.counts()
    assert states(engine) == {MessageState.ACCEPTED: CHAIN + 30}
    assert (counts["visits"], counts["messages"], counts["active_service_places"]) == (30, CHAIN + 30, 1)
    with db.transaction(engine) as session:
        assert set(session.scalars(select(TransmissionAttempt.outcome))) == {AttemptOutcome.DELIVERED}


def test_two_providers_speak_for_themselves(engine: Engine, settings: Settings, tmp_path: Path) -> None:
    """One worker serves all providers of the database, each with its own call context."""
    with db.transaction(engine) as session:
        for _ in range(2):
            hand_over(session, factories_booking.slot(session, factories.provider(session).id).schedule)
    with SandboxServer(tmp_path / "sandbox.sqlite") as sandbox:
        mine = worker_of(replace(settings, cer_url=sandbox.address), engine, Event())
        assert mine.drain() == {AttemptOutcome.DELIVERED: 2 * CHAIN}
        assert sandbox.state.counts()["active_service_places"] == 2
        spoken = {mine.gateway_of(key) for key in _providers(engine)}
    assert len(spoken) == 2


def _providers(engine: Engine) -> set[int]:
    with db.transaction(engine) as session:
        return set(session.scalars(select(OutboxMessage.provider_id)))


# real processes, really killed


def environment(settings: Settings) -> dict[str, str]:
    """The variables from which a process reads these settings."""
    given = {each.metadata["variable"]: getattr(settings, each.name) for each in fields(settings)}
    written = {name: _written(value) for name, value in given.items() if value is not None}
    others = {name: value for name, value in os.environ.items() if not name.startswith("MOBILE_UNITS_")}
    return others | written | {"PYTHONPATH": str(Path(__file__).parents[2])}


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(int(value)) if isinstance(value, bool) else str(value)


class World:
    """A sandbox process and worker processes on one database."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.settings = replace(
            settings,
            cer_url=f"http://127.0.0.1:{self.port}/services",
            cer_connect_seconds=0.3,
            cer_read_seconds=0.6,
            lease_seconds=1.6,
        )
        self._processes: list[subprocess.Popen[bytes]] = []

    def start_sandbox(self) -> subprocess.Popen[bytes]:
        """Starts the central system, with the state of the one before it."""
        serve = "from mobile_units.sandbox.server import serve; from pathlib import Path; import sys;"
        serve += "serve('127.0.0.1', int(sys.argv[1]), Path(sys.argv[2]))"
        process = self._start("-c", serve, str(self.port), str(self.folder / "sandbox.sqlite"))
        _until(self._answers)
        return process

    def start_worker(self, *options: str) -> subprocess.Popen[bytes]:
        """Starts a worker."""
        return self._start("-m", "tests.transmission.worker_process", *options)

    def counts(self) -> dict[str, int]:
        """What the central system holds."""
        with urlopen(f"http://127.0.0.1:{self.port}/state", timeout=5) as answer:
            held: dict[str, int] = json.load(answer)
            return held

    def end(self) -> None:
        """Ends all processes that are left."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait(timeout=10)

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, *arguments], env=environment(self.settings))
        self._processes.append(process)
        return process

    def _answers(self) -> bool:
        try:
            return bool(self.counts())
        except OSError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def world(settings: Settings, tmp_path: Path) -> Iterator[World]:
    """Processes that are gone after the test."""
    made = World(settings, tmp_path)
    yield made
    made.end()


@pytest.mark.processes
def test_a_worker_killed_between_send_and_record_loses_and_doubles_nothing(engine: Engine, world: World) -> None:
    """Again and again a worker is killed when its message has arrived and nobody has recorded it.

    The next one asks the central system, finds the message, and goes on. At the end everything was accepted there
    exactly once: no repetition was even sent.
    """
    with db.transaction(engine) as session:
        hand_over_visits(session, factories.provider(session).id, 6)
    world.start_sandbox()
    for _ in range(4):
        assert world.start_worker("--dies").wait(timeout=30) == -signal.SIGKILL
    last = world.start_worker()
    _until(lambda: states(engine) == {MessageState.ACCEPTED: CHAIN + 6})
    last.terminate()
    assert last.wait(timeout=30) == 0
    counts = world.counts()
    assert (counts["messages"], counts["visits"], counts["active_service_places"]) == (CHAIN + 6, 6, 1)
    with db.transaction(engine) as session:
        ended = Counter(session.scalars(select(TransmissionAttempt.outcome)))
        unpassed = session.scalar(select(func.count()).where(Visit.id.in_(_subjects()), Visit.passed_at.is_(None)))
    assert ended == {AttemptOutcome.ALREADY_DELIVERED: 4, AttemptOutcome.DELIVERED: CHAIN + 2}
    assert unpassed == 0


def _subjects() -> Any:
    return select(OutboxMessage.subject_id).where(OutboxMessage.kind == "save_visit")


@pytest.mark.processes
def test_a_killed_central_system_is_waited_for(engine: Engine, world: World) -> None:
    """Killed in the middle of the work and started again with its state, it ends up with everything, once."""
    with db.transaction(engine) as session:
        hand_over_visits(session, factories.provider(session).id, MANY)
    sandbox, mine = world.start_sandbox(), world.start_worker()
    _until(lambda: world.counts()["messages"] > 10)
    sandbox.kill()
    sandbox.wait(timeout=10)
    assert states(engine)[MessageState.ACCEPTED] < CHAIN + MANY
    time.sleep(0.5)
    world.start_sandbox()
    _until(lambda: states(engine) == {MessageState.ACCEPTED: CHAIN + MANY}, seconds=60)
    mine.terminate()
    assert mine.wait(timeout=30) == 0
    assert (world.counts()["messages"], world.counts()["visits"]) == (CHAIN + MANY, MANY)


@pytest.mark.processes
def test_a_killed_database_is_waited_for(settings: Settings, server_folder: Path, tmp_path: Path) -> None:
    """All processes of the server are killed during the work; started again, it has everything, once."""
    with ExitStack() as ending:
        own = replace(settings, database_url=None, data_dir=server_folder)
        engine = db.engine_of(own)
        ending.callback(engine.dispose)
        migrations.upgrade(engine)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ALTER SYSTEM SET fsync = off"))  # processes are killed here, not machines
            connection.execute(text("SELECT pg_reload_conf()"))
        with db.transaction(engine) as session:
            hand_over_visits(session, factories.provider(session).id, MANY)
        world = World(own, tmp_path)
        ending.callback(world.end)
        world.start_sandbox()
        mine = world.start_worker()
        _until(lambda: world.counts()["messages"] > 15)
        _kill_server(server_folder)
        engine.dispose()
        time.sleep(0.5)
        assert mine.poll() is None
        assert world.counts()["messages"] < CHAIN + MANY
        embedded.ensure_running(server_folder)
        _until(lambda: states(engine) == {MessageState.ACCEPTED: CHAIN + MANY}, seconds=60)
        mine.terminate()
        assert mine.wait(timeout=30) == 0
        assert (world.counts()["messages"], world.counts()["visits"]) == (CHAIN + MANY, MANY)


def _kill_server(folder: Path) -> None:
    """Kills the server of this folder and the processes that it started, all at once."""
    pid = int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    server = psutil.Process(pid)
    family = [server, *server.children(recursive=True)]
    for each in family:
        with suppress(psutil.NoSuchProcess):  # some end by themselves when their server is gone
            each.kill()
    psutil.wait_procs(family, timeout=10)
