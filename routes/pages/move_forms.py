"""The form that asks for a bulk move: what it shows first, and the command that it makes."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from mobile_units.errors import DomainError
from mobile_units.services.bulk_move_scopes import Scope
from mobile_units.services.bulk_moves import NewBulkMove
from routes.pages import fields
from routes.pages.words import decimal

Form = MultiDict[str, str]

MOST_DAYS, MOST_KM, MOST_NOTICE, HEAVIEST = 366, 2000.0, 90, 1000.0
STOP, ORPHANED, UNIT = "stop", "orphaned", "unit"


@dataclass(frozen=True, slots=True)
class WeightField:
    """A weight as the form asks for it."""

    name: str
    label: str


WEIGHTS = (
    WeightField("km", "Kilometr dalej"),
    WeightField("day_later", "Dzień później"),
    WeightField("urgent_day_later", "Dzień później, gdy pilna"),
    WeightField("day_earlier", "Dzień wcześniej"),
    WeightField("other_weekday", "Inny dzień tygodnia"),
    WeightField("other_time", "Inna połowa dnia"),
    WeightField("other_unit", "Inna jednostka"),
)


def usual_weights() -> Mapping[str, float]:
    """What a change is worth unless somebody says otherwise."""
    from mobile_units.planning.assignment import MoveWeights  # noqa: PLC0415 -- loads the solver, and few pages need it

    return dataclasses.asdict(MoveWeights())


def blank(asked: Mapping[str, str]) -> Form:
    """The form as the address asks for it: of a stop, of a unit, or of the orphaned slots of all stops or of one."""
    usual = Scope()
    form: Form = MultiDict(
        {
            "way": UNIT if asked.get("unit_id") else ORPHANED if asked.get("orphaned") else STOP,
            "where": "near",
            "within_km": decimal(usual.within_km),
            "within_days": str(usual.within_days),
            "notice_days": str(usual.notice_days),
        }
    )
    for name in ("stop_id", "unit_id", "first_day", "last_day"):
        form[name] = asked.get(name, "")
    form["orphaned_stop_id"] = asked.get("stop_id", "") if asked.get("orphaned") else ""
    for name, value in usual_weights().items():
        form[f"weight-{name}"] = decimal(value)
    return form


def read(form: Form) -> NewBulkMove:
    """The command; weights that are the usual ones are not part of it.

    Raises:
        DomainError: `invalid_input`, a field cannot be read.
    """
    usual = usual_weights()
    weights = {each.name: fields.number(form, f"weight-{each.name}", each.label, HEAVIEST) for each in WEIGHTS}
    return NewBulkMove(
        reason=fields.line(form, "reason", "powód", 1000),
        scope=Scope(**_leaving(form), **_allowed(form)),
        weights={name: weight for name, weight in weights.items() if weight != usual[name]},
    )


def _leaving(form: Form) -> dict[str, Any]:
    """Which visits leave."""
    match form.get("way"):
        case "unit":
            return {
                "unit_id": fields.whole(form, "unit_id", "jednostka"),
                "first_day": fields.day(form, "first_day", "pierwszy dzień"),
                "last_day": fields.day(form, "last_day", "ostatni dzień"),
            }
        case "orphaned":
            stop_id = fields.whole_if_any(form, "orphaned_stop_id", "postój", 1, fields.LARGEST_KEY)
            return {"orphaned": True, "stop_id": stop_id}
        case _:
            return {"stop_id": fields.whole(form, "stop_id", "postój")}


def _allowed(form: Form) -> dict[str, Any]:
    """Where they may go."""
    notice = fields.whole(form, "notice_days", "najwcześniej za", 0, MOST_NOTICE)
    if form.get("where") == "chosen":
        chosen = sorted({fields.whole({"key": text}, "key", "postoje") for text in form.getlist("to_stops")})
        if not chosen:
            raise DomainError("invalid_input", problem="postoje (wybierz co najmniej jeden albo wszystkie w pobliżu)")
        return {"to_stop_ids": chosen, "notice_days": notice}
    return {
        "within_km": fields.number(form, "within_km", "promień", MOST_KM),
        "within_days": fields.whole(form, "within_days", "najpóźniej po", 0, MOST_DAYS),
        "notice_days": notice,
    }
