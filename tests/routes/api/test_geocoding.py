"""The API that looks up addresses and takes a person's word on where a site is."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from mobile_units import db
from mobile_units.models.sites import Site
from mobile_units.planning import geocoders
from mobile_units.rules.roles import Role
from tests import geocoder
from tests.factories import ApiClient, api_client
from tests.stand_in import Reply, StandIn, serving

SITE = {"name": "Urząd", "locality": "Wieluń", "street": "Plac Legionów 1", "latitude": 51.0, "longitude": 18.0}


@pytest.fixture
def service(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """The UUG that the application is configured to ask."""
    monkeypatch.setattr(geocoders, "PAUSE_SECONDS", {"uug": 0.0})
    with serving(lambda asked: geocoder.uug(asked)) as service:  # noqa: PLW0108 -- a test may exchange it
        settings = replace(api.app.extensions["settings"], geocoder="uug", uug_url=service.url)
        monkeypatch.setitem(api.app.extensions, "settings", settings)
        yield service


def site(api: ApiClient, code: str, confidence: float | None, **values: Any) -> dict[str, Any]:
    """A site that is known with this confidence, as the API shows it."""
    kept = api.post("/sites", SITE | {"code": code} | values)
    assert kept.status_code == 201, kept.json
    with db.transaction(api.engine) as session:
        row = session.get_one(Site, kept.json["id"])
        row.location_confidence = confidence
    read: dict[str, Any] = api.get(f"/sites/{kept.json['id']}").json
    return read


@pytest.mark.usefixtures("service")
def test_sites_in_doubt_are_looked_up_and_confirmed(api: ApiClient) -> None:
    """One is found, one is not; the list of doubtful ones grows shorter, and a person ends it."""
    found, lost = site(api, "W1", 0.3), site(api, "X1", 0.3, locality="Nigdzie", street=None)
    site(api, "C1", None)
    assert api.get("/sites?doubtful=true").json["total"] == 2
    done = api.post("/sites/geocode", {})
    assert done.status_code == 200, done.json
    assert done.json == {
        "asked": 2,
        "left": 0,
        "failure": None,
        "sites": [
            {
                "site_id": found["id"],
                "outcome": "located",
                "confidence": 1.0,
                "found": "Wieluń, Plac Legionów, 1",
            },
            {"site_id": lost["id"], "outcome": "not_found", "confidence": 0.3, "found": None},
        ],
    }
    read = api.get(f"/sites/{found['id']}").json
    assert (read["latitude"], read["location_confidence"]) == (51.2211, 1.0)
    (doubtful,) = api.get("/sites?doubtful=true").json["items"]
    assert doubtful["id"] == lost["id"]
    word = {"version": doubtful["version"], "latitude": 51.7, "longitude": 19.4}
    confirmed = api.post(f"/sites/{lost['id']}/confirm-location", word)
    assert (confirmed.status_code, confirmed.json["location_confidence"]) == (200, None)
    assert (confirmed.json["latitude"], confirmed.json["longitude"]) == (51.7, 19.4)
    assert confirmed.json["version"] == api.get(f"/sites/{lost['id']}").json["version"]
    assert api.get("/sites?doubtful=true").json["total"] == 0
    assert api.get("/sites?doubtful=false").json["total"] == 3


def test_what_is_left_is_told(api: ApiClient, service: StandIn) -> None:
    """A request asks only so many addresses; named sites are looked up as well."""
    numbers = [site(api, f"N{n}", 0.3, street=f"Nowa {n} {api.actor.provider_id}")["id"] for n in range(3)]
    first = api.post("/sites/geocode", {"limit": 2}).json
    assert (first["asked"], first["left"], len(service.asked)) == (2, 1, 2)
    named = api.post("/sites/geocode", {"site_ids": [numbers[2]]}).json
    assert (named["asked"], named["left"], len(named["sites"])) == (1, 0, 1)


def test_a_service_that_fails_is_told(api: ApiClient, monkeypatch: pytest.MonkeyPatch, service: StandIn) -> None:
    """In both languages; the request itself went well, and everything is left."""
    service.answer = lambda _: Reply(b"", 503)
    site(api, "W1", 0.3, street=f"Inna {api.actor.provider_id}")
    done = api.post("/sites/geocode", {})
    assert (done.status_code, done.json["asked"], done.json["left"]) == (200, 0, 1)
    assert done.json["failure"]["code"] == "geocoder_failed"
    assert "HTTP 503" in done.json["failure"]["title"]
    assert "Serwer adresów" in done.json["failure"]["title_pl"]


def test_no_transaction_is_open_while_the_service_is_asked(api: ApiClient, service: StandIn) -> None:
    """The service looks into the database when it is asked."""
    site(api, "W1", 0.3, street=f"Powolna {api.actor.provider_id}")
    seen: list[int] = []

    def look(_: Any) -> Reply:
        with api.engine.connect() as connection:
            query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start < now()"
            seen.append(connection.exec_driver_sql(query).scalar_one())
        return Reply({"results": None})

    service.answer = look
    assert api.post("/sites/geocode", {}).json["asked"] == 1
    assert seen == [0]


def test_two_do_not_ask_at_the_same_time(api: ApiClient, service: StandIn) -> None:
    """The service may be asked only so often, whoever asks; afterwards it is free again."""
    with db.alone(api.engine, "geocoding") as alone:
        assert alone
        busy = api.post("/sites/geocode", {})
        with db.alone(api.engine, "something else") as other:
            assert other
    assert (busy.status_code, busy.json["code"]) == (409, "geocoder_busy")
    assert api.post("/sites/geocode", {}).status_code == 200
    assert service.asked == []


def test_without_a_geocoder_nothing_is_looked_up(api: ApiClient) -> None:
    """As it is by default; a person's word is taken all the same."""
    doubtful = site(api, "W1", 0.3)
    refused = api.post("/sites/geocode", {})
    assert (refused.status_code, refused.json["code"]) == (409, "geocoder_off")
    assert "MOBILE_UNITS_GEOCODER" in refused.json["way_out"]
    word = {"version": doubtful["version"]}
    assert api.post(f"/sites/{doubtful['id']}/confirm-location", word).json["location_confidence"] is None


