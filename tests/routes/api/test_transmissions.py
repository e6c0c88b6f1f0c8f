"""The API for the hand-over."""

from datetime import timedelta

import pytest

from mobile_units import db
from mobile_units.models.transmissions import AttemptOutcome, MessageState, OutboxMessage, TransmissionAttempt
from mobile_units.rules.roles import Role
from tests.factories import ApiClient, api_client
from tests.factories_transmission import DAY, later, message


@pytest.fixture
def stored(api: ApiClient) -> list[int]:
    """A rejected message with its attempt, and one that waits for it."""
    with db.transaction(api.engine) as session:
        rejected = message(session, api.actor.provider_id)
        waiting = message(session, api.actor.provider_id, day=DAY + timedelta(days=1), requires=[rejected])
        _reject(rejected)
        return [rejected.id, waiting.id]


def _reject(rejected: OutboxMessage) -> None:
    rejected.state, rejected.attempts = MessageState.REJECTED, 1
    rejected.log.append(
        TransmissionAttempt(
            started_at=later(0),
            milliseconds=40,
            outcome=AttemptOutcome.REJECTED,
            code="BladWeryfikacjiRegul",
            description="REG.WER.13: brak miejsca",
            endpoint="https://cer.example/services",
        )
    )


def test_messages_are_listed_with_what_they_wait_for(api: ApiClient, stored: list[int]) -> None:
    """The nearest service day first; a blocked message names the one that blocks it."""
    page = api.get("/transmissions").json
    assert [item["id"] for item in page["items"]] == stored
    first, second = page["items"]
    assert (first["state"], first["blocked"], first["waits_for"]) == ("rejected", False, [])
    assert (second["state"], second["blocked"], second["waits_for"]) == ("pending", True, stored[:1])
    assert "log" not in first


def test_messages_are_filtered(api: ApiClient, stored: list[int]) -> None:
    """By state, blockage and service day; an unknown state is refused."""
    assert [item["id"] for item in api.get("/transmissions?state=rejected").json["items"]] == stored[:1]
    assert [item["id"] for item in api.get("/transmissions?blocked=true").json["items"]] == stored[1:]
    assert api.get(f"/transmissions?last_day={DAY}").json["total"] == 1
    assert api.get("/transmissions?state=lost").status_code == 422
    subject = api.get(f"/transmissions/{stored[0]}").json["subject_id"]
    assert stored[0] in [item["id"] for item in api.get(f"/transmissions?subject_id={subject}").json["items"]]
    assert api.get(f"/transmissions?subject_id={2**60}").json["total"] == 0


def test_a_message_is_read_with_its_attempts(api: ApiClient, stored: list[int]) -> None:
    """Each with time, duration, outcome and the receiver's words."""
    read = api.get(f"/transmissions/{stored[0]}").json
    (attempt,) = read["log"]
    assert (attempt["outcome"], attempt["description"]) == ("rejected", "REG.WER.13: brak miejsca")
    assert (attempt["milliseconds"], attempt["endpoint"]) == (40, "https://cer.example/services")


def test_a_rejected_message_is_sent_again_once(api: ApiClient, stored: list[int]) -> None:
    """The second time there is nothing left to correct."""
    again = api.post(f"/transmissions/{stored[0]}/resend")
    assert (again.status_code, again.json["state"]) == (200, "pending")
    refused = api.post(f"/transmissions/{stored[0]}/resend")
    assert (refused.status_code, refused.json["code"]) == (409, "not_rejected")


def test_the_summary_counts(api: ApiClient, stored: list[int]) -> None:
    """All states, and the blocked."""
    assert api.get("/transmissions/summary").json == {
        "states": {"pending": 1, "in_progress": 0, "accepted": 0, "rejected": 1},
        "blocked": 1,
    }


def test_a_midwife_has_no_business_here(api: ApiClient, stored: list[int]) -> None:
    """Coordinators, settlement officers and administrators see the hand-over."""
    assert api.with_roles(Role.MIDWIFE).get("/transmissions").status_code == 403
    for role in (Role.COORDINATOR, Role.SETTLEMENT, Role.ADMINISTRATOR):
        assert api.with_roles(role).get(f"/transmissions/{stored[0]}").status_code == 200


def test_a_provider_sees_only_its_own_messages(api: ApiClient, stored: list[int]) -> None:
    """A message of another provider is as if it did not exist."""
    stranger = api_client(api.app, api.engine)
    assert stranger.get("/transmissions").json["total"] == 0
    for path in (f"/transmissions/{stored[0]}", f"/transmissions/{stored[0]}/resend"):
        assert stranger.call("POST" if path.endswith("resend") else "GET", path).status_code == 404
