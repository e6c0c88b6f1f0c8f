"""The database: engine, the transaction around one use-case, and the names of violated constraints as refusals."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import TypeVar

import psycopg
from sqlalchemy import Engine, create_engine, event, func, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from mobile_units import crypto, embedded
from mobile_units.config import Settings
from mobile_units.errors import DomainError

Result = TypeVar("Result")

UNREACHABLE = (OperationalError, InterfaceError)
"""The database does not answer, or let a lock take too long."""

RESTED_SECONDS = 1.0
"""A pooled connection that was idle for longer is asked whether it still answers before it is used."""

OPTIONS = "-c timezone=UTC -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s -c jit=off"
"""No question of ours takes so long that compiling it would pay."""

REFUSAL_OF_CONSTRAINT = {
    "ck_slots_capacity": "slot_full",
    "ck_slots_withdrawn_is_empty": "stale_version",
    "uq_visits_one_active_per_woman_and_programme": "parallel_visit",
    "ex_stop_days_unit_in_one_place": "unit_in_two_places",
    "ex_stop_days_unit_in_one_place_of_itinerary": "unit_in_two_places",
    "ex_schedules_stationary_once": "schedule_overlaps",
    "ck_schedules_mobile_flag_needs_point": "mobile_flag_needs_point",
    "ck_schedules_stationary_place_has_no_point": "stationary_place_has_no_point",
    "ck_slots_stationary_place_on_stationary_schedule": "stationary_slot_on_mobile_schedule",
    "uq_visits_idempotency_key": "idempotency_key_reused",
    "pk_planning_settings": "stale_version",
    "uq_reconciliations_one_running": "reconciliation_running",
    "uq_initial_loads_provider_id_digest": "file_loaded_before",
    "uq_women_provider_id_identity_hash": "woman_known",
    "uq_waiting_list_entries_one_open_per_woman_and_programme": "waiting_already",
}


def engine_of(settings: Settings, *, pool_size: int = 5) -> Engine:
    """An engine on the configured database, or on the embedded server; also loads the encryption keys."""
    crypto.load_keys(settings)
    url = settings.database_url or embedded.ensure_running(settings.data_dir)
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool_size,
        hide_parameters=True,
        connect_args={"options": OPTIONS},
    )
    _replace_dead_connections(engine)
    return engine


def _replace_dead_connections(engine: Engine) -> None:
    """As `pool_pre_ping`, but without its round trip for a connection that answered a moment ago."""

    @event.listens_for(engine, "checkin")
    def rest(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - entry.info.get("rests_since", 0.0) < RESTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.OperationalError as error:
            raise DisconnectionError from error


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """One use-case, one transaction: committed at the end, rolled back at any error.

    Raises:
        DomainError: a named constraint was violated; any other database error passes as it is.
    """
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
    except IntegrityError as error:
        raise refusal_of(error) from None


def keep(engine: Engine, work: Callable[[Session], Result], stop: Event, seconds: float) -> Result:
    """Does one piece of work in a transaction, waiting for the database until `stop` is set.

    Raises:
        OperationalError: the database is unreachable, and `stop` was set.
    """
    while True:
        try:
            with transaction(engine) as session:
                return work(session)
        except UNREACHABLE:
            if stop.wait(seconds):
                raise


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session for a single question: each statement stands alone, which spares BEGIN and COMMIT."""
    with (
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        Session(connection, expire_on_commit=False) as session,
    ):
        yield session


@contextmanager
def alone(engine: Engine, what: str) -> Iterator[bool]:
    """Whether nobody else, in any process, is at it until the end of the block; no transaction is open meanwhile."""
    key = func.hashtext(what)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        held = bool(connection.scalar(select(func.pg_try_advisory_lock(key))))
        try:
            yield held
        finally:
            if held:
                connection.execute(select(func.pg_advisory_unlock(key)))


def refusal_of(error: IntegrityError) -> Exception:
    """The refusal that a violated constraint means, by its name; the error itself where the name has none."""
    cause = error.orig
    if not isinstance(cause, psycopg.errors.IntegrityError):
        return error
    name = cause.diag.constraint_name or ""
    if name in REFUSAL_OF_CONSTRAINT:
        return DomainError(REFUSAL_OF_CONSTRAINT[name])
    if isinstance(cause, psycopg.errors.UniqueViolation):
        return DomainError("already_exists", what=cause.diag.table_name)
    if isinstance(cause, psycopg.errors.ForeignKeyViolation):
        return DomainError("still_in_use", what=cause.diag.table_name)
    return error
