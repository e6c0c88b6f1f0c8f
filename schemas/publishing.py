"""What is published, and how much was derived from it."""

from marshmallow import Schema, fields

from mobile_units.rules.transmissions import MessageKind
from schemas.base import DAY, JsonBoolean, StrictSchema
from schemas.changes import ORPHAN, BookedVisitSchema, ChangesSchema
from schemas.itineraries import VersionSchema


class PublicationSchema(VersionSchema):
    """The version that was read; `stationary` also opens the stationary places for the same days."""

    stationary = JsonBoolean(load_default=False)
    orphan = JsonBoolean(load_default=False, metadata=ORPHAN)


class PublicationPreviewSchema(StrictSchema):
    """How it would be published."""

    orphan = fields.Boolean(load_default=False, metadata=ORPHAN)


class OpeningSchema(StrictSchema):
    """The days for which a stationary place is opened, both included."""

    first_day = fields.Date(required=True, validate=DAY)
    last_day = fields.Date(required=True, validate=DAY)


class PublishedSchema(Schema):
    """How much was derived."""

    mobile_points = fields.Integer()
    schedules = fields.Integer()
    slots = fields.Integer()
    kept = fields.Integer(metadata={"description": "stops of the revised itinerary that stay as they are"})
    changed = fields.Integer(metadata={"description": "stops of it that are changed"})
    withdrawn = fields.Integer(metadata={"description": "stops of it that are withdrawn"})


class RevisedStopSchema(Schema):
    """A stop, and what becomes of its slots if they change."""

    stop_id = fields.Integer()
    unit_id = fields.Integer()
    unit = fields.String()
    site_id = fields.Integer()
    site = fields.String()
    first_day = fields.Date()
    last_day = fields.Date()
    changes = fields.Nested(ChangesSchema, allow_none=True)


class PreviewSchema(Schema):
    """What publishing would do; with visits in its way it is refused, or orphans slots."""

    published = fields.Nested(PublishedSchema)
    kept = fields.List(fields.Nested(RevisedStopSchema))
    changed = fields.List(fields.Nested(RevisedStopSchema))
    withdrawn = fields.List(fields.Nested(RevisedStopSchema))
    new = fields.List(fields.Nested(RevisedStopSchema))
    visits = fields.List(fields.Nested(BookedVisitSchema), metadata={"description": "those in the way"})
    messages = fields.Dict(
        keys=fields.Enum(MessageKind, by_value=True),
        values=fields.Integer(),
        metadata={"description": "messages that would be queued, by kind; if refused, but for stops with visits"},
    )
    base_version = fields.Integer(
        allow_none=True, metadata={"description": "the version of the itinerary that this one revises"}
    )
