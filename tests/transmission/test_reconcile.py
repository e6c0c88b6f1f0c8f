"""Reconciliation over the network: page by page, with nothing open meanwhile, and by one host only."""

import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.cli.centre import compare, receive
from mobile_units.errors import DomainError
from mobile_units.models.inbound import InboundCursor, InboundState
from mobile_units.models.reconciliation import Difference, DifferenceState, Reconciliation, ReconciliationState
from mobile_units.models.transmissions import OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.services import reconciliation
from mobile_units.services.actors import Actor
from mobile_units.services.reconciliation import Comparison, Period
from mobile_units.transmission.gateway import Rejected, Retryable
from mobile_units.transmission.inbound import Reader
from mobile_units.transmission.messages import CentralChange, ChangesPage, ChangesQuery, ObjectId, UnreadableChange
from mobile_units.transmission.reconcile import Reconciler
from tests import factories, factories_booking
from tests.factories_booking import DAY, NOW
from tests.factories_inbound import TellingGateway, booked, slot_id, then, unreadable

DAYS = (date(2027, 3, 1), date(2027, 3, 31))


@dataclass
class Noting:
    """A comparison that notes what it is asked to do."""

    done: list[Any] = field(default_factory=list)
    parts: list[list[int] | None] = field(default_factory=lambda: [[3], None])

    def compare(self, session: Session, changes: Sequence[CentralChange]) -> list[int]:  # noqa: ARG002 -- of the Protocol
        """Finds one difference on every page."""
        self.done.append(len(changes))
        return [len(self.done)]

    def unreadable(self, session: Session, changes: Sequence[UnreadableChange]) -> None:  # noqa: ARG002 -- of the Protocol
        """Notes how many."""
        self.done.append(f"unreadable {len(changes)}")

    def missing(self, session: Session) -> list[int] | None:  # noqa: ARG002 -- of the Protocol
        """The prepared parts."""
        return self.parts.pop(0)

    def settle(self, session: Session, difference_id: int) -> None:  # noqa: ARG002 -- of the Protocol
        """Refuses the first."""
        self.done.append(f"settle {difference_id}")
        if difference_id == 1:
            raise DomainError("slot_full")

    def finish(self, session: Session) -> None:  # noqa: ARG002 -- of the Protocol
        """The end."""
        self.done.append("finished")

    def fail(self, session: Session, failure: str) -> None:  # noqa: ARG002 -- of the Protocol
        """The other end."""
        self.done.append(failure)


@pytest.fixture
def actor(engine: Engine) -> Actor:
    """A committed provider with a service place."""
    with db.transaction(engine) as session:
        made = Actor(factories.provider(session).id)
        factories_booking.slot(session, made.provider_id)
        return made


@pytest.fixture
def changes(engine: Engine, actor: Actor) -> list[CentralChange]:
    """Three visits that women booked in IKP."""
    with db.transaction(engine) as session:
        where = factories_booking.slot(session, actor.provider_id, capacity=3)
        return [booked(session, actor, where) for _ in range(3)]


def reconciler(
    engine: Engine, actor: Actor, centre: TellingGateway, comparison: Noting | Comparison, stop: Event | None = None
) -> Reconciler:
    """A reconciler of its own."""
    reader = Reader(engine, lambda _: centre, receive, 60.0, stop or Event())
    days = DAYS if isinstance(comparison, Noting) else (DAY, DAY)
    return Reconciler(reader, actor.provider_id, comparison, *days)


def test_every_page_is_compared_and_settled_then_what_is_missing(
    engine: Engine, actor: Actor, changes: list[CentralChange]
) -> None:
    """A difference that cannot be settled is left, and the rest goes on."""
    centre, comparison = TellingGateway(told=changes), Noting()
    assert reconciler(engine, actor, centre, comparison).run()
    assert comparison.done == [2, "settle 1", 1, "settle 3", "settle 3", "finished"]
    assert [(query.cursor, query.first_day, query.last_day) for query in centre.queries] == [
        (None, *DAYS),
        ("2", *DAYS),
        (None, None, None),
        ("2", None, None),
    ]


def test_what_cannot_be_read_does_not_end_the_comparison(engine: Engine, actor: Actor) -> None:
    """It is handed on as such."""
    comparison = Noting()
    assert reconciler(engine, actor, TellingGateway(unreadable=[unreadable()]), comparison).run()
    assert comparison.done[:2] == [0, "unreadable 1"]
    assert comparison.done[-1] == "finished"


