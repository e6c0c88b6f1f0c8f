"""Reports for settlement."""

from marshmallow import Schema, fields

from mobile_units.rules.visits import VisitStatus
from mobile_units.services import reports
from schemas.base import DAY, KEY, CommandSchema, FilterSchema, page_schema

NO_PRICE = "złoty; empty where the range has no price"
PAYABLE = {"description": f"visits performed that were passed in time or urgent; {NO_PRICE}"}
EXPECTED = {"description": f"visits to come that are passed in time or urgent; {NO_PRICE}"}
AT_RISK = {
    "description": f"visits performed or to come, not urgent, not passed in time: late or still waiting; {NO_PRICE}"
}
PLANNED = {
    "description": "women planned in schedules, shared among their days by the places of all their slots; rounded so "
    "that adjacent periods add up"
}
PASSED = {"description": "booked visits that the central e-registration accepted, in time or not"}
LATE = {
    "description": "visits performed or to come, not urgent, passed after the day of the service or not passed though "
    "that day is over; part of at_risk"
}
OVER_LIMIT = {
    "description": "how far booked exceeds quantity_limit, else 0; the limit counts the whole contract, the report its "
    "period"
}


class ReportPeriodSchema(CommandSchema):
    """The days of a report, both included."""

    command = reports.ReportPeriod

    first_day = fields.Date(required=True, validate=DAY)
    last_day = fields.Date(required=True, validate=DAY)


class ContractRangeRowSchema(Schema):
    """One contract range in the period; counts are examinations.

    Each visit performed or to come is in exactly one of the sums of money, before any limit.
    """

    product_code = fields.String()
    name_pl = fields.String()
    confirmed = fields.Boolean(metadata={"description": "false: confirm the code against your contract"})
    contract_number = fields.String()
    contract_range_id = fields.Integer()
    quantity_limit = fields.Integer()
    planned = fields.Integer(metadata=PLANNED)
    offered = fields.Integer(metadata={"description": "places of open slots"})
    booked = fields.Integer(metadata={"description": "visits, performed and missed ones included"})
    performed = fields.Integer()
    passed = fields.Integer(metadata=PASSED)
    not_passed = fields.Integer(metadata={"description": "booked visits that it has not accepted"})
    late = fields.Integer(metadata=LATE)
    overridden = fields.Integer(
        metadata={"description": "booked visits for which a rule of eligibility was set aside; see /reports/overrides"}
    )
    over_limit = fields.Integer(metadata=OVER_LIMIT)
    payable = fields.Decimal(places=2, as_string=True, allow_none=True, metadata=PAYABLE)
    expected = fields.Decimal(places=2, as_string=True, allow_none=True, metadata=EXPECTED)
    at_risk = fields.Decimal(places=2, as_string=True, allow_none=True, metadata=AT_RISK)


class OverrideFilterSchema(FilterSchema):
    """Of which days and of which contract range the overridden visits are wanted."""

    command = reports.OverrideFilter

    first_day = fields.Date(required=True, validate=DAY)
    last_day = fields.Date(required=True, validate=DAY)
    contract_range_id = fields.Integer(validate=KEY)


class OverriddenVisitSchema(Schema):
    """A visit for which a rule of eligibility was set aside; neither the woman nor the reason is told."""

    visit_id = fields.Integer(attribute="id")
    uuid = fields.UUID()
    contract_range_id = fields.Integer()
    product_code = fields.String(attribute="contract_range.product_code")
    contract_number = fields.String(attribute="contract_range.contract.number")
    starts_at = fields.AwareDateTime(attribute="slot.starts_at")
    status = fields.Enum(VisitStatus, by_value=True)
    urgent = fields.Boolean()
    passed_at = fields.AwareDateTime(allow_none=True)


OverriddenVisitPageSchema = page_schema(OverriddenVisitSchema)
