"""SOAP requests answered: parsed with suspicion, validated by the contract, carried out, and answered as P1 answers.

A text that is sent back names places in a request and rules, never the values that came.
"""

import logging
import sqlite3
from dataclasses import dataclass
from uuid import uuid4

from lxml import etree

from mobile_units.sandbox.contract import Contract, Operation
from mobile_units.sandbox.operations import OPERATIONS, DuplicateMessage
from mobile_units.sandbox.rules import MEANINGS, RuleBroken
from mobile_units.sandbox.state import SandboxState

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
COMMON = "http://csioz.gov.pl/p1/wspolne/mt/v0"
CONTEXT = "http://csioz.gov.pl/p1/kontekst/mt/"
CODE = "urn:csioz:p1:kod:"
STORE_FAILED = "bladZapisu"
REQUIRED_ATTRIBUTES = frozenset(
    {
        "idPodmiotuOidRoot",
        "idPodmiotuOidExt",
        "idUzytkownikaOidRoot",
        "idUzytkownikaOidExt",
        "idMiejscaPracyOidRoot",
        "idMiejscaPracyOidExt",
        "rolaBiznesowa",
    }
)
"""The attributes that a call context must give, whatever their prefix."""

logger = logging.getLogger(__name__)


class Fault(Exception):  # noqa: N818  # the SOAP word
    """A request that cannot be carried out for a technical reason, by the code of P1."""

    def __init__(self, code: str, description: str) -> None:
        self.code = code
        self.description = description
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is valid by the contract."""

    operation: Operation
    content: etree._Element


class SandboxService:
    """The central system as far as the contract shows it."""

    def __init__(self, contract: Contract, state: SandboxState) -> None:
        self._contract = contract
        self._state = state

    def answer(self, body: bytes, action: str) -> tuple[int, bytes]:
        """The HTTP status and the envelope that answer a request sent under this SOAPAction."""
        try:
            request = self._read(body, action)
            return 200, self._carry_out(request)
        except Fault as fault:
            logger.info("fault %s", fault.code)
            return 500, _fault(fault)

    def _read(self, body: bytes, action: str) -> Request:
        envelope = _parse(body)
        content = _single(envelope)
        operation = self._contract.operations.get(str(content.tag))
        if operation is None:
            raise Fault("niepoprawnyKomunikat", "Nieznana operacja.")
        if action.strip('"') != operation.action:
            raise Fault("niepoprawnyKomunikat", "SOAPAction nie zgadza się z treścią.")
        _check_context(envelope)
        self._validate(content)
        return Request(operation, content)

    def _validate(self, content: etree._Element) -> None:
        with self._contract.turn:
            if self._contract.schema.validate(content):
                return
            problem = self._contract.schema.error_log.last_error  # type: ignore[attr-defined]  # absent from lxml-stubs
        raise Fault("niepoprawnyKomunikat", f"Niezgodność ze schematem: {problem.type_name} w {problem.path}.")

    def _carry_out(self, request: Request) -> bytes:
        try:
            with self._state.transaction() as state:
                extra = OPERATIONS[request.operation.name](state, request.content)
        except RuleBroken as broken:
            return self._refusal(request, "BladWeryfikacjiRegul", f"{broken.rule}: {MEANINGS[broken.rule]}")
        except DuplicateMessage:
            return self._refusal(request, "DuplikatKomunikatu", "Komunikat został przyjęty wcześniej.")
        except ValueError:
            raise Fault("niepoprawnyKomunikat", "Wartość poza zakresem.") from None
        except sqlite3.Error:
            raise Fault(STORE_FAILED, "Stanu nie udało się zapisać.") from None
        logger.info("accepted %s", request.operation.name)
        return _result(request.operation, {"major": f"{CODE}major:Sukces"}, extra)

    def _refusal(self, request: Request, minor: str, text: str) -> bytes:
        logger.info("refused %s: %s", request.operation.name, minor)
        result = {
            "major": f"{CODE}major:BladWeryfikacjiDokumentu",
            "minor": f"{CODE}minor:{minor}",
            "komunikat": text,
        }
        return _result(request.operation, result, [])


def _parse(body: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        envelope = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        raise Fault("niepoprawnyKomunikat", "Treść nie jest poprawnym XML.") from None
    if envelope.getroottree().docinfo.internalDTD is not None:
        raise Fault("niepoprawnyKomunikat", "DTD jest niedozwolone.")
    return envelope


def _single(envelope: etree._Element) -> etree._Element:
    contents = envelope.findall(f"{{{SOAP}}}Body/*") if envelope.tag == f"{{{SOAP}}}Envelope" else []
    if len(contents) != 1:
        raise Fault("niepoprawnyKomunikat", "Brak koperty SOAP 1.1 z jedną treścią.")
    return contents[0]


def _check_context(envelope: etree._Element) -> None:
    """The header says on whose behalf the call is made; any version and prefix of it will do."""
    contexts = envelope.findall(f"{{{SOAP}}}Header/{{*}}kontekstWywolania")
    if len(contexts) != 1 or not (etree.QName(contexts[0]).namespace or "").startswith(CONTEXT):
        raise Fault("bladKontekstu", "Brak nagłówka kontekstWywolania.")
    given = {
        attribute.get("nazwa", "").rpartition(":")[2]
        for attribute in contexts[0].iterfind("{*}atrybut")
        if (attribute.findtext("{*}wartosc") or "").strip()
    }
    if missing := REQUIRED_ATTRIBUTES - given:
        raise Fault("bladKontekstu", "Brak atrybutów: " + ", ".join(sorted(missing)) + ".")


def _result(operation: Operation, result: dict[str, str], extra: list[etree._Element]) -> bytes:
    answer = etree.Element(operation.response)
    outcome = etree.SubElement(answer, "wynik")
    for name, text in result.items():
        etree.SubElement(outcome, f"{{{COMMON}}}{name}").text = text
    answer.extend(extra)
    return _envelope(answer)


def _fault(fault: Fault) -> bytes:
    answer = etree.Element(f"{{{SOAP}}}Fault")
    etree.SubElement(answer, "faultcode").text = "soap:Server" if fault.code == STORE_FAILED else "soap:Client"
    etree.SubElement(answer, "faultstring").text = "Operacja nie została wykonana."
    errors = etree.SubElement(etree.SubElement(answer, "detail"), f"{{{COMMON}}}bledyOperacji")
    error = etree.SubElement(errors, f"{{{COMMON}}}blad")
    etree.SubElement(error, f"{{{COMMON}}}kodBleduMajor").text = f"{CODE}major:{fault.code}"
    etree.SubElement(error, f"{{{COMMON}}}opis").text = f"{fault.description} Zdarzenie: {uuid4()}"
    return _envelope(answer)


def _envelope(content: etree._Element) -> bytes:
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    etree.SubElement(envelope, f"{{{SOAP}}}Body").append(content)
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
