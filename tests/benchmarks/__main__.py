"""`make bench`: the whole job and its parts, each beside a peer measured in the same run."""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks import bookings, slots, stage, transmission, whole_job
from tests.benchmarks.stage import report

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Prints one table."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    whole_job.measure()
    import_of_wsgi()
    with tempfile.TemporaryDirectory(prefix="mobile-units-bench-") as folder, stage.database(Path(folder)) as database:
        slots.measure(database)
        bookings.measure(database)
    transmission.measure()


def import_of_wsgi() -> None:
    """How long a web process takes until the application is there, less the start of the interpreter."""
    bare = _median_seconds("pass")
    report("import of wsgi", f"{_median_seconds('import wsgi') - bare:.2f} s (interpreter alone {bare:.2f} s)")


def _median_seconds(statement: str) -> float:
    environ = os.environ | stage.KEYS | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    return statistics.median(_seconds([sys.executable, "-c", statement], environ) for _ in range(5))


def _seconds(command: Sequence[str], environ: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environ, check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
