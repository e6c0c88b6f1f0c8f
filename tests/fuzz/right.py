"""Requests that succeed in the full house, for operations whose right input nobody finds by chance."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.models.bulk_moves import BulkMove, BulkMoveRow
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.templates import ScheduleTemplate
from mobile_units.models.visits import Visit
from mobile_units.models.waiting_list import WaitingListEntry
from mobile_units.models.women import Woman
from mobile_units.rules.bulk_moves import BulkMoveStatus
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import ACTIVE, VisitStatus
from tests.factories_booking import pesel
from tests.factories_catalogue import BUS, LAB, UNIT
from tests.factories_itineraries import SITE, SPRING
from tests.routes.api.test_templates import FULL, PLAIN

Right = Mapping[str, Sequence[tuple[dict[str, int], Any]]]
"""By operation: keys in the path, and the body."""
WOMAN = {"identity": {"pesel": pesel()}, "given_name": "Próba", "family_name": "Testowa", "telephone": "+48600000001"}
MOVES = "POST /api/v1/bulk-moves/{move_id}"


def requests_of(session: Session, provider_id: int) -> Right:
    """The requests, with the keys of what there is."""
    return _booking(session, provider_id) | _moving(session, provider_id) | _planning(session, provider_id)


def _booking(session: Session, provider_id: int) -> dict[str, Any]:
    """Women and visits."""
    busy = select(Visit.woman_id).where(Visit.status.in_(sorted(ACTIVE)))
    waits = select(WaitingListEntry.woman_id)
    women = select(Woman.id, Woman.version).where(Woman.provider_id == provider_id)
    (woman, version), (twin, other) = session.execute(women.where(Woman.id.not_in(busy), Woman.id.not_in(waits))).all()[
        :2
    ]
    free = select(Slot.id).join(Slot.schedule).where(Schedule.path == Path.MAMMOGRAPHY, Slot.capacity == 3)
    slot = session.scalars(free.where(Slot.taken == 0)).first()
    visit = session.scalars(select(Visit).where(Visit.status == VisitStatus.BOOKED)).first()
    assert visit is not None
    known = {"version": visit.version}
    wanted = {"woman_id": woman, "slot_id": slot, "path": "mammography", "channel": "telephone"}
    merge = {"merged_id": twin, "kept_version": version, "merged_version": other, "reason": "ta sama osoba"}
    days = {"first_day": "2027-03-10", "last_day": "2027-03-11", "weekdays": [3, 4], "after": "08:00"}
    return {
        "POST /api/v1/visits": [({}, wanted | {"idempotency_key": "click-0001"})],
        "POST /api/v1/visits/hold": [({}, wanted)],
        "POST /api/v1/visits/{visit_id}/move": [({"visit_id": visit.id}, known | {"slot_id": slot})],
        "POST /api/v1/visits/{visit_id}/status": [({"visit_id": visit.id}, known | {"status": "confirmed"})],
        "POST /api/v1/visits/{visit_id}/cancel": [({"visit_id": visit.id}, known | {"cancelled_by": "woman"})],
        "POST /api/v1/women": [({}, WOMAN)],
        "POST /api/v1/women/search": [({}, WOMAN["identity"])],
        "POST /api/v1/women/{woman_id}/merge": [({"woman_id": woman}, merge)],
        "POST /api/v1/waiting-list": [({}, {"woman_id": woman, "path": "mammography", "teryt": "0201"} | days)],
    }


def _moving(session: Session, provider_id: int) -> dict[str, Any]:
    """Bulk moves, and patterns of slots."""
    row = select(BulkMoveRow.visit_id, BulkMove.id, BulkMove.version).join(BulkMove)
    visit, proposed, version = session.execute(row.where(BulkMove.status == BulkMoveStatus.PROPOSED)).all()[0]
    _, applied, later = session.execute(row.where(BulkMove.status == BulkMoveStatus.APPLIED)).all()[0]
    slot = session.scalars(select(Slot).join(Visit).where(Visit.id == visit)).one()
    stop = select(MobilePoint.stop_id).join(Schedule).where(Schedule.id == slot.schedule_id)
    lost = {"reason": "awaria", "scope": {"stop_id": session.scalar(stop)}, "weights": {"km": 2}}
    choice = {"version": version, "visit_id": visit, "slot_id": None}
    day = slot.starts_at.date().isoformat()
    where = {"first_day": day, "last_day": day, "service_place_id": slot.service_place_id}
    return {
        "POST /api/v1/bulk-moves": [({}, lost)],
        f"{MOVES}/choices": [({"move_id": proposed}, choice)],
        f"{MOVES}/recompute": [({"move_id": proposed}, {"version": version})],
        f"{MOVES}/apply": [({"move_id": proposed}, {"version": version})],
        f"{MOVES}/undo": [({"move_id": applied}, {"version": later, "reason": "pomyłka"})],
        "POST /api/v1/slots/patterns/preview": [({}, {"pattern": where, "act": "block"})],
        "POST /api/v1/slots/patterns/apply": [({}, {"pattern": where, "act": "block", "skip_visits": True})],
    }


def _planning(session: Session, provider_id: int) -> dict[str, Any]:
    """Templates, catalogues and itineraries."""
    kept = session.scalars(select(ScheduleTemplate).order_by(ScheduleTemplate.id)).first()
    own = select(Itinerary).where(Itinerary.provider_id == provider_id, Itinerary.name == "Objazd")
    plans = {each.status: each for each in session.scalars(own)}
    live = plans[ItineraryStatus.PUBLISHED]
    assert kept is not None
    stop = session.scalar(select(Stop.id).where(Stop.itinerary_id == live.id))
    use = {"version": kept.version, "mode": "overwrite", "stop_ids": [stop]}
    draft, approved = plans[ItineraryStatus.DRAFT], plans[ItineraryStatus.APPROVED]
    approval = {"version": draft.version, "accepted_reason": "próba"}
    return {
        "POST /api/v1/templates": [({}, {"name": "Tydzień", "template": each}) for each in (FULL, PLAIN)],
        "POST /api/v1/templates/{template_id}/preview": [({"template_id": kept.id}, use)],
        "POST /api/v1/templates/{template_id}/apply": [({"template_id": kept.id}, use)],
        "POST /api/v1/stops/{stop_id}/withdraw": [({"stop_id": stop}, {"version": live.version})],
        "POST /api/v1/service-places": [({}, LAB), ({}, BUS)],
        "POST /api/v1/units": [({}, UNIT)],
        "POST /api/v1/sites": [({}, SITE)],
        "POST /api/v1/itineraries": [({}, SPRING)],
        "POST /api/v1/itineraries/{itinerary_id}/approve": [({"itinerary_id": draft.id}, approval)],
        "POST /api/v1/itineraries/{itinerary_id}/publication": [
            ({"itinerary_id": approved.id}, {"version": approved.version})
        ],
    }
