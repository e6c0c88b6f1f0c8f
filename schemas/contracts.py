"""Contracts with the NFZ and their ranges."""

from decimal import Decimal

from marshmallow import Schema, ValidationError, fields, validate

from mobile_units.rules.providers import NFZ_BRANCHES
from mobile_units.services import contracts
from schemas.base import DAY, KEY, NAME, CommandSchema, FilterSchema, change_of, page_schema
from schemas.product_codes import PRODUCT_CODE

BRANCH = validate.OneOf(list(NFZ_BRANCHES))
HIGHEST_PRICE = 99_999_999


def require_price(price: Decimal) -> None:
    """A function, because the document of the API cannot give numeric limits for what is sent as text."""
    if not 0 <= price <= HIGHEST_PRICE:
        raise ValidationError(f"Must be from 0 to {HIGHEST_PRICE}.")


class NewContractRangeSchema(CommandSchema):
    """A range of a contract."""

    command = contracts.NewContractRange

    product_code = fields.String(required=True, validate=PRODUCT_CODE)
    quantity_limit = fields.Integer(
        required=True,
        validate=validate.Range(0, 10_000_000),
        metadata={"description": "examinations in the contract's time"},
    )
    unit_price = fields.Decimal(
        places=2, as_string=True, allow_none=True, validate=require_price, metadata={"description": "złoty"}
    )
    service_place_id = fields.Integer(
        allow_none=True, validate=KEY, metadata={"description": "empty where the range holds for every place"}
    )


class ContractRangeSchema(Schema):
    """A range as it is kept."""

    id = fields.Integer()
    product_code = fields.String()
    quantity_limit = fields.Integer()
    unit_price = fields.Decimal(places=2, as_string=True, allow_none=True)
    service_place_id = fields.Integer(allow_none=True)


class NewContractSchema(CommandSchema):
    """A contract to be kept."""

    command = contracts.NewContract

    number = fields.String(required=True, validate=NAME)
    nfz_branch = fields.String(required=True, validate=BRANCH, metadata={"example": "05"})
    valid_from = fields.Date(required=True, validate=DAY)
    valid_to = fields.Date(required=True, validate=DAY, metadata={"description": "the last day"})
    ranges = fields.List(fields.Nested(NewContractRangeSchema), validate=validate.Length(max=500))


class ContractSchema(Schema):
    """A contract as it is kept."""

    id = fields.Integer()
    version = fields.Integer()
    number = fields.String()
    nfz_branch = fields.String()
    valid_from = fields.Date()
    valid_to = fields.Date()
    ranges = fields.List(fields.Nested(ContractRangeSchema))


class ContractFilterSchema(FilterSchema):
    """Which contracts are wanted."""

    command = contracts.ContractFilter

    valid_on = fields.Date(validate=DAY)
    nfz_branch = fields.String(validate=BRANCH)
    product_code = fields.String(validate=PRODUCT_CODE)


ContractChangeSchema = change_of(NewContractSchema, without=("number", "nfz_branch"))
ContractPageSchema = page_schema(ContractSchema)
