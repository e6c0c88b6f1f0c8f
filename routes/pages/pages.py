"""All pages."""

from flask import Flask

from routes.pages import (
    breakdowns,
    cover,
    day_list,
    evidence,
    handover,
    itineraries,
    login,
    messages,
    overview,
    papers,
    planning,
    stops,
    words,
)


def install(app: Flask) -> None:
    """Registers every page and the words that they use."""
    words.install(app)
    app.register_blueprint(login.blueprint)
    app.register_blueprint(overview.blueprint)
    app.register_blueprint(day_list.blueprint)
    app.register_blueprint(cover.blueprint)
    app.register_blueprint(handover.blueprint)
    app.register_blueprint(messages.blueprint)
    app.register_blueprint(evidence.blueprint)
    app.register_blueprint(planning.blueprint)
    app.register_blueprint(itineraries.blueprint)
    app.register_blueprint(stops.blueprint)
    app.register_blueprint(breakdowns.blueprint)
    app.register_blueprint(papers.blueprint)
