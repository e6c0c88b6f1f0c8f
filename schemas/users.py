"""Users, their credentials and their tokens."""

from marshmallow import Schema, fields, validate

from mobile_units.rules.roles import Role
from mobile_units.services import users
from schemas.base import NAME, CommandSchema, FilterSchema, JsonBoolean, StrictSchema, page_schema

PASSWORD = validate.Length(min=users.PASSWORD_LENGTH, max=200)


class NewUserSchema(CommandSchema):
    """A user to be added."""

    command = users.NewUser

    login = fields.String(required=True, validate=validate.Regexp(r"\A[A-Za-z0-9][A-Za-z0-9._@+-]{2,99}\Z"))
    password = fields.String(required=True, load_only=True, validate=PASSWORD)
    roles = fields.List(fields.Enum(Role, by_value=True), required=True, validate=validate.Length(min=1))


class UserChangeSchema(CommandSchema):
    """A change of a user; any change ends her sessions."""

    command = users.UserChange

    version = fields.Integer(required=True)
    password = fields.String(load_only=True, validate=PASSWORD)
    roles = fields.List(fields.Enum(Role, by_value=True), validate=validate.Length(min=1))
    active = JsonBoolean()


class PasswordChangeSchema(StrictSchema):
    """A user's own new password."""

    current_password = fields.String(required=True, load_only=True, validate=validate.Length(max=200))
    new_password = fields.String(required=True, load_only=True, validate=PASSWORD)


class UserSchema(Schema):
    """A user as she is kept."""

    id = fields.Integer()
    version = fields.Integer()
    login = fields.String()
    roles = fields.List(fields.String())
    active = fields.Boolean()
    created_at = fields.AwareDateTime()


class UserFilterSchema(FilterSchema):
    """Which users are wanted."""

    command = users.UserFilter

    active = fields.Boolean()


class CredentialsSchema(StrictSchema):
    """What a person signs in with to get a token."""

    login = fields.String(required=True, validate=NAME)
    password = fields.String(required=True, load_only=True, validate=validate.Length(max=200))
    name = fields.String(load_default="API", validate=NAME, metadata={"description": "what the token is for"})
    days = fields.Integer(
        load_default=1, validate=validate.Range(1, 366), metadata={"description": "how long it holds"}
    )


class TokenFilterSchema(FilterSchema):
    """Which tokens are wanted."""

    command = users.TokenFilter


class NewTokenSchema(Schema):
    """A token, shown this once."""

    token = fields.String()
    expires_at = fields.AwareDateTime()


class TokenSchema(Schema):
    """A token without its secret."""

    id = fields.Integer()
    name = fields.String()
    created_at = fields.AwareDateTime()
    expires_at = fields.AwareDateTime()
    revoked_at = fields.AwareDateTime(allow_none=True)


UserPageSchema = page_schema(UserSchema)
TokenPageSchema = page_schema(TokenSchema)
