"""Reading changes over the network: page by page, by one reader at a time, and killed at any point without loss."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Event, Thread
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.cli.centre import receive
from mobile_units.models.inbound import InboundChange, InboundCursor, InboundState
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import TransmissionLink
from mobile_units.models.visits import Visit
from mobile_units.rules.visits import ChangedBy
from mobile_units.services.actors import Actor
from mobile_units.transmission import inbound
from mobile_units.transmission.gateway import Halted, Rejected, Retryable
from mobile_units.transmission.inbound import Reader, Reading
from mobile_units.transmission.messages import ChangesQuery
from mobile_units.transmission.rounds import Rounds
from tests import factories, factories_booking
from tests.factories_inbound import TellingGateway, booked, then, unreadable

CHANGES = 5


class Killed(BaseException):
    """The process ends here, whatever would handle errors."""


class Scene:
    """A provider with a slot that five women booked in IKP."""

    def __init__(self, engine: Engine) -> None:
        """Makes the slot here and the changes there."""
        self.engine = engine
        with db.transaction(engine) as session:
            self.actor = Actor(factories.provider(session).id)
            self.slot = factories_booking.slot(session, self.actor.provider_id, capacity=CHANGES)
            changes = [booked(session, self.actor, self.slot) for _ in range(CHANGES)]
        self.centre = TellingGateway(told=changes)

    def reader(self, receive: inbound.Receive = receive) -> Reader:
        """A reader of its own."""
        return Reader(self.engine, lambda _: self.centre, receive, 60.0)

    def read(self) -> Reading:
        """One round, whatever happened before."""
        reading = self.reader().read(self.actor.provider_id, patient=False)
        assert reading is not None
        return reading

    def end_leases(self) -> None:
        """As if the time of a killed reader's lease had gone by."""
        with db.transaction(self.engine) as session:
            self.cursor(session).leased_until = clock.now()

    def cursor(self, session: Session) -> InboundCursor:
        """How far was read."""
        return session.get_one(InboundCursor, self.actor.provider_id)

    def states(self) -> Counter[InboundState]:
        """How many changes are in each state."""
        with db.transaction(self.engine) as session:
            own = InboundChange.provider_id == self.actor.provider_id
            return Counter(session.scalars(select(InboundChange.state).where(own)))

    def visits(self) -> tuple[int, int]:
        """Visits here, and places taken."""
        with db.transaction(self.engine) as session:
            own = Visit.provider_id == self.actor.provider_id
            count = session.scalar(select(func.count()).select_from(Visit).where(own))
            return count or 0, session.get_one(Slot, self.slot.id).taken


@pytest.fixture
def scene(engine: Engine) -> Scene:
    """A provider with changes at the centre."""
    return Scene(engine)


def test_all_pages_are_read_and_taken_over(scene: Scene) -> None:
    """The next round goes on behind them, and finds nothing."""
    reading = scene.read()
    assert (reading.fetched, reading.new, reading.failure) == (CHANGES, CHANGES, None)
    assert reading.states == {InboundState.APPLIED: CHANGES}
    assert scene.visits() == (CHANGES, CHANGES)
    assert [query.cursor for query in scene.centre.queries] == [None, "2", "4"]
    again = scene.read()
    assert (again.fetched, again.new) == (0, 0)
    assert scene.centre.queries[-1].cursor == "5"


def test_a_lost_cursor_doubles_nothing(scene: Scene) -> None:
    """Everything comes again and is known."""
    scene.read()
    with db.transaction(scene.engine) as session:
        scene.cursor(session).cursor = None
    reading = scene.read()
    assert (reading.fetched, reading.new, scene.visits()) == (CHANGES, 0, (CHANGES, CHANGES))


def test_no_transaction_is_open_while_the_centre_is_asked(scene: Scene) -> None:
    """A slow central system holds nothing in the database."""
    held: list[int] = []
    told = scene.centre.changes

    def asked(query: ChangesQuery) -> Any:
        held.append(scene.engine.pool.checkedout())  # type: ignore[attr-defined]  # every pool in use here counts
        return told(query)

    scene.centre.changes = asked  # type: ignore[method-assign]  # the same, with a look at the pool
    scene.read()
    assert held == [0, 0, 0]


def test_an_echo_is_kept_and_changes_nothing(scene: Scene) -> None:
    """What we changed ourselves is not taken over."""
    ours = then(scene.centre.told[0], by=ChangedBy.PROVIDER)
    scene.centre.told = [ours]
    scene.read()
    assert (scene.states(), scene.visits()) == ({InboundState.ECHO: 1}, (0, 0))


def test_an_unreadable_change_becomes_a_conflict_and_stops_nothing(scene: Scene) -> None:
    """The cursor goes on behind it, and what comes again is known."""
    scene.centre.unreadable = [unreadable(), unreadable(at=clock.now())]
    reading = scene.read()
    assert (reading.new, reading.failure) == (CHANGES + 2, None)
    assert scene.states() == {InboundState.APPLIED: CHANGES, InboundState.CONFLICT: 2}
    with db.transaction(scene.engine) as session:
        assert scene.cursor(session).cursor == "5"
    assert scene.read().new == 0


