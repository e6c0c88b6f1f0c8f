"""The API for tokens: a password is changed for one, and it can be ended."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from mobile_units import clock, db
from mobile_units.services import users
from tests.factories import ApiClient

PASSWORD = "correct horse battery"


def login_of(api: ApiClient) -> str:
    """The login of a client's user."""
    with db.transaction(api.engine) as session:
        return users.get(session, api.actor, api.actor.user_id or 0).login


def test_a_password_is_changed_for_a_token(api: ApiClient) -> None:
    """It holds as long as was asked for, and the list of tokens never shows it."""
    answer = api.post("/tokens", {"login": login_of(api), "password": PASSWORD, "name": "laptop", "days": 7})
    assert answer.status_code == 201
    user = replace(api, token=answer.json["token"])
    newest = user.get("/tokens").json["items"][0]
    assert (newest["name"], newest["revoked_at"]) == ("laptop", None)
    assert newest["expires_at"] == answer.json["expires_at"]
    assert timedelta(days=6, hours=23) < time_left(newest) <= timedelta(days=7)
    assert "token" not in newest


def time_left(token: dict[str, str]) -> timedelta:
    """How long a token still holds."""
    return datetime.fromisoformat(token["expires_at"]) - clock.now()


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"login": "nobody"}])
def test_wrong_credentials_get_no_token(api: ApiClient, wrong: dict[str, str]) -> None:
    """Whether the login or the password is wrong is not told."""
    answer = api.post("/tokens", {"login": login_of(api), "password": PASSWORD} | wrong)
    assert (answer.status_code, answer.json["code"]) == (401, "wrong_credentials")


def test_a_token_ends_when_it_is_revoked(api: ApiClient) -> None:
    """At once, and only that token."""
    given = api.post("/tokens", {"login": login_of(api), "password": PASSWORD}).json["token"]
    second = replace(api, token=given)
    newest = second.get("/tokens").json["items"][0]["id"]
    assert second.delete(f"/tokens/{newest}").status_code == 204
    assert (second.get("/tokens").status_code, api.get("/tokens").status_code) == (401, 200)


def test_a_token_of_another_user_cannot_be_ended(api: ApiClient) -> None:
    """It is as if it did not exist."""
    key = api.get("/tokens").json["items"][0]["id"]
    answer = api.with_roles(*api.actor.roles).delete(f"/tokens/{key}")
    assert (answer.status_code, api.get("/tokens").status_code) == (404, 200)
