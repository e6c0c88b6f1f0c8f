"""Taking and freeing places: who may have which, what each refusal says, and what the central system hears of it."""

from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import OutboxDependency, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.models.waiting_list import WaitingListEntry
from mobile_units.rules.admission import BookingChannel, Reservation
from mobile_units.rules.programmes import Path
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy
from mobile_units.services import slot_places, visits
from mobile_units.services.actors import Actor
from mobile_units.services.slot_places import Admission
from mobile_units.services.visits import Cancellation, Move, NewVisit
from mobile_units.transmission import contents, outbox
from tests import factories_booking, factories_transmission
from tests.factories_booking import NOW

DESK = Admission(BookingChannel.DESK)


def slot(session: Session, actor: Actor, **values: Any) -> Slot:
    """A slot with these values, on a schedule of its own that was queued once."""
    made = factories_booking.slot(session, actor.provider_id, capacity=values.pop("capacity", 1))
    for name, value in values.items():
        setattr(made, name, value)
    factories_transmission.hand_over(session, made.schedule)
    session.flush()
    return made


def booked(session: Session, actor: Actor, where: Slot, **terms: Any) -> Visit:
    """A visit of a new woman."""
    woman = factories_booking.woman(session, actor.provider_id)
    command = NewVisit(woman_id=woman.id, slot_id=where.id, path=Path.MAMMOGRAPHY, **terms)
    return visits.book(session, actor, command, NOW)


def cancelled(session: Session, actor: Actor, visit: Visit) -> None:
    """The visit is given up by the woman."""
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN))


def refusal(session: Session, where: Slot, admission: Admission = DESK) -> DomainError:
    """Why the place cannot be had."""
    with pytest.raises(DomainError) as caught:
        slot_places.take(session, where, NOW, admission)
    return caught.value


def places(session: Session, where: Slot) -> int | None:
    """What the central system would be told of the slot."""
    return session.scalar(select(contents._PLACES).where(Slot.id == where.id))


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"starts_at": NOW}, "slot_in_the_past"),
        ({"status": SlotStatus.WITHDRAWN}, "slot_withdrawn"),
        ({"status": SlotStatus.ORPHANED, "taken": 1, "capacity": 2}, "slot_orphaned"),
        ({"status": SlotStatus.BLOCKED}, "slot_not_open"),
        ({"reserved_for": Reservation.URGENT}, "slot_reserved"),
        ({"reserved_for": Reservation.TELEPHONE, "taken": 1}, "slot_reserved"),
        ({"kept_for_waiting": True}, "slot_kept_for_waiting"),
        ({"taken": 1}, "slot_full"),
        ({"taken": 1, "extra": 1}, "slot_full"),
    ],
)
def test_each_refusal_says_why_the_place_cannot_be_had(
    session: Session, actor: Actor, values: dict[str, Any], code: str
) -> None:
    """What would be of no use to the woman comes before what another channel could have; nothing is taken."""
    where = slot(session, actor, **values)
    before = where.taken
    assert refusal(session, where).code == code
    session.refresh(where)
    assert where.taken == before


@pytest.mark.parametrize(
    ("reserved_for", "admission"),
    [
        (Reservation.URGENT, Admission(BookingChannel.TELEPHONE, urgent=True)),
        (Reservation.TELEPHONE, Admission(BookingChannel.TELEPHONE)),
        (Reservation.CENTRAL, Admission(BookingChannel.CENTRAL)),
        (None, Admission(BookingChannel.DESK)),
    ],
)
def test_a_reserved_slot_is_open_to_those_for_whom_it_is(
    session: Session, actor: Actor, reserved_for: Reservation | None, admission: Admission
) -> None:
    """Urgent women by any channel, the others by that channel."""
    where = slot(session, actor, reserved_for=reserved_for)
    assert slot_places.take(session, where, NOW, admission) is False


def test_overbooking_is_capped_and_explains_itself(session: Session, actor: Actor) -> None:
    """A place within the capacity is taken first; the visit above it says so; a refusal tells the reason."""
    where = slot(session, actor, extra=1)
    where.schedule.overbooking_reason = "co dziesiąta pacjentka nie przychodzi"
    session.flush()
    visits_made = [booked(session, actor, where, overbooking=True) for _ in range(2)]
    assert [visit.overbooked for visit in visits_made] == [False, True]
    refused = refusal(session, where, Admission(BookingChannel.DESK, overbooking=True))
    assert refused.code == "overbooking_exhausted"
    assert "co dziesiąta pacjentka nie przychodzi" in refused.sentence("pl")
    assert (places(session, where), refusal(session, where).code) == (2, "slot_full")


