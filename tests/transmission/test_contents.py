"""What messages say: the subject as it stands when the message is sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from uuid import uuid4

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from mobile_units.models.base import Owned
from mobile_units.models.initial_loads import LoadedRowState
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.providers import Provider
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.slots import UNSURE, Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.models.women import IdentityKind
from mobile_units.rules.programmes import Mobility, Path, Programme
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.services.actors import Actor
from mobile_units.transmission import contents
from mobile_units.transmission.contents import CONTENTS, Content
from mobile_units.transmission.deliveries import ClaimedMessage, ToldSlots
from mobile_units.transmission.dialect import DEFAULT
from mobile_units.transmission.encode import ENCODERS, encode
from mobile_units.transmission.messages import (
    ActivationData,
    LoadedVisits,
    Message,
    MobilePointsData,
    ObjectId,
    PersonId,
    ScheduleData,
    ServicePlaceData,
    SlotKind,
    SlotsData,
    VisitCancellation,
    VisitData,
    WithdrawnSlots,
    WorkingTime,
    kind_of,
    provider_id,
    service_place_id,
)
from tests import factories_booking
from tests.factories_transmission import load_chunk, visit

MESSAGE = uuid4()


def read(session: Session, kind: MessageKind, subject: Owned, attempts: int = 1) -> Message:
    """What a message of this kind about this subject says."""
    message = content(session, kind, subject, attempts).message
    assert message is not None
    return message


def content(session: Session, kind: MessageKind, subject: Owned, attempts: int = 1) -> Content:
    """The same with what is to be remembered; there may be nothing to say."""
    claimed = ClaimedMessage(
        id=1,
        uuid=MESSAGE,
        provider_id=subject.provider_id,
        kind=kind,
        subject_id=subject.id,
        attempts=attempts,
        uncertain=False,
        leased_until=datetime(2027, 3, 1, tzinfo=UTC),
        call_at=datetime(2027, 3, 1, tzinfo=UTC),
    )
    session.flush()
    session.expire_all()
    return contents.content_of(session, claimed)


@pytest.fixture
def provider(session: Session, actor: Actor) -> Provider:
    """The provider that hands over."""
    return session.get_one(Provider, actor.provider_id)


@pytest.fixture
def schedule(session: Session, provider: Provider) -> Schedule:
    """A schedule of a mammobus on one day."""
    return factories_booking.schedule(session, provider.id)


@pytest.fixture
def booked(session: Session, provider: Provider, schedule: Schedule) -> Visit:
    """A booked visit."""
    return visit(session, provider.id, factories_booking.slot(session, provider.id, of=schedule))


@contextmanager
def statements(session: Session) -> Iterator[list[str]]:
    """The statements that the session sends meanwhile."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(session.get_bind(), "before_cursor_execute", note)
    yield sent
    event.remove(session.get_bind(), "before_cursor_execute", note)


@pytest.mark.parametrize("kind", MessageKind)
def test_every_kind_has_content_and_an_encoder(session: Session, booked: Visit, kind: MessageKind) -> None:
    """A kind that can be stored can be read, encoded and sent, and is read in few statements."""
    schedule = booked.slot.schedule
    assert schedule.mobile_point is not None
    subjects: dict[MessageKind, Owned] = {
        MessageKind.SAVE_SERVICE_PLACE: schedule.service_place,
        MessageKind.IMPORT_MOBILE_POINTS: schedule.mobile_point,
        MessageKind.SAVE_SCHEDULE: schedule,
        MessageKind.WITHDRAW_SLOTS: schedule,
        MessageKind.SAVE_SLOTS: schedule,
        MessageKind.LOAD_VISITS: load_chunk(session, [booked]),
        MessageKind.ACTIVATE_SERVICE_PLACE: schedule.service_place,
        MessageKind.SAVE_VISIT: booked,
        MessageKind.CANCEL_VISIT: booked,
    }
    booked.slot.told_places = booked.slot.capacity + (1 if kind is MessageKind.WITHDRAW_SLOTS else -1)
    provider_root = session.get_one(Provider, booked.provider_id).oid_root
    message = read(session, kind, subjects[kind])
    assert (kind_of(message), message.message_id) == (kind, ObjectId(provider_root, str(MESSAGE)))
    assert encode(message, DEFAULT).arguments
    with statements(session) as sent:
        read(session, kind, subjects[kind])
    assert len(sent) <= 3, sent  # one of them reads what the test itself asks the subject for


def test_the_tables_know_exactly_the_kinds() -> None:
    """Neither is missing one."""
    assert set(CONTENTS) == set(ENCODERS) == set(MessageKind)


