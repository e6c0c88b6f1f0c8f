"""The pages of plans: all itineraries, the form for a new plan, and a plan while it is computed and afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, ItineraryStatus
from mobile_units.models.planning import JobState, PlanningJob
from mobile_units.models.sites import Site
from mobile_units.models.units import MobileUnit
from mobile_units.planning.problem import GREEDY, Roads, Weights
from mobile_units.rules.roles import Role
from mobile_units.services import (
    itineraries,
    plan_list,
    planning,
    planning_jobs,
    planning_queue,
    planning_settings,
    sites,
    units,
)
from mobile_units.services.itineraries import ItineraryFilter, NewItinerary
from mobile_units.services.planning_jobs import NewJob
from mobile_units.services.planning_queue import OVER
from mobile_units.services.queries import Paging
from mobile_units.services.sites import SiteFilter
from mobile_units.services.units import UnitFilter
from routes.auth import roles
from routes.database import actor, transaction
from routes.errors import STATUS
from routes.pages import fields, plan_forms, proposals
from routes.pages.curves import curve
from routes.pages.handover import frame
from routes.pages.left_out import by_reason
from routes.pages.terms import terms
from routes.pages.words import alphabetical

PAGE_SIZE = 20
ALL = Paging(page_size=5000)
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""A page that follows a plan may ask how far it is."""

blueprint = Blueprint("planning", __name__, url_prefix="/plans")
blueprint.add_app_template_filter(terms, "terms_of")
blueprint.add_app_template_filter(by_reason)


# the list


@blueprint.get("")
@roles(Role.COORDINATOR)
def index() -> ResponseReturnValue:
    """All itineraries, and the plans that were asked for and not taken over."""
    status = request.args.get("status", "")
    if status and status not in set(ItineraryStatus):
        raise DomainError("invalid_input", problem="stan")
    page = fields.whole_if_any(request.args, "page", "strona", 1, 100_000) or 1
    wanted = ItineraryFilter(Paging(page, PAGE_SIZE), ItineraryStatus(status) if status else None)
    with transaction() as session:
        told = {
            "listed": plan_list.read(session, actor(), wanted, clock.today()),
            "jobs": plan_list.proposals(session, actor()),
            **frame(session),
        }
    return render_template("planning/list.html", status=status, statuses=ItineraryStatus, **told)


