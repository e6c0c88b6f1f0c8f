"""Rules of service places: what opening hours they may have, and which programme needs a setting."""

from collections.abc import Iterable
from datetime import time
from itertools import pairwise
from typing import Protocol

from mobile_units.errors import DomainError
from mobile_units.rules.programmes import Mobility, Programme, Setting


class Hours(Protocol):
    """Opening hours of one programme on one ISO weekday, in Polish local time."""

    @property
    def programme(self) -> Programme:
        """What is examined."""

    @property
    def weekday(self) -> int:
        """ISO number, Monday being 1."""

    @property
    def opens(self) -> time:
        """The first minute."""

    @property
    def closes(self) -> time:
        """The minute after the last."""


def require_opening_hours(mobility: Mobility, hours: Iterable[Hours]) -> None:
    """Checks the opening hours of a place.

    Raises:
        DomainError: `mobile_place_has_no_hours`, its stops have them; `ends_before_start`; `opening_hours_overlap`, of
            one programme on one weekday.
    """
    in_order = sorted(hours, key=lambda each: (each.programme, each.weekday, each.opens))
    if in_order and mobility is Mobility.MOBILE:
        raise DomainError("mobile_place_has_no_hours")
    if any(each.closes <= each.opens for each in in_order):
        raise DomainError("ends_before_start")
    for earlier, later in pairwise(in_order):
        if (earlier.programme, earlier.weekday) == (later.programme, later.weekday) and later.opens < earlier.closes:
            raise DomainError("opening_hours_overlap", weekday=later.weekday, opens=later.opens.isoformat("minutes"))


def require_setting(setting: Setting | None, programmes: Iterable[Programme]) -> None:
    """Raises `setting_missing` for a cervical examination without POZ or AOS: its product code depends on it."""
    if setting is None and Programme.CERVICAL in programmes:
        raise DomainError("setting_missing")
