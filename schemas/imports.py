"""Imports of sites, units and women due from files."""

from typing import Any

from flask_smorest.fields import Upload
from marshmallow import Schema, ValidationError, fields, validates_schema

from mobile_units.rules.programmes import Programme
from schemas.base import DAY, StrictSchema

BOTH_OR_NEITHER = "Give both programme and month for the NFZ's table, or neither."


class UploadSchema(StrictSchema):
    """A file of a form."""

    file = Upload(required=True, metadata={"description": "CSV in UTF-8, or XLSX"})


class ImportOptionsSchema(StrictSchema):
    """How to import."""

    dry_run = fields.Boolean(load_default=False, metadata={"description": "only try, store nothing"})


class SiteImportOptionsSchema(ImportOptionsSchema):
    """How to import sites."""

    estimate = fields.Boolean(
        load_default=True, metadata={"description": "estimate women due from population where no number is known"}
    )


class DemandImportOptionsSchema(ImportOptionsSchema):
    """How to import women due; a programme and a month announce the NFZ's monthly table of gminas."""

    programme = fields.Enum(Programme, by_value=True)
    month = fields.Date(format="%Y-%m", validate=DAY, metadata={"example": "2026-10"})

    @validates_schema
    def require_both_or_neither(self, data: dict[str, Any], **_: Any) -> None:
        """The NFZ's table says neither, so both are needed."""
        if ("programme" in data) != ("month" in data):
            raise ValidationError(BOTH_OR_NEITHER, "month" if "programme" in data else "programme")


class GminaSchema(Schema):
    """A gmina of the NFZ's table."""

    teryt = fields.String()
    name = fields.String(allow_none=True)
    women_due = fields.Integer()


class ImportResultSchema(Schema):
    """What was read, and what became of it."""

    rows = fields.Integer()
    created = fields.Integer()
    updated = fields.Integer()
    unchanged = fields.Integer()


class FleetImportResultSchema(ImportResultSchema):
    """What was read, and what keeps units from sites."""

    sites_without_teryt = fields.List(
        fields.String(),
        metadata={
            "description": "codes of active sites where no unit that is limited to voivodeships can come: give each"
            " the TERYT code of its gmina"
        },
    )


class DemandImportResultSchema(ImportResultSchema):
    """The lists are there for the NFZ's table only."""

    gminas_without_site = fields.List(
        fields.Nested(GminaSchema), metadata={"description": "their women were given to no site"}
    )
    sites_without_gmina = fields.List(
        fields.String(), metadata={"description": "codes of active sites that got no number"}
    )


class ImportProblemSchema(Schema):
    """What is wrong with a file, and where; rows are numbered as a spreadsheet shows them."""

    row = fields.Integer()
    column = fields.String(allow_none=True)
    code = fields.String()
    reason_pl = fields.String()
    reason_en = fields.String()
