"""The API for the provider."""

import pytest

from mobile_units.rules.roles import Role
from tests import factories
from tests.factories import ApiClient


def test_everyone_reads_the_provider_and_the_administrator_changes_it(api: ApiClient) -> None:
    """A PATCH changes what it names and says who did it in the audit log."""
    for role in Role:
        assert api.with_roles(role).get("/provider").json["id"] == api.actor.provider_id
    values = {"name": "Nowa nazwa", "nip": "PL8567346215", "short_name": "Nowa", "telephone": "42 630 12 34"}
    changed = api.with_roles(Role.ADMINISTRATOR).patch("/provider", {"version": 1, "values": values})
    assert changed.status_code == 200, changed.json
    read = api.get("/provider").json
    assert (read["name"], read["nip"], read["regon"], read["version"]) == ("Nowa nazwa", "8567346215", "123456785", 2)
    assert (read["short_name"], read["telephone"]) == ("Nowa", "+48426301234")
    assert api.patch("/provider", {"version": 1, "values": {}}).json["code"] == "stale_version"


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT])
def test_only_the_administrator_changes_the_provider(api: ApiClient, role: Role) -> None:
    """Identifiers of the provider go into every message."""
    refusal = api.with_roles(role).patch("/provider", {"version": 1, "values": {"name": "x"}})
    assert (refusal.status_code, refusal.json["code"]) == (403, "not_allowed")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"regon": "123456786"}, "regon_invalid"),
        ({"nip": "1234567890"}, "nip_invalid"),
        ({"nfz_branch": "17"}, "nfz_branch_unknown"),
        ({"rpwdl_book": "000000000001"}, "invalid_input"),
        ({"oid_root": "1.2"}, "invalid_input"),
        ({"short_name": "Pracownia mammografii"}, "message_tells_examination"),
        ({"short_name": "x" * 31}, "invalid_input"),
        ({"telephone": "123"}, "telephone_invalid"),
    ],
)
def test_wrong_identifiers_are_refused(api: ApiClient, values: dict[str, str], code: str) -> None:
    """The RPWDL book and the OID node never change: objects were handed over under them."""
    refusal = api.patch("/provider", {"version": 1, "values": values})
    assert (refusal.status_code, refusal.json["code"]) == (422, code)


def test_two_providers_change_apart(api: ApiClient) -> None:
    """There is no way to name another provider."""
    stranger = factories.api_client(api.app, api.engine)
    stranger.patch("/provider", {"version": 1, "values": {"name": "Obcy"}})
    assert api.get("/provider").json["name"] == "Centrum Badań"
