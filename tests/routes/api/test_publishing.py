"""The API for the publication of itineraries and the opening of stationary places."""

from typing import Any

import pytest
from sqlalchemy import Engine

from tests.factories import ApiClient
from tests.factories_catalogue import kept
from tests.factories_itineraries import make_draft, make_world


@pytest.fixture
def world(api: ApiClient, engine: Engine) -> dict[str, int]:
    """A mammobus, its site and a laboratory."""
    return make_world(api, engine)


@pytest.fixture
def draft(api: ApiClient, world: dict[str, int]) -> dict[str, Any]:
    """A draft with a stop on Wednesday and Thursday."""
    return make_draft(api, world)


def test_a_draft_is_published_once_as_it_was_read(api: ApiClient, world: dict[str, int], draft: dict[str, Any]) -> None:
    """40 places on each of the two days; points, schedules, slots and messages are there at once."""
    path = f"/itineraries/{draft['id']}"
    stale = api.post(f"{path}/publication", {"version": 1})
    assert (stale.status_code, stale.json["code"]) == (409, "stale_version")
    done = api.post(f"{path}/publication", {"version": draft["version"]})
    assert (done.status_code, done.json) == (200, {"mobile_points": 1, "schedules": 1, "slots": 80})
    read = api.get(path).json
    assert (read["status"], read["version"]) == ("published", draft["version"] + 1)
    assert read["published_at"]
    assert api.get(f"/schedules?stop_id={read['stops'][0]['id']}").json["total"] == 1
    assert api.get("/transmissions").json["total"] == 5
    again = api.post(f"{path}/publication", {"version": read["version"]})
    assert (again.status_code, again.json["code"]) == (409, "itinerary_not_draft")
    assert api.delete(f"/stops/{read['stops'][0]['id']}").json["code"] == "itinerary_not_draft"


def test_a_publication_may_open_the_stationary_places_too(api: ApiClient, draft: dict[str, Any]) -> None:
    """Mondays 8:00 to 15:30, 8 minutes each: 56 slots on four Mondays a month; Easter Monday and 3 May are holidays."""
    body = {"version": draft["version"], "stationary": True}
    done = api.post(f"/itineraries/{draft['id']}/publication", body).json
    assert done == {"mobile_points": 1, "schedules": 1 + 3, "slots": 80 + 56 * (4 + 4 + 4)}


def test_a_publication_is_all_or_nothing(api: ApiClient, world: dict[str, int], draft: dict[str, Any]) -> None:
    """The laboratory is open already on some of the days, so the stops are not published either."""
    kept(api, f"/service-places/{world['lab']}/schedules", {"first_day": "2027-03-15", "last_day": "2027-03-15"})
    body = {"version": draft["version"], "stationary": True}
    refusal = api.post(f"/itineraries/{draft['id']}/publication", body)
    assert (refusal.status_code, refusal.json["code"]) == (409, "schedule_overlaps")
    assert api.get(f"/itineraries/{draft['id']}").json["status"] == "draft"
    assert api.get("/schedules").json["total"] == 1


def test_a_stationary_place_is_opened(api: ApiClient, world: dict[str, int]) -> None:
    """For one Monday; closed days, a mobile place and days without a contract are refused."""
    path = f"/service-places/{world['lab']}/schedules"
    monday = {"first_day": "2027-03-15", "last_day": "2027-03-15"}
    assert kept(api, path, monday) == {"mobile_points": 0, "schedules": 1, "slots": 56}
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