def test_a_service_place_is_named_by_book_and_cell(session: Session, provider: Provider) -> None:
    """With the branch of its provider."""
    place = factories_booking.service_place(session, provider.id, Programme.CERVICAL, Mobility.STATIONARY)
    message = read(session, MessageKind.SAVE_SERVICE_PLACE, place)
    assert message == ServicePlaceData(
        message_id=ObjectId(provider.oid_root, str(MESSAGE)),
        identifier=service_place_id(provider.rpwdl_book, place.cell_code),
        provider=provider_id(provider.rpwdl_book),
        cell_code=place.cell_code,
        specialty_code="1450",
        name=place.name,
        address=place.address,
        mobility=Mobility.STATIONARY,
        nfz_branch="05",
    )
    activation = read(session, MessageKind.ACTIVATE_SERVICE_PLACE, place)
    assert isinstance(activation, ActivationData)
    assert activation.service_place == message.identifier


def test_a_mobile_point_is_where_its_stop_is(session: Session, provider: Provider, schedule: Schedule) -> None:
    """The site says where, the unit which vehicle; what a site leaves empty is left out."""
    point = schedule.mobile_point
    assert point is not None
    point.stop.site.street = ""
    message = read(session, MessageKind.IMPORT_MOBILE_POINTS, point)
    assert isinstance(message, MobilePointsData)
    (said,) = message.points
    assert said.identifier == ObjectId(provider.oid_root, str(point.uuid))
    assert said.service_place == service_place_id(provider.rpwdl_book, point.service_place.cell_code)
    assert (said.locality, said.landmark, said.street) == ("Wieluń", "przy Urzędzie Gminy", None)
    assert (said.latitude, said.longitude, said.vehicle_name) == (51.22097, 18.56964, "Mammobus")
    assert said.valid_from == said.valid_to == factories_booking.DAY


def test_a_mobile_schedule_names_its_point(session: Session, provider: Provider, schedule: Schedule) -> None:
    """With product code, contract and working times."""
    message = read(session, MessageKind.SAVE_SCHEDULE, schedule)
    assert isinstance(message, ScheduleData)
    assert schedule.mobile_point is not None
    assert message.mobile_point == ObjectId(provider.oid_root, str(schedule.mobile_point.uuid))
    assert message.product_code == "10.7940.159.02"
    assert (message.contract_number, message.nfz_branch) == (schedule.contract_range.contract.number, "05")
    day = [datetime(2027, 3, 10, hour, tzinfo=UTC) for hour in (7, 15)]
    assert message.working_times == (WorkingTime(day[0], day[1]),)


@pytest.mark.parametrize(("status", "told_places"), [(SlotStatus.ORPHANED, None), (SlotStatus.WITHDRAWN, 1)])
def test_hours_take_in_what_is_held_of_slots_outside(
    session: Session, provider: Provider, schedule: Schedule, status: SlotStatus, told_places: int | None
) -> None:
    """An orphaned slot after work, or one that is still to be taken back there; one that is gone there is not told."""
    slot = factories_booking.slot(session, provider.id, of=schedule, at=time(17))
    slot.status, slot.told_places, slot.taken = status, told_places, int(status is SlotStatus.ORPHANED)
    gone = factories_booking.slot(session, provider.id, of=schedule, at=time(18))
    gone.status, gone.told_places = SlotStatus.WITHDRAWN, 0
    session.flush()
    message = read(session, MessageKind.SAVE_SCHEDULE, schedule)
    assert isinstance(message, ScheduleData)
    assert [(each.start, each.end) for each in message.working_times][1:] == [(slot.starts_at, slot.ends_at)]


def test_a_stationary_schedule_has_no_point(session: Session, provider: Provider) -> None:
    """So the checkbox for mobile points stays empty."""
    place = factories_booking.service_place(session, provider.id, mobility=Mobility.STATIONARY)
    stationary = factories_booking.schedule(session, provider.id, place=place)
    message = read(session, MessageKind.SAVE_SCHEDULE, stationary)
    assert isinstance(message, ScheduleData)
    assert message.mobile_point is None


