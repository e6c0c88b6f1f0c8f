"""Who may be screened."""

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units.models.eligibility import EligibilityExclusion, EligibilityRule
from mobile_units.services import eligibility
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import transaction
from schemas.eligibility import (
    EligibilityExclusionPageSchema,
    EligibilityExclusionSchema,
    EligibilityRulePageSchema,
    EligibilityRuleSchema,
    ExclusionFilterSchema,
    RuleFilterSchema,
)

blueprint = Blueprint("eligibility", __name__, description="Who may be screened: rules and exclusions")


@blueprint.route("/eligibility-rules")
class EligibilityRules(MethodView):
    """Rules of age and interval."""

    @roles()
    @blueprint.arguments(RuleFilterSchema, location="query")
    @blueprint.response(200, EligibilityRulePageSchema)
    def get(self, criteria: eligibility.RuleFilter) -> Page[EligibilityRule]:
        """List the rules of eligibility."""
        with transaction() as session:
            return eligibility.find_rules(session, criteria)


@blueprint.route("/eligibility-exclusions")
class EligibilityExclusions(MethodView):
    """What keeps a woman out of a programme."""

    @roles()
    @blueprint.arguments(ExclusionFilterSchema, location="query")
    @blueprint.response(200, EligibilityExclusionPageSchema)
    def get(self, criteria: eligibility.ExclusionFilter) -> Page[EligibilityExclusion]:
        """List the exclusions."""
        with transaction() as session:
            return eligibility.find_exclusions(session, criteria)


@blueprint.route("/eligibility-rules/<key:rule_id>")
class OneEligibilityRule(MethodView):
    """One rule of age and interval."""

    @roles()
    @blueprint.response(200, EligibilityRuleSchema)
    def get(self, rule_id: int) -> EligibilityRule:
        """Read a rule of eligibility."""
        with transaction() as session:
            return eligibility.get_rule(session, rule_id)


@blueprint.route("/eligibility-exclusions/<key:exclusion_id>")
class OneEligibilityExclusion(MethodView):
    """One exclusion."""

    @roles()
    @blueprint.response(200, EligibilityExclusionSchema)
    def get(self, exclusion_id: int) -> EligibilityExclusion:
        """Read an exclusion."""
        with transaction() as session:
            return eligibility.get_exclusion(session, exclusion_id)
