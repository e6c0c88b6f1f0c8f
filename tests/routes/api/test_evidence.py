"""The API for evidence."""

import hashlib
import json

import pytest

from mobile_units import db
from mobile_units.models.transmissions import AttemptOutcome, MessageState
from mobile_units.services import evidence
from tests import factories_log
from tests.factories import ApiClient, api_client
from tests.factories_transmission import later


@pytest.fixture
def visit_id(api: ApiClient) -> int:
    """A visit whose message was rejected."""
    with db.transaction(api.engine) as session:
        visit = factories_log.visit(session, api.actor.provider_id)
        rejected = factories_log.of_visit(session, visit, MessageState.REJECTED)
        factories_log.attempt(session, rejected, later(0), AttemptOutcome.REJECTED, "x", "REG.WER.13: brak")
        return visit.id


def raw(api: ApiClient, path: str, accept: str = "*/*") -> tuple[int, str | None, bytes]:
    """Status, kind and bytes of an answer."""
    headers = {"Authorization": f"Bearer {api.token}", "Accept": accept}
    answer = api.app.test_client().get("/api/v1" + path, headers=headers)
    return answer.status_code, answer.mimetype, answer.data


def test_evidence_is_json_with_a_digest_that_holds(api: ApiClient, visit_id: int) -> None:
    """As it comes over the wire, whoever asks without a wish or for JSON."""
    for accept in ("*/*", "application/json"):
        status, kind, body = raw(api, f"/visits/{visit_id}/evidence", accept)
        document = json.loads(body)
        assert (status, kind, document["visit"]["id"]) == (200, "application/json", visit_id)
        assert document["sha256"] == hashlib.sha256(evidence.canonical(document)).hexdigest()


def test_evidence_is_printed(api: ApiClient, visit_id: int) -> None:
    """By its own address, or by what the request accepts."""
    for path, accept in (
        (f"/visits/{visit_id}/evidence.pdf", "*/*"),
        (f"/visits/{visit_id}/evidence", "application/pdf"),
    ):
        status, kind, body = raw(api, path, accept)
        assert (status, kind, body[:5]) == (200, "application/pdf", b"%PDF-")


def test_a_visit_of_another_provider_has_no_evidence(api: ApiClient, visit_id: int) -> None:
    """It is as if it did not exist."""
    stranger = api_client(api.app, api.engine)
    for path in (f"/visits/{visit_id}/evidence", f"/visits/{visit_id}/evidence.pdf"):
        assert stranger.get(path).json["code"] == "not_found"
