"""All pages."""

from flask import Flask

from routes.pages import evidence, handover, login, messages, overview, words


def install(app: Flask) -> None:
    """Registers every page and the words that they use."""
    words.install(app)
    app.register_blueprint(login.blueprint)
    app.register_blueprint(overview.blueprint)
    app.register_blueprint(handover.blueprint)
    app.register_blueprint(messages.blueprint)
    app.register_blueprint(evidence.blueprint)
