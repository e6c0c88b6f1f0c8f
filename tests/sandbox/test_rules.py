"""The rules of the central system as the sandbox enforces them, each over real SOAP."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mobile_units.rules.programmes import Mobility
from mobile_units.rules.programmes import Path as Examination
from mobile_units.rules.visits import VisitStatus
from mobile_units.sandbox.rules import MEANINGS, Rule
from mobile_units.sandbox.server import SandboxServer
from mobile_units.transmission.gateway import Delivered, Outcome, Rejected
from mobile_units.transmission.messages import Message, ObjectId, WorkingTime, service_place_id
from mobile_units.transmission.soap import SoapGateway
from tests.transmission import examples

OTHER_PLACE = service_place_id(examples.BOOK, "002")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SandboxServer]:
    """A central system without memories."""
    with SandboxServer(tmp_path / "state.db") as server:
        yield server


@pytest.fixture
def cer(server: SandboxServer) -> SoapGateway:
    """The way to it."""
    return examples.gateway(server.address)


def accepted(cer: SoapGateway, *messages: Message) -> None:
    """Sends messages that must be accepted."""
    for message in messages:
        assert cer.send(message) == Delivered()


def refused(outcome: Outcome) -> str | None:
    """The rule by which a message was refused."""
    assert isinstance(outcome, Rejected), outcome
    assert outcome.description.startswith(f"{outcome.rule}: ")
    return outcome.rule


def active_place(cer: SoapGateway, capacity: int = 1) -> list[ObjectId]:
    """Brings a mobile place up to activation; its two slots."""
    point, schedule = examples.new_id(), examples.new_id()
    early = examples.slot(capacity=capacity)
    late = examples.slot(start=examples.OPENS + timedelta(hours=1), capacity=capacity)
    accepted(
        cer,
        examples.service_place(),
        examples.mobile_point(point),
        examples.schedule(schedule, point),
        examples.slots(schedule, early, late),
        examples.activation(),
    )
    return [early.identifier, late.identifier]


def test_every_rule_says_what_it_means() -> None:
    """In the words of an answer."""
    assert set(MEANINGS) == set(Rule)


def test_the_steps_in_order_are_accepted(server: SandboxServer, cer: SoapGateway) -> None:
    """From the place to a visit, and its end."""
    visit = examples.visit(active_place(cer)[0])
    accepted(cer, visit)
    assert server.state.counts() == {
        "service_places": 1,
        "active_service_places": 1,
        "mobile_points": 1,
        "schedules": 1,
        "slots": 2,
        "visits": 1,
        "cancelled_visits": 0,
        "messages": 6,
    }
    accepted(cer, examples.cancellation(visit.identifier))
    assert (server.state.counts()["visits"], server.state.counts()["cancelled_visits"]) == (0, 1)


def test_nothing_can_be_said_of_an_unknown_place(cer: SoapGateway) -> None:
    """Points, schedules and activation all need a registered place."""
    for message in (
        examples.mobile_point(examples.new_id()),
        examples.schedule(examples.new_id(), None),
        examples.activation(),
    ):
        assert refused(cer.send(message)) == Rule.UNKNOWN_SERVICE_PLACE


def test_a_schedule_cannot_name_an_unknown_point(cer: SoapGateway) -> None:
    """The point is imported first."""
    accepted(cer, examples.service_place())
    assert refused(cer.send(examples.schedule(examples.new_id(), examples.new_id()))) == Rule.UNKNOWN_POINT


def test_a_schedule_cannot_use_the_point_of_another_place(cer: SoapGateway) -> None:
    """A point belongs to one place."""
    point = examples.new_id()
    accepted(
        cer,
        examples.service_place(),
        examples.service_place(OTHER_PLACE),
        examples.mobile_point(point, OTHER_PLACE),
    )
    assert refused(cer.send(examples.schedule(examples.new_id(), point))) == Rule.POINT_OF_ANOTHER_PLACE


def test_slots_need_a_known_schedule(cer: SoapGateway) -> None:
    """The schedule is saved first."""
    assert refused(cer.send(examples.slots(examples.new_id(), examples.slot()))) == Rule.UNKNOWN_SCHEDULE


def test_slots_of_a_stationary_place_need_a_schedule_without_a_point(cer: SoapGateway) -> None:
    """A laboratory in a building cannot offer slots at a stop."""
    point, mobile, stationary = examples.new_id(), examples.new_id(), examples.new_id()
    accepted(
        cer,
        examples.service_place(mobility=Mobility.STATIONARY),
        examples.mobile_point(point),
        examples.schedule(mobile, point),
        examples.schedule(stationary, None),
    )
    assert refused(cer.send(examples.slots(mobile, examples.slot()))) == Rule.STATIONARY_ON_MOBILE_SCHEDULE
    accepted(cer, examples.slots(stationary, examples.slot()))


@pytest.mark.parametrize("minutes_late", [-1, 8 * 60 - 7])
def test_a_slot_outside_working_time_refuses_them_all(
    server: SandboxServer, cer: SoapGateway, minutes_late: int
) -> None:
    """Nothing of a refused message is kept."""
    schedule = examples.new_id()
    accepted(cer, examples.service_place(), examples.schedule(schedule, None))
    outside = examples.slot(start=examples.OPENS + timedelta(minutes=minutes_late))
    assert refused(cer.send(examples.slots(schedule, examples.slot(), outside))) == Rule.OUTSIDE_WORKING_TIME
    assert server.state.counts()["slots"] == 0


def test_a_slot_may_fill_working_time_to_its_last_minute(cer: SoapGateway) -> None:
    """Both ends belong to it."""
    schedule = examples.new_id()
    accepted(cer, examples.service_place(), examples.schedule(schedule, None))
    accepted(cer, examples.slots(schedule, examples.slot(minutes=8 * 60)))


def test_working_time_cannot_shrink_below_its_slots(cer: SoapGateway) -> None:
    """A changed schedule still covers what it offers."""
    schedule = examples.schedule(examples.new_id(), None)
    accepted(cer, examples.service_place(), schedule, examples.slots(schedule.identifier, examples.slot()))
    later = (WorkingTime(examples.OPENS + timedelta(hours=1), examples.CLOSES),)
    changed = replace(schedule, message_id=examples.new_id(), working_times=later)
    assert refused(cer.send(changed)) == Rule.OUTSIDE_WORKING_TIME


def test_time_runs_forward(cer: SoapGateway) -> None:
    """Neither working time nor a slot ends before it starts."""
    schedule = examples.schedule(examples.new_id(), None)
    accepted(cer, examples.service_place(), schedule)
    backward = (WorkingTime(examples.CLOSES, examples.OPENS),)
    changed = replace(schedule, message_id=examples.new_id(), working_times=backward)
    assert refused(cer.send(changed)) == Rule.ENDS_BEFORE_IT_STARTS
    assert (
        refused(cer.send(examples.slots(schedule.identifier, examples.slot(minutes=0)))) == Rule.ENDS_BEFORE_IT_STARTS
    )


def test_a_slot_stays_with_its_schedule(cer: SoapGateway) -> None:
    """An identifier means one slot for ever."""
    first, second, slot = examples.new_id(), examples.new_id(), examples.slot()
    accepted(
        cer,
        examples.service_place(),
        examples.schedule(first, None),
        examples.schedule(second, None),
        examples.slots(first, slot),
    )
    assert refused(cer.send(examples.slots(second, slot))) == Rule.SLOT_OF_ANOTHER_SCHEDULE


def test_a_place_without_slots_cannot_be_activated(cer: SoapGateway) -> None:
    """Activation is the last step."""
    accepted(cer, examples.service_place(), examples.schedule(examples.new_id(), None))
    assert refused(cer.send(examples.activation())) == Rule.NO_SLOTS


def test_a_place_that_is_not_active_takes_no_visits(cer: SoapGateway) -> None:
    """Women are booked after activation."""
    schedule, slot = examples.new_id(), examples.slot()
    accepted(cer, examples.service_place(), examples.schedule(schedule, None), examples.slots(schedule, slot))
    assert refused(cer.send(examples.visit(slot.identifier))) == Rule.NOT_ACTIVE


def test_a_place_stays_active_when_its_data_change(server: SandboxServer, cer: SoapGateway) -> None:
    """A new name closes nobody's door."""
    active_place(cer)
    accepted(cer, replace(examples.service_place(), name="Inna nazwa"))
    assert server.state.counts()["active_service_places"] == 1


