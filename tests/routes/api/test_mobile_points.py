"""The API for mobile points, which are read only."""

from datetime import timedelta

import pytest

from mobile_units import db
from mobile_units.models.schedules import Schedule
from mobile_units.rules.roles import Role
from tests import factories_booking
from tests.factories import ApiClient, api_client
from tests.factories_booking import DAY


@pytest.fixture
def mobile(api: ApiClient) -> Schedule:
    """A schedule whose mobile point is a stop in Wieluń."""
    with db.transaction(api.engine) as session:
        return factories_booking.schedule(session, api.actor.provider_id)


def test_a_mobile_point_is_read_with_its_site(api: ApiClient, mobile: Schedule) -> None:
    """What the central system knows of the stop's place."""
    read = api.get(f"/mobile-points/{mobile.mobile_point_id}").json
    assert (read["locality"], read["latitude"], read["accepted_at"]) == ("Wieluń", 51.22097, None)
    assert (read["valid_from"], read["valid_to"]) == (str(DAY), str(DAY))


def test_mobile_points_are_found_by_what_is_known_of_them(api: ApiClient, mobile: Schedule) -> None:
    """Each criterion finds it, its opposite does not."""
    point = api.get(f"/mobile-points/{mobile.mobile_point_id}").json
    here = {"service_place_id": mobile.service_place_id, "stop_id": point["stop_id"], "accepted": "false"}
    here |= {"first_day": DAY, "last_day": DAY}
    away = {"service_place_id": 10**9, "stop_id": 10**9, "accepted": "true"}
    away |= {"first_day": DAY + timedelta(days=1), "last_day": DAY - timedelta(days=1)}
    for name, value in here.items():
        assert api.get(f"/mobile-points?{name}={value}").json["items"] == [point], name
        assert api.get(f"/mobile-points?{name}={away[name]}").json["items"] == [], name


def test_other_providers_and_roles_see_nothing(api: ApiClient, mobile: Schedule) -> None:
    """An administrator has no business here, another provider finds nothing."""
    stranger, administrator = api_client(api.app, api.engine), api.with_roles(Role.ADMINISTRATOR)
    path = f"/mobile-points/{mobile.mobile_point_id}"
    assert (stranger.get(path).status_code, administrator.get(path).status_code) == (404, 403)
    assert stranger.get("/mobile-points").json["total"] == 0
