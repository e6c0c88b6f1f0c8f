"""The API for many slots at once."""

from datetime import time
from typing import Any

import pytest

from mobile_units import db
from mobile_units.models.slots import Slot
from mobile_units.rules.roles import Role
from tests import factories_booking
from tests.factories import ApiClient


@pytest.fixture
def slots(api: ApiClient) -> list[Slot]:
    """Two slots to come at one stop, ten minutes apart."""
    day = factories_booking.next_day()
    with db.transaction(api.engine) as session:
        schedule = factories_booking.schedule(session, api.actor.provider_id, day=day)
        return [
            factories_booking.slot(session, api.actor.provider_id, of=schedule, at=time(9, 10 * n)) for n in range(2)
        ]


def pattern(slots: list[Slot], act: str, **values: Any) -> dict[str, Any]:
    """A command for the place and day of the slots."""
    day = slots[0].starts_at.date().isoformat()
    meant = {"first_day": day, "last_day": day, "service_place_id": slots[0].service_place_id}
    return {"pattern": meant, "act": act} | values


def test_slots_are_blocked_and_reserved_by_a_pattern(api: ApiClient, slots: list[Slot]) -> None:
    """Told first, then done; undone by the same pattern."""
    block = pattern(slots, "block")
    told = api.post("/slots/patterns/preview", block)
    assert (told.status_code, told.json) == (200, {"found": 2, "changed": 2, "with_visits": 0, "visits": []})
    assert api.get(f"/slots/{slots[0].id}").json["status"] == "open"
    assert api.post("/slots/patterns/apply", block).json == told.json
    assert api.get(f"/slots/{slots[0].id}").json["status"] == "blocked"
    assert api.post("/slots/patterns/apply", pattern(slots, "unblock")).json["changed"] == 2
    assert api.post("/slots/patterns/apply", pattern(slots, "reserve", reserve_for="urgent")).json["changed"] == 2
    assert api.post("/slots/patterns/apply", pattern(slots, "release")).json["changed"] == 2


def test_visits_in_the_way_of_a_pattern_are_listed(api: ApiClient, slots: list[Slot]) -> None:
    """Refused, or skipped when asked."""
    with db.transaction(api.engine) as session:
        woman_id = factories_booking.woman(session, api.actor.provider_id).id
    visit = api.post("/visits", {"woman_id": woman_id, "slot_id": slots[0].id, "path": "mammography"})
    assert visit.status_code == 201, visit.json
    refusal = api.post("/slots/patterns/apply", pattern(slots, "block"))
    assert (refusal.status_code, refusal.json["code"]) == (409, "slots_have_visits")
    assert [each["id"] for each in refusal.json["visits"]] == [visit.json["id"]]
    done = api.post("/slots/patterns/apply", pattern(slots, "block", skip_visits=True)).json
    assert (done["changed"], done["with_visits"]) == (1, 1)


def test_only_a_coordinator_uses_patterns_and_only_whole_ones(api: ApiClient, slots: list[Slot]) -> None:
    """Other roles are refused, and so is a pattern without a place, or a reservation for nobody."""
    block = pattern(slots, "block")
    for role in set(Role) - {Role.COORDINATOR}:
        for path in ("/slots/patterns/preview", "/slots/patterns/apply"):
            assert api.with_roles(role).post(path, block).status_code == 403
    meant = block["pattern"]
    for body in (
        block | {"pattern": {name: value for name, value in meant.items() if name != "service_place_id"}},
        block | {"pattern": meant | {"weekdays": [8]}},
        block | {"pattern": meant | {"every": 0}},
        block | {"pattern": meant | {"stop_id": None}},
        block | {"act": "reserve"},
        block | {"reserve_for": "desk"},
        {"act": "block"},
    ):
        assert api.post("/slots/patterns/apply", body).status_code == 422, body
