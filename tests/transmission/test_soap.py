"""The gateway over real HTTP: every way a call can end has its outcome, and no way raises."""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from mobile_units.config import CONTRACT
from mobile_units.rules.transmissions import MessageKind
from mobile_units.sandbox.server import SandboxServer
from mobile_units.transmission import answers
from mobile_units.transmission.dialect import DEFAULT
from mobile_units.transmission.gateway import (
    AlreadyDelivered,
    Delivered,
    Halted,
    Outcome,
    OutcomeUnknown,
    Presence,
    Rejected,
    Retryable,
)
from mobile_units.transmission.messages import personal_values
from mobile_units.transmission.soap import ContractError
from tests.transmission import examples
from tests.transmission.raw_server import http, raw_server
from tests.transmission.test_answers import envelope, fault

SUCCESS = envelope("<r><wynik><major>x:Sukces</major></wynik></r>").decode()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxServer]:
    """A running central system without memories."""
    with SandboxServer(tmp_path / "state.db") as server:
        yield server


def outcome_of(answer: bytes) -> Outcome:
    """What the gateway makes of the bytes of an HTTP answer."""
    with raw_server(answer) as server:
        return examples.gateway(server.address).send(examples.visit(examples.new_id()))


def test_a_message_is_delivered_once(sandbox: SandboxServer) -> None:
    """The second time it is known, and so it is to a lookup."""
    gateway, message = examples.gateway(sandbox.address), examples.service_place()
    assert gateway.lookup(message) is Presence.ABSENT
    assert gateway.send(message) == Delivered()
    assert gateway.send(message) == AlreadyDelivered()
    assert gateway.lookup(message) is Presence.PRESENT
    assert sandbox.state.counts()["messages"] == 1


def test_a_broken_rule_is_named(sandbox: SandboxServer) -> None:
    """A person is told the rule; the message stays unknown to the central system and can be sent again."""
    gateway, message = examples.gateway(sandbox.address), examples.activation()
    outcome = gateway.send(message)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.rule) == ("BladWeryfikacjiRegul", "REG.WER.1")
    assert gateway.lookup(message) is Presence.ABSENT


def test_a_value_that_the_schema_refuses_goes_to_a_person(sandbox: SandboxServer) -> None:
    """The fault comes with its event and without the value."""
    outcome = examples.gateway(sandbox.address).send(replace(examples.service_place(), nfz_branch="17"))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "niepoprawnyKomunikat"
    assert outcome.event_uuid
    assert "17" not in outcome.description.replace(outcome.event_uuid, "")


def test_a_missing_value_never_leaves(sandbox: SandboxServer) -> None:
    """The contract says what it requires, so nobody else has to be asked."""
    broken = replace(examples.service_place(), name=None)  # type: ignore[arg-type]  # the point of the test
    outcome = examples.gateway(sandbox.address).send(broken)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "contract_mismatch"
    assert "nazwa" in outcome.description


def test_calls_share_one_connection(sandbox: SandboxServer) -> None:
    """A handshake for each of ten thousand visits would be waste."""
    gateway = examples.gateway(sandbox.address)
    for _ in range(5):
        gateway.send(examples.service_place())
    assert len(sandbox._http._open) == 1


def test_the_polish_letter_is_sent_as_utf_8() -> None:
    """The HTTP library alone would refuse to send such a SOAPAction."""
    with raw_server(http(200, SUCCESS)) as server:
        outcome = examples.gateway(server.address).send(examples.mobile_point(examples.new_id()))
    assert outcome == Delivered()
    assert 'SOAPAction: "urn:importujMobilnePunktyObsługi"'.encode() in server.received[0]


def test_the_call_context_is_sent_in_the_dialect_that_was_set() -> None:
    """The prefix of the attributes is a setting."""
    context = replace(examples.CONTEXT, prefix="urn:csioz:p1:erecepta:kontekst:")
    with raw_server(http(200, SUCCESS)) as server:
        examples.gateway(server.address, context=context).send(examples.activation())
    sent = server.received[0].decode()
    assert 'nazwa="urn:csioz:p1:erecepta:kontekst:idPodmiotuOidExt"' in sent
    assert 'xmlns:ns0="http://csioz.gov.pl/p1/kontekst/mt/v20180509"' in sent
    assert examples.CONTEXT.role in sent


def test_nobody_listening_means_try_again() -> None:
    """Nothing was sent, so nothing can have happened."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = examples.gateway(f"http://127.0.0.1:{port}/services").send(examples.activation())
    assert isinstance(outcome, Retryable)


def test_a_connection_that_is_not_taken_means_try_again() -> None:
    """A host that drops packets looks like this; the queue of the listener is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        gateway = examples.gateway(f"http://127.0.0.1:{listener.getsockname()[1]}/", connect_seconds=0.3)
        assert gateway.send(examples.activation()) == Retryable(reason="ConnectTimeout")


