"""The API for changes after publication."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from mobile_units import db
from mobile_units.models.slots import Slot
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.services import visits
from mobile_units.services.visits import NewVisit
from tests import factories_booking
from tests.factories import ApiClient, api_client
from tests.factories_booking import NOW
from tests.factories_catalogue import kept
from tests.factories_itineraries import THURSDAY, WEDNESDAY, make_draft, make_world, publish

EVERY_ROLE_BUT = [role for role in Role if role is not Role.COORDINATOR]


@pytest.fixture
def world(api: ApiClient, engine: Engine) -> dict[str, int]:
    """A mammobus, its site, and a laboratory that is open on Mondays."""
    return make_world(api, engine)


@pytest.fixture
def stop(api: ApiClient, world: dict[str, int]) -> dict[str, Any]:
    """A published stop of Wednesday and Thursday, 40 slots of ten minutes a day, with the version of its itinerary."""
    draft = make_draft(api, world)
    path = f"/itineraries/{draft['id']}"
    assert publish(api, draft).status_code == 200
    read = api.get(path).json
    published: dict[str, Any] = read["stops"][0] | {"version": read["version"]}
    return published


def booked(api: ApiClient, slot_id: int) -> int:
    """The key of a visit of a new woman."""
    with db.transaction(api.engine) as session:
        woman = factories_booking.woman(session, api.actor.provider_id)
        command = NewVisit(woman_id=woman.id, slot_id=slot_id, path=Path.MAMMOGRAPHY)
        return visits.book(session, api.actor, command, NOW).id


def slots_of(api: ApiClient, stop: dict[str, Any]) -> list[dict[str, Any]]:
    """The slots of a stop that can be booked, in order of time."""
    items: list[dict[str, Any]] = api.get(f"/slots?stop_id={stop['id']}&page_size=100").json["items"]
    return items


def test_a_stop_is_previewed_and_changed(api: ApiClient, stop: dict[str, Any]) -> None:
    """Thursday ends at noon instead of 16:00; Wednesday is dropped. The preview changes nothing."""
    body = {"version": stop["version"], "days": [{"day": THURSDAY, "closes": "12:00"}]}
    preview = api.post(f"/stops/{stop['id']}/preview-change", body)
    assert (preview.status_code, len(slots_of(api, stop))) == (200, 80)
    assert (preview.json["kept"], len(preview.json["withdrawn"]), preview.json["visits"]) == (24, 56, [])
    done = api.post(f"/stops/{stop['id']}/change", body)
    assert (done.status_code, done.json) == (200, preview.json)
    assert len(slots_of(api, stop)) == 24
    read = api.get(f"/stops/{stop['id']}").json
    assert [(day["day"], day["closes_at"]) for day in read["days"]] == [(THURSDAY, "2027-03-11T11:00:00+00:00")]
    again = api.post(f"/stops/{stop['id']}/change", body)
    assert (again.status_code, again.json["code"]) == (409, "stale_version")


def test_visits_in_the_way_are_listed_without_names(api: ApiClient, stop: dict[str, Any]) -> None:
    """In the preview and with the refusal."""
    slot = slots_of(api, stop)[0]
    listed = [
        {"id": booked(api, slot["id"]), "slot_id": slot["id"], "starts_at": slot["starts_at"], "status": "booked"}
    ]
    body = {"version": stop["version"]}
    preview = api.post(f"/stops/{stop['id']}/preview-withdrawal", body)
    assert (preview.status_code, preview.json["visits"]) == (200, listed)
    refusal = api.post(f"/stops/{stop['id']}/withdraw", body)
    assert (refusal.status_code, refusal.json["code"], refusal.json["visits"]) == (409, "slots_have_visits", listed)
    assert "1" in refusal.json["title"]
    assert len(slots_of(api, stop)) == 79
    visit = api.get(f"/visits/{listed[0]['id']}").json
    cancelled = api.post(f"/visits/{visit['id']}/cancel", {"version": visit["version"], "cancelled_by": "provider"})
    assert cancelled.status_code == 200, cancelled.json
    assert len(api.post(f"/stops/{stop['id']}/withdraw", body).json["withdrawn"]) == 80
    assert api.get(f"/stops/{stop['id']}").json["days"] == []


def test_a_stationary_place_closes_for_a_day(api: ApiClient, world: dict[str, int]) -> None:
    """56 slots on the Monday; the version is that of the place."""
    path = f"/service-places/{world['lab']}"
    kept(api, f"{path}/schedules", {"first_day": "2027-03-08", "last_day": "2027-03-15"})
    body = {"version": api.get(path).json["version"], "days": [{"day": "2027-03-15", "hours": []}]}
    assert len(api.post(f"{path}/preview-change", body).json["withdrawn"]) == 56
    assert len(api.post(f"{path}/change", body).json["withdrawn"]) == 56
    assert api.post(f"{path}/change", body).json["code"] == "stale_version"
    body = {"version": api.get(path).json["version"], "days": [{"day": "2027-03-16", "hours": []}]}
    assert api.post(f"{path}/change", body).json["code"] == "day_without_schedule"


@pytest.fixture
def slot(api: ApiClient) -> Slot:
    """A free slot to come, at a stop."""
    with db.transaction(api.engine) as session:
        return factories_booking.slot(session, api.actor.provider_id, day=factories_booking.next_day())


def test_single_slots_are_changed_and_withdrawn(api: ApiClient, slot: Slot) -> None:
    """All or none, and never what is not there."""
    changed = api.post(f"/slots/{slot.id}/capacity", {"capacity": 3})
    assert (changed.status_code, changed.json["capacity"], changed.json["free"]) == (200, 3, 3)
    assert api.post("/slots/withdraw", {"slot_ids": [slot.id, 2**62]}).json["code"] == "not_found"
    [gone] = api.post("/slots/withdraw", {"slot_ids": [slot.id]}).json
    assert gone["status"] == "withdrawn"
    assert api.get(f"/slots/{slot.id}").json["status"] == "withdrawn"
    assert api.post(f"/slots/{slot.id}/capacity", {"capacity": 3}).json["code"] == "slot_withdrawn"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/stops/1/change", {"days": []}),
        ("/stops/1/change", {"version": 1, "days": []}),
        ("/stops/1/change", {"version": 1, "days": [{"day": "2027-03-10", "opens": "25:00"}]}),
        ("/stops/1/change", {"version": 1, "days": [{"day": "2027-03-10", "rooms": 0}]}),
        ("/stops/1/change", {"version": 1, "women_planned": 3}),
        ("/stops/1/withdraw", {}),
        ("/service-places/1/change", {"version": 1, "days": []}),
        ("/service-places/1/change", {"version": 1, "days": [{"day": "2027-03-10"}]}),
        ("/service-places/1/change", {"version": 1, "days": [{"day": "2027-03-10", "hours": [{"opens": "08:00"}]}]}),
        ("/slots/withdraw", {"slot_ids": []}),
        ("/slots/withdraw", {"slot_ids": ["x"]}),
        ("/slots/1/capacity", {"capacity": 0}),
        ("/slots/1/capacity", {"capacity": 21}),
    ],
)
def test_malformed_changes_are_refused(api: ApiClient, path: str, body: dict[str, Any]) -> None:
    """By the fields at fault."""
    refusal = api.post(path, body)
    assert (refusal.status_code, refusal.json["code"]) == (422, "invalid_input")


@pytest.mark.parametrize("role", EVERY_ROLE_BUT)
def test_only_coordinators_change_what_was_published(api: ApiClient, stop: dict[str, Any], role: Role) -> None:
    """Everybody else is turned away before anything is looked at."""
    other = api.with_roles(role)
    for path in (
        f"/stops/{stop['id']}/preview-change",
        f"/stops/{stop['id']}/change",
        f"/stops/{stop['id']}/preview-withdrawal",
        f"/stops/{stop['id']}/withdraw",
        "/service-places/1/preview-change",
        "/service-places/1/change",
        "/slots/withdraw",
        "/slots/1/capacity",
    ):
        assert other.post(path, {"version": stop["version"]}).status_code == 403


def test_another_provider_changes_nothing_here(
    api: ApiClient, stop: dict[str, Any], world: dict[str, int], slot: Slot
) -> None:
    """What is not his does not exist for him."""
    stranger = api_client(api.app, api.engine)
    days = [{"day": WEDNESDAY}]
    for path, body in (
        (f"/stops/{stop['id']}/change", {"version": stop["version"], "days": days}),
        (f"/stops/{stop['id']}/withdraw", {"version": stop["version"]}),
        (f"/service-places/{world['lab']}/change", {"version": 1, "days": [days[0] | {"hours": []}]}),
        ("/slots/withdraw", {"slot_ids": [slot.id]}),
        (f"/slots/{slot.id}/capacity", {"capacity": 2}),
    ):
        assert stranger.post(path, body).json["code"] == "not_found"


def test_a_contract_with_schedules_is_not_shortened(api: ApiClient, slot: Slot) -> None:
    """The refusal lists them."""
    day = factories_booking.next_day()
    [contract] = api.get("/contracts").json["items"]
    body = {"version": contract["version"], "values": {"valid_to": (day - timedelta(days=1)).isoformat()}}
    refusal = api.patch(f"/contracts/{contract['id']}", body)
    assert (refusal.status_code, refusal.json["code"]) == (409, "contract_has_schedules")
    assert refusal.json["schedules"] == [
        {"id": slot.schedule_id, "valid_from": day.isoformat(), "valid_to": day.isoformat()}
    ]
