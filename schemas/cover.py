"""How far ahead service places reach."""

from marshmallow import Schema, fields

from mobile_units.models.service_places import ServicePlaceStatus
from mobile_units.rules.programmes import Mobility
from mobile_units.services.cover import CoverState


class PlaceCoverSchema(Schema):
    """One service place and its duty of three full months."""

    service_place_id = fields.Integer()
    name = fields.String()
    cell_code = fields.String()
    mobility = fields.Enum(Mobility, by_value=True)
    status = fields.Enum(ServicePlaceStatus, by_value=True)
    reach = fields.Date(allow_none=True, metadata={"description": "the last day that is covered"})
    missing = fields.List(fields.Date(), metadata={"description": "days of a stationary place without any slot"})
    broken_on = fields.Date(metadata={"description": "the first day on which the duty is broken if nothing is done"})
    needed_until = fields.Date(metadata={"description": "how far to reach so that it is kept on that day"})
    state = fields.Enum(CoverState, by_value=True)


class CoverSchema(Schema):
    """All service places, those first whose duty is broken soonest; `horizon` is the last day that is due today."""

    horizon = fields.Date()
    items = fields.List(fields.Nested(PlaceCoverSchema))
