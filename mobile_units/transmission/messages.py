"""What is handed over to the central e-registration, in our own words.

A message is a value: everything the central system has to know and nothing of how it is sent. Each carries a
`message_id` of its own; sending the same message twice under one id has the effect of sending it once. Fields that
identify a woman never appear in a repr.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from mobile_units.rules.programmes import Mobility, Path
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, ChangedBy, VisitStatus

OID = "2.16.840.1.113883.3.4424"
"""The OID under which P1 keeps its identifiers."""
PESEL_ROOT = f"{OID}.1.1.616"
PROVIDER_ROOT = f"{OID}.2.3.1"
SERVICE_PLACE_ROOT = f"{OID}.2.3.3"


@dataclass(frozen=True, slots=True)
class ObjectId:
    """An identifier as P1 writes them: an OID (`root`) and a value unique below it (`extension`)."""

    root: str
    extension: str


@dataclass(frozen=True, slots=True)
class PersonId:
    """The identifier of a woman: PESEL, or a foreign document whose issuer is an ISO 3166 `country` (2 letters)."""

    root: str
    extension: str = field(repr=False)
    country: str | None = None


def provider_node(number: int | str) -> str:
    """The OID below which a provider names its own objects (węzeł podmiotu)."""
    return f"{OID}.2.7.{number}"


def provider_id(book: str) -> ObjectId:
    """The provider (podmiot) with this RPWDL book of 12 digits."""
    return ObjectId(PROVIDER_ROOT, book)


def service_place_id(book: str, cell: str) -> ObjectId:
    """The service place (MUŚ): an organisational cell of 3 digits in the RPWDL book of 12 digits."""
    return ObjectId(SERVICE_PLACE_ROOT, f"{book}-{cell}")


def pesel_id(pesel: str) -> PersonId:
    """The woman with this PESEL."""
    return PersonId(PESEL_ROOT, pesel)


class SlotKind(StrEnum):
    """What a slot is for; the three kinds that the leaflet names."""

    MATCHING_PROCEDURE = "matching_procedure"
    CONTINUED_TREATMENT = "continued_treatment"
    DEFAULT_PROCEDURE = "default_procedure"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlaceData:
    """A service place (MUŚ) and what it is; `nfz_branch` is 01 to 16, `specialty_code` four digits."""

    message_id: ObjectId
    identifier: ObjectId
    provider: ObjectId
    cell_code: str
    specialty_code: str
    name: str
    address: str
    mobility: Mobility
    nfz_branch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MobilePointData:
    """A place where a mobile unit of a service place receives women, from `valid_from` to `valid_to` (open if None).

    `latitude` and `longitude` are degrees (WGS 84); `landmark` is what a woman looks for ("przy Urzędzie Gminy").
    """

    identifier: ObjectId
    service_place: ObjectId
    name: str
    locality: str
    landmark: str | None = None
    street: str | None = None
    teryt: str | None = None
    latitude: float
    longitude: float
    valid_from: date
    valid_to: date | None = None
    vehicle_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MobilePointsData:
    """Mobile points to be known to the central system, at least one."""

    message_id: ObjectId
    points: tuple[MobilePointData, ...]


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """A stretch of time in which a service place receives women; both ends know their zone."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleData:
    """The working time of a service place in one contract range; with a `mobile_point` it is a mobile schedule."""

    message_id: ObjectId
    identifier: ObjectId
    service_place: ObjectId
    mobile_point: ObjectId | None
    product_code: str
    contract_number: str
    nfz_branch: str
    valid_from: date
    valid_to: date
    working_times: tuple[WorkingTime, ...]


