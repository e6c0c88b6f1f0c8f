"""Service places (MUŚ)."""

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units.models.service_places import ServicePlace
from mobile_units.rules.roles import Role
from mobile_units.services import service_places
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.service_places import (
    NewServicePlaceSchema,
    ServicePlaceChangeSchema,
    ServicePlaceFilterSchema,
    ServicePlacePageSchema,
    ServicePlaceSchema,
)

blueprint = Blueprint("service_places", __name__, description="Service places (miejsca udzielania świadczeń, MUŚ)")


@blueprint.route("/service-places")
class ServicePlaces(MethodView):
    """All service places of the provider."""

    @roles()
    @blueprint.arguments(ServicePlaceFilterSchema, location="query")
    @blueprint.response(200, ServicePlacePageSchema)
    def get(self, criteria: service_places.ServicePlaceFilter) -> Page[ServicePlace]:
        """List service places."""
        with transaction() as session:
            return service_places.find(session, actor(), criteria)

    @roles(Role.ADMINISTRATOR)
    @blueprint.arguments(NewServicePlaceSchema)
    @blueprint.response(201, ServicePlaceSchema)
    def post(self, command: service_places.NewServicePlace) -> ServicePlace:
        """Keep a new service place."""
        with transaction() as session:
            return service_places.create(session, actor(), command)


@blueprint.route("/service-places/<key:service_place_id>")
class OneServicePlace(MethodView):
    """One service place."""

    @roles()
    @blueprint.response(200, ServicePlaceSchema)
    def get(self, service_place_id: int) -> ServicePlace:
        """Read a service place."""
        with transaction() as session:
            return service_places.get(session, actor(), service_place_id)

    @roles(Role.ADMINISTRATOR)
    @blueprint.arguments(ServicePlaceChangeSchema)
    @blueprint.response(200, ServicePlaceSchema)
    def patch(self, change: dict[str, Any], service_place_id: int) -> ServicePlace:
        """Change a service place; opening hours, if given, replace all."""
        with transaction() as session:
            return service_places.change(session, actor(), service_place_id, **change)
