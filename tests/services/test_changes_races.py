"""Changes after publication and bookings at the same instant, on real parallel connections.

The races are also run without their guards, on purpose, and must then go wrong.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Stop
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import OCCUPYING, CancelledBy
from mobile_units.services import changes, orphans, slots, visits
from mobile_units.services.actors import Actor
from mobile_units.services.changes import StopChange, WorkedDay
from mobile_units.services.orphans import OrphanFilter
from mobile_units.services.visits import Cancellation, Move, NewVisit
from tests import factories, factories_booking, factories_planning
from tests.factories_planning import MAMMOGRAPHY, WEDNESDAY, contract, draft_with_stop, unit
from tests.races import while_open
from tests.services.test_changes import NOW

Attempt = Callable[[Session], object]
FRIDAY = date(2027, 3, 12)


class Scene:
    """A published stop of 18 slots and some women, committed so that every connection sees them."""

    def __init__(self, engine: Engine, women: int = 1) -> None:
        """Publishes the stop."""
        self.engine = engine
        with db.transaction(engine) as session:
            self.actor = Actor(factories.provider(session).id)
            provider_id = self.actor.provider_id
            contract(session, provider_id, {MAMMOGRAPHY: 100})
            itinerary = draft_with_stop(session, self.actor, unit(session, provider_id))
            factories_planning.publish(session, self.actor, itinerary, NOW)
            self.women = [factories_booking.woman(session, provider_id).id for _ in range(women)]
        with Session(engine) as session:
            stop = session.scalars(select(Stop).where(Stop.itinerary_id == itinerary.id)).one()
            self.stop, self.version = stop.id, stop.itinerary.version
            query = select(Slot.id).join(Slot.schedule).where(Schedule.provider_id == provider_id)
            self.slots = session.scalars(query.order_by(Slot.starts_at)).all()

    def booking(self, woman: int, slot: int) -> Attempt:
        """An attempt to book the n-th woman into the n-th slot."""
        command = NewVisit(woman_id=self.women[woman], slot_id=self.slots[slot], path=Path.MAMMOGRAPHY)
        return lambda session: visits.book(session, self.actor, command, NOW)

    def cancellation(self, visit_id: int) -> Attempt:
        """An attempt of a woman to give her place up."""
        command = Cancellation(version=1, cancelled_by=CancelledBy.WOMAN)
        return lambda session: visits.cancel(session, self.actor, visit_id, command)

    def withdrawal(self, *, orphan: bool = False) -> Attempt:
        """An attempt to withdraw the stop; slots with visits are in its way, or orphaned."""
        return lambda session: changes.withdraw_stop(session, self.actor, self.stop, self.version, NOW, orphan=orphan)

    def shortening(self) -> Attempt:
        """An attempt to drop the second day."""
        command = StopChange(version=self.version, days=[WorkedDay(WEDNESDAY)])
        return lambda session: changes.change_stop(session, self.actor, self.stop, command, NOW)

    def outcome(self, attempt: Attempt) -> str:
        """`done`, the code of the refusal, or the name of the database's error."""
        try:
            with db.transaction(self.engine) as session:
                attempt(session)
        except DomainError as error:
            return error.code
        except OperationalError as error:
            return type(error.orig).__name__
        return "done"

    def race(self, *attempts: Attempt) -> list[str]:
        """Starts all attempts at once."""
        start = Barrier(len(attempts))

        def run(attempt: Attempt) -> str:
            start.wait()
            return self.outcome(attempt)

        with ThreadPoolExecutor(len(attempts)) as pool:
            return list(pool.map(run, attempts))

    @contextmanager
    def while_open(self, attempt: Attempt, other: Attempt) -> Iterator[Callable[[], str]]:
        """Runs the other attempt while the first one is done but not committed; gives the outcome of the other."""
        with while_open(self.engine, attempt, lambda: self.outcome(other)) as answered:
            yield answered

    def orphaned(self) -> list[int]:
        """The slots on the list of orphaned ones, by their numbers."""
        with Session(self.engine) as session:
            listed = orphans.find(session, self.actor, OrphanFilter()).items
        return sorted(self.slots.index(slot.id) for slot in listed)

    def lost(self) -> int:
        """Visits that hold a place in a slot that was withdrawn."""
        query = select(func.count()).select_from(Visit).join(Visit.slot)
        query = query.where(Visit.status.in_(sorted(OCCUPYING)), Slot.status == SlotStatus.WITHDRAWN)
        with Session(self.engine) as session:
            return session.scalar(query.where(Visit.provider_id == self.actor.provider_id)) or 0


def test_a_booking_that_comes_first_stops_the_withdrawal(engine: Engine) -> None:
    """The withdrawal waits for it, finds the visit, and nothing is withdrawn."""
    scene = Scene(engine)
    with scene.while_open(scene.booking(0, 17), scene.withdrawal()) as withdrawn:
        pass
    assert withdrawn() == "slots_have_visits"
    assert scene.lost() == 0


def test_a_booking_that_comes_second_finds_the_slot_withdrawn(engine: Engine) -> None:
    """It waits for the withdrawal; in a slot that stays it is booked."""
    scene = Scene(engine)
    with scene.while_open(scene.shortening(), scene.booking(0, 17)) as booked:
        pass
    assert booked() == "slot_withdrawn"
    assert scene.outcome(scene.booking(0, 0)) == "done"
    assert scene.lost() == 0


