"""Many slots at once by a pattern: told first, then done."""

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.rules.roles import Role
from mobile_units.services import slot_patterns
from mobile_units.services.slot_patterns import PatternCommand, PatternOutcome
from routes.auth import roles
from routes.database import actor, transaction
from schemas.slot_patterns import PatternCommandSchema, PatternOutcomeSchema

blueprint = Blueprint("slot_patterns", __name__, description="Many slots at once (terminy według wzoru)")


@blueprint.route("/slots/patterns/preview")
class SlotPatternPreview(MethodView):
    """What a pattern would do."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(PatternCommandSchema)
    @blueprint.response(200, PatternOutcomeSchema)
    def post(self, command: PatternCommand) -> PatternOutcome:
        """Tell how many slots would change and which visits are in the way; nothing is changed."""
        with transaction() as session:
            return slot_patterns.preview(session, actor(), command, clock.now())


@blueprint.route("/slots/patterns/apply")
class AppliedSlotPattern(MethodView):
    """Carrying a pattern out."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(PatternCommandSchema)
    @blueprint.response(200, PatternOutcomeSchema)
    def post(self, command: PatternCommand) -> PatternOutcome:
        """Block, open, reserve or release all slots of a pattern; all or nothing."""
        with transaction() as session:
            return slot_patterns.block_many(session, actor(), command, clock.now())
