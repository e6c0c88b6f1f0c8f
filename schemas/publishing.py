"""What is published, and how much was derived from it."""

from marshmallow import Schema, fields

from schemas.base import DAY, JsonBoolean, StrictSchema
from schemas.itineraries import VersionSchema


class PublicationSchema(VersionSchema):
    """The version that was read; `stationary` also opens the stationary places for the same days."""

    stationary = JsonBoolean(load_default=False)


class OpeningSchema(StrictSchema):
    """The days for which a stationary place is opened, both included."""

    first_day = fields.Date(required=True, validate=DAY)
    last_day = fields.Date(required=True, validate=DAY)


class PublishedSchema(Schema):
    """How much was derived."""

    mobile_points = fields.Integer()
    schedules = fields.Integer()
    slots = fields.Integer()
