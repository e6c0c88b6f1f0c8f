"""The gateway over SOAP and HTTP; the only importer of zeep.

zeep builds the envelope from the contract and sends it; the answer is read by `answers`, so that no verification and no
schema of ours can hide what the central system said. Nothing is resent behind the caller's back, every call has its
timeouts, and nothing is logged here.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import zeep
import zeep.exceptions
from urllib3.exceptions import HTTPError, NewConnectionError
from zeep.transports import Transport
from zeep.wsdl.bindings.soap import SoapBinding

from mobile_units.clock import monotonic
from mobile_units.transmission.answers import MAX_BYTES, UnreadableAnswerError, mask, parse, read, stated
from mobile_units.transmission.context import CallContext
from mobile_units.transmission.encode import LOOKUP, OPERATIONS, EncodedCall, encode, encode_lookup
from mobile_units.transmission.gateway import (
    Delivered,
    Halted,
    Outcome,
    OutcomeUnknown,
    Presence,
    Rejected,
    Retryable,
    classify,
)
from mobile_units.transmission.messages import Message, personal_values

CONTRACT_MISMATCH = "contract_mismatch"
"""The code of a message that the contract has no place for; it never left."""

_STATES = {"PRZYJETY": Presence.PRESENT, "NIEZNANY": Presence.ABSENT}
_UNBUILDABLE = (zeep.exceptions.Error, TypeError, ValueError)


class ContractError(Exception):
    """The WSDL cannot be used: it has no SOAP binding, no such context header or lacks operations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapSettings:
    """How the central system is reached.

    `wsdl` is a path or an address; `address` is where calls go, whatever the WSDL says. `operation_names` gives the
    contract's names to operations that it calls differently from us. `read_seconds` bounds the wait for the first byte
    of an answer and, counted again, for the rest of it.
    """

    wsdl: Path | str
    address: str
    context: CallContext
    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    operation_names: Mapping[str, str] = field(default_factory=dict)


class SoapGateway:
    """The central system over SOAP; keeps its connection open between calls, so one gateway per thread."""

    def __init__(self, settings: SoapSettings) -> None:
        """Loads the contract.

        Raises:
            ContractError: if the contract cannot carry our messages.
        """
        self._transport = _Transport(settings)
        client = _client(settings, self._transport)
        client.set_default_soapheaders([_context_header(client, settings.context)])
        binding = _soap_binding(client)
        self._names = _operation_names(binding, settings.operation_names)
        self._service = client.create_service(binding.name, settings.address)

    def send(self, message: Message) -> Outcome:
        """Hands one message over; whatever happens becomes an outcome."""
        personal = personal_values(message)
        try:
            answer = self._call(encode(message))
        except requests.RequestException as error:
            return _unanswered(error)
        except _UNBUILDABLE as error:
            return Rejected(code=CONTRACT_MISMATCH, rule=None, description=mask(str(error), personal))
        try:
            return classify(read(parse(answer.content), personal))
        except UnreadableAnswerError as error:
            return _unreadable(answer.status, str(error))

    def lookup(self, message: Message) -> Presence:
        """Asks whether a message was accepted."""
        if LOOKUP not in self._names:
            return Presence.UNSUPPORTED
        try:
            content = parse(self._call(encode_lookup(message)).content)
            answered = isinstance(classify(read(content)), Delivered)
        except (requests.RequestException, UnreadableAnswerError):
            return Presence.UNANSWERED
        return _STATES.get(stated(content), Presence.UNANSWERED) if answered else Presence.UNANSWERED

    def close(self) -> None:
        """Closes the connection."""
        self._transport.session.close()

    def _call(self, call: EncodedCall) -> "_HttpAnswer":
        answer: _HttpAnswer = self._service[self._names[call.operation]](**call.arguments)
        return answer


@dataclass(frozen=True, slots=True)
class _HttpAnswer:
    status: int
    content: bytes = field(repr=False)


