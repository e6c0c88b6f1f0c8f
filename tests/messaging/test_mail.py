"""E-mail to a real server over real sockets: what arrives, and what each failure means for the message."""

import email
import email.policy
import socket
import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobile_units.clock import monotonic
from mobile_units.errors import DomainError
from mobile_units.messaging.mail import Mailer, MailServer, Security, written
from mobile_units.rules.deliveries import Outcome, SendResult
from mobile_units.rules.messages import Letter, Text
from mobile_units.rules.wording import Language
from tests.messaging.smtp_server import DRIP, DROP, HANG, Behaviour, MailStandIn, mail_server
from tests.transmission.authority import Authority, pair_file

ROW = UUID("0b0e7b9e-6a40-4a39-9f0e-3d9d3a0c7a11")
AT = datetime(2026, 10, 10, 8, 0, tzinfo=UTC)
SENDER, TO = "rejestracja@example.pl", "anna@example.org"
AUTHORITY = Authority()


def mail(**changes: Any) -> Letter:
    """An e-mail."""
    text = Text("Dzień dobry,\n\n.kropka na początku\n", "Zmiana terminu wizyty")
    given: dict[str, Any] = {
        "uuid": ROW,
        "to": TO,
        "text": text,
        "language": Language.POLISH,
        "sender_name": "Przychodnia Łódź",
    }
    return Letter(**({"written_at": AT} | given | changes))


HASTY = {"step_seconds": 0.5, "whole_seconds": 1.0}


def mailer(server: MailStandIn, **changes: Any) -> Mailer:
    """Who sends by the stand-in, without much patience."""
    given: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "sender": SENDER, "security": Security.NONE}
    return Mailer(MailServer(**({"step_seconds": 10.0, "whole_seconds": 20.0} | given | changes)))


def sent(behaviour: Behaviour, **changes: Any) -> tuple[Outcome, MailStandIn]:
    """What became of one e-mail, and the server."""
    with mail_server(behaviour) as server:
        return mailer(server, **changes).send(mail()), server


def test_an_e_mail_arrives_as_it_was_written() -> None:
    """Its envelope, its headers, and its text with the points at the beginnings of lines."""
    outcome, server = sent(Behaviour())
    assert outcome == Outcome(SendResult.ACCEPTED)
    (taken,) = server.taken
    message = email.message_from_bytes(taken.content, policy=email.policy.default)
    assert (taken.sender, taken.to) == (SENDER, TO)
    assert message["From"] == f"Przychodnia Łódź <{SENDER}>"
    assert (message["To"], message["Subject"]) == (TO, "Zmiana terminu wizyty")
    assert (message["Message-ID"], message["Auto-Submitted"]) == (f"<{ROW}@example.pl>", "auto-generated")
    assert (message["Date"], message["Content-Language"]) == ("Sat, 10 Oct 2026 08:00:00 +0000", "pl")
    assert message.get_content() == "Dzień dobry,\r\n\r\n.kropka na początku\r\n"
    assert taken.content.isascii()


def test_a_repetition_is_the_same_message_to_the_byte() -> None:
    """So that a mailbox can tell that it has it."""
    with mail_server() as server:
        sender = mailer(server)
        assert sender.send(mail()) == sender.send(mail())
    first, second = server.taken
    assert first == second


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" ."))))
def test_any_text_comes_back(standing: MailStandIn, lines: list[str]) -> None:
    """Points, signs of headers and pages, letters of any script, lines of any length."""
    body = "\n".join(["Dzień dobry", *lines]) + "\n"
    assert mailer(standing).send(mail(text=Text(body, "Temat"))).result is SendResult.ACCEPTED
    message = email.message_from_bytes(standing.taken[-1].content, policy=email.policy.default)
    assert message.get_content().replace("\r\n", "\n") == body
    assert set(message.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "Content-Language", "Auto-Submitted"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    }


@pytest.fixture
def standing() -> Any:
    """A server for many messages."""
    with mail_server() as server:
        yield server


@settings(max_examples=200)
@given(st.text(max_size=60), st.sampled_from(["subject", "sender_name", "to"]))
def test_no_header_is_smuggled_in(text: str, where: str) -> None:
    """Whatever is given for a subject, a name or an address is told as such, or refused."""
    server = MailServer("127.0.0.1", 25, SENDER, Security.NONE)
    changes: dict[str, Any] = {where: text}
    try:
        if where == "subject":
            changes = {"text": Text("treść", text)}
        message = written(mail(**changes), server)
    except DomainError as refused:
        if refused.code not in {"message_field_invalid", "message_empty", "email_invalid"}:
            raise
        return
    again = email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
    assert again.keys() == written(mail(), server).keys()
    assert again["To"].addresses[0].addr_spec == (text.strip(" ") if where == "to" else TO)


