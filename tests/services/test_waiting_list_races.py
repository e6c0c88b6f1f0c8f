"""Offers at the same instant, on real parallel connections: one place goes to one woman, in order, and none is lost.

The race for one place is also run without its guards, and must then go wrong.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier, Event

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.cli.waiting_list import Places
from mobile_units.errors import DomainError
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.models.waiting_list import WaitingListEntry
from mobile_units.models.women import Woman
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import OCCUPYING, CancelledBy
from mobile_units.rules.waiting import WaitingStatus
from mobile_units.services import expired_holds, offers, slot_places, visits, waiting_list
from mobile_units.services.actors import Actor
from mobile_units.services.offers import Offered
from tests import factories, factories_booking
from tests.factories_booking import NOW

HOURS = timedelta(hours=4)
_CORE = {"synchronize_session": False}
Attempt = Callable[[Session], object]


class Scene:
    """A stop with a freed place, and women who wait for it, committed so that every connection sees them."""

    def __init__(self, engine: Engine, women: int, places: int = 1) -> None:
        """The first of the women waits for longest."""
        self.engine = engine
        with db.transaction(engine) as session:
            self.actor = Actor(factories.provider(session).id)
            stop = factories_booking.stop(session, self.actor.provider_id)
            schedule = factories_booking.schedule(session, self.actor.provider_id, at=stop)
            slot = factories_booking.slot(session, self.actor.provider_id, of=schedule, capacity=places)
            self.slot, slot.taken = slot.id, places
            session.flush()
            self.entries = [self._wait(session, stop.id, n) for n in range(women)]
            slot.taken, slot.kept_for_waiting = 0, True

    def _wait(self, session: Session, stop_id: int, turn: int) -> int:
        woman = factories_booking.woman(session, self.actor.provider_id)
        command = waiting_list.NewEntry(woman_id=woman.id, path=Path.MAMMOGRAPHY, stop_id=stop_id)
        return waiting_list.add(session, self.actor, command, NOW - timedelta(hours=9 - turn)).id

    def race(self, *attempts: Attempt) -> list[object]:
        """Starts all attempts at once; for each its answer, the code of the refusal, or what the database says."""
        start = Barrier(len(attempts))

        def run(attempt: Attempt) -> object:
            start.wait()
            try:
                with db.transaction(self.engine) as session:
                    return attempt(session)
            except DomainError as error:
                return error.code
            except OperationalError as error:
                return type(error.orig).__name__

        with ThreadPoolExecutor(len(attempts)) as pool:
            return list(pool.map(run, attempts))

    def offering(self, now: datetime = NOW) -> Attempt:
        """What a worker does with the slot."""
        return lambda session: offers.offer(session, self.slot, now, HOURS)

    def expiring(self, now: datetime) -> Attempt:
        """What ends the hold of an offer whose time is over."""
        return lambda session: expired_holds.release(session, now, Visit.slot_id == self.slot)

    def statuses(self) -> Sequence[WaitingStatus]:
        """How the entries stand, in the order of their turns."""
        query = select(WaitingListEntry.status).where(WaitingListEntry.id.in_(self.entries))
        with Session(self.engine) as session:
            return session.scalars(query.order_by(WaitingListEntry.queued_at)).all()

    def places(self) -> tuple[int, int]:
        """Places that the slot counts, and visits that hold one."""
        held = select(func.count()).where(Visit.slot_id == self.slot, Visit.status.in_(sorted(OCCUPYING)))
        with Session(self.engine) as session:
            return session.get_one(Slot, self.slot).taken, session.scalar(held) or 0

    def entry(self, turn: int) -> WaitingListEntry:
        """The entry of the n-th woman."""
        with Session(self.engine) as session:
            return session.get_one(WaitingListEntry, self.entries[turn])


def require_offered_once(scene: Scene) -> None:
    """The first woman has the place, and nobody else."""
    assert scene.statuses() == [WaitingStatus.OFFERED, WaitingStatus.WAITING, WaitingStatus.WAITING]
    assert scene.places() == (1, 1)


def test_workers_who_offer_the_same_place_offer_it_once(engine: Engine) -> None:
    """Four workers, three women, one place: the first woman has the offer, and nobody else."""
    scene = Scene(engine, women=3)
    outcomes = scene.race(*(scene.offering() for _ in range(4)))
    assert (outcomes.count(Offered.TO_A_WOMAN), outcomes.count(Offered.LATER)) == (1, 3)
    require_offered_once(scene)


def test_without_its_guards_a_place_is_offered_to_two_women(unguarded: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both saw the place free, and one passed over a woman whom the other had: the test above is able to fail."""
    scene = Scene(unguarded, women=3)
    seen = Barrier(2, timeout=20)

    def claimed(session: Session, slot_id: int) -> Slot | None:
        slot = session.get_one(Slot, slot_id)
        seen.wait()
        return slot

    def take(session: Session, slot: Slot, *_: object) -> bool:
        if slot.taken >= slot.capacity:
            raise DomainError("slot_full")
        session.execute(update(Slot).where(Slot.id == slot.id).values(taken=Slot.taken + 1), execution_options=_CORE)
        return False

    in_turn, passed_over = offers._in_turn, iter((0, 1))
    monkeypatch.setattr(offers, "_claimed", claimed)
    monkeypatch.setattr(offers, "_in_turn", lambda *about: in_turn(*about)[next(passed_over) :])
    monkeypatch.setattr(slot_places, "take", take)
    assert scene.race(scene.offering(), scene.offering()) == 2 * [Offered.TO_A_WOMAN]
    assert scene.places() == (2, 2)
    with pytest.raises(AssertionError):
        require_offered_once(scene)


