"""The API for users, which administrators look after."""

from dataclasses import replace
from typing import Any

import pytest

from mobile_units.rules.roles import Role
from tests.factories import ApiClient, api_client, number


def new_user(**fields: Any) -> dict[str, Any]:
    """A midwife to be added."""
    return {"login": f"Anna{number()}", "password": "dwanaście znaków", "roles": ["midwife"]} | fields


def test_a_user_is_added_and_can_sign_in(api: ApiClient) -> None:
    """The login is kept in lower case; the password is never shown."""
    wanted = new_user()
    added = api.post("/users", wanted)
    assert added.status_code == 201
    assert (added.json["login"], added.json["roles"], added.json["active"]) == (
        wanted["login"].lower(),
        ["midwife"],
        True,
    )
    assert "password" not in added.json
    given = api.post("/tokens", {"login": wanted["login"], "password": wanted["password"]}).json["token"]
    assert replace(api, token=given).get("/slots").status_code == 200
    assert replace(api, token=given).get("/users").status_code == 403


def test_users_are_listed_by_login(api: ApiClient) -> None:
    """In pages, with the total."""
    added = sorted(api.post("/users", new_user()).json["login"] for _ in range(3))
    page = api.get("/users?page_size=2").json
    assert (page["total"], len(page["items"])) == (4, 2)
    listed = [item["login"] for item in api.get("/users").json["items"]]
    assert listed == sorted(listed)
    assert set(added) < set(listed)


@pytest.mark.parametrize(
    "wrong", [{"password": "short"}, {"roles": []}, {"roles": ["queen"]}, {"login": "a b"}, {"admin": True}]
)
def test_a_user_is_refused_as_a_whole(api: ApiClient, wrong: dict[str, Any]) -> None:
    """A short password, no or unknown role, a malformed login, an unknown field."""
    refused = api.post("/users", new_user(**wrong))
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_input")
    assert set(refused.json["errors"]["json"]) == set(wrong)


def test_a_login_is_unique(api: ApiClient) -> None:
    """Whatever its case, and in the whole installation."""
    wanted = new_user()
    api.post("/users", wanted)
    again = api_client(api.app, api.engine).post("/users", wanted | {"login": wanted["login"].upper()})
    assert (again.status_code, again.json["code"]) == (409, "already_exists")


def test_a_change_of_roles_holds_at_once(api: ApiClient) -> None:
    """Also for tokens given out before; the second of two changes on one reading is refused."""
    wanted = new_user()
    user = api.post("/users", wanted).json
    token = api.post("/tokens", {"login": wanted["login"], "password": wanted["password"]}).json["token"]
    change = {"version": user["version"], "roles": ["settlement"]}
    assert api.patch(f"/users/{user['id']}", change).json["roles"] == ["settlement"]
    assert replace(api, token=token).get("/slots").status_code == 403
    again = api.patch(f"/users/{user['id']}", change)
    assert (again.status_code, again.json["code"]) == (409, "stale_version")


def test_only_administrators_of_the_provider_look_after_its_users(api: ApiClient) -> None:
    """Other roles are refused, another provider finds nobody."""
    key = api.post("/users", new_user()).json["id"]
    assert api.with_roles(Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT).get("/users").status_code == 403
    stranger = api_client(api.app, api.engine)
    assert stranger.get(f"/users/{key}").status_code == 404
    assert stranger.patch(f"/users/{key}", {"version": 1, "active": False}).status_code == 404
