"""Looking up addresses of sites, and a person's word on where they are."""

from marshmallow import Schema, fields, validate

from mobile_units.services import geocoding
from mobile_units.services.geocoding import Outcome
from schemas.base import KEY, CommandSchema

MOST_SITES = 500
MOST_QUESTIONS = 25
"""A request has to end while its caller waits; a service takes up to a second for each."""


class GeocodeSitesSchema(CommandSchema):
    """Which sites are to be looked up."""

    command = geocoding.GeocodeSites

    site_ids = fields.List(
        fields.Integer(validate=KEY),
        validate=validate.Length(max=MOST_SITES),
        metadata={"description": "empty: those in doubt"},
    )
    limit = fields.Integer(
        validate=validate.Range(1, MOST_QUESTIONS), metadata={"description": "addresses that are asked at most"}
    )


class ConfirmLocationSchema(CommandSchema):
    """That a site is where it is known to be, or where it is instead."""

    command = geocoding.ConfirmLocation

    version = fields.Integer(required=True, metadata={"description": "the version that you read"})
    latitude = fields.Float(validate=validate.Range(-90, 90), allow_none=True, metadata={"description": "WGS 84"})
    longitude = fields.Float(validate=validate.Range(-180, 180), allow_none=True, metadata={"description": "WGS 84"})


class SiteAnswerSchema(Schema):
    """What became of a site."""

    site_id = fields.Integer()
    outcome = fields.Enum(Outcome, by_value=True)
    confidence = fields.Float(allow_none=True, metadata={"description": "0 to 1; null: nobody doubts it"})
    found = fields.String(allow_none=True, metadata={"description": "the address as the service writes it"})


class GeocodingFailureSchema(Schema):
    """How the service of addresses failed."""

    code = fields.String()
    title = fields.Function(lambda failure: failure.sentence("en"), metadata={"type": "string"})
    title_pl = fields.Function(lambda failure: failure.sentence("pl"), metadata={"type": "string"})


class GeocodeResultSchema(Schema):
    """What was looked up; call again while something is left."""

    asked = fields.Integer(metadata={"description": "addresses that were answered"})
    left = fields.Integer(metadata={"description": "addresses still to be asked"})
    sites = fields.List(fields.Nested(SiteAnswerSchema))
    failure = fields.Nested(GeocodingFailureSchema, allow_none=True)
