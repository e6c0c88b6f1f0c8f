"""The API for visits: booking, what follows, and who sees what."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from mobile_units import clock, db
from mobile_units.errors import DomainError
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.admission import Reservation
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.services import expired_holds, slot_places
from tests import factories_booking
from tests.factories import ApiClient, api_client


def slot(api: ApiClient, path: Path = Path.HPV_LBC, days: int = 14) -> Slot:
    """A free slot, in so many days from now."""
    with db.transaction(api.engine) as session:
        day = clock.today() + timedelta(days=days)
        return factories_booking.slot(session, api.actor.provider_id, path, day)


@pytest.fixture
def woman(api: ApiClient) -> Woman:
    """A woman of the screening age."""
    with db.transaction(api.engine) as session:
        return factories_booking.woman(session, api.actor.provider_id)


@pytest.fixture
def request_body(api: ApiClient, woman: Woman) -> dict[str, Any]:
    """A request for an HPV test."""
    return {"woman_id": woman.id, "slot_id": slot(api).id, "path": "hpv_lbc", "idempotency_key": "click-0001"}


def test_a_visit_is_booked_once_however_often_it_is_sent(api: ApiClient, request_body: dict[str, Any]) -> None:
    """The repeated request gets the same visit; another content under the key is refused."""
    first, second = api.post("/visits", request_body), api.post("/visits", request_body)
    assert first.status_code == 201, first.json
    assert second.json == first.json
    assert (first.json["status"], first.json["product_code"]) == ("booked", "01.0034.102.01")
    assert api.get(f"/slots/{request_body['slot_id']}").json["free"] == 0
    other = api.post("/visits", request_body | {"urgent": True})
    assert (other.status_code, other.json["code"]) == (409, "idempotency_key_reused")


def test_a_refusal_by_a_constraint_is_told_like_any_other(api: ApiClient, request_body: dict[str, Any]) -> None:
    """The second visit in the programme is refused with the way out, and nothing is taken."""
    api.post("/visits", request_body)
    free = slot(api)
    refused = api.post("/visits", request_body | {"slot_id": free.id, "idempotency_key": "click-0002"})
    assert (refused.status_code, refused.json["code"]) == (409, "parallel_visit")
    assert refused.json["way_out_pl"]
    assert api.get(f"/slots/{free.id}").json["free"] == 1


def test_an_ineligible_woman_is_told_why_and_from_when(api: ApiClient, request_body: dict[str, Any]) -> None:
    """The midwife may set the rule aside with a reason, which the list shows only as a fact."""
    woman = api.get(f"/women/{request_body['woman_id']}").json
    day = str(clock.today() - timedelta(days=100))
    declared = {"declaration": {"examinations": [{"path": "hpv_lbc", "performed_on": day}]}}
    api.patch(f"/women/{woman['id']}", {"version": woman["version"], "values": declared})
    refused = api.post("/visits", request_body)
    assert (refused.status_code, refused.json["code"]) == (409, "not_eligible")
    assert "60" in refused.json["title"]
    assert "Dz.U. 2025 poz. 298" in refused.json["title_pl"]
    assert str(clock.today().year + 5)[:3] in refused.json["way_out"]
    kept = api.post("/visits", request_body | {"override_reason": "wskazanie lekarza"}).json
    assert kept["overridden"] is True
    assert "wskazanie" not in str(api.get("/visits").json)
    assert api.get(f"/visits/{kept['id']}/with-woman").json["override_reason"] == "wskazanie lekarza"


def test_a_visit_lives(api: ApiClient, request_body: dict[str, Any]) -> None:
    """Confirmed, given another path, moved, cancelled: each answer is the visit as it is now."""
    visit = api.post("/visits", request_body).json
    confirmed = api.post(f"/visits/{visit['id']}/status", {"version": visit["version"], "status": "confirmed"}).json
    assert confirmed["status"] == "confirmed"
    change = {"version": confirmed["version"], "path": "classic_cytology"}
    repathed = api.post(f"/visits/{visit['id']}/path", change).json
    assert (repathed["path"], repathed["product_code"]) == ("classic_cytology", "01.0034.101.01")
    to = slot(api, Path.CLASSIC_CYTOLOGY)
    moved = api.post(f"/visits/{visit['id']}/move", {"version": repathed["version"], "slot_id": to.id})
    assert (moved.status_code, moved.json["moved_from"]) == (201, visit["uuid"])
    cancellation = {"version": moved.json["version"], "cancelled_by": "woman", "reason": "wyjazd"}
    cancelled = api.post(f"/visits/{moved.json['id']}/cancel", cancellation).json
    assert (cancelled["status"], cancelled["cancelled_by"]) == ("cancelled", "woman")
    old = api.get(f"/visits/{visit['id']}").json
    assert [change["to_status"] for change in old["changes"]] == ["booked", "confirmed", "confirmed", "moved"]


def test_attendance_is_recorded_on_the_day(api: ApiClient, woman: Woman) -> None:
    """Not before."""
    with db.transaction(api.engine) as session:
        schedule = factories_booking.schedule(session, api.actor.provider_id, day=clock.today() + timedelta(days=1))
        tomorrow = factories_booking.slot(session, api.actor.provider_id, of=schedule)
    visit = api.post("/visits", {"woman_id": woman.id, "slot_id": tomorrow.id, "path": "mammography"}).json
    early = api.post(f"/visits/{visit['id']}/status", {"version": visit["version"], "status": "performed"})
    assert (early.status_code, early.json["code"]) == (409, "too_early")


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("status", {"status": "cancelled"}),
        ("status", {"status": "booked"}),
        ("cancel", {"cancelled_by": "system"}),
        ("path", {"path": "x-ray"}),
        ("move", {"slot_id": 0}),
        ("move", {}),
    ],
)
def test_what_nobody_may_ask_is_refused(
    api: ApiClient, request_body: dict[str, Any], address: str, body: dict[str, Any]
) -> None:
    """The visit stays as it was."""
    visit = api.post("/visits", request_body).json
    refused = api.post(f"/visits/{visit['id']}/{address}", body | {"version": visit["version"]})
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_input")
    assert api.get(f"/visits/{visit['id']}").json["version"] == visit["version"]


def test_women_are_named_only_where_the_address_says_so(api: ApiClient, request_body: dict[str, Any]) -> None:
    """The settlement officer sees visits without women, the midwife both."""
    key = api.post("/visits", request_body).json["id"]
    settlement, midwife = api.with_roles(Role.SETTLEMENT), api.with_roles(Role.MIDWIFE)
    for answer in (settlement.get("/visits"), settlement.get(f"/visits/{key}")):
        assert answer.status_code == 200
        assert not any(word in str(answer.json) for word in ("Testowa", "woman'", "reason", "telephone"))
    assert settlement.get("/visits/with-women").status_code == 403
    assert settlement.get(f"/visits/{key}/with-woman").status_code == 403
    assert midwife.get("/visits/with-women").json["items"][0]["woman"]["family_name"] == "Testowa"
    assert midwife.get(f"/visits/{key}/with-woman").json["woman"]["id"] == request_body["woman_id"]


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.SETTLEMENT, Role.ADMINISTRATOR])
def test_only_midwives_change_visits(api: ApiClient, request_body: dict[str, Any], role: Role) -> None:
    """Booking and everything after it."""
    key = api.post("/visits", request_body).json["id"]
    other = api.with_roles(role)
    for path in ("/visits", *(f"/visits/{key}/{action}" for action in ("status", "cancel", "path", "move"))):
        assert other.post(path, {}).status_code == 403


def test_visits_are_filtered_in_the_query(api: ApiClient, request_body: dict[str, Any]) -> None:
    """By whether they were passed, by programme and by day."""
    api.post("/visits", request_body)
    day = clock.today() + timedelta(days=14)
    for query, count in (
        ("passed=false&programme=cervical&status=booked", 1),
        (f"first_day={day}&last_day={day}&path=hpv_lbc", 1),
        (f"woman_id={request_body['woman_id']}&slot_id={request_body['slot_id']}", 1),
        ("passed=true", 0),
        ("programme=breast", 0),
        (f"first_day={day + timedelta(days=1)}", 0),
    ):
        assert api.get(f"/visits?{query}").json["total"] == count, query


def test_another_providers_visit_does_not_exist(api: ApiClient, request_body: dict[str, Any]) -> None:
    """Neither to be read nor to be changed."""
    visit = api.post("/visits", request_body).json
    stranger = api_client(api.app, api.engine)
    assert stranger.get("/visits").json["total"] == 0
    for path in ("", "/with-woman"):
        assert stranger.get(f"/visits/{visit['id']}{path}").status_code == 404
    body = {"version": visit["version"], "cancelled_by": "provider"}
    assert stranger.post(f"/visits/{visit['id']}/cancel", body).json["code"] == "not_found"


def acts_on(api: ApiClient, woman_id: int) -> list[str]:
    """What the audit log tells of a woman, the latest first."""
    return [entry["action"] for entry in api.get(f"/audit-entries?subject=woman&subject_id={woman_id}").json["items"]]


def test_a_refusal_that_tells_of_her_health_is_audited(api: ApiClient, request_body: dict[str, Any]) -> None:
    """The booking, the move and the new path leave nothing but the trace; a refusal that tells nothing leaves none."""
    with db.transaction(api.engine) as session:
        young = factories_booking.woman(session, api.actor.provider_id, born=clock.today() - timedelta(days=3650))
    body = request_body | {"woman_id": young.id}
    assert api.post("/visits", body).json["code"] == "not_eligible"
    assert acts_on(api, young.id) == ["visit_book_refused", "register"]
    booked = api.post("/visits", body | {"override_reason": "zalecenie"}).json
    path = {"version": booked["version"], "path": "classic_cytology"}
    assert api.post(f"/visits/{booked['id']}/path", path).json["code"] == "not_eligible"
    assert api.post(f"/visits/{booked['id']}/path", path | {"version": 99}).json["code"] == "stale_version"
    assert acts_on(api, young.id) == ["visit_change_path_refused", "visit_book", "visit_book_refused", "register"]


def test_a_refused_move_that_tells_of_her_health_is_audited(api: ApiClient, request_body: dict[str, Any]) -> None:
    """She declared an examination after she had booked."""
    booked = api.post("/visits", request_body).json
    examined = {"path": "hpv_lbc", "performed_on": clock.today().isoformat()}
    change = {"version": 1, "values": {"declaration": {"examinations": [examined]}}}
    assert api.patch(f"/women/{request_body['woman_id']}", change).status_code == 200
    move = {"version": booked["version"], "slot_id": slot(api).id}
    assert api.post(f"/visits/{booked['id']}/move", move).json["code"] == "not_eligible"
    assert acts_on(api, request_body["woman_id"])[0] == "visit_move_refused"


def test_a_hold_is_confirmed_or_given_up(api: ApiClient, request_body: dict[str, Any]) -> None:
    """It tells how long it lasts; confirmed, it is a visit as any other."""
    held = api.post("/visits/hold", request_body)
    assert (held.status_code, held.json["status"], held.json["channel"]) == (201, "held", "desk")
    left = datetime.fromisoformat(held.json["held_until"]) - clock.now()
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    assert api.post("/visits/hold", request_body).json["id"] == held.json["id"]
    about, version = f"/visits/{held.json['id']}", {"version": held.json["version"]}
    booked = api.post(f"{about}/confirm-hold", version)
    assert (booked.status_code, booked.json["status"], booked.json["held_until"]) == (200, "booked", None)
    late = api.post(f"{about}/give-up", {"version": booked.json["version"]})
    assert (late.status_code, late.json["code"]) == (409, "transition_not_allowed")


def test_a_hold_given_up_frees_its_place(api: ApiClient, request_body: dict[str, Any]) -> None:
    """By the woman, unless told otherwise."""
    held = api.post("/visits/hold", request_body | {"channel": "telephone"}).json
    ended = api.post(f"/visits/{held['id']}/give-up", {"version": held["version"]})
    assert (ended.json["status"], ended.json["cancelled_by"]) == ("cancelled", "woman")
    assert api.get(f"/slots/{request_body['slot_id']}").json["free"] == 1


@pytest.mark.parametrize("address", ["/visits", "/visits/hold"])
def test_who_finds_no_place_is_told_the_nearest_others(
    api: ApiClient, request_body: dict[str, Any], address: str
) -> None:
    """Looked up after the refusal, so what is told is free now."""
    with db.transaction(api.engine) as session:
        taken = session.get_one(Slot, request_body["slot_id"])
        other = factories_booking.slot(session, api.actor.provider_id, of=taken.schedule, at=time(10))
        taken.reserved_for = Reservation.URGENT
    refused = api.post(address, request_body)
    assert (refused.status_code, refused.json["code"]) == (409, "slot_reserved")
    assert "przypadki pilne" in refused.json["title_pl"]
    nearest = refused.json["alternatives"][0]
    assert (nearest["slot_id"], nearest["starts_at"]) == (other.id, other.starts_at.isoformat())
    assert set(nearest) == {"slot_id", "starts_at", "place", "address", "distance_km"}
    assert api.post(address, request_body | {"urgent": True}).status_code == 201


def test_a_move_that_finds_no_place_is_told_the_nearest_others(api: ApiClient, request_body: dict[str, Any]) -> None:
    """By the path and the channel of the visit that should move."""
    visit = api.post("/visits", request_body).json
    full = slot(api)
    with db.transaction(api.engine) as session:
        session.get_one(Slot, full.id).capacity = 0
    refused = api.post(f"/visits/{visit['id']}/move", {"version": visit["version"], "slot_id": full.id})
    assert (refused.status_code, refused.json["code"]) == (409, "slot_full")
    assert isinstance(refused.json["alternatives"], list)


@pytest.mark.parametrize("worker_came", [False, True])
def test_who_confirms_too_late_is_told_the_nearest_others(
    api: ApiClient, request_body: dict[str, Any], worker_came: bool
) -> None:
    """The hold is over, whoever ended it since; nobody is said to have changed it."""
    held = api.post("/visits/hold", request_body).json
    with db.transaction(api.engine) as session:
        lost = session.get_one(Slot, request_body["slot_id"])
        other = factories_booking.slot(session, api.actor.provider_id, of=lost.schedule, at=time(10))
        session.get_one(Visit, held["id"]).held_until = clock.now()
    if worker_came:
        with db.transaction(api.engine) as session:
            expired_holds.release(session, clock.now(), Visit.id == held["id"])
    late = api.post(f"/visits/{held['id']}/confirm-hold", {"version": held["version"] + 1 - worker_came})
    assert (late.status_code, late.json["code"]) == (409, "hold_expired")
    assert late.json["alternatives"][0]["slot_id"] == other.id


def test_a_path_for_which_the_rooms_have_no_time_is_told_where_they_have(
    api: ApiClient, request_body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the path that she wants now; her visit stays as it was."""

    def full(*_: object) -> None:
        raise DomainError("session_full", path=Path.CLASSIC_CYTOLOGY)

    visit, instead = api.post("/visits", request_body).json, slot(api, Path.CLASSIC_CYTOLOGY)
    monkeypatch.setattr(slot_places, "change_path", full)
    refused = api.post(f"/visits/{visit['id']}/path", {"version": visit["version"], "path": "classic_cytology"})
    assert (refused.status_code, refused.json["code"]) == (409, "session_full")
    assert instead.id in [each["slot_id"] for each in refused.json["alternatives"]]
    assert api.get(f"/visits/{visit['id']}").json["path"] == "hpv_lbc"


def test_what_women_book_in_ikp_is_not_booked_here(api: ApiClient, request_body: dict[str, Any]) -> None:
    """The channel of the central e-registration is not ours to name."""
    assert api.post("/visits", request_body | {"channel": "central"}).status_code == 422