def test_a_name_that_does_not_resolve_means_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network was never reached."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert isinstance(examples.gateway("http://cer.invalid/services").send(examples.activation()), Retryable)


def test_silence_means_that_the_outcome_is_unknown() -> None:
    """And the caller is not kept waiting longer than it allowed."""
    with raw_server(silent=True) as server:
        gateway = examples.gateway(server.address, read_seconds=0.3)
        started = time.monotonic()
        assert gateway.send(examples.activation()) == OutcomeUnknown(reason="ReadTimeout")
        assert time.monotonic() - started < 2
        assert server.received


def test_an_answer_that_drips_is_not_waited_for() -> None:
    """Each byte comes in time, the answer never does."""
    with raw_server(http(200, SUCCESS, length=100_000), drip=True) as server:
        gateway = examples.gateway(server.address, read_seconds=0.3)
        started = time.monotonic()
        assert gateway.send(examples.activation()) == OutcomeUnknown(reason="ReadTimeout")
        assert time.monotonic() - started < 2


def test_silence_leaves_a_lookup_unanswered() -> None:
    """It has to be asked again."""
    with raw_server(silent=True) as server:
        gateway = examples.gateway(server.address, read_seconds=0.3)
        assert gateway.lookup(examples.activation()) is Presence.UNANSWERED


def test_a_fault_leaves_a_lookup_unanswered() -> None:
    """It says nothing about the message."""
    with raw_server(http(500, fault("chwilowo").decode())) as server:
        assert examples.gateway(server.address).lookup(examples.activation()) is Presence.UNANSWERED


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nConte",
        http(200, ""),
        http(200, SUCCESS, length=5000),
        http(200, SUCCESS[:-10]),
        http(200, "<html>OK</html>"),
        http(200, SUCCESS.replace("schemas.xmlsoap.org", "example.invalid")),
        http(200, '<!DOCTYPE x [<!ENTITY a "b">]>' + SUCCESS),
        http(500, "Internal Server Error"),
        http(502, ""),
        http(504, "<html>Gateway Timeout</html>"),
    ],
)
def test_an_answer_that_proves_nothing_leaves_the_outcome_unknown(answer: bytes) -> None:
    """Cut off, empty, truncated, foreign, explosive, or spoken by a proxy that may have passed the request on."""
    assert isinstance(outcome_of(answer), OutcomeUnknown)


def test_an_endless_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded."""
    monkeypatch.setattr("mobile_units.transmission.transport.MAX_BYTES", 1000)
    assert answers.MAX_BYTES > 1000
    assert isinstance(outcome_of(http(200, SUCCESS + " " * 2000)), OutcomeUnknown)


@pytest.mark.parametrize(
    ("status", "expected"), [(302, Retryable), (401, Halted), (403, Halted), (404, Retryable), (503, Retryable)]
)
def test_an_http_status_that_proves_refusal_is_believed(status: int, expected: type[Outcome]) -> None:
    """The service never saw the message."""
    assert isinstance(outcome_of(http(status, "")), expected)


def test_a_redirect_is_not_followed() -> None:
    """Patients' data go where they were addressed."""
    with raw_server(http(200, SUCCESS)) as other:
        redirect = f"HTTP/1.1 307 X\r\nLocation: {other.address}\r\nContent-Length: 0\r\n\r\n"
        assert isinstance(outcome_of(redirect.encode()), Retryable)
        assert not other.received


