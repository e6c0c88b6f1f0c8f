"""Every kind of disturbance as a raw client sees it, and what became of its message."""

import http.client
import json
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import pytest
import requests
from lxml import etree

from mobile_units.sandbox.certificates import Certificates
from mobile_units.sandbox.faults import BadDisturbanceError, Disturbance, Disturbances, Kind, read
from mobile_units.sandbox.rules import FAULT_CODES
from mobile_units.sandbox.server import SandboxServer
from tests.sandbox import raw
from tests.sandbox.raw import Caller, Place


@pytest.fixture(params=["plain", "secured"])
def caller(request: pytest.FixtureRequest) -> Caller:
    """A caller of either kind of sandbox."""
    caller: Caller = request.getfixturevalue({"plain": "cer", "secured": "signing"}[request.param])
    return caller


@pytest.fixture
def sandbox(request: pytest.FixtureRequest, caller: Caller) -> SandboxServer:
    """The sandbox that the caller calls."""
    secure = caller.signer is not None
    server: SandboxServer = request.getfixturevalue("secured" if secure else "server")
    return server


def disturb(sandbox: SandboxServer, **fields: object) -> None:
    """Switches one disturbance on, over HTTP, for one call unless told otherwise."""
    wanted = {"remaining": 1, **fields}
    assert requests.post(f"{sandbox.page_address}/faults", json=wanted, timeout=5).status_code == 200


def registered(sandbox: SandboxServer) -> bool:
    """Whether the registration was carried out."""
    return bool(sandbox.state.counts()["service_places"])


def then_it_works(caller: Caller, content: str, code: str) -> None:
    """After the disturbance the same message is answered as it should be."""
    assert caller.send(content).code == code


@pytest.mark.parametrize("code", [*FAULT_CODES, "zmyslonyKod"])
def test_every_fault_can_be_had(sandbox: SandboxServer, caller: Caller, code: str) -> None:
    """As P1 says it, with an event; the message was not carried out."""
    content = Place().registration()
    disturb(sandbox, kind="fault", code=code)
    answer = caller.send(content)
    assert (answer.status, answer.code) == (500, code)
    assert "Zdarzenie: " in answer.texts("opis")[0]
    assert not registered(sandbox)
    then_it_works(caller, content, "Sukces")


def test_a_delay_takes_its_time(sandbox: SandboxServer, caller: Caller) -> None:
    """And nothing else changes."""
    disturb(sandbox, kind="delay", seconds=0.3)
    began = time.monotonic()
    caller.accepted(Place().registration())
    assert time.monotonic() - began >= 0.3


def test_a_client_that_gives_up_waiting_does_not_undo_its_message(sandbox: SandboxServer, caller: Caller) -> None:
    """It is carried out all the same."""
    content = Place().registration()
    disturb(sandbox, kind="delay", seconds=0.4)
    headers = {"SOAPAction": '"urn:zapiszDaneMus"'}
    with pytest.raises(requests.Timeout):
        caller.session.post(caller.address, data=caller.envelope(content), headers=headers, timeout=0.1)
    time.sleep(0.6)
    assert registered(sandbox)
    then_it_works(caller, content, "DuplikatKomunikatu")


@pytest.mark.parametrize(("kind", "done"), [("reset_before", False), ("reset_after", True)])
def test_a_connection_is_reset(sandbox: SandboxServer, caller: Caller, kind: str, done: bool) -> None:
    """Before or after the message is carried out; the client cannot tell."""
    content = Place().registration()
    disturb(sandbox, kind=kind)
    with pytest.raises(requests.ConnectionError):
        caller.send(content)
    assert registered(sandbox) == done
    then_it_works(caller, content, "DuplikatKomunikatu" if done else "Sukces")


def test_an_error_without_soap(sandbox: SandboxServer, caller: Caller) -> None:
    """As of a machine in between; the message was not carried out."""
    content = Place().registration()
    disturb(sandbox, kind="http_500")
    answer = caller.send(content)
    assert answer.status == 500
    assert b"<html>" in answer.content
    assert b"nvelope" not in answer.content
    assert not registered(sandbox)
    then_it_works(caller, content, "Sukces")


