"""Storing slots: a national quarter beside a bare `COPY` of the same rows, the fastest bulk insert that there is.

All constraints and indexes are in place in both, and each starts from an empty table. Ours is all of it: cutting the
working times of a template, identifiers and rows; the bare one sends rows that were written before.
"""

import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from datetime import time as clock_time
from functools import partial
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.models.contracts import ContractRange
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.rules.calendar import month_parts, quarter_from
from mobile_units.rules.programmes import Mobility, Path
from mobile_units.rules.template_slots import apply_to_dates
from mobile_units.rules.templates import Break, Examination, Hours, Rooms, Template
from mobile_units.services import publishing, slot_rows, versions
from tests.benchmarks.stage import Database, report

UNITS = 100
HOURS = (Hours(clock_time(8), clock_time(15, 30), [Break(clock_time(11), clock_time(11, 15))]),)
TEMPLATE = Template(week=dict.fromkeys(range(1, 8), HOURS), rooms=[Rooms([Examination(Path.MAMMOGRAPHY, 8)])])
COLUMNS = (
    "uuid, schedule_id, service_place_id, place_mobility, mobile, starts_at, ends_at, capacity, taken, extra, status,"
    " reserved_for, kept_for_waiting, session_id, fits"
)


def measure(database: Database) -> None:
    """Stores a quarter of 100 units, which is undone, and publishes the draft, which stays."""
    _measure_quarter(database)
    started = time.perf_counter()
    with db.transaction(database.engine) as session:
        now = clock.now()
        approved = versions.approve(session, database.actor, database.itinerary_id, database.version, now)
        done = publishing.publish(session, database.actor, approved.id, approved.version, now)
    seconds = time.perf_counter() - started
    report("approving and publishing a region", f"{seconds:.1f} s; {done.slots} slots, {done.schedules} schedules")
    with database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))


def _measure_quarter(database: Database) -> None:
    with Session(database.engine) as session:
        schedules = _schedules(session, database)
        ours = _seconds(session, lambda: slot_rows.store(session, _rows(schedules)))
        cursor = session.connection().connection.cursor()
        with cursor.copy(f"COPY slots ({COLUMNS}) TO STDOUT") as copied:
            written = b"".join(map(bytes, copied))

        def bare() -> None:
            with cursor.copy(f"COPY slots ({COLUMNS}) FROM STDIN") as copy:
                copy.write(written)

        theirs, count = _seconds(session, bare), written.count(b"\n")
        session.rollback()
    report(
        f"storing a quarter of {count} slots, beside bare COPY of its rows",
        f"{count / ours:,.0f} a second beside {count / theirs:,.0f}: {ours / theirs:.2f} times as long (at most 1.5)",
    )


def _seconds(session: Session, what: Callable[[], object]) -> float:
    session.execute(text("TRUNCATE slots CASCADE"))
    started = time.perf_counter()
    what()
    return time.perf_counter() - started


def _schedules(session: Session, database: Database) -> list[Schedule]:
    """A schedule for each month and place; where a unit stands is the same to the table."""
    provider_id = database.actor.provider_id
    range_id = session.scalars(select(ContractRange.id)).first()
    first, last = quarter_from(database.last_day + timedelta(days=1))
    return [
        _schedule(session, place, range_id or 0, *days)
        for place in _places(session, provider_id)
        for days in month_parts(first, last)
    ]


def _places(session: Session, provider_id: int) -> list[ServicePlace]:
    used = set(session.scalars(select(ServicePlace.cell_code)))
    codes = [code for code in (f"{number:03d}" for number in range(1000)) if code not in used][:UNITS]
    places = [
        ServicePlace(
            provider_id=provider_id,
            name=f"Pracownia {code}",
            cell_code=code,
            specialty_code="7940",
            mobility=Mobility.STATIONARY,
            address="Łódź",
        )
        for code in codes
    ]
    session.add_all(places)
    session.flush()
    return places


def _schedule(session: Session, place: ServicePlace, range_id: int, first: date, last: date) -> Schedule:
    made = Schedule(
        provider_id=place.provider_id,
        service_place=place,
        place_mobility=place.mobility,
        mobile=False,
        contract_range_id=range_id,
        programme=Path.MAMMOGRAPHY.programme,
        path=Path.MAMMOGRAPHY,
        valid_from=first,
        valid_to=last,
        women_planned=0,
    )
    session.add(made)
    session.flush()
    return made


def _rows(schedules: list[Schedule]) -> Iterator[str]:
    for each in schedules:
        wanted = apply_to_dates(TEMPLATE, each.valid_from, each.valid_to, partial(_uuid_of, each))
        yield from slot_rows.planned_slots(each, wanted.slots, {})


def _uuid_of(schedule: Schedule, _path: Path, _day: date) -> UUID:
    return schedule.uuid
