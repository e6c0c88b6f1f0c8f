"""Versions published, bookings and changes at the same instant, on real parallel connections."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop
from mobile_units.models.visits import Visit
from mobile_units.services import itineraries, publishing, slot_search, slots, versions, visits
from mobile_units.services.itineraries import DayHours, StopChange
from mobile_units.services.visits import Move
from tests import factories_planning
from tests.factories_planning import WEDNESDAY, site, stop_of
from tests.races import until_somebody_waits
from tests.services.test_changes import NOW
from tests.services.test_changes_races import FRIDAY, Attempt, Scene, _look_without_lock


class Versions(Scene):
    """A published stop of 18 slots, and approved versions of it that drop its second day, the last 12 slots."""

    def __init__(self, engine: Engine, women: int = 1, count: int = 1) -> None:
        """Publishes the stop and approves the versions."""
        super().__init__(engine, women)
        with db.transaction(engine) as session:
            base = session.get_one(Stop, self.stop).itinerary_id
            made = [versions.revise(session, self.actor, base) for _ in range(count)]
            for revision in made:
                change = StopChange(version=revision.version, days=[DayHours(WEDNESDAY)], women_planned=6)
                itineraries.change_stop(session, self.actor, revision.stops[0].id, change)
                factories_planning.approve(session, self.actor, revision, NOW)
        self.base, self.versions = base, [(each.id, each.version) for each in made]

    def publication(self, number: int = 0) -> Attempt:
        """An attempt to publish the n-th version."""
        key, version = self.versions[number]
        return lambda session: publishing.publish(session, self.actor, key, version, NOW)

    def statuses(self) -> Counter[ItineraryStatus]:
        """How many itineraries of the provider have each status."""
        own = Itinerary.provider_id == self.actor.provider_id
        with Session(self.engine) as session:
            return Counter(session.scalars(select(Itinerary.status).where(own)))


def test_a_booking_that_comes_first_stops_the_publication(engine: Engine) -> None:
    """The publication waits for it, finds the visit, and all stays as it was."""
    scene = Versions(engine)
    with scene.while_open(scene.booking(0, 17), scene.publication()) as published:
        pass
    assert published() == "slots_have_visits"
    assert scene.lost() == 0
    assert scene.statuses() == {ItineraryStatus.PUBLISHED: 1, ItineraryStatus.APPROVED: 1}


def test_a_booking_that_comes_second_finds_the_slot_withdrawn(engine: Engine) -> None:
    """It waits for the publication; in a slot that stays it is booked."""
    scene = Versions(engine)
    with scene.while_open(scene.publication(), scene.booking(0, 17)) as booked:
        pass
    assert booked() == "slot_withdrawn"
    assert scene.outcome(scene.booking(0, 0)) == "done"
    assert scene.statuses() == {ItineraryStatus.PUBLISHED: 1, ItineraryStatus.SUPERSEDED: 1}


def test_many_bookings_and_a_publication_at_once(engine: Engine) -> None:
    """Either everybody is refused, or the publication is; nobody waits in a circle."""
    for _ in range(4):
        scene = Versions(engine, women=6)
        codes = Counter(scene.race(scene.publication(), *(scene.booking(n, 17 - n) for n in range(6))))
        assert codes in (Counter(done=1, slot_withdrawn=6), Counter(done=6, slots_have_visits=1))
        assert scene.lost() == 0


class TwoStops(Versions):
    """The version gives up a later stop too: stop by stop, its slots would be locked before those of the first one."""

    def __init__(self, engine: Engine, women: int) -> None:
        """Publishes a version with the later stop, and approves the one that gives it up."""
        super().__init__(engine, women)
        with db.transaction(engine) as session:
            unit = session.get_one(Stop, self.stop).unit
            both = versions.revise(session, self.actor, self.base)
            command = stop_of(unit, site(session, self.actor.provider_id), FRIDAY)
            itineraries.add_stop(session, self.actor, both.id, command)
            factories_planning.publish(session, self.actor, both, NOW)
            revision = versions.revise(session, self.actor, both.id)
            first, second = revision.stops
            itineraries.remove_stop(session, self.actor, second.id)
            change = StopChange(version=revision.version, days=[DayHours(WEDNESDAY)], women_planned=6)
            itineraries.change_stop(session, self.actor, first.id, change)
            factories_planning.approve(session, self.actor, revision, NOW)
            self.versions = [(revision.id, revision.version)]
            found = slot_search.find(session, self.actor, slot_search.SlotFilter(), NOW)
            self.slots = [slot.id for slot in found.items]


def test_a_publication_locks_the_slots_of_all_stops_in_one_order(engine: Engine) -> None:
    """It waits for the booking in the first stop before it has locked the second, where that goes on to book."""
    scene = TwoStops(engine, women=2)
    with ThreadPoolExecutor(1) as pool:
        with db.transaction(engine) as session:
            scene.booking(0, 17)(session)
            published = pool.submit(scene.outcome, scene.publication())
            until_somebody_waits(engine)
            scene.booking(1, -1)(session)
        assert published.result() == "slots_have_visits"
    assert scene.lost() == 0


def test_moves_between_stops_do_not_deadlock_with_a_publication(engine: Engine) -> None:
    """A move locks slots of two stops, the publication those of both, all of them the lowest first."""
    for _ in range(4):
        scene = TwoStops(engine, women=4)
        with db.transaction(engine) as session:
            made = [cast("Visit", scene.booking(n, n)(session)) for n in range(4)]
        moves = [_move(scene, visit, scene.slots[-1 - number]) for number, visit in enumerate(made)]
        outcomes = scene.race(scene.publication(), *moves)
        assert set(outcomes) <= {"done", "slot_withdrawn", "slots_have_visits"}
        assert scene.lost() == 0


def _move(scene: Scene, visit: Visit, slot_id: int) -> Attempt:
    command = Move(version=visit.version, slot_id=slot_id)
    return lambda session: visits.move(session, scene.actor, visit.id, command, NOW)


def test_of_two_versions_at_once_one_is_published(engine: Engine) -> None:
    """The other one finds what it revises superseded."""
    for _ in range(4):
        scene = Versions(engine, count=2)
        assert sorted(scene.race(scene.publication(0), scene.publication(1))) == ["base_superseded", "done"]
        assert scene.statuses() == Counter(
            {ItineraryStatus.PUBLISHED: 1, ItineraryStatus.SUPERSEDED: 1, ItineraryStatus.APPROVED: 1}
        )


def test_one_version_is_published_once(engine: Engine) -> None:
    """The second attempt waits for the first and finds it published."""
    scene = Versions(engine)
    with scene.while_open(scene.publication(), scene.publication()) as second:
        pass
    assert second() == "itinerary_not_approved"


@pytest.mark.parametrize("first", ["change", "publication"])
def test_a_change_of_the_base_and_a_publication_at_once(engine: Engine, first: str) -> None:
    """Whichever comes second is refused: what it was about is another by now, or in force no more."""
    scene = Versions(engine)
    attempts = {"change": scene.shortening(), "publication": scene.publication()}
    refusals = {"change": "base_changed", "publication": "itinerary_not_published"}
    one = attempts.pop(first)
    [other] = attempts.values()
    with scene.while_open(one, other) as outcome:
        pass
    assert outcome() == refusals[first]


def test_without_the_lock_the_database_still_guards(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A withdrawn slot with visits is refused by its constraint, and nothing is published."""
    monkeypatch.setattr(slots, "lock", _look_without_lock)
    scene = Versions(engine)
    with scene.while_open(scene.booking(0, 17), scene.publication()) as published:
        pass
    assert published() == "stale_version"
    assert scene.lost() == 0
    assert scene.statuses() == {ItineraryStatus.PUBLISHED: 1, ItineraryStatus.APPROVED: 1}
