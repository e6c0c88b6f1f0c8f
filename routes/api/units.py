"""Mobile units."""

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units.models.units import MobileUnit
from mobile_units.rules.roles import Role
from mobile_units.services import units
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.units import NewUnitSchema, UnitChangeSchema, UnitFilterSchema, UnitPageSchema, UnitSchema

blueprint = Blueprint("units", __name__, description="Mobile units (mammobusy, cytobusy)")


@blueprint.route("/units")
class Units(MethodView):
    """All mobile units of the provider."""

    @roles(Role.COORDINATOR, Role.MIDWIFE, Role.ADMINISTRATOR)
    @blueprint.arguments(UnitFilterSchema, location="query")
    @blueprint.response(200, UnitPageSchema)
    def get(self, criteria: units.UnitFilter) -> Page[MobileUnit]:
        """List units."""
        with transaction() as session:
            return units.find(session, actor(), criteria)

    @roles(Role.COORDINATOR)
    @blueprint.arguments(NewUnitSchema)
    @blueprint.response(201, UnitSchema)
    def post(self, command: units.NewUnit) -> MobileUnit:
        """Keep a new unit."""
        with transaction() as session:
            return units.create(session, actor(), command)


@blueprint.route("/units/<key:unit_id>")
class OneUnit(MethodView):
    """One mobile unit."""

    @roles(Role.COORDINATOR, Role.MIDWIFE, Role.ADMINISTRATOR)
    @blueprint.response(200, UnitSchema)
    def get(self, unit_id: int) -> MobileUnit:
        """Read a unit."""
        with transaction() as session:
            return units.get(session, actor(), unit_id)

    @roles(Role.COORDINATOR)
    @blueprint.arguments(UnitChangeSchema)
    @blueprint.response(200, UnitSchema)
    def patch(self, change: dict[str, Any], unit_id: int) -> MobileUnit:
        """Change a unit; programmes, if given, replace all."""
        with transaction() as session:
            return units.change(session, actor(), unit_id, **change)

    @roles(Role.COORDINATOR)
    @blueprint.response(204)
    def delete(self, unit_id: int) -> None:
        """Take a unit out of planning; it stays in past stops."""
        with transaction() as session:
            units.retire(session, actor(), unit_id)
