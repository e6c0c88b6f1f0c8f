"""The list of all refusals; the `type` of every problem document points to its row."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from mobile_units.errors import REFUSALS
from routes.errors import STATUS

blueprint = Blueprint("problems", __name__)


@blueprint.get("/problems")
def page() -> ResponseReturnValue:
    """The codes in order, each with its status and sentences."""
    return render_template("problems.html", refusals=sorted(REFUSALS.items()), status=STATUS)
