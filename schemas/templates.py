"""Schedule templates, dated exceptions, and what applying a template does."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_dump, post_load, validate, validates_schema

from mobile_units.rules import sessions
from mobile_units.rules import templates as rules
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.template_changes import Mode
from mobile_units.rules.template_slots import IdleReason
from mobile_units.services import dated_exceptions, template_use, templates
from schemas.base import (
    CLOCK,
    DAY,
    KEY,
    NAME,
    NOTE,
    WEEKDAY,
    CommandSchema,
    FilterSchema,
    JsonBoolean,
    StrictSchema,
    change_of,
    page_schema,
)
from schemas.itineraries import LOCAL_TIME

MINUTES = validate.Range(1, 240)
PERCENT = validate.Range(0, 100)
FEW = validate.Length(max=10)
WORKING_TIMES = {"description": "without any the place is closed"}


class BreakSchema(CommandSchema):
    """A time without examinations within working hours."""

    command = rules.Break

    starts = fields.Time(required=True, format=CLOCK, metadata=LOCAL_TIME)
    ends = fields.Time(required=True, format=CLOCK, metadata=LOCAL_TIME)


class HoursSchema(CommandSchema):
    """A working time of a day, which begins and ends on it."""

    command = rules.Hours

    opens = fields.Time(required=True, format=CLOCK, metadata=LOCAL_TIME)
    closes = fields.Time(required=True, format=CLOCK, metadata=LOCAL_TIME)
    breaks = fields.List(fields.Nested(BreakSchema), validate=FEW)


class ExaminationSchema(CommandSchema):
    """How long an examination takes, and how often it comes among those of the same rooms."""

    command = rules.Examination

    path = fields.Enum(Path, by_value=True, required=True)
    minutes = fields.Integer(required=True, validate=MINUTES)
    weight = fields.Integer(validate=validate.Range(0, 1000))


class RoomsSchema(CommandSchema):
    """Equal rooms of one programme, each of which does any of the examinations."""

    command = rules.Rooms

    examinations = fields.List(fields.Nested(ExaminationSchema), required=True, validate=validate.Length(1, len(Path)))
    places = fields.Integer(validate=validate.Range(1, 20), metadata={"description": "women at a time"})
    women_per_day = fields.Integer(
        validate=validate.Range(0, 1000), allow_none=True, metadata={"description": "at the most; null: no limit"}
    )


class ResourceSchema(StrictSchema):
    """A room or a person, and the examinations that it or she is suitable for."""

    name = fields.String(required=True, validate=NAME)
    serves = fields.List(fields.Enum(Path, by_value=True), required=True, validate=validate.Length(1, len(Path)))

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> sessions.Resource:
        """Builds the resource."""
        return sessions.Resource(data["name"], frozenset(data["serves"]))

    @post_dump
    def in_order(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """The examinations in the same order every time."""
        return data | {"serves": sorted(data["serves"])}


class SharedResourcesSchema(StrictSchema):
    """Rooms and crew that several examinations share; whether one more fits is decided when it is booked."""

    minutes = fields.Dict(
        keys=fields.Enum(Path, by_value=True),
        values=fields.Integer(validate=MINUTES),
        required=True,
        validate=validate.Length(1, len(Path)),
        metadata={"example": {"mammography": 10, "classic_cytology": 15}},
    )
    rooms = fields.List(fields.Nested(ResourceSchema), required=True, validate=validate.Length(1, 20))
    crew = fields.List(fields.Nested(ResourceSchema), required=True, validate=validate.Length(1, 20))

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> rules.SharedResources:
        """Builds the resources."""
        return rules.SharedResources(data["minutes"], tuple(data["rooms"]), tuple(data["crew"]))


class HeldBackSchema(CommandSchema):
    """Slots of each working time kept for urgent cases: so many, and at least so many per cent."""

    command = rules.HeldBack

    slots = fields.Integer(validate=validate.Range(0, 500))
    percent = fields.Integer(validate=PERCENT)


class OverbookingSchema(CommandSchema):
    """Women above the capacity, in a whole stop or a day of a stationary place, and why."""

    command = rules.Overbooking

    places = fields.Integer(required=True, validate=validate.Range(0, 100))
    reason = fields.String(required=True, validate=NOTE)


class BlockingSchema(CommandSchema):
    """Slots closed to booking: every so-many-th of a day, and what reaches into its last minutes; 0 for none."""

    command = rules.Blocking

    every = fields.Integer(validate=validate.Range(0, 500))
    last_minutes = fields.Integer(validate=validate.Range(0, 1440))


class WeekSchema(CommandSchema):
    """A usual week: working times by weekday, and how the rooms are offered; rooms are own or shared."""

    command = rules.Template

    week = fields.Dict(
        keys=fields.Integer(validate=WEEKDAY),
        values=fields.List(fields.Nested(HoursSchema), validate=FEW),
        required=True,
        metadata={
            "description": "1 is Monday",
            "example": {"1": [{"opens": "08:00", "closes": "15:00", "breaks": [{"starts": "11:00", "ends": "11:15"}]}]},
        },
    )
    rooms = fields.List(fields.Nested(RoomsSchema), validate=validate.Length(max=len(Programme)))
    shared = fields.Nested(SharedResourcesSchema, allow_none=True)
    crew = fields.String(validate=validate.Length(max=200), metadata={"description": "who works"})
    setup_minutes = fields.Integer(
        validate=validate.Range(0, 480), metadata={"description": "before the first woman on the first day of a stop"}
    )
    held_back = fields.Nested(HeldBackSchema)
    quotas = fields.Dict(
        keys=fields.Enum(BookingChannel, by_value=True),
        values=fields.Integer(validate=PERCENT),
        metadata={
            "description": "per cent of a day's bookable slots that are for one channel alone",
            "example": {"desk": 20},
        },
    )
    overbooking = fields.Nested(OverbookingSchema, allow_none=True)
    blocking = fields.Nested(BlockingSchema)


class NewTemplateSchema(CommandSchema):
    """A template to be kept under a name of its own."""

    command = templates.NewTemplate

    name = fields.String(required=True, validate=NAME)
    template = fields.Nested(WeekSchema, required=True)


class TemplateValuesSchema(NewTemplateSchema):
    """What can be changed of a template."""

    active = JsonBoolean(metadata={"description": "false takes it out of use"})


class TemplateSchema(Schema):
    """A template as it is kept."""

    id = fields.Integer()
    version = fields.Integer()
    name = fields.String()
    active = fields.Boolean()
    template = fields.Nested(WeekSchema)


class TemplateFilterSchema(FilterSchema):
    """Which templates are wanted."""

    command = templates.TemplateFilter

    text = fields.String(validate=NAME, metadata={"description": "part of the name"})
    active = fields.Boolean()


class NewDatedExceptionSchema(CommandSchema):
    """Other hours of a service place on one day, also on a public holiday."""

    command = dated_exceptions.NewException

    day = fields.Date(required=True, validate=DAY)
    hours = fields.List(fields.Nested(HoursSchema), required=True, validate=FEW, metadata=WORKING_TIMES)
    reason = fields.String(required=True, validate=NOTE)


class DatedExceptionSchema(Schema):
    """An exception as it is kept."""

    id = fields.Integer()
    version = fields.Integer()
    service_place_id = fields.Integer()
    day = fields.Date()
    hours = fields.List(fields.Nested(HoursSchema))
    reason = fields.String()


class DatedExceptionFilterSchema(FilterSchema):
    """Which exceptions are wanted."""

    command = dated_exceptions.ExceptionFilter

    service_place_id = fields.Integer(validate=KEY)
    first_day = fields.Date(validate=DAY)
    last_day = fields.Date(validate=DAY)


class TemplateUseSchema(StrictSchema):
    """To what a template is applied: published stops of one itinerary, or days of a stationary place."""

    version = fields.Integer(
        required=True, metadata={"description": "the version of the itinerary or of the place that you read"}
    )
    mode = fields.Enum(
        Mode, by_value=True, required=True, metadata={"description": "only where nothing stands, or in its place"}
    )
    stop_ids = fields.List(fields.Integer(validate=KEY), validate=validate.Length(1, 500))
    service_place_id = fields.Integer(validate=KEY)
    first_day = fields.Date(validate=DAY)
    last_day = fields.Date(validate=DAY)

    @validates_schema
    def one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        """Stops, or a place with its days."""
        given = data.keys() - {"version", "mode"}
        if given not in ({"stop_ids"}, {"service_place_id", "first_day", "last_day"}):
            raise ValidationError("Give stop_ids, or service_place_id with first_day and last_day.", "stop_ids")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> template_use.StopsUse | template_use.PlaceUse:
        """Builds the command."""
        return template_use.StopsUse(**data) if "stop_ids" in data else template_use.PlaceUse(**data)


class DayOfPathSchema(Schema):
    """How many slots of a path come, stay, change and go on a day, and for how many women there is room."""

    day = fields.Date()
    path = fields.Enum(Path, by_value=True)
    added = fields.Integer()
    kept = fields.Integer(metadata={"description": "they are as wanted"})
    changed = fields.Integer()
    removed = fields.Integer()
    orphaned = fields.Integer(metadata={"description": "only their visits keep them"})
    untouched = fields.Integer(metadata={"description": "they are left alone"})
    withheld = fields.Integer(metadata={"description": "wanted, but in the way of what stands"})
    women_before = fields.Integer()
    women_after = fields.Integer()


class UnroomedSlotSchema(Schema):
    """A slot whose visits the template has no room for."""

    slot_id = fields.Integer()
    path = fields.Enum(Path, by_value=True)
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    visits = fields.Integer()
    wanted = fields.Boolean(metadata={"description": "the template wants it, but too small"})


class WithheldSlotSchema(Schema):
    """A slot that is wanted and cannot be, because of what stands in the same rooms."""

    path = fields.Enum(Path, by_value=True)
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()


class IdleDaySchema(Schema):
    """A day without slots, and why."""

    day = fields.Date()
    reason = fields.Enum(IdleReason, by_value=True)
    reason_pl = fields.String(attribute="reason.name_pl")
    note = fields.String(metadata={"description": "name of the holiday or reason of the exception"})


class OutcomeSchema(Schema):
    """What a template does at one stop or place."""

    stop_id = fields.Integer(allow_none=True)
    service_place_id = fields.Integer(allow_none=True)
    days = fields.List(fields.Nested(DayOfPathSchema))
    orphaned = fields.List(fields.Nested(UnroomedSlotSchema))
    withheld = fields.List(fields.Nested(WithheldSlotSchema))
    idle = fields.List(fields.Nested(IdleDaySchema))


class TemplateUsedSchema(Schema):
    """What a template does everywhere it is applied, with the sums of all days."""

    template_id = fields.Integer()
    outcomes = fields.List(fields.Nested(OutcomeSchema))
    sums = fields.Dict(keys=fields.String(), values=fields.Integer())


TemplateChangeSchema = change_of(TemplateValuesSchema)
TemplatePageSchema = page_schema(TemplateSchema)
DatedExceptionChangeSchema = change_of(NewDatedExceptionSchema, without=("day",))
DatedExceptionPageSchema = page_schema(DatedExceptionSchema)