def test_an_unreadable_change_is_kept_encrypted(scene: Scene) -> None:
    """All of it, with what is a stand-in; what is written in plain and in the log names nobody."""
    odd = unreadable()
    with mock.patch.object(inbound, "log") as log, db.transaction(scene.engine) as session:
        scene.centre.told, scene.centre.unreadable = [], [odd]
        scene.read()
        row = session.scalars(select(InboundChange).where(InboundChange.digest == odd.digest)).one()
        assert row.content["unreadable"] == {
            "xml": odd.xml,
            "problem": odd.problem,
            "unknown": ["cer_extension", "changed_at", "changed_by"],
        }
        assert (row.cer_root, row.cer_extension, row.changed_by) == ("", odd.digest, ChangedBy.SYSTEM)
        plain = session.execute(text("SELECT * FROM inbound_changes WHERE id = :id"), {"id": row.id}).one()
    stored = [bytes(each) if isinstance(each, memoryview) else each for each in plain]
    assert "Zmyślona" not in f"{stored}{log.mock_calls}"
    told = [call.kwargs for call in log.warning.call_args_list if call.args == ("change_unreadable",)]
    assert [each["problem"] for each in told] == [odd.problem]


def test_an_unreadable_echo_is_an_echo(scene: Scene) -> None:
    """What we changed ourselves is known here, readable or not."""
    scene.centre.told, scene.centre.unreadable = [], [unreadable(by=ChangedBy.PROVIDER)]
    scene.read()
    assert scene.states() == {InboundState.ECHO: 1}


# failures


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (Retryable(reason="ConnectTimeout"), "ConnectTimeout"),
        (Rejected(code="niepoprawnyKomunikat", rule=None, description="znacznik"), "niepoprawnyKomunikat: znacznik"),
        (Halted(reason="konto", code="kontoZablokowane"), "kontoZablokowane: konto"),
    ],
)
def test_a_failure_is_noted_and_tried_again_later(
    scene: Scene, failure: Retryable | Rejected | Halted, words: str
) -> None:
    """At first after half a minute; success ends it."""
    scene.centre.failures = [failure]
    assert scene.read().failure == words
    with db.transaction(scene.engine) as session:
        row = scene.cursor(session)
        assert (row.failure, row.leased_until, row.cursor) == (words, None, None)
        assert row.failed_at is not None
    assert scene.reader().read(scene.actor.provider_id) is None
    assert scene.read().failure is None
    with db.transaction(scene.engine) as session:
        assert scene.cursor(session).failed_at is None
    assert scene.visits() == (CHANGES, CHANGES)


@pytest.mark.parametrize(("lasted", "waits"), [(1, 30), (45, 45), (10_000, 60)])
def test_the_wait_grows_with_the_failures(lasted: int, waits: int) -> None:
    """As long as they have lasted, from half a minute to one."""
    now = clock.now()
    row = InboundCursor(read_at=now - timedelta(seconds=lasted), failed_at=now)
    assert inbound._next_try(row) == now + timedelta(seconds=waits)


def test_what_was_left_is_taken_over_though_the_centre_is_away(scene: Scene) -> None:
    """It was kept, so nobody has to be asked."""
    with db.transaction(scene.engine) as session:
        inbound.keep(session, scene.actor.provider_id, scene.centre.told)
    scene.centre.failures = [Retryable(reason="reset")]
    assert scene.read().states == {InboundState.APPLIED: CHANGES}


def test_a_failure_after_a_page_keeps_the_page(scene: Scene) -> None:
    """What was fetched is taken over, and the next round goes on behind it."""
    first = scene.centre.changes

    def once(query: ChangesQuery) -> Any:
        return Retryable(reason="reset") if query.cursor == "2" else first(query)

    scene.centre.changes = once  # type: ignore[method-assign]  # fails at the second page
    assert scene.read().failure == "reset"
    assert scene.visits() == (2, 2)
    scene.centre.changes = first  # type: ignore[method-assign]  # it is well again
    assert scene.read().fetched == CHANGES - 2


def test_an_error_of_ours_in_asking_is_a_failure(scene: Scene) -> None:
    """Such as a certificate that cannot be read."""

    def broken(_: int) -> TellingGateway:
        raise LookupError

    reader = replace(scene.reader(), gateway_of=broken)
    reading = reader.read(scene.actor.provider_id)
    assert reading is not None
    assert reading.failure == "LookupError"


