"""Women, their declarations, and the answer whether they may be screened."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from mobile_units.rules.eligibility import AssessmentCode
from mobile_units.rules.programmes import Path
from mobile_units.services import women
from schemas.base import DAY, NAME, CommandSchema, StrictSchema, change_of

CODES = validate.Length(max=50)
TELEPHONE = validate.Length(min=1, max=40)


class IdentitySchema(CommandSchema):
    """A PESEL, or country and number of a foreign document."""

    command = women.Identity

    pesel = fields.String(validate=NAME, metadata={"description": "11 digits, spaces and hyphens allowed"})
    country = fields.String(validate=validate.Length(equal=2), metadata={"description": "ISO 3166", "example": "DE"})
    document_number = fields.String(validate=NAME)

    @validates_schema
    def require_one(self, data: dict[str, Any], **_: Any) -> None:
        """Either the one or the other, and whole."""
        if set(data) not in ({"pesel"}, {"country", "document_number"}):
            raise ValidationError("Give either pesel, or country and document_number.")


class DeclaredExaminationSchema(CommandSchema):
    """An earlier examination that a woman told of."""

    command = women.DeclaredExamination

    path = fields.Enum(Path, by_value=True, required=True)
    performed_on = fields.Date(required=True, validate=DAY)


class DeclarationSchema(CommandSchema):
    """What a woman told about her health."""

    command = women.Declaration

    risk_groups = fields.List(
        fields.String(validate=NAME), validate=CODES, metadata={"description": "codes of the eligibility rules"}
    )
    exclusions = fields.List(
        fields.String(validate=NAME), validate=CODES, metadata={"description": "codes of the exclusions"}
    )
    examinations = fields.List(fields.Nested(DeclaredExaminationSchema), validate=CODES)


class NewWomanSchema(CommandSchema):
    """A woman to be kept."""

    command = women.NewWoman

    identity = fields.Nested(IdentitySchema, required=True)
    given_name = fields.String(required=True, validate=NAME)
    family_name = fields.String(required=True, validate=NAME)
    birth_date = fields.Date(validate=DAY, metadata={"description": "needed with a document; a PESEL tells it"})
    telephone = fields.String(allow_none=True, validate=TELEPHONE)
    declaration = fields.Nested(DeclarationSchema)


class KeptExaminationSchema(Schema):
    """A declared examination as it is kept."""

    path = fields.String(metadata={"enum": [path.value for path in Path]})
    performed_on = fields.String(metadata={"format": "date"})


class KeptDeclarationSchema(Schema):
    """A declaration as it is kept."""

    risk_groups = fields.List(fields.String())
    exclusions = fields.List(fields.String())
    examinations = fields.List(fields.Nested(KeptExaminationSchema))


class WomanSchema(Schema):
    """A woman as she is kept."""

    id = fields.Integer()
    version = fields.Integer()
    identity_kind = fields.String(metadata={"enum": ["pesel", "document"]})
    identity_number = fields.String(metadata={"description": "a PESEL, or country:number"})
    given_name = fields.String()
    family_name = fields.String()
    birth_date = fields.String(metadata={"format": "date"})
    telephone = fields.String(allow_none=True)
    declaration = fields.Nested(KeptDeclarationSchema)
    created_at = fields.AwareDateTime()


class EligibilityQuerySchema(StrictSchema):
    """For which examination and day the answer is wanted."""

    path = fields.Enum(Path, by_value=True, required=True)
    on = fields.Date(validate=DAY, metadata={"description": "today, if not given"})


class AssessmentSchema(Schema):
    """Whether a woman may be screened, with the reason and its source."""

    eligible = fields.Boolean()
    code = fields.Enum(AssessmentCode, by_value=True)
    reason_pl = fields.String()
    reason_en = fields.String()
    legal_source = fields.String(allow_none=True)
    rule_id = fields.Integer(allow_none=True)
    next_eligible_on = fields.Date(allow_none=True)
    confirmed = fields.Boolean(metadata={"description": "false if a rule was used that no source states"})


WomanChangeSchema = change_of(NewWomanSchema)
