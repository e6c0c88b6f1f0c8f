"""The page of one visit: what to read to the woman, what happened, and what can be done with it now."""

from collections.abc import Callable

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.transmissions import MessageState
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_day
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.rules.visits import ACTIVE, TRANSITIONS, CancelledBy, VisitStatus
from mobile_units.rules.wording import Language, When, when
from mobile_units.services import holds, visit_story, visits
from mobile_units.services.visit_story import VisitStory
from mobile_units.services.visits import ATTENDANCE, RECORDED, Cancellation, PathChange, StatusChange
from routes.auth import roles
from routes.database import actor, transaction, transaction_about_a_woman
from routes.errors import STATUS
from routes.pages import booking_forms, fields
from routes.pages.handover import frame
from routes.pages.planning import POLICY

CANCELLERS = (CancelledBy.WOMAN, CancelledBy.PROVIDER)

blueprint = Blueprint("visit_page", __name__, url_prefix="/visits/<key:visit_id>")

Act = Callable[[Session], Visit]


@blueprint.get("")
@roles(Role.MIDWIFE)
def show(visit_id: int) -> ResponseReturnValue:
    """A visit with its history."""
    return _page(visit_id)


@blueprint.post("/confirm-hold")
@roles(Role.MIDWIFE)
def confirm_hold(visit_id: int) -> ResponseReturnValue:
    """Books what is held; clicked twice, it is booked once and no fault."""
    version = _version()

    def act(session: Session) -> Visit:
        return holds.confirm(session, actor(), visit_id, version, clock.now())

    return _carry_out(visit_id, act, "Umówiona.", done=VisitStatus.BOOKED)


@blueprint.post("/give-up")
@roles(Role.MIDWIFE)
def give_up(visit_id: int) -> ResponseReturnValue:
    """Ends a hold before its time."""
    wanted = Cancellation(version=_version(), cancelled_by=CancelledBy.WOMAN)

    def act(session: Session) -> Visit:
        return holds.give_up(session, actor(), visit_id, wanted)

    return _carry_out(visit_id, act, "Miejsce zwolnione.", done=VisitStatus.CANCELLED)


@blueprint.post("/status")
@roles(Role.MIDWIFE)
def record(visit_id: int) -> ResponseReturnValue:
    """Records that she confirmed, or how it went."""

    def act(session: Session) -> Visit:
        status = booking_forms.word(request.form, "status", "stan", VisitStatus, VisitStatus.CONFIRMED)
        change = StatusChange(version=_version(), status=status, reason=booking_forms.reason(request.form))
        return visits.change_status(session, actor(), visit_id, change, clock.now())

    return _carry_out(visit_id, act, "Zapisane.")


@blueprint.post("/cancel")
@roles(Role.MIDWIFE)
def cancel(visit_id: int) -> ResponseReturnValue:
    """Gives the visit up and its place back."""

    def act(session: Session) -> Visit:
        wanted = Cancellation(
            version=_version(),
            cancelled_by=_cancelled_by(),
            reason=booking_forms.reason(request.form),
            notify=request.form.get("notify") == "1",
        )
        return visits.cancel(session, actor(), visit_id, wanted)

    return _carry_out(visit_id, act, "Odwołana.", done=VisitStatus.CANCELLED)


def _cancelled_by() -> CancelledBy:
    chosen = booking_forms.word(request.form, "cancelled_by", "kto odwołuje", CancelledBy, CancelledBy.SYSTEM)
    if chosen not in CANCELLERS:
        raise DomainError("invalid_input", problem="kto odwołuje")
    return chosen


@blueprint.post("/path")
@roles(Role.MIDWIFE)
def change_path(visit_id: int) -> ResponseReturnValue:
    """Gives the visit the path that she chose instead."""
    if not request.form.get("path"):
        raise DomainError("invalid_input", problem="badanie")
    wanted = PathChange(
        version=_version(),
        path=booking_forms.word(request.form, "path", "badanie", Path, Path.MAMMOGRAPHY),
        override_reason=booking_forms.reason(request.form, "override_reason"),
    )
    try:
        with transaction_about_a_woman("visit_change_path") as session:
            visits.change_path(session, actor(), visit_id, wanted)
    except DomainError as error:
        return _refused(visit_id, error)
    return _done(visit_id, "Badanie zmienione.")


def _version() -> int:
    return fields.whole(request.form, "version", "wersja", 0)


def _carry_out(visit_id: int, act: Act, said: str, done: VisitStatus | None = None) -> ResponseReturnValue:
    """Does what was clicked; where the first of two clicks did it already (`done`), the second one says so, too."""
    try:
        with transaction() as session:
            act(session)
    except DomainError as error:
        if error.code == "stale_version" and done is not None and _is(visit_id, done):
            return redirect(url_for("visit_page.show", visit_id=visit_id), 303)
        return _refused(visit_id, error)
    return _done(visit_id, said)


def _is(visit_id: int, status: VisitStatus) -> bool:
    with transaction() as session:
        return visits.get(session, actor(), visit_id).status is status


def _done(visit_id: int, said: str) -> ResponseReturnValue:
    flash(said, "visit-good")
    return redirect(url_for("visit_page.show", visit_id=visit_id), 303)


def _refused(visit_id: int, error: DomainError) -> ResponseReturnValue:
    if error.code == "not_found":
        raise error
    response = _page(visit_id, error)
    response.status_code = STATUS[error.code]
    return response


def _page(visit_id: int, refused: DomainError | None = None) -> Response:
    now = clock.now()
    with transaction() as session:
        story = visit_story.read(session, actor(), visit_id)
        common = frame(session)
    visit = story.visit
    page = render_template(
        "booking/visit.html",
        story=story,
        visit=visit,
        woman=visit.woman,
        refused=refused,
        typed=request.form,
        said=_said(story),
        seconds_left=_seconds_left(visit),
        possible=TRANSITIONS[visit.status],
        outcomes=_outcomes(visit),
        is_day=local_day(now) >= local_day(visit.slot.starts_at),
        is_active=visit.status in ACTIVE,
        other_paths=[path for path in Path if path.programme is visit.programme and path is not visit.path],
        cancellers=CANCELLERS,
        longest_reason=booking_forms.LONGEST_REASON,
        MessageState=MessageState,
        VisitStatus=VisitStatus,
        **common,
    )
    response = make_response(page)
    if visit.status is VisitStatus.HELD:
        response.headers["Content-Security-Policy"] = POLICY
    return response


def _said(story: VisitStory) -> list[tuple[Language, When]]:
    """When it is, in the words to be read to her: in Polish, and in her language if it is another one."""
    starts_at = story.visit.slot.starts_at
    languages = [Language.POLISH]
    if story.visit.woman.language is not Language.POLISH:
        languages.insert(0, story.visit.woman.language)
    return [(language, when(starts_at, language)) for language in languages]


def _seconds_left(visit: Visit) -> int | None:
    """How long a hold lasts; None of what is no hold."""
    if visit.held_until is None:
        return None
    return max(0, int((visit.held_until - clock.now()).total_seconds()))


def _outcomes(visit: Visit) -> list[VisitStatus]:
    """What can be recorded about how it went."""
    return [status for status in RECORDED if status in ATTENDANCE and status in TRANSITIONS[visit.status]]