def test_no_transaction_is_open_while_the_centre_is_asked(
    engine: Engine, actor: Actor, changes: list[CentralChange]
) -> None:
    """A slow central system holds nothing in the database."""
    held: list[int] = []

    class Watching(TellingGateway):
        def changes(self, query: ChangesQuery) -> Any:
            held.append(engine.pool.checkedout())  # type: ignore[attr-defined]  # every pool in use here counts
            return super().changes(query)

    reconciler(engine, actor, Watching(told=changes), Noting()).run()
    assert held == [0] * 4


@pytest.mark.parametrize(
    ("failure", "words"),
    [(Retryable(reason="reset"), "reset"), (Rejected(code="c", rule=None, description="znacznik"), "znacznik")],
)
def test_a_failure_ends_it(engine: Engine, actor: Actor, failure: Retryable | Rejected, words: str) -> None:
    """Nothing is missing from what was not told."""
    comparison = Noting()
    assert not reconciler(engine, actor, TellingGateway(failures=[failure]), comparison).run()
    assert comparison.done == [words]


@pytest.mark.parametrize("pages", [0, 1])
def test_it_ends_when_told_to_stop(engine: Engine, actor: Actor, changes: list[CentralChange], pages: int) -> None:
    """Between pages, or before what is missing."""
    stop = Event()

    class Stopping(Noting):
        def compare(self, session: Session, changes: Sequence[CentralChange]) -> list[int]:
            stop.set()
            return super().compare(session, changes)

    comparison = Stopping()
    if pages == 0:
        stop.set()
    centre = TellingGateway(told=changes[:2])
    assert not reconciler(engine, actor, centre, comparison, stop).run()
    assert comparison.done[-1] == "interrupted"


def test_what_changed_is_read_before_it_is_compared(engine: Engine, actor: Actor, changes: list[CentralChange]) -> None:
    """So her visits are known here when they are compared, and make no difference."""
    reader = Reader(engine, lambda _: TellingGateway(told=changes), receive, 60.0)
    with db.transaction(engine) as session:
        begun = reconciliation.begin(session, actor, Period(DAY, DAY), clock.now())
    assert compare(reader, actor, begun)
    with db.transaction(engine) as session:
        row = session.get_one(Reconciliation, begun.id)
        assert (row.state, row.visits_here, row.visits_there) == (ReconciliationState.DONE, 3, 3)
        assert session.scalars(select(Difference).where(Difference.reconciliation_id == begun.id)).all() == []
        assert len(session.scalars(select(Visit).where(Visit.provider_id == actor.provider_id)).all()) == 3


def test_it_fails_if_what_changed_cannot_be_read(engine: Engine, actor: Actor) -> None:
    """Otherwise her move could be taken for a visit that is missing."""
    centre = TellingGateway(failures=[Retryable(reason="reset")])
    reader = Reader(engine, lambda _: centre, receive, 60.0)
    with db.transaction(engine) as session:
        begun = reconciliation.begin(session, actor, Period(DAY, DAY), clock.now())
    assert not compare(reader, actor, begun)
    with db.transaction(engine) as session:
        assert session.get_one(Reconciliation, begun.id).failure == "reset"
        assert session.get_one(InboundCursor, actor.provider_id).failure == "reset"
    assert len(centre.queries) == 1


class Moving(TellingGateway):
    """A centre at which she moves her visit out of the compared days just before they are asked about."""

    moves: CentralChange

    def changes(self, query: ChangesQuery) -> Any:
        """Without days everything; on the days nothing is left."""
        if query.first_day is None:
            return super().changes(query)
        self.told = [*self.told, self.moves]
        return ChangesPage(changes=(), cursor="0", more=False)


@pytest.mark.parametrize("ends", ["moved", "conflict", "error"])
def test_a_move_out_of_the_days_while_it_is_compared_is_not_undone(engine: Engine, actor: Actor, ends: str) -> None:
    """What is missing there is looked for after the changes were read once more, whatever became of her change."""
    failing = iter([False, ends == "error"])

    def receive_or_fail(session: Session, provider_id: int, change_id: int) -> InboundState:
        if next(failing):
            raise LookupError
        return receive(session, provider_id, change_id)

    with db.transaction(engine) as session:
        where = factories_booking.slot(session, actor.provider_id)
        other = factories_booking.slot(session, actor.provider_id, day=DAY + timedelta(days=7))
        centre = Moving(told=[booked(session, actor, where)])
        slot = ObjectId("1.2.3", "unknown") if ends == "conflict" else slot_id(session, actor, other)
        centre.moves = then(centre.told[0], slot=slot)
    reader = Reader(engine, lambda _: centre, receive_or_fail, 60.0)
    reader.read(actor.provider_id)
    with db.transaction(engine) as session:
        begun = reconciliation.begin(session, actor, Period(DAY, DAY), clock.now())
    assert compare(reader, actor, begun)
    with db.transaction(engine) as session:
        (visit,) = session.scalars(select(Visit).where(Visit.provider_id == actor.provider_id)).all()
        assert visit.slot_id == (other.id if ends == "moved" else where.id)
        own = OutboxMessage.provider_id == actor.provider_id
        assert session.scalars(select(OutboxMessage.kind).where(own)).all() == []


