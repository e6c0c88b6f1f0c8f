"""The worker: carries the messages of the outbox to the central system, one after the other.

For each message: claim (a transaction), read the content, send with no transaction open, record (a transaction).
Killed at any point, it loses nothing: an unrecorded message is claimed again when its lease has run out, and the
receiver is asked before it is sent again. Any number of workers run beside each other, on any number of hosts.

What one provider is refused or cannot reach holds up no other: its link (`links`) keeps its messages from being
claimed, and the worker goes on.
"""

import random
import signal
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, Thread
from typing import Protocol, TypeVar

import structlog
from sqlalchemy import Engine

from mobile_units import clock, db
from mobile_units.config import Settings
from mobile_units.models.transmissions import AttemptOutcome
from mobile_units.rules.transmissions import MessageKind
from mobile_units.transmission import contents, deliveries, records
from mobile_units.transmission.certificates import CertificateError
from mobile_units.transmission.deliveries import Attempt, ClaimedMessage
from mobile_units.transmission.gateway import (
    AlreadyDelivered,
    Delivered,
    Gateway,
    Halted,
    Outcome,
    Presence,
    Retryable,
)
from mobile_units.transmission.gateways import GatewayOf, gateways_of
from mobile_units.transmission.messages import LoadedVisits, Message
from mobile_units.transmission.shared_clock import SharedClock
from mobile_units.transmission.soap import ContractError

IDLE_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 0.2
LONGEST_BACK_OFF_SECONDS = 30.0
FASTEST = 1
"""The level of zlib that costs least time; envelopes repeat themselves so much that it hardly matters."""

Result = TypeVar("Result")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Try:
    """What became of a message, whether the last word is the central system's, and whether the message was sent."""

    outcome: Outcome
    called: bool = True
    sent: bool = False


UNUSABLE: Mapping[type[Exception], str] = {
    CertificateError: "certificate_unusable",
    ContractError: "contract_unusable",
}
"""What keeps every message of a provider from being sent, and the code by which a person is told."""
NOTHING_TO_SEND = AlreadyDelivered(code="nothing_to_send")
LEASE_LOST = _Try(Retryable(reason="lease_lost"), called=False)


