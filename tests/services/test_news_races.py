"""News for the central system from many transactions at once: nobody waits for another in a circle."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Barrier, BrokenBarrierError, Event
from typing import Any

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules.programmes import Path
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy
from mobile_units.services import slots, transmissions, visit_steps, visits
from mobile_units.services.actors import Actor
from mobile_units.services.visits import Cancellation, NewVisit
from mobile_units.transmission import outbox
from tests import factories, factories_booking
from tests.factories_booking import NOW
from tests.factories_transmission import hand_over, message

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")


class Scene:
    """Slots of as many schedules, which the central system knows, committed."""

    def __init__(self, engine: Engine, count: int) -> None:
        """Every schedule has one slot."""
        self.engine = engine
        with db.transaction(engine) as session:
            self.actor = Actor(factories.provider(session).id)
            made = [factories_booking.slot(session, self.actor.provider_id) for _ in range(count)]
            for slot in made:
                hand_over(session, slot.schedule)
            self.slots = [slot.id for slot in made]
            self.schedules = [slot.schedule_id for slot in made]
        self.settle()

    def settle(self) -> None:
        """The central system takes what there is."""
        ours = update(OutboxMessage).where(OutboxMessage.provider_id == self.actor.provider_id)
        with db.transaction(self.engine) as session:
            session.execute(ours.values(state=MessageState.ACCEPTED, attempts=1))

    def cancelled(self, slot: int) -> int:
        """A visit of the n-th slot that was cancelled, of which the central system is yet to hear."""
        with db.transaction(self.engine) as session:
            woman = factories_booking.woman(session, self.actor.provider_id)
            command = NewVisit(woman_id=woman.id, slot_id=self.slots[slot], path=Path.MAMMOGRAPHY)
            visit = visits.book(session, self.actor, command, NOW)
            visit_id = visit.id
        self.settle()
        with db.transaction(self.engine) as session:
            given_up = Cancellation(version=1, cancelled_by=CancelledBy.WOMAN)
            visits.cancel(session, self.actor, visit_id, given_up)
        return visit_id

    def carry_out(self, work: Callable[[Session], object]) -> object:
        """A transaction of its own."""
        with db.transaction(self.engine) as session:
            return work(session)

    def wait_for_one_who_waits(self) -> None:
        """Until somebody waits for a lock."""
        for _ in range(600):
            with self.engine.connect() as connection:
                if connection.scalar(WAITING):
                    return
            Event().wait(0.005)
        raise AssertionError("nobody waits")


@pytest.mark.parametrize("under_way", [True, False], ids=["reused messages", "new messages"])
@pytest.mark.parametrize("fewer", [True, False], ids=["fewer places", "more places"])
def test_news_of_crossing_schedules_follow_each_other(engine: Engine, *, under_way: bool, fewer: bool) -> None:
    """Two transactions tell of the same two schedules in opposite orders: the second waits, and then goes on."""
    scene = Scene(engine, 2)
    first, second = scene.schedules

    def tell(session: Session, *schedules: int) -> None:
        for schedule_id in schedules:
            if fewer:
                slots.tell_fewer(session, schedule_id, [])
            else:
                slots.tell(session, schedule_id)

    if under_way:
        scene.carry_out(lambda session: tell(session, first, second))
    with db.transaction(engine) as session, ThreadPoolExecutor() as pool:
        tell(session, first)
        other = pool.submit(scene.carry_out, lambda session: tell(session, second, first))
        scene.wait_for_one_who_waits()
        tell(session, second)
        session.commit()
        other.result(timeout=10)


def test_who_calls_off_a_visit_has_the_turn_for_news_of_slots_first(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two cancellations are told of again, and then the slots behind them: neither waits for the other half-way."""
    scene = Scene(engine, 2)
    cancelled = [scene.cancelled(number) for number in range(2)]
    with db.transaction(engine) as session:
        for visit_id in cancelled:
            _call_off(session, visit_id)
        for schedule_id, slot_id in zip(scene.schedules, scene.slots, strict=True):
            slots.tell_fewer(session, schedule_id, [slot_id])
    meeting, tell_fewer = Barrier(2), slots.tell_fewer

    def half_way(*arguments: Any) -> None:
        with suppress(BrokenBarrierError):
            meeting.wait(timeout=0.4)
        tell_fewer(*arguments)

    monkeypatch.setattr(slots, "tell_fewer", half_way)
    with ThreadPoolExecutor() as pool:
        works = [pool.submit(scene.carry_out, partial(_call_off, visit_id=visit_id)) for visit_id in cancelled]
        for work in works:
            work.result(timeout=10)


def _call_off(session: Session, visit_id: int) -> None:
    visit_steps.call_off(session, session.get_one(Visit, visit_id), is_there=True)


def test_sending_all_again_waits_for_nobody(engine: Engine) -> None:
    """A rejected message that somebody corrects at this moment is sent again by that; the others are sent again."""
    scene = Scene(engine, 1)
    subjects = [1_000_000 + factories.number() for _ in range(2)]

    def stored(session: Session, subject_id: int) -> OutboxMessage:
        return message(session, scene.actor.provider_id, MessageKind.SAVE_VISIT, subject_id)

    with db.transaction(engine) as session:
        for subject_id in subjects:
            stored(session, subject_id).state = MessageState.REJECTED
    with db.transaction(engine) as session:
        stored(session, subjects[1])
        session.flush()
        again = scene.carry_out(lambda other: _without_waiting(other, scene.actor))
    assert again == 1
    with Session(engine) as session:
        query = select(OutboxMessage.state).where(OutboxMessage.subject_id.in_(subjects))
        assert set(session.scalars(query)) == {MessageState.PENDING}


def _without_waiting(session: Session, actor: Actor) -> int:
    session.execute(text("SET LOCAL lock_timeout = '2s'"))
    return transmissions.resend_all(session, actor, None, clock.now())


def test_a_plain_booking_needs_no_turn(engine: Engine) -> None:
    """While news of slots of the provider are being stored, women are booked into open slots of the same schedules."""
    scene = Scene(engine, 1)
    with db.transaction(engine) as session:
        woman = factories_booking.woman(session, scene.actor.provider_id)
    command = NewVisit(woman_id=woman.id, slot_id=scene.slots[0], path=Path.MAMMOGRAPHY)

    def book(session: Session) -> int:
        session.execute(text("SET LOCAL lock_timeout = '2s'"))
        return visits.book(session, scene.actor, command, NOW).id

    with db.transaction(engine) as session:
        outbox.enqueue_again(session, MessageKind.SAVE_SLOTS, scene.schedules[0])
        assert scene.carry_out(book)
        taken = session.scalar(select(Slot.taken).where(Slot.id == scene.slots[0]))
    assert taken == 1
