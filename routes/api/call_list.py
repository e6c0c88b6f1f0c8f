"""The call list: women whom no machine could tell. Only the address that ends in `with-women` names them."""

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.rules.roles import Role
from mobile_units.services import call_list
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.call_list import (
    CallFilterSchema,
    CallMadeSchema,
    CallPageSchema,
    CallSchema,
    CallWithWomanPageSchema,
)

blueprint = Blueprint("call_list", __name__, description="The call list: women to be told by telephone")


@blueprint.route("/call-list")
class CallList(MethodView):
    """All calls to be made."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(CallFilterSchema, location="query")
    @blueprint.response(200, CallPageSchema)
    def get(self, criteria: call_list.CallFilter) -> Page[call_list.Call]:
        """List the calls to be made, soonest appointment first, without the women."""
        with transaction() as session:
            return call_list.find(session, actor(), criteria, clock.now())


@blueprint.route("/call-list/with-women")
class CallListWithWomen(MethodView):
    """All calls to be made, with the women."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(CallFilterSchema, location="query")
    @blueprint.response(200, CallWithWomanPageSchema)
    def get(self, criteria: call_list.CallFilter) -> Page[call_list.CallWithWoman]:
        """List the calls to be made with names, telephones and what to say."""
        with transaction() as session:
            return call_list.find_with_women(session, actor(), criteria, clock.now())


@blueprint.route("/call-list/<key:message_id>/calls")
class Calls(MethodView):
    """Calls about one message."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(CallMadeSchema)
    @blueprint.response(201, CallSchema)
    def post(self, command: call_list.CallMade, message_id: int) -> call_list.Call:
        """Record a call; told takes her off the list."""
        with transaction() as session:
            return call_list.record_call(session, actor(), message_id, command, clock.now())
