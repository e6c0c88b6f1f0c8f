"""The API of the waiting list: kept by midwives, read by coordinators, naming a woman in one place only."""

from datetime import UTC, datetime, time, timedelta

import pytest

from mobile_units import clock, db
from mobile_units.models.audit import AuditEntry
from mobile_units.models.slots import Slot
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.services import offers, visits
from mobile_units.services.women import DeclaredExamination
from tests import factories_booking
from tests.factories import ApiClient, api_client

EVERYTHING = "/waiting-list"


@pytest.fixture
def full(api: ApiClient) -> dict[str, int]:
    """A stop with a full slot, the visit in it, and a woman who would like it."""
    day = factories_booking.next_day()
    with db.transaction(api.engine) as session:
        provider_id = api.actor.provider_id
        stop = factories_booking.stop(session, provider_id, day)
        slot = factories_booking.slot(
            session, provider_id, of=factories_booking.schedule(session, provider_id, day=day, at=stop)
        )
        has, wants = (factories_booking.woman(session, provider_id).id for _ in range(2))
        command = visits.NewVisit(woman_id=has, slot_id=slot.id, path=Path.MAMMOGRAPHY)
        visit = visits.book(session, api.actor, command, clock.now())
        return {"stop": stop.id, "slot": slot.id, "visit": visit.id, "woman": wants}


def entry_of(full: dict[str, int], **values: object) -> dict[str, object]:
    """A request for a place at the stop."""
    return {"woman_id": full["woman"], "path": "mammography", "stop_id": full["stop"], **values}


