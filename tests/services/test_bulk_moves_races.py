"""Bulk moves while others book, on real parallel connections."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.errors import DomainError
from mobile_units.models.bulk_moves import BulkMove, BulkMoveRow
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import ACTIVE, OCCUPYING, CancelledBy
from mobile_units.services import bulk_move_application, slot_places, visits
from mobile_units.services.actors import Actor
from mobile_units.services.visits import Cancellation, NewVisit
from tests import factories, factories_booking
from tests.factories_booking import NOW
from tests.races import while_open

Attempt = Callable[[Session], object]
CIRCLE = ((0, 1), (1, 2), (2, 0))
"""Three women in three full slots, each of whom goes to the next."""


class Scene:
    """Slots of one place, women in some of them and women without a visit, committed."""

    def __init__(self, engine: Engine, slots: int, seated: int, waiting: int) -> None:
        """The first slots are taken by the women who are seated."""
        self.engine = engine
        with db.transaction(engine) as session:
            self.actor = Actor(factories.provider(session).id)
            provider_id = self.actor.provider_id
            made = [factories_booking.slot(session, provider_id) for _ in range(slots)]
            self.slots = [slot.id for slot in made]
            self.women = [factories_booking.woman(session, provider_id).id for _ in range(seated + waiting)]
            self.visits = [self.booking(n, n)(session).id for n in range(seated)]

    def booking(self, woman: int, slot: int) -> Callable[[Session], Visit]:
        """An attempt to book the n-th woman into the n-th slot."""
        command = NewVisit(woman_id=self.women[woman], slot_id=self.slots[slot], path=Path.MAMMOGRAPHY)
        return lambda session: visits.book(session, self.actor, command, NOW)

    def cancelling(self, visit: int) -> Attempt:
        """An attempt to cancel the n-th visit."""
        command = Cancellation(version=1, cancelled_by=CancelledBy.WOMAN)
        return lambda session: visits.cancel(session, self.actor, self.visits[visit], command)

    def moving(self, *pairs: tuple[int, int]) -> Attempt:
        """An attempt to apply a bulk move of the n-th visits to the n-th slots."""
        rows = [
            BulkMoveRow(visit_id=self.visits[visit], visit_version=1, to_slot_id=self.slots[slot], by_hand=True)
            for visit, slot in pairs
        ]
        with db.transaction(self.engine) as session:
            move = BulkMove(provider_id=self.actor.provider_id, reason="awaria", scope={}, weights={}, rows=rows)
            session.add(move)
            session.flush()
            key = move.id
        return lambda session: bulk_move_application.apply(session, self.actor, key, 1, NOW)

    def race(self, *attempts: Attempt) -> list[str]:
        """Starts all at once; for each `done`, the code of the refusal, or what the database said."""
        start = Barrier(len(attempts))

        def run(attempt: Attempt) -> str:
            start.wait()
            try:
                with db.transaction(self.engine) as session:
                    attempt(session)
            except DomainError as error:
                return error.code
            except (OperationalError, IntegrityError) as error:
                return type(error.orig).__name__
            return "done"

        with ThreadPoolExecutor(len(attempts)) as pool:
            return list(pool.map(run, attempts))

    def require_sound(self) -> None:
        """Places taken are those of the visits, none above the capacity, and no woman has two."""
        with Session(self.engine) as session:
            held = select(Visit.slot_id, func.count()).where(Visit.status.in_(sorted(OCCUPYING)))
            places = dict(session.execute(held.where(Visit.slot_id.in_(self.slots)).group_by(Visit.slot_id)).all())
            for key in self.slots:
                assert session.get_one(Slot, key).taken == places.get(key, 0) <= 1
            active = select(Visit.woman_id).where(Visit.woman_id.in_(self.women), Visit.status.in_(sorted(ACTIVE)))
            found = session.scalars(active).all()
            assert len(set(found)) == len(found)


def test_a_booking_that_comes_second_waits_for_the_bulk_move(engine: Engine) -> None:
    """The move is done but not committed: the booking waits for it and finds the slot full."""
    scene = Scene(engine, slots=2, seated=1, waiting=1)
    with while_open(engine, scene.moving((0, 1)), lambda: scene.race(scene.booking(1, 1))) as booked:
        pass
    assert booked() == ["slot_full"]
    scene.require_sound()


def test_a_bulk_move_that_comes_second_waits_for_the_booking(engine: Engine) -> None:
    """It finds the place gone, and nobody is moved."""
    scene = Scene(engine, slots=2, seated=1, waiting=1)
    moving = scene.moving((0, 1))
    with while_open(engine, scene.booking(1, 1), lambda: scene.race(moving)) as moved:
        pass
    assert moved() == ["bulk_move_outdated"]
    scene.require_sound()


def test_without_its_guards_a_place_goes_to_the_bulk_move_and_to_a_booking(
    unguarded: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both saw the place free before either took it: the tests above are able to fail."""
    scene = Scene(unguarded, slots=2, seated=1, waiting=1)
    meeting = Barrier(2, timeout=20)

    def check_then_take(session: Session, slot: Slot, *_: object) -> slot_places.Change:
        if slot.taken >= slot.capacity:
            raise DomainError("slot_full")
        meeting.wait()
        session.execute(update(Slot).where(Slot.id == slot.id).values(taken=Slot.taken + 1))
        return slot_places.Change(slot.schedule_id, False, False)

    monkeypatch.setattr(slot_places, "take_one", check_then_take)
    assert scene.race(scene.moving((0, 1)), scene.booking(1, 1)) == ["done", "done"]
    with pytest.raises(AssertionError):
        scene.require_sound()


