"""Bulk moves: who would go where when a stop or a unit is lost, changed by hand, carried out and undone as a whole.

No page names a woman; midwives have her on the list of calls.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.itineraries import ItineraryStatus
from mobile_units.models.visits import Visit
from mobile_units.rules.bulk_moves import BulkMoveStatus
from mobile_units.rules.calendar import local_day
from mobile_units.rules.roles import Role
from mobile_units.services import (
    bulk_move_application,
    bulk_move_undo,
    bulk_moves,
    itineraries,
    orphans,
    slot_search,
    units,
)
from mobile_units.services.bulk_moves import BulkMoveFilter, Choice, RowOfMove
from mobile_units.services.itineraries import StopFilter
from mobile_units.services.queries import Paging, get_owned
from mobile_units.services.slot_search import SlotAtPlace, SlotFilter, SlotOrder
from mobile_units.services.units import UnitFilter
from routes.auth import roles
from routes.database import actor, transaction
from routes.errors import STATUS
from routes.pages import fields, move_forms
from routes.pages.handover import frame
from routes.pages.planning import POLICY

MOVERS = (Role.COORDINATOR, Role.MIDWIFE)
PAGE_SIZE = 20
STOPS_OFFERED = Paging(page_size=500)
EVERY_UNIT = Paging(page_size=5000)
SLOTS_OFFERED = 40
SEARCHED_KM = 100.0
"""How far around the stop that is left slots are looked for, unless a place is named."""

LEFT_OUT: Mapping[str, str] = {
    "held": "wstępnie zarezerwowana: potwierdzi się albo sama wygaśnie",
    "arrived": "pacjentka już przyszła",
    "begun": "pora wizyty już minęła",
    "over": "wizyta jest już zakończona",
}
"""Why a visit of the scope is not moved."""

OBSTACLES: Mapping[str, str] = {
    "visit_changed": "wizyta się zmieniła",
    "place_gone": "nie ma już miejsca w nowym terminie",
    "place_given": "dawne miejsce zajął ktoś inny",
    "not_on_this_day": "tego dnia nie może być badana",
    "begun": "pora wizyty już minęła",
}
"""Why a bulk move could not be carried out or undone, told at the visit."""

blueprint = Blueprint("bulk_moves_page", __name__, url_prefix="/moves")


# the list


@blueprint.get("")
@roles(*MOVERS)
def index() -> ResponseReturnValue:
    """All bulk moves, the newest first."""
    status = request.args.get("status", "")
    if status and status not in set(BulkMoveStatus):
        raise DomainError("invalid_input", problem="stan")
    page = fields.whole_if_any(request.args, "page", "strona", 1, 100_000) or 1
    wanted = BulkMoveFilter(paging=Paging(page, PAGE_SIZE), status=BulkMoveStatus(status) if status else None)
    with transaction() as session:
        listed = bulk_moves.find(session, actor(), wanted)
        waiting = orphans.count(session, actor())
        common = frame(session)
    told = {"listed": listed, "status": status, "statuses": BulkMoveStatus, "orphaned": waiting}
    return render_template("moves/list.html", **told, **common)


# asking for a proposal


@blueprint.get("/new")
@roles(*MOVERS)
def new() -> ResponseReturnValue:
    """The form; what leaves may be given in the address."""
    return _form(move_forms.blank(request.args.to_dict()))


@blueprint.post("/new")
@roles(*MOVERS)
def propose() -> ResponseReturnValue:
    """Works out who would go where, and shows it."""
    form = MultiDict(request.form)
    try:
        with transaction() as session:
            move_id = bulk_moves.propose(session, actor(), move_forms.read(form), clock.now()).id
    except DomainError as error:
        return _form(form, error)
    return redirect(url_for("bulk_moves_page.show", move_id=move_id))


def _form(form: move_forms.Form, refused: DomainError | None = None) -> ResponseReturnValue:
    with transaction() as session:
        told = {
            "stops": _coming_stops(session, form),
            "units": units.find(session, actor(), UnitFilter(EVERY_UNIT, active=True)).items,
            "orphaned": orphans.count(session, actor()),
            **frame(session),
        }
    page = render_template("moves/new.html", form=form, weights=move_forms.WEIGHTS, refused=refused, **told)
    return _with_script(page), STATUS[refused.code] if refused else 200


def _coming_stops(session: Session, form: move_forms.Form) -> Sequence[Any]:
    """Published stops that are not over, the soonest first, and the one that the form names."""
    wanted = StopFilter(STOPS_OFFERED, status=ItineraryStatus.PUBLISHED, first_day=clock.today())
    found = list(itineraries.find_stops(session, actor(), wanted).items)
    known = {stop.id for stop in found}
    for name in ("stop_id", "orphaned_stop_id"):
        text = form.get(name, "")
        if text.isascii() and text.isdigit() and len(text) < 19 and int(text) not in known:
            found.append(itineraries.get_stop(session, actor(), int(text)))
            known.add(int(text))
    return found


def _with_script(page: str) -> Response:
    """A page with the script that narrows a list."""
    response = make_response(page)
    response.headers["Content-Security-Policy"] = POLICY
    return response


# a proposal


@dataclass(frozen=True, slots=True)
class Destination:
    """A day of a stop to which women go, and how many."""

    name: str
    day: date
    women: int


@blueprint.get("/<key:move_id>")
@roles(*MOVERS)
def show(move_id: int) -> ResponseReturnValue:
    """Who goes where, what it amounts to, and what can be done with it."""
    return _shown(move_id)


def _shown(move_id: int, refused: DomainError | None = None) -> ResponseReturnValue:
    with transaction() as session:
        whole = bulk_moves.get(session, actor(), move_id)
        names = {unit.id: unit.name for unit in units.find(session, actor(), UnitFilter(EVERY_UNIT)).items}
        scope = _scope_words(session, whole.move.scope, names)
        common = frame(session)
    rows = sorted(whole.rows, key=lambda row: (row.was.starts_at, row.visit_id))
    told = {
        "move": whole.move,
        "totals": whole.totals,
        "scope": scope,
        "placed": [row for row in rows if row.to],
        "unplaced": [row for row in rows if not row.to],
        "destinations": _destinations(rows),
        "left_out": Counter(LEFT_OUT[each["why"]] for each in whole.left_out),
        "units": names,
        "refused": refused,
        "obstacles": _obstacles(refused),
        "typed": request.form if refused else {},
        "statuses": BulkMoveStatus,
    }
    return render_template("moves/show.html", **told, **common), STATUS[refused.code] if refused else 200


def _destinations(rows: Sequence[RowOfMove]) -> Sequence[Destination]:
    """Where women go, most of them first."""
    found = Counter((row.to.site or row.to.service_place, local_day(row.to.starts_at)) for row in rows if row.to)
    counted = (Destination(name, day, women) for (name, day), women in found.items())
    return sorted(counted, key=lambda each: (-each.women, each.day, each.name))


def _obstacles(refused: DomainError | None) -> Mapping[int, str]:
    """By visit, what was in the way."""
    told = refused.facts.get("visits", []) if refused else []
    return {each["visit_id"]: OBSTACLES[each["why"]] for each in told if each.get("why") in OBSTACLES}


def _scope_words(session: Session, scope: Mapping[str, Any], names: Mapping[int, str]) -> Mapping[str, Any]:
    """The scope as the page tells it."""
    stop = itineraries.get_stop(session, actor(), scope["stop_id"]) if scope["stop_id"] else None
    days = [date.fromisoformat(scope[name]) for name in ("first_day", "last_day") if scope[name]]
    return {**scope, "stop": stop, "unit": names.get(scope["unit_id"] or 0), "days": days}


# what a person does with it


@blueprint.post("/<key:move_id>/recompute")
@roles(*MOVERS)
def recompute(move_id: int) -> ResponseReturnValue:
    """Works it out anew."""
    return _carry_out(
        move_id,
        lambda session, version: bulk_moves.recompute(session, actor(), move_id, version, clock.now()),
        "Propozycja jest przeliczona; wybory dokonane ręcznie zostały.",
    )


@blueprint.post("/<key:move_id>/apply")
@roles(*MOVERS)
def apply(move_id: int) -> ResponseReturnValue:
    """Moves all visits, or none."""
    leave = request.form.get("leave_unassigned") == "1"

    def act(session: Session, version: int) -> object:
        return bulk_move_application.apply(session, actor(), move_id, version, clock.now(), leave_unassigned=leave)

    return _carry_out(move_id, act, "Wizyty są przeniesione. Zmiany przekazuje program, kobiety są zawiadamiane.")


@blueprint.post("/<key:move_id>/undo")
@roles(*MOVERS)
def undo(move_id: int) -> ResponseReturnValue:
    """Gives every woman her former place back."""

    def act(session: Session, version: int) -> object:
        reason = fields.line(request.form, "reason", "powód cofnięcia", 1000)
        return bulk_move_undo.undo(session, actor(), move_id, version, reason, clock.now())

    return _carry_out(move_id, act, "Przeniesienie jest cofnięte: wszystkie wizyty wróciły na dawne miejsca.")


@blueprint.post("/<key:move_id>/discard")
@roles(*MOVERS)
def discard(move_id: int) -> ResponseReturnValue:
    """Ends a proposal that nobody wants."""
    return _carry_out(
        move_id,
        lambda session, version: bulk_moves.discard(session, actor(), move_id, version),
        "Propozycja jest odrzucona. Nikogo nie przeniesiono.",
    )


def _carry_out(
    move_id: int,
    act: Callable[[Session, int], object],
    said: str,
    refusal: Callable[[DomainError], ResponseReturnValue] | None = None,
) -> ResponseReturnValue:
    """Does something by the version that was read; a refusal is told on the page, `not_found` passes."""
    try:
        with transaction() as session:
            act(session, fields.whole(request.form, "version", "wersja", 0))
    except DomainError as error:
        if error.code == "not_found":
            raise
        return refusal(error) if refusal else _shown(move_id, error)
    flash(said, "move-good")
    return redirect(url_for("bulk_moves_page.show", move_id=move_id))


# another slot by hand


@blueprint.get("/<key:move_id>/visits/<key:visit_id>")
@roles(*MOVERS)
def choice(move_id: int, visit_id: int) -> ResponseReturnValue:
    """Slots among which a person chooses for one visit: the nearest, or those that were searched for."""
    return _choice(move_id, visit_id)


def _choice(move_id: int, visit_id: int, refused: DomainError | None = None) -> ResponseReturnValue:
    text = fields.line(request.args, "text", "miejsce", 100, 0)
    first_day = fields.day(request.args, "first_day", "od dnia") if request.args.get("first_day") else None
    with transaction() as session:
        whole = bulk_moves.get(session, actor(), move_id)
        row = next((each for each in whole.rows if each.visit_id == visit_id), None)
        if row is None:
            raise DomainError("not_found", what=f"Visit {visit_id}")
        visit = get_owned(session, actor(), Visit, visit_id)
        told = {"slots": _offered(session, row, visit, text, first_day), **frame(session)}
    named = {"move": whole.move, "row": row, "text": text, "first_day": first_day, "refused": refused}
    page = render_template("moves/choice.html", statuses=BulkMoveStatus, **named, **told)
    return page, STATUS[refused.code] if refused else 200


def _offered(
    session: Session, row: RowOfMove, visit: Visit, text: str, first_day: date | None
) -> Sequence[SlotAtPlace]:
    if not text and first_day is None:
        slots = slot_search.alternatives(
            session,
            actor(),
            row.was.slot_id,
            path=row.path,
            channel=visit.channel,
            urgent=row.urgent,
            now=clock.now(),
            limit=SLOTS_OFFERED,
        )
        return sorted(slots, key=lambda slot: slot.starts_at)
    was = slot_search.get(session, actor(), row.was.slot_id)
    wanted = SlotFilter(
        paging=Paging(1, SLOTS_OFFERED),
        path=row.path,
        channel=visit.channel,
        urgent=row.urgent,
        first_day=first_day,
        text=text or None,
        latitude=None if text else was.latitude,
        longitude=None if text else was.longitude,
        radius_km=SEARCHED_KM,
        order=SlotOrder.TIME,
    )
    return slot_search.find(session, actor(), wanted, clock.now()).items


@blueprint.post("/<key:move_id>/visits/<key:visit_id>")
@roles(*MOVERS)
def choose(move_id: int, visit_id: int) -> ResponseReturnValue:
    """Sends a visit to the slot that was chosen, or leaves it where it is."""

    def act(session: Session, version: int) -> object:
        slot_id = fields.whole_if_any(request.form, "slot_id", "termin", 1, fields.LARGEST_KEY)
        wanted = Choice(version=version, visit_id=visit_id, slot_id=slot_id)
        return bulk_moves.choose(session, actor(), move_id, wanted, clock.now())

    return _carry_out(
        move_id, act, "Wybór jest zapisany w propozycji.", lambda error: _choice(move_id, visit_id, error)
    )
