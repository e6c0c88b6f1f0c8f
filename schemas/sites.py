"""Sites and the women due around them."""

from marshmallow import Schema, fields, validate

from mobile_units.rules.programmes import Programme
from mobile_units.services import sites
from schemas.base import NAME, CommandSchema, FilterSchema, JsonBoolean, change_of, page_schema


class DemandSchema(CommandSchema):
    """Women due in one programme."""

    command = sites.Demand

    programme = fields.Enum(Programme, by_value=True, required=True)
    women_due = fields.Integer(required=True, validate=validate.Range(min=0, max=5_000_000))
    source = fields.String(required=True, validate=NAME)
    as_of = fields.Date(required=True)
    estimated = JsonBoolean(load_default=True, metadata={"description": "false only if a register counted them"})


class NewSiteSchema(CommandSchema):
    """A site to be kept."""

    command = sites.NewSite

    code = fields.String(required=True, validate=validate.Length(min=1, max=40))
    name = fields.String(required=True, validate=NAME)
    locality = fields.String(required=True, validate=NAME)
    latitude = fields.Float(required=True, validate=validate.Range(-90, 90), metadata={"description": "WGS 84"})
    longitude = fields.Float(required=True, validate=validate.Range(-180, 180), metadata={"description": "WGS 84"})
    landmark = fields.String(validate=NAME, allow_none=True, metadata={"example": "przy Urzędzie Gminy"})
    street = fields.String(validate=NAME, allow_none=True)
    gmina = fields.String(validate=NAME, allow_none=True)
    teryt = fields.String(validate=validate.Regexp(r"\A[0-9]{7}\Z"), allow_none=True)
    population = fields.Integer(validate=validate.Range(min=0, max=50_000_000), allow_none=True)
    telephone = fields.String(validate=validate.Length(max=40), allow_none=True)
    logistics = fields.Dict(keys=fields.String(), metadata={"description": "ground, power, water, market days…"})
    days_max = fields.Integer(validate=validate.Range(1, 92), metadata={"description": "longest stay of a unit"})
    source = fields.String(validate=NAME, allow_none=True)
    demands = fields.List(fields.Nested(DemandSchema))


class SiteSchema(Schema):
    """A site as it is kept."""

    id = fields.Integer()
    version = fields.Integer()
    code = fields.String()
    name = fields.String()
    locality = fields.String()
    latitude = fields.Float()
    longitude = fields.Float()
    landmark = fields.String(allow_none=True)
    street = fields.String(allow_none=True)
    gmina = fields.String(allow_none=True)
    teryt = fields.String(allow_none=True)
    population = fields.Integer(allow_none=True)
    telephone = fields.String(allow_none=True)
    logistics = fields.Dict()
    days_max = fields.Integer()
    source = fields.String(allow_none=True)
    active = fields.Boolean()
    demands = fields.List(fields.Nested(DemandSchema))


class SiteFilterSchema(FilterSchema):
    """Which sites are wanted."""

    command = sites.SiteFilter

    text = fields.String(validate=NAME, metadata={"description": "part of the name, locality or code"})
    teryt = fields.String(validate=validate.Regexp(r"\A[0-9]{7}\Z"))
    programme = fields.Enum(Programme, by_value=True)
    active = fields.Boolean()


SiteChangeSchema = change_of(NewSiteSchema, without=("code",))
SitePageSchema = page_schema(SiteSchema)
