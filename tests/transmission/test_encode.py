"""Messages become calls of the contract, without loss and without invention."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mobile_units.config import CONTRACT
from mobile_units.rules.programmes import Path
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import ACTIVE, CancelledBy, VisitStatus
from mobile_units.transmission import encode as encoding
from mobile_units.transmission.dialect import DEFAULT
from mobile_units.transmission.encode import EncodedCall, encode, encode_changes, encode_lookup
from mobile_units.transmission.messages import (
    KINDS,
    PESEL_ROOT,
    ChangesQuery,
    LoadedVisits,
    Message,
    ObjectId,
    PersonId,
    WithdrawnSlots,
    kind_of,
    personal_values,
)
from tests.transmission import examples

POINT, SCHEDULE = examples.new_id(), examples.new_id()
SLOT = examples.slot()
VISIT = examples.visit(SLOT.identifier)
MESSAGES: list[Message] = [
    examples.service_place(),
    examples.mobile_point(POINT),
    examples.schedule(SCHEDULE, POINT),
    examples.slots(SCHEDULE, SLOT),
    examples.activation(),
    VISIT,
    examples.cancellation(VISIT.identifier),
    WithdrawnSlots(message_id=examples.new_id(), schedule=SCHEDULE, slots=(replace(SLOT, capacity=0),)),
    LoadedVisits(message_id=examples.new_id(), visits=(VISIT,)),
]
XS = "{http://www.w3.org/2001/XMLSchema}"
TYPES = etree.parse(CONTRACT.parent / "cer-mt.xsd")


def enumeration(name: str) -> set[str]:
    """The values that the contract allows."""
    path = f"{XS}simpleType[@name='{name}']/{XS}restriction/{XS}enumeration"
    return {value.get("value", "") for value in TYPES.getroot().iterfind(path)}


def leaves(value: Any) -> Iterator[Any]:
    """All values in nested arguments."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if children is None:
        yield value
    else:
        for child in children:
            yield from leaves(child)


def test_every_kind_has_an_encoder_an_operation_and_a_message() -> None:
    """No step of the hand-over can be stored that cannot be sent."""
    assert set(encoding.ENCODERS) == set(DEFAULT.operations) == set(KINDS.values()) == set(MessageKind)
    assert set(KINDS) == set(get_args(Message))


@pytest.mark.parametrize("message", MESSAGES, ids=kind_of)
def test_every_call_carries_the_identifier_of_its_message(message: Message) -> None:
    """Repeating a message repeats its identifier, so it has its effect once."""
    call = encode(message, DEFAULT)
    identifier = {"extension": message.message_id.extension, "root": message.message_id.root}
    assert call.operation == DEFAULT.operations[kind_of(message)]
    assert call.arguments["identyfikatorKomunikatu"] == identifier
    lookup = encode_lookup(message, DEFAULT)
    assert lookup == EncodedCall("pobierzStanKomunikatu", {"identyfikatorKomunikatu": identifier})


@pytest.mark.parametrize("message", MESSAGES, ids=kind_of)
def test_every_call_is_made_of_plain_values(message: Message) -> None:
    """No word of ours slips onto the wire by accident."""
    assert not [leaf for leaf in leaves(encode(message, DEFAULT).arguments) if isinstance(leaf, StrEnum)]


@pytest.mark.parametrize(
    ("mapping", "name"),
    [
        (DEFAULT.mobilities, "RodzajMusMT"),
        (DEFAULT.slot_kinds, "RodzajSlotuMT"),
        (DEFAULT.paths, "SciezkaMT"),
        (DEFAULT.visit_statuses, "StatusWizytyMT"),
        (DEFAULT.cancellers, "OdwolanaPrzezMT"),
        (DEFAULT.changed_by, "ZmienionaPrzezMT"),
        (DEFAULT.message_states, "StanKomunikatuMT"),
    ],
)
def test_every_word_of_the_contract_has_one_word_of_ours(mapping: Mapping[StrEnum, str], name: str) -> None:
    """So codes can be written and read back."""
    assert sorted(mapping.values()) == sorted(enumeration(name))


def test_every_status_and_every_canceller_of_ours_can_be_sent() -> None:
    """Several of ours are one to the central system: it does not know reservations, moves or our own clock."""
    sent = {
        status: encode(replace(VISIT, status=status), DEFAULT).arguments["wizyta"]["status"] for status in VisitStatus
    }
    assert {status for status, code in sent.items() if code == "UMOWIONA"} == ACTIVE
    assert {status for status, code in sent.items() if code == "ODWOLANA"} == {VisitStatus.CANCELLED, VisitStatus.MOVED}
    assert {status for status, code in sent.items() if code == "ZREALIZOWANA"} == {VisitStatus.PERFORMED}
    cancelled = [
        encode(replace(examples.cancellation(VISIT.identifier), cancelled_by=who), DEFAULT).arguments["odwolanaPrzez"]
        for who in (CancelledBy.WOMAN, CancelledBy.PROVIDER, CancelledBy.SYSTEM)
    ]
    assert cancelled == ["PACJENT", "SWIADCZENIODAWCA", "SWIADCZENIODAWCA"]


