"""The hand-over to the central e-registration."""

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.models.transmissions import OutboxMessage
from mobile_units.rules.roles import Role
from mobile_units.services import transmissions
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.transmissions import (
    TransmissionFilterSchema,
    TransmissionPageSchema,
    TransmissionSummarySchema,
    TransmissionWithLogSchema,
)

blueprint = Blueprint("transmissions", __name__, description="Messages to the central e-registration (CeR)")

READERS = (Role.COORDINATOR, Role.SETTLEMENT, Role.ADMINISTRATOR)


@blueprint.route("/transmissions")
class Transmissions(MethodView):
    """All messages of the provider."""

    @roles(*READERS)
    @blueprint.arguments(TransmissionFilterSchema, location="query")
    @blueprint.response(200, TransmissionPageSchema)
    def get(self, criteria: transmissions.TransmissionFilter) -> Page[OutboxMessage]:
        """List messages, nearest service day first."""
        with transaction() as session:
            return transmissions.find(session, actor(), criteria)


@blueprint.route("/transmissions/summary")
class Summary(MethodView):
    """The hand-over in numbers."""

    @roles(*READERS)
    @blueprint.response(200, TransmissionSummarySchema)
    def get(self) -> transmissions.TransmissionSummary:
        """Count messages by state."""
        with transaction() as session:
            return transmissions.summary(session, actor())


@blueprint.route("/transmissions/<key:message_id>")
class OneTransmission(MethodView):
    """One message."""

    @roles(*READERS)
    @blueprint.response(200, TransmissionWithLogSchema)
    def get(self, message_id: int) -> OutboxMessage:
        """Read a message with every attempt to deliver it."""
        with transaction() as session:
            return transmissions.get(session, actor(), message_id)


@blueprint.route("/transmissions/<key:message_id>/resend")
class Resending(MethodView):
    """Sending a rejected message again."""

    @roles(*READERS)
    @blueprint.response(200, TransmissionWithLogSchema)
    def post(self, message_id: int) -> OutboxMessage:
        """Send a rejected message again, once what was wrong is corrected."""
        with transaction() as session:
            return transmissions.resend(session, actor(), message_id, clock.now())
