"""Journeys have a database of their own: their workers serve all of it, so nothing else may be due there."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from mobile_units import db, migrations
from mobile_units.config import Settings
from tests.conftest import new_database


@pytest.fixture(scope="session")
def settings(settings: Settings, server_url: str) -> Settings:
    """The common settings on another database."""
    return replace(settings, database_url=new_database(server_url, "journeys"))


@pytest.fixture(scope="session")
def engine(settings: Settings) -> Iterator[Engine]:
    """An engine on the migrated database."""
    engine = db.engine_of(settings, pool_size=20)
    migrations.upgrade(engine)
    yield engine
    engine.dispose()
