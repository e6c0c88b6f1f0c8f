"""Itineraries: edited and judged; those that the planner makes come from planning jobs."""

from collections.abc import Sequence
from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units.models.itineraries import Itinerary, Stop
from mobile_units.planning.check import Violation
from mobile_units.rules.roles import Role
from mobile_units.services import itineraries, planning, versions
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.itineraries import (
    EditedStopSchema,
    EditSchema,
    ItineraryChangeSchema,
    ItineraryFilterSchema,
    ItineraryPageSchema,
    ItinerarySchema,
    ItineraryWithStopsSchema,
    NewItinerarySchema,
    NewStopSchema,
    StopChangeSchema,
    StopFilterSchema,
    StopPageSchema,
    StopSchema,
    VersionSchema,
    ViolationSchema,
)

blueprint = Blueprint("itineraries", __name__, description="Which unit stands where, and when (trasy i postoje)")


@blueprint.route("/itineraries")
class Itineraries(MethodView):
    """All itineraries of the provider."""

    @roles()
    @blueprint.arguments(ItineraryFilterSchema, location="query")
    @blueprint.response(200, ItineraryPageSchema)
    def get(self, criteria: itineraries.ItineraryFilter) -> Page[Itinerary]:
        """List itineraries."""
        with transaction() as session:
            return itineraries.find(session, actor(), criteria)

    @roles(Role.COORDINATOR)
    @blueprint.arguments(NewItinerarySchema)
    @blueprint.response(201, ItinerarySchema)
    def post(self, command: itineraries.NewItinerary) -> Itinerary:
        """Begin an empty draft, to be filled by hand."""
        with transaction() as session:
            return itineraries.create(session, actor(), command)


@blueprint.route("/itineraries/<key:itinerary_id>")
class OneItinerary(MethodView):
    """One itinerary."""

    @roles()
    @blueprint.response(200, ItineraryWithStopsSchema)
    def get(self, itinerary_id: int) -> Itinerary:
        """Read an itinerary with its stops."""
        with transaction() as session:
            return itineraries.get(session, actor(), itinerary_id)

    @roles(Role.COORDINATOR)
    @blueprint.arguments(ItineraryChangeSchema)
    @blueprint.response(200, ItinerarySchema)
    def patch(self, change: dict[str, Any], itinerary_id: int) -> Itinerary:
        """Rename a draft."""
        with transaction() as session:
            return itineraries.change(session, actor(), itinerary_id, **change)


@blueprint.route("/itineraries/<key:itinerary_id>/discard")
class Discard(MethodView):
    """Putting a draft aside."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(VersionSchema)
    @blueprint.response(200, ItinerarySchema)
    def post(self, read: dict[str, int], itinerary_id: int) -> Itinerary:
        """Put a draft or an approved itinerary aside; it can still be read."""
        with transaction() as session:
            return itineraries.discard(session, actor(), itinerary_id, read["version"])


@blueprint.route("/itineraries/<key:itinerary_id>/violations")
class Violations(MethodView):
    """What is wrong with an itinerary."""

    @roles(Role.COORDINATOR)
    @blueprint.response(200, ViolationSchema(many=True))
    def get(self, itinerary_id: int) -> Sequence[Violation]:
        """List everything that keeps the itinerary from being carried out."""
        with transaction() as session:
            return planning.violations(session, actor(), itinerary_id)


@blueprint.route("/itineraries/<key:itinerary_id>/stops")
class StopsOfItinerary(MethodView):
    """Stops of a draft."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(NewStopSchema)
    @blueprint.response(201, EditedStopSchema)
    def post(self, command: itineraries.NewStop, itinerary_id: int) -> versions.Edit:
        """Add a stop to a draft by hand; the answer tells what that breaks."""
        with transaction() as session:
            return versions.add_stop(session, actor(), itinerary_id, command)


@blueprint.route("/stops")
class Stops(MethodView):
    """Stops of all itineraries."""

    @roles()
    @blueprint.arguments(StopFilterSchema, location="query")
    @blueprint.response(200, StopPageSchema)
    def get(self, criteria: itineraries.StopFilter) -> Page[Stop]:
        """List stops in order of time."""
        with transaction() as session:
            return itineraries.find_stops(session, actor(), criteria)


@blueprint.route("/stops/<key:stop_id>")
class OneStop(MethodView):
    """One stop."""

    @roles()
    @blueprint.response(200, StopSchema)
    def get(self, stop_id: int) -> Stop:
        """Read a stop with its days."""
        with transaction() as session:
            return itineraries.get_stop(session, actor(), stop_id)

    @roles(Role.COORDINATOR)
    @blueprint.arguments(StopChangeSchema)
    @blueprint.response(200, EditedStopSchema)
    def patch(self, command: itineraries.StopChange, stop_id: int) -> versions.Edit:
        """Change unit, site, days or women of a stop in a draft, or pin it; the answer tells what that breaks."""
        with transaction() as session:
            return versions.change_stop(session, actor(), stop_id, command)

    @roles(Role.COORDINATOR)
    @blueprint.response(200, EditSchema)
    def delete(self, stop_id: int) -> versions.Edit:
        """Take a stop out of a draft; the answer tells what that breaks."""
        with transaction() as session:
            return versions.remove_stop(session, actor(), stop_id)
