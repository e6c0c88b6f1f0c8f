"""The gateway over SOAP and HTTP; the only importer of zeep.

zeep builds the envelope from the contract; it is signed last and sent as it is. The answer is read by `answers`, so
that no verification and no schema of ours can hide what the central system said: a signature that is missing or wrong
takes away belief in an acceptance, never the text of a refusal. Nothing is resent behind the caller's back, every call
has its timeouts, and nothing is logged here.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import requests
import zeep
import zeep.exceptions
from lxml import etree
from zeep.transports import Transport
from zeep.wsdl.bindings.soap import SoapBinding

from mobile_units import clock
from mobile_units.transmission import decode
from mobile_units.transmission.answers import UnreadableAnswerError, mask, parse, read, stated
from mobile_units.transmission.certificates import Credentials
from mobile_units.transmission.context import CallContext
from mobile_units.transmission.dialect import DEFAULT, Dialect, names_there, word_of
from mobile_units.transmission.encode import EncodedCall, encode, encode_changes, encode_lookup
from mobile_units.transmission.gateway import (
    AlreadyDelivered,
    Delivered,
    Halted,
    Outcome,
    OutcomeUnknown,
    Presence,
    Rejected,
    Retryable,
    classify,
)
from mobile_units.transmission.messages import ChangesPage, ChangesQuery, LoadedVisits, Message, personal_values
from mobile_units.transmission.security import SignatureError, Signer, Verifier
from mobile_units.transmission.sent import masked
from mobile_units.transmission.transport import (
    HttpAnswer,
    HttpConnection,
    NoAnswerError,
    NotLetInError,
    WireError,
)

CONTRACT_MISMATCH = "contract_mismatch"
"""The code of a message that the contract has no place for; it never left."""

Told = TypeVar("Told")
_UNBUILDABLE = (zeep.exceptions.Error, TypeError, ValueError)


class ContractError(Exception):
    """The WSDL cannot be used: it has no SOAP binding, no such context header or lacks operations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapSettings:
    """How the central system is reached.

    `wsdl` is a path or an address; `address` is where calls go, whatever the WSDL says. `dialect` has
    the contract's names and codes; `credentials` say who calls and whom it believes. `read_seconds` bounds the wait for
    the first byte of an answer and, counted again, for the rest of it.
    """

    wsdl: Path | str
    address: str
    context: CallContext
    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    dialect: Dialect = DEFAULT
    credentials: Credentials = field(default_factory=Credentials)


class SoapGateway:
    """The central system over SOAP; keeps its connection open between calls, so one gateway per thread."""

    def __init__(self, settings: SoapSettings) -> None:
        """Loads the contract.

        Raises:
            ContractError: if the contract cannot carry our messages.
            CertificateError: if the credentials are not fit for TLS.
        """
        self._transport = _Transport(settings)
        client = _client(settings, self._transport)
        client.set_default_soapheaders([_context_header(client, settings.context)])
        binding = soap_binding(client)
        self._dialect = settings.dialect
        self._names = _operation_names(binding, settings.dialect)
        self._service = client.create_service(binding.name, settings.address)
        self._verifier = _verifier(settings.credentials)
        self._signing = settings.credentials.signing
        self._last: tuple[etree._Element, Collection[str]] | None = None

    @property
    def certificate(self) -> str | None:
        """The fingerprint of the certificate that signs."""
        return self._signing.fingerprint if self._signing else None

    @property
    def last_sent(self) -> bytes | None:
        """What the last call to `send` sent, masked; None if nothing left."""
        return masked(*self._last) if self._last else None

    def send(self, message: Message) -> Outcome:
        """Hands one message over; whatever happens becomes an outcome."""
        personal = personal_values(message)
        outcome = self._outcome(message, personal)
        left = self._transport.left
        self._last = None if left is None else (left, personal)
        return outcome

    def lookup(self, message: Message) -> Presence | Halted:
        """Asks whether a message was accepted."""
        call = encode_lookup(message, self._dialect)
        if call is None or call.operation not in self._names:
            return Presence.UNSUPPORTED

        def told(content: etree._Element, outcome: Outcome) -> Presence | Outcome:
            state = word_of(self._dialect.message_states, stated(content)) if isinstance(outcome, Delivered) else None
            return state or outcome

        answer = self._ask(lambda: call, told)
        return answer if isinstance(answer, (Presence, Halted)) else Presence.UNANSWERED

    def changes(self, query: ChangesQuery) -> ChangesPage | Retryable | Rejected | Halted:
        """Asks which visits changed at the centre."""
        call = encode_changes(query, self._dialect)
        if call is None or call.operation not in self._names:
            return Rejected(code=CONTRACT_MISMATCH, rule=None, description="the contract does not tell changes")

        def told(content: etree._Element, outcome: Outcome) -> ChangesPage | Outcome:
            return decode.changes_page(content, self._dialect) if isinstance(outcome, Delivered) else outcome

        outcome = self._ask(lambda: call, told)
        if isinstance(outcome, (ChangesPage, Retryable, Rejected, Halted)):
            return outcome
        return Retryable(reason=outcome.reason if isinstance(outcome, OutcomeUnknown) else "the answer has no changes")

    def close(self) -> None:
        """Closes the connection."""
        self._transport.http.close()

    def _call(self, call: EncodedCall) -> HttpAnswer:
        self._transport.left = None
        answer: HttpAnswer = self._service[self._names[call.operation]](**call.arguments)
        return answer

    def _outcome(self, message: Message, personal: Collection[str]) -> Outcome:
        def told(content: etree._Element, outcome: Outcome) -> Outcome:
            if isinstance(outcome, Delivered) and isinstance(message, LoadedVisits):
                return replace(outcome, refused=decode.refused_visits(content, personal))
            return outcome

        return self._ask(lambda: encode(message, self._dialect), told, personal)

    def _ask(
        self,
        make: Callable[[], EncodedCall],
        told: Callable[[etree._Element, Outcome], Told],
        personal: Collection[str] = (),
    ) -> Told | Outcome:
        """One call: what the answer tells besides its outcome, or the outcome of one that told nothing."""
        try:
            answer = self._call(make())
        except WireError as error:
            return _unanswered(error)
        except _UNBUILDABLE as error:
            return Rejected(code=CONTRACT_MISMATCH, rule=None, description=mask(str(error), personal))
        try:
            content = parse(answer.content)
            return told(content, self._classified(content, personal))
        except UnreadableAnswerError as error:
            return _unreadable(answer.status, str(error))

    def _classified(self, content: etree._Element, personal: Collection[str] = ()) -> Outcome:
        """What an answer means, as far as its signature makes it believable."""
        outcome = classify(read(content, personal), self._dialect.duplicate)
        try:
            if self._verifier:
                self._verifier.verify(content.getroottree().getroot(), clock.now())
        except SignatureError as error:
            return _doubted(outcome, str(error))
        return outcome


