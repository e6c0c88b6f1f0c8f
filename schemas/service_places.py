"""Service places (MUŚ) and their opening hours."""

from marshmallow import Schema, fields, validate

from mobile_units.models.service_places import ServicePlaceStatus
from mobile_units.rules.programmes import Mobility, Programme, Setting
from mobile_units.services import service_places
from schemas.base import CLOCK, NAME, CommandSchema, FilterSchema, change_of, page_schema


class OpeningHoursSchema(CommandSchema):
    """When one programme is examined on one weekday, in Polish local time."""

    command = service_places.NewOpeningHours

    programme = fields.Enum(Programme, by_value=True, required=True)
    weekday = fields.Integer(required=True, validate=validate.Range(1, 7), metadata={"description": "1 is Monday"})
    opens = fields.Time(required=True, format=CLOCK, metadata={"example": "08:00"})
    closes = fields.Time(required=True, format=CLOCK, metadata={"example": "15:30"})
    minutes_per_woman = fields.Integer(required=True, validate=validate.Range(1, 240))
    rooms = fields.Integer(load_default=1, validate=validate.Range(1, 20))


class NewServicePlaceSchema(CommandSchema):
    """A service place to be kept; only a stationary one has opening hours."""

    command = service_places.NewServicePlace

    name = fields.String(required=True, validate=NAME)
    cell_code = fields.String(required=True, validate=validate.Regexp(r"\A[0-9]{3}\Z"))
    specialty_code = fields.String(required=True, validate=validate.Regexp(r"\A[0-9]{4}\Z"))
    mobility = fields.Enum(Mobility, by_value=True, required=True)
    setting = fields.Enum(Setting, by_value=True, allow_none=True)
    address = fields.String(required=True, validate=NAME)
    opening_hours = fields.List(fields.Nested(OpeningHoursSchema), validate=validate.Length(max=100))


class ServicePlaceSchema(Schema):
    """A service place as it is kept; the hand-over moves `status` from draft to registered to active."""

    id = fields.Integer()
    version = fields.Integer()
    name = fields.String()
    cell_code = fields.String()
    specialty_code = fields.String()
    mobility = fields.Enum(Mobility, by_value=True)
    setting = fields.Enum(Setting, by_value=True, allow_none=True)
    address = fields.String()
    status = fields.Enum(ServicePlaceStatus, by_value=True)
    registered_at = fields.AwareDateTime(allow_none=True)
    activated_at = fields.AwareDateTime(allow_none=True)
    opening_hours = fields.List(fields.Nested(OpeningHoursSchema))


class ServicePlaceFilterSchema(FilterSchema):
    """Which service places are wanted."""

    command = service_places.ServicePlaceFilter

    mobility = fields.Enum(Mobility, by_value=True)
    setting = fields.Enum(Setting, by_value=True)
    status = fields.Enum(ServicePlaceStatus, by_value=True)


ServicePlaceChangeSchema = change_of(NewServicePlaceSchema, without=("cell_code", "mobility"))
ServicePlacePageSchema = page_schema(ServicePlaceSchema)
