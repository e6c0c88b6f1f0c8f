"""The estimate of women due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.planning.demand import (
    ASSUMPTIONS,
    ESTIMATE_LABEL_EN,
    ESTIMATE_LABEL_PL,
    estimate_women_due,
    share_out,
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
