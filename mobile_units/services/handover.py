"""What the pages of the hand-over show beside the lists of the other services.

How much waits for a person; and what comes from the centre, with place and time, without the woman unless she is asked
for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from mobile_units.errors import REFUSALS
from mobile_units.models.inbound import InboundChange
from mobile_units.models.initial_loads import InitialLoadChunk, InitialLoadRow, LoadedRowState
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.providers import Provider
from mobile_units.models.reconciliation import Difference, DifferenceKind
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import ChangedBy, VisitStatus
from mobile_units.services import inbound, initial_loads, reconciliation, risks, subjects, transmissions
from mobile_units.services.actors import Actor
from mobile_units.services.inbound import InboundFilter
from mobile_units.services.initial_loads import LoadFilter, LoadStatus, RefusedRow
from mobile_units.services.queries import Page, Paging
from mobile_units.services.reconciliation import DifferenceFilter, ReconciliationFilter, ReconciliationWithSummary
from mobile_units.services.subjects import Subject
from mobile_units.transmission.messages import CentralVisit, PatientData, visit_from_json

SENDERS = frozenset({Role.COORDINATOR, Role.SETTLEMENT, Role.ADMINISTRATOR})
"""Who corrects what was rejected."""
DECIDERS = frozenset({Role.COORDINATOR, Role.MIDWIFE})
"""Who decides about what comes from the centre."""
LOADS = 5
"""How many initial loads are shown, the latest."""


def provider_name(session: Session, actor: Actor) -> str:
    """The name of the actor's provider."""
    return session.scalars(select(Provider.name).where(Provider.id == actor.provider_id)).one()


def waiting(session: Session, actor: Actor) -> int:
    """How many things wait for a person with the actor's roles."""
    count = 0
    if actor.roles & SENDERS:
        count += _rejected(session, actor) + (transmissions.link(session, actor).halted_at is not None)
    if actor.roles & DECIDERS:
        count += inbound.waiting(session, actor) + reconciliation.waiting(session, actor)
    if Role.ADMINISTRATOR in actor.roles:
        count += _refused_rows(session, actor)
    return count


def _rejected(session: Session, actor: Actor) -> int:
    own = OutboxMessage.provider_id == actor.provider_id, OutboxMessage.state == MessageState.REJECTED
    return session.scalars(select(func.count()).select_from(OutboxMessage).where(*own)).one()


def _refused_rows(session: Session, actor: Actor) -> int:
    """Rows of initial loads that the centre refused and did not take later."""
    query = (
        select(func.count())
        .select_from(InitialLoadRow)
        .join(InitialLoadChunk, InitialLoadChunk.id == InitialLoadRow.chunk_id)
        .join(Visit, Visit.id == InitialLoadRow.visit_id)
        .where(
            InitialLoadChunk.provider_id == actor.provider_id,
            InitialLoadRow.state == LoadedRowState.REFUSED,
            Visit.passed_at.is_(None),
            Visit.status.in_(sorted(risks.TO_BE_PASSED)),
        )
    )
    return session.scalars(query).one()


# what comes from the centre


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """A visit as the centre tells it; `slot` is where and when, None if the slot is not one of ours."""

    status: VisitStatus
    path: Path
    product_code: str
    urgent: bool
    slot: Subject | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A change that waits for a person: what the centre tells, what is here, why it was not taken over.

    `there` is None if it cannot be read; `unknown` are then the fields that have a stand-in. `patient` is the woman as
    the centre names her, `xml` what it told of one that cannot be read; both are None in lists.
    """

    id: int
    changed_at: datetime
    changed_by: ChangedBy
    code: str
    reason_pl: str
    way_out_pl: str
    there: There | None
    here: Subject | None
    unknown: Sequence[str] = ()
    patient: PatientData | None = field(default=None, repr=False)
    xml: str | None = field(default=None, repr=False)

    @property
    def moved(self) -> bool:
        """Whether the centre names another time or place than ours."""
        slot = self.there.slot if self.there else None
        return self.here is not None and slot is not None and _where(self.here) != _where(slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A difference that waits for a person: what differs, what is there (None if nothing is), and what is here.

    `patient` is the woman as the centre names her, and is None in lists.
    """

    id: int
    kind: DifferenceKind
    fields: Sequence[str]
    found_at: datetime
    there: There | None
    changed_by: ChangedBy | None
    here: Subject | None
    patient: PatientData | None = field(default=None, repr=False)


def conflicts(session: Session, actor: Actor, paging: Paging) -> Page[Conflict]:
    """Changes that wait for a person, without the women."""
    page = inbound.find(session, actor, InboundFilter(paging))
    known = _read(session, actor, [(row.visit_id, row.content) for row in page.items])
    return Page([_conflict(row, known) for row in page.items], page.total, page.page, page.page_size)


def conflict_with_woman(session: Session, actor: Actor, change_id: int) -> Conflict:
    """One change with the woman whom the centre named; noted in the audit log."""
    row = inbound.get_with_woman(session, actor, change_id)
    known = _read(session, actor, [(row.visit_id, row.content)])
    unreadable = row.content.get("unreadable")
    if unreadable:
        return replace(_conflict(row, known), xml=unreadable["xml"])
    return _conflict(row, known, visit_from_json(row.content["visit"]).patient)


