"""The chaos test from the empty folder to the verdict."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import InterfaceError, OperationalError

from mobile_units import clock, db
from mobile_units.cli.centre import compare as compare_sides
from mobile_units.cli.centre import reader_of
from mobile_units.models.transmissions import OutboxMessage, TransmissionAttempt, TransmissionLink
from mobile_units.services import reconciliation
from mobile_units.transmission.inbound import Reader
from tests.chaos import people, scene
from tests.chaos.driver import Driver
from tests.chaos.faults import faults
from tests.chaos.judge import Case
from tests.chaos.stage import LEASE_SECONDS, READ_SECONDS, Stage, stage, wait_until

UNREACHABLE = (OperationalError, InterfaceError)


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a run is: messages, workers and their threads, the share of disturbed calls, seconds between kills.

    The database is killed when `database_at`, the sandbox when `sandbox_at` of all messages are stored. On a machine
    that is done sooner than `kills` of workers took place, the chaos goes on until they did. `seconds` is how long it
    may take as a whole.
    """

    seed: int
    messages: int = 10_000
    days: int = 22
    workers: int = 2
    threads: int = 2
    share: float = 0.3
    kill_every: tuple[float, float] = (3.0, 8.0)
    kills: int = 2
    database_at: float = 0.4
    sandbox_at: float = 0.7
    seconds: float = 3600.0


@dataclass(slots=True)
class Chaos:
    """A run that began: the staff, the women in IKP, a person who answers alerts, and the hand that kills."""

    plan: Plan
    stage: Stage
    scene: scene.Scene
    driver: Driver
    women: people.Women
    operator: people.Operator
    random: random.Random
    stop: Event
    deadline: float
    quiet_at: float = 0.0
    openings: int = 0
    failures: list[BaseException] = field(default_factory=list)

    def run(self) -> None:
        """Everything at once until the staff stored all messages; then quiet, and everything is handed over."""
        with ExitStack() as company:
            for work in (self._kill, self._watch, self.women.run, self.operator.run):
                company.enter_context(self._beside(work))
            self.stage.disturb(faults(self.plan.share, READ_SECONDS))
            self.driver.run(self.plan.messages, self.deadline)
            wait_until(self._was_chaos, self.deadline - time.monotonic(), "everything that is to be killed was killed")
        self._raise_failures()
        self._settle()

    def _was_chaos(self) -> bool:
        self._raise_failures()
        kills = self.stage.kills
        return kills["worker"] >= self.plan.kills and kills["database"] > 0 and kills["sandbox"] > 0

    def _settle(self) -> None:
        """No more faults, every killed worker back, and a person at work, until nothing is left to hand over."""
        self.stage.restart_ended()
        self.stage.disturb([])
        self.quiet_at = time.monotonic()
        self.operator.last_deed = clock.now()
        reader = reader_of(self.stage.settings, self.stage.engine)
        left = self.deadline - time.monotonic()
        wait_until(lambda: self._is_settled(reader), left, "everything is handed over", pause=0.5)
        for number in range(1, self.plan.workers + 1):
            self.stage.end(f"worker-{number}")

    def _is_settled(self, reader: Reader) -> bool:
        """Changes are read as by `mobile-units cer changes`, for after a failure the workers wait for a while."""
        self.operator.look()
        reader.read(self.scene.actor.provider_id, patient=False)
        return self.operator.nothing_left()

    @contextmanager
    def _beside(self, work: Any) -> Iterator[None]:
        """Does some work in a thread; what goes wrong there ends the whole run."""

        def guarded() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 -- raised again in the main thread
                self.failures.append(error)
                self.stop.set()

        thread = Thread(target=guarded)
        thread.start()
        try:
            yield
        finally:
            self.stop.set()
            thread.join()

    def _raise_failures(self) -> None:
        if self.failures:
            raise self.failures[0]

    def _kill(self) -> None:
        """Ends a worker every few seconds, one after another or two at once; the database and the sandbox once."""
        once = {"database": self.plan.database_at, "sandbox": self.plan.sandbox_at}
        while not self.stop.wait(self.random.uniform(*self.plan.kill_every)):
            stored = self._stored()
            for name in [name for name, part in once.items() if stored >= part * self.plan.messages]:
                del once[name]
                self.stage.kill_database() if name == "database" else self.stage.kill_sandbox()
            many = self.random.choice((1, 1, 1, self.plan.workers))
            for number in self.random.sample(range(self.plan.workers), many):
                self.stage.kill(f"worker-{number + 1}")
            self.stop.wait(self.random.uniform(0, 1))
            self.stage.restart_ended()

    def _stored(self) -> int:
        """How many messages there are; none if the database is away."""
        try:
            with db.transaction(self.stage.engine) as session:
                return session.scalar(select(func.count()).select_from(OutboxMessage)) or 0
        except UNREACHABLE:
            return 0

    def _watch(self) -> None:
        """Counts how often the circuit breaker opens."""
        opened = None
        while not self.stop.wait(0.1):
            try:
                with db.transaction(self.stage.engine) as session:
                    now = session.scalar(select(TransmissionLink.opened_at))
            except UNREACHABLE:
                continue
            self.openings += now is not None and now != opened
            opened = now


