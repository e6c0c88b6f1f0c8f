"""What a message says: the subject as it stands when the message is sent, in the words of `messages`.

Nothing of it is kept in the outbox, so that what is handed over is always the present state and no personal data lies
about. Reading for this purpose leaves its trace in the log of attempts.
"""

from collections.abc import Callable
from datetime import date
from uuid import UUID

from sqlalchemy import case, select
from sqlalchemy.orm import Session, joinedload, selectinload

from mobile_units.models.contracts import ContractRange
from mobile_units.models.itineraries import Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.providers import Provider
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.models.women import IdentityKind, Woman
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy
from mobile_units.transmission.messages import (
    ActivationData,
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
    WorkingTime,
    pesel_id,
    provider_id,
    service_place_id,
)
from mobile_units.transmission.outbox import ClaimedMessage

SLOT_KIND = SlotKind.MATCHING_PROCEDURE
"""The kind of every slot that we offer: a woman books the examination of her programme itself."""


def message_of(session: Session, claimed: ClaimedMessage) -> Message:
    """What a claimed message says now; its identifier is the same at every repetition.

    Raises:
        NoResultFound: the subject does not exist.
    """
    provider = session.scalars(select(Provider).where(Provider.id == claimed.provider_id)).one()
    return CONTENTS[claimed.kind](session, provider, claimed)


def _own_id(provider: Provider, uuid: UUID) -> ObjectId:
    return ObjectId(provider.oid_root, str(uuid))


def _place_id(provider: Provider, place: ServicePlace) -> ObjectId:
    return service_place_id(provider.rpwdl_book, place.cell_code)


def _service_place(session: Session, provider: Provider, claimed: ClaimedMessage) -> Message:
    place = session.scalars(select(ServicePlace).where(ServicePlace.id == claimed.subject_id)).one()
    return ServicePlaceData(
        message_id=_own_id(provider, claimed.uuid),
        identifier=_place_id(provider, place),
        provider=provider_id(provider.rpwdl_book),
        cell_code=place.cell_code,
        specialty_code=place.specialty_code,
        name=place.name,
        address=place.address,
        mobility=place.mobility,
        nfz_branch=provider.nfz_branch,
    )


def _mobile_point(session: Session, provider: Provider, claimed: ClaimedMessage) -> Message:
    query = select(MobilePoint).where(MobilePoint.id == claimed.subject_id)
    stop = joinedload(MobilePoint.stop)
    loads = joinedload(MobilePoint.service_place), stop.joinedload(Stop.site), stop.joinedload(Stop.unit)
    point = session.scalars(query.options(*loads)).one()
    return MobilePointsData(message_id=_own_id(provider, claimed.uuid), points=(_point_data(provider, point),))


def _point_data(provider: Provider, point: MobilePoint) -> MobilePointData:
    site = point.stop.site
    return MobilePointData(
        identifier=_own_id(provider, point.uuid),
        service_place=_place_id(provider, point.service_place),
        name=point.name,
        locality=site.locality,
        landmark=site.landmark or None,
        street=site.street or None,
        teryt=site.teryt,
        latitude=site.latitude,
        longitude=site.longitude,
        valid_from=point.valid_from,
        valid_to=point.valid_to,
        vehicle_name=point.stop.unit.name,
    )


def _schedule(session: Session, provider: Provider, claimed: ClaimedMessage) -> Message:
    query = select(Schedule).where(Schedule.id == claimed.subject_id)
    one_to_one = joinedload(Schedule.service_place), joinedload(Schedule.mobile_point)
    loads = (*one_to_one, joinedload(Schedule.contract_range).joinedload(ContractRange.contract))
    schedule = session.scalars(query.options(*loads, selectinload(Schedule.hours))).one()
    contract, point = schedule.contract_range.contract, schedule.mobile_point
    return ScheduleData(
        message_id=_own_id(provider, claimed.uuid),
        identifier=_own_id(provider, schedule.uuid),
        service_place=_place_id(provider, schedule.service_place),
        mobile_point=_own_id(provider, point.uuid) if point else None,
        product_code=schedule.contract_range.product_code,
        contract_number=contract.number,
        nfz_branch=contract.nfz_branch,
        valid_from=schedule.valid_from,
        valid_to=schedule.valid_to,
        working_times=tuple(WorkingTime(hours.starts_at, hours.ends_at) for hours in schedule.hours),
    )


