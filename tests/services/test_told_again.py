"""What changes after its hand-over is handed over again; what was never queued, or tells nothing new, is not."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import MessageState, OutboxDependency, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules.programmes import Path
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, VisitSource, VisitStatus
from mobile_units.services import imports, service_places, sites, slots, visits, women
from mobile_units.services.actors import Actor
from mobile_units.services.visits import Cancellation, Move, NewVisit
from mobile_units.transmission import outbox
from tests import factories_booking
from tests.factories_booking import DAY, NOW
from tests.factories_transmission import hand_over


@pytest.fixture
def slot(session: Session, actor: Actor) -> Slot:
    """A slot at a stop, known to nobody yet."""
    return factories_booking.slot(session, actor.provider_id, capacity=2)


@pytest.fixture
def told(session: Session, slot: Slot) -> Slot:
    """The same, handed over and accepted."""
    hand_over(session, slot.schedule)
    accept_all(session)
    return slot


def accept_all(session: Session) -> None:
    """The central system takes what there is."""
    for message in session.scalars(select(OutboxMessage)):
        message.state, message.attempts = MessageState.ACCEPTED, 1
    session.flush()


def waiting(session: Session, actor: Actor) -> list[tuple[MessageKind, int]]:
    """Kinds and subjects of what is to be sent."""
    query = select(OutboxMessage.kind, OutboxMessage.subject_id).where(
        OutboxMessage.provider_id == actor.provider_id, OutboxMessage.state == MessageState.PENDING
    )
    return [(kind, subject) for kind, subject in session.execute(query.order_by(OutboxMessage.id))]


def booked(session: Session, actor: Actor, slot: Slot) -> Visit:
    """A visit of a new woman."""
    woman = factories_booking.woman(session, actor.provider_id)
    return visits.book(session, actor, NewVisit(woman_id=woman.id, slot_id=slot.id, path=Path.MAMMOGRAPHY), NOW)


def test_a_blocked_slot_and_an_unblocked_one_are_told(session: Session, actor: Actor, told: Slot) -> None:
    """With all slots of the schedule; twice before it is sent is once."""
    slots.block(session, actor, told.id)
    assert waiting(session, actor) == [(MessageKind.SAVE_SLOTS, told.schedule_id)]
    slots.unblock(session, actor, told.id)
    assert waiting(session, actor) == [(MessageKind.SAVE_SLOTS, told.schedule_id)]


def test_a_booking_waits_for_the_news_of_its_unblocked_slot(session: Session, actor: Actor, told: Slot) -> None:
    """Until then the central system knows no place there."""
    slots.block(session, actor, told.id)
    accept_all(session)
    slots.unblock(session, actor, told.id)
    visit = booked(session, actor, told)
    assert [message.kind for message in _waits_for(session, visit)] == [MessageKind.SAVE_SLOTS]


@pytest.mark.parametrize(
    ("places", "values", "waits"),
    [
        (2, {"state": MessageState.REJECTED}, False),
        (2, {}, False),
        (2, {"uncertain": True}, True),
        (2, {"state": MessageState.IN_PROGRESS, "leased_until": NOW}, True),
        (0, {"state": MessageState.REJECTED}, True),
        (None, {}, True),
    ],
)
@pytest.mark.parametrize("kind", [MessageKind.SAVE_SLOTS, MessageKind.WITHDRAW_SLOTS])
def test_news_of_other_slots_holds_up_no_booking(  # noqa: PLR0917 -- what the centre was told, and how far the news got
    session: Session,
    actor: Actor,
    told: Slot,
    kind: MessageKind,
    places: int | None,
    values: dict[str, Any],
    waits: bool,
) -> None:
    """The central system has room for her, unless what may be on its way says less."""
    told.told_places = places
    slots.tell_fewer(session, told.schedule_id, [])
    slots.tell(session, told.schedule_id)
    news = outbox.latest(session, kind, told.schedule_id)
    assert news is not None
    for name, value in values.items():
        setattr(news, name, value)
    session.flush()
    kinds = [message.kind for message in _waits_for(session, booked(session, actor, told))]
    assert kinds == ([MessageKind.SAVE_SLOTS] if waits else [])


def _waits_for(session: Session, visit: Visit) -> list[OutboxMessage]:
    message = outbox.latest(session, MessageKind.SAVE_VISIT, visit.id)
    assert message is not None
    return message.waits_for


def test_a_slot_is_told_as_blocked_behind_the_visit_that_left_it(session: Session, actor: Actor, told: Slot) -> None:
    """Also if the news of the schedule waited before; a slot has no fewer places than visits."""
    other = factories_booking.slot(session, actor.provider_id, of=told.schedule, at=NOW.time())
    visit = booked(session, actor, told)
    accept_all(session)
    slots.block(session, actor, other.id)
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN))
    slots.block(session, actor, told.id)
    news = outbox.latest(session, MessageKind.SAVE_SLOTS, told.schedule_id)
    cancellation = outbox.latest(session, MessageKind.CANCEL_VISIT, visit.id)
    assert news is not None
    assert cancellation is not None
    assert session.get(OutboxDependency, (news.id, cancellation.id)) is not None


@pytest.mark.parametrize(("values", "again"), [({"name": "Nowa"}, 1), ({"address": "Łódź"}, 1), ({"setting": None}, 0)])
def test_a_service_place_is_told_with_its_new_name_and_address(
    session: Session, actor: Actor, told: Slot, values: dict[str, Any], again: int
) -> None:
    """Other fields are no concern of the central system."""
    place = told.schedule.service_place
    service_places.change(session, actor, place.id, place.version, values)
    assert waiting(session, actor) == again * [(MessageKind.SAVE_SERVICE_PLACE, place.id)]


@pytest.mark.parametrize(("values", "again"), [({"telephone": None}, 1), ({"family_name": "Inna"}, 1), ({}, 0)])
def test_a_woman_is_told_anew_with_her_visit_to_come(
    session: Session, actor: Actor, told: Slot, values: dict[str, Any], again: int
) -> None:
    """Not with one that is over."""
    visit = booked(session, actor, told)
    accept_all(session)
    women.change(session, actor, visit.woman_id, 1, values, DAY)
    assert waiting(session, actor) == again * [(MessageKind.SAVE_VISIT, visit.id)]
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN))
    accept_all(session)
    women.change(session, actor, visit.woman_id, 2, values, DAY)
    assert waiting(session, actor) == []


def refused(session: Session, actor: Actor, slot: Slot, **values: Any) -> Visit:
    """A visit of a new woman that the central system rejected."""
    visit = booked(session, actor, slot)
    message = outbox.latest(session, MessageKind.SAVE_VISIT, visit.id)
    assert message is not None
    message.state, message.attempts = MessageState.REJECTED, 1
    for name, value in values.items():
        setattr(message, name, value)
    session.flush()
    return visit


def cancel(session: Session, actor: Actor, visit: Visit) -> None:
    """She gives it up."""
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN))


def test_a_refused_visit_that_is_over_holds_up_nobody(session: Session, actor: Actor, told: Slot) -> None:
    """The central system never had it: there is nothing to correct, nothing to cancel, and its place is free."""
    visit = refused(session, actor, told)
    cancel(session, actor, visit)
    message = outbox.latest(session, MessageKind.SAVE_VISIT, visit.id)
    assert message is not None
    assert (message.state, message.note) == (MessageState.GIVEN_UP, outbox.VISIT_IS_OVER)
    assert outbox.latest(session, MessageKind.CANCEL_VISIT, visit.id) is None
    assert _waits_for(session, booked(session, actor, told)) == []


def test_a_refused_visit_that_moves_is_corrected_by_that(session: Session, actor: Actor, told: Slot) -> None:
    """A full slot is why most are refused, and another slot the way out."""
    visit = refused(session, actor, told)
    other = factories_booking.slot(session, actor.provider_id, of=told.schedule, at=NOW.time())
    moved = visits.move(session, actor, visit.id, Move(version=visit.version, slot_id=other.id), NOW)
    assert _waits_for(session, moved) == []


@pytest.mark.parametrize("values", [{"uncertain": True}, {"accepted_at": NOW}, {"state": MessageState.PENDING}])
def test_a_visit_that_the_centre_may_hold_is_cancelled_there(
    session: Session, actor: Actor, told: Slot, values: dict[str, Any]
) -> None:
    """Whatever was answered last."""
    visit = refused(session, actor, told, **values)
    cancel(session, actor, visit)
    assert outbox.latest(session, MessageKind.CANCEL_VISIT, visit.id) is not None


def test_a_visit_that_was_booked_at_the_centre_is_cancelled_there(session: Session, actor: Actor, told: Slot) -> None:
    """It was there before any message of ours."""
    visit = refused(session, actor, told)
    visit.source, visit.cer_root, visit.cer_extension = VisitSource.IKP, "2.25", "77"
    session.flush()
    cancel(session, actor, visit)
    assert outbox.latest(session, MessageKind.CANCEL_VISIT, visit.id) is not None


def test_a_corrected_identity_is_told_with_visits_that_were_never_taken(
    session: Session, actor: Actor, told: Slot
) -> None:
    """A wrong PESEL may be why a visit was refused, so it is told again though she was examined by now."""
    visit = booked(session, actor, told)
    visit.status = VisitStatus.PERFORMED
    session.flush()
    accept_all(session)
    right = women.Identity(pesel=factories_booking.pesel())
    women.change(session, actor, visit.woman_id, 1, {"identity": right}, DAY)
    assert waiting(session, actor) == [(MessageKind.SAVE_VISIT, visit.id)]
    accept_all(session)
    visit.passed_at = NOW
    session.flush()
    women.change(session, actor, visit.woman_id, 2, {"telephone": None}, DAY)
    assert waiting(session, actor) == []


@pytest.mark.parametrize(
    ("values", "again"),
    [({"name": "Rynek"}, 1), ({"latitude": 51.5}, 1), ({"gmina": "1017093"}, 1), ({"telephone": "600 000 001"}, 0)],
)
def test_a_site_is_told_anew_with_its_points_to_come(
    session: Session, actor: Actor, told: Slot, values: dict[str, Any], again: int
) -> None:
    """A point takes the new name of the site; once its days are over it stays as it was."""
    point = told.schedule.mobile_point
    assert point is not None
    site = point.stop.site
    sites.change(session, actor, site.id, site.version, values, DAY)
    assert waiting(session, actor) == again * [(MessageKind.IMPORT_MOBILE_POINTS, point.id)]
    assert point.name == site.name
    accept_all(session)
    sites.change(session, actor, site.id, site.version, {"name": "Za późno"}, DAY + timedelta(days=1))
    assert waiting(session, actor) == []
    assert point.name != site.name


def test_a_site_changed_by_an_import_is_told_anew(session: Session, actor: Actor, told: Slot) -> None:
    """What the import leaves as it was is not."""
    point = told.schedule.mobile_point
    assert point is not None
    site = point.stop.site
    for name, again in ((site.name, 0), ("Rynek", 1)):
        row = f'{site.code},"{name}",{site.locality},{site.latitude},{site.longitude}'
        content = f"code,name,locality,lat,lon\n{row}\n".encode()
        imports.import_sites(session, actor, imports.SiteImport(content=content, today=DAY))
        assert waiting(session, actor) == again * [(MessageKind.IMPORT_MOBILE_POINTS, point.id)]
    assert point.name == "Rynek"


def test_what_was_never_queued_is_not_told_again(session: Session, actor: Actor, slot: Slot) -> None:
    """Its first message will tell it as it is then."""
    place, point = slot.schedule.service_place, slot.schedule.mobile_point
    assert point is not None
    slots.block(session, actor, slot.id)
    service_places.change(session, actor, place.id, place.version, {"name": "Nowa"})
    sites.change(session, actor, point.stop.site_id, 1, {"name": "Rynek"}, DAY)
    assert waiting(session, actor) == []
