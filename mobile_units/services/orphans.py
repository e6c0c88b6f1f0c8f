"""Orphaned slots: they are no part of their schedule any more, but women are booked there who have to be moved.

The list is there to be worked off. A slot is on it as long as one of its visits is still to be carried out. When the
last visit has left it is withdrawn (`slot_places.free`), when its time is worked again it is open
(`services.change_works`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, exists, func, select, text
from sqlalchemy.orm import Session

from mobile_units.models.audit import AuditEntry
from mobile_units.models.itineraries import Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.sites import Site
from mobile_units.models.slots import ORPHANED, Slot
from mobile_units.models.units import MobileUnit
from mobile_units.models.users import User
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_day
from mobile_units.rules.orphans import Cause
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.visits import ACTIVE, VisitStatus
from mobile_units.services.actors import Actor
from mobile_units.services.queries import Page, Paging
from mobile_units.services.slots import in_days


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanFilter:
    """Which orphaned slots are wanted; days are those of the slots, both included."""

    paging: Paging = Paging()
    first_day: date | None = None
    last_day: date | None = None
    service_place_id: int | None = None
    stop_id: int | None = None
    unit_id: int | None = None


@dataclass(frozen=True, slots=True)
class OrphanedVisit:
    """A visit still to be carried out in an orphaned slot; whose it is, is asked elsewhere."""

    id: int
    status: VisitStatus
    path: Path
    urgent: bool


@dataclass(frozen=True, slots=True)
class Why:
    """What orphaned a slot, when and by whom (a login; None, if it was the system)."""

    cause: Cause
    at: datetime
    login: str | None

    @property
    def day(self) -> date:
        """The Polish day."""
        return local_day(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """An orphaned slot with where it is; stop, unit and site are empty in a stationary place."""

    id: int
    starts_at: datetime
    ends_at: datetime
    programme: Programme
    path: Path
    service_place_id: int
    service_place: str
    stop_id: int | None
    unit_id: int | None
    unit: str | None
    site_id: int | None
    site: str | None
    locality: str | None
    visits: Sequence[OrphanedVisit] = field(default=())
    why: Why | None = None

    @property
    def day(self) -> date:
        """The Polish day."""
        return local_day(self.starts_at)


@dataclass(frozen=True, slots=True)
class OrphanCount:
    """How many slots are orphaned, how many visits they have, and when the first of them begins."""

    slots: int
    visits: int
    first_at: datetime | None


def find(session: Session, actor: Actor, criteria: OrphanFilter) -> Page[Orphan]:
    """Orphaned slots with their visits, by stop (the one that comes first) or place, and day."""
    wanted = _wanted(actor, criteria)
    total = session.scalars(select(func.count()).select_from(wanted.subquery())).one()
    paging = criteria.paging
    begins = func.coalesce(Stop.first_day, Schedule.valid_from)
    order = begins, Stop.id, Slot.service_place_id, Slot.starts_at, Slot.id
    part = wanted.order_by(*order).limit(paging.page_size).offset((paging.page - 1) * paging.page_size)
    rows = session.execute(part).mappings().all()
    keys = [row["id"] for row in rows]
    visits, why = _visits(session, keys), _why(session, actor, keys)
    items = [Orphan(**row, visits=visits.get(row["id"], ()), why=why.get(row["id"])) for row in rows]
    return Page(items, total, paging.page, paging.page_size)


def count(session: Session, actor: Actor) -> OrphanCount:
    """How much there is on the list."""
    query = (
        select(func.count(Slot.id.distinct()), func.count(), func.min(Slot.starts_at))
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .join(Visit, Visit.slot_id == Slot.id)
        .where(Schedule.provider_id == actor.provider_id, _IS_ORPHANED, Visit.status.in_(sorted(ACTIVE)))
    )
    return OrphanCount(*session.execute(query).one())


_IS_ORPHANED = text(f"slots.{ORPHANED}")
"""Written as the predicate of the index `ix_slots_orphaned` is, so that the index serves the list."""


def _wanted(actor: Actor, criteria: OrphanFilter) -> Select[*tuple[Any, ...]]:
    equal = {
        Slot.service_place_id: criteria.service_place_id,
        MobilePoint.stop_id: criteria.stop_id,
        Stop.unit_id: criteria.unit_id,
    }
    return (
        select(
            Slot.id,
            Slot.starts_at,
            Slot.ends_at,
            Schedule.programme,
            Schedule.path,
            Slot.service_place_id,
            ServicePlace.name.label("service_place"),
            MobilePoint.stop_id,
            Stop.unit_id,
            MobileUnit.name.label("unit"),
            Stop.site_id,
            Site.name.label("site"),
            Site.locality,
        )
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .join(ServicePlace, ServicePlace.id == Schedule.service_place_id)
        .outerjoin(MobilePoint, MobilePoint.id == Schedule.mobile_point_id)
        .outerjoin(Stop, Stop.id == MobilePoint.stop_id)
        .outerjoin(MobileUnit, MobileUnit.id == Stop.unit_id)
        .outerjoin(Site, Site.id == Stop.site_id)
        .where(Schedule.provider_id == actor.provider_id, _IS_ORPHANED)
        .where(exists().where(Visit.slot_id == Slot.id, Visit.status.in_(sorted(ACTIVE))))
        .where(*(column == value for column, value in equal.items() if value is not None))
        .where(*in_days(criteria.first_day, criteria.last_day))
    )


def _visits(session: Session, slot_ids: Iterable[int]) -> Mapping[int, Sequence[OrphanedVisit]]:
    query = select(Visit.slot_id, Visit.id, Visit.status, Visit.path, Visit.urgent).order_by(Visit.id)
    query = query.where(Visit.slot_id.in_(slot_ids), Visit.status.in_(sorted(ACTIVE)))
    found: dict[int, list[OrphanedVisit]] = {}
    for row in session.execute(query):
        found.setdefault(row.slot_id, []).append(OrphanedVisit(row.id, row.status, row.path, row.urgent))
    return found


def _why(session: Session, actor: Actor, slot_ids: Iterable[int]) -> Mapping[int, Why]:
    """What the audit log says last of how the slots were orphaned."""
    actions = {f"orphan_{cause}": cause for cause in Cause}
    query = (
        select(AuditEntry.subject_id, AuditEntry.action, AuditEntry.at, User.login)
        .outerjoin(User, User.id == AuditEntry.user_id)
        .where(AuditEntry.subject == "slot", AuditEntry.subject_id.in_(slot_ids))
        .where(AuditEntry.provider_id == actor.provider_id, AuditEntry.action.in_(list(actions)))
        .order_by(AuditEntry.id)
    )
    found = session.execute(query)
    return {row.subject_id: Why(actions[row.action], row.at, row.login) for row in found}