def _slots(session: Session, provider: Provider, claimed: ClaimedMessage) -> Message:
    """All slots of a schedule; a blocked one has the places that are taken, and none if no place is."""
    schedule = session.scalars(select(Schedule.uuid).where(Schedule.id == claimed.subject_id)).one()
    places = case((Slot.status == SlotStatus.BLOCKED, Slot.taken), else_=Slot.capacity)
    query = select(Slot.uuid, Slot.starts_at, Slot.ends_at, places.label("places"))
    offered = session.execute(query.where(Slot.schedule_id == claimed.subject_id).order_by(Slot.starts_at))
    slots = (SlotData(_own_id(provider, uuid), start, end, count, SLOT_KIND) for uuid, start, end, count in offered)
    return SlotsData(
        message_id=_own_id(provider, claimed.uuid), schedule=_own_id(provider, schedule), slots=tuple(slots)
    )


def _activation(session: Session, provider: Provider, claimed: ClaimedMessage) -> Message:
    place = session.scalars(select(ServicePlace).where(ServicePlace.id == claimed.subject_id)).one()
    return ActivationData(message_id=_own_id(provider, claimed.uuid), service_place=_place_id(provider, place))


def _visit(session: Session, provider: Provider, claimed: ClaimedMessage) -> Message:
    query = select(Visit).where(Visit.id == claimed.subject_id)
    loads = joinedload(Visit.woman), joinedload(Visit.slot), joinedload(Visit.contract_range)
    visit = session.scalars(query.options(*loads)).one()
    return VisitData(
        message_id=_own_id(provider, claimed.uuid),
        identifier=_own_id(provider, visit.uuid),
        slot=_own_id(provider, visit.slot.uuid),
        patient=_patient(provider, visit.woman),
        product_code=visit.contract_range.product_code,
        path=visit.path,
        urgent=visit.urgent,
        status=visit.status,
        cancelled_by=visit.cancelled_by,
    )


def _patient(provider: Provider, woman: Woman) -> PatientData:
    return PatientData(
        identifier=_person_id(provider, woman),
        given_name=woman.given_name,
        family_name=woman.family_name,
        birth_date=date.fromisoformat(woman.birth_date),
        telephone=woman.telephone or None,
    )


def _person_id(provider: Provider, woman: Woman) -> PersonId:
    """A document is named below the provider's own node, with its country, so that no two women share a name there.

    No public source says under which root the central e-registration wants documents.
    """
    if woman.identity_kind is IdentityKind.PESEL:
        return pesel_id(woman.identity_number)
    return PersonId(provider.oid_root, woman.identity_number, woman.identity_number.partition(":")[0])


def _cancellation(session: Session, provider: Provider, claimed: ClaimedMessage) -> Message:
    """The end of a visit; one that was moved was ended by the provider, which recorded the move."""
    visit = session.scalars(select(Visit).where(Visit.id == claimed.subject_id)).one()
    return VisitCancellation(
        message_id=_own_id(provider, claimed.uuid),
        identifier=_own_id(provider, visit.uuid),
        cancelled_by=visit.cancelled_by or CancelledBy.PROVIDER,
    )


CONTENTS: dict[MessageKind, Callable[[Session, Provider, ClaimedMessage], Message]] = {
    MessageKind.SAVE_SERVICE_PLACE: _service_place,
    MessageKind.IMPORT_MOBILE_POINTS: _mobile_point,
    MessageKind.SAVE_SCHEDULE: _schedule,
    MessageKind.SAVE_SLOTS: _slots,
    MessageKind.ACTIVATE_SERVICE_PLACE: _activation,
    MessageKind.SAVE_VISIT: _visit,
    MessageKind.CANCEL_VISIT: _cancellation,
}
"""How the subject of each kind becomes a message."""
