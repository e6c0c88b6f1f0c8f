"""Which stop of one version is which of the other."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.rules.slots import Interval
from mobile_units.rules.versions import Difference, VersionStop, differences, pairs

FIRST = date(2027, 3, 10)


def stop(
    key: int, *days: int, unit: int = 1, site: int = 1, women: int = 40, hours: int = 8, origin: int | None = None
) -> VersionStop:
    """A stop on the n-th days, from eight o'clock for so many hours."""
    dates = [FIRST + timedelta(days=day) for day in days]
    opens = [datetime(day.year, day.month, day.day, 8, tzinfo=UTC) for day in dates]
    return VersionStop(
        id=key,
        origin_id=origin,
        unit_id=unit,
        site_id=site,
        days=dates,
        hours=[Interval(at, at + timedelta(hours=hours)) for at in opens],
        women=women,
    )


def keys(one: list[VersionStop], other: list[VersionStop]) -> list[tuple[int | None, int | None]]:
    """The pairs by the keys of their stops."""
    return [(a.id if a else None, b.id if b else None) for a, b in pairs(one, other)]


def test_a_stop_belongs_to_the_one_that_it_continues() -> None:
    """Whatever else it has in common with another one."""
    one = [stop(1, 0), stop(2, 5, site=2)]
    assert keys(one, [stop(3, 5, site=2, origin=1), stop(4, 0, origin=2)]) == [(1, 3), (2, 4)]
    assert keys([stop(3, 0, origin=1)], [stop(1, 7, unit=9, site=9)]) == [(3, 1)]
    assert keys([stop(3, 0, origin=1)], [stop(4, 7, unit=9, site=9, origin=1)]) == [(3, 4)]


@pytest.mark.parametrize(
    ("near", "far"),
    [
        (stop(11, 0), stop(12, 1)),
        (stop(11, 4), stop(12, 0, unit=2)),
        (stop(11, 0, unit=2), stop(12, 0, site=2)),
    ],
    ids=["unit, site and days", "unit and site", "site"],
)
def test_of_strangers_those_with_most_in_common_are_the_same(near: VersionStop, far: VersionStop) -> None:
    """Days count less than the unit, and the unit less than the site."""
    assert (1, 11) in keys([stop(1, 0)], [far, near])
    assert (1, 12) in keys([stop(1, 0)], [far])


def test_what_has_nothing_in_common_is_in_one_version_alone() -> None:
    """In order of time."""
    assert keys([stop(1, 3)], [stop(2, 1, unit=2, site=2)]) == [(None, 2), (1, None)]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (stop(2, 0, 1), []),
        (stop(2, 0, 2), [Difference.DAYS]),
        (stop(2, 0, 1, hours=9), [Difference.HOURS]),
        (stop(2, 1, 2, hours=9), [Difference.DAYS, Difference.HOURS]),
        (stop(2, 2, 3, hours=9), [Difference.DAYS]),
        (stop(2, 0, 1, site=2, unit=2, women=7), [Difference.SITE, Difference.UNIT, Difference.WOMEN]),
    ],
)
def test_what_is_different_is_named(other: VersionStop, expected: list[Difference]) -> None:
    """Hours of days that both have; of other days only that they are others."""
    assert differences(stop(1, 0, 1), other) == expected


STOPS = st.lists(
    st.builds(
        lambda key, day, unit, site, origin: stop(key, day, unit=unit, site=site, origin=origin),
        st.integers(1, 10**6),
        st.integers(0, 5),
        st.integers(1, 3),
        st.integers(1, 3),
        st.none() | st.integers(1, 9),
    ),
    max_size=8,
    unique_by=lambda each: each.id,
)


@given(STOPS, STOPS)
def test_every_stop_is_told_of_once(one: list[VersionStop], other: list[VersionStop]) -> None:
    """None is lost and none doubled, and the other way round it is the same."""
    found = keys(one, other)
    assert sorted(a for a, _ in found if a is not None) == sorted(each.id for each in one)
    assert sorted(b for _, b in found if b is not None) == sorted(each.id for each in other)
    assert all(each != (None, None) for each in found)


@given(STOPS)
def test_a_version_is_the_same_as_itself(one: list[VersionStop]) -> None:
    """Stop by stop."""
    assert all(a is not None and b is not None for a, b in pairs(one, one))
