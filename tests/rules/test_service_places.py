"""Opening hours and the setting of a service place."""

from dataclasses import dataclass
from datetime import time

from mobile_units.rules.programmes import Mobility, Programme, Setting
from mobile_units.rules.service_places import require_opening_hours, require_setting
from tests.factories_catalogue import refused


@dataclass(frozen=True)
class Hours:
    """Opening hours on a Monday unless told otherwise."""

    opens: time
    closes: time
    programme: Programme = Programme.BREAST
    weekday: int = 1


MORNING = Hours(time(8), time(12))


def test_hours_may_touch_and_differ_by_programme_and_weekday() -> None:
    """Only times of one programme on one weekday can be in each other's way."""
    afternoon = Hours(time(12), time(15))
    tuesday = Hours(time(9), time(11), weekday=2)
    cervical = Hours(time(9), time(11), Programme.CERVICAL)
    require_opening_hours(Mobility.STATIONARY, [afternoon, tuesday, cervical, MORNING])


def test_overlapping_hours_are_refused() -> None:
    """Whatever their order, two times of one programme on one weekday must not overlap."""
    with refused("opening_hours_overlap"):
        require_opening_hours(Mobility.STATIONARY, [Hours(time(11, 59), time(15)), MORNING])


def test_hours_that_end_before_they_start_are_refused() -> None:
    """Opening and closing at the same minute is no time."""
    with refused("ends_before_start"):
        require_opening_hours(Mobility.STATIONARY, [Hours(time(8), time(8))])


def test_a_mobile_place_has_no_hours() -> None:
    """The stops of its units have them; having none is right."""
    require_opening_hours(Mobility.MOBILE, [])
    with refused("mobile_place_has_no_hours"):
        require_opening_hours(Mobility.MOBILE, [MORNING])


def test_only_the_breast_programme_goes_without_a_setting() -> None:
    """The product code of a cervical examination depends on POZ or AOS."""
    require_setting(None, [Programme.BREAST])
    require_setting(Setting.POZ, [Programme.CERVICAL])
    with refused("setting_missing"):
        require_setting(None, [Programme.BREAST, Programme.CERVICAL])
