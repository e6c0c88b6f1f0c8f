"""Reports for settlement."""

from marshmallow import Schema, fields

from mobile_units.services import reports
from schemas.base import DAY, CommandSchema

ZLOTY = {"description": "złoty; empty where the range has no price"}


class ReportPeriodSchema(CommandSchema):
    """The days of a report, both included."""

    command = reports.ReportPeriod

    first_day = fields.Date(required=True, validate=DAY)
    last_day = fields.Date(required=True, validate=DAY)


class ContractRangeRowSchema(Schema):
    """One contract range in the period; counts are examinations."""

    product_code = fields.String()
    name_pl = fields.String()
    confirmed = fields.Boolean(metadata={"description": "false: confirm the code against your contract"})
    contract_number = fields.String()
    contract_range_id = fields.Integer()
    quantity_limit = fields.Integer()
    planned = fields.Integer(metadata={"description": "women planned in schedules that begin in the period"})
    offered = fields.Integer(metadata={"description": "places of open slots"})
    booked = fields.Integer(metadata={"description": "visits, performed ones included"})
    performed = fields.Integer()
    passed = fields.Integer(metadata={"description": "booked visits that the central e-registration accepted"})
    not_passed = fields.Integer()
    payable = fields.Decimal(places=2, as_string=True, allow_none=True, metadata=ZLOTY)
    expected = fields.Decimal(places=2, as_string=True, allow_none=True, metadata=ZLOTY)
    at_risk = fields.Decimal(places=2, as_string=True, allow_none=True, metadata=ZLOTY)