def test_a_malformed_answer(sandbox: SandboxServer, caller: Caller) -> None:
    """The whole of it comes and is no XML; the message was carried out."""
    content = Place().registration()
    disturb(sandbox, kind="malformed")
    answer = caller.send(content)
    assert answer.status == 200
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(answer.content)
    assert registered(sandbox)
    then_it_works(caller, content, "DuplikatKomunikatu")


def test_a_truncated_answer(sandbox: SandboxServer, caller: Caller) -> None:
    """Less comes than was announced; the message was carried out."""
    content = Place().registration()
    disturb(sandbox, kind="truncated")
    with pytest.raises(requests.RequestException) as caught:
        caller.send(content)
    assert "IncompleteRead" in repr(caught.value) or "EOF" in repr(caught.value)
    assert registered(sandbox)
    then_it_works(caller, content, "DuplikatKomunikatu")


def test_a_message_called_a_duplicate_is_carried_out(sandbox: SandboxServer, caller: Caller) -> None:
    """The first time already."""
    content = Place().registration()
    disturb(sandbox, kind="duplicate")
    assert caller.send(content).code == "DuplikatKomunikatu"
    assert registered(sandbox)


def test_a_refused_message_is_never_called_a_duplicate(sandbox: SandboxServer, caller: Caller) -> None:
    """Whoever believes the answer loses nothing; a question cannot be one, nor can a load."""
    place = Place()
    disturb(sandbox, kind="duplicate", remaining=4)
    assert caller.send(place.activation()).code == "BladWeryfikacjiRegul"
    assert caller.send(raw.fetching("none")).code == "BladWeryfikacjiRegul"
    assert caller.send(raw.asking_for_changes()).code == "Sukces"
    assert caller.send(raw.loading(raw.visit("v", "none"))).code == "Sukces"


@pytest.mark.parametrize("seconds", [-400, 400])
def test_a_wrong_clock(sandbox: SandboxServer, caller: Caller, seconds: float) -> None:
    """Off by more than a request lives, it finds every request too old or too new."""
    content = Place().registration()
    disturb(sandbox, kind="clock_skew", seconds=seconds)
    assert caller.send(content).code == "przekroczonyCzas"
    assert not registered(sandbox)
    then_it_works(caller, content, "Sukces")


def test_connections_are_refused_for_a_time(sandbox: SandboxServer, caller: Caller) -> None:
    """Nobody listens; then all is as before."""
    content = Place().registration()
    disturb(sandbox, kind="refuse", seconds=0.6)
    port = urlsplit(sandbox.address).port or 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=2)
    with pytest.raises(requests.ConnectionError):
        caller.send(content)
    assert not registered(sandbox)
    time.sleep(0.9)
    then_it_works(caller, content, "Sukces")


def test_a_share_of_the_calls_can_be_refused(sandbox: SandboxServer, caller: Caller) -> None:
    """The call that is struck is reset, and those that follow find nobody."""
    content = Place().registration()
    disturb(sandbox, kind="refuse", seconds=0.5, operation="zapiszDaneMus")
    assert caller.send(raw.asking_for_changes()).code == "Sukces"
    with pytest.raises(requests.ConnectionError):
        caller.send(content)
    with pytest.raises(requests.ConnectionError):
        caller.send(raw.asking_for_changes())
    assert not registered(sandbox)
    time.sleep(0.8)
    then_it_works(caller, content, "Sukces")


def test_a_reset_is_a_reset(server: SandboxServer) -> None:
    """Not an orderly end: the client's socket is told ECONNRESET."""
    disturb(server, kind="reset_before")
    address = urlsplit(server.address)
    with closing(http.client.HTTPConnection(address.netloc, timeout=5)) as connection:
        connection.request("POST", address.path, b"<a/>")
        with pytest.raises(ConnectionResetError):
            connection.getresponse()


def test_an_operation_can_be_disturbed_alone(cer: Caller, server: SandboxServer) -> None:
    """The others go on, also if the name has Polish letters."""
    place = Place()
    disturb(server, kind="http_500", operation="importujMobilnePunktyObsługi")
    cer.accepted(place.registration())
    assert cer.send(place.mobile_point()).status == 500
    cer.accepted(place.mobile_point())


def test_a_seed_makes_chance_repeat_itself(server: SandboxServer) -> None:
    """The same calls are disturbed; about as many as the share says."""

    def struck(seed: int) -> list[bool]:
        disturbances = Disturbances()
        disturbances.switch_on(Disturbance(kind=Kind.HTTP_500, share=0.3, seed=seed))
        return [disturbances.draw("zapiszWizyte")[1] is not None for _ in range(1000)]

    assert struck(1) == struck(1) != struck(2)
    assert 250 < sum(struck(1)) < 350