@dataclass(frozen=True, slots=True)
class SlotData:
    """A bookable time; `capacity` is how many women it takes, both ends know their zone."""

    identifier: ObjectId
    start: datetime
    end: datetime
    capacity: int
    kind: SlotKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotsData:
    """Slots of one schedule, at least one."""

    message_id: ObjectId
    schedule: ObjectId
    slots: tuple[SlotData, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnSlots:
    """Slots of one schedule, at least one, that now take fewer women than was said before; often none."""

    message_id: ObjectId
    schedule: ObjectId
    slots: tuple[SlotData, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationData:
    """The wish that a service place takes bookings from now on."""

    message_id: ObjectId
    service_place: ObjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientData:
    """The woman of a visit; none of it is ever shown by a repr."""

    identifier: PersonId = field(repr=False)
    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    birth_date: date = field(repr=False)
    telephone: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitData:
    """A visit with its present status; `cancelled_by` is known when it is CANCELLED."""

    message_id: ObjectId
    identifier: ObjectId
    slot: ObjectId
    patient: PatientData = field(repr=False)
    product_code: str
    path: Path
    urgent: bool
    status: VisitStatus
    cancelled_by: CancelledBy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitCancellation:
    """The end of a visit that was handed over before."""

    message_id: ObjectId
    identifier: ObjectId
    cancelled_by: CancelledBy


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedVisits:
    """Visits that were booked before the integration (zasilInicjalnie), at least one and at most 1,000.

    Each may be refused by itself; the `message_id` of each is that of the whole.
    """

    message_id: ObjectId
    visits: tuple[VisitData, ...] = field(repr=False)


Message = (
    ServicePlaceData
    | MobilePointsData
    | ScheduleData
    | WithdrawnSlots
    | SlotsData
    | ActivationData
    | VisitData
    | VisitCancellation
    | LoadedVisits
)

KINDS: dict[type[Message], MessageKind] = {
    ServicePlaceData: MessageKind.SAVE_SERVICE_PLACE,
    MobilePointsData: MessageKind.IMPORT_MOBILE_POINTS,
    ScheduleData: MessageKind.SAVE_SCHEDULE,
    WithdrawnSlots: MessageKind.WITHDRAW_SLOTS,
    SlotsData: MessageKind.SAVE_SLOTS,
    ActivationData: MessageKind.ACTIVATE_SERVICE_PLACE,
    VisitData: MessageKind.SAVE_VISIT,
    VisitCancellation: MessageKind.CANCEL_VISIT,
    LoadedVisits: MessageKind.LOAD_VISITS,
}
"""The kind of each message."""


def kind_of(message: Message) -> MessageKind:
    """The step of the hand-over that a message carries out."""
    return KINDS[type(message)]


def personal_values(message: Message) -> tuple[str, ...]:
    """The texts in a message that identify a woman, to be masked wherever they come back."""
    if isinstance(message, LoadedVisits):
        return tuple(value for visit in message.visits for value in personal_values(visit))
    if not isinstance(message, VisitData):
        return ()
    patient = message.patient
    named = (patient.identifier.extension, patient.given_name, patient.family_name, patient.telephone or "")
    return (*named, patient.birth_date.isoformat())


class CentralStatus(StrEnum):
    """The states of a visit that the central system tells apart."""

    BOOKED = "booked"
    PERFORMED = "performed"
    NOT_PERFORMED = "not_performed"
    CANCELLED = "cancelled"


CENTRAL_STATUSES: Mapping[VisitStatus, CentralStatus] = MappingProxyType(
    {
        VisitStatus.HELD: CentralStatus.BOOKED,
        VisitStatus.BOOKED: CentralStatus.BOOKED,
        VisitStatus.CONFIRMED: CentralStatus.BOOKED,
        VisitStatus.ARRIVED: CentralStatus.BOOKED,
        VisitStatus.PERFORMED: CentralStatus.PERFORMED,
        VisitStatus.NOT_PERFORMED: CentralStatus.NOT_PERFORMED,
        VisitStatus.NO_SHOW: CentralStatus.NOT_PERFORMED,
        VisitStatus.CANCELLED: CentralStatus.CANCELLED,
        VisitStatus.MOVED: CentralStatus.CANCELLED,
    }
)
"""What each status of ours is to the central system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralVisit:
    """A visit as the central system holds it; `slot` is ours, the visit's `identifier` may be given by either side."""

    identifier: ObjectId
    slot: ObjectId
    patient: PatientData = field(repr=False)
    product_code: str
    path: Path
    urgent: bool
    status: CentralStatus
    cancelled_by: CancelledBy | None = None


def visit_as_json(visit: CentralVisit) -> dict[str, Any]:
    """A visit of the centre as JSON keeps it, for an encrypted column."""
    content = asdict(visit)
    content["patient"]["birth_date"] = visit.patient.birth_date.isoformat()
    return content


def visit_from_json(content: Mapping[str, Any]) -> CentralVisit:
    """The visit that `visit_as_json` kept."""
    patient, cancelled_by = content["patient"], content["cancelled_by"]
    born = date.fromisoformat(patient["birth_date"])
    return CentralVisit(
        identifier=ObjectId(**content["identifier"]),
        slot=ObjectId(**content["slot"]),
        patient=PatientData(**patient | {"identifier": PersonId(**patient["identifier"]), "birth_date": born}),
        product_code=content["product_code"],
        path=Path(content["path"]),
        urgent=content["urgent"],
        status=CentralStatus(content["status"]),
        cancelled_by=CancelledBy(cancelled_by) if cancelled_by else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralChange:
    """A visit that changed at the centre, in its last state."""

    at: datetime
    by: ChangedBy
    visit: CentralVisit

    @property
    def digest(self) -> str:
        """By which a change that comes again is known: the SHA-256 of visit, instant, status and slot."""
        visit = self.visit
        told = (
            visit.identifier.root,
            visit.identifier.extension,
            self.at.astimezone(UTC).isoformat(),
            visit.status.value,
            visit.slot.root,
            visit.slot.extension,
        )
        return hashlib.sha256("\n".join(told).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableChange:
    """A change that the centre told and that could not be read; `xml` is all of it and may name a woman.

    What could be read of it is told: which visit, when, by whom. `problem` says in harmless words what is wrong.
    """

    identifier: ObjectId | None = field(repr=False)
    at: datetime | None = field(repr=False)
    by: ChangedBy | None = field(repr=False)
    problem: str = field(repr=False)
    xml: str = field(repr=False)

    @property
    def digest(self) -> str:
        """By which it is known when it comes again: the SHA-256 of what was told."""
        return hashlib.sha256(self.xml.encode()).hexdigest()

    @property
    def name(self) -> ObjectId:
        """The identifier of the visit, or a stand-in without a root that is the same each time."""
        return self.identifier or ObjectId("", self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesQuery:
    """Which changes are wanted: after `cursor` (None: from the first one), of slots on the days given, both included.

    At most `limit` (1 to 1,000) come at once.
    """

    cursor: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    limit: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesPage:
    """Changes in the order in which they happened, each visit once; `cursor` asks for those that follow.

    Those that could not be read are `unreadable`, so that they are in nobody's way.
    """

    changes: tuple[CentralChange, ...]
    unreadable: tuple[UnreadableChange, ...] = ()
    cursor: str
    more: bool
