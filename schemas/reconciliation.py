"""Reconciliations and their differences; only `DifferenceWithWomanSchema` names a woman."""

from marshmallow import Schema, fields

from mobile_units.models.reconciliation import DifferenceKind, DifferenceState, ReconciliationState
from mobile_units.services import reconciliation
from schemas.base import KEY, NOTE, CommandSchema, FilterSchema, page_schema
from schemas.inbound import CentralPatientSchema, CentralVisitSchema


class ReconciliationFilterSchema(FilterSchema):
    """Which reconciliations are wanted."""

    command = reconciliation.ReconciliationFilter

    state = fields.Enum(ReconciliationState, by_value=True)


class DifferenceFilterSchema(FilterSchema):
    """Which differences are wanted."""

    command = reconciliation.DifferenceFilter

    reconciliation_id = fields.Integer(validate=KEY)
    kind = fields.Enum(DifferenceKind, by_value=True)
    state = fields.Enum(
        DifferenceState,
        by_value=True,
        load_default=DifferenceState.OPEN,
        metadata={"description": "by default those that wait for a person"},
    )


class DecisionOnDifferenceSchema(CommandSchema):
    """What is done about a difference."""

    command = reconciliation.DecisionOnDifference

    decision = fields.Enum(reconciliation.Decision, by_value=True, required=True)
    note = fields.String(allow_none=True, validate=NOTE)


class ReconciliationSchema(Schema):
    """A comparison of the visits whose slots lie on the days named."""

    id = fields.Integer()
    first_day = fields.Date()
    last_day = fields.Date()
    state = fields.Enum(ReconciliationState, by_value=True)
    started_at = fields.AwareDateTime()
    finished_at = fields.AwareDateTime(allow_none=True)
    visits_here = fields.Integer(allow_none=True)
    visits_there = fields.Integer(allow_none=True)
    failure = fields.String(allow_none=True)


class ReconciliationWithSummarySchema(ReconciliationSchema):
    """A comparison with its differences in numbers."""

    differences = fields.Dict(
        keys=fields.String(),
        values=fields.Dict(keys=fields.String(), values=fields.Integer()),
        metadata={"description": "how many of each kind ended in each state"},
    )


class DifferenceSchema(Schema):
    """One visit about which the two sides differ."""

    id = fields.Integer()
    reconciliation_id = fields.Integer()
    kind = fields.Enum(DifferenceKind, by_value=True)
    fields_ = fields.String(attribute="fields", data_key="fields", metadata={"description": "what differs, by name"})
    visit_id = fields.Integer(allow_none=True)
    cer_root = fields.String()
    cer_extension = fields.String()
    there = fields.Nested(CentralVisitSchema, attribute="content.visit")
    changed_at = fields.String(attribute="content.at", metadata={"description": "when it changed at the centre"})
    changed_by = fields.String(attribute="content.by", metadata={"description": "who changed it there last"})
    state = fields.Enum(DifferenceState, by_value=True)
    decided_by = fields.Integer(allow_none=True)
    decided_at = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime()


class DifferenceWithWomanSchema(DifferenceSchema):
    """A difference with the woman whom the centre names, and with the note of a decision."""

    patient = fields.Nested(CentralPatientSchema, attribute="content.visit.patient")
    note = fields.String(allow_none=True)


ReconciliationPageSchema = page_schema(ReconciliationSchema)
DifferencePageSchema = page_schema(DifferenceSchema)
