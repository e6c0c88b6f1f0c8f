"""The API for templates, dated exceptions, and applying templates."""

from typing import Any

import pytest
from sqlalchemy import Engine

from mobile_units.rules.roles import Role
from tests.factories import ApiClient, api_client
from tests.factories_catalogue import kept
from tests.factories_itineraries import THURSDAY, WEDNESDAY, make_draft, make_world, publish

HOURS = [{"opens": "08:00", "closes": "12:00", "breaks": [{"starts": "10:00", "ends": "10:20"}]}]
MAMMOGRAPHY = {
    "examinations": [{"path": "mammography", "minutes": 20, "weight": 1}],
    "places": 2,
    "women_per_day": None,
}
FULL: dict[str, Any] = {
    "week": {"1": HOURS, "3": HOURS, "4": []},
    "rooms": [MAMMOGRAPHY],
    "shared": None,
    "crew": "Załoga A",
    "setup_minutes": 0,
    "held_back": {"slots": 1, "percent": 5},
    "quotas": {"desk": 20},
    "overbooking": {"places": 2, "reason": "co dziesiąta pacjentka nie przychodzi"},
    "blocking": {"every": 5, "last_minutes": 0},
}
SHARED: dict[str, Any] = {
    "minutes": {"classic_cytology": 15, "mammography": 10},
    "rooms": [{"name": "1", "serves": ["classic_cytology", "mammography"]}],
    "crew": [{"name": "a", "serves": ["classic_cytology", "mammography"]}],
}
PLAIN: dict[str, Any] = {"week": {"3": HOURS, "4": HOURS}, "rooms": [MAMMOGRAPHY]}
EVERY_ROLE_BUT = [role for role in Role if role is not Role.COORDINATOR]


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


def test_a_template_is_kept_changed_and_retired(api: ApiClient) -> None:
    """Every field comes back as it was given; the name is taken once."""
    made = kept(api, "/templates", {"name": "Tydzień", "template": FULL})
    path = f"/templates/{made['id']}"
    assert (made["template"], made["active"], api.get(path).json) == (FULL, True, made)
    assert api.post("/templates", {"name": "Tydzień", "template": FULL}).json["code"] == "already_exists"
    shared = FULL | {"rooms": [], "shared": SHARED, "overbooking": None}
    changed = api.patch(path, {"version": made["version"], "values": {"template": shared}})
    assert (changed.status_code, changed.json["template"], changed.json["name"]) == (200, shared, "Tydzień")
    assert api.patch(path, {"version": made["version"], "values": {"name": "x"}}).json["code"] == "stale_version"
    assert api.delete(path).status_code == 204
    assert api.get("/templates?active=true").json["items"] == []
    retired = api.get("/templates?text=tydz").json["items"]
    assert [(each["id"], each["active"]) for each in retired] == [(made["id"], False)]
    body = {"version": 1, "mode": "overwrite", "stop_ids": [1]}
    assert api.post(f"{path}/apply", body).json["code"] == "template_retired"


def test_a_template_is_previewed_and_applied_to_stops(api: ApiClient, stop: dict[str, Any]) -> None:
    """8 and 11 slots for two women in place of 80 for one, Wednesday from nine; the preview changes nothing."""
    made = kept(api, "/templates", {"name": "Tydzień", "template": PLAIN})
    body = {"version": stop["version"], "mode": "overwrite", "stop_ids": [stop["id"]]}
    preview = api.post(f"/templates/{made['id']}/preview", body)
    assert (preview.status_code, free(api, stop)) == (200, 80)
    assert {name: preview.json["sums"][name] for name in ("added", "changed", "removed", "women_after")} == {
        "added": 0,
        "changed": 19,
        "removed": 61,
        "women_after": 38,
    }
    [outcome] = preview.json["outcomes"]
    assert (outcome["stop_id"], outcome["service_place_id"], outcome["orphaned"]) == (stop["id"], None, [])
    assert [(each["day"], each["path"]) for each in outcome["days"]] == [
        (WEDNESDAY, "mammography"),
        (THURSDAY, "mammography"),
    ]
    done = api.post(f"/templates/{made['id']}/apply", body)
    assert (done.status_code, done.json, free(api, stop)) == (200, preview.json, 19)
    assert api.post(f"/templates/{made['id']}/apply", body).json["code"] == "stale_version"


def free(api: ApiClient, stop: dict[str, Any]) -> int:
    """How many slots of a stop can be booked."""
    return len(api.get(f"/slots?stop_id={stop['id']}&page_size=100").json["items"])


