"""The audit log."""

from marshmallow import Schema, fields

from mobile_units.services import audit
from schemas.base import DAY, KEY, NAME, FilterSchema, page_schema


class AuditEntrySchema(Schema):
    """One act of a user, or of the system where `user_id` is empty."""

    id = fields.Integer()
    user_id = fields.Integer(allow_none=True)
    action = fields.String()
    subject = fields.String()
    subject_id = fields.Integer(allow_none=True)
    request_id = fields.String(allow_none=True)
    at = fields.AwareDateTime()


class AuditFilterSchema(FilterSchema):
    """Which entries are wanted."""

    command = audit.AuditFilter

    subject = fields.String(validate=NAME, metadata={"example": "woman"})
    subject_id = fields.Integer(validate=KEY)
    user_id = fields.Integer(validate=KEY)
    from_day = fields.Date(validate=DAY, metadata={"description": "a day in Poland"})
    to_day = fields.Date(validate=DAY, metadata={"description": "a day in Poland, included"})


AuditEntryPageSchema = page_schema(AuditEntrySchema)
