"""An itinerary as it is laid before a person."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from mobile_units.models.itineraries import ItineraryStatus
from mobile_units.models.units import MobileUnit
from mobile_units.rules.units import HomeRule
from mobile_units.services import itineraries, planning, review, versions
from mobile_units.services.actors import Actor
from mobile_units.services.itineraries import DayHours, StopChange
from tests import factories_planning
from tests.factories_planning import MAMMOGRAPHY, THURSDAY, WEDNESDAY, contract, draft, site, stop_of, unit
from tests.statements import refused

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
SATURDAY, MONDAY = date(2027, 3, 13), date(2027, 3, 15)


@pytest.fixture
def mammobus(session: Session, actor: Actor) -> MobileUnit:
    """A unit that works on weekdays from 8:00 to 10:00."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 1000})
    return unit(session, actor.provider_id)


@pytest.mark.parametrize("home_rule", list(HomeRule))
def test_the_kilometres_of_the_stops_add_up_to_the_terms(
    session: Session, actor: Actor, mammobus: MobileUnit, home_rule: HomeRule
) -> None:
    """However the unit comes home."""
    mammobus.home_rule = home_rule
    made = draft(session, actor)
    for days in ([WEDNESDAY, THURSDAY], [MONDAY]):
        command = stop_of(mammobus, site(session, actor.provider_id), *days, women=6)
        itineraries.add_stop(session, actor, made.id, command)
    found = review.read(session, actor, made.id)
    [tour] = found.tours
    assert tour.km == pytest.approx(found.terms.km)
    assert (tour.women, tour.days, len(tour.stops)) == (12, 3, 2)
    assert tour.stops[0].km > 0
    assert (tour.km_home > 0) == (home_rule is not HomeRule.HOME_DAILY)


def test_violations_stand_at_their_stop(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """By unit, site and day; what is about no single stop stands by itself."""
    made = draft(session, actor)
    sites = [site(session, actor.provider_id), site(session, actor.provider_id)]
    for at, day in zip(sites, (WEDNESDAY, SATURDAY), strict=True):
        itineraries.add_stop(session, actor, made.id, stop_of(mammobus, at, day, women=6))
    found = review.read(session, actor, made.id)
    [violation] = found.violations
    assert violation.stop is not None
    assert (violation.code, violation.stop.first_day) == ("not_a_weekday_of_unit", SATURDAY)
    assert [len(each.violations) for each in found.tours[0].stops] == [0, 1]


def test_places_left_out_are_those_of_now(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """However the itinerary was made; published stops beside it reach theirs."""
    one, other, third = (site(session, actor.provider_id) for _ in "123")
    base = draft(session, actor)
    itineraries.add_stop(session, actor, base.id, stop_of(mammobus, one, WEDNESDAY, women=6))
    factories_planning.publish(session, actor, base, NOW)
    made = draft(session, actor)
    itineraries.add_stop(session, actor, made.id, stop_of(mammobus, other, MONDAY, women=6))
    assert [each.site_id for each in review.read(session, actor, made.id).unserved] == [third.id]


def test_a_version_tells_what_is_as_published(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """And both itineraries tell of each other."""
    base = draft(session, actor)
    for day in (WEDNESDAY, MONDAY):
        command = stop_of(mammobus, site(session, actor.provider_id), day, women=6)
        itineraries.add_stop(session, actor, base.id, command)
    factories_planning.publish(session, actor, base, NOW)
    made = versions.revise(session, actor, base.id)
    change = StopChange(version=made.version, days=[DayHours(THURSDAY)])
    versions.change_stop(session, actor, made.stops[0].id, change)
    session.expire(made)
    found = review.read(session, actor, made.id)
    assert found.revises is base
    assert [each.as_published for each in found.tours[0].stops] == [False, True]
    assert review.read(session, actor, base.id).versions == [made]
    itineraries.discard(session, actor, made.id, made.version)
    assert review.read(session, actor, base.id).versions == []


def test_what_lives_no_more_is_not_judged(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """Its stops and its terms can still be read."""
    made = draft(session, actor)
    command = stop_of(mammobus, site(session, actor.provider_id), SATURDAY, women=6)
    itineraries.add_stop(session, actor, made.id, command)
    itineraries.discard(session, actor, made.id, made.version)
    found = review.read(session, actor, made.id)
    assert found.itinerary.status is ItineraryStatus.DISCARDED
    assert (found.violations, found.unserved, found.terms.women) == ([], (), 6)
    assert planning.violations(session, actor, made.id)


def test_another_provider_reviews_nothing(session: Session, actor: Actor) -> None:
    """It is simply not there."""
    made = draft(session, actor)
    with refused("not_found"):
        review.read(session, Actor(actor.provider_id + 1), made.id)
