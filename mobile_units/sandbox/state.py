"""What the sandbox remembers, in one SQLite file that outlives the process.

A request is one transaction: it is carried out whole or not at all, also when the process is killed.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

VERSION = 2
"""Of the tables; a file of another version is not opened."""

_TABLES = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS service_place (
    id TEXT PRIMARY KEY, owner TEXT, name TEXT, mobile INTEGER, active INTEGER DEFAULT 0
);
CREATE TABLE IF NOT EXISTS mobile_point (id TEXT PRIMARY KEY, owner TEXT, service_place TEXT, name TEXT);
CREATE TABLE IF NOT EXISTS schedule (
    id TEXT PRIMARY KEY, owner TEXT, service_place TEXT, mobile_point TEXT, product_code TEXT
);
CREATE TABLE IF NOT EXISTS working_time (schedule TEXT, starts REAL, ends REAL);
CREATE TABLE IF NOT EXISTS slot (
    id TEXT PRIMARY KEY, schedule TEXT, day TEXT, starts REAL, ends REAL, capacity INTEGER
);
CREATE TABLE IF NOT EXISTS visit (
    id TEXT PRIMARY KEY, owner TEXT, slot TEXT, day TEXT, woman TEXT, programme TEXT, status TEXT, content BLOB,
    sequence INTEGER, changed_at REAL, changed_by TEXT
);
CREATE TABLE IF NOT EXISTS message (
    sequence INTEGER PRIMARY KEY, owner TEXT, id TEXT, operation TEXT, at REAL, UNIQUE (owner, id)
);
CREATE TABLE IF NOT EXISTS visit_message (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, visit TEXT, message TEXT, operation TEXT, status TEXT
);
CREATE INDEX IF NOT EXISTS schedules_of_place ON schedule (service_place);
CREATE INDEX IF NOT EXISTS times_of_schedule ON working_time (schedule);
CREATE INDEX IF NOT EXISTS slots_of_schedule ON slot (schedule);
CREATE INDEX IF NOT EXISTS slots_by_time ON slot (starts);
CREATE INDEX IF NOT EXISTS visits_of_slot ON visit (slot);
CREATE INDEX IF NOT EXISTS visits_of_woman ON visit (woman);
CREATE INDEX IF NOT EXISTS changes ON visit (sequence);
CREATE INDEX IF NOT EXISTS changes_of_owner ON visit (owner, sequence, day);
CREATE INDEX IF NOT EXISTS messages_of_visit ON visit_message (visit);
PRAGMA user_version = {VERSION};
"""
"""Each change of a visit has a row in `visit_message`; the last one's number is the `sequence` of the visit, so changes
are asked for by number and a visit is told once, in its last state."""

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

_VISITS = "SELECT id, slot, status, sequence, changed_by FROM visit ORDER BY sequence"
_HISTORY = "SELECT visit, message FROM visit_message ORDER BY sequence"


class SandboxState:
    """The remembered state; safe to share between threads, which take turns."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the file, readable by its owner only because visits name people.

        Raises:
            RuntimeError: the file was made by another version of the sandbox.
        """
        path.touch(mode=0o600)
        self._turn = Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._make_tables(path)

    def _make_tables(self, path: Path) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and version != VERSION:
            self._connection.close()
            raise RuntimeError(f"{path} is the state of another version of the sandbox; move it away to start anew")
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

    def visits(self) -> list[dict[str, object]]:
        """All visits as they stand, without the women, and the messages that made them so, in order."""
        history: dict[str, list[str | None]] = {}
        with self._turn:
            for visit, message in self._connection.execute(_HISTORY):
                history.setdefault(visit, []).append(message)
            rows = self._connection.execute(_VISITS)
            return [{**dict(row), "messages": history[row["id"]]} for row in rows]

    def close(self) -> None:
        """Closes the file after the transaction under way."""
        with self._turn:
            self._connection.close()
