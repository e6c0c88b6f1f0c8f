"""The API for itineraries and their stops."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import Engine

from mobile_units.planning import matrices
from mobile_units.planning.problem import Matrix, Roads
from mobile_units.rules.roles import Role
from tests.factories import ApiClient, api_client
from tests.factories_catalogue import kept
from tests.factories_itineraries import OSJAKOW, SPRING, THURSDAY, WEDNESDAY, make_draft, make_world, publish, stop_in


@pytest.fixture
def world(api: ApiClient, engine: Engine) -> dict[str, int]:
    """A mammobus, its site and a laboratory."""
    return make_world(api, engine)


@pytest.fixture
def draft(api: ApiClient, world: dict[str, int]) -> dict[str, Any]:
    """A draft with a stop on Wednesday and Thursday."""
    return make_draft(api, world)


def test_an_empty_draft_is_kept_and_read_back(api: ApiClient) -> None:
    """With no stops and nothing planned."""
    made = kept(api, "/itineraries", SPRING)
    read = api.get(f"/itineraries/{made['id']}").json
    assert read == made | {"stops": []}
    assert {name: read[name] for name in SPRING} == SPRING
    assert (read["status"], read["version"], read["planning"], read["published_at"]) == ("draft", 1, {}, None)


def test_a_stop_is_added_shown_and_taken_out(api: ApiClient, world: dict[str, int]) -> None:
    """With the names of unit and site and the hours in UTC; women default to those that can be examined."""
    itinerary = kept(api, "/itineraries", SPRING)["id"]
    added = kept(api, f"/itineraries/{itinerary}/stops", stop_in(world, THURSDAY, WEDNESDAY))
    assert (added.pop("itinerary_version"), added.pop("violations")) == (2, [])
    stop = added
    assert (stop["unit"], stop["site"], stop["women_planned"]) == ("Mammobus 1", "Wieluń, Plac Legionów", 60)
    assert stop["days"] == [
        {"day": WEDNESDAY, "opens_at": "2027-03-10T08:00:00+00:00", "closes_at": "2027-03-10T15:00:00+00:00"},
        {"day": THURSDAY, "opens_at": "2027-03-11T07:00:00+00:00", "closes_at": "2027-03-11T15:00:00+00:00"},
    ]
    read = api.get(f"/itineraries/{itinerary}").json
    assert (read["stops"], read["version"]) == ([stop], 2)
    assert api.get("/stops").json["items"] == [stop]
    removed = api.delete(f"/stops/{stop['id']}")
    assert (removed.status_code, removed.json) == (200, {"itinerary_version": 3, "violations": []})
    assert api.get(f"/itineraries/{itinerary}").json["stops"] == []
    again = api.delete(f"/stops/{stop['id']}")
    assert (again.status_code, again.json["code"]) == (404, "not_found")


def test_hours_may_be_given(api: ApiClient, world: dict[str, int]) -> None:
    """In Polish local time."""
    itinerary = kept(api, "/itineraries", SPRING)["id"]
    days = [{"day": WEDNESDAY, "opens": "09:30", "closes": "12:00"}, {"day": THURSDAY, "opens": None}]
    stop = kept(api, f"/itineraries/{itinerary}/stops", stop_in(world, days=days, women_planned=5))
    assert [day["opens_at"][11:16] for day in stop["days"]] == ["08:30", "07:00"]
    assert stop["women_planned"] == 5


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"days": [{"day": WEDNESDAY}, {"day": WEDNESDAY}]}, 422, "given_twice"),
        ({"days": [{"day": "2027-06-01"}]}, 422, "stop_outside_itinerary"),
        ({"days": [{"day": WEDNESDAY, "opens": "16:00"}]}, 422, "ends_before_start"),
        ({"days": [{"day": "2027-03-28", "opens": "02:30"}]}, 422, "no_such_local_time"),
        ({"days": [{"day": WEDNESDAY, "opens": "08:00+02:00"}]}, 422, "invalid_input"),
        ({"days": [{"day": WEDNESDAY, "hours": 8}]}, 422, "invalid_input"),
        ({"days": []}, 422, "invalid_input"),
        ({"women_planned": -1}, 422, "invalid_input"),
        ({"unit_id": 2**70}, 422, "invalid_input"),
        ({"unit_id": 2**60}, 404, "not_found"),
        ({"colour": "red"}, 422, "invalid_input"),
    ],
)
def test_a_wrong_stop_is_refused(
    api: ApiClient, world: dict[str, int], change: dict[str, Any], status: int, code: str
) -> None:
    """Each reason has its code; the draft is as it was."""
    itinerary = kept(api, "/itineraries", SPRING)["id"]
    refusal = api.post(f"/itineraries/{itinerary}/stops", stop_in(world, WEDNESDAY) | change)
    assert (refusal.status_code, refusal.json["code"]) == (status, code)
    assert api.get(f"/itineraries/{itinerary}").json["version"] == 1


def test_a_unit_is_not_in_two_places(api: ApiClient, world: dict[str, int], draft: dict[str, Any]) -> None:
    """The constraint of the database is told in words; nor does a retired unit stand anywhere."""
    path = f"/itineraries/{draft['id']}/stops"
    twice = api.post(path, stop_in(world, THURSDAY))
    assert (twice.status_code, twice.json["code"]) == (409, "unit_in_two_places")
    assert api.delete(f"/units/{world['unit']}").status_code == 204
    retired = api.post(path, stop_in(world, "2027-03-12"))
    assert (retired.status_code, retired.json["code"]) == (409, "out_of_use")
    assert "Mammobus 1" in retired.json["title_pl"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"last_day": "2027-02-28"}, "ends_before_start"),
        ({"last_day": "2037-02-28"}, "period_too_long"),
        ({"last_day": "9999-12-31"}, "invalid_input"),
        ({"first_day": "0001-01-01"}, "invalid_input"),
        ({"name": ""}, "invalid_input"),
        ({"status": "published"}, "invalid_input"),
    ],
)
def test_a_wrong_draft_is_refused(api: ApiClient, change: dict[str, Any], code: str) -> None:
    """Nothing is kept."""
    refusal = api.post("/itineraries", SPRING | change)
    assert (refusal.status_code, refusal.json["code"]) == (422, code)
    assert api.get("/itineraries").json["total"] == 0


def test_an_itinerary_is_judged_by_the_roads_that_were_asked(
    app: Flask, api: ApiClient, world: dict[str, int], draft: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read from where they are kept; the service, which is not there, is not asked."""
    path, url = f"/itineraries/{draft['id']}/violations", "http://127.0.0.1:1"
    unit = api.get(f"/units/{world['unit']}").json
    change = {"version": unit["version"], "values": {"max_relocation_km": 20}}
    assert api.patch(f"/units/{world['unit']}", change).status_code == 200
    settings = replace(app.extensions["settings"], osrm_url=url)
    monkeypatch.setitem(app.extensions, "settings", settings)
    estimated = api.get(path).json
    assert estimated
    assert all("(estimated)" in each["message_en"] for each in estimated)
    site = api.get(f"/sites/{world['site']}").json
    places = [(unit["base_latitude"], unit["base_longitude"]), (site["latitude"], site["longitude"])]
    made_with = ("osrm", url, "driving", Roads().road_factor, Roads().speed_kmh)
    name = matrices.name_of(places, *made_with)
    matrices.save(settings.distances_folder, name, Matrix(15 * (1 - np.eye(2))), places)
    assert api.get(path).json == []


