"""An itinerary on paper and as a file: sheets for drivers, and a table for a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from mobile_units import clock
from mobile_units.clock import WARSAW
from mobile_units.models.itineraries import Stop
from mobile_units.rules.roles import Role
from mobile_units.services import itineraries, review
from routes.auth import roles
from routes.database import actor, transaction
from routes.pages import fields
from routes.pages.handover import frame
from routes.pages.words import short_weekday

blueprint = Blueprint("papers", __name__, url_prefix="/itineraries")

COLUMNS = (
    "jednostka", "kod_jednostki", "dzien", "dzien_tygodnia", "od", "do", "dzien_postoju", "dni_postoju", "miejsce",
    "punkt", "ulica", "miejscowosc", "gmina", "szerokosc", "dlugosc", "telefon", "kobiety_na_postoju",
)  # fmt: skip


@blueprint.get("/<key:itinerary_id>/stops.csv")
@roles(Role.COORDINATOR)
def table(itinerary_id: int) -> Response:
    """Every day of every stop, for a spreadsheet or the navigation of a driver."""
    with transaction() as session:
        itinerary = itineraries.get(session, actor(), itinerary_id)
        rows = list(_rows(itinerary.stops))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(value) for value in row] for row in rows)
    attachment = {"Content-Disposition": f"attachment; filename=trasa-{itinerary_id}.csv"}
    return Response("\ufeff" + out.getvalue(), mimetype="text/csv", headers=attachment)


def _rows(stops: Iterable[Stop]) -> Iterator[tuple[object, ...]]:
    for stop in sorted(stops, key=lambda each: (each.unit.name, each.unit_id, each.first_day)):
        site = stop.site
        for number, row in enumerate(stop.days, 1):
            opens, closes = row.opens_at.astimezone(WARSAW), row.closes_at.astimezone(WARSAW)
            yield (
                stop.unit.name, stop.unit.code, row.day.isoformat(), short_weekday(row.day), f"{opens:%H:%M}",
                f"{closes:%H:%M}", number, len(stop.days), site.name, site.landmark, site.street, site.locality,
                site.gmina, site.latitude, site.longitude, site.telephone, stop.women_planned,
            )  # fmt: skip


def _cell(value: object) -> object:
    """A spreadsheet takes text with such a beginning for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


@blueprint.get("/<key:itinerary_id>/print")
@roles(Role.COORDINATOR)
def sheets(itinerary_id: int) -> ResponseReturnValue:
    """A sheet for each unit, or for the one that is named."""
    unit_id = fields.whole_if_any(request.args, "unit_id", "jednostka", 1, fields.LARGEST_KEY)
    with transaction() as session:
        found = review.read(session, actor(), itinerary_id)
        common = frame(session)
    tours = [tour for tour in found.tours if unit_id in {None, tour.unit.id}]
    told = {"itinerary": found.itinerary, "tours": tours, "all_tours": found.tours, "unit_id": unit_id}
    return render_template("itineraries/print.html", today=clock.today(), **told, **common)
