"""The curve of a search as its template shows it: how the value of the best plan rose."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Curve:
    """How the value rose from the `lowest` to the `highest`, as points of a line `CURVE_WIDTH` by `CURVE_HEIGHT`."""

    points: str
    lowest: float
    highest: float
    seconds: float


CURVE_WIDTH, CURVE_HEIGHT = 320.0, 72.0
RIM = 4.0


def curve(history: Sequence[Sequence[float]], seconds: float) -> Curve | None:
    """A stair of pairs of seconds and value, over the seconds of the search; None of less than two pairs.

    It begins with the first plan, because nothing is found while the search is prepared.
    """
    pairs = [(pair[0] - history[0][0], pair[1]) for pair in history]
    if len(pairs) < 2:
        return None
    long = max(seconds, pairs[-1][0])
    lowest, highest = min(value for _, value in pairs), max(value for _, value in pairs)
    per_second = (CURVE_WIDTH - 2 * RIM) / long
    per_value = (CURVE_HEIGHT - 2 * RIM) / ((highest - lowest) or 1.0)

    def point(at: float, value: float) -> str:
        return f"{RIM + at * per_second:.1f},{RIM + (highest - value) * per_value:.1f}"

    steps = [point(*pairs[0])]
    for (_, before), (at, value) in pairwise(pairs):
        steps += [point(at, before), point(at, value)]
    return Curve(" ".join(steps), lowest, highest, pairs[-1][0])
