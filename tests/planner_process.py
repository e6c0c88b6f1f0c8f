"""A worker that only plans, as a process of its own: `python -m tests.planner_process FOLDER`.

Its children search until there is a file `go` in the folder, where each of them leaves a file with its process id.
"""

import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event

from mobile_units import db, logs
from mobile_units.cli.planner import Planner
from mobile_units.config import Settings
from mobile_units.planning import process
from mobile_units.transmission.worker import run_until_signal
from tests.factories_planning_jobs import search

LEASE = timedelta(seconds=2)
MEMORY_BYTES = 1024**3


def main() -> None:
    """Plans until SIGTERM."""
    settings, folder = Settings.from_env(), Path(sys.argv[1])
    logs.configure("WARNING")
    process._search = partial(search, folder)
    engine, stop = db.engine_of(settings), Event()
    run_until_signal([Planner(engine, MEMORY_BYTES, None, stop, lease=LEASE)], stop)


if __name__ == "__main__":
    main()
