"""Stays and what they reach."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.planning.problem import days_needed, women_within
from tests.planning.meridian import site, unit

capacities = st.integers(1, 80).flatmap(lambda per_day: st.tuples(st.just(per_day), st.integers(0, per_day)))


@pytest.mark.parametrize(
    ("due", "days_max", "days"),
    [(0, 5, 0), (1, 5, 1), (50, 5, 1), (51, 5, 2), (110, 5, 2), (111, 5, 3), (1000, 5, 5), (1000, 1, 1)],
)
def test_a_stay_lasts_as_long_as_women_are_due(due: int, days_max: int, days: int) -> None:
    """Fifty women on the first day and sixty on every other, up to the longest stay."""
    assert days_needed(unit(per_day=60, first_day=50), due, days_max) == days


@given(capacities, st.integers(1, 2000), st.integers(1, 30))
def test_the_stay_is_the_shortest_sufficient_one(capacity: tuple[int, int], due: int, days_max: int) -> None:
    """It reaches everybody or lasts as long as it may, and one day less would not reach everybody."""
    per_day, first_day = capacity
    crew = unit(per_day=per_day, first_day=first_day)
    days = days_needed(crew, due, days_max)
    assert 1 <= days <= days_max
    assert women_within(crew, due, days) == due or days == days_max
    assert women_within(crew, due, days - 1) < due


def test_women_reached_are_bounded_by_demand_and_by_capacity() -> None:
    """Whichever is smaller; no days, no women."""
    crew = unit(per_day=60, first_day=50)
    assert women_within(crew, 100, 2) == 100
    assert women_within(crew, 500, 2) == 110
    assert women_within(crew, 500, 0) == 0


@pytest.mark.parametrize(("per_day", "first_day"), [(0, 0), (10, 11), (10, -1)])
def test_a_unit_without_sensible_capacity_is_refused(per_day: int, first_day: int) -> None:
    """The first day cannot be the better one, and nobody is no capacity."""
    with pytest.raises(ValueError, match="at least one woman"):
        unit(per_day=per_day, first_day=first_day)


@pytest.mark.parametrize(("breast", "days_max"), [(-1, 5), (10, 0)])
def test_a_site_without_sensible_numbers_is_refused(breast: int, days_max: int) -> None:
    """Demand is not negative and a stay has a day."""
    with pytest.raises(ValueError, match="at least one day"):
        site(1, 52.0, breast=breast, days_max=days_max)
