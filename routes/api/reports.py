"""Reports for settlement."""

from collections.abc import Sequence

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.models.visits import Visit
from mobile_units.rules.roles import Role
from mobile_units.services import reports
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.reports import (
    ContractRangeRowSchema,
    OverriddenVisitPageSchema,
    OverrideFilterSchema,
    ReportPeriodSchema,
)

blueprint = Blueprint("reports", __name__, description="What will be paid (rozliczenia)")


@blueprint.route("/reports/contract-ranges")
class ContractRanges(MethodView):
    """The report per contract range."""

    @roles(Role.SETTLEMENT, Role.COORDINATOR)
    @blueprint.arguments(ReportPeriodSchema, location="query")
    @blueprint.response(200, ContractRangeRowSchema(many=True))
    def get(self, period: reports.ReportPeriod) -> Sequence[reports.ContractRangeRow]:
        """Planned, offered, booked, performed, passed and late, and what it is worth, by contract range."""
        with transaction() as session:
            return reports.contract_ranges(session, actor(), period, clock.today())


@blueprint.route("/reports/overrides")
class Overrides(MethodView):
    """The visits for which rules of eligibility were set aside."""

    @roles(Role.SETTLEMENT, Role.COORDINATOR)
    @blueprint.arguments(OverrideFilterSchema, location="query")
    @blueprint.response(200, OverriddenVisitPageSchema)
    def get(self, criteria: reports.OverrideFilter) -> Page[Visit]:
        """List overridden visits by contract range, without the women and the reasons."""
        with transaction() as session:
            return reports.overrides(session, actor(), criteria)
