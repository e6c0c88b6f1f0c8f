"""A national quarter, stored by plain SQL: 100 units for 13 weeks, 500,000 slots and 300,000 visits.

All of it is made up but the places (`places.csv`). A unit works 65 days with 77 slots of six minutes each, at 20 sites;
two of five are cytobuses, whose slots are shared by two paths. The nearer a slot is, the likelier it is taken.
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, text

from mobile_units import clock, crypto, db, embedded, migrations
from mobile_units.config import Settings
from tests.benchmarks.stage import KEYS, report

PLACES = Path(__file__).with_name("places.csv")
STATEMENTS = Path(__file__).with_name("national.sql")
SLOTS_OF_A_DAY = 77
DAYS = 65


@dataclass(frozen=True, slots=True)
class Quarter:
    """What was stored, for one provider."""

    provider_id: int
    first_day: date
    slots: int
    visits: int
    stops: int
    schedules: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A database with a quarter; `folder` is that of its server, `environ` leads processes there."""

    engine: Engine
    quarter: Quarter
    folder: Path
    environ: dict[str, str]


@contextmanager
def database(folder: Path, *, slots: int = 500_000, visits: int = 300_000) -> Iterator[Stored]:
    """A database of its own on the embedded server of the folder, which the caller stops."""
    server, name = embedded.ensure_running(folder), f"slots{slots}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    environ = KEYS | {"DATABASE_URL": server.replace("/postgres?", f"/{name}?"), "MOBILE_UNITS_LOG_LEVEL": "ERROR"}
    engine = db.engine_of(Settings.from_env(environ))
    try:
        migrations.upgrade(engine)
        quarter = store(engine, slots=slots, visits=visits)
        counts = f"{quarter.slots:,} slots, {quarter.visits:,} visits"
        report("a quarter stored", f"{counts}, {quarter.stops:,} stops, {quarter.schedules:,} schedules")
        yield Stored(engine, quarter, folder, environ)
    finally:
        engine.dispose()


def store(engine: Engine, *, slots: int = 500_000, visits: int = 300_000) -> Quarter:
    """Stores a new provider with a quarter of so many slots, from the next Monday on, and so many booked visits.

    There are as many units as the slots need. Every woman has one visit.
    """
    today = clock.today()
    first_day = today + timedelta(days=8 - today.isoweekday())
    facts: dict[str, Any] = {
        "first_day": first_day,
        "slots": slots,
        "visits": visits,
        "per_day": SLOTS_OF_A_DAY,
        "units": -(-slots // (SLOTS_OF_A_DAY * DAYS)),
        "secret": crypto.EncryptedText().process_bind_param("Fikcyjna", engine.dialect),
        "nothing": crypto.EncryptedJson().process_bind_param({}, engine.dialect),
    }
    with engine.begin() as connection:
        facts["provider"] = connection.scalar(text(_PROVIDER))
        _store_sites(connection, facts["provider"])
        for statement in STATEMENTS.read_text().split(";\n"):
            used = {name: value for name, value in facts.items() if f":{name}" in statement}
            connection.execute(text(statement), used)
        counts = connection.execute(text(_COUNTS), {"provider": facts["provider"]}).one()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return Quarter(facts["provider"], first_day, *counts)


def _store_sites(connection: Connection, provider_id: int) -> None:
    with PLACES.open(encoding="utf-8", newline="") as lines:
        rows = [row | {"provider": provider_id, "number": n} for n, row in enumerate(csv.DictReader(lines))]
    connection.execute(text(_SITE), rows)


_PROVIDER = """
INSERT INTO providers (name, rpwdl_book, regon, nfz_branch, oid_root, version)
SELECT 'Pomiar (dane fikcyjne)', lpad(CAST(count(*) + 1 AS text), 12, '9'), '123456785', '05',
    '2.16.840.1.113883.3.4424.2.7.999999', 1
FROM providers RETURNING id
"""
_SITE = """
INSERT INTO sites (provider_id, code, name, locality, landmark, gmina, teryt, latitude, longitude, logistics,
    days_max, days_min, weekdays, priority, visits_max, gap_days, lacks, active, version)
VALUES (:provider, 'S' || :geonames_id, 'Plac ' || :geonames_id, 'Miejscowość ' || :geonames_id, 'przy urzędzie',
    'Gmina ' || :number, :region || lpad(CAST(:number AS text), 5, '0'), :latitude, :longitude, '{}',
    5, 1, '{1,2,3,4,5,6,7}', 1, 12, 0, '{}', true, 1)
"""
_COUNTS = """
SELECT (SELECT count(*) FROM slots JOIN schedules ON schedules.id = schedule_id WHERE provider_id = :provider),
    (SELECT count(*) FROM visits WHERE provider_id = :provider),
    (SELECT count(*) FROM stops JOIN itineraries ON itineraries.id = itinerary_id WHERE provider_id = :provider),
    (SELECT count(*) FROM schedules WHERE provider_id = :provider)
"""
