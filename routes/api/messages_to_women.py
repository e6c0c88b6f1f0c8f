"""Messages to women: how far they are. Nothing here says to whom they go."""

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units.models.messages import MessageToWoman
from mobile_units.rules.roles import Role
from mobile_units.services import messages_to_women
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.messages_to_women import MessageFilterSchema, MessagesSummarySchema, MessageToWomanPageSchema

blueprint = Blueprint("messages_to_women", __name__, description="Messages to women about our own changes")


@blueprint.route("/messages-to-women")
class MessagesToWomen(MethodView):
    """All messages of the provider."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(MessageFilterSchema, location="query")
    @blueprint.response(200, MessageToWomanPageSchema)
    def get(self, criteria: messages_to_women.MessageFilter) -> Page[MessageToWoman]:
        """List messages, newest first."""
        with transaction() as session:
            return messages_to_women.find(session, actor(), criteria)


@blueprint.route("/messages-to-women/summary")
class MessagesSummary(MethodView):
    """The messages in numbers."""

    @roles(Role.COORDINATOR, Role.MIDWIFE, Role.ADMINISTRATOR)
    @blueprint.response(200, MessagesSummarySchema)
    def get(self) -> messages_to_women.Summary:
        """Count messages by state and women to be called, and tell what is halted."""
        with transaction() as session:
            return messages_to_women.summary(session, actor())
