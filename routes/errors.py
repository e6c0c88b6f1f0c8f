"""Every error becomes one `application/problem+json` document (RFC 9457), or a page with the same sentences."""

from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from mobile_units.errors import DomainError

STATUS = {
    "already_exists": 409,
    "bad_request": 400,
    "busy": 503,
    "document_invalid": 422,
    "ends_before_start": 422,
    "idempotency_key_reused": 409,
    "internal": 500,
    "invalid_input": 422,
    "locked_out": 429,
    "method_not_allowed": 405,
    "mobile_flag_needs_point": 409,
    "no_contracted_range": 409,
    "no_such_local_time": 422,
    "not_allowed": 403,
    "not_eligible": 409,
    "not_found": 404,
    "not_signed_in": 401,
    "parallel_visit": 409,
    "pesel_invalid": 422,
    "pesel_not_a_woman": 422,
    "slot_full": 409,
    "stale_version": 409,
    "stationary_place_has_no_point": 409,
    "stationary_slot_on_mobile_schedule": 409,
    "still_in_use": 409,
    "too_large": 413,
    "transition_not_allowed": 409,
    "unit_in_two_places": 409,
    "unsupported_media_type": 415,
    "wrong_credentials": 401,
}
"""The HTTP status of every code in `mobile_units.errors.REFUSALS`."""

CODE_OF_STATUS = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_input",
}

log = structlog.get_logger()


def install(app: Flask) -> None:
    """Answers refusals, HTTP errors, an unreachable database and everything unexpected."""
    app.register_error_handler(DomainError, answer)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(StaleDataError, lambda _: answer(DomainError("stale_version")))
    app.register_error_handler(DataError, lambda _: answer(DomainError("bad_request")))
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(Exception, _unexpected)


def answer(error: DomainError, **members: Any) -> Response:
    """The document, or for a page's request the page, that tells a refusal; `members` are added to the document."""
    status = STATUS[error.code]
    if not request.path.startswith("/api/"):
        return Response(render_template("problem.html", error=error, status=status), status)
    document = {
        "type": f"/api/v1/problems#{error.code}",
        "title": error.sentence("en"),
        "title_pl": error.sentence("pl"),
        "status": status,
        "code": error.code,
        "way_out": error.way_out("en") or None,
        "way_out_pl": error.way_out("pl") or None,
        "request_id": g.get("request_id"),
        **members,
    }
    response = jsonify({name: value for name, value in document.items() if value is not None})
    response.status_code = status
    response.mimetype = "application/problem+json"
    if status == 503:
        response.headers["Retry-After"] = "2"
    return response


def _http_error(error: HTTPException) -> ResponseReturnValue:
    code = CODE_OF_STATUS.get(error.code or 500)
    if code is None:
        return error
    if code == "invalid_input":
        messages = getattr(error, "data", {}).get("messages", {})
        return answer(DomainError(code, problem=_fields(messages)), errors=messages)
    return answer(DomainError(code, what=request.path))


def _fields(messages: Any) -> str:
    """The names of the fields at fault, without what was in them."""
    inner = messages.values() if isinstance(messages, dict) else ()
    names = sorted({str(name) for group in inner if isinstance(group, dict) for name in group})
    return ", ".join(names) or "-"


def _busy(error: OperationalError) -> Response:
    log.warning("database_unreachable", error=type(error.orig).__name__)
    return answer(DomainError("busy"))


def _unexpected(error: Exception) -> Response:
    log.error("unexpected_error", exc_info=error)
    return answer(DomainError("internal", request_id=g.get("request_id")))
