"""A unit of a published itinerary is out: what can be done about its stops, and what each way costs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.sites import Site
from mobile_units.models.units import MobileUnit
from mobile_units.planning.problem import PlannedStop
from mobile_units.rules.roles import Role
from mobile_units.services import itineraries, repair
from mobile_units.services.repair import RepairProposal, RepairRequest
from routes.auth import roles
from routes.database import actor, transaction
from routes.errors import STATUS
from routes.pages import fields
from routes.pages.handover import frame
from routes.pages.itineraries import done

LONGEST_BREAKDOWN = 92

blueprint = Blueprint("breakdowns", __name__, url_prefix="/itineraries/<key:itinerary_id>/breakdown")


@blueprint.get("")
@roles(Role.COORDINATOR)
def show(itinerary_id: int) -> ResponseReturnValue:
    """The form, and once it is filled in the proposals, the least disturbing first."""
    typed = request.args.to_dict()
    if not typed.get("unit_id") and not typed.get("first_day"):
        return _page(itinerary_id, {"first_day": clock.today().isoformat(), "days": "3"} | typed)
    return _proposed(itinerary_id, typed)


@blueprint.post("")
@roles(Role.COORDINATOR)
def accept(itinerary_id: int) -> ResponseReturnValue:
    """Makes a proposal the draft of a new version, and shows it."""
    typed = request.form.to_dict()
    try:
        wanted = _request(itinerary_id, typed)
        key = fields.line(typed, "key", "propozycja", 64)
        with transaction() as session:
            made = repair.accept_repair(session, actor(), wanted, key)
    except DomainError as error:
        if error.code == "not_found":
            raise
        return _proposed(itinerary_id, typed, error)
    return done(made.id, "To szkic nowej wersji po awarii. Dopóki nie zostanie opublikowany, obowiązuje poprzednia.")


def _request(itinerary_id: int, typed: Mapping[str, str]) -> RepairRequest:
    """The breakdown that was typed.

    Raises:
        DomainError: `invalid_input`, with the name of the field at fault.
    """
    return RepairRequest(
        itinerary_id=itinerary_id,
        unit_id=fields.whole(typed, "unit_id", "jednostka"),
        first_day=fields.day(typed, "first_day", "od dnia"),
        days=fields.whole(typed, "days", "na ile dni", 1, LONGEST_BREAKDOWN),
        reason=fields.line(typed, "reason", "powód", 200) if typed.get("reason", "").strip() else "awaria",
    )


def _proposed(itinerary_id: int, typed: Mapping[str, str], refused: DomainError | None = None) -> ResponseReturnValue:
    """The form with the proposals as they are now."""
    found: Sequence[RepairProposal] | None = None
    try:
        wanted = _request(itinerary_id, typed)
        with transaction() as session:
            found = repair.propose_repair(session, actor(), wanted)
    except DomainError as error:
        if error.code == "not_found":
            raise
        refused = refused or error
    return _page(itinerary_id, typed, found, refused)


def _page(
    itinerary_id: int,
    typed: Mapping[str, str],
    proposals: Sequence[RepairProposal] | None = None,
    refused: DomainError | None = None,
) -> ResponseReturnValue:
    with transaction() as session:
        itinerary = itineraries.get(session, actor(), itinerary_id)
        names = _names(session, proposals or ())
        common = frame(session)
    told = {
        "itinerary": itinerary,
        "units": sorted({(stop.unit.name, stop.unit_id) for stop in itinerary.stops if stop.days}),
        "typed": typed,
        "proposals": proposals,
        "refused": refused,
        "longest_breakdown": LONGEST_BREAKDOWN,
    }
    page = render_template("itineraries/breakdown.html", **told, **names, **common)
    return page, STATUS[refused.code] if refused else 200


def _names(session: Session, proposals: Iterable[RepairProposal]) -> Mapping[str, Any]:
    """The names of all units and sites that occur in proposals, by their keys."""
    stops = [stop for each in proposals for stop in _stops(each)]
    units = itineraries.owned(session, actor(), MobileUnit, {int(stop.unit_id) for stop in stops})
    sites = itineraries.owned(session, actor(), Site, {int(stop.site_id) for stop in stops})
    return {
        "unit_names": {key: unit.name for key, unit in units.items()},
        "site_names": {key: site.name for key, site in sites.items()},
    }


def _stops(proposal: RepairProposal) -> Iterable[PlannedStop]:
    for each in proposal.moved:
        yield each.stop
        if each.to is not None:
            yield each.to
