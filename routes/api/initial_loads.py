"""Initial loads (zasilInicjalnie) of visits that were booked before the integration."""

from typing import Any

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.initial_loads import InitialLoad
from mobile_units.rules.roles import Role
from mobile_units.services import initial_loads
from mobile_units.services.queries import Page
from routes.api import imports
from routes.auth import roles
from routes.database import actor, transaction
from schemas.imports import UploadSchema
from schemas.initial_loads import (
    InitialLoadFilterSchema,
    InitialLoadOptionsSchema,
    InitialLoadPageSchema,
    LoadResultSchema,
    LoadStatusSchema,
    RefusedRowSchema,
    ReportFormatSchema,
)

blueprint = Blueprint("initial_loads", __name__, description="Visits booked before the integration, from a file")
blueprint.errorhandler(DomainError)(imports.refused)


@blueprint.route("/initial-loads")
class InitialLoads(MethodView):
    """All files that were taken in."""

    @roles(Role.ADMINISTRATOR)
    @blueprint.arguments(InitialLoadFilterSchema, location="query")
    @blueprint.response(200, InitialLoadPageSchema)
    def get(self, criteria: initial_loads.LoadFilter) -> Page[InitialLoad]:
        """List loads, the latest first."""
        with transaction() as session:
            return initial_loads.find(session, actor(), criteria)

    @roles(Role.ADMINISTRATOR)
    @blueprint.arguments(UploadSchema, location="files")
    @blueprint.arguments(InitialLoadOptionsSchema, location="query")
    @blueprint.response(201, LoadResultSchema)
    def post(self, upload: dict[str, Any], options: dict[str, Any]) -> initial_loads.LoadResult:
        """Load a file of booked visits, CSV or XLSX, all of it or nothing."""
        file = upload["file"]
        command = initial_loads.NewLoad(file_name=(file.filename or "")[:200], content=file.read(), **options)
        with transaction() as session:
            return initial_loads.load(session, actor(), command, clock.now())


@blueprint.route("/initial-loads/<key:load_id>")
class OneInitialLoad(MethodView):
    """One load."""

    @roles(Role.ADMINISTRATOR)
    @blueprint.response(200, LoadStatusSchema)
    def get(self, load_id: int) -> initial_loads.LoadStatus:
        """Tell how far a load got."""
        with transaction() as session:
            return initial_loads.status(session, actor(), load_id)


@blueprint.route("/initial-loads/<key:load_id>/refused-rows")
class RefusedRows(MethodView):
    """What the central e-registration refused."""

    @roles(Role.ADMINISTRATOR)
    @blueprint.arguments(ReportFormatSchema, location="query")
    @blueprint.response(200, RefusedRowSchema(many=True))
    def get(self, options: dict[str, str], load_id: int) -> list[initial_loads.RefusedRow] | Response:
        """List the refused rows, as JSON or as a CSV file."""
        with transaction() as session:
            rows = initial_loads.refused_rows(session, actor(), load_id)
        if options["format"] == "json":
            return rows
        attachment = {"Content-Disposition": f"attachment; filename=refused-{load_id}.csv"}
        return Response(initial_loads.as_csv(rows), mimetype="text/csv", headers=attachment)


@blueprint.route("/initial-loads/<key:load_id>/refused-rows/<key:row_id>/resend")
class RefusedRowResending(MethodView):
    """Sending a refused row again."""

    @roles(Role.ADMINISTRATOR)
    @blueprint.response(200, RefusedRowSchema)
    def post(self, load_id: int, row_id: int) -> initial_loads.RefusedRow:
        """Send the visit of a refused row again, once what was wrong is corrected."""
        with transaction() as session:
            return initial_loads.resend(session, actor(), load_id, row_id)
