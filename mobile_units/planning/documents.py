"""Plans as JSON: written for programs that go on with them, and read again to be judged."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from math import isfinite
from typing import Any, NoReturn

from mobile_units.errors import DomainError
from mobile_units.planning.check import terms
from mobile_units.planning.problem import Objective, Plan, PlannedStop, PlanningUnit, Problem
from mobile_units.rules.calendar import working_days


@dataclass(frozen=True, slots=True)
class StatedStop:
    """A stop as a plan file states it."""

    unit_id: str
    site_id: str
    first_day: date
    last_day: date
    women: int


@dataclass(frozen=True, slots=True)
class StatedPlan:
    """What a plan file states; `terms` are those of the objective that it names, `women` and `km` among them."""

    stops: tuple[StatedStop, ...]
    first_day: date | None
    last_day: date | None
    terms: Mapping[str, Any]


def plan_document(problem: Problem, plan: Plan) -> dict[str, Any]:
    """The plan as it is written to a file: plain values, stops by unit and day, the objective with its terms."""
    stops = sorted(plan.stops, key=lambda stop: (str(stop.unit_id), stop.days))
    return {
        "from": problem.first_day.isoformat(),
        "to": problem.last_day.isoformat(),
        "stops": [_stop_document(stop) for stop in stops],
        "unserved": [
            {
                "site_id": each.site_id,
                "reason": each.reason_en,
                "code": each.code,
                "reason_pl": each.reason_pl,
                "programme": each.programme.value if each.programme else None,
            }
            for each in plan.unserved
        ],
        "km": plan.km,
        "women": plan.women,
        "objective": round(plan.objective.value, 3),
        "terms": asdict(plan.objective),
        "seconds": round(plan.seconds, 2),
        "solver": plan.solver,
        "seed": plan.seed,
        "iterations": plan.iterations,
    }


def _stop_document(stop: PlannedStop) -> dict[str, Any]:
    return {
        "unit_id": stop.unit_id,
        "site_id": stop.site_id,
        "first_day": stop.days[0].isoformat(),
        "last_day": stop.days[-1].isoformat(),
        "women": stop.women,
    }


def read_plan(content: bytes) -> StatedPlan:
    """What a plan file states. Only its stops are required; `from`, `to` and the terms may be missing.

    Raises:
        DomainError: `plan_unreadable`.
    """
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        _unreadable("to nie jest JSON w UTF-8", "it is not JSON in UTF-8")
    if not isinstance(document, dict) or not isinstance(document.get("stops"), list):
        _unreadable("brak listy „stops”", 'it has no list "stops"')
    return StatedPlan(
        stops=tuple(_stated_stop(number, stop) for number, stop in enumerate(document["stops"], start=1)),
        first_day=_stated(document, "from", _stated_day) if "from" in document else None,
        last_day=_stated(document, "to", _stated_day) if "to" in document else None,
        terms=_stated_terms(document),
    )


def _stated_stop(number: int, stop: object) -> StatedStop:
    where = f"stops[{number}]."
    if not isinstance(stop, dict):
        _unreadable(f"postój {number} nie jest obiektem", f"stop {number} is no object")
    return StatedStop(
        unit_id=_stated(stop, "unit_id", _stated_key, where),
        site_id=_stated(stop, "site_id", _stated_key, where),
        first_day=_stated(stop, "first_day", _stated_day, where),
        last_day=_stated(stop, "last_day", _stated_day, where),
        women=_stated(stop, "women", _stated_women, where),
    )


def _stated_terms(document: Mapping[str, Any]) -> dict[str, Any]:
    """The terms of the objective that are named, those at the top before those below `terms`."""
    named = document.get("terms") if isinstance(document.get("terms"), dict) else {}
    given = {**(named or {}), **{name: document[name] for name in ("women", "km") if name in document}}
    known = [each.name for each in fields(Objective) if each.name in given and each.name != "weights"]
    return {name: _stated(given, name, _stated_number) for name in known}


def _stated(document: Mapping[str, Any], name: str, parse: Callable[[Any], Any], where: str = "") -> Any:
    if name not in document:
        _unreadable(f"brak pola {where}{name}", f"the field {where}{name} is missing")
    try:
        return parse(document[name])
    except (TypeError, ValueError):
        _unreadable(f"błędna wartość pola {where}{name}", f"the value of {where}{name} is wrong")


def _stated_key(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError
    return str(value)


def _stated_day(value: object) -> date:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise TypeError
    return date.fromisoformat(value)


def _stated_women(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _stated_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise TypeError
    return value


def _unreadable(problem_pl: str, problem_en: str) -> NoReturn:
    raise DomainError("plan_unreadable", problem_pl=problem_pl, problem_en=problem_en) from None


def as_plan(problem: Problem, stated: StatedPlan) -> Plan:
    """The plan that a file states, to be judged; terms that it does not name are worked out.

    A stop lasts all working days of its unit from its first day to its last; these two belong to it in any case, so
    that the judge can say what is wrong with them.
    """
    units = {unit.id: unit for unit in problem.units}
    stops = tuple(
        PlannedStop(stop.unit_id, stop.site_id, _days(units.get(stop.unit_id), stop), stop.women)
        for stop in stated.stops
    )
    objective = replace(terms(problem, stops), **stated.terms)
    return Plan(stops=stops, unserved=(), objective=objective, seconds=0.0, solver="file", seed=0)


def _days(unit: PlanningUnit | None, stop: StatedStop) -> tuple[date, ...]:
    ends = (stop.first_day, stop.last_day)
    if unit is None or stop.last_day <= stop.first_day:
        return ends if stop.first_day != stop.last_day else ends[:1]
    between = (day for day in working_days(*ends, unit.weekdays) if unit.is_available(day))
    return tuple(sorted({*ends, *between}))
