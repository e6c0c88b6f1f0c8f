"""What women change in IKP. Only the address that ends in `with-woman` names a woman."""

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.models.inbound import InboundChange
from mobile_units.rules.roles import Role
from mobile_units.services import inbound
from mobile_units.services.queries import Page
from routes.auth import roles
from routes.database import actor, transaction
from schemas.inbound import (
    InboundChangePageSchema,
    InboundChangeSchema,
    InboundChangeWithWomanSchema,
    InboundFilterSchema,
    InboundStatusSchema,
    NoteSchema,
)

blueprint = Blueprint("inbound", __name__, description="Visits that women book, move or cancel in IKP")


@blueprint.route("/inbound-changes")
class InboundChanges(MethodView):
    """All changes of the provider."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(InboundFilterSchema, location="query")
    @blueprint.response(200, InboundChangePageSchema)
    def get(self, criteria: inbound.InboundFilter) -> Page[InboundChange]:
        """List changes, by default the conflicts that wait for a person."""
        with transaction() as session:
            return inbound.find(session, actor(), criteria)


@blueprint.route("/inbound-changes/status")
class InboundStatus(MethodView):
    """Reading from the central e-registration."""

    @roles(Role.COORDINATOR, Role.MIDWIFE, Role.ADMINISTRATOR)
    @blueprint.response(200, InboundStatusSchema)
    def get(self) -> inbound.InboundStatus:
        """Tell how far the changes were read."""
        with transaction() as session:
            return inbound.status(session, actor())


@blueprint.route("/inbound-changes/<key:change_id>")
class OneInboundChange(MethodView):
    """One change."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.response(200, InboundChangeSchema)
    def get(self, change_id: int) -> InboundChange:
        """Read a change, without the woman."""
        with transaction() as session:
            return inbound.get(session, actor(), change_id)


@blueprint.route("/inbound-changes/<key:change_id>/with-woman")
class OneInboundChangeWithWoman(MethodView):
    """One change with the woman."""

    @roles(Role.MIDWIFE)
    @blueprint.response(200, InboundChangeWithWomanSchema)
    def get(self, change_id: int) -> InboundChange:
        """Read a change with the woman whom the centre named."""
        with transaction() as session:
            return inbound.get_with_woman(session, actor(), change_id)


@blueprint.route("/inbound-changes/<key:change_id>/retry")
class Retrying(MethodView):
    """Taking a conflict over after all."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.response(200, InboundChangeSchema)
    def post(self, change_id: int) -> InboundChange:
        """Take a conflict over, once what was in the way is mended."""
        with transaction() as session:
            return inbound.retry(session, actor(), change_id, clock.now())


@blueprint.route("/inbound-changes/<key:change_id>/decline")
class Declining(MethodView):
    """Ending the visit at the centre."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(NoteSchema)
    @blueprint.response(200, InboundChangeSchema)
    def post(self, command: inbound.Note, change_id: int) -> InboundChange:
        """Have the visit of a conflict cancelled at the central e-registration."""
        with transaction() as session:
            return inbound.decline(session, actor(), change_id, command, clock.now())


@blueprint.route("/inbound-changes/<key:change_id>/dismiss")
class Dismissing(MethodView):
    """Setting a conflict aside."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(NoteSchema)
    @blueprint.response(200, InboundChangeSchema)
    def post(self, command: inbound.Note, change_id: int) -> InboundChange:
        """Set a conflict aside; for a woman who is not eligible, the note is the reason why she stays booked."""
        with transaction() as session:
            return inbound.dismiss(session, actor(), change_id, command, clock.now())
