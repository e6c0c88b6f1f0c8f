"""Versions of an itinerary: which stop of one is which stop of the other, and what is different about it."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from mobile_units.rules.slots import Interval


class Difference(StrEnum):
    """What is different about a stop; `hours` are those of days that stay."""

    DAYS = "days"
    HOURS = "hours"
    SITE = "site"
    UNIT = "unit"
    WOMEN = "women"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionStop:
    """A stop as versions are compared by it; `origin_id` is the stop that it continues."""

    id: int
    origin_id: int | None
    unit_id: int
    site_id: int
    hours: Sequence[Interval]
    days: Sequence[date]
    women: int


Pair = tuple[VersionStop | None, VersionStop | None]


def pairs(one: Iterable[VersionStop], other: Iterable[VersionStop]) -> list[Pair]:
    """Each stop of two versions once, beside its counterpart if it has any, in order of time.

    A stop and the one that it continues belong together, and so do two that continue the same one. Of the rest those
    are taken for the same that have unit, site and days in common, then unit and site, then the site, and at last the
    unit and the days; of several the earliest.
    """
    left, right = _in_time(one), _in_time(other)
    found: list[Pair] = []
    for alike in _LIKENESSES:
        found += _matched(left, right, alike)
    found += [(stop, None) for stop in left] + [(None, stop) for stop in right]
    return sorted(found, key=_order)


def differences(one: VersionStop, other: VersionStop) -> list[Difference]:
    """What is different about two stops that are the same one; nothing if it is as it was."""
    hours = dict(zip(one.days, one.hours, strict=True)), dict(zip(other.days, other.hours, strict=True))
    found = {
        Difference.DAYS: one.days != other.days,
        Difference.HOURS: any(hours[0][day] != hours[1][day] for day in hours[0].keys() & hours[1].keys()),
        Difference.SITE: one.site_id != other.site_id,
        Difference.UNIT: one.unit_id != other.unit_id,
        Difference.WOMEN: one.women != other.women,
    }
    return [each for each, differs in found.items() if differs]


_Keys = Callable[[VersionStop], Sequence[Hashable]]
"""What a stop is known by; two that share any of it are alike."""

_LIKENESSES: tuple[_Keys, ...] = (
    lambda stop: [stop.id] if stop.origin_id is None else [stop.id, stop.origin_id],
    lambda stop: [(stop.unit_id, stop.site_id, tuple(stop.days))],
    lambda stop: [(stop.unit_id, stop.site_id)],
    lambda stop: [stop.site_id],
    lambda stop: [(stop.unit_id, tuple(stop.days))],
)


def _matched(left: list[VersionStop], right: list[VersionStop], keys: _Keys) -> Iterator[Pair]:
    """Takes out of both lists the stops that belong together."""
    waiting: defaultdict[Hashable, list[VersionStop]] = defaultdict(list)
    for stop in right:
        for key in keys(stop):
            waiting[key].append(stop)
    partners = set()
    for stop in list(left):
        found = (each for key in keys(stop) for each in waiting.get(key, ()) if each.id not in partners)
        partner = next(found, None)
        if partner is not None:
            partners.add(partner.id)
            left.remove(stop)
            yield stop, partner
    right[:] = [stop for stop in right if stop.id not in partners]


def _in_time(stops: Iterable[VersionStop]) -> list[VersionStop]:
    return sorted(stops, key=lambda stop: (stop.days, stop.id))


def _order(pair: Pair) -> tuple[Sequence[date], int, int]:
    stop = next(stop for stop in pair if stop)
    return stop.days, stop.unit_id, stop.id
