"""All features of the API under `/api/v1`, with the generated OpenAPI document and a page to browse it."""

from http import HTTPStatus
from typing import Any

from flask import Flask, current_app, request
from flask_smorest import Api, Blueprint
from marshmallow.fields import Decimal, Field
from webargs.flaskparser import abort

from mobile_units.errors import DomainError
from routes.api import (
    audit,
    bulk_moves,
    call_list,
    changes,
    contracts,
    cover,
    day_list,
    docs,
    eligibility,
    evidence,
    geocoding,
    imports,
    inbound,
    initial_loads,
    itineraries,
    messages_to_women,
    mobile_points,
    orphans,
    planning_jobs,
    planning_settings,
    problems,
    product_codes,
    providers,
    publishing,
    reconciliation,
    repair,
    reports,
    schedules,
    service_places,
    sites,
    slot_patterns,
    slots,
    templates,
    tokens,
    transmissions,
    units,
    users,
    versions,
    visits,
    waiting_list,
    women,
)
from schemas.problems import ProblemSchema

PREFIX = "/api/v1"
BODIES = frozenset({"json", "files"})
FEATURES: tuple[Blueprint, ...] = (
    audit.blueprint,
    bulk_moves.blueprint,
    call_list.blueprint,
    changes.blueprint,
    contracts.blueprint,
    cover.blueprint,
    day_list.blueprint,
    eligibility.blueprint,
    evidence.blueprint,
    geocoding.blueprint,
    imports.blueprint,
    inbound.blueprint,
    initial_loads.blueprint,
    itineraries.blueprint,
    messages_to_women.blueprint,
    mobile_points.blueprint,
    orphans.blueprint,
    planning_jobs.blueprint,
    planning_settings.blueprint,
    product_codes.blueprint,
    providers.blueprint,
    publishing.blueprint,
    reconciliation.blueprint,
    repair.blueprint,
    reports.blueprint,
    schedules.blueprint,
    service_places.blueprint,
    sites.blueprint,
    slot_patterns.blueprint,
    slots.blueprint,
    templates.blueprint,
    tokens.blueprint,
    transmissions.blueprint,
    units.blueprint,
    users.blueprint,
    versions.blueprint,
    visits.blueprint,
    waiting_list.blueprint,
    women.blueprint,
)

DESCRIPTION = (
    "Plan where mobile cancer screening units stand, publish their stops, book women and hand everything over to the "
    "Polish central e-registration. Every request carries a token (`POST /api/v1/tokens`) and sees one provider only. "
    "Instants are in UTC; days and hours without a zone are Polish. Every refusal is one `application/problem+json` "
    "document; all codes are listed at [/api/v1/problems](/api/v1/problems)."
)


class ProblemApi(Api):  # type: ignore[misc]  # the library ships no type information
    """The library's API, documenting for every error the document that `routes.errors` sends."""

    def _register_responses(self) -> None:
        for status in HTTPStatus:
            made = _problem(status.phrase) if status >= HTTPStatus.BAD_REQUEST else {"description": status.phrase}
            self.spec.components.response(status.name, made, lazy=True)
        self.spec.components.response(self.DEFAULT_ERROR_RESPONSE_NAME, _problem("Any refusal"), lazy=True)


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/problem+json": {"schema": ProblemSchema}}}


def install(app: Flask) -> tuple[Blueprint, ...]:
    """Registers every feature and returns the blueprints."""
    app.config.update(
        API_TITLE="Mobile Units",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={"info": {"description": DESCRIPTION}, "security": [{"bearer": []}]},
    )
    # The library reads queries without what it does not know; our schemas say themselves what they refuse.
    Blueprint.ARGUMENTS_PARSER.unknown = None
    api = ProblemApi(app)
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    api.ma_plugin.converter.add_attribute_function(_pattern_in_openapi)
    api.register_field(Decimal, "string", "decimal")
    api.register_converter(app.url_map.converters["key"], _key_in_openapi)
    api.register_converter(app.url_map.converters["day"], _day_in_openapi)
    for blueprint in FEATURES:
        api.register_blueprint(blueprint, url_prefix=PREFIX)
    app.before_request(_require_readable)
    app.before_request(_require_declared)
    for pages in (docs.blueprint, problems.blueprint):
        app.register_blueprint(pages, url_prefix=PREFIX)
    return FEATURES


def _require_readable() -> None:
    """Refuses any body but JSON and an uploaded file; without this, it would be read as if it were empty."""
    readable = request.is_json or request.mimetype == "multipart/form-data"
    if _has_body() and not readable and request.path.startswith(PREFIX):
        raise DomainError("unsupported_media_type")


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def _require_declared() -> None:
    """Refuses a body or query parameters where the operation declares none; the library would not look at them."""
    view_class = getattr(current_app.view_functions.get(request.endpoint or ""), "view_class", None)
    if view_class is None or request.method == "OPTIONS":
        return
    method = "get" if request.method == "HEAD" else request.method.lower()
    declared = _declared(getattr(view_class, method))
    if request.args and "query" not in declared:
        abort(422, messages={"query": {name: ["Unknown field."] for name in request.args}})
    if _has_body() and declared.isdisjoint(BODIES):
        abort(422, messages={"body": {"body": ["No body is expected."]}})


def _declared(operation: Any) -> set[str]:
    """Where an operation takes its arguments from, as its decorators documented it."""
    arguments = getattr(operation, "_apidoc", {}).get("arguments", {})
    return {parameter["in"] for parameter in arguments.get("parameters", ())}


def _pattern_in_openapi(_converter: object, _field: Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """The pattern of a text in the dialect of JSON Schema, which has other anchors than Python."""
    pattern = ret.get("pattern")
    return {"pattern": pattern.replace(r"\A", "^").replace(r"\Z", "$")} if pattern else {}


def _key_in_openapi(_converter: object) -> dict[str, object]:
    return {"type": "integer", "format": "int64", "minimum": 0}


def _day_in_openapi(_converter: object) -> dict[str, object]:
    return {"type": "string", "format": "date"}
