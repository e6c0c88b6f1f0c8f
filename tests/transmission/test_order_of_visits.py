"""The order across visits: whatever happened while no worker ran, the central system accepts all of it afterwards."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path as FilePath
from threading import Event

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.config import Settings
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import AttemptOutcome, TransmissionAttempt
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.sandbox.server import SandboxServer
from mobile_units.services import slots, visits
from mobile_units.services.actors import Actor
from mobile_units.services.visits import Cancellation, NewVisit, StatusChange
from mobile_units.transmission.worker import worker_of
from tests import factories, factories_booking
from tests.factories_booking import DAY, NOW
from tests.factories_transmission import hand_over

EARLIER = DAY - timedelta(days=1)
Drain = Callable[[], None]


@pytest.fixture
def actor(engine: Engine) -> Actor:
    """Of a provider that is really stored."""
    with db.transaction(engine) as session:
        return Actor(factories.provider(session).id)


@pytest.fixture
def drained(engine: Engine, settings: Settings, tmp_path: FilePath) -> Drain:
    """Starts the worker, which sends all there is to one central system and is refused nothing."""

    def drain() -> None:
        with SandboxServer(tmp_path / "sandbox.sqlite") as sandbox:
            worker_of(replace(settings, cer_url=sandbox.address), engine, Event()).drain(patience_seconds=5)
        with db.transaction(engine) as session:
            outcomes = set(session.scalars(select(TransmissionAttempt.outcome)))
            unpassed = session.scalars(select(Visit.id).where(Visit.passed_at.is_(None))).all()
        assert (outcomes, unpassed) == ({AttemptOutcome.DELIVERED}, [])

    return drain


def slot(session: Session, actor: Actor, day: date = DAY, capacity: int = 1) -> Slot:
    """A slot that is handed over with all that it needs."""
    made = factories_booking.slot(session, actor.provider_id, day=day, capacity=capacity, at=time(9))
    hand_over(session, made.schedule)
    return made


def book(session: Session, actor: Actor, woman: Woman, slot: Slot) -> Visit:
    """A visit."""
    return visits.book(session, actor, NewVisit(woman_id=woman.id, slot_id=slot.id, path=Path.MAMMOGRAPHY), NOW)


def cancel(session: Session, actor: Actor, visit: Visit) -> None:
    """She gives it up."""
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN))


@pytest.mark.parametrize("passed", [True, False])
def test_a_woman_who_cancels_may_book_an_earlier_day(
    engine: Engine, actor: Actor, drained: Drain, passed: bool
) -> None:
    """Though the nearest service day goes first, the cancellation goes before it."""
    with db.transaction(engine) as session:
        late, early = slot(session, actor), slot(session, actor, EARLIER)
        woman = factories_booking.woman(session, actor.provider_id)
        old = book(session, actor, woman, late)
    if passed:
        drained()
    with db.transaction(engine) as session:
        cancel(session, actor, old)
        book(session, actor, woman, early)
    drained()


def test_a_woman_who_did_not_come_may_book_anew(engine: Engine, actor: Actor, drained: Drain) -> None:
    """That she did not come is told first."""
    with db.transaction(engine) as session:
        where, later = slot(session, actor), slot(session, actor, DAY + timedelta(days=7))
        woman = factories_booking.woman(session, actor.provider_id)
        old = book(session, actor, woman, where)
    drained()
    with db.transaction(engine) as session:
        missed = StatusChange(version=old.version, status=VisitStatus.NO_SHOW)
        visits.change_status(session, actor, old.id, missed, where.starts_at)
        book(session, actor, woman, later)
    drained()


def test_a_full_slot_changes_hands(engine: Engine, actor: Actor, drained: Drain) -> None:
    """The one who left rebooks earlier; the one who came in goes on behind her cancellation, and so do a third."""
    with db.transaction(engine) as session:
        full, early = slot(session, actor), slot(session, actor, EARLIER)
        first, second, third = (factories_booking.woman(session, actor.provider_id) for _ in range(3))
        visit = book(session, actor, first, full)
    drained()
    with db.transaction(engine) as session:
        cancel(session, actor, visit)
        cancel(session, actor, book(session, actor, second, full))
        book(session, actor, third, full)
        book(session, actor, first, early)
    drained()


def test_a_schedule_whose_every_slot_is_blocked_is_handed_over(engine: Engine, actor: Actor, drained: Drain) -> None:
    """It offers slots without places; a slot that a woman just left is blocked behind her cancellation."""
    with db.transaction(engine) as session:
        left, never = slot(session, actor), slot(session, actor)
        visit = book(session, actor, factories_booking.woman(session, actor.provider_id), left)
        slots.block(session, actor, never.id)
    drained()
    with db.transaction(engine) as session:
        cancel(session, actor, visit)
        slots.block(session, actor, left.id)
    drained()
    with db.transaction(engine) as session:
        slots.unblock(session, actor, left.id)
        book(session, actor, factories_booking.woman(session, actor.provider_id), left)
    drained()
