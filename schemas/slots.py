"""Slots with where they are."""

from datetime import time
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from mobile_units.models.slots import SlotStatus
from mobile_units.rules.admission import BookingChannel, Reservation
from mobile_units.rules.programmes import Path, Programme
from mobile_units.services import slot_search
from schemas.base import DAY, KEY, NAME, WEEKDAY, FilterSchema

CLOCK_TIME = validate.Regexp(r"([01]\d|2[0-3]):[0-5]\d\Z", error="Hours and minutes, as 08:30.")


class SlotFilterSchema(FilterSchema):
    """Which bookable slots are wanted."""

    command = slot_search.SlotFilter

    after = fields.String(
        validate=validate.Length(max=100), metadata={"description": "`next` of the page before, instead of `page`"}
    )
    programme = fields.Enum(Programme, by_value=True)
    path = fields.Enum(Path, by_value=True, metadata={"description": "the path that the schedule is meant for"})
    first_day = fields.Date(validate=DAY)
    last_day = fields.Date(validate=DAY)
    weekdays = fields.List(
        fields.Integer(validate=WEEKDAY),
        validate=validate.Length(max=7),
        metadata={"description": "ISO numbers, repeated: weekdays=2&weekdays=4; for a year at the most"},
    )
    from_time = fields.String(
        validate=CLOCK_TIME,
        metadata={"description": "begins then or later, as clocks in Poland show it", "example": "08:00"},
    )
    to_time = fields.String(
        validate=CLOCK_TIME, metadata={"description": "begins before, as clocks in Poland show it", "example": "12:00"}
    )
    service_place_id = fields.Integer(validate=KEY)
    stop_id = fields.Integer(validate=KEY)
    teryt = fields.String(
        validate=validate.Regexp(r"[0-9]{2}([0-9]{2}([0-9]{2,3})?)?\Z"),
        metadata={"description": "beginning of the gmina's code: voivodeship, powiat or gmina", "example": "1017"},
    )
    gmina = fields.String(validate=NAME, metadata={"description": "its whole name"})
    text = fields.String(
        validate=NAME,
        metadata={"description": "part of a place's name or address or of a site's name, locality, gmina"},
    )
    latitude = fields.Float(validate=validate.Range(-90, 90), metadata={"description": "WGS 84"})
    longitude = fields.Float(validate=validate.Range(-180, 180), metadata={"description": "WGS 84"})
    radius_km = fields.Float(
        validate=validate.Range(0, 1000), metadata={"description": "as the crow flies; 30 if not given"}
    )
    channel = fields.Enum(
        BookingChannel, by_value=True, metadata={"description": "where she books, which opens slots reserved for it"}
    )
    urgent = fields.Boolean(metadata={"description": "opens slots reserved for urgent cases"})
    overbooking = fields.Boolean(metadata={"description": "also slots that have only extra places left"})
    places = fields.Integer(
        validate=validate.Range(1, 10), metadata={"description": "how many women come together; 1 if not given"}
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

    @validates_schema
    def refuse_contradictions(self, data: dict[str, Any], **_: Any) -> None:
        """What nothing can meet."""
        if "path" in data and data.get("programme", data["path"].programme) is not data["path"].programme:
            raise ValidationError("The path does not belong to the programme.", "path")
        if "from_time" in data and "to_time" in data and data["from_time"] >= data["to_time"]:
            raise ValidationError("Ends before it begins.", "to_time")
        if "after" in data and data["page"] > 1:
            raise ValidationError("Give a page or where to go on.", "after")

    @post_load
    def make(self, data: dict[str, Any], **options: Any) -> Any:
        """Builds the filter."""
        for name in ("from_time", "to_time"):
            if name in data:
                data[name] = time.fromisoformat(data[name])
        if "after" in data:
            data["after"] = _place(data["after"])
        return super().make(data, **options)


def _place(written: str) -> slot_search.Place:
    try:
        return slot_search.Place.parse(written)
    except ValueError:
        raise ValidationError({"after": ["Not where a page ended."]}) from None


class SlotSchema(Schema):
    """A slot; stop and site are empty in a stationary place."""

    id = fields.Integer()
    uuid = fields.UUID()
    schedule_id = fields.Integer()
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    status = fields.Enum(SlotStatus, by_value=True)
    capacity = fields.Integer()
    free = fields.Integer(metadata={"description": "free places within the capacity"})
    extra = fields.Integer(metadata={"description": "places left above the capacity (overbooking)"})
    reserved_for = fields.Enum(Reservation, by_value=True, allow_none=True)
    overbooking_reason = fields.String(
        allow_none=True, metadata={"description": "what a woman is told where only extra places are left"}
    )
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
    next = fields.String(allow_none=True, metadata={"description": "where it follows: parameter `after`"})
