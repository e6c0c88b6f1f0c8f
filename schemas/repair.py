"""Breakdowns: what is asked, and what is proposed."""

from marshmallow import Schema, fields, validate

from mobile_units.rules.programmes import Programme
from mobile_units.rules.repair import RepairKind
from schemas.base import DAY, KEY, StrictSchema


class BreakdownSchema(StrictSchema):
    """A unit that is out from a day on."""

    unit_id = fields.Integer(required=True, validate=KEY)
    first_day = fields.Date(required=True, validate=DAY)
    days = fields.Integer(
        required=True, validate=validate.Range(1, 92), metadata={"description": "how many calendar days"}
    )
    reason = fields.String(
        validate=validate.Length(1, 200), metadata={"description": "kept with the unit when a proposal is accepted"}
    )


class AcceptedRepairSchema(BreakdownSchema):
    """The proposal that is accepted, beside the breakdown for which it was made."""

    key = fields.String(required=True, validate=validate.Length(1, 64))


class PlannedStopSchema(Schema):
    """A stop that is proposed."""

    unit_id = fields.Integer()
    site_id = fields.Integer()
    days = fields.List(fields.Date())
    women = fields.Integer()


class MovedStopSchema(Schema):
    """A published stop, and the one in its place."""

    stop_id = fields.Integer()
    stop = fields.Nested(PlannedStopSchema)
    to = fields.Nested(PlannedStopSchema, allow_none=True, metadata={"description": "null if the stop is lost"})


class MovedVisitSchema(Schema):
    """A visit that cannot stay, and the stop with a place for it."""

    visit_id = fields.Integer()
    stop_id = fields.Integer()
    to = fields.Nested(PlannedStopSchema, allow_none=True, metadata={"description": "null if there is no place"})


class ContractEffectSchema(Schema):
    """Women more, or fewer, who are settled under product codes."""

    codes = fields.String()
    programme = fields.Enum(Programme, by_value=True)
    women = fields.Integer()


class RepairProposalSchema(Schema):
    """One way to go on, and what it costs."""

    key = fields.String(metadata={"description": "to accept it"})
    kind = fields.Enum(RepairKind, by_value=True)
    kept = fields.Integer(metadata={"description": "published stops that stay as they are"})
    lost = fields.Integer(metadata={"description": "stops without another in their place"})
    moved = fields.List(fields.Nested(MovedStopSchema))
    visits = fields.List(fields.Nested(MovedVisitSchema))
    visits_lost = fields.Integer()
    women_hit = fields.Integer(metadata={"description": "women planned at the stops that do not stay"})
    women_lost = fields.Integer()
    km = fields.Float(metadata={"description": "kilometres of units more than before"})
    km_crews = fields.Float(metadata={"description": "kilometres of crews more than before"})
    contract = fields.List(fields.Nested(ContractEffectSchema))
    disturbance = fields.Float(
        metadata={"description": "what women notice of it, counted in women; the least is the best"}
    )
