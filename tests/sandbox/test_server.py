"""The sandbox as a server: what it refuses before any rule, what it shows, and what it remembers."""

import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from lxml import etree

from mobile_units.sandbox import contract
from mobile_units.sandbox.operations import OPERATIONS
from mobile_units.sandbox.server import MAX_BYTES, SandboxServer
from mobile_units.transmission.gateway import AlreadyDelivered, Delivered, OutcomeUnknown, Retryable
from tests.transmission import examples

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WS = "http://csioz.gov.pl/p1/cer/ws/v0"
MT = "http://csioz.gov.pl/p1/cer/mt/v0"
COMMON = "http://csioz.gov.pl/p1/wspolne/mt/v0"
CONTEXT = "http://csioz.gov.pl/p1/kontekst/mt/v20180509"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SandboxServer]:
    """A central system without memories."""
    with SandboxServer(tmp_path / "state.db") as server:
        yield server


def identifier(name: str, value: str, root: str = "2.16.1") -> str:
    """An identifier as the contract writes it."""
    return f'<{name}><extension xmlns="{COMMON}">{value}</extension><root xmlns="{COMMON}">{root}</root></{name}>'


def header(without: str = "") -> str:
    """The call context, lacking one attribute if asked to."""
    names = [
        each["nazwa"] for each in examples.CONTEXT.attributes() if not (without and each["nazwa"].endswith(without))
    ]
    inside = "".join(f'<atrybut nazwa="{name}"><wartosc>x</wartosc></atrybut>' for name in names)
    return f'<kontekstWywolania xmlns="{CONTEXT}">{inside}</kontekstWywolania>'


def body(operation: str, content: str) -> str:
    """A request of the contract."""
    return f'<w:{operation}Req xmlns:w="{WS}">{content}</w:{operation}Req>'


def post(
    server: SandboxServer, content: str, context: str | None = None, action: str = "aktywujMus"
) -> requests.Response:
    """Sends an envelope that no client of ours would make."""
    context = header() if context is None else context
    envelope = f'<s:Envelope xmlns:s="{SOAP}"><s:Header>{context}</s:Header><s:Body>{content}</s:Body></s:Envelope>'
    return raw(server, envelope, action)


def raw(server: SandboxServer, text: str, action: str = "aktywujMus") -> requests.Response:
    """Sends any text."""
    headers = {"SOAPAction": f'"urn:{action}"'.encode()}
    return requests.post(server.address, data=text.encode(), headers=headers, timeout=5)


def codes(response: requests.Response) -> list[str]:
    """The last segments of the codes in an answer."""
    tree = etree.fromstring(response.content)
    found = (element for name in ("major", "minor", "kodBleduMajor") for element in tree.iterfind(f".//{{*}}{name}"))
    return [(element.text or "").rpartition(":")[2] for element in found]


ACTIVATION = body("aktywujMus", identifier("identyfikatorKomunikatu", "m") + identifier("identyfikatorMus", "p"))


def test_every_operation_of_the_contract_is_carried_out() -> None:
    """And nothing else."""
    assert {operation.name for operation in contract.load().operations.values()} == set(OPERATIONS)


def test_the_flag_of_a_mobile_point_needs_the_point(server: SandboxServer) -> None:
    """And the point needs the flag; our own client cannot make either mistake."""
    examples.gateway(server.address).send(examples.service_place())
    place = identifier("identyfikatorMus", examples.PLACE.extension, examples.PLACE.root)
    rest = (
        "<kodZakresu>10.7940.159.02</kodZakresu><numerUmowy>1</numerUmowy><oddzialNfz>05</oddzialNfz>"
        "<obowiazujeOd>2026-09-01</obowiazujeOd><obowiazujeDo>2026-09-01</obowiazujeDo>"
        "<czasPracy><od>2026-09-01T08:00:00Z</od><do>2026-09-01T09:00:00Z</do></czasPracy>"
    )
    point = identifier("identyfikatorMobilnegoPunktuObslugi", "x")
    for flag, given in (("true", ""), ("false", point)):
        schedule = f"{identifier('identyfikator', 's')}{place}<mobilnyPunktObslugi>{flag}</mobilnyPunktObslugi>{given}"
        content = f'<harmonogram xmlns="">{qualified(schedule + rest)}</harmonogram>'
        response = post(
            server,
            body("zapiszHarmonogram", identifier("identyfikatorKomunikatu", "m") + content),
            action="zapiszHarmonogram",
        )
        assert "REG.WER.2:" in response.text
        assert codes(response) == ["BladWeryfikacjiDokumentu", "BladWeryfikacjiRegul"]


def qualified(content: str) -> str:
    """Puts elements without a namespace into that of the contract's types."""
    root = etree.fromstring(f"<r>{content}</r>")
    for element in root.iterdescendants():
        if etree.QName(element).namespace is None:
            element.tag = f"{{{MT}}}{element.tag}"
    return "".join(etree.tostring(child).decode() for child in root)


