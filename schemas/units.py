"""Mobile units and the programmes that they are equipped for."""

from marshmallow import Schema, fields, validate

from mobile_units.rules.programmes import Programme
from mobile_units.services import units
from schemas.base import CLOCK, KEY, NAME, CommandSchema, FilterSchema, change_of, page_schema


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


class NewUnitSchema(CommandSchema):
    """A unit to be kept."""

    command = units.NewUnit

    code = fields.String(required=True, validate=validate.Length(min=1, max=40))
    name = fields.String(required=True, validate=NAME)
    base_latitude = fields.Float(required=True, validate=validate.Range(-90, 90), metadata={"description": "WGS 84"})
    base_longitude = fields.Float(required=True, validate=validate.Range(-180, 180), metadata={"description": "WGS 84"})
    weekdays = fields.List(
        fields.Integer(validate=validate.Range(1, 7)),
        required=True,
        validate=validate.Length(min=1, max=7),
        metadata={"description": "1 is Monday"},
    )
    opens = fields.Time(required=True, format=CLOCK, metadata={"example": "08:00"})
    closes = fields.Time(required=True, format=CLOCK, metadata={"example": "16:00"})
    setup_minutes = fields.Integer(
        validate=validate.Range(0, 480), metadata={"description": "before the first woman on the first day of a stop"}
    )
    programmes = fields.List(fields.Nested(UnitProgrammeSchema), validate=validate.Length(max=len(Programme)))


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
    active = fields.Boolean()
    programmes = fields.List(fields.Nested(UnitProgrammeSchema))


class UnitFilterSchema(FilterSchema):
    """Which units are wanted."""

    command = units.UnitFilter

    text = fields.String(validate=NAME, metadata={"description": "part of the name or code"})
    programme = fields.Enum(Programme, by_value=True)
    active = fields.Boolean()


UnitChangeSchema = change_of(NewUnitSchema, without=("code",))
UnitPageSchema = page_schema(UnitSchema)
