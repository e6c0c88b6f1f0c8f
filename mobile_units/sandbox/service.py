"""SOAP requests answered: parsed with suspicion, verified, validated by the contract, carried out, and answered as P1.

A text that is sent back names places in a request and rules, never the values that came.
"""

import logging
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from lxml import etree
from lxml.etree import _Element as Element

from mobile_units import clock
from mobile_units.sandbox.contract import Contract, Operation
from mobile_units.sandbox.faults import Disturbance, Kind
from mobile_units.sandbox.operations import COMMON, ONCE, OPERATIONS, Call, DuplicateMessage
from mobile_units.sandbox.rules import CODE, MEANINGS, SERVERS_CODES, Fault, RuleBroken
from mobile_units.sandbox.security import LIFE, SOAP, Security, SignedParts
from mobile_units.sandbox.state import SandboxState

CONTEXT = "http://csioz.gov.pl/p1/kontekst/mt/"
PROVIDER = "idPodmiotuOidExt"
REQUIRED_ATTRIBUTES = frozenset(
    {
        PROVIDER,
        "idPodmiotuOidRoot",
        "idUzytkownikaOidRoot",
        "idUzytkownikaOidExt",
        "idMiejscaPracyOidRoot",
        "idMiejscaPracyOidExt",
        "rolaBiznesowa",
    }
)
"""The attributes that a call context must give, whatever their prefix."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is valid by the contract, and the RPWDL book of the provider that makes it."""

    operation: Operation
    content: Element
    book: str


class SandboxService:
    """The central system as far as the contract shows it; with security it wants signatures and gives them."""

    def __init__(self, contract: Contract, state: SandboxState, security: Security | None = None) -> None:
        self._contract = contract
        self._state = state
        self._security = security
        self._names = {operation.action: operation.name for operation in contract.operations.values()}

    def operation_of(self, action: str) -> str | None:
        """The operation that a SOAPAction names."""
        return self._names.get(action.strip('"'))

    def answer(self, body: bytes, action: str, disturbance: Disturbance | None = None) -> tuple[int, bytes]:
        """The HTTP status and the envelope that answer a request sent under this SOAPAction.

        Of the disturbances a fault, a duplicate and a wrong clock are those of this place.
        """
        now = clock.now() + _skew(disturbance)
        try:
            _raise_wanted(disturbance)
            request = self._read(body, action, now)
            answer = self._carry_out(request, now, disturbance)
        except Fault as fault:
            logger.info("fault %s", fault.code)
            return 500, self._envelope(_fault(fault), now)
        return 200, self._envelope(answer, now)

    def _read(self, body: bytes, action: str, now: datetime) -> Request:
        envelope = _parse(body)
        signed = self._verified(envelope, now)
        content = _single(signed.body)
        operation = self._contract.operations.get(str(content.tag))
        if operation is None:
            raise Fault("niepoprawnyKomunikat", "Nieznana operacja.")
        if action.strip('"') != operation.action:
            raise Fault("niepoprawnyKomunikat", "SOAPAction nie zgadza się z treścią.")
        book = _calling_provider(signed.context)
        self._validate(content)
        return Request(operation, content, book)

    def _verified(self, envelope: Element, now: datetime) -> SignedParts:
        """The parts of a request; without security as they came, as long as the clock is not far off."""
        if self._security:
            return self._security.verify(envelope, now)
        if abs(now - clock.now()) > LIFE:
            raise Fault("przekroczonyCzas", "Zegary różnią się za bardzo.")
        contexts = envelope.findall(f"{{{SOAP}}}Header/{{*}}kontekstWywolania")
        return SignedParts(envelope.findall(f"{{{SOAP}}}Body")[0], contexts[0] if len(contexts) == 1 else None)

    def _validate(self, content: Element) -> None:
        if problem := self._contract.problem(content):
            raise Fault("niepoprawnyKomunikat", f"Niezgodność ze schematem: {problem}.")

    def _carry_out(self, request: Request, now: datetime, disturbance: Disturbance | None) -> Element:
        name = request.operation.name
        try:
            with self._state.transaction() as state:
                extra = OPERATIONS[name](Call(state, request.book, name, now), request.content)
        except RuleBroken as broken:
            return self._refusal(request, "BladWeryfikacjiRegul", f"{broken.rule}: {MEANINGS[broken.rule]}")
        except DuplicateMessage:
            return self._duplicate(request)
        except ValueError:
            raise Fault("niepoprawnyKomunikat", "Wartość poza zakresem.") from None
        except sqlite3.Error:
            raise Fault("bladZapisu", "Stanu nie udało się zapisać.") from None
        logger.info("accepted %s", name)
        if disturbance and disturbance.kind is Kind.DUPLICATE and name in ONCE:
            return self._duplicate(request)
        return _result(request.operation, {"major": f"{CODE}major:Sukces"}, extra)

    def _duplicate(self, request: Request) -> Element:
        return self._refusal(request, "DuplikatKomunikatu", "Komunikat został przyjęty wcześniej.")

    def _refusal(self, request: Request, minor: str, text: str) -> Element:
        logger.info("refused %s: %s", request.operation.name, minor)
        result = {
            "major": f"{CODE}major:BladWeryfikacjiDokumentu",
            "minor": f"{CODE}minor:{minor}",
            "komunikat": text,
        }
        return _result(request.operation, result, [])

    def _envelope(self, content: Element, now: datetime) -> bytes:
        if self._security:
            return self._security.sign(content, now)
        envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
        etree.SubElement(envelope, f"{{{SOAP}}}Body").append(content)
        return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def _raise_wanted(disturbance: Disturbance | None) -> None:
    if disturbance and disturbance.code:
        raise Fault(disturbance.code, "Błąd wywołany na życzenie.")


