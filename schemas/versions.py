"""Versions of itineraries: what approval is given, and what is different between two of them."""

from marshmallow import Schema, fields

from mobile_units.rules.versions import Difference
from schemas.base import KEY, NOTE, StrictSchema
from schemas.itineraries import ItinerarySchema, StopSchema, VersionSchema


class ApprovalSchema(VersionSchema):
    """The version that was read, and what is accepted with it."""

    accepted_reason = fields.String(
        validate=NOTE, metadata={"description": "why the itinerary is to be carried out in spite of its violations"}
    )
    base_version = fields.Integer(
        metadata={"description": "the version of the published itinerary with which this one was compared"}
    )


class ComparisonFilterSchema(StrictSchema):
    """With which other itinerary."""

    other_id = fields.Integer(data_key="with", required=True, validate=KEY)


class TermsSchema(Schema):
    """The terms by which an itinerary is judged."""

    women = fields.Integer()
    women_weighted = fields.Float()
    women_due = fields.Integer()
    km = fields.Float()
    km_crews = fields.Float()
    unit_days = fields.Integer()
    unit_days_used = fields.Integer()
    uneven_days = fields.Float()
    value = fields.Float()


class ComparedStopSchema(Schema):
    """A stop in both itineraries, or in one of them alone."""

    one = fields.Nested(StopSchema, allow_none=True)
    other = fields.Nested(StopSchema, allow_none=True)
    differences = fields.List(
        fields.Enum(Difference, by_value=True),
        metadata={"description": "what is different about a stop of both; nothing if it is the same"},
    )


class ComparisonSchema(Schema):
    """Two itineraries stop by stop, in order of time."""

    one = fields.Nested(ItinerarySchema)
    other = fields.Nested(ItinerarySchema)
    stops = fields.List(fields.Nested(ComparedStopSchema))
    one_terms = fields.Nested(TermsSchema)
    other_terms = fields.Nested(TermsSchema)
