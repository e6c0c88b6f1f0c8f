"""The API for sites."""

from typing import Any

import pytest
from sqlalchemy import update

from mobile_units import db
from mobile_units.models.sites import Site
from tests.factories import ApiClient, api_client

WIELUN = {
    "code": "WIE-1",
    "name": "Wieluń, Plac Legionów",
    "locality": "Wieluń",
    "latitude": 51.22097,
    "longitude": 18.56964,
    "teryt": "1017093",
    "demands": [{"programme": "breast", "women_due": 420, "source": "NFZ", "as_of": "2026-10-01", "estimated": False}],
}
PLANNED: dict[str, Any] = {
    "days_min": 2,
    "days_max": 4,
    "earliest": "2027-01-11",
    "latest": "2027-03-12",
    "weekdays": [1, 3],
    "alternative_group": "Wieluń",
    "priority": 2.5,
    "uptake": 0.31,
    "last_visit": "2025-05-20",
    "visits_max": 3,
    "gap_days": 14,
    "lacks": ["prąd", "woda"],
    "blackouts": [{"first_day": "2027-02-01", "last_day": "2027-02-03", "reason": "jarmark"}],
}


def test_a_site_is_kept_and_read_back(api: ApiClient) -> None:
    """What was sent comes back, with the defaults that were not sent."""
    kept = api.post("/sites", WIELUN)
    assert kept.status_code == 201, kept.json
    read = api.get(f"/sites/{kept.json['id']}").json
    assert read == kept.json
    assert {name: read[name] for name in WIELUN} == WIELUN
    assert (read["version"], read["active"], read["days_max"]) == (1, True, 5)


def test_sites_are_listed_by_name_in_pages(api: ApiClient) -> None:
    """A page holds as many sites as asked for, and the total counts all."""
    for name in ("Ćmielów", "Bełchatów", "Aleksandrów"):
        api.post("/sites", WIELUN | {"code": name, "name": name})
    page = api.get("/sites?page_size=2&page=2").json
    assert ([item["name"] for item in page["items"]], page["total"]) == (["Ćmielów"], 3)


def test_a_site_is_changed_only_as_it_was_read(api: ApiClient) -> None:
    """The second of two changes made on the same reading is refused, so that none is lost unseen."""
    site = api.post("/sites", WIELUN).json
    change = {"version": site["version"], "values": {"name": "Wieluń, Urząd Gminy", "demands": []}}
    changed = api.patch(f"/sites/{site['id']}", change)
    assert (changed.status_code, changed.json["name"], changed.json["demands"]) == (200, "Wieluń, Urząd Gminy", [])
    again = api.patch(f"/sites/{site['id']}", change)
    assert (again.status_code, again.json["code"]) == (409, "stale_version")


def test_a_code_is_unique(api: ApiClient) -> None:
    """The database refuses a second site with the code and the answer says so."""
    api.post("/sites", WIELUN)
    second = api.post("/sites", WIELUN)
    assert (second.status_code, second.json["code"]) == (409, "already_exists")


def test_unknown_and_impossible_fields_are_all_named(api: ApiClient) -> None:
    """Every field at fault is named at once and nothing is kept."""
    refused = api.post("/sites", WIELUN | {"latitude": 91, "colour": "red", "teryt": "1"})
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_input")
    assert set(refused.json["errors"]["json"]) == {"latitude", "colour", "teryt"}
    assert api.get("/sites").json["total"] == 0


def test_a_provider_sees_only_its_own_sites(api: ApiClient) -> None:
    """A site of another provider is as if it did not exist."""
    site = api.post("/sites", WIELUN).json
    stranger = api_client(api.app, api.engine)
    assert stranger.get(f"/sites/{site['id']}").status_code == 404
    assert stranger.get("/sites").json["total"] == 0


def test_a_site_lies_in_poland(api: ApiClient) -> None:
    """Swapped coordinates are refused when it is kept and when it is changed."""
    swapped = {"latitude": WIELUN["longitude"], "longitude": WIELUN["latitude"]}
    refused = api.post("/sites", WIELUN | swapped)
    assert (refused.status_code, refused.json["code"]) == (422, "outside_poland")
    site = api.post("/sites", WIELUN).json
    refused = api.patch(f"/sites/{site['id']}", {"version": 1, "values": {"longitude": 51.2}})
    assert (refused.status_code, refused.json["code"]) == (422, "outside_poland")
    assert api.get(f"/sites/{site['id']}").json == site


def test_every_change_of_a_site_is_in_the_audit_log(api: ApiClient) -> None:
    """Who kept it, changed it and took it out of planning."""
    site = api.post("/sites", WIELUN).json
    api.patch(f"/sites/{site['id']}", {"version": 1, "values": {"name": "Rynek"}})
    api.delete(f"/sites/{site['id']}")
    entries = api.get(f"/audit-entries?subject=site&subject_id={site['id']}").json["items"]
    assert [each["action"] for each in entries] == ["retire", "change", "create"]
    assert {each["user_id"] for each in entries} == {api.actor.user_id}


