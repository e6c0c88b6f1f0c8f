"""The API for initial loads: a file is uploaded, its way is followed, refused rows are fetched and sent again."""

import pytest
from sqlalchemy import select

from mobile_units import db
from mobile_units.models.initial_loads import InitialLoadRow, LoadedRowState
from mobile_units.models.slots import Slot
from mobile_units.rules.roles import Role
from tests import factories_booking
from tests.factories import Answer, ApiClient, api_client
from tests.services.test_initial_loads import line, table


def upload(api: ApiClient, content: bytes, query: str = "") -> Answer:
    """Sends a file as a form does."""
    heading = b'--limit\r\nContent-Disposition: form-data; name="file"; filename="wizyty.csv"\r\n\r\n'
    body = heading + content + b"\r\n--limit--\r\n"
    return api.post("/initial-loads" + query, data=body, content_type="multipart/form-data; boundary=limit")


@pytest.fixture
def slot(api: ApiClient) -> Slot:
    """A slot to come, with two places."""
    with db.transaction(api.engine) as session:
        return factories_booking.slot(session, api.actor.provider_id, day=factories_booking.next_day(), capacity=2)


@pytest.fixture
def content(slot: Slot) -> bytes:
    """A right file of two rows."""
    day = slot.schedule.valid_from.isoformat()
    return table(line(slot, day=day), line(slot, day=day))


def test_a_file_is_taken_in_once(api: ApiClient, content: bytes) -> None:
    """A trial stores nothing; a second time it is refused."""
    tried = upload(api, content, "?dry_run=true")
    assert tried.json == {"load_id": None, "rows": 2, "chunks": 1, "women_registered": 2}
    done = upload(api, content, "?chunk_size=1")
    assert (done.status_code, done.json["chunks"]) == (201, 2)
    again = upload(api, content)
    assert (again.status_code, again.json["code"]) == (409, "file_loaded_before")
    (listed,) = api.get("/initial-loads").json["items"]
    assert (listed["id"], listed["file_name"], listed["loaded_by"]) == (
        done.json["load_id"],
        "wizyty.csv",
        api.actor.user_id,
    )


def test_all_problems_of_a_file_are_told(api: ApiClient, content: bytes) -> None:
    """Nothing is stored."""
    refused = upload(api, content.replace(b"09:00", b"09:07"))
    assert (refused.status_code, refused.json["code"]) == (422, "import_refused")
    assert [(each["row"], each["column"], each["code"]) for each in refused.json["problems"]] == [
        (2, "time", "no_slot_there"),
        (3, "time", "no_slot_there"),
    ]
    assert api.get("/initial-loads").json["total"] == 0


def test_the_way_of_a_load_is_followed(api: ApiClient, content: bytes) -> None:
    """Rows and messages by state; refused rows as JSON or CSV, and sent again one by one."""
    load_id = upload(api, content).json["load_id"]
    with db.transaction(api.engine) as session:
        row = session.scalars(select(InitialLoadRow).order_by(InitialLoadRow.id.desc())).first()
        assert row is not None
        row.state, row.code, row.description = LoadedRowState.REFUSED, "blad", "opis"
    status = api.get(f"/initial-loads/{load_id}").json
    assert (status["rows"], status["waiting"], status["accepted"], status["refused"]) == (2, 1, 0, 1)
    assert (status["file"]["id"], status["chunks"]) == (load_id, [{"number": 1, "rows": 2, "state": "pending"}])
    (refused,) = api.get(f"/initial-loads/{load_id}/refused-rows").json
    assert (refused["row"], refused["code"], refused["passed"]) == (3, "blad", False)
    report = api.get(f"/initial-loads/{load_id}/refused-rows?format=csv")
    assert report.headers["Content-Type"].startswith("text/csv")
    assert api.get(f"/initial-loads/{load_id}/refused-rows?format=pdf").status_code == 422
    sent = api.post(f"/initial-loads/{load_id}/refused-rows/{refused['id']}/resend")
    assert (sent.status_code, sent.json["visit_id"]) == (200, refused["visit_id"])
    found = api.get(f"/transmissions?kind=save_visit&subject_id={refused['visit_id']}").json
    assert found["total"] == 1


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT])
def test_only_administrators_load(api: ApiClient, content: bytes, role: Role) -> None:
    """And follow what they loaded."""
    other = api.with_roles(role)
    assert upload(other, content).status_code == 403
    assert other.get("/initial-loads").status_code == 403


def test_another_providers_load_does_not_exist(api: ApiClient, content: bytes) -> None:
    """Nor its rows."""
    load_id = upload(api, content).json["load_id"]
    stranger = api_client(api.app, api.engine)
    assert stranger.get(f"/initial-loads/{load_id}").status_code == 404
    assert stranger.get(f"/initial-loads/{load_id}/refused-rows").status_code == 404
