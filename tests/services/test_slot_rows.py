"""Slots stored in bulk: the rows are those that are meant, and every constraint holds."""

from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.models.mixed_sessions import MixedSession
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.rules.admission import Reservation
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.programmes import Mobility, Path
from mobile_units.rules.schedules import SlotTime
from mobile_units.rules.slots import Interval, grid, slot_uuid
from mobile_units.rules.template_slots import PlannedSlot
from mobile_units.services import slot_rows
from mobile_units.services.actors import Actor
from mobile_units.services.slot_rows import open_slots, planned_slots
from tests import factories_booking
from tests.factories_booking import DAY
from tests.statements import refused

TEN = datetime(2027, 3, 10, 9, tzinfo=UTC)
TIME = Interval(TEN, TEN + timedelta(minutes=10))


def test_open_slots_are_stored_as_they_are_meant(session: Session, actor: Actor) -> None:
    """More than are sent at once; the identifiers are those by which everybody knows them."""
    schedule = factories_booking.schedule(session, actor.provider_id)
    times = grid(local_instant(DAY, time(6)), local_instant(DAY, time(6)) + timedelta(hours=16), 1)
    assert len(times) > slot_rows.AT_ONCE
    assert slot_rows.store(session, open_slots(schedule, [SlotTime(each, 2) for each in times])) == len(times)
    rows = session.scalars(select(Slot).where(Slot.schedule_id == schedule.id).order_by(Slot.starts_at)).all()
    assert [(row.starts_at, row.ends_at) for row in rows] == [(each.starts_at, each.ends_at) for each in times]
    assert [row.uuid for row in rows] == [slot_uuid(schedule.uuid, each.starts_at) for each in times]
    assert {(row.service_place_id, row.place_mobility, row.mobile) for row in rows} == {
        (schedule.service_place_id, Mobility.MOBILE, True)
    }
    kept = {(row.capacity, row.taken, row.extra, row.status, row.reserved_for, row.kept_for_waiting) for row in rows}
    assert kept == {(2, 0, 0, SlotStatus.OPEN, None, False)}
    assert {(row.session_id, row.fits, row.told_places) for row in rows} == {(None, True, None)}
    assert slot_rows.store(session, ()) == 0


def test_planned_slots_are_stored_with_all_that_a_template_says(session: Session, actor: Actor) -> None:
    """Blocked, reserved, overbooked, in a mixed session."""
    schedule = factories_booking.schedule(session, actor.provider_id)
    shared = MixedSession(
        provider_id=actor.provider_id,
        service_place_id=schedule.service_place_id,
        day=DAY,
        starts_at=TEN,
        ends_at=TEN + timedelta(hours=1),
        content={},
    )
    session.add(shared)
    session.flush()
    slot = PlannedSlot(schedule.uuid, Path.MAMMOGRAPHY, TIME, 3, 1, Reservation.URGENT, True, TEN)
    slot_rows.store(session, planned_slots(schedule, [slot], {TEN: shared.id}))
    row = session.scalars(select(Slot).where(Slot.schedule_id == schedule.id)).one()
    assert (row.uuid, row.starts_at, row.ends_at, row.capacity, row.extra) == (slot.uuid, TEN, TIME.ends_at, 3, 1)
    assert (row.reserved_for, row.status, row.session_id) == (Reservation.URGENT, SlotStatus.BLOCKED, shared.id)


def test_constraints_hold_and_are_told_by_their_names(session: Session, actor: Actor) -> None:
    """Twice the same slot; a slot of a stationary place on a mobile schedule."""
    schedule = factories_booking.schedule(session, actor.provider_id)
    with refused("already_exists"), session.begin_nested():
        slot_rows.store(session, open_slots(schedule, [SlotTime(TIME, 1)] * 2))
    [row] = open_slots(schedule, [SlotTime(TIME, 1)])
    with refused("stationary_slot_on_mobile_schedule"), session.begin_nested():
        slot_rows.store(session, [row.replace("\tmobile\t", "\tstationary\t")])
    assert slot_rows.store(session, [row]) == 1


@pytest.mark.parametrize("start", [TEN, datetime(2027, 10, 31, 0, 30, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)])
def test_the_start_is_the_instant_that_was_meant(session: Session, actor: Actor, start: datetime) -> None:
    """Whatever the clocks show."""
    schedule = factories_booking.schedule(session, actor.provider_id)
    time_of = Interval(start, start + timedelta(minutes=7))
    slot_rows.store(session, open_slots(schedule, [SlotTime(time_of, 1)]))
    assert session.scalars(select(Slot.starts_at).where(Slot.schedule_id == schedule.id)).one() == start
