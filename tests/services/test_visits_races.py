"""Bookings at the same instant, on real parallel connections.

Each race is also run on purpose without its guard, in a database or with a use-case from which the guard was taken
away, and must then go wrong: a race test that cannot lose proves nothing.
"""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, bindparam, func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.errors import DomainError
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import ACTIVE, OCCUPYING, CancelledBy, VisitStatus
from mobile_units.services import booking_facts, expired_holds, holds, slot_places, visit_steps, visits
from mobile_units.services.actors import Actor
from mobile_units.services.booking_facts import Facts
from mobile_units.services.slot_places import Admission
from mobile_units.services.visits import Cancellation, Move, NewVisit
from tests import factories, factories_booking
from tests.factories_booking import NOW
from tests.races import while_open

UNTIL = NOW + timedelta(minutes=10)

Attempt = Callable[[Session], Visit]


class Scene:
    """A provider with women and slots, committed so that every connection sees them."""

    def __init__(self, engine: Engine, women: int, capacities: Sequence[int]) -> None:
        """Makes `women` women and one slot of each of the capacities."""
        self.engine = engine
        with db.transaction(engine) as session:
            self.actor = Actor(factories.provider(session).id)
            provider_id = self.actor.provider_id
            self.women = [factories_booking.woman(session, provider_id).id for _ in range(women)]
            made = [factories_booking.slot(session, provider_id, capacity=capacity) for capacity in capacities]
            self.slots = [slot.id for slot in made]

    def booking(self, woman: int, slot: int, key: str | None = None) -> Attempt:
        """An attempt to book the n-th woman into the n-th slot."""
        command = NewVisit(
            woman_id=self.women[woman], slot_id=self.slots[slot], path=Path.MAMMOGRAPHY, idempotency_key=key
        )
        return lambda session: visits.book(session, self.actor, command, NOW)

    def moving(self, visit: Visit, slot: int) -> Attempt:
        """An attempt to move a visit to the n-th slot."""
        command = Move(version=visit.version, slot_id=self.slots[slot])
        return lambda session: visits.move(session, self.actor, visit.id, command, NOW)

    def cancelling(self, visit: Visit) -> Attempt:
        """An attempt to cancel a visit."""
        command = Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN)
        return lambda session: visits.cancel(session, self.actor, visit.id, command)

    def holding(self, woman: int, slot: int) -> Attempt:
        """An attempt to hold a place of the n-th slot until `UNTIL`."""
        command = NewVisit(woman_id=self.women[woman], slot_id=self.slots[slot], path=Path.MAMMOGRAPHY)
        return lambda session: holds.hold(session, self.actor, command, NOW, UNTIL)

    def confirming(self, visit: Visit) -> Attempt:
        """An attempt to confirm a hold at the last moment."""
        return lambda session: holds.confirm(session, self.actor, visit.id, visit.version, NOW)

    def expiring(self, visit: Visit) -> Attempt:
        """The worker's round, by whose clock the time of a hold is over."""

        def expire(session: Session) -> Visit:
            holds.expire(session, UNTIL)
            return visit

        return expire

    def done(self, attempt: Attempt) -> Visit:
        """The visit of an attempt that nobody disturbs."""
        with db.transaction(self.engine) as session:
            return attempt(session)

    def race(self, *attempts: Attempt) -> list[int | str]:
        """Starts all attempts at once; for each the key of the visit or the code of the refusal."""
        start = Barrier(len(attempts))

        def run(attempt: Attempt) -> int | str:
            start.wait()
            return self.outcome(attempt)

        with ThreadPoolExecutor(len(attempts)) as pool:
            return list(pool.map(run, attempts))

    def outcome(self, attempt: Attempt) -> int | str:
        """The key of the visit, the code of the refusal, or `deadlock`."""
        try:
            return self.done(attempt).id
        except DomainError as error:
            return error.code
        except OperationalError as error:
            return type(error.orig).__name__

    def count(self, *conditions: object) -> int:
        """How many visits of the provider there are in the database."""
        query = select(func.count()).select_from(Visit).where(Visit.provider_id == self.actor.provider_id)
        with Session(self.engine) as session:
            return session.scalar(query.where(*conditions)) or 0  # type: ignore[arg-type]  # conditions of SQLAlchemy

    def taken(self) -> list[int]:
        """Places taken in each slot."""
        with Session(self.engine) as session:
            return [session.get_one(Slot, key).taken for key in self.slots]


