"""Messages to the central e-registration and the attempts to deliver them; nothing in them names a woman."""

from marshmallow import Schema, fields, validate

from mobile_units.models.transmissions import MessageState
from mobile_units.rules.outages import Side
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services import outages, risks, transmissions
from schemas.base import DAY, KEY, NOTE, CommandSchema, FilterSchema, StrictSchema, page_schema


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

    id = fields.Integer()
    started_at = fields.AwareDateTime()
    milliseconds = fields.Integer()
    outcome = fields.String()
    code = fields.String(allow_none=True)
    description = fields.String(allow_none=True)
    event_uuid = fields.String(allow_none=True)
    endpoint = fields.String()
    certificate = fields.String(allow_none=True, metadata={"description": "SHA-256 of the one that signed"})


class TransmissionWithLogSchema(TransmissionSchema):
    """A message with every attempt to deliver it, oldest first."""

    log = fields.List(fields.Nested(AttemptSchema))
    decided_at = fields.AwareDateTime(allow_none=True, metadata={"description": "when it was given up"})
    note = fields.String(allow_none=True, metadata={"description": "why it was given up"})


class TransmissionSummarySchema(Schema):
    """The hand-over in numbers."""

    states = fields.Dict(keys=fields.Enum(MessageState, by_value=True), values=fields.Integer())
    blocked = fields.Integer()


class SubjectSchema(Schema):
    """What a message is about; each part is empty where it does not apply."""

    text_pl = fields.String()
    place = fields.String(allow_none=True)
    cell_code = fields.String(allow_none=True)
    point = fields.String(allow_none=True)
    product_code = fields.String(allow_none=True)
    first_day = fields.Date(allow_none=True)
    last_day = fields.Date(allow_none=True)
    visit_id = fields.Integer(allow_none=True)
    starts_at = fields.AwareDateTime(allow_none=True)
    file = fields.String(allow_none=True)


class MeaningSchema(Schema):
    """What a refusal means and what to correct."""

    code = fields.String()
    pl = fields.String()
    en = fields.String()
    correct_pl = fields.String()
    correct_en = fields.String()
    mends = fields.String(metadata={"description": "the feature of this API in which it is corrected; may be empty"})
    provisional = fields.Boolean(metadata={"description": "the central system may use the code for something else"})


class WorkFilterSchema(FilterSchema):
    """Which rejected messages are wanted."""

    command = transmissions.WorkFilter

    rule = fields.String(validate=validate.Length(1, 100), metadata={"description": "REG.WER.n or a code"})
    kind = fields.Enum(MessageKind, by_value=True)


class RejectedMessageSchema(Schema):
    """The message of an item of work."""

    id = fields.Integer()
    uuid = fields.UUID(metadata={"description": "the identifier that the receiver sees"})
    kind = fields.Enum(MessageKind, by_value=True)
    subject_id = fields.Integer()
    service_day = fields.Date()
    attempts = fields.Integer()
    created_at = fields.AwareDateTime()


class WorkItemSchema(Schema):
    """A rejected message and what a person needs to correct it."""

    message = fields.Nested(RejectedMessageSchema)
    subject = fields.Nested(SubjectSchema)
    rejected_at = fields.AwareDateTime(allow_none=True)
    code = fields.String(allow_none=True)
    rule = fields.String(allow_none=True)
    description = fields.String(allow_none=True, metadata={"description": "the central system's words"})
    event_uuid = fields.String(allow_none=True)
    meaning = fields.Nested(MeaningSchema)
    waiting = fields.Integer(metadata={"description": "messages that wait for it"})


class ResendAllSchema(StrictSchema):
    """Which rejected messages are sent again."""

    rule = fields.String(
        load_default=None, allow_none=True, validate=validate.Length(1, 100), metadata={"description": "empty: all"}
    )


class ResentSchema(Schema):
    """How many messages are sent again."""

    resent = fields.Integer()


class GivingUpSchema(CommandSchema):
    """Why a message is not sent again."""

    command = transmissions.GivingUp

    reason = fields.String(required=True, validate=(validate.Length(3), *NOTE))


class LinkSchema(Schema):
    """The provider's connection to the central system."""

    failures = fields.Integer(metadata={"description": "calls in a row without an answer of substance"})
    opened_at = fields.AwareDateTime(allow_none=True, metadata={"description": "when the circuit breaker opened"})
    probe_at = fields.AwareDateTime(allow_none=True)
    halted_at = fields.AwareDateTime(allow_none=True, metadata={"description": "since when we are not let in"})
    halted_code = fields.String(allow_none=True)
    halted_reason = fields.String(allow_none=True)


class RiskFilterSchema(FilterSchema):
    """Which visits at risk are wanted."""

    command = risks.RiskFilter

    when = fields.Enum(risks.When, by_value=True)
    horizon_days = fields.Integer(load_default=14, validate=validate.Range(0, 366))


class VisitAtRiskSchema(Schema):
    """A visit that is not passed, or changed since; why, and what to do."""

    visit_id = fields.Integer()
    service_day = fields.Date()
    starts_at = fields.AwareDateTime()
    when = fields.Enum(risks.When, by_value=True)
    changed_since = fields.Boolean(metadata={"description": "it was passed, but a later change is not"})
    subject = fields.Nested(SubjectSchema)
    why = fields.Enum(risks.Why, by_value=True)
    needs_a_person = fields.Boolean(attribute="why.needs_a_person")
    since = fields.AwareDateTime(allow_none=True)
    detail_pl = fields.String()
    detail_en = fields.String()
    to_do_pl = fields.String(attribute="why.to_do_pl")
    to_do_en = fields.String(attribute="why.to_do_en")
    rule = fields.String(allow_none=True)
    message_id = fields.Integer(allow_none=True)
    blocked_by = fields.List(fields.Integer(), metadata={"description": "messages that it waits for"})


class OutageFilterSchema(CommandSchema):
    """The days of a list of outages, both included."""

    command = outages.OutageFilter

    first_day = fields.Date(required=True, validate=DAY)
    last_day = fields.Date(required=True, validate=DAY)
    minimum_seconds = fields.Integer(
        load_default=60, validate=validate.Range(0, 86_400), metadata={"description": "what is shorter is momentary"}
    )


class OutageSchema(Schema):
    """An outage as calls show it; every instant is one at which a call began."""

    endpoint = fields.String()
    begun_at = fields.AwareDateTime(attribute="outage.begun_at")
    last_failed_at = fields.AwareDateTime(attribute="outage.last_failed_at")
    ended_at = fields.AwareDateTime(attribute="outage.ended_at", allow_none=True)
    seconds = fields.TimeDelta(precision="seconds", attribute="outage.shown")
    failed_calls = fields.Integer(attribute="outage.calls")
    unclear_calls = fields.Integer(attribute="outage.unclear")
    signs = fields.Function(
        lambda each: {sign.value: count for sign, count in each.outage.signs},
        metadata={"type": "object", "description": "failures by what they show"},
    )
    longest_gap_seconds = fields.TimeDelta(precision="seconds", attribute="outage.longest_gap")
    side = fields.Enum(Side, by_value=True, attribute="outage.side")
    momentary = fields.Boolean(attribute="outage.momentary")


class FindingSchema(Schema):
    """One finding of a check."""

    severity = fields.Integer(metadata={"description": "1: needs a person; 2: money is at stake today"})
    code = fields.String()
    count = fields.Integer()
    text_pl = fields.String()
    text_en = fields.String()


TransmissionPageSchema = page_schema(TransmissionSchema)
WorkPageSchema = page_schema(WorkItemSchema)
RiskPageSchema = page_schema(VisitAtRiskSchema)
