"""Text messages by a gateway over real sockets: what it is asked, and what each failure means for the message."""

import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobile_units.clock import monotonic
from mobile_units.errors import DomainError
from mobile_units.messaging import sms_api
from mobile_units.messaging.sms import Sms, SmsAccount, SmsGateway
from mobile_units.rules.deliveries import Found, Memory, Outcome, Presence, SendResult
from mobile_units.rules.messages import Text
from mobile_units.rules.segments import measured
from tests.messaging.sms_server import CUT, DRIP, DROP, HANG, Manner, SmsStandIn, sms_server
from tests.transmission.authority import Authority, pair_file

ROW = UUID("0b0e7b9e-6a40-4a39-9f0e-3d9d3a0c7a11")
TO = "+48512345678"
EXAMPLE = files("mobile_units.messaging").joinpath("sms_api_example.toml").read_text(encoding="utf-8")
API = sms_api.load(EXAMPLE)
AUTHORITY = Authority()
UNKNOWN = SendResult.OUTCOME_UNKNOWN


def sms(**changes: Any) -> Sms:
    """A text message."""
    given: dict[str, Any] = {"uuid": ROW, "to": TO, "text": Text("Przychodnia: wizyta w srode.")}
    return Sms(**(given | changes))


def account(url: str, **changes: Any) -> SmsAccount:
    """An account, without much patience."""
    given: dict[str, Any] = {
        "api": API,
        "secret": "geheim",
        "sender": "Przychodnia",
        "connect_seconds": 10.0,
        "read_seconds": 10.0,
    }
    return SmsAccount(url=url, **(given | changes))


def gateway(server: SmsStandIn, **changes: Any) -> SmsGateway:
    """Our side of the gateway."""
    return SmsGateway(account(server.url, **changes))


def sent(manner: Manner, **changes: Any) -> tuple[Outcome, SmsStandIn]:
    """What became of one text message, and the gateway."""
    with sms_server(manner) as server:
        return gateway(server, **changes).send(sms()), server


def test_a_text_message_is_handed_over_under_its_key() -> None:
    """With the login, and with the number in the body and nowhere else."""
    outcome, server = sent(Manner())
    assert outcome == Outcome(SendResult.ACCEPTED, reference="sms-1")
    assert server.rung == [
        {"to": TO, "from": "Przychodnia", "text": "Przychodnia: wizyta w srode.", "reference": str(ROW)}
    ]
    ((method, path, headers),) = server.requests
    assert (method, path, headers["Authorization"]) == ("POST", "/v1/messages", "Bearer geheim")
    assert headers["Idempotency-Key"] == str(ROW)
    assert TO.strip("+") not in json.dumps([path, headers])


def test_a_message_that_was_sent_before_a_process_died_is_not_sent_again() -> None:
    """The next attempt has the same key: one message, and the same reference."""
    with sms_server() as server:
        gateway(server).send(sms())
        next_one = gateway(server)
        assert next_one.lookup(ROW) == Found(Presence.PRESENT, reference="sms-1")
        assert next_one.send(sms()) == Outcome(SendResult.ACCEPTED, reference="sms-1")
    assert len(server.rung) == 1


def test_a_look_up_asks_by_the_key_alone() -> None:
    """What was never taken is absent."""
    with sms_server() as server:
        assert gateway(server).lookup(ROW) == Found(Presence.ABSENT)
    ((_, path, _),) = server.requests
    assert path == f"/v1/messages?reference={ROW}"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"id": 7}, Outcome(SendResult.ACCEPTED, reference="7")),
        (202, {"id": "a"}, Outcome(SendResult.ACCEPTED, reference="a")),
        (409, {"id": "a"}, Outcome(SendResult.ALREADY_ACCEPTED, "HTTP 409", "a")),
        (409, b"", Outcome(SendResult.ALREADY_ACCEPTED, "HTTP 409")),
        (200, {}, Outcome(UNKNOWN, "HTTP 200")),
        (200, b"<html>", Outcome(UNKNOWN, "HTTP 200")),
        (200, [1], Outcome(UNKNOWN, "HTTP 200")),
        (200, b"[" * 60_000, Outcome(UNKNOWN, "HTTP 200")),
        (200, {"id": True}, Outcome(UNKNOWN, "HTTP 200")),
        (200, {"id": {"to": TO}}, Outcome(UNKNOWN, "HTTP 200")),
        (200, {"id": TO}, Outcome(UNKNOWN, "HTTP 200")),
        (200, {"id": "x" * 65}, Outcome(UNKNOWN, "HTTP 200")),
        (200, {"id": "a\nb"}, Outcome(UNKNOWN, "HTTP 200")),
        (400, {"error": TO}, Outcome(SendResult.REJECTED, "HTTP 400")),
        (422, {}, Outcome(SendResult.REJECTED, "HTTP 422")),
        (401, {}, Outcome(SendResult.HALTED, "HTTP 401")),
        (402, {}, Outcome(SendResult.HALTED, "HTTP 402")),
        (403, {}, Outcome(SendResult.HALTED, "HTTP 403")),
        (302, {}, Outcome(SendResult.HALTED, "HTTP 302")),
        (408, {}, Outcome(SendResult.RETRYABLE, "HTTP 408")),
        (429, {}, Outcome(SendResult.RETRYABLE, "HTTP 429")),
        (500, {}, Outcome(UNKNOWN, "HTTP 500")),
        (502, {}, Outcome(UNKNOWN, "HTTP 502")),
        (503, {}, Outcome(UNKNOWN, "HTTP 503")),
    ],
)
def test_what_the_gateway_says_and_what_is_kept_of_it(status: int, body: Any, expected: Outcome) -> None:
    """Its status and its name for the message, never a sentence of it."""
    outcome, _ = sent(Manner(status=status, body=body))
    assert outcome == expected


