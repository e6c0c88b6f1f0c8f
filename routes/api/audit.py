"""The audit log."""

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units.models.audit import AuditEntry
from mobile_units.rules.roles import Role
from mobile_units.services import audit
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.audit import AuditEntryPageSchema, AuditEntrySchema, AuditFilterSchema

blueprint = Blueprint("audit", __name__, description="Who read or changed what")


@blueprint.route("/audit-entries")
class AuditEntries(MethodView):
    """The audit log of the provider."""

    @roles(Role.ADMINISTRATOR)
    @blueprint.arguments(AuditFilterSchema, location="query")
    @blueprint.response(200, AuditEntryPageSchema)
    def get(self, criteria: audit.AuditFilter) -> Page[AuditEntry]:
        """List the audit log, the latest first."""
        with transaction() as session:
            return audit.find(session, actor(), criteria)


@blueprint.route("/audit-entries/<key:entry_id>")
class OneAuditEntry(MethodView):
    """One entry of the audit log."""

    @roles(Role.ADMINISTRATOR)
    @blueprint.response(200, AuditEntrySchema)
    def get(self, entry_id: int) -> AuditEntry:
        """Read an entry."""
        with transaction() as session:
            return audit.get(session, actor(), entry_id)
