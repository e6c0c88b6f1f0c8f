"""Visits: what is asked for, and what is shown with and without the woman."""

from marshmallow import Schema, fields, validate

from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.visits import CancelledBy, VisitSource, VisitStatus
from mobile_units.services import visits
from schemas.base import DAY, KEY, NOTE, CommandSchema, FilterSchema, JsonBoolean, StrictSchema, page_schema
from schemas.women import WomanSchema

OURS = validate.OneOf([BookingChannel.DESK, BookingChannel.TELEPHONE])
"""Where women ask us; those who book in the central e-registration come from there."""
CANCELLERS = validate.OneOf([CancelledBy.WOMAN, CancelledBy.PROVIDER])
OVERRIDE = {"description": "why the rules of eligibility are set aside, if they refuse her"}
NOTIFY = {"description": "have the woman told: by e-mail or SMS if she agreed to it, else by telephone"}


class NewVisitSchema(CommandSchema):
    """A place for a woman."""

    command = visits.NewVisit

    woman_id = fields.Integer(required=True, validate=KEY)
    slot_id = fields.Integer(required=True, validate=KEY)
    path = fields.Enum(Path, by_value=True, required=True)
    urgent = JsonBoolean(metadata={"description": "an urgent visit may be passed on after the day of service"})
    channel = fields.Enum(BookingChannel, by_value=True, validate=OURS, metadata={"description": "where she asked"})
    overbooking = JsonBoolean(metadata={"description": "she may come above the capacity, as far as the slot lets her"})
    override_reason = fields.String(allow_none=True, validate=NOTE, metadata=OVERRIDE)
    idempotency_key = fields.String(
        allow_none=True,
        validate=validate.Length(min=8, max=100),
        metadata={"description": "a repeated request with the same key gets the visit that the first one made"},
    )
    notify = JsonBoolean(metadata=NOTIFY)


class StatusChangeSchema(CommandSchema):
    """What is recorded about a visit."""

    command = visits.StatusChange

    version = fields.Integer(required=True, metadata={"description": "the version that you read"})
    status = fields.Enum(VisitStatus, by_value=True, required=True, validate=validate.OneOf(visits.RECORDED))
    reason = fields.String(allow_none=True, validate=NOTE)


class CancellationSchema(CommandSchema):
    """Who gives a visit up, and why."""

    command = visits.Cancellation

    version = fields.Integer(required=True)
    cancelled_by = fields.Enum(CancelledBy, by_value=True, required=True, validate=CANCELLERS)
    reason = fields.String(allow_none=True, validate=NOTE)
    notify = JsonBoolean(metadata=NOTIFY)


class HoldConfirmationSchema(StrictSchema):
    """The hold as it was read."""

    version = fields.Integer(required=True, metadata={"description": "the version that you read"})


class HoldEndSchema(CommandSchema):
    """Who gives a hold up."""

    command = visits.Cancellation

    version = fields.Integer(required=True)
    cancelled_by = fields.Enum(CancelledBy, by_value=True, load_default=CancelledBy.WOMAN, validate=CANCELLERS)
    reason = fields.String(allow_none=True, validate=NOTE)


class PathChangeSchema(CommandSchema):
    """The path that the woman chose instead."""

    command = visits.PathChange

    version = fields.Integer(required=True)
    path = fields.Enum(Path, by_value=True, required=True)
    override_reason = fields.String(allow_none=True, validate=NOTE, metadata=OVERRIDE)


class MoveSchema(CommandSchema):
    """The slot to which a visit goes."""

    command = visits.Move

    version = fields.Integer(required=True)
    slot_id = fields.Integer(required=True, validate=KEY)
    reason = fields.String(allow_none=True, validate=NOTE)
    override_reason = fields.String(allow_none=True, validate=NOTE, metadata=OVERRIDE)
    notify = JsonBoolean(metadata=NOTIFY)


class VisitFilterSchema(FilterSchema):
    """Which visits are wanted."""

    command = visits.VisitFilter

    first_day = fields.Date(validate=DAY)
    last_day = fields.Date(validate=DAY)
    stop_id = fields.Integer(validate=KEY)
    service_place_id = fields.Integer(validate=KEY)
    slot_id = fields.Integer(validate=KEY)
    woman_id = fields.Integer(validate=KEY)
    status = fields.Enum(VisitStatus, by_value=True)
    programme = fields.Enum(Programme, by_value=True)
    path = fields.Enum(Path, by_value=True)
    passed = fields.Boolean(metadata={"description": "whether the central e-registration accepted it"})


class VisitSlotSchema(Schema):
    """When a visit is."""

    id = fields.Integer()
    uuid = fields.UUID()
    schedule_id = fields.Integer()
    service_place_id = fields.Integer()
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()


class VisitSchema(Schema):
    """A visit; nothing in it names the woman."""

    id = fields.Integer()
    uuid = fields.UUID()
    version = fields.Integer()
    woman_id = fields.Integer()
    slot = fields.Nested(VisitSlotSchema)
    programme = fields.Enum(Programme, by_value=True)
    path = fields.Enum(Path, by_value=True)
    contract_range_id = fields.Integer()
    product_code = fields.String(attribute="contract_range.product_code")
    status = fields.Enum(VisitStatus, by_value=True)
    cancelled_by = fields.Enum(CancelledBy, by_value=True, allow_none=True)
    urgent = fields.Boolean()
    channel = fields.Enum(BookingChannel, by_value=True, metadata={"description": "where she asked for it"})
    held_until = fields.AwareDateTime(allow_none=True, metadata={"description": "when a hold is over"})
    overbooked = fields.Boolean(metadata={"description": "she comes above the capacity of the slot"})
    eligibility_rule_id = fields.Integer(allow_none=True)
    overridden = fields.Boolean(metadata={"description": "a rule of eligibility was set aside"})
    source = fields.Enum(VisitSource, by_value=True, metadata={"description": "where it was booked"})
    moved_from = fields.UUID(allow_none=True, metadata={"description": "the visit that was moved here"})
    passed_at = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime()


class VisitChangeSchema(Schema):
    """One change of a visit."""

    from_status = fields.Enum(VisitStatus, by_value=True, allow_none=True)
    to_status = fields.Enum(VisitStatus, by_value=True)
    user_id = fields.Integer(allow_none=True)
    at = fields.AwareDateTime()


class ReasonedChangeSchema(VisitChangeSchema):
    """One change of a visit with its reason, which may tell of the woman."""

    reason = fields.String(allow_none=True)


class VisitWithHistorySchema(VisitSchema):
    """A visit with all that happened to it."""

    changes = fields.List(fields.Nested(VisitChangeSchema))


class VisitWithWomanSchema(VisitSchema):
    """A visit with the woman."""

    override_reason = fields.String(allow_none=True)
    woman = fields.Nested(WomanSchema)


class VisitInFullSchema(VisitWithWomanSchema):
    """A visit with the woman and with all that happened to it."""

    changes = fields.List(fields.Nested(ReasonedChangeSchema))


VisitPageSchema = page_schema(VisitSchema)
VisitWithWomanPageSchema = page_schema(VisitWithWomanSchema)