def test_a_place_goes_to_the_bulk_move_or_to_a_booking(engine: Engine) -> None:
    """Either all women are moved and the booking finds the slot full, or she has it and nobody is moved."""
    seen = set()
    for _ in range(3):
        scene = Scene(engine, slots=4, seated=2, waiting=1)
        outcomes = tuple(scene.race(scene.moving((0, 2), (1, 3)), scene.booking(2, 3)))
        assert outcomes in {("done", "slot_full"), ("bulk_move_outdated", "done")}
        scene.require_sound()
        seen.add(outcomes)
    assert seen


def test_two_bulk_moves_through_the_same_slots_follow_each_other(engine: Engine) -> None:
    """Opposite ways round one circle of full slots: the second finds its visits changed, and nobody waits for ever."""
    for _ in range(2):
        scene = Scene(engine, slots=3, seated=3, waiting=0)
        outcomes = scene.race(scene.moving(*CIRCLE), scene.moving(*((to, at) for at, to in CIRCLE)))
        assert sorted(outcomes) == ["bulk_move_outdated", "done"]
        scene.require_sound()


def test_one_move_is_applied_once_however_often_it_is_asked_for(engine: Engine) -> None:
    """The row of the move is locked first, so the second request reads that it is settled."""
    scene = Scene(engine, slots=2, seated=1, waiting=0)
    apply = scene.moving((0, 1))
    assert sorted(scene.race(apply, apply, apply)) == ["done", "stale_version", "stale_version"]
    scene.require_sound()


def test_in_a_storm_of_bookings_and_cancellations_all_stays_sound(engine: Engine) -> None:
    """No deadlock, whoever comes first: three women go round while two cancel and three book."""
    for _ in range(3):
        scene = Scene(engine, slots=5, seated=3, waiting=3)
        bookings = [scene.booking(3 + n, 4 - n) for n in range(3)]
        outcomes = scene.race(scene.moving(*CIRCLE), scene.cancelling(0), scene.cancelling(2), *bookings)
        assert set(outcomes) <= {"done", "bulk_move_outdated", "stale_version", "slot_full"}
        scene.require_sound()


def test_without_the_lock_of_the_women_a_cancelled_visit_is_moved(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests above are able to fail: what was read before the other committed is stale."""
    scene = Scene(engine, slots=2, seated=1, waiting=0)
    cancel, met = scene.cancelling(0), []

    def careless(session: Session, visit_ids: object) -> dict[int, Visit]:
        read = {scene.visits[0]: session.get_one(Visit, scene.visits[0])}
        with db.transaction(engine) as other:
            cancel(other)
        met.append(visit_ids)
        return read

    monkeypatch.setattr(bulk_move_application, "lock_women", careless)
    outcomes = scene.race(scene.moving((0, 1)))
    assert met
    assert outcomes != ["bulk_move_outdated"]
