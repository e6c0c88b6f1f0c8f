"""The sandbox as a server: what it refuses before any rule, what it shows, and what it remembers."""

import logging
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from mobile_units.sandbox import contract
from mobile_units.sandbox.certificates import make
from mobile_units.sandbox.operations import OPERATIONS
from mobile_units.sandbox.server import MAX_BYTES, SandboxServer, serve
from tests.sandbox import raw
from tests.sandbox.raw import OPENS, SOAP, Answer, Caller, Place

ACTIVATION = Place().activation()


def post(server: SandboxServer, text: str, action: str = "aktywujMus") -> Answer:
    """Sends any text."""
    with raw.caller(server.address) as caller:
        return caller.post(text.encode(), action)


def envelope(content: str, header: str | None = None) -> str:
    """An envelope, by default with a good header."""
    context = raw.header() if header is None else header
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Header>{context}</s:Header><s:Body>{content}</s:Body></s:Envelope>'


def test_every_operation_of_the_contract_is_carried_out() -> None:
    """And nothing else."""
    assert {operation.name for operation in contract.load().operations.values()} == set(OPERATIONS)


def test_a_visit_can_be_fetched_as_it_stands(cer: Caller) -> None:
    """With its last status, valid by the contract."""
    raw.opened(cer)
    cer.accepted(raw.saving(raw.visit("v", "s1", family_name="Niebyła")))
    cer.accepted(raw.cancelling("v", "SWIADCZENIODAWCA"), raw.cancelling("v", "PACJENT"))
    answer = cer.send(raw.fetching("v"))
    assert contract.load().problem(answer.tree) is None
    assert answer.texts("status") == ["ODWOLANA"]
    assert answer.texts("odwolanaPrzez") == ["PACJENT"]
    assert answer.texts("nazwisko") == ["Niebyła"]


def test_every_answer_is_valid_by_the_contract(server: SandboxServer) -> None:
    """Success, refusal and fault alike; the client that believes the contract is not surprised."""
    assert contract.load().problem(post(server, envelope(ACTIVATION)).tree) is None
    fault = post(server, envelope(ACTIVATION, header="")).tree
    detail = fault.find(f".//{{{raw.COMMON}}}bledyOperacji")
    assert detail is not None
    assert contract.load().problem(detail) is None


@pytest.mark.parametrize("lacking", raw.ATTRIBUTES)
def test_a_call_must_say_on_whose_behalf_it_is_made(server: SandboxServer, lacking: str) -> None:
    """Each attribute of the context is needed."""
    answer = post(server, envelope(ACTIVATION, raw.header(without=lacking)))
    assert (answer.status, answer.code) == (500, "bladKontekstu")
    assert lacking in answer.texts("opis")[0]


def test_a_call_without_a_context_is_refused(server: SandboxServer) -> None:
    """As is one with a header of another kind, or two of them."""
    for header in ("", raw.header().replace(raw.CONTEXT, "urn:other"), raw.header() * 2):
        assert post(server, envelope(ACTIVATION, header)).code == "bladKontekstu"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no xml",
        "<a/>",
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body/></s:Envelope>',
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><unknown/></s:Body></s:Envelope>',
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><a/><a/></s:Body></s:Envelope>',
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><a/></s:Body><s:Body/></s:Envelope>',
    ],
)
def test_what_is_no_request_is_refused(server: SandboxServer, text: str) -> None:
    """With a fault, never by breaking off."""
    answer = post(server, text)
    assert (answer.status, answer.code) == (500, "niepoprawnyKomunikat")


def test_a_document_type_is_refused(server: SandboxServer) -> None:
    """Even on a request that is valid otherwise."""
    assert post(server, envelope(ACTIVATION)).code == "BladWeryfikacjiRegul"
    assert post(server, f"<!DOCTYPE x>{envelope(ACTIVATION)}").code == "niepoprawnyKomunikat"


def test_entities_are_never_expanded(server: SandboxServer) -> None:
    """A request of a few hundred bytes cannot become gigabytes, nor read a file."""
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    declared = f'<!DOCTYPE x [<!ENTITY e0 "lol">{bomb}<!ENTITY file SYSTEM "file:///etc/passwd">]>'
    for entity in ("&e9;", "&file;"):
        text = f'{declared}<s:Envelope xmlns:s="{SOAP}"><s:Body><a>{entity}</a></s:Body></s:Envelope>'
        answer = post(server, text)
        assert answer.code == "niepoprawnyKomunikat"
        assert b"root:" not in answer.content


def test_the_action_must_fit_the_request(server: SandboxServer) -> None:
    """As a real service dispatches by it."""
    assert post(server, envelope(ACTIVATION), "zapiszSloty").code == "niepoprawnyKomunikat"


def test_a_schema_fault_names_the_place_and_not_the_value(server: SandboxServer) -> None:
    """What is wrong may be a PESEL."""
    woman = raw.new_woman()
    visit = raw.saving(raw.visit("v", "s", woman)).replace(f">{raw.PESEL}<", f">{woman}<")
    answer = post(server, envelope(visit), "zapiszWizyte")
    assert answer.code == "niepoprawnyKomunikat"
    assert "pacjent" in answer.texts("opis")[0]
    assert woman.encode() not in answer.content


def test_an_instant_without_an_offset_is_refused(cer: Caller) -> None:
    """Nobody knows when it is."""
    slots = Place().slots(raw.slot("s"))
    answer = cer.send(slots.replace(OPENS.isoformat(), OPENS.replace(tzinfo=None).isoformat()))
    assert answer.code == "niepoprawnyKomunikat"
    assert "od" in answer.texts("opis")[0]
    assert cer.send(slots).rule == "REG.WER.5"


