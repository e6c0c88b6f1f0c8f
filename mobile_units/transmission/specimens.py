"""Messages of nobody about nobody, by which a contract is tried: each kind as full and as bare as it can be.

Between them the specimens of a kind carry every code that the kind can carry, and one is as long as a message may get.
All names and numbers are fictitious, identifiers are the same every time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from mobile_units.rules.programmes import Mobility, Path
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.transmission.dialect import Dialect
from mobile_units.transmission.encode import Arguments, encode
from mobile_units.transmission.messages import (
    ActivationData,
    ChangesQuery,
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
    provider_node,
    service_place_id,
)

BOOK, CELL = "000000000000", "000"
LONGEST_LOAD = 1000
"""The most visits in one message of an initial load."""

_DAY = date(2026, 9, 1)
_START = datetime(2026, 9, 1, 6, tzinfo=UTC)
_END = _START + timedelta(hours=8)


def _own(number: int) -> ObjectId:
    return ObjectId(provider_node(0), str(UUID(int=number)))


_MESSAGE, _POINT, _SCHEDULE, _VISIT = (_own(number) for number in range(1, 5))
_PLACE = service_place_id(BOOK, CELL)

PLACE = ServicePlaceData(
    message_id=_MESSAGE,
    identifier=_PLACE,
    provider=provider_id(BOOK),
    cell_code=CELL,
    specialty_code="0000",
    name="Pracownia Zmyślona",
    address="ul. Nieistniejąca 0, 00-000 Nigdzie",
    mobility=Mobility.MOBILE,
    nfz_branch="05",
)
BARE_POINT = MobilePointData(
    identifier=_POINT,
    service_place=_PLACE,
    name="Nigdzie",
    locality="Nigdzie",
    latitude=52.0,
    longitude=19.0,
    valid_from=_DAY,
)
FULL_POINT = replace(
    BARE_POINT,
    landmark="przy Urzędzie Zmyślonym",
    street="ul. Nieistniejąca 0",
    teryt="0000000",
    valid_to=_DAY,
    vehicle_name="Mammobus 0",
)
SCHEDULE = ScheduleData(
    message_id=_MESSAGE,
    identifier=_SCHEDULE,
    service_place=_PLACE,
    mobile_point=_POINT,
    product_code="00.0000.000.00",
    contract_number="050/000000",
    nfz_branch="05",
    valid_from=_DAY,
    valid_to=_DAY,
    working_times=(WorkingTime(_START, _END), WorkingTime(_END, _END + timedelta(hours=1))),
)
SLOTS = tuple(
    SlotData(_own(100 + number), _START + timedelta(hours=number), _START + timedelta(hours=number + 1), number, kind)
    for number, kind in enumerate(SlotKind)
)
BARE_PATIENT = PatientData(
    identifier=pesel_id("00000000000"),
    given_name="Fikcja",
    family_name="Zmyślona-Niebyła",
    birth_date=date(1970, 1, 1),
)
FULL_PATIENT = replace(
    BARE_PATIENT, identifier=PersonId(provider_node(0), "XX:000000000", "XX"), telephone="+48000000000"
)
BARE_VISIT = VisitData(
    message_id=_MESSAGE,
    identifier=_VISIT,
    slot=SLOTS[0].identifier,
    patient=BARE_PATIENT,
    product_code="00.0000.000.00",
    path=Path.MAMMOGRAPHY,
    urgent=False,
    status=VisitStatus.BOOKED,
)
FULL_VISIT = replace(
    BARE_VISIT, patient=FULL_PATIENT, urgent=True, status=VisitStatus.CANCELLED, cancelled_by=CancelledBy.WOMAN
)
VISITS = (
    FULL_VISIT,
    BARE_VISIT,
    *(replace(BARE_VISIT, path=path) for path in Path),
    *(replace(BARE_VISIT, status=status) for status in VisitStatus),
    *(replace(FULL_VISIT, cancelled_by=canceller) for canceller in CancelledBy),
)

SPECIMENS: Mapping[MessageKind, Sequence[Message]] = MappingProxyType(
    {
        MessageKind.SAVE_SERVICE_PLACE: tuple(replace(PLACE, mobility=mobility) for mobility in Mobility),
        MessageKind.IMPORT_MOBILE_POINTS: (
            MobilePointsData(message_id=_MESSAGE, points=(FULL_POINT, replace(FULL_POINT, identifier=_own(5)))),
            MobilePointsData(message_id=_MESSAGE, points=(BARE_POINT,)),
        ),
        MessageKind.SAVE_SCHEDULE: (
            SCHEDULE,
            replace(SCHEDULE, mobile_point=None, working_times=SCHEDULE.working_times[:1]),
        ),
        MessageKind.WITHDRAW_SLOTS: (WithdrawnSlots(message_id=_MESSAGE, schedule=_SCHEDULE, slots=SLOTS),),
        MessageKind.SAVE_SLOTS: (
            SlotsData(message_id=_MESSAGE, schedule=_SCHEDULE, slots=SLOTS),
            SlotsData(message_id=_MESSAGE, schedule=_SCHEDULE, slots=SLOTS[:1]),
        ),
        MessageKind.ACTIVATE_SERVICE_PLACE: (ActivationData(message_id=_MESSAGE, service_place=_PLACE),),
        MessageKind.SAVE_VISIT: VISITS,
        MessageKind.CANCEL_VISIT: tuple(
            VisitCancellation(message_id=_MESSAGE, identifier=_VISIT, cancelled_by=canceller)
            for canceller in CancelledBy
        ),
        MessageKind.LOAD_VISITS: (
            LoadedVisits(message_id=_MESSAGE, visits=(FULL_VISIT, BARE_VISIT)),
            LoadedVisits(message_id=_MESSAGE, visits=(FULL_VISIT,) * LONGEST_LOAD),
        ),
    }
)
"""For each kind, its specimens; the first is the fullest."""

QUERIES = (
    ChangesQuery(cursor="0", first_day=_DAY, last_day=_DAY, limit=1000),
    ChangesQuery(limit=1),
)
"""Questions which visits changed, full and bare."""


def answers(dialect: Dialect) -> dict[str, Arguments]:
    """For each operation whose answer we read: the fields that we look for in it, each with a value."""
    identifier = {"extension": "0", "root": "2.25"}
    visit = encode(FULL_VISIT, dialect).arguments["wizyta"]
    change = {"chwila": _START.isoformat(), "zmienionaPrzez": "SYSTEM", "wizyta": visit}
    refused = {"identyfikator": identifier, "kod": "urn:x", "komunikat": "REG.WER.0"}
    read: dict[str | None, Arguments] = {
        dialect.operations[MessageKind.LOAD_VISITS]: {"odrzuconaWizyta": [refused, refused]},
        dialect.lookup: {"stanKomunikatu": "PRZYJETY"},
        dialect.changes: {"zmiana": [change, change], "znacznik": "0", "saNastepne": False},
    }
    return {operation: fields for operation, fields in read.items() if operation}
