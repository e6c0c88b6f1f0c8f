"""A bulk move of 300 women over 40 stops: proposed, carried out and undone, each in one transaction.

`python -m tests.benchmarks bulk_move` makes a small stage of its own: a stop that is lost, with 300 visits, and 40
stops around it with 50 free slots each.
"""

import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path as Folder
from typing import TypeVar

from sqlalchemy import text

from mobile_units import clock, db, embedded, migrations
from mobile_units.config import Settings
from mobile_units.models.visits import Visit
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import bulk_move_application, bulk_move_undo, bulk_moves
from mobile_units.services.actors import Actor
from mobile_units.services.bulk_move_scopes import Scope
from mobile_units.services.bulk_moves import NewBulkMove
from tests import factories, factories_booking
from tests.benchmarks.stage import KEYS, report

WOMEN, STOPS, SLOTS = 300, 40, 50
TEN_MINUTES = timedelta(minutes=10)

Result = TypeVar("Result")


def measure() -> None:
    """Reports how long each step takes."""
    with tempfile.TemporaryDirectory(prefix="mobile-units-bench-") as folder:
        settings = Settings.from_env(
            KEYS | {"DATABASE_URL": embedded.ensure_running(Folder(folder)), "MOBILE_UNITS_LOG_LEVEL": "ERROR"}
        )
        engine = db.engine_of(settings)
        try:
            migrations.upgrade(engine)
            _measure(_Stage(engine))
        finally:
            engine.dispose()
            embedded.stop(Folder(folder))
