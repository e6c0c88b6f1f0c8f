"""Where booking begins: a midwife finds a woman by her number, or registers her on the same page.

The number is only ever in the body of a request.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.rules.eligibility import RISK_GROUP_NAMES
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.roles import Role
from mobile_units.rules.women import parse_pesel
from mobile_units.rules.wording import Language
from mobile_units.services import eligibility, merging, women
from mobile_units.services.women import Identity
from routes.auth import roles
from routes.database import actor, transaction
from routes.errors import STATUS
from routes.pages import booking_forms
from routes.pages.handover import frame

blueprint = Blueprint("booking", __name__, url_prefix="/booking")


@blueprint.get("")
@roles(Role.MIDWIFE)
def start() -> ResponseReturnValue:
    """The search for a woman."""
    return _page({})


@blueprint.post("")
@roles(Role.MIDWIFE)
def search() -> ResponseReturnValue:
    """Finds her, or shows the form for her registration."""
    typed = request.form
    try:
        found = _found(booking_forms.identity(typed))
    except DomainError as error:
        return _page(typed, error), STATUS[error.code]
    if found is not None:
        return redirect(url_for("women_page.show", woman_id=found), 303)
    return _page(typed, unknown=True)


@blueprint.post("/women")
@roles(Role.MIDWIFE)
def register() -> ResponseReturnValue:
    """Keeps a woman; one who is known already is shown instead, which is audited as a search."""
    typed = request.form
    try:
        command = booking_forms.new_woman(typed)
        with transaction() as session:
            woman_id = women.register(session, actor(), command, clock.today()).id
    except DomainError as error:
        if error.code != "woman_known":
            return _page(typed, error, unknown=True), STATUS[error.code]
        known = _found(booking_forms.identity(typed))
        flash("Ta osoba jest już w bazie. Sprawdź, czy jej dane są aktualne.", "woman")
        return redirect(url_for("women_page.show", woman_id=known), 303)
    flash("Zarejestrowana.", "woman-good")
    return redirect(url_for("women_page.show", woman_id=woman_id), 303)


def _found(identity: Identity) -> int | None:
    with transaction() as session:
        woman = women.find_by_identity(session, actor(), identity)
        return woman.id if woman else None


def _page(typed: Mapping[str, str], refused: DomainError | None = None, *, unknown: bool = False) -> str:
    with transaction() as session:
        common = frame(session)
        told = declared_choices(session) if unknown else {}
    return render_template(
        "booking/start.html",
        typed=typed,
        refused=refused,
        unknown=unknown,
        born=_born(typed) if unknown else None,
        may_merge=actor().roles >= merging.NEEDED,
        Language=Language,
        **told,
        **common,
    )


def _born(typed: Mapping[str, str]) -> str | None:
    """The birth date that her PESEL tells."""
    try:
        return parse_pesel(typed.get("pesel", "")).birth_date.isoformat()
    except DomainError:
        return None


def declared_choices(session: Session) -> dict[str, Any]:
    """What a woman may declare, as the forms offer it: risk groups and exclusions by programme, and the paths."""
    rules, exclusions = eligibility.rules(session)
    groups: dict[Programme, dict[str, str]] = {programme: {} for programme in Programme}
    for rule in rules:
        if rule.risk_group:
            groups[rule.programme][rule.risk_group] = RISK_GROUP_NAMES.get(rule.risk_group, (rule.risk_group,))[0]
    kept_out: dict[Programme, dict[str, str]] = {programme: {} for programme in Programme}
    for exclusion in exclusions:
        kept_out[exclusion.programme][exclusion.code] = exclusion.name_pl
    return {"groups": groups, "exclusions": kept_out, "paths": list(Path), "programmes": _by_programme()}


def _by_programme() -> Sequence[tuple[Programme, Sequence[Path]]]:
    return [(programme, [path for path in Path if path.programme is programme]) for programme in Programme]
