"""Who may be screened."""

from marshmallow import Schema, fields

from mobile_units.rules.programmes import Path, Programme
from mobile_units.services import eligibility
from schemas.base import DAY, FilterSchema, page_schema


class EligibilityRuleSchema(Schema):
    """Ages, by year of birth, and the wait after an earlier examination."""

    id = fields.Integer()
    programme = fields.Enum(Programme, by_value=True)
    path = fields.Enum(Path, by_value=True)
    age_from = fields.Integer()
    age_to = fields.Integer()
    after_path = fields.Enum(
        Path, by_value=True, allow_none=True, metadata={"description": "the earlier examination from which she waits"}
    )
    interval_months = fields.Integer()
    risk_group = fields.String(allow_none=True, metadata={"description": "empty means all women"})
    valid_from = fields.Date()
    valid_to = fields.Date(allow_none=True)
    legal_source = fields.String()
    confirmed = fields.Boolean(metadata={"description": "false where no source states the rule"})


class EligibilityExclusionSchema(Schema):
    """A circumstance that keeps a woman out of a programme."""

    id = fields.Integer()
    code = fields.String()
    programme = fields.Enum(Programme, by_value=True)
    name_pl = fields.String()
    name_en = fields.String()
    legal_source = fields.String()
    valid_from = fields.Date()
    valid_to = fields.Date(allow_none=True)


class RuleFilterSchema(FilterSchema):
    """Which rules are wanted."""

    command = eligibility.RuleFilter

    programme = fields.Enum(Programme, by_value=True)
    path = fields.Enum(Path, by_value=True)
    valid_on = fields.Date(validate=DAY)


class ExclusionFilterSchema(FilterSchema):
    """Which exclusions are wanted."""

    command = eligibility.ExclusionFilter

    programme = fields.Enum(Programme, by_value=True)
    valid_on = fields.Date(validate=DAY)


EligibilityRulePageSchema = page_schema(EligibilityRuleSchema)
EligibilityExclusionPageSchema = page_schema(EligibilityExclusionSchema)
