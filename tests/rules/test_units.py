"""The working day of a unit and the place that it works for."""

from datetime import time

from mobile_units.rules.programmes import Mobility, Programme
from mobile_units.rules.units import require_mobile, require_working_day
from tests.factories_catalogue import refused


def test_a_working_day_holds_the_set_up_and_one_examination() -> None:
    """It may be just long enough, not a minute shorter."""
    require_working_day(time(8), time(9), 52, 8)
    with refused("working_day_too_short"):
        require_working_day(time(8), time(9), 53, 8)


def test_a_working_day_ends_after_it_starts() -> None:
    """A night shift across midnight is not a working day of a unit."""
    with refused("ends_before_start"):
        require_working_day(time(22), time(6), 0, 8)


def test_a_unit_works_for_a_mobile_place() -> None:
    """A stationary place cannot have a schedule with a mobile point, so no unit can work for it."""
    require_mobile(Mobility.MOBILE, Programme.BREAST)
    with refused("service_place_not_mobile"):
        require_mobile(Mobility.STATIONARY, Programme.BREAST)
