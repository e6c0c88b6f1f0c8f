"""Migrations: up, down and up again; what they build is what the models say; history cannot be rewritten."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import CheckConstraint, Engine, func, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from mobile_units import db, migrations
from mobile_units.config import Settings
from mobile_units.models.base import Base
from mobile_units.rules.product_codes import DEFAULT_CATALOGUE
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services.actors import Actor, audit
from mobile_units.transmission.gateway import Delivered
from tests import factories_booking, factories_transmission
from tests.conftest import new_database
from tests.environment import environment

CONSTRAINTS = text("""
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
""")
INDEXES = text("SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
COLUMNS = text("""
    SELECT table_name, column_name, data_type, udt_name, is_nullable, column_default, is_identity, identity_generation
    FROM information_schema.columns WHERE table_schema = 'public'
""")
OF_ALEMBIC = "alembic_version"


def empty(settings: Settings, server_url: str, name: str) -> Engine:
    """An engine on a new empty database."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    return db.engine_of(replace(settings, database_url=new_database(server_url, f"{worker}-{name}")))


@pytest.fixture
def fresh(settings: Settings, server_url: str) -> Iterator[Engine]:
    """An empty database."""
    engine = empty(settings, server_url, "migrated")
    yield engine
    engine.dispose()


@pytest.fixture
def created(settings: Settings, server_url: str) -> Iterator[Engine]:
    """A database that the models made, without migrations."""
    engine = empty(settings, server_url, "created")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def structure(engine: Engine) -> dict[str, set[tuple[object, ...]]]:
    """Everything that PostgreSQL itself says of tables, in its own words."""
    with engine.connect() as connection:
        return {
            name: {tuple(row) for row in connection.execute(query) if row[0] != OF_ALEMBIC}
            for name, query in (("constraints", CONSTRAINTS), ("indexes", INDEXES), ("columns", COLUMNS))
        }


def objects(engine: Engine) -> set[str]:
    """The names of tables, indexes, sequences and functions of ours."""
    query = text("""
        SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    """)
    with engine.connect() as connection:
        return {name for name in connection.scalars(query) if not name.startswith(OF_ALEMBIC)}


def test_up_down_and_up_again(fresh: Engine) -> None:
    """Down to the base leaves nothing behind; the second way up builds the same as the first."""
    assert migrations.current(fresh) is None
    migrations.upgrade(fresh)
    built = structure(fresh), objects(fresh)
    assert migrations.current(fresh) == migrations.head()
    migrations.downgrade(fresh, "base")
    assert objects(fresh) == set()
    assert migrations.current(fresh) is None
    migrations.upgrade(fresh)
    assert (structure(fresh), objects(fresh)) == built


def test_upgrading_what_is_up_to_date_changes_nothing(fresh: Engine) -> None:
    """So that every start may do it."""
    migrations.upgrade(fresh)
    before = structure(fresh)
    migrations.upgrade(fresh)
    assert structure(fresh) == before


def test_alembic_finds_no_difference_to_the_models(engine: Engine) -> None:
    """Tables, columns, types, defaults, indexes, unique and foreign keys."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True, "compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_postgresql_finds_no_difference_to_the_models(engine: Engine, created: Engine) -> None:
    """Alembic does not compare checks and exclusions; so all is compared that PostgreSQL says of both databases."""
    migrated, modelled = structure(engine), structure(created)
    for part in migrated:
        assert migrated[part] ^ modelled[part] == set(), part


def test_the_comparison_sees_checks_and_exclusions(created: Engine) -> None:
    """It has something to compare, and notices one that is missing."""
    before = structure(created)["constraints"]
    kinds = {str(definition).split()[0] for _, _, definition, _ in before}
    assert {"CHECK", "EXCLUDE", "FOREIGN", "PRIMARY", "UNIQUE"} <= kinds
    modelled = {
        str(constraint.name)
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert modelled <= {name for _, name, _, _ in before}
    with created.begin() as connection:
        connection.execute(text("ALTER TABLE slots DROP CONSTRAINT ck_slots_capacity"))
    assert {name for _, name, _, _ in before - structure(created)["constraints"]} == {"ck_slots_capacity"}


@pytest.fixture
def history(session: Session, actor: Actor) -> None:
    """A row in each table of which rows are only ever added."""
    schedule = factories_booking.schedule(session, actor.provider_id)
    factories_transmission.message(session, actor.provider_id, MessageKind.SAVE_SCHEDULE, schedule.id)
    factories_transmission.record(session, factories_transmission.must_claim(session), Delivered())
    slot = factories_booking.slot(session, actor.provider_id)
    visit = factories_transmission.visit(session, actor.provider_id, slot)
    session.execute(text("INSERT INTO visit_changes (visit_id, to_status) VALUES (:id, 'booked')"), {"id": visit.id})
    audit(session, actor, "read", "woman", visit.woman_id)
    session.flush()


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["visit_changes", "transmission_attempts", "audit_entries"])
def test_history_is_only_ever_added_to(session: Session, table: str, change: str) -> None:
    """The database itself refuses to change or to remove a row, whoever asks."""
    assert session.scalar(select(func.count()).select_from(Base.metadata.tables[table]))
    with pytest.raises(DBAPIError, match=f"rows of {table} are only ever added"):
        session.execute(text(change.format(table)))


@pytest.mark.processes
def test_two_migrators_at_once_do_no_harm(settings: Settings, fresh: Engine) -> None:
    """The second waits for the first and finds its work done, the reference data included."""
    variables = environment(replace(settings, database_url=fresh.url.render_as_string(hide_password=False)))
    command = [sys.executable, "-m", "mobile_units", "db", "upgrade"]
    with fresh.begin() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(7061801)"))
        migrators = [subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL) for _ in range(2)]
        until_waiting(fresh, 2)
    assert [migrator.wait(timeout=30) for migrator in migrators] == [0, 0]
    assert migrations.current(fresh) == migrations.head()
    with fresh.connect() as connection:
        codes = connection.scalars(text("SELECT code FROM product_codes")).all()
    assert sorted(codes) == sorted(entry.code for entry in DEFAULT_CATALOGUE)


def until_waiting(engine: Engine, count: int) -> None:
    """Waits until so many connections wait for the lock of the migrators."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    deadline = time.monotonic() + 30
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while connection.scalar(waiting) != count:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_migrator_waits_longer_for_another_than_for_a_lock_of_ours(fresh: Engine) -> None:
    """Its own short limit is for locks that would block a working system."""
    with fresh.begin() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(7061801)"))
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(migrations.upgrade, fresh)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.5)
            other.rollback()
            waiting.result(timeout=30)
    assert inspect(fresh).has_table("sites")


def test_a_failed_migration_leaves_nothing(fresh: Engine) -> None:
    """A migration is one transaction: what stands in its way is found as it was."""
    with fresh.begin() as connection:
        connection.execute(text("CREATE TABLE visits (kept int)"))
    with pytest.raises(DBAPIError):
        migrations.upgrade(fresh)
    assert objects(fresh) == {"visits"}


def test_a_database_from_the_future_is_refused(fresh: Engine) -> None:
    """An older program does not touch it."""
    migrations.upgrade(fresh)
    with fresh.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CommandError, match="9999"):
        migrations.upgrade(fresh)
    assert migrations.current(fresh) == "9999"