def test_an_edit_by_hand_is_judged(api: ApiClient, world: dict[str, int], draft: dict[str, Any]) -> None:
    """A Saturday is told in both languages, with unit, site and day."""
    path = f"/itineraries/{draft['id']}"
    added = kept(api, f"{path}/stops", stop_in(world, "2027-03-13", women_planned=0))
    violations = api.get(f"{path}/violations").json
    assert added["violations"] == violations
    [violation] = [each for each in violations if each["code"] == "not_a_weekday_of_unit"]
    assert violation["day"] == "2027-03-13"
    assert (violation["unit_id"], violation["site_id"]) == (world["unit"], world["site"])
    assert violation["message_pl"] != violation["message_en"]


def test_a_draft_is_renamed_and_discarded_as_it_was_read(api: ApiClient, draft: dict[str, Any]) -> None:
    """Its days cannot be changed; a discarded one can be read, found and not edited."""
    path, version = f"/itineraries/{draft['id']}", draft["version"]
    renamed = api.patch(path, {"version": version, "values": {"name": "Lato"}})
    assert (renamed.json["name"], renamed.json["version"]) == ("Lato", version + 1)
    assert api.patch(path, {"version": version, "values": {"name": "Zima"}}).json["code"] == "stale_version"
    assert api.patch(path, {"version": version, "values": {"last_day": WEDNESDAY}}).json["code"] == "invalid_input"
    assert api.post(f"{path}/discard", {"version": version}).json["code"] == "stale_version"
    assert api.post(f"{path}/discard", {"version": version + 1}).json["status"] == "discarded"
    again = api.post(f"{path}/discard", {"version": version + 2})
    assert (again.status_code, again.json["code"]) == (409, "itinerary_not_draft")
    assert [item["name"] for item in api.get("/itineraries?status=discarded").json["items"]] == ["Lato"]
    assert api.get("/itineraries?status=draft").json["total"] == 0


