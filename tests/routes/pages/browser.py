"""A browser without a screen: keeps cookies and sends forms with the token of the page that it shows."""

import re
from dataclasses import dataclass, field

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from mobile_units import db
from mobile_units.models.users import User
from mobile_units.rules.roles import Role
from tests import factories

PASSWORD = "correct horse battery"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Browser:
    """Shows one page at a time."""

    app: Flask
    user: User
    client: FlaskClient = field(init=False)
    token: str = ""

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def get(self, path: str = "/") -> TestResponse:
        """Opens a page."""
        return self._shown(self.client.get(path))

    def submit(self, path: str, /, **fields: str) -> TestResponse:
        """Sends a form of the page that is shown."""
        return self._shown(self.client.post(path, data={"csrf_token": self.token} | fields))

    def sign_in(self, password: str = PASSWORD, login: str | None = None) -> TestResponse:
        """Fills in and sends the form of the first page."""
        self.get("/login")
        return self.submit("/login", login=login or self.user.login, password=password)

    def cookie(self) -> str:
        """The session cookie."""
        kept = self.client.get_cookie("session")
        return kept.value if kept else ""

    def _shown(self, response: TestResponse) -> TestResponse:
        found = TOKEN.search(response.text)
        self.token = found[1] if found else self.token
        return response


def browser(app: Flask, engine: Engine, *roles: Role, provider_id: int | None = None) -> Browser:
    """A browser of a new user with these roles (all, if none is named), not signed in yet."""
    with db.transaction(engine) as session:
        provider_id = provider_id or factories.provider(session).id
        return Browser(app, factories.user(session, provider_id, roles or tuple(Role)))
