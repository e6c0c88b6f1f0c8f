"""The API for contracts."""

from typing import Any

import pytest
from sqlalchemy import Engine

from mobile_units.rules.roles import Role
from tests.factories import ApiClient, api_client
from tests.factories_catalogue import BUS, CONTRACT, kept, load_reference, range_of

MOBILE_BREAST = "10.7940.159.02"
ASSOCIATED, BASE = "02.1450.101.02", "02.1450.001.02"


@pytest.fixture(autouse=True)
def _reference_data(engine: Engine) -> None:
    load_reference(engine)


def test_a_contract_is_kept_with_its_ranges_and_read_back(api: ApiClient) -> None:
    """Prices are złoty with two decimals, sent as text so that no cent is lost."""
    bus = kept(api, "/service-places", BUS)
    ranges = [range_of(MOBILE_BREAST, unit_price="171.50", service_place_id=bus["id"]), range_of(ASSOCIATED)]
    contract = kept(api, "/contracts", CONTRACT | {"ranges": [*ranges, range_of(BASE)]})
    assert api.get(f"/contracts/{contract['id']}").json == contract
    by_code = {row["product_code"]: row for row in contract["ranges"]}
    assert by_code.keys() == {MOBILE_BREAST, ASSOCIATED, BASE}
    assert by_code[MOBILE_BREAST]["unit_price"] == "171.50"
    assert by_code[MOBILE_BREAST]["service_place_id"] == bus["id"]
    assert by_code[BASE]["unit_price"] is None


def test_contracts_are_filtered_by_day_branch_and_code(api: ApiClient) -> None:
    """Both days of the validity are included; the latest contract comes first."""
    kept(api, "/contracts", CONTRACT | {"number": "A", "ranges": [range_of(MOBILE_BREAST)]})
    kept(api, "/contracts", CONTRACT | {"number": "B", "valid_from": "2026-07-01", "nfz_branch": "07"})

    def numbers(query: str) -> list[str]:
        return [item["number"] for item in api.get(f"/contracts?{query}").json["items"]]

    assert numbers("") == ["B", "A"]
    assert numbers("valid_on=2026-06-30") == ["A"]
    assert numbers("valid_on=2026-12-31") == ["B", "A"]
    assert numbers("valid_on=2027-01-01") == []
    assert numbers("nfz_branch=07") == ["B"]
    assert numbers(f"product_code={MOBILE_BREAST}") == ["A"]


def test_a_change_of_ranges_raises_the_version(api: ApiClient) -> None:
    """The range that stays keeps its key."""
    contract = kept(api, "/contracts", CONTRACT | {"ranges": [range_of(MOBILE_BREAST), range_of(BASE)]})
    keys = {row["product_code"]: row["id"] for row in contract["ranges"]}
    change = {"version": 1, "values": {"ranges": [range_of(MOBILE_BREAST, quantity_limit=200)]}}
    changed = api.patch(f"/contracts/{contract['id']}", change).json
    assert [(row["id"], row["quantity_limit"]) for row in changed["ranges"]] == [(keys[MOBILE_BREAST], 200)]
    assert changed["version"] == 2
    assert api.patch(f"/contracts/{contract['id']}", change).json["code"] == "stale_version"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"valid_to": "2025-12-31"}, "validity_reversed"),
        ({"ranges": [range_of("10.7940.777.02")]}, "unknown_product_code"),
        ({"ranges": [range_of(ASSOCIATED)]}, "base_range_missing"),
        ({"ranges": [range_of(BASE), range_of(BASE)]}, "given_twice"),
        ({"ranges": [range_of("2.1450.101.02")]}, "invalid_input"),
        ({"ranges": [range_of(BASE, quantity_limit=-1)]}, "invalid_input"),
        ({"ranges": [range_of(BASE, unit_price="NaN")]}, "invalid_input"),
        ({"ranges": [range_of(BASE, unit_price="-0.01")]}, "invalid_input"),
        ({"ranges": [range_of(BASE, unit_price="100000000")]}, "invalid_input"),
        ({"ranges": [range_of(BASE, unit_price="1e400")]}, "invalid_input"),
        ({"nfz_branch": "17"}, "invalid_input"),
        ({"valid_to": "9999-12-31"}, "invalid_input"),
    ],
)
def test_a_wrong_contract_is_refused(api: ApiClient, values: dict[str, Any], code: str) -> None:
    """Each reason has its code and nothing is kept."""
    refusal = api.post("/contracts", CONTRACT | values)
    assert (refusal.status_code, refusal.json["code"]) == (422, code)
    assert refusal.json["title_pl"]
    assert api.get("/contracts").json["total"] == 0


def test_a_refusal_names_the_base_range(api: ApiClient) -> None:
    """So that the officer knows what to add."""
    refusal = api.post("/contracts", CONTRACT | {"ranges": [range_of(ASSOCIATED)]}).json
    assert BASE in refusal["way_out_pl"]


def test_a_place_of_another_provider_cannot_have_a_range(api: ApiClient) -> None:
    """It is as if it did not exist."""
    foreign = kept(api_client(api.app, api.engine), "/service-places", BUS)
    ranges = [range_of(BASE, service_place_id=foreign["id"])]
    assert api.post("/contracts", CONTRACT | {"ranges": ranges}).json["code"] == "not_found"


def test_a_number_is_unique_at_its_branch(api: ApiClient) -> None:
    """Branches number their contracts apart."""
    kept(api, "/contracts", CONTRACT)
    assert api.post("/contracts", CONTRACT).json["code"] == "already_exists"
    kept(api, "/contracts", CONTRACT | {"nfz_branch": "07"})


def test_only_the_settlement_officer_changes_contracts(api: ApiClient) -> None:
    """Coordinator and administrator read them, the midwife has no need."""
    contract = kept(api, "/contracts", CONTRACT)
    for role, status in ((Role.COORDINATOR, 200), (Role.ADMINISTRATOR, 200), (Role.MIDWIFE, 403)):
        user = api.with_roles(role)
        assert user.get("/contracts").status_code == status
        assert user.get(f"/contracts/{contract['id']}").status_code == status
        assert user.post("/contracts", CONTRACT | {"number": "X"}).status_code == 403
        assert user.patch(f"/contracts/{contract['id']}", {"version": 1, "values": {}}).status_code == 403


def test_a_provider_sees_only_its_own_contracts(api: ApiClient) -> None:
    """One of another provider is as if it did not exist."""
    contract = kept(api, "/contracts", CONTRACT)
    stranger = api_client(api.app, api.engine)
    assert stranger.get("/contracts").json["total"] == 0
    assert stranger.get(f"/contracts/{contract['id']}").status_code == 404
    assert stranger.patch(f"/contracts/{contract['id']}", {"version": 1, "values": {}}).status_code == 404
