"""Tokens with which programs use the API in a user's name."""

from datetime import datetime, timedelta
from typing import Any

from flask import g
from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.models.users import ApiToken
from mobile_units.services import users
from mobile_units.services.queries import Page
from routes.auth import roles, sign_in
from routes.database import actor, transaction
from schemas.users import CredentialsSchema, NewTokenSchema, TokenFilterSchema, TokenPageSchema

blueprint = Blueprint("tokens", __name__, description="Tokens for the API")


@blueprint.route("/tokens")
class Tokens(MethodView):
    """The tokens of the signed-in user."""

    @roles()
    @blueprint.arguments(TokenFilterSchema, location="query")
    @blueprint.response(200, TokenPageSchema)
    def get(self, criteria: users.TokenFilter) -> Page[ApiToken]:
        """List your tokens, newest first."""
        with transaction() as session:
            return users.tokens_of(session, actor(), actor().user_id, criteria)

    @blueprint.arguments(CredentialsSchema)
    @blueprint.response(201, NewTokenSchema)
    @blueprint.doc(security=[])
    def post(self, wanted: dict[str, Any]) -> dict[str, str | datetime]:
        """Sign in and get a token."""
        user = sign_in(wanted["login"], wanted["password"])
        expires_at = clock.now() + timedelta(days=wanted["days"])
        with transaction() as session:
            token = users.issue_token(session, user, wanted["name"], expires_at, request_id=g.request_id)
        return {"token": token, "expires_at": expires_at}


@blueprint.route("/tokens/<key:token_id>")
class OneToken(MethodView):
    """One token of the signed-in user."""

    @roles()
    @blueprint.response(204)
    def delete(self, token_id: int) -> None:
        """End a token."""
        with transaction() as session:
            users.revoke_token(session, actor(), actor().user_id, token_id, clock.now())
