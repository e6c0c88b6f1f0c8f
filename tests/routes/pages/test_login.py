"""Signing in and out of the pages."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from mobile_units import clock
from mobile_units.services.users import FAILURES_ALLOWED, LOCKED_FOR
from tests.routes.pages.browser import TOKEN, Browser, browser


@pytest.fixture
def visitor(app: Flask, engine: Engine) -> Browser:
    """A user before the door."""
    return browser(app, engine)


def seen(browser: Browser, **typed: Any) -> tuple[int, str]:
    """What a failed attempt shows, without what differs by nature: the form's token and the login typed."""
    response = browser.sign_in(**typed)
    login = typed.get("login") or browser.user.login
    return response.status_code, TOKEN.sub("", response.text).replace(login, "")


def test_the_right_password_opens_the_overview(visitor: Browser) -> None:
    """Without a session the first page leads to the form, and the form leads back."""
    assert visitor.get("/").headers["Location"] == "/login"
    assert visitor.sign_in().headers["Location"] == "/"
    assert visitor.user.login in visitor.get("/").text


def test_a_failure_does_not_tell_whether_the_login_exists(visitor: Browser) -> None:
    """An unknown login, a wrong password and a blocked login show the same page, while the block lasts."""
    wrong = seen(visitor, password="wrong")
    assert wrong[0] == 401
    assert "Błędny login lub hasło" in wrong[1]
    assert seen(visitor, password="wrong", login="nobody.at.all") == wrong
    for _ in range(FAILURES_ALLOWED):
        visitor.sign_in(password="wrong")
    assert seen(visitor) == wrong, "the right password while blocked"


def test_five_failures_block_a_login_for_a_while(visitor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right password opens again once the block is over, not before; four failures do not block."""
    for _ in range(FAILURES_ALLOWED - 1):
        visitor.sign_in(password="wrong")
    assert visitor.sign_in().status_code == 302
    for _ in range(FAILURES_ALLOWED):
        visitor.sign_in(password="wrong")
    start = clock.now()
    monkeypatch.setattr(clock, "now", lambda: start + LOCKED_FOR - timedelta(minutes=1))
    assert visitor.sign_in().status_code == 401
    monkeypatch.setattr(clock, "now", lambda: start + LOCKED_FOR)
    assert visitor.sign_in().status_code == 302


def test_a_form_without_its_token_is_refused(visitor: Browser) -> None:
    """Neither signing in nor out can be made by another site; a token of another session does not help."""
    visitor.token = browser_token(visitor.app)
    refused = visitor.submit("/login", login=visitor.user.login, password="correct horse battery")
    assert (refused.status_code, "Formularz stracił ważność" in refused.text) == (400, True)
    visitor.sign_in()
    visitor.token = ""
    assert visitor.submit("/logout").status_code == 400
    assert visitor.get("/").status_code == 200


def browser_token(app: Flask) -> str:
    """The token of a form that was shown to somebody else."""
    found = TOKEN.search(app.test_client().get("/login").text)
    assert found
    return found[1]


def test_nothing_of_the_session_before_signing_in_survives(visitor: Browser) -> None:
    """A session that somebody planted in the browser is worth nothing after signing in."""
    with visitor.client.session_transaction() as planted:
        planted["mark"] = "planted"
    visitor.get("/login")
    before, token = visitor.cookie(), visitor.token
    visitor.sign_in()
    assert visitor.cookie() != before
    with visitor.client.session_transaction() as opened:
        assert "mark" not in opened
    visitor.token = token
    assert visitor.submit("/logout").status_code == 400, "the planted form token"
    visitor.client.set_cookie("session", before)
    assert visitor.get("/").status_code == 302, "the planted cookie"


def test_signing_out_ends_every_session_of_the_user(visitor: Browser) -> None:
    """A copy of the cookie is worth nothing afterwards, in this browser or another."""
    visitor.sign_in()
    visitor.get("/")
    copy = visitor.cookie()
    assert visitor.submit("/logout").headers["Location"] == "/login"
    visitor.client.set_cookie("session", copy)
    assert visitor.get("/").status_code == 302


def test_null_characters_are_just_a_wrong_login(visitor: Browser) -> None:
    """The database cannot even be asked for such a text."""
    assert visitor.sign_in(login="a\x00b").status_code == 401


def test_the_cookie_is_kept_from_scripts_and_other_sites(visitor: Browser) -> None:
    """The flags of the session cookie; over HTTPS only unless the installation says otherwise."""
    cookie = visitor.sign_in().headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
