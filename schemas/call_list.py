"""The call list: who is to be called, without and with the women, and what came of a call."""

from marshmallow import Schema, fields

from mobile_units.models.messages import CallResult
from mobile_units.rules.messages import NoticeKind
from mobile_units.rules.wording import Language
from mobile_units.services import call_list
from schemas.base import CommandSchema, FilterSchema, page_schema


class CallFilterSchema(FilterSchema):
    """Which calls are wanted."""

    command = call_list.CallFilter

    kind = fields.Enum(NoticeKind, by_value=True)


class CallSchema(Schema):
    """A woman to be called; nothing in it names her."""

    id = fields.Integer()
    kind = fields.Enum(NoticeKind, by_value=True)
    visit_id = fields.Integer()
    call_by = fields.AwareDateTime(metadata={"description": "the appointment, or until when she has to answer"})
    late = fields.Boolean()
    perhaps_told = fields.Boolean(metadata={"description": "a message may have reached her; nobody knows"})
    reason = fields.String(allow_none=True, metadata={"description": "why no machine told her"})
    calls = fields.Integer(metadata={"description": "calls made so far"})
    called_at = fields.AwareDateTime(allow_none=True)
    call_result = fields.Enum(CallResult, by_value=True, allow_none=True)


class CallWithWomanSchema(CallSchema):
    """A woman to be called, and what to say."""

    woman_id = fields.Integer()
    given_name = fields.String()
    family_name = fields.String()
    telephone = fields.String(allow_none=True)
    language = fields.Enum(Language, by_value=True)
    text = fields.String(allow_none=True, metadata={"description": "what to say"})
    text_missing = fields.String(allow_none=True, metadata={"description": "the code of why there is no text"})


class CallMadeSchema(CommandSchema):
    """What came of a call; told ends it, otherwise somebody calls again."""

    command = call_list.CallMade

    result = fields.Enum(CallResult, by_value=True, required=True)


CallPageSchema = page_schema(CallSchema)
CallWithWomanPageSchema = page_schema(CallWithWomanSchema)