def test_an_instant_that_no_clock_shows_is_refused(cer: Caller) -> None:
    """The schema knows more years than we do."""
    place = raw.opened(cer)
    slots = place.slots(raw.slot("s")).replace(f"{OPENS.year}-", f"1{OPENS.year}-")
    assert cer.send(slots).code == "niepoprawnyKomunikat"


def test_a_request_that_is_too_long_is_not_read(server: SandboxServer) -> None:
    """Nor one that does not say how long it is, nor one to another path."""
    connection = requests.Session()
    prepared = requests.Request("POST", server.address, data=b"x").prepare()
    prepared.headers["Content-Length"] = str(MAX_BYTES + 1)
    assert connection.send(prepared, timeout=5).status_code == 413
    assert requests.post(server.address, data=iter([b"x"]), timeout=5).status_code == 411
    assert requests.post(server.address.replace("services", "other"), data=b"x", timeout=5).status_code == 404
    connection.close()


def test_the_small_pages_show_counts_and_no_person(server: SandboxServer, cer: Caller) -> None:
    """For a developer and for a test."""
    origin = server.address.removesuffix("/services")
    cer.accepted(Place().registration())
    counts = requests.get(f"{origin}/state", timeout=5).json()
    assert counts == server.state.counts()
    assert (counts["service_places"], counts["messages"]) == (1, 1)
    assert requests.get(f"{origin}/", timeout=5).json()["counts"] == counts
    assert requests.get(f"{origin}/healthz", timeout=5).json() == {"status": "ok"}
    assert requests.get(f"{origin}/other", timeout=5).status_code == 404


def test_a_failing_store_is_a_fault_of_the_server(server: SandboxServer) -> None:
    """And says so, so that the client tries again."""
    server.state.close()
    assert post(server, envelope(ACTIVATION)).code == "bladZapisu"


def test_the_log_tells_what_was_done_and_not_to_whom(
    signing: Caller, cer: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    """Operations and rules, never a body, whether it is signed or not."""
    caplog.set_level(logging.DEBUG)
    woman = raw.new_woman()
    for caller in (cer, signing):
        caller.send(raw.saving(raw.visit("v", "s", woman)))
    assert caplog.text.count("refused zapiszWizyte") == 2
    assert woman not in caplog.text
    assert "Zmyślona" not in caplog.text


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    """The file is the memory, and only its owner can read it."""
    file, content = tmp_path / "state.db", Place().registration()
    with SandboxServer(file) as server, raw.caller(server.address) as caller:
        caller.accepted(content)
    assert file.stat().st_mode & 0o077 == 0
    with SandboxServer(file) as server, raw.caller(server.address) as caller:
        assert caller.send(content).code == "DuplikatKomunikatu"
        assert server.state.counts()["service_places"] == 1


def test_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    """Rather than misread."""
    file = tmp_path / "state.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE visit (id TEXT)")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(RuntimeError, match="another version"):
        SandboxServer(file)
    assert file.read_bytes() == before


@pytest.mark.processes
def test_a_killed_sandbox_forgets_nothing(tmp_path: Path) -> None:
    """What was acknowledged before kill -9 is there afterwards."""
    file, contents = tmp_path / "state.db", [Place().registration() for _ in range(50)]
    with running(file) as (process, address), raw.caller(address) as caller:
        caller.accepted(*contents)
        process.send_signal(signal.SIGKILL)
        process.wait(5)
        with pytest.raises(requests.ConnectionError):
            caller.send(ACTIVATION)
    with running(file) as (_, address), raw.caller(address) as caller:
        assert {caller.send(content).code for content in contents} == {"DuplikatKomunikatu"}


@pytest.mark.processes
def test_the_command_serves_over_tls_with_a_page(tmp_path: Path) -> None:
    """And makes the certificates if they are not there."""
    folder, port, page = tmp_path / "certificates", free_port(), free_port()
    options = ["--state", tmp_path / "state.db", "--port", port, "--certificates", folder, "--page-port", page]
    command = [sys.executable, "-m", "mobile_units", "sandbox", *map(str, options)]
    with subprocess.Popen(command) as process:
        try:
            wait_until_healthy(f"http://127.0.0.1:{page}/healthz")
            with raw.caller(f"https://127.0.0.1:{port}/services", make(folder)) as caller:
                caller.accepted(Place().registration())
            counts = requests.get(f"http://127.0.0.1:{page}/state", timeout=5).json()
            assert counts["service_places"] == 1
        finally:
            process.kill()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


PROGRAM = """
import sys
from pathlib import Path
from mobile_units.sandbox.server import serve
serve("127.0.0.1", int(sys.argv[1]), Path(sys.argv[2]))
"""


@contextmanager
def running(file: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A sandbox in a process of its own, and its address."""
    port = free_port()
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


def test_whoever_starts_it_learns_where_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service, and the page if there is one."""
    monkeypatch.setattr(SandboxServer, "serve_forever", lambda _: None)
    caplog.set_level(logging.INFO)
    serve("127.0.0.1", 0, tmp_path / "state.db", page_port=0)
    serve("127.0.0.1", 0, tmp_path / "state.db")
    with_page, without = caplog.messages
    assert re.fullmatch(r"listening at http://127\.0\.0\.1:\d+/services, page at http://127\.0\.0\.1:\d+", with_page)
    assert re.fullmatch(r"listening at http://127\.0\.0\.1:\d+/services", without)
