"""The worker: carries the messages of the outbox to the central system, one after the other.

For each message: claim (a transaction), read the content (a transaction), send with no transaction open, record (a
transaction). Killed at any point, it loses nothing: an unrecorded message is claimed again when its lease has run out,
and the receiver is asked before it is sent again. Any number of workers run beside each other.
"""

import random
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TypeVar

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError

from mobile_units import clock, db
from mobile_units.config import Settings
from mobile_units.models.transmissions import AttemptOutcome
from mobile_units.transmission import contents, outbox
from mobile_units.transmission.gateway import AlreadyDelivered, Gateway, Halted, Outcome, Presence, Retryable
from mobile_units.transmission.gateways import GatewayOf, gateways_of
from mobile_units.transmission.messages import Message
from mobile_units.transmission.outbox import OUTCOMES, Attempt, ClaimedMessage

IDLE_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 0.2
HALTED_SECONDS = 60.0
LONGEST_BACK_OFF_SECONDS = 30.0

Result = TypeVar("Result")
UNREACHABLE = (OperationalError, InterfaceError)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Worker:
    """Delivers messages until `stop` is set; `endpoint` is what the log of attempts names as the receiver.

    One worker belongs to one thread, because a gateway does.
    """

    engine: Engine
    gateway_of: GatewayOf
    endpoint: str
    lease_seconds: float
    stop: Event = field(default_factory=Event)

    def run(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Delivers whatever becomes due until `stop` is set; the message at hand is finished first.

        An unreachable database, and an error nobody thought of, make it wait, longer each time, and go on.
        """
        failures = 0
        while not self.stop.is_set():
            try:
                self.stop.wait(self._pause_after(self.deliver_next(), idle_seconds))
                failures = 0
            except Exception:
                failures += 1
                log.exception("worker_failed", failures=failures)
                self.stop.wait(_back_off_seconds(failures))

    @staticmethod
    def _pause_after(outcome: Outcome | None, idle_seconds: float) -> float:
        if outcome is None:
            return idle_seconds
        return HALTED_SECONDS if isinstance(outcome, Halted) else 0.0

    def drain(self, patience_seconds: float = 0.0) -> Counter[AttemptOutcome]:
        """Delivers until nothing is left that it could deliver; returns how the attempts ended.

        Left are messages that wait for a rejected one, or are due (or leased by another worker) for longer than
        `patience_seconds` from now. It also ends when the central system does not let us in.

        Raises:
            OperationalError: the database is unreachable.
        """
        ended: Counter[AttemptOutcome] = Counter()
        while not self.stop.is_set():
            outcome = self.deliver_next()
            if outcome is not None:
                ended[OUTCOMES[type(outcome)]] += 1
            elif not self._wait_for_due(patience_seconds):
                break
            if isinstance(outcome, Halted):
                break
        return ended

    def _wait_for_due(self, patience_seconds: float) -> bool:
        """Waits for the next message to be due, unless that takes too long; another worker may free one earlier."""
        with db.transaction(self.engine) as session:
            due = outbox.next_due(session)
        if due is None or (seconds := (due - clock.now()).total_seconds()) > patience_seconds:
            return False
        self.stop.wait(min(max(seconds, 0.01), LOOK_AGAIN_SECONDS))
        return True

    def deliver_next(self) -> Outcome | None:
        """Claims, sends and records one message; None if none is due.

        Raises:
            OperationalError: the database is unreachable; whatever was claimed is claimed again later.
        """
        with db.transaction(self.engine) as session:
            claimed = outbox.claim(session, clock.now(), self.lease_seconds)
        if claimed is None:
            return None
        started_at, started = clock.now(), clock.monotonic()
        outcome = self._attempt(claimed)
        milliseconds = round((clock.monotonic() - started) * 1000)
        self._record(claimed, Attempt(outcome, started_at, milliseconds, self.endpoint))
        _log_attempt(claimed, outcome, milliseconds)
        return outcome

    def _attempt(self, claimed: ClaimedMessage) -> Outcome:
        """Sends a message; one that cannot be made, because of an error of ours, is tried again later."""
        try:
            gateway = self.gateway_of(claimed.provider_id)
            with db.transaction(self.engine) as session:
                message = contents.message_of(session, claimed)
        except Exception as error:
            log.exception("message_not_made", message=claimed.id)
            return Retryable(reason=type(error).__name__)
        return self._ask_and_send(gateway, message, claimed) if claimed.uncertain else gateway.send(message)

    def _ask_and_send(self, gateway: Gateway, message: Message, claimed: ClaimedMessage) -> Outcome:
        """Sends a message of unknown outcome unless the receiver has it; where it cannot tell, repeating does no harm.

        Asking may take most of the lease, so it is begun anew before sending.
        """
        presence = gateway.lookup(message)
        if presence is Presence.PRESENT:
            return AlreadyDelivered()
        if presence is Presence.UNANSWERED:
            return Retryable(reason="lookup_unanswered")
        with db.transaction(self.engine) as session:
            renewed = outbox.renew(session, claimed, clock.now(), self.lease_seconds)
        return gateway.send(message) if renewed else Retryable(reason="lease_lost")

    def _record(self, claimed: ClaimedMessage, attempt: Attempt) -> None:
        """Records an attempt, waiting for the database for as long as the lease lasts, at most until `stop` is set."""
        failures, deadline = 0, clock.monotonic() + self.lease_seconds
        while True:
            try:
                with db.transaction(self.engine) as session:
                    return outbox.record(session, claimed, attempt, clock.now())
            except UNREACHABLE:
                failures += 1
                if clock.monotonic() > deadline or self.stop.wait(_back_off_seconds(failures)):
                    raise


def worker_of(settings: Settings, engine: Engine, stop: Event) -> Worker:
    """A worker for one thread, with gateways of its own."""
    return Worker(engine, gateways_of(settings, engine), settings.cer_url, settings.lease_seconds, stop)


def run_until_signal(workers: Sequence[Worker], stop: Event) -> None:
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


def _log_attempt(claimed: ClaimedMessage, outcome: Outcome, milliseconds: int) -> None:
    report = log.error if isinstance(outcome, Halted) else log.info
    report(
        "message_attempted",
        message=claimed.id,
        provider=claimed.provider_id,
        kind=claimed.kind.value,
        attempt=claimed.attempts,
        outcome=OUTCOMES[type(outcome)].value,
        milliseconds=milliseconds,
    )