def test_a_visit_needs_a_known_slot(cer: SoapGateway) -> None:
    """Slots are offered first."""
    active_place(cer)
    assert refused(cer.send(examples.visit(examples.new_id()))) == Rule.UNKNOWN_SLOT


def test_a_slot_takes_no_more_women_than_it_has_places(cer: SoapGateway) -> None:
    """A cancelled visit gives its place back."""
    slot, _ = active_place(cer, capacity=2)
    first, second, third = (examples.visit(slot, pesel=f"9999999999{digit}") for digit in range(3))
    accepted(cer, first, second)
    assert refused(cer.send(third)) == Rule.SLOT_FULL
    accepted(cer, examples.cancellation(first.identifier), third)


def test_a_slot_cannot_shrink_below_its_visits(cer: SoapGateway) -> None:
    """Women who are booked keep their places."""
    schedule, slot = examples.new_id(), examples.slot(capacity=2)
    accepted(cer, examples.service_place(), examples.schedule(schedule, None), examples.slots(schedule, slot))
    accepted(cer, examples.activation())
    accepted(cer, *(examples.visit(slot.identifier, pesel=f"9999999999{digit}") for digit in range(2)))
    assert refused(cer.send(examples.slots(schedule, replace(slot, capacity=1)))) == Rule.SLOT_FULL


