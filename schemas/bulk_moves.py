"""Bulk moves: what is asked for, and what is proposed; nothing here names a woman."""

from typing import Any

from marshmallow import Schema, fields, validate

from mobile_units.rules.bulk_moves import BulkMoveStatus
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import bulk_moves
from mobile_units.services.bulk_move_scopes import MOST_VISITS, Scope
from schemas.base import DAY, KEY, NOTE, CommandSchema, FilterSchema, JsonBoolean, StrictSchema, page_schema

HEAVIEST = 1000.0
MOST_STOPS = 1000


def _keys(most: int, description: str) -> fields.List[Any]:
    return fields.List(
        fields.Integer(validate=KEY), validate=validate.Length(max=most), metadata={"description": description}
    )


class ScopeSchema(CommandSchema):
    """Which visits leave (one way of naming them), and which stops may take them."""

    command = Scope

    stop_id = fields.Integer(allow_none=True, validate=KEY, metadata={"description": "all visits of the stop leave"})
    unit_id = fields.Integer(
        allow_none=True, validate=KEY, metadata={"description": "all visits of the unit leave, from day to day"}
    )
    first_day = fields.Date(allow_none=True, validate=DAY)
    last_day = fields.Date(allow_none=True, validate=DAY)
    orphaned = JsonBoolean(metadata={"description": "visits of orphaned slots leave: all, or those of the stop"})
    visit_ids = _keys(MOST_VISITS, "these visits leave")
    to_stop_ids = _keys(MOST_STOPS, "stops that may take them; without, all within the days and kilometres")
    within_days = fields.Integer(
        validate=validate.Range(0, 366), metadata={"description": "no woman goes more than so many days later"}
    )
    within_km = fields.Float(
        validate=validate.Range(0, 2000), metadata={"description": "nor farther than so many kilometres, straight on"}
    )
    notice_days = fields.Integer(
        validate=validate.Range(0, 90), metadata={"description": "nobody goes sooner than so many days from today"}
    )


def _weight(description: str) -> fields.Float:
    return fields.Float(validate=validate.Range(0, HEAVIEST), metadata={"description": description})


class MoveWeightsSchema(StrictSchema):
    """What a change is worth to a woman, in kilometres of straight line."""

    km = _weight("a kilometre farther")
    day_later = _weight("a day later")
    urgent_day_later = _weight("a day later for an urgent visit")
    day_earlier = _weight("a day earlier")
    other_weekday = _weight("another weekday")
    other_time = _weight("the other half of the day")
    other_unit = _weight("another unit")


class NewBulkMoveSchema(CommandSchema):
    """A proposal that is wanted."""

    command = bulk_moves.NewBulkMove

    reason = fields.String(required=True, validate=NOTE, metadata={"description": "kept in the history of each visit"})
    scope = fields.Nested(ScopeSchema, required=True)
    weights = fields.Nested(MoveWeightsSchema)


class ChoiceSchema(CommandSchema):
    """Where a visit goes as you want it."""

    command = bulk_moves.Choice

    version = fields.Integer(required=True, metadata={"description": "the version that you read"})
    visit_id = fields.Integer(required=True, validate=KEY)
    slot_id = fields.Integer(allow_none=True, validate=KEY, metadata={"description": "null: she stays where she is"})


class VersionOfMoveSchema(StrictSchema):
    """The version that you read."""

    version = fields.Integer(required=True)


class ApplicationSchema(VersionOfMoveSchema):
    """Carrying out a proposal."""

    leave_unassigned = JsonBoolean(
        load_default=False, metadata={"description": "those without a place stay where they are, on the list"}
    )


class UndoSchema(VersionOfMoveSchema):
    """Undoing a bulk move."""

    reason = fields.String(required=True, validate=NOTE)


class BulkMoveFilterSchema(FilterSchema):
    """Which bulk moves are wanted."""

    command = bulk_moves.BulkMoveFilter

    status = fields.Enum(BulkMoveStatus, by_value=True)


