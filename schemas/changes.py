"""Changes after publication: what is wanted, what they do, and which visits are in the way."""

from marshmallow import Schema, fields, validate

from mobile_units.rules.programmes import Programme
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import changes, place_changes
from schemas.base import CLOCK, DAY, KEY, CommandSchema, JsonBoolean, StrictSchema
from schemas.itineraries import LOCAL_TIME, VersionSchema

ROOMS = validate.Range(1, 20)
DAYS = validate.Length(1, 92)
EVERY_SLOT = {"description": "how many women every slot to come on the day takes; as it is, if not given"}
ORPHAN = {"description": "slots with visits in the way become orphaned and go on a list; else they are refused"}


class WorkedDaySchema(CommandSchema):
    """A day of a stop; without hours, those that it has, or the unit's on a new day."""

    command = changes.WorkedDay

    day = fields.Date(required=True, validate=DAY)
    opens = fields.Time(format=CLOCK, allow_none=True, metadata=LOCAL_TIME)
    closes = fields.Time(format=CLOCK, allow_none=True, metadata=LOCAL_TIME)
    rooms = fields.Integer(validate=ROOMS, allow_none=True, metadata=EVERY_SLOT)


class PublishedStopChangeSchema(CommandSchema):
    """A change of a published stop; days are given whole, one that is left out is dropped."""

    command = changes.StopChange

    version = fields.Integer(required=True, metadata={"description": "the version of the itinerary that you read"})
    days = fields.List(fields.Nested(WorkedDaySchema), validate=DAYS)
    site_id = fields.Integer(validate=KEY, metadata={"description": "where the unit will stand instead"})
    orphan = JsonBoolean(metadata=ORPHAN)


class StopWithdrawalSchema(VersionSchema):
    """The version of the itinerary that was read, and what becomes of slots with visits."""

    orphan = JsonBoolean(load_default=False, metadata=ORPHAN)


class WorkingHoursSchema(CommandSchema):
    """An uninterrupted working time."""

    command = place_changes.WorkingHours

    opens = fields.Time(required=True, format=CLOCK, metadata=LOCAL_TIME)
    closes = fields.Time(required=True, format=CLOCK, metadata=LOCAL_TIME)


class PlaceDaySchema(CommandSchema):
    """All the hours of a day in a stationary place; without any it is closed."""

    command = place_changes.PlaceDay

    day = fields.Date(required=True, validate=DAY)
    hours = fields.List(fields.Nested(WorkingHoursSchema), required=True, validate=validate.Length(max=10))
    programme = fields.Enum(Programme, by_value=True, metadata={"description": "all programmes, if not given"})
    rooms = fields.Integer(validate=ROOMS, allow_none=True, metadata=EVERY_SLOT)


class PlaceChangeSchema(CommandSchema):
    """Other hours of some days of a stationary place; other days stay as they are."""

    command = place_changes.PlaceChange

    version = fields.Integer(required=True, metadata={"description": "the version of the place that you read"})
    days = fields.List(fields.Nested(PlaceDaySchema), required=True, validate=DAYS)
    orphan = JsonBoolean(metadata=ORPHAN)


class SlotsToWithdrawSchema(StrictSchema):
    """The slots to be withdrawn, all or none."""

    slot_ids = fields.List(fields.Integer(validate=KEY), required=True, validate=validate.Length(1, 500))
    orphan = JsonBoolean(load_default=False, metadata=ORPHAN)


class CapacitySchema(StrictSchema):
    """How many women a slot takes."""

    capacity = fields.Integer(required=True, validate=ROOMS)
    orphan = JsonBoolean(load_default=False, metadata=ORPHAN)


class ChangedSlotSchema(Schema):
    """A slot that comes, goes or takes another number of women."""

    schedule_id = fields.Integer()
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    capacity = fields.Integer()


class OrphanedSlotSchema(Schema):
    """A slot that would go or take fewer women than it has visits."""

    slot_id = fields.Integer()
    schedule_id = fields.Integer()
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    visits = fields.Integer()


class BookedVisitSchema(Schema):
    """A visit in a slot that would be withdrawn or take fewer women; it names nobody."""

    id = fields.Integer()
    slot_id = fields.Integer()
    starts_at = fields.AwareDateTime()
    status = fields.Enum(VisitStatus, by_value=True)


class ChangesSchema(Schema):
    """What a change does to the slots of the changed days; with visits in its way it is refused, or orphans slots."""

    kept = fields.Integer(metadata={"description": "how many slots of these days stay"})
    added = fields.List(fields.Nested(ChangedSlotSchema))
    withdrawn = fields.List(fields.Nested(ChangedSlotSchema))
    resized = fields.List(fields.Nested(ChangedSlotSchema), metadata={"description": "with their new capacity"})
    orphaned = fields.List(
        fields.Nested(OrphanedSlotSchema),
        metadata={
            "description": "those withdrawn or resized that visits keep from it; they become orphaned if allowed"
        },
    )
    visits = fields.List(fields.Nested(BookedVisitSchema), metadata={"description": "those in the way"})
    visits_at_new_site = fields.Integer(
        metadata={"description": "visits to come whose women have to hear of the new site"}
    )
