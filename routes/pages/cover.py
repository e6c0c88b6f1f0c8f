"""The page of the duty of three full months: which place breaks it first, and which days it lacks."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from mobile_units import clock
from mobile_units.rules.compliance import horizon_end
from mobile_units.rules.roles import Role
from mobile_units.services import cover
from routes.auth import roles
from routes.database import actor, transaction
from routes.pages.handover import frame

blueprint = Blueprint("cover_page", __name__)


@blueprint.get("/cover")
@roles(Role.COORDINATOR, Role.SETTLEMENT)
def show() -> ResponseReturnValue:
    """Every service place, the most urgent first."""
    today = clock.today()
    with transaction() as session:
        places = cover.read(session, actor(), today)
        common = frame(session)
    return render_template("cover.html", places=places, today=today, horizon=horizon_end(today), **common)
