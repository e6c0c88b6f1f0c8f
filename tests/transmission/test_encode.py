"""Messages become calls of the contract, without loss and without invention."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mobile_units.config import CONTRACT
from mobile_units.rules.programmes import Mobility, Path
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.transmission import encode as encoding
from mobile_units.transmission.encode import encode, encode_lookup
from mobile_units.transmission.messages import KINDS, Message, ObjectId, PersonId, SlotKind, kind_of, personal_values
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
    assert set(encoding.ENCODERS) == set(encoding.OPERATIONS) == set(KINDS.values()) == set(MessageKind)
    assert set(KINDS) == set(get_args(Message))


@pytest.mark.parametrize("message", MESSAGES, ids=kind_of)
def test_every_call_carries_the_identifier_of_its_message(message: Message) -> None:
    """Repeating a message repeats its identifier, so it has its effect once."""
    call = encode(message)
    identifier = {"extension": message.message_id.extension, "root": message.message_id.root}
    assert call.operation == encoding.OPERATIONS[kind_of(message)]
    assert call.arguments["identyfikatorKomunikatu"] == identifier
    assert encode_lookup(message).arguments == {"identyfikatorKomunikatu": identifier}


@pytest.mark.parametrize("message", MESSAGES, ids=kind_of)
def test_every_call_is_made_of_plain_values(message: Message) -> None:
    """No word of ours slips onto the wire by accident."""
    assert not [leaf for leaf in leaves(encode(message).arguments) if isinstance(leaf, StrEnum)]


@pytest.mark.parametrize(
    ("words", "mapping", "name"),
    [
        (Mobility, encoding.MOBILITIES, "RodzajMusMT"),
        (SlotKind, encoding.SLOT_KINDS, "RodzajSlotuMT"),
        (Path, encoding.PATHS, "SciezkaMT"),
        (VisitStatus, encoding.VISIT_STATUSES, "StatusWizytyMT"),
        (CancelledBy, encoding.CANCELLERS, "OdwolanaPrzezMT"),
    ],
)
def test_every_word_of_ours_has_a_word_of_the_contract(
    words: type[StrEnum], mapping: dict[StrEnum, str], name: str
) -> None:
    """And every word of the contract is used."""
    assert set(mapping) == set(words)
    assert set(mapping.values()) == enumeration(name)


def test_the_flag_of_a_mobile_point_follows_the_point() -> None:
    """The flag and the point cannot disagree."""
    mobile = encode(examples.schedule(SCHEDULE, POINT)).arguments["harmonogram"]
    stationary = encode(examples.schedule(SCHEDULE, None)).arguments["harmonogram"]
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
    sent = encode(examples.slots(SCHEDULE, examples.slot(start=start))).arguments["slot"][0]["od"]
    read = datetime.fromisoformat(sent)
    assert read.astimezone(UTC) == start.astimezone(UTC)
    assert read.utcoffset() in {timedelta(hours=1), timedelta(hours=2)}


def test_an_instant_without_a_zone_is_refused() -> None:
    """Nobody knows when it is."""
    naive = replace(SLOT, start=SLOT.start.replace(tzinfo=None))
    with pytest.raises(ValueError, match="zone"):
        encode(examples.slots(SCHEDULE, naive))


def test_a_foreign_document_names_its_country() -> None:
    """A woman without a PESEL is identified by a document."""
    patient = replace(VISIT.patient, identifier=PersonId("2.16.840.1.113883.4.330.276", "X123", "DE"))
    sent = encode(replace(VISIT, patient=patient)).arguments["wizyta"]["pacjent"]
    assert sent["identyfikator"] == {"extension": "X123", "root": "2.16.840.1.113883.4.330.276"}
    assert sent["krajDokumentu"] == "DE"


def test_no_repr_shows_a_woman() -> None:
    """Logs and tracebacks print reprs."""
    shown = [VISIT, VISIT.patient, VISIT.patient.identifier, encode(VISIT), [VISIT], {"visit": VISIT}]
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
