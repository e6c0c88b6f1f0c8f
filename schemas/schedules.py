"""Schedules with their working hours."""

from marshmallow import Schema, fields

from mobile_units.rules.programmes import Mobility, Path, Programme
from mobile_units.services import schedules
from schemas.base import DAY, KEY, FilterSchema, page_schema


class ScheduleFilterSchema(FilterSchema):
    """Which schedules are wanted."""

    command = schedules.ScheduleFilter

    service_place_id = fields.Integer(validate=KEY)
    stop_id = fields.Integer(validate=KEY)
    programme = fields.Enum(Programme, by_value=True)
    path = fields.Enum(Path, by_value=True)
    mobile = fields.Boolean()
    first_day = fields.Date(validate=DAY)
    last_day = fields.Date(validate=DAY)
    accepted = fields.Boolean(metadata={"description": "by the central e-registration"})


class WorkingTimeSchema(Schema):
    """One uninterrupted working time."""

    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()


class ScheduleSchema(Schema):
    """A schedule as it is kept."""

    id = fields.Integer()
    uuid = fields.UUID()
    service_place_id = fields.Integer()
    place_mobility = fields.Enum(Mobility, by_value=True)
    mobile = fields.Boolean(metadata={"description": "the flag Mobilny Punkt Obsługi"})
    mobile_point_id = fields.Integer(allow_none=True)
    contract_range_id = fields.Integer()
    product_code = fields.String(attribute="contract_range.product_code")
    programme = fields.Enum(Programme, by_value=True)
    path = fields.Enum(Path, by_value=True)
    valid_from = fields.Date()
    valid_to = fields.Date()
    women_planned = fields.Integer()
    accepted_at = fields.AwareDateTime(allow_none=True)
    slots_accepted_at = fields.AwareDateTime(allow_none=True)
    hours = fields.List(fields.Nested(WorkingTimeSchema))


SchedulePageSchema = page_schema(ScheduleSchema)