def test_slots_offer_places_that_can_be_had(session: Session, provider: Provider, schedule: Schedule) -> None:
    """A blocked slot has only the places that are taken already, none if it is empty."""
    made = [
        factories_booking.slot(session, provider.id, of=schedule, at=time(hour), capacity=3) for hour in (11, 8, 9, 10)
    ]
    late, early, blocked, empty = made
    early.taken, blocked.taken = 3, 2
    blocked.status = empty.status = SlotStatus.BLOCKED
    message = read(session, MessageKind.SAVE_SLOTS, schedule)
    assert isinstance(message, SlotsData)
    assert message.schedule == ObjectId(provider.oid_root, str(schedule.uuid))
    assert [(slot.identifier.extension, slot.capacity) for slot in message.slots] == [
        (str(early.uuid), 3),
        (str(blocked.uuid), 2),
        (str(empty.uuid), 0),
        (str(late.uuid), 3),
    ]
    assert {slot.kind for slot in message.slots} == {SlotKind.MATCHING_PROCEDURE}
    assert message.slots[0].start == early.starts_at


def test_a_visit_is_told_as_it_is_now(session: Session, provider: Provider, booked: Visit) -> None:
    """Changed after the message was stored, it is the change that is told."""
    booked.status = VisitStatus.PERFORMED
    message = read(session, MessageKind.SAVE_VISIT, booked)
    assert isinstance(message, VisitData)
    assert message.identifier == ObjectId(provider.oid_root, str(booked.uuid))
    assert message.slot == ObjectId(provider.oid_root, str(booked.slot.uuid))
    assert (message.status, message.path, message.urgent) == (VisitStatus.PERFORMED, Path.MAMMOGRAPHY, False)
    assert message.product_code == "10.7940.159.02"
    assert message.patient.identifier.extension == booked.woman.identity_number
    assert (message.patient.given_name, message.patient.birth_date) == ("Próba", date(1970, 5, 17))


def test_a_woman_with_a_foreign_document_is_told_with_its_country(session: Session, booked: Visit) -> None:
    """Number and country below the provider's own node."""
    booked.woman.identity_kind = IdentityKind.DOCUMENT
    booked.woman.identity_number = "DE:C01X00T47"
    message = read(session, MessageKind.SAVE_VISIT, booked)
    assert isinstance(message, VisitData)
    root = session.scalars(select(Provider.oid_root).where(Provider.id == booked.provider_id)).one()
    assert message.patient.identifier == PersonId(root, "DE:C01X00T47", "DE")


@pytest.mark.parametrize(
    ("status", "by", "told"),
    [
        (VisitStatus.CANCELLED, CancelledBy.WOMAN, CancelledBy.WOMAN),
        (VisitStatus.CANCELLED, CancelledBy.SYSTEM, CancelledBy.SYSTEM),
        (VisitStatus.MOVED, None, CancelledBy.PROVIDER),
    ],
)
def test_a_cancellation_says_by_whom(
    session: Session, booked: Visit, status: VisitStatus, by: CancelledBy | None, told: CancelledBy
) -> None:
    """A move was recorded by the provider."""
    booked.status, booked.cancelled_by = status, by
    message = read(session, MessageKind.CANCEL_VISIT, booked)
    assert isinstance(message, VisitCancellation)
    assert message.cancelled_by is told


def test_a_message_about_nothing_is_an_error(session: Session, booked: Visit) -> None:
    """It cannot be made, and does not pretend to be."""
    session.expunge(booked)
    booked.id = 1_000_000_000
    with pytest.raises(NoResultFound):
        read(session, MessageKind.SAVE_VISIT, booked)


# only the difference


def told(session: Session, schedule: Schedule, kind: MessageKind, attempts: int = 1) -> list[tuple[int, int]]:
    """Slots and places that a message tells, which are also those that are to be remembered."""
    said = content(session, kind, schedule, attempts)
    assert isinstance(said.told, ToldSlots)
    pairs = list(zip(said.told.ids, said.told.places, strict=True))
    listed = said.message.slots if isinstance(said.message, SlotsData | WithdrawnSlots) else ()
    uuids = dict(iter(session.execute(select(Slot.id, Slot.uuid))))
    assert [(str(uuids[key]), places) for key, places in pairs] == [
        (each.identifier.extension, each.capacity) for each in listed
    ]
    return pairs