def test_the_shell_has_no_say_in_where_calls_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is an answer asked for that would have to be unpacked."""
    with raw_server(http(200, SUCCESS)) as server, raw_server() as proxy:
        monkeypatch.setenv("http_proxy", proxy.address)
        monkeypatch.delenv("no_proxy", raising=False)
        assert examples.gateway(server.address).send(examples.activation()) == Delivered()
    assert b"Accept-Encoding: identity" in server.received[0]


def test_a_fault_is_read_with_any_http_status() -> None:
    """Its code, not the status, says what to do."""
    expected = Retryable(reason="chwilowo", code="bladZapisu")
    assert outcome_of(http(500, fault("chwilowo").decode())) == expected
    assert outcome_of(http(200, fault("chwilowo").decode())) == expected


def test_no_outcome_and_no_log_shows_a_woman(caplog: pytest.LogCaptureFixture, sandbox: SandboxServer) -> None:
    """Not even if the central system repeats what it was sent, with every logger at its most talkative."""
    caplog.set_level(logging.DEBUG)
    message = examples.visit(examples.new_id())
    secrets = personal_values(message)
    spoken = http(500, fault("Pacjent: " + ", ".join(secrets) + f" i '{examples.PESEL}'").decode())
    with raw_server(spoken) as server:
        outcomes = [examples.gateway(server.address).send(message)]
    outcomes.append(examples.gateway(sandbox.address).send(message))
    broken = replace(message, patient=replace(message.patient, given_name=None))  # type: ignore[arg-type]  # meant
    outcomes.append(examples.gateway(sandbox.address).send(broken))
    assert [type(outcome) for outcome in outcomes] == [Retryable, Rejected, Rejected]
    shown = caplog.text + repr(outcomes)
    assert not [secret for secret in secrets if secret in shown]


def test_a_contract_without_polish_letters_will_do(tmp_path: Path) -> None:
    """Operations are found by their folded names."""
    wsdl = contract_with(tmp_path, "importujMobilnePunktyObsługi", "importujMobilnePunktyObslugi")
    with raw_server(http(200, SUCCESS)) as server:
        outcome = examples.gateway(server.address, wsdl=wsdl).send(examples.mobile_point(examples.new_id()))
    assert outcome == Delivered()
    assert b'"urn:importujMobilnePunktyObslugi"' in server.received[0]


def test_an_operation_may_have_another_name(tmp_path: Path) -> None:
    """The real contract may call it differently."""
    wsdl = contract_with(tmp_path, "zapiszWizyte", "umowWizyte")
    with pytest.raises(ContractError, match="zapiszWizyte"):
        examples.gateway("http://127.0.0.1:9/", wsdl=wsdl)
    dialect = replace(DEFAULT, operations={**DEFAULT.operations, MessageKind.SAVE_VISIT: "umówWizytę"})
    with raw_server(http(200, SUCCESS)) as server:
        gateway = examples.gateway(server.address, wsdl=wsdl, dialect=dialect)
        assert gateway.send(examples.visit(examples.new_id())) == Delivered()


def test_a_contract_without_a_lookup_will_do(tmp_path: Path) -> None:
    """Then a message of unknown outcome is sent again."""
    gateway = examples.gateway("http://127.0.0.1:9/", wsdl=contract_with(tmp_path, "pobierzStanKomunikatu", "inna"))
    assert gateway.lookup(examples.activation()) is Presence.UNSUPPORTED
    unasked = examples.gateway("http://127.0.0.1:9/", dialect=replace(DEFAULT, lookup=None))
    assert unasked.lookup(examples.activation()) is Presence.UNSUPPORTED


def test_codes_of_answers_are_those_of_the_dialect() -> None:
    """Neither the states that a lookup tells nor the code of a repeated message is named in any public source."""
    states = {Presence.PRESENT: "JEST", Presence.ABSENT: "NIE_MA"}
    dialect = replace(DEFAULT, duplicate="JuzByl", message_states=states)
    answers = {
        "<wynik><major>x:JuzByl</major></wynik>": (AlreadyDelivered(), Presence.UNANSWERED),
        "<wynik><major>x:Sukces</major></wynik><stanKomunikatu>JEST</stanKomunikatu>": (Delivered(), Presence.PRESENT),
        "<wynik><major>x:Sukces</major></wynik><stanKomunikatu>PRZYJETY</stanKomunikatu>": (
            Delivered(),
            Presence.UNANSWERED,
        ),
    }
    for content, expected in answers.items():
        with raw_server(http(200, envelope(f"<r>{content}</r>").decode())) as server:
            gateway = examples.gateway(server.address, dialect=dialect)
            assert (gateway.send(examples.activation()), gateway.lookup(examples.activation())) == expected


def test_an_unknown_dialect_of_the_context_is_found_at_the_start() -> None:
    """Before a message is lost to it."""
    with pytest.raises(ContractError, match="v20170510"):
        examples.gateway("http://127.0.0.1:9/", context=replace(examples.CONTEXT, version="v20170510"))


def contract_with(folder: Path, old: str, new: str) -> Path:
    """A copy of the contract in which an operation is called differently."""
    for source in CONTRACT.parent.glob("*.xsd"):
        (folder / source.name).write_bytes(source.read_bytes())
    text = CONTRACT.read_text(encoding="utf-8").replace(f'"{old}"', f'"{new}"').replace(f'"urn:{old}"', f'"urn:{new}"')
    copy = folder / "cer.wsdl"
    copy.write_text(text, encoding="utf-8")
    return copy
