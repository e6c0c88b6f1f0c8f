"""The API for the catalogue of product codes."""

from typing import Any

import pytest
from sqlalchemy import Engine

from mobile_units.rules.roles import Role
from tests.factories import ApiClient, api_client
from tests.factories_catalogue import kept, load_reference

OWN: dict[str, Any] = {
    "code": "10.7940.999.02",
    "name_pl": "mammografia, zakres z naszej umowy",
    "path": "mammography",
    "mobility": "mobile",
    "valid_from": "2026-03-01",
    "source": "umowa 051/1/2026",
}


@pytest.fixture(autouse=True)
def _reference_data(engine: Engine) -> None:
    load_reference(engine)


def codes(api: ApiClient, query: str) -> list[str]:
    """Codes of the list."""
    return [item["code"] for item in api.get(f"/product-codes?{query}").json["items"]]


def test_the_shared_catalogue_says_which_codes_are_to_be_confirmed(api: ApiClient) -> None:
    """The two breast codes come from an old source."""
    assert codes(api, "confirmed=false") == ["10.7940.158.02", "10.7940.159.02"]
    assert len(codes(api, "own=false")) == 7
    assert codes(api, "programme=cervical&path=hpv_lbc") == ["01.0034.102.01", "02.1450.102.02"]
    assert codes(api, "code=10.7940.158.02&valid_on=2025-12-31") == []


def test_a_provider_adds_its_own_entry_and_ends_it(api: ApiClient) -> None:
    """The programme follows from the path; a stranger does not see the entry."""
    entry = kept(api, "/product-codes", OWN)
    assert (entry["programme"], entry["shared"], entry["confirmed"]) == ("breast", False, True)
    assert codes(api, "own=true") == ["10.7940.999.02"]
    path = f"/product-codes/{entry['id']}"
    ended = api.patch(path, {"version": 1, "values": {"valid_to": "2026-06-30"}}).json
    assert (ended["valid_to"], ended["version"]) == ("2026-06-30", 2)
    assert codes(api, "own=true&valid_on=2026-06-30") == ["10.7940.999.02"]
    assert codes(api, "own=true&valid_on=2026-07-01") == []
    stranger = api_client(api.app, api.engine)
    assert (codes(stranger, "own=true"), stranger.get(path).status_code) == ([], 404)


def test_a_shared_entry_is_read_only(api: ApiClient) -> None:
    """A provider may add its own entry with the same code only for days on which the shared one does not hold."""
    shared = api.get("/product-codes?code=10.7940.159.02").json["items"][0]
    assert shared["shared"] is True
    refusal = api.patch(f"/product-codes/{shared['id']}", {"version": 1, "values": {"confirmed": True}})
    assert (refusal.status_code, refusal.json["code"]) == (409, "shared_product_code")
    same = OWN | {"code": "10.7940.159.02", "confirmed": True}
    again = api.post("/product-codes", same)
    assert (again.status_code, again.json["code"]) == (409, "already_exists")
    earlier = kept(api, "/product-codes", same | {"valid_from": "2025-01-01", "valid_to": "2025-12-31"})
    extended = api.patch(f"/product-codes/{earlier['id']}", {"version": 1, "values": {"valid_to": None}})
    assert (extended.status_code, extended.json["code"]) == (409, "already_exists")
    assert codes(api, "code=10.7940.159.02&confirmed=true") == ["10.7940.159.02"]


@pytest.mark.parametrize(
    ("values", "status", "code"),
    [
        ({"valid_to": "2026-02-28"}, 422, "validity_reversed"),
        ({"code": "10.7940.999"}, 422, "invalid_input"),
        ({"associated_with": "x"}, 422, "invalid_input"),
        ({"path": "lung"}, 422, "invalid_input"),
        ({"programme": "breast"}, 422, "invalid_input"),
    ],
)
def test_a_wrong_entry_is_refused(api: ApiClient, values: dict[str, Any], status: int, code: str) -> None:
    """Each reason has its code."""
    refusal = api.post("/product-codes", OWN | values)
    assert (refusal.status_code, refusal.json["code"]) == (status, code)


def test_an_entry_is_there_once_from_a_day_and_not_ended_before(api: ApiClient) -> None:
    """A later entry of the code may follow."""
    entry = kept(api, "/product-codes", OWN)
    assert api.post("/product-codes", OWN).json["code"] == "already_exists"
    kept(api, "/product-codes", OWN | {"valid_from": "2027-01-01"})
    change = {"version": 1, "values": {"valid_to": "2026-02-28"}}
    assert api.patch(f"/product-codes/{entry['id']}", change).json["code"] == "validity_reversed"


def test_only_the_settlement_officer_adds_entries(api: ApiClient) -> None:
    """Everyone reads."""
    entry = kept(api, "/product-codes", OWN)
    for role in (Role.COORDINATOR, Role.MIDWIFE, Role.ADMINISTRATOR):
        user = api.with_roles(role)
        assert user.get(f"/product-codes/{entry['id']}").status_code == 200
        assert user.post("/product-codes", OWN | {"valid_from": "2028-01-01"}).status_code == 403
        assert user.patch(f"/product-codes/{entry['id']}", {"version": 1, "values": {}}).status_code == 403
