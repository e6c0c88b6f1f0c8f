"""Request ids, log lines, and the two questions of an orchestrator."""

import json
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import Engine

from mobile_units.config import Settings
from routes.app import create_app
from tests.conftest import new_database
from tests.factories import api_client

SAID_IN_A_LINE = {
    "event", "level", "logger", "method", "milliseconds", "request_id", "route", "status", "timestamp", "user",
}  # fmt: skip


@pytest.mark.parametrize("offered", ["abcdef12", "0f8b2f64-2f0a-4d0c-9df4-2a1c1d6f6d0e"])
def test_a_request_keeps_the_id_that_it_came_with(app: Flask, offered: str) -> None:
    """So that it can be followed from the proxy on."""
    assert app.test_client().get("/healthz", headers={"X-Request-ID": offered}).headers["X-Request-ID"] == offered


@pytest.mark.parametrize("offered", ["", "short", "a" * 65, "70051712345 Nowak", 'x"}{"event": "forged', "żółć-1234"])
def test_any_other_id_is_replaced(app: Flask, offered: str) -> None:
    """An id goes into the log, so it cannot carry anything else there."""
    given = app.test_client().get("/healthz", headers={"X-Request-ID": offered.encode().decode("latin-1")})
    assert given.headers["X-Request-ID"] != offered
    assert len(given.headers["X-Request-ID"]) == 36


def test_a_request_leaves_one_line_without_personal_data(
    settings: Settings, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line says which route, not which address; nothing that was typed is in it."""
    app = create_app(replace(settings, log_level="INFO"))
    client = api_client(app, engine)
    capsys.readouterr()
    client.get("/sites?text=Nowak-70051712345")
    client.post("/tokens", {"login": "anna.nowak", "password": "70051712345"})
    client.get("/sites/4242")
    log = capsys.readouterr().err
    lines = [line for line in map(json.loads, log.splitlines()) if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in lines] == [
        ("/api/v1/sites", 200), ("/api/v1/tokens", 401), ("/api/v1/sites/<key:site_id>", 404),
    ]  # fmt: skip
    assert all(line.keys() == SAID_IN_A_LINE for line in lines)
    assert [line["user"] for line in lines] == [client.actor.user_id, None, client.actor.user_id]
    for secret in ("Nowak", "nowak", "70051712345", client.token):
        assert secret not in log
    app.extensions["engine"].dispose()


def test_alive_needs_no_database(settings: Settings) -> None:
    """A process with an unreachable database is alive but not ready."""
    app = create_app(replace(settings, database_url="postgresql://nobody@127.0.0.1:1/none"))
    client = app.test_client()
    assert client.get("/healthz").json == {"status": "alive"}
    not_ready = client.get("/readyz")
    assert (not_ready.status_code, not_ready.json) == (503, {"status": "not ready", "reason": "database"})
    app.extensions["engine"].dispose()


def test_ready_with_the_schema_of_this_program(app: Flask) -> None:
    """The migrated database."""
    ready = app.test_client().get("/readyz")
    assert (ready.status_code, ready.json) == (200, {"status": "ready", "reason": None})


def test_not_ready_before_the_migration(settings: Settings, server_url: str) -> None:
    """An empty database answers, but cannot be worked with."""
    app = create_app(replace(settings, database_url=new_database(server_url, "not_migrated")))
    not_ready = app.test_client().get("/readyz")
    assert (not_ready.status_code, not_ready.json) == (503, {"status": "not ready", "reason": "migrations"})
    app.extensions["engine"].dispose()
