"""The coordinator's diary: how full the coming stops and places are, and the slots of one of them, to be changed.

Nobody is named here; who comes is on the list of the day.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Stop
from mobile_units.models.service_places import ServicePlace
from mobile_units.rules.admission import Reservation
from mobile_units.rules.bulk_moves import BulkMoveStatus
from mobile_units.rules.programmes import Mobility, Path
from mobile_units.rules.roles import Role
from mobile_units.services import (
    bulk_moves,
    cover,
    dated_exceptions,
    fullness,
    itineraries,
    orphans,
    service_places,
    slot_patterns,
    slot_search,
    slots,
    templates,
)
from mobile_units.services.bulk_moves import BulkMoveFilter
from mobile_units.services.cover import CoverState
from mobile_units.services.dated_exceptions import ExceptionFilter, NewException
from mobile_units.services.fullness import DiarySlot, Figures
from mobile_units.services.queries import Paging
from mobile_units.services.slot_patterns import PatternAct, PatternOutcome
from mobile_units.services.templates import TemplateFilter
from routes.auth import roles
from routes.database import actor, transaction
from routes.errors import STATUS
from routes.pages import fields, hours_fields, pattern_forms, slot_grids
from routes.pages.handover import frame

DAYS_SHOWN = 28
DAYS_OF_PLACE = 14
FIRST, LAST = date(2000, 1, 1), date(2150, 12, 31)
MOST_PLACES = 20
ONE = Paging(page_size=1)
MANY = Paging(page_size=500)

blueprint = Blueprint("schedules_page", __name__, url_prefix="/schedules")


# the start


@blueprint.get("")
@roles(Role.COORDINATOR)
def index() -> ResponseReturnValue:
    """Coming stops and stationary places with how full they are, and what needs somebody."""
    first = _first_day()
    last = first + timedelta(days=DAYS_SHOWN - 1)
    today = clock.today()
    with transaction() as session:
        found = fullness.read(session, actor(), first, last, clock.now())
        places = cover.read(session, actor(), today)
        proposed = BulkMoveFilter(paging=ONE, status=BulkMoveStatus.PROPOSED)
        told = {
            "orphaned": orphans.count(session, actor()),
            "templates": templates.find(session, actor(), TemplateFilter(ONE, active=True)).total,
            "proposed": bulk_moves.find(session, actor(), proposed).total,
            **frame(session),
        }
    units = sorted({(each.unit_id, each.unit) for each in found if each.unit_id}, key=lambda unit: str(unit[1]))
    unit_id = fields.whole_if_any(request.args, "unit_id", "jednostka", 1, fields.LARGEST_KEY)
    named = {
        "stops": [each for each in found if each.stop_id and unit_id in {None, each.unit_id}],
        "stationary": [each for each in found if not each.stop_id and unit_id is None],
        "broken": [place for place in places if place.state is CoverState.BROKEN],
        "soon": [place for place in places if place.state is CoverState.SOON_BROKEN],
        "days": (first, last),
        "step": timedelta(days=DAYS_SHOWN),
    }
    return render_template("schedules/index.html", units=units, unit_id=unit_id, today=today, **named, **told)


def _first_day() -> date:
    first = fields.day(request.args, "from", "dzień") if "from" in request.args else clock.today()
    if not FIRST <= first <= LAST:
        raise DomainError("invalid_input", problem="dzień")
    return first


# a stop or a place


@dataclass(frozen=True, slots=True)
class Where:
    """A stop, or days of a stationary place, whose slots are shown; its page, and where changes are sent."""

    stop: Stop | None
    place: ServicePlace | None
    first: date
    last: date
    address: str
    changes: str


Find = Callable[[Session], Where]


def _of_stop(stop_id: int) -> Find:
    def find(session: Session) -> Where:
        stop = itineraries.get_stop(session, actor(), stop_id)
        address = url_for("schedules_page.stop", stop_id=stop.id)
        return Where(stop, None, stop.first_day, stop.last_day, address, address)

    return find


def _of_place(service_place_id: int, since: str | None) -> Find:
    def find(session: Session) -> Where:
        place = service_places.get(session, actor(), service_place_id)
        if place.mobility is not Mobility.STATIONARY:
            raise DomainError("not_found", what=f"ServicePlace {service_place_id}")
        first = fields.day({"from": since}, "from", "dzień") if since else None
        first = first or fullness.next_work_day(session, actor(), service_place_id, clock.today()) or clock.today()
        address = url_for("schedules_page.place", service_place_id=place.id)
        last = first + timedelta(days=DAYS_OF_PLACE - 1)
        return Where(None, place, first, last, f"{address}?from={first.isoformat()}", address)

    return find


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a page says beside its slots: what was refused, what a pattern would do, and what was typed."""

    refused: DomainError | None = None
    about: str = ""
    tried: PatternOutcome | None = None
    typed: Mapping[str, Any] | None = None


