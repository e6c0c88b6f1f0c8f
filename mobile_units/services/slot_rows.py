"""Storing slots by the hundred thousand: written as PostgreSQL reads them in bulk (COPY), schedule by schedule.

Nothing else stores slots as fast, and all constraints hold as they do for any other statement.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

import psycopg
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import SlotStatus
from mobile_units.rules.schedules import SlotTime
from mobile_units.rules.slots import slot_hex
from mobile_units.rules.template_slots import PlannedSlot

AT_ONCE = 500
"""So many rows are sent together: the server stores them while the next ones are written."""

_COPY = (
    "COPY slots (schedule_id, service_place_id, place_mobility, mobile, taken, kept_for_waiting, fits,"
    " uuid, starts_at, ends_at, capacity, extra, status, reserved_for, session_id) FROM STDIN"
)
_NULL = r"\N"


def open_slots(schedule: Schedule, slots: Iterable[SlotTime]) -> Iterator[str]:
    """Rows of new open slots that anybody may book."""
    common, namespace = _common(schedule), schedule.uuid.bytes
    for slot in slots:
        start = slot.time.starts_at.isoformat()
        end = slot.time.ends_at.isoformat()
        yield f"{common}{slot_hex(namespace, start)}\t{start}\t{end}\t{slot.capacity}\t0\topen\t{_NULL}\t{_NULL}\n"


def planned_slots(
    schedule: Schedule, slots: Iterable[PlannedSlot], sessions: Mapping[datetime | None, int]
) -> Iterator[str]:
    """Rows of new slots as a template wants them; `sessions` are the keys of mixed sessions by their starts."""
    common, namespace = _common(schedule), schedule.uuid.bytes
    for slot in slots:
        start, end = slot.time.starts_at.isoformat(), slot.time.ends_at.isoformat()
        status = SlotStatus.BLOCKED if slot.blocked else SlotStatus.OPEN
        yield (
            f"{common}{slot_hex(namespace, start)}\t{start}\t{end}\t{slot.capacity}\t{slot.extra}\t{status.value}"
            f"\t{slot.reserved_for or _NULL}\t{sessions.get(slot.session, _NULL)}\n"
        )


def store(session: Session, rows: Iterable[str]) -> int:
    """Stores new slots and returns how many; their schedules are flushed.

    Raises:
        IntegrityError: a constraint is violated, as at any other statement of the session.
    """
    connection: Any = session.connection().connection.driver_connection
    parts = iter(rows)
    try:
        with connection.cursor() as cursor:
            with cursor.copy(_COPY) as copy:
                while part := "".join(islice(parts, AT_ONCE)):
                    copy.write(part)
            return int(cursor.rowcount)
    except psycopg.IntegrityError as error:
        raise IntegrityError(_COPY, None, error) from None


def _common(schedule: Schedule) -> str:
    """What all slots of a schedule have in common: whose they are, and that nobody is booked yet."""
    place = f"{schedule.id}\t{schedule.service_place_id}\t{schedule.place_mobility.value}"
    return f"{place}\t{_bool(schedule.mobile)}\t0\tf\tt\t"


def _bool(value: bool) -> str:  # noqa: FBT001 -- written as PostgreSQL writes it
    return "t" if value else "f"
