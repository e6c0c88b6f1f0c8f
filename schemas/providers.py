"""The provider whose users sign in."""

from marshmallow import Schema, fields, validate

from mobile_units.rules.contacts import LONGEST_TELEPHONE
from mobile_units.rules.messages import LONGEST
from mobile_units.services import providers
from schemas.base import NAME, CommandSchema, change_of

IDENTIFIER = validate.Length(min=1, max=40)
SHORT_NAME = {"description": "how women know you; it stands in messages and may not tell what is examined"}
TELEPHONE = {"description": "where women can ask; it stands in messages"}


class NewProviderSchema(CommandSchema):
    """A provider; its identifiers are checked by their check digits."""

    command = providers.NewProvider

    name = fields.String(required=True, validate=NAME)
    rpwdl_book = fields.String(required=True, validate=IDENTIFIER)
    regon = fields.String(required=True, validate=IDENTIFIER, metadata={"description": "9 or 14 digits"})
    nip = fields.String(validate=IDENTIFIER, allow_none=True, metadata={"description": "10 digits"})
    nfz_branch = fields.String(required=True, validate=IDENTIFIER, metadata={"example": "05"})
    oid_root = fields.String(required=True, validate=NAME)
    short_name = fields.String(validate=validate.Length(1, LONGEST["sender"]), allow_none=True, metadata=SHORT_NAME)
    telephone = fields.String(validate=validate.Length(1, LONGEST_TELEPHONE), allow_none=True, metadata=TELEPHONE)


class ProviderSchema(Schema):
    """A provider as it is kept."""

    id = fields.Integer()
    version = fields.Integer()
    name = fields.String()
    rpwdl_book = fields.String()
    regon = fields.String()
    nip = fields.String(allow_none=True)
    nfz_branch = fields.String()
    oid_root = fields.String(metadata={"description": "the provider's own node in P1"})
    short_name = fields.String(allow_none=True, metadata=SHORT_NAME)
    telephone = fields.String(allow_none=True, metadata=TELEPHONE)
    created_at = fields.AwareDateTime()


ProviderChangeSchema = change_of(NewProviderSchema, without=("rpwdl_book", "oid_root"))
