"""The estimate of women due, and what a woman counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.planning.demand import (
    ASSUMED_UPTAKE,
    ASSUMPTIONS,
    ESTIMATE_LABEL_EN,
    ESTIMATE_LABEL_PL,
    OVERDUE_DAYS,
    DemandWeights,
    estimate_women_due,
    share_out,
    weight_of,
)
from mobile_units.rules.programmes import Programme


@pytest.mark.parametrize(
    ("population", "programme", "women"),
    [(8000, Programme.BREAST, 200), (8000, Programme.CERVICAL, 180), (0, Programme.BREAST, 0)],
)
def test_women_due_in_a_quarter(population: int, programme: Programme, women: int) -> None:
    """8,000 inhabitants: 1,600 women in 8 quarters for mammography, 2,160 in 12 quarters for cytology."""
    assert estimate_women_due(population, programme) == women


@pytest.mark.parametrize("programme", Programme)
def test_every_programme_says_that_it_is_estimated(programme: Programme) -> None:
    """In both languages."""
    assert ASSUMPTIONS[programme].label_pl.startswith(ESTIMATE_LABEL_PL)
    assert ASSUMPTIONS[programme].label_en.startswith(ESTIMATE_LABEL_EN)


@pytest.mark.parametrize(
    ("women", "populations", "shares"),
    [
        (100, [3000, 1000], [75, 25]),
        (10, [1000, 1000, 1000], [4, 3, 3]),
        (10, [2000, 5000, 3000], [2, 5, 3]),
        (7, [1000, 2000], [2, 5]),
        (9, [8000, None], [5, 4]),
        (9, [0, 0], [5, 4]),
        (0, [10, 20], [0, 0]),
    ],
)
def test_the_women_of_a_gmina_are_shared_by_population(
    women: int, populations: list[int | None], shares: list[int]
) -> None:
    """Largest remainder; equally where a population is not known or nobody lives there."""
    assert share_out(women, populations) == shares


@given(st.integers(0, 100_000), st.lists(st.none() | st.integers(0, 1_000_000), min_size=1, max_size=9))
def test_no_woman_is_lost_or_counted_twice(women: int, populations: list[int | None]) -> None:
    """Shares sum up and lie within one woman of the exact share."""
    shares = share_out(women, populations)
    assert sum(shares) == women
    known = [population for population in populations if population is not None]
    total = sum(known)
    if len(known) == len(populations) and total:
        assert all(abs(s * total - women * p) < total for s, p in zip(shares, known, strict=True))


@pytest.mark.parametrize(
    ("days", "uptake", "weight"),
    [
        (0, 1.0, 1.0),
        (365, 1.0, 1.25),
        (730, 1.0, 1.5),
        (9999, 1.0, 1.5),
        (-3, 1.0, 1.0),
        (0, 0.0, 1.5),
        (730, 0.4, 1.8),
    ],
)
def test_a_woman_counts_more_the_longer_no_unit_came_and_the_fewer_are_screened(
    days: int, uptake: float, weight: float
) -> None:
    """Each at the most half as much again; a visit that is still to come counts like one of today."""
    assert weight_of(1.0, days, uptake, DemandWeights()) == pytest.approx(weight)


PRIORITIES, SHARES = st.floats(0.01, 100), st.floats(0, 1)
WEIGHTS = st.builds(DemandWeights, st.floats(0, 10), st.floats(0, 10))


@given(PRIORITIES, st.integers(0, OVERDUE_DAYS), st.integers(0, OVERDUE_DAYS), SHARES, WEIGHTS)
def test_a_woman_becomes_overdue_evenly(
    priority: float, some: int, more: int, uptake: float, weights: DemandWeights
) -> None:
    """The same number of days adds the same weight, whenever they pass within the two years."""
    fresh, after_some, after_more = (weight_of(priority, days, uptake, weights) for days in (0, some, more))
    assert (after_some - fresh) * more == pytest.approx((after_more - fresh) * some, abs=1e-6)
    full = weight_of(priority, OVERDUE_DAYS, uptake, weights) - fresh
    assert full == pytest.approx(priority * weights.overdue, abs=1e-9)


@given(PRIORITIES, st.none() | st.integers(-100, 5000), SHARES, SHARES, WEIGHTS)
def test_the_fewer_women_are_screened_the_more_each_counts(
    priority: float, days: int | None, lower: float, higher: float, weights: DemandWeights
) -> None:
    """By the share that is missing."""
    gained = weight_of(priority, days, lower, weights) - weight_of(priority, days, higher, weights)
    assert gained == pytest.approx(priority * weights.underscreened * (higher - lower), abs=1e-6)


@given(PRIORITIES, st.none() | st.integers(-100, 5000), st.none() | SHARES, WEIGHTS)
def test_the_weight_lies_between_the_priority_and_all_of_it(
    priority: float, days: int | None, uptake: float | None, weights: DemandWeights
) -> None:
    """Nobody counts less than her priority, nobody more than fully overdue where nobody is screened."""
    most = priority * (1 + weights.overdue + weights.underscreened)
    assert priority * (1 - 1e-12) <= weight_of(priority, days, uptake, weights) <= most * (1 + 1e-12)
    nothing = DemandWeights(0.0, 0.0)
    assert weight_of(priority, days, uptake, nothing) == priority


def test_what_is_not_known_is_assumed() -> None:
    """No known visit means fully overdue; no known uptake lies halfway between the extremes of the gminas."""
    weights = DemandWeights()
    assert weight_of(1.0, None, 0.4, weights) == weight_of(1.0, OVERDUE_DAYS, 0.4, weights)
    assert weight_of(1.0, 100, None, weights) == weight_of(1.0, 100, ASSUMED_UPTAKE, weights)
    extremes = weight_of(1.0, 100, 0.15, weights), weight_of(1.0, 100, 0.5, weights)
    assert weight_of(1.0, 100, None, weights) == pytest.approx(sum(extremes) / 2)