def test_a_template_is_applied_to_a_place_with_its_exceptions(api: ApiClient, world: dict[str, int]) -> None:
    """Monday 15 March is closed with a reason; the day after it is no day of the template."""
    made = kept(api, "/templates", {"name": "Tydzień", "template": FULL})
    lab = f"/service-places/{world['lab']}"
    closed = kept(api, f"{lab}/dated-exceptions", {"day": "2027-03-15", "hours": [], "reason": "przegląd"})
    body = {
        "version": api.get(lab).json["version"],
        "mode": "overwrite",
        "service_place_id": world["lab"],
        "first_day": "2027-03-15",
        "last_day": "2027-03-16",
    }
    idle = api.post(f"/templates/{made['id']}/preview", body).json["outcomes"][0]["idle"]
    assert [(each["day"], each["reason"], each["reason_pl"], each["note"]) for each in idle] == [
        ("2027-03-15", "closed", "nieczynne", "przegląd"),
        ("2027-03-16", "no_hours", "szablon nie ma godzin w tym dniu tygodnia", ""),
    ]
    path = f"/dated-exceptions/{closed['id']}"
    changed = api.patch(
        path, {"version": closed["version"], "values": {"hours": [{"opens": "09:00", "closes": "10:00"}]}}
    )
    assert changed.json["hours"] == [{"opens": "09:00", "closes": "10:00", "breaks": []}]
    assert api.post(f"/templates/{made['id']}/preview", body).json["sums"]["added"] == 3
    assert api.get(f"/dated-exceptions?service_place_id={world['lab']}").json["total"] == 1
    assert api.delete(path).status_code == 204
    done = api.post(f"/templates/{made['id']}/apply", body).json
    assert (done["sums"]["added"], done["outcomes"][0]["service_place_id"]) == (11, world["lab"])


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ({"week": {"8": HOURS}, "rooms": [MAMMOGRAPHY]}, "invalid_input"),
        ({"week": {"1": [{"opens": "08:00"}]}, "rooms": [MAMMOGRAPHY]}, "invalid_input"),
        (PLAIN | {"quotas": {"fax": 5}}, "invalid_input"),
        (PLAIN | {"shared": SHARED}, "rooms_own_or_shared"),
        (PLAIN | {"quotas": {"desk": 60, "telephone": 60}}, "quotas_above_all"),
        ({"week": {"1": [{"opens": "22:00", "closes": "06:00"}]}, "rooms": [MAMMOGRAPHY]}, "template_past_midnight"),
        ({"week": {"1": HOURS * 2}, "rooms": [MAMMOGRAPHY]}, "opening_hours_overlap"),
        ({"week": {}, "shared": SHARED | {"crew": [{"name": "a", "serves": ["hpv_lbc"]}]}}, "path_without_resources"),
    ],
)
def test_templates_that_mean_nothing_are_refused(api: ApiClient, template: dict[str, Any], code: str) -> None:
    """By the rule that they break, and nothing is kept."""
    refusal = api.post("/templates", {"name": "Tydzień", "template": template})
    assert (refusal.status_code, refusal.json["code"]) == (422, code)
    assert api.get("/templates").json["total"] == 0


@pytest.mark.parametrize(
    "more", [{}, {"stop_ids": []}, {"stop_ids": [1], "service_place_id": 1}, {"service_place_id": 1}, {"mode": "both"}]
)
def test_a_template_is_applied_to_stops_or_to_days_of_a_place(api: ApiClient, more: dict[str, Any]) -> None:
    """One of both, and whole."""
    refusal = api.post("/templates/1/apply", {"version": 1, "mode": "overwrite"} | more)
    assert (refusal.status_code, refusal.json["code"]) == (422, "invalid_input")


def test_only_coordinators_see_and_use_templates_of_their_provider(api: ApiClient) -> None:
    """Others are turned away; for another provider there is no such template."""
    made = kept(api, "/templates", {"name": "Tydzień", "template": PLAIN})
    stranger = api_client(api.app, api.engine)
    assert stranger.get(f"/templates/{made['id']}").json["code"] == "not_found"
    other = api.with_roles(*EVERY_ROLE_BUT)
    assert other.get("/templates").status_code == 403
    for path in ("/templates", "/templates/1/preview", "/templates/1/apply", "/service-places/1/dated-exceptions"):
        assert other.post(path, {}).status_code == 403
    assert other.get("/dated-exceptions").status_code == 403