@dataclass(frozen=True, slots=True)
class Worker:
    """Delivers messages until `stop` is set; `endpoint` is what the log of attempts names as the receiver.

    One worker belongs to one thread, because a gateway does. `calls_per_second` is the limit that all workers keep
    together for one provider; 0 is none. Leases are kept by the `shared` clock, whatever the clock of the host says.
    """

    engine: Engine
    gateway_of: GatewayOf
    endpoint: str
    lease_seconds: float
    stop: Event = field(default_factory=Event)
    calls_per_second: float = 0.0
    shared: SharedClock = field(default_factory=SharedClock)

    def run(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Delivers whatever becomes due until `stop` is set; the message at hand is finished first.

        An unreachable database, and an error nobody thought of, make it wait, longer each time, and go on.
        """
        failures = 0
        while not self.stop.is_set():
            try:
                if self.deliver_next() is None:
                    self.stop.wait(idle_seconds)
                failures = 0
            except Exception:
                failures += 1
                log.exception("worker_failed", failures=failures)
                self.stop.wait(_back_off_seconds(failures))

    def drain(self, patience_seconds: float = 0.0) -> Counter[AttemptOutcome]:
        """Delivers until nothing is left that it could deliver; returns how the attempts ended.

        Left are messages that wait for a rejected one or for a person to resume a halted link, and those that may be
        claimed only after `patience_seconds`: in their back-off, leased by another worker, or while the circuit
        breaker is open.

        Raises:
            OperationalError: the database is unreachable.
        """
        ended: Counter[AttemptOutcome] = Counter()
        while not self.stop.is_set():
            outcome = self.deliver_next()
            if outcome is not None:
                ended[records.OUTCOMES[type(outcome)]] += 1
            elif not self._wait_for_due(patience_seconds):
                break
        return ended

    def _wait_for_due(self, patience_seconds: float) -> bool:
        """Waits for the next message to be due, unless that takes too long; another worker may free one earlier."""
        with db.transaction(self.engine) as session:
            due = deliveries.next_due(session)
        if due is None or (seconds := (due - self.shared.now()).total_seconds()) > patience_seconds:
            return False
        self.stop.wait(min(max(seconds, 0.01), LOOK_AGAIN_SECONDS))
        return True

    def deliver_next(self) -> Outcome | None:
        """Claims, sends and records one message; None if none is due.

        Raises:
            OperationalError: the database is unreachable; whatever was claimed is claimed again later.
        """
        self.shared.keep(self.engine)
        with db.transaction(self.engine) as session:
            claimed = deliveries.claim(session, self.shared.now(), self.lease_seconds, self.calls_per_second)
        if claimed is None:
            return None
        attempt = self._attempt(claimed)
        self._record(claimed, attempt)
        _log_attempt(claimed, attempt)
        return attempt.outcome

    def _attempt(self, claimed: ClaimedMessage) -> Attempt:
        """Sends a message; one that cannot be made, because of an error of ours, is tried again later.

        Without certificate or contract nothing can be sent, so the link is halted as if we had been refused.
        """
        started_at = self.shared.now()
        try:
            gateway = self.gateway_of(claimed.provider_id)
            with db.reading(self.engine) as session:
                content = contents.content_of(session, claimed)
        except tuple(UNUSABLE) as error:
            return Attempt(Halted(reason=str(error), code=UNUSABLE[type(error)]), started_at, 0, self.endpoint)
        except Exception as error:
            log.exception("message_not_made", message=claimed.id)
            return Attempt(Retryable(reason=type(error).__name__), started_at, 0, self.endpoint, called=False)
        if content.message is None:
            return Attempt(NOTHING_TO_SEND, started_at, 0, self.endpoint, content.told, called=False)
        self.shared.wait_until(claimed.call_at)
        started_at, started = self.shared.now(), clock.monotonic()
        tried = self._try(gateway, content.message, claimed)
        milliseconds = round((clock.monotonic() - started) * 1000)
        envelope = gateway.last_sent if tried.sent else None
        return Attempt(
            tried.outcome,
            started_at,
            milliseconds,
            self.endpoint,
            told=content.told,
            certificate=None if envelope is None else gateway.certificate,
            sent=None if envelope is None else zlib.compress(envelope, FASTEST),
            called=tried.called,
        )

    def _try(self, gateway: Gateway, message: Message, claimed: ClaimedMessage) -> _Try:
        """Sends a message of unknown outcome unless the receiver has it; where it cannot tell, repeating does no harm.

        An initial load is always sent, for the answer to the repetition says anew which visits were refused. Asking may
        take most of the lease, so it is begun anew before sending.
        """
        if self.shared.now() > claimed.leased_until:
            return LEASE_LOST
        if claimed.uncertain and claimed.kind is not MessageKind.LOAD_VISITS:
            presence = gateway.lookup(message)
            if isinstance(presence, Halted):
                return _Try(presence)
            if presence is Presence.PRESENT:
                return _Try(AlreadyDelivered())
            if presence is Presence.UNANSWERED:
                return _Try(Retryable(reason="lookup_unanswered"))
            if (call_at := self._renewed(claimed)) is None:
                return LEASE_LOST
            self.shared.wait_until(call_at)
        return _Try(_understood(message, gateway.send(message)), sent=True)

    def _renewed(self, claimed: ClaimedMessage) -> datetime | None:
        with db.transaction(self.engine) as session:
            return deliveries.renew(session, claimed, self.shared.now(), self.lease_seconds, self.calls_per_second)

    def _record(self, claimed: ClaimedMessage, attempt: Attempt) -> None:
        """Records an attempt, waiting for the database for as long as the lease lasts, at most until `stop` is set."""
        failures, deadline = 0, clock.monotonic() + self.lease_seconds
        while True:
            try:
                with db.transaction(self.engine) as session:
                    return records.record(session, claimed, attempt, self.shared.now())
            except db.UNREACHABLE:
                failures += 1
                if clock.monotonic() > deadline or self.stop.wait(_back_off_seconds(failures)):
                    raise


def worker_of(settings: Settings, engine: Engine, stop: Event) -> Worker:
    """A worker for one thread, with gateways of its own."""
    gateway_of = gateways_of(settings, engine)
    return Worker(engine, gateway_of, settings.cer_url, settings.lease_seconds, stop, settings.cer_calls_per_second)


class Runs(Protocol):
    """What goes on in a thread of its own until it is told to stop."""

    def run(self) -> None:
        """Goes on."""


def run_until_signal(workers: Sequence[Runs], stop: Event) -> None:
    """Runs workers that share `stop`, each in a thread, until SIGTERM or SIGINT; each finishes its message.

    The workers run outside the main thread, because there the handler could interrupt a wait on the very event that it
    sets.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threads = [Thread(target=worker.run, name=f"worker-{n}") for n, worker in enumerate(workers, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _back_off_seconds(failures: int) -> float:
    longest = min(LONGEST_BACK_OFF_SECONDS, 0.1 * 2.0 ** min(failures, 20))
    return random.uniform(longest / 2, longest)  # noqa: S311 -- spreads load, guards no secret


def _understood(message: Message, outcome: Outcome) -> Outcome:
    """The outcome; where the answer to an initial load leaves open which of its visits were refused, another try."""
    if not isinstance(message, LoadedVisits):
        return outcome
    if isinstance(outcome, AlreadyDelivered):
        return Retryable(reason="refusals_not_told")
    refused = {each.identifier for each in outcome.refused} if isinstance(outcome, Delivered) else set()
    if refused <= {visit.identifier for visit in message.visits}:
        return outcome
    return Retryable(reason="refusals_not_understood")


def _log_attempt(claimed: ClaimedMessage, attempt: Attempt) -> None:
    report = log.error if isinstance(attempt.outcome, Halted) else log.info
    report(
        "message_attempted",
        message=claimed.id,
        provider=claimed.provider_id,
        kind=claimed.kind.value,
        attempt=claimed.attempts,
        outcome=records.OUTCOMES[type(attempt.outcome)].value,
        milliseconds=attempt.milliseconds,
    )
