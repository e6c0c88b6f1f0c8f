"""Two at the same thing in an order that is known: one is done but not committed while the other waits for it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from mobile_units import db

Outcome = TypeVar("Outcome")


@contextmanager
def while_open(
    engine: Engine, attempt: Callable[[Session], object], other: Callable[[], Outcome]
) -> Iterator[Callable[[], Outcome]]:
    """Runs the other while the attempt is done but not committed; gives what becomes of the other."""
    with ThreadPoolExecutor(1) as pool:
        with db.transaction(engine) as session:
            attempt(session)
            session.flush()
            running = pool.submit(other)
            until_somebody_waits(engine)
        yield running.result


def until_somebody_waits(engine: Engine) -> None:
    """Until a connection to the database waits for a lock of another."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    for _ in range(500):
        with engine.connect() as connection:
            if connection.scalar(query):
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")
