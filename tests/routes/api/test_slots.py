"""The API for slots: search, reading and blocking."""

from datetime import time

import pytest

from mobile_units import db
from mobile_units.models.slots import Slot
from mobile_units.rules.roles import Role
from tests import factories_booking
from tests.factories import ApiClient, api_client


@pytest.fixture
def slot(api: ApiClient) -> Slot:
    """A free slot to come, at a stop in Wieluń."""
    with db.transaction(api.engine) as session:
        return factories_booking.slot(session, api.actor.provider_id, day=factories_booking.next_day())


def test_slots_are_found_near_a_place(api: ApiClient, slot: Slot) -> None:
    """The answer tells where, when and how far."""
    page = api.get("/slots?latitude=51.29156&longitude=18.79215&order=distance&programme=breast").json
    [item] = page["items"]
    assert (item["id"], item["uuid"], item["free"], item["mobile"]) == (slot.id, str(slot.uuid), 1, True)
    assert (item["locality"], item["landmark"]) == ("Wieluń", "przy Urzędzie Gminy")
    assert round(item["distance_km"]) == 17
    assert (page["more"], page["page"]) == (False, 1)
    assert api.get("/slots?latitude=51.29156&longitude=18.79215&radius_km=16").json["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        "latitude=51",
        "longitude=18",
        "order=distance",
        "radius_km=5",
        "latitude=91&longitude=0",
        "latitude=nan&longitude=0",
        "first_day=0001-01-01",
        "last_day=9999-12-31",
        "stop_id=99999999999999999999",
        "page=0",
        "from_time=24:00",
        "from_time=12:00&to_time=11:00",
        "weekdays=8",
        "teryt=101",
        "places=0",
        "channel=fax",
        "programme=breast&path=hpv_lbc",
        "after=nonsense",
        "after=0_1_-1.0&page=2",
    ],
)
def test_a_search_that_means_nothing_is_refused(api: ApiClient, query: str) -> None:
    """With the field at fault."""
    refused = api.get(f"/slots?{query}")
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_input")


def test_pages_follow_each_other(api: ApiClient, slot: Slot) -> None:
    """Each tells where the next one begins; what a woman may not book is not among them."""
    with db.transaction(api.engine) as session:
        later = factories_booking.slot(session, api.actor.provider_id, day=slot.schedule.valid_from, at=time(12))
    wanted = (
        f"weekdays={slot.schedule.valid_from.isoweekday()}&from_time=08:30&to_time=12:10&channel=telephone&page_size=1"
    )
    first = api.get(f"/slots?{wanted}").json
    second = api.get(f"/slots?{wanted}&after={first['next']}").json
    assert [each["id"] for page in (first, second) for each in page["items"]] == [slot.id, later.id]
    assert (first["more"], second["more"], second["next"]) == (True, False, None)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("page=41", "page_too_deep"),
        ("first_day=2027-03-02&last_day=2027-03-01", "period_reversed"),
        ("first_day=2027-03-02&last_day=2028-04-01&weekdays=1", "period_too_long"),
    ],
)
def test_a_search_without_end_is_refused(api: ApiClient, query: str, code: str) -> None:
    """With the way out."""
    refused = api.get(f"/slots?{query}")
    assert (refused.status_code, refused.json["code"]) == (422, code)


def test_a_coordinator_blocks_and_unblocks(api: ApiClient, slot: Slot) -> None:
    """A blocked slot is read but not found."""
    assert api.post(f"/slots/{slot.id}/block").json["status"] == "blocked"
    assert api.get("/slots").json["items"] == []
    assert api.get(f"/slots/{slot.id}").json["status"] == "blocked"
    assert api.post(f"/slots/{slot.id}/unblock").json["status"] == "open"
    assert len(api.get("/slots").json["items"]) == 1


def test_a_slot_with_a_visit_is_not_blocked(api: ApiClient, slot: Slot) -> None:
    """The refusal says how many visits there are."""
    with db.transaction(api.engine) as session:
        woman = factories_booking.woman(session, api.actor.provider_id)
    assert api.post("/visits", {"woman_id": woman.id, "slot_id": slot.id, "path": "mammography"}).status_code == 201
    refused = api.post(f"/slots/{slot.id}/block")
    assert (refused.status_code, refused.json["code"]) == (409, "slot_has_visits")
    assert "1" in refused.json["title"]


def test_roles_and_providers_keep_to_their_own(api: ApiClient, slot: Slot) -> None:
    """Midwives do not block, settlement does not search, others do not see."""
    assert api.with_roles(Role.MIDWIFE).get("/slots").status_code == 200
    assert api.with_roles(Role.MIDWIFE).post(f"/slots/{slot.id}/block").status_code == 403
    assert api.with_roles(Role.SETTLEMENT).get("/slots").status_code == 403
    stranger = api_client(api.app, api.engine)
    assert stranger.get("/slots").json["items"] == []
    assert stranger.get(f"/slots/{slot.id}").status_code == 404
    assert stranger.post(f"/slots/{slot.id}/block").status_code == 404