def test_itineraries_and_stops_are_filtered(api: ApiClient, world: dict[str, int], draft: dict[str, Any]) -> None:
    """By day, unit, site, itinerary and status; unknown filters are refused."""
    for query, total in (("on=2027-05-31", 1), ("on=2027-06-01", 0), ("page=2", 0)):
        assert len(api.get(f"/itineraries?{query}").json["items"]) == total, query
    own = [f"itinerary_id={draft['id']}", f"unit_id={world['unit']}", f"site_id={world['site']}", "status=draft"]
    for query in (*own, f"first_day={THURSDAY}", f"last_day={WEDNESDAY}"):
        assert api.get(f"/stops?{query}").json["total"] == 1, query
    for query in ("status=published", "first_day=2027-03-12", "last_day=2027-03-09", "unit_id=1234567"):
        assert api.get(f"/stops?{query}").json["total"] == 0, query
    for query in ("/stops?colour=red", "/itineraries?on=yesterday", "/stops?unit_id=0", "/stops?first_day=9999-12-31"):
        assert api.get(query).json["code"] == "invalid_input", query


def test_another_provider_sees_and_changes_nothing(
    api: ApiClient, world: dict[str, int], draft: dict[str, Any]
) -> None:
    """Everything is as if it did not exist."""
    stranger, path = api_client(api.app, api.engine), f"/itineraries/{draft['id']}"
    version = {"version": draft["version"]}
    answers = [
        stranger.post(f"{path}/approve", version),
        stranger.post(f"{path}/reopen", version),
        stranger.post(f"{path}/revise"),
        stranger.get(f"{path}/compare?with={draft['id']}"),
        stranger.get(path),
        stranger.patch(path, version | {"values": {"name": "x"}}),
        stranger.post(f"{path}/discard", version),
        stranger.get(f"{path}/violations"),
        stranger.post(f"{path}/publication", version),
        stranger.post(f"{path}/stops", stop_in(world, "2027-03-12")),
        stranger.delete(f"/stops/{draft['stops'][0]['id']}"),
        stranger.post(
            f"/service-places/{world['lab']}/schedules", {"first_day": "2027-03-15", "last_day": "2027-03-15"}
        ),
    ]
    assert [(answer.status_code, answer.json["code"]) for answer in answers] == 12 * [(404, "not_found")]
    assert [stranger.get(lists).json["total"] for lists in ("/itineraries", "/stops")] == [0, 0]
    own = kept(stranger, "/itineraries", SPRING)["id"]
    assert stranger.post(f"/itineraries/{own}/stops", stop_in(world, WEDNESDAY)).json["code"] == "not_found"
    assert api.get(path).json == draft


