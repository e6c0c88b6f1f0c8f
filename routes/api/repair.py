"""Breakdowns: what can be done about the stops of a unit that is out."""

from collections.abc import Sequence
from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units.models.itineraries import Itinerary
from mobile_units.rules.roles import Role
from mobile_units.services import repair
from mobile_units.services.repair import RepairProposal, RepairRequest
from routes.auth import roles
from routes.database import actor, transaction
from schemas.itineraries import ItineraryWithStopsSchema
from schemas.repair import AcceptedRepairSchema, BreakdownSchema, RepairProposalSchema

blueprint = Blueprint("repair", __name__, description="What to do when a unit is out (awarie)")


@blueprint.route("/itineraries/<key:itinerary_id>/repairs")
class Repairs(MethodView):
    """What can be done after a breakdown."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(BreakdownSchema)
    @blueprint.response(200, RepairProposalSchema(many=True))
    def post(self, breakdown: dict[str, Any], itinerary_id: int) -> Sequence[RepairProposal]:
        """List what can be done about the stops of a unit that is out, the least disturbing first."""
        with transaction() as session:
            return repair.propose_repair(session, actor(), RepairRequest(itinerary_id=itinerary_id, **breakdown))


@blueprint.route("/itineraries/<key:itinerary_id>/repairs/accept")
class AcceptedRepairs(MethodView):
    """Making a proposal a draft."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(AcceptedRepairSchema)
    @blueprint.response(201, ItineraryWithStopsSchema)
    def post(self, accepted: dict[str, Any], itinerary_id: int) -> Itinerary:
        """Make a proposal a draft that revises the itinerary; the unit is unavailable from now on."""
        key = accepted.pop("key")
        with transaction() as session:
            request = RepairRequest(itinerary_id=itinerary_id, **accepted)
            return repair.accept_repair(session, actor(), request, key)
