"""The document of every refusal."""

from marshmallow import Schema, fields

from schemas.changes import BookedVisitSchema
from schemas.imports import ImportProblemSchema
from schemas.itineraries import ViolationSchema


class ScheduleInTheWaySchema(Schema):
    """A schedule that keeps a contract from being shortened."""

    id = fields.Integer()
    valid_from = fields.Date()
    valid_to = fields.Date()


class ProblemSchema(Schema):
    """`application/problem+json` (RFC 9457) with a stable code, the sentence in two languages, and the way out."""

    type = fields.String(required=True, metadata={"format": "uri-reference", "example": "/api/v1/problems#not_found"})
    title = fields.String(required=True, metadata={"description": "the sentence in English"})
    title_pl = fields.String(required=True, metadata={"description": "the sentence in Polish"})
    status = fields.Integer(required=True, metadata={"description": "the HTTP status", "example": 404})
    code = fields.String(required=True, metadata={"description": "the stable code", "example": "not_found"})
    way_out = fields.String(metadata={"description": "what to do next, in English"})
    way_out_pl = fields.String(metadata={"description": "what to do next, in Polish"})
    request_id = fields.String(metadata={"description": "the id under which the request was logged"})
    errors = fields.Dict(
        keys=fields.String(), metadata={"description": "with `invalid_input`: the sentences for each field at fault"}
    )
    problems = fields.List(
        fields.Nested(ImportProblemSchema),
        metadata={"description": "with `import_refused`: all that is wrong in the file"},
    )
    visits = fields.List(
        fields.Nested(BookedVisitSchema), metadata={"description": "with `slots_have_visits`: all that are in the way"}
    )
    schedules = fields.List(
        fields.Nested(ScheduleInTheWaySchema),
        metadata={"description": "with `contract_has_schedules`: all that would lie outside"},
    )
    violations = fields.List(
        fields.Nested(ViolationSchema), metadata={"description": "with `itinerary_has_violations`: all of them"}
    )
