"""Women due estimated from population where the NFZ's own numbers have not been imported, and what a woman counts.

The shares are rounded national ones and know nothing of the place. What comes from here is always shown as an estimate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mobile_units.rules.programmes import Programme

OVERDUE_DAYS = 730
"""After two years without a unit every woman who is screened every two years is overdue."""

ASSUMED_UPTAKE = 0.325
"""The share of women screened in a gmina that tells none: an estimate, halfway between the 15 % and the 50 % between
which gminas are known to lie, so that a gmina without a number neither gains nor loses by it."""

ESTIMATE_LABEL_PL = "szacunek"
ESTIMATE_LABEL_EN = "estimate"


@dataclass(frozen=True, slots=True)
class DemandAssumption:
    """What the estimate assumes: women of the age band as a share of inhabitants, examined once in `quarters`."""

    share: float
    quarters: int
    label_pl: str
    label_en: str


ASSUMPTIONS: dict[Programme, DemandAssumption] = {
    Programme.BREAST: DemandAssumption(
        share=0.20,
        quarters=8,
        label_pl="szacunek: kobiety 45-74 lata to około 20% mieszkańców, badanie co 24 miesiące",
        label_en="estimate: women aged 45-74 are about 20% of inhabitants, screened every 24 months",
    ),
    Programme.CERVICAL: DemandAssumption(
        share=0.27,
        quarters=12,
        label_pl="szacunek: kobiety 25-64 lata to około 27% mieszkańców, cytologia co 36 miesięcy",
        label_en="estimate: women aged 25-64 are about 27% of inhabitants, cytology every 36 months",
    ),
}


def estimate_women_due(population: int, programme: Programme) -> int:
    """Women who come due in one quarter in a place of `population` inhabitants, rounded to whole women."""
    assumption = ASSUMPTIONS[programme]
    return round(population * assumption.share / assumption.quarters)


def share_out(women: int, populations: Sequence[int | None]) -> list[int]:
    """`women` of one gmina shared among its sites: by population, or equally where a population is not known.

    Whole women by the largest remainder, the first site winning ties; the shares always sum up to `women`.
    """
    known = [population for population in populations if population is not None]
    weights = known if len(known) == len(populations) and any(known) else [1] * len(populations)
    total = sum(weights)
    shares = [women * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda site: -(women * weights[site] % total))
    for site in by_remainder[: women - sum(shares)]:
        shares[site] += 1
    return shares


@dataclass(frozen=True, slots=True)
class DemandWeights:
    """What a woman counts more where she is fully overdue, and where nobody is screened."""

    overdue: float = 0.5
    underscreened: float = 0.5


def weight_of(priority: float, days_since_visit: int | None, uptake: float | None, weights: DemandWeights) -> float:
    """What a woman at a site counts in the objective.

    The priority, more by as much as she is overdue (evenly, from nothing on the day of a visit to everything after two
    years) and under-screened (by the share of women who are not screened). Where no unit is known to have stood she is
    fully overdue: a first visit makes it known. Where the `uptake` is not known it is `ASSUMED_UPTAKE`.
    """
    overdue = 1.0 if days_since_visit is None else min(1.0, max(0, days_since_visit) / OVERDUE_DAYS)
    underscreened = 1.0 - (ASSUMED_UPTAKE if uptake is None else uptake)
    return priority * (1.0 + weights.overdue * overdue + weights.underscreened * underscreened)
