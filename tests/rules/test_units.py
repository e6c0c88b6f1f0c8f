"""The working day of a unit, the place that it works for, and other numbers of women."""

from datetime import date, time

import pytest

from mobile_units.errors import DomainError
from mobile_units.rules.programmes import Mobility, Programme
from mobile_units.rules.units import require_case, require_mobile, require_offered, require_working_day
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


def test_women_per_day_differ_only_in_a_programme_that_the_unit_has() -> None:
    """The programme is told by its name."""
    require_offered(Programme.BREAST, {Programme.BREAST})
    with pytest.raises(DomainError) as caught:
        require_offered(Programme.CERVICAL, {Programme.BREAST})
    assert caught.value.code == "capacity_without_programme"
    assert Programme.CERVICAL.name_pl in caught.value.sentence("pl")


def test_another_number_of_women_is_about_a_site_or_days() -> None:
    """Both days or neither, in order; the usual number is for everything else."""
    monday, tuesday = date(2026, 9, 7), date(2026, 9, 8)
    require_case(7, None, None)
    require_case(None, monday, monday)
    require_case(7, monday, tuesday)
    for site_id, first_day, last_day, code in (
        (None, None, None, "capacity_without_case"),
        (7, monday, None, "period_incomplete"),
        (None, None, monday, "period_incomplete"),
        (7, tuesday, monday, "period_reversed"),
    ):
        with refused(code):
            require_case(site_id, first_day, last_day)
