"""Translates messages into calls of the contract: the only place that knows the Polish names of its fields.

Pure: a message and a dialect in, the operation's name and its arguments out. Values are plain strings, numbers, dates
and nested dicts, so that any SOAP library can carry them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from mobile_units.clock import WARSAW
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy
from mobile_units.transmission.dialect import Dialect
from mobile_units.transmission.messages import (
    CENTRAL_STATUSES,
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
    SlotsData,
    VisitCancellation,
    VisitData,
    WithdrawnSlots,
    kind_of,
)

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EncodedCall:
    """One call: the operation by its name in the contract, and its arguments, which may hold personal data."""

    operation: str
    arguments: Arguments = field(repr=False)


def encode(message: Message, dialect: Dialect) -> EncodedCall:
    """The call that hands a message over.

    Raises:
        ValueError: if an instant in the message does not know its zone.
    """
    kind = kind_of(message)
    arguments = {**_message_id(message, dialect), **ENCODERS[kind](message, dialect)}
    return EncodedCall(dialect.operations[kind], arguments)


def encode_lookup(message: Message, dialect: Dialect) -> EncodedCall | None:
    """The call that asks whether a message was accepted; None if nobody can be asked."""
    return EncodedCall(dialect.lookup, _message_id(message, dialect)) if dialect.lookup else None


def encode_changes(query: ChangesQuery, dialect: Dialect) -> EncodedCall | None:
    """The call that asks which visits changed; None if nobody can be asked."""
    arguments = {
        "znacznik": query.cursor,
        "dzienOd": query.first_day,
        "dzienDo": query.last_day,
        "najwyzejZmian": query.limit,
    }
    return EncodedCall(dialect.changes, arguments) if dialect.changes else None


def _message_id(message: Message, dialect: Dialect) -> Arguments:
    return {"identyfikatorKomunikatu": _identifier(message.message_id, dialect)}


def _service_place(message: ServicePlaceData, dialect: Dialect) -> Arguments:
    return {
        "daneMus": {
            "identyfikator": _identifier(message.identifier, dialect),
            "identyfikatorPodmiotu": _identifier(message.provider, dialect),
            "kodKomorki": message.cell_code,
            "kodSpecjalnosci": message.specialty_code,
            "nazwa": message.name,
            "adres": message.address,
            "rodzaj": dialect.mobilities[message.mobility],
            "oddzialNfz": message.nfz_branch,
        }
    }


def _mobile_points(message: MobilePointsData, dialect: Dialect) -> Arguments:
    return {"mobilnyPunktObslugi": [_mobile_point(point, dialect) for point in message.points]}


def _schedule(message: ScheduleData, dialect: Dialect) -> Arguments:
    point = message.mobile_point
    return {
        "harmonogram": {
            "identyfikator": _identifier(message.identifier, dialect),
            "identyfikatorMus": _identifier(message.service_place, dialect),
            "mobilnyPunktObslugi": point is not None,
            "identyfikatorMobilnegoPunktuObslugi": _identifier(point, dialect) if point else None,
            "kodZakresu": message.product_code,
            "numerUmowy": message.contract_number,
            "oddzialNfz": message.nfz_branch,
            "obowiazujeOd": message.valid_from,
            "obowiazujeDo": message.valid_to,
            "czasPracy": [{"od": _instant(time.start), "do": _instant(time.end)} for time in message.working_times],
        }
    }


def _slots(message: SlotsData | WithdrawnSlots, dialect: Dialect) -> Arguments:
    return {
        "identyfikatorHarmonogramu": _identifier(message.schedule, dialect),
        "slot": [_slot(slot, dialect) for slot in message.slots],
    }


def _activation(message: ActivationData, dialect: Dialect) -> Arguments:
    return {"identyfikatorMus": _identifier(message.service_place, dialect)}


def _saved_visit(message: VisitData, dialect: Dialect) -> Arguments:
    return {"wizyta": _visit(message, dialect)}


def _loaded_visits(message: LoadedVisits, dialect: Dialect) -> Arguments:
    return {"wizyta": [_visit(visit, dialect) for visit in message.visits]}


def _visit(visit: VisitData, dialect: Dialect) -> Arguments:
    return {
        "identyfikator": _identifier(visit.identifier, dialect),
        "identyfikatorSlotu": _identifier(visit.slot, dialect),
        "pacjent": _patient(visit.patient, dialect),
        "kodZakresu": visit.product_code,
        "sciezka": dialect.paths[visit.path],
        "pilna": visit.urgent,
        "status": dialect.visit_statuses[CENTRAL_STATUSES[visit.status]],
        "odwolanaPrzez": _canceller(visit.cancelled_by, dialect) if visit.cancelled_by else None,
    }


def _cancellation(message: VisitCancellation, dialect: Dialect) -> Arguments:
    return {
        "identyfikatorWizyty": _identifier(message.identifier, dialect),
        "odwolanaPrzez": _canceller(message.cancelled_by, dialect),
    }


ENCODERS: dict[MessageKind, Callable[[Any, Dialect], Arguments]] = {
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


def _identifier(identifier: ObjectId | PersonId, dialect: Dialect) -> Arguments:
    return {"extension": identifier.extension, "root": dialect.outer_root(identifier.root)}


def _canceller(canceller: CancelledBy, dialect: Dialect) -> str:
    """To the central system our own system is the provider."""
    return dialect.cancellers[CancelledBy.PROVIDER if canceller is CancelledBy.SYSTEM else canceller]


def _mobile_point(point: MobilePointData, dialect: Dialect) -> Arguments:
    return {
        "identyfikator": _identifier(point.identifier, dialect),
        "identyfikatorMus": _identifier(point.service_place, dialect),
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


def _slot(slot: SlotData, dialect: Dialect) -> Arguments:
    return {
        "identyfikator": _identifier(slot.identifier, dialect),
        "od": _instant(slot.start),
        "do": _instant(slot.end),
        "liczbaMiejsc": slot.capacity,
        "rodzaj": dialect.slot_kinds[slot.kind],
    }


def _patient(patient: PatientData, dialect: Dialect) -> Arguments:
    return {
        "identyfikator": _identifier(patient.identifier, dialect),
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
