"""Translates messages into calls of the contract: the only place that knows the Polish names of its fields.

Pure: a message in, the operation's name and its arguments out. Values are plain strings, numbers, dates and nested
dicts, so that any SOAP library can carry them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from mobile_units.clock import WARSAW
from mobile_units.rules.programmes import Mobility, Path
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, VisitStatus
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
    kind_of,
)

Arguments = dict[str, Any]

MOBILITIES = {Mobility.STATIONARY: "STACJONARNE", Mobility.MOBILE: "MOBILNE"}
SLOT_KINDS = {
    SlotKind.MATCHING_PROCEDURE: "PROCEDURA_ODPOWIEDNIA",
    SlotKind.CONTINUED_TREATMENT: "KONTYNUACJA_LECZENIA",
    SlotKind.DEFAULT_PROCEDURE: "PROCEDURA_DOMYSLNA",
}
PATHS = {
    Path.MAMMOGRAPHY: "MAMMOGRAFIA",
    Path.CLASSIC_CYTOLOGY: "CYTOLOGIA_KLASYCZNA",
    Path.HPV_LBC: "HPV_LBC",
}
VISIT_STATUSES = {
    VisitStatus.HELD: "UMOWIONA",
    VisitStatus.BOOKED: "UMOWIONA",
    VisitStatus.CONFIRMED: "UMOWIONA",
    VisitStatus.ARRIVED: "UMOWIONA",
    VisitStatus.PERFORMED: "ZREALIZOWANA",
    VisitStatus.NOT_PERFORMED: "NIEZREALIZOWANA",
    VisitStatus.NO_SHOW: "NIEZREALIZOWANA",
    VisitStatus.CANCELLED: "ODWOLANA",
    VisitStatus.MOVED: "ODWOLANA",
}
CANCELLERS = {
    CancelledBy.WOMAN: "PACJENT",
    CancelledBy.PROVIDER: "SWIADCZENIODAWCA",
    CancelledBy.SYSTEM: "SWIADCZENIODAWCA",
}

OPERATIONS = {
    MessageKind.SAVE_SERVICE_PLACE: "zapiszDaneMus",
    MessageKind.IMPORT_MOBILE_POINTS: "importujMobilnePunktyObsługi",
    MessageKind.SAVE_SCHEDULE: "zapiszHarmonogram",
    MessageKind.WITHDRAW_SLOTS: "zapiszSloty",
    MessageKind.SAVE_SLOTS: "zapiszSloty",
    MessageKind.ACTIVATE_SERVICE_PLACE: "aktywujMus",
    MessageKind.SAVE_VISIT: "zapiszWizyte",
    MessageKind.CANCEL_VISIT: "anulujWizyte",
    MessageKind.LOAD_VISITS: "zasilInicjalnie",
}
"""The operation of each kind; those that save and cancel a visit are named by us, by no public source."""
LOOKUP = "pobierzStanKomunikatu"
"""The operation that tells whether a message was accepted; named by us as well."""
CHANGES = "pobierzZmiany"
"""The operation that tells which visits changed; named by us as well."""


@dataclass(frozen=True, slots=True)
class EncodedCall:
    """One call: the operation by its name in the contract, and its arguments, which may hold personal data."""

    operation: str
    arguments: Arguments = field(repr=False)


def encode(message: Message) -> EncodedCall:
    """The call that hands a message over.

    Raises:
        ValueError: if an instant in the message does not know its zone.
    """
    kind = kind_of(message)
    arguments = {"identyfikatorKomunikatu": _identifier(message.message_id), **ENCODERS[kind](message)}
    return EncodedCall(OPERATIONS[kind], arguments)


def encode_lookup(message: Message) -> EncodedCall:
    """The call that asks whether a message was accepted."""
    return EncodedCall(LOOKUP, {"identyfikatorKomunikatu": _identifier(message.message_id)})


def _service_place(message: ServicePlaceData) -> Arguments:
    return {
        "daneMus": {
            "identyfikator": _identifier(message.identifier),
            "identyfikatorPodmiotu": _identifier(message.provider),
            "kodKomorki": message.cell_code,
            "kodSpecjalnosci": message.specialty_code,
            "nazwa": message.name,
            "adres": message.address,
            "rodzaj": MOBILITIES[message.mobility],
            "oddzialNfz": message.nfz_branch,
        }
    }


def _mobile_points(message: MobilePointsData) -> Arguments:
    return {"mobilnyPunktObslugi": [_mobile_point(point) for point in message.points]}


def _schedule(message: ScheduleData) -> Arguments:
    point = message.mobile_point
    return {
        "harmonogram": {
            "identyfikator": _identifier(message.identifier),
            "identyfikatorMus": _identifier(message.service_place),
            "mobilnyPunktObslugi": point is not None,
            "identyfikatorMobilnegoPunktuObslugi": _identifier(point) if point else None,
            "kodZakresu": message.product_code,
            "numerUmowy": message.contract_number,
            "oddzialNfz": message.nfz_branch,
            "obowiazujeOd": message.valid_from,
            "obowiazujeDo": message.valid_to,
            "czasPracy": [{"od": _instant(time.start), "do": _instant(time.end)} for time in message.working_times],
        }
    }


def _slots(message: SlotsData | WithdrawnSlots) -> Arguments:
    return {
        "identyfikatorHarmonogramu": _identifier(message.schedule),
        "slot": [_slot(slot) for slot in message.slots],
    }


def _activation(message: ActivationData) -> Arguments:
    return {"identyfikatorMus": _identifier(message.service_place)}


def _saved_visit(message: VisitData) -> Arguments:
    return {"wizyta": _visit(message)}


def _loaded_visits(message: LoadedVisits) -> Arguments:
    return {"wizyta": [_visit(visit) for visit in message.visits]}


def _visit(visit: VisitData) -> Arguments:
    return {
        "identyfikator": _identifier(visit.identifier),
        "identyfikatorSlotu": _identifier(visit.slot),
        "pacjent": _patient(visit.patient),
        "kodZakresu": visit.product_code,
        "sciezka": PATHS[visit.path],
        "pilna": visit.urgent,
        "status": VISIT_STATUSES[visit.status],
        "odwolanaPrzez": CANCELLERS[visit.cancelled_by] if visit.cancelled_by else None,
    }


def _cancellation(message: VisitCancellation) -> Arguments:
    return {
        "identyfikatorWizyty": _identifier(message.identifier),
        "odwolanaPrzez": CANCELLERS[message.cancelled_by],
    }


ENCODERS: dict[MessageKind, Callable[[Any], Arguments]] = {
    MessageKind.SAVE_SERVICE_PLACE: _service_place,
    MessageKind.IMPORT_MOBILE_POINTS: _mobile_points,
    MessageKind.SAVE_SCHEDULE: _schedule,
    MessageKind.WITHDRAW_SLOTS: _slots,
    MessageKind.SAVE_SLOTS: _slots,
    MessageKind.ACTIVATE_SERVICE_PLACE: _activation,
    MessageKind.SAVE_VISIT: _saved_visit,
    MessageKind.CANCEL_VISIT: _cancellation,
    MessageKind.LOAD_VISITS: _loaded_visits,
}
"""For each kind: the arguments that follow the message's own identifier."""


