"""In which gmina a site lies, how long a unit stays there, and between which days."""

from datetime import date

import pytest

from mobile_units.rules.sites import require_stay, require_window, teryt_of
from tests.factories_catalogue import refused

MONDAY, TUESDAY = date(2026, 9, 7), date(2026, 9, 8)


@pytest.mark.parametrize(
    ("teryt", "gmina", "code"),
    [
        ("1017093", "Wieluń", "1017093"),
        (None, "1017093", "1017093"),
        ("1017093", "1061011", "1017093"),
        (None, "Wieluń", None),
        (None, "101709", None),
        (None, "10170930", None),
        (None, "１０１７０９３", None),
        (None, None, None),
    ],
)
def test_the_identifier_of_a_gmina_will_do_for_its_name(teryt: str | None, gmina: str | None, code: str | None) -> None:
    """If it has the seven digits, and no code is given beside it."""
    assert teryt_of(teryt, gmina) == code


def test_the_shortest_stay_is_not_longer_than_the_longest() -> None:
    """It may be as long."""
    require_stay(3, 3)
    with refused("stay_reversed"):
        require_stay(4, 3)


def test_a_window_ends_after_it_opens() -> None:
    """One day is enough, and either end may be open."""
    require_window(MONDAY, MONDAY)
    require_window(None, MONDAY)
    require_window(MONDAY, None)
    with refused("window_reversed"):
        require_window(TUESDAY, MONDAY)
