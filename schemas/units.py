"""Mobile units, the programmes that they are equipped for, and where and when they may be planned."""

from marshmallow import Schema, fields, validate

from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule
from mobile_units.services import units
from schemas.base import (
    CLOCK,
    DAY,
    KEY,
    NAME,
    WEEKDAY,
    CommandSchema,
    FilterSchema,
    change_of,
    features,
    page_schema,
)


class UnitProgrammeSchema(CommandSchema):
    """What a unit does in one programme, and for which mobile service place."""

    command = units.NewUnitProgramme

    programme = fields.Enum(Programme, by_value=True, required=True)
    service_place_id = fields.Integer(required=True, validate=KEY)
    women_per_day = fields.Integer(
        required=True, validate=validate.Range(1, 1000), metadata={"description": "at the most"}
    )
    minutes_per_woman = fields.Integer(required=True, validate=validate.Range(1, 240))
    rooms = fields.Integer(load_default=1, validate=validate.Range(1, 20))


class UnavailabilitySchema(CommandSchema):
    """Days on which a unit does not work, both included."""

    command = units.Unavailability

    first_day = fields.Date(required=True, validate=DAY)
    last_day = fields.Date(required=True, validate=DAY)
    reason = fields.String(required=True, validate=NAME, metadata={"example": "przegląd mammografu"})


class UnitCapacitySchema(CommandSchema):
    """Women per day other than usual: at one site, or while another crew works; of several the last one holds."""

    command = units.Capacity

    programme = fields.Enum(Programme, by_value=True, required=True)
    women_per_day = fields.Integer(required=True, validate=validate.Range(0, 1000))
    site_id = fields.Integer(validate=KEY, allow_none=True, metadata={"description": "null: at every site"})
    first_day = fields.Date(validate=DAY, allow_none=True, metadata={"description": "null: always"})
    last_day = fields.Date(validate=DAY, allow_none=True)
    crew = fields.String(validate=NAME, allow_none=True)


class PermittedSiteSchema(CommandSchema):
    """A site where a unit is permitted to stand."""

    command = units.PermittedSite

    site_id = fields.Integer(required=True, validate=KEY)


class NewUnitSchema(CommandSchema):
    """A unit to be kept."""

    command = units.NewUnit

    code = fields.String(required=True, validate=validate.Length(min=1, max=40))
    name = fields.String(required=True, validate=NAME)
    base_latitude = fields.Float(required=True, validate=validate.Range(-90, 90), metadata={"description": "WGS 84"})
    base_longitude = fields.Float(required=True, validate=validate.Range(-180, 180), metadata={"description": "WGS 84"})
    weekdays = fields.List(
        fields.Integer(validate=WEEKDAY),
        required=True,
        validate=validate.Length(min=1, max=7),
        metadata={"description": "1 is Monday"},
    )
    opens = fields.Time(required=True, format=CLOCK, metadata={"example": "08:00"})
    closes = fields.Time(required=True, format=CLOCK, metadata={"example": "16:00"})
    setup_minutes = fields.Integer(
        validate=validate.Range(0, 480), metadata={"description": "before the first woman on the first day of a stop"}
    )
    home_rule = fields.Enum(
        HomeRule, by_value=True, metadata={"description": "where the unit spends the nights and the days off"}
    )
    max_relocation_km = fields.Float(
        validate=validate.Range(0, 5000, min_inclusive=False),
        allow_none=True,
        metadata={"description": "longest drive in one piece"},
    )
    voivodeships = fields.List(
        fields.String(validate=validate.Length(equal=2)),
        validate=validate.Length(max=16),
        metadata={"description": "first two digits of TERYT; none: everywhere", "example": ["10", "14"]},
    )
    needs = features()
    programmes = fields.List(fields.Nested(UnitProgrammeSchema), validate=validate.Length(max=len(Programme)))
    unavailabilities = fields.List(fields.Nested(UnavailabilitySchema), validate=validate.Length(max=366))
    permitted_sites = fields.Pluck(
        PermittedSiteSchema, "site_id", many=True, metadata={"description": "keys of sites; none: everywhere"}
    )
    capacities = fields.List(fields.Nested(UnitCapacitySchema), validate=validate.Length(max=1000))


class UnitSchema(Schema):
    """A unit as it is kept."""

    id = fields.Integer()
    version = fields.Integer()
    code = fields.String()
    name = fields.String()
    base_latitude = fields.Float()
    base_longitude = fields.Float()
    weekdays = fields.List(fields.Integer())
    opens = fields.Time(format=CLOCK)
    closes = fields.Time(format=CLOCK)
    setup_minutes = fields.Integer()
    home_rule = fields.Enum(HomeRule, by_value=True)
    max_relocation_km = fields.Float(allow_none=True)
    voivodeships = fields.List(fields.String())
    needs = fields.List(fields.String())
    active = fields.Boolean()
    programmes = fields.List(fields.Nested(UnitProgrammeSchema))
    unavailabilities = fields.List(fields.Nested(UnavailabilitySchema))
    permitted_sites = fields.Pluck(PermittedSiteSchema, "site_id", many=True)
    capacities = fields.List(fields.Nested(UnitCapacitySchema))


class UnitFilterSchema(FilterSchema):
    """Which units are wanted."""

    command = units.UnitFilter

    text = fields.String(validate=NAME, metadata={"description": "part of the name or code"})
    programme = fields.Enum(Programme, by_value=True)
    active = fields.Boolean()


UnitChangeSchema = change_of(NewUnitSchema, without=("code",))
UnitPageSchema = page_schema(UnitSchema)
