"""The time that all hosts share, which is the database's: leases and the pace of calls are kept by it.

By the clock of its own host, a worker that is ahead would take live leases for leases that ran out, and send what
another one is sending.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select

from mobile_units import clock, db

COMPARED_EVERY_SECONDS = 60.0
JUMP_SECONDS = 0.5
"""The clock of the host was set, or the host slept, if it went on so much more or less than time did."""


@dataclass(slots=True)
class SharedClock:
    """The database's time, told by the clock of the host and by how much that is off; it belongs to one thread."""

    _off_by: timedelta = timedelta()
    _compared: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """The present instant, as of the last comparison."""
        return clock.now() + self._off_by

    def keep(self, engine: Engine) -> None:
        """Compares the clocks, if that was not done within a minute or if the clock of the host jumped.

        Raises:
            OperationalError: the database is unreachable.
        """
        if self._is_kept():
            return
        with db.transaction(engine) as session:
            there = session.scalars(select(func.clock_timestamp())).one()
            here = clock.now()
        self._off_by, self._compared = there - here, (here, clock.monotonic())

    def _is_kept(self) -> bool:
        if self._compared is None:
            return False
        compared_at, started = self._compared
        seconds = clock.monotonic() - started
        jumped = abs((clock.now() - compared_at).total_seconds() - seconds)
        return seconds < COMPARED_EVERY_SECONDS and jumped < JUMP_SECONDS

    def wait_until(self, call_at: datetime) -> None:
        """Waits for the time of a call, which the limit of calls per second keeps short; stopping does not cut it."""
        seconds = (call_at - self.now()).total_seconds()
        if seconds > 0:
            time.sleep(seconds)
