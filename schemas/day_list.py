"""The list of a day as JSON, and attendance of many women at once."""

from marshmallow import Schema, fields, validate

from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import attendance
from mobile_units.services.day_list import OUTCOMES, Mark, Place
from schemas.base import KEY, NOTE, CommandSchema, StrictSchema

LONGEST_LIST = 500


class HoursOfDayListSchema(Schema):
    """An uninterrupted time of work."""

    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()


class DayListVisitSchema(Schema):
    """A visit with the woman."""

    visit_id = fields.Integer()
    version = fields.Integer()
    woman_id = fields.Integer()
    name = fields.String()
    born = fields.Integer(metadata={"description": "year of birth"})
    identity_end = fields.String(
        allow_none=True, metadata={"description": "only where two on the list have the same name and year of birth"}
    )
    telephone = fields.String(allow_none=True)
    path = fields.Enum(Path, by_value=True)
    status = fields.Enum(VisitStatus, by_value=True)
    marks = fields.List(fields.Enum(Mark, by_value=True))
    overbooking_reason = fields.String(allow_none=True)
    held_until = fields.AwareDateTime(allow_none=True)
    reason = fields.String(allow_none=True)


class DayListLineSchema(Schema):
    """A place of a slot; `booked` is empty where nobody has it."""

    slot_id = fields.Integer()
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    path = fields.Enum(Path, by_value=True)
    place = fields.Enum(Place, by_value=True)
    booked = fields.Nested(DayListVisitSchema, allow_none=True)


class DayListSchema(Schema):
    """A day of a stop or of a stationary service place."""

    stop_id = fields.Integer(allow_none=True)
    service_place_id = fields.Integer(allow_none=True)
    day = fields.Date()
    name = fields.String()
    unit = fields.String(allow_none=True)
    where = fields.List(fields.String())
    hours = fields.List(fields.Nested(HoursOfDayListSchema))
    crew = fields.List(fields.String())
    lines = fields.List(fields.Nested(DayListLineSchema))
    made_at = fields.AwareDateTime()


class AttendanceSchema(CommandSchema):
    """What is noted about one visit."""

    command = attendance.Attendance

    visit_id = fields.Integer(required=True, validate=KEY)
    version = fields.Integer(required=True, metadata={"description": "the version that you read"})
    status = fields.Enum(VisitStatus, by_value=True, required=True, validate=validate.OneOf(OUTCOMES))
    reason = fields.String(allow_none=True, validate=NOTE)


class AttendancesSchema(StrictSchema):
    """What is noted about many visits."""

    rows = fields.List(
        fields.Nested(AttendanceSchema), required=True, validate=validate.Length(min=1, max=LONGEST_LIST)
    )


class RecordedAttendanceVisitSchema(Schema):
    """A visit as it was recorded."""

    id = fields.Integer()
    version = fields.Integer()
    status = fields.Enum(VisitStatus, by_value=True)


class NotRecordedAttendanceSchema(Schema):
    """A row that was refused."""

    visit_id = fields.Integer(attribute="row.visit_id")
    code = fields.String(attribute="refusal.code", metadata={"description": "one of those listed at /problems"})
    detail_pl = fields.Function(lambda each: each.refusal.sentence("pl"))
    detail_en = fields.Function(lambda each: each.refusal.sentence("en"))


class RecordedAttendanceSchema(Schema):
    """What was recorded, and what was not and why."""

    visits = fields.List(fields.Nested(RecordedAttendanceVisitSchema))
    refused = fields.List(fields.Nested(NotRecordedAttendanceSchema))