def test_a_visit_can_be_fetched_as_it_stands(server: SandboxServer) -> None:
    """With its last status, valid by the contract."""
    gateway = examples.gateway(server.address)
    schedule, slot = examples.new_id(), examples.slot()
    visit = examples.visit(slot.identifier)
    for message in (
        examples.service_place(),
        examples.schedule(schedule, None),
        examples.slots(schedule, slot),
        examples.activation(),
        visit,
        examples.cancellation(visit.identifier),
        examples.cancellation(visit.identifier),
    ):
        assert gateway.send(message) == Delivered()
    wanted = identifier("identyfikatorWizyty", visit.identifier.extension, visit.identifier.root)
    response = post(server, body("pobierzWizyte", wanted), action="pobierzWizyte")
    answer = etree.fromstring(response.content)[0][0]
    assert response.status_code == 200
    assert contract.load().schema.validate(answer)
    assert answer.findtext(".//{*}status") == "ODWOLANA"
    assert [each.text for each in answer.iterfind(".//{*}odwolanaPrzez")] == ["PACJENT"]
    assert answer.findtext(".//{*}nazwisko") == examples.FAMILY_NAME


def test_every_answer_is_valid_by_the_contract(server: SandboxServer) -> None:
    """Success, refusal and fault alike; the client that believes the contract is not surprised."""
    refusal = etree.fromstring(post(server, ACTIVATION).content)[0][0]
    assert contract.load().schema.validate(refusal)
    fault = etree.fromstring(post(server, ACTIVATION, context="").content)
    detail = fault.find(f".//{{{COMMON}}}bledyOperacji")
    assert detail is not None
    assert contract.load().schema.validate(detail)


@pytest.mark.parametrize("lacking", [each["nazwa"].rpartition(":")[2] for each in examples.CONTEXT.attributes()])
def test_a_call_must_say_on_whose_behalf_it_is_made(server: SandboxServer, lacking: str) -> None:
    """Each attribute of the context is needed."""
    response = post(server, ACTIVATION, header(without=lacking))
    assert (response.status_code, codes(response)) == (500, ["bladKontekstu"])
    assert lacking in response.text


def test_a_call_without_a_context_is_refused(server: SandboxServer) -> None:
    """As is one with a header of another kind."""
    assert codes(post(server, ACTIVATION, "")) == ["bladKontekstu"]
    assert codes(post(server, ACTIVATION, header().replace(CONTEXT, "urn:other"))) == ["bladKontekstu"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no xml",
        "<a/>",
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body/></s:Envelope>',
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><unknown/></s:Body></s:Envelope>',
    ],
)
def test_what_is_no_request_is_refused(server: SandboxServer, text: str) -> None:
    """With a fault, never by breaking off."""
    response = raw(server, text)
    assert (response.status_code, codes(response)) == (500, ["niepoprawnyKomunikat"])


def test_a_document_type_is_refused(server: SandboxServer) -> None:
    """Even on a request that is valid otherwise."""
    envelope = f'<s:Envelope xmlns:s="{SOAP}"><s:Header>{header()}</s:Header><s:Body>{ACTIVATION}</s:Body></s:Envelope>'
    assert codes(raw(server, envelope)) == ["BladWeryfikacjiDokumentu", "BladWeryfikacjiRegul"]
    assert codes(raw(server, f"<!DOCTYPE x>{envelope}")) == ["niepoprawnyKomunikat"]


def test_entities_are_never_expanded(server: SandboxServer) -> None:
    """A request of a few hundred bytes cannot become gigabytes, nor read a file."""
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    declared = f'<!DOCTYPE x [<!ENTITY e0 "lol">{bomb}<!ENTITY file SYSTEM "file:///etc/passwd">]>'
    for entity in ("&e9;", "&file;"):
        envelope = f'{declared}<s:Envelope xmlns:s="{SOAP}"><s:Body><a>{entity}</a></s:Body></s:Envelope>'
        response = raw(server, envelope)
        assert codes(response) == ["niepoprawnyKomunikat"]
        assert "root" not in response.text.replace("root>", "")


def test_the_action_must_fit_the_request(server: SandboxServer) -> None:
    """As a real service dispatches by it."""
    assert codes(post(server, ACTIVATION, action="zapiszSloty")) == ["niepoprawnyKomunikat"]


def test_a_schema_fault_names_the_place_and_not_the_value(server: SandboxServer) -> None:
    """What is wrong may be a PESEL."""
    response = post(server, ACTIVATION.replace("2.16.1<", f"{examples.PESEL}<"))
    assert codes(response) == ["niepoprawnyKomunikat"]
    assert "identyfikatorMus" in response.text
    assert examples.PESEL not in response.text


