"""Who waits for a place, who is told that there is no need to, and how freed places are offered in order."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import ItineraryStatus
from mobile_units.models.messages import MessageToWoman
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.models.waiting_list import WaitingListEntry
from mobile_units.models.women import Woman
from mobile_units.rules.admission import BookingChannel, Reservation
from mobile_units.rules.messages import NoticeKind
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.rules.waiting import WaitingStatus, turn
from mobile_units.services import holds, offers, visits, waiting_list
from mobile_units.services.actors import Actor
from mobile_units.services.offers import Offered
from mobile_units.services.visits import Cancellation, NewVisit
from mobile_units.services.waiting_list import NewEntry
from mobile_units.services.women import DeclaredExamination
from tests import factories, factories_booking
from tests.factories_booking import DAY, NOW
from tests.statements import refused

MORNING = NOW  # 9:00 in Poland
FOUR_HOURS = timedelta(hours=4)


class Scene:
    """A stop with one full slot, a woman who has it, and women who may wait."""

    def __init__(self, session: Session, actor: Actor, capacity: int = 1) -> None:
        """Books all places of the slot."""
        self.session, self.actor = session, actor
        self.stop = factories_booking.stop(session, actor.provider_id)
        self.stop.site.teryt = "1017093"
        schedule = factories_booking.schedule(session, actor.provider_id, at=self.stop)
        self.slot = factories_booking.slot(session, actor.provider_id, of=schedule, capacity=capacity)
        self.visits = [self.book(self.woman()) for _ in range(capacity)]

    def woman(self, **declared: Any) -> Woman:
        """A woman of the provider."""
        return factories_booking.woman(self.session, self.actor.provider_id, **declared)

    def book(self, woman: Woman, slot: Slot | None = None) -> Visit:
        """A visit of hers in the slot."""
        command = NewVisit(woman_id=woman.id, slot_id=(slot or self.slot).id, path=Path.MAMMOGRAPHY)
        return visits.book(self.session, self.actor, command, NOW)

    def wait(self, at: datetime = NOW, woman: Woman | None = None, **asked: Any) -> WaitingListEntry:
        """An entry for the stop, unless told otherwise."""
        woman = woman or self.woman()
        where: dict[str, Any] = {} if "teryt" in asked else {"stop_id": self.stop.id}
        command = NewEntry(woman_id=woman.id, path=Path.MAMMOGRAPHY, **where, **asked)
        return waiting_list.add(self.session, self.actor, command, at)

    def leave(self) -> None:
        """The first of those who have a place gives it up."""
        visit = self.visits.pop(0)
        self.session.refresh(visit)
        given_up = Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN)
        visits.cancel(self.session, self.actor, visit.id, given_up)

    def kept(self) -> bool:
        """Whether the slot is kept for those who wait."""
        self.session.refresh(self.slot)
        return self.slot.kept_for_waiting

    def round(self, at: datetime = MORNING) -> list[Offered]:
        """What a round of the worker does with the slots that are kept."""
        done: list[Offered] = []
        while holds.expire(self.session, at):
            pass
        offers.settle(self.session, at)
        for slot_id in offers.due(self.session):
            while (outcome := offers.offer(self.session, slot_id, at, FOUR_HOURS)) is Offered.TO_A_WOMAN:
                done.append(outcome)
            done.append(outcome)
        return done

    def status(self, *entries: WaitingListEntry) -> list[WaitingStatus]:
        """How the entries stand."""
        self.session.expire_all()
        return [entry.status for entry in entries]


@pytest.fixture
def scene(session: Session, actor: Actor) -> Scene:
    """A full slot of one place."""
    return Scene(session, actor)


def after(hours: float) -> datetime:
    """An instant so long after the first."""
    return NOW + timedelta(hours=hours)


def test_a_freed_place_is_offered_in_order_and_goes_on_when_nobody_answers(scene: Scene) -> None:
    """Urgent first, then who waits for longest: the first declines, the second lets it pass, the third has it."""
    long, longer = scene.wait(after(-2)), scene.wait(after(-3))
    urgent = scene.wait(after(-1), urgent=True)
    scene.leave()
    assert scene.kept()
    assert scene.round() == [Offered.TO_A_WOMAN, Offered.LATER]
    assert scene.status(urgent, longer, long) == [WaitingStatus.OFFERED, WaitingStatus.WAITING, WaitingStatus.WAITING]
    assert urgent.answer_by == after(4)
    queued = urgent.queued_at
    offers.decline(scene.session, scene.actor, urgent.id, urgent.version)
    assert scene.kept()
    scene.round()
    assert scene.status(urgent, longer) == [WaitingStatus.WAITING, WaitingStatus.OFFERED]
    assert (urgent.queued_at, urgent.visit_id) == (queued, None)
    scene.round(after(5))
    assert scene.status(urgent, longer, long) == [WaitingStatus.WAITING, WaitingStatus.LAPSED, WaitingStatus.OFFERED]
    taken = offers.accept(scene.session, scene.actor, long.id, long.version, after(6))
    assert scene.status(long) == [WaitingStatus.BOOKED]
    visit = scene.session.get_one(Visit, taken.visit_id)
    assert (visit.status, visit.woman_id, visit.slot_id) == (VisitStatus.BOOKED, long.woman_id, scene.slot.id)


def test_who_is_offered_a_place_is_told(scene: Scene) -> None:
    """By a message about the visit that holds it; without an open way to her it is on the call list."""
    entry = scene.wait()
    scene.leave()
    scene.round()
    [told] = scene.session.scalars(select(MessageToWoman).where(MessageToWoman.woman_id == entry.woman_id))
    assert (told.kind, told.visit_id) == (NoticeKind.PLACE_OFFERED, entry.visit_id)


def test_a_place_that_nobody_can_have_is_everybodys(scene: Scene) -> None:
    """The only one who waits may not be screened on that day, or was offered it before; nobody keeps it then."""
    declared = DeclaredExamination(path=Path.MAMMOGRAPHY, performed_on=date(2026, 6, 1))
    other = factories_booking.stop(scene.session, scene.actor.provider_id, date(2028, 6, 5), "Wieluń")
    other.site.teryt = "1017093"
    scene.wait(woman=scene.woman(examinations=[declared]), teryt="1017")
    scene.leave()
    assert scene.kept()
    assert scene.round() == [Offered.TO_EVERYBODY]
    assert not scene.kept()
    scene.book(scene.woman())


def test_who_declined_a_place_does_not_keep_it_from_others(scene: Scene) -> None:
    """Nobody else waits: it is everybody's at once, and she still waits for another one."""
    entry = scene.wait()
    scene.leave()
    scene.round()
    offers.decline(scene.session, scene.actor, entry.id, entry.version)
    assert not scene.kept()
    assert scene.status(entry) == [WaitingStatus.WAITING]


