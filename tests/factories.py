"""Small valid objects for tests; every call makes a new one, nothing collides."""

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from werkzeug.datastructures import Headers

from mobile_units import clock, db
from mobile_units.models.providers import Provider
from mobile_units.models.users import User
from mobile_units.rules.roles import Role
from mobile_units.services import users
from mobile_units.services.actors import Actor

_numbers = itertools.count(1)


def number() -> int:
    """A number not given before in this test process."""
    return next(_numbers)


def provider(session: Session) -> Provider:
    """A provider of the Łódź branch."""
    made = Provider(
        name="Centrum Badań",
        rpwdl_book=f"{os.getpid() % 1_000_000:06d}{number():06d}",
        regon="123456785",
        nfz_branch="05",
        oid_root="2.16.840.1.113883.3.4424.2.7.999",
    )
    session.add(made)
    session.flush()
    return made


def user(session: Session, provider_id: int, roles: Sequence[Role] = tuple(Role)) -> User:
    """A user whose password is `correct horse battery`."""
    command = users.NewUser(login=f"user{os.getpid()}-{number()}", password="correct horse battery", roles=roles)
    return users.create(session, Actor(provider_id), command)


@dataclass(frozen=True)
class Answer:
    """What the API answered; `json` is None unless it was JSON."""

    status_code: int
    json: Any
    headers: Headers


@dataclass(frozen=True)
class ApiClient:
    """Calls the API with a bearer token; paths are below `/api/v1`."""

    app: Flask
    engine: Engine
    actor: Actor
    token: str

    def call(self, method: str, path: str, **options: Any) -> Answer:
        """One request."""
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        response = self.app.test_client().open("/api/v1" + path, method=method, headers=headers, **options)
        return Answer(response.status_code, response.get_json(silent=True), response.headers)

    def get(self, path: str, **options: Any) -> Answer:
        """Reads."""
        return self.call("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Answer:
        """Creates."""
        return self.call("POST", path, json=json, **options)

    def patch(self, path: str, json: Any) -> Answer:
        """Changes."""
        return self.call("PATCH", path, json=json)

    def delete(self, path: str) -> Answer:
        """Ends."""
        return self.call("DELETE", path)

    def with_roles(self, *roles: Role) -> "ApiClient":
        """Another user of the same provider."""
        return api_client(self.app, self.engine, roles, self.actor.provider_id)


def api_client(
    app: Flask, engine: Engine, roles: Sequence[Role] = tuple(Role), provider_id: int | None = None
) -> ApiClient:
    """A client for a new user, of a new provider unless one is given."""
    with db.transaction(engine) as session:
        provider_id = provider_id or provider(session).id
        made = user(session, provider_id, roles)
        token = users.issue_token(session, made, "test", clock.now() + timedelta(hours=1))
        return ApiClient(app, engine, Actor(provider_id, made.id, frozenset(roles)), token)