@blueprint.get("/stops/<key:stop_id>")
@roles(Role.COORDINATOR)
def stop(stop_id: int) -> ResponseReturnValue:
    """The slots of a stop."""
    return _shown(_of_stop(stop_id), Said())


@blueprint.get("/places/<key:service_place_id>")
@roles(Role.COORDINATOR)
def place(service_place_id: int) -> ResponseReturnValue:
    """The slots of a stationary place in two weeks, and the days on which it works otherwise."""
    return _shown(_of_place(service_place_id, request.args.get("from")), Said())


def _shown(find: Find, said: Said) -> ResponseReturnValue:
    slot_id = fields.whole_if_any(request.values, "slot_id", "termin", 1, fields.LARGEST_KEY)
    with transaction() as session:
        where = find(session)
        figures, listed = _diary(session, where)
        told = {"exceptions": _exceptions(session, where), **frame(session)}
    days = slot_grids.of_diary(listed)
    form = pattern_forms.blank(where.first, where.last) if said.typed is None else said.typed
    named = {
        "where": where,
        "figures": figures,
        "days": days,
        "legend": slot_grids.legend(days),
        "chosen": next((slot for slot in listed if slot.id == slot_id), None),
        "now": clock.now(),
        "today": clock.today(),
        "said": said,
        "form": form,
        "acts": pattern_forms.ACTS,
        "verbs": pattern_forms.VERBS,
        "Path": Path,
        "paths": sorted({slot.path for slot in listed}),
        "reservations": Reservation,
        "GridKind": slot_grids.Kind,
        "step": timedelta(days=DAYS_OF_PLACE),
    }
    page = render_template("schedules/diary.html", **named, **told)
    return page, STATUS[said.refused.code] if said.refused else 200


def _diary(session: Session, where: Where) -> tuple[Figures, Sequence[DiarySlot]]:
    if where.stop:
        return fullness.of_stop(session, actor(), where.stop.id, clock.now())
    place_id = where.place.id if where.place else 0
    return fullness.of_place(session, actor(), place_id, where.first, where.last, clock.now())


def _exceptions(session: Session, where: Where) -> Sequence[Any]:
    if where.place is None:
        return ()
    wanted = ExceptionFilter(MANY, service_place_id=where.place.id, first_day=clock.today())
    return dated_exceptions.find(session, actor(), wanted).items


# many slots at once


@blueprint.post("/stops/<key:stop_id>")
@roles(Role.COORDINATOR)
def change_stop(stop_id: int) -> ResponseReturnValue:
    """Tells what a pattern would do to the slots of a stop, or does it; or changes one of them."""
    return _change(_of_stop(stop_id))


@blueprint.post("/places/<key:service_place_id>")
@roles(Role.COORDINATOR)
def change_place(service_place_id: int) -> ResponseReturnValue:
    """The same for a stationary place."""
    return _change(_of_place(service_place_id, request.form.get("from")))


def _change(find: Find) -> ResponseReturnValue:
    one = "slot_id" in request.form
    try:
        with transaction() as session:
            where = find(session)
            done = _one_slot(session, where) if one else _pattern(session, where)
    except DomainError as error:
        if error.code == "not_found":
            raise
        about = "slot" if one else "pattern"
        return _shown(find, Said(refused=error, about=about, typed=None if one else request.form))
    if isinstance(done, PatternOutcome):
        return _shown(find, Said(about="pattern", tried=done, typed=request.form))
    flash(done, "schedule-good")
    return redirect(where.address)


