"""Tokens with which programs use the API in a user's name."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.users import ApiToken
from mobile_units.services import users
from routes.auth import roles
from routes.database import actor, transaction
from schemas.users import CredentialsSchema, NewTokenSchema, TokenSchema

blueprint = Blueprint("tokens", __name__, description="Tokens for the API")


@blueprint.route("/tokens")
class Tokens(MethodView):
    """The tokens of the signed-in user."""

    @roles()
    @blueprint.response(200, TokenSchema(many=True))
    def get(self) -> Sequence[ApiToken]:
        """List your tokens."""
        with transaction() as session:
            return users.tokens_of(session, actor())

    @blueprint.arguments(CredentialsSchema)
    @blueprint.response(201, NewTokenSchema)
    @blueprint.doc(security=[])
    def post(self, wanted: dict[str, Any]) -> dict[str, str | datetime]:
        """Sign in and get a token."""
        now = clock.now()
        expires_at = now + timedelta(days=wanted["days"])
        with transaction() as session:
            user = users.sign_in(session, users.Credentials(wanted["login"], wanted["password"]), now)
            token = (
                "" if isinstance(user, DomainError) else users.issue_token(session, user, wanted["name"], expires_at)
            )
        if isinstance(user, DomainError):
            raise user
        return {"token": token, "expires_at": expires_at}


@blueprint.route("/tokens/<key:token_id>")
class OneToken(MethodView):
    """One token of the signed-in user."""

    @roles()
    @blueprint.response(204)
    def delete(self, token_id: int) -> None:
        """End a token."""
        with transaction() as session:
            users.revoke_token(session, actor(), token_id, clock.now())
