"""Choosing a place for a woman, booking it, and moving a visit to another one.

What is looked for is in the address, without anything about her but the key of her row. A click on a time carries out
what the page says; where that is refused, the page that follows tells why and what can be had instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.calendar import local_day
from mobile_units.rules.eligibility import Assessment
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.rules.visits import ACTIVE
from mobile_units.services import holds, slot_search, visits, waiting_places, woman_card, women
from mobile_units.services.alternatives import Wish
from mobile_units.services.slot_search import SlotAtPlace, SlotPage
from mobile_units.services.visits import Move, NewVisit
from mobile_units.services.woman_card import VisitAtPlace
from routes.auth import roles
from routes.database import actor, nearest_instead, transaction, transaction_about_a_woman
from routes.errors import STATUS
from routes.pages import booking_forms, fields
from routes.pages.booking_forms import Click, Step, Terms
from routes.pages.handover import frame

blueprint = Blueprint("places", __name__)


@dataclass(frozen=True, slots=True)
class Group:
    """Slots of one day at one place."""

    day: date
    slots: Sequence[SlotAtPlace]

    @property
    def at(self) -> SlotAtPlace:
        """Where they are."""
        return self.slots[0]


@dataclass(frozen=True, slots=True)
class Alternative:
    """A place that she could have instead, as a refusal tells of it."""

    slot_id: int
    starts_at: datetime
    place: str
    address: str
    distance_km: float | None


# a new visit


@blueprint.get("/women/<key:woman_id>/places")
@roles(Role.MIDWIFE)
def choose(woman_id: int) -> ResponseReturnValue:
    """Places that she could have."""
    return search_page(woman_id)


def search_page(
    woman_id: int, refused: DomainError | None = None, typed: booking_forms.Form | None = None
) -> ResponseReturnValue:
    """The search for a place; a refusal to put her on the waiting list is told beside it, with what was typed."""
    now = clock.now()
    with transaction() as session:
        woman = women.get(session, actor(), woman_id)
        asked = booking_forms.terms(request.args, _usual_path(session, woman, now))
        found, unread = _search(session, asked, now)
        has = _visit_in(woman_card.visits_of(session, actor(), woman_id), asked.path)
        assessment = women.assess(session, woman, asked.path, _first_day(found, now))
        waiting = _waiting_choices(session, asked, now)
        common = frame(session)
    page = render_template(
        "booking/places.html",
        woman=woman,
        visit=None,
        asked=asked,
        has=has,
        assessment=assessment,
        first_day=_first_day(found, now),
        unread=unread,
        refused=refused,
        free=_free(refused),
        typed=typed or request.args,
        action=url_for("places.book", woman_id=woman_id, **_kept_args(asked.path)),
        here=url_for("places.choose", woman_id=woman_id),
        **_results(found, path=asked.path),
        **waiting,
        **common,
    )
    problem = unread or refused
    return (page, STATUS[problem.code]) if problem else page


def _usual_path(session: Session, woman: Woman, now: datetime) -> Path:
    """The first path that is open to her today."""
    today = local_day(now)
    return next((path for path in Path if women.assess(session, woman, path, today).eligible), Path.MAMMOGRAPHY)


def _visit_in(booked: Sequence[VisitAtPlace], path: Path) -> VisitAtPlace | None:
    active = (each for each in booked if each.visit.status in ACTIVE)
    return next((each for each in active if each.visit.programme is path.programme), None)


@blueprint.post("/women/<key:woman_id>/book")
@roles(Role.MIDWIFE)
def book(woman_id: int) -> ResponseReturnValue:
    """Holds or books what was clicked; the same click again gets the same visit."""
    asked = booking_forms.terms(request.args, Path.MAMMOGRAPHY)
    clicked = booking_forms.click(request.form)
    command = NewVisit(
        woman_id=woman_id,
        slot_id=clicked.slot_id,
        path=asked.path,
        urgent=asked.urgent,
        channel=asked.channel,
        overbooking=asked.overbooking,
        override_reason=clicked.override_reason,
        idempotency_key=clicked.key,
    )
    wish = Wish(clicked.slot_id, asked.path, asked.channel, asked.urgent)
    try:
        visit_id = _carried_out(clicked.step, command, wish)
    except DomainError as error:
        back = url_for("places.choose", woman_id=woman_id, **_kept_args())
        return _refused(woman_id, asked.path, clicked, error, back)
    return redirect(url_for("visit_page.show", visit_id=visit_id), 303)


def _carried_out(step: Step, command: NewVisit, wish: Wish) -> int:
    now = clock.now()
    until = now + timedelta(minutes=current_app.extensions["settings"].hold_minutes)
    with nearest_instead(lambda _: wish), transaction_about_a_woman(f"visit_{step}") as session:
        if step is Step.HOLD:
            return holds.hold(session, actor(), command, now, until).id
        return visits.book(session, actor(), command, now).id


# another place for a visit


@blueprint.get("/visits/<key:visit_id>/places")
@roles(Role.MIDWIFE)
def choose_other(visit_id: int) -> ResponseReturnValue:
    """Places to which a visit could be moved."""
    now = clock.now()
    with transaction() as session:
        visit = visits.get_with_woman(session, actor(), visit_id)
        asked = Terms(visit.path, visit.channel, visit.urgent, overbooking=False)
        found, unread = _search(session, asked, now)
        place = slot_search.get(session, actor(), visit.slot_id)
        common = frame(session)
    page = render_template(
        "booking/places.html",
        woman=visit.woman,
        visit=visit,
        place=place,
        asked=asked,
        unread=unread,
        action=url_for("places.move", visit_id=visit_id, **_kept_args()),
        here=url_for("places.choose_other", visit_id=visit_id),
        **_results(found, but=visit.slot_id),
        **common,
    )
    return (page, STATUS[unread.code]) if unread else page


@blueprint.post("/visits/<key:visit_id>/move")
@roles(Role.MIDWIFE)
def move(visit_id: int) -> ResponseReturnValue:
    """Moves a visit to the time that was clicked."""
    clicked = booking_forms.click(request.form)
    command = Move(
        version=fields.whole(request.form, "version", "wersja", 0),
        slot_id=clicked.slot_id,
        reason=booking_forms.reason(request.form),
        override_reason=clicked.override_reason,
        notify=request.form.get("notify") == "1",
    )
    visit = _visit(visit_id)
    wish = Wish(clicked.slot_id, visit.path, visit.channel, visit.urgent)
    try:
        with nearest_instead(lambda _: wish), transaction_about_a_woman("visit_move") as session:
            moved_id = visits.move(session, actor(), visit_id, command, clock.now()).id
    except DomainError as error:
        back = url_for("places.choose_other", visit_id=visit_id, **_kept_args())
        return _refused(visit.woman_id, visit.path, clicked, error, back, visit)
    flash("Przeniesiona.", "visit-good")
    return redirect(url_for("visit_page.show", visit_id=moved_id), 303)


def _visit(visit_id: int) -> Visit:
    with transaction() as session:
        return visits.get(session, actor(), visit_id)


# what both show


def _search(session: Session, asked: Terms, now: datetime) -> tuple[SlotPage | None, DomainError | None]:
    """What is found, or why the search cannot be made."""
    try:
        return slot_search.find(session, actor(), booking_forms.criteria(request.args, asked), now), None
    except DomainError as error:
        return None, error


def _results(found: SlotPage | None, but: int | None = None, path: Path | None = None) -> dict[str, Any]:
    """The slots found, by day and place in the order in which they were found; `but` is where she is already."""
    groups: dict[tuple[date, int, int | None], list[SlotAtPlace]] = {}
    for slot in found.items if found else ():
        if slot.id != but:
            groups.setdefault((local_day(slot.starts_at), slot.service_place_id, slot.stop_id), []).append(slot)
    return {
        "args": request.args,
        "groups": [Group(day, slots) for (day, _, _), slots in groups.items()],
        "following": str(found.next) if found and found.next else None,
        "kept": _kept_args(path),
        "token": booking_forms.new_token(),
        "channels": booking_forms.CHANNELS,
        "Step": Step,
        "hold_minutes": current_app.extensions["settings"].hold_minutes,
        "longest_reason": booking_forms.LONGEST_REASON,
    }


SEARCHED = (
    "path", "any_path", "text", "stop", "latitude", "longitude", "radius_km", "first_day", "last_day", "weekday",
    "from_time", "to_time", "order", "channel", "urgent", "overbooking",
)  # fmt: skip
"""The parts of an address that make a search; where a list goes on is none."""


def _kept_args(path: Path | None = None) -> dict[str, Any]:
    """The search of the address, to be kept in others, with the path that it stands for."""
    kept: dict[str, list[str]] = {name: [each for each in request.args.getlist(name) if each] for name in SEARCHED}
    if path is not None:
        kept["path"] = [path.value]
    return {name: values for name, values in kept.items() if values}


@blueprint.app_template_filter("in_address")
def in_address(search: Mapping[str, Sequence[str]]) -> str:
    """A search as an address has it behind its question mark."""
    return urlencode({name: values for name, values in search.items() if values}, doseq=True)


def _first_day(found: SlotPage | None, now: datetime) -> date:
    """The day for which her eligibility is told: of the first place found."""
    return local_day(found.items[0].starts_at) if found and found.items else local_day(now)


def _waiting_choices(session: Session, asked: Terms, now: datetime) -> dict[str, Any]:
    """For which stops and areas she could wait."""
    return {
        "stops": waiting_places.stops(session, actor(), asked.path, local_day(now)),
        "areas": waiting_places.areas(session, actor()),
    }


def _refused(  # noqa: PLR0913, PLR0917 -- what was clicked for whom, and why it is refused
    woman_id: int, path: Path, clicked: Click, error: DomainError, back: str, visit: Visit | None = None
) -> ResponseReturnValue:
    """Why she cannot have a place, and what she can have: another one, another day, or this one for a reason."""
    with transaction() as session:
        slot = slot_search.get(session, actor(), clicked.slot_id)
        woman = women.get(session, actor(), woman_id)
        assessment = _assessment(session, error, woman, path, slot)
        common = frame(session)
    page = render_template(
        "booking/refused.html",
        woman=woman,
        slot=slot,
        path=path,
        visit=visit,
        error=error,
        assessment=assessment,
        alternatives=_alternatives(error),
        clicked=clicked,
        typed=request.form,
        token=booking_forms.new_token(),
        action=_here(),
        back=back,
        later=_later(assessment, back),
        longest_reason=booking_forms.LONGEST_REASON,
        Step=Step,
        **common,
    )
    return page, STATUS[error.code]


def _here() -> str:
    """The address of this request, with its search."""
    return url_for(request.endpoint or "", **(request.view_args or {}), **_kept_args())


def _assessment(session: Session, error: DomainError, woman: Woman, path: Path, slot: SlotAtPlace) -> Assessment | None:
    """On what her refusal rests; the refusal itself was noted in the audit log."""
    if error.code != "not_eligible":
        return None
    return women.assess(session, woman, path, local_day(slot.starts_at))


def _free(error: DomainError | None) -> Sequence[Alternative]:
    """The free places because of which she need not wait."""
    told: Sequence[Mapping[str, Any]] = error.facts.get("places", ()) if error else ()
    return [
        Alternative(each["slot_id"], datetime.fromisoformat(each["starts_at"]), each["locality"] or "", "", None)
        for each in told
    ]


def _alternatives(error: DomainError) -> Sequence[Alternative]:
    told: Sequence[Mapping[str, Any]] = error.facts.get("alternatives", ())
    return [Alternative(**{**each, "starts_at": datetime.fromisoformat(each["starts_at"])}) for each in told]


def _later(assessment: Assessment | None, back: str) -> str | None:
    """The search from the day on which she will be eligible."""
    if assessment is None or assessment.next_eligible_on is None:
        return None
    endpoint, _, _ = back.partition("?")
    kept = {name: values for name, values in _kept_args().items() if name not in {"first_day", "last_day"}}
    return f"{endpoint}?{in_address({**kept, 'first_day': [assessment.next_eligible_on.isoformat()]})}"
