"""The API for service places."""

from typing import Any

import pytest

from mobile_units.rules.roles import Role
from tests.factories import ApiClient, api_client
from tests.factories_catalogue import BUS, LAB, MONDAY, UNIT, kept


def test_a_service_place_is_kept_as_a_draft_and_read_back(api: ApiClient) -> None:
    """The hand-over alone moves its status."""
    lab = kept(api, "/service-places", LAB)
    assert api.get(f"/service-places/{lab['id']}").json == lab
    assert {name: lab[name] for name in LAB} == LAB
    assert (lab["status"], lab["version"]) == ("draft", 1)
    refusal = api.patch(f"/service-places/{lab['id']}", {"version": 1, "values": {"status": "active"}})
    assert (refusal.status_code, refusal.json["code"]) == (422, "invalid_input")


def test_service_places_are_listed_by_cell_code_and_filtered(api: ApiClient) -> None:
    """By mobility, setting and status."""
    kept(api, "/service-places", BUS)
    kept(api, "/service-places", LAB)
    kept(api, "/service-places", LAB | {"cell_code": "003", "setting": "AOS"})

    def codes(query: str) -> list[str]:
        return [item["cell_code"] for item in api.get(f"/service-places?{query}").json["items"]]

    assert codes("") == ["001", "002", "003"]
    assert codes("mobility=mobile") == ["002"]
    assert codes("setting=AOS&status=draft") == ["003"]
    assert codes("status=active") == []


def test_opening_hours_are_replaced(api: ApiClient) -> None:
    """A change of hours alone raises the version, so that nobody's change is lost."""
    lab = kept(api, "/service-places", LAB)
    hours = [MONDAY | {"weekday": 2}, MONDAY | {"closes": "14:00"}]
    change = {"version": 1, "values": {"opening_hours": hours}}
    changed = api.patch(f"/service-places/{lab['id']}", change).json
    assert (changed["opening_hours"], changed["version"]) == (hours[::-1], 2)
    assert api.patch(f"/service-places/{lab['id']}", change).json["code"] == "stale_version"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (BUS | {"opening_hours": [MONDAY]}, "mobile_place_has_no_hours"),
        (LAB | {"opening_hours": [MONDAY, MONDAY | {"opens": "15:00", "closes": "16:00"}]}, "opening_hours_overlap"),
        (LAB | {"opening_hours": [MONDAY, MONDAY]}, "opening_hours_overlap"),
        (LAB | {"opening_hours": [MONDAY | {"closes": "08:00"}]}, "ends_before_start"),
        (LAB | {"opening_hours": [MONDAY | {"programme": "cervical"}]}, "setting_missing"),
        (LAB | {"cell_code": "1"}, "invalid_input"),
        (LAB | {"opening_hours": [MONDAY | {"opens": "08:00Z"}]}, "invalid_input"),
        (LAB | {"opening_hours": [MONDAY | {"weekday": 8}]}, "invalid_input"),
    ],
)
def test_a_wrong_service_place_is_refused(api: ApiClient, body: dict[str, Any], code: str) -> None:
    """Each reason has its code and nothing is kept."""
    refusal = api.post("/service-places", body)
    assert (refusal.status_code, refusal.json["code"]) == (422, code)
    assert api.get("/service-places").json["total"] == 0


def test_a_cell_code_is_unique(api: ApiClient) -> None:
    """Within the provider."""
    kept(api, "/service-places", LAB)
    refusal = api.post("/service-places", LAB)
    assert (refusal.status_code, refusal.json["code"]) == (409, "already_exists")
    kept(api_client(api.app, api.engine), "/service-places", LAB)


def test_the_setting_stays_while_a_unit_needs_it(api: ApiClient) -> None:
    """A unit's cervical programme is settled by the setting of its place."""
    bus = kept(api, "/service-places", BUS | {"setting": "POZ"})
    programme = {"programme": "cervical", "service_place_id": bus["id"], "women_per_day": 40, "minutes_per_woman": 10}
    kept(api, "/units", UNIT | {"programmes": [programme]})
    path = f"/service-places/{bus['id']}"
    assert api.patch(path, {"version": 1, "values": {"setting": None}}).json["code"] == "setting_missing"
    assert api.patch(path, {"version": 1, "values": {"setting": "AOS"}}).json["setting"] == "AOS"


def test_only_the_administrator_changes_service_places(api: ApiClient) -> None:
    """Every role reads them."""
    lab = kept(api, "/service-places", LAB)
    for role in (Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT):
        user = api.with_roles(role)
        assert user.get(f"/service-places/{lab['id']}").status_code == 200
        assert user.get("/service-places").json["total"] == 1
        assert user.post("/service-places", BUS).status_code == 403
        assert user.patch(f"/service-places/{lab['id']}", {"version": 1, "values": {}}).status_code == 403


def test_a_provider_sees_only_its_own_service_places(api: ApiClient) -> None:
    """One of another provider is as if it did not exist."""
    lab = kept(api, "/service-places", LAB)
    stranger = api_client(api.app, api.engine)
    assert stranger.get("/service-places").json["total"] == 0
    assert stranger.get(f"/service-places/{lab['id']}").status_code == 404
    assert stranger.patch(f"/service-places/{lab['id']}", {"version": 1, "values": {}}).status_code == 404
