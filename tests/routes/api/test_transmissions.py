"""The API for the hand-over."""

from datetime import UTC, datetime, timedelta

import pytest

from mobile_units import db
from mobile_units.models.transmissions import AttemptOutcome, MessageState, OutboxMessage, TransmissionAttempt
from mobile_units.rules.roles import Role
from tests import factories_booking, factories_log
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
        "states": {"pending": 1, "in_progress": 0, "accepted": 0, "rejected": 1, "given_up": 0},
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


def test_the_list_of_work_says_what_to_correct(api: ApiClient, stored: list[int]) -> None:
    """With the meaning in both languages; filtered by rule; one body sends all of a rule again."""
    (item,) = api.get("/transmissions/work-list?rule=REG.WER.13").json["items"]
    assert (item["message"]["id"], item["rule"], item["waiting"]) == (stored[0], "REG.WER.13", 1)
    assert item["meaning"]["pl"] == "W terminie nie ma wolnego miejsca."
    assert (item["meaning"]["mends"], item["meaning"]["provisional"]) == ("visits", True)
    assert item["subject"]["text_pl"]
    assert api.get("/transmissions/work-list?rule=REG.WER.1").json["total"] == 0
    assert api.post("/transmissions/work-list/resend", {"rule": "REG.WER.1"}).json == {"resent": 0}
    assert api.post("/transmissions/work-list/resend", {"rule": 1}).status_code == 422
    assert api.post("/transmissions/work-list/resend", {}).json == {"resent": 1}


def test_a_rejected_message_is_given_up(api: ApiClient, stored: list[int]) -> None:
    """With a reason that is read again; without one it is refused."""
    assert api.post(f"/transmissions/{stored[0]}/give-up", {}).status_code == 422
    done = api.post(f"/transmissions/{stored[0]}/give-up", {"reason": "Odbyła się prywatnie."})
    assert (done.status_code, done.json["state"], done.json["note"]) == (200, "given_up", "Odbyła się prywatnie.")
    assert api.post(f"/transmissions/{stored[0]}/give-up", {"reason": "Jeszcze raz."}).json["code"] == "not_rejected"


def test_visits_at_risk_are_listed(api: ApiClient) -> None:
    """Each with why and what to do, without the woman."""
    with db.transaction(api.engine) as session:
        visit = factories_log.visit(session, api.actor.provider_id, factories_booking.next_day())
        key = visit.id
    page = api.get("/transmissions/at-risk?when=coming&horizon_days=30").json
    (each,) = page["items"]
    assert (each["visit_id"], each["why"], each["when"], each["needs_a_person"]) == (key, "not_queued", "coming", True)
    assert (each["to_do_pl"], each["subject"]["visit_id"]) == ("Zgłoś administratorowi.", key)
    assert "Testowa" not in str(page)
    assert api.get("/transmissions/at-risk?horizon_days=-1").status_code == 422


def test_outages_are_listed(api: ApiClient, stored: list[int]) -> None:
    """By days, as JSON names them."""
    with db.transaction(api.engine) as session:
        message = session.get_one(OutboxMessage, stored[1])
        for minutes in (0, 5):
            at = datetime(2027, 3, 10, 12, minutes, tzinfo=UTC)
            factories_log.attempt(session, message, at, AttemptOutcome.RETRYABLE, "bladZapisu")
    (outage,) = api.get(f"/transmissions/outages?first_day={DAY}&last_day={DAY}").json
    assert (outage["failed_calls"], outage["signs"], outage["side"]) == (2, {"server_error": 2}, "centre")
    assert (outage["seconds"], outage["ended_at"], outage["momentary"]) == (300, None, False)
    assert api.get("/transmissions/outages").status_code == 422


def test_a_halted_link_is_read_and_resumed(api: ApiClient) -> None:
    """Only by an administrator; a second time there is nothing to resume."""
    with db.transaction(api.engine) as session:
        factories_log.link(session, api.actor.provider_id, halted_at=later(0), halted_code="x", halted_reason="x")
    assert api.get("/transmissions/link").json["halted_code"] == "x"
    assert api.with_roles(Role.SETTLEMENT).post("/transmissions/link/resume").status_code == 403
    assert api.post("/transmissions/link/resume").json["halted_at"] is None
    assert api.post("/transmissions/link/resume").json["code"] == "not_halted"


def test_what_was_sent_is_read(api: ApiClient, stored: list[int]) -> None:
    """As XML; the attempts of the message name their keys."""
    with db.transaction(api.engine) as session:
        factories_log.attempt(session, session.get_one(OutboxMessage, stored[1]), later(0))
    (attempt,) = api.get(f"/transmissions/{stored[1]}").json["log"]
    assert attempt["certificate"] == factories_log.CERTIFICATE
    sent = api.app.test_client().get(
        f"/api/v1/transmissions/attempts/{attempt['id']}/sent", headers={"Authorization": f"Bearer {api.token}"}
    )
    assert (sent.status_code, sent.mimetype, sent.text) == (200, "application/xml", factories_log.ENVELOPE)
    (bare,) = api.get(f"/transmissions/{stored[0]}").json["log"]
    assert api.get(f"/transmissions/attempts/{bare['id']}/sent").json["code"] == "nothing_sent"
    assert api_client(api.app, api.engine).get(f"/transmissions/attempts/{attempt['id']}/sent").status_code == 404


def test_a_check_lists_findings(api: ApiClient, stored: list[int]) -> None:
    """With the severity that the command ends with."""
    (finding,) = [each for each in api.get("/transmissions/check").json if each["code"] == "rejected"]
    assert (finding["severity"], finding["count"]) == (1, 1)


def test_metrics_are_served_to_a_token(api: ApiClient, stored: list[int]) -> None:
    """In the text format of Prometheus; without a token they are not."""
    client = api.app.test_client()
    read = client.get("/api/v1/transmissions/metrics", headers={"Authorization": f"Bearer {api.token}"})
    assert (read.status_code, read.mimetype) == (200, "text/plain")
    assert 'mobile_units_messages{state="rejected"} 1.0' in read.text
    assert "python_info" not in read.text
    assert client.get("/api/v1/transmissions/metrics").status_code == 401


EVERYBODY = {"coordinator", "settlement", "administrator"}
AUDITORS = {"settlement", "administrator"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/transmissions/work-list", EVERYBODY),
        ("GET", "/transmissions/at-risk", EVERYBODY),
        ("GET", "/transmissions/link", EVERYBODY),
        ("POST", "/transmissions/1/resend", EVERYBODY),
        ("POST", "/transmissions/work-list/resend", EVERYBODY),
        ("POST", "/transmissions/1/give-up", AUDITORS),
        ("GET", "/transmissions/outages", AUDITORS),
        ("GET", "/transmissions/attempts/1/sent", AUDITORS),
        ("GET", "/transmissions/check", AUDITORS),
        ("GET", "/transmissions/metrics", AUDITORS),
        ("POST", "/transmissions/link/resume", {"administrator"}),
        ("GET", "/visits/1/evidence", AUDITORS),
        ("GET", "/visits/1/evidence.pdf", AUDITORS),
    ],
)
def test_who_may_do_what(api: ApiClient, method: str, path: str, allowed: set[str]) -> None:
    """Everybody else is refused before anything is read."""
    may = {role.value for role in Role if api.with_roles(role).call(method, path).status_code != 403}
    assert may == allowed