def test_one_provider_halted_keeps_no_other_from_being_read(engine: Engine) -> None:
    """Each is asked for in its own name; one whose link a person has to resume is not asked for at all."""
    refused, read, waits = Scene(engine), Scene(engine), Scene(engine)
    refused.centre.failures = [Halted(reason="konto", code="kontoZablokowane")]
    with db.transaction(engine) as session:
        session.add(TransmissionLink(provider_id=waits.actor.provider_id, halted_at=clock.now(), halted_reason="konto"))
    centres = {each.actor.provider_id: each.centre for each in (refused, read, waits)}
    gateway_of = lambda provider_id: centres.get(provider_id, TellingGateway())  # noqa: E731 -- two words
    readings = Reader(engine, gateway_of, receive, 60.0).read_all()
    assert readings[refused.actor.provider_id].failure == "kontoZablokowane: konto"
    assert readings[read.actor.provider_id].new == CHANGES
    assert waits.actor.provider_id not in readings


def test_an_error_nobody_thought_of_makes_a_conflict(scene: Scene) -> None:
    """A person sees it, and the others are taken over."""
    failing = iter([True])

    def receive_or_fail(session: Session, provider_id: int, change_id: int) -> InboundState:
        if next(failing, False):
            raise LookupError
        return receive(session, provider_id, change_id)

    reading = scene.reader(receive_or_fail).read(scene.actor.provider_id)
    assert reading is not None
    assert reading.states == {InboundState.CONFLICT: 1, InboundState.APPLIED: CHANGES - 1}
    with db.transaction(scene.engine) as session:
        assert session.scalars(
            select(InboundChange.code).where(
                InboundChange.state == InboundState.CONFLICT, InboundChange.provider_id == scene.actor.provider_id
            )
        ).all() == ["internal"]


def test_a_database_that_is_away_leaves_the_change_for_the_next_round(scene: Scene) -> None:
    """It is no fault of the change."""

    def away(*_: object) -> InboundState:
        raise OperationalError("", None, Exception())

    with pytest.raises(OperationalError):
        scene.reader(away).read(scene.actor.provider_id)
    scene.end_leases()
    assert scene.read().states == {InboundState.APPLIED: CHANGES}


# killed


KILLED_AT = ("_fetch", "_keep", "_take_over", "_take_over_one", "_end_lease")


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", KILLED_AT)
def test_a_reader_killed_anywhere_loses_and_doubles_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, step: str, after: bool, call: int
) -> None:
    """Before or after any step of any page: the next reader ends what was begun."""
    calls = iter(range(1, 100))
    doing = getattr(Reader, step)

    def killed(self: Reader, *arguments: object) -> object:
        last = next(calls) == call
        if last and not after:
            raise Killed
        done = doing(self, *arguments)
        if last:
            raise Killed
        return done

    with monkeypatch.context() as patch:
        patch.setattr(Reader, step, killed)
        try:
            scene.reader().read(scene.actor.provider_id)
        except Killed:
            scene.end_leases()
    scene.read()
    assert scene.visits() == (CHANGES, CHANGES)
    assert scene.states() == {InboundState.APPLIED: CHANGES}


def test_a_reader_whose_lease_was_lost_keeps_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its page is another's to keep; the cursor does not jump."""
    told = scene.centre.changes

    def slow(query: ChangesQuery) -> Any:
        page = told(query)
        with db.transaction(scene.engine) as session:
            scene.cursor(session).leased_until = clock.now() + timedelta(hours=1)
        return page

    scene.centre.changes = slow  # type: ignore[method-assign]  # another reader took over meanwhile
    assert scene.read().new == 0
    with db.transaction(scene.engine) as session:
        assert scene.cursor(session).cursor is None
    assert scene.visits() == (0, 0)


def test_two_readers_do_not_read_at_once(scene: Scene) -> None:
    """The lease of one keeps the other off, until it ends."""
    met, go = Event(), Event()
    told = scene.centre.changes

    def slow(query: ChangesQuery) -> Any:
        met.set()
        go.wait(10)
        return told(query)

    scene.centre.changes = slow  # type: ignore[method-assign]  # waits for the other reader
    first = Thread(target=scene.read)
    first.start()
    met.wait(10)
    assert scene.reader().read(scene.actor.provider_id, patient=False) is None
    go.set()
    first.join()
    assert scene.visits() == (CHANGES, CHANGES)


def test_two_hosts_that_take_over_the_same_changes_double_nothing(scene: Scene) -> None:
    """A lease that ran out lets two in; each change is taken over once, whoever is first."""
    with db.transaction(scene.engine) as session:
        kept = inbound.keep(session, scene.actor.provider_id, scene.centre.told)
    start = Barrier(3)

    def take_over(changes: Sequence[int]) -> None:
        start.wait()
        for change_id in changes:
            scene.reader()._take_over_one(scene.actor.provider_id, change_id)

    threads = [Thread(target=take_over, args=[order]) for order in (kept, kept[::-1], kept)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert scene.visits() == (CHANGES, CHANGES)
    assert scene.states() == {InboundState.APPLIED: CHANGES}


# rounds


def test_rounds_go_on_after_an_error() -> None:
    """Until they are told to stop."""
    stop, done = Event(), []

    def action() -> None:
        done.append(1)
        if len(done) == 3:
            stop.set()
        raise LookupError

    Rounds("trial", action, 0.0, stop).run()
    assert len(done) == 3
