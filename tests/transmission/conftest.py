"""The worker serves the whole database, so its tests have one of their own, in which nothing else is due."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from mobile_units import db, migrations
from mobile_units.config import Settings
from tests.conftest import new_database


@pytest.fixture(scope="session")
def settings(settings: Settings, server_url: str) -> Settings:
    """The common settings on another database."""
    name = "transmission_" + os.environ.get("PYTEST_XDIST_WORKER", "main")
    return replace(settings, database_url=new_database(server_url, name))


@pytest.fixture(scope="session")
def migrated(settings: Settings) -> Iterator[Engine]:
    """An engine on the migrated database."""
    engine = db.engine_of(settings, pool_size=20)
    migrations.upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(migrated: Engine) -> Iterator[Engine]:
    """The same engine with an outbox and links that are empty again after the test."""
    yield migrated
    with migrated.begin() as connection:
        connection.execute(text("TRUNCATE outbox_messages, transmission_links CASCADE"))
