"""All pages."""

from flask import Flask

from routes.pages import login, overview


def install(app: Flask) -> None:
    """Registers every page."""
    app.register_blueprint(login.blueprint)
    app.register_blueprint(overview.blueprint)