def _pattern(session: Session, where: Where) -> PatternOutcome | str:
    """The preview; or, once that was seen, what was done in a sentence.

    Raises:
        DomainError: what `block_many` refuses; `preview_outdated`, other slots would change than was told.
    """
    stop_id = where.stop.id if where.stop else None
    place_id = where.place.id if where.place else None
    command = pattern_forms.read(request.form, stop_id, place_id)
    if request.form.get("step") != "apply":
        return slot_patterns.preview(session, actor(), command, clock.now())
    done = slot_patterns.block_many(session, actor(), command, clock.now())
    if done.changed != fields.whole(request.form, "expected", "podgląd", 0):
        raise DomainError("preview_outdated")
    return f"{pattern_forms.DONE[command.act]}: {done.changed}."


def _one_slot(session: Session, where: Where) -> str:
    """Changes one slot of the stop or place; returns what was done."""
    slot_id = fields.whole(request.form, "slot_id", "termin")
    found = slot_search.get(session, actor(), slot_id)
    if (found.stop_id, found.service_place_id) not in _owner(where, found.service_place_id):
        raise DomainError("not_found", what=f"Slot {slot_id}")
    match request.form.get("act"):
        case "capacity":
            capacity = fields.whole(request.form, "capacity", "liczba miejsc", 1, MOST_PLACES)
            orphan = request.form.get("orphan") == "1"
            slots.change_capacity(session, actor(), slot_id, capacity, clock.now(), orphan=orphan)
            return "Liczba miejsc jest zmieniona."
        case "withdraw":
            slots.withdraw(session, actor(), [slot_id], clock.now(), orphan=request.form.get("orphan") == "1")
            return "Termin jest wycofany."
        case PatternAct.BLOCK.value:
            slots.block(session, actor(), slot_id)
            return "Termin jest zablokowany."
        case PatternAct.UNBLOCK.value:
            slots.unblock(session, actor(), slot_id)
            return "Termin jest znów otwarty."
        case _:
            raise DomainError("invalid_input", problem="czynność")


def _owner(where: Where, place_id: int) -> set[tuple[int | None, int]]:
    """Of which stop, or of which place without a stop, the slot has to be."""
    return {(where.stop.id, place_id)} if where.stop else {(None, where.place.id if where.place else 0)}


# dated exceptions


@blueprint.post("/places/<key:service_place_id>/exceptions")
@roles(Role.COORDINATOR)
def add_exception(service_place_id: int) -> ResponseReturnValue:
    """Keeps other hours of a place on a day."""

    def act(session: Session) -> str:
        form = request.form
        closed = form.get("closed") == "1"
        command = NewException(
            day=fields.day(form, "day", "dzień"),
            hours=() if closed else hours_fields.required(form, "", "godziny tego dnia"),
            reason=fields.line(form, "reason", "powód", 1000),
        )
        dated_exceptions.create(session, actor(), service_place_id, command)
        session.flush()
        return "Wyjątek jest zapisany. Terminy zmienią się, gdy zastosujesz szablon do tego dnia."

    return _exception(service_place_id, act)


@blueprint.post("/places/<key:service_place_id>/exceptions/<key:exception_id>/delete")
@roles(Role.COORDINATOR)
def delete_exception(service_place_id: int, exception_id: int) -> ResponseReturnValue:
    """Forgets an exception."""

    def act(session: Session) -> str:
        dated_exceptions.delete(session, actor(), exception_id)
        return "Wyjątek jest usunięty. Terminy zmienią się, gdy zastosujesz szablon do tego dnia."

    return _exception(service_place_id, act)


def _exception(service_place_id: int, act: Callable[[Session], str]) -> ResponseReturnValue:
    find = _of_place(service_place_id, None)
    try:
        with transaction() as session:
            said = act(session)
    except DomainError as error:
        if error.code == "not_found":
            raise
        return _shown(find, Said(refused=error, about="exception"))
    flash(said, "schedule-good")
    return redirect(url_for("schedules_page.place", service_place_id=service_place_id, _anchor="wyjatki"))
