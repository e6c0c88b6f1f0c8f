"""The API for orphaned slots: how they come about, and their list."""

from typing import Any

import pytest
from sqlalchemy import Engine

from mobile_units.rules.roles import Role
from tests.factories import ApiClient, api_client
from tests.factories_catalogue import kept
from tests.factories_itineraries import THURSDAY, make_draft, make_world, publish
from tests.routes.api.test_changes import booked, slots_of


@pytest.fixture
def world(api: ApiClient, engine: Engine) -> dict[str, int]:
    """A mammobus, its site, and a laboratory that is open on Mondays."""
    return make_world(api, engine)


@pytest.fixture
def stop(api: ApiClient, world: dict[str, int]) -> dict[str, Any]:
    """A published stop of Wednesday and Thursday, 40 slots of ten minutes a day, with the version of its itinerary."""
    draft = make_draft(api, world)
    assert publish(api, draft).status_code == 200
    read = api.get(f"/itineraries/{draft['id']}").json
    published: dict[str, Any] = read["stops"][0] | {"version": read["version"]}
    return published


def test_a_withdrawn_stop_puts_its_visits_on_the_list(api: ApiClient, stop: dict[str, Any]) -> None:
    """The answer names the slots, the list tells the visit, the place and who did it; no woman is named."""
    slot = slots_of(api, stop)[0]
    visit_id = booked(api, slot["id"])
    body = {"version": stop["version"], "orphan": True}
    told = api.post(f"/stops/{stop['id']}/preview-withdrawal", body).json
    orphaned = [
        {
            "slot_id": slot["id"],
            "schedule_id": slot["schedule_id"],
            "starts_at": slot["starts_at"],
            "ends_at": slot["ends_at"],
            "visits": 1,
        }
    ]
    assert told["orphaned"] == orphaned
    refusal = api.post(f"/stops/{stop['id']}/withdraw", {"version": stop["version"]})
    assert (refusal.status_code, refusal.json["code"]) == (409, "slots_have_visits")
    assert "osieroć" in refusal.json["way_out_pl"]
    assert api.get("/slots/orphaned").json["total"] == 0
    assert api.post(f"/stops/{stop['id']}/withdraw", body).json["orphaned"] == orphaned
    listed = api.get(f"/slots/orphaned?stop_id={stop['id']}").json
    [item] = listed["items"]
    assert (listed["total"], item["id"], item["stop_id"], item["day"]) == (1, slot["id"], stop["id"], "2027-03-10")
    assert item["visits"] == [{"id": visit_id, "status": "booked", "path": "mammography", "urgent": False}]
    assert (item["why"]["cause"], item["why"]["cause_pl"]) == ("stop_withdrawn", "wycofano postój")
    assert item["why"]["login"]
    assert api.get(f"/slots/orphaned?first_day={THURSDAY}").json["items"] == []
    assert api.get(f"/slots/{slot['id']}").json["status"] == "orphaned"


def test_changed_days_places_and_slots_orphan_on_demand(
    api: ApiClient, stop: dict[str, Any], world: dict[str, int]
) -> None:
    """A stop loses a day, a slot is withdrawn or made smaller, a laboratory closes."""
    first, second, *_, last = slots_of(api, stop)
    for slot in (first, last):
        booked(api, slot["id"])
    assert api.post("/slots/withdraw", {"slot_ids": [first["id"]]}).json["code"] == "slots_have_visits"
    [gone] = api.post("/slots/withdraw", {"slot_ids": [first["id"]], "orphan": True}).json
    assert gone["status"] == "orphaned"
    assert api.post(f"/slots/{second['id']}/capacity", {"capacity": 2}).status_code == 200
    for _ in range(2):
        booked(api, second["id"])
    smaller = api.post(f"/slots/{second['id']}/capacity", {"capacity": 1, "orphan": True}).json
    assert (smaller["status"], smaller["capacity"]) == ("orphaned", 2)
    body = {"version": stop["version"], "days": [{"day": "2027-03-10"}], "orphan": True}
    changed = api.post(f"/stops/{stop['id']}/change", body).json
    assert [each["slot_id"] for each in changed["orphaned"]] == [last["id"]]
    path = f"/service-places/{world['lab']}"
    kept(api, f"{path}/schedules", {"first_day": "2027-03-08", "last_day": "2027-03-15"})
    [slot, *_] = api.get(f"/slots?service_place_id={world['lab']}").json["items"]
    booked(api, slot["id"])
    body = {"version": api.get(path).json["version"], "days": [{"day": "2027-03-08", "hours": []}], "orphan": True}
    assert [each["slot_id"] for each in api.post(f"{path}/change", body).json["orphaned"]] == [slot["id"]]
    why = [item["why"]["cause"] for item in api.get("/slots/orphaned").json["items"]]
    assert sorted(why) == ["capacity_changed", "place_changed", "slot_withdrawn", "stop_changed"]


def test_a_version_is_published_over_visits_on_demand(api: ApiClient, stop: dict[str, Any]) -> None:
    """The preview tells both cases; without leave it is refused."""
    slot = slots_of(api, stop)[-1]
    booked(api, slot["id"])
    version = api.post(f"/itineraries/{stop['itinerary_id']}/revise").json
    path = f"/itineraries/{version['id']}"
    [copy] = api.get(path).json["stops"]
    body = {"version": version["version"], "days": [{"day": "2027-03-10"}]}
    assert api.patch(f"/stops/{copy['id']}", body).status_code == 200
    approval = {"version": api.get(path).json["version"], "accepted_reason": "próba"}
    approved = api.post(f"{path}/approve", approval)
    assert approved.status_code == 200, approved.json
    preview = api.get(f"{path}/publication?orphan=true").json
    assert [len(each["changes"]["orphaned"]) for each in preview["changed"]] == [1]
    assert preview["messages"]
    assert api.get(f"{path}/publication").json["messages"] == {}
    body = {"version": api.get(path).json["version"]}
    assert api.post(f"{path}/publication", body).json["code"] == "slots_have_visits"
    assert api.post(f"{path}/publication", body | {"orphan": True}).json["changed"] == 1
    [item] = api.get("/slots/orphaned").json["items"]
    assert (item["id"], item["why"]["cause"]) == (slot["id"], "itinerary_published")


def test_the_list_is_for_coordinators_and_midwives_of_the_provider(api: ApiClient) -> None:
    """Others are kept out; what is asked for is checked."""
    for role in Role:
        answer = api.with_roles(role).get("/slots/orphaned")
        assert answer.status_code == (200 if role in {Role.COORDINATOR, Role.MIDWIFE} else 403)
    assert api_client(api.app, api.engine).get("/slots/orphaned").json["items"] == []
    assert api.get("/slots/orphaned?unit_id=0").status_code == 422
