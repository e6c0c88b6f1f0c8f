"""Slots with where they are."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from mobile_units.models.slots import SlotStatus
from mobile_units.rules.programmes import Path, Programme
from mobile_units.services import slot_search
from schemas.base import DAY, KEY, NAME, FilterSchema


class SlotFilterSchema(FilterSchema):
    """Which bookable slots are wanted."""

    command = slot_search.SlotFilter

    programme = fields.Enum(Programme, by_value=True)
    path = fields.Enum(Path, by_value=True, metadata={"description": "the path that the schedule is meant for"})
    first_day = fields.Date(validate=DAY)
    last_day = fields.Date(validate=DAY)
    service_place_id = fields.Integer(validate=KEY)
    stop_id = fields.Integer(validate=KEY)
    text = fields.String(validate=NAME, metadata={"description": "part of a place's or site's name or locality"})
    latitude = fields.Float(validate=validate.Range(-90, 90), metadata={"description": "WGS 84"})
    longitude = fields.Float(validate=validate.Range(-180, 180), metadata={"description": "WGS 84"})
    radius_km = fields.Float(
        validate=validate.Range(0, 1000), metadata={"description": "as the crow flies; 30 if not given"}
    )
    order = fields.Enum(slot_search.SlotOrder, by_value=True, metadata={"description": "distance needs coordinates"})

    @validates_schema
    def require_coordinates(self, data: dict[str, Any], **_: Any) -> None:
        """Both coordinates or none; radius and order by distance mean nothing without them."""
        if ("latitude" in data) != ("longitude" in data):
            raise ValidationError("Give both coordinates or none.", "latitude")
        if "latitude" not in data and "radius_km" in data:
            raise ValidationError("A radius needs coordinates.", "radius_km")
        if "latitude" not in data and data.get("order") is slot_search.SlotOrder.DISTANCE:
            raise ValidationError("The order by distance needs coordinates.", "order")


class SlotSchema(Schema):
    """A slot; stop and site are empty in a stationary place."""

    id = fields.Integer()
    uuid = fields.UUID()
    schedule_id = fields.Integer()
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    status = fields.Enum(SlotStatus, by_value=True)
    capacity = fields.Integer()
    free = fields.Integer(metadata={"description": "free places"})
    programme = fields.Enum(Programme, by_value=True)
    path = fields.Enum(Path, by_value=True)
    mobile = fields.Boolean(metadata={"description": "the schedule's mobile-point flag"})
    service_place_id = fields.Integer()
    service_place = fields.String()
    address = fields.String(metadata={"description": "of the service place"})
    stop_id = fields.Integer(allow_none=True)
    site_id = fields.Integer(allow_none=True)
    site = fields.String(allow_none=True)
    locality = fields.String(allow_none=True)
    landmark = fields.String(allow_none=True)
    street = fields.String(allow_none=True)
    telephone = fields.String(allow_none=True)
    latitude = fields.Float(allow_none=True)
    longitude = fields.Float(allow_none=True)
    distance_km = fields.Float(allow_none=True)


class SlotPageSchema(Schema):
    """A part of the slots found."""

    items = fields.List(fields.Nested(SlotSchema))
    page = fields.Integer()
    page_size = fields.Integer()
    more = fields.Boolean(metadata={"description": "whether another page follows"})
