"""Publishing a quarter beside a bare `executemany` of the rows that it stores."""

import time

import psycopg
from sqlalchemy import text

from mobile_units import clock, db
from mobile_units.services import publishing, versions
from tests.benchmarks.stage import Database, report

COLUMNS = "uuid, schedule_id, service_place_id, place_mobility, mobile, starts_at, ends_at, capacity, taken, status"
READ = f"SELECT {COLUMNS} FROM slots"
WRITE = f"INSERT INTO slots ({COLUMNS}) VALUES (gen_random_uuid(), %s, %s, %s, %s, %s, %s, %s, %s, %s)"


def measure(database: Database) -> None:
    """Publishes the draft, then stores the same rows again in another transaction, emptied of slots, and undoes it."""
    started = time.perf_counter()
    with db.transaction(database.engine) as session:
        now = clock.now()
        approved = versions.approve(session, database.actor, database.itinerary_id, database.version, now)
        done = publishing.publish(session, database.actor, approved.id, approved.version, now)
    seconds = time.perf_counter() - started
    bare = _bare_seconds(database)
    ours, theirs = done.slots / seconds, done.slots / bare
    report(
        "publishing: slots a second, beside bare executemany",
        f"{ours:,.0f} beside {theirs:,.0f} ({ours / theirs:.2f}); {done.slots} slots, {done.schedules} schedules",
    )


def _bare_seconds(database: Database) -> float:
    url = database.environ["DATABASE_URL"]
    with psycopg.connect(url) as connection:
        rows = [row[1:] for row in connection.execute(READ).fetchall()]
        connection.execute("DELETE FROM slots")
        started = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.executemany(WRITE, rows)
        seconds = time.perf_counter() - started
        connection.rollback()
    with database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    return seconds
