"""The judge of the storm: asks the database in plain SQL, and the reports, and names everything that does not fit.

It shares no code with what it judges, but for the rule of `rules.sessions`, which has proofs of its own.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from mobile_units.errors import REFUSALS
from mobile_units.rules.programmes import Path
from mobile_units.rules.sessions import Examination, Resource, Session, fits, one_more
from mobile_units.rules.slots import Interval
from tests.storm.crowd import NOTHING_THERE
from tests.storm.run import Storm

Connection = psycopg.Connection[dict[str, Any]]

OCCUPYING = "status NOT IN ('cancelled', 'moved')"
ACTIVE = "status IN ('held', 'booked', 'confirmed', 'arrived')"
EVER_BOOKED = "EXISTS (SELECT FROM visit_changes AS was WHERE was.visit_id = visits.id AND was.to_status = 'booked')"
TOLD = "EXISTS (SELECT FROM outbox_messages WHERE subject_id = visits.id AND kind = '{kind}')"

QUESTIONS = {
    "no_slot_is_overfull": "SELECT id FROM slots WHERE taken > capacity + extra",
    "extra_places_are_for_overbooked_women": f"""
        SELECT slots.id FROM slots JOIN visits ON visits.slot_id = slots.id
        WHERE visits.{OCCUPYING} AND NOT overbooked GROUP BY slots.id HAVING count(*) > slots.capacity
    """,
    "taken_counts_visits": f"""
        SELECT slots.id, taken FROM slots LEFT JOIN visits ON visits.slot_id = slots.id AND visits.{OCCUPYING}
        GROUP BY slots.id HAVING taken <> count(visits.id)
    """,
    "one_visit_in_a_programme": f"""
        SELECT woman_id, programme FROM visits WHERE {ACTIVE} GROUP BY woman_id, programme HAVING count(*) > 1
    """,
    "no_visit_is_lost": f"""
        SELECT visits.id FROM visits JOIN slots ON slots.id = slot_id
        WHERE visits.{OCCUPYING} AND slots.status = 'withdrawn'
    """,
    "orphaned_slots_have_visits": "SELECT id FROM slots WHERE status = 'orphaned' AND taken = 0",
    "booked_visits_are_told": f"SELECT id FROM visits WHERE {EVER_BOOKED} AND NOT {TOLD.format(kind='save_visit')}",
    "holds_are_not_told": f"""
        SELECT id FROM visits WHERE NOT {EVER_BOOKED}
        AND ({TOLD.format(kind="save_visit")} OR {TOLD.format(kind="cancel_visit")})
    """,
    "ended_visits_are_called_off": f"""
        SELECT id FROM visits WHERE NOT {OCCUPYING} AND {EVER_BOOKED} AND NOT {TOLD.format(kind="cancel_visit")}
    """,
    "history_ends_where_the_visit_stands": """
        SELECT visits.id FROM visits CROSS JOIN LATERAL (
            SELECT to_status FROM visit_changes WHERE visit_id = visits.id ORDER BY id DESC LIMIT 1
        ) AS last WHERE last.to_status <> visits.status
    """,
    "an_offer_is_a_hold": """
        SELECT entry.id FROM waiting_list_entries AS entry JOIN visits ON visits.id = entry.visit_id
        WHERE entry.status = 'offered' AND visits.status <> 'held' AND visits.woman_id <> entry.woman_id
        UNION SELECT min(id) FROM waiting_list_entries WHERE status = 'offered'
        GROUP BY visit_id HAVING count(*) > 1
    """,
    "nobody_waited_in_a_circle": """
        SELECT deadlocks FROM pg_stat_database WHERE datname = current_database() AND deadlocks > 0
    """,
}
"""Each asks for what must not be there."""

SESSIONS = "SELECT id, starts_at, ends_at, content FROM mixed_sessions"
IN_SESSIONS = f"""
SELECT session_id, visits.path, slots.starts_at FROM visits JOIN slots ON slots.id = slot_id
WHERE session_id IS NOT NULL AND visits.{OCCUPYING}
"""
SLOTS_OF_SESSIONS = """
SELECT slots.id, session_id, path, starts_at, fits FROM slots JOIN schedules ON schedules.id = schedule_id
WHERE session_id IS NOT NULL AND status <> 'withdrawn'
"""


def judge(connection: psycopg.Connection[Any], storm: Storm) -> list[str]:
    """Everything that does not fit, each with the name of its rule; nothing, if all is well."""
    asked: Connection = connection  # the rows are asked for by name below
    found = [f"{rule}: {rows[:5]}" for rule, query in QUESTIONS.items() if (rows := _rows(asked, query))]
    for rule in (sessions_are_held, slots_tell_whether_one_more_fits):
        found += [f"{rule.__name__}: {each}" for each in rule(asked)]
    told: tuple[Callable[[Connection, Storm], Iterator[str]], ...] = (
        every_attempt_has_an_answer,
        losers_have_a_way_out,
        visits_are_those_reported,
        a_key_stands_for_one_visit,
    )
    for each in told:
        found += [f"{each.__name__}: {finding}" for finding in each(asked, storm)]
    return found


def _rows(connection: Connection, query: str) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode()).fetchall()


def sessions_are_held(connection: Connection) -> Iterator[str]:
    """Rooms and crew have time for everybody who is booked."""
    for key, session, booked in _sessions(connection):
        if fits(session, booked) is None:
            yield f"session {key} with {len(booked)} examinations"


def slots_tell_whether_one_more_fits(connection: Connection) -> Iterator[str]:
    """What is kept with each slot is so."""
    known = {key: (session, booked) for key, session, booked in _sessions(connection)}
    for row in _rows(connection, SLOTS_OF_SESSIONS):
        session, booked = known[row["session_id"]]
        if one_more(session, booked, Path(row["path"]), row["starts_at"]) != row["fits"]:
            yield f"slot {row['id']}"


def _sessions(connection: Connection) -> Iterator[tuple[int, Session, list[Examination]]]:
    booked = defaultdict(list)
    for row in _rows(connection, IN_SESSIONS):
        booked[row["session_id"]].append((Path(row["path"]), row["starts_at"]))
    for row in _rows(connection, SESSIONS):
        content = row["content"]
        session = Session(
            hours=Interval(row["starts_at"], row["ends_at"]),
            minutes={Path(path): minutes for path, minutes in content["minutes"].items()},
            rooms=_resources(content["rooms"]),
            crew=_resources(content["crew"]),
            breaks=tuple(Interval(*map(datetime.fromisoformat, each)) for each in content["breaks"]),
        )
        yield row["id"], session, [session.examination(path, at) for path, at in booked[row["id"]]]


def _resources(stored: list[dict[str, Any]]) -> tuple[Resource, ...]:
    return tuple(Resource(each["name"], frozenset(map(Path, each["serves"]))) for each in stored)


def every_attempt_has_an_answer(_: Connection, storm: Storm) -> Iterator[str]:
    """It was done, or refused with a code that has its sentences; the database's own errors are no answer."""
    if storm.answers.total() != storm.attempts:
        yield f"{storm.answers.total()} answers to {storm.attempts} attempts"
    answers = {answer for _, answer in storm.answers}
    if strange := answers - REFUSALS.keys() - {"done", NOTHING_THERE}:
        yield f"{sorted(strange)}"
    for report in storm.reports:
        yield from report.failures[:2]


