"""One embedded PostgreSQL for the whole run, one migrated database for each test process, one transaction a test."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from argon2 import PasswordHasher
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from mobile_units import db, embedded, migrations
from mobile_units.config import Settings
from mobile_units.services import users
from mobile_units.services.actors import Actor
from routes.app import create_app
from tests import factories

SERVER_FOLDER = "MOBILE_UNITS_TEST_SERVER"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for those who change what is sent on purpose, and for a long search for faults."""
    parser.addoption("--rewrite-golden", action="store_true", help="write the envelopes in tests/golden anew")
    parser.addoption("--fuzz", type=int, default=0, metavar="N", help="send N random requests to each operation")


def pytest_configure(config: pytest.Config) -> None:
    """The first process makes the folder of the server; parallel processes are told where it is."""
    if not hasattr(config, "workerinput"):
        os.environ[SERVER_FOLDER] = tempfile.mkdtemp(prefix="mobile-units-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """The first process stops the server and removes its folder."""
    if not hasattr(config, "workerinput"):
        folder = Path(os.environ.pop(SERVER_FOLDER))
        embedded.stop(folder)
        shutil.rmtree(folder)


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """The root logger, which commands and the application configure, as it was, afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """Hashing a password is slow on purpose, and nearly every test of a route needs a user.

    How it is hashed outside of tests is proved with the hasher itself, in tests/services/test_users.py.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="module")
def server_folder() -> Iterator[Path]:
    """A folder for a server of one's own, ended afterwards.

    Its path is short enough for a socket, and the server's own user may enter it, unlike the folders of pytest.
    """
    folder = Path(tempfile.mkdtemp(prefix="mobile-units-own-"))
    yield folder
    embedded.stop(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server_url() -> str:
    """The embedded server; it need not survive a power cut."""
    url = embedded.ensure_running(Path(os.environ[SERVER_FOLDER]))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    return url


def new_database(server_url: str, name: str) -> str:
    """Creates an empty database of this test process and returns its URL."""
    name = f"{os.environ.get('PYTEST_XDIST_WORKER', 'only')}-{name}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return server_url.replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="session")
def settings(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings on a database of this test process."""
    return Settings(
        secret_key="s" * 40,
        encryption_keys=(Fernet.generate_key().decode(),),
        hash_key="h" * 40,
        database_url=new_database(server_url, "main"),
        data_dir=tmp_path_factory.mktemp("data"),
        secure_cookies=False,
        log_level="ERROR",
    )


@pytest.fixture(scope="session")
def engine(settings: Settings) -> Iterator[Engine]:
    """An engine on the migrated database."""
    engine = db.engine_of(settings)
    migrations.upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose work is undone after the test, whatever the tested code commits."""
    with engine.connect() as connection, connection.begin() as outer:
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
            yield session
        outer.rollback()


@pytest.fixture
def actor(session: Session) -> Actor:
    """The system acting for a provider of its own."""
    return Actor(factories.provider(session).id)


@pytest.fixture(scope="session")
def app(settings: Settings, engine: Engine) -> Iterator[Flask]:
    """The web application on the test database."""
    app = create_app(settings)
    yield app
    app.extensions["engine"].dispose()


@pytest.fixture
def api(app: Flask, engine: Engine) -> factories.ApiClient:
    """A client of the API with every role at a provider of its own."""
    return factories.api_client(app, engine)
