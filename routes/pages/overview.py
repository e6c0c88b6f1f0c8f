"""The first page after signing in: counts, the stops of the week, the state of the hand-over."""

import re
from datetime import date, timedelta

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.rules.calendar import holiday_name
from mobile_units.services import handover, overview
from routes.auth import roles
from routes.database import actor, transaction

WEEK = re.compile(r"(20[0-9]{2})-W([0-9]{2})")

blueprint = Blueprint("overview", __name__)


@blueprint.get("/")
@roles()
def show() -> ResponseReturnValue:
    """What is planned, booked and handed over."""
    now = clock.now()
    today = now.astimezone(clock.WARSAW).date()
    monday = _monday(request.args["week"]) if "week" in request.args else today - timedelta(days=today.weekday())
    with transaction() as session:
        found = overview.read(session, actor(), monday, now)
        waiting = handover.waiting(session, actor())
    holidays = {day: name for day in found.week.days if (name := holiday_name(day))}
    told = {"now": now, "today": today, "holidays": holidays, "waiting": waiting}
    return render_template("overview.html", overview=found, **told)


def _monday(week: str) -> date:
    """The first day of an ISO week written as `2026-W48`.

    Raises:
        DomainError: `invalid_input`, there is no such week in this century.
    """
    parts = WEEK.fullmatch(week)
    if parts is None:
        raise DomainError("invalid_input", problem="tydzień")
    try:
        return date.fromisocalendar(int(parts[1]), int(parts[2]), 1)
    except ValueError:
        raise DomainError("invalid_input", problem="tydzień") from None
