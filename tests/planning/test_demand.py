"""The estimate of women due, and what a woman counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.planning.demand import (
    ASSUMED_UPTAKE,
    ASSUMPTIONS,
    ESTIMATE_LABEL_EN,
    ESTIMATE_LABEL_PL,
    INTERVAL_DAYS,
    WEIGHT_EN,
    WEIGHT_PL,
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
        (INTERVAL_DAYS, ASSUMED_UPTAKE, 1.0),
        (None, None, 1.0),
        (0, None, 1 / 1.5),
        (-3, None, 1 / 1.5),
        (365, None, 1.5**-0.5),
        (1095, None, 1.5**0.5),
        (1460, None, 1.5),
        (9999, None, 1.5),
        (None, 0.0, 1.5),
        (None, 0.1625, 1.5**0.5),
        (None, 0.65, 1 / 1.5),
        (None, 1.0, 1 / 1.5),
        (1460, 0.0, 2.25),
        (0, 0.65, 1 / 2.25),
    ],
)
def test_a_woman_counts_more_the_longer_no_unit_came_and_the_fewer_are_screened(
    days: int | None, uptake: float | None, weight: float
) -> None:
    """One in the ordinary gmina that is due now; a visit that is still to come counts like one of today."""
    assert weight_of(1.0, days, uptake, DemandWeights()) == pytest.approx(weight)


def test_what_is_not_known_is_taken_as_ordinary() -> None:
    """Such a site neither gains nor loses against others: it lies in the middle of them."""
    weights = DemandWeights(3.0, 2.0)
    assert weight_of(2.0, None, 0.4, weights) == weight_of(2.0, INTERVAL_DAYS, 0.4, weights)
    assert weight_of(2.0, 100, None, weights) == weight_of(2.0, 100, ASSUMED_UPTAKE, weights)
    fresh, late = (weight_of(1.0, days, None, weights) for days in (0, 2 * INTERVAL_DAYS))
    assert fresh < weight_of(1.0, None, None, weights) < late
    assert fresh * late == pytest.approx(1.0)
    assert pytest.approx((0.15 + 0.5) / 2) == ASSUMED_UPTAKE


PRIORITIES, SHARES, DAYS = st.floats(0.01, 100), st.floats(0, 1), st.integers(-100, 5000)
WEIGHTS = st.builds(DemandWeights, st.floats(0, 100), st.floats(0, 100))


@given(PRIORITIES, DAYS, DAYS, st.none() | SHARES, WEIGHTS)
def test_a_woman_never_counts_less_because_the_unit_was_away_longer(
    priority: float, some: int, more: int, uptake: float | None, weights: DemandWeights
) -> None:
    """Within two intervals each day adds by the same factor."""
    few, many = (weight_of(priority, days, uptake, weights) for days in sorted((some, more)))
    assert few <= many * (1 + 1e-12)
    days = sorted(min(max(0, each), 2 * INTERVAL_DAYS) for each in (some, more))
    factor = (1 + weights.overdue) ** ((days[1] - days[0]) / INTERVAL_DAYS)
    assert many == pytest.approx(few * factor)


@given(PRIORITIES, st.none() | DAYS, SHARES, SHARES, WEIGHTS)
def test_a_woman_never_counts_less_where_fewer_are_screened(
    priority: float, days: int | None, one: float, other: float, weights: DemandWeights
) -> None:
    """Whatever else is known."""
    higher, lower = (weight_of(priority, days, uptake, weights) for uptake in sorted((one, other)))
    assert lower <= higher * (1 + 1e-12)


@given(PRIORITIES, st.none() | DAYS, st.none() | SHARES, WEIGHTS)
def test_the_weight_is_the_priority_within_what_the_settings_allow(
    priority: float, days: int | None, uptake: float | None, weights: DemandWeights
) -> None:
    """Both at their most, or at their least; settings of nothing leave the priority alone."""
    most = (1 + weights.overdue) * (1 + weights.underscreened)
    weight = weight_of(priority, days, uptake, weights)
    assert priority / most * (1 - 1e-9) <= weight <= priority * most * (1 + 1e-9)
    assert weight_of(priority, days, uptake, DemandWeights(0.0, 0.0)) == priority


@pytest.mark.parametrize("formula", [WEIGHT_EN, WEIGHT_PL])
def test_the_formula_names_the_numbers_that_it_is_made_with(formula: str) -> None:
    """What people read is what is worked out."""
    for part in (str(INTERVAL_DAYS), "overdue_weight", "underscreened_weight"):
        assert part in formula
    assert str(ASSUMED_UPTAKE) in formula.replace(",", ".")
