"""The storm from a migrated database to its reports."""

import multiprocessing
import random
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import Any

from mobile_units import db
from mobile_units.config import Settings
from tests.storm.crowd import Crowd, Report
from tests.storm.scene import Scene, build


@dataclass(frozen=True, slots=True)
class Storm:
    """A storm that is over: what the processes reported, and how long it took from their common start."""

    attempts: int
    reports: list[Report]
    seconds: float

    @property
    def answers(self) -> Counter[tuple[str, str]]:
        """How often each attempt ended in each way."""
        return sum((report.answers for report in self.reports), Counter())

    def figures(self) -> dict[str, Any]:
        """What is told at the end."""
        by_action: dict[str, dict[str, int]] = {}
        for (action, answer), count in sorted(self.answers.items()):
            by_action.setdefault(action, {})[answer] = count
        return {
            "attempts": self.attempts,
            "seconds": round(self.seconds, 1),
            "attempts_per_second": round(self.attempts / self.seconds),
            "slowest_attempt_seconds": round(max(report.slowest for report in self.reports), 2),
            "losers_of_a_place": sum(report.losers for report in self.reports),
            "answers": by_action,
        }


_process: dict[str, Any] = {}
"""What a process of the crowd is given once."""


def rage(settings: Settings, attempts: int, processes: int, seed: int) -> Storm:
    """Builds the scene in a migrated database, and lets so many processes loose on it, all at once."""
    engine = db.engine_of(settings)
    scene = build(engine)
    engine.dispose()
    shares = [attempts // processes + (number < attempts % processes) for number in range(processes)]
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(processes)
    with ProcessPoolExecutor(processes, context, _prepare, (settings, start)) as pool:
        running = [pool.submit(_run, scene, seed + number, share) for number, share in enumerate(shares)]
        done = [each.result() for each in running]
    began, ended = min(began for _, began, _ in done), max(ended for _, _, ended in done)
    return Storm(attempts, [report for report, _, _ in done], ended - began)


def _prepare(settings: Settings, start: Barrier) -> None:
    _process.update(settings=settings, start=start)


def _run(scene: Scene, seed: int, attempts: int) -> tuple[Report, float, float]:
    """Waits for the other processes, so that none has the places for itself."""
    engine = db.engine_of(_process["settings"], pool_size=2)
    crowd = Crowd(engine, scene, random.Random(seed))  # noqa: S311 -- a seed repeats the choices
    _process["start"].wait()
    began = time.time()
    report = crowd.run(attempts)
    engine.dispose()
    return report, began, time.time()