def test_workers_share_the_places_and_keep_the_order(engine: Engine) -> None:
    """Two whole workers with five women and three places: the first three have them, whoever offered them."""
    scene = Scene(engine, women=5, places=3)
    scene.race(*(scene.offering() for _ in range(2)))
    for _ in range(3):
        scene.race(*(scene.offering() for _ in range(2)))
    assert scene.statuses() == 3 * [WaitingStatus.OFFERED] + 2 * [WaitingStatus.WAITING]
    assert scene.places() == (3, 3)


def test_without_claim_and_lock_two_women_are_picked_for_one_place(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers who both looked before either wrote pick the same woman twice: the tests above are able to fail."""
    scene = Scene(engine, women=1, places=2)
    meeting = Barrier(2)

    def claimed(session: Session, slot_id: int) -> Slot | None:
        return session.get_one(Slot, slot_id)

    def free_woman(session: Session, woman_id: int) -> Woman | None:
        woman = session.get_one(Woman, woman_id)
        session.get_one(WaitingListEntry, scene.entries[0])
        meeting.wait()
        return woman

    monkeypatch.setattr(offers, "_claimed", claimed)
    monkeypatch.setattr(offers, "_free_woman", free_woman)
    monkeypatch.setattr(offers, "_has_visit", lambda *_: False)
    outcomes = scene.race(scene.offering(), scene.offering())
    assert sorted(map(str, outcomes)) == ["Offered.TO_A_WOMAN", "parallel_visit"]


@pytest.mark.parametrize("act", [offers.decline, offers.withdraw])
def test_who_answers_while_the_time_runs_out_gets_one_answer(
    engine: Engine, act: Callable[[Session, Actor, int, int], WaitingListEntry]
) -> None:
    """The offer is given up and ended at once: one of them happens, and the place is counted once."""
    scene = Scene(engine, women=2)
    scene.race(scene.offering())
    key, version = scene.entries[0], scene.entry(0).version

    def give_up(session: Session) -> WaitingStatus:
        return act(session, scene.actor, key, version).status

    answer, _ = scene.race(give_up, scene.expiring(NOW + timedelta(hours=5)))
    too_late = "offer_over" if act is offers.decline else "stale_version"
    assert answer in {WaitingStatus.WAITING, WaitingStatus.WITHDRAWN, too_late}
    ended = WaitingStatus.LAPSED if answer == too_late else answer
    assert scene.statuses() == [ended, WaitingStatus.WAITING]
    assert scene.places() == (0, 0)
    with Session(engine) as session:
        assert session.get_one(Slot, scene.slot).kept_for_waiting


def test_an_offer_accepted_as_its_time_runs_out_is_booked_or_over(engine: Engine) -> None:
    """Never both: a booked place is not given to the next, a lapsed one is not booked."""
    scene = Scene(engine, women=2)
    scene.race(scene.offering())
    entry = scene.entry(0)
    assert entry.answer_by is not None
    just_in_time = entry.answer_by - timedelta(seconds=1)

    def accept(session: Session) -> WaitingStatus:
        return offers.accept(session, scene.actor, entry.id, entry.version, just_in_time).status

    answer, _ = scene.race(accept, scene.expiring(entry.answer_by))
    booked = answer is WaitingStatus.BOOKED
    assert booked or answer == "offer_over"
    assert scene.statuses()[0] is (WaitingStatus.BOOKED if booked else WaitingStatus.LAPSED)
    assert scene.places() == ((1, 1) if booked else (0, 0))


def test_offers_cancellations_and_bookings_do_not_wait_in_a_circle(engine: Engine) -> None:
    """Women leave, others book and wait, workers offer, all at once: no deadlock, and places and visits agree."""
    scene = Scene(engine, women=4, places=2)
    with db.transaction(engine) as session:
        women = [factories_booking.woman(session, scene.actor.provider_id).id for _ in range(4)]

    def coming_and_going(woman_id: int) -> Attempt:
        def run(session: Session) -> object:
            command = visits.NewVisit(woman_id=woman_id, slot_id=scene.slot, path=Path.MAMMOGRAPHY)
            visit = visits.book(session, scene.actor, command, NOW)
            given_up = visits.Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN)
            return visits.cancel(session, scene.actor, visit.id, given_up).id

        return run

    def answering(turn: int) -> Attempt:
        return lambda session: offers.decline(session, scene.actor, scene.entries[turn], scene.entry(turn).version).id

    outcomes: list[object] = []
    for _ in range(4):
        outcomes += scene.race(
            *(coming_and_going(woman) for woman in women),
            *(answering(turn) for turn in range(2)),
            scene.offering(),
            scene.offering(),
            scene.expiring(NOW),
            lambda session: offers.settle(session, NOW),
        )
    assert not {"DeadlockDetected", "LockNotAvailable"} & set(map(str, outcomes))
    taken, held = scene.places()
    assert taken == held <= 2


def test_a_round_of_the_worker_offers_all_that_can_be_offered(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both places of the slot, each in a transaction of its own; a worker that is to stop begins no more."""
    scene = Scene(engine, women=3, places=2)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    stop = Event()
    stop.set()
    Places(engine, HOURS, stop).go_round()
    assert scene.statuses() == 3 * [WaitingStatus.WAITING]
    Places(engine, HOURS, Event()).go_round()
    assert scene.statuses() == 2 * [WaitingStatus.OFFERED] + [WaitingStatus.WAITING]


def test_a_woman_whose_row_somebody_has_keeps_her_turn(engine: Engine) -> None:
    """The round neither waits for her nor goes on to the next; it comes back to the slot."""
    scene = Scene(engine, women=2)
    with Session(engine) as session:
        session.get_one(Woman, scene.entry(0).woman_id, with_for_update={"key_share": True})
        assert scene.race(scene.offering()) == [Offered.LATER]
    assert scene.statuses() == 2 * [WaitingStatus.WAITING]
    assert scene.race(scene.offering()) == [Offered.TO_A_WOMAN]
    assert scene.statuses() == [WaitingStatus.OFFERED, WaitingStatus.WAITING]
