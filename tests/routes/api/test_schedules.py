"""The API for schedules, which are read only."""

from datetime import timedelta

import pytest

from mobile_units import db
from mobile_units.models.schedules import Schedule
from mobile_units.rules.programmes import Mobility, Path
from mobile_units.rules.roles import Role
from tests import factories_booking
from tests.factories import ApiClient, api_client
from tests.factories_booking import DAY, NOW


@pytest.fixture
def mobile(api: ApiClient) -> Schedule:
    """A mammography schedule at a stop in Wieluń."""
    with db.transaction(api.engine) as session:
        return factories_booking.schedule(session, api.actor.provider_id)


@pytest.fixture
def stationary(api: ApiClient) -> Schedule:
    """An accepted cytology schedule of a stationary place, a week later."""
    with db.transaction(api.engine) as session:
        day, path = DAY + timedelta(days=7), Path.CLASSIC_CYTOLOGY
        place = factories_booking.service_place(session, api.actor.provider_id, path.programme, Mobility.STATIONARY)
        made = factories_booking.schedule(session, api.actor.provider_id, path, day, place=place)
        made.accepted_at = NOW
        return made


def test_a_schedule_is_read_with_its_working_hours(api: ApiClient, mobile: Schedule) -> None:
    """8:00 to 16:00 in Poland, the flag and the product code."""
    read = api.get(f"/schedules/{mobile.id}").json
    assert read["hours"] == [{"starts_at": "2027-03-10T07:00:00+00:00", "ends_at": "2027-03-10T15:00:00+00:00"}]
    assert (read["mobile"], read["mobile_point_id"]) == (True, mobile.mobile_point_id)
    assert (read["product_code"], read["valid_from"]) == ("10.7940.159.02", "2027-03-10")


def test_schedules_are_found_by_what_is_known_of_them(api: ApiClient, mobile: Schedule, stationary: Schedule) -> None:
    """Each criterion alone finds the one and not the other."""
    assert [item["id"] for item in api.get("/schedules").json["items"]] == [mobile.id, stationary.id]
    stop_id = api.get(f"/mobile-points/{mobile.mobile_point_id}").json["stop_id"]
    for query in (
        f"service_place_id={mobile.service_place_id}",
        f"stop_id={stop_id}",
        "programme=breast",
        "path=mammography",
        "mobile=true",
        f"last_day={DAY}",
        "accepted=false",
    ):
        assert [item["id"] for item in api.get(f"/schedules?{query}").json["items"]] == [mobile.id], query
    later = api.get(f"/schedules?first_day={DAY + timedelta(days=1)}").json
    assert [item["id"] for item in later["items"]] == [stationary.id]


def test_other_providers_and_roles_see_nothing(api: ApiClient, mobile: Schedule) -> None:
    """An administrator has no business here, another provider finds nothing."""
    stranger, administrator = api_client(api.app, api.engine), api.with_roles(Role.ADMINISTRATOR)
    path = f"/schedules/{mobile.id}"
    assert (stranger.get(path).status_code, administrator.get(path).status_code) == (404, 403)
    assert stranger.get("/schedules").json["total"] == 0
