"""Text messages by one gateway over HTTPS, each under a key that is the same at every attempt.

Whether a request can have been carried out is not guessed from an exception: the body knows whether it was fetched
for sending. The key, never the number, is what a look-up puts into an address.
"""

import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import requests
from urllib3.exceptions import HTTPError

from mobile_units.clock import monotonic
from mobile_units.errors import DomainError
from mobile_units.messaging.sms_api import SmsApi, filled
from mobile_units.rules.contacts import parse_telephone, takes_sms
from mobile_units.rules.deliveries import Found, Memory, Outcome, Presence, SendResult
from mobile_units.rules.messages import MOST_SEGMENTS, Text
from mobile_units.rules.segments import measured

MOST_BYTES = 65_536
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
NOT_LET_IN = frozenset({401, 402, 403})
"""Who we are, what we may, or that nothing is left to pay with: the next message would be answered likewise."""
NOT_TAKEN = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class SmsAccount:
    """A gateway and our account there; `sender` is the name or number that the gateway has agreed to show."""

    url: str
    api: SmsApi
    secret: str = field(repr=False)
    sender: str
    connect_seconds: float = 5.0
    read_seconds: float = 15.0

    def __post_init__(self) -> None:
        """ValueError unless the address is HTTPS or on this machine."""
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise ValueError("text messages leave this machine by HTTPS only")
        if parts.query or parts.fragment or parts.username:
            raise ValueError("the address of a gateway has neither a query nor a user")

    def memory(self, first_attempt: datetime, now: datetime) -> Memory:
        """What the gateway still knows now of a message that was first tried then."""
        fresh = now - first_attempt < self.api.remembers
        return Memory(by_key=fresh and self.api.knows_keys, by_lookup=fresh and self.api.lookup is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    """A text message; `uuid` is that of its row."""

    uuid: UUID
    to: str = field(repr=False)
    text: Text = field(repr=False)


class _Body:
    """The body of a request, which knows whether it was fetched; that happens only on an open connection."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.left = False

    def __len__(self) -> int:
        return len(self._content)

    def __iter__(self) -> Iterator[bytes]:
        self.left = True
        yield self._content


class _UnreadableError(requests.RequestException):
    """The answer is too long or takes too long."""


class SmsGateway:
    """Sends text messages by one account; one gateway belongs to one thread. Nothing of it has to be closed."""

    def __init__(self, account: SmsAccount) -> None:
        self._account = account
        self._session = requests.Session()
        self._session.trust_env = False  # neither a .netrc nor a proxy of the shell decides where numbers go
        login = filled(account.api.login_value, {"secret": account.secret})
        self._headers = {account.api.login_header: login, "Accept-Encoding": "identity", "Connection": "close"}

    def send(self, sms: Sms) -> Outcome:
        """Hands one text message over; never called while a database transaction is open.

        Raises:
            DomainError: `telephone_invalid` for no number, or one that takes no SMS; `message_too_long`; nothing was
                sent.
        """
        api, body = self._account.api, _Body(self._content(sms))
        headers = self._headers | {"Content-Type": "application/json"}
        headers |= {api.key_header: str(sms.uuid)} if api.key_header else {}
        try:
            status, answer = self._ask("POST", api.path, headers, body)
        except requests.RequestException as error:
            return _no_answer(error, left=body.left)
        return self._meaning(status, answer)

    def lookup(self, uuid: UUID) -> Found:
        """Asks whether a message was taken; not before the settling time has passed since its last attempt."""
        lookup = self._account.api.lookup
        if lookup is None:
            return Found(Presence.UNANSWERED, reason="no look-up")
        try:
            status, answer = self._ask("GET", filled(lookup.path, {"key": str(uuid)}), self._headers, None)
        except requests.RequestException as error:
            return Found(Presence.UNANSWERED, reason=type(error).__name__)
        messages = _json(answer).get(lookup.messages)
        if status != requests.codes.ok or not isinstance(messages, list):
            return Found(Presence.UNANSWERED, reason=f"HTTP {status}")
        if not messages:
            return Found(Presence.ABSENT)
        first = messages[0] if isinstance(messages[0], dict) else {}
        return Found(Presence.PRESENT, reference=_reference(first, lookup.reference))

    def _content(self, sms: Sms) -> bytes:
        to = parse_telephone(sms.to)
        if not takes_sms(to):
            raise DomainError("telephone_invalid")
        if (segments := measured(sms.text.body).segments) > MOST_SEGMENTS:
            raise DomainError("message_too_long", segments=segments, most=MOST_SEGMENTS)
        values = {"to": to, "from": self._account.sender, "text": sms.text.body, "key": str(sms.uuid)}
        return json.dumps({name: filled(each, values) for name, each in self._account.api.fields.items()}).encode()

    def _meaning(self, status: int, answer: bytes) -> Outcome:
        """What a status says; one of a broken server or of a bridge before it says nothing about the message."""
        api, reason = self._account.api, f"HTTP {status}"
        reference = _reference(_json(answer), api.reference)
        if status in api.duplicate_statuses:
            return Outcome(SendResult.ALREADY_ACCEPTED, reason, reference)
        if 200 <= status <= 299:
            known = SendResult.ACCEPTED if reference else SendResult.OUTCOME_UNKNOWN
            return Outcome(known, "" if reference else reason, reference)
        if status in NOT_LET_IN or 300 <= status <= 399:
            return Outcome(SendResult.HALTED, reason)
        if status in NOT_TAKEN:
            return Outcome(SendResult.RETRYABLE, reason)
        return Outcome(SendResult.REJECTED if 400 <= status <= 499 else SendResult.OUTCOME_UNKNOWN, reason)

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: _Body | None) -> tuple[int, bytes]:
        """The status and the body of an answer; redirects are answers, not instructions.

        No connection is kept: a request over one that the gateway is just closing would be of unknown outcome.
        """
        timeouts = (self._account.connect_seconds, self._account.read_seconds)
        address = self._account.url.rstrip("/") + path
        try:
            with self._session.request(
                method, address, headers=headers, data=body, timeout=timeouts, stream=True, allow_redirects=False
            ) as response:
                return response.status_code, self._read(response.raw)
        finally:
            self._session.close()

    def _read(self, stream: Any) -> bytes:
        """The whole body; one that breaks off, drips or never ends is no answer."""
        deadline, content = monotonic() + self._account.read_seconds, bytearray()
        try:
            while chunk := stream.read1(MOST_BYTES, decode_content=False):
                content += chunk
                if len(content) > MOST_BYTES or monotonic() > deadline:
                    raise _UnreadableError
        except HTTPError:
            raise _UnreadableError from None
        return bytes(content)


def _no_answer(error: requests.RequestException, *, left: bool) -> Outcome:
    if left:
        return Outcome(SendResult.OUTCOME_UNKNOWN, type(error).__name__)
    if _distrusts(error):
        return Outcome(SendResult.HALTED, "the server's certificate is not trusted")
    return Outcome(SendResult.RETRYABLE, type(error).__name__)


def _distrusts(error: BaseException) -> bool:
    """Whether the certificate of the server is at the bottom; libraries keep that as an argument or as a reason."""
    inner = (*error.args, getattr(error, "reason", None))
    return isinstance(error, ssl.SSLCertVerificationError) or any(
        _distrusts(each) for each in inner if isinstance(each, BaseException)
    )


def _json(answer: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _reference(answer: Mapping[str, Any], name: str) -> str | None:
    """The gateway's name for a message, if it is a plain word; anything else could be a text or a number of a woman."""
    value = answer.get(name)
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if 0 < len(text) <= 64 and text.isascii() and text.isprintable() and not text.startswith("+") else None
