"""What a message says: the subject as it stands when the message is sent, in the words of `messages`.

Nothing of it is kept in the outbox, so that what is handed over is always the present state and no personal data lies
about. Reading for this purpose leaves its trace in the log of attempts.

Only the difference from what the central system is known to hold is told: slots whose places changed; a place, a point
or a schedule whose content has another digest. What an earlier attempt of the same message told may have arrived, so
from the second attempt on everything is told.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, case, exists, func, or_, select
from sqlalchemy.orm import Session

from mobile_units.models.contracts import Contract, ContractRange
from mobile_units.models.initial_loads import InitialLoadRow, LoadedRowState
from mobile_units.models.itineraries import Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.providers import Provider
from mobile_units.models.schedules import Schedule, ScheduleHours
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.sites import Site
from mobile_units.models.slots import CLOSED, UNSURE, Slot, SlotStatus
from mobile_units.models.units import MobileUnit
from mobile_units.models.visits import Visit
from mobile_units.models.women import IdentityKind, Woman
from mobile_units.rules.calendar import local_day
from mobile_units.rules.slots import Interval
from mobile_units.rules.stops import merged
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy
from mobile_units.transmission.deliveries import ClaimedMessage, Told, ToldSlots
from mobile_units.transmission.messages import (
    ActivationData,
    LoadedVisits,
    Message,
    MobilePointData,
    MobilePointsData,
    ObjectId,
    PatientData,
    PersonId,
    ScheduleData,
    ServicePlaceData,
    SlotData,
    SlotKind,
    SlotsData,
    VisitCancellation,
    VisitData,
    WithdrawnSlots,
    WorkingTime,
    pesel_id,
    provider_id,
    service_place_id,
)

SLOT_KIND = SlotKind.MATCHING_PROCEDURE
"""The kind of every slot that we offer: a woman books the examination of her programme itself."""


Columns = Row[*tuple[Any, ...]]
"""What one of the queries below has selected, by name."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a claimed message says now; None if the central system is known to hold it already.

    `told` is what to remember once the message is accepted.
    """

    message: Message | None
    told: Told | None = None


def content_of(session: Session, claimed: ClaimedMessage) -> Content:
    """What a claimed message says now; its identifier is the same at every repetition.

    Raises:
        NoResultFound: the subject does not exist.
    """
    return CONTENTS[claimed.kind](session, claimed)


_SPEAKER = (Provider.oid_root, Provider.rpwdl_book)


def _own_id(row: Columns, uuid: UUID) -> ObjectId:
    return ObjectId(row.oid_root, str(uuid))


def _place_id(row: Columns) -> ObjectId:
    return service_place_id(row.rpwdl_book, row.cell_code)


def _compared(claimed: ClaimedMessage, message: Any, told_digest: str | None) -> Content:
    """Nothing if the central system is known to hold the very same, which only a first attempt can rely on."""
    unnamed = replace(message, message_id=ObjectId("", ""))
    digest = hashlib.sha256(repr(unnamed).encode()).hexdigest()
    held = claimed.attempts == 1 and digest == told_digest
    return Content(None if held else message, digest)


_PLACE = select(*_SPEAKER, Provider.nfz_branch, ServicePlace).join(ServicePlace.provider)


def _service_place(session: Session, claimed: ClaimedMessage) -> Content:
    row = session.execute(_PLACE.where(ServicePlace.id == claimed.subject_id)).one()
    place = row.ServicePlace
    message = ServicePlaceData(
        message_id=_own_id(row, claimed.uuid),
        identifier=service_place_id(row.rpwdl_book, place.cell_code),
        provider=provider_id(row.rpwdl_book),
        cell_code=place.cell_code,
        specialty_code=place.specialty_code,
        name=place.name,
        address=place.address,
        mobility=place.mobility,
        nfz_branch=row.nfz_branch,
    )
    return _compared(claimed, message, place.told_digest)


def _activation(session: Session, claimed: ClaimedMessage) -> Content:
    row = session.execute(_PLACE.where(ServicePlace.id == claimed.subject_id)).one()
    place = service_place_id(row.rpwdl_book, row.ServicePlace.cell_code)
    return Content(ActivationData(message_id=_own_id(row, claimed.uuid), service_place=place))


_POINT = (
    select(*_SPEAKER, ServicePlace.cell_code, MobileUnit.name.label("unit_name"), MobilePoint, Site)
    .join(MobilePoint.service_place)
    .join(ServicePlace.provider)
    .join(MobilePoint.stop)
    .join(Stop.site)
    .join(Stop.unit)
)


def _mobile_point(session: Session, claimed: ClaimedMessage) -> Content:
    row = session.execute(_POINT.where(MobilePoint.id == claimed.subject_id)).one()
    message = MobilePointsData(message_id=_own_id(row, claimed.uuid), points=(_point_data(row),))
    return _compared(claimed, message, row.MobilePoint.told_digest)


def _point_data(row: Columns) -> MobilePointData:
    point, site = row.MobilePoint, row.Site
    return MobilePointData(
        identifier=_own_id(row, point.uuid),
        service_place=_place_id(row),
        name=point.name,
        locality=site.locality,
        landmark=site.landmark or None,
        street=site.street or None,
        teryt=site.teryt,
        latitude=site.latitude,
        longitude=site.longitude,
        valid_from=point.valid_from,
        valid_to=point.valid_to,
        vehicle_name=row.unit_name,
    )


_SCHEDULE = (
    select(
        *_SPEAKER,
        ServicePlace.cell_code,
        MobilePoint.uuid.label("point_uuid"),
        ContractRange.product_code,
        Contract.number,
        Contract.nfz_branch,
        Schedule,
    )
    .join(Schedule.service_place)
    .join(ServicePlace.provider)
    .outerjoin(Schedule.mobile_point)
    .join(Schedule.contract_range)
    .join(ContractRange.contract)
)
_HOURS = select(ScheduleHours.starts_at, ScheduleHours.ends_at).order_by(ScheduleHours.starts_at)
_OUTSIDE = select(Slot.starts_at, Slot.ends_at).where(
    or_(Slot.status == SlotStatus.ORPHANED, func.coalesce(Slot.told_places, 0) != 0),
    ~exists().where(
        ScheduleHours.schedule_id == Slot.schedule_id,
        ScheduleHours.starts_at <= Slot.starts_at,
        ScheduleHours.ends_at >= Slot.ends_at,
    ),
)
"""Slots that the central system holds, or is to hold, though they are worked no more: orphaned ones, or what is left of
them. It refuses working times that leave out a slot with places."""


def _schedule(session: Session, claimed: ClaimedMessage) -> Content:
    row = session.execute(_SCHEDULE.where(Schedule.id == claimed.subject_id)).one()
    schedule = row.Schedule
    hours = session.execute(_HOURS.where(ScheduleHours.schedule_id == claimed.subject_id))
    times = [Interval(*each) for each in hours]
    outside = [Interval(*each) for each in session.execute(_OUTSIDE.where(Slot.schedule_id == claimed.subject_id))]
    days = [local_day(each.starts_at) for each in outside]
    message = ScheduleData(
        message_id=_own_id(row, claimed.uuid),
        identifier=_own_id(row, schedule.uuid),
        service_place=_place_id(row),
        mobile_point=_own_id(row, row.point_uuid) if row.point_uuid else None,
        product_code=row.product_code,
        contract_number=row.number,
        nfz_branch=row.nfz_branch,
        valid_from=min([schedule.valid_from, *days]),
        valid_to=max([schedule.valid_to, *days]),
        working_times=tuple(
            WorkingTime(time.starts_at, time.ends_at) for time in (merged([*times, *outside]) if outside else times)
        ),
    )
    return _compared(claimed, message, schedule.told_digest)


# slots

_PLACES = case(
    (Slot.status == SlotStatus.WITHDRAWN, 0), (CLOSED, Slot.taken), else_=func.greatest(Slot.capacity, Slot.taken)
)
"""The places that can be had there: a slot that women may not book themselves has those that are taken."""

_NEVER_OFFERED = Slot.told_places.is_(None) & (Slot.status == SlotStatus.WITHDRAWN)
_CHANGED = _PLACES.is_distinct_from(Slot.told_places) & ~_NEVER_OFFERED
_FEWER = func.coalesce(Slot.told_places, 0) > _PLACES
_FEWER_IF_ANY = (Slot.told_places == UNSURE) & (Slot.capacity + Slot.extra > _PLACES)

_OWN_SCHEDULE = select(*_SPEAKER, Schedule.uuid).join(Provider, Provider.id == Schedule.provider_id)
_SLOTS = select(Slot.id, Slot.uuid, Slot.starts_at, Slot.ends_at, _PLACES.label("places")).order_by(Slot.starts_at)


def _slots(session: Session, claimed: ClaimedMessage) -> Content:
    """The slots of a schedule whose places are not those that were told; a withdrawn one only if it ever was told."""
    differing = _SLOTS.where(_CHANGED) if claimed.attempts == 1 else _SLOTS
    return _told_slots(session, claimed, SlotsData, differing)


def _withdrawn(session: Session, claimed: ClaimedMessage) -> Content:
    """The slots of a schedule that have fewer places than were told, or may have."""
    return _told_slots(session, claimed, WithdrawnSlots, _SLOTS.where(_FEWER | _FEWER_IF_ANY))


def _told_slots(
    session: Session, claimed: ClaimedMessage, kind: type[SlotsData | WithdrawnSlots], query: Select[*tuple[Any, ...]]
) -> Content:
    own = session.execute(_OWN_SCHEDULE.where(Schedule.id == claimed.subject_id)).one()
    rows = session.execute(query.where(Slot.schedule_id == claimed.subject_id)).all()
    told = ToldSlots([row.id for row in rows], [row.places for row in rows], [row.ends_at for row in rows])
    if not rows:
        return Content(None, told)
    slots = tuple(
        SlotData(ObjectId(own.oid_root, str(uuid)), start, end, places, SLOT_KIND)
        for _, uuid, start, end, places in rows
    )
    return Content(kind(message_id=_own_id(own, claimed.uuid), schedule=_own_id(own, own.uuid), slots=slots), told)


# visits

_VISIT = (
    select(
        *_SPEAKER,
        Visit.uuid,
        Visit.cer_root,
        Visit.cer_extension,
        Slot.uuid.label("slot_uuid"),
        ContractRange.product_code,
        Visit.path,
        Visit.urgent,
        Visit.status,
        Visit.cancelled_by,
        Woman.identity_kind,
        Woman.identity_number,
        Woman.given_name,
        Woman.family_name,
        Woman.birth_date,
        Woman.telephone,
    )
    .join(Provider, Provider.id == Visit.provider_id)
    .join(Visit.slot)
    .join(Visit.contract_range)
    .join(Visit.woman)
)
_CANCELLATION = select(*_SPEAKER, Visit.uuid, Visit.cer_root, Visit.cer_extension, Visit.cancelled_by).join(
    Provider, Provider.id == Visit.provider_id
)
_VISIT_BY_ID = _VISIT.where(Visit.id == bindparam("subject_id"))
_CANCELLATION_BY_ID = _CANCELLATION.where(Visit.id == bindparam("subject_id"))
_LOADED = (
    _VISIT.join(InitialLoadRow, InitialLoadRow.visit_id == Visit.id)
    .where(InitialLoadRow.state == LoadedRowState.WAITING)
    .order_by(InitialLoadRow.row)
)


def _one(session: Session, query: Select[*tuple[Any, ...]], claimed: ClaimedMessage) -> Columns:
    """The one row about the subject; asked past the mapper, which would cost as much as the rest of the question."""
    return session.connection().execute(query, {"subject_id": claimed.subject_id}).one()


def _visit(session: Session, claimed: ClaimedMessage) -> Content:
    row = _one(session, _VISIT_BY_ID, claimed)
    return Content(_visit_data(row, _own_id(row, claimed.uuid)), row.path)


def _loaded(session: Session, claimed: ClaimedMessage) -> Content:
    """The visits of a chunk of an initial load of which the central system has not said yet what it thinks."""
    rows = session.execute(_LOADED.where(InitialLoadRow.chunk_id == claimed.subject_id)).all()
    if not rows:
        return Content(None)
    message_id = _own_id(rows[0], claimed.uuid)
    return Content(LoadedVisits(message_id=message_id, visits=tuple(_visit_data(row, message_id) for row in rows)))


def _visit_data(row: Columns, message_id: ObjectId) -> VisitData:
    return VisitData(
        message_id=message_id,
        identifier=_visit_id(row),
        slot=_own_id(row, row.slot_uuid),
        patient=_patient(row),
        product_code=row.product_code,
        path=row.path,
        urgent=row.urgent,
        status=row.status,
        cancelled_by=row.cancelled_by,
    )


def _visit_id(row: Columns) -> ObjectId:
    """A visit that was booked at the centre keeps the identifier that it got there."""
    return ObjectId(row.cer_root, row.cer_extension) if row.cer_root else _own_id(row, row.uuid)


def _patient(row: Columns) -> PatientData:
    return PatientData(
        identifier=_person_id(row),
        given_name=row.given_name,
        family_name=row.family_name,
        birth_date=date.fromisoformat(row.birth_date),
        telephone=row.telephone or None,
    )


def _person_id(row: Columns) -> PersonId:
    """A document is named below the provider's own node, with its country, so that no two women share a name there.

    No public source says under which root the central e-registration wants documents.
    """
    if row.identity_kind is IdentityKind.PESEL:
        return pesel_id(row.identity_number)
    return PersonId(row.oid_root, row.identity_number, row.identity_number.partition(":")[0])


def _cancellation(session: Session, claimed: ClaimedMessage) -> Content:
    """The end of a visit; one that was moved was ended by the provider, which recorded the move."""
    row = _one(session, _CANCELLATION_BY_ID, claimed)
    return Content(
        VisitCancellation(
            message_id=_own_id(row, claimed.uuid),
            identifier=_visit_id(row),
            cancelled_by=row.cancelled_by or CancelledBy.PROVIDER,
        )
    )


CONTENTS: dict[MessageKind, Callable[[Session, ClaimedMessage], Content]] = {
    MessageKind.SAVE_SERVICE_PLACE: _service_place,
    MessageKind.IMPORT_MOBILE_POINTS: _mobile_point,
    MessageKind.SAVE_SCHEDULE: _schedule,
    MessageKind.WITHDRAW_SLOTS: _withdrawn,
    MessageKind.SAVE_SLOTS: _slots,
    MessageKind.ACTIVATE_SERVICE_PLACE: _activation,
    MessageKind.SAVE_VISIT: _visit,
    MessageKind.CANCEL_VISIT: _cancellation,
    MessageKind.LOAD_VISITS: _loaded,
}
"""How the subject of each kind becomes a message."""
