"""`make bench`: the whole job and its parts, each beside a peer measured in the same run.

`python -m tests.benchmarks planner` runs only the parts that are named.
"""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mobile_units import embedded
from tests.benchmarks import bookings, bulk_move, national, planner, search, slots, stage, transmission, whole_job
from tests.benchmarks.stage import report

ROOT = Path(__file__).parents[2]


def main(names: Sequence[str]) -> None:
    """Prints one table, of the parts that are named or of all."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    wanted = names or [*PARTS, *IN_A_QUARTER]
    for name in wanted:
        if name in PARTS:
            PARTS[name]()
    in_a_quarter = [IN_A_QUARTER[name] for name in wanted if name not in PARTS]
    if in_a_quarter:
        _in_a_quarter(in_a_quarter)


def _in_a_quarter(parts: Sequence[Callable[[national.Stored], None]]) -> None:
    """Parts that share a national quarter, which is stored once."""
    with tempfile.TemporaryDirectory(prefix="mobile-units-bench-") as folder:
        try:
            with national.database(Path(folder)) as stored:
                for measure in parts:
                    measure(stored)
        finally:
            embedded.stop(Path(folder))


def storing_slots() -> None:
    """A quarter of slots, and publishing the sample."""
    with tempfile.TemporaryDirectory(prefix="mobile-units-bench-") as folder, stage.database(Path(folder)) as database:
        slots.measure(database)


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


PARTS: Mapping[str, Callable[[], object]] = {
    "job": whole_job.measure,
    "import": import_of_wsgi,
    "slots": storing_slots,
    "transmission": transmission.measure,
    "planner": planner.measure,
}
IN_A_QUARTER: Mapping[str, Callable[[national.Stored], None]] = {
    "search": search.measure,
    "bookings": bookings.measure,
    "bulk_move": bulk_move.measure,
}

if __name__ == "__main__":
    main(sys.argv[1:])
