"""Women and the provider change visits on both sides of a real wire, and in the end both sides hold the same."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Engine, select

from mobile_units import clock, db
from mobile_units.cli.centre import compare, reader_of
from mobile_units.config import Settings
from mobile_units.models.inbound import InboundState
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import CancelledBy, VisitSource, VisitStatus
from mobile_units.sandbox import contract
from mobile_units.sandbox.ikp import Ikp
from mobile_units.sandbox.server import SandboxServer
from mobile_units.services import inbound, initial_loads, reconciliation, visits
from mobile_units.services.actors import Actor
from mobile_units.services.initial_loads import NewLoad
from mobile_units.services.visits import Cancellation, NewVisit
from mobile_units.transmission.inbound import Reader, Reading
from mobile_units.transmission.worker import worker_of
from tests import factories, factories_booking
from tests.factories_transmission import hand_over
from tests.services.test_initial_loads import line, table


@dataclass
class Sides:
    """A provider with slots that the centre knows, and women in IKP."""

    engine: Engine
    settings: Settings
    server: SandboxServer
    actor: Actor
    slots: list[Slot]

    @property
    def ikp(self) -> Ikp:
        """Where women book."""
        return Ikp(contract.load(), self.server.state)

    @property
    def reader(self) -> Reader:
        """Reads what women changed."""
        return reader_of(self.settings, self.engine)

    def deliver(self) -> None:
        """Everything that waits is sent."""
        worker_of(self.settings, self.engine, Event()).drain(5)

    def read(self) -> Reading:
        """One round of reading."""
        reading = self.reader.read(self.actor.provider_id, patient=False)
        assert reading is not None
        assert reading.failure is None
        return reading

    def named(self, slot: Slot) -> str:
        """A slot as the centre names it."""
        return f"2.16.840.1.113883.3.4424.2.7.999/{slot.uuid}"

    def booked_there(self, slot: Slot) -> str:
        """A woman books in IKP; the identifier of her visit."""
        patient = {
            "pesel": factories_booking.pesel(),
            "given_name": "Fikcja",
            "family_name": "Zmyślona",
            "birth_date": "1970-05-17",
        }
        return self.ikp.book({"slot": self.named(slot), "path": "MAMMOGRAFIA", "patient": patient})

    def visit(self, identifier: str) -> Visit:
        """The local visit of an identifier given there."""
        with db.transaction(self.engine) as session:
            extension = identifier.partition("/")[2]
            return session.scalars(select(Visit).where(Visit.cer_extension == extension)).one()

    def reconciled(self) -> Any:
        """What a comparison of the day finds."""
        with db.transaction(self.engine) as session:
            period = reconciliation.usual_period(clock.today())
            begun = reconciliation.begin(session, self.actor, period, clock.now())
        assert compare(self.reader, self.actor, begun)
        with db.transaction(self.engine) as session:
            return reconciliation.get_with_summary(session, self.actor, begun.id)


@pytest.fixture
def sides(engine: Engine, settings: Settings, tmp_path: FilePath) -> Iterator[Sides]:
    """Two slots of two places each, handed over."""
    with SandboxServer(tmp_path / "centre.sqlite") as server:
        with db.transaction(engine) as session:
            actor = Actor(factories.provider(session).id)
            day = factories_booking.next_day()
            made = [factories_booking.slot(session, actor.provider_id, day=day, capacity=2) for _ in range(2)]
            for each in made:
                hand_over(session, each.schedule)
        found = Sides(engine, replace(settings, cer_url=server.address), server, actor, made)
        found.deliver()
        yield found


def test_what_women_do_in_ikp_arrives_and_both_sides_agree(sides: Sides) -> None:
    """Booked, moved and cancelled there; passed from the first moment; nothing is left to compare."""
    first, second = sides.slots
    staying, leaving = sides.booked_there(first), sides.booked_there(first)
    assert sides.read().states == {InboundState.APPLIED: 2}
    visit = sides.visit(staying)
    assert (visit.source, visit.slot_id, visit.passed_at is not None) == (VisitSource.IKP, first.id, True)
    sides.ikp.move(staying, sides.named(second))
    sides.ikp.cancel(leaving)
    sides.read()
    assert sides.visit(staying).slot_id == second.id
    assert (sides.visit(leaving).status, sides.visit(leaving).cancelled_by) == (
        VisitStatus.CANCELLED,
        CancelledBy.WOMAN,
    )
    found = sides.reconciled()
    assert (found.visits_here, found.visits_there, found.differences) == (1, 2, {})


def test_a_visit_of_hers_is_cancelled_here(sides: Sides) -> None:
    """Under the identifier that the centre gave it; what comes back is an echo."""
    identifier = sides.booked_there(sides.slots[0])
    sides.read()
    visit = sides.visit(identifier)
    with db.transaction(sides.engine) as session:
        command = Cancellation(version=visit.version, cancelled_by=CancelledBy.PROVIDER)
        visits.cancel(session, sides.actor, visit.id, command)
    sides.deliver()
    assert sides.read().new == 1
    assert sides.reconciled().differences == {}


def test_a_conflict_that_is_declined_ends_at_the_centre(sides: Sides) -> None:
    """Both places were given away here before she booked there."""
    slot = sides.slots[0]
    with db.transaction(sides.engine) as session:
        for _ in range(2):
            woman = factories_booking.woman(session, sides.actor.provider_id)
            command = NewVisit(woman_id=woman.id, slot_id=slot.id, path=Path.MAMMOGRAPHY)
            visits.book(session, sides.actor, command, clock.now())
    identifier = sides.booked_there(slot)
    assert sides.read().states == {InboundState.CONFLICT: 1}
    with db.transaction(sides.engine) as session:
        (conflict,) = inbound.find(session, sides.actor, inbound.InboundFilter()).items
        inbound.decline(session, sides.actor, conflict.id, inbound.Note(note="termin zajęty"), clock.now())
    sides.deliver()
    assert sides.visit(identifier).status is VisitStatus.CANCELLED
    sides.read()
    found = sides.reconciled()
    assert (found.visits_here, found.differences) == (2, {})


def test_an_initial_load_reaches_the_centre(sides: Sides) -> None:
    """In chunks; every row is answered and every visit passed, and both sides agree."""
    first, second = sides.slots
    day = first.schedule.valid_from.isoformat()
    content = table(*(line(each, day=day) for each in (first, first, second, second)))
    with db.transaction(sides.engine) as session:
        command = NewLoad(file_name="wizyty.csv", content=content, chunk_size=3)
        load_id = initial_loads.load(session, sides.actor, command, clock.now()).load_id
    assert load_id is not None
    sides.deliver()
    with db.transaction(sides.engine) as session:
        status = initial_loads.status(session, sides.actor, load_id)
        assert (status.accepted, status.refused, status.waiting) == (4, 0, 0)
        assert (
            session.scalars(
                select(Visit).where(Visit.provider_id == sides.actor.provider_id, Visit.passed_at.is_(None))
            ).all()
            == []
        )
    found = sides.reconciled()
    assert (found.visits_here, found.visits_there, found.differences) == (4, 4, {})
