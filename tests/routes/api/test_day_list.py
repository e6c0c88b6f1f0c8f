"""The API for the list of a day and for attendance."""

from dataclasses import dataclass

import pytest

from mobile_units import clock, db
from mobile_units.models.visits import Visit
from mobile_units.rules.roles import Role
from tests.factories import ApiClient, api_client
from tests.factories_day import booked, place_day, stop_day


@dataclass(frozen=True)
class Day:
    """Two lists of today, each with one woman."""

    stop: str
    place: str
    visits: list[int]


@pytest.fixture
def day(api: ApiClient) -> Day:
    """A stop and a stationary place of today."""
    today = clock.today()
    with db.transaction(api.engine) as session:
        (stop_id, mobile), (place_id, stationary) = (
            make(session, api.actor.provider_id, today) for make in (stop_day, place_day)
        )
        visits = [booked(session, of, names=("Anna", "Próbna")).id for of in (mobile, stationary)]
    return Day(f"/stops/{stop_id}/days/{today}/list", f"/service-places/{place_id}/days/{today}/list", visits)


def test_a_list_is_read_as_data(api: ApiClient, day: Day) -> None:
    """The stop's and the place's own women, with what the boxes need."""
    for path, visit_id in zip((day.stop, day.place), day.visits, strict=True):
        found = api.get(path).json
        [line] = found["lines"]
        assert (line["booked"]["name"], line["booked"]["visit_id"]) == ("Próbna Anna", visit_id)
        assert "identity_number" not in str(found)


def test_a_list_is_printed_under_a_name_without_names(api: ApiClient, day: Day) -> None:
    """As PDF, not stored by anybody on the way."""
    for path, kind in ((day.stop, "postoj"), (day.place, "miejsce")):
        headers = {"Authorization": f"Bearer {api.token}"}
        answer = api.app.test_client().get(f"/api/v1{path}.pdf", headers=headers)
        assert (answer.status_code, answer.mimetype, answer.data[:5]) == (200, "application/pdf", b"%PDF-")
        name = answer.headers["Content-Disposition"]
        assert f'filename="lista-{kind}-' in name
        assert name.endswith(f'-{clock.today()}.pdf"')
        assert answer.headers["Cache-Control"] == "no-store"


def test_only_midwives_of_the_provider_read_and_record(api: ApiClient, day: Day) -> None:
    """Other roles are refused; for another provider nothing is there."""
    addresses = [f"{path}{ending}" for path in (day.stop, day.place) for ending in ("", ".pdf")]
    rows = {"rows": [{"visit_id": day.visits[0], "version": 1, "status": "performed"}]}
    for role in set(Role) - {Role.MIDWIFE}:
        other = api.with_roles(role)
        assert {other.get(path).status_code for path in addresses} == {403}
        assert other.post("/visits/attendance", rows).status_code == 403
    stranger = api_client(api.app, api.engine)
    assert {stranger.get(path).json["code"] for path in addresses} == {"not_found"}
    assert stranger.post("/visits/attendance", rows).json["refused"][0]["code"] == "not_found"


def test_what_is_no_day_is_not_found(api: ApiClient, day: Day) -> None:
    """Nothing breaks on it."""
    for wrong in ("2027-02-30", "10.03.2027", "0001-01-01", "9999-12-31", "x"):
        assert api.get(day.stop.replace(str(clock.today()), wrong)).status_code == 404


def test_attendance_is_recorded_row_by_row(api: ApiClient, day: Day) -> None:
    """What is saved and what is not is told by visit; the second time the version is an old one."""
    first, second = day.visits
    with db.transaction(api.engine) as session:
        versions = {key: session.get_one(Visit, key).version for key in day.visits}
    rows = [{"visit_id": first, "version": versions[first], "status": "performed"}]
    done = api.post("/visits/attendance", {"rows": rows}).json
    assert ([each["id"] for each in done["visits"]], done["refused"]) == ([first], [])
    rows[0]["status"] = "no_show"
    rows.append({"visit_id": second, "version": versions[second], "status": "not_performed", "reason": "ból"})
    done = api.post("/visits/attendance", {"rows": rows}).json
    assert [each["id"] for each in done["visits"]] == [second]
    assert [(each["visit_id"], each["code"]) for each in done["refused"]] == [(first, "stale_version")]


def test_bad_rows_are_refused_and_nothing_is_recorded(api: ApiClient, day: Day) -> None:
    """Neither the bad one nor those beside it."""
    good = {"visit_id": day.visits[0], "version": 1, "status": "performed"}
    wrong: list[dict[str, object]] = [
        {"status": "cancelled"}, {"visit_id": 0}, {"visit_id": 2**63}, {"reason": " "}, {"reason": "x" * 1001},
        {"woman": "Anna"}, {"reason": "\x00"},
    ]  # fmt: skip
    for each in wrong:
        bad = {"visit_id": day.visits[1], "version": 1, "status": "performed"} | each
        assert api.post("/visits/attendance", {"rows": [good, bad]}).status_code == 422
    twice = api.post("/visits/attendance", {"rows": [good, good]})
    assert twice.json["code"] == "given_twice"
    with db.transaction(api.engine) as session:
        assert session.get_one(Visit, day.visits[0]).status == "booked"
