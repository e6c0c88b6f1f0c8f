"""Runs migrations one process at a time and gives up rather than block a working system."""

from alembic import context
from sqlalchemy import Connection, text

from mobile_units import models
from mobile_units.models.base import Base

ADVISORY_LOCK = 7_061_801


def migrate(connection: Connection) -> None:
    """Applies the requested revisions over the connection that the caller opened.

    Whoever waits for another migrator blocks nobody and so waits as long as it takes.
    """
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
    connection.execute(text("SET LOCAL lock_timeout = '5s'"))
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    context.run_migrations()


assert models.__all__  # the import above is what makes the metadata complete  # noqa: S101
migrate(context.config.attributes["connection"])
