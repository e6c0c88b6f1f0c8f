"""The whole wire: mutual TLS, a signature that the sandbox verifies by itself, and its signed answers."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mobile_units.sandbox import certificates as issuing
from mobile_units.sandbox.certificates import Certificates
from mobile_units.sandbox.server import SandboxServer
from mobile_units.transmission.certificates import Credentials, load_p12, load_pem
from mobile_units.transmission.gateway import AlreadyDelivered, Delivered, Halted, Presence, Rejected, Retryable
from mobile_units.transmission.messages import ChangesPage, ChangesQuery, LoadedVisits
from mobile_units.transmission.security import Signer
from mobile_units.transmission.soap import SoapGateway
from tests.transmission import examples
from tests.transmission.authority import Authority


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The certificates of a sandbox."""
    return issuing.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def sandbox(tmp_path: Path, certificates: Certificates) -> Iterator[SandboxServer]:
    """A central system that lets in only whom it knows."""
    with SandboxServer(tmp_path / "state.db", certificates=certificates) as server:
        yield server


@pytest.fixture(scope="module")
def credentials(certificates: Certificates) -> Credentials:
    """What the sandbox hands out to a client."""
    password = certificates.password_file.read_text()
    return Credentials(
        tls=load_p12(certificates.tls_p12, password),
        signing=load_p12(certificates.wss_p12, password),
        authorities=certificates.ca,
        signers=load_pem(certificates.response_ca),
    )


@pytest.fixture
def gateway(sandbox: SandboxServer, credentials: Credentials) -> SoapGateway:
    """A gateway that the sandbox lets in."""
    return examples.gateway(sandbox.address, credentials=credentials)


def test_a_visit_reaches_the_centre_and_comes_back(gateway: SoapGateway) -> None:
    """From the registration of the place to the page of changes, every message signed and every answer verified."""
    schedule, slot = examples.new_id(), examples.slot()
    visit = examples.visit(slot.identifier)
    for message in (
        examples.service_place(),
        examples.mobile_point(point := examples.new_id()),
        examples.schedule(schedule, point),
        examples.slots(schedule, slot),
        examples.activation(),
        visit,
    ):
        assert gateway.send(message) == Delivered()
    assert isinstance(gateway.send(visit), AlreadyDelivered)
    assert gateway.lookup(visit) is Presence.PRESENT
    page = gateway.changes(ChangesQuery())
    assert isinstance(page, ChangesPage)
    assert [change.visit.identifier for change in page.changes] == [visit.identifier]


def test_an_initial_load_is_accepted_in_part(gateway: SoapGateway) -> None:
    """The visit of an unknown slot is named."""
    schedule, slot = examples.new_id(), examples.slot()
    for message in (
        examples.service_place(),
        examples.mobile_point(point := examples.new_id()),
        examples.schedule(schedule, point),
        examples.slots(schedule, slot),
        examples.activation(),
    ):
        assert gateway.send(message) == Delivered()
    good, lost = examples.visit(slot.identifier), examples.visit(examples.new_id())
    outcome = gateway.send(LoadedVisits(message_id=good.message_id, visits=(good, lost)))
    assert isinstance(outcome, Delivered)
    assert [refused.identifier for refused in outcome.refused] == [lost.identifier]


def test_a_refusal_arrives_with_its_rule(gateway: SoapGateway) -> None:
    """Signed like any other answer."""
    outcome = gateway.send(examples.activation())
    assert isinstance(outcome, Rejected)
    assert outcome.rule == "REG.WER.1"
    assert "[" not in outcome.description


def test_without_a_signature_nobody_is_let_in(sandbox: SandboxServer, credentials: Credentials) -> None:
    """The fault arrives although it is not signed, and stops the sending."""
    outcome = examples.gateway(sandbox.address, credentials=replace(credentials, signing=None)).send(
        examples.activation()
    )
    assert isinstance(outcome, Halted)


def test_a_stranger_is_not_let_in(sandbox: SandboxServer, credentials: Credentials) -> None:
    """Neither by TLS nor by a signature."""
    stranger = Authority("Obcy urząd").issue(3)
    for given in (replace(credentials, tls=stranger), replace(credentials, signing=stranger)):
        assert isinstance(examples.gateway(sandbox.address, credentials=given).send(examples.activation()), Halted)


def test_a_message_that_took_too_long_is_tried_again(gateway: SoapGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or was signed by a clock that is slow."""
    sign = Signer.sign
    monkeypatch.setattr(
        Signer, "sign", lambda signer, envelope, now: sign(signer, envelope, now - timedelta(minutes=10))
    )
    outcome = gateway.send(examples.activation())
    assert isinstance(outcome, Retryable)
    assert outcome.code == "przekroczonyCzas"


def test_calls_share_one_connection(gateway: SoapGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handshake for each of ten thousand visits would take longer than they do."""
    made = []
    wrap = ssl.SSLContext.wrap_socket

    def counting(context: ssl.SSLContext, *given: object, **named: object) -> ssl.SSLSocket:
        if not named.get("server_side"):
            made.append(context)
        return wrap(context, *given, **named)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", counting)
    for _ in range(5):
        gateway.send(examples.service_place())
    assert len(made) == 1
