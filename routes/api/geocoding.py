"""Where sites are: looking up their addresses, and a person's word on it."""

from flask import current_app
from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock, db
from mobile_units.config import Settings
from mobile_units.errors import DomainError
from mobile_units.models.sites import Site
from mobile_units.rules.roles import Role
from mobile_units.services import geocoding
from routes.auth import roles
from routes.database import actor, transaction
from schemas.geocoding import ConfirmLocationSchema, GeocodeResultSchema, GeocodeSitesSchema
from schemas.sites import SiteSchema

SECONDS = 30.0
"""After this time no further address is asked, so that the request ends while its caller waits."""

blueprint = Blueprint("geocoding", __name__, description="Addresses and coordinates of sites (geokodowanie)")


@blueprint.route("/sites/geocode")
class Geocoding(MethodView):
    """Looking up sites."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(GeocodeSitesSchema)
    @blueprint.response(200, GeocodeResultSchema)
    def post(self, command: geocoding.GeocodeSites) -> geocoding.GeocodeResult:
        """Look up the addresses of sites; those whose place is in doubt unless sites are named."""
        settings: Settings = current_app.extensions["settings"]
        ask = _asker(settings)
        with db.alone(current_app.extensions["engine"], "geocoding") as alone:
            if not alone:
                raise DomainError("geocoder_busy")
            with transaction() as session:
                wanted = geocoding.prepare(session, actor(), command, settings.geocoder, clock.now())
            answers = geocoding.ask_all(wanted.questions, ask, SECONDS)
            with transaction() as session:
                return geocoding.store(session, actor(), wanted, answers, clock.now(), clock.today())


def _asker(settings: Settings) -> geocoding.Ask:
    from mobile_units.planning.geocoders import asker  # noqa: PLC0415 -- geopy's geocoders load slowly, few need them

    return asker(settings.geocoder, settings.geocoder_url, settings.geocoder_user_agent)


@blueprint.route("/sites/<key:site_id>/confirm-location")
class ConfirmedLocation(MethodView):
    """A person's word on where a site is."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(ConfirmLocationSchema)
    @blueprint.response(200, SiteSchema)
    def post(self, command: geocoding.ConfirmLocation, site_id: int) -> Site:
        """Confirm where a site is, or correct it."""
        with transaction() as session:
            return geocoding.confirm(session, actor(), site_id, command, clock.today())
