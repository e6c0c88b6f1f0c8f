"""Many slots at once by a pattern."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from mobile_units.rules.admission import Reservation
from mobile_units.rules.programmes import Path
from mobile_units.services import slot_patterns
from mobile_units.services.slot_patterns import PatternAct
from schemas.base import CLOCK, DAY, KEY, WEEKDAY, CommandSchema, JsonBoolean
from schemas.changes import BookedVisitSchema
from schemas.itineraries import LOCAL_TIME


class SlotPatternSchema(CommandSchema):
    """Which slots are meant, by when they begin; of a stop or of a service place."""

    command = slot_patterns.SlotPattern

    first_day = fields.Date(required=True, validate=DAY)
    last_day = fields.Date(required=True, validate=DAY)
    stop_id = fields.Integer(validate=KEY)
    service_place_id = fields.Integer(validate=KEY)
    weekdays = fields.List(
        fields.Integer(validate=WEEKDAY), validate=validate.Length(max=7), metadata={"description": "1 is Monday"}
    )
    since = fields.Time(format=CLOCK, metadata=LOCAL_TIME)
    before = fields.Time(format=CLOCK, metadata=LOCAL_TIME)
    every = fields.Integer(validate=validate.Range(1, 1000), metadata={"description": "every n-th slot of a day"})
    beginning_with = fields.Integer(
        validate=validate.Range(1, 1000), metadata={"description": "the number of the first slot of a day; 1"}
    )
    path = fields.Enum(Path, by_value=True)
    reserved_for = fields.Enum(Reservation, by_value=True, metadata={"description": "only slots reserved so"})

    @validates_schema
    def require_where(self, data: dict[str, Any], **_: Any) -> None:
        """A stop, a place, or both."""
        if "stop_id" not in data and "service_place_id" not in data:
            raise ValidationError("Name a stop or a service place.", "stop_id")


class PatternCommandSchema(CommandSchema):
    """What to do with the slots of a pattern."""

    command = slot_patterns.PatternCommand

    pattern = fields.Nested(SlotPatternSchema, required=True)
    act = fields.Enum(PatternAct, by_value=True, required=True)
    reserve_for = fields.Enum(Reservation, by_value=True, metadata={"description": "needed to reserve"})
    skip_visits = JsonBoolean(metadata={"description": "leaves slots with visits as they are; else they are refused"})

    @validates_schema
    def require_whom(self, data: dict[str, Any], **_: Any) -> None:
        """Who reserves says for whom; nobody else does."""
        if (data.get("act") is PatternAct.RESERVE) != ("reserve_for" in data):
            raise ValidationError("Say for whom if, and only if, slots are reserved.", "reserve_for")


class PatternOutcomeSchema(Schema):
    """What a pattern does."""

    found = fields.Integer(metadata={"description": "slots that are meant"})
    changed = fields.Integer(metadata={"description": "those of them that change"})
    with_visits = fields.Integer(metadata={"description": "those that cannot be blocked"})
    visits = fields.List(fields.Nested(BookedVisitSchema), metadata={"description": "the visits in these"})
