"""Messages of a fictitious provider, and a gateway that speaks for it."""

from datetime import date, datetime, timedelta
from uuid import uuid4

from mobile_units.clock import WARSAW
from mobile_units.config import CONTRACT
from mobile_units.rules.programmes import Mobility, Path
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.transmission.context import context_of
from mobile_units.transmission.dialect import DEFAULT
from mobile_units.transmission.messages import (
    ActivationData,
    MobilePointData,
    MobilePointsData,
    ObjectId,
    PatientData,
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
    provider_node,
    service_place_id,
)
from mobile_units.transmission.soap import SoapGateway, SoapSettings

BOOK = "000000999999"
PESEL = "99999999999"
GIVEN_NAME = "Fikcja"
FAMILY_NAME = "Zmyślona-Niebyła"
PLACE = service_place_id(BOOK, "001")
DAY = date(2026, 9, 1)
OPENS = datetime(2026, 9, 1, 8, tzinfo=WARSAW)
CLOSES = OPENS + timedelta(hours=8)
CONTEXT = context_of(DEFAULT, BOOK, "001")


def new_id() -> ObjectId:
    """An identifier never used before."""
    return ObjectId(provider_node(999), str(uuid4()))


def gateway(address: str, **settings: object) -> SoapGateway:
    """A gateway to this address with short timeouts."""
    given = {"wsdl": CONTRACT, "context": CONTEXT, "connect_seconds": 2.0, "read_seconds": 5.0, **settings}
    return SoapGateway(SoapSettings(address=address, **given))  # type: ignore[arg-type]  # checked by the dataclass


def service_place(identifier: ObjectId = PLACE, mobility: Mobility = Mobility.MOBILE) -> ServicePlaceData:
    """A mammography laboratory."""
    return ServicePlaceData(
        message_id=new_id(),
        identifier=identifier,
        provider=provider_id(BOOK),
        cell_code="001",
        specialty_code="7940",
        name="Pracownia mammografii",
        address="ul. Próbna 1, Nigdzie",
        mobility=mobility,
        nfz_branch="05",
    )


def mobile_point(identifier: ObjectId, place: ObjectId = PLACE) -> MobilePointsData:
    """One mobile point."""
    point = MobilePointData(
        identifier=identifier,
        service_place=place,
        name="Wieluń",
        locality="Wieluń",
        landmark="przy Urzędzie Miejskim",
        street="pl. Kazimierza Wielkiego 1",
        teryt="1017094",
        latitude=51.220_833_3,
        longitude=18.569_722_2,
        valid_from=DAY,
        valid_to=DAY,
        vehicle_name="Mammobus 1",
    )
    return MobilePointsData(message_id=new_id(), points=(point,))


def schedule(identifier: ObjectId, point: ObjectId | None, place: ObjectId = PLACE) -> ScheduleData:
    """One day of work from 8 to 16."""
    return ScheduleData(
        message_id=new_id(),
        identifier=identifier,
        service_place=place,
        mobile_point=point,
        product_code="10.7940.159.02",
        contract_number="050/000001",
        nfz_branch="05",
        valid_from=DAY,
        valid_to=DAY,
        working_times=(WorkingTime(OPENS, CLOSES),),
    )


def slot(identifier: ObjectId | None = None, start: datetime = OPENS, minutes: int = 8, capacity: int = 1) -> SlotData:
    """A slot of a schedule."""
    kind = SlotKind.MATCHING_PROCEDURE
    return SlotData(identifier or new_id(), start, start + timedelta(minutes=minutes), capacity, kind)


def slots(schedule: ObjectId, *slots: SlotData) -> SlotsData:
    """These slots of a schedule."""
    return SlotsData(message_id=new_id(), schedule=schedule, slots=slots)


def activation(place: ObjectId = PLACE) -> ActivationData:
    """The activation of a place."""
    return ActivationData(message_id=new_id(), service_place=place)


def visit(
    slot: ObjectId,
    pesel: str = PESEL,
    path: Path = Path.MAMMOGRAPHY,
    status: VisitStatus = VisitStatus.BOOKED,
    identifier: ObjectId | None = None,
) -> VisitData:
    """A visit of a fictitious woman."""
    patient = PatientData(
        identifier=pesel_id(pesel),
        given_name=GIVEN_NAME,
        family_name=FAMILY_NAME,
        birth_date=date(1970, 1, 1),
        telephone="+48 000 000 000",
    )
    return VisitData(
        message_id=new_id(),
        identifier=identifier or new_id(),
        slot=slot,
        patient=patient,
        product_code="10.7940.159.02",
        path=path,
        urgent=False,
        status=status,
        cancelled_by=CancelledBy.WOMAN if status is VisitStatus.CANCELLED else None,
    )


def cancellation(visit: ObjectId) -> VisitCancellation:
    """The end of a visit, by the woman."""
    return VisitCancellation(message_id=new_id(), identifier=visit, cancelled_by=CancelledBy.WOMAN)
