"""The duty of three full months ahead, place by place."""

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.rules.compliance import horizon_end
from mobile_units.rules.roles import Role
from mobile_units.services import cover
from routes.auth import roles
from routes.database import actor, transaction
from schemas.cover import CoverSchema

blueprint = Blueprint("cover", __name__, description="How far ahead service places reach")


@blueprint.route("/service-places/cover")
class Cover(MethodView):
    """All service places."""

    @roles(Role.COORDINATOR, Role.SETTLEMENT)
    @blueprint.response(200, CoverSchema)
    def get(self) -> dict[str, Any]:
        """Tell how far each place reaches, which days it lacks, and when its duty will be broken."""
        today = clock.today()
        with transaction() as session:
            return {"horizon": horizon_end(today), "items": cover.read(session, actor(), today)}
