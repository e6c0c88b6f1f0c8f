"""A worker as a process of its own, configured as in production: `python -m tests.transmission.worker_process`.

With `--dies` the process kills itself, as kill -9 would, when its first message was sent and is not recorded yet.
"""

import os
import signal
import sys
from dataclasses import dataclass
from threading import Event

from mobile_units import db, logs
from mobile_units.config import Settings
from mobile_units.transmission.gateway import Gateway, Halted, Outcome, Presence, Rejected, Retryable
from mobile_units.transmission.gateways import gateways_of
from mobile_units.transmission.messages import ChangesPage, ChangesQuery, Message
from mobile_units.transmission.worker import Worker, run_until_signal, worker_of


@dataclass(frozen=True)
class DyingGateway:
    """Sends through the real gateway and takes the process with it."""

    real: Gateway

    def send(self, message: Message) -> Outcome:
        """Does not return."""
        outcome = self.real.send(message)
        os.kill(os.getpid(), signal.SIGKILL)
        return outcome

    def lookup(self, message: Message) -> Presence | Halted:
        """Asks as usual."""
        return self.real.lookup(message)

    def changes(self, query: ChangesQuery) -> ChangesPage | Retryable | Rejected | Halted:
        """Asks as usual."""
        return self.real.changes(query)

    @property
    def certificate(self) -> str | None:
        """As usual."""
        return self.real.certificate

    @property
    def last_sent(self) -> bytes | None:
        """As usual."""
        return self.real.last_sent


def main() -> None:
    """Works until SIGTERM, or until it dies."""
    settings = Settings.from_env()
    logs.configure("ERROR")
    engine, stop = db.engine_of(settings), Event()
    worker = worker_of(settings, engine, stop)
    if "--dies" in sys.argv:
        gateway_of = gateways_of(settings, engine)
        worker = Worker(
            engine, lambda key: DyingGateway(gateway_of(key)), settings.cer_url, settings.lease_seconds, stop
        )
    run_until_signal([worker], stop)


if __name__ == "__main__":
    main()
