"""Women, their declarations, and the answer whether they may be screened."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from mobile_units.rules.eligibility import AssessmentCode
from mobile_units.rules.messages import Channel
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.visits import VisitStatus
from mobile_units.rules.wording import Language
from mobile_units.services import women
from mobile_units.services.contacts import CONSENTS
from schemas.base import DAY, KEY, NAME, NOTE, CommandSchema, JsonBoolean, StrictSchema, change_of

CODES = validate.Length(max=50)
TELEPHONE = validate.Length(min=1, max=40)
EMAIL = validate.Length(min=1, max=254)
CONSENT = "whether she agrees to be written to about her visits by {}"


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
    telephone = fields.String(
        allow_none=True, validate=TELEPHONE, metadata={"description": "Polish, or with its country: +49 …"}
    )
    email = fields.String(allow_none=True, validate=EMAIL)
    language = fields.Enum(Language, by_value=True, metadata={"description": "in which she is written to"})
    email_consent = JsonBoolean(metadata={"description": CONSENT.format("e-mail")})
    sms_consent = JsonBoolean(metadata={"description": CONSENT.format("text message")})
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
    telephone = fields.String(allow_none=True, metadata={"description": "in E.164, unless another system told it"})
    email = fields.String(allow_none=True)
    language = fields.Enum(Language, by_value=True)
    email_consent_at = fields.AwareDateTime(allow_none=True, metadata={"description": "when she agreed to e-mail"})
    sms_consent_at = fields.AwareDateTime(allow_none=True, metadata={"description": "when she agreed to messages"})
    declaration = fields.Nested(KeptDeclarationSchema)
    created_at = fields.AwareDateTime()


class ConsentWithdrawalSchema(StrictSchema):
    """By which ways she no longer wants to be written to."""

    channels = fields.List(
        fields.Enum(Channel, by_value=True, validate=validate.OneOf(list(CONSENTS))),
        required=True,
        validate=validate.Length(min=1, max=2),
    )


class MergeQuerySchema(StrictSchema):
    """Which woman would be merged into this one."""

    merged_id = fields.Integer(required=True, validate=KEY)


class NewMergeSchema(StrictSchema):
    """The woman who is merged into this one, with the versions of both that were compared, and why."""

    merged_id = fields.Integer(required=True, validate=KEY)
    kept_version = fields.Integer(required=True)
    merged_version = fields.Integer(required=True)
    reason = fields.String(required=True, validate=NOTE, metadata={"description": "why they are one woman"})


class ParallelVisitSchema(Schema):
    """An active visit in a programme in which both have one."""

    id = fields.Integer()
    version = fields.Integer()
    woman_id = fields.Integer()
    programme = fields.Enum(Programme, by_value=True)
    status = fields.Enum(VisitStatus, by_value=True)
    starts_at = fields.String(metadata={"format": "date-time"})


class MergePreviewSchema(Schema):
    """What a merge would take over, and what is in its way."""

    kept = fields.Nested(WomanSchema)
    merged = fields.Nested(WomanSchema)
    visits = fields.Integer()
    visits_to_come = fields.Integer(metadata={"description": "these are handed over again, with the kept identity"})
    waiting = fields.Integer(metadata={"description": "open entries on the waiting list"})
    messages = fields.Integer()
    examinations = fields.Integer(metadata={"description": "declared ones that the kept woman did not tell of"})
    fills = fields.List(fields.String(), metadata={"description": "what fills a gap, such as telephone"})
    parallel = fields.List(
        fields.Nested(ParallelVisitSchema), metadata={"description": "cancel all but one of a programme first"}
    )


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
