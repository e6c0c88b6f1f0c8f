"""The API for what women change in IKP: who sees what, and what a person decides."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from mobile_units import clock, db
from mobile_units.models.inbound import InboundCursor
from mobile_units.rules.roles import Role
from mobile_units.services import inbound
from mobile_units.transmission.messages import CentralChange
from tests import factories_booking
from tests.factories import ApiClient, api_client
from tests.factories_inbound import booked, kept, patient, unreadable

NOTE = {"note": "uzgodniono telefonicznie"}


def received(
    api: ApiClient, *, capacity: int = 1, taken: int = 0, born: date = date(1970, 5, 17)
) -> tuple[int, CentralChange]:
    """A change that was taken over, or is a conflict."""
    with db.transaction(api.engine) as session:
        slot = factories_booking.slot(
            session, api.actor.provider_id, day=factories_booking.next_day(), capacity=capacity
        )
        slot.taken = taken
        session.flush()
        change = booked(session, api.actor, slot, patient(born=born))
        change = replace(change, at=clock.now() - timedelta(hours=1))
        change_id = kept(session, api.actor, change)
        inbound.receive(session, replace(api.actor, user_id=None), change_id, clock.now())
        return change_id, change


def test_conflicts_are_listed_without_the_women(api: ApiClient) -> None:
    """With the reason in both languages; what was taken over is found by its state."""
    conflict, change = received(api, taken=1)
    applied, _ = received(api)
    (shown,) = api.get("/inbound-changes").json["items"]
    assert (shown["id"], shown["code"], shown["visit_id"]) == (conflict, "slot_full", None)
    assert (shown["reason_pl"], shown["reason_en"]) == ("Termin jest już zajęty.", "The slot is full.")
    assert shown["visit"]["slot"] == change.visit.slot.extension
    assert shown["visit"]["path"] == "mammography"
    assert [each["id"] for each in api.get("/inbound-changes?state=applied").json["items"]] == [applied]
    assert api.get("/inbound-changes?code=parallel_visit").json["total"] == 0
    for answer in (api.get("/inbound-changes"), api.get(f"/inbound-changes/{conflict}")):
        assert "Zmyślona" not in str(answer.json)
        assert change.visit.patient.identifier.extension not in str(answer.json)


def test_only_a_midwife_sees_the_woman(api: ApiClient) -> None:
    """A coordinator sees the conflict, the others nothing of it."""
    conflict, _ = received(api, taken=1)
    shown = api.with_roles(Role.MIDWIFE).get(f"/inbound-changes/{conflict}/with-woman").json
    assert (shown["patient"]["family_name"], shown["patient"]["birth_date"]) == ("Zmyślona", "1970-05-17")
    coordinator = api.with_roles(Role.COORDINATOR)
    assert coordinator.get(f"/inbound-changes/{conflict}").status_code == 200
    assert coordinator.get(f"/inbound-changes/{conflict}/with-woman").status_code == 403
    for role in (Role.SETTLEMENT, Role.ADMINISTRATOR):
        other = api.with_roles(role)
        assert other.get("/inbound-changes").status_code == 403
        assert other.post(f"/inbound-changes/{conflict}/dismiss", NOTE).status_code == 403


def test_a_conflict_is_retried_declined_or_dismissed(api: ApiClient) -> None:
    """A refused retry leaves it as it is; a decision is made once."""
    first, _ = received(api, taken=1)
    refused = api.post(f"/inbound-changes/{first}/retry")
    assert (refused.status_code, refused.json["code"]) == (409, "slot_full")
    declined = api.post(f"/inbound-changes/{first}/decline", NOTE).json
    assert (declined["state"], declined["decided_by"]) == ("dismissed", api.actor.user_id)
    assert api.get(f"/visits/{declined['visit_id']}").json["status"] == "cancelled"
    again = api.post(f"/inbound-changes/{first}/dismiss", NOTE)
    assert (again.status_code, again.json["code"]) == (409, "not_a_conflict")
    second, _ = received(api, taken=1)
    assert api.post(f"/inbound-changes/{second}/dismiss", {}).status_code == 422
    assert api.post(f"/inbound-changes/{second}/dismiss", NOTE).json["state"] == "dismissed"


def test_the_reason_of_an_ineligible_woman_is_not_the_coordinators(api: ApiClient) -> None:
    """The refusal tells nothing of her health; the note of the midwife becomes the reason of the visit."""
    conflict, _ = received(api, born=date(2000, 1, 1))
    coordinator = api.with_roles(Role.COORDINATOR)
    refused = coordinator.post(f"/inbound-changes/{conflict}/retry")
    assert (refused.status_code, refused.json["code"]) == (409, "not_eligible")
    assert "assessment" in str(refused.json)
    assert coordinator.post(f"/inbound-changes/{conflict}/dismiss", NOTE).status_code == 403
    done = api.with_roles(Role.MIDWIFE).post(f"/inbound-changes/{conflict}/dismiss", NOTE).json
    assert api.get(f"/visits/{done['visit_id']}/with-woman").json["override_reason"] == NOTE["note"]


def test_a_change_that_cannot_be_read_is_shown_as_far_as_it_can_be(api: ApiClient) -> None:
    """With what is wrong; only a midwife sees what was told, and nothing but setting it aside is possible."""
    odd = unreadable()
    with db.transaction(api.engine) as session:
        change_id = kept(session, api.actor, odd)
        inbound.receive(session, replace(api.actor, user_id=None), change_id, clock.now())
    (listed,) = api.get("/inbound-changes").json["items"]
    shown = api.get(f"/inbound-changes/{change_id}")
    assert (shown.status_code, shown.json) == (200, listed)
    assert (listed["code"], listed["problem"]) == ("change_unreadable", odd.problem)
    assert listed["stand_ins"] == ["cer_extension", "changed_at", "changed_by"]
    assert "visit" not in listed
    assert "Zmyślona" not in str(listed)
    assert api.with_roles(Role.MIDWIFE).get(f"/inbound-changes/{change_id}/with-woman").json["xml"] == odd.xml
    for refused in (
        api.post(f"/inbound-changes/{change_id}/retry"),
        api.post(f"/inbound-changes/{change_id}/decline", NOTE),
    ):
        assert (refused.status_code, refused.json["code"]) == (409, "change_unreadable")
    assert api.post(f"/inbound-changes/{change_id}/dismiss", NOTE).json["state"] == "dismissed"


def test_the_status_says_how_far_was_read(api: ApiClient) -> None:
    """And why no further; before the first round it is empty."""
    empty = {"read_at": None, "failed_at": None, "failure": None, "waiting": 0}
    assert api.get("/inbound-changes/status").json == empty
    received(api, taken=1)
    with db.transaction(api.engine) as session:
        cursor = InboundCursor(provider_id=api.actor.provider_id, failed_at=clock.now(), failure="ConnectTimeout")
        session.add(cursor)
    told = api.get("/inbound-changes/status").json
    assert (told["failure"], told["waiting"]) == ("ConnectTimeout", 1)


@pytest.mark.parametrize("address", ["", "/with-woman"])
def test_another_providers_change_does_not_exist(api: ApiClient, address: str) -> None:
    """Neither to read nor to decide."""
    conflict, _ = received(api, taken=1)
    stranger = api_client(api.app, api.engine)
    assert stranger.get(f"/inbound-changes/{conflict}{address}").status_code == 404
    assert stranger.post(f"/inbound-changes/{conflict}/dismiss", NOTE).status_code == 404
