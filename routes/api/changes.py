"""Changes after publication: only the difference is handed over, and visits in the way are listed."""

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.rules.roles import Role
from mobile_units.services import changes, place_changes, slots
from mobile_units.services.change_works import Changes
from mobile_units.services.slot_search import SlotAtPlace
from routes.auth import roles
from routes.database import actor, transaction
from schemas.changes import (
    CapacitySchema,
    ChangesSchema,
    PlaceChangeSchema,
    PublishedStopChangeSchema,
    SlotsToWithdrawSchema,
    StopWithdrawalSchema,
)
from schemas.slots import SlotSchema

blueprint = Blueprint("changes", __name__, description="Changes after publication (zmiany po publikacji)")


@blueprint.route("/stops/<key:stop_id>/preview-change")
class StopChangePreview(MethodView):
    """What a change of a published stop would do."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(PublishedStopChangeSchema)
    @blueprint.response(200, ChangesSchema)
    def post(self, command: changes.StopChange, stop_id: int) -> Changes:
        """Tell what a change would do and which visits are in its way; nothing is changed."""
        with transaction() as session:
            return changes.preview_stop(session, actor(), stop_id, command, clock.now())


@blueprint.route("/stops/<key:stop_id>/change")
class PublishedStopChange(MethodView):
    """Changing a published stop."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(PublishedStopChangeSchema)
    @blueprint.response(200, ChangesSchema)
    def post(self, command: changes.StopChange, stop_id: int) -> Changes:
        """Change hours, days or site of a published stop and queue the difference for the hand-over."""
        with transaction() as session:
            return changes.change_stop(session, actor(), stop_id, command, clock.now())


@blueprint.route("/stops/<key:stop_id>/preview-withdrawal")
class StopWithdrawalPreview(MethodView):
    """What the withdrawal of a published stop would do."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(StopWithdrawalSchema)
    @blueprint.response(200, ChangesSchema)
    def post(self, read: dict[str, Any], stop_id: int) -> Changes:
        """Tell what a withdrawal would do and which visits are in its way; nothing is changed."""
        with transaction() as session:
            return changes.preview_withdrawal(session, actor(), stop_id, read["version"], clock.now())


@blueprint.route("/stops/<key:stop_id>/withdraw")
class StopWithdrawal(MethodView):
    """Withdrawing a published stop."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(StopWithdrawalSchema)
    @blueprint.response(200, ChangesSchema)
    def post(self, read: dict[str, Any], stop_id: int) -> Changes:
        """Drop all days of a published stop from now on; its unit is free, its slots are withdrawn."""
        with transaction() as session:
            return changes.withdraw_stop(session, actor(), stop_id, now=clock.now(), **read)


@blueprint.route("/service-places/<key:service_place_id>/preview-change")
class PlaceChangePreview(MethodView):
    """What other hours of a stationary place would do."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(PlaceChangeSchema)
    @blueprint.response(200, ChangesSchema)
    def post(self, command: place_changes.PlaceChange, service_place_id: int) -> Changes:
        """Tell what a change would do and which visits are in its way; nothing is changed."""
        with transaction() as session:
            return place_changes.preview_place(session, actor(), service_place_id, command, clock.now())


@blueprint.route("/service-places/<key:service_place_id>/change")
class OpenedPlaceChange(MethodView):
    """Changing opened days of a stationary place."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(PlaceChangeSchema)
    @blueprint.response(200, ChangesSchema)
    def post(self, command: place_changes.PlaceChange, service_place_id: int) -> Changes:
        """Change or close days of a stationary place and queue the difference for the hand-over."""
        with transaction() as session:
            return place_changes.change_place(session, actor(), service_place_id, command, clock.now())


@blueprint.route("/slots/withdraw")
class WithdrawnSlots(MethodView):
    """Withdrawing single slots."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(SlotsToWithdrawSchema)
    @blueprint.response(200, SlotSchema(many=True))
    def post(self, wanted: dict[str, Any]) -> list[SlotAtPlace]:
        """Take slots out of their schedules, all or none; those with visits become orphaned, if that is allowed."""
        with transaction() as session:
            return slots.withdraw(session, actor(), now=clock.now(), **wanted)


@blueprint.route("/slots/<key:slot_id>/capacity")
class SlotCapacity(MethodView):
    """How many women a slot takes."""

    @roles(Role.COORDINATOR)
    @blueprint.arguments(CapacitySchema)
    @blueprint.response(200, SlotSchema)
    def post(self, wanted: dict[str, Any], slot_id: int) -> SlotAtPlace:
        """Set how many women a slot takes; never fewer than are booked."""
        with transaction() as session:
            return slots.change_capacity(session, actor(), slot_id, now=clock.now(), **wanted)
