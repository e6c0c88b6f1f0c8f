"""Visits: booking and what happens to it. Only the addresses that end in `with-woman` or `with-women` name a woman."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import current_app
from flask.views import MethodView
from flask_smorest import Blueprint
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.models.visits import Visit
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.services import holds, visits
from mobile_units.services.alternatives import Wish, wish_of, wish_of_move
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, nearest_instead, transaction, transaction_about_a_woman
from schemas.visits import (
    CancellationSchema,
    HoldConfirmationSchema,
    HoldEndSchema,
    MoveSchema,
    NewVisitSchema,
    PathChangeSchema,
    StatusChangeSchema,
    VisitFilterSchema,
    VisitInFullSchema,
    VisitPageSchema,
    VisitSchema,
    VisitWithHistorySchema,
    VisitWithWomanPageSchema,
)

_NEW_VISIT = NewVisitSchema()
"""Made once, as booking is what is asked for most often."""

blueprint = Blueprint("visits", __name__, description="Visits (wizyty) and their history")


@blueprint.route("/visits")
class Visits(MethodView):
    """All visits of the provider."""

    @roles(Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT)
    @blueprint.arguments(VisitFilterSchema, location="query")
    @blueprint.response(200, VisitPageSchema)
    def get(self, criteria: visits.VisitFilter) -> Page[Visit]:
        """List visits, without the women."""
        with transaction() as session:
            return visits.find(session, actor(), criteria)

    @roles(Role.MIDWIFE)
    @blueprint.arguments(_NEW_VISIT)
    @blueprint.response(201, VisitSchema)
    def post(self, command: visits.NewVisit) -> Visit:
        """Book a woman into a slot; a refusal for want of a place tells the nearest `alternatives`."""
        with nearest_instead(_wish(command)), transaction_about_a_woman("visit_book") as session:
            return visits.book(session, actor(), command, clock.now())


def _wish(command: visits.NewVisit) -> Callable[[Session], Wish]:
    return lambda _: Wish(command.slot_id, command.path, command.channel, command.urgent)


@blueprint.route("/visits/hold")
class Holds(MethodView):
    """Places kept for a short while."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(_NEW_VISIT)
    @blueprint.response(201, VisitSchema)
    def post(self, command: visits.NewVisit) -> Visit:
        """Hold a place for a woman until `held_until`, while she decides; it is passed on once it is confirmed."""
        now = clock.now()
        until = now + timedelta(minutes=current_app.extensions["settings"].hold_minutes)
        with nearest_instead(_wish(command)), transaction_about_a_woman("visit_hold") as session:
            return holds.hold(session, actor(), command, now, until)


@blueprint.route("/visits/<key:visit_id>/confirm-hold")
class HoldConfirmation(MethodView):
    """Booking what was held."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(HoldConfirmationSchema)
    @blueprint.response(200, VisitSchema)
    def post(self, command: dict[str, Any], visit_id: int) -> Visit:
        """Book the woman into the place that is held for her; when it is lost, the nearest `alternatives` are told."""
        with nearest_instead(_wish_of(visit_id)), transaction() as session:
            return holds.confirm(session, actor(), visit_id, command["version"], clock.now())


@blueprint.route("/visits/<key:visit_id>/give-up")
class HoldEnd(MethodView):
    """Giving a hold up."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(HoldEndSchema)
    @blueprint.response(200, VisitSchema)
    def post(self, command: visits.Cancellation, visit_id: int) -> Visit:
        """End a hold before its time and free its place."""
        with transaction() as session:
            return holds.give_up(session, actor(), visit_id, command)


@blueprint.route("/visits/with-women")
class VisitsWithWomen(MethodView):
    """Visits with the women."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(VisitFilterSchema, location="query")
    @blueprint.response(200, VisitWithWomanPageSchema)
    def get(self, criteria: visits.VisitFilter) -> Page[Visit]:
        """List visits with the women, as the crew of a stop needs them."""
        with transaction() as session:
            return visits.find_with_women(session, actor(), criteria)


@blueprint.route("/visits/<key:visit_id>")
class OneVisit(MethodView):
    """One visit."""

    @roles(Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT)
    @blueprint.response(200, VisitWithHistorySchema)
    def get(self, visit_id: int) -> Visit:
        """Read a visit with its history, without the woman."""
        with transaction() as session:
            return visits.get(session, actor(), visit_id)


@blueprint.route("/visits/<key:visit_id>/with-woman")
class OneVisitWithWoman(MethodView):
    """One visit with the woman."""

    @roles(Role.MIDWIFE)
    @blueprint.response(200, VisitInFullSchema)
    def get(self, visit_id: int) -> Visit:
        """Read a visit with its history, all reasons and the woman."""
        with transaction() as session:
            return visits.get_with_woman(session, actor(), visit_id)


@blueprint.route("/visits/<key:visit_id>/status")
class VisitStatusChange(MethodView):
    """Recording what happened."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(StatusChangeSchema)
    @blueprint.response(200, VisitSchema)
    def post(self, command: visits.StatusChange, visit_id: int) -> Visit:
        """Confirm a visit or record how it went."""
        with transaction() as session:
            return visits.change_status(session, actor(), visit_id, command, clock.now())


@blueprint.route("/visits/<key:visit_id>/cancel")
class VisitCancellation(MethodView):
    """Cancelling."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(CancellationSchema)
    @blueprint.response(200, VisitSchema)
    def post(self, command: visits.Cancellation, visit_id: int) -> Visit:
        """Give a visit up and free its place."""
        with transaction() as session:
            return visits.cancel(session, actor(), visit_id, command)


@blueprint.route("/visits/<key:visit_id>/path")
class VisitPathChange(MethodView):
    """Changing the path."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(PathChangeSchema)
    @blueprint.response(200, VisitSchema)
    def post(self, command: visits.PathChange, visit_id: int) -> Visit:
        """Change the path until the examination; the product code follows."""
        stays_there = _wish_of(visit_id, command.path)
        with nearest_instead(stays_there), transaction_about_a_woman("visit_change_path") as session:
            return visits.change_path(session, actor(), visit_id, command)


def _wish_of(visit_id: int, path: Path | None = None) -> Callable[[Session], Wish]:
    return lambda session: wish_of(session, actor(), visit_id, path)


@blueprint.route("/visits/<key:visit_id>/move")
class VisitMove(MethodView):
    """Moving."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(MoveSchema)
    @blueprint.response(201, VisitSchema)
    def post(self, command: visits.Move, visit_id: int) -> Visit:
        """Move a visit to another slot; the answer is the new visit."""
        with nearest_instead(_wish_of_move(visit_id, command)), transaction_about_a_woman("visit_move") as session:
            return visits.move(session, actor(), visit_id, command, clock.now())


def _wish_of_move(visit_id: int, command: visits.Move) -> Callable[[Session], Wish]:
    return lambda session: wish_of_move(session, actor(), visit_id, command.slot_id)
