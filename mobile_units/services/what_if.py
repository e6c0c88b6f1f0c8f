"""What if: the same problem with something changed, and the plan that it would have beside the current one.

Nothing is stored until somebody accepts it, and then only what can be carried out: stops of units that exist.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary
from mobile_units.planning.check import terms
from mobile_units.planning.problem import Key, Limit, Objective, Plan, PlannedStop, PlanningUnit, Problem, Weights
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule
from mobile_units.services import itineraries, planning
from mobile_units.services.actors import Actor
from mobile_units.services.planning import PlanRequest

Solve = Callable[[Problem], Plan]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherUnit:
    """A unit that is not as it is: None leaves a field, `weekdays` and `women_per_day` are given whole.

    With `added_as` it stands beside the unit that it is like, under this name.
    """

    unit_id: int
    added_as: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    home_rule: HomeRule | None = None
    weekdays: frozenset[int] | None = None
    max_relocation_km: float | None = None
    women_per_day: Mapping[Programme, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """The unit as JSON keeps it."""
        return asdict(self) | {"weekdays": None if self.weekdays is None else sorted(self.weekdays)}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "OtherUnit":
        """The unit that `to_json` gave."""
        home_rule, weekdays, women = given["home_rule"], given["weekdays"], given["women_per_day"]
        return cls(
            **{
                **given,
                "home_rule": None if home_rule is None else HomeRule(home_rule),
                "weekdays": None if weekdays is None else frozenset(weekdays),
                "women_per_day": None if women is None else {Programme(key): each for key, each in women.items()},
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What is changed: units that are other than they are or come besides, units left out, other weights."""

    units: Sequence[OtherUnit] = ()
    left_out: Sequence[int] = ()
    weights: Weights | None = None

    def to_json(self) -> dict[str, Any]:
        """The change as JSON keeps it."""
        return {
            "units": [unit.to_json() for unit in self.units],
            "left_out": list(self.left_out),
            "weights": None if self.weights is None else asdict(self.weights),
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "WhatIf":
        """The change that `to_json` gave."""
        return cls(
            units=tuple(map(OtherUnit.from_json, given["units"])),
            left_out=tuple(given["left_out"]),
            weights=Weights(**given["weights"]) if given["weights"] else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The problem as it is and as it would be, and the stops of the itinerary that is planned anew, if any."""

    problem: Problem
    changed: Problem
    current: tuple[PlannedStop, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The plan that there would be, and the terms of the current one, by the weights of the change."""

    plan: Plan
    current: Objective

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON keeps it."""
        return {"plan": planning.plan_to_json(self.plan), "current": asdict(self.current)}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Answer":
        """The answer that `to_json` gave."""
        plan = planning.plan_from_json(given["plan"])
        return cls(plan=plan, current=planning.objective_from_json(given["current"]))


def apply(problem: Problem, what_if: WhatIf) -> Problem:
    """The problem with the change; distances have to be asked anew.

    A unit that is left out leaves its fixed stops, too. One that comes besides has the permits and contracts of the one
    that it is like, and a text for a key.

    Raises:
        DomainError: `not_found`, a unit that is not planned; `nothing_to_plan`, no unit is left.
    """
    _require_known(problem, what_if)
    made = {unit.id: unit for unit in problem.units if unit.id not in what_if.left_out}
    of = {unit.id: unit for unit in problem.units}
    limits = problem.limits
    for number, other in enumerate(what_if.units, start=1):
        if other.added_as is None:
            made[other.unit_id] = _changed(of[other.unit_id], other)
        else:
            key = f"new-{number}"
            made[key] = replace(_changed(of[other.unit_id], other), id=key, name=other.added_as, unavailable=())
            limits = tuple(_with(limit, key, other.unit_id) for limit in limits)
    if not made:
        raise DomainError("nothing_to_plan", missing_pl="nie ma żadnej jednostki", missing_en="no unit is left")
    return replace(
        problem,
        units=tuple(made.values()),
        fixed=tuple(stop for stop in problem.fixed if stop.unit_id in made),
        limits=limits,
        weights=what_if.weights or problem.weights,
        matrix=None,
    )


def _require_known(problem: Problem, what_if: WhatIf) -> None:
    known = {unit.id for unit in problem.units}
    changed = {unit.unit_id for unit in what_if.units if unit.added_as is None} & set(what_if.left_out)
    for key in [*(unit.unit_id for unit in what_if.units), *what_if.left_out]:
        if key not in known or key in changed:
            raise DomainError("not_found", what=f"MobileUnit {key}")


def _changed(unit: PlanningUnit, other: OtherUnit) -> PlanningUnit:
    plain = ("latitude", "longitude", "home_rule", "weekdays", "max_relocation_km")
    given = {name: getattr(other, name) for name in plain if getattr(other, name) is not None}
    return replace(unit, **given, **_capacity(unit, other.women_per_day))


def _capacity(unit: PlanningUnit, women: Mapping[Programme, int] | None) -> dict[str, Any]:
    """Another number of women a day; on the first day of a stop as much of it as now."""
    if women is None:
        return {}
    usual, first = unit.women_per_day, unit.women_on_first_day
    on_first_day = {
        programme: count * first[programme] // usual[programme] if programme in usual else count
        for programme, count in women.items()
    }
    return {"women_per_day": women, "women_on_first_day": on_first_day, "capacities": ()}


def _with(limit: Limit, key: Key, like: Key) -> Limit:
    return replace(limit, unit_ids=limit.unit_ids | {key}) if like in limit.unit_ids else limit


def ask(session: Session, actor: Actor, request: PlanRequest, what_if: WhatIf) -> Question:
    """The problems to be solved; distances are asked afterwards, outside the transaction.

    Raises:
        DomainError: as `planning.problem_for` and `apply`.
    """
    problem = planning.problem_for(session, actor, request)
    current = None
    if request.itinerary_id is not None:
        itinerary = itineraries.get(session, actor, request.itinerary_id)
        own = (planning.planned_stop(stop) for stop in itinerary.stops if stop.days)
        current = tuple(dict.fromkeys((*problem.fixed, *own)))
    return Question(problem=problem, changed=apply(problem, what_if), current=current)


def answer(question: Question, solve: Solve) -> Answer:
    """The plan of the changed problem, and the terms of the current itinerary, or of a plan if there is none."""
    plan = solve(question.changed)
    if question.current is None:
        current = solve(question.problem).objective
    else:
        current = terms(question.problem, question.current)
    return Answer(plan=plan, current=replace(current, weights=question.changed.weights))


def accept(session: Session, actor: Actor, request: PlanRequest, found: Answer) -> Itinerary:
    """Keeps the plan as a draft; what it presumes of units that are other than they are is told by its violations.

    Raises:
        DomainError: `unit_does_not_exist`, the plan has stops of a unit that was only supposed; else as
            `planning.keep_plan`.
    """
    require_existing(found.plan)
    return planning.keep_plan(session, actor, request, found.plan)


def require_existing(plan: Plan) -> None:
    """Raises `unit_does_not_exist` for a plan with stops of a unit that was only supposed."""
    for stop in plan.stops:
        if isinstance(stop.unit_id, str):
            raise DomainError("unit_does_not_exist", unit=stop.unit_id)
