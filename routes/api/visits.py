"""Visits: booking and what happens to it. Only the addresses that end in `with-woman` or `with-women` name a woman."""

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.models.visits import Visit
from mobile_units.rules.roles import Role
from mobile_units.services import visits
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction, transaction_about_a_woman
from schemas.visits import (
    CancellationSchema,
    MoveSchema,
    NewVisitSchema,
    PathChangeSchema,
    StatusChangeSchema,
    VisitFilterSchema,
    VisitInFullSchema,
    VisitPageSchema,
    VisitSchema,
    VisitWithHistorySchema,
    VisitWithWomanPageSchema,
)

blueprint = Blueprint("visits", __name__, description="Visits (wizyty) and their history")


@blueprint.route("/visits")
class Visits(MethodView):
    """All visits of the provider."""

    @roles(Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT)
    @blueprint.arguments(VisitFilterSchema, location="query")
    @blueprint.response(200, VisitPageSchema)
    def get(self, criteria: visits.VisitFilter) -> Page[Visit]:
        """List visits, without the women."""
        with transaction() as session:
            return visits.find(session, actor(), criteria)

    @roles(Role.MIDWIFE)
    @blueprint.arguments(NewVisitSchema)
    @blueprint.response(201, VisitSchema)
    def post(self, command: visits.NewVisit) -> Visit:
        """Book a woman into a slot."""
        with transaction_about_a_woman("visit_book") as session:
            return visits.book(session, actor(), command, clock.now())


@blueprint.route("/visits/with-women")
class VisitsWithWomen(MethodView):
    """Visits with the women."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(VisitFilterSchema, location="query")
    @blueprint.response(200, VisitWithWomanPageSchema)
    def get(self, criteria: visits.VisitFilter) -> Page[Visit]:
        """List visits with the women, as the crew of a stop needs them."""
        with transaction() as session:
            return visits.find_with_women(session, actor(), criteria)


@blueprint.route("/visits/<key:visit_id>")
class OneVisit(MethodView):
    """One visit."""

    @roles(Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT)
    @blueprint.response(200, VisitWithHistorySchema)
    def get(self, visit_id: int) -> Visit:
        """Read a visit with its history, without the woman."""
        with transaction() as session:
            return visits.get(session, actor(), visit_id)


@blueprint.route("/visits/<key:visit_id>/with-woman")
class OneVisitWithWoman(MethodView):
    """One visit with the woman."""

    @roles(Role.MIDWIFE)
    @blueprint.response(200, VisitInFullSchema)
    def get(self, visit_id: int) -> Visit:
        """Read a visit with its history, all reasons and the woman."""
        with transaction() as session:
            return visits.get_with_woman(session, actor(), visit_id)


@blueprint.route("/visits/<key:visit_id>/status")
class VisitStatusChange(MethodView):
    """Recording what happened."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(StatusChangeSchema)
    @blueprint.response(200, VisitSchema)
    def post(self, command: visits.StatusChange, visit_id: int) -> Visit:
        """Confirm a visit or record how it went."""
        with transaction() as session:
            return visits.change_status(session, actor(), visit_id, command, clock.now())


@blueprint.route("/visits/<key:visit_id>/cancel")
class VisitCancellation(MethodView):
    """Cancelling."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(CancellationSchema)
    @blueprint.response(200, VisitSchema)
    def post(self, command: visits.Cancellation, visit_id: int) -> Visit:
        """Give a visit up and free its place."""
        with transaction() as session:
            return visits.cancel(session, actor(), visit_id, command)


@blueprint.route("/visits/<key:visit_id>/path")
class VisitPathChange(MethodView):
    """Changing the path."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(PathChangeSchema)
    @blueprint.response(200, VisitSchema)
    def post(self, command: visits.PathChange, visit_id: int) -> Visit:
        """Change the path until the examination; the product code follows."""
        with transaction_about_a_woman("visit_change_path") as session:
            return visits.change_path(session, actor(), visit_id, command)


@blueprint.route("/visits/<key:visit_id>/move")
class VisitMove(MethodView):
    """Moving."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(MoveSchema)
    @blueprint.response(201, VisitSchema)
    def post(self, command: visits.Move, visit_id: int) -> Visit:
        """Move a visit to another slot; the answer is the new visit."""
        with transaction_about_a_woman("visit_move") as session:
            return visits.move(session, actor(), visit_id, command, clock.now())
