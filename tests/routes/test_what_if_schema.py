"""What may be supposed of units and weights, as it is sent."""

from typing import Any

import pytest
from marshmallow import ValidationError

from mobile_units.planning.problem import Weights
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule
from mobile_units.services.what_if import OtherUnit, WhatIf
from schemas.what_if import WhatIfSchema


def test_what_is_supposed_becomes_a_command() -> None:
    """Weights that are not given are the usual ones; weekdays have no order."""
    unit = {"unit_id": 1, "added_as": "Nowy", "weekdays": [2, 1, 2], "home_rule": "home_daily"}
    sent = {"units": [unit | {"women_per_day": {"breast": 30}}], "left_out": [2], "weights": {"km_per_woman": 3.0}}
    added = OtherUnit(
        unit_id=1,
        added_as="Nowy",
        weekdays=frozenset({1, 2}),
        home_rule=HomeRule.HOME_DAILY,
        women_per_day={Programme.BREAST: 30},
    )
    assert WhatIfSchema().load(sent) == WhatIf(units=[added], left_out=[2], weights=Weights(3.0))
    assert WhatIfSchema().load({}) == WhatIf()


@pytest.mark.parametrize(
    "unit",
    [
        {},
        {"unit_id": 1, "weekdays": []},
        {"unit_id": 1, "weekdays": [0]},
        {"unit_id": 1, "women_per_day": {"breast": 0}},
        {"unit_id": 1, "women_per_day": {}},
        {"unit_id": 1, "max_relocation_km": 0},
        {"unit_id": 1, "colour": "red"},
    ],
)
def test_what_cannot_be_supposed_is_refused(unit: dict[str, Any]) -> None:
    """A unit that works on no day or examines nobody, and what is not known."""
    with pytest.raises(ValidationError):
        WhatIfSchema().load({"units": [unit]})
