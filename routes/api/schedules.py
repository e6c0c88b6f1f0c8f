"""Schedules, to be read."""

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units.models.schedules import Schedule
from mobile_units.rules.roles import Role
from mobile_units.services import schedules
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.schedules import ScheduleFilterSchema, SchedulePageSchema, ScheduleSchema

blueprint = Blueprint("schedules", __name__, description="Working times of service places (harmonogramy)")


@blueprint.route("/schedules")
class Schedules(MethodView):
    """All schedules of the provider."""

    @roles(Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT)
    @blueprint.arguments(ScheduleFilterSchema, location="query")
    @blueprint.response(200, SchedulePageSchema)
    def get(self, criteria: schedules.ScheduleFilter) -> Page[Schedule]:
        """List schedules with their working hours."""
        with transaction() as session:
            return schedules.find(session, actor(), criteria)


@blueprint.route("/schedules/<key:schedule_id>")
class OneSchedule(MethodView):
    """One schedule."""

    @roles(Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT)
    @blueprint.response(200, ScheduleSchema)
    def get(self, schedule_id: int) -> Schedule:
        """Read a schedule with its working hours."""
        with transaction() as session:
            return schedules.get(session, actor(), schedule_id)