def test_several_places_of_a_slot_go_to_several_women(session: Session, actor: Actor) -> None:
    """Two places are freed, three women wait: two have offers and the slot is full again."""
    scene = Scene(session, actor, capacity=2)
    entries = [scene.wait(after(-n)) for n in (3, 2, 1)]
    scene.leave()
    scene.leave()
    assert scene.round()[:2] == 2 * [Offered.TO_A_WOMAN]
    assert scene.status(*entries) == [WaitingStatus.OFFERED, WaitingStatus.OFFERED, WaitingStatus.WAITING]
    assert not scene.kept()


def test_nothing_is_offered_at_night_and_nothing_is_kept_for_too_short_a_time(scene: Scene) -> None:
    """A place on another day waits for the morning; one that nobody could answer for in time is everybody's."""
    entry = scene.wait()
    scene.leave()
    assert scene.round(datetime(2027, 3, 1, 22, tzinfo=UTC)) == [Offered.LATER]
    assert scene.status(entry) == [WaitingStatus.WAITING]
    assert scene.round(scene.slot.starts_at - timedelta(hours=2, minutes=20)) == [Offered.TO_EVERYBODY]
    assert scene.status(entry) == [WaitingStatus.WAITING]


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({}, True),
        ({"teryt": "10"}, True),
        ({"teryt": "1017"}, True),
        ({"teryt": "1017093"}, True),
        ({"teryt": "1018"}, False),
        ({"first_day": DAY, "last_day": DAY}, True),
        ({"teryt": "10", "first_day": DAY + timedelta(days=1)}, False),
        ({"teryt": "10", "last_day": DAY - timedelta(days=1)}, False),
        ({"weekdays": [3]}, True),
        ({"weekdays": [1, 2, 4]}, False),
        ({"after": time(9), "before": time(9, 30)}, True),
        ({"after": time(9, 1)}, False),
        ({"before": time(9)}, False),
    ],
)
def test_a_freed_place_is_kept_for_those_whom_it_fits(scene: Scene, asked: dict[str, Any], fits: bool) -> None:
    """Stop or area, days, weekdays and hours, in Polish time; the slot is on a Wednesday at nine."""
    scene.wait(**asked)
    scene.leave()
    assert scene.kept() is fits


