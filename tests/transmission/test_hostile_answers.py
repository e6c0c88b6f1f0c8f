"""Answers that are made to break their reader end in a named outcome, and never take more than a little memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from mobile_units.transmission.answers import MAX_BYTES
from mobile_units.transmission.gateway import OutcomeUnknown, Presence, Retryable
from mobile_units.transmission.messages import ChangesQuery
from tests.transmission import examples
from tests.transmission.raw_server import http, raw_server
from tests.transmission.test_answers import envelope

MEGABYTE = 1_000_000
SUCCESS = envelope("<r><wynik><major>x:Sukces</major></wynik></r>").decode()
LOL = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
BOMB = f'<!DOCTYPE x [<!ENTITY l0 "lol">{LOL}]>'
FILE = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>'
DEEP = "<a>" * 100_000 + "</a>" * 100_000

HOSTILE = {
    "empty": "",
    "truncated": SUCCESS[:-20],
    "wrong namespace": SUCCESS.replace("schemas.xmlsoap.org", "example.invalid"),
    "no result": envelope("<r/>").decode(),
    "deep": envelope(f"<r><wynik><major>x:Sukces</major></wynik>{DEEP}</r>").decode(),
    "bomb in a text": BOMB + SUCCESS.replace("<r>", "<r><t>&l11;</t>"),
    "bomb in an attribute": BOMB + SUCCESS.replace("<r>", '<r a="&l11;">'),
    "bomb of parameters": '<!DOCTYPE x [<!ENTITY % a "b"> %a; %a;]>' + SUCCESS,
    "a file of ours": FILE + SUCCESS.replace("x:Sukces", "x:Sukces&f;"),
    "a foreign DTD": '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">' + SUCCESS,
    "a DTD in another encoding": f'<?xml version="1.0" encoding="UTF-16"?>{BOMB}{SUCCESS}',
    "many attributes": envelope("<r " + " ".join(f'a{n}="1"' for n in range(200_000)) + "/>").decode(),
    "many elements": envelope("<r>" + "<a/>" * 900_000 + "</r>").decode(),
    "as many elements as are parsed": envelope("<r>" + "<a/>" * 199_000 + "</r>").decode(),
    "one long text": envelope(f"<r>{'x' * 3_900_000}</r>").decode(),
}
"""Each as the body of an answer with status 200."""


def content(name: str) -> bytes:
    """The bytes of a hostile answer."""
    return HOSTILE[name].encode("utf-16" if "another encoding" in name else "utf-8")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_leaves_the_outcome_unknown(name: str) -> None:
    """The message is looked up before it is sent again; a question is asked again."""
    with raw_server(http(200, content(name))) as server:
        gateway = examples.gateway(server.address)
        outcome = gateway.send(examples.activation())
        assert isinstance(outcome, OutcomeUnknown)
        assert outcome.reason.startswith("HTTP 200: the answer ")
        assert gateway.lookup(examples.activation()) is Presence.UNANSWERED
        assert isinstance(gateway.changes(ChangesQuery()), Retryable)


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc to measure with")

MEASURE = """
import re, sys
from pathlib import Path
from tests.transmission import examples

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

gateway = examples.gateway(sys.argv[1], read_seconds=30.0)
gateway.send(examples.activation())
before = peak()
outcome = gateway.send(examples.activation())
print(type(outcome).__name__, peak() - before)
"""


def cost_of(answer: bytes) -> tuple[str, int]:
    """The outcome of a message with this answer, and by how many bytes it raised the peak of its process."""
    with raw_server(answer, first=http(200, SUCCESS)) as server:
        command = [sys.executable, "-c", MEASURE, server.address]
        root = Path(__file__).parents[2]
        run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, cwd=root)
    name, taken = run.stdout.split()
    return name, int(taken)


def chunked(body: bytes, times: int) -> bytes:
    """An answer that never says how long it is."""
    piece = f"{len(body):x}\r\n".encode() + body + b"\r\n"
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + piece * times + b"0\r\n\r\n"


@needs_proc
@pytest.mark.processes
@pytest.mark.parametrize("way", ["told", "chunked"])
def test_of_100_megabytes_only_the_beginning_is_read(way: str) -> None:
    """Whether the length is told or not."""
    blank = b" " * MEGABYTE
    answer = http(200, SUCCESS.encode() + blank * 100) if way == "told" else chunked(blank, 100)
    outcome, taken = cost_of(answer)
    assert outcome == "OutcomeUnknown"
    assert taken < 3 * MAX_BYTES


@needs_proc
@pytest.mark.processes
@pytest.mark.parametrize(
    "name", [name for name in HOSTILE if "bomb" in name or "many" in name or name in {"deep", "one long text"}]
)
def test_a_hostile_answer_takes_little_memory(name: str) -> None:
    """Even the worst that fits into the longest answer."""
    outcome, taken = cost_of(http(200, content(name)))
    assert outcome == "OutcomeUnknown"
    assert taken < 50 * MEGABYTE
