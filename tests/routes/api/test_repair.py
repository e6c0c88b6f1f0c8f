"""The API for breakdowns."""

from typing import Any

import pytest
from sqlalchemy import Engine

from mobile_units.rules.roles import Role
from tests.factories import ApiClient
from tests.factories_itineraries import THURSDAY, WEDNESDAY, make_draft, make_world, publish

FRIDAY, MONDAY = "2027-03-12", "2027-03-15"


@pytest.fixture
def world(api: ApiClient, engine: Engine) -> dict[str, int]:
    """A mammobus and its site."""
    return make_world(api, engine)


@pytest.fixture
def itinerary(api: ApiClient, world: dict[str, int]) -> dict[str, Any]:
    """A published itinerary with a stop on Wednesday and Thursday."""
    made = make_draft(api, world)
    publish(api, made)
    read: dict[str, Any] = api.get(f"/itineraries/{made['id']}").json
    return read


def test_a_breakdown_is_previewed_and_a_proposal_accepted(
    api: ApiClient, world: dict[str, int], itinerary: dict[str, Any]
) -> None:
    """On Wednesday and Thursday the unit is out: the stop is postponed to Friday and Monday."""
    path, stop = f"/itineraries/{itinerary['id']}/repairs", itinerary["stops"][0]
    breakdown = {"unit_id": world["unit"], "first_day": WEDNESDAY, "days": 2}
    found = api.post(path, breakdown)
    assert found.status_code == 200, found.json
    assert [each["kind"] for each in found.json] == ["postpone", "withdraw"]
    late, lost = found.json
    assert late["moved"] == [
        {
            "stop_id": stop["id"],
            "stop": {"unit_id": world["unit"], "site_id": world["site"], "days": [WEDNESDAY, THURSDAY], "women": 60},
            "to": {"unit_id": world["unit"], "site_id": world["site"], "days": [FRIDAY, MONDAY], "women": 60},
        }
    ]
    assert (late["women_lost"], late["lost"], late["visits"], late["contract"]) == (0, 0, [], [])
    assert (lost["women_lost"], lost["lost"], lost["moved"][0]["to"]) == (60, 1, None)
    assert lost["contract"][0]["women"] == -60
    made = api.post(f"{path}/accept", breakdown | {"key": late["key"], "reason": "skrzynia biegów"})
    assert made.status_code == 201, made.json
    assert (made.json["status"], made.json["revises_id"]) == ("draft", itinerary["id"])
    assert [(each["first_day"], each["last_day"]) for each in made.json["stops"]] == [(FRIDAY, MONDAY)]
    again = api.post(f"{path}/accept", breakdown | {"key": "0" * 16})
    assert (again.status_code, again.json["code"]) == (409, "repair_outdated")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"first_day": "2027-04-01"}, 409, "nothing_hit"),
        ({"unit_id": 2**60}, 404, "not_found"),
        ({"days": 0}, 422, "invalid_input"),
        ({"days": 93}, 422, "invalid_input"),
        ({"first_day": "tomorrow"}, 422, "invalid_input"),
        ({"colour": "red"}, 422, "invalid_input"),
    ],
)
def test_a_wrong_breakdown_is_refused(  # noqa: PLR0917 -- fixtures and parameters
    api: ApiClient, world: dict[str, int], itinerary: dict[str, Any], change: dict[str, Any], status: int, code: str
) -> None:
    """Each reason has its code."""
    breakdown = {"unit_id": world["unit"], "first_day": WEDNESDAY, "days": 2} | change
    refusal = api.post(f"/itineraries/{itinerary['id']}/repairs", breakdown)
    assert (refusal.status_code, refusal.json["code"]) == (status, code)


@pytest.mark.parametrize("role", [Role.MIDWIFE, Role.SETTLEMENT, Role.ADMINISTRATOR])
def test_only_coordinators_repair(api: ApiClient, world: dict[str, int], itinerary: dict[str, Any], role: Role) -> None:
    """Neither look nor accept."""
    other = api.with_roles(role)
    breakdown = {"unit_id": world["unit"], "first_day": WEDNESDAY, "days": 2}
    path = f"/itineraries/{itinerary['id']}/repairs"
    assert other.post(path, breakdown).status_code == 403
    assert other.post(f"{path}/accept", breakdown | {"key": "x"}).status_code == 403