@pytest.mark.parametrize(
    ("reserved_for", "fits"),
    [
        (Reservation.TELEPHONE, True),
        (Reservation.URGENT, True),
        (Reservation.DESK, False),
        (Reservation.CENTRAL, False),
    ],
)
def test_a_reserved_place_is_kept_for_those_who_may_have_it(
    scene: Scene, reserved_for: Reservation, fits: bool
) -> None:
    """An urgent woman who books by telephone."""
    scene.wait(channel=BookingChannel.TELEPHONE, urgent=True)
    scene.slot.reserved_for = reserved_for
    scene.session.flush()
    scene.leave()
    assert scene.kept() is fits


def test_another_path_another_provider_and_an_ended_entry_keep_nothing(scene: Scene) -> None:
    """Only those who wait for just this."""
    stranger = Actor(factories.provider(scene.session).id)
    other = Scene(scene.session, stranger)
    other.wait(teryt="10")
    entry = scene.wait()
    offers.withdraw(scene.session, scene.actor, entry.id, entry.version)
    cervical = factories_booking.woman(scene.session, scene.actor.provider_id)
    command = NewEntry(woman_id=cervical.id, path=Path.HPV_LBC, teryt="10")
    waiting_list.add(scene.session, scene.actor, command, NOW)
    scene.leave()
    assert not scene.kept()


def test_who_could_book_at_once_is_told_what_is_free(scene: Scene) -> None:
    """Nobody is put on the list for what she can have; with hours that fit nothing she waits."""
    later = factories_booking.slot(scene.session, scene.actor.provider_id, of=scene.slot.schedule, at=time(10))
    woman = scene.woman()
    with pytest.raises(DomainError) as caught, scene.session.begin_nested():
        scene.wait(woman=woman)
    assert caught.value.code == "places_free"
    assert [place["slot_id"] for place in caught.value.lists["places"]] == [later.id]
    assert scene.wait(woman=woman, before=time(10)).status is WaitingStatus.WAITING


def test_waiting_for_nothing_is_refused(scene: Scene) -> None:
    """A second entry, a visit, a rule on all days, a stop or days that are over, a stop not published, no place."""
    session = scene.session
    woman = scene.woman()
    scene.wait(woman=woman)
    declared = DeclaredExamination(path=Path.MAMMOGRAPHY, performed_on=date(2026, 6, 1))
    draft = factories_booking.stop(session, scene.actor.provider_id)
    draft.itinerary.status = ItineraryStatus.DRAFT
    draft.days[0].itinerary_status = ItineraryStatus.DRAFT
    stranger = factories_booking.stop(session, factories.provider(session).id)
    session.flush()
    cases: list[tuple[str, Callable[[], object]]] = [
        ("waiting_already", lambda: scene.wait(woman=woman)),
        ("parallel_visit", lambda: scene.wait(woman=scene.visits[0].woman)),
        ("not_eligible", lambda: scene.wait(woman=scene.woman(examinations=[declared]))),
        ("waiting_for_nothing", lambda: scene.wait(DAY_AFTER)),
        ("waiting_for_nothing", lambda: scene.wait(first_day=DAY + timedelta(days=1))),
        ("waiting_days_over", lambda: scene.wait(last_day=NOW.date() - timedelta(days=1))),
        ("period_reversed", lambda: scene.wait(first_day=DAY, last_day=DAY - timedelta(days=1))),
        ("waiting_where", lambda: waits(scene, stop_id=None)),
        ("waiting_where", lambda: waits(scene, stop_id=scene.stop.id, teryt="10")),
        ("waiting_where", lambda: scene.wait(after=time(9), before=time(9))),
        ("waiting_for_nothing", lambda: waits(scene, stop_id=draft.id)),
        ("not_found", lambda: waits(scene, stop_id=stranger.id)),
        ("not_found", lambda: waits(scene, stop_id=0)),
    ]
    for code, attempt in cases:
        with refused(code), session.begin_nested():
            attempt()


