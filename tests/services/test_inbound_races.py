"""Women who book in IKP at the instant in which somebody books here, on real parallel connections."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.errors import DomainError
from mobile_units.models.inbound import InboundChange, InboundState
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import ACTIVE, OCCUPYING, CancelledBy
from mobile_units.services import inbound, visits
from mobile_units.services.actors import Actor
from mobile_units.services.visits import Cancellation, Move, NewVisit
from mobile_units.transmission.messages import CentralChange, CentralStatus
from tests import factories, factories_booking
from tests.factories_booking import NOW
from tests.factories_inbound import booked, held_there, kept, patient, slot_id, then

Act = Callable[[Session], object]


class Scene:
    """A provider with women and slots, committed so that every connection sees them."""

    def __init__(self, engine: Engine, women: int = 1, slots: int = 1) -> None:
        """Makes women, and slots of one place each."""
        self.engine = engine
        with db.transaction(engine) as session:
            self.actor = Actor(factories.provider(session).id)
            provider_id = self.actor.provider_id
            self.women = [factories_booking.woman(session, provider_id) for _ in range(women)]
            self.slots = [factories_booking.slot(session, provider_id) for _ in range(slots)]

    def here(self, woman: int, slot: int) -> Act:
        """A booking here."""
        command = NewVisit(woman_id=self.women[woman].id, slot_id=self.slots[slot].id, path=Path.MAMMOGRAPHY)
        return lambda session: visits.book(session, self.actor, command, NOW)

    def there(self, change: CentralChange) -> Act:
        """Taking over a change."""
        with db.transaction(self.engine) as session:
            change_id = kept(session, self.actor, change)
        return lambda session: inbound.receive(session, self.actor, change_id, NOW)

    def booked_there(self, slot: int, woman: int | None = None) -> CentralChange:
        """A woman booked in IKP."""
        who = None if woman is None else patient(self.women[woman])
        with db.transaction(self.engine) as session:
            return booked(session, self.actor, self.slots[slot], who)

    def race(self, *acts: Act) -> list[str]:
        """Starts all at once; the code with which each was refused, or nothing."""
        start = Barrier(len(acts))

        def run(act: Act) -> str:
            start.wait()
            try:
                with db.transaction(self.engine) as session:
                    act(session)
            except DomainError as error:
                return error.code
            return ""

        with ThreadPoolExecutor(len(acts)) as pool:
            return list(pool.map(run, acts))

    def count(self, *conditions: object) -> int:
        """How many visits of the provider there are."""
        query = select(func.count()).select_from(Visit).where(Visit.provider_id == self.actor.provider_id, *conditions)  # type: ignore[arg-type]  # conditions
        with db.transaction(self.engine) as session:
            return session.scalar(query) or 0

    def states(self) -> list[InboundState]:
        """What became of the changes."""
        query = select(InboundChange.state).where(InboundChange.provider_id == self.actor.provider_id)
        with db.transaction(self.engine) as session:
            return sorted(session.scalars(query))

    def require_honest_counts(self) -> None:
        """Each slot counts the visits that hold its places, and none holds more than it has."""
        with db.transaction(self.engine) as session:
            for slot in self.slots:
                held = Visit.slot_id == slot.id, Visit.status.in_(sorted(OCCUPYING))
                count = session.scalar(select(func.count()).select_from(Visit).where(*held))
                taken = session.scalar(select(Slot.taken).where(Slot.id == slot.id))
                assert taken == count
                assert taken is not None
                assert taken <= 1


def test_the_last_place_goes_to_one_of_two(engine: Engine) -> None:
    """Either she is refused here, or the change is a conflict; nobody sits on another's place."""
    for _ in range(5):
        scene = Scene(engine)
        refused = scene.race(scene.here(0, 0), scene.there(scene.booked_there(0)))
        outcome = (refused, scene.states())
        assert outcome in (
            (["slot_full", ""], [InboundState.APPLIED]),
            (["", ""], [InboundState.CONFLICT]),
        )
        scene.require_honest_counts()


def test_a_woman_who_books_on_both_sides_has_one_visit(engine: Engine) -> None:
    """The other is refused, or a conflict."""
    for _ in range(5):
        scene = Scene(engine, slots=2)
        refused = scene.race(scene.here(0, 0), scene.there(scene.booked_there(1, 0)))
        assert (refused, scene.states()) in (
            (["parallel_visit", ""], [InboundState.APPLIED]),
            (["", ""], [InboundState.CONFLICT]),
        )
        assert scene.count(Visit.status.in_(sorted(ACTIVE))) == 1
        scene.require_honest_counts()


def test_a_new_woman_of_two_changes_at_once_is_registered_once(engine: Engine) -> None:
    """Two hosts take over her visits in two programmes."""
    scene = Scene(engine)
    with db.transaction(engine) as session:
        who = patient()
        paths = (Path.MAMMOGRAPHY, Path.HPV_LBC)
        slots = [factories_booking.slot(session, scene.actor.provider_id, path) for path in paths]
        changes = [booked(session, scene.actor, slot, who) for slot in slots]
    assert scene.race(*map(scene.there, changes)) == ["", ""]
    assert scene.states() == [InboundState.APPLIED] * 2
    with db.transaction(engine) as session:
        own = Woman.provider_id == scene.actor.provider_id
        assert session.scalar(select(func.count()).select_from(Woman).where(own)) == 2


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_at_once_the_counts_are_right(engine: Engine, seed: int) -> None:
    """Moves, cancellations and bookings on both sides, in no order: no deadlock, no place lost or doubled."""
    chance = random.Random(seed)  # noqa: S311 -- an order, not a secret
    scene = Scene(engine, women=4, slots=6)
    with db.transaction(engine) as session:
        mine = [scene.here(n, n)(session) for n in range(4)]
        told = [held_there(session, scene.actor, visit) for visit in mine if isinstance(visit, Visit)]
        free = [slot_id(session, scene.actor, slot) for slot in scene.slots]
    acts: list[Act] = []
    for visit, change in zip(mine, told, strict=True):
        assert isinstance(visit, Visit)
        acts.append(scene.there(then(change, slot=chance.choice(free))))
        acts.append(scene.there(then(change, 2, status=CentralStatus.CANCELLED, cancelled_by=CancelledBy.WOMAN)))
        command = Move(version=visit.version, slot_id=chance.choice(scene.slots).id)
        acts.append(lambda session, v=visit, c=command: visits.move(session, scene.actor, v.id, c, NOW))  # type: ignore[misc]  # bound now
        end = Cancellation(version=visit.version, cancelled_by=CancelledBy.PROVIDER)
        acts.append(lambda session, v=visit, c=end: visits.cancel(session, scene.actor, v.id, c))  # type: ignore[misc]  # bound now
    chance.shuffle(acts)
    allowed = {"", "stale_version", "transition_not_allowed", "slot_full", "same_slot"}
    assert set(scene.race(*acts[:8])) | set(scene.race(*acts[8:])) <= allowed
    assert InboundState.RECEIVED not in scene.states()
    scene.require_honest_counts()
