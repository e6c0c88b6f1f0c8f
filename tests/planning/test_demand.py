"""The estimate of women due."""

import pytest

from mobile_units.planning.demand import (
    ASSUMPTIONS,
    ESTIMATE_LABEL_EN,
    ESTIMATE_LABEL_PL,
    estimate_women_due,
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
