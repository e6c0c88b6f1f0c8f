"""What the page shows of the state: short lists, the newest first, and women by their initials only."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from mobile_units.clock import WARSAW
from mobile_units.sandbox.reading import only, text
from mobile_units.sandbox.state import SandboxState

ROWS = 50
"""How many rows a list has."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A visit as it is shown."""

    id: str
    initials: str
    slot: str
    starts: datetime
    path: str
    status: str
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Holdings:
    """The lists of one page; rows are those of the tables, with what belongs to them counted."""

    counts: dict[str, int]
    places: list[sqlite3.Row]
    points: list[sqlite3.Row]
    schedules: list[sqlite3.Row]
    slots: list[sqlite3.Row]
    visits: list[Shown]
    messages: list[sqlite3.Row]


def holdings(state: SandboxState, schedule: str | None = None) -> Holdings:
    """What is held, with the slots of one schedule or those taken last."""
    counts = state.counts()
    with state.transaction() as connection:

        def rows(query: str, *values: object) -> list[sqlite3.Row]:
            return connection.execute(f"{query} LIMIT {ROWS if schedule is None else 20 * ROWS}", values).fetchall()

        return Holdings(
            counts=counts,
            places=rows(_PLACES),
            points=rows(_POINTS),
            schedules=rows(_SCHEDULES),
            slots=rows(_TAKEN) if schedule is None else rows(_SLOTS, schedule),
            visits=[_shown(row) for row in connection.execute(f"{_VISITS} LIMIT {ROWS}")],
            messages=rows(_MESSAGES),
        )


def instant(seconds: float) -> datetime:
    """A stored instant as a Polish clock shows it."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(WARSAW)


def _shown(row: sqlite3.Row) -> Shown:
    visit = etree.fromstring(row["content"])
    patient = only(visit, "pacjent")
    return Shown(
        id=row["id"],
        initials=" ".join(f"{text(patient, name)[0]}." for name in ("imie", "nazwisko")),
        slot=row["slot"],
        starts=instant(row["starts"]),
        path=text(visit, "sciezka"),
        status=row["status"],
        changed_by=row["changed_by"],
        changed_at=instant(row["changed_at"]),
    )


_PLACES = "SELECT * FROM service_place ORDER BY rowid DESC"
_POINTS = "SELECT * FROM mobile_point ORDER BY rowid DESC"
_SCHEDULES = """
SELECT schedule.id, product_code, service_place.name AS place, mobile_point.name AS point,
    (SELECT min(starts) FROM working_time WHERE schedule = schedule.id) AS starts,
    (SELECT max(ends) FROM working_time WHERE schedule = schedule.id) AS ends,
    (SELECT count(*) FROM slot WHERE schedule = schedule.id) AS slots,
    (SELECT count(*) FROM slot JOIN visit ON visit.slot = slot.id AND status <> 'ODWOLANA'
        WHERE schedule = schedule.id) AS visits
FROM schedule LEFT JOIN service_place ON service_place.id = schedule.service_place
    LEFT JOIN mobile_point ON mobile_point.id = schedule.mobile_point
ORDER BY schedule.rowid DESC
"""
_SLOT = """
SELECT slot.*, (SELECT count(*) FROM visit WHERE visit.slot = slot.id AND status <> 'ODWOLANA') AS taken FROM slot
"""
_SLOTS = f"{_SLOT} WHERE schedule = ? ORDER BY starts"
_TAKEN = f"{_SLOT} WHERE id IN (SELECT slot FROM visit ORDER BY sequence DESC LIMIT {ROWS}) ORDER BY starts"  # noqa: S608 -- our own number
_VISITS = """
SELECT visit.*, slot.starts FROM visit JOIN slot ON slot.id = visit.slot ORDER BY sequence DESC
"""
_MESSAGES = "SELECT * FROM message ORDER BY sequence DESC"
