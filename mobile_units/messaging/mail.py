"""E-mail over SMTP: one connection for each message, TLS always, and every wait bounded.

A mail server that has been sent the whole message and says nothing may have taken it. It cannot be asked, so such an
attempt is `outcome_unknown` and is never repeated by a machine (`rules.deliveries.NONE`).
"""

import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from threading import Timer
from typing import Any

from mobile_units.errors import DomainError
from mobile_units.rules.contacts import parse_email
from mobile_units.rules.deliveries import Outcome, SendResult
from mobile_units.rules.messages import Letter

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Security(StrEnum):
    """How a connection is secured; `none` only reaches a server on this machine."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mail is handed over and by whom it is sent.

    `step_seconds` bounds each wait for the server, `whole_seconds` everything from the greeting on: an attempt takes at
    most `step_seconds` for each address of the host and `whole_seconds` more. `tls` is whom to trust; None means the
    authorities of the system.
    """

    host: str
    port: int
    sender: str
    security: Security = Security.STARTTLS
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    step_seconds: float = 10.0
    whole_seconds: float = 30.0
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """ValueError for a distant server without TLS, and for half a login; `email_invalid` for the sender."""
        parse_email(self.sender)
        if self.security is Security.NONE and self.host not in LOOPBACK:
            raise ValueError("e-mail leaves this machine by TLS only")
        if (self.user is None) != (self.password is None):
            raise ValueError("a login is a user and a password")

    @property
    def domain(self) -> str:
        """The domain of the sender, by which we also greet."""
        return parse_email(self.sender).rpartition("@")[2]


class _Session(smtplib.SMTP):
    """A session that ends at a deadline whatever the server does; a wait for one answer alone has no such end."""

    def __init__(self, server: MailServer, context: ssl.SSLContext) -> None:
        self._context = context if server.security is Security.TLS else None
        self._deadline = Timer(server.whole_seconds, self._cut_off)
        self._deadline.daemon = True
        self._cut = False
        try:
            super().__init__(server.host, server.port, local_hostname=server.domain, timeout=server.step_seconds)
        except BaseException:
            self.close()
            raise

    def connect(self, host: str = "localhost", port: int = 0, source_address: Any = None) -> tuple[int, bytes]:
        self._deadline.start()
        return super().connect(host, port, source_address)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        self.sock = socket.create_connection((host, port), timeout=timeout)
        if self._context:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=host)
        if self._cut:
            raise TimeoutError  # the deadline passed before there was anything to cut
        return self.sock

    def close(self) -> None:
        self._deadline.cancel()
        super().close()

    def _cut_off(self) -> None:
        self._cut = True
        if (connection := self.sock) is not None:
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


class Mailer:
    """Sends e-mail by one server; safe for one thread at a time."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._tls = server.tls or ssl.create_default_context()

    def send(self, mail: Letter) -> Outcome:
        """Hands one e-mail over; never called while a database transaction is open.

        Raises:
            DomainError: `email_invalid`, `message_empty`, `message_field_invalid`; nothing was sent.
        """
        content = written(mail, self._server).as_bytes()
        try:
            with _open(self._server, self._tls) as session:
                self._introduce(session)
                return _hand_over(session, self._server.sender, parse_email(mail.to), content)
        except (ssl.SSLCertVerificationError, smtplib.SMTPNotSupportedError) as error:
            return Outcome(SendResult.HALTED, _reason(error))
        except smtplib.SMTPResponseException as error:
            final = 500 <= error.smtp_code <= 599
            return Outcome(SendResult.HALTED if final else SendResult.RETRYABLE, _reason(error))
        except (smtplib.SMTPException, OSError) as error:
            return Outcome(SendResult.RETRYABLE, _reason(error))

    def _introduce(self, session: smtplib.SMTP) -> None:
        """Greets, secures the connection and logs in; without TLS where it was asked for, nothing goes on."""
        session.ehlo_or_helo_if_needed()
        if self._server.security is Security.STARTTLS:
            session.starttls(context=self._tls)
            session.ehlo_or_helo_if_needed()
        if self._server.user is not None and self._server.password is not None:
            session.login(self._server.user, self._server.password)


@contextmanager
def _open(server: MailServer, context: ssl.SSLContext) -> Iterator[smtplib.SMTP]:
    session = _Session(server, context)
    try:
        yield session
    finally:
        with suppress(OSError, smtplib.SMTPException):
            session.putcmd("quit")  # its answer is not waited for
        session.close()


def _hand_over(session: smtplib.SMTP, sender: str, to: str, content: bytes) -> Outcome:
    """The envelope and the content; from the moment the content leaves, silence means that nobody knows."""
    refusals: list[tuple[Callable[[], tuple[int, bytes]], SendResult]] = [
        (lambda: session.mail(sender), SendResult.HALTED),
        (lambda: session.rcpt(to), SendResult.REJECTED),
        (lambda: session.docmd("data"), SendResult.REJECTED),
    ]
    for step, refused in refusals:
        code, _ = step()
        if not 200 <= code <= 399:
            return Outcome(refused if 500 <= code <= 599 else SendResult.RETRYABLE, f"SMTP {code}")
    try:
        session.send(_stuffed(content))
        code, _ = session.getreply()
    except (smtplib.SMTPException, OSError) as error:
        return Outcome(SendResult.OUTCOME_UNKNOWN, type(error).__name__)
    return Outcome(_of_content(code), "" if code // 100 == 2 else f"SMTP {code}")


def _of_content(code: int) -> SendResult:
    by_class = {2: SendResult.ACCEPTED, 4: SendResult.RETRYABLE, 5: SendResult.REJECTED}
    return by_class.get(code // 100, SendResult.OUTCOME_UNKNOWN)


def _stuffed(content: bytes) -> bytes:
    """The content as DATA wants it: a point at the start of a line doubled, a line with one point at the end."""
    ended = content if content.endswith(b"\r\n") else content + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", ended) + b".\r\n"


def _reason(error: Exception) -> str:
    """What went wrong, in words that hold nothing of what the server said."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"SMTP {error.smtp_code}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the server's certificate is not trusted"
    return type(error).__name__


def written(mail: Letter, server: MailServer) -> EmailMessage:
    """The message with its headers, all of ASCII on the wire.

    Raises:
        DomainError: `email_invalid`; `message_empty` without a subject; `message_field_invalid` for a subject or name
            that is not one line, as one would be that smuggles in a header.
    """
    if mail.text.subject is None:
        raise DomainError("message_empty")
    for name, value in (("subject", mail.text.subject), ("sender", mail.sender_name)):
        if not value.isprintable() or len(value) > 100:
            raise DomainError("message_field_invalid", field=name, most=100)
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(mail.sender_name, addr_spec=parse_email(server.sender))
    message["To"] = Address(addr_spec=parse_email(mail.to))
    message["Subject"] = mail.text.subject
    message["Date"] = format_datetime(mail.written_at)
    message["Message-ID"] = f"<{mail.uuid}@{server.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices come back
    message.set_content(mail.text.body, cte="quoted-printable")
    message["Content-Language"] = mail.language.value
    return message
