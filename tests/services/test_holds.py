"""Holds: a place kept for a while, booked in time or given back, and never told to the central system."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import OutboxMessage
from mobile_units.models.visits import Visit, VisitChange
from mobile_units.rules.programmes import Path
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.services import expired_holds, holds, visits
from mobile_units.services.actors import Actor
from mobile_units.services.visits import Cancellation, Move, NewVisit, PathChange
from tests import factories_booking
from tests.factories_booking import NOW
from tests.statements import refused

UNTIL = NOW + timedelta(minutes=10)
AFTER = UNTIL + timedelta(seconds=1)


def wish(session: Session, actor: Actor, slot: Slot | None = None, key: str | None = None) -> NewVisit:
    """What a new woman asks for."""
    slot = slot or factories_booking.slot(session, actor.provider_id)
    woman = factories_booking.woman(session, actor.provider_id)
    return NewVisit(woman_id=woman.id, slot_id=slot.id, path=Path.MAMMOGRAPHY, idempotency_key=key)


def held(session: Session, actor: Actor, slot: Slot | None = None) -> Visit:
    """A hold of a new woman."""
    return holds.hold(session, actor, wish(session, actor, slot), NOW, UNTIL)


def told(session: Session, visit: Visit) -> list[MessageKind]:
    """The messages about a visit."""
    query = select(OutboxMessage.kind).where(OutboxMessage.subject_id == visit.id, OutboxMessage.kind.in_(_ABOUT))
    return list(session.scalars(query.order_by(OutboxMessage.id)))


_ABOUT = (MessageKind.SAVE_VISIT, MessageKind.CANCEL_VISIT)


def taken(session: Session, visit: Visit) -> int | None:
    """Places taken in its slot, as stored."""
    return session.scalar(select(Slot.taken).where(Slot.id == visit.slot_id))


def test_a_hold_keeps_the_place_and_is_passed_on_once_it_is_confirmed(session: Session, actor: Actor) -> None:
    """Until then nothing is told; every step is in the history."""
    visit = held(session, actor)
    assert (visit.status, visit.held_until, taken(session, visit)) == (VisitStatus.HELD, UNTIL, 1)
    assert told(session, visit) == []
    holds.confirm(session, actor, visit.id, visit.version, UNTIL - timedelta(seconds=1))
    assert (visit.status, visit.held_until, taken(session, visit)) == (VisitStatus.BOOKED, None, 1)
    assert told(session, visit) == [MessageKind.SAVE_VISIT]
    history = select(VisitChange.to_status).where(VisitChange.visit_id == visit.id).order_by(VisitChange.id)
    assert list(session.scalars(history)) == [VisitStatus.HELD, VisitStatus.BOOKED]
    with refused("transition_not_allowed"):
        holds.confirm(session, actor, visit.id, None, NOW)


def test_a_hold_given_up_or_cancelled_frees_the_place_and_tells_nobody(session: Session, actor: Actor) -> None:
    """Of what the central system never heard there is nothing to call off."""
    for end in (holds.give_up, visits.cancel):
        visit = held(session, actor)
        end(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN))
        assert (visit.status, visit.held_until, taken(session, visit)) == (VisitStatus.CANCELLED, None, 0)
        assert told(session, visit) == []


def test_only_a_hold_is_given_up(session: Session, actor: Actor) -> None:
    """A booked visit is cancelled, which the central system has to hear."""
    visit = visits.book(session, actor, wish(session, actor), NOW)
    with refused("transition_not_allowed"):
        holds.give_up(session, actor, visit.id, Cancellation(version=1, cancelled_by=CancelledBy.WOMAN))


def test_a_hold_is_not_moved_and_its_path_changes_in_silence(session: Session, actor: Actor) -> None:
    """It is given up and held anew elsewhere; nothing is told of a hold whatever changes."""
    slot = factories_booking.slot(session, actor.provider_id, Path.HPV_LBC)
    woman = factories_booking.woman(session, actor.provider_id)
    command = NewVisit(woman_id=woman.id, slot_id=slot.id, path=Path.HPV_LBC)
    visit = holds.hold(session, actor, command, NOW, UNTIL)
    visits.change_path(session, actor, visit.id, PathChange(version=visit.version, path=Path.CLASSIC_CYTOLOGY))
    assert (visit.path, told(session, visit)) == (Path.CLASSIC_CYTOLOGY, [])
    other = factories_booking.slot(session, actor.provider_id, Path.HPV_LBC)
    with refused("transition_not_allowed"):
        visits.move(session, actor, visit.id, Move(version=visit.version, slot_id=other.id), NOW)


def test_an_expired_hold_cannot_be_confirmed(session: Session, actor: Actor) -> None:
    """At `held_until` its time is over, whether the worker has come or not."""
    visit = held(session, actor)
    with refused("hold_expired"):
        holds.confirm(session, actor, visit.id, visit.version, UNTIL)
    version = visit.version
    expired_holds.release(session, UNTIL, Visit.id == visit.id)
    with refused("hold_expired"):
        holds.confirm(session, actor, visit.id, version, AFTER)
    with refused("hold_expired"):
        holds.give_up(session, actor, visit.id, Cancellation(version=version, cancelled_by=CancelledBy.WOMAN))


@pytest.mark.parametrize(("values", "code"), [({"status": "orphaned"}, "slot_orphaned"), ({}, "slot_in_the_past")])
def test_a_hold_is_not_confirmed_in_a_slot_that_went(
    session: Session, actor: Actor, values: dict[str, str], code: str
) -> None:
    """The stop changed meanwhile, or the slot has begun."""
    visit = held(session, actor)
    for name, value in values.items():
        setattr(visit.slot, name, SlotStatus(value))
    visit.held_until = visit.slot.starts_at + timedelta(minutes=1)
    session.flush()
    with refused(code):
        holds.confirm(session, actor, visit.id, None, NOW if values else visit.slot.starts_at)


def test_expired_holds_are_ended_by_the_system(session: Session, actor: Actor) -> None:
    """One after the other, with a trace of each; one whose time is not over stays."""
    slot = factories_booking.slot(session, actor.provider_id, capacity=3)
    over = [held(session, actor, slot) for _ in range(2)]
    stays = holds.hold(session, actor, wish(session, actor, slot), NOW, AFTER + timedelta(hours=1))
    assert sum(iter(lambda: holds.expire(session, AFTER), False)) >= len(over)
    for visit in over:
        session.refresh(visit)
        assert (visit.status, visit.cancelled_by, visit.held_until) == (
            VisitStatus.CANCELLED,
            CancelledBy.SYSTEM,
            None,
        )
        assert told(session, visit) == []
        query = select(AuditEntry.action).where(AuditEntry.subject == "woman", AuditEntry.subject_id == visit.woman_id)
        assert "visit_expire" in session.scalars(query).all()
    assert (stays.status, taken(session, stays)) == (VisitStatus.HELD, 1)


def test_who_finds_a_slot_full_ends_expired_holds_there(session: Session, actor: Actor) -> None:
    """A dead worker never blocks a place; a hold whose time is not over does."""
    slot = factories_booking.slot(session, actor.provider_id)
    visit = held(session, actor, slot)
    command = wish(session, actor, slot)
    with refused("slot_full"):
        visits.book(session, actor, command, UNTIL - timedelta(seconds=1))
    booked = visits.book(session, actor, command, AFTER)
    session.refresh(visit)
    assert (visit.status, booked.status, taken(session, booked)) == (VisitStatus.CANCELLED, VisitStatus.BOOKED, 1)


def test_a_move_ends_expired_holds_where_it_goes(session: Session, actor: Actor) -> None:
    """As a booking does."""
    slot = factories_booking.slot(session, actor.provider_id)
    held(session, actor, slot)
    visit = visits.book(session, actor, wish(session, actor), NOW)
    moved = visits.move(session, actor, visit.id, Move(version=visit.version, slot_id=slot.id), AFTER)
    assert (taken(session, visit), taken(session, moved)) == (0, 1)


def test_her_own_expired_hold_is_not_in_her_way(session: Session, actor: Actor) -> None:
    """She books elsewhere in the programme, and the place that was held for her is free."""
    old = held(session, actor)
    free = factories_booking.slot(session, actor.provider_id)
    command = NewVisit(woman_id=old.woman_id, slot_id=free.id, path=Path.MAMMOGRAPHY)
    visit = visits.book(session, actor, command, AFTER)
    session.refresh(old)
    assert (old.status, taken(session, old), taken(session, visit)) == (VisitStatus.CANCELLED, 0, 1)


def test_a_hold_counts_as_her_visit_in_the_programme(session: Session, actor: Actor) -> None:
    """Two holds of one woman would keep two places from others."""
    old = held(session, actor)
    free = factories_booking.slot(session, actor.provider_id)
    command = NewVisit(woman_id=old.woman_id, slot_id=free.id, path=Path.MAMMOGRAPHY)
    with refused("parallel_visit"), session.begin_nested():
        holds.hold(session, actor, command, NOW, UNTIL)


def test_a_repeated_hold_is_the_same_hold(session: Session, actor: Actor) -> None:
    """Also after it was confirmed; the key of a hold is not the key of a booking."""
    command = wish(session, actor, key="press-0001")
    visit = holds.hold(session, actor, command, NOW, UNTIL)
    assert holds.hold(session, actor, command, NOW, UNTIL) is visit
    holds.confirm(session, actor, visit.id, visit.version, NOW)
    assert holds.hold(session, actor, command, NOW, UNTIL) is visit
    with pytest.raises(DomainError, match="idempotency_key_reused"):
        visits.book(session, actor, command, NOW)
