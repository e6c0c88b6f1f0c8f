"""The evidence about a visit: a summary to read, and the document to hand in."""

import json
from typing import Any

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from mobile_units import clock
from mobile_units.services import evidence
from routes.auth import roles
from routes.database import actor, transaction
from routes.pages.handover import AUDITORS, frame

blueprint = Blueprint("evidence_page", __name__, url_prefix="/handover/visits")


@blueprint.get("/<key:visit_id>/evidence")
@roles(*AUDITORS)
def show(visit_id: int) -> ResponseReturnValue:
    """Why the visit was passed in time, or was not."""
    with transaction() as session:
        document = evidence.read(session, actor(), visit_id, clock.now())
        common = frame(session)
    return render_template("handover/evidence.html", evidence=document, **common)


@blueprint.get("/<key:visit_id>/evidence.pdf")
@roles(*AUDITORS)
def printed(visit_id: int) -> Response:
    """The document for people."""
    document = _read(visit_id)
    return _attached(document, "pdf", evidence.pdf(document), "application/pdf")


@blueprint.get("/<key:visit_id>/evidence.json")
@roles(*AUDITORS)
def data(visit_id: int) -> Response:
    """The document for programs."""
    document = _read(visit_id)
    return _attached(document, "json", json.dumps(document, ensure_ascii=False, indent=2).encode(), "application/json")


def _read(visit_id: int) -> dict[str, Any]:
    with transaction() as session:
        return evidence.read(session, actor(), visit_id, clock.now())


def _attached(document: dict[str, Any], ending: str, content: bytes, media_type: str) -> Response:
    attachment = {"Content-Disposition": f'attachment; filename="dowod-{document["visit"]["uuid"]}.{ending}"'}
    return Response(content, mimetype=media_type, headers=attachment)
