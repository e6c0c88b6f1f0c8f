"""The API for sites."""

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
