"""The waiting list: who waits for what in which order, what is offered, and what the women answer."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.waiting_list import WaitingListEntry
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.rules.waiting import WaitingStatus
from mobile_units.services import offers, waiting_list, waiting_places, woman_card
from mobile_units.services.queries import Paging
from mobile_units.services.waiting_list import EntryFilter, EntryInQueue, NewEntry
from routes.auth import roles
from routes.database import actor, transaction, transaction_about_a_woman
from routes.errors import STATUS
from routes.pages import booking_forms, fields, places
from routes.pages.handover import frame

PAGE_SIZE = 50

blueprint = Blueprint("waiting_page", __name__)

Act = Callable[[Session, int], WaitingListEntry]


@blueprint.get("/waiting-list")
@roles(Role.MIDWIFE)
def index() -> ResponseReturnValue:
    """Who waits: those to whom a place is offered first, then the queue."""
    return _page()


@blueprint.post("/women/<key:woman_id>/waiting-list")
@roles(Role.MIDWIFE)
def add(woman_id: int) -> ResponseReturnValue:
    """Puts a woman on the list; where she could book at once, the free places are shown instead."""
    try:
        command = _entry(woman_id)
        with transaction_about_a_woman("waiting_add") as session:
            waiting_list.add(session, actor(), command, clock.now())
    except DomainError as error:
        if error.code == "not_found":
            raise
        return places.search_page(woman_id, error, request.form)
    flash("Zapisana na listę oczekujących.", "waiting-good")
    return redirect(url_for("women_page.show", woman_id=woman_id, _anchor="czeka"), 303)


def _entry(woman_id: int) -> NewEntry:
    asked = booking_forms.terms(request.args, Path.MAMMOGRAPHY)
    stop_id, teryt = _place(request.form, "waits_for")
    if stop_id is None and teryt is None:
        raise DomainError("invalid_input", problem="na miejsce (wybierz postój albo obszar)")
    return NewEntry(
        woman_id=woman_id,
        path=asked.path,
        stop_id=stop_id,
        teryt=teryt,
        first_day=booking_forms.day_if_any(request.form, "first_day", "od dnia"),
        last_day=booking_forms.day_if_any(request.form, "last_day", "do dnia"),
        weekdays=booking_forms.weekdays(request.form) or waiting_list.EVERY_DAY,
        after=fields.clock_time_if_any(request.form, "from_time", "od godziny"),
        before=fields.clock_time_if_any(request.form, "to_time", "przed godziną"),
        urgent=asked.urgent,
        channel=asked.channel,
    )


def _place(form: booking_forms.Form, name: str) -> tuple[int | None, str | None]:
    """The stop or the area that is chosen: `stop-17` or `area-1017`; neither of an empty field.

    Raises:
        DomainError: `invalid_input`.
    """
    kind, _, key = form.get(name, "").partition("-")
    if not kind:
        return None, None
    if not key.isascii() or not key.isdecimal() or len(key) > 18 or kind not in {"stop", "area"}:
        raise DomainError("invalid_input", problem="miejsce")
    if kind == "stop":
        return int(key), None
    if len(key) not in {2, 4, 6, 7}:
        raise DomainError("invalid_input", problem="miejsce")
    return None, key


@blueprint.post("/waiting-list/<key:entry_id>/accept")
@roles(Role.MIDWIFE)
def accept(entry_id: int) -> ResponseReturnValue:
    """Books the place that is held for her."""

    def act(session: Session, version: int) -> WaitingListEntry:
        return offers.accept(session, actor(), entry_id, version, clock.now())

    return _answered(act, "Umówiona.")


@blueprint.post("/waiting-list/<key:entry_id>/decline")
@roles(Role.MIDWIFE)
def decline(entry_id: int) -> ResponseReturnValue:
    """Gives the place up; she waits on."""

    def act(session: Session, version: int) -> WaitingListEntry:
        return offers.decline(session, actor(), entry_id, version)

    return _answered(act, "Czeka dalej na swoim miejscu. Tego terminu już jej nie zaproponujemy.")


@blueprint.post("/waiting-list/<key:entry_id>/withdraw")
@roles(Role.MIDWIFE)
def withdraw(entry_id: int) -> ResponseReturnValue:
    """Takes her off the list."""

    def act(session: Session, version: int) -> WaitingListEntry:
        return offers.withdraw(session, actor(), entry_id, version)

    return _answered(act, "Wycofana z listy.")


@blueprint.post("/waiting-list/<key:entry_id>/put-back")
@roles(Role.MIDWIFE)
def put_back(entry_id: int) -> ResponseReturnValue:
    """Puts her at the end of the list again."""

    def act(session: Session, version: int) -> WaitingListEntry:
        return waiting_list.put_back(session, actor(), entry_id, version, clock.now())

    return _answered(act, "Przywrócona na koniec listy.")


def _answered(act: Act, said: str) -> ResponseReturnValue:
    """Does what was clicked, and goes back to where it was: to her card or to the list."""
    try:
        version = fields.whole(request.form, "version", "wersja", 0)
        with transaction_about_a_woman("waiting_put_back") as session:
            woman_id = act(session, version).woman_id
    except DomainError as error:
        if error.code == "not_found":
            raise
        return _page(error), STATUS[error.code]
    flash(said, "waiting-good")
    if request.form.get("to") == "woman":
        return redirect(url_for("women_page.show", woman_id=woman_id), 303)
    return redirect(url_for("waiting_page.index"), 303)


def _page(refused: DomainError | None = None) -> str:
    args = request.args
    status = booking_forms.word(args, "status", "stan", WaitingStatus, WaitingStatus.WAITING)
    path = booking_forms.word(args, "path", "badanie", Path, Path.MAMMOGRAPHY) if args.get("path") else None
    stop_id, teryt = _place(args, "place")
    number = min(max(args.get("page", 1, type=int), 1), 10_000)
    wanted = EntryFilter(paging=Paging(number, PAGE_SIZE), path=path, stop_id=stop_id, teryt=teryt, status=status)
    with transaction() as session:
        queue = waiting_list.find_with_women(session, actor(), wanted)
        with_offer = _with_offer(session, wanted)
        listed = woman_card.at_places(session, actor(), [*with_offer, *queue.items])
        stops = waiting_places.stops(session, actor(), path, clock.today())
        areas = waiting_places.areas(session, actor())
        common = frame(session)
    return render_template(
        "booking/waiting_list.html",
        offered=listed[: len(with_offer)],
        listed=listed[len(with_offer) :],
        queue=queue,
        status=status,
        statuses=[each for each in WaitingStatus if each is not WaitingStatus.OFFERED],
        path=path,
        stops=stops,
        areas=areas,
        refused=refused,
        args=args,
        kept={name: [args[name]] for name in ("path", "place", "status") if args.get(name)},
        **common,
    )


def _with_offer(session: Session, wanted: EntryFilter) -> Sequence[EntryInQueue]:
    """Those to whom a place is offered, shown above the first page of those who wait."""
    if wanted.status is not WaitingStatus.WAITING or wanted.paging.page > 1:
        return ()
    offered = replace(wanted, status=WaitingStatus.OFFERED)
    return waiting_list.find_with_women(session, actor(), offered).items