@pytest.mark.parametrize(
    "smuggled", ["x\r\nBcc: b@example.pl", "x\nBcc: b@example.pl", "x\rBcc: b", "x\u2028y", "x\x0by"]
)
@pytest.mark.parametrize("where", ["subject", "sender_name", "to"])
def test_a_second_line_in_a_header_is_refused(smuggled: str, where: str) -> None:
    """Before anything is sent."""
    changes: dict[str, Any] = {"text": Text("treść", smuggled)} if where == "subject" else {where: smuggled}
    with mail_server() as server, pytest.raises(DomainError) as refused:
        mailer(server).send(mail(**changes))
    assert refused.value.code == ("email_invalid" if where == "to" else "message_field_invalid")
    assert server.commands == []


def test_a_text_without_a_subject_is_no_e_mail() -> None:
    """It was composed for another way."""
    with pytest.raises(DomainError) as refused:
        written(mail(text=Text("treść")), MailServer("127.0.0.1", 25, SENDER, Security.NONE))
    assert refused.value.code == "message_empty"


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ({"connect": "421 later"}, Outcome(SendResult.RETRYABLE, "SMTP 421")),
        ({"connect": "554 no"}, Outcome(SendResult.HALTED, "SMTP 554")),
        ({"mail": "451 later"}, Outcome(SendResult.RETRYABLE, "SMTP 451")),
        ({"mail": "530 who are you"}, Outcome(SendResult.HALTED, "SMTP 530")),
        ({"rcpt": f"450 {TO} is busy"}, Outcome(SendResult.RETRYABLE, "SMTP 450")),
        ({"rcpt": f"550 {TO} is unknown"}, Outcome(SendResult.REJECTED, "SMTP 550")),
        ({"rcpt": "251 will forward"}, Outcome(SendResult.ACCEPTED)),
        ({"data": "451 later"}, Outcome(SendResult.RETRYABLE, "SMTP 451")),
        ({"data": "554 no"}, Outcome(SendResult.REJECTED, "SMTP 554")),
        ({"content": "452 full"}, Outcome(SendResult.RETRYABLE, "SMTP 452")),
        ({"content": "554 spam"}, Outcome(SendResult.REJECTED, "SMTP 554")),
        ({"content": "what"}, Outcome(SendResult.OUTCOME_UNKNOWN, "SMTP -1")),
        ({"content": "354 go on"}, Outcome(SendResult.OUTCOME_UNKNOWN, "SMTP 354")),
        ({"content": "250 " + "x" * 9000}, Outcome(SendResult.OUTCOME_UNKNOWN, "SMTPResponseException")),
    ],
)
def test_what_the_server_says_and_what_is_kept_of_it(replies: dict[str, str], expected: Outcome) -> None:
    """Its code, never its words: they repeat the address."""
    outcome, _ = sent(Behaviour(replies))
    assert outcome == expected


BEFORE = ["connect", "ehlo", "mail", "rcpt", "data"]


@pytest.mark.parametrize("step", BEFORE)
@pytest.mark.parametrize("fault", [DROP, HANG, DRIP])
def test_a_server_that_fails_before_it_has_the_message(step: str, fault: str) -> None:
    """It hangs up, says nothing or never ends: nothing was taken, and it is tried again later, in good time."""
    began = monotonic()
    outcome, server = sent(Behaviour({step: fault}), **HASTY)
    assert outcome.result is SendResult.RETRYABLE
    assert server.taken == []
    assert monotonic() - began < 10


@pytest.mark.parametrize("fault", [DROP, HANG, DRIP])
def test_a_server_that_fails_after_it_has_the_message(fault: str) -> None:
    """It took the message, and nobody heard of it: never `retryable`."""
    began = monotonic()
    outcome, server = sent(Behaviour({"content": fault}), **HASTY)
    assert outcome.result is SendResult.OUTCOME_UNKNOWN
    assert len(server.taken) == 1
    assert monotonic() - began < 10


def test_a_slow_server_is_waited_for_and_no_longer_than_was_said() -> None:
    """Each reply in its time, all of them in theirs."""
    patient, server = sent(Behaviour(seconds=0.1))
    assert (patient.result, len(server.taken)) == (SendResult.ACCEPTED, 1)
    began = monotonic()
    hasty, _ = sent(Behaviour(seconds=0.4), whole_seconds=0.6)
    assert hasty.result is SendResult.RETRYABLE
    assert monotonic() - began < 10


def test_after_the_message_was_taken_nothing_more_is_waited_for() -> None:
    """A server that is slow to say good-bye does not change what happened."""
    began = monotonic()
    outcome, _ = sent(Behaviour({"quit": HANG}), step_seconds=30.0, whole_seconds=30.0)
    assert outcome.result is SendResult.ACCEPTED
    assert monotonic() - began < 10