@contextmanager
def played(plan: Plan, folder: Path) -> Iterator[tuple[Case, dict[str, Any]]]:
    """A plan played to its end in a new folder: the case for the judge, whose stores live as long as the context.

    Raises:
        TooLateError: something was not handed over in time.
    """
    began = time.monotonic()
    with stage(folder) as made:
        chaos = _begin(plan, made, began + plan.seconds)
        begun = time.monotonic()
        chaos.run()
        settled = time.monotonic()
        compare(made, chaos.scene)
        made.disturb([])
        spent = {"before": begun - began, "chaos": chaos.quiet_at - begun, "until_settled": settled - chaos.quiet_at}
        figures = _figures(chaos) | {"seconds": {name: round(seconds, 1) for name, seconds in spent.items()}}
        made.engine.dispose()
        yield _case(chaos), figures


def _begin(plan: Plan, made: Stage, deadline: float) -> Chaos:
    with db.transaction(made.engine) as session:
        published = scene.publish(session, plan.days)
    made.disturb([])
    for number in range(1, plan.workers + 1):
        made.start_worker(number, plan.threads)
    stop = Event()
    women = people.Women(made, published, random.Random(plan.seed + 1), stop)  # noqa: S311 -- a seed repeats the choices
    return Chaos(
        plan=plan,
        stage=made,
        scene=published,
        driver=Driver(made.engine, published, random.Random(plan.seed), stop),  # noqa: S311 -- a seed repeats the choices
        women=women,
        operator=people.Operator(made, published, women, stop),
        random=random.Random(plan.seed + 2),  # noqa: S311 -- the same
        stop=stop,
        deadline=deadline,
    )


def _case(chaos: Chaos) -> Case:
    """Each kill may leave a claim of each thread without an attempt; a killed database, those of all threads."""
    kills, threads = chaos.stage.kills, chaos.plan.threads
    return Case(
        database_url=chaos.stage.environ["DATABASE_URL"],
        sandbox_file=chaos.stage.sandbox_file,
        encryption_keys=chaos.stage.settings.encryption_keys,
        lease_seconds=LEASE_SECONDS,
        unrecorded=kills["worker"] * threads + kills["database"] * threads * chaos.plan.workers,
        logs=chaos.stage.folder / "processes",
    )


def _figures(chaos: Chaos) -> dict[str, Any]:
    with db.transaction(chaos.stage.engine) as session:
        states = dict(iter(session.execute(select(OutboxMessage.state, func.count()).group_by(OutboxMessage.state))))
        outcomes = select(TransmissionAttempt.outcome, TransmissionAttempt.code, func.count())
        ended = session.execute(outcomes.group_by(TransmissionAttempt.outcome, TransmissionAttempt.code)).all()
    return {
        "seed": chaos.plan.seed,
        "messages": {state.value: count for state, count in states.items()},
        "calls": chaos.stage.calls.total(),
        "disturbed": dict(chaos.stage.disturbed.most_common()),
        "disturbed_share": round(chaos.stage.disturbed.total() / max(chaos.stage.calls["disturbed"], 1), 3),
        "attempts": {" ".join(filter(None, (outcome, code))): count for outcome, code, count in sorted(ended, key=str)},
        "kills": dict(chaos.stage.kills),
        "restarts": dict(chaos.stage.restarts),
        "breaker_openings": chaos.openings,
        "database_away": dict(chaos.driver.lost),
        "done": dict(chaos.driver.done.most_common()),
        "refused": dict(chaos.driver.refused.most_common()),
        "women": dict(chaos.women.done),
        "operator": dict(chaos.operator.done),
        "sandbox": chaos.stage.ask("/state"),
    }


def compare(made: Stage, played: scene.Scene) -> None:
    """Has the product compare both sides once more."""
    period = reconciliation.Period(played.first_day, played.last_day)
    with db.transaction(made.engine) as session:
        begun = reconciliation.begin(session, played.actor, period, clock.now())
    compare_sides(reader_of(made.settings, made.engine), played.actor, begun)