def _identifier(identifier: ObjectId | PersonId) -> Arguments:
    return {"extension": identifier.extension, "root": identifier.root}


def _mobile_point(point: MobilePointData) -> Arguments:
    return {
        "identyfikator": _identifier(point.identifier),
        "identyfikatorMus": _identifier(point.service_place),
        "nazwa": point.name,
        "miejscowosc": point.locality,
        "opisMiejsca": point.landmark,
        "ulica": point.street,
        "teryt": point.teryt,
        "szerokoscGeograficzna": _degrees(point.latitude),
        "dlugoscGeograficzna": _degrees(point.longitude),
        "obowiazujeOd": point.valid_from,
        "obowiazujeDo": point.valid_to,
        "nazwaPojazdu": point.vehicle_name,
    }


def _slot(slot: SlotData) -> Arguments:
    return {
        "identyfikator": _identifier(slot.identifier),
        "od": _instant(slot.start),
        "do": _instant(slot.end),
        "liczbaMiejsc": slot.capacity,
        "rodzaj": SLOT_KINDS[slot.kind],
    }


def _patient(patient: PatientData) -> Arguments:
    return {
        "identyfikator": _identifier(patient.identifier),
        "krajDokumentu": patient.identifier.country,
        "imie": patient.given_name,
        "nazwisko": patient.family_name,
        "dataUrodzenia": patient.birth_date,
        "telefon": patient.telephone,
    }


def _degrees(angle: float) -> Decimal:
    """Six places are about ten centimetres."""
    return Decimal(f"{angle:.6f}")


def _instant(moment: datetime) -> str:
    """Warsaw time with its offset, as people in Poland read it."""
    if moment.tzinfo is None:
        raise ValueError("an instant without a zone")
    return moment.astimezone(WARSAW).isoformat(timespec="seconds")
