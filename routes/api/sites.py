"""Sites where units may stand."""

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.models.sites import Site
from mobile_units.rules.roles import Role
from mobile_units.services import sites
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.sites import NewSiteSchema, SiteChangeSchema, SiteFilterSchema, SitePageSchema, SiteSchema

blueprint = Blueprint("sites", __name__, description="Places where a unit may stand (miejsca postoju)")


@blueprint.route("/sites")
class Sites(MethodView):
    """All sites of the provider."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(SiteFilterSchema, location="query")
    @blueprint.response(200, SitePageSchema)
    def get(self, criteria: sites.SiteFilter) -> Page[Site]:
        """List sites."""
        with transaction() as session:
            return sites.find(session, actor(), criteria)

    @roles(Role.COORDINATOR)
    @blueprint.arguments(NewSiteSchema)
    @blueprint.response(201, SiteSchema)
    def post(self, command: sites.NewSite) -> Site:
        """Keep a new site."""
        with transaction() as session:
            return sites.create(session, actor(), command)


@blueprint.route("/sites/<key:site_id>")
class OneSite(MethodView):
    """One site."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.response(200, SiteSchema)
    def get(self, site_id: int) -> Site:
        """Read a site."""
        with transaction() as session:
            return sites.get(session, actor(), site_id)

    @roles(Role.COORDINATOR)
    @blueprint.arguments(SiteChangeSchema)
    @blueprint.response(200, SiteSchema)
    def patch(self, change: dict[str, Any], site_id: int) -> Site:
        """Change a site."""
        with transaction() as session:
            return sites.change(session, actor(), site_id, **change, today=clock.today())

    @roles(Role.COORDINATOR)
    @blueprint.response(204)
    def delete(self, site_id: int) -> None:
        """Take a site out of planning; it stays in past stops."""
        with transaction() as session:
            sites.retire(session, actor(), site_id)
