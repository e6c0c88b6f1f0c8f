"""The page of orphaned slots: where they are, what orphaned them and who did it. Nobody is named."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from mobile_units.rules.roles import Role
from mobile_units.services import orphans
from mobile_units.services.orphans import Orphan, OrphanFilter
from mobile_units.services.queries import Paging
from routes.auth import roles
from routes.database import actor, transaction
from routes.pages import fields
from routes.pages.handover import frame

PAGE_SIZE = 100

blueprint = Blueprint("orphans_page", __name__, url_prefix="/schedules/orphaned")


@dataclass(frozen=True, slots=True)
class OrphanedDay:
    """The orphaned slots of a day."""

    day: date
    slots: Sequence[Orphan]


@dataclass(frozen=True, slots=True)
class OrphanedPlace:
    """The orphaned slots of a stop or stationary place on this page."""

    first: Orphan
    days: Sequence[OrphanedDay]

    @property
    def visits(self) -> int:
        """The visits in them."""
        return sum(len(slot.visits) for each in self.days for slot in each.slots)


@blueprint.get("")
@roles(Role.COORDINATOR, Role.MIDWIFE)
def show() -> ResponseReturnValue:
    """All of them by stop and day, the first that come first."""
    page = fields.whole_if_any(request.args, "page", "strona", 1, 100_000) or 1
    stop_id = fields.whole_if_any(request.args, "stop_id", "postój", 1, fields.LARGEST_KEY)
    wanted = OrphanFilter(paging=Paging(page, PAGE_SIZE), stop_id=stop_id)
    with transaction() as session:
        listed = orphans.find(session, actor(), wanted)
        count = orphans.count(session, actor())
        common = frame(session)
    told = {"listed": listed, "count": count, "stop_id": stop_id, "places": _places(listed.items)}
    return render_template("schedules/orphaned.html", **told, **common)


def _places(listed: Sequence[Orphan]) -> Sequence[OrphanedPlace]:
    """As listed: by stop or place, and there by day."""
    found = []
    for _, group in groupby(listed, lambda each: (each.stop_id, each.service_place_id if not each.stop_id else None)):
        slots = sorted(group, key=lambda each: (each.starts_at, each.id))
        days = [OrphanedDay(day, list(of_day)) for day, of_day in groupby(slots, lambda each: each.day)]
        found.append(OrphanedPlace(slots[0], days))
    return found
