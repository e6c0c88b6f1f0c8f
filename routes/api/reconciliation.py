"""Reconciliation with the central e-registration. Only the address that ends in `with-woman` names a woman."""

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.models.reconciliation import Difference, Reconciliation
from mobile_units.rules.roles import Role
from mobile_units.services import reconciliation
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.reconciliation import (
    DecisionOnDifferenceSchema,
    DifferenceFilterSchema,
    DifferencePageSchema,
    DifferenceSchema,
    DifferenceWithWomanSchema,
    ReconciliationFilterSchema,
    ReconciliationPageSchema,
    ReconciliationWithSummarySchema,
)

blueprint = Blueprint("reconciliation", __name__, description="Our visits compared with the central e-registration's")

READERS = (Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT)


@blueprint.route("/reconciliations")
class Reconciliations(MethodView):
    """All reconciliations of the provider."""

    @roles(*READERS)
    @blueprint.arguments(ReconciliationFilterSchema, location="query")
    @blueprint.response(200, ReconciliationPageSchema)
    def get(self, criteria: reconciliation.ReconciliationFilter) -> Page[Reconciliation]:
        """List reconciliations, the latest first."""
        with transaction() as session:
            return reconciliation.find(session, actor(), criteria)


@blueprint.route("/reconciliations/<key:reconciliation_id>")
class OneReconciliation(MethodView):
    """One reconciliation."""

    @roles(*READERS)
    @blueprint.response(200, ReconciliationWithSummarySchema)
    def get(self, reconciliation_id: int) -> reconciliation.ReconciliationWithSummary:
        """Read a reconciliation with its differences in numbers."""
        with transaction() as session:
            return reconciliation.get_with_summary(session, actor(), reconciliation_id)


@blueprint.route("/reconciliation-differences")
class Differences(MethodView):
    """All differences of the provider."""

    @roles(*READERS)
    @blueprint.arguments(DifferenceFilterSchema, location="query")
    @blueprint.response(200, DifferencePageSchema)
    def get(self, criteria: reconciliation.DifferenceFilter) -> Page[Difference]:
        """List differences, by default those that wait for a person."""
        with transaction() as session:
            return reconciliation.find_differences(session, actor(), criteria)


@blueprint.route("/reconciliation-differences/<key:difference_id>/with-woman")
class OneDifferenceWithWoman(MethodView):
    """One difference with the woman."""

    @roles(Role.MIDWIFE)
    @blueprint.response(200, DifferenceWithWomanSchema)
    def get(self, difference_id: int) -> Difference:
        """Read a difference with all that the centre holds."""
        with transaction() as session:
            return reconciliation.get_with_woman(session, actor(), difference_id)


@blueprint.route("/reconciliation-differences/<key:difference_id>/decision")
class Decision(MethodView):
    """Settling a difference."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(DecisionOnDifferenceSchema)
    @blueprint.response(200, DifferenceSchema)
    def post(self, command: reconciliation.DecisionOnDifference, difference_id: int) -> Difference:
        """Send ours again, take theirs over, or set the difference aside."""
        with transaction() as session:
            return reconciliation.decide(session, actor(), difference_id, command, clock.now())