def test_a_redirect_is_not_followed() -> None:
    """Nobody else is told the number."""
    with sms_server() as other:
        outcome, _ = sent(Manner(status=307, headers={"Location": f"{other.url}/messages"}))
    assert (outcome.result, other.requests) == (SendResult.HALTED, [])


@pytest.mark.parametrize("takes", [True, False])
@pytest.mark.parametrize("fault", [DROP, HANG, DRIP, CUT])
def test_a_gateway_that_fails_once_it_has_the_message(fault: str, takes: bool) -> None:
    """It hangs up, says nothing, drips or breaks off, whether it took the message or not: nobody knows."""
    began = monotonic()
    outcome, server = sent(Manner(fault=fault, takes=takes), read_seconds=0.5)
    assert (outcome.result, len(server.rung)) == (UNKNOWN, int(takes))
    assert monotonic() - began < 10


@pytest.mark.parametrize("manner", [Manner(fault=DROP), Manner(fault=HANG), Manner(fault=DRIP), Manner(fault=CUT)])
def test_a_look_up_without_an_answer(manner: Manner) -> None:
    """Says nothing about the message."""
    with sms_server(manner) as server:
        assert gateway(server, read_seconds=0.5).lookup(ROW).presence is Presence.UNANSWERED


@pytest.mark.parametrize(
    ("status", "body"), [(500, None), (404, {"messages": []}), (200, {"messages": "x"}), (200, {"x": 1}), (200, b"<")]
)
def test_a_look_up_with_an_answer_of_no_use(status: int, body: Any) -> None:
    """An error is not the absence of a message."""
    with sms_server(Manner(lookup_status=status, lookup_body=body)) as server:
        assert gateway(server).lookup(ROW) == Found(Presence.UNANSWERED, reason=f"HTTP {status}")


def test_an_answer_without_end() -> None:
    """Is given up."""
    outcome, _ = sent(Manner(body=b"x" * 70_000))
    assert outcome.result is UNKNOWN


def test_a_slow_gateway_is_waited_for() -> None:
    """As long as was said."""
    assert sent(Manner(seconds=0.3))[0].result is SendResult.ACCEPTED
    assert sent(Manner(seconds=5.0), read_seconds=0.5)[0].result is UNKNOWN


def test_nobody_listens() -> None:
    """Nothing left: tried again later."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ours = SmsGateway(account(f"http://127.0.0.1:{port}"))
    assert ours.send(sms()) == Outcome(SendResult.RETRYABLE, "ConnectionError")
    assert ours.lookup(ROW) == Found(Presence.UNANSWERED, reason="ConnectionError")


def test_a_server_that_is_not_the_one(tmp_path: Path) -> None:
    """Of an authority that nobody trusts: it is told nothing, and a person has to look."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair_file(tmp_path / "server.pem", AUTHORITY.issue(1)))
    with sms_server(tls=context) as server:
        assert gateway(server).send(sms()) == Outcome(SendResult.HALTED, "the server's certificate is not trusted")
    assert server.requests == []


def test_neither_a_proxy_nor_a_netrc_of_the_shell_is_obeyed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Numbers go where the settings say, with the login that they say."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    outcome, server = sent(Manner())
    assert outcome.result is SendResult.ACCEPTED
    assert server.requests[0][2]["Authorization"] == "Bearer geheim"


