"""The provider whose users sign in."""

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units.models.providers import Provider
from mobile_units.rules.roles import Role
from mobile_units.services import providers
from routes.auth import roles
from routes.database import actor, transaction
from schemas.providers import ProviderChangeSchema, ProviderSchema

blueprint = Blueprint("providers", __name__, description="Your provider (świadczeniodawca)")


@blueprint.route("/provider")
class OwnProvider(MethodView):
    """The provider of the signed-in user."""

    @roles()
    @blueprint.response(200, ProviderSchema)
    def get(self) -> Provider:
        """Read your provider."""
        with transaction() as session:
            return providers.get(session, actor())

    @roles(Role.ADMINISTRATOR)
    @blueprint.arguments(ProviderChangeSchema)
    @blueprint.response(200, ProviderSchema)
    def patch(self, change: dict[str, Any]) -> Provider:
        """Change your provider."""
        with transaction() as session:
            return providers.change(session, actor(), **change)
