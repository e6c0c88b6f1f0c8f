"""The API for the call list."""

import pytest

from mobile_units import db
from mobile_units.models.visits import Visit
from mobile_units.rules.messages import NoticeKind
from mobile_units.rules.roles import Role
from mobile_units.services.messages_to_women import notify
from tests import factories_messages as make
from tests.factories import ApiClient


@pytest.fixture
def visit(api: ApiClient) -> Visit:
    """A visit whose woman has to be called."""
    with db.transaction(api.engine) as session:
        make.named(session, api.actor.provider_id)
        made = make.visit(session, api.actor.provider_id)
        notify(session, api.actor, made, NoticeKind.BOOKED)
        return made


def test_a_coordinator_sees_how_many_and_a_midwife_whom(api: ApiClient, visit: Visit) -> None:
    """Only the address that ends in with-women names anybody."""
    coordinator, midwife = api.with_roles(Role.COORDINATOR), api.with_roles(Role.MIDWIFE)
    page = coordinator.get("/call-list").json
    assert (page["total"], page["items"][0]["visit_id"], page["items"][0]["kind"]) == (1, visit.id, "booked")
    assert "Testowa" not in str(page)
    assert "woman_id" not in page["items"][0]
    assert coordinator.get("/call-list/with-women").status_code == 403
    (call,) = midwife.get("/call-list/with-women").json["items"]
    assert (call["family_name"], call["text"].partition(":")[0]) == ("Testowa", "Centrum Próbne")
    assert api.with_roles(Role.SETTLEMENT).get("/call-list").status_code == 403


def test_a_midwife_records_calls_until_the_woman_is_told(api: ApiClient, visit: Visit) -> None:
    """Each call is in the audit log of the woman; a coordinator does not call."""
    midwife = api.with_roles(Role.MIDWIFE)
    (call,) = midwife.get("/call-list").json["items"]
    path = f"/call-list/{call['id']}/calls"
    assert api.with_roles(Role.COORDINATOR).post(path, {"result": "told"}).status_code == 403
    done = midwife.post(path, {"result": "no_answer"})
    assert (done.status_code, done.json["calls"], done.json["call_result"]) == (201, 1, "no_answer")
    assert midwife.post(path, {"result": "told"}).status_code == 201
    assert midwife.get("/call-list").json["items"] == []
    again = midwife.post(path, {"result": "told"})
    assert (again.status_code, again.json["code"]) == (409, "not_to_call")
    assert midwife.post(path, {"result": "perhaps"}).status_code == 422
    entries = api.get(f"/audit-entries?subject=woman&subject_id={visit.woman_id}").json["items"]
    assert {"call_no_answer", "call_told", "notify"} <= {entry["action"] for entry in entries}
