"""The terms of the objective, as a table shows them: amounts, what they are worth, and those of another plan."""

from collections.abc import Callable
from dataclasses import dataclass

from mobile_units.planning.problem import Objective, Weights
from routes.pages.words import decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A term of the objective: its amount here and in another plan, and what it is worth, counted in women.

    `better` is 1 if more is better, -1 if less is, and 0 if neither; `of` is what the amount is a part of. Without
    `worth` it counts nothing by itself.
    """

    name: str
    note: str
    amount: float
    other: float | None
    better: int
    worth: float | None = None
    of: int | None = None
    decimals: int = 0

    @property
    def difference(self) -> float:
        """How much more it is here than in the other plan, as it is shown."""
        return round(self.amount, self.decimals) - round(self.other or 0, self.decimals)

    @property
    def verdict(self) -> str:
        """Whether the difference is `good`, `bad` or neither, which is empty."""
        direction = self.difference * self.better
        return "good" if direction > 0 else "bad" if direction < 0 else ""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A term of any objective."""

    name: str
    note: Callable[[Weights], str]
    amount: Callable[[Objective], float]
    better: int
    worth: Callable[[Objective], float] | None = None
    of: Callable[[Objective], int] | None = None
    decimals: int = 0


KINDS = (
    _Kind("Kobiety", lambda _: "tyle obejmą postoje", lambda it: it.women, 1, of=lambda it: it.women_due),
    _Kind(
        "Kobiety z wagą",
        lambda _: "zaległe i rzadko badane liczą się więcej",
        lambda it: it.women_weighted,
        1,
        lambda it: it.women_weighted,
    ),
    _Kind(
        "Kilometry jednostek",
        lambda weights: f"{decimal(weights.km_per_woman)} km to jedna kobieta mniej",
        lambda it: it.km,
        -1,
        lambda it: -it.km / it.weights.km_per_woman,
    ),
    _Kind(
        "Kilometry zespołów",
        lambda weights: f"każdy jak {decimal(weights.crew_km_share)} km jednostki",
        lambda it: it.km_crews,
        -1,
        lambda it: -it.weights.crew_km_share * it.km_crews / it.weights.km_per_woman,
    ),
    _Kind(
        "Dni pracy", lambda _: "dni jednostek z postojem", lambda it: it.unit_days_used, 0, of=lambda it: it.unit_days
    ),
    _Kind(
        "Nierówność",
        lambda weights: f"dzień kosztuje tyle, ile {decimal(weights.women_per_uneven_day)} kobiety",
        lambda it: it.uneven_days,
        -1,
        lambda it: -it.weights.women_per_uneven_day * it.uneven_days,
        decimals=1,
    ),
    _Kind(
        "Wartość", lambda _: "według niej plany są porównywane", lambda it: it.value, 1, lambda it: it.value, decimals=1
    ),
)
"""All terms in the order in which they are shown, their sum last."""


def terms(objective: Objective, other: Objective | None = None) -> list[Term]:
    """The terms of a plan; beside them those of another one."""
    return [
        Term(
            name=kind.name,
            note=kind.note(objective.weights),
            amount=kind.amount(objective),
            other=None if other is None else kind.amount(other),
            better=kind.better,
            worth=kind.worth(objective) if kind.worth else None,
            of=kind.of(objective) if kind.of else None,
            decimals=kind.decimals,
        )
        for kind in KINDS
    ]
