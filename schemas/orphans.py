"""Orphaned slots with their visits, which name nobody."""

from marshmallow import Schema, fields

from mobile_units.rules.orphans import Cause
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import orphans
from schemas.base import DAY, KEY, FilterSchema, page_schema


class OrphanFilterSchema(FilterSchema):
    """Which orphaned slots are wanted."""

    command = orphans.OrphanFilter

    first_day = fields.Date(validate=DAY)
    last_day = fields.Date(validate=DAY)
    service_place_id = fields.Integer(validate=KEY)
    stop_id = fields.Integer(validate=KEY)
    unit_id = fields.Integer(validate=KEY)


class OrphanedVisitSchema(Schema):
    """A visit still to be carried out."""

    id = fields.Integer()
    status = fields.Enum(VisitStatus, by_value=True)
    path = fields.Enum(Path, by_value=True)
    urgent = fields.Boolean()


class WhySchema(Schema):
    """What orphaned a slot."""

    cause = fields.Enum(Cause, by_value=True)
    cause_pl = fields.String(attribute="cause.name_pl")
    at = fields.AwareDateTime()
    day = fields.Date()
    login = fields.String(allow_none=True, metadata={"description": "who did it; empty, if it was the system"})


class OrphanSchema(Schema):
    """An orphaned slot; stop, unit and site are empty in a stationary place."""

    id = fields.Integer()
    day = fields.Date()
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    programme = fields.Enum(Programme, by_value=True)
    path = fields.Enum(Path, by_value=True)
    service_place_id = fields.Integer()
    service_place = fields.String()
    stop_id = fields.Integer(allow_none=True)
    unit_id = fields.Integer(allow_none=True)
    unit = fields.String(allow_none=True)
    site_id = fields.Integer(allow_none=True)
    site = fields.String(allow_none=True)
    locality = fields.String(allow_none=True)
    visits = fields.List(fields.Nested(OrphanedVisitSchema))
    why = fields.Nested(WhySchema, allow_none=True)


OrphanPageSchema = page_schema(OrphanSchema)
