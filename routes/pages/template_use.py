"""Applying a template to stops or to days of a stationary place: chosen, previewed, and then done exactly so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop
from mobile_units.models.service_places import ServicePlace
from mobile_units.rules.programmes import Mobility
from mobile_units.rules.roles import Role
from mobile_units.rules.template_changes import Mode
from mobile_units.services import fullness, itineraries, service_places, template_use, templates, units
from mobile_units.services.itineraries import ItineraryFilter, StopFilter
from mobile_units.services.queries import Paging
from mobile_units.services.service_places import ServicePlaceFilter
from mobile_units.services.template_use import COUNTED, Outcome, PlaceUse, StopsUse, TemplateUsed
from mobile_units.services.templates import KeptTemplate, TemplateFilter
from mobile_units.services.units import UnitFilter
from routes.auth import roles
from routes.database import actor, transaction
from routes.errors import STATUS
from routes.pages import fields
from routes.pages.handover import frame

MANY = Paging(page_size=500)
USUAL_DAYS = 90

blueprint = Blueprint("template_use_page", __name__, url_prefix="/schedules")


@dataclass(frozen=True, slots=True)
class Told:
    """What becomes of one stop or place, with its name and the sums of its days."""

    outcome: Outcome
    name: str
    unit: str | None
    sums: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Previewed:
    """A preview: all that it told, by its `digest`, and the version of the itinerary or place that it was made of."""

    told: Sequence[Told]
    sums: Mapping[str, int]
    digest: str
    version: int


@blueprint.get("/apply")
@roles(Role.COORDINATOR)
def show() -> ResponseReturnValue:
    """Which template to apply to a stop or place; with a single one there is no question."""
    given: dict[str, Any] = {
        name: request.args[name] for name in ("stop_id", "service_place_id") if name in request.args
    }
    with transaction() as session:
        listed = templates.find(session, actor(), TemplateFilter(MANY, active=True)).items
        common = frame(session)
    if len(listed) == 1:
        return redirect(url_for("template_use_page.choose", template_id=listed[0].id, **given))
    return render_template("schedules/which.html", listed=listed, given=given, **common)


@blueprint.get("/templates/<key:template_id>/apply")
@roles(Role.COORDINATOR)
def choose(template_id: int) -> ResponseReturnValue:
    """Stops and places to choose from."""
    return _page(template_id, request.args)


@blueprint.post("/templates/<key:template_id>/apply")
@roles(Role.COORDINATOR)
def use(template_id: int) -> ResponseReturnValue:
    """Tells what a template would do, or does it if that is still the same."""
    applying = request.form.get("step") == "apply"
    try:
        with transaction() as session:
            if applying:
                used = _apply(session, template_id)
            else:
                previewed = _preview(session, template_id)
    except DomainError as error:
        if error.code == "not_found":
            raise
        return _page(template_id, request.form, refused=error)
    if not applying:
        return _page(template_id, request.form, previewed=previewed)
    flash(_done(used), "schedule-good")
    return redirect(_where(used))


def _apply(session: Session, template_id: int) -> TemplateUsed:
    """Applies it.

    Raises:
        DomainError: what `template_use.apply` refuses; `preview_outdated`, it does something else than was told.
    """
    version = fields.whole(request.form, "version", "wersja", 0)
    known = templates.get(session, actor(), template_id)
    used = template_use.apply(session, actor(), template_id, _use(session, version), clock.now())
    if _digest(known, used) != request.form.get("digest"):
        raise DomainError("preview_outdated")
    return used


def _preview(session: Session, template_id: int) -> Previewed:
    known = templates.get(session, actor(), template_id)
    wanted = _use(session, None)
    used = template_use.preview(session, actor(), template_id, wanted, clock.now())
    names = fullness.stop_names(session, actor(), [each.stop_id for each in used.outcomes if each.stop_id])
    told = [_told(session, each, names) for each in used.outcomes]
    return Previewed(told, used.sums, _digest(known, used), wanted.version)


def _digest(known: KeptTemplate, used: TemplateUsed) -> str:
    return sha256(repr((known.version, used)).encode()).hexdigest()


def _told(session: Session, outcome: Outcome, names: Mapping[int, fullness.Named]) -> Told:
    sums = {name: sum(getattr(day, name) for day in outcome.days) for name in COUNTED}
    if outcome.stop_id is None:
        return Told(outcome, service_places.get(session, actor(), outcome.service_place_id or 0).name, None, sums)
    name, _, unit = names[outcome.stop_id]
    return Told(outcome, name, unit, sums)


def _use(session: Session, version: int | None) -> StopsUse | PlaceUse:
    """What the form asks for; without a version by the one that is now.

    Raises:
        DomainError: `invalid_input`; `not_found`.
    """
    form = request.form
    mode = Mode.OVERWRITE if form.get("mode") == Mode.OVERWRITE else Mode.ADDITIVE
    if form.get("target") == "place":
        place = service_places.get(session, actor(), fields.whole(form, "service_place_id", "miejsce stacjonarne"))
        return PlaceUse(
            version=place.version if version is None else version,
            mode=mode,
            service_place_id=place.id,
            first_day=fields.day(form, "place_first_day", "od dnia"),
            last_day=fields.day(form, "place_last_day", "do dnia"),
        )
    keys = sorted({fields.whole({"key": text}, "key", "postój") for text in form.getlist("stop")})
    if not keys:
        raise DomainError("invalid_input", problem="postoje (zaznacz co najmniej jeden)")
    if version is None:
        version = itineraries.get_stop(session, actor(), keys[0]).itinerary.version
    return StopsUse(version=version, mode=mode, stop_ids=keys)


def _done(used: TemplateUsed) -> str:
    names = {
        "dodane": "added", "zmienione": "changed", "usunięte": "removed",
        "osierocone": "orphaned", "wstrzymane": "withheld",
    }  # fmt: skip
    told = [f"{name}: {used.sums[key]}" for name, key in names.items() if used.sums[key]]
    return f"Szablon jest zastosowany. Terminy {', '.join(told)}." if told else "Szablon niczego nie zmienił."


def _where(used: TemplateUsed) -> str:
    """The page on which the first of what changed is seen."""
    first = used.outcomes[0]
    if len(used.outcomes) > 1:
        return url_for("schedules_page.index")
    if first.stop_id:
        return url_for("schedules_page.stop", stop_id=first.stop_id)
    return url_for("schedules_page.place", service_place_id=first.service_place_id)


# the page


def _page(
    template_id: int, form: Any, *, refused: DomainError | None = None, previewed: Previewed | None = None
) -> ResponseReturnValue:
    with transaction() as session:
        known = templates.get(session, actor(), template_id)
        routes = _itineraries(session)
        picked = _picked(form)
        itinerary_id = _itinerary_id(form, routes, picked)
        places = service_places.find(session, actor(), ServicePlaceFilter(MANY, mobility=Mobility.STATIONARY)).items
        told = {
            "template": known,
            "itineraries": routes,
            "itinerary_id": itinerary_id,
            "stops": _stops(session, form, itinerary_id),
            "units": units.find(session, actor(), UnitFilter(MANY, active=True)).items,
            "places": places,
            **frame(session),
        }
    today = clock.today()
    named = {
        "form": form,
        "target": _target(form, places, told["stops"]),
        "picked": picked,
        "refused": refused,
        "previewed": previewed,
        "today": today,
        "usual": (today + timedelta(days=1), today + timedelta(days=USUAL_DAYS)),
        "Mode": Mode,
    }
    return render_template("schedules/apply.html", **named, **told), STATUS[refused.code] if refused else 200


def _target(form: Any, places: Sequence[ServicePlace], stops: Sequence[Stop]) -> str:
    if form.get("target") in {"place", "stops"}:
        return str(form["target"])
    return "place" if form.get("service_place_id") or (places and not stops) else "stops"


def _itineraries(session: Session) -> Sequence[Itinerary]:
    """Published itineraries that are not over, the soonest first."""
    found = itineraries.find(session, actor(), ItineraryFilter(MANY, ItineraryStatus.PUBLISHED)).items
    return sorted((each for each in found if each.last_day >= clock.today()), key=lambda each: each.first_day)


def _picked(form: Any) -> set[str]:
    """The keys of the stops that are chosen, as the form has them."""
    return {*form.getlist("stop"), *form.getlist("stop_id")}


def _itinerary_id(form: Any, routes: Sequence[Itinerary], picked: set[str]) -> int | None:
    wanted = fields.whole_if_any(form, "itinerary_id", "trasa", 1, fields.LARGEST_KEY)
    if wanted is None and len(picked) == 1:
        [key] = picked
        with transaction() as session:
            wanted = itineraries.get_stop(session, actor(), fields.whole({"key": key}, "key", "postój")).itinerary_id
    return wanted or (routes[0].id if routes else None)


def _stops(session: Session, form: Any, itinerary_id: int | None) -> Sequence[Stop]:
    """Stops of the itinerary that are not over, as the filter asks for them."""
    if itinerary_id is None:
        return []
    wanted = StopFilter(
        MANY,
        itinerary_id=itinerary_id,
        unit_id=fields.whole_if_any(form, "unit_id", "jednostka", 1, fields.LARGEST_KEY),
        status=ItineraryStatus.PUBLISHED,
        first_day=max(clock.today(), _day_if_any(form, "from") or clock.today()),
        last_day=_day_if_any(form, "to"),
    )
    return [stop for stop in itineraries.find_stops(session, actor(), wanted).items if stop.days]


def _day_if_any(form: Any, name: str) -> date | None:
    return fields.day(form, name, "dzień") if form.get(name) else None
