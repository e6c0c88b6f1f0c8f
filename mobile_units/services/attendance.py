"""Attendance of many women at once, as it is filled in from paper after a day of work.

Each row is judged by itself: what cannot be recorded is told, and keeps nothing else from being recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.visits import Visit
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import visit_steps as steps
from mobile_units.services import visits
from mobile_units.services.actors import Actor
from mobile_units.services.visits import StatusChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """What the paper says of one visit, of which the writer saw the `version`; `reason` if she was not examined."""

    visit_id: int
    version: int
    status: VisitStatus
    reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NotRecorded:
    """A row that was refused, and why."""

    row: Attendance
    refusal: DomainError


@dataclass(frozen=True, slots=True)
class Recorded:
    """The visits that were recorded, and the rows that were not."""

    visits: Sequence[Visit]
    refused: Sequence[NotRecorded]


def record(session: Session, actor: Actor, rows: Sequence[Attendance], now: datetime) -> Recorded:
    """Records what can be recorded of the rows; a refusal concerns its row alone.

    The women are locked first and in order, as `services.visits` asks of whoever takes several.

    Raises:
        DomainError: `given_twice`, a visit is in two rows.
    """
    wanted = {row.visit_id: row for row in rows}
    if len(wanted) < len(rows):
        raise DomainError("given_twice")
    steps.lock_women_of(session, actor, wanted)
    done: list[Visit] = []
    refused: list[NotRecorded] = []
    for _, row in sorted(wanted.items()):
        try:
            done.append(_recorded(session, actor, row, now))
        except DomainError as error:
            refused.append(NotRecorded(row, error))
    return Recorded(done, refused)


def _recorded(session: Session, actor: Actor, row: Attendance, now: datetime) -> Visit:
    """One row; of the constraints only the one that a woman has one active visit can speak here."""
    change = StatusChange(version=row.version, status=row.status, reason=row.reason)
    try:
        with session.begin_nested():
            return visits.change_status(session, actor, row.visit_id, change, now)
    except IntegrityError:
        raise DomainError("parallel_visit") from None