def test_a_woman_has_one_visit_in_a_programme(cer: SoapGateway) -> None:
    """In another programme, or after the first was cancelled or performed, she may have one more.

    What happened to the first can still be corrected then.
    """
    early, late = active_place(cer, capacity=3)
    cytology = examples.visit(early, path=Examination.CLASSIC_CYTOLOGY)
    mammography = examples.visit(early)
    accepted(cer, cytology, mammography)
    assert refused(cer.send(examples.visit(late, path=Examination.HPV_LBC))) == Rule.PARALLEL_VISIT
    assert refused(cer.send(examples.visit(late))) == Rule.PARALLEL_VISIT
    accepted(cer, examples.cancellation(mammography.identifier), examples.visit(late))
    performed = replace(cytology, message_id=examples.new_id(), status=VisitStatus.PERFORMED)
    accepted(cer, performed, examples.visit(late, path=Examination.HPV_LBC))
    accepted(cer, replace(performed, message_id=examples.new_id(), status=VisitStatus.NO_SHOW))


def test_a_visit_saved_again_is_an_update(server: SandboxServer, cer: SoapGateway) -> None:
    """Under another message the same visit may change its status or its slot, and is still one visit."""
    early, late = active_place(cer)
    visit = examples.visit(early)
    accepted(cer, visit, replace(visit, message_id=examples.new_id()))
    accepted(cer, replace(visit, message_id=examples.new_id(), slot=late), examples.visit(early, pesel="99999999998"))
    assert server.state.counts()["visits"] == 2


def test_a_visit_may_arrive_already_cancelled(server: SandboxServer, cer: SoapGateway) -> None:
    """It was booked and called off before it could be handed over, and takes nobody's place."""
    early, _ = active_place(cer)
    called_off = examples.visit(early, status=VisitStatus.CANCELLED)
    accepted(cer, examples.visit(early), called_off)
    assert (server.state.counts()["visits"], server.state.counts()["cancelled_visits"]) == (1, 1)


def test_only_a_known_visit_can_be_cancelled(cer: SoapGateway) -> None:
    """Cancelling twice is no fault."""
    visit = examples.visit(active_place(cer)[0])
    assert refused(cer.send(examples.cancellation(visit.identifier))) == Rule.UNKNOWN_VISIT
    accepted(cer, visit, examples.cancellation(visit.identifier), examples.cancellation(visit.identifier))


def test_women_who_book_at_once_share_the_places_there_are(server: SandboxServer, cer: SoapGateway) -> None:
    """Ten women, four places, ten threads."""
    slot, _ = active_place(cer, capacity=4)
    visits = [examples.visit(slot, pesel=f"9999999990{digit}") for digit in range(10)]
    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(lambda visit: examples.gateway(server.address).send(visit), visits))
    assert sum(isinstance(outcome, Delivered) for outcome in outcomes) == 4
    assert {refused(outcome) for outcome in outcomes if not isinstance(outcome, Delivered)} == {Rule.SLOT_FULL}
    assert server.state.counts()["visits"] == 4