DAY_AFTER = datetime.combine(DAY + timedelta(days=1), time(8), UTC)


def waits(scene: Scene, **where: Any) -> WaitingListEntry:
    """An entry at a place of its own."""
    command = NewEntry(woman_id=scene.woman().id, path=Path.MAMMOGRAPHY, **where)
    return waiting_list.add(scene.session, scene.actor, command, NOW)


def test_who_books_otherwise_waits_no_more(scene: Scene) -> None:
    """The round ends her entry with the visit that she has; a confirmed hold of an offer ends it as well."""
    booked, offered = scene.wait(after(-2)), scene.wait(after(-1))
    other = factories_booking.slot(scene.session, scene.actor.provider_id)
    visit = scene.book(scene.session.get_one(Woman, booked.woman_id), other)
    scene.leave()
    scene.round()
    assert scene.status(booked, offered) == [WaitingStatus.BOOKED, WaitingStatus.OFFERED]
    assert booked.visit_id == visit.id
    hold = scene.session.get_one(Visit, offered.visit_id)
    holds.confirm(scene.session, scene.actor, hold.id, hold.version, NOW)
    scene.round()
    assert scene.status(offered) == [WaitingStatus.BOOKED]


def test_an_offer_given_up_as_a_visit_is_declined(scene: Scene) -> None:
    """Whoever cancels the hold puts her back, at her place in the queue."""
    entry = scene.wait()
    scene.leave()
    scene.round()
    hold = scene.session.get_one(Visit, entry.visit_id)
    visits.cancel(
        scene.session, scene.actor, hold.id, Cancellation(version=hold.version, cancelled_by=CancelledBy.WOMAN)
    )
    scene.round()
    assert scene.status(entry) == [WaitingStatus.WAITING]
    assert entry.visit_id is None


def test_what_is_over_ends_an_entry_and_she_can_be_put_back(scene: Scene) -> None:
    """A stop that was withdrawn has no days; put back she is at the end, judged as one who is new."""
    entry, second = scene.wait(after(-2)), scene.wait(after(-1))
    scene.stop.days.clear()
    scene.session.flush()
    scene.round()
    assert scene.status(entry, second) == 2 * [WaitingStatus.LAPSED]
    with refused("waiting_for_nothing"), scene.session.begin_nested():
        waiting_list.put_back(scene.session, scene.actor, entry.id, entry.version, NOW)
    scene.session.expire_all()
    with refused("waiting_status"):
        waiting_list.change(scene.session, scene.actor, entry.id, entry.version, {"urgent": True}, NOW)