class BulkMoveSchema(Schema):
    """A bulk move without its visits."""

    id = fields.Integer()
    version = fields.Integer()
    status = fields.Enum(BulkMoveStatus, by_value=True)
    reason = fields.String()
    author_id = fields.Integer(allow_none=True)
    created_at = fields.AwareDateTime()
    applied_at = fields.AwareDateTime(allow_none=True)
    undone_at = fields.AwareDateTime(allow_none=True)


class SlotOfMoveSchema(Schema):
    """When and where."""

    slot_id = fields.Integer()
    starts_at = fields.AwareDateTime()
    service_place_id = fields.Integer()
    service_place = fields.String()
    address = fields.String()
    stop_id = fields.Integer(allow_none=True)
    unit_id = fields.Integer(allow_none=True)
    site = fields.String(allow_none=True)
    locality = fields.String(allow_none=True)


class RowOfMoveSchema(Schema):
    """One visit: where it was to be, where it goes, and what changes for the woman."""

    visit_id = fields.Integer()
    visit_version = fields.Integer()
    path = fields.Enum(Path, by_value=True)
    urgent = fields.Boolean()
    status = fields.Enum(VisitStatus, by_value=True)
    was = fields.Nested(SlotOfMoveSchema)
    to = fields.Nested(SlotOfMoveSchema, allow_none=True)
    by_hand = fields.Boolean()
    reason = fields.String(allow_none=True, metadata={"description": "a code: why she has no other place"})
    reason_pl = fields.String(allow_none=True)
    reason_en = fields.String(allow_none=True)
    not_before = fields.Date(allow_none=True, metadata={"description": "the first day that counts for her"})
    latest = fields.Date(allow_none=True, metadata={"description": "the last day that counts for her"})
    km_farther = fields.Float(allow_none=True, metadata={"description": "from the stop where she was to go"})
    days_later = fields.Integer(allow_none=True, metadata={"description": "below zero: earlier"})
    other_weekday = fields.Boolean(allow_none=True)
    other_time = fields.Boolean(allow_none=True, metadata={"description": "the other half of the day"})
    other_unit = fields.Boolean(allow_none=True)
    cost = fields.Float(allow_none=True, metadata={"description": "all that changes, in kilometres"})
    position = fields.Integer(allow_none=True, metadata={"description": "its place in the order of the hand-over"})
    new_visit_id = fields.Integer(allow_none=True)
    restored_visit_id = fields.Integer(allow_none=True, metadata={"description": "what an undoing put back"})


class TotalsOfMoveSchema(Schema):
    """What a bulk move amounts to."""

    visits = fields.Integer()
    placed = fields.Integer()
    without_place = fields.Integer()
    by_hand = fields.Integer()
    km_farther = fields.Float()
    days_later = fields.Integer()
    same_day = fields.Integer()
    same_unit = fields.Integer()
    cost = fields.Float()


class LeftOutSchema(Schema):
    """A visit of the scope that is not moved."""

    visit_id = fields.Integer()
    why = fields.String(metadata={"description": "held, arrived, begun or over"})


class KeptScopeSchema(Schema):
    """Which visits leave, and which stops may take them."""

    stop_id = fields.Integer(allow_none=True)
    unit_id = fields.Integer(allow_none=True)
    first_day = fields.String(allow_none=True)
    last_day = fields.String(allow_none=True)
    orphaned = fields.Boolean()
    visit_ids = fields.List(fields.Integer())
    to_stop_ids = fields.List(fields.Integer())
    within_days = fields.Integer()
    within_km = fields.Float()
    notice_days = fields.Integer()


class WholeMoveSchema(BulkMoveSchema):
    """A bulk move with its visits."""

    scope = fields.Nested(KeptScopeSchema)
    weights = fields.Nested(MoveWeightsSchema)
    totals = fields.Nested(TotalsOfMoveSchema)
    rows = fields.List(fields.Nested(RowOfMoveSchema))
    left_out = fields.List(fields.Nested(LeftOutSchema))


BulkMovePageSchema = page_schema(BulkMoveSchema)
