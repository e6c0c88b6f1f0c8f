"""What is supposed of the units and the weights, for a plan beside the current one."""

from typing import Any

from marshmallow import fields, post_load, validate

from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule
from mobile_units.services import what_if
from schemas.base import KEY, NAME, CommandSchema
from schemas.itineraries import WeightsSchema


class OtherUnitSchema(CommandSchema):
    """A unit that is not as it is, or one that comes besides and is like another."""

    command = what_if.OtherUnit

    unit_id = fields.Integer(required=True, validate=KEY)
    added_as = fields.String(validate=NAME, metadata={"description": "the name of a unit that comes besides"})
    latitude = fields.Float(validate=validate.Range(-90, 90))
    longitude = fields.Float(validate=validate.Range(-180, 180))
    home_rule = fields.Enum(HomeRule, by_value=True)
    weekdays = fields.List(
        fields.Integer(validate=validate.Range(1, 7)),
        validate=validate.Length(1, 7),
        metadata={"description": "ISO numbers, Monday being 1"},
    )
    max_relocation_km = fields.Float(validate=validate.Range(0, 5000, min_inclusive=False))
    women_per_day = fields.Dict(
        keys=fields.Enum(Programme, by_value=True),
        values=fields.Integer(validate=validate.Range(1, 1000)),
        validate=validate.Length(1),
    )

    @post_load
    def make(self, data: dict[str, Any], **options: Any) -> Any:
        """Builds the command, in which weekdays have no order."""
        if "weekdays" in data:
            data["weekdays"] = frozenset(data["weekdays"])
        return super().make(data, **options)


class WhatIfSchema(CommandSchema):
    """What is changed in a problem before it is planned."""

    command = what_if.WhatIf

    units = fields.List(fields.Nested(OtherUnitSchema), validate=validate.Length(0, 50))
    left_out = fields.List(fields.Integer(validate=KEY), validate=validate.Length(0, 200))
    weights = fields.Nested(WeightsSchema)