def test_a_provider_looks_up_and_confirms_only_its_own_sites(api: ApiClient, service: StandIn) -> None:
    """A site of another provider is as if it did not exist."""
    doubtful = site(api, "W1", 0.3)
    stranger = api_client(api.app, api.engine)
    assert stranger.post("/sites/geocode", {"site_ids": [doubtful["id"]]}).status_code == 404
    word = {"version": doubtful["version"]}
    assert stranger.post(f"/sites/{doubtful['id']}/confirm-location", word).status_code == 404
    assert service.asked == []


def test_only_coordinators_look_up_and_confirm(api: ApiClient) -> None:
    """Others read sites."""
    midwife = api.with_roles(Role.MIDWIFE, Role.ADMINISTRATOR, Role.SETTLEMENT)
    assert midwife.post("/sites/geocode", {}).status_code == 403
    assert midwife.post("/sites/1/confirm-location", {"version": 1}).status_code == 403


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("geocode", {"limit": 0}, {"limit"}),
        ("geocode", {"limit": 26, "site_ids": [0]}, {"limit", "site_ids"}),
        ("geocode", {"colour": "red"}, {"colour"}),
        ("1/confirm-location", {"latitude": 91, "longitude": 181}, {"version", "latitude", "longitude"}),
    ],
)
def test_bad_fields_are_named(api: ApiClient, path: str, body: dict[str, Any], fields: set[str]) -> None:
    """All at once."""
    refused = api.post(f"/sites/{path}", body)
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_input")
    assert set(refused.json["errors"]["json"]) == fields
