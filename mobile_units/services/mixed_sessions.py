"""Mixed sessions: slots of several paths that share rooms and crew, so that each booking changes what still fits.

Whoever takes or gives back a place in such a slot locks the row of the session before any slot (the order of locks is
told in `services.visits`), so the examinations that are booked stay as they are until the end of the transaction.
`rules.sessions` decides exactly. What fits afterwards is worked out before a slot is locked; then the slots whose
answer changed are locked together with the slot of the booking, the lowest id first.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.mixed_sessions import MixedSession
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.rules import sessions as rules
from mobile_units.rules.programmes import Path
from mobile_units.rules.slots import Interval
from mobile_units.rules.visits import OCCUPYING


def content_of(session: rules.Session) -> dict[str, Any]:
    """What `MixedSession.content` keeps of a session."""
    return {
        "minutes": {path.value: minutes for path, minutes in session.minutes.items()},
        "rooms": [_stored(each) for each in session.rooms],
        "crew": [_stored(each) for each in session.crew],
        "breaks": [[each.starts_at.isoformat(), each.ends_at.isoformat()] for each in session.breaks],
    }


def session_of(row: Any) -> rules.Session:
    """The session that a row tells of, as the rules judge it."""
    content = row.content
    return rules.Session(
        hours=Interval(row.starts_at, row.ends_at),
        minutes={Path(path): minutes for path, minutes in content["minutes"].items()},
        rooms=_read(content["rooms"]),
        crew=_read(content["crew"]),
        breaks=tuple(Interval(*map(datetime.fromisoformat, each)) for each in content.get("breaks", ())),
    )


def _stored(resource: rules.Resource) -> dict[str, Any]:
    return {"name": resource.name, "serves": sorted(path.value for path in resource.serves)}


def _read(resources: Iterable[Mapping[str, Any]]) -> tuple[rules.Resource, ...]:
    return tuple(rules.Resource(each["name"], frozenset(map(Path, each["serves"]))) for each in resources)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A slot of a session: when it starts, its path, and what is known of it."""

    id: int
    path: Path
    starts_at: datetime
    fits: bool


@dataclass(frozen=True, slots=True)
class Turned:
    """A slot of which the central system has to hear, because it has room again or none any more."""

    slot_id: int
    schedule_id: int
    fits: bool


@dataclass(frozen=True, slots=True)
class Booked:
    """What is booked in a session whose row is locked, without a visit that leaves or is about to change."""

    id: int
    session: rules.Session
    examinations: Sequence[rules.Examination]

    def with_one_more(self, path: Path, starts_at: datetime) -> "Booked":
        """The same with one examination more.

        Raises:
            DomainError: `path_not_in_session`; `session_full`, rooms or crew have no time for it.
        """
        if path not in self.session.minutes:
            raise DomainError("path_not_in_session", path=path)
        if not rules.one_more(self.session, self.examinations, path, starts_at):
            raise DomainError("session_full", path=path)
        return Booked(self.id, self.session, [*self.examinations, self.session.examination(path, starts_at)])


def lock(session: Session, session_ids: Iterable[int | None]) -> None:
    """Locks sessions, the lowest id first; None stands for a slot that belongs to no session."""
    for session_id in sorted({each for each in session_ids if each is not None}):
        session.execute(_LOCK, {"session_id": session_id})


def booked(session: Session, session_id: int, without: int | None = None) -> Booked:
    """What is booked in a session, which is locked by this, but for the visit whose key is `without`."""
    row = session.execute(_LOCK, {"session_id": session_id}).one()
    judged = session_of(row)
    found = session.execute(_BOOKED, {"session_id": session_id, "without": without or 0})
    return Booked(session_id, judged, [_examination(judged, *each) for each in found])


def _examination(judged: rules.Session, path: Path, starts_at: datetime, ends_at: datetime) -> rules.Examination:
    """An examination as long as it takes here; one of a path that is not held here any more leaves nothing to fit."""
    if path not in judged.minutes:
        return rules.Examination(path, Interval(starts_at, ends_at))
    return judged.examination(path, starts_at)


def turning(session: Session, now_booked: Booked) -> list[int]:
    """The slots of the session that would fit one more no longer, or again, if this were booked."""
    slots = [_Asked(*row) for row in session.execute(_SLOTS, {"session_id": now_booked.id})]
    asked = ((each.path, each.starts_at) for each in slots)
    fit = rules.which_fit(now_booked.session, now_booked.examinations, asked)
    return [slot.id for slot, fits in zip(slots, fit, strict=True) if fits != slot.fits]


def turn(session: Session, slot_ids: Sequence[int]) -> list[Turned]:
    """Keeps that slots, which are locked, fit no longer or again; returns those of which the centre has to hear."""
    if not slot_ids:
        return []
    return [Turned(*row) for row in session.execute(_TURN, {"turned": list(slot_ids)})]


def lock_slots(session: Session, slot_ids: Collection[int]) -> None:
    """Locks slots, the lowest id first."""
    session.execute(_LOCK_SLOTS, {"slot_ids": sorted(set(slot_ids))})


_LOCK = (
    select(MixedSession.starts_at, MixedSession.ends_at, MixedSession.content)
    .where(MixedSession.id == bindparam("session_id"))
    .with_for_update(key_share=True)
)
_BOOKED = (
    select(Visit.path, Slot.starts_at, Slot.ends_at)
    .join(Slot, Slot.id == Visit.slot_id)
    .where(
        Slot.session_id == bindparam("session_id"),
        Visit.status.in_(sorted(OCCUPYING)),
        Visit.id != bindparam("without"),
    )
)
_SLOTS = (
    select(Slot.id, Schedule.path, Slot.starts_at, Slot.fits)
    .join(Schedule, Schedule.id == Slot.schedule_id)
    .where(Slot.session_id == bindparam("session_id"), Slot.status != SlotStatus.WITHDRAWN)
)
_LOCK_SLOTS = text("SELECT id FROM slots WHERE id = ANY(:slot_ids) ORDER BY id FOR NO KEY UPDATE")
_TURN = text("""
WITH turned AS (
    UPDATE slots SET fits = NOT fits WHERE id = ANY(:turned)
    RETURNING id, schedule_id, fits, status, reserved_for, kept_for_waiting, capacity, taken
)
SELECT id, schedule_id, fits FROM turned
WHERE status = 'open' AND coalesce(reserved_for, 'central') = 'central' AND NOT kept_for_waiting AND taken < capacity
ORDER BY id
""")
"""A slot that is closed to women or has no free place tells the same whether one more would fit or not."""
