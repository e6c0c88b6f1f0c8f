"""The hand-over to the central e-registration."""

from collections.abc import Sequence
from typing import Any

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.models.transmissions import OutboxMessage, TransmissionLink
from mobile_units.rules.roles import Role
from mobile_units.services import outages, risks, transmissions, watch
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.transmissions import (
    FindingSchema,
    GivingUpSchema,
    LinkSchema,
    OutageFilterSchema,
    OutageSchema,
    ResendAllSchema,
    ResentSchema,
    RiskFilterSchema,
    RiskPageSchema,
    TransmissionFilterSchema,
    TransmissionPageSchema,
    TransmissionSummarySchema,
    TransmissionWithLogSchema,
    WorkFilterSchema,
    WorkPageSchema,
)

blueprint = Blueprint("transmissions", __name__, description="Messages to the central e-registration (CeR)")

READERS = (Role.COORDINATOR, Role.SETTLEMENT, Role.ADMINISTRATOR)
AUDITORS = (Role.SETTLEMENT, Role.ADMINISTRATOR)
METRICS = "text/plain; version=0.0.4; charset=utf-8"
"""The text format of Prometheus."""


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


@blueprint.route("/transmissions/<key:message_id>/give-up")
class GivingUp(MethodView):
    """Deciding not to send a rejected message again."""

    @roles(*AUDITORS)
    @blueprint.arguments(GivingUpSchema)
    @blueprint.response(200, TransmissionWithLogSchema)
    def post(self, command: transmissions.GivingUp, message_id: int) -> OutboxMessage:
        """Give a rejected message up; what waited for it waits no more."""
        with transaction() as session:
            return transmissions.give_up(session, actor(), message_id, command, clock.now())


@blueprint.route("/transmissions/work-list")
class WorkList(MethodView):
    """Rejected messages: work for a person."""

    @roles(*READERS)
    @blueprint.arguments(WorkFilterSchema, location="query")
    @blueprint.response(200, WorkPageSchema)
    def get(self, criteria: transmissions.WorkFilter) -> Page[transmissions.WorkItem]:
        """List rejected messages with what each refusal means and what to correct."""
        with transaction() as session:
            return transmissions.work_list(session, actor(), criteria)


@blueprint.route("/transmissions/work-list/resend")
class ResendingAll(MethodView):
    """Sending many rejected messages again."""

    @roles(*READERS)
    @blueprint.arguments(ResendAllSchema)
    @blueprint.response(200, ResentSchema)
    def post(self, command: dict[str, Any]) -> dict[str, int]:
        """Send all rejected messages again, or those that broke one rule."""
        with transaction() as session:
            return {"resent": transmissions.resend_all(session, actor(), command["rule"], clock.now())}


@blueprint.route("/transmissions/at-risk")
class AtRisk(MethodView):
    """Visits that will not be paid unless they are passed."""

    @roles(*READERS)
    @blueprint.arguments(RiskFilterSchema, location="query")
    @blueprint.response(200, RiskPageSchema)
    def get(self, criteria: risks.RiskFilter) -> Page[risks.VisitAtRisk]:
        """List visits at risk, today's first, each with why and what to do."""
        with transaction() as session:
            return risks.find(session, actor(), criteria, clock.now())


@blueprint.route("/transmissions/outages")
class Outages(MethodView):
    """Outages of the central system."""

    @roles(*AUDITORS)
    @blueprint.arguments(OutageFilterSchema, location="query")
    @blueprint.response(200, OutageSchema(many=True))
    def get(self, criteria: outages.OutageFilter) -> Sequence[outages.EndpointOutage]:
        """List outages and momentary failures that touch some days."""
        with transaction() as session:
            return outages.find(session, actor(), criteria)


@blueprint.route("/transmissions/link")
class Link(MethodView):
    """The connection to the central system."""

    @roles(*READERS)
    @blueprint.response(200, LinkSchema)
    def get(self) -> TransmissionLink:
        """Read whether sending goes on, is probed, or is halted."""
        with transaction() as session:
            return transmissions.link(session, actor())


@blueprint.route("/transmissions/link/resume")
class Resuming(MethodView):
    """Sending again after a halt."""

    @roles(Role.ADMINISTRATOR)
    @blueprint.response(200, LinkSchema)
    def post(self) -> TransmissionLink:
        """Resume sending, once it is mended why we were not let in."""
        with transaction() as session:
            return transmissions.resume(session, actor(), clock.now())


@blueprint.route("/transmissions/attempts/<key:attempt_id>/sent")
class Sent(MethodView):
    """What left our system."""

    @roles(*AUDITORS)
    @blueprint.response(200, {"type": "string"}, content_type="application/xml")
    def get(self, attempt_id: int) -> Response:
        """Read the envelope of an attempt, with personal data masked."""
        with transaction() as session:
            return Response(transmissions.sent(session, actor(), attempt_id), mimetype="application/xml")


@blueprint.route("/transmissions/check")
class Check(MethodView):
    """What needs a person."""

    @roles(*AUDITORS)
    @blueprint.response(200, FindingSchema(many=True))
    def get(self) -> list[watch.Finding]:
        """List what needs a person, the worst first; empty if all is well."""
        with transaction() as session:
            return watch.check(session, actor(), clock.now())


@blueprint.route("/transmissions/metrics")
class Metrics(MethodView):
    """The hand-over for a monitor."""

    @roles(*AUDITORS)
    @blueprint.response(200, {"type": "string"}, content_type="text/plain")
    def get(self) -> Response:
        """Read the figures in the text format of Prometheus."""
        with transaction() as session:
            return Response(watch.metrics(session, actor(), clock.now()), content_type=METRICS)
