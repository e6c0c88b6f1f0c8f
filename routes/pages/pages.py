"""All pages."""

from flask import Flask

from routes.pages import (
    booking,
    breakdowns,
    bulk_moves,
    call_list,
    cover,
    day_list,
    evidence,
    handover,
    itineraries,
    login,
    merging,
    messages,
    orphans,
    overview,
    papers,
    places,
    planning,
    schedules,
    stops,
    template_use,
    templates,
    visits,
    waiting_list,
    women,
    words,
)


def install(app: Flask) -> None:
    """Registers every page and the words that they use."""
    words.install(app)
    app.register_blueprint(login.blueprint)
    app.register_blueprint(overview.blueprint)
    app.register_blueprint(booking.blueprint)
    app.register_blueprint(merging.blueprint)
    app.register_blueprint(women.blueprint)
    app.register_blueprint(places.blueprint)
    app.register_blueprint(visits.blueprint)
    app.register_blueprint(waiting_list.blueprint)
    app.register_blueprint(call_list.blueprint)
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
    app.register_blueprint(schedules.blueprint)
    app.register_blueprint(templates.blueprint)
    app.register_blueprint(template_use.blueprint)
    app.register_blueprint(orphans.blueprint)
    app.register_blueprint(bulk_moves.blueprint)