def losers_have_a_way_out(_: Connection, storm: Storm) -> Iterator[str]:
    """Who had no place was told where there is one."""
    for report in storm.reports:
        if report.without_way_out:
            yield f"{Counter(report.without_way_out)}"


def visits_are_those_reported(connection: Connection, storm: Storm) -> Iterator[str]:
    """What was answered is stored, once, and a refused attempt leaves no visit behind."""
    reported = Counter(key for report in storm.reports for key in report.made)
    reported.update({key for report in storm.reports for _, key in report.keys})
    stored = {row["id"] for row in _rows(connection, "SELECT id FROM visits")}
    if lost := sorted(reported.keys() - stored):
        yield f"reported and not stored {lost[:5]}"
    if unasked := sorted(stored - reported.keys()):
        yield f"stored and not reported {unasked[:5]}"
    if twice := sorted(key for key, count in reported.items() if count > 1):
        yield f"given to two {twice[:5]}"


def a_key_stands_for_one_visit(_: Connection, storm: Storm) -> Iterator[str]:
    """Whoever repeated a request got the same visit."""
    visits = defaultdict(set)
    for report in storm.reports:
        for key, visit in report.keys:
            visits[key].add(visit)
    for key, found in visits.items():
        if len(found) > 1:
            yield f"{key}: {sorted(found)}"
