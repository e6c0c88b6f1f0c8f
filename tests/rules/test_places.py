"""Where places may lie."""

import pytest

from mobile_units.errors import DomainError
from mobile_units.rules.places import require_in_poland


@pytest.mark.parametrize(("latitude", "longitude"), [(51.22, 18.57), (54.83, 18.30), (49.00, 22.86), (52.85, 14.13)])
def test_places_in_poland_are_allowed(latitude: float, longitude: float) -> None:
    """Wieluń, and places near the northern, southern and western ends of the country."""
    require_in_poland(latitude, longitude)


@pytest.mark.parametrize(("latitude", "longitude"), [(18.57, 51.22), (0.0, 0.0), (51.22, 25.0), (56.0, 18.57)])
def test_places_outside_are_a_mistake(latitude: float, longitude: float) -> None:
    """Swapped numbers above all."""
    with pytest.raises(DomainError) as refused:
        require_in_poland(latitude, longitude)
    assert refused.value.code == "outside_poland"