def test_nothing_is_missing_while_another_reader_is_at_it(engine: Engine, actor: Actor) -> None:
    """What it has not kept yet is not known here; it is waited for, though not for longer than its lease may last."""
    comparison, lease = Noting(), clock.now() + timedelta(hours=1)
    with db.transaction(engine) as session:
        session.add(InboundCursor(provider_id=actor.provider_id, leased_until=lease))
    reader = Reader(engine, lambda _: TellingGateway(), receive, 0.1)
    assert not Reconciler(reader, actor.provider_id, comparison, *DAYS).run()
    assert comparison.done == [0, "settle 1", "changes_being_read"]


def test_pages_keep_the_limit_of_calls(engine: Engine, actor: Actor, changes: list[CentralChange]) -> None:
    """Those that are compared and those that are read: four pages at ten a second take three tenths of a second."""
    times: list[float] = []

    class Timed(TellingGateway):
        def changes(self, query: ChangesQuery) -> Any:
            times.append(time.monotonic())
            return super().changes(query)

    reader = Reader(engine, lambda _: Timed(told=changes), receive, 60.0, calls_per_second=10)
    Reconciler(reader, actor.provider_id, Noting(), *DAYS).run()
    assert len(times) == 4
    assert times[-1] - times[0] > 0.2


def test_a_killed_comparison_is_done_again(engine: Engine, actor: Actor, changes: list[CentralChange]) -> None:
    """What it had found stays open, and the next one finds and closes it."""

    class Killed(BaseException):
        """The process ends."""

    centre = TellingGateway(told=changes)
    with db.transaction(engine) as session:
        begun = reconciliation.begin(session, actor, Period(DAY, DAY), NOW)

    class Dying(Comparison):
        def settle(self, session: Session, difference_id: int) -> None:  # noqa: ARG002 -- of the Protocol
            raise Killed

    dying = Dying(actor, begun.id, Period(DAY, DAY), begun.started_at)
    with pytest.raises(Killed):
        reconciler(engine, actor, centre, dying).run()
    with db.transaction(engine) as session:
        assert reconciliation.waiting(session, actor) == 2
        session.get_one(Reconciliation, begun.id).leased_until = clock.now()
    with db.transaction(engine) as session:
        second = reconciliation.begin(session, actor, Period(DAY, DAY), clock.now())
    assert reconciler(engine, actor, centre, reconciliation.comparison_of(actor, second)).run()
    with db.transaction(engine) as session:
        assert reconciliation.waiting(session, actor) == 0
        states = session.scalars(select(Difference.state).where(Difference.reconciliation_id == second.id)).all()
        assert states == [DifferenceState.TAKEN_OVER] * 3


def test_of_many_hosts_one_compares_on_a_day(engine: Engine, actor: Actor) -> None:
    """All ask at the same instant."""
    start, now = Barrier(4), clock.now()
    begun: list[Reconciliation | None] = []

    def ask() -> None:
        start.wait()
        with db.transaction(engine) as session:
            begun.append(reconciliation.begin_daily(session, actor, now, 0))

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([each for each in begun if each is not None]) == 1


def test_the_index_lets_one_comparison_run_even_if_nobody_asks(engine: Engine, actor: Actor) -> None:
    """The last guard is the database."""
    with db.transaction(engine) as session:
        reconciliation.begin(session, actor, Period(DAY, DAY), clock.now())
    second = Reconciliation(
        provider_id=actor.provider_id,
        first_day=DAY,
        last_day=DAY,
        started_at=clock.now(),
        leased_until=clock.now(),
    )
    with pytest.raises(DomainError) as caught, db.transaction(engine) as session:
        session.add(second)
    assert caught.value.code == "reconciliation_running"


def test_memory_stays_flat_over_many_visits() -> None:
    """Of a visit that was seen a comparison keeps eight bytes, or sixteen: under two megabytes for 100,000."""
    tracemalloc.start()
    comparison = Comparison(Actor(1), 1, Period(DAY, DAY), NOW)
    for visit_id in range(100_000):
        comparison._seen.append(visit_id)
        comparison._in_order.append(visit_id)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2_000_000