def gaps(session: Session, actor: Actor, paging: Paging) -> Page[Gap]:
    """Differences that wait for a person, without the women."""
    page = reconciliation.find_differences(session, actor, DifferenceFilter(paging))
    known = _read(session, actor, [(row.visit_id, row.content) for row in page.items])
    return Page([_gap(row, known) for row in page.items], page.total, page.page, page.page_size)


def gap_with_woman(session: Session, actor: Actor, difference_id: int) -> Gap:
    """One difference with the woman whom the centre names, if it holds the visit; noted in the audit log."""
    row = reconciliation.get_with_woman(session, actor, difference_id)
    known = _read(session, actor, [(row.visit_id, row.content)])
    return _gap(row, known, visit_from_json(row.content["visit"]).patient if row.content else None)


@dataclass(frozen=True, slots=True)
class _Known:
    """Where and when: of slots by their UUID, and of visits here."""

    slots: Mapping[UUID, Subject]
    visits: Mapping[subjects.Key, Subject]


def _read(session: Session, actor: Actor, rows: Sequence[tuple[int | None, dict[str, Any] | None]]) -> _Known:
    visit_ids = [visit_id for visit_id, _ in rows if visit_id is not None]
    told = [visit_from_json(content["visit"]) for _, content in rows if content and "visit" in content]
    about = [OutboxMessage(kind=MessageKind.SAVE_VISIT, subject_id=key) for key in visit_ids]
    uuids = {uuid for visit in told if (uuid := _uuid(visit))}
    return _Known(_slots(session, actor, uuids), subjects.describe(session, about))


def _slots(session: Session, actor: Actor, uuids: Iterable[UUID]) -> Mapping[UUID, Subject]:
    rows = session.execute(_slots_by_uuid(actor, uuids))
    return {
        uuid: Subject(text_pl="", starts_at=starts_at, place=place, cell_code=cell, point=point)
        for uuid, starts_at, place, cell, point in rows
    }


def _slots_by_uuid(actor: Actor, uuids: Iterable[UUID]) -> Select[*tuple[Any, ...]]:
    return (
        select(Slot.uuid, Slot.starts_at, ServicePlace.name, ServicePlace.cell_code, MobilePoint.name)
        .join(Slot.schedule)
        .join(ServicePlace, ServicePlace.id == Schedule.service_place_id)
        .outerjoin(MobilePoint, MobilePoint.id == Schedule.mobile_point_id)
        .where(Schedule.provider_id == actor.provider_id, Slot.uuid.in_(sorted(uuids)))
    )


def _uuid(visit: CentralVisit) -> UUID | None:
    try:
        return UUID(visit.slot.extension)
    except ValueError:
        return None


def _where(subject: Subject) -> tuple[Any, ...]:
    return subject.starts_at, subject.place, subject.point


def _there(content: Mapping[str, Any], known: _Known) -> There:
    visit = visit_from_json(content["visit"])
    uuid = _uuid(visit)
    return There(
        status=VisitStatus(visit.status.value),
        path=visit.path,
        product_code=visit.product_code,
        urgent=visit.urgent,
        slot=known.slots.get(uuid) if uuid else None,
    )


def _here(visit_id: int | None, known: _Known) -> Subject | None:
    return known.visits.get((MessageKind.SAVE_VISIT, visit_id)) if visit_id is not None else None


def _conflict(row: InboundChange, known: _Known, patient: PatientData | None = None) -> Conflict:
    code = row.code or ""
    way_out = REFUSALS[code].way_out_pl if code in REFUSALS else ""
    return Conflict(
        id=row.id,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
        code=code,
        reason_pl=row.content.get("refusal", {}).get("pl", ""),
        way_out_pl="" if "{" in way_out else way_out,
        there=_there(row.content, known) if "visit" in row.content else None,
        here=_here(row.visit_id, known),
        unknown=row.content.get("unreadable", {}).get("unknown", ()),
        patient=patient,
    )


def _gap(row: Difference, known: _Known, patient: PatientData | None = None) -> Gap:
    return Gap(
        id=row.id,
        kind=row.kind,
        fields=[name for name in row.fields.split(",") if name],
        found_at=row.created_at,
        there=_there(row.content, known) if row.content else None,
        changed_by=ChangedBy(row.content["by"]) if row.content else None,
        here=_here(row.visit_id, known),
        patient=patient,
    )


# comparisons and loads


def last_reconciliation(session: Session, actor: Actor) -> ReconciliationWithSummary | None:
    """The latest comparison with its differences in numbers."""
    latest = reconciliation.find(session, actor, ReconciliationFilter(Paging(1, 1))).items
    return reconciliation.get_with_summary(session, actor, latest[0].id) if latest else None


@dataclass(frozen=True, slots=True)
class Load:
    """How far an initial load got, and its rows that the centre refused and did not take later."""

    status: LoadStatus
    to_correct: Sequence[RefusedRow]


def loads(session: Session, actor: Actor) -> Sequence[Load]:
    """The latest initial loads."""
    page = initial_loads.find(session, actor, LoadFilter(Paging(1, LOADS)))
    return [_load(session, actor, each.id) for each in page.items]


def _load(session: Session, actor: Actor, load_id: int) -> Load:
    rows = initial_loads.refused_rows(session, actor, load_id)
    return Load(initial_loads.status(session, actor, load_id), [row for row in rows if not row.passed])