def test_an_instant_without_an_offset_is_refused(server: SandboxServer) -> None:
    """Nobody knows when it is."""
    slot = (
        identifier("identyfikator", "x")
        + "<od>2026-09-01T08:00:00</od><do>2026-09-01T08:08:00Z</do><liczbaMiejsc>1</liczbaMiejsc>"
        + "<rodzaj>PROCEDURA_DOMYSLNA</rodzaj>"
    )
    message = identifier("identyfikatorKomunikatu", "m") + identifier("identyfikatorHarmonogramu", "h")
    content = body("zapiszSloty", f"{message}<slot>{qualified(slot)}</slot>")
    response = post(server, content, action="zapiszSloty")
    assert codes(response) == ["niepoprawnyKomunikat"]
    assert "od" in response.text
    response = post(server, content.replace("T08:00:00<", "T08:00:00Z<"), action="zapiszSloty")
    assert "REG.WER.5:" in response.text


def test_a_request_that_is_too_long_is_not_read(server: SandboxServer) -> None:
    """Nor one that does not say how long it is, nor one to another path."""
    connection = requests.Session()
    prepared = requests.Request("POST", server.address, data=b"x").prepare()
    prepared.headers["Content-Length"] = str(MAX_BYTES + 1)
    assert connection.send(prepared, timeout=5).status_code == 413
    assert requests.post(server.address, data=iter([b"x"]), timeout=5).status_code == 411
    assert requests.post(server.address.replace("services", "other"), data=b"x", timeout=5).status_code == 404
    connection.close()


def test_the_pages_show_counts_and_no_person(server: SandboxServer) -> None:
    """For a developer and for a test."""
    origin = server.address.removesuffix("/services")
    examples.gateway(server.address).send(examples.service_place())
    counts = requests.get(f"{origin}/state", timeout=5).json()
    assert counts == server.state.counts()
    assert (counts["service_places"], counts["messages"]) == (1, 1)
    assert requests.get(f"{origin}/", timeout=5).json()["counts"] == counts
    assert requests.get(f"{origin}/healthz", timeout=5).json() == {"status": "ok"}
    assert requests.get(f"{origin}/other", timeout=5).status_code == 404


def test_a_failing_store_is_a_fault_of_the_server(server: SandboxServer) -> None:
    """And says so, so that the client tries again."""
    server.state.close()
    assert codes(post(server, ACTIVATION)) == ["bladZapisu"]


def test_the_log_tells_what_was_done_and_not_to_whom(server: SandboxServer, caplog: pytest.LogCaptureFixture) -> None:
    """Operations and rules, never a body."""
    caplog.set_level(logging.DEBUG)
    examples.gateway(server.address).send(examples.visit(examples.new_id()))
    assert "refused zapiszWizyte" in caplog.text
    assert examples.PESEL not in caplog.text
    assert examples.FAMILY_NAME not in caplog.text


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    """The file is the memory, and only its owner can read it."""
    file, message = tmp_path / "state.db", examples.service_place()
    with SandboxServer(file) as server:
        gateway = examples.gateway(server.address)
        assert gateway.send(message) == Delivered()
    broken_off = "ConnectionError"
    assert gateway.send(examples.activation()) in (Retryable(reason=broken_off), OutcomeUnknown(reason=broken_off))
    assert file.stat().st_mode & 0o077 == 0
    with SandboxServer(file) as server:
        assert examples.gateway(server.address).send(message) == AlreadyDelivered()
        assert server.state.counts()["service_places"] == 1


@pytest.mark.processes
def test_a_killed_sandbox_forgets_nothing(tmp_path: Path) -> None:
    """What was acknowledged before kill -9 is there afterwards."""
    file, messages = tmp_path / "state.db", [examples.service_place() for _ in range(50)]
    with running(file) as (process, address):
        gateway = examples.gateway(address)
        assert {gateway.send(message) for message in messages} == {Delivered()}
        process.send_signal(signal.SIGKILL)
        process.wait(5)
        assert isinstance(gateway.send(examples.activation()), Retryable | OutcomeUnknown)
    with running(file) as (_, address):
        gateway = examples.gateway(address)
        assert {gateway.send(message) for message in messages} == {AlreadyDelivered()}


PROGRAM = """
import sys
from pathlib import Path
from mobile_units.sandbox.server import serve
serve("127.0.0.1", int(sys.argv[1]), Path(sys.argv[2]))
"""


@contextmanager
def running(file: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A sandbox in a process of its own, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(port), str(file)]) as process:
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}/healthz")
            yield process, f"http://127.0.0.1:{port}/services"
        finally:
            process.kill()


def wait_until_healthy(url: str) -> None:
    """Asks until it answers, ten seconds at most."""
    for _ in range(200):
        try:
            requests.get(url, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the sandbox does not answer")
