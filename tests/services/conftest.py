"""A database without guards, for races that must be able to go wrong."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from mobile_units import db, migrations
from mobile_units.config import Settings
from tests.conftest import new_database

GUARDS = (
    "ALTER TABLE slots DROP CONSTRAINT ck_slots_capacity",
    "ALTER TABLE slots DROP CONSTRAINT ck_slots_withdrawn_is_empty",
    "DROP INDEX uq_visits_one_active_per_woman_and_programme",
    "DROP INDEX uq_visits_idempotency_key",
)


@pytest.fixture(scope="session")
def unguarded(server_url: str, settings: Settings) -> Iterator[Engine]:
    """A database without the constraints that guard bookings, and that lets withdrawn slots hold visits."""
    unguarded = db.engine_of(replace(settings, database_url=new_database(server_url, "unguarded")))
    migrations.upgrade(unguarded)
    with unguarded.begin() as connection:
        for guard in GUARDS:
            connection.execute(text(guard))
    yield unguarded
    unguarded.dispose()