@pytest.fixture
def by_day(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The instant of the round: ten in the morning."""
    now = local_instant(clock.today(), time(10))
    monkeypatch.setattr(clock, "now", lambda: now)
    return now


def test_a_woman_is_put_on_the_list_offered_a_place_and_booked(
    api: ApiClient, full: dict[str, int], by_day: datetime
) -> None:
    """From the request to the visit; nothing but the list with women names her."""
    made = api.post(EVERYTHING, entry_of(full, weekdays=[7, 6, 5, 4, 3, 2, 1], before="20:00"))
    assert made.status_code == 201, made.json
    assert (made.json["position"], made.json["entry"]["weekdays"]) == (1, [1, 2, 3, 4, 5, 6, 7])
    key = made.json["entry"]["id"]
    changed = api.patch(f"{EVERYTHING}/{key}", {"version": 1, "values": {"urgent": True, "before": None}})
    assert (changed.status_code, changed.json["entry"]["urgent"], changed.json["entry"]["before"]) == (200, True, None)
    api.post(f"/visits/{full['visit']}/cancel", {"version": 1, "cancelled_by": "woman"})
    with db.transaction(api.engine) as session:
        assert offers.offer(session, full["slot"], by_day) is offers.Offered.TO_A_WOMAN
    entry = api.get(f"{EVERYTHING}/{key}").json["entry"]
    assert entry["status"] == "offered"
    assert datetime.fromisoformat(entry["answer_by"]) == by_day.astimezone(UTC) + timedelta(hours=4)
    accepted = api.post(f"{EVERYTHING}/{key}/accept", {"version": entry["version"]})
    assert (accepted.status_code, accepted.json["entry"]["status"]) == (200, "booked")
    assert api.get(f"/visits/{entry['visit_id']}").json["status"] == "booked"


def test_an_offer_is_declined_and_a_woman_withdrawn(api: ApiClient, full: dict[str, int], by_day: datetime) -> None:
    """Declined she waits on; withdrawn she cannot be put back."""
    key = api.post(EVERYTHING, entry_of(full)).json["entry"]["id"]
    api.post(f"/visits/{full['visit']}/cancel", {"version": 1, "cancelled_by": "woman"})
    with db.transaction(api.engine) as session:
        offers.offer(session, full["slot"], by_day)
    entry = api.get(f"{EVERYTHING}/{key}").json["entry"]
    declined = api.post(f"{EVERYTHING}/{key}/decline", {"version": entry["version"]}).json["entry"]
    assert (declined["status"], declined["answer_by"]) == ("waiting", None)
    withdrawn = api.post(f"{EVERYTHING}/{key}/withdraw", {"version": declined["version"]}).json["entry"]
    again = api.post(f"{EVERYTHING}/{key}/put-back", {"version": withdrawn["version"]})
    assert (withdrawn["status"], again.status_code, again.json["code"]) == ("withdrawn", 409, "waiting_status")


def test_the_list_names_women_in_one_place(api: ApiClient, full: dict[str, int]) -> None:
    """Coordinators read it without them; who reads them leaves a trace."""
    api.post(EVERYTHING, entry_of(full))
    reader = api.with_roles(Role.COORDINATOR)
    for path in (EVERYTHING, f"{EVERYTHING}/{reader.get(EVERYTHING).json['items'][0]['entry']['id']}"):
        answer = reader.get(path)
        assert (answer.status_code, "Testowa" in str(answer.json)) == (200, False)
    assert reader.get(f"{EVERYTHING}/with-women").status_code == 403
    assert reader.post(EVERYTHING, entry_of(full)).status_code == 403
    named = api.get(f"{EVERYTHING}/with-women?stop_id={full['stop']}")
    assert named.json["items"][0]["entry"]["woman"]["family_name"] == "Testowa"
    with db.transaction(api.engine) as session:
        traces = session.query(AuditEntry).filter_by(subject_id=full["woman"], action="read", subject="woman")
        assert traces.count() == 1


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"teryt": "10"}, "waiting_where"),
        ({"stop_id": None}, "waiting_where"),
        ({"teryt": "1", "stop_id": None}, "invalid_input"),
        ({"weekdays": []}, "invalid_input"),
        ({"channel": "central"}, "invalid_input"),
        ({"after": "10:00", "before": "09:00"}, "waiting_where"),
        ({"first_day": "2027-02-02", "last_day": "2027-02-01"}, "period_reversed"),
    ],
)
def test_an_impossible_request_is_refused(
    api: ApiClient, full: dict[str, int], values: dict[str, object], code: str
) -> None:
    """By the form or by the rule."""
    answer = api.post(EVERYTHING, entry_of(full) | values)
    assert (answer.status_code, answer.json["code"]) == (422, code)


def test_a_second_entry_and_a_place_that_is_free_are_refused(api: ApiClient, full: dict[str, int]) -> None:
    """The one by the constraint of the database, the other with what can be booked."""
    api.post(EVERYTHING, entry_of(full))
    again = api.post(EVERYTHING, entry_of(full))
    assert (again.status_code, again.json["code"]) == (409, "waiting_already")
    api.post(f"/visits/{full['visit']}/cancel", {"version": 1, "cancelled_by": "woman"})
    with db.transaction(api.engine) as session:
        other = factories_booking.woman(session, api.actor.provider_id).id
        session.query(Slot).filter_by(id=full["slot"]).update({"kept_for_waiting": False})
    free = api.post(EVERYTHING, entry_of(full, woman_id=other))
    assert (free.status_code, free.json["code"]) == (409, "places_free")
    assert [place["slot_id"] for place in free.json["places"]] == [full["slot"]]


def test_a_refusal_that_tells_of_her_health_leaves_a_trace(api: ApiClient, full: dict[str, int]) -> None:
    """Though nothing was stored."""
    told = DeclaredExamination(path=Path.MAMMOGRAPHY, performed_on=clock.today())
    with db.transaction(api.engine) as session:
        key = factories_booking.woman(session, api.actor.provider_id, examinations=[told]).id
    answer = api.post(EVERYTHING, entry_of(full, woman_id=key))
    assert (answer.status_code, answer.json["code"]) == (409, "not_eligible")
    with db.transaction(api.engine) as session:
        traces = session.query(AuditEntry).filter_by(subject_id=key, action="waiting_add_refused")
        assert traces.count() == 1


def test_entries_of_another_provider_are_not_found(api: ApiClient, full: dict[str, int]) -> None:
    """Neither read nor changed."""
    key = api.post(EVERYTHING, entry_of(full)).json["entry"]["id"]
    stranger = api_client(api.app, api.engine)
    for answer in (
        stranger.get(f"{EVERYTHING}/{key}"),
        stranger.patch(f"{EVERYTHING}/{key}", {"version": 1, "values": {}}),
        *(stranger.post(f"{EVERYTHING}/{key}/{act}", {"version": 1}) for act in ("accept", "decline", "withdraw")),
    ):
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert stranger.get(EVERYTHING).json["total"] == 0