class _Transport(Transport):
    """zeep's transport without its logging of bodies, with bounded answers and with non-ASCII actions."""

    def __init__(self, settings: SoapSettings) -> None:
        session = requests.Session()
        session.trust_env = False  # neither a .netrc nor a proxy of the shell decides where patients' data goes
        session.headers["Accept-Encoding"] = "identity"
        super().__init__(session=session, timeout=settings.read_seconds)  # type: ignore[no-untyped-call]  # zeep is untyped
        self._timeouts = (settings.connect_seconds, settings.read_seconds)

    def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> _HttpAnswer:
        """Sends one envelope; redirects are answers, not instructions."""
        encoded = {name: value.encode() for name, value in headers.items()}
        with self.session.post(
            address, data=message, headers=encoded, timeout=self._timeouts, stream=True, allow_redirects=False
        ) as response:
            return _HttpAnswer(response.status_code, self._content(response))

    def _content(self, response: requests.Response) -> bytes:
        """The body; a truncated, endless or dripping one is an error of the connection."""
        try:
            return self._read(response.raw)
        except HTTPError as error:
            raise requests.ConnectionError("the answer broke off") from error

    def _read(self, stream: Any) -> bytes:
        deadline = monotonic() + self._timeouts[1]
        content = bytearray()
        while chunk := stream.read1(65536, decode_content=False):
            content += chunk
            if len(content) > MAX_BYTES:
                raise requests.ConnectionError("the answer is too long")
            if monotonic() > deadline:
                raise requests.ReadTimeout("the answer takes too long")
        return bytes(content)


def _client(settings: SoapSettings, transport: "_Transport") -> zeep.Client:
    try:
        return zeep.Client(str(settings.wsdl), transport=transport, settings=_zeep_settings())
    except (zeep.exceptions.Error, requests.RequestException, OSError) as error:
        raise ContractError(f"the WSDL cannot be read: {type(error).__name__}") from error


def _zeep_settings() -> zeep.Settings:
    return zeep.Settings(strict=True, raw_response=True, forbid_dtd=True, forbid_entities=True, forbid_external=True)


def _context_header(client: zeep.Client, context: CallContext) -> Any:
    try:
        element = client.get_element(context.element)
    except (zeep.exceptions.LookupError, zeep.exceptions.NamespaceError):
        raise ContractError(f"the WSDL does not know the header {context.element}") from None
    return element(atrybut=context.attributes())


def _soap_binding(client: zeep.Client) -> SoapBinding:
    found = [binding for binding in client.wsdl.bindings.values() if isinstance(binding, SoapBinding)]
    if not found:
        raise ContractError("the WSDL has no SOAP binding")
    return found[0]


def _operation_names(binding: SoapBinding, given: Mapping[str, str]) -> dict[str, str]:
    """From our names of operations to those of the contract; without the lookup if the contract has none."""
    there = {fold(name): name for name in binding.all()}
    names = {ours: there.get(fold(given.get(ours, ours)), "") for ours in (*OPERATIONS.values(), LOOKUP)}
    missing = [ours for ours, name in names.items() if not name and ours != LOOKUP]
    if missing:
        raise ContractError("the WSDL has no operation " + ", ".join(missing))
    return {ours: name for ours, name in names.items() if name}


def fold(name: str) -> str:
    """The name without case and diacritics: contracts may or may not spell them."""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("ł", "l"))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _unanswered(error: requests.RequestException) -> Outcome:
    """Without proof that nothing was sent, the outcome is unknown."""
    reason = type(error).__name__
    return Retryable(reason=reason) if _never_sent(error) else OutcomeUnknown(reason=reason)


def _never_sent(error: requests.RequestException) -> bool:
    if isinstance(error, (requests.ConnectTimeout, requests.exceptions.InvalidURL)):
        return True
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(cause, NewConnectionError)


def _unreadable(status: int, reason: str) -> Outcome:
    """What an HTTP status means when no SOAP answer explains it."""
    reason = f"HTTP {status}: {reason}"
    if status in {401, 403}:
        return Halted(reason=reason, code=f"http_{status}")
    if 300 <= status < 500 or status == 503:
        return Retryable(reason=reason, code=f"http_{status}")
    return OutcomeUnknown(reason=reason)
