"""The API for the publication of itineraries and the opening of stationary places."""

from typing import Any

import pytest
from sqlalchemy import Engine

from mobile_units.rules.roles import Role
from tests.factories import ApiClient, api_client
from tests.factories_catalogue import kept
from tests.factories_itineraries import approve, make_draft, make_world, publish

NONE_BEFORE = {"kept": 0, "changed": 0, "withdrawn": 0}


@pytest.fixture
def world(api: ApiClient, engine: Engine) -> dict[str, int]:
    """A mammobus, its site and a laboratory."""
    return make_world(api, engine)


@pytest.fixture
def draft(api: ApiClient, world: dict[str, int]) -> dict[str, Any]:
    """A draft with a stop on Wednesday and Thursday."""
    return make_draft(api, world)


def test_an_approved_draft_is_published_once_as_it_was_read(
    api: ApiClient, world: dict[str, int], draft: dict[str, Any]
) -> None:
    """40 places on each of the two days; points, schedules, slots and messages are there at once."""
    path = f"/itineraries/{draft['id']}"
    early = api.post(f"{path}/publication", {"version": draft["version"]})
    assert (early.status_code, early.json["code"]) == (409, "itinerary_not_approved")
    version = approve(api, draft)["version"]
    stale = api.post(f"{path}/publication", {"version": 1})
    assert (stale.status_code, stale.json["code"]) == (409, "stale_version")
    done = api.post(f"{path}/publication", {"version": version})
    assert (done.status_code, done.json) == (200, {"mobile_points": 1, "schedules": 1, "slots": 80} | NONE_BEFORE)
    read = api.get(path).json
    assert (read["status"], read["version"]) == ("published", version + 1)
    assert read["published_at"]
    assert api.get(f"/schedules?stop_id={read['stops'][0]['id']}").json["total"] == 1
    assert api.get("/transmissions").json["total"] == 5
    again = api.post(f"{path}/publication", {"version": read["version"]})
    assert (again.status_code, again.json["code"]) == (409, "itinerary_not_approved")
    assert api.delete(f"/stops/{read['stops'][0]['id']}").json["code"] == "itinerary_not_draft"


def test_a_publication_may_open_the_stationary_places_too(api: ApiClient, draft: dict[str, Any]) -> None:
    """Mondays 8:00 to 15:30, 8 minutes each: 56 slots on four Mondays a month; Easter Monday and 3 May are holidays."""
    done = publish(api, draft, stationary=True).json
    assert done == {"mobile_points": 1, "schedules": 1 + 3, "slots": 80 + 56 * (4 + 4 + 4)} | NONE_BEFORE


def test_a_publication_is_all_or_nothing(api: ApiClient, world: dict[str, int], draft: dict[str, Any]) -> None:
    """The laboratory is open already on some of the days, so the stops are not published either."""
    kept(api, f"/service-places/{world['lab']}/schedules", {"first_day": "2027-03-15", "last_day": "2027-03-15"})
    refusal = publish(api, draft, stationary=True)
    assert (refusal.status_code, refusal.json["code"]) == (409, "schedule_overlaps")
    assert api.get(f"/itineraries/{draft['id']}").json["status"] == "approved"
    assert api.get("/schedules").json["total"] == 1


def test_a_stationary_place_is_opened(api: ApiClient, world: dict[str, int]) -> None:
    """For one Monday; closed days, a mobile place and days without a contract are refused."""
    path = f"/service-places/{world['lab']}/schedules"
    monday = {"first_day": "2027-03-15", "last_day": "2027-03-15"}
    assert kept(api, path, monday) == {"mobile_points": 0, "schedules": 1, "slots": 56} | NONE_BEFORE
    for where, first, last, code in (
        (path, "2027-03-16", "2027-03-21", "place_without_hours"),
        (f"/service-places/{world['bus']}/schedules", "2027-03-15", "2027-03-15", "place_without_hours"),
        (path, "2028-01-03", "2028-01-03", "no_contracted_range"),
        (path, "2027-03-15", "2027-03-14", "ends_before_start"),
        (path, "2027-03-15", "9999-12-31", "invalid_input"),
    ):
        assert api.post(where, {"first_day": first, "last_day": last}).json["code"] == code


def test_the_flag_is_true_or_false(api: ApiClient, draft: dict[str, Any]) -> None:
    """A number is not taken for one."""
    body = {"version": draft["version"], "stationary": 1}
    assert api.post(f"/itineraries/{draft['id']}/publication", body).json["code"] == "invalid_input"


def test_a_publication_is_previewed(api: ApiClient, draft: dict[str, Any]) -> None:
    """The messages by kind, the stops and what would be derived; nothing is different afterwards."""
    path = f"/itineraries/{draft['id']}/publication"
    preview = api.get(path)
    assert (preview.status_code, api.get("/schedules").json["total"]) == (200, 0)
    told = preview.json["messages"]
    assert told.pop("save_service_place") == told.pop("activate_service_place") == 1
    assert told == {"import_mobile_points": 1, "save_schedule": 1, "save_slots": 1}
    assert (preview.json["visits"], preview.json["base_version"]) == ([], None)
    [stop] = preview.json["new"]
    assert (stop["stop_id"], stop["unit"], stop["site"]) == (
        draft["stops"][0]["id"],
        "Mammobus 1",
        "Wieluń, Plac Legionów",
    )
    assert publish(api, draft).json == preview.json["published"]
    again = api.get(path)
    assert (again.status_code, again.json["code"]) == (409, "itinerary_not_draft")
    assert api.with_roles(Role.MIDWIFE).get(path).json["code"] == "not_allowed"
    assert api_client(api.app, api.engine).get(path).json["code"] == "not_found"
