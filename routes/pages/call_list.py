"""The call list: whom to call by when and what to say; what came of a call is one click."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from mobile_units import clock
from mobile_units.errors import REFUSALS, DomainError
from mobile_units.models.messages import CallResult
from mobile_units.rules.messages import NoticeKind
from mobile_units.rules.roles import Role
from mobile_units.services import call_list
from mobile_units.services.call_list import CallFilter, CallMade
from mobile_units.services.queries import Paging
from routes.auth import roles
from routes.database import actor, transaction
from routes.errors import STATUS
from routes.pages import booking_forms
from routes.pages.handover import frame

PAGE_SIZE = 25

blueprint = Blueprint("calls_page", __name__, url_prefix="/calls")

SAID = {
    CallResult.TOLD: "Zapisane: wie.",
    CallResult.NO_ANSWER: "Zapisane: nie odebrała. Zostaje na liście.",
    CallResult.WRONG_NUMBER: "Zapisane: zły numer. Zostaje na liście; popraw telefon na jej karcie.",
}


@blueprint.get("")
@roles(Role.MIDWIFE)
def index() -> ResponseReturnValue:
    """Who is to be called, the most urgent first."""
    return _page()


@blueprint.post("/<key:message_id>")
@roles(Role.MIDWIFE)
def record(message_id: int) -> ResponseReturnValue:
    """Records what came of a call."""
    try:
        result = _result()
        with transaction() as session:
            call_list.record_call(session, actor(), message_id, CallMade(result), clock.now())
    except DomainError as error:
        if error.code == "not_found":
            raise
        return _page(error), STATUS[error.code]
    flash(SAID[result], "calls-good")
    return redirect(url_for("calls_page.index", kind=request.args.get("kind")), 303)


def _result() -> CallResult:
    text = request.form.get("result", "")
    if text not in {each.value for each in CallResult}:
        raise DomainError("invalid_input", problem="wynik rozmowy")
    return CallResult(text)


def _page(refused: DomainError | None = None) -> str:
    args = request.args
    kind = booking_forms.word(args, "kind", "sprawa", NoticeKind, NoticeKind.BOOKED) if args.get("kind") else None
    number = min(max(args.get("page", 1, type=int), 1), 10_000)
    with transaction() as session:
        found = call_list.find_with_women(
            session, actor(), CallFilter(paging=Paging(number, PAGE_SIZE), kind=kind), clock.now()
        )
        common = frame(session)
    return render_template(
        "booking/calls.html",
        found=found,
        kind=kind,
        kinds=list(NoticeKind),
        why_no_text={code: refusal.pl for code, refusal in REFUSALS.items() if "{" not in refusal.pl},
        refused=refused,
        **common,
    )
