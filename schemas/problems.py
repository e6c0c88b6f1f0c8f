"""The document of every refusal."""

from marshmallow import Schema, fields

from mobile_units.rules.programmes import Programme
from mobile_units.rules.visits import VisitStatus
from schemas.imports import ImportProblemSchema
from schemas.itineraries import ViolationSchema


class ScheduleInTheWaySchema(Schema):
    """A schedule that keeps a contract from being shortened."""

    id = fields.Integer()
    valid_from = fields.Date()
    valid_to = fields.Date()


class VisitInTheWaySchema(Schema):
    """A visit that keeps something from being done; it names nobody. What is told of it depends on the code."""

    id = fields.Integer()
    version = fields.Integer()
    woman_id = fields.Integer()
    slot_id = fields.Integer()
    programme = fields.Enum(Programme, by_value=True)
    starts_at = fields.AwareDateTime()
    status = fields.Enum(VisitStatus, by_value=True)
    visit_id = fields.Integer(metadata={"description": "with a bulk move: the key of the visit"})
    why = fields.String(metadata={"description": "with a bulk move: a code that says what is the matter with it"})


class FreePlaceSchema(Schema):
    """A slot that can be booked."""

    slot_id = fields.Integer()
    starts_at = fields.AwareDateTime()
    locality = fields.String(allow_none=True)


class AlternativeSchema(Schema):
    """A slot that the woman can have instead."""

    slot_id = fields.Integer()
    starts_at = fields.AwareDateTime()
    place = fields.String()
    address = fields.String()
    distance_km = fields.Float(allow_none=True, metadata={"description": "from the place that she asked for"})


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
        fields.Nested(VisitInTheWaySchema),
        metadata={
            "description": "with `slots_have_visits`, `parallel_visits`, `bulk_move_unassigned`, `bulk_move_outdated`, "
            "`bulk_move_changed`: all that are in the way"
        },
    )
    alternatives = fields.List(
        fields.Nested(AlternativeSchema),
        metadata={"description": "with a refusal because a place cannot be had: the nearest places instead"},
    )
    places = fields.List(
        fields.Nested(FreePlaceSchema),
        metadata={"description": "with `places_free`: what can be booked, soonest first"},
    )
    schedules = fields.List(
        fields.Nested(ScheduleInTheWaySchema),
        metadata={"description": "with `contract_has_schedules`: all that would lie outside"},
    )
    violations = fields.List(
        fields.Nested(ViolationSchema), metadata={"description": "with `itinerary_has_violations`: all of them"}
    )
