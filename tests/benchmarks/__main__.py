"""`make bench`: the whole job and its parts, each beside a peer measured in the same run."""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import bookings, slots, stage
from tests.benchmarks.stage import report

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Prints one table."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    whole_job()
    import_of_wsgi()
    with tempfile.TemporaryDirectory(prefix="mobile-units-bench-") as folder, stage.database(Path(folder)) as database:
        slots.measure(database)
        bookings.measure(database)


def whole_job() -> None:
    """The demonstration on the real sample, everything included."""
    with tempfile.TemporaryDirectory(prefix="mobile-units-bench-") as folder:
        command = [sys.executable, "-m", "mobile_units", "demo", "--once", "--json", "--folder", f"{folder}/demo"]
        started = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - started
    figures: dict[str, Any] = json.loads(done.stdout)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    report("whole job (189 sites, 3 units, a quarter)", f"{seconds:.1f} s, largest process {peak:.0f} MiB")
    for line in done.stderr.splitlines():
        report("  " + line, "")
    report("  figures", ", ".join(f"{name} {figures[name]}" for name in ("stops", "slots", "visits", "messages")))


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