@pytest.mark.parametrize("to", ["+48426301234", "123", "", "+48 512 345 678 wew. 1", "+48512345678\r\nX: y"])
def test_what_takes_no_text_message_is_refused(to: str) -> None:
    """A fixed line, no number, a second line; nothing is sent and nothing repeated."""
    with sms_server() as server, pytest.raises(DomainError) as refused:
        gateway(server).send(sms(to=to))
    assert (refused.value.code, refused.value.facts, server.requests) == ("telephone_invalid", {}, [])


def test_a_text_of_too_many_segments_is_refused() -> None:
    """It was not composed by the rules."""
    with sms_server() as server, pytest.raises(DomainError) as refused:
        gateway(server).send(sms(text=Text("ą" * 135)))
    assert (refused.value.code, server.requests) == ("message_too_long", [])


@pytest.fixture
def standing() -> Iterator[SmsStandIn]:
    """A gateway for many messages."""
    with sms_server() as server:
        yield server


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=130) | st.sampled_from(['"}', "{to}", "{key} {from}", "\\u0000", "{{text}}"]))
def test_any_text_comes_through(standing: SmsStandIn, body: str) -> None:
    """Quotes, braces, signs of any script: told as they are, read as nothing else."""
    if body.strip() and measured(body).segments <= 2 and body.isprintable():
        gateway(standing).send(sms(uuid=uuid4(), text=Text(body)))
        assert standing.rung[-1]["text"] == body
        assert set(standing.rung[-1]) == {"to", "from", "text", "reference"}


def test_what_the_gateway_remembers() -> None:
    """Keys and messages for its hours, as far as it has them."""
    first = datetime(2026, 10, 10, 8, tzinfo=UTC)
    whole, late = account("https://sms.example.pl"), timedelta(hours=24)
    assert whole.memory(first, first + late - timedelta(seconds=1)) == Memory(by_key=True, by_lookup=True)
    assert whole.memory(first, first + late) == Memory(by_key=False, by_lookup=False)
    bare = account(
        "https://sms.example.pl", api=replace(API, lookup=None, key_header=None, duplicate_statuses=frozenset())
    )
    assert bare.memory(first, first) == Memory(by_key=False, by_lookup=False)


def test_a_gateway_without_a_look_up_is_not_asked() -> None:
    """There is nothing to ask."""
    with sms_server() as server:
        assert gateway(server, api=replace(API, lookup=None)).lookup(ROW) == Found(
            Presence.UNANSWERED, reason="no look-up"
        )
    assert server.requests == []


@pytest.mark.parametrize(
    "url",
    ["http://sms.example.pl", "ftp://127.0.0.1", "https://a:b@sms.example.pl", "https://x.pl/?a=b", "https://x.pl/#a"],
)
def test_addresses_that_cannot_be(url: str) -> None:
    """Without TLS, or with a question or a user in them."""
    with pytest.raises(ValueError, match=r"HTTPS only|neither a query nor a user"):
        account(url)


def test_nothing_of_hers_and_no_secret_is_printed() -> None:
    """In no value that a log could show."""
    assert "geheim" not in repr(account("https://sms.example.pl"))
    assert TO not in repr(sms())
    assert "wizyta" not in repr(sms())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[send]", "[posted]"),
        ("[login]", "[sign]"),
        ('path = "/messages"\n', ""),
        ('path = "/messages"\n', 'path = "messages"\n'),
        ('path = "/messages"\n', 'path = "/messages/{to}"\n'),
        ("/messages?reference={key}", "/messages?to={to}"),
        ("/messages?reference={key}", "/messages"),
        ('to = "{to}"', 'to = "{pesel}"'),
        ('text = "{text}"', 'text = "x"'),
        ('"Bearer {secret}"', '"Bearer {to}"'),
        ('"Bearer {secret}"', "7"),
        ("hours = 24", 'hours = "x"'),
        ("hours = 24", "hours ="),
        ("[409]", '["x"]'),
        ("[409]", "409"),
    ],
)
def test_an_interface_that_is_not_described(old: str, new: str) -> None:
    """A table, a path or a field that is missing or could tell too much."""
    assert old in EXAMPLE
    with pytest.raises(ValueError, match=r".+"):
        sms_api.load(EXAMPLE.replace(old, new, 1))


def test_a_key_that_the_gateway_is_never_told() -> None:
    """It could not be asked for it."""
    untold = EXAMPLE.replace(', reference = "{key}"', "").replace('key_header = "Idempotency-Key"', "")
    with pytest.raises(ValueError, match="told it"):
        sms_api.load(untold)


def test_no_connection_is_kept() -> None:
    """A gateway closes it when it likes, just when the next message is on its way."""
    with sms_server() as server:
        ours = gateway(server)
        for _ in range(50):
            assert ours.send(sms()).result is SendResult.ACCEPTED
            assert ours.lookup(ROW).presence is Presence.PRESENT
