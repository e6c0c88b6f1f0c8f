"""A bulk move of 300 women over 40 stops in a national quarter: proposed, carried out and undone.

Each is one use-case in one transaction, reading the database included, as a request does it.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import Engine, text

from mobile_units import clock, crypto, db
from mobile_units.services import bulk_move_application, bulk_move_undo, bulk_moves, reference
from mobile_units.services.actors import Actor
from mobile_units.services.bulk_move_scopes import Scope
from mobile_units.services.bulk_moves import NewBulkMove
from tests.benchmarks.national import Stored
from tests.benchmarks.stage import report

WOMEN, STOPS = 300, 40
WEEK = 4
"""In which week of the quarter the unit is lost: it has many visits then, and other units have free places later."""

Result = TypeVar("Result")


def measure(stored: Stored) -> None:
    """One mammobus is lost: its next 300 women go to the 40 nearest stops of others, then to any within 80 km."""
    engine, quarter = stored.engine, stored.quarter
    actor, now = Actor(quarter.provider_id), clock.now()
    first = quarter.first_day + timedelta(weeks=WEEK)
    with db.transaction(engine) as session:
        reference.load_reference_data(session)
        visits = list(session.scalars(text(_VISITS), {"provider": quarter.provider_id, "day": first, "most": WOMEN}))
        born = crypto.EncryptedText().process_bind_param("1970-05-17", engine.dialect)
        session.execute(text(_BORN), {"visits": visits, "born": born})
        stops = list(session.scalars(text(_STOPS), {"visit": visits[0], "day": first, "most": STOPS}))
    scopes = {
        f"{STOPS} stops": Scope(visit_ids=visits, to_stop_ids=stops),
        "stops within 80 km and 28 days": Scope(visit_ids=visits, within_km=80),
    }
    for where, scope in scopes.items():
        command = NewBulkMove(reason="awaria", scope=scope)
        proposed, move = _timed(
            engine, lambda session, command=command: bulk_moves.propose(session, actor, command, now)
        )
        placed = sum(row.to_slot_id is not None for row in move.rows)
        report(f"bulk move: {len(move.rows)} women over {where} proposed", f"{proposed:.2f} s ({placed} placed)")
    apply = partial(
        bulk_move_application.apply,
        actor=actor,
        move_id=move.id,
        version=move.version,
        now=now,
        leave_unassigned=True,
    )
    applied, move = _timed(engine, apply)
    undo = partial(bulk_move_undo.undo, actor=actor, move_id=move.id, version=move.version, reason="pomiar", now=now)
    undone, _ = _timed(engine, undo)
    report(f"bulk move: {placed} women moved, and moved back", f"{applied:.2f} s, {undone:.2f} s")


def _timed(engine: Engine, work: Callable[..., Result]) -> tuple[float, Result]:
    started = time.perf_counter()
    with db.transaction(engine) as session:
        done = work(session)
    return time.perf_counter() - started, done


_VISITS = """
SELECT visits.id FROM visits JOIN slots ON slots.id = slot_id JOIN schedules ON schedules.id = schedule_id
JOIN mobile_points ON mobile_points.id = mobile_point_id JOIN stops ON stops.id = stop_id
WHERE visits.provider_id = :provider AND starts_at >= CAST(:day AS date) AND unit_id = (
    SELECT min(unit_id) FROM stops JOIN mobile_points ON stop_id = stops.id
    JOIN schedules ON mobile_point_id = mobile_points.id
    WHERE mobile_points.provider_id = :provider AND path = 'mammography'
)
ORDER BY starts_at LIMIT :most
"""
_BORN = """
UPDATE women SET birth_date = :born FROM visits WHERE woman_id = women.id AND visits.id = ANY(:visits)
"""
_STOPS = """
WITH lost AS (
    SELECT stops.unit_id, latitude, longitude, visits.provider_id FROM visits JOIN slots ON slots.id = slot_id
    JOIN schedules ON schedules.id = schedule_id JOIN mobile_points ON mobile_points.id = mobile_point_id
    JOIN stops ON stops.id = stop_id JOIN sites ON sites.id = site_id WHERE visits.id = :visit
)
SELECT stops.id FROM lost, stops JOIN sites ON sites.id = site_id JOIN mobile_points ON stop_id = stops.id
JOIN schedules ON mobile_point_id = mobile_points.id
WHERE sites.provider_id = lost.provider_id AND stops.unit_id <> lost.unit_id AND stops.first_day > CAST(:day AS date)
    AND path = 'mammography'
ORDER BY power(sites.latitude - lost.latitude, 2) + power((sites.longitude - lost.longitude) * 0.62, 2) LIMIT :most
"""
