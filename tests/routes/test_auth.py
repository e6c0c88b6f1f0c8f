"""Who may use what: everything is closed unless it says otherwise."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine

from mobile_units import clock, db
from mobile_units.config import Settings
from mobile_units.models.users import User
from mobile_units.rules.roles import Role
from mobile_units.services import users
from mobile_units.services.actors import Actor
from routes import auth
from routes.app import create_app
from tests.factories import ApiClient, api_client
from tests.factories_booking import DAY
from tests.routes.pages.browser import browser

OPEN_TO_ALL = {
    "api-docs.openapi_json",
    "docs.page",
    "docs.static",
    "health.healthz",
    "health.readyz",
    "login.form",
    "login.submit",
    "problems.page",
    "static",
    "tokens.Tokens.post",
}


def routes(app: Flask) -> Iterator[tuple[str, str, str, frozenset[Role]]]:
    """Each route's name, path with some key, method, and the roles that it names."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        _, path = rule.build({each: DAY if each == "day" else 1 for each in rule.arguments}) or ("", "")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield auth.route_name(rule.endpoint, view, method), path, method, auth.needed_roles(view, method)


def test_every_route_names_its_roles_or_is_on_the_public_list(app: Flask) -> None:
    """The public list is exactly this one, and all that is on it exists."""
    named = {name: needed for name, _, _, needed in routes(app)}
    assert sorted(auth.PUBLIC) == sorted(OPEN_TO_ALL)
    assert named.keys() >= auth.PUBLIC
    assert not [name for name, needed in named.items() if bool(needed) == (name in auth.PUBLIC)]


def test_nobody_gets_in_without_signing_in(app: Flask) -> None:
    """The API refuses with 401 and a problem document; a page leads to the form."""
    client = app.test_client()
    for name, path, method, _ in routes(app):
        if name in auth.PUBLIC:
            continue
        response = client.open(path, method=method)
        if path.startswith("/api/"):
            assert (response.status_code, response.mimetype) == (401, "application/problem+json"), name
            assert response.json
            assert response.json["code"] == "not_signed_in"
        else:
            assert (response.status_code, response.headers["Location"]) == (302, "/login"), name


def test_a_role_opens_only_the_routes_that_name_it(app: Flask, engine: Engine) -> None:
    """With one role, every route of the API that does not name it answers 403 and says which roles would do."""
    for role in Role:
        client = api_client(app, engine, [role])
        for name, path, method, needed in routes(app):
            if name in auth.PUBLIC or role in needed or not path.startswith("/api/v1"):
                continue
            refused = client.call(method, path.removeprefix("/api/v1"))
            assert (refused.status_code, refused.json["code"]) == (403, "not_allowed"), f"{role} {method} {path}"
            assert all(other in refused.json["way_out"] for other in needed)


def test_a_route_that_names_no_role_is_closed(settings: Settings, engine: Engine) -> None:
    """Forgetting to mark a route shuts it, even for a user with every role."""
    app = create_app(settings)
    app.add_url_rule("/api/v1/forgotten", "forgotten", lambda: "never seen")
    app.add_url_rule("/forgotten", "forgotten_page", lambda: "never seen")
    person = browser(app, engine)
    person.sign_in()
    assert api_client(app, engine).get("/forgotten").status_code == 403
    assert person.get("/forgotten").status_code == 403
    app.extensions["engine"].dispose()


def test_a_page_session_never_opens_the_api(app: Flask, engine: Engine) -> None:
    """Otherwise another site could make a browser call it."""
    person = browser(app, engine)
    person.sign_in()
    assert person.get("/").status_code == 200
    assert person.get("/api/v1/tokens").status_code == 401


def test_a_token_never_opens_a_page(api: ApiClient) -> None:
    """Pages are for people who signed in."""
    response = api.app.test_client().get("/", headers={"Authorization": f"Bearer {api.token}"})
    assert response.status_code == 302


@pytest.mark.parametrize(
    "credentials", ["", "Bearer", "Bearer ", "Bearer mu_wrong", "Bearer mu_\u00f3", "Basic dXNlcjpwYXNz", "mu_wrong"]
)
def test_other_credentials_are_refused(app: Flask, credentials: str) -> None:
    """Whatever is not a token that was given out."""
    response = app.test_client().get("/api/v1/tokens", headers={"Authorization": credentials})
    assert response.status_code == 401


def test_a_token_ends_with_its_time(api: ApiClient) -> None:
    """A token whose time has come is worth as little as a wrong one."""
    with db.transaction(api.engine) as session:
        user = users.get(session, api.actor, api.actor.user_id or 0)
        over = users.issue_token(session, user, "over", clock.now() - timedelta(seconds=1))
    assert replace(api, token=over).get("/tokens").status_code == 401


def test_a_user_who_is_let_go_is_out_everywhere(app: Flask, engine: Engine) -> None:
    """Tokens and sessions of an inactive user open nothing."""
    client = api_client(app, engine)
    person = browser(app, engine, provider_id=client.actor.provider_id)
    person.sign_in()
    with db.transaction(engine) as session:
        for user_id in (client.actor.user_id, person.user.id):
            let_go(session.get_one(User, user_id), client.actor)
    assert client.get("/tokens").status_code == 401
    assert person.get("/").status_code == 302
    assert person.sign_in().status_code == 401


def let_go(user: User, actor: Actor) -> None:
    """Marks a user of the actor's provider as inactive."""
    assert user.provider_id == actor.provider_id
    user.active = False


def test_a_change_of_password_ends_the_sessions(app: Flask, engine: Engine) -> None:
    """Whoever stole the cookie is out."""
    person = browser(app, engine)
    person.sign_in()
    with db.transaction(engine) as session:
        command = users.UserChange(version=users.get(session, Actor(person.user.provider_id), person.user.id).version)
        users.change(session, Actor(person.user.provider_id), person.user.id, command, clock.now())
    assert person.get("/").status_code == 302
