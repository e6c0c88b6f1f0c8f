"""Slots: search for what can be booked, and blocking."""

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.rules.roles import Role
from mobile_units.services import slot_search, slots
from mobile_units.services.slot_search import SlotAtPlace
from routes.auth import roles
from routes.database import actor, transaction
from schemas.slots import SlotFilterSchema, SlotPageSchema, SlotSchema

blueprint = Blueprint("slots", __name__, description="Bookable times (terminy)")


@blueprint.route("/slots")
class Slots(MethodView):
    """Slots that can be booked now."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(SlotFilterSchema, location="query")
    @blueprint.response(200, SlotPageSchema)
    def get(self, criteria: slot_search.SlotFilter) -> slot_search.SlotPage:
        """Search for slots that can be booked now, the soonest or the nearest first; many pages on by `after`."""
        with transaction() as session:
            return slot_search.find(session, actor(), criteria, clock.now())


@blueprint.route("/slots/<key:slot_id>")
class OneSlot(MethodView):
    """One slot."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.response(200, SlotSchema)
    def get(self, slot_id: int) -> SlotAtPlace:
        """Read a slot, bookable or not."""
        with transaction() as session:
            return slot_search.get(session, actor(), slot_id)


@blueprint.route("/slots/<key:slot_id>/block")
class BlockedSlot(MethodView):
    """Blocking."""

    @roles(Role.COORDINATOR)
    @blueprint.response(200, SlotSchema)
    def post(self, slot_id: int) -> SlotAtPlace:
        """Take a slot without visits out of booking."""
        with transaction() as session:
            return slots.block(session, actor(), slot_id)


@blueprint.route("/slots/<key:slot_id>/unblock")
class UnblockedSlot(MethodView):
    """Unblocking."""

    @roles(Role.COORDINATOR)
    @blueprint.response(200, SlotSchema)
    def post(self, slot_id: int) -> SlotAtPlace:
        """Open a slot for booking again."""
        with transaction() as session:
            return slots.unblock(session, actor(), slot_id)
