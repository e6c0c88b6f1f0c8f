"""Pages for midwives: which day of which stop, who comes when, and the attendance that is filled in from paper."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import TypeAlias

from flask import Blueprint, Response, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.rules.roles import Role
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import attendance, day_choice, day_list, day_list_paper
from mobile_units.services.attendance import Attendance, NotRecorded
from mobile_units.services.day_list import OUTCOMES, DayList, Line
from routes.api.day_list import printed
from routes.auth import roles
from routes.database import actor, transaction
from routes.pages import fields
from routes.pages.handover import frame

LONGEST_REASON = 1000
GIVES_REASON = frozenset({VisitStatus.NOT_PERFORMED, VisitStatus.NO_SHOW})
OUTCOME_OF = re.compile(r"outcome-([1-9][0-9]{0,17})")
FIRST, LAST = date(2000, 1, 1), date(2150, 12, 31)

blueprint = Blueprint("day_list_page", __name__, url_prefix="/day")

Read: TypeAlias = Callable[[Session], DayList]


@dataclass(frozen=True)
class Refused:
    """A row that was not recorded, as it was typed, and where the visit is now, if it is still ours."""

    refused: NotRecorded
    line: Line | None


@blueprint.get("")
@roles(Role.MIDWIFE)
def choose() -> ResponseReturnValue:
    """The coming days of all stops and stationary places, and lists that are not filled in yet."""
    today = clock.today()
    first_day = fields.day(request.args, "from", "dzień") if "from" in request.args else today
    if not FIRST <= first_day <= LAST:
        raise DomainError("invalid_input", problem="dzień")
    with transaction() as session:
        choice = day_choice.read(session, actor(), first_day, today)
        common = frame(session)
    days = [(day, list(rows)) for day, rows in groupby(choice.days, lambda each: each.day)]
    return render_template("day/choose.html", choice=choice, days=days, today=today, **common)


@blueprint.get("/stops/<key:stop_id>/<day:day>")
@roles(Role.MIDWIFE)
def stop(stop_id: int, day: date) -> ResponseReturnValue:
    """A day of a stop."""
    return _show(_at_stop(stop_id, day))


@blueprint.get("/service-places/<key:service_place_id>/<day:day>")
@roles(Role.MIDWIFE)
def place(service_place_id: int, day: date) -> ResponseReturnValue:
    """A day of a stationary place."""
    return _show(_at_place(service_place_id, day))


@blueprint.get("/stops/<key:stop_id>/<day:day>.pdf")
@roles(Role.MIDWIFE)
def printed_stop(stop_id: int, day: date) -> Response:
    """A day of a stop on paper."""
    return _printed(_at_stop(stop_id, day))


@blueprint.get("/service-places/<key:service_place_id>/<day:day>.pdf")
@roles(Role.MIDWIFE)
def printed_place(service_place_id: int, day: date) -> Response:
    """A day of a stationary place on paper."""
    return _printed(_at_place(service_place_id, day))


@blueprint.post("/stops/<key:stop_id>/<day:day>")
@roles(Role.MIDWIFE)
def record_stop(stop_id: int, day: date) -> ResponseReturnValue:
    """Records what was noted on the paper of a stop."""
    return _record(_at_stop(stop_id, day))


@blueprint.post("/service-places/<key:service_place_id>/<day:day>")
@roles(Role.MIDWIFE)
def record_place(service_place_id: int, day: date) -> ResponseReturnValue:
    """Records what was noted on the paper of a stationary place."""
    return _record(_at_place(service_place_id, day))


def _at_stop(stop_id: int, day: date) -> Read:
    return lambda session: day_list.at_stop(session, actor(), stop_id, day, clock.now())


def _at_place(service_place_id: int, day: date) -> Read:
    return lambda session: day_list.at_place(session, actor(), service_place_id, day, clock.now())


def _printed(read: Read) -> Response:
    with transaction() as session:
        found = read(session)
    return printed(found)


def _show(read: Read, refused: Sequence[NotRecorded] = (), saved: int = 0) -> str:
    with transaction() as session:
        found = read(session)
        told = _refused(session, found, refused)
        common = frame(session)
    listed = {each.visit_id for each in found.booked}
    return render_template(
        "day/list.html",
        found=found,
        saved=saved,
        refused={visit_id: each for visit_id, each in told.items() if visit_id in listed},
        gone=[each for visit_id, each in told.items() if visit_id not in listed],
        outcomes=[(each, day_list_paper.OUTCOMES_PL[each]) for each in OUTCOMES],
        longest_reason=LONGEST_REASON,
        mark_in_words=day_list_paper.mark_in_words,
        free_in_words=day_list_paper.free_in_words,
        **common,
    )


def _refused(session: Session, found: DayList, refused: Sequence[NotRecorded]) -> Mapping[int, Refused]:
    """The refusals by visit; where a visit left the list meanwhile, who it is and where it went."""
    here = {line.booked.visit_id: line for line in found.lines if line.booked}
    left = {each.row.visit_id for each in refused} - set(here)
    lines = {**here, **(day_list.of_visits(session, actor(), left) if left else {})}
    return {each.row.visit_id: Refused(each, lines.get(each.row.visit_id)) for each in refused}


def _record(read: Read) -> ResponseReturnValue:
    """Saves what was chosen; shows the list again with what could not be saved, as it was typed."""
    rows = _rows()
    with transaction() as session:
        done = attendance.record(session, actor(), rows, clock.now())
    if done.refused:
        return _show(read, done.refused, len(done.visits)), 409
    flash(str(len(done.visits)), "day-list")
    return redirect(request.path, 303)


def _rows() -> list[Attendance]:
    """The rows in which something else is chosen than the page showed."""
    keys = [int(found[1]) for name in request.form if (found := OUTCOME_OF.fullmatch(name))]
    return [row for key in keys if (row := _row(key)) is not None]


def _row(visit_id: int) -> Attendance | None:
    """One row; None where nothing was chosen or changed. A reason alone says that she was not examined.

    Raises:
        DomainError: `invalid_input`.
    """
    chosen, shown = (request.form.get(f"{name}-{visit_id}", "") for name in ("outcome", "shown"))
    reason = fields.line(request.form, f"reason-{visit_id}", "powód", LONGEST_REASON, 0) or None
    if reason and not chosen:
        chosen = VisitStatus.NOT_PERFORMED.value
    if not chosen or chosen == shown:
        return None
    if chosen not in OUTCOMES:
        raise DomainError("invalid_input", problem="obecność")
    status = VisitStatus(chosen)
    return Attendance(
        visit_id=visit_id,
        version=fields.whole(request.form, f"version-{visit_id}", "wersja", 0),
        status=status,
        reason=reason if status in GIVES_REASON else None,
    )
