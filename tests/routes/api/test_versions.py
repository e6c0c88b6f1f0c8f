"""The API for versions of itineraries."""

from typing import Any

import pytest
from sqlalchemy import Engine

from mobile_units.rules.roles import Role
from tests.factories import ApiClient
from tests.factories_catalogue import kept
from tests.factories_itineraries import (
    OSJAKOW,
    THURSDAY,
    WEDNESDAY,
    approve,
    make_draft,
    make_world,
    publish,
    stop_in,
)

SATURDAY = "2027-03-13"


@pytest.fixture
def world(api: ApiClient, engine: Engine) -> dict[str, int]:
    """A mammobus, its site and a laboratory."""
    return make_world(api, engine)


@pytest.fixture
def draft(api: ApiClient, world: dict[str, int]) -> dict[str, Any]:
    """A draft with a stop on Wednesday and Thursday."""
    return make_draft(api, world)


@pytest.fixture
def published(api: ApiClient, draft: dict[str, Any]) -> dict[str, Any]:
    """The same, published."""
    assert publish(api, draft).status_code == 200
    read: dict[str, Any] = api.get(f"/itineraries/{draft['id']}").json
    return read


def test_a_draft_is_approved_and_reopened(api: ApiClient, world: dict[str, int], draft: dict[str, Any]) -> None:
    """With violations only for a reason, which is more than blanks; the refusal lists them in both languages."""
    path = f"/itineraries/{draft['id']}"
    kept(api, f"{path}/stops", stop_in(world, SATURDAY, women_planned=0))
    version = {"version": draft["version"] + 1}
    refusal = api.post(f"{path}/approve", version)
    assert (refusal.status_code, refusal.json["code"]) == (409, "itinerary_has_violations")
    listed = refusal.json["violations"]
    assert listed == api.get(f"{path}/violations").json != []
    assert api.post(f"{path}/approve", version | {"accepted_reason": " "}).json["code"] == "invalid_input"
    done = api.post(f"{path}/approve", version | {"accepted_reason": "zgoda gminy"}).json
    assert (done["status"], done["planning"]["accepted"]["reason"]) == ("approved", "zgoda gminy")
    assert (done["version"], bool(done["approved_at"])) == (draft["version"] + 2, True)
    assert api.post(f"{path}/approve", {"version": done["version"]}).json["code"] == "itinerary_not_draft"
    assert api.post(f"{path}/reopen", version).json["code"] == "stale_version"
    reopened = api.post(f"{path}/reopen", {"version": done["version"]}).json
    assert (reopened["status"], reopened["planning"], reopened["approved_at"]) == ("draft", {}, None)


def test_a_published_itinerary_is_revised_and_replaced(
    api: ApiClient, world: dict[str, int], published: dict[str, Any]
) -> None:
    """The version is a copy; once it is published, the stop of before is its own."""
    answer = api.post(f"/itineraries/{published['id']}/revise")
    revision = answer.json
    assert (answer.status_code, revision["name"], revision["status"]) == (201, "Wiosna (wersja 2)", "draft")
    assert (revision["revises_id"], revision["revises_version"]) == (published["id"], published["version"])
    [copy] = api.get(f"/itineraries/{revision['id']}").json["stops"]
    [stop] = published["stops"]
    assert (copy["origin_id"], copy["days"], copy["pinned"]) == (stop["id"], stop["days"], False)
    days = [{"day": WEDNESDAY}]
    body = {"version": revision["version"], "days": days, "women_planned": 30, "pinned": True}
    assert api.patch(f"/stops/{copy['id']}", body).json["pinned"] is True
    preview = api.get(f"/itineraries/{revision['id']}/publication").json
    [changed] = preview["changed"]
    assert (changed["stop_id"], len(changed["changes"]["withdrawn"])) == (stop["id"], 40)
    assert preview["base_version"] == published["version"]
    done = publish(api, revision)
    assert (done.status_code, done.json) == (200, preview["published"])
    assert (done.json["changed"], done.json["slots"]) == (1, 0)
    assert [each["id"] for each in api.get(f"/itineraries/{revision['id']}").json["stops"]] == [stop["id"]]
    before = api.get(f"/itineraries/{published['id']}").json
    assert (before["status"], before["stops"]) == ("superseded", [])
    again = api.post(f"/itineraries/{published['id']}/revise")
    assert (again.status_code, again.json["code"]) == (409, "itinerary_not_published")


def test_what_changed_meanwhile_is_told(api: ApiClient, published: dict[str, Any]) -> None:
    """The draft is compared with what is published now, and approved with that version."""
    revision = api.post(f"/itineraries/{published['id']}/revise").json
    body = {"version": published["version"], "days": [{"day": THURSDAY}]}
    assert api.post(f"/stops/{published['stops'][0]['id']}/change", body).status_code == 200
    path, approval = f"/itineraries/{revision['id']}/approve", {"version": revision["version"]}
    refusal = api.post(path, approval | {"accepted_reason": "próba"})
    assert (refusal.status_code, refusal.json["code"]) == (409, "base_changed")
    base_version = api.get(f"/itineraries/{revision['id']}/publication").json["base_version"]
    assert f"base_version {base_version}" in refusal.json["way_out"]
    compared = {"base_version": base_version, "accepted_reason": "próba"}
    assert api.post(path, approval | compared).json["revises_version"] == base_version


def test_two_versions_are_compared(api: ApiClient, world: dict[str, int], published: dict[str, Any]) -> None:
    """Everybody may; what is different is named, and the terms of both are told."""
    revision = api.post(f"/itineraries/{published['id']}/revise").json
    [copy] = api.get(f"/itineraries/{revision['id']}").json["stops"]
    other = kept(api, "/sites", OSJAKOW)["id"]
    api.patch(f"/stops/{copy['id']}", {"version": revision["version"], "site_id": other})
    kept(api, f"/itineraries/{revision['id']}/stops", stop_in(world, SATURDAY, women_planned=0))
    path = f"/itineraries/{published['id']}/compare"
    found = api.with_roles(Role.MIDWIFE).get(f"{path}?with={revision['id']}").json
    assert (found["one"]["id"], found["other"]["id"]) == (published["id"], revision["id"])
    changed, new = found["stops"]
    assert (changed["one"]["id"], changed["other"]["id"], changed["differences"]) == (
        published["stops"][0]["id"],
        copy["id"],
        ["site"],
    )
    assert (new["one"], new["other"]["first_day"], new["differences"]) == (None, SATURDAY, [])
    assert (found["one_terms"]["women"], found["other_terms"]["unit_days_used"]) == (60, 3)
    assert set(found["one_terms"]) >= {"km", "women_weighted", "uneven_days", "value"}
    for query, code in (("", "invalid_input"), ("?with=0", "invalid_input"), (f"?with={2**60}", "not_found")):
        assert api.get(path + query).json["code"] == code


def test_only_an_approved_version_is_published(api: ApiClient, draft: dict[str, Any]) -> None:
    """An approved one is not edited."""
    approved = approve(api, draft)
    refusal = api.delete(f"/stops/{draft['stops'][0]['id']}")
    assert (refusal.status_code, refusal.json["code"]) == (409, "itinerary_not_draft")
    assert api.post(f"/itineraries/{draft['id']}/discard", {"version": approved["version"]}).status_code == 200
    refusal = api.post(f"/itineraries/{draft['id']}/publication", {"version": approved["version"] + 1})
    assert (refusal.status_code, refusal.json["code"]) == (409, "itinerary_not_approved")
