"""The settings of planning."""

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units.models.planning import PlanningSettings
from mobile_units.rules.roles import Role
from mobile_units.services import planning_settings
from routes.auth import roles
from routes.database import actor, transaction
from schemas.planning_settings import NewPlanningSettingsSchema, PlanningSettingsSchema

blueprint = Blueprint("planning_settings", __name__, description="What counts in a plan, and how units drive")


@blueprint.route("/planning-settings")
class OwnPlanningSettings(MethodView):
    """The planning settings of the provider."""

    @roles(Role.COORDINATOR, Role.ADMINISTRATOR)
    @blueprint.response(200, PlanningSettingsSchema)
    def get(self) -> PlanningSettings:
        """Read the settings; the usual ones if none were kept."""
        with transaction() as session:
            return planning_settings.get(session, actor())

    @roles(Role.COORDINATOR)
    @blueprint.arguments(NewPlanningSettingsSchema)
    @blueprint.response(200, PlanningSettingsSchema)
    def put(self, wanted: dict[str, Any]) -> PlanningSettings:
        """Replace all settings; what is left out becomes the usual."""
        with transaction() as session:
            return planning_settings.put(session, actor(), **wanted)