def test_the_first_that_strikes_counts_and_delays_add_up() -> None:
    """One call is not answered in two ways; what does not strike is not used up."""
    disturbances = Disturbances()
    first, second = (Disturbance(kind=kind, remaining=1) for kind in (Kind.HTTP_500, Kind.MALFORMED))
    disturbances.switch_on(*(Disturbance(kind=Kind.DELAY, seconds=seconds) for seconds in (1, 2)), first, second)
    assert disturbances.draw(None) == (3, first)
    assert disturbances.draw(None) == (3, second)
    assert disturbances.draw(None) == (3, None)


def test_remaining_is_counted_across_threads(server: SandboxServer) -> None:
    """Ten means ten."""
    disturb(server, kind="http_500", remaining=10)

    def status(_: int) -> int:
        with raw.caller(server.address) as caller:
            return caller.send(raw.asking_for_changes()).status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(status, range(40)))
    assert sorted(statuses) == [200] * 30 + [500] * 10


def test_a_list_replaces_all_and_delete_ends_them(server: SandboxServer) -> None:
    """What is on can be seen."""
    url = f"{server.page_address}/faults"
    disturb(server, kind="http_500", share=0.5)
    disturb(server, kind="delay", seconds=1, operation="zapiszWizyte", seed=7)
    assert [each["kind"] for each in requests.get(url, timeout=5).json()] == ["http_500", "delay"]
    requests.post(url, json=[{"kind": "fault", "code": "bladZapisu", "share": 0.1}], timeout=5)
    assert requests.get(url, timeout=5).json() == [
        {
            "kind": "fault",
            "share": 0.1,
            "operation": None,
            "code": "bladZapisu",
            "seconds": None,
            "remaining": None,
            "seed": None,
        }
    ]
    assert requests.delete(url, timeout=5).json() == []
    assert requests.get(url, timeout=5).json() == []


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        "delay",
        {},
        {"kind": "other"},
        {"kind": "http_500", "unknown": 1},
        {"kind": "http_500", "share": 1.1},
        {"kind": "http_500", "share": -0.1},
        {"kind": "http_500", "share": "1"},
        {"kind": "http_500", "share": True},
        {"kind": "http_500", "remaining": 0},
        {"kind": "http_500", "remaining": 1.5},
        {"kind": "http_500", "seconds": 1},
        {"kind": "http_500", "code": "bladZapisu"},
        {"kind": "http_500", "operation": 1},
        {"kind": "fault"},
        {"kind": "fault", "code": "<b>"},
        {"kind": "delay"},
        {"kind": "delay", "seconds": -1},
        {"kind": "refuse", "seconds": 1e9},
        {"kind": "clock_skew", "seconds": float("nan")},
    ],
    ids=json.dumps,
)
def test_what_is_no_disturbance_is_refused(given: object) -> None:
    """With a word on what is wrong."""
    with pytest.raises(BadDisturbanceError, match=r".{10}"):
        read(given)


def test_a_bad_list_changes_nothing(server: SandboxServer) -> None:
    """All of it or none."""
    url = f"{server.page_address}/faults"
    disturb(server, kind="http_500")
    assert requests.post(url, json=[{"kind": "malformed"}, {"kind": "other"}], timeout=5).status_code == 422
    assert [each["kind"] for each in requests.get(url, timeout=5).json()] == ["http_500"]


def test_a_client_without_tls_does_no_harm(secured: SandboxServer, signing: Caller, certificates: Certificates) -> None:
    """Nor does one that connects and says nothing while others work."""
    port = urlsplit(secured.address).port or 0
    with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as silent:
        signing.accepted(Place().registration())
        silent.sendall(b"POST /services HTTP/1.1\r\n\r\n")
        assert b"HTTP" not in silent.recv(100)
    context = ssl.create_default_context(cafile=str(certificates.ca))
    with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as plain:
        plain.settimeout(5)
        with context.wrap_socket(plain, server_hostname="localhost") as connection, pytest.raises(ssl.SSLError):
            connection.recv(1)
    signing.accepted(raw.asking_for_changes())
