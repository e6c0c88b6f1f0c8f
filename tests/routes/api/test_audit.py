"""The API for the audit log."""

from datetime import timedelta

from mobile_units import clock
from mobile_units.rules.roles import Role
from tests.factories import ApiClient, api_client
from tests.factories_catalogue import LAB, UNIT, kept


def test_changes_are_in_the_log_with_their_author_and_request(api: ApiClient) -> None:
    """The latest comes first, and nothing of what was changed is told."""
    lab = kept(api, "/service-places", LAB)
    api.patch(f"/service-places/{lab['id']}", {"version": 1, "values": {"name": "Inna nazwa"}})
    entries = api.get(f"/audit-entries?subject=service_place&subject_id={lab['id']}").json
    assert [(entry["action"], entry["user_id"]) for entry in entries["items"]] == [
        ("change", api.actor.user_id),
        ("create", api.actor.user_id),
    ]
    assert all(entry["request_id"] for entry in entries["items"])
    assert "Inna nazwa" not in str(entries)


def test_the_log_is_filtered_by_user_and_polish_days(api: ApiClient) -> None:
    """Both days are included."""
    other = api.with_roles(Role.COORDINATOR)
    kept(other, "/units", UNIT)
    today, tomorrow = clock.today(), clock.today() + timedelta(days=1)

    def total(query: str) -> int:
        return int(api.get(f"/audit-entries?user_id={other.actor.user_id}&{query}").json["total"])

    assert total("") == 2, "the token and the unit"
    assert total(f"from_day={today}&to_day={tomorrow}") == 2
    assert total(f"from_day={today + timedelta(days=2)}") == 0
    assert total(f"to_day={today - timedelta(days=1)}") == 0
    assert total("subject=woman") == 0
    assert api.get("/audit-entries?to_day=9999-12-31").json["code"] == "invalid_input"


def test_only_the_administrator_reads_the_log_of_the_own_provider(api: ApiClient) -> None:
    """What happens at another provider is not seen."""
    kept(api, "/service-places", LAB)
    for role in (Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT):
        assert api.with_roles(role).get("/audit-entries").status_code == 403
    stranger = api_client(api.app, api.engine)
    assert stranger.get("/audit-entries?subject=service_place").json["total"] == 0


def test_one_entry_is_read(api: ApiClient) -> None:
    """By its key, at its own provider."""
    entry = api.get("/audit-entries").json["items"][0]
    assert api.get(f"/audit-entries/{entry['id']}").json == entry
    assert api_client(api.app, api.engine).get(f"/audit-entries/{entry['id']}").status_code == 404
