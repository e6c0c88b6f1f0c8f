"""One itinerary drawn: its stops, units and places as a timeline and as a map."""

from datetime import date

from flask import url_for

from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop
from mobile_units.planning.problem import Key
from mobile_units.services.review import Review, ReviewedStop
from routes.pages.drawn import DrawnStop, DrawnUnit, StopState, drawn_sites, drawn_units
from routes.pages.maps import SiteMap, site_map
from routes.pages.timelines import Timeline, timeline
from routes.pages.words import polish_days


def timeline_of(found: Review, today: date) -> Timeline:
    """Units by days; in a draft free days lead to adding a stop."""
    itinerary = found.itinerary

    def add_link(unit_id: Key, day: date) -> str:
        return url_for("itinerary_stops.new", itinerary_id=itinerary.id, unit_id=unit_id, first_day=day.isoformat())

    return timeline(
        units_of(found),
        itinerary.first_day,
        itinerary.last_day,
        [*_drawn_stops(found), *_beside(found)],
        today=today,
        add_link=add_link if itinerary.status is ItineraryStatus.DRAFT else None,
    )


def map_of(found: Review) -> SiteMap | None:
    """Bases, places and tours; None if there is nothing to show."""
    return site_map(drawn_sites(found.problem.sites), units_of(found), _drawn_stops(found))


def units_of(found: Review) -> list[DrawnUnit]:
    """The units with their colours."""
    return drawn_units(found.problem.units, {tour.unit.id: tour.unit.code for tour in found.tours})


def _drawn_stops(found: Review) -> list[DrawnStop]:
    return [
        DrawnStop(
            unit_id=each.stop.unit_id,
            site_id=each.stop.site_id,
            place=each.stop.site.name,
            days=[row.day for row in each.stop.days],
            women=each.stop.women_planned,
            state=_state(found.itinerary, each),
            wrong=[polish_days(violation.message_pl) for violation in each.violations],
            link=_link(found.itinerary, each.stop),
        )
        for tour in found.tours
        for each in tour.stops
    ]


def _beside(found: Review) -> list[DrawnStop]:
    """What is published in other itineraries, as far as the timeline reaches."""
    names = {site.id: site.name for site in found.problem.sites}
    return [
        DrawnStop(
            unit_id=stop.unit_id,
            site_id=stop.site_id,
            place=names.get(stop.site_id, str(stop.site_id)),
            days=stop.days,
            women=stop.women,
            state=StopState.BESIDE,
        )
        for stop in found.beside
    ]


def _state(itinerary: Itinerary, reviewed: ReviewedStop) -> StopState:
    if itinerary.status is ItineraryStatus.PUBLISHED or reviewed.as_published:
        return StopState.PUBLISHED
    if itinerary.revises_id is not None:
        return StopState.CHANGED
    return StopState.PINNED if reviewed.stop.pinned else StopState.FREE


def _link(itinerary: Itinerary, stop: Stop) -> str:
    """To the form for a stop of a draft, else to its line in the table."""
    if itinerary.status is ItineraryStatus.DRAFT:
        return url_for("itinerary_stops.show", itinerary_id=itinerary.id, stop_id=stop.id)
    return f"#postoj-{stop.id}"