Case = tuple[SlotStatus, int, int | None]
DIFFERENCES: list[tuple[Case, int | None, int | None]] = [
    ((SlotStatus.OPEN, 1, None), 3, None),
    ((SlotStatus.OPEN, 1, 3), None, None),
    ((SlotStatus.OPEN, 1, 2), 3, None),
    ((SlotStatus.OPEN, 1, 4), 3, 3),
    ((SlotStatus.OPEN, 1, UNSURE), 3, None),
    ((SlotStatus.BLOCKED, 1, None), 1, None),
    ((SlotStatus.BLOCKED, 0, None), 0, None),
    ((SlotStatus.BLOCKED, 1, 1), None, None),
    ((SlotStatus.BLOCKED, 1, 3), 1, 1),
    ((SlotStatus.BLOCKED, 1, UNSURE), 1, 1),
    ((SlotStatus.WITHDRAWN, 0, None), None, None),
    ((SlotStatus.WITHDRAWN, 0, 0), None, None),
    ((SlotStatus.WITHDRAWN, 0, 3), 0, 0),
    ((SlotStatus.WITHDRAWN, 0, UNSURE), 0, 0),
]
"""A slot with three places (status, taken, told before), and what each of the two messages tells of it now."""


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_only_slots_that_changed_are_told(
    session: Session, provider: Provider, schedule: Schedule, difference: tuple[Case, int | None, int | None]
) -> None:
    """Saving tells every difference, taking back only what became less; where it is not sure, it tells once more."""
    case, saved, withdrawn = difference
    slot = factories_booking.slot(session, provider.id, of=schedule, capacity=3)
    slot.status, slot.taken, slot.told_places = case
    assert told(session, schedule, MessageKind.SAVE_SLOTS) == ([] if saved is None else [(slot.id, saved)])
    assert told(session, schedule, MessageKind.WITHDRAW_SLOTS) == ([] if withdrawn is None else [(slot.id, withdrawn)])


def test_a_repetition_tells_all_slots(session: Session, provider: Provider, schedule: Schedule) -> None:
    """The attempt before it may have arrived and told something else of any of them."""
    made = [factories_booking.slot(session, provider.id, of=schedule, at=time(hour), capacity=3) for hour in (8, 9)]
    for slot in made:
        slot.told_places = 3
    assert told(session, schedule, MessageKind.SAVE_SLOTS) == []
    assert told(session, schedule, MessageKind.SAVE_SLOTS, attempts=2) == [(slot.id, 3) for slot in made]


@pytest.mark.parametrize(
    "kind", [MessageKind.SAVE_SERVICE_PLACE, MessageKind.IMPORT_MOBILE_POINTS, MessageKind.SAVE_SCHEDULE]
)
def test_what_is_held_already_is_not_told_again(session: Session, schedule: Schedule, kind: MessageKind) -> None:
    """Unless it changed, or an earlier attempt may have told something else; the message's own name does not count."""
    point = schedule.mobile_point
    assert point is not None
    subjects: dict[MessageKind, ServicePlace | MobilePoint | Schedule] = {
        MessageKind.SAVE_SERVICE_PLACE: schedule.service_place,
        MessageKind.IMPORT_MOBILE_POINTS: point,
        MessageKind.SAVE_SCHEDULE: schedule,
    }
    subject = subjects[kind]
    first = content(session, kind, subject)
    assert first.message is not None
    assert isinstance(first.told, str)
    subject.told_digest = first.told
    assert content(session, kind, subject) == Content(None, first.told)
    assert content(session, kind, subject, attempts=2) == first
    schedule.service_place.cell_code, point.name = "777", "Inny"
    changed = content(session, kind, subject)
    assert changed.message is not None
    assert changed.told != first.told


def test_a_visit_booked_at_the_centre_keeps_its_name(session: Session, booked: Visit) -> None:
    """The centre would not know it by ours."""
    booked.cer_root, booked.cer_extension = "2.25", "4711"
    for kind in (MessageKind.SAVE_VISIT, MessageKind.CANCEL_VISIT):
        message = read(session, kind, booked)
        assert isinstance(message, VisitData | VisitCancellation)
        assert message.identifier == ObjectId("2.25", "4711")


def test_an_initial_load_tells_what_was_not_answered_yet(
    session: Session, provider: Provider, schedule: Schedule
) -> None:
    """Each visit as it is told alone, under the name of the whole; once all are answered there is nothing to say."""
    slot = factories_booking.slot(session, provider.id, of=schedule, capacity=3)
    visits = [visit(session, provider.id, slot) for _ in range(3)]
    chunk = load_chunk(session, visits)
    chunk.rows[1].state = LoadedRowState.ACCEPTED
    message = read(session, MessageKind.LOAD_VISITS, chunk)
    assert isinstance(message, LoadedVisits)
    assert message.visits == tuple(read(session, MessageKind.SAVE_VISIT, visits[n]) for n in (0, 2))
    for row in chunk.rows:
        row.state = LoadedRowState.REFUSED
    assert content(session, MessageKind.LOAD_VISITS, chunk) == Content(None)
