"""The API for mobile units."""

from typing import Any

import pytest

from mobile_units.rules.roles import Role
from tests.factories import ApiClient, api_client
from tests.factories_catalogue import BUS, LAB, UNIT, kept
from tests.factories_itineraries import SITE

CREW = {"programme": "breast", "women_per_day": 40, "first_day": "2027-02-01", "last_day": "2027-02-28"}
CERVICAL_CREW = CREW | {"programme": "cervical"}


def breast(place: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The breast programme for a service place."""
    programme = {"programme": "breast", "women_per_day": 60, "minutes_per_woman": 8, "rooms": 1}
    return programme | {"service_place_id": place["id"]} | more


def test_a_unit_is_kept_with_its_programmes_and_read_back(api: ApiClient) -> None:
    """Weekdays are kept in order and once."""
    bus = kept(api, "/service-places", BUS)
    body = UNIT | {"programmes": [breast(bus)]}
    unit = kept(api, "/units", body | {"weekdays": [5, 1, 1]})
    assert api.get(f"/units/{unit['id']}").json == unit
    assert {name: unit[name] for name in body} == body | {"weekdays": [1, 5]}
    assert (unit["active"], unit["version"]) == (True, 1)


def test_units_are_listed_by_name_and_filtered(api: ApiClient) -> None:
    """By text, programme and whether they are in service."""
    bus = kept(api, "/service-places", BUS)
    kept(api, "/units", UNIT | {"code": "M2", "name": "Żuraw", "programmes": [breast(bus)]})
    retired = kept(api, "/units", UNIT)
    assert api.delete(f"/units/{retired['id']}").status_code == 204

    def codes(query: str) -> list[str]:
        return [item["code"] for item in api.get(f"/units?{query}").json["items"]]

    assert codes("") == ["M1", "M2"]
    assert codes("active=true") == ["M2"]
    assert codes("text=uraw") == ["M2"]
    assert codes("text=%25") == []
    assert codes("programme=cervical") == []
    assert codes("programme=breast") == ["M2"]


def test_programmes_are_replaced_and_other_fields_stay(api: ApiClient) -> None:
    """A change of programmes alone raises the version."""
    bus = kept(api, "/service-places", BUS)
    unit = kept(api, "/units", UNIT | {"programmes": [breast(bus)]})
    change = {"version": 1, "values": {"programmes": [breast(bus, women_per_day=40)]}}
    changed = api.patch(f"/units/{unit['id']}", change).json
    assert (changed["programmes"][0]["women_per_day"], changed["name"], changed["version"]) == (40, UNIT["name"], 2)
    assert api.patch(f"/units/{unit['id']}", change).json["code"] == "stale_version"
    emptied = api.patch(f"/units/{unit['id']}", {"version": 2, "values": {"programmes": []}}).json
    assert emptied["programmes"] == []


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"closes": "08:00"}, "ends_before_start"),
        ({"closes": "09:07"}, "working_day_too_short"),
        ({"setup_minutes": 480}, "working_day_too_short"),
        ({"weekdays": []}, "invalid_input"),
        ({"weekdays": [0]}, "invalid_input"),
        ({"base_latitude": "NaN"}, "invalid_input"),
        ({"code": "M9"}, "invalid_input"),
    ],
)
def test_a_working_day_that_cannot_be_is_refused(api: ApiClient, values: dict[str, Any], code: str) -> None:
    """An hour of setting up and eight minutes for a woman have to fit; the code of a unit never changes."""
    bus = kept(api, "/service-places", BUS)
    unit = kept(api, "/units", UNIT | {"programmes": [breast(bus)]})
    refusal = api.patch(f"/units/{unit['id']}", {"version": 1, "values": values})
    assert (refusal.status_code, refusal.json["code"]) == (422, code)
    assert api.get(f"/units/{unit['id']}").json == unit


def test_a_programme_needs_an_own_mobile_place_that_fits(api: ApiClient) -> None:
    """Not a stationary one, not another provider's, and with a setting for the cervical programme."""
    lab, bus = kept(api, "/service-places", LAB), kept(api, "/service-places", BUS)
    foreign = kept(api_client(api.app, api.engine), "/service-places", BUS)
    for programmes, code in (
        ([breast(lab)], "service_place_not_mobile"),
        ([breast(foreign)], "not_found"),
        ([breast(bus, programme="cervical")], "setting_missing"),
        ([breast(bus), breast(bus)], "given_twice"),
        ([breast(bus, women_per_day=0)], "invalid_input"),
    ):
        assert api.post("/units", UNIT | {"programmes": programmes}).json["code"] == code
    assert api.get("/units").json["total"] == 0


def test_a_code_is_unique(api: ApiClient) -> None:
    """Within the provider."""
    kept(api, "/units", UNIT)
    refusal = api.post("/units", UNIT)
    assert (refusal.status_code, refusal.json["code"]) == (409, "already_exists")


def test_only_the_coordinator_changes_units(api: ApiClient) -> None:
    """Midwife and administrator read them, the settlement officer has no need."""
    unit = kept(api, "/units", UNIT)
    for role, status in ((Role.MIDWIFE, 200), (Role.ADMINISTRATOR, 200), (Role.SETTLEMENT, 403)):
        user = api.with_roles(role)
        assert user.get(f"/units/{unit['id']}").status_code == status
        assert user.post("/units", UNIT | {"code": "X"}).status_code == 403
        assert user.patch(f"/units/{unit['id']}", {"version": 1, "values": {}}).status_code == 403
        assert user.delete(f"/units/{unit['id']}").status_code == 403


def test_a_provider_sees_only_its_own_units(api: ApiClient) -> None:
    """One of another provider is as if it did not exist."""
    unit = kept(api, "/units", UNIT)
    stranger = api_client(api.app, api.engine)
    assert stranger.get("/units").json["total"] == 0
    assert stranger.get(f"/units/{unit['id']}").status_code == 404
    assert stranger.patch(f"/units/{unit['id']}", {"version": 1, "values": {}}).status_code == 404
    assert stranger.delete(f"/units/{unit['id']}").status_code == 404


def test_the_base_of_a_unit_lies_in_poland(api: ApiClient) -> None:
    """When the unit is kept and when it is changed."""
    refused = api.post("/units", UNIT | {"base_latitude": 19.4})
    assert (refused.status_code, refused.json["code"]) == (422, "outside_poland")
    unit = kept(api, "/units", UNIT)
    refused = api.patch(f"/units/{unit['id']}", {"version": 1, "values": {"base_longitude": 51.2}})
    assert (refused.status_code, refused.json["code"]) == (422, "outside_poland")


def planned(site_id: int) -> dict[str, Any]:
    """Everything that the planner may know of a unit beside its programmes."""
    crew = {"site_id": None, "first_day": "2027-02-01", "last_day": "2027-02-28", "crew": "zespół B"}
    there = {"site_id": site_id, "first_day": None, "last_day": None, "crew": None}
    return {
        "home_rule": "home_on_weekends",
        "max_relocation_km": 120.5,
        "voivodeships": ["10", "14"],
        "needs": ["prąd"],
        "unavailabilities": [{"first_day": "2027-01-04", "last_day": "2027-01-08", "reason": "przegląd"}],
        "permitted_sites": [site_id],
        "capacities": [
            {"programme": "breast", "women_per_day": 40} | crew,
            {"programme": "breast", "women_per_day": 25} | there,
        ],
    }


def test_what_the_planner_is_to_know_of_a_unit_is_kept(api: ApiClient) -> None:
    """Without anything a unit stays out, is always there and may stand everywhere."""
    bus, site = kept(api, "/service-places", BUS), kept(api, "/sites", SITE)
    body = UNIT | {"programmes": [breast(bus)]} | planned(site["id"])
    unit = kept(api, "/units", body | {"voivodeships": ["14", "10", "14"], "needs": ["Prąd "]})
    assert {name: unit[name] for name in body} == body
    assert api.get(f"/units/{unit['id']}").json == unit
    assert api.get("/units").json["items"] == [unit]
    plain = kept(api, "/units", UNIT | {"code": "M2"})
    usual: dict[str, Any] = {"home_rule": "stays_out", "max_relocation_km": None, "voivodeships": [], "needs": []}
    usual |= {"unavailabilities": [], "permitted_sites": [], "capacities": []}
    assert {name: plain[name] for name in usual} == usual


def test_each_planned_field_of_a_unit_can_be_changed_alone(api: ApiClient) -> None:
    """The others stay; lists that are given replace all, capacities in the order that is given."""
    bus, site = kept(api, "/service-places", BUS), kept(api, "/sites", SITE)
    unit = kept(api, "/units", UNIT | {"programmes": [breast(bus)]})
    for version, (name, value) in enumerate(planned(site["id"]).items(), start=1):
        unit |= {name: value, "version": version + 1}
        assert api.patch(f"/units/{unit['id']}", {"version": version, "values": {name: value}}).json == unit
        assert api.get(f"/units/{unit['id']}").json == unit
    turned = unit["capacities"][::-1]
    values = {"capacities": turned, "permitted_sites": [], "max_relocation_km": None}
    changed = api.patch(f"/units/{unit['id']}", {"version": unit["version"], "values": values}).json
    assert {name: changed[name] for name in values} == values
    assert api.get(f"/units/{unit['id']}").json["capacities"] == turned


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"voivodeships": ["01"]}, "voivodeship_unknown"),
        ({"voivodeships": ["1"]}, "invalid_input"),
        (
            {"unavailabilities": [{"first_day": "2027-01-08", "last_day": "2027-01-04", "reason": "przegląd"}]},
            "period_reversed",
        ),
        ({"unavailabilities": [{"first_day": "2027-01-08", "last_day": "2027-01-08"}]}, "invalid_input"),
        ({"capacities": [CERVICAL_CREW]}, "capacity_without_programme"),
        ({"capacities": [CREW | {"first_day": None, "last_day": None}]}, "capacity_without_case"),
        ({"capacities": [CREW | {"last_day": None}]}, "period_incomplete"),
        ({"capacities": [CREW | {"last_day": "2027-01-31"}]}, "period_reversed"),
        ({"capacities": [CREW | {"women_per_day": -1}]}, "invalid_input"),
        ({"capacities": [CREW, CREW | {"women_per_day": 7}]}, "given_twice"),
        ({"max_relocation_km": 0}, "invalid_input"),
        ({"home_rule": "sleeps"}, "invalid_input"),
        ({"programmes": []}, "capacity_without_programme"),
    ],
)
def test_what_cannot_be_planned_is_refused(api: ApiClient, values: dict[str, Any], code: str) -> None:
    """When a unit is kept, and beside what is known of it when it is changed."""
    bus = kept(api, "/service-places", BUS)
    body = UNIT | {"programmes": [breast(bus)], "capacities": [CREW]}
    refusal = api.post("/units", body | values)
    assert (refusal.status_code, refusal.json["code"]) == (422, code)
    unit = kept(api, "/units", body)
    refusal = api.patch(f"/units/{unit['id']}", {"version": 1, "values": values})
    assert (refusal.status_code, refusal.json["code"]) == (422, code)
    assert api.get(f"/units/{unit['id']}").json == unit


def test_sites_of_another_provider_are_unknown_to_a_unit(api: ApiClient) -> None:
    """As permitted ones and in capacities; they are told by their keys."""
    bus, own = kept(api, "/service-places", BUS), kept(api, "/sites", SITE)
    foreign = kept(api_client(api.app, api.engine), "/sites", SITE)["id"]
    unit = kept(api, "/units", UNIT | {"programmes": [breast(bus)]})
    for values in (
        {"permitted_sites": [own["id"], foreign]},
        {"capacities": [CREW | {"site_id": foreign}]},
        {"permitted_sites": [own["id"]], "capacities": [CREW | {"site_id": foreign}]},
    ):
        body = UNIT | {"code": "M2", "programmes": [breast(bus)]} | values
        for refusal in (
            api.post("/units", body),
            api.patch(f"/units/{unit['id']}", {"version": 1, "values": values}),
        ):
            assert (refusal.status_code, refusal.json["code"]) == (404, "not_found")
            assert f"Site {foreign}" in refusal.json["title"]
    assert api.get("/units").json["items"] == [unit]
