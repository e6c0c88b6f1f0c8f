"""The evidence about a visit, member by member: the stable shape of its JSON. Nothing in it names a woman.

`sha256` is the SHA-256, in hexadecimal, of the canonical form of all other members: keys sorted, no white space,
letters as they are, UTF-8. All numbers are whole, so that every language writes them alike.
"""

from typing import Any

from marshmallow import Schema, fields


def _optional(description: str = "") -> dict[str, Any]:
    return {"allow_none": True, "metadata": {"description": description} if description else {}}


class InstantSchema(Schema):
    """One instant in both zones, with milliseconds."""

    utc = fields.String(metadata={"example": "2027-03-10T07:00:00.000Z"})
    polish = fields.String(metadata={"example": "2027-03-10T08:00:00.000+01:00"})


class EvidenceProviderSchema(Schema):
    """Who passes the visit."""

    name = fields.String()
    rpwdl_book = fields.String()
    regon = fields.String()
    nfz_branch = fields.String()


class EvidenceVisitSchema(Schema):
    """The visit, without the woman."""

    id = fields.Integer()
    uuid = fields.String()
    central_identifier = fields.String(**_optional("root and extension, if the central system booked it"))
    service_day = fields.Date(metadata={"description": "the Polish day"})
    starts_at = fields.Nested(InstantSchema)
    ends_at = fields.Nested(InstantSchema)
    place = fields.String()
    place_address = fields.String()
    cell_code = fields.String()
    mobile_point = fields.String(**_optional())
    examination_pl = fields.String()
    product_code = fields.String()
    contract_number = fields.String()
    nfz_branch = fields.String()
    urgent = fields.Boolean()
    status = fields.String()
    status_pl = fields.String()
    source = fields.String(metadata={"description": "where it was booked"})
    source_pl = fields.String()
    booked_at = fields.Nested(InstantSchema)


class EvidenceDutySchema(Schema):
    """The legal rule, and when the time was up."""

    rule_pl = fields.String()
    source_pl = fields.String()
    time_was_up_at = fields.Nested(InstantSchema)


class EvidenceVerdictSchema(Schema):
    """What the log supports."""

    timing = fields.String(metadata={"enum": ["passed_in_time", "passed_late", "not_passed", "still_time"]})
    timing_pl = fields.String()
    passed_at = fields.Nested(InstantSchema, allow_none=True)
    reason = fields.String(**_optional("urgent, fault_of_the_centre, fault_of_ours, refusal or undetermined"))
    reason_pl = fields.String(allow_none=True)
    finding = fields.String(**_optional("what in the log the reason rests on"))
    finding_pl = fields.String(allow_none=True)


class EvidenceAttemptSchema(Schema):
    """One attempt to deliver a message."""

    number = fields.Integer()
    started_at = fields.Nested(InstantSchema)
    ended_at = fields.Nested(InstantSchema)
    milliseconds = fields.Integer()
    outcome = fields.String()
    outcome_pl = fields.String()
    sign = fields.String(metadata={"description": "what it shows about the central system"})
    sign_pl = fields.String()
    code = fields.String(**_optional("of the fault or of the result"))
    code_meaning_pl = fields.String(allow_none=True)
    description = fields.String(**_optional("the answer's words, or the name of an error of the network"))
    event_uuid = fields.String(allow_none=True)
    endpoint = fields.String()
    certificate = fields.String(**_optional("SHA-256 of the one that signed"))


class EvidenceMessageSchema(Schema):
    """A message about the visit, with every attempt, oldest first."""

    id = fields.Integer()
    uuid = fields.String(metadata={"description": "the identifier that the receiver sees"})
    kind = fields.String()
    kind_pl = fields.String()
    stored_at = fields.Nested(InstantSchema)
    state = fields.String()
    state_pl = fields.String()
    accepted_at = fields.Nested(InstantSchema, allow_none=True)
    given_up_at = fields.Nested(InstantSchema, allow_none=True)
    attempts = fields.List(fields.Nested(EvidenceAttemptSchema))


class EvidenceAwaitedSchema(EvidenceMessageSchema):
    """A message that the visit had to wait for, directly or through others."""

    subject_pl = fields.String()


class EvidenceOutageSchema(Schema):
    """An outage, or a momentary failure, that touches the time in which the visit waited."""

    endpoint = fields.String()
    begun_at = fields.Nested(InstantSchema, metadata={"description": "start of the first failed call"})
    last_failed_at = fields.Nested(InstantSchema, metadata={"description": "start of the last failed call"})
    ended_at = fields.Nested(
        InstantSchema, allow_none=True, metadata={"description": "start of the next call that was answered"}
    )
    milliseconds = fields.Integer()
    failed_calls = fields.Integer()
    signs = fields.Dict(keys=fields.String(), values=fields.Integer())
    signs_pl = fields.String()
    unclear_calls = fields.Integer(metadata={"description": "failed meanwhile for reasons that cannot be told"})
    longest_gap_milliseconds = fields.Integer(metadata={"description": "longest time inside it without any call"})
    side = fields.String()
    side_pl = fields.String()
    momentary = fields.Boolean()


class EvidenceSchema(Schema):
    """The whole document."""

    format = fields.String(metadata={"example": "mobile-units/evidence/1"})
    generated_at = fields.Nested(InstantSchema)
    provider = fields.Nested(EvidenceProviderSchema)
    visit = fields.Nested(EvidenceVisitSchema)
    duty = fields.Nested(EvidenceDutySchema)
    verdict = fields.Nested(EvidenceVerdictSchema)
    messages = fields.List(fields.Nested(EvidenceMessageSchema))
    waited_for = fields.List(fields.Nested(EvidenceAwaitedSchema))
    outages = fields.List(fields.Nested(EvidenceOutageSchema))
    sha256 = fields.String(metadata={"description": "of the canonical form of all other members"})
