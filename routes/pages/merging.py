"""Merging a woman who was kept twice: two numbers, what a merge would do, and the merge with its reason.

It is for users who are both midwife and administrator. The numbers are only in the bodies of requests.
"""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from mobile_units.errors import DomainError
from mobile_units.rules.roles import Role
from mobile_units.services import merging, women
from mobile_units.services.merging import Merge
from routes.auth import roles
from routes.database import actor, transaction
from routes.errors import STATUS
from routes.pages import booking_forms, fields
from routes.pages.handover import frame

blueprint = Blueprint("merge_page", __name__, url_prefix="/women/merge")

SIDES = ("kept", "merged")


@blueprint.get("")
@roles(Role.MIDWIFE)
def ask() -> ResponseReturnValue:
    """The two numbers, or with two keys in the address what a merge would do."""
    _require_roles()
    if "kept" in request.args:
        kept, merged = (fields.whole(request.args, side, "klucz") for side in SIDES)
        return _preview(kept, merged)
    return _page(MultiDict())


def _require_roles() -> None:
    if not actor().roles >= merging.NEEDED:
        raise DomainError("not_allowed", roles=" + ".join(sorted(merging.NEEDED)))


@blueprint.post("")
@roles(Role.MIDWIFE)
def find() -> ResponseReturnValue:
    """Finds both women."""
    _require_roles()
    found = {}
    try:
        for side in SIDES:
            found[side] = _found(side)
    except DomainError as error:
        return _page(request.form, error), STATUS[error.code]
    missing = [side for side in SIDES if found[side] is None]
    if missing:
        return _page(request.form, missing=missing), 404
    return redirect(url_for("merge_page.ask", kept=found["kept"], merged=found["merged"]), 303)


def _found(side: str) -> int | None:
    typed = {name: request.form.get(f"{side}_{name}", "") for name in ("pesel", "country", "document_number")}
    identity = booking_forms.identity(MultiDict(typed))
    with transaction() as session:
        woman = women.find_by_identity(session, actor(), identity)
        return woman.id if woman else None


@blueprint.post("/<key:kept_id>/<key:merged_id>")
@roles(Role.MIDWIFE)
def merge(kept_id: int, merged_id: int) -> ResponseReturnValue:
    """Merges the second woman into the first one."""
    try:
        command = Merge(
            kept_version=fields.whole(request.form, "kept_version", "wersja", 0),
            merged_version=fields.whole(request.form, "merged_version", "wersja", 0),
            reason=fields.line(request.form, "reason", "powód", booking_forms.LONGEST_REASON),
        )
        with transaction() as session:
            merging.merge(session, actor(), kept_id, merged_id, command)
    except DomainError as error:
        if error.code not in {"stale_version", "parallel_visits", "invalid_input"}:
            raise
        return _preview(kept_id, merged_id, error)
    flash("Dane są połączone. Wszystko, co było wiadomo, jest na tej karcie.", "woman-good")
    return redirect(url_for("women_page.show", woman_id=kept_id), 303)


def _preview(kept_id: int, merged_id: int, refused: DomainError | None = None) -> ResponseReturnValue:
    try:
        with transaction() as session:
            told = merging.preview(session, actor(), kept_id, merged_id)
            common = frame(session)
    except DomainError as error:
        if error.code == "not_found":
            raise
        return _page(MultiDict(), error), STATUS[error.code]
    page = render_template(
        "booking/merge.html",
        told=told,
        refused=refused,
        typed=request.form,
        missing=(),
        longest_reason=booking_forms.LONGEST_REASON,
        **common,
    )
    return (page, STATUS[refused.code]) if refused else page


def _page(typed: MultiDict[str, str], refused: DomainError | None = None, missing: list[str] | None = None) -> str:
    with transaction() as session:
        common = frame(session)
    return render_template(
        "booking/merge.html", told=None, typed=typed, refused=refused, missing=missing or (), **common
    )
