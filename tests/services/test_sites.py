"""When a unit stood at a site last."""

from datetime import date, timedelta

from sqlalchemy.orm import Session

from mobile_units.models.itineraries import ItineraryStatus
from mobile_units.models.sites import Site
from mobile_units.services import itineraries, sites
from mobile_units.services.actors import Actor
from tests import factories
from tests.factories_planning import THURSDAY, WEDNESDAY, draft, site, stop_of, unit
from tests.statements import counted

BEFORE, LONG_AGO = date(2027, 6, 1), date(2025, 5, 20)


def stood(
    session: Session, actor: Actor, at: Site, *days: date, status: ItineraryStatus = ItineraryStatus.PUBLISHED
) -> None:
    """A stop of a unit of its own in an itinerary of its own."""
    made = draft(session, actor)
    itineraries.add_stop(session, actor, made.id, stop_of(unit(session, actor.provider_id), at, *days))
    made.status = status
    session.flush()


def test_a_site_where_nobody_stood_is_not_among_them(session: Session, actor: Actor) -> None:
    """Neither is one whose stop is a draft, was superseded or was withdrawn, nor another provider's."""
    at = site(session, actor.provider_id)
    assert sites.last_visits(session, actor, BEFORE) == {}
    for status in (ItineraryStatus.DRAFT, ItineraryStatus.SUPERSEDED, ItineraryStatus.DISCARDED):
        stood(session, actor, at, WEDNESDAY, status=status)
    withdrawn = draft(session, actor)
    itineraries.add_stop(session, actor, withdrawn.id, stop_of(unit(session, actor.provider_id), at, WEDNESDAY))
    withdrawn.status = ItineraryStatus.PUBLISHED
    withdrawn.stops[0].days.clear()
    stranger = Actor(factories.provider(session).id)
    stood(session, stranger, site(session, stranger.provider_id), WEDNESDAY)
    session.flush()
    assert sites.last_visits(session, actor, BEFORE) == {}


def test_the_last_visit_is_the_last_day_of_a_published_stop_that_is_over(session: Session, actor: Actor) -> None:
    """A stop that is not over on that day is not counted, not even its first days."""
    at = site(session, actor.provider_id)
    stood(session, actor, at, WEDNESDAY, THURSDAY)
    stood(session, actor, at, WEDNESDAY - timedelta(weeks=1))
    for before, last in (
        (THURSDAY + timedelta(days=1), THURSDAY),
        (THURSDAY, WEDNESDAY - timedelta(weeks=1)),
        (WEDNESDAY, WEDNESDAY - timedelta(weeks=1)),
    ):
        assert sites.last_visits(session, actor, before) == {at.id: last}


def test_what_a_site_tells_counts_until_a_later_stop(session: Session, actor: Actor) -> None:
    """The later of both, by site, in one statement for all."""
    told, both, later = (site(session, actor.provider_id) for _ in range(3))
    told.last_visit = both.last_visit = LONG_AGO
    later.last_visit = THURSDAY
    for at in (both, later):
        stood(session, actor, at, WEDNESDAY)
    with counted(session.connection()) as statements:
        found = sites.last_visits(session, actor, BEFORE)
    assert found == {told.id: LONG_AGO, both.id: WEDNESDAY, later.id: THURSDAY}
    assert len(statements) == 1