def test_everybody_reads_and_the_coordinator_writes(
    api: ApiClient, world: dict[str, int], draft: dict[str, Any]
) -> None:
    """Midwives and officers have to know where the units stand."""
    path, version = f"/itineraries/{draft['id']}", {"version": draft["version"]}
    for role in Role:
        user = api.with_roles(role)
        assert {user.get(lists).status_code for lists in ("/itineraries", "/stops", path)} == {200}
        if role is Role.COORDINATOR:
            continue
        answers = [
            user.post(f"{path}/approve", version),
            user.post(f"{path}/reopen", version),
            user.post(f"{path}/revise"),
            user.get(f"{path}/publication"),
            user.post("/itineraries", SPRING),
            user.patch(path, version | {"values": {"name": "x"}}),
            user.post(f"{path}/discard", version),
            user.get(f"{path}/violations"),
            user.post(f"{path}/publication", version),
            user.post(f"{path}/stops", stop_in(world, "2027-03-12")),
            user.delete(f"/stops/{draft['stops'][0]['id']}"),
            user.post(f"/service-places/{world['lab']}/schedules", {"first_day": WEDNESDAY, "last_day": WEDNESDAY}),
        ]
        assert [answer.json["code"] for answer in answers] == 12 * ["not_allowed"]
    assert publish(api.with_roles(Role.COORDINATOR), draft).status_code == 200


def test_a_stop_of_a_draft_is_read_and_changed(api: ApiClient, world: dict[str, int], draft: dict[str, Any]) -> None:
    """Its days as a whole, the site, the women; the version is that of the itinerary."""
    path, stop = f"/stops/{draft['stops'][0]['id']}", draft["stops"][0]
    assert api.get(path).json == stop
    other = kept(api, "/sites", OSJAKOW)["id"]
    days = [{"day": "2027-03-12"}, {"day": THURSDAY, "opens": "10:00"}]
    body = {"version": draft["version"], "site_id": other, "days": days, "women_planned": 7}
    changed = api.patch(path, body).json
    assert (changed["site"], changed["first_day"], changed["last_day"]) == ("Osjaków", THURSDAY, "2027-03-12")
    assert [day["opens_at"][11:16] for day in changed["days"]] == ["09:00", "07:00"]
    assert (changed.pop("itinerary_version"), changed.pop("violations")) == (3, [])
    assert (changed["women_planned"], api.get(path).json) == (7, changed)
    assert api.patch(path, body).json["code"] == "stale_version"
    read = api.get(f"/itineraries/{draft['id']}").json
    for wrong, code in (
        ({"days": [{"day": "2027-06-01"}]}, "stop_outside_itinerary"),
        ({"days": [{"day": WEDNESDAY}, {"day": WEDNESDAY}]}, "given_twice"),
        ({"days": []}, "invalid_input"),
        ({"unit_id": 2**60}, "not_found"),
        ({"pinned": 1}, "invalid_input"),
        ({"site_id": 2**60}, "not_found"),
    ):
        assert api.patch(path, {"version": read["version"]} | wrong).json["code"] == code
    stranger = api_client(api.app, api.engine)
    refused = [stranger.get(path), stranger.patch(path, {"version": read["version"]})]
    assert [answer.status_code for answer in refused] == [404, 404]
    assert api.with_roles(Role.MIDWIFE).patch(path, {"version": read["version"]}).status_code == 403
    assert api.post(f"/itineraries/{draft['id']}/discard", {"version": read["version"]}).status_code == 200
    assert api.patch(path, {"version": read["version"] + 1}).json["code"] == "itinerary_not_draft"
