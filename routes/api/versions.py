"""Versions of itineraries: approved, reopened, revised and compared."""

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.models.itineraries import Itinerary
from mobile_units.rules.roles import Role
from mobile_units.services import versions
from mobile_units.services.versions import Comparison
from routes.auth import roles
from routes.database import actor, transaction
from schemas.itineraries import ItinerarySchema, VersionSchema
from schemas.versions import ApprovalSchema, ComparisonFilterSchema, ComparisonSchema

blueprint = Blueprint("versions", __name__, description="Versions of itineraries (wersje tras)")


@blueprint.route("/itineraries/<key:itinerary_id>/approve")
class Approval(MethodView):
    """Approving a draft."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(ApprovalSchema)
    @blueprint.response(200, ItinerarySchema)
    def post(self, wanted: dict[str, Any], itinerary_id: int) -> Itinerary:
        """Approve a draft, so that it may be published; its violations are accepted for a reason alone."""
        with transaction() as session:
            return versions.approve(session, actor(), itinerary_id, now=clock.now(), **wanted)


@blueprint.route("/itineraries/<key:itinerary_id>/reopen")
class Reopening(MethodView):
    """Reopening an approved itinerary."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(VersionSchema)
    @blueprint.response(200, ItinerarySchema)
    def post(self, read: dict[str, int], itinerary_id: int) -> Itinerary:
        """Make an approved itinerary a draft again."""
        with transaction() as session:
            return versions.reopen(session, actor(), itinerary_id, read["version"])


@blueprint.route("/itineraries/<key:itinerary_id>/revise")
class Revising(MethodView):
    """A new version of a published itinerary."""

    @roles(Role.COORDINATOR)
    @blueprint.response(201, ItinerarySchema)
    def post(self, itinerary_id: int) -> Itinerary:
        """Begin a draft with a copy of every stop; once published, it takes the place of the itinerary."""
        with transaction() as session:
            return versions.revise(session, actor(), itinerary_id)


@blueprint.route("/itineraries/<key:itinerary_id>/compare")
class Comparing(MethodView):
    """What is different between two itineraries."""

    @roles()
    @blueprint.arguments(ComparisonFilterSchema, location="query")
    @blueprint.response(200, ComparisonSchema)
    def get(self, wanted: dict[str, int], itinerary_id: int) -> Comparison:
        """Compare an itinerary with another one stop by stop."""
        with transaction() as session:
            return versions.compare(session, actor(), itinerary_id, wanted["other_id"])
