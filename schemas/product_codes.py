"""The catalogue of NFZ product codes."""

from marshmallow import Schema, fields, validate

from mobile_units.rules.programmes import Mobility, Path, Programme, Setting
from mobile_units.services import product_codes
from schemas.base import DAY, NAME, CommandSchema, FilterSchema, JsonBoolean, change_of, page_schema

PRODUCT_CODE = validate.Regexp(r"\A[0-9]{2}[.][0-9]{4}[.][0-9]{3}[.][0-9]{2}\Z")


class NewProductCodeSchema(CommandSchema):
    """An entry that a provider adds."""

    command = product_codes.NewProductCode

    code = fields.String(required=True, validate=PRODUCT_CODE, metadata={"example": "02.1450.101.02"})
    name_pl = fields.String(required=True, validate=validate.Length(min=1, max=500))
    path = fields.Enum(
        Path, by_value=True, allow_none=True, metadata={"description": "empty where nothing is settled with it"}
    )
    setting = fields.Enum(Setting, by_value=True, allow_none=True, metadata={"description": "empty means any"})
    mobility = fields.Enum(Mobility, by_value=True, allow_none=True, metadata={"description": "empty means any"})
    associated_with = fields.String(
        allow_none=True, validate=PRODUCT_CODE, metadata={"description": "the base range (zakres skojarzony)"}
    )
    valid_from = fields.Date(required=True, validate=DAY)
    valid_to = fields.Date(allow_none=True, validate=DAY, metadata={"description": "the last day; empty is open"})
    confirmed = JsonBoolean(metadata={"description": "false: to be checked against the contract"})
    source = fields.String(required=True, validate=NAME)


class ProductCodeSchema(Schema):
    """An entry as it is kept."""

    id = fields.Integer()
    version = fields.Integer()
    shared = fields.Function(
        lambda entry: entry.provider_id is None,
        metadata={"type": "boolean", "description": "the same for all providers, and read-only"},
    )
    code = fields.String()
    name_pl = fields.String()
    programme = fields.Enum(Programme, by_value=True, allow_none=True)
    path = fields.Enum(Path, by_value=True, allow_none=True)
    setting = fields.Enum(Setting, by_value=True, allow_none=True)
    mobility = fields.Enum(Mobility, by_value=True, allow_none=True)
    associated_with = fields.String(allow_none=True)
    valid_from = fields.Date()
    valid_to = fields.Date(allow_none=True)
    confirmed = fields.Boolean(metadata={"description": "false: to be checked against the contract"})
    source = fields.String()


class ProductCodeFilterSchema(FilterSchema):
    """Which entries are wanted."""

    command = product_codes.ProductCodeFilter

    code = fields.String(validate=PRODUCT_CODE)
    programme = fields.Enum(Programme, by_value=True)
    path = fields.Enum(Path, by_value=True)
    valid_on = fields.Date(validate=DAY)
    confirmed = fields.Boolean()
    own = fields.Boolean(metadata={"description": "true: entries of the provider, false: shared ones"})


ProductCodeChangeSchema = change_of(
    NewProductCodeSchema, without=("code", "path", "setting", "mobility", "associated_with", "valid_from")
)
ProductCodePageSchema = page_schema(ProductCodeSchema)
