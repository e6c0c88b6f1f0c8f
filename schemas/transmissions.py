"""Messages to the central e-registration and the attempts to deliver them; nothing in them names a woman."""

from marshmallow import Schema, fields

from mobile_units.models.transmissions import MessageState
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services import transmissions
from schemas.base import KEY, FilterSchema, page_schema


class TransmissionFilterSchema(FilterSchema):
    """Which messages are wanted."""

    command = transmissions.TransmissionFilter

    state = fields.Enum(MessageState, by_value=True)
    kind = fields.Enum(MessageKind, by_value=True)
    subject_id = fields.Integer(validate=KEY, metadata={"description": "the object that the kind is about"})
    first_day = fields.Date(metadata={"description": "first service day"})
    last_day = fields.Date(metadata={"description": "last service day"})
    blocked = fields.Boolean(metadata={"description": "whether it waits for messages that are not accepted"})


class AwaitedSchema(Schema):
    """A message that another one waits for."""

    id = fields.Integer()


class TransmissionSchema(Schema):
    """A message as it stands."""

    id = fields.Integer()
    uuid = fields.UUID(metadata={"description": "the identifier that the receiver sees"})
    kind = fields.Enum(MessageKind, by_value=True)
    subject_id = fields.Integer(metadata={"description": "the object that the kind is about"})
    service_day = fields.Date()
    state = fields.Enum(MessageState, by_value=True)
    attempts = fields.Integer(metadata={"description": "how often it was taken up for sending"})
    uncertain = fields.Boolean(metadata={"description": "an earlier attempt may have arrived"})
    due_at = fields.AwareDateTime()
    accepted_at = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime()
    blocked = fields.Boolean()
    waits_for = fields.Pluck(AwaitedSchema, "id", many=True, metadata={"description": "not accepted yet"})


class AttemptSchema(Schema):
    """One attempt to deliver a message."""

    started_at = fields.AwareDateTime()
    milliseconds = fields.Integer()
    outcome = fields.String()
    code = fields.String(allow_none=True)
    description = fields.String(allow_none=True)
    event_uuid = fields.String(allow_none=True)
    endpoint = fields.String()


class TransmissionWithLogSchema(TransmissionSchema):
    """A message with every attempt to deliver it, oldest first."""

    log = fields.List(fields.Nested(AttemptSchema))


class TransmissionSummarySchema(Schema):
    """The hand-over in numbers."""

    states = fields.Dict(keys=fields.Enum(MessageState, by_value=True), values=fields.Integer())
    blocked = fields.Integer()


TransmissionPageSchema = page_schema(TransmissionSchema)