def test_many_bookings_and_a_withdrawal_at_once(engine: Engine) -> None:
    """Either everybody is refused, or the withdrawal is; nobody waits in a circle."""
    for _ in range(5):
        scene = Scene(engine, women=6)
        codes = Counter(scene.race(scene.withdrawal(), *(scene.booking(n, 17 - n) for n in range(6))))
        assert codes in (Counter(done=1, slot_withdrawn=6), Counter(done=6, slots_have_visits=1))
        assert scene.lost() == 0


def test_a_booking_that_comes_first_is_orphaned(engine: Engine) -> None:
    """The withdrawal waits for it, finds the visit, and leaves it in an orphaned slot, which is listed."""
    scene = Scene(engine)
    with scene.while_open(scene.booking(0, 17), scene.withdrawal(orphan=True)) as withdrawn:
        pass
    assert withdrawn() == "done"
    assert (scene.orphaned(), scene.lost()) == ([17], 0)


def test_bookings_and_cancellations_race_with_an_orphaning_withdrawal(engine: Engine) -> None:
    """Who is booked is on the list, everybody else found no place; of a slot that is left meanwhile nothing remains."""
    for _ in range(3):
        scene = Scene(engine, women=6)
        with db.transaction(engine) as session:
            made = [scene.booking(n, n)(session).id for n in range(3)]  # type: ignore[attr-defined]  # a visit
        leaving = [scene.cancellation(visit) for visit in made[:2]]
        coming = [scene.booking(3 + n, 17 - n) for n in range(3)]
        done, *outcomes = scene.race(scene.withdrawal(orphan=True), *leaving, *coming)
        assert (done, outcomes[:2]) == ("done", ["done", "done"])
        assert set(outcomes[2:]) <= {"done", "slot_withdrawn"}
        in_time = [17 - number for number, outcome in enumerate(outcomes[2:]) if outcome == "done"]
        assert (scene.orphaned(), scene.lost()) == (sorted([2, *in_time]), 0)


def test_moves_between_the_slots_do_not_deadlock_with_a_change(engine: Engine) -> None:
    """A move locks two slots, a change all of them, both the lowest first."""
    scene = Scene(engine, women=4)
    with db.transaction(engine) as session:
        made = [scene.booking(n, n)(session) for n in range(4)]
    moves = [
        lambda session, visit=visit, slot=scene.slots[17 - number]: visits.move(
            session, scene.actor, visit.id, Move(version=visit.version, slot_id=slot), NOW
        )
        for number, visit in enumerate(made)
    ]
    assert set(scene.race(scene.shortening(), *moves)) <= {"done", "slot_withdrawn", "slots_have_visits"}
    assert scene.lost() == 0


def test_of_two_changes_at_once_one_is_refused(engine: Engine) -> None:
    """The second one read a stop that is another by now."""
    scene = Scene(engine)
    assert sorted(scene.race(scene.shortening(), scene.withdrawal())) == ["done", "stale_version"]


def test_a_unit_is_called_to_two_places_at_once_by_nobody(engine: Engine) -> None:
    """Two stops of one unit get the same new days at the same instant: one has them, without a deadlock."""
    for _ in range(5):
        scene = Scene(engine)
        with db.transaction(engine) as session:
            stop = session.get_one(Stop, scene.stop)
            other = draft_with_stop(session, scene.actor, stop.unit, FRIDAY)
            factories_planning.publish(session, scene.actor, other, NOW)
        with Session(engine) as session:
            stops = session.scalars(select(Stop).join(Stop.itinerary).where(Stop.unit_id == stop.unit_id)).all()
            known = [(each.id, each.itinerary.version, [row.day for row in each.days]) for each in stops]
        attempts = [_three_more_days(scene.actor, *each) for each in known]
        assert sorted(scene.race(*attempts)) == ["done", "unit_in_two_places"]


def _three_more_days(actor: Actor, stop_id: int, version: int, days: Sequence[date]) -> Attempt:
    fresh = (FRIDAY + timedelta(days=n) for n in (3, 4, 5))
    command = StopChange(version=version, days=[*map(WorkedDay, days), *map(WorkedDay, fresh)])
    return lambda session: changes.change_stop(session, actor, stop_id, command, NOW)


def test_single_slots_are_withdrawn_or_booked(engine: Engine) -> None:
    """Never both."""
    for _ in range(5):
        scene = Scene(engine)

        def withdrawal(session: Session, scene: Scene = scene) -> object:
            return slots.withdraw(session, scene.actor, [scene.slots[3]], NOW)

        outcomes = scene.race(withdrawal, scene.booking(0, 3))
        assert outcomes in (["done", "slot_withdrawn"], ["slots_have_visits", "done"])


def _look_without_lock(session: Session, query: object) -> object:
    return session.scalars(query.order_by(Slot.id)).all()  # type: ignore[attr-defined]  # a query of slots


def test_without_the_lock_a_visit_would_be_lost(unguarded: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The withdrawal does not see the booking that is not committed yet, and takes the slot from under it."""
    monkeypatch.setattr(slots, "lock", _look_without_lock)
    scene = Scene(unguarded)
    with scene.while_open(scene.booking(0, 17), scene.withdrawal(orphan=True)) as withdrawn:
        pass
    assert withdrawn() == "done"
    assert (scene.orphaned(), scene.lost()) == ([], 1)


def test_without_the_lock_the_database_still_guards(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A withdrawn slot with visits is refused by its constraint: read again, and the visit is seen."""
    monkeypatch.setattr(slots, "lock", _look_without_lock)
    scene = Scene(engine)
    with scene.while_open(scene.booking(0, 17), scene.withdrawal()) as withdrawn:
        pass
    assert withdrawn() == "stale_version"
    assert scene.lost() == 0