# asking for a plan


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from."""

    units: Mapping[int, MobileUnit]
    sites: Mapping[int, Site]
    weights: Weights
    roads: Roads
    base: Itinerary | None = None


def _choices(session: Session, itinerary_id: int | None) -> Choices:
    found_units = units.find(session, actor(), UnitFilter(ALL, active=True)).items
    found_sites = sites.find(session, actor(), SiteFilter(ALL, active=True)).items
    settings = planning_settings.get(session, actor())
    return Choices(
        units={unit.id: unit for unit in found_units if unit.programmes},
        sites={site.id: site for site in sorted(found_sites, key=lambda site: alphabetical(site.name))},
        weights=planning.weights_of(settings),
        roads=planning.roads_of(settings),
        base=None if itinerary_id is None else itineraries.get(session, actor(), itinerary_id),
    )


@blueprint.get("/new")
@roles(Role.COORDINATOR)
def new() -> ResponseReturnValue:
    """The form: empty, as a job was asked for, or for planning an itinerary anew."""
    job_id = fields.whole_if_any(request.args, "job_id", "plan", 1, fields.LARGEST_KEY)
    itinerary_id = fields.whole_if_any(request.args, "itinerary_id", "trasa", 1, fields.LARGEST_KEY)
    with transaction() as session:
        asked = None if job_id is None else NewJob.from_json(planning_jobs.get(session, actor(), job_id).request)
        choices = _choices(session, asked.plan.itinerary_id if asked else itinerary_id)
        common = frame(session)
    form = plan_forms.of_job(asked, choices.weights) if asked else _blank(choices)
    return _form(form, choices, common)


def _blank(choices: Choices) -> plan_forms.Form:
    form = plan_forms.blank(clock.today(), len(choices.units), choices.weights)
    base = choices.base
    return form if base is None else plan_forms.anew(form, base.id, base.name, base.first_day, base.last_day)


def _form(
    form: plan_forms.Form, choices: Choices, common: Mapping[str, Any], refused: DomainError | None = None
) -> ResponseReturnValue:
    told = {"form": form, "choices": choices, "weight_fields": plan_forms.WEIGHTS, "refused": refused}
    page = _following(render_template("planning/new.html", **told, **common))
    return page, STATUS[refused.code] if refused else 200


@blueprint.post("/new")
@roles(Role.COORDINATOR)
def ask() -> ResponseReturnValue:
    """Has a plan computed, and shows how far it is."""
    form = MultiDict(request.form)
    try:
        with transaction() as session:
            choices = _choices(session, None)
            command = plan_forms.read(form, choices.weights, choices.sites, choices.units)
            job_id = planning_jobs.queue(session, actor(), command).id
    except DomainError as error:
        return _refused(form, error)
    return redirect(url_for("planning.show", job_id=job_id))


def _refused(form: plan_forms.Form, error: DomainError) -> ResponseReturnValue:
    """The form as it was sent, with the reason; an itinerary that is not there stays so."""
    if error.code == "not_found":
        raise error
    key = form.get("itinerary_id", "")
    with transaction() as session:
        choices = _choices(session, int(key) if key.isascii() and key.isdigit() and len(key) < 19 else None)
        common = frame(session)
    return _form(form, choices, common, error)


@blueprint.post("/empty")
@roles(Role.COORDINATOR)
def begin() -> ResponseReturnValue:
    """An empty draft, to be filled by hand."""
    try:
        command = NewItinerary(
            name=fields.line(request.form, "name", "nazwa", plan_forms.NAME_LETTERS),
            first_day=fields.day(request.form, "first_day", "pierwszy dzień"),
            last_day=fields.day(request.form, "last_day", "ostatni dzień"),
        )
        with transaction() as session:
            itinerary_id = itineraries.create(session, actor(), command).id
    except DomainError as error:
        flash(f"{error.sentence('pl')} {error.way_out('pl')}", "plan-bad")
        return redirect(url_for("planning.new", _anchor="recznie"))
    return redirect(url_for("itinerary_page.show", itinerary_id=itinerary_id))


# a plan


@blueprint.get("/jobs/<key:job_id>")
@roles(Role.COORDINATOR)
def show(job_id: int) -> ResponseReturnValue:
    """How far a plan is, or the plan beside the current one."""
    return _shown(job_id)


def _shown(job_id: int, refused: DomainError | None = None) -> ResponseReturnValue:
    with transaction() as session:
        job = planning_jobs.get(session, actor(), job_id)
        told = {
            **_told(session, job),
            **frame(session),
            "proposal": proposals.read(session, actor(), job, clock.today()),
            "roads": planning.roads_of(planning_settings.get(session, actor())),
        }
    page = render_template("planning/job.html", GREEDY=GREEDY, osrm=_asks_for_roads(), refused=refused, **told)
    return _following(page), STATUS[refused.code] if refused else 200


@blueprint.get("/jobs/<key:job_id>/progress")
@roles(Role.COORDINATOR)
def progress(job_id: int) -> ResponseReturnValue:
    """How far a plan is, to be put in its place on the page."""
    with transaction() as session:
        told = _told(session, planning_jobs.get(session, actor(), job_id))
    return render_template("planning/progress.html", **told)


def _told(session: Session, job: PlanningJob) -> dict[str, Any]:
    asked = NewJob.from_json(job.request)
    known = job.progress or {}
    names = {unit.id: unit.name for unit in units.find(session, actor(), UnitFilter(ALL)).items}
    return {
        "job": job,
        "asked": asked,
        "supposed": plan_forms.supposed_words(asked, names),
        "over": job.state in OVER,
        "JobState": JobState,
        "progress": known,
        "curve": curve(known.get("history", ()), asked.plan.seconds),
        "failure": planning_queue.refusal_of(job),
        "waits": clock.now() - job.created_at,
    }


def _following(page: str) -> Response:
    """A page with the script that follows a plan."""
    response = make_response(page)
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _asks_for_roads() -> bool:
    """Whether a service of roads is asked for distances; else they are estimated."""
    return current_app.extensions["settings"].osrm_url is not None


@blueprint.post("/jobs/<key:job_id>/cancel")
@roles(Role.COORDINATOR)
def cancel(job_id: int) -> ResponseReturnValue:
    """Ends a plan that is not needed any more."""
    try:
        with transaction() as session:
            planning_jobs.cancel(session, actor(), job_id, clock.now())
    except DomainError as error:
        return _not_done(error, job_id)
    return redirect(url_for("planning.show", job_id=job_id))


@blueprint.post("/jobs/<key:job_id>/accept")
@roles(Role.COORDINATOR)
def accept(job_id: int) -> ResponseReturnValue:
    """Makes a draft of a plan, and shows it."""
    try:
        with transaction() as session:
            itinerary_id = planning_jobs.accept(session, actor(), job_id).id
    except DomainError as error:
        return _not_done(error, job_id)
    flash("To szkic zaproponowanej trasy. Można go poprawiać, zatwierdzić i opublikować.", "itinerary-good")
    return redirect(url_for("itinerary_page.show", itinerary_id=itinerary_id))


def _not_done(error: DomainError, job_id: int) -> ResponseReturnValue:
    if error.code == "not_found":
        raise error
    return _shown(job_id, error)
