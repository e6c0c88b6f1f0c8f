"""The pages of schedule templates: all of them, and the form for one with the day that would follow."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.roles import Role
from mobile_units.rules.templates import Template
from mobile_units.services import templates
from mobile_units.services.queries import Paging
from mobile_units.services.templates import KeptTemplate, NewTemplate, TemplateFilter
from routes.auth import roles
from routes.database import actor, transaction
from routes.errors import STATUS
from routes.pages import fields, slot_grids, template_days, template_forms
from routes.pages.handover import frame
from routes.pages.template_forms import Form, Read

PAGE_SIZE = 50

blueprint = Blueprint("templates_page", __name__, url_prefix="/schedules/templates")


@blueprint.get("")
@roles(Role.COORDINATOR)
def index() -> ResponseReturnValue:
    """All templates by name; those out of use only if they are asked for."""
    retired = request.args.get("retired") == "1"
    page = fields.whole_if_any(request.args, "page", "strona", 1, 100_000) or 1
    with transaction() as session:
        wanted = TemplateFilter(Paging(page, PAGE_SIZE), active=not retired)
        listed = templates.find(session, actor(), wanted)
        common = frame(session)
    return render_template("schedules/templates.html", listed=listed, retired=retired, **common)


@blueprint.get("/new")
@roles(Role.COORDINATOR)
def new() -> ResponseReturnValue:
    """An empty form, or one that begins as a copy of another template."""
    like = fields.whole_if_any(request.args, "like", "szablon", 1, fields.LARGEST_KEY)
    form = template_forms.blank()
    if like is not None:
        with transaction() as session:
            known = templates.get(session, actor(), like)
        form = template_forms.of_template(f"{known.name} (kopia)", known.template)
    return _page(form, None)


@blueprint.post("/new")
@roles(Role.COORDINATOR)
def create() -> ResponseReturnValue:
    """Keeps a new template, or shows what would follow of it."""

    def act(session: Session, name: str, template: Template) -> KeptTemplate:
        return templates.create(session, actor(), NewTemplate(name, template))

    return _sent(None, act)


@blueprint.get("/<key:template_id>")
@roles(Role.COORDINATOR)
def edit(template_id: int) -> ResponseReturnValue:
    """A template in its form."""
    with transaction() as session:
        known = templates.get(session, actor(), template_id)
    return _page(template_forms.of_template(known.name, known.template), known)


@blueprint.post("/<key:template_id>")
@roles(Role.COORDINATOR)
def change(template_id: int) -> ResponseReturnValue:
    """Changes a template, or shows what would follow of it."""
    with transaction() as session:
        known = templates.get(session, actor(), template_id)

    def act(session: Session, name: str, template: Template) -> KeptTemplate:
        version = fields.whole(request.form, "version", "wersja", 0)
        return templates.change(session, actor(), template_id, version, {"name": name, "template": template})

    return _sent(known, act)


@blueprint.post("/<key:template_id>/retire")
@roles(Role.COORDINATOR)
def retire(template_id: int) -> ResponseReturnValue:
    """Takes a template out of use, or into it again."""
    again = request.form.get("active") == "1"
    with transaction() as session:
        known = templates.get(session, actor(), template_id)
        if again:
            version = fields.whole(request.form, "version", "wersja", 0)
            templates.change(session, actor(), template_id, version, {"active": True})
        else:
            templates.retire(session, actor(), template_id)
    said = "jest znów w użyciu" if again else "jest wycofany z użycia; to, do czego go zastosowano, zostaje"
    flash(f"Szablon „{known.name}” {said}.", "schedule-good")
    return redirect(url_for("templates_page.index"))


def _sent(known: KeptTemplate | None, act: Any) -> ResponseReturnValue:
    """Does what the button says: more lines, a day shown, or the template kept."""
    form = MultiDict(request.form)
    step = form.get("step", "")
    if step == "copy":
        return _page(template_forms.copy_monday(form), known)
    if step.startswith("more-"):
        return _page(form, known)
    read = template_forms.read(form)
    if step == "show" or read.faults or read.template is None or read.name is None:
        return _page(form, known, read)
    try:
        with transaction() as session:
            kept = act(session, read.name, read.template)
    except DomainError as error:
        return _page(form, known, read, error)
    flash(f"Szablon „{kept.name}” jest zapisany. Zmieni terminy dopiero, gdy go zastosujesz.", "schedule-good")
    return redirect(url_for("templates_page.edit", template_id=kept.id))


def _page(
    form: Form, known: KeptTemplate | None, read: Read | None = None, refused: DomainError | None = None
) -> ResponseReturnValue:
    """The form with what was typed, its faults beside their fields, and the day that would follow."""
    faults: dict[str, str] = dict(read.faults) if read else {}
    if refused and (part := template_forms.part_of(refused)):
        faults[part] = template_forms.sentence(refused)
        shown_above = None
    else:
        shown_above = refused
    seen = template_forms.read(form) if read is None else read
    day = _shown_day(form, seen.template)
    with transaction() as session:
        common = frame(session)
    told: Mapping[str, Any] = {
        "form": form,
        "known": known,
        "faults": faults,
        "refused": shown_above,
        "shown": day,
        "legend": slot_grids.legend([day.grid] if day and day.grid else []),
        "lines": template_forms.lines,
        "limits": template_forms,
        "Path": Path,
        "Programme": Programme,
        "channels": BookingChannel,
    }
    page = render_template("schedules/template.html", **told, **common)
    if refused:
        return page, STATUS[refused.code]
    return page, 422 if faults and form.get("step") == "save" else 200


def _shown_day(form: Form, template: Template | None) -> template_days.ShownDay | None:
    """The day that is asked for, or the next one that is worked."""
    if template is None:
        return None
    wanted = _day_of(form)
    day = wanted or template_days.usual_day(template, clock.today())
    return template_days.show(template, day, first_of_stop=form.get("first_of_stop") == "1")


def _day_of(form: Form) -> date | None:
    try:
        return fields.day(form, "show_day", "dzień") if form.get("show_day") else None
    except DomainError:
        return None
