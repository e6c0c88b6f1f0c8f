"""Deny by default: a route is reached by a signed-in user with one of the roles that it names, or it is public.

Pages use a signed session cookie, the API a bearer token. A cookie never opens the API, so that no other site can make
a browser call it.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Request, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from mobile_units import clock, db
from mobile_units.errors import DomainError
from mobile_units.models.users import User
from mobile_units.rules.roles import Role
from mobile_units.services import users
from mobile_units.services.actors import Actor
from routes.database import transaction

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = frozenset(
    {
        "health.healthz",
        "health.readyz",
        "login.form",
        "login.submit",
        "tokens.Tokens.post",
        "static",
        "api-docs.openapi_json",
        "docs.page",
        "docs.static",
        "problems.page",
    }
)
"""The routes that anybody may use; a view class is named with its method."""

ANY_ROLE = frozenset(Role)


def roles(*needed: Role) -> Callable[[View], View]:
    """Marks a view, or a method of a view class, with the roles that may use it; without arguments any role may."""

    def mark(view: View) -> View:
        view.needed_roles = frozenset(needed) or ANY_ROLE  # type: ignore[attr-defined]  # functions take attributes
        return view

    return mark


def route_name(endpoint: str, view: Callable[..., Any], method: str) -> str:
    """How a route is named on the public list."""
    return f"{endpoint}.{method.lower()}" if hasattr(view, "view_class") else endpoint


def needed_roles(view: Callable[..., Any], method: str) -> frozenset[Role]:
    """The roles that a route names; none where it was not marked, so that nobody may use it."""
    view_class = getattr(view, "view_class", None)
    handler = getattr(view_class, method.lower(), None) if view_class else view
    found: frozenset[Role] = getattr(handler, "needed_roles", frozenset())
    return found


def install(app: Flask) -> None:
    """Checks every request before its view."""
    app.before_request(_authorise)


def _authorise() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None
    view = current_app.view_functions[request.endpoint]
    method = "GET" if request.method == "HEAD" else request.method
    if method == "OPTIONS" or route_name(request.endpoint, view, method) in PUBLIC:
        return None
    user = _user(request)
    if user is None:
        if not request.path.startswith("/api/"):
            return redirect(url_for("login.form"))
        raise DomainError("not_signed_in")
    held = frozenset(Role(role) for role in user.roles)
    needed = needed_roles(view, method)
    if not held & needed:
        raise DomainError("not_allowed", roles=", ".join(sorted(needed)) or "-")
    g.user = user
    g.actor = Actor(user.provider_id, user.id, held, g.request_id)
    return None


def sign_in(login: str, password: str) -> User:
    """The user with this login and password; nothing is held while the password is checked.

    Raises:
        DomainError: `wrong_credentials`; the failed attempt is counted.
    """
    with transaction() as session:
        known = users.hash_to_check(session, login)
    proved = known if users.is_password(known, password) else None
    with transaction() as session:
        user = users.sign_in(session, login, proved, clock.now(), g.request_id)
    if isinstance(user, DomainError):
        raise user
    return user


def _user(incoming: Request) -> User | None:
    with db.reading(current_app.extensions["engine"]) as reading:
        if incoming.path.startswith("/api/"):
            token = incoming.authorization.token if incoming.authorization else None
            return users.user_of_token(reading, token, clock.now()) if token else None
        if "user" not in session:
            return None
        return users.user_of_session(reading, session["user"], session["epoch"])