def test_changes_are_asked_for_after_a_cursor_or_on_days() -> None:
    """What is not wanted is left out."""
    first, last = date(2026, 9, 1), date(2026, 9, 30)
    after = encode_changes(ChangesQuery(cursor="17", limit=100), DEFAULT)
    on_days = encode_changes(ChangesQuery(first_day=first, last_day=last), DEFAULT)
    nothing = {"znacznik": None, "dzienOd": None, "dzienDo": None}
    assert after == EncodedCall("pobierzZmiany", {**nothing, "znacznik": "17", "najwyzejZmian": 100})
    assert on_days == EncodedCall("pobierzZmiany", {**nothing, "dzienOd": first, "dzienDo": last, "najwyzejZmian": 500})


def test_what_the_dialect_lacks_is_not_asked() -> None:
    """A contract may have neither a lookup nor changes."""
    silent = replace(DEFAULT, lookup=None, changes=None)
    assert encode_lookup(VISIT, silent) is None
    assert encode_changes(ChangesQuery(), silent) is None


def test_names_roots_and_codes_are_those_of_the_dialect() -> None:
    """The message itself does not change."""
    dialect = replace(
        DEFAULT,
        operations={**DEFAULT.operations, MessageKind.SAVE_VISIT: "umowWizyte"},
        roots={**DEFAULT.roots, PESEL_ROOT: "1.2.3"},
        paths={**DEFAULT.paths, Path.MAMMOGRAPHY: "MMG"},
    )
    call = encode(VISIT, dialect)
    assert call.operation == "umowWizyte"
    assert call.arguments["wizyta"]["pacjent"]["identyfikator"]["root"] == "1.2.3"
    assert call.arguments["wizyta"]["identyfikator"]["root"] == VISIT.identifier.root
    assert call.arguments["wizyta"]["sciezka"] == "MMG"


def test_the_flag_of_a_mobile_point_follows_the_point() -> None:
    """The flag and the point cannot disagree."""
    mobile = encode(examples.schedule(SCHEDULE, POINT), DEFAULT).arguments["harmonogram"]
    stationary = encode(examples.schedule(SCHEDULE, None), DEFAULT).arguments["harmonogram"]
    assert mobile["mobilnyPunktObslugi"] is True
    assert mobile["identyfikatorMobilnegoPunktuObslugi"]["extension"] == POINT.extension
    assert stationary["mobilnyPunktObslugi"] is False
    assert stationary["identyfikatorMobilnegoPunktuObslugi"] is None


@given(
    st.datetimes(
        min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.timezones()  # noqa: DTZ001  # bounds of hypothesis are naive
    )
)  # fmt: skip
def test_an_instant_keeps_its_meaning_and_says_its_offset(start: datetime) -> None:
    """Whatever zone it was given in, also in the hour that a day has twice."""
    start = start.replace(microsecond=0)
    sent = encode(examples.slots(SCHEDULE, examples.slot(start=start)), DEFAULT).arguments["slot"][0]["od"]
    read = datetime.fromisoformat(sent)
    assert read.astimezone(UTC) == start.astimezone(UTC)
    assert read.utcoffset() in {timedelta(hours=1), timedelta(hours=2)}


def test_an_instant_without_a_zone_is_refused() -> None:
    """Nobody knows when it is."""
    naive = replace(SLOT, start=SLOT.start.replace(tzinfo=None))
    with pytest.raises(ValueError, match="zone"):
        encode(examples.slots(SCHEDULE, naive), DEFAULT)


def test_a_foreign_document_names_its_country() -> None:
    """A woman without a PESEL is identified by a document."""
    patient = replace(VISIT.patient, identifier=PersonId("2.16.840.1.113883.4.330.276", "X123", "DE"))
    sent = encode(replace(VISIT, patient=patient), DEFAULT).arguments["wizyta"]["pacjent"]
    assert sent["identyfikator"] == {"extension": "X123", "root": "2.16.840.1.113883.4.330.276"}
    assert sent["krajDokumentu"] == "DE"


def test_no_repr_shows_a_woman() -> None:
    """Logs and tracebacks print reprs."""
    shown = [VISIT, VISIT.patient, VISIT.patient.identifier, encode(VISIT, DEFAULT), [VISIT], {"visit": VISIT}]
    for value in personal_values(VISIT):
        assert value not in repr(shown)
        assert value not in str(VISIT)


def test_what_identifies_a_woman_is_known_and_nothing_else() -> None:
    """These values are masked in whatever comes back."""
    named = {examples.PESEL, examples.GIVEN_NAME, examples.FAMILY_NAME, "1970-01-01", "+48 000 000 000"}
    assert set(personal_values(VISIT)) == named
    assert personal_values(examples.activation()) == ()


def test_an_identifier_of_ours_shows_itself() -> None:
    """Identifiers of objects are no personal data and help in logs."""
    assert "1.2" in repr(ObjectId("1.2", "x"))
