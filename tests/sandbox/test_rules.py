"""The rules of the central system as the sandbox enforces them, each over real SOAP."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from mobile_units.sandbox.rules import MEANINGS, Rule
from mobile_units.sandbox.server import SandboxServer
from tests.sandbox import raw
from tests.sandbox.raw import Caller, Place


def refused(cer: Caller, content: str) -> str:
    """The rule by which a request is refused."""
    answer = cer.send(content)
    assert answer.status == 200
    assert answer.code == "BladWeryfikacjiRegul", answer.content
    return answer.rule


def test_every_rule_says_what_it_means() -> None:
    """In the words of an answer."""
    assert set(MEANINGS) == set(Rule)


def test_the_steps_in_order_are_accepted(server: SandboxServer, cer: Caller) -> None:
    """From the place to a visit, and its end."""
    raw.opened(cer)
    cer.accepted(raw.saving(raw.visit("v", "s1")))
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
    cer.accepted(raw.cancelling("v"))
    assert (server.state.counts()["visits"], server.state.counts()["cancelled_visits"]) == (0, 1)


def test_nothing_can_be_said_of_an_unknown_place(cer: Caller) -> None:
    """Points, schedules and activation all need a registered place."""
    place = Place()
    for content in (place.mobile_point(), place.working(), place.activation()):
        assert refused(cer, content) == Rule.UNKNOWN_SERVICE_PLACE


def test_a_schedule_cannot_name_an_unknown_point(cer: Caller) -> None:
    """The point is imported first."""
    place = Place()
    cer.accepted(place.registration())
    assert refused(cer, place.working()) == Rule.UNKNOWN_POINT


@pytest.mark.parametrize(("flag", "point"), [(True, ""), (False, "x")])
def test_the_flag_of_a_mobile_point_needs_the_point(cer: Caller, flag: bool, point: str) -> None:
    """And the point needs the flag."""
    place = Place()
    cer.accepted(place.registration())
    assert refused(cer, place.working(point=point, flag=flag)) == Rule.POINT_MISSING


def test_a_schedule_cannot_use_the_point_of_another_place(cer: Caller) -> None:
    """A point belongs to one place."""
    place, other = Place(), Place(cell="002")
    cer.accepted(place.registration(), other.registration(), other.mobile_point())
    assert refused(cer, place.working(point=other.point)) == Rule.POINT_OF_ANOTHER_PLACE


def test_slots_need_a_known_schedule(cer: Caller) -> None:
    """The schedule is saved first."""
    assert refused(cer, Place().slots(raw.slot("s"))) == Rule.UNKNOWN_SCHEDULE


def test_slots_of_a_stationary_place_need_a_schedule_without_a_point(cer: Caller) -> None:
    """A laboratory in a building cannot offer slots at a stop."""
    place = Place(mobile=False)
    cer.accepted(place.registration(), place.mobile_point(), place.working(point=place.point))
    assert refused(cer, place.slots(raw.slot("s"))) == Rule.STATIONARY_ON_MOBILE_SCHEDULE
    cer.accepted(place.working(), place.slots(raw.slot("s")))


@pytest.mark.parametrize("minutes", [-1, 8 * 60 - 7])
def test_a_slot_outside_working_time_refuses_them_all(server: SandboxServer, cer: Caller, minutes: int) -> None:
    """Nothing of a refused message is kept."""
    place = raw.opened(cer)
    assert refused(cer, place.slots(raw.slot("good"), raw.slot("bad", minutes=minutes))) == Rule.OUTSIDE_WORKING_TIME
    assert server.state.counts()["slots"] == 2


def test_a_slot_without_places_may_lie_outside_working_time(cer: Caller) -> None:
    """It is withdrawn, and nobody comes."""
    place = raw.opened(cer)
    cer.accepted(place.slots(raw.slot("withdrawn", places=0, minutes=600)))


def test_working_time_shrinks_once_the_slots_outside_are_withdrawn(cer: Caller) -> None:
    """Withdrawal first, then the schedule."""
    place = raw.opened(cer)
    cer.accepted(place.slots(raw.slot("late", minutes=300)))
    assert refused(cer, place.working(hours=4)) == Rule.OUTSIDE_WORKING_TIME
    cer.accepted(place.slots(raw.slot("late", places=0, minutes=300)), place.working(hours=4))


def test_a_slot_ends_after_it_starts(cer: Caller) -> None:
    """It lasts at least a moment."""
    place = raw.opened(cer)
    assert refused(cer, place.slots(raw.slot("s", lasts=0))) == Rule.ENDS_BEFORE_IT_STARTS


def test_a_slot_stays_with_its_schedule(cer: Caller) -> None:
    """An identifier means one slot."""
    raw.opened(cer)
    other = Place(cell="002")
    cer.accepted(other.registration(), other.mobile_point(), other.working())
    assert refused(cer, other.slots(raw.slot("s1"))) == Rule.SLOT_OF_ANOTHER_SCHEDULE


def test_a_place_without_slots_cannot_be_activated(cer: Caller) -> None:
    """Activation is the last step."""
    place = Place()
    cer.accepted(place.registration())
    assert refused(cer, place.activation()) == Rule.NO_SLOTS


def test_a_visit_needs_an_active_place(cer: Caller) -> None:
    """Slots alone are not enough."""
    place = Place()
    cer.accepted(place.registration(), place.mobile_point(), place.working(), place.slots(raw.slot("s")))
    assert refused(cer, raw.saving(raw.visit("v", "s"))) == Rule.NOT_ACTIVE
    cer.accepted(place.activation(), raw.saving(raw.visit("v", "s")))


def test_a_place_stays_active_when_its_data_change(cer: Caller) -> None:
    """Registration again changes data only."""
    place = raw.opened(cer)
    cer.accepted(place.registration(), raw.saving(raw.visit("v", "s1")))


def test_a_visit_needs_a_known_slot(cer: Caller) -> None:
    """The slot is saved first."""
    assert refused(cer, raw.saving(raw.visit("v", "none"))) == Rule.UNKNOWN_SLOT


def test_a_slot_takes_no_more_visits_than_it_has_places(cer: Caller) -> None:
    """A cancelled visit frees its place; the visit itself can be told again."""
    raw.opened(cer, places=2)
    cer.accepted(*(raw.saving(raw.visit(name, "s1")) for name in ("a", "b")))
    assert refused(cer, raw.saving(raw.visit("c", "s1"))) == Rule.SLOT_FULL
    cer.accepted(raw.saving(raw.visit("a", "s1", status="ZREALIZOWANA")), raw.cancelling("b"))
    cer.accepted(raw.saving(raw.visit("c", "s1")))


def test_a_slot_cannot_shrink_below_its_visits(cer: Caller) -> None:
    """Nobody is turned away by a change of numbers."""
    place = raw.opened(cer, places=2)
    cer.accepted(*(raw.saving(raw.visit(name, "s1")) for name in ("a", "b")))
    assert refused(cer, place.slots(raw.slot("s1", places=1))) == Rule.SLOT_FULL
    cer.accepted(raw.cancelling("a"), place.slots(raw.slot("s1", places=1)))


def test_a_woman_has_one_booked_visit_in_a_programme(cer: Caller) -> None:
    """At any provider; one in the other programme does not matter, nor one that is over."""
    raw.opened(cer, places=5)
    woman = raw.new_woman()
    cer.accepted(raw.saving(raw.visit("a", "s1", woman, path="HPV_LBC")))
    assert refused(cer, raw.saving(raw.visit("b", "s2", woman, path="CYTOLOGIA_KLASYCZNA"))) == Rule.PARALLEL_VISIT
    cer.accepted(raw.saving(raw.visit("c", "s2", woman, path="MAMMOGRAFIA")))
    cer.accepted(raw.saving(raw.visit("a", "s1", woman, "ZREALIZOWANA", path="HPV_LBC")))
    cer.accepted(raw.saving(raw.visit("b", "s2", woman, path="CYTOLOGIA_KLASYCZNA")))


def test_an_unknown_visit_cannot_be_cancelled_or_fetched(cer: Caller) -> None:
    """There is nothing to say of it."""
    assert refused(cer, raw.cancelling("none")) == Rule.UNKNOWN_VISIT
    assert refused(cer, raw.fetching("none")) == Rule.UNKNOWN_VISIT


def test_a_cancelled_visit_can_be_told_without_ever_having_been_booked(server: SandboxServer, cer: Caller) -> None:
    """Its slot may be full by then."""
    raw.opened(cer)
    cer.accepted(raw.saving(raw.visit("a", "s1")), raw.saving(raw.visit("b", "s1", status="ODWOLANA")))
    assert server.state.counts()["cancelled_visits"] == 1


def test_a_message_is_accepted_once(server: SandboxServer, cer: Caller) -> None:
    """The second time it is called a duplicate and changes nothing; a refused one can come again."""
    message, place = str(uuid4()), Place()
    assert refused(cer, place.activation(message)) == Rule.UNKNOWN_SERVICE_PLACE
    cer.accepted(place.registration(message))
    assert cer.send(place.registration(message)).code == "DuplikatKomunikatu"
    assert cer.send(place.activation(message)).code == "DuplikatKomunikatu"
    assert server.state.counts()["messages"] == 1


@pytest.mark.parametrize(("told", "state"), [(True, "PRZYJETY"), (False, "NIEZNANY")])
def test_a_message_can_be_looked_up(cer: Caller, told: bool, state: str) -> None:
    """By whoever lost the answer."""
    message = str(uuid4())
    if told:
        cer.accepted(Place().registration(message))
    wanted = raw.identifier("identyfikatorKomunikatu", message, namespace="")
    assert cer.send(raw.question("pobierzStanKomunikatu", wanted)).texts("stanKomunikatu") == [state]


def test_the_messages_of_a_visit_are_kept_in_order(server: SandboxServer, cer: Caller) -> None:
    """A test can see whether they came as they happened."""
    raw.opened(cer)
    messages = [str(uuid4()) for _ in range(3)]
    for message, status in zip(messages, ("UMOWIONA", "ODWOLANA", "UMOWIONA"), strict=True):
        cer.accepted(raw.saving(raw.visit("v", "s1", "80000000000", status), message))
    (visit,) = server.state.visits()
    assert visit["messages"] == [f"{raw.NODE}/{message}" for message in messages]
    assert visit["status"] == "UMOWIONA"


def test_many_callers_at_once_cannot_overbook(server: SandboxServer) -> None:
    """Of twenty for five places five are accepted, and the answers say so."""
    with raw.caller(server.address) as cer:
        raw.opened(cer, places=5)

    def book(number: int) -> str:
        with raw.caller(server.address) as caller:
            return caller.send(raw.saving(raw.visit(f"v{number}", "s1"))).code

    with ThreadPoolExecutor(10) as pool:
        codes = sorted(pool.map(book, range(20)))
    assert codes == ["BladWeryfikacjiRegul"] * 15 + ["Sukces"] * 5
    assert server.state.counts()["visits"] == 5
    assert sorted(visit["sequence"] for visit in server.state.visits()) == [1, 2, 3, 4, 5]  # type: ignore[type-var]  # numbers


def test_the_same_message_from_many_callers_is_accepted_once(server: SandboxServer) -> None:
    """However close together they come."""
    with raw.caller(server.address) as cer:
        raw.opened(cer)
    content = raw.saving(raw.visit("v", "s1"))

    def send(_: int) -> str:
        with raw.caller(server.address) as caller:
            return caller.send(content).code

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(send, range(8)))
    assert codes == ["DuplikatKomunikatu"] * 7 + ["Sukces"]