def test_nobody_listens() -> None:
    """Tried again later."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    outcome = Mailer(MailServer("127.0.0.1", port, SENDER, Security.NONE)).send(mail())
    assert outcome == Outcome(SendResult.RETRYABLE, "ConnectionRefusedError")


def test_no_thread_and_no_socket_is_left() -> None:
    """Whatever the end was; an open socket would be a warning, which is an error here."""
    for replies in ({}, {"connect": DROP}, {"connect": "554 no"}, {"content": HANG}, {"rcpt": "550 no"}):
        sent(Behaviour(replies), **HASTY)
    assert not [each for each in threading.enumerate() if isinstance(each, threading.Timer) and each.is_alive()]


def server_tls(folder: Path, authority: Authority = AUTHORITY) -> ssl.SSLContext:
    """What the server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair_file(folder / "server.pem", authority.issue(1)))
    return context


def trusting(folder: Path) -> ssl.SSLContext:
    """Whom we trust."""
    return ssl.create_default_context(cafile=str(AUTHORITY.pem(folder)))


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_over_tls_with_a_login(security: Security, tmp_path: Path) -> None:
    """The login and the message are told only once the connection is secured."""
    behaviour = Behaviour(tls=server_tls(tmp_path), implicit=security is Security.TLS)
    login = {"user": "u", "password": "p"}
    outcome, server = sent(behaviour, security=security, tls=trusting(tmp_path), **login)
    assert (outcome.result, server.taken[0].secured) == (SendResult.ACCEPTED, True)
    assert [each for each in server.commands if each.startswith("AUTH")] == ["AUTH PLAIN AHUAcA=="]


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
@pytest.mark.parametrize("stranger", ["authority", "host"])
def test_a_server_that_is_not_the_one(security: Security, stranger: str, tmp_path: Path) -> None:
    """By a strange authority, or for another host: nothing is told it, and a person has to look."""
    other = Authority("Obcy urząd") if stranger == "authority" else AUTHORITY
    behaviour = Behaviour(tls=server_tls(tmp_path, other), implicit=security is Security.TLS)
    host = "localhost" if stranger == "host" else "127.0.0.1"
    outcome, server = sent(behaviour, security=security, tls=trusting(tmp_path), host=host, user="u", password="p")
    assert outcome == Outcome(SendResult.HALTED, "the server's certificate is not trusted")
    assert not [each for each in server.commands if each.startswith(("AUTH", "mail"))]


@pytest.mark.parametrize(
    ("replies", "result"),
    [
        ({"ehlo": "250 here"}, SendResult.HALTED),
        ({"starttls": "501 no"}, SendResult.HALTED),
        ({"starttls": "454 not now"}, SendResult.RETRYABLE),
    ],
)
def test_without_tls_nothing_is_sent(replies: dict[str, str], result: SendResult) -> None:
    """Whether it is not offered, as an eavesdropper would have it, refused, or not to be had for the moment."""
    outcome, server = sent(Behaviour(replies), security=Security.STARTTLS)
    assert outcome.result is result
    assert not [each for each in server.commands if each.startswith("mail")]


@pytest.mark.parametrize("stuck", ["handshake", "starttls"])
def test_a_handshake_that_hangs(stuck: str) -> None:
    """Is given up."""
    security = Security.TLS if stuck == "handshake" else Security.STARTTLS
    outcome, _ = sent(
        Behaviour({"connect": HANG} if stuck == "handshake" else {"starttls": HANG}), security=security, **HASTY
    )
    assert outcome.result is SendResult.RETRYABLE


@pytest.mark.parametrize(("reply", "result"), [("535 wrong", SendResult.HALTED), ("454 later", SendResult.RETRYABLE)])
def test_a_login_that_fails(reply: str, result: SendResult) -> None:
    """A wrong password is for a person, a busy server for later; neither tells the password."""
    outcome, _ = sent(Behaviour({"auth": reply}), user="u", password="p")
    assert outcome == Outcome(result, f"SMTP {reply[:3]}")


@pytest.mark.parametrize(
    "changes",
    [{"host": "mail.example.pl", "security": Security.NONE}, {"user": "u"}, {"password": "p"}],
)
def test_settings_that_cannot_be(changes: dict[str, Any]) -> None:
    """A distant server without TLS, and half a login."""
    given: dict[str, Any] = {"host": "127.0.0.1", "port": 25, "sender": SENDER}
    with pytest.raises(ValueError, match=r"TLS only|user and a password"):
        MailServer(**(given | changes))


def test_nothing_of_hers_and_no_password_is_printed() -> None:
    """In no value that a log could show."""
    server = MailServer("mail.example.pl", 587, SENDER, user="u", password="geheim")
    assert "geheim" not in repr(server)
    assert TO not in repr(mail())
    assert "kropka" not in repr(mail())