class _Transport(Transport):
    """zeep's transport over a connection of ours, without its logging of bodies; `left` is the envelope last sent."""

    def __init__(self, settings: SoapSettings) -> None:
        self.http = HttpConnection(settings.credentials, settings.connect_seconds, settings.read_seconds)
        super().__init__(session=self.http.session, timeout=settings.read_seconds)  # type: ignore[no-untyped-call]  # zeep is untyped
        self.left: etree._Element | None = None
        signing = settings.credentials.signing
        self._signer = Signer(signing) if signing else None

    def post_xml(self, address: str, envelope: etree._Element, headers: Mapping[str, str]) -> HttpAnswer:
        """Signs an envelope and sends it."""
        if self._signer:
            self._signer.sign(envelope, clock.now())
        self.left = envelope
        try:
            return self.http.post(address, etree.tostring(envelope, xml_declaration=True, encoding="utf-8"), headers)
        except WireError as error:
            self.left = envelope if error.left else None
            raise


def _client(settings: SoapSettings, transport: "_Transport") -> zeep.Client:
    try:
        return zeep.Client(str(settings.wsdl), transport=transport, settings=zeep_settings(settings.wsdl))
    except (zeep.exceptions.Error, requests.RequestException, OSError) as error:
        raise ContractError(f"the WSDL cannot be read: {type(error).__name__}") from error


def zeep_settings(wsdl: Path | str) -> zeep.Settings:
    """How a contract is read: without entities and DTDs, and over the network only if it comes from there itself."""
    local = not str(wsdl).startswith(("http://", "https://"))
    return zeep.Settings(strict=True, raw_response=True, forbid_dtd=True, forbid_entities=True, forbid_external=local)


def _context_header(client: zeep.Client, context: CallContext) -> etree._Element:
    """The header as it is sent with every call; made once, for zeep would render it anew each time."""
    try:
        element = client.get_element(context.element)
    except (zeep.exceptions.LookupError, zeep.exceptions.NamespaceError):
        raise ContractError(f"the WSDL does not know the header {context.element}") from None
    parent = etree.Element("parent")
    element.render(parent, element(atrybut=context.attributes()))
    return parent[0]


def soap_binding(client: zeep.Client) -> SoapBinding:
    """The binding that is used: the first over SOAP.

    Raises:
        ContractError: if there is none.
    """
    found = [binding for binding in client.wsdl.bindings.values() if isinstance(binding, SoapBinding)]
    if not found:
        raise ContractError("the WSDL has no SOAP binding")
    return found[0]


def _operation_names(binding: SoapBinding, dialect: Dialect) -> dict[str, str]:
    """From the dialect's names of operations to their spelling in the contract, without those that it may lack."""
    names = names_there(dialect.operation_names(), binding.all())
    missing = [name for name in dialect.required() if name not in names]
    if missing:
        raise ContractError("the WSDL has no operation " + ", ".join(missing))
    return names


def _verifier(credentials: Credentials) -> Verifier | None:
    ours = credentials.signing.certificate if credentials.signing else None
    return Verifier(credentials.signers, ours) if credentials.signers else None


def _unanswered(error: WireError) -> Outcome:
    """Without proof that the message was not carried out, the outcome is unknown."""
    if isinstance(error, NotLetInError):
        return Halted(reason=str(error), code=error.code)
    return OutcomeUnknown(reason=str(error)) if isinstance(error, NoAnswerError) else Retryable(reason=str(error))


def _doubted(outcome: Outcome, why: str) -> Outcome:
    """An answer without proof of its origin: not enough to rely on, but not to be withheld from anybody either."""
    if isinstance(outcome, (Delivered, AlreadyDelivered)):
        return OutcomeUnknown(reason=f"accepted, but {why}")
    if isinstance(outcome, Rejected):
        return replace(outcome, description=f"{outcome.description} [{why}]")
    return replace(outcome, reason=f"{outcome.reason} [{why}]")


def _unreadable(status: int, reason: str) -> Outcome:
    """What an HTTP status means when no SOAP answer explains it."""
    reason = f"HTTP {status}: {reason}"
    if status in {401, 403}:
        return Halted(reason=reason, code=f"http_{status}")
    if 300 <= status < 500 or status == 503:
        return Retryable(reason=reason, code=f"http_{status}")
    return OutcomeUnknown(reason=reason)
