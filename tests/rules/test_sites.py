"""How long a unit stays at a site, and between which days."""

from datetime import date

from mobile_units.rules.sites import require_stay, require_window
from tests.factories_catalogue import refused

MONDAY, TUESDAY = date(2026, 9, 7), date(2026, 9, 8)


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
