"""Every error becomes one `application/problem+json` document (RFC 9457), or a page with the same sentences."""

from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from mobile_units.errors import DomainError

STATUS = {
    "address_missing": 422,
    "address_not_found": 404,
    "already_exists": 409,
    "already_merged": 409,
    "bad_request": 400,
    "base_changed": 409,
    "base_range_missing": 422,
    "base_superseded": 409,
    "birth_date_invalid": 422,
    "break_outside_hours": 422,
    "bulk_move_changed": 409,
    "bulk_move_empty": 409,
    "bulk_move_outdated": 409,
    "bulk_move_scope": 422,
    "bulk_move_settled": 409,
    "bulk_move_too_large": 422,
    "bulk_move_unassigned": 409,
    "busy": 503,
    "capacity_without_case": 422,
    "capacity_without_programme": 422,
    "change_unreadable": 409,
    "changed_on_both_sides": 409,
    "column_missing": 422,
    "column_repeated": 422,
    "column_unknown": 422,
    "contract_has_schedules": 409,
    "coordinates_incomplete": 422,
    "day_over": 409,
    "day_without_schedule": 409,
    "decision_not_possible": 409,
    "declaration_date_invalid": 422,
    "declaration_unknown": 422,
    "difference_settled": 409,
    "distance_to_itself": 422,
    "document_invalid": 422,
    "email_invalid": 422,
    "ends_before_start": 422,
    "file_loaded_before": 409,
    "files_refused": 422,
    "form_expired": 400,
    "geocoder_busy": 409,
    "geocoder_failed": 503,
    "geocoder_off": 409,
    "given_twice": 422,
    "hold_expired": 409,
    "hours_past_midnight": 422,
    "idempotency_key_reused": 409,
    "import_refused": 422,
    "internal": 500,
    "invalid_input": 422,
    "itinerary_empty": 409,
    "itinerary_has_violations": 409,
    "itinerary_not_approved": 409,
    "last_administrator": 409,
    "itinerary_not_draft": 409,
    "itinerary_not_published": 409,
    "message_empty": 422,
    "message_field_invalid": 422,
    "message_incomplete": 422,
    "message_link_invalid": 422,
    "message_tells_examination": 422,
    "message_too_long": 422,
    "merge_with_itself": 422,
    "method_not_allowed": 405,
    "matrix_columns": 422,
    "matrix_rows": 422,
    "mobile_flag_needs_point": 409,
    "mobile_place_has_no_hours": 422,
    "nfz_branch_unknown": 422,
    "nip_invalid": 422,
    "no_contracted_range": 409,
    "no_slot_there": 422,
    "no_such_local_time": 422,
    "not_a_conflict": 409,
    "not_allowed": 403,
    "not_eligible": 409,
    "not_found": 404,
    "not_on_this_day": 409,
    "not_halted": 409,
    "not_to_call": 409,
    "path_without_resources": 422,
    "provider_not_named": 409,
    "not_rejected": 409,
    "not_signed_in": 401,
    "oid_root_invalid": 422,
    "opening_hours_overlap": 422,
    "out_of_use": 409,
    "overbooking_exhausted": 409,
    "outside_poland": 422,
    "nothing_sent": 404,
    "offer_over": 409,
    "nothing_to_plan": 409,
    "overbooking_without_reason": 422,
    "page_too_deep": 422,
    "parallel_visit": 409,
    "parallel_visits": 409,
    "path_not_in_session": 409,
    "path_not_of_programme": 422,
    "period_incomplete": 422,
    "period_reversed": 422,
    "period_too_long": 422,
    "pesel_invalid": 422,
    "pesel_not_a_woman": 422,
    "place_without_hours": 409,
    "places_free": 409,
    "plan_unreadable": 422,
    "planner_failed": 503,
    "planning_failed": 500,
    "planning_interrupted": 500,
    "planning_job_accepted": 409,
    "planning_job_not_done": 409,
    "planning_job_over": 409,
    "preview_outdated": 409,
    "quotas_above_all": 422,
    "reconciliation_running": 409,
    "regon_invalid": 422,
    "rooms_of_one_programme": 422,
    "rooms_own_or_shared": 422,
    "row_not_refused": 409,
    "row_repeated": 422,
    "row_unreadable": 422,
    "rpwdl_book_invalid": 422,
    "same_slot": 409,
    "service_place_not_mobile": 422,
    "session_too_varied": 422,
    "setting_missing": 422,
    "shared_not_overbooked": 422,
    "shared_product_code": 409,
    "schedule_overlaps": 409,
    "schedule_without_slots": 409,
    "separator_not_comma": 422,
    "session_full": 409,
    "slot_ambiguous": 422,
    "slot_full": 409,
    "slot_has_visits": 409,
    "slot_in_the_past": 409,
    "slot_kept_for_waiting": 409,
    "slot_not_open": 409,
    "slot_orphaned": 409,
    "slot_reserved": 409,
    "slot_withdrawn": 409,
    "slots_have_visits": 409,
    "slot_unknown": 409,
    "stale_version": 409,
    "stationary_place_has_no_point": 409,
    "stationary_slot_on_mobile_schedule": 409,
    "still_in_use": 409,
    "stops_of_several_itineraries": 422,
    "table_empty": 422,
    "table_too_large": 413,
    "table_unreadable": 422,
    "telephone_invalid": 422,
    "template_not_for_unit": 422,
    "template_past_midnight": 422,
    "template_retired": 409,
    "template_unreadable": 409,
    "text_not_utf8": 422,
    "too_early": 409,
    "stay_reversed": 422,
    "stop_in_the_past": 409,
    "stop_outside_itinerary": 422,
    "too_large": 413,
    "too_many_cells": 422,
    "transition_not_allowed": 409,
    "nothing_hit": 409,
    "repair_outdated": 409,
    "road_service_answer": 503,
    "road_service_slow": 503,
    "road_service_unreachable": 503,
    "unit_does_not_exist": 409,
    "unit_in_two_places": 409,
    "unknown_cell_code": 422,
    "unknown_product_code": 422,
    "unknown_site_code": 422,
    "unit_without_programme": 409,
    "unsupported_media_type": 415,
    "validity_reversed": 422,
    "value_has_decimal_comma": 422,
    "value_missing": 422,
    "value_not_capacity": 422,
    "value_not_day": 422,
    "value_not_iso_day": 422,
    "value_not_known": 422,
    "value_not_number": 422,
    "value_not_period": 422,
    "value_not_printable": 422,
    "value_not_programme": 422,
    "value_not_teryt": 422,
    "value_not_time": 422,
    "value_not_weekdays": 422,
    "value_not_whole_number": 422,
    "value_out_of_range": 422,
    "value_too_long": 422,
    "visit_known": 409,
    "visit_over": 409,
    "voivodeship_unknown": 422,
    "waiting_already": 409,
    "waiting_days_over": 409,
    "waiting_for_nothing": 409,
    "waiting_status": 409,
    "waiting_where": 422,
    "window_reversed": 422,
    "woman_differs": 409,
    "woman_known": 409,
    "woman_merged": 409,
    "working_day_too_short": 422,
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
    app.register_error_handler(CSRFError, lambda _: answer(DomainError("form_expired")))
    app.register_error_handler(StaleDataError, lambda _: answer(DomainError("stale_version")))
    app.register_error_handler(DataError, lambda _: answer(DomainError("bad_request")))
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(RecursionError, _too_deep)
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
        **error.lists,
        **members,
    }
    response = jsonify({name: value for name, value in document.items() if value is not None})
    response.status_code = status
    response.mimetype = "application/problem+json"
    if status == 503:
        response.headers["Retry-After"] = "2"
    return response


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:  # a redirection
        return error
    if error.code >= 500:
        return answer(DomainError("internal", request_id=g.get("request_id")))
    code = CODE_OF_STATUS.get(error.code, "bad_request")
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


def _too_deep(error: RecursionError) -> Response:
    """Only a body can be nested without end: nothing here recurses but the reading of JSON."""
    log.warning("nested_too_deep", exc_info=error)
    return answer(DomainError("bad_request"))


def _unexpected(error: Exception) -> Response:
    log.error("unexpected_error", exc_info=error)
    return answer(DomainError("internal", request_id=g.get("request_id")))
