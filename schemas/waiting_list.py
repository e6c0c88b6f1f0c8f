"""The waiting list: for what a woman waits, and what is offered to her."""

import re

from marshmallow import Schema, fields, validate

from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.waiting import WaitingStatus
from mobile_units.services import waiting_list
from schemas.base import (
    CLOCK,
    DAY,
    KEY,
    WEEKDAY,
    CommandSchema,
    FilterSchema,
    JsonBoolean,
    StrictSchema,
    change_of,
    page_schema,
)
from schemas.visits import VisitSlotSchema
from schemas.women import WomanSchema

AREA = validate.Regexp(re.compile(r"\A[0-9]{2}([0-9]{2}([0-9]{2,3})?)?\Z"), error="2, 4, 6 or 7 digits.")
AT_THE_DESK = validate.OneOf([BookingChannel.DESK, BookingChannel.TELEPHONE])


class NewEntrySchema(CommandSchema):
    """For what a woman waits."""

    command = waiting_list.NewEntry

    woman_id = fields.Integer(required=True, validate=KEY)
    path = fields.Enum(Path, by_value=True, required=True)
    stop_id = fields.Integer(allow_none=True, validate=KEY, metadata={"description": "either a stop, or an area"})
    teryt = fields.String(
        allow_none=True,
        validate=AREA,
        metadata={"description": "area: TERYT of a voivodeship, a powiat or a gmina", "example": "1017"},
    )
    first_day = fields.Date(allow_none=True, validate=DAY)
    last_day = fields.Date(allow_none=True, validate=DAY)
    weekdays = fields.List(
        fields.Integer(validate=WEEKDAY),
        validate=validate.Length(min=1, max=7),
        metadata={"description": "ISO numbers, Monday is 1; all, if not given"},
    )
    after = fields.Time(
        format=CLOCK, allow_none=True, metadata={"description": "the earliest hour at which she can come, Polish time"}
    )
    before = fields.Time(format=CLOCK, allow_none=True, metadata={"description": "she can come before this hour"})
    urgent = JsonBoolean(metadata={"description": "urgent women are offered places first"})
    channel = fields.Enum(BookingChannel, by_value=True, validate=AT_THE_DESK)


class EntryVersionSchema(StrictSchema):
    """Which state of the entry is meant."""

    version = fields.Integer(required=True, metadata={"description": "the version that you read"})


class EntryFilterSchema(FilterSchema):
    """Which entries are wanted."""

    command = waiting_list.EntryFilter

    stop_id = fields.Integer(validate=KEY)
    teryt = fields.String(validate=AREA)
    path = fields.Enum(Path, by_value=True)
    status = fields.Enum(WaitingStatus, by_value=True)
    woman_id = fields.Integer(validate=KEY)


class OfferedVisitSchema(Schema):
    """The visit that holds, or was, the place offered last."""

    id = fields.Integer()
    version = fields.Integer()
    slot = fields.Nested(VisitSlotSchema)


class EntrySchema(Schema):
    """An entry; nothing in it names the woman."""

    id = fields.Integer()
    version = fields.Integer()
    woman_id = fields.Integer()
    programme = fields.Enum(Programme, by_value=True)
    path = fields.Enum(Path, by_value=True)
    stop_id = fields.Integer(allow_none=True)
    teryt = fields.String(allow_none=True)
    first_day = fields.Date(allow_none=True)
    last_day = fields.Date(allow_none=True)
    weekdays = fields.List(fields.Integer())
    after = fields.Time(format=CLOCK, allow_none=True)
    before = fields.Time(format=CLOCK, allow_none=True)
    urgent = fields.Boolean()
    channel = fields.Enum(BookingChannel, by_value=True)
    status = fields.Enum(WaitingStatus, by_value=True)
    queued_at = fields.AwareDateTime()
    answer_by = fields.AwareDateTime(allow_none=True, metadata={"description": "until when the place is held"})
    visit_id = fields.Integer(allow_none=True)


class EntryInQueueSchema(Schema):
    """An entry with its place in the queue."""

    entry = fields.Nested(EntrySchema)
    position = fields.Integer(
        allow_none=True,
        metadata={"description": "among those who wait for this path at the same stop or in the same area"},
    )


class EntryOfWomanSchema(EntrySchema):
    """An entry with the woman."""

    woman = fields.Nested(WomanSchema)


class EntryWithWomanSchema(EntryInQueueSchema):
    """An entry with its place in the queue and the woman."""

    entry = fields.Nested(EntryOfWomanSchema)


EntryChangeSchema = change_of(NewEntrySchema, without=("woman_id",))
EntryPageSchema = page_schema(EntryInQueueSchema)
EntryWithWomanPageSchema = page_schema(EntryWithWomanSchema)
