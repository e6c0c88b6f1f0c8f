"""The list of a day, for the crew's screen or paper, and the attendance that comes back from it."""

from collections.abc import Mapping, Sequence
from datetime import date

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.rules.roles import Role
from mobile_units.services import attendance, day_list, day_list_paper
from mobile_units.services.attendance import Attendance, Recorded
from mobile_units.services.day_list import DayList
from routes.auth import roles
from routes.database import actor, transaction
from schemas.day_list import AttendancesSchema, DayListSchema, RecordedAttendanceSchema

blueprint = Blueprint("day_list", __name__, description="Lists of a day's women, and their attendance")

PDF = "application/pdf"
PRINTED = {"type": "string", "format": "binary"}


@blueprint.route("/stops/<key:stop_id>/days/<day:day>/list")
class ListOfStop(MethodView):
    """A day of a stop."""

    @roles(Role.MIDWIFE)
    @blueprint.response(200, DayListSchema)
    def get(self, stop_id: int, day: date) -> DayList:
        """Read who comes when; each woman is audited as read."""
        return _at_stop(stop_id, day)


@blueprint.route("/stops/<key:stop_id>/days/<day:day>/list.pdf")
class PrintedListOfStop(MethodView):
    """The same on paper."""

    @roles(Role.MIDWIFE)
    @blueprint.response(200, PRINTED, content_type=PDF)
    def get(self, stop_id: int, day: date) -> Response:
        """Print who comes when, with boxes for attendance."""
        return printed(_at_stop(stop_id, day))


@blueprint.route("/service-places/<key:service_place_id>/days/<day:day>/list")
class ListOfPlace(MethodView):
    """A day of a stationary service place."""

    @roles(Role.MIDWIFE)
    @blueprint.response(200, DayListSchema)
    def get(self, service_place_id: int, day: date) -> DayList:
        """Read who comes when; each woman is audited as read."""
        return _at_place(service_place_id, day)


@blueprint.route("/service-places/<key:service_place_id>/days/<day:day>/list.pdf")
class PrintedListOfPlace(MethodView):
    """The same on paper."""

    @roles(Role.MIDWIFE)
    @blueprint.response(200, PRINTED, content_type=PDF)
    def get(self, service_place_id: int, day: date) -> Response:
        """Print who comes when, with boxes for attendance."""
        return printed(_at_place(service_place_id, day))


@blueprint.route("/visits/attendance")
class Attendances(MethodView):
    """Attendance of many women."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(AttendancesSchema)
    @blueprint.response(200, RecordedAttendanceSchema)
    def post(self, command: Mapping[str, Sequence[Attendance]]) -> Recorded:
        """Record attendance filled in from paper; rows that cannot be recorded are told one by one."""
        with transaction() as session:
            return attendance.record(session, actor(), command["rows"], clock.now())


def _at_stop(stop_id: int, day: date) -> DayList:
    with transaction() as session:
        return day_list.at_stop(session, actor(), stop_id, day, clock.now())


def _at_place(service_place_id: int, day: date) -> DayList:
    with transaction() as session:
        return day_list.at_place(session, actor(), service_place_id, day, clock.now())


def printed(found: DayList) -> Response:
    """A list as a file whose name tells of no woman."""
    place = f"postoj-{found.stop_id}" if found.stop_id else f"miejsce-{found.service_place_id}"
    attachment = {"Content-Disposition": f'inline; filename="lista-{place}-{found.day}.pdf"'}
    return Response(day_list_paper.pdf(found), mimetype=PDF, headers=attachment)