def waiting(session: Session, actor: Actor, where: Slot) -> WaitingListEntry:
    """A woman who waits for a place at the stop of the slot."""
    woman = factories_booking.woman(session, actor.provider_id)
    point = where.schedule.mobile_point
    assert point is not None
    entry = WaitingListEntry(
        provider_id=actor.provider_id,
        woman_id=woman.id,
        programme=Path.MAMMOGRAPHY.programme,
        path=Path.MAMMOGRAPHY,
        stop_id=point.stop_id,
    )
    session.add(entry)
    session.flush()
    return entry


def test_a_freed_place_is_kept_for_those_who_wait(session: Session, actor: Actor) -> None:
    """Only they can take it, and the centre offers it to nobody; what stays free is kept on for the next of them."""
    where = slot(session, actor, capacity=2)
    visit = booked(session, actor, where)
    waiting(session, actor, where)
    cancelled(session, actor, visit)
    session.refresh(where)
    assert (where.kept_for_waiting, where.taken, places(session, where)) == (True, 0, 0)
    assert refusal(session, where).code == "slot_kept_for_waiting"
    slot_places.take(session, where, NOW, Admission(BookingChannel.DESK, waiting=True))
    session.refresh(where)
    assert (where.kept_for_waiting, where.taken, places(session, where)) == (True, 1, 1)
    slot_places.take(session, where, NOW, Admission(BookingChannel.DESK, waiting=True))
    session.refresh(where)
    assert (where.kept_for_waiting, where.taken, places(session, where)) == (False, 2, 2)


def test_the_last_visit_of_an_orphaned_slot_withdraws_it(session: Session, actor: Actor) -> None:
    """A place that another visit leaves before is gone, too; a moved visit leaves as a cancelled one does."""
    where = slot(session, actor, capacity=2)
    first, last = booked(session, actor, where), booked(session, actor, where)
    session.execute(update(Slot).where(Slot.id == where.id).values(status=SlotStatus.ORPHANED))
    cancelled(session, actor, first)
    session.refresh(where)
    assert (where.status, places(session, where)) == (SlotStatus.ORPHANED, 1)
    free = slot(session, actor)
    visits.move(session, actor, last.id, Move(version=last.version, slot_id=free.id), NOW)
    session.refresh(where)
    assert (where.status, places(session, where)) == (SlotStatus.WITHDRAWN, 0)


def test_fewer_places_are_told_behind_the_woman_who_left(session: Session, actor: Actor) -> None:
    """The centre keeps no slot with fewer places than visits."""
    where = slot(session, actor, reserved_for=Reservation.DESK)
    visit = booked(session, actor, where)
    assert places(session, where) == 1
    cancelled(session, actor, visit)
    fewer = outbox.latest(session, MessageKind.WITHDRAW_SLOTS, where.schedule_id)
    left = outbox.latest(session, MessageKind.CANCEL_VISIT, visit.id)
    assert fewer is not None
    assert left is not None
    required = select(OutboxDependency.requires_id).where(OutboxDependency.message_id == fewer.id)
    assert left.id in session.scalars(required).all()
    assert places(session, where) == 0


def test_a_place_that_nobody_knew_of_is_told_before_its_visit(session: Session, actor: Actor) -> None:
    """A slot reserved for the desk has, for the centre, the places that are taken; an open one is told of no more."""
    for reserved_for, news in ((Reservation.DESK, 1), (None, 0)):
        where = slot(session, actor, reserved_for=reserved_for)
        accepted = update(OutboxMessage).where(OutboxMessage.subject_id == where.schedule_id)
        session.execute(accepted.values(state="accepted", attempts=1))
        visit = booked(session, actor, where)
        message = outbox.latest(session, MessageKind.SAVE_VISIT, visit.id)
        assert message is not None
        kinds = select(OutboxMessage.kind).join(OutboxDependency, OutboxDependency.requires_id == OutboxMessage.id)
        awaited = session.scalars(kinds.where(OutboxDependency.message_id == message.id)).all()
        assert awaited.count(MessageKind.SAVE_SLOTS) == news
