"""All features of the API under `/api/v1`, with the generated OpenAPI document and a page to browse it."""

from flask import Flask
from flask_smorest import Api, Blueprint

from routes.api import sites, tokens, users

PREFIX = "/api/v1"
FEATURES: tuple[Blueprint, ...] = (sites.blueprint, tokens.blueprint, users.blueprint)


def install(app: Flask) -> tuple[Blueprint, ...]:
    """Registers every feature and returns the blueprints."""
    app.config.update(
        API_TITLE="Mobile Units",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = Api(app)
    api.register_converter(app.url_map.converters["key"], _key_in_openapi)
    for blueprint in FEATURES:
        api.register_blueprint(blueprint, url_prefix=PREFIX)
    return FEATURES


def _key_in_openapi(_converter: object) -> dict[str, object]:
    return {"type": "integer", "format": "int64", "minimum": 0}
