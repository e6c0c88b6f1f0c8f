"""Orphaned slots: the list of those whose visits have to be moved."""

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units.rules.roles import Role
from mobile_units.services import orphans
from mobile_units.services.orphans import Orphan, OrphanFilter
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.orphans import OrphanFilterSchema, OrphanPageSchema

blueprint = Blueprint("orphans", __name__, description="Slots that only their visits keep (terminy osierocone)")


@blueprint.route("/slots/orphaned")
class OrphanedSlots(MethodView):
    """All orphaned slots of the provider."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(OrphanFilterSchema, location="query")
    @blueprint.response(200, OrphanPageSchema)
    def get(self, criteria: OrphanFilter) -> Page[Orphan]:
        """List orphaned slots with their visits, by stop and day, and why they were orphaned."""
        with transaction() as session:
            return orphans.find(session, actor(), criteria)
