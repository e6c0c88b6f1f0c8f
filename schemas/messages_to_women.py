"""Messages to women as coordinators see them: how far they are, not to whom they go."""

from marshmallow import Schema, fields

from mobile_units.rules.deliveries import DeliveryState
from mobile_units.rules.messages import Channel, NoticeKind
from mobile_units.services import messages_to_women
from schemas.base import KEY, FilterSchema, page_schema


class MessageFilterSchema(FilterSchema):
    """Which messages are wanted."""

    command = messages_to_women.MessageFilter

    state = fields.Enum(DeliveryState, by_value=True)
    kind = fields.Enum(NoticeKind, by_value=True)
    visit_id = fields.Integer(validate=KEY)


class MessageToWomanSchema(Schema):
    """A message; nothing in it says to whom."""

    id = fields.Integer()
    uuid = fields.UUID()
    visit_id = fields.Integer()
    kind = fields.Enum(NoticeKind, by_value=True)
    channel = fields.Enum(Channel, by_value=True)
    state = fields.Enum(DeliveryState, by_value=True)
    perhaps_arrived = fields.Boolean(metadata={"description": "an attempt may have arrived; nobody knows"})
    attempts = fields.Integer()
    reason = fields.String(allow_none=True)
    sent_at = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime()


class HaltedWaySchema(Schema):
    """A way by which nothing is sent since we were not let in."""

    channel = fields.Enum(Channel, by_value=True)
    halted_at = fields.AwareDateTime()
    reason = fields.String()


class MessagesSummarySchema(Schema):
    """How many messages are in each state, how many women are to be called, and what is halted."""

    states = fields.Dict(keys=fields.Enum(DeliveryState, by_value=True), values=fields.Integer())
    to_call = fields.Integer()
    halted = fields.List(fields.Nested(HaltedWaySchema))


MessageToWomanPageSchema = page_schema(MessageToWomanSchema)
