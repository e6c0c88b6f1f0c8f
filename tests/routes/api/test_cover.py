"""The API for the duty of three full months."""

from datetime import date

from mobile_units import clock, db
from mobile_units.rules.compliance import horizon_end
from mobile_units.rules.roles import Role
from tests.factories import ApiClient, api_client
from tests.factories_booking import service_place


def test_coordinators_and_settlement_officers_read_it(api: ApiClient) -> None:
    """With the reach, the gaps and the day on which the duty will be broken; others may not."""
    with db.transaction(api.engine) as session:
        place = service_place(session, api.actor.provider_id)
    for role in Role:
        answer = api.with_roles(role).get("/service-places/cover")
        assert answer.status_code == (200 if role in {Role.COORDINATOR, Role.SETTLEMENT} else 403)
    [item] = api.get("/service-places/cover").json["items"]
    today = clock.today()
    assert (item["service_place_id"], item["reach"], item["state"]) == (place.id, None, "broken")
    assert date.fromisoformat(item["broken_on"]) == today
    assert date.fromisoformat(item["needed_until"]) == horizon_end(today)


def test_another_provider_sees_its_own_places(api: ApiClient) -> None:
    """Which are none."""
    with db.transaction(api.engine) as session:
        service_place(session, api.actor.provider_id)
    assert api_client(api.app, api.engine).get("/service-places/cover").json["items"] == []
