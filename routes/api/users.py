"""Users of the provider."""

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units.models.users import User
from mobile_units.rules.roles import Role
from mobile_units.services import users
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.users import NewUserSchema, UserChangeSchema, UserFilterSchema, UserPageSchema, UserSchema

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
            return users.change(session, actor(), user_id, command)
