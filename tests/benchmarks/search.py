"""Searching 5,000 and 500,000 slots, each search beside its own statements sent by bare psycopg in the same run."""

import statistics
import time
from collections.abc import Callable
from datetime import datetime
from datetime import time as clock_time

import psycopg
from sqlalchemy import Engine, event, text

from mobile_units import clock, db
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.programmes import Path as Examination
from mobile_units.rules.programmes import Programme
from mobile_units.services import slot_search
from mobile_units.services.actors import Actor
from mobile_units.services.slot_search import SlotFilter, SlotOrder
from tests.benchmarks import national
from tests.benchmarks.national import Stored
from tests.benchmarks.stage import report

FEW = (5_000, 3_000)
TIMES = 200
WARM_UP = 20

Question = Callable[[Engine], object]
Line = tuple[float, float, float]


def measure(many: Stored) -> None:
    """One line for each kind of search: at few slots, at many, and how it grows."""
    with national.database(many.folder, slots=FEW[0], visits=FEW[1]) as few:
        at_few, at_many = _lines(few), _lines(many)
    for kind, (p50, p95, bare) in at_many.items():
        report(
            f"search: {kind}",
            f"p50 {p50:.1f}, p95 {p95:.1f} ms ({p50 / bare:.2f} of bare SQL); at {FEW[0]:,} slots"
            f" p50 {at_few[kind][0]:.1f}, p95 {at_few[kind][1]:.1f} ms: growth {p50 / at_few[kind][0]:.2f}",
        )


def _lines(stored: Stored) -> dict[str, Line]:
    questions = _questions(stored.engine, stored.quarter, clock.now())
    return {kind: _line(_seconds(stored.engine, question)) for kind, question in questions.items()}


def _questions(engine: Engine, stored: national.Quarter, now: datetime) -> dict[str, Question]:
    """What is asked, about a stop in the middle of the quarter."""
    with engine.connect() as connection:
        stop = connection.execute(text(_STOP), {"provider_id": stored.provider_id}).mappings().one()
    actor = Actor(stored.provider_id)
    here = {"latitude": stop["latitude"], "longitude": stop["longitude"]}
    filters = {
        "soonest of a programme anywhere": SlotFilter(programme=Programme.BREAST),
        "a stop": SlotFilter(stop_id=stop["stop_id"]),
        "a gmina by name": SlotFilter(gmina=stop["gmina"]),
        "a gmina by TERYT": SlotFilter(teryt=stop["teryt"]),
        "30 km around, nearest first": SlotFilter(**here, order=SlotOrder.DISTANCE),
        "a programme on Tuesdays, 9 to 11": SlotFilter(
            programme=Programme.BREAST, weekdays=(2,), from_time=clock_time(9), to_time=clock_time(11)
        ),
        "a text": SlotFilter(text=stop["locality"].removeprefix("Miejscowość ")),
        "a text common to all sites": SlotFilter(text="Miejscowość"),
        "a text of a service place": SlotFilter(text="Cytobusy"),
        "1,000 km around, soonest first": SlotFilter(**here, radius_km=1000),
        "1,000 km around, nearest first": SlotFilter(**here, radius_km=1000, order=SlotOrder.DISTANCE),
        "extra places too": SlotFilter(overbooking=True),
    }
    questions: dict[str, Question] = {kind: _search(actor, wanted, now) for kind, wanted in filters.items()}
    path = Examination(stop["path"])

    def instead(engine: Engine) -> object:
        with db.transaction(engine) as session:
            return slot_search.alternatives(
                session, actor, stop["slot_id"], path=path, channel=BookingChannel.DESK, urgent=False, now=now
            )

    return questions | {"alternatives of a slot": instead}


def _search(actor: Actor, wanted: SlotFilter, now: datetime) -> Question:
    def search(engine: Engine) -> object:
        with db.transaction(engine) as session:
            return slot_search.find(session, actor, wanted, now)

    return search


def _seconds(engine: Engine, question: Question) -> list[tuple[float, float]]:
    """For each time, the seconds of the question and of its statements alone, taken in turn."""
    sent = _statements(engine, question)
    with psycopg.connect(str(engine.url.set(drivername="postgresql").render_as_string(hide_password=False))) as bare:
        bare.execute("SET jit = off")
        pairs = [(_timed(lambda: question(engine)), _timed(lambda: _send(bare, sent))) for _ in range(WARM_UP + TIMES)]
    return pairs[WARM_UP:]


def _send(connection: psycopg.Connection, statements: list[tuple[str, dict[str, object]]]) -> None:
    for statement, parameters in statements:
        connection.execute(statement.encode(), parameters).fetchall()
    connection.commit()


def _statements(engine: Engine, question: Question) -> list[tuple[str, dict[str, object]]]:
    sent: list[tuple[str, dict[str, object]]] = []

    def note(*arguments: object) -> None:
        sent.append((str(arguments[2]), dict(arguments[3])))  # type: ignore[call-overload]  # a mapping, by the driver

    event.listen(engine, "before_cursor_execute", note)
    try:
        question(engine)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return sent


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _line(pairs: list[tuple[float, float]]) -> Line:
    """Milliseconds: the median, the 95th of a hundred, and the median of bare SQL."""
    ours, bare = (sorted(1000 * pair[which] for pair in pairs) for which in (0, 1))
    return statistics.median(ours), ours[int(len(ours) * 0.95)], statistics.median(bare)


_STOP = """
SELECT mobile_points.stop_id, sites.*, schedules.path,
    (SELECT id FROM slots WHERE schedule_id = schedules.id AND taken = capacity ORDER BY starts_at LIMIT 1) AS slot_id
FROM schedules JOIN mobile_points ON mobile_points.id = mobile_point_id JOIN stops ON stops.id = stop_id
JOIN sites ON sites.id = site_id
WHERE schedules.provider_id = :provider_id ORDER BY abs(schedules.valid_from - current_date - 50), schedules.id LIMIT 1
"""
