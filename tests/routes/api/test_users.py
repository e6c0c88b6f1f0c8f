"""The API for users, which administrators look after."""

from concurrent.futures import ThreadPoolExecutor
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


def signed_in(api: ApiClient, user: dict[str, Any], password: str) -> ApiClient:
    """A client with a new token of a user."""
    given = api.post("/tokens", {"login": user["login"], "password": password}).json["token"]
    return replace(api, token=given, actor=replace(api.actor, user_id=user["id"]))


@pytest.fixture
def anna(api: ApiClient) -> dict[str, Any]:
    """A midwife as she is kept."""
    added: dict[str, Any] = api.post("/users", new_user()).json
    return added


@pytest.mark.parametrize("change", [{"password": "a new password"}, {"active": False}])
def test_tokens_end_with_the_password_and_with_the_user(
    api: ApiClient, anna: dict[str, Any], change: dict[str, Any]
) -> None:
    """Whoever had the old password is out; the audit log tells the token."""
    client = signed_in(api, anna, "dwanaście znaków")
    assert api.patch(f"/users/{anna['id']}", {"version": anna["version"]} | change).status_code == 200
    assert client.get("/slots").status_code == 401
    [token] = api.get(f"/users/{anna['id']}/tokens").json["items"]
    assert token["revoked_at"]
    [revoked, issued] = api.get(f"/audit-entries?subject=token&subject_id={token['id']}").json["items"]
    assert [(each["action"], each["user_id"]) for each in (issued, revoked)] == [
        ("issue", anna["id"]),
        ("revoke", api.actor.user_id),
    ]


def test_a_new_password_opens_a_blocked_login(api: ApiClient, anna: dict[str, Any]) -> None:
    """The administrator knows whom she gave it to; each failed attempt is in the audit log."""
    for _ in range(6):
        refused = api.post("/tokens", {"login": anna["login"], "password": "wrong"})
        assert (refused.status_code, refused.json["code"]) == (401, "wrong_credentials")
    failed = api.get(f"/audit-entries?subject=user&user_id={anna['id']}").json["items"]
    assert [(each["action"], each["subject_id"]) for each in failed] == 6 * [("fail_sign_in", anna["id"])]
    version = api.get(f"/users/{anna['id']}").json["version"]
    api.patch(f"/users/{anna['id']}", {"version": version, "password": "a new password"})
    assert signed_in(api, anna, "a new password").get("/slots").status_code == 200


def test_a_user_changes_her_own_password(api: ApiClient, anna: dict[str, Any]) -> None:
    """With the current one; her tokens end."""
    client = signed_in(api, anna, "dwanaście znaków")
    wanted = {"current_password": "wrong", "new_password": "a new password"}
    refused = client.post("/users/me/password", wanted)
    assert (refused.status_code, refused.json["code"]) == (401, "wrong_credentials")
    right = wanted | {"current_password": "dwanaście znaków"}
    assert client.post("/users/me/password", right | {"new_password": "short"}).json["code"] == "invalid_input"
    assert client.post("/users/me/password", right).status_code == 204
    assert client.get("/slots").status_code == 401
    assert signed_in(api, anna, "a new password").get("/slots").status_code == 200


def test_an_administrator_ends_the_token_of_another_user(api: ApiClient, anna: dict[str, Any]) -> None:
    """Only of her own provider, and only under the user whose token it is."""
    client = signed_in(api, anna, "dwanaście znaków")
    path = f"/users/{anna['id']}/tokens"
    key = api.get(path).json["items"][0]["id"]
    stranger = api_client(api.app, api.engine)
    assert [stranger.get(path).status_code, stranger.delete(f"{path}/{key}").status_code] == [404, 404]
    assert api.delete(f"/users/{api.actor.user_id}/tokens/{key}").status_code == 404
    assert client.get("/slots").status_code == 200
    assert api.delete(f"{path}/{key}").status_code == 204
    assert client.get("/slots").status_code == 401


@pytest.mark.parametrize("change", [{"active": False}, {"roles": ["midwife"]}])
def test_the_last_administrator_stays(api: ApiClient, change: dict[str, Any]) -> None:
    """Until another one is there; an inactive one does not count."""
    path = f"/users/{api.actor.user_id}"
    second = api.post("/users", new_user(roles=["administrator"])).json
    api.patch(f"/users/{second['id']}", {"version": second["version"], "active": False})
    wanted = {"version": api.get(path).json["version"]} | change
    refused = api.patch(path, wanted)
    assert (refused.status_code, refused.json["code"]) == (409, "last_administrator")
    api.post("/users", new_user(roles=["administrator"]))
    assert api.patch(path, wanted).status_code == 200


def test_two_administrators_cannot_end_each_other(api: ApiClient) -> None:
    """Of two changes at the same time one is refused."""
    other = api.with_roles(Role.ADMINISTRATOR)
    keys = [str(each.actor.user_id) for each in (api, other)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda key: api.patch(f"/users/{key}", {"version": 1, "roles": ["midwife"]}), keys))
    assert sum(answer.status_code == 200 for answer in answers) == 1


@pytest.mark.parametrize("active", [0, 1, "yes", "true", None])
def test_only_true_and_false_are_booleans(api: ApiClient, anna: dict[str, Any], active: object) -> None:
    """In JSON, as the OpenAPI document says; a query parameter is text."""
    refused = api.patch(f"/users/{anna['id']}", {"version": anna["version"], "active": active})
    assert (refused.status_code, refused.json["errors"].keys()) == (422, {"json"})
    assert api.get("/users?active=true").json["total"] == 2
