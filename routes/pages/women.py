"""The card of a woman: who she is, for what she may be screened today, her visits, and what she waits for."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.women import Woman
from mobile_units.rules.contacts import parse_telephone, shown
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.rules.wording import Language
from mobile_units.services import woman_card, women
from routes.auth import roles
from routes.database import actor, transaction
from routes.errors import STATUS
from routes.pages import booking_forms, fields
from routes.pages.booking import declared_choices
from routes.pages.handover import frame

blueprint = Blueprint("women_page", __name__, url_prefix="/women/<key:woman_id>")


@blueprint.get("")
@roles(Role.MIDWIFE)
def show(woman_id: int) -> ResponseReturnValue:
    """Her card; under the key of one who was merged the one who is kept is shown."""
    try:
        return page(woman_id)
    except DomainError as error:
        if error.code != "woman_merged":
            raise
        return redirect(url_for("women_page.show", woman_id=error.facts["kept_id"]))


@blueprint.post("/contact")
@roles(Role.MIDWIFE)
def contact(woman_id: int) -> ResponseReturnValue:
    """Changes her names, how she is reached, and her consents."""
    return _change(woman_id, "contact", lambda _: booking_forms.contact(request.form))


@blueprint.post("/declaration")
@roles(Role.MIDWIFE)
def declaration(woman_id: int) -> ResponseReturnValue:
    """Changes what she declared."""

    def read(woman: Woman) -> dict[str, Any]:
        kept = woman.declaration.get("examinations", ())
        return {"declaration": booking_forms.declaration(request.form, kept)}

    return _change(woman_id, "declaration", read)


def _change(woman_id: int, part: str, read: Callable[[Woman], Mapping[str, Any]]) -> ResponseReturnValue:
    try:
        version = fields.whole(request.form, "version", "wersja", 0)
        with transaction() as session:
            values = read(women.get(session, actor(), woman_id))
            women.change(session, actor(), woman_id, version, values, clock.today())
    except DomainError as error:
        if error.code in {"not_found", "woman_merged"}:
            raise
        return page(woman_id, error, part), STATUS[error.code]
    flash("Zapisane.", "woman-good")
    return redirect(url_for("women_page.show", woman_id=woman_id), 303)


@blueprint.app_template_filter("telephone")
def telephone(number: str) -> str:
    """A number as people read it; what is no number stays as another system told it."""
    try:
        return shown(parse_telephone(number), Language.POLISH)
    except DomainError:
        return number


def page(woman_id: int, refused: DomainError | None = None, part: str = "") -> str:
    """The card; a refusal is told at its part, which keeps what was typed.

    Raises:
        DomainError: `not_found`, `woman_merged`.
    """
    with transaction() as session:
        card = woman_card.read(session, actor(), woman_id, clock.today())
        told = declared_choices(session)
        common = frame(session)
    kept = _as_kept(card.woman)
    return render_template(
        "booking/woman.html",
        card=card,
        woman=card.woman,
        refused=refused,
        part=part,
        typed={"contact": kept, "declaration": kept} | ({part: request.form} if part else {}),
        paths_by_value={path.value: path for path in Path},
        Language=Language,
        **told,
        **common,
    )


def _as_kept(woman: Woman) -> MultiDict[str, str]:
    """The fields of the forms as she is kept."""
    told = woman.declaration
    last = booking_forms.last_examinations(told.get("examinations", ()))
    single = {
        "given_name": woman.given_name,
        "family_name": woman.family_name,
        "telephone": woman.telephone or "",
        "email": woman.email or "",
        "language": woman.language.value,
        "sms_consent": "1" if woman.sms_consent_at else "",
        "email_consent": "1" if woman.email_consent_at else "",
        **{f"last_{path}": last.get(path.value, "") for path in Path},
    }
    kept = MultiDict(single)
    for name in ("risk_groups", "exclusions"):
        kept.setlist(name, list(told.get(name, ())))
    return kept
