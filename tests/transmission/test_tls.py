"""Mutual TLS over real sockets: who is let in, who is believed, and what every failure means for the message."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509

from mobile_units.transmission.certificates import Credentials, Identity
from mobile_units.transmission.gateway import Delivered, Halted, Outcome, OutcomeUnknown, Retryable
from mobile_units.transmission.messages import ChangesQuery
from mobile_units.transmission.soap import SoapGateway
from mobile_units.transmission.transport import TLS_REFUSED, TLS_UNTRUSTED
from tests.transmission import examples
from tests.transmission.authority import DAY, Authority, pair_file
from tests.transmission.raw_server import http, raw_server
from tests.transmission.test_answers import envelope

SUCCESS = http(200, envelope("<r><wynik><major>x:Sukces</major></wynik></r>").decode())
AUTHORITY = Authority()
STRANGER = Authority("Obcy urząd")
SERVER = AUTHORITY.issue(1)
CLIENT = AUTHORITY.issue(2)
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def server_context(tmp_path: Path) -> Callable[..., ssl.SSLContext]:
    """A maker of servers that demand a certificate of our authority."""

    def make(identity: Identity = SERVER, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(pair_file(tmp_path / "server.pem", identity))
        context.load_verify_locations(AUTHORITY.pem(tmp_path))
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    return make


@pytest.fixture
def client(tmp_path: Path) -> Callable[..., SoapGateway]:
    """A maker of gateways that trust our authority and show a certificate."""

    def make(address: str, identity: Identity | None = CLIENT) -> SoapGateway:
        credentials = Credentials(tls=identity, authorities=AUTHORITY.pem(tmp_path))
        return examples.gateway(address, credentials=credentials, read_seconds=2.0)

    return make


Servers = Callable[..., ssl.SSLContext]
Clients = Callable[..., SoapGateway]


@pytest.mark.parametrize("version", VERSIONS)
def test_both_sides_show_a_certificate_of_whom_the_other_trusts(
    server_context: Servers, client: Clients, version: ssl.TLSVersion
) -> None:
    """Then the message is delivered."""
    with raw_server(SUCCESS, tls=server_context(version=version)) as server:
        assert client(server.address).send(examples.activation()) == Delivered()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("shown", "alert"),
    [
        (None, "CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE"),
        (STRANGER.issue(2), "UNKNOWN_CA"),
        (AUTHORITY.issue(2, since=-2 * DAY, until=-DAY), "CERTIFICATE_EXPIRED"),
        (AUTHORITY.issue(2, since=DAY, until=2 * DAY), "BAD_CERTIFICATE"),
    ],
    ids=["none", "of a stranger", "expired", "not yet valid"],
)
def test_a_certificate_that_is_not_accepted_stops_all_sending(
    server_context: Servers, client: Clients, shown: Identity | None, alert: str, version: ssl.TLSVersion
) -> None:
    """In TLS 1.3 the request is on its way when the refusal comes, yet it was never read."""
    with raw_server(SUCCESS, tls=server_context(version=version)) as server:
        gateway = client(server.address, shown)
        outcome = gateway.send(examples.activation())
        assert isinstance(outcome, Halted)
        assert outcome.code == TLS_REFUSED
        assert any(name in outcome.reason for name in alert.split("|")), outcome.reason
        assert isinstance(gateway.changes(ChangesQuery()), Halted)
        assert isinstance(gateway.lookup(examples.activation()), Halted)
    assert not server.received


def test_a_refusal_is_heard_while_a_long_request_is_being_written(server_context: Servers, client: Clients) -> None:
    """The server hangs up in the middle of it; what it said before still arrives."""
    schedule = examples.new_id()
    message = examples.slots(schedule, *[examples.slot() for _ in range(3000)])
    with raw_server(SUCCESS, tls=server_context()) as server:
        outcomes = {type(client(server.address, None).send(message)) for _ in range(5)}
    assert outcomes == {Halted}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (STRANGER.issue(1), "issuer"),
        (AUTHORITY.issue(1, since=-2 * DAY, until=-DAY), "expired"),
        (AUTHORITY.issue(1, host=x509.DNSName("cer.example")), "mismatch"),
    ],
    ids=["of a stranger", "expired", "for another host"],
)
def test_a_server_that_is_not_believed_is_told_nothing(
    server_context: Servers, client: Clients, shown: Identity, why: str, version: ssl.TLSVersion
) -> None:
    """No message leaves, and a person has to look."""
    with raw_server(SUCCESS, tls=server_context(shown, version)) as server:
        gateway = client(server.address)
        outcome = gateway.send(examples.visit(examples.new_id()))
    assert isinstance(outcome, Halted)
    assert outcome.code == TLS_UNTRUSTED
    assert why in outcome.reason
    assert gateway.last_sent is None
    assert not server.received


def test_only_the_given_authority_is_trusted(server_context: Servers, client: Clients) -> None:
    """The list of the HTTP library is not added to it by the first call."""
    with raw_server(SUCCESS, tls=server_context()) as server:
        gateway = client(server.address)
        assert gateway.send(examples.activation()) == Delivered()
    adapter: Any = gateway._transport.http.session.get_adapter("https://cer.example")
    assert adapter._context.cert_store_stats()["x509_ca"] == 1


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")  # the very point of the test
def test_an_old_version_of_tls_is_not_spoken(server_context: Servers, client: Clients) -> None:
    """Both sides would have to be changed, so sending stops."""
    context = server_context()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with raw_server(SUCCESS, tls=context) as server:
        outcome = client(server.address).send(examples.activation())
    assert outcome == Halted(code=TLS_REFUSED, reason="SSLError: TLSV1_ALERT_PROTOCOL_VERSION")
    assert not server.received


def answered_by(client: Clients, speak: Callable[[socket.socket], None]) -> Outcome:
    """What becomes of a message when the server does this with the first connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                speak(connection)

        thread = Thread(target=serve)
        thread.start()
        outcome = client(f"https://127.0.0.1:{listener.getsockname()[1]}/").send(examples.activation())
        thread.join(timeout=5)
    return outcome


def test_trouble_before_the_request_is_a_reason_to_try_again(client: Clients) -> None:
    """A server that hangs up, or speaks no TLS, was told nothing."""
    assert isinstance(answered_by(client, lambda connection: connection.close()), Retryable)
    plain = answered_by(client, lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    assert isinstance(plain, Retryable)


def test_a_handshake_that_takes_too_long_is_tried_again(client: Clients) -> None:
    """The request did not leave."""

    def say_nothing(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    assert isinstance(answered_by(client, say_nothing), Retryable)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("answer", [b"", SUCCESS[:60]], ids=["nothing", "half an answer"])
def test_a_connection_that_breaks_after_the_request_leaves_the_outcome_unknown(
    server_context: Servers, client: Clients, version: ssl.TLSVersion, answer: bytes
) -> None:
    """Whether the end is polite or not."""
    with raw_server(answer, tls=server_context(version=version)) as server:
        outcome = client(server.address).send(examples.activation())
    assert isinstance(outcome, OutcomeUnknown)
    assert len(server.received) == 1


def test_silence_after_the_request_leaves_the_outcome_unknown(server_context: Servers, client: Clients) -> None:
    """As without TLS."""
    with raw_server(silent=True, tls=server_context()) as server:
        assert isinstance(client(server.address).send(examples.activation()), OutcomeUnknown)
