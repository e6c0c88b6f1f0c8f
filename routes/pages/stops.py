"""Edits of the stops of a draft by hand: tried first, told with what that breaks and costs, and only then stored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Stop
from mobile_units.planning.problem import Key
from mobile_units.rules.roles import Role
from mobile_units.services import edits, itineraries, planning
from mobile_units.services.change_works import undone
from mobile_units.services.edits import Wish
from mobile_units.services.itineraries import StopChange
from mobile_units.services.versions import Edit
from routes.auth import roles
from routes.database import actor, transaction
from routes.errors import STATUS
from routes.pages import fields
from routes.pages.handover import frame
from routes.pages.itineraries import carry_out, done
from routes.pages.words import alphabetical

LONGEST_STAY = 92

blueprint = Blueprint("itinerary_stops", __name__, url_prefix="/itineraries/<key:itinerary_id>/stops")


@dataclass(frozen=True, slots=True)
class TriedDay:
    """A day of a stop as it would be."""

    day: date
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Tried:
    """An edit that was tried and undone, and the stop as it would be, unless it would be gone."""

    edit: Edit
    women: int | None = None
    days: Sequence[TriedDay] = ()


Act = Callable[[Session], Edit]


@blueprint.get("/new")
@roles(Role.COORDINATOR)
def new(itinerary_id: int) -> ResponseReturnValue:
    """The form for one more stop; unit, site and first day may be given in the address."""
    typed = {"length": "1"} | {name: request.args.get(name, "") for name in ("unit_id", "site_id", "first_day")}
    return _page(itinerary_id, None, typed)


@blueprint.post("/new")
@roles(Role.COORDINATOR)
def add(itinerary_id: int) -> ResponseReturnValue:
    """Tries to add a stop, or adds it."""

    def act(session: Session) -> Edit:
        return edits.add(session, actor(), itinerary_id, _version(), _wish())

    return _carry_out(itinerary_id, None, act, "Postój jest dodany.")


@blueprint.get("/<key:stop_id>")
@roles(Role.COORDINATOR)
def show(itinerary_id: int, stop_id: int) -> ResponseReturnValue:
    """The form for another unit, site or time of a stop."""
    return _page(itinerary_id, stop_id, None)


@blueprint.post("/<key:stop_id>")
@roles(Role.COORDINATOR)
def change(itinerary_id: int, stop_id: int) -> ResponseReturnValue:
    """Tries to change a stop, or changes it."""

    def act(session: Session) -> Edit:
        return edits.change(session, actor(), stop_id, _version(), _wish())

    return _carry_out(itinerary_id, stop_id, act, "Postój jest zmieniony.")


@blueprint.post("/<key:stop_id>/remove")
@roles(Role.COORDINATOR)
def remove(itinerary_id: int, stop_id: int) -> ResponseReturnValue:
    """Tries to remove a stop, or removes it."""

    def act(session: Session) -> Edit:
        return edits.remove(session, actor(), stop_id, _version())

    return _carry_out(itinerary_id, stop_id, act, "Postój jest usunięty.")


@blueprint.post("/<key:stop_id>/pin")
@roles(Role.COORDINATOR)
def pin(itinerary_id: int, stop_id: int) -> ResponseReturnValue:
    """Has every plan keep the stop as it is, or lets it go again."""
    pinned = request.form.get("pinned") == "1"

    def act(session: Session, version: int) -> None:
        _require_of(session, itinerary_id, stop_id)
        itineraries.change_stop(session, actor(), stop_id, StopChange(version=version, pinned=pinned))

    said = "Postój jest przypięty: planowanie go nie ruszy." if pinned else "Postój nie jest już przypięty."
    return carry_out(itinerary_id, act, said, f"postoj-{stop_id}")


def _carry_out(itinerary_id: int, stop_id: int | None, act: Act, said: str) -> ResponseReturnValue:
    """Stores the edit if that was confirmed, else tries it; the form comes back with what was typed."""
    typed = request.form.to_dict()
    store = typed.get("step") == "store"
    tried = None
    try:
        with transaction() as session:
            if stop_id is not None:
                _require_of(session, itinerary_id, stop_id)
            if store:
                changed = act(session).stop
                anchor = f"postoj-{changed.id}" if changed else "postoje"
            else:
                tried = _tried(session, act)
    except DomainError as error:
        if error.code == "not_found" and stop_id is not None:
            raise
        return _page(itinerary_id, stop_id, typed, refused=error)
    return _page(itinerary_id, stop_id, typed, tried=tried) if tried else done(itinerary_id, said, anchor)


def _tried(session: Session, act: Act) -> Tried:
    with undone(session):
        edit = act(session)
        if edit.stop is None:
            return Tried(edit)
        days = [TriedDay(row.day, row.opens_at, row.closes_at) for row in edit.stop.days]
        return Tried(edit, edit.stop.women_planned, days)


def _page(
    itinerary_id: int,
    stop_id: int | None,
    typed: Mapping[str, str] | None,
    *,
    tried: Tried | None = None,
    refused: DomainError | None = None,
) -> ResponseReturnValue:
    """The form with what was typed, and with what would come of it or why it cannot be."""
    with transaction() as session:
        itinerary = itineraries.get(session, actor(), itinerary_id)
        stop = None if stop_id is None else _require_of(session, itinerary_id, stop_id)
        problem = planning.problem_around(session, actor(), itinerary)
        clash = refused is not None and refused.code == "unit_in_two_places"
        others = edits.in_the_way(session, actor(), itinerary_id, _wish(), stop_id) if clash else ()
        common = frame(session)
    units = {unit.id: unit.name for unit in problem.units} | ({stop.unit_id: stop.unit.name} if stop else {})
    places = {site.id: site.name for site in problem.sites} | ({stop.site_id: stop.site.name} if stop else {})
    told = {
        "itinerary": itinerary,
        "stop": stop,
        "typed": _values(stop) if typed is None and stop else typed,
        "tried": tried,
        "refused": refused,
        "others": others,
        "removing": request.path.endswith("/remove"),
        "units": sorted(units.items(), key=_by_name),
        "places": sorted(places.items(), key=_by_name),
        "due": {site.id: sum(site.women_due.values()) for site in problem.sites},
        "mixed_hours": stop is not None and edits.hours_of(stop).mixed,
        "longest_stay": LONGEST_STAY,
    }
    return render_template("itineraries/stop.html", **told, **common), STATUS[refused.code] if refused else 200


def _require_of(session: Session, itinerary_id: int, stop_id: int) -> Stop:
    """The stop of this itinerary.

    Raises:
        DomainError: `not_found`, also for a stop of another itinerary.
    """
    stop = itineraries.get_stop(session, actor(), stop_id)
    if stop.itinerary_id != itinerary_id:
        raise DomainError("not_found", what=f"Stop {stop_id}")
    return stop


def _values(stop: Stop) -> Mapping[str, Any]:
    """What the form for a stop shows at first; women are counted anew unless they are typed."""
    hours = edits.hours_of(stop)
    return {
        "unit_id": str(stop.unit_id),
        "site_id": str(stop.site_id),
        "first_day": stop.first_day.isoformat(),
        "length": str(len(stop.days)),
        "opens": f"{hours.opens:%H:%M}" if hours.opens else "",
        "closes": f"{hours.closes:%H:%M}" if hours.closes else "",
        "women": "",
    }


def _by_name(option: tuple[Key, str]) -> tuple[tuple[bool, int], ...]:
    return alphabetical(option[1])


def _version() -> int:
    return fields.whole(request.form, "version", "wersja", 0)


def _wish() -> Wish:
    """The stop that was asked for.

    Raises:
        DomainError: `invalid_input`, with the name of the field at fault.
    """
    form = request.form
    return Wish(
        unit_id=fields.whole(form, "unit_id", "jednostka"),
        site_id=fields.whole(form, "site_id", "miejsce postoju"),
        first_day=fields.day(form, "first_day", "pierwszy dzień"),
        length=fields.whole(form, "length", "ile dni", 1, LONGEST_STAY),
        opens=fields.clock_time_if_any(form, "opens", "od godziny"),
        closes=fields.clock_time_if_any(form, "closes", "do godziny"),
        women=fields.whole_if_any(form, "women", "kobiety", 0, 100_000),
    )
