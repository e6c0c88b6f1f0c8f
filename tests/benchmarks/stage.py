"""The database that the benchmarks share: the sample, planned but not published."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cryptography.fernet import Fernet
from sqlalchemy import Engine

from mobile_units import clock, db, embedded, migrations
from mobile_units.config import Settings
from mobile_units.demo import sample
from mobile_units.rules.calendar import first_working_day_after, quarter_from
from mobile_units.services import planning
from mobile_units.services.actors import Actor

KEYS = {
    "MOBILE_UNITS_SECRET_KEY": "s" * 40,
    "MOBILE_UNITS_HASH_KEY": "h" * 40,
    "MOBILE_UNITS_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
}


@dataclass(frozen=True)
class Database:
    """A database with a draft itinerary."""

    settings: Settings
    engine: Engine
    actor: Actor
    itinerary_id: int
    version: int
    environ: dict[str, str]
    last_day: date


@contextmanager
def database(folder: Path) -> Iterator[Database]:
    """An embedded server with the sample and the plan of a quarter, gone afterwards."""
    url = embedded.ensure_running(folder)
    environ = KEYS | {"DATABASE_URL": url, "MOBILE_UNITS_LOG_LEVEL": "ERROR"}
    settings = Settings.from_env(environ)
    engine = db.engine_of(settings, pool_size=20)
    migrations.upgrade(engine)
    first_day, last_day = quarter_from(first_working_day_after(clock.today()))
    request = planning.PlanRequest(name="bench", first_day=first_day, last_day=last_day, seconds=25)
    with db.transaction(engine) as session:
        actor = sample.load(session, sample.SITES.read_bytes(), sample.new_passwords(), clock.today())
        problem = planning.problem_for(session, actor, request)
    plan = planning.propose(planning.with_distances(problem), request)
    with db.transaction(engine) as session:
        itinerary = planning.keep_plan(session, actor, request, plan)
    try:
        yield Database(settings, engine, actor, itinerary.id, itinerary.version, environ, last_day)
    finally:
        engine.dispose()
        embedded.stop(folder)


def report(what: str, measured: str) -> None:
    """One line of the table."""
    print(f"{what:<66} {measured}", flush=True)
