"""The first page after signing in: counts, the stops of the week, the state of the hand-over."""

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue

from routes.auth import roles

blueprint = Blueprint("overview", __name__)


@blueprint.get("/")
@roles()
def show() -> ResponseReturnValue:
    """What is planned, booked and handed over."""
    return render_template("overview.html", user=g.user)
