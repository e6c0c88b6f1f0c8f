"""Women due estimated from population where the NFZ's own numbers have not been imported, and what a woman counts.

The shares are rounded national ones and know nothing of the place. What comes from here is always shown as an estimate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mobile_units.rules.programmes import Programme

INTERVAL_DAYS = 730
"""When a site is due again: the interval of mammography, 24 months (Dz.U. 2023 poz. 2167)."""

ASSUMED_UPTAKE = 0.325
"""The share of women screened in the ordinary gmina, and in one that tells none: an estimate, halfway between the 15 %
and the 50 % between which gminas are known to lie."""

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
    """What a woman counts more where no unit stood for two intervals, and where nobody is screened."""

    overdue: float = 0.5
    underscreened: float = 0.5


WEIGHT_EN = (
    "weight = priority × (1 + overdue_weight)^o × (1 + underscreened_weight)^u; o = days since the last visit ÷ 730 − 1"
    " and u = 1 − uptake ÷ 0.325, both from −1 to 1, and 0 where it is not known"
)
WEIGHT_PL = (
    "waga = priorytet × (1 + overdue_weight)^o × (1 + underscreened_weight)^u; o = dni od ostatniego postoju ÷ 730 − 1,"
    " u = 1 − zgłaszalność ÷ 0,325, oba od −1 do 1, a 0, gdy brak danych"
)
"""What `weight_of` works out."""


def weight_of(priority: float, days_since_visit: int | None, uptake: float | None, weights: DemandWeights) -> float:
    """What a woman at a site counts in the objective; one in the ordinary gmina, which is due now, counts its priority.

    The formula is `WEIGHT_EN`. A site is due when `INTERVAL_DAYS` have passed since a unit stood there: then o is 0, on
    the day of the visit −1, after two intervals and later 1. In a gmina of the ordinary uptake, `ASSUMED_UPTAKE`, u is
    0; where nobody is screened it is 1, where twice as many or more are it is −1. What is not known is taken as
    ordinary, so that such a site neither gains nor loses by it against others.

    The interval is that of the breast programme. The exponents and what they are worth are ours, not anybody's rule.
    """
    overdue = 0.0 if days_since_visit is None else _between(days_since_visit / INTERVAL_DAYS - 1.0)
    underscreened = 0.0 if uptake is None else _between(1.0 - uptake / ASSUMED_UPTAKE)
    overdue_factor = (1.0 + weights.overdue) ** overdue
    underscreened_factor = (1.0 + weights.underscreened) ** underscreened
    return float(priority * overdue_factor * underscreened_factor)


def _between(share: float) -> float:
    return max(-1.0, min(1.0, share))