def test_an_entry_is_changed_put_back_and_withdrawn_by_the_version_that_was_read(scene: Scene) -> None:
    """A change keeps her place; who let an offer pass goes to the end; a withdrawn offer frees the place."""
    entry, second = scene.wait(after(-2)), scene.wait(after(-1))
    with refused("stale_version"):
        waiting_list.change(scene.session, scene.actor, entry.id, 9, {}, NOW)
    queued = entry.queued_at
    waiting_list.change(scene.session, scene.actor, entry.id, entry.version, {"before": time(12)}, NOW)
    assert entry.queued_at == queued
    scene.leave()
    scene.round()
    with refused("waiting_status"):
        waiting_list.change(scene.session, scene.actor, entry.id, entry.version, {}, NOW)
    with refused("offer_over"), scene.session.begin_nested():
        offers.accept(scene.session, scene.actor, entry.id, entry.version, after(4))
    scene.round(after(4))
    assert scene.status(entry, second) == [WaitingStatus.LAPSED, WaitingStatus.OFFERED]
    waiting_list.put_back(scene.session, scene.actor, entry.id, entry.version, after(5))
    assert waiting_list.get(scene.session, scene.actor, entry.id).position == 1
    offers.withdraw(scene.session, scene.actor, second.id, second.version)
    assert scene.status(entry, second) == [WaitingStatus.WAITING, WaitingStatus.WITHDRAWN]
    assert scene.kept()
    with refused("waiting_status"):
        offers.decline(scene.session, scene.actor, second.id, second.version)


def test_the_list_is_in_the_order_of_offers_with_places_in_the_queue(scene: Scene) -> None:
    """By stop or area; who does not wait any more has none."""
    third, second = scene.wait(after(-1)), scene.wait(after(-2))
    first, gone, area = scene.wait(after(-1), urgent=True), scene.wait(after(-9)), scene.wait(teryt="1017")
    offers.withdraw(scene.session, scene.actor, gone.id, gone.version)
    scene.session.expire_all()
    found = waiting_list.find(scene.session, scene.actor, waiting_list.EntryFilter(stop_id=scene.stop.id))
    assert [(each.entry, each.position) for each in found.items] == [(first, 1), (second, 2), (third, 3), (gone, None)]
    of_area = waiting_list.find(scene.session, scene.actor, waiting_list.EntryFilter(teryt="10"))
    assert [(each.entry, each.position) for each in of_area.items] == [(area, 1)]


QUEUES = st.lists(st.tuples(st.booleans(), st.integers(1, 20)), min_size=1, max_size=4)
ACTS = st.lists(st.sampled_from(["decline", "lapse", "accept", "leave"]), min_size=2, max_size=5)


def test_places_go_round_as_a_simple_model_says(scene: Scene) -> None:
    """Whoever declines, lapses, accepts or gives up: the offer is always with the first of those who still wait."""
    women, first = [scene.woman() for _ in range(4)], scene.visits[0]

    @given(QUEUES, ACTS)
    @settings(max_examples=6, deadline=None)
    def goes_round(queue: list[tuple[bool, int]], acts: list[str]) -> None:
        with scene.session.begin_nested() as undone:
            scene.visits = [first]
            entries = [
                scene.wait(after(-hours) + timedelta(seconds=n), women[n], urgent=urgent)
                for n, (urgent, hours) in enumerate(queue)
            ]
            play(scene, entries, acts)
            undone.rollback()
        scene.session.expire_all()

    goes_round()


def play(scene: Scene, entries: list[WaitingListEntry], acts: list[str]) -> None:
    """Carries out the acts that are possible, and compares who has the offer with a queue in memory."""
    session, now, offered, free = scene.session, NOW, None, True
    waiting = sorted(entries, key=lambda each: turn(urgent=each.urgent, queued_at=each.queued_at))
    scene.leave()
    for act in ["look", *acts]:
        if offered is not None and act == "decline":
            offers.decline(session, scene.actor, offered.id, offered.version)
            offered, free = None, True
        elif offered is not None and act == "lapse":
            now, offered, free = now + timedelta(hours=24), None, True
        elif offered is not None and act == "accept":
            offers.accept(session, scene.actor, offered.id, offered.version, now)
            scene.visits.append(session.get_one(Visit, offered.visit_id))
            offered = None
        elif act == "leave" and scene.visits:
            scene.leave()
            free = True
        scene.round(now)
        if free and waiting:
            offered, free = waiting.pop(0), False
        session.expire_all()
        assert [each for each in entries if each.status is WaitingStatus.OFFERED] == [offered] * (offered is not None)