def check_then_take(meeting: Barrier) -> Callable[[Session, Slot, datetime, Admission], bool]:
    """Taking a place as one must not: look first, add later; all meet between the two."""

    def take(session: Session, slot: Slot, _now: datetime, _admission: Admission) -> bool:
        if slot.taken >= slot.capacity:
            raise DomainError("slot_full")
        meeting.wait()
        session.execute(update(Slot).where(Slot.id == slot.id).values(taken=Slot.taken + 1))
        return False

    return take


WITHOUT_LOCK = select(Woman.id, Woman.birth_date, Woman.declaration, Woman.merged_into_id).where(
    Woman.id == bindparam("woman_id"), Woman.provider_id == bindparam("provider_id")
)
"""Reading the woman as one must not: without locking her row."""


def test_the_last_place_goes_to_one_woman(engine: Engine) -> None:
    """Ten women want the only place: one has it, nine hear that the slot is full."""
    scene = Scene(engine, women=10, capacities=[1])
    outcomes = scene.race(*(scene.booking(n, 0) for n in range(10)))
    assert sorted(map(str, outcomes))[1:] == 9 * ["slot_full"]
    assert (scene.count(), scene.taken()) == (1, [1])


def test_the_constraint_keeps_the_capacity_even_if_the_use_case_does_not(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Women who all saw a free place before any took it: the database lets one pass."""
    scene = Scene(engine, women=4, capacities=[1])
    monkeypatch.setattr(slot_places, "take", check_then_take(Barrier(4)))
    outcomes = scene.race(*(scene.booking(n, 0) for n in range(4)))
    assert sorted(map(str, outcomes))[1:] == 3 * ["slot_full"]
    assert (scene.count(), scene.taken()) == (1, [1])


def test_without_its_guards_the_last_place_goes_to_many(unguarded: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same race without the constraint: the tests above are able to fail."""
    scene = Scene(unguarded, women=4, capacities=[1])
    monkeypatch.setattr(slot_places, "take", check_then_take(Barrier(4)))
    scene.race(*(scene.booking(n, 0) for n in range(4)))
    assert (scene.count(), scene.taken()) == (4, [4])


def test_a_woman_gets_one_of_two_visits(engine: Engine) -> None:
    """Eight attempts for one woman in eight slots: one visit, one place, seven clear answers."""
    scene = Scene(engine, women=1, capacities=8 * [1])
    outcomes = scene.race(*(scene.booking(0, n) for n in range(8)))
    assert sorted(map(str, outcomes))[1:] == 7 * ["parallel_visit"]
    assert (scene.count(), sum(scene.taken())) == (1, 1)


def test_the_index_keeps_one_visit_even_if_the_use_case_locks_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the lock of the woman's row the index still lets one pass."""
    monkeypatch.setattr(booking_facts, "_WOMAN", WITHOUT_LOCK)
    scene = Scene(engine, women=1, capacities=4 * [1])
    outcomes = scene.race(*(scene.booking(0, n) for n in range(4)))
    assert sorted(map(str, outcomes))[1:] == 3 * ["parallel_visit"]
    assert (scene.count(), sum(scene.taken())) == (1, 1)


def test_without_the_index_a_woman_gets_many_visits(unguarded: Engine) -> None:
    """The same race without the index: the tests above are able to fail."""
    scene = Scene(unguarded, women=1, capacities=4 * [1])
    scene.race(*(scene.booking(0, n) for n in range(4)))
    assert scene.count() == 4


def test_a_request_sent_twice_at_once_books_once(engine: Engine) -> None:
    """Six copies of one request: all get the same visit, one place is taken."""
    scene = Scene(engine, women=1, capacities=[6])
    outcomes = scene.race(*(scene.booking(0, 0, key="same-request") for _ in range(6)))
    assert len(set(outcomes)) == 1
    assert isinstance(outcomes[0], int)
    assert (scene.count(), scene.taken()) == (1, [1])


def test_one_key_for_two_women_at_once_is_refused_to_one(engine: Engine) -> None:
    """Different rows are locked, so it is the index that tells them apart."""
    scene = Scene(engine, women=4, capacities=[4])
    outcomes = scene.race(*(scene.booking(n, 0, key="shared-by-mistake") for n in range(4)))
    assert sorted(map(str, outcomes))[1:] == 3 * ["idempotency_key_reused"]
    assert (scene.count(), scene.taken()) == (1, [1])


def test_without_its_guards_a_request_sent_twice_books_twice(
    unguarded: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without lock and indexes both copies look for the key before either is stored."""
    meeting = Barrier(2)
    look = booking_facts.read

    def look_and_meet(*about: Any) -> Facts:
        found = look(*about)
        meeting.wait()
        return found

    monkeypatch.setattr(booking_facts, "_WOMAN", WITHOUT_LOCK)
    monkeypatch.setattr(booking_facts, "read", look_and_meet)
    scene = Scene(unguarded, women=1, capacities=[6])
    outcomes = scene.race(*(scene.booking(0, 0, key="same-request") for _ in range(2)))
    assert len(set(outcomes)) == 2
    assert scene.count() == 2


def test_a_visit_cancelled_twice_at_once_frees_one_place(engine: Engine) -> None:
    """Another woman's place in the same slot stays hers."""
    scene = Scene(engine, women=2, capacities=[2])
    scene.done(scene.booking(0, 0))
    visit = scene.done(scene.booking(1, 0))
    outcomes = scene.race(*(scene.cancelling(visit) for _ in range(4)))
    assert sorted(map(str, outcomes))[1:] == 3 * ["stale_version"]
    assert scene.taken() == [1]


def test_a_visit_cannot_be_moved_and_cancelled_at_once(engine: Engine) -> None:
    """Whoever comes second reads an old version; places and visits agree afterwards."""
    scene = Scene(engine, women=1, capacities=[1, 1])
    visit = scene.done(scene.booking(0, 0))
    outcomes = scene.race(scene.moving(visit, 1), scene.cancelling(visit))
    assert [str(outcome) for outcome in outcomes].count("stale_version") == 1
    assert sum(scene.taken()) == scene.count(Visit.status.in_(ACTIVE))


def crossing_moves(scene: Scene) -> list[int | str]:
    """Two women change places between two slots that have room for both."""
    one, other = scene.done(scene.booking(0, 0)), scene.done(scene.booking(1, 1))
    return scene.race(scene.moving(one, 1), scene.moving(other, 0))


def test_crossing_moves_do_not_wait_for_each_other_in_a_circle(engine: Engine) -> None:
    """Both lock the two slots in the same order."""
    for _ in range(5):
        scene = Scene(engine, women=2, capacities=[2, 2])
        assert all(isinstance(outcome, int) for outcome in crossing_moves(scene))
        assert scene.taken() == [1, 1]


def test_crossing_moves_that_lock_in_their_own_order_end_in_a_deadlock(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each frees its old place first, meets the other, and waits for its place: the order of locks is needed."""
    meeting = Barrier(2)

    def exchange(session: Session, visit: Visit, entered: Slot, now: datetime, admission: Admission) -> bool:
        slot_places.free(session, visit)
        meeting.wait()
        return slot_places.take(session, entered, now, admission)

    monkeypatch.setattr(visit_steps, "exchange", exchange)
    assert "DeadlockDetected" in crossing_moves(Scene(engine, women=2, capacities=[2, 2]))


def agrees(scene: Scene) -> bool:
    """Whether as many places are taken in each slot as visits hold."""
    with Session(scene.engine) as session:
        occupied = select(Visit.slot_id, func.count()).where(Visit.status.in_(OCCUPYING)).group_by(Visit.slot_id)
        places = dict(session.execute(occupied.where(Visit.slot_id.in_(scene.slots))).all())
    return [places.get(key, 0) for key in scene.slots] == scene.taken()


def require_one_end(scene: Scene, visit: Visit, confirmed: int | str) -> None:
    """Whoever was told that she is booked is booked, and the place is counted once or not at all."""
    booked = scene.count(Visit.status == VisitStatus.BOOKED)
    assert (confirmed, booked) in {(visit.id, 1), ("hold_expired", 0)}
    assert agrees(scene)


def test_a_hold_that_expires_while_it_is_confirmed_ends_in_one_way(engine: Engine) -> None:
    """Whoever has the woman's row first decides: she is booked, or she hears that the hold is over."""
    ended = set()
    for _ in range(10):
        scene = Scene(engine, women=1, capacities=[1])
        visit = scene.done(scene.holding(0, 0))
        confirmed, _worker = scene.race(scene.confirming(visit), scene.expiring(visit))
        require_one_end(scene, visit, confirmed)
        ended.add(confirmed)
    assert ended


def test_a_hold_is_not_ended_by_the_worker_while_it_is_being_confirmed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker comes between the question whether the hold is over and the answer: it finds her row locked."""
    scene = Scene(engine, women=1, capacities=[1])
    visit = scene.done(scene.holding(0, 0))
    change = visit_steps.change

    def change_late(*about: Any) -> None:
        scene.done(scene.expiring(visit))
        change(*about)

    monkeypatch.setattr(visit_steps, "change", change_late)
    assert scene.outcome(scene.confirming(visit)) == visit.id
    assert (scene.count(Visit.status == VisitStatus.BOOKED), scene.taken()) == (1, [1])


def test_a_hold_that_is_being_ended_is_not_confirmed(engine: Engine) -> None:
    """The woman comes while the worker is about to commit: she waits for it and hears that the hold is over."""
    scene = Scene(engine, women=1, capacities=[1])
    visit = scene.done(scene.holding(0, 0))
    with while_open(engine, scene.expiring(visit), lambda: scene.outcome(scene.confirming(visit))) as confirmed:
        pass
    assert confirmed() == "hold_expired"
    require_one_end(scene, visit, confirmed())
    assert scene.taken() == [0]


def test_without_the_lock_a_confirmed_hold_is_ended(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker looks, the woman is booked, the worker goes on: the tests above are able to fail."""
    scene = Scene(engine, women=1, capacities=[1])
    visit = scene.done(scene.holding(0, 0))
    confirmed: list[int | str] = []

    def look_without_lock(session: Session, *_: object) -> Sequence[Visit]:
        found = session.scalars(select(Visit).where(Visit.id == visit.id)).all()
        confirmed.append(scene.outcome(scene.confirming(visit)))
        return found

    monkeypatch.setattr(expired_holds, "_lock", look_without_lock)
    scene.done(scene.expiring(visit))
    assert confirmed == [visit.id]
    with pytest.raises(AssertionError):
        require_one_end(scene, visit, confirmed[0])


def test_an_expired_place_goes_to_one_of_many(engine: Engine) -> None:
    """Six women find the slot full of an expired hold: one has its place, and it is freed once."""
    scene = Scene(engine, women=7, capacities=[1])
    scene.done(scene.holding(6, 0))
    later = UNTIL + timedelta(seconds=1)

    def booking(woman: int) -> Attempt:
        command = NewVisit(woman_id=scene.women[woman], slot_id=scene.slots[0], path=Path.MAMMOGRAPHY)
        return lambda session: visits.book(session, scene.actor, command, later)

    outcomes = scene.race(*(booking(n) for n in range(6)))
    assert sorted(map(str, outcomes))[1:] == 5 * ["slot_full"]
    assert agrees(scene)


def test_in_a_storm_places_and_visits_agree(engine: Engine) -> None:
    """Eight connections book, hold, move and cancel at random: no deadlock, no place lost, nobody overbooked."""
    scene = Scene(engine, women=12, capacities=[2, 2, 3, 1])
    known: list[Visit] = []

    def act(seed: int) -> set[str]:
        dice = random.Random(seed)  # noqa: S311 -- a reproducible choice, not a secret
        outcomes = [scene.outcome(attempt_of(dice)) for _ in range(20)]
        return {outcome for outcome in outcomes if isinstance(outcome, str)}

    def attempt_of(dice: random.Random) -> Attempt:
        action = dice.randrange(6)
        if action < 2 or not known:
            made = scene.holding if action else scene.booking
            return remembering(made(dice.randrange(12), dice.randrange(4)))
        visit = dice.choice(known)
        if action == 2:
            return remembering(scene.moving(visit, dice.randrange(4)))
        return (scene.cancelling, scene.confirming, scene.expiring)[action - 3](visit)

    def remembering(attempt: Attempt) -> Attempt:
        def run(session: Session) -> Visit:
            visit = attempt(session)
            known.append(visit)
            return visit

        return run

    with ThreadPoolExecutor(8) as pool:
        refusals = set().union(*pool.map(act, range(8)))
    lost = {"slot_full", "hold_expired", "parallel_visit", "same_slot"}
    late = {"stale_version", "transition_not_allowed", "not_found"}
    assert refusals <= lost | late, refusals
    assert agrees(scene)
    assert scene.count(Visit.status.in_({VisitStatus.MOVED, VisitStatus.CANCELLED})) > 0
    assert scene.count(Visit.status == VisitStatus.CANCELLED) > 0
