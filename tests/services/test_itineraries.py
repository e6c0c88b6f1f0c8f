"""Itineraries: how drafts are made and edited by hand."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, StopDay
from mobile_units.rules.programmes import Programme
from mobile_units.services import itineraries, planning
from mobile_units.services.actors import Actor
from mobile_units.services.itineraries import (
    DayHours,
    ItineraryFilter,
    NewItinerary,
    NewStop,
    StopFilter,
)
from mobile_units.services.queries import Paging
from tests import factories, factories_planning
from tests.factories_planning import FIRST, LAST, THURSDAY, WEDNESDAY, draft, site, stop_of, unit
from tests.statements import counted, refused

FRIDAY, MONDAY = date(2027, 3, 12), date(2027, 3, 15)


@pytest.fixture
def stranger(session: Session) -> Actor:
    """The system acting for another provider."""
    return Actor(factories.provider(session).id)


# drafts by hand


@pytest.mark.parametrize(
    ("last_day", "code"), [(FIRST - timedelta(days=1), "ends_before_start"), (date(2072, 3, 1), "period_too_long")]
)
def test_a_mistaken_period_is_refused(session: Session, actor: Actor, last_day: date, code: str) -> None:
    """As it is for a plan."""
    with refused(code):
        itineraries.create(session, actor, NewItinerary(name="x", first_day=FIRST, last_day=last_day))


def test_a_stop_by_hand_has_the_hours_of_the_unit_unless_others_are_given(session: Session, actor: Actor) -> None:
    """Days may come in any order; given hours are taken as they are, without the set-up."""
    made, stood, visited = draft(session, actor), unit(session, actor.provider_id), site(session, actor.provider_id)
    days = [DayHours(FRIDAY), DayHours(WEDNESDAY, closes=time(12)), DayHours(THURSDAY, opens=time(13), closes=time(15))]
    command = NewStop(unit_id=stood.id, site_id=visited.id, days=days)
    stop = itineraries.add_stop(session, actor, made.id, command)
    assert (stop.first_day, stop.last_day) == (WEDNESDAY, FRIDAY)
    assert [(day.opens_at.hour + 1, day.closes_at.hour + 1) for day in stop.days] == [(9, 12), (13, 15), (8, 10)]
    on_first_day = DayHours(MONDAY, opens=time(8))
    later = itineraries.add_stop(session, actor, made.id, replace(command, days=[on_first_day]))
    assert later.days[0].opens_at == datetime(2027, 3, 15, 7, tzinfo=UTC)


@pytest.mark.parametrize(("due", "planned"), [(50, 18), (18, 18), (7, 7), (0, 0)])
def test_women_planned_default_to_those_who_are_due_and_can_be_examined(
    session: Session, actor: Actor, due: int, planned: int
) -> None:
    """Six after the set-up and twelve on the second day."""
    made, stood = draft(session, actor), unit(session, actor.provider_id)
    visited = site(session, actor.provider_id, {Programme.BREAST: due, Programme.CERVICAL: 100})
    stop = itineraries.add_stop(session, actor, made.id, stop_of(stood, visited, WEDNESDAY, THURSDAY))
    assert stop.women_planned == planned


def test_women_planned_are_those_given_even_if_none(session: Session, actor: Actor) -> None:
    """Zero is a number."""
    made, stood, visited = draft(session, actor), unit(session, actor.provider_id), site(session, actor.provider_id)
    assert itineraries.add_stop(session, actor, made.id, stop_of(stood, visited, WEDNESDAY, women=0)).women_planned == 0


@pytest.mark.parametrize(
    ("days", "code"),
    [
        ([DayHours(WEDNESDAY), DayHours(THURSDAY), DayHours(WEDNESDAY)], "given_twice"),
        ([DayHours(WEDNESDAY, time(8), time(9)), DayHours(WEDNESDAY, time(10), time(11))], "given_twice"),
        ([DayHours(FIRST - timedelta(days=1))], "stop_outside_itinerary"),
        ([DayHours(LAST + timedelta(days=1))], "stop_outside_itinerary"),
        ([DayHours(WEDNESDAY, opens=time(12), closes=time(12))], "ends_before_start"),
        ([DayHours(WEDNESDAY, opens=time(10))], "ends_before_start"),
        ([DayHours(WEDNESDAY, closes=time(9))], "ends_before_start"),
        ([DayHours(date(2027, 3, 28), opens=time(2, 30))], "no_such_local_time"),
    ],
)
def test_a_stop_with_impossible_days_is_refused(
    session: Session, actor: Actor, days: list[DayHours], code: str
) -> None:
    """Repeated days, days outside the itinerary, and hours that end before they begin, the set-up included."""
    made, stood, visited = draft(session, actor), unit(session, actor.provider_id), site(session, actor.provider_id)
    with refused(code):
        itineraries.add_stop(session, actor, made.id, NewStop(unit_id=stood.id, site_id=visited.id, days=days))


def test_a_stop_needs_a_unit_and_a_site_in_use(session: Session, actor: Actor, stranger: Actor) -> None:
    """Those of another provider do not exist."""
    made, stood, visited = draft(session, actor), unit(session, actor.provider_id), site(session, actor.provider_id)
    for wrong_unit, wrong_site, code in (
        (unit(session, stranger.provider_id), visited, "not_found"),
        (stood, site(session, stranger.provider_id), "not_found"),
        (unit(session, actor.provider_id, active=False), visited, "out_of_use"),
        (stood, site(session, actor.provider_id, active=False), "out_of_use"),
        (unit(session, actor.provider_id, programmes=[]), visited, "unit_without_programme"),
    ):
        with refused(code):
            itineraries.add_stop(session, actor, made.id, stop_of(wrong_unit, wrong_site, WEDNESDAY))


def test_a_unit_is_not_in_two_places_of_a_draft(session: Session, actor: Actor) -> None:
    """Not at one time; in the afternoon of the same day it may stand elsewhere."""
    made, stood, visited = draft(session, actor), unit(session, actor.provider_id), site(session, actor.provider_id)
    itineraries.add_stop(session, actor, made.id, stop_of(stood, visited, WEDNESDAY))
    afternoon = [DayHours(WEDNESDAY, time(10), time(12))]
    elsewhere = NewStop(unit_id=stood.id, site_id=site(session, actor.provider_id).id, days=afternoon)
    itineraries.add_stop(session, actor, made.id, elsewhere)
    with refused("unit_in_two_places"):
        itineraries.add_stop(session, actor, made.id, replace(elsewhere, days=[DayHours(WEDNESDAY)]))


def test_drafts_may_contradict_each_other(session: Session, actor: Actor) -> None:
    """Alternatives are what drafts are for; and two units may stand side by side."""
    stood, visited = unit(session, actor.provider_id), site(session, actor.provider_id)
    for _ in range(2):
        made = draft(session, actor)
        itineraries.add_stop(session, actor, made.id, stop_of(stood, visited, WEDNESDAY))
        itineraries.add_stop(session, actor, made.id, stop_of(unit(session, actor.provider_id), visited, WEDNESDAY))
    assert session.query(StopDay).filter_by(unit_id=stood.id).count() == 2


def test_a_stop_is_taken_out_with_its_days(session: Session, actor: Actor) -> None:
    """And the unit is free again."""
    made, stood, visited = draft(session, actor), unit(session, actor.provider_id), site(session, actor.provider_id)
    stop = itineraries.add_stop(session, actor, made.id, stop_of(stood, visited, WEDNESDAY))
    itineraries.remove_stop(session, actor, stop.id)
    assert itineraries.get(session, actor, made.id).stops == []
    assert session.scalars(select(StopDay).where(StopDay.itinerary_id == made.id)).all() == []
    itineraries.add_stop(session, actor, made.id, stop_of(stood, visited, WEDNESDAY))


def test_every_edit_raises_the_version(session: Session, actor: Actor) -> None:
    """So that nobody publishes a draft that somebody changed after it was read."""
    made, stood, visited = draft(session, actor), unit(session, actor.provider_id), site(session, actor.provider_id)
    stop = itineraries.add_stop(session, actor, made.id, stop_of(stood, visited, WEDNESDAY))
    assert made.version == 2
    itineraries.remove_stop(session, actor, stop.id)
    assert made.version == 3
    assert itineraries.change(session, actor, made.id, 3, {"name": "Lato"}).name == "Lato"
    assert made.version == 4
    with refused("stale_version"):
        itineraries.change(session, actor, made.id, 3, {"name": "Zima"})
    with refused("stale_version"):
        itineraries.discard(session, actor, made.id, 3)
    assert (made.name, made.status) == ("Lato", ItineraryStatus.DRAFT)


def test_edits_are_in_the_audit_log(session: Session, actor: Actor) -> None:
    """Who made, changed and discarded which draft and which of its stops."""
    made, stood, visited = draft(session, actor), unit(session, actor.provider_id), site(session, actor.provider_id)
    stop = itineraries.add_stop(session, actor, made.id, stop_of(stood, visited, WEDNESDAY))
    itineraries.remove_stop(session, actor, stop.id)
    itineraries.change(session, actor, made.id, made.version, {"name": "Lato"})
    itineraries.discard(session, actor, made.id, made.version)
    session.flush()
    entries = select(AuditEntry).where(AuditEntry.provider_id == actor.provider_id).order_by(AuditEntry.id)
    assert [(each.action, each.subject, each.subject_id) for each in session.scalars(entries)] == [
        ("create", "itinerary", made.id),
        ("create", "stop", stop.id),
        ("remove", "stop", stop.id),
        ("change", "itinerary", made.id),
        ("discard", "itinerary", made.id),
    ]


def test_a_discarded_or_published_itinerary_is_read_only(session: Session, actor: Actor) -> None:
    """It can still be read, with its stops; an approved one can still be changed."""
    stood = unit(session, actor.provider_id)
    made = factories_planning.draft_with_stop(session, actor, stood)
    stop, command = made.stops[0], stop_of(stood, made.stops[0].site, MONDAY)
    edits: list[Callable[[], Any]] = [
        lambda: itineraries.add_stop(session, actor, made.id, command),
        lambda: itineraries.remove_stop(session, actor, stop.id),
        lambda: itineraries.change(session, actor, made.id, made.version, {"name": "x"}),
        lambda: itineraries.discard(session, actor, made.id, made.version),
    ]
    for status in (ItineraryStatus.DISCARDED, ItineraryStatus.PUBLISHED):
        made.status = status
        session.flush()
        for edit in edits:
            with refused("itinerary_not_draft"):
                edit()
        assert itineraries.get(session, actor, made.id).stops == [stop]
    made.status = ItineraryStatus.DRAFT
    session.flush()
    assert itineraries.discard(session, actor, made.id, made.version).status is ItineraryStatus.DISCARDED
    session.refresh(stop.days[0])
    assert stop.days[0].itinerary_status is ItineraryStatus.DISCARDED


def test_another_providers_itinerary_does_not_exist(session: Session, actor: Actor, stranger: Actor) -> None:
    """Neither to be read nor changed; a refused stop is named as it was asked for."""
    stood = unit(session, actor.provider_id)
    made = factories_planning.draft_with_stop(session, actor, stood)
    own = stop_of(unit(session, stranger.provider_id), site(session, stranger.provider_id), WEDNESDAY)
    uses: list[Callable[[], Any]] = [
        lambda: itineraries.get(session, stranger, made.id),
        lambda: planning.violations(session, stranger, made.id),
        lambda: itineraries.add_stop(session, stranger, made.id, own),
        lambda: itineraries.change(session, stranger, made.id, made.version, {"name": "x"}),
        lambda: itineraries.discard(session, stranger, made.id, made.version),
    ]
    for use in uses:
        with refused("not_found"):
            use()
    with pytest.raises(DomainError, check=lambda error: error.facts == {"what": f"Stop {made.stops[0].id}"}):
        itineraries.remove_stop(session, stranger, made.stops[0].id)
    assert itineraries.find(session, stranger, ItineraryFilter()).total == 0
    assert itineraries.find_stops(session, stranger, StopFilter(itinerary_id=made.id)).total == 0


# lists


def test_itineraries_are_found_by_status_and_day_the_latest_first(session: Session, actor: Actor) -> None:
    """Both days of an itinerary are included."""
    spring = draft(session, actor)
    summer = itineraries.create(session, actor, NewItinerary(name="Lato", first_day=LAST, last_day=LAST))
    itineraries.discard(session, actor, spring.id, 1)

    def found(**criteria: Any) -> list[str]:
        return [each.name for each in itineraries.find(session, actor, ItineraryFilter(**criteria)).items]

    assert found() == ["Lato", "Wiosna"]
    assert found(status=ItineraryStatus.DISCARDED) == ["Wiosna"]
    assert found(on=FIRST) == ["Wiosna"]
    assert found(on=LAST) == ["Lato", "Wiosna"]
    assert found(on=LAST + timedelta(days=1)) == []
    assert found(paging=Paging(2, 1)) == ["Wiosna"]
    assert summer.stops == []


def test_stops_are_found_by_what_is_known_of_them(session: Session, actor: Actor) -> None:
    """Each criterion alone finds the one and not the other; a page is read in three statements."""
    one, other = (unit(session, actor.provider_id) for _ in range(2))
    early = factories_planning.draft_with_stop(session, actor, one, WEDNESDAY, THURSDAY).stops[0]
    late = factories_planning.draft_with_stop(session, actor, other, MONDAY).stops[0]
    itineraries.discard(session, actor, late.itinerary_id, late.itinerary.version)
    session.flush()

    def found(**criteria: Any) -> list[int]:
        return [each.id for each in itineraries.find_stops(session, actor, StopFilter(**criteria)).items]

    with counted(session.connection()) as sent:
        assert found() == [early.id, late.id]
    assert len(sent) == 3
    for name in ("itinerary_id", "unit_id", "site_id"):
        assert found(**{name: getattr(early, name)}) == [early.id], name
    assert found(status=ItineraryStatus.DISCARDED) == [late.id]
    assert found(last_day=WEDNESDAY) == found(first_day=THURSDAY, last_day=FRIDAY) == [early.id]
    assert found(first_day=FRIDAY) == [late.id]
    assert found(last_day=WEDNESDAY - timedelta(days=1)) == []


# at the same instant


def test_a_draft_is_read_afresh_once_it_is_locked(engine: Engine) -> None:
    """What somebody committed meanwhile is seen, though the session had read the draft before."""
    with db.transaction(engine) as session:
        actor = Actor(factories.provider(session).id)
        made = factories_planning.draft_with_stop(session, actor, unit(session, actor.provider_id))
    with db.transaction(engine) as session:
        known = itineraries.get(session, actor, made.id)
        with db.transaction(engine) as other:
            itineraries.remove_stop(other, actor, made.stops[0].id)
        fresh = itineraries.get_draft(session, actor, made.id)
        assert fresh is known
        assert (fresh.stops, fresh.version) == ([], made.version + 1)


def test_a_stop_removed_twice_at_once_is_removed_once(engine: Engine) -> None:
    """The second hears that there is no such stop."""
    with db.transaction(engine) as session:
        actor = Actor(factories.provider(session).id)
        made = factories_planning.draft_with_stop(session, actor, unit(session, actor.provider_id))
    meeting = Barrier(2)

    def remove(_: int) -> str:
        meeting.wait()
        try:
            with db.transaction(engine) as session:
                itineraries.remove_stop(session, actor, made.stops[0].id)
        except DomainError as error:
            return error.code
        return "removed"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(remove, range(2))) == ["not_found", "removed"]


def test_a_unit_added_twice_at_once_stands_in_one_place(engine: Engine) -> None:
    """The draft is locked by the first; the second meets the constraint."""
    with db.transaction(engine) as session:
        actor = Actor(factories.provider(session).id)
        stood, made = unit(session, actor.provider_id), draft(session, actor)
        commands = [stop_of(stood, site(session, actor.provider_id), WEDNESDAY) for _ in range(2)]
    meeting = Barrier(2)

    def add(command: NewStop) -> str:
        meeting.wait()
        try:
            with db.transaction(engine) as session:
                itineraries.add_stop(session, actor, made.id, command)
        except DomainError as error:
            return error.code
        return "added"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(add, commands)) == ["added", "unit_in_two_places"]
    with Session(engine) as session:
        assert len(session.get_one(Itinerary, made.id).stops) == 1
