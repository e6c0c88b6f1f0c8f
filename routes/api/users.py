"""Users of the provider."""

from flask import g
from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.models.users import ApiToken, User
from mobile_units.rules.roles import Role
from mobile_units.services import users
from mobile_units.services.queries import Page
from routes.auth import roles, sign_in
from routes.database import actor, transaction
from schemas.users import (
    NewUserSchema,
    PasswordChangeSchema,
    TokenFilterSchema,
    TokenPageSchema,
    UserChangeSchema,
    UserFilterSchema,
    UserPageSchema,
    UserSchema,
)

blueprint = Blueprint("users", __name__, description="Users of the provider and their roles")


@blueprint.route("/users")
class Users(MethodView):
    """All users of the provider."""

    @roles(Role.ADMINISTRATOR)
    @blueprint.arguments(UserFilterSchema, location="query")
    @blueprint.response(200, UserPageSchema)
    def get(self, criteria: users.UserFilter) -> Page[User]:
        """List users."""
        with transaction() as session:
            return users.find(session, actor(), criteria)

    @roles(Role.ADMINISTRATOR)
    @blueprint.arguments(NewUserSchema)
    @blueprint.response(201, UserSchema)
    def post(self, command: users.NewUser) -> User:
        """Add a user."""
        with transaction() as session:
            return users.create(session, actor(), command)


@blueprint.route("/users/<key:user_id>")
class OneUser(MethodView):
    """One user."""

    @roles(Role.ADMINISTRATOR)
    @blueprint.response(200, UserSchema)
    def get(self, user_id: int) -> User:
        """Read a user."""
        with transaction() as session:
            return users.get(session, actor(), user_id)

    @roles(Role.ADMINISTRATOR)
    @blueprint.arguments(UserChangeSchema)
    @blueprint.response(200, UserSchema)
    def patch(self, command: users.UserChange, user_id: int) -> User:
        """Change roles or password, or let a user in or out."""
        with transaction() as session:
            return users.change(session, actor(), user_id, command, clock.now())


@blueprint.route("/users/me/password")
class OwnPassword(MethodView):
    """The password of the signed-in user."""

    @roles()
    @blueprint.arguments(PasswordChangeSchema)
    @blueprint.response(204)
    def post(self, wanted: dict[str, str]) -> None:
        """Change your password; all your sessions and tokens end, this one too."""
        sign_in(g.user.login, wanted["current_password"])
        with transaction() as session:
            users.change_own_password(session, actor(), wanted["new_password"], clock.now())


@blueprint.route("/users/<key:user_id>/tokens")
class TokensOfUser(MethodView):
    """The tokens of a user."""

    @roles(Role.ADMINISTRATOR)
    @blueprint.arguments(TokenFilterSchema, location="query")
    @blueprint.response(200, TokenPageSchema)
    def get(self, criteria: users.TokenFilter, user_id: int) -> Page[ApiToken]:
        """List a user's tokens, newest first."""
        with transaction() as session:
            return users.tokens_of(session, actor(), user_id, criteria)


@blueprint.route("/users/<key:user_id>/tokens/<key:token_id>")
class OneTokenOfUser(MethodView):
    """One token of a user."""

    @roles(Role.ADMINISTRATOR)
    @blueprint.response(204)
    def delete(self, user_id: int, token_id: int) -> None:
        """End a user's token."""
        with transaction() as session:
            users.revoke_token(session, actor(), user_id, token_id, clock.now())
