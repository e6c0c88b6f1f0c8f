"""What comes back is read with suspicion and leaves without personal data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.transmission.answers import MAX_TEXT, UnreadableAnswerError, mask, parse, read, stated
from mobile_units.transmission.gateway import Answer

EVENT = "2b1c0f0e-5d1d-4b39-9a53-2f1f3c3f9b10"


def envelope(content: str, namespace: str = "http://schemas.xmlsoap.org/soap/envelope/") -> bytes:
    """A SOAP envelope with this content."""
    return f'<s:Envelope xmlns:s="{namespace}"><s:Body>{content}</s:Body></s:Envelope>'.encode()


def fault(opis: str, minor: str = "") -> bytes:
    """A fault of P1."""
    return envelope(
        f"<s:Fault><faultcode>s:Server</faultcode><faultstring>blad</faultstring><detail>"
        f'<b:bledyOperacji xmlns:b="x:y">'
        f"<b:blad><b:kodBleduMajor>x:bladZapisu</b:kodBleduMajor>{minor}<b:opis>{opis}</b:opis></b:blad>"
        f"</b:bledyOperacji></detail></s:Fault>"
    )


def test_a_fault_gives_its_codes_its_text_and_its_event() -> None:
    """The most specific code comes first, and the event is kept as evidence."""
    answer = read(parse(fault(f"Zapis nieudany, zdarzenie {EVENT}", "<b:kodBleduMinor>x:m</b:kodBleduMinor>")))
    assert answer == Answer(
        codes=("x:m", "x:bladZapisu", "s:Server"),
        text=f"Zapis nieudany, zdarzenie {EVENT}",
        event_uuid=EVENT,
        fault=True,
    )


def test_a_plain_soap_fault_is_read_too() -> None:
    """Proxies and frameworks send faults without P1's detail."""
    answer = read(parse(envelope("<s:Fault><faultcode>s:Server</faultcode><faultstring>busy</faultstring></s:Fault>")))
    assert answer == Answer(codes=("s:Server",), text="busy", fault=True)


def test_a_fault_of_soap_1_2_is_read_too() -> None:
    """The version of SOAP depends on the service."""
    reason, detail = "<s:Text>busy</s:Text>", "<kodBleduMajor>x:bladZapisu</kodBleduMajor>"
    content = f"<s:Fault><s:Reason>{reason}</s:Reason><s:Detail>{detail}</s:Detail></s:Fault>"
    answer = read(parse(envelope(content, "http://www.w3.org/2003/05/soap-envelope")))
    assert answer == Answer(codes=("x:bladZapisu",), text="busy", fault=True)


def test_a_refusal_names_its_rule() -> None:
    """The rule is what a person needs to correct the message."""
    content = "<r><wynik><major>x:B</major><minor>x:R</minor><komunikat>REG.WER.12: nie ma</komunikat></wynik></r>"
    answer = read(parse(envelope(content)))
    assert answer == Answer(codes=("x:R", "x:B"), text="REG.WER.12: nie ma", rule="REG.WER.12")


def test_a_lookup_states_what_is_known() -> None:
    """The state of a message stands beside the result."""
    assert stated(parse(envelope("<r><wynik/><stanKomunikatu>PRZYJETY</stanKomunikatu></r>"))) == "PRZYJETY"
    assert stated(parse(envelope("<r><wynik/></r>"))) == ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>busy</html>",
        b"\x00\xff",
        envelope("<r><wynik/></r>")[:-4],
        envelope(""),
        envelope("<a/><b/>"),
        envelope("<r/>", namespace="urn:other"),
        b"<a>" * 100_000 + b"</a>" * 100_000,
        b'<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + envelope("<r>&b;</r>"),
        b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd">' + envelope("<r/>"),
    ],
)
def test_anything_else_is_unreadable(content: bytes) -> None:
    """Broken, foreign, bottomless and explosive answers end in one named error."""
    with pytest.raises(UnreadableAnswerError):
        parse(content)


@pytest.mark.parametrize("content", ["<r/>", "<r><wynik/></r>", "<r><wynik><major> </major></wynik></r>"])
def test_an_answer_without_a_result_is_unreadable(content: str) -> None:
    """It proves nothing about the message."""
    element = parse(envelope(content))
    with pytest.raises(UnreadableAnswerError):
        read(element)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("PESEL 99999999999 jest zły", "PESEL *** jest zły"),
        ("PESEL99999999999", "PESEL***"),
        ("księga 000000999999", "księga 000000999999"),
        ("nazwisko 'Niebyła' i \"Fikcja\"", "nazwisko '***' i '***'"),
        ("imię „Fikcja” za długie", "imię '***' za długie"),
        ("pani niebyła-zmyślona", "pani ***"),
        ("urodzona 1970-01-01", "urodzona ***"),
    ],
)
def test_personal_data_is_masked(text: str, masked: str) -> None:
    """Numbers of eleven digits, whatever is quoted, and the values that were sent."""
    assert mask(text, ("Niebyła-Zmyślona", "1970-01-01")) == masked


@given(st.text(max_size=40), st.from_regex(r"\A[0-9]{11}\Z"), st.text(max_size=40))
def test_no_pesel_survives(before: str, pesel: str, after: str) -> None:
    """Wherever it stands in a text, unless it is part of a longer number."""
    masked = mask(f"{before} {pesel} {after}")
    assert f" {pesel} " not in f" {masked} "


def test_a_masked_text_is_short() -> None:
    """A page of text helps nobody."""
    assert len(mask("x" * 100_000)) == MAX_TEXT
