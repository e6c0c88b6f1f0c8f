"""A page to browse the OpenAPI document, from files that ship inside a Python package; nothing is fetched elsewhere."""

from importlib.resources import files

from flask import Blueprint, Response, make_response, render_template

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)

blueprint = Blueprint("docs", __name__, static_folder=str(files("flask_swagger_ui") / "dist"), static_url_path="/docs")


@blueprint.get("/docs")
def page() -> Response:
    """The page."""
    response = make_response(render_template("docs.html"))
    response.headers["Content-Security-Policy"] = POLICY
    return response
