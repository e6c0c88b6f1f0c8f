"""Mobile points, to be read."""

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units.models.mobile_points import MobilePoint
from mobile_units.rules.roles import Role
from mobile_units.services import mobile_points
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.mobile_points import MobilePointFilterSchema, MobilePointPageSchema, MobilePointSchema

blueprint = Blueprint("mobile_points", __name__, description="Stops as CeR knows them (Mobilne Punkty Obsługi)")


@blueprint.route("/mobile-points")
class MobilePoints(MethodView):
    """All mobile points of the provider."""

    @roles(Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT)
    @blueprint.arguments(MobilePointFilterSchema, location="query")
    @blueprint.response(200, MobilePointPageSchema)
    def get(self, criteria: mobile_points.MobilePointFilter) -> Page[MobilePoint]:
        """List mobile points."""
        with transaction() as session:
            return mobile_points.find(session, actor(), criteria)


@blueprint.route("/mobile-points/<key:mobile_point_id>")
class OneMobilePoint(MethodView):
    """One mobile point."""

    @roles(Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT)
    @blueprint.response(200, MobilePointSchema)
    def get(self, mobile_point_id: int) -> MobilePoint:
        """Read a mobile point."""
        with transaction() as session:
            return mobile_points.get(session, actor(), mobile_point_id)