def test_the_identifier_of_a_gmina_is_its_teryt_code(api: ApiClient) -> None:
    """In a new site as in a changed one; a code that is known stays."""
    made = api.post("/sites", WIELUN | {"teryt": None, "gmina": "Wieluń"}).json
    assert (made["gmina"], made["teryt"]) == ("Wieluń", None)
    change = {"version": made["version"], "values": {"gmina": "1017093"}}
    assert api.patch(f"/sites/{made['id']}", change).json["teryt"] == "1017093"
    other = api.post("/sites", WIELUN | {"code": "B", "teryt": None, "gmina": "1061011"}).json
    change = {"version": other["version"], "values": {"gmina": "1017093"}}
    assert (other["teryt"], api.patch(f"/sites/{other['id']}", change).json["teryt"]) == ("1061011", "1061011")


def test_what_the_planner_is_to_know_of_a_site_is_kept(api: ApiClient) -> None:
    """Weekdays and what the place lacks are kept in order and once; without anything a site is open to all."""
    untidy = {"weekdays": [3, 1, 3], "lacks": ["Woda", "prąd", "woda "]}
    site = api.post("/sites", WIELUN | PLANNED | untidy).json
    assert {name: site[name] for name in PLANNED} == PLANNED
    assert api.get(f"/sites/{site['id']}").json == site
    plain = api.post("/sites", WIELUN | {"code": "WIE-2"}).json
    usual = {"days_min": 1, "days_max": 5, "weekdays": [1, 2, 3, 4, 5, 6, 7], "priority": 1.0}
    usual |= {"visits_max": 1, "gap_days": 0, "lacks": [], "blackouts": []}
    unknown = dict.fromkeys(("earliest", "latest", "alternative_group", "uptake", "last_visit", "location_confidence"))
    assert {name: plain[name] for name in (*usual, *unknown)} == usual | unknown


def test_each_planned_field_can_be_changed_alone(api: ApiClient) -> None:
    """The others stay; blackouts that are given replace all."""
    site = api.post("/sites", WIELUN).json
    for version, (name, value) in enumerate(PLANNED.items(), start=1):
        site |= {name: value, "version": version + 1}
        change = {"version": version, "values": {name: value}}
        assert api.patch(f"/sites/{site['id']}", change).json == site
        assert api.get(f"/sites/{site['id']}").json == site
    fair = {"first_day": "2027-02-05", "last_day": "2027-02-05", "reason": "odpust"}
    change = {"version": site["version"], "values": {"blackouts": [fair], "earliest": None}}
    changed = api.patch(f"/sites/{site['id']}", change).json
    assert (changed["blackouts"], changed["earliest"], changed["latest"]) == ([fair], None, PLANNED["latest"])


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"days_min": 5}, "stay_reversed"),
        ({"days_max": 1}, "stay_reversed"),
        ({"latest": "2027-01-10"}, "window_reversed"),
        ({"earliest": "2027-03-13"}, "window_reversed"),
        (
            {"blackouts": [{"first_day": "2027-02-02", "last_day": "2027-02-01", "reason": "remont"}]},
            "period_reversed",
        ),
        ({"blackouts": PLANNED["blackouts"] * 2}, "given_twice"),
        ({"weekdays": []}, "invalid_input"),
        ({"weekdays": [8]}, "invalid_input"),
        ({"priority": 0}, "invalid_input"),
        ({"uptake": 1.01}, "invalid_input"),
        ({"visits_max": 0}, "invalid_input"),
        ({"gap_days": -1}, "invalid_input"),
        ({"days_min": 0}, "invalid_input"),
        ({"location_confidence": 1.0}, "invalid_input"),
    ],
)
def test_stays_that_cannot_be_are_refused(api: ApiClient, values: dict[str, Any], code: str) -> None:
    """When a site is kept, and beside what is known of it when it is changed."""
    refused = api.post("/sites", WIELUN | PLANNED | values)
    assert (refused.status_code, refused.json["code"]) == (422, code)
    site = api.post("/sites", WIELUN | PLANNED).json
    refused = api.patch(f"/sites/{site['id']}", {"version": 1, "values": values})
    assert (refused.status_code, refused.json["code"]) == (422, code)
    assert api.get(f"/sites/{site['id']}").json == site


def test_coordinates_that_a_person_gives_are_in_no_doubt(api: ApiClient) -> None:
    """What a geocoder thought of others is gone; any other change leaves it."""
    site = api.post("/sites", WIELUN).json
    with db.transaction(api.engine) as session:
        session.execute(update(Site).where(Site.id == site["id"]).values(location_confidence=0.4))
    renamed = api.patch(f"/sites/{site['id']}", {"version": 1, "values": {"name": "Rynek"}}).json
    assert renamed["location_confidence"] == 0.4
    moved = api.patch(f"/sites/{site['id']}", {"version": 2, "values": {"latitude": 51.3}}).json
    assert (moved["latitude"], moved["location_confidence"]) == (51.3, None)
