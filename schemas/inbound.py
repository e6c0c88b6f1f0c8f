"""Changes that came from the central e-registration; only `InboundChangeWithWomanSchema` names a woman."""

from marshmallow import Schema, fields

from mobile_units.models.inbound import InboundState
from mobile_units.rules.visits import ChangedBy
from mobile_units.services import inbound
from schemas.base import NOTE, CommandSchema, FilterSchema, page_schema


class InboundFilterSchema(FilterSchema):
    """Which changes are wanted."""

    command = inbound.InboundFilter

    state = fields.Enum(
        InboundState,
        by_value=True,
        load_default=InboundState.CONFLICT,
        metadata={"description": "by default those that wait for a person"},
    )
    code = fields.String(metadata={"description": "the refusal of a conflict, one of /problems"})


class NoteSchema(CommandSchema):
    """Why a person decided as she did."""

    command = inbound.Note

    note = fields.String(required=True, validate=NOTE)


class CentralVisitSchema(Schema):
    """A visit as the central e-registration told it, without the woman."""

    slot = fields.String(attribute="slot.extension", metadata={"description": "the UUID of the slot, if it is ours"})
    path = fields.String()
    product_code = fields.String()
    urgent = fields.Boolean()
    status = fields.String()
    cancelled_by = fields.String(allow_none=True)


class CentralPatientSchema(Schema):
    """A woman as the central e-registration named her."""

    identifier = fields.String(attribute="identifier.extension")
    given_name = fields.String()
    family_name = fields.String()
    birth_date = fields.String()
    telephone = fields.String(allow_none=True)


class InboundChangeSchema(Schema):
    """A change with what became of it."""

    id = fields.Integer()
    cer_root = fields.String(metadata={"description": "with cer_extension: the visit as the centre names it"})
    cer_extension = fields.String()
    changed_at = fields.AwareDateTime()
    changed_by = fields.Enum(ChangedBy, by_value=True)
    state = fields.Enum(InboundState, by_value=True)
    code = fields.String(allow_none=True, metadata={"description": "the refusal of a conflict"})
    problem = fields.String(
        attribute="content.unreadable.problem", metadata={"description": "what is wrong with one that cannot be read"}
    )
    stand_ins = fields.List(
        fields.String(),
        attribute="content.unreadable.unknown",
        metadata={"description": "the fields of one that cannot be read that have a stand-in"},
    )
    reason_pl = fields.String(attribute="content.refusal.pl")
    reason_en = fields.String(attribute="content.refusal.en")
    visit = fields.Nested(CentralVisitSchema, attribute="content.visit")
    visit_id = fields.Integer(allow_none=True, metadata={"description": "the visit here, once there is one"})
    decided_by = fields.Integer(allow_none=True)
    decided_at = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime()


class InboundChangeWithWomanSchema(InboundChangeSchema):
    """A change with the woman whom the centre named, and with the note of a decision."""

    patient = fields.Nested(CentralPatientSchema, attribute="content.visit.patient")
    xml = fields.String(
        attribute="content.unreadable.xml", metadata={"description": "one that cannot be read, as the centre told it"}
    )
    note = fields.String(allow_none=True)


class InboundStatusSchema(Schema):
    """How far the changes were read, and why no further."""

    read_at = fields.AwareDateTime(allow_none=True)
    failed_at = fields.AwareDateTime(allow_none=True)
    failure = fields.String(allow_none=True)
    waiting = fields.Integer(metadata={"description": "changes that wait for a person"})


InboundChangePageSchema = page_schema(InboundChangeSchema)
