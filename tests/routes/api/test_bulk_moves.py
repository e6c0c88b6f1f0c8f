"""The API for bulk moves: a proposal is read, changed, carried out and undone; who may do what."""

from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from mobile_units import clock, db
from mobile_units.models.visits import Visit
from mobile_units.planning.assignment import MoveWeights
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.services import visits
from mobile_units.services.visits import NewVisit
from schemas.bulk_moves import HEAVIEST, MoveWeightsSchema
from tests import factories_booking
from tests.factories import ApiClient


def lost_stop(api: ApiClient) -> dict[str, Any]:
    """A stop with one visit, and a free slot at another stop near it."""
    day = clock.today() + timedelta(days=14)
    with db.transaction(api.engine) as session:
        slot = factories_booking.slot(session, api.actor.provider_id, day=day)
        free = factories_booking.slot(session, api.actor.provider_id, day=day)
        woman = factories_booking.woman(session, api.actor.provider_id)
        command = NewVisit(woman_id=woman.id, slot_id=slot.id, path=Path.MAMMOGRAPHY)
        visit = visits.book(session, api.actor, command, clock.now())
        point = slot.schedule.mobile_point
        assert point is not None
        return {"stop_id": point.stop_id, "visit_id": visit.id, "slot_id": slot.id, "free_id": free.id}


@pytest.fixture
def lost(api: ApiClient) -> dict[str, Any]:
    """A lost stop."""
    return lost_stop(api)


def proposed(api: ApiClient, lost: dict[str, Any]) -> dict[str, Any]:
    """The proposal for the stop."""
    answer = api.post("/bulk-moves", {"reason": "awaria", "scope": {"stop_id": lost["stop_id"]}, "weights": {"km": 2}})
    assert answer.status_code == 201, answer.json
    move: dict[str, Any] = answer.json
    return move


def test_a_bulk_move_lives(api: ApiClient, lost: dict[str, Any]) -> None:
    """Proposed, changed by hand, worked out anew, carried out and undone: each answer is the whole as it is now."""
    move = proposed(api, lost)
    where = f"/bulk-moves/{move['id']}"
    assert (move["status"], move["totals"]["placed"], move["weights"]) == ("proposed", 1, {"km": 2})
    [row] = move["rows"]
    assert (row["was"]["slot_id"], row["to"]["slot_id"]) == (lost["slot_id"], lost["free_id"])
    nowhere = api.post(f"{where}/choices", {"version": move["version"], "visit_id": lost["visit_id"], "slot_id": None})
    assert [(each["to"], each["reason"]) for each in nowhere.json["rows"]] == [(None, "by_hand")]
    assert api.post(f"{where}/apply", {"version": nowhere.json["version"]}).json["code"] == "bulk_move_unassigned"
    choice = {"version": nowhere.json["version"], "visit_id": lost["visit_id"], "slot_id": lost["free_id"]}
    chosen = api.post(f"{where}/choices", choice).json
    anew = api.post(f"{where}/recompute", {"version": chosen["version"]}).json
    assert anew["rows"][0]["by_hand"] is True
    assert api.post(f"{where}/apply", {"version": move["version"]}).json["code"] == "stale_version"
    applied = api.post(f"{where}/apply", {"version": anew["version"]}).json
    assert applied["status"] == "applied"
    assert api.get(f"/visits/{applied['rows'][0]['new_visit_id']}").json["slot"]["id"] == lost["free_id"]
    undone = api.post(f"{where}/undo", {"version": applied["version"], "reason": "pomyłka"}).json
    assert api.get(f"/visits/{undone['rows'][0]['restored_visit_id']}").json["slot"]["id"] == lost["slot_id"]
    assert [each["status"] for each in api.get("/bulk-moves?status=undone").json["items"]] == ["undone"]
    late = api.post(f"{where}/discard", {"version": undone["version"]})
    assert (late.status_code, late.json["code"]) == (409, "bulk_move_settled")


def test_a_proposal_is_discarded_and_an_unclear_one_refused(api: ApiClient, lost: dict[str, Any]) -> None:
    """Nothing of the visits changes either way."""
    move = proposed(api, lost)
    assert api.post(f"/bulk-moves/{move['id']}/discard", {"version": move["version"]}).json["status"] == "discarded"
    unclear = api.post("/bulk-moves", {"reason": "awaria", "scope": {}})
    assert (unclear.status_code, unclear.json["code"]) == (422, "bulk_move_scope")
    with db.transaction(api.engine) as session:
        assert session.get_one(Visit, lost["visit_id"]).version == 1


def test_coordinators_and_midwives_move_and_nobody_is_named(api: ApiClient, lost: dict[str, Any]) -> None:
    """A settlement officer sees nothing; another provider's move is not found."""
    coordinator, settlement = api.with_roles(Role.COORDINATOR), api.with_roles(Role.SETTLEMENT)
    move = proposed(coordinator, lost)
    where = f"/bulk-moves/{move['id']}"
    assert "Testowa" not in str(move)
    assert settlement.get(where).status_code == 403
    assert settlement.post(f"{where}/apply", {"version": 1}).status_code == 403
    assert coordinator.post(f"{where}/apply", {"version": move["version"]}).status_code == 200


def test_the_weights_are_those_of_the_assignment() -> None:
    """By name and bound: the schema does not load the solver to find out."""
    assert set(MoveWeightsSchema().fields) == {each.name for each in fields(MoveWeights)}
    MoveWeights(km=HEAVIEST)
    with pytest.raises(ValueError, match="weight"):
        MoveWeights(km=HEAVIEST + 1)
