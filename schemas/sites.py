"""Sites, the women due around them, and when a unit may come."""

from marshmallow import Schema, fields, validate

from mobile_units.rules.programmes import Programme
from mobile_units.services import sites
from schemas.base import (
    DAY,
    NAME,
    WEEKDAY,
    CommandSchema,
    FilterSchema,
    JsonBoolean,
    change_of,
    features,
    page_schema,
)


class DemandSchema(CommandSchema):
    """Women due in one programme."""

    command = sites.Demand

    programme = fields.Enum(Programme, by_value=True, required=True)
    women_due = fields.Integer(required=True, validate=validate.Range(min=0, max=5_000_000))
    source = fields.String(required=True, validate=NAME)
    as_of = fields.Date(required=True)
    estimated = JsonBoolean(load_default=True, metadata={"description": "false only if a register counted them"})


class BlackoutSchema(CommandSchema):
    """Days on which no unit can stand at a site, both included."""

    command = sites.Blackout

    first_day = fields.Date(required=True, validate=DAY)
    last_day = fields.Date(required=True, validate=DAY)
    reason = fields.String(required=True, validate=NAME, metadata={"example": "jarmark"})


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
    source = fields.String(validate=NAME, allow_none=True)
    days_min = fields.Integer(validate=validate.Range(1, 92), metadata={"description": "shortest stay of a unit"})
    days_max = fields.Integer(validate=validate.Range(1, 92), metadata={"description": "longest stay of a unit"})
    earliest = fields.Date(validate=DAY, allow_none=True, metadata={"description": "earliest first day of a stay"})
    latest = fields.Date(validate=DAY, allow_none=True, metadata={"description": "latest last day of a stay"})
    weekdays = fields.List(
        fields.Integer(validate=WEEKDAY),
        validate=validate.Length(min=1, max=7),
        metadata={"description": "when a unit may stand there; 1 is Monday"},
    )
    alternative_group = fields.String(
        validate=NAME, allow_none=True, metadata={"description": "of the sites of a group one is visited in a plan"}
    )
    priority = fields.Float(
        validate=validate.Range(0, 100, min_inclusive=False),
        metadata={"description": "what a woman counts, 1 being usual"},
    )
    uptake = fields.Float(
        validate=validate.Range(0, 1),
        allow_none=True,
        metadata={"description": "share of women screened in the gmina; null: not known, so an average is assumed"},
    )
    last_visit = fields.Date(
        validate=DAY, allow_none=True, metadata={"description": "last day of a unit there before it was planned here"}
    )
    visits_max = fields.Integer(validate=validate.Range(1, 12), metadata={"description": "stays in one plan"})
    gap_days = fields.Integer(validate=validate.Range(0, 366), metadata={"description": "free days between two stays"})
    lacks = features()
    demands = fields.List(fields.Nested(DemandSchema))
    blackouts = fields.List(fields.Nested(BlackoutSchema), validate=validate.Length(max=366))


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
    source = fields.String(allow_none=True)
    days_min = fields.Integer()
    days_max = fields.Integer()
    earliest = fields.Date(allow_none=True)
    latest = fields.Date(allow_none=True)
    weekdays = fields.List(fields.Integer())
    alternative_group = fields.String(allow_none=True)
    priority = fields.Float()
    uptake = fields.Float(allow_none=True)
    location_confidence = fields.Float(
        allow_none=True, metadata={"description": "of a geocoder, 0 to 1; null: a person or a register gave the place"}
    )
    last_visit = fields.Date(allow_none=True)
    visits_max = fields.Integer()
    gap_days = fields.Integer()
    lacks = fields.List(fields.String())
    active = fields.Boolean()
    demands = fields.List(fields.Nested(DemandSchema))
    blackouts = fields.List(fields.Nested(BlackoutSchema))


class SiteFilterSchema(FilterSchema):
    """Which sites are wanted."""

    command = sites.SiteFilter

    text = fields.String(validate=NAME, metadata={"description": "part of the name, locality or code"})
    teryt = fields.String(validate=validate.Regexp(r"\A[0-9]{7}\Z"))
    programme = fields.Enum(Programme, by_value=True)
    active = fields.Boolean()
    doubtful = fields.Boolean(metadata={"description": "a geocoder found the place, and a person should look at it"})


SiteChangeSchema = change_of(NewSiteSchema, without=("code",))
SitePageSchema = page_schema(SiteSchema)
