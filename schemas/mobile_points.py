"""Mobile points with the sites of their stops."""

from marshmallow import Schema, fields

from mobile_units.services import mobile_points
from schemas.base import DAY, KEY, FilterSchema, page_schema


class MobilePointFilterSchema(FilterSchema):
    """Which mobile points are wanted."""

    command = mobile_points.MobilePointFilter

    service_place_id = fields.Integer(validate=KEY)
    stop_id = fields.Integer(validate=KEY)
    first_day = fields.Date(validate=DAY)
    last_day = fields.Date(validate=DAY)
    accepted = fields.Boolean(metadata={"description": "by the central e-registration"})


class MobilePointSchema(Schema):
    """A mobile point as it is kept."""

    id = fields.Integer()
    uuid = fields.UUID()
    service_place_id = fields.Integer()
    stop_id = fields.Integer()
    name = fields.String()
    site_id = fields.Integer(attribute="stop.site_id")
    locality = fields.String(attribute="stop.site.locality")
    latitude = fields.Float(attribute="stop.site.latitude")
    longitude = fields.Float(attribute="stop.site.longitude")
    valid_from = fields.Date()
    valid_to = fields.Date()
    accepted_at = fields.AwareDateTime(allow_none=True)


MobilePointPageSchema = page_schema(MobilePointSchema)
