"""Bulk moves: other places for the visits of a lost stop or a broken unit. Nothing here names a woman."""

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.models.bulk_moves import BulkMove
from mobile_units.rules.roles import Role
from mobile_units.services import bulk_move_application, bulk_move_undo, bulk_moves
from mobile_units.services.bulk_moves import BulkMoveFilter, Choice, NewBulkMove
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.bulk_moves import (
    ApplicationSchema,
    BulkMoveFilterSchema,
    BulkMovePageSchema,
    ChoiceSchema,
    NewBulkMoveSchema,
    UndoSchema,
    VersionOfMoveSchema,
    WholeMoveSchema,
)

blueprint = Blueprint("bulk_moves", __name__, description="Moving many visits at once (przeniesienia zbiorcze)")


def _whole(session: Session, move_id: int) -> dict[str, Any]:
    """A bulk move with its visits, as it is shown."""
    whole = bulk_moves.get(session, actor(), move_id)
    move = whole.move
    names = ("id", "version", "status", "reason", "author_id", "created_at", "applied_at", "undone_at")
    shown = {name: getattr(move, name) for name in (*names, "scope", "weights")}
    return shown | {"totals": whole.totals, "rows": whole.rows, "left_out": whole.left_out}


@blueprint.route("/bulk-moves")
class BulkMoves(MethodView):
    """All bulk moves of the provider."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(BulkMoveFilterSchema, location="query")
    @blueprint.response(200, BulkMovePageSchema)
    def get(self, criteria: BulkMoveFilter) -> Page[BulkMove]:
        """List bulk moves, the newest first."""
        with transaction() as session:
            return bulk_moves.find(session, actor(), criteria)

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(NewBulkMoveSchema)
    @blueprint.response(201, WholeMoveSchema)
    def post(self, command: NewBulkMove) -> dict[str, Any]:
        """Work out who would go where, best for all at once; no place is kept."""
        with transaction() as session:
            move = bulk_moves.propose(session, actor(), command, clock.now())
            return _whole(session, move.id)


@blueprint.route("/bulk-moves/<key:move_id>")
class OneBulkMove(MethodView):
    """One bulk move."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.response(200, WholeMoveSchema)
    def get(self, move_id: int) -> dict[str, Any]:
        """Read a bulk move with its visits, without the women."""
        with transaction() as session:
            return _whole(session, move_id)


@blueprint.route("/bulk-moves/<key:move_id>/choices")
class Choices(MethodView):
    """What a person decides."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(ChoiceSchema)
    @blueprint.response(200, WholeMoveSchema)
    def post(self, command: Choice, move_id: int) -> dict[str, Any]:
        """Send a visit to a slot of your choice, or nowhere."""
        with transaction() as session:
            bulk_moves.choose(session, actor(), move_id, command, clock.now())
            return _whole(session, move_id)


@blueprint.route("/bulk-moves/<key:move_id>/recompute")
class Recomputing(MethodView):
    """Working out anew."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(VersionOfMoveSchema)
    @blueprint.response(200, WholeMoveSchema)
    def post(self, known: dict[str, Any], move_id: int) -> dict[str, Any]:
        """Work a proposal out anew; what was chosen by hand stays."""
        with transaction() as session:
            bulk_moves.recompute(session, actor(), move_id, known["version"], clock.now())
            return _whole(session, move_id)


@blueprint.route("/bulk-moves/<key:move_id>/apply")
class Application(MethodView):
    """Carrying out."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(ApplicationSchema)
    @blueprint.response(200, WholeMoveSchema)
    def post(self, known: dict[str, Any], move_id: int) -> dict[str, Any]:
        """Move all visits of a proposal, or none."""
        with transaction() as session:
            bulk_move_application.apply(session, actor(), move_id, now=clock.now(), **known)
            return _whole(session, move_id)


@blueprint.route("/bulk-moves/<key:move_id>/undo")
class Undoing(MethodView):
    """Undoing."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(UndoSchema)
    @blueprint.response(200, WholeMoveSchema)
    def post(self, known: dict[str, Any], move_id: int) -> dict[str, Any]:
        """Give every woman her former place back, until the first of the new visits changes."""
        with transaction() as session:
            bulk_move_undo.undo(session, actor(), move_id, now=clock.now(), **known)
            return _whole(session, move_id)


@blueprint.route("/bulk-moves/<key:move_id>/discard")
class Discarding(MethodView):
    """Discarding."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(VersionOfMoveSchema)
    @blueprint.response(200, WholeMoveSchema)
    def post(self, known: dict[str, Any], move_id: int) -> dict[str, Any]:
        """End a proposal that nobody wants."""
        with transaction() as session:
            bulk_moves.discard(session, actor(), move_id, known["version"])
            return _whole(session, move_id)
