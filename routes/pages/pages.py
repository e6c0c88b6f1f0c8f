"""All pages."""

from flask import Flask

from routes.pages import login, overview, words


def install(app: Flask) -> None:
    """Registers every page and the words that they use."""
    words.install(app)
    app.register_blueprint(login.blueprint)
    app.register_blueprint(overview.blueprint)
