"""Initial loads of booked visits; nothing in the answers names a woman."""

from marshmallow import Schema, fields, validate

from mobile_units.models.transmissions import MessageState
from mobile_units.services import initial_loads
from schemas.base import FilterSchema, StrictSchema, page_schema
from schemas.imports import ImportOptionsSchema


class InitialLoadOptionsSchema(ImportOptionsSchema):
    """How to load."""

    chunk_size = fields.Integer(
        load_default=initial_loads.CHUNK,
        validate=validate.Range(1, 1000),
        metadata={"description": "visits in one message"},
    )


class InitialLoadFilterSchema(FilterSchema):
    """Which part of the list is wanted."""

    command = initial_loads.LoadFilter


class LoadResultSchema(Schema):
    """What was taken in; of a trial nothing was."""

    load_id = fields.Integer(allow_none=True)
    rows = fields.Integer()
    chunks = fields.Integer()
    women_registered = fields.Integer()


class InitialLoadSchema(Schema):
    """A file that was taken in."""

    id = fields.Integer()
    file_name = fields.String()
    loaded_by = fields.Integer(allow_none=True)
    created_at = fields.AwareDateTime()


class ChunkStatusSchema(Schema):
    """How far one message got."""

    number = fields.Integer()
    rows = fields.Integer()
    state = fields.Enum(MessageState, by_value=True)


class LoadStatusSchema(Schema):
    """How far a load got."""

    file = fields.Nested(InitialLoadSchema, attribute="load")
    rows = fields.Integer()
    waiting = fields.Integer()
    accepted = fields.Integer()
    refused = fields.Integer()
    chunks = fields.List(fields.Nested(ChunkStatusSchema))


class RefusedRowSchema(Schema):
    """A row that the central e-registration refused."""

    id = fields.Integer()
    row = fields.Integer(metadata={"description": "as a spreadsheet counts"})
    visit_id = fields.Integer()
    code = fields.String(allow_none=True)
    rule = fields.String(allow_none=True)
    description = fields.String(allow_none=True)
    passed = fields.Boolean(metadata={"description": "whether the visit was accepted later"})


class ReportFormatSchema(StrictSchema):
    """How the report is written."""

    format = fields.String(load_default="json", validate=validate.OneOf(["json", "csv"]))


InitialLoadPageSchema = page_schema(InitialLoadSchema)
