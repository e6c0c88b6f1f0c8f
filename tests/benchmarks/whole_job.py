"""The whole job, from an empty folder to its figures, with the seconds and the peak memory of each of its steps."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import psutil

from tests.benchmarks.stage import report

ROOT = Path(__file__).parents[2]


@dataclass
class Step:
    """A step of the job; memory is that of all its processes together, the database included."""

    title: str
    started: float
    peak: int = 0


def measure() -> None:
    """Runs the demonstration on the real sample."""
    with tempfile.TemporaryDirectory(prefix="mobile-units-bench-") as folder:
        steps = [Step("start: keys, database, migrations, sandbox, worker", time.perf_counter())]
        job = subprocess.Popen(
            [sys.executable, "-m", "mobile_units", "demo", "--once", "--json", "--folder", f"{folder}/demo"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        Thread(target=_follow, args=(job, steps), daemon=True).start()
        while job.poll() is None:
            steps[-1].peak = max(steps[-1].peak, sum(_memory(job.pid, Path(folder))))
            time.sleep(0.1)
        ended = time.perf_counter()
        figures = json.load(job.stdout) if job.stdout else {}
    report(
        "whole job (189 sites, 3 units, a quarter)",
        f"{ended - steps[0].started:5.1f} s, {max(step.peak for step in steps) >> 20:4} MiB at the peak",
    )
    for step, until in zip(steps, [*(later.started for later in steps[1:]), ended], strict=True):
        report(f"  {step.title}", f"{until - step.started:5.1f} s, {step.peak >> 20:4} MiB")
    report("  figures", ", ".join(f"{figures[name]} {name}" for name in ("stops", "slots", "visits", "messages")))


def _follow(job: "subprocess.Popen[str]", steps: list[Step]) -> None:
    """Begins a step with each line of progress."""
    for line in job.stderr or ():
        steps.append(Step(line.partition("] ")[2].strip(), time.perf_counter()))  # noqa: PERF401 -- each is needed at once


def _memory(pid: int, folder: Path) -> Iterator[int]:
    """Resident bytes of the job's processes, and of the database's, less what those share with each other."""
    roots = [pid]
    with suppress(OSError, ValueError, IndexError):
        roots.append(abs(int((folder / "demo" / "postgres" / "postmaster.pid").read_text().split()[0])))
    for root in roots:
        with suppress(psutil.Error):
            family = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
            for process in family:
                with suppress(psutil.Error):
                    yield process.memory_info().rss - process.memory_info().shared * (root != pid)