def _skew(disturbance: Disturbance | None) -> timedelta:
    """How far the clock is off."""
    if disturbance and disturbance.kind is Kind.CLOCK_SKEW and disturbance.seconds:
        return timedelta(seconds=disturbance.seconds)
    return timedelta(0)


def _parse(body: bytes) -> Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        envelope = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        raise Fault("niepoprawnyKomunikat", "Treść nie jest poprawnym XML.") from None
    if envelope.getroottree().docinfo.internalDTD is not None:
        raise Fault("niepoprawnyKomunikat", "DTD jest niedozwolone.")
    if envelope.tag != f"{{{SOAP}}}Envelope" or len(envelope.findall(f"{{{SOAP}}}Body")) != 1:
        raise Fault("niepoprawnyKomunikat", "Brak koperty SOAP 1.1 z jedną treścią.")
    return envelope


def _single(body: Element) -> Element:
    contents = body.findall("*")
    if len(contents) != 1:
        raise Fault("niepoprawnyKomunikat", "Brak koperty SOAP 1.1 z jedną treścią.")
    return contents[0]


def _calling_provider(context: Element | None) -> str:
    """The header says on whose behalf the call is made; any version and prefix of it will do."""
    if context is None or not (etree.QName(context).namespace or "").startswith(CONTEXT):
        raise Fault("bladKontekstu", "Brak nagłówka kontekstWywolania.")
    given = {
        attribute.get("nazwa", "").rpartition(":")[2]: value.strip()
        for attribute in context.iterfind("{*}atrybut")
        if (value := attribute.findtext("{*}wartosc") or "").strip()
    }
    if missing := REQUIRED_ATTRIBUTES - given.keys():
        raise Fault("bladKontekstu", "Brak atrybutów: " + ", ".join(sorted(missing)) + ".")
    return given[PROVIDER]


def _result(operation: Operation, result: dict[str, str], extra: list[Element]) -> Element:
    answer = etree.Element(operation.response)
    outcome = etree.SubElement(answer, "wynik")
    for name, text in result.items():
        etree.SubElement(outcome, f"{{{COMMON}}}{name}").text = text
    answer.extend(extra)
    return answer


def _fault(fault: Fault) -> Element:
    answer = etree.Element(f"{{{SOAP}}}Fault")
    etree.SubElement(answer, "faultcode").text = "soap:Server" if fault.code in SERVERS_CODES else "soap:Client"
    etree.SubElement(answer, "faultstring").text = "Operacja nie została wykonana."
    errors = etree.SubElement(etree.SubElement(answer, "detail"), f"{{{COMMON}}}bledyOperacji")
    error = etree.SubElement(errors, f"{{{COMMON}}}blad")
    etree.SubElement(error, f"{{{COMMON}}}kodBleduMajor").text = f"{CODE}major:{fault.code}"
    etree.SubElement(error, f"{{{COMMON}}}opis").text = f"{fault.description} Zdarzenie: {uuid4()}"
    return answer
