"""Evidence of how a visit was passed to the central e-registration."""

from typing import Any

from flask import Response, jsonify, request
from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.rules.roles import Role
from mobile_units.services import evidence
from routes.auth import roles
from routes.database import actor, transaction
from schemas.evidence import EvidenceSchema

blueprint = Blueprint("evidence", __name__, description="Evidence for the exception of technical faults (CeR)")

PDF = "application/pdf"
READERS = (Role.SETTLEMENT, Role.ADMINISTRATOR)


@blueprint.route("/visits/<key:visit_id>/evidence")
class Evidence(MethodView):
    """What is shown about one visit."""

    @roles(*READERS)
    @blueprint.response(200, EvidenceSchema)
    def get(self, visit_id: int) -> Response:
        """Read the evidence, as JSON, or as PDF if the request accepts that rather."""
        document = _read(visit_id)
        wanted = request.accept_mimetypes.best_match(["application/json", PDF])
        return _printed(document) if wanted == PDF else jsonify(document)


@blueprint.route("/visits/<key:visit_id>/evidence.pdf")
class PrintedEvidence(MethodView):
    """The same for people."""

    @roles(*READERS)
    @blueprint.response(200, {"type": "string", "format": "binary"}, content_type=PDF)
    def get(self, visit_id: int) -> Response:
        """Read the evidence as PDF."""
        return _printed(_read(visit_id))


def _read(visit_id: int) -> dict[str, Any]:
    with transaction() as session:
        return evidence.read(session, actor(), visit_id, clock.now())


def _printed(document: dict[str, Any]) -> Response:
    name = f"dowod-{document['visit']['uuid']}.pdf"
    return Response(
        evidence.pdf(document), mimetype=PDF, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
