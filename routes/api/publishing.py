"""Publishing: itineraries and the opening hours of stationary places become schedules and slots."""

from datetime import date
from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.rules.roles import Role
from mobile_units.services import itineraries, publishing
from mobile_units.services.derivation import Published
from mobile_units.services.publishing import Preview
from routes.auth import roles
from routes.database import actor, transaction
from schemas.publishing import (
    OpeningSchema,
    PreviewSchema,
    PublicationPreviewSchema,
    PublicationSchema,
    PublishedSchema,
)

blueprint = Blueprint("publishing", __name__, description="From plans to schedules and slots (publikacja)")


@blueprint.route("/itineraries/<key:itinerary_id>/publication")
class Publication(MethodView):
    """Publishing an itinerary."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(PublicationPreviewSchema, location="query")
    @blueprint.response(200, PreviewSchema)
    def get(self, how: dict[str, bool], itinerary_id: int) -> Preview:
        """Tell what publishing would do and which visits are in its way; nothing is changed."""
        with transaction() as session:
            return publishing.preview(session, actor(), itinerary_id, clock.now(), **how)

    @roles(Role.COORDINATOR)
    @blueprint.arguments(PublicationSchema)
    @blueprint.response(200, PublishedSchema)
    def post(self, wanted: dict[str, Any], itinerary_id: int) -> Published:
        """Publish an approved itinerary: what follows, or of a version the difference, is queued for the hand-over."""
        with transaction() as session:
            stationary = wanted.pop("stationary")
            done = publishing.publish(session, actor(), itinerary_id, now=clock.now(), **wanted)
            if stationary:
                itinerary = itineraries.get(session, actor(), itinerary_id)
                first_day, last_day = itinerary.first_day, itinerary.last_day
                done = sum(publishing.open_all_stationary(session, actor(), first_day, last_day), done)
            return done


@blueprint.route("/service-places/<key:service_place_id>/schedules")
class StationarySchedules(MethodView):
    """Schedules of a stationary place."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(OpeningSchema)
    @blueprint.response(201, PublishedSchema)
    def post(self, days: dict[str, date], service_place_id: int) -> Published:
        """Open schedules and slots from the opening hours, without a mobile point."""
        with transaction() as session:
            return publishing.open_stationary(session, actor(), service_place_id, days["first_day"], days["last_day"])
