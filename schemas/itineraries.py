"""Itineraries, their stops, and what is wrong with them."""

from typing import Any

from marshmallow import Schema, fields, validate

from mobile_units.models.itineraries import ItineraryStatus
from mobile_units.services import itineraries, planning, versions
from schemas.base import (
    CLOCK,
    DAY,
    KEY,
    NAME,
    CommandSchema,
    FilterSchema,
    JsonBoolean,
    StrictSchema,
    change_of,
    page_schema,
)

LOCAL_TIME = {"description": "Polish local time", "example": "08:00"}


class NewItinerarySchema(CommandSchema):
    """An empty draft."""

    command = itineraries.NewItinerary

    name = fields.String(required=True, validate=NAME)
    first_day = fields.Date(required=True, validate=DAY)
    last_day = fields.Date(required=True, validate=DAY)


class WeightsSchema(CommandSchema):
    """What the terms of the objective are worth."""

    command = planning.Weights

    km_per_woman = fields.Float(validate=validate.Range(0, 10_000, min_inclusive=False))
    crew_km_share = fields.Float(validate=validate.Range(0, 100))
    women_per_uneven_day = fields.Float(validate=validate.Range(0, 10_000))


class PlanRequestSchema(CommandSchema):
    """What the planner is asked for."""

    command = planning.PlanRequest

    name = fields.String(required=True, validate=NAME)
    first_day = fields.Date(required=True, validate=DAY)
    last_day = fields.Date(required=True, validate=DAY)
    unit_ids = fields.List(
        fields.Integer(validate=KEY),
        validate=validate.Length(1, 200),
        metadata={"description": "all active units unless given"},
    )
    site_ids = fields.List(
        fields.Integer(validate=KEY),
        validate=validate.Length(1, 5000),
        metadata={"description": "where new stops are made; all active sites unless given"},
    )
    itinerary_id = fields.Integer(
        validate=KEY, metadata={"description": "an itinerary to be planned anew; pinned and published stops stay"}
    )
    weights = fields.Nested(WeightsSchema, metadata={"description": "instead of those of the settings"})
    seconds = fields.Float(validate=validate.Range(1, 600), metadata={"description": "how long to search; default 10"})
    seed = fields.Integer(validate=validate.Range(0, 2**31 - 1))


class DayHoursSchema(CommandSchema):
    """A day of a stop; the hours of the unit unless given."""

    command = itineraries.DayHours

    day = fields.Date(required=True, validate=DAY)
    opens = fields.Time(format=CLOCK, allow_none=True, metadata=LOCAL_TIME)
    closes = fields.Time(format=CLOCK, allow_none=True, metadata=LOCAL_TIME)


class NewStopSchema(CommandSchema):
    """A stop added by hand."""

    command = itineraries.NewStop

    unit_id = fields.Integer(required=True, validate=KEY)
    site_id = fields.Integer(required=True, validate=KEY)
    days = fields.List(fields.Nested(DayHoursSchema), required=True, validate=validate.Length(1, 92))
    women_planned = fields.Integer(validate=validate.Range(0, 100_000), allow_none=True)


class StopChangeSchema(CommandSchema):
    """A change of a stop; days are given whole."""

    command = itineraries.StopChange

    version = fields.Integer(required=True, metadata={"description": "the version of the itinerary that you read"})
    unit_id = fields.Integer(validate=KEY)
    site_id = fields.Integer(validate=KEY)
    days = fields.List(fields.Nested(DayHoursSchema), validate=validate.Length(1, 92))
    women_planned = fields.Integer(validate=validate.Range(0, 100_000))
    pinned = JsonBoolean(metadata={"description": "whether the planner has to keep the stop as it is"})


class StopDaySchema(Schema):
    """Working hours of a stop on one day."""

    day = fields.Date()
    opens_at = fields.AwareDateTime()
    closes_at = fields.AwareDateTime()


class StopSchema(Schema):
    """A stay of a unit at a site."""

    id = fields.Integer()
    itinerary_id = fields.Integer()
    unit_id = fields.Integer()
    unit = fields.String(attribute="unit.name")
    site_id = fields.Integer()
    site = fields.String(attribute="site.name")
    first_day = fields.Date()
    last_day = fields.Date()
    women_planned = fields.Integer()
    pinned = fields.Boolean()
    origin_id = fields.Integer(allow_none=True, metadata={"description": "the published stop that it continues"})
    days = fields.List(fields.Nested(StopDaySchema))


class ItinerarySchema(Schema):
    """An itinerary; `planning` tells how it came about."""

    id = fields.Integer()
    version = fields.Integer()
    name = fields.String()
    first_day = fields.Date()
    last_day = fields.Date()
    status = fields.Enum(ItineraryStatus, by_value=True)
    planning = fields.Dict()
    revises_id = fields.Integer(allow_none=True, metadata={"description": "the published itinerary that it revises"})
    revises_version = fields.Integer(allow_none=True, metadata={"description": "and the version of that one"})
    created_at = fields.AwareDateTime()
    approved_at = fields.AwareDateTime(allow_none=True)
    published_at = fields.AwareDateTime(allow_none=True)


class ItineraryWithStopsSchema(ItinerarySchema):
    """An itinerary with all its stops."""

    stops = fields.List(fields.Nested(StopSchema))


class ItineraryFilterSchema(FilterSchema):
    """Which itineraries are wanted."""

    command = itineraries.ItineraryFilter

    status = fields.Enum(ItineraryStatus, by_value=True)
    on = fields.Date(validate=DAY, metadata={"description": "itineraries that cover this day"})


class StopFilterSchema(FilterSchema):
    """Which stops are wanted; those that last into the days from `first_day` to `last_day`."""

    command = itineraries.StopFilter

    itinerary_id = fields.Integer(validate=KEY)
    unit_id = fields.Integer(validate=KEY)
    site_id = fields.Integer(validate=KEY)
    status = fields.Enum(ItineraryStatus, by_value=True)
    first_day = fields.Date(validate=DAY)
    last_day = fields.Date(validate=DAY)


class VersionSchema(StrictSchema):
    """The version that was read."""

    version = fields.Integer(required=True)


class ViolationSchema(Schema):
    """Something that keeps an itinerary from being carried out."""

    code = fields.String()
    message_pl = fields.String()
    message_en = fields.String()
    unit_id = fields.Integer(allow_none=True)
    site_id = fields.Integer(allow_none=True)
    day = fields.Date(allow_none=True)


class EditSchema(Schema):
    """The itinerary's version after an edit, and what the edit breaks."""

    itinerary_version = fields.Integer(attribute="itinerary.version")
    violations = fields.List(
        fields.Nested(ViolationSchema), metadata={"description": "those that were not there before"}
    )


class EditedStopSchema(EditSchema, StopSchema):
    """A stop as it is after an edit, and what the edit breaks."""

    def get_attribute(self, obj: versions.Edit, attr: str, default: Any) -> Any:
        """The stop's own attributes are read from it."""
        own = attr.partition(".")[0] in {"itinerary", "violations"}
        return super().get_attribute(obj if own else obj.stop, attr, default)


ItineraryChangeSchema = change_of(NewItinerarySchema, without=("first_day", "last_day"))
ItineraryPageSchema = page_schema(ItinerarySchema)
StopPageSchema = page_schema(StopSchema)
