"""Where places may lie, and what they have."""

import pytest

from mobile_units.errors import DomainError
from mobile_units.rules.places import VOIVODESHIPS, checked_voivodeships, features, require_in_poland


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


def test_voivodeships_are_the_even_numbers_of_teryt() -> None:
    """Sixteen of them, from 02 to 32; given ones come back in order and once."""
    assert list(VOIVODESHIPS) == [f"{code:02}" for code in range(2, 33, 2)]
    assert checked_voivodeships(["14", "02", "14"]) == ["02", "14"]


@pytest.mark.parametrize("code", ["00", "01", "34", "2", "łódzkie", ""])
def test_another_voivodeship_is_refused(code: str) -> None:
    """The known ones are told."""
    with pytest.raises(DomainError) as refused:
        checked_voivodeships(["10", code])
    assert refused.value.code == "voivodeship_unknown"
    assert "02, 04" in refused.value.way_out("pl")


def test_features_agree_however_they_are_typed() -> None:
    """Capitals and spaces make no difference, blank ones are nothing."""
    assert features(["Woda ", "twarde  podłoże", "woda", " "]) == ["twarde podłoże", "woda"]
