"""What the sandbox remembers, in one SQLite file that outlives the process.

A request is one transaction: it is carried out whole or not at all, also when the process is killed.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

_TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS service_place (id TEXT PRIMARY KEY, mobile INTEGER, active INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS mobile_point (id TEXT PRIMARY KEY, service_place TEXT);
CREATE TABLE IF NOT EXISTS schedule (id TEXT PRIMARY KEY, service_place TEXT, mobile_point TEXT);
CREATE TABLE IF NOT EXISTS working_time (schedule TEXT, starts REAL, ends REAL);
CREATE TABLE IF NOT EXISTS slot (id TEXT PRIMARY KEY, schedule TEXT, starts REAL, ends REAL, capacity INTEGER);
CREATE TABLE IF NOT EXISTS visit (
    id TEXT PRIMARY KEY, slot TEXT, woman TEXT, programme TEXT, status TEXT, content BLOB
);
CREATE TABLE IF NOT EXISTS message (id TEXT PRIMARY KEY);
CREATE INDEX IF NOT EXISTS schedules_of_place ON schedule (service_place);
CREATE INDEX IF NOT EXISTS times_of_schedule ON working_time (schedule);
CREATE INDEX IF NOT EXISTS slots_of_schedule ON slot (schedule);
CREATE INDEX IF NOT EXISTS visits_of_slot ON visit (slot);
CREATE INDEX IF NOT EXISTS visits_of_woman ON visit (woman);
"""

_COUNTS = """
SELECT
    (SELECT count(*) FROM service_place) AS service_places,
    (SELECT count(*) FROM service_place WHERE active) AS active_service_places,
    (SELECT count(*) FROM mobile_point) AS mobile_points,
    (SELECT count(*) FROM schedule) AS schedules,
    (SELECT count(*) FROM slot) AS slots,
    (SELECT count(*) FROM visit WHERE status <> 'ODWOLANA') AS visits,
    (SELECT count(*) FROM visit WHERE status = 'ODWOLANA') AS cancelled_visits,
    (SELECT count(*) FROM message) AS messages
"""


class SandboxState:
    """The remembered state; safe to share between threads, which take turns."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the file, readable by its owner only because visits name people."""
        path.touch(mode=0o600)
        self._turn = Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript(_TABLES)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is kept when the block ends and undone when it raises."""
        with self._turn:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def counts(self) -> dict[str, int]:
        """How many objects of each kind there are; `visits` are those not cancelled."""
        with self._turn:
            return dict(self._connection.execute(_COUNTS).fetchone())

    def close(self) -> None:
        """Closes the file after the transaction under way."""
        with self._turn:
            self._connection.close()
