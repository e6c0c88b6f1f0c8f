"""What the terms of the objective are worth to a provider, and how its units drive."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from mobile_units.services.planning_settings import ASSUMED_UPTAKE, WEIGHT_EN, WEIGHT_PL, Settings
from schemas.base import StrictSchema

USUAL = Settings()


def _number(name: str, least: float, most: float, description: str, *, above: bool = False) -> fields.Float:
    return fields.Float(
        load_default=getattr(USUAL, name),
        validate=validate.Range(least, most, min_inclusive=not above),
        metadata={"description": description},
    )


class NewPlanningSettingsSchema(StrictSchema):
    """All settings; what is left out becomes the usual."""

    version = fields.Integer(
        required=True, metadata={"description": "the version that you read; 0 if no settings were kept before"}
    )
    km_per_woman = _number("km_per_woman", 0, 10_000, "kilometres of a unit that one more woman is worth", above=True)
    crew_km_share = _number(
        "crew_km_share", 0, 100, "what a kilometre of a crew in its car counts beside one of a unit"
    )
    women_per_uneven_day = _number("women_per_uneven_day", 0, 10_000, "women that a day of uneven load costs")
    overdue_weight = _number("overdue_weight", 0, 100, "what a woman counts more where no unit stood for four years")
    underscreened_weight = _number(
        "underscreened_weight", 0, 100, "what a woman counts more in a gmina where nobody is screened"
    )
    road_factor = _number("road_factor", 1, 3, "kilometres of road for one of a straight line")
    speed_kmh = _number("speed_kmh", 10, 120, "speed of a unit")
    drive_hours = _number("drive_hours", 0.5, 24, "how long a unit is driven between two days of work")
    crew_commute_km = _number("crew_commute_km", 0, 10_000, "how far from the base a crew goes home every evening")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """The version, and the settings as a command."""
        return {"version": data.pop("version"), "settings": Settings(**data)}


class PlanningSettingsSchema(Schema):
    """Settings as they are kept; the usual ones, with version 0, if none are."""

    version = fields.Integer()
    km_per_woman = fields.Float()
    crew_km_share = fields.Float()
    women_per_uneven_day = fields.Float()
    overdue_weight = fields.Float()
    underscreened_weight = fields.Float()
    road_factor = fields.Float()
    speed_kmh = fields.Float()
    drive_hours = fields.Float()
    crew_commute_km = fields.Float()
    assumed_uptake = fields.Constant(
        ASSUMED_UPTAKE, metadata={"description": "estimate of the share of women screened where a site tells none"}
    )
    weight_en = fields.Constant(WEIGHT_EN, metadata={"description": "how a woman's weight is worked out, in English"})
    weight_pl = fields.Constant(WEIGHT_PL, metadata={"description": "how a woman's weight is worked out, in Polish"})
