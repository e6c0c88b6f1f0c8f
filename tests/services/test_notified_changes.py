"""Which changes of ours the woman is told of, and which she is not."""

from datetime import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.rules.deliveries import DeliveryState
from mobile_units.rules.messages import NoticeKind
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import CancelledBy
from mobile_units.services import appointments, changes, visits
from mobile_units.services.actors import Actor
from mobile_units.services.changes import StopChange
from mobile_units.services.visits import Cancellation, Move, NewVisit
from tests import factories_booking, factories_planning
from tests import factories_messages as make
from tests.factories_booking import NOW


def booked(session: Session, actor: Actor, *, notify: bool = False, slot: Slot | None = None) -> Visit:
    """A visit of a new woman."""
    slot = slot or factories_booking.slot(session, actor.provider_id)
    woman = factories_booking.woman(session, actor.provider_id)
    command = NewVisit(woman_id=woman.id, slot_id=slot.id, path=Path.MAMMOGRAPHY, notify=notify)
    return visits.book(session, actor, command, NOW)


def told(session: Session, actor: Actor) -> list[tuple[NoticeKind, int]]:
    """Kind and visit of the notices that stand, oldest first."""
    rows = make.messages(session, actor.provider_id)
    return [(row.kind, row.visit_id) for row in rows if row.state is not DeliveryState.DROPPED]


def test_a_woman_is_told_only_where_it_is_asked_for(session: Session, actor: Actor) -> None:
    """What she did herself on the telephone she knows."""
    for notify in (False, True):
        visit = booked(session, actor, notify=notify)
        assert told(session, actor) == ([(NoticeKind.BOOKED, visit.id)] if notify else [])


def test_a_visit_that_we_move_or_cancel_is_told(session: Session, actor: Actor) -> None:
    """The move names where it was; a notice that nobody heard of is replaced by the next."""
    old = booked(session, actor)
    where = factories_booking.slot(session, actor.provider_id, at=time(11))
    quiet = visits.move(session, actor, old.id, Move(version=old.version, slot_id=where.id), NOW)
    assert told(session, actor) == []
    where = factories_booking.slot(session, actor.provider_id, at=time(12))
    moved = visits.move(session, actor, quiet.id, Move(version=quiet.version, slot_id=where.id, notify=True), NOW)
    assert told(session, actor) == [(NoticeKind.MOVED, moved.id)]
    (row,) = make.messages(session, actor.provider_id)
    assert row.was == appointments.stored(appointments.of_visit(session, quiet.id))
    command = Cancellation(version=moved.version, cancelled_by=CancelledBy.PROVIDER, notify=True)
    visits.cancel(session, actor, moved.id, command)
    assert told(session, actor) == [(NoticeKind.CANCELLED, moved.id)]
    silent = booked(session, actor)
    visits.cancel(session, actor, silent.id, Cancellation(version=silent.version, cancelled_by=CancelledBy.WOMAN))
    assert told(session, actor) == [(NoticeKind.CANCELLED, moved.id)]


def test_a_stop_at_another_site_is_told_to_all_who_are_to_come(session: Session, actor: Actor) -> None:
    """With both places; a preview tells nobody, and each change of the stop is an occasion of its own."""
    slot = factories_booking.slot(session, actor.provider_id)
    visit = booked(session, actor, slot=slot)
    gone = booked(
        session, actor, slot=factories_booking.slot(session, actor.provider_id, at=time(10), of=slot.schedule)
    )
    visits.cancel(session, actor, gone.id, Cancellation(version=gone.version, cancelled_by=CancelledBy.WOMAN))
    query = select(MobilePoint).join(Schedule, Schedule.mobile_point_id == MobilePoint.id)
    stop = session.scalars(query.where(Schedule.id == slot.schedule_id)).one().stop
    elsewhere = factories_planning.site(session, actor.provider_id)
    elsewhere.locality, elsewhere.landmark = "Osjaków", "przy GOK"
    command = StopChange(version=stop.itinerary.version, site_id=elsewhere.id)
    assert changes.preview_stop(session, actor, stop.id, command, NOW).visits_at_new_site == 1
    assert told(session, actor) == []
    assert changes.change_stop(session, actor, stop.id, command, NOW).visits_at_new_site == 1
    assert told(session, actor) == [(NoticeKind.STOP_MOVED, visit.id)]
    (row,) = make.messages(session, actor.provider_id)
    assert row.was is not None
    assert (row.was["locality"], row.was["place"]) == ("Wieluń", "przy Urzędzie Gminy")
    assert appointments.of_visit(session, visit.id).place == "przy GOK"
