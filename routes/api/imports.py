"""Imports of sites, units and women due from files."""

from typing import Any

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.rules.roles import Role
from mobile_units.services import imports
from routes.auth import roles
from routes.database import actor, transaction
from routes.errors import answer
from schemas.imports import (
    DemandImportOptionsSchema,
    DemandImportResultSchema,
    FleetImportResultSchema,
    ImportOptionsSchema,
    ImportProblemSchema,
    SiteImportOptionsSchema,
    UploadSchema,
)

blueprint = Blueprint("imports", __name__, description="Imports from CSV and XLSX files; a refusal lists all problems")


@blueprint.errorhandler(DomainError)
def refused(error: DomainError) -> Response:
    """The refusal with the list of what is wrong in the file."""
    problems = ImportProblemSchema(many=True).dump(error.facts["problems"]) if error.code == "import_refused" else None
    return answer(error, problems=problems)


@blueprint.route("/imports/sites")
class SiteImports(MethodView):
    """Files of sites."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(UploadSchema, location="files")
    @blueprint.arguments(SiteImportOptionsSchema, location="query")
    @blueprint.response(200, FleetImportResultSchema)
    def post(self, upload: dict[str, Any], options: dict[str, bool]) -> imports.FleetImportResult:
        """Create or update sites."""
        command = imports.SiteImport(content=upload["file"].read(), today=clock.today(), **options)
        with transaction() as session:
            return imports.import_sites(session, actor(), command)


@blueprint.route("/imports/units")
class UnitImports(MethodView):
    """Files of mobile units."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(UploadSchema, location="files")
    @blueprint.arguments(ImportOptionsSchema, location="query")
    @blueprint.response(200, FleetImportResultSchema)
    def post(self, upload: dict[str, Any], options: dict[str, bool]) -> imports.FleetImportResult:
        """Create or update mobile units."""
        command = imports.Import(content=upload["file"].read(), **options)
        with transaction() as session:
            return imports.import_units(session, actor(), command)


@blueprint.route("/imports/demand")
class DemandImports(MethodView):
    """Files of women due."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(UploadSchema, location="files")
    @blueprint.arguments(DemandImportOptionsSchema, location="query")
    @blueprint.response(200, DemandImportResultSchema)
    def post(self, upload: dict[str, Any], options: dict[str, Any]) -> imports.ImportResult:
        """Set women due, by site or from the NFZ's table of gminas."""
        content = upload["file"].read()
        with transaction() as session:
            if "month" in options:
                return imports.import_nfz_demand(session, actor(), imports.NfzDemandImport(content=content, **options))
            return imports.import_demand(session, actor(), imports.Import(content=content, **options))
