"""Request ids, one structured log line for each request, and the two questions of an orchestrator."""

import re
import time
from uuid import uuid4

import structlog
from flask import Blueprint, Flask, Response, current_app, g, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")

blueprint = Blueprint("health", __name__)
log = structlog.get_logger()


def install(app: Flask) -> None:
    """Gives every request an id and logs how it ended."""
    app.before_request(_begin)
    app.after_request(_end)
    app.register_blueprint(blueprint)


def _begin() -> None:
    offered = request.headers.get("X-Request-ID", "")
    g.request_id = offered if REQUEST_ID.fullmatch(offered) else str(uuid4())
    g.started = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    log.info(
        "request",
        method=request.method,
        route=request.url_rule.rule if request.url_rule else None,
        status=response.status_code,
        milliseconds=round(1000 * (time.perf_counter() - g.started), 1),
        user=g.user.id if "user" in g else None,
    )
    return response


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """The process is alive."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    """The process can serve: the database answers and its schema is the one of this program."""
    from mobile_units import migrations  # noqa: PLC0415 -- Alembic takes long to load, and only this question needs it

    try:
        ready = migrations.current(current_app.extensions["engine"]) == migrations.head()
        reason = None if ready else "migrations"
    except SQLAlchemyError:
        reason = "database"
    return jsonify(status="not ready" if reason else "ready", reason=reason), 503 if reason else 200
