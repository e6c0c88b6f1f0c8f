"""The API for the settings of planning."""

from typing import Any

import pytest

from mobile_units.planning.demand import WEIGHT_EN, WEIGHT_PL
from mobile_units.rules.roles import Role
from tests.factories import ApiClient, api_client

USUAL = {
    "km_per_woman": 10.0,
    "crew_km_share": 0.3,
    "women_per_uneven_day": 0.2,
    "overdue_weight": 0.5,
    "underscreened_weight": 0.5,
    "road_factor": 1.3,
    "speed_kmh": 50.0,
    "drive_hours": 6.0,
    "crew_commute_km": 60.0,
}
ESTIMATE = {"assumed_uptake": 0.325, "weight_en": WEIGHT_EN, "weight_pl": WEIGHT_PL}


def put(api: ApiClient, body: dict[str, Any]) -> Any:
    """The answer to replacing the settings."""
    return api.call("PUT", "/planning-settings", json=body)


def test_the_usual_settings_hold_until_others_are_kept(api: ApiClient) -> None:
    """They have the version 0; what is left out of others becomes the usual."""
    assert api.get("/planning-settings").json == USUAL | ESTIMATE | {"version": 0}
    everything = {name: value + 1 for name, value in USUAL.items()}
    kept = put(api, everything | {"version": 0})
    assert (kept.status_code, kept.json) == (200, everything | ESTIMATE | {"version": 1})
    assert api.get("/planning-settings").json == kept.json
    assert put(api, {"version": 1, "speed_kmh": 70}).json == USUAL | ESTIMATE | {"speed_kmh": 70.0, "version": 2}
    assert api_client(api.app, api.engine).get("/planning-settings").json["version"] == 0


def test_settings_are_replaced_only_as_they_were_read(api: ApiClient) -> None:
    """The second of two changes made on the same reading is refused."""
    assert put(api, {"version": 0}).status_code == 200
    again = put(api, {"version": 0, "km_per_woman": 1})
    assert (again.status_code, again.json["code"]) == (409, "stale_version")
    assert api.get("/planning-settings").json["km_per_woman"] == 10.0


@pytest.mark.parametrize(
    ("name", "wrong", "least", "most"),
    [
        ("km_per_woman", (0, -1, 10_001), 0.001, 10_000),
        ("crew_km_share", (-0.1, 101), 0, 100),
        ("women_per_uneven_day", (-0.1, 10_001), 0, 10_000),
        ("overdue_weight", (-0.1, 101), 0, 100),
        ("underscreened_weight", (-0.1, 101), 0, 100),
        ("road_factor", (0.9, 3.1), 1, 3),
        ("speed_kmh", (9, 121), 10, 120),
        ("drive_hours", (0.4, 24.1), 0.5, 24),
        ("crew_commute_km", (-1, 10_001), 0, 10_000),
    ],
)
def test_settings_have_bounds(api: ApiClient, name: str, wrong: tuple[float, ...], least: float, most: float) -> None:
    """What is out of them is named and not kept; the bounds themselves can be."""
    for value in (*wrong, "NaN", None):
        refused = put(api, {"version": 0, name: value})
        assert (refused.status_code, refused.json["code"]) == (422, "invalid_input")
        assert list(refused.json["errors"]["json"]) == [name]
    assert api.get("/planning-settings").json["version"] == 0
    for version, value in enumerate((least, most)):
        assert put(api, {"version": version, name: value}).json[name] == value


def test_the_version_is_needed_and_the_estimate_is_not_a_setting(api: ApiClient) -> None:
    """Unknown settings are refused."""
    assert list(put(api, {}).json["errors"]["json"]) == ["version"]
    assert put(api, {"version": 0} | ESTIMATE).json["errors"]["json"].keys() == ESTIMATE.keys()


def test_only_the_coordinator_changes_the_settings(api: ApiClient) -> None:
    """The administrator may read them, others have no need."""
    for role, status in ((Role.ADMINISTRATOR, 200), (Role.MIDWIFE, 403), (Role.SETTLEMENT, 403)):
        user = api.with_roles(role)
        assert user.get("/planning-settings").status_code == status
        assert put(user, {"version": 0}).status_code == 403
    assert put(api.with_roles(Role.COORDINATOR), {"version": 0}).status_code == 200


def test_every_change_of_the_settings_is_in_the_audit_log(api: ApiClient) -> None:
    """Who changed them."""
    put(api, {"version": 0})
    entries = api.get("/audit-entries?subject=planning_settings").json["items"]
    assert [(each["action"], each["user_id"]) for each in entries] == [("change", api.actor.user_id)]
