"""The contract as the sandbox reads it: its operations by their request element, and the schema of their requests."""

from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from threading import Lock

from lxml import etree

_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_SOAP = "{http://schemas.xmlsoap.org/wsdl/soap/}"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: its name, its SOAPAction and the qualified name of the element that answers it."""

    name: str
    action: str
    response: str


@dataclass(frozen=True, slots=True)
class Contract:
    """What a request may be; `operations` are keyed by the qualified name of the request's element.

    The schema keeps its findings until it is used again, so threads take turns with it.
    """

    operations: dict[str, Operation]
    schema: etree.XMLSchema
    turn: Lock = field(default_factory=Lock)


def load() -> Contract:
    """Reads the contract that is part of this package."""
    with as_file(files("mobile_units").joinpath("transmission/contract")) as folder:
        return Contract(
            operations=_operations(etree.parse(folder / "cer.wsdl").getroot()), schema=_schema(folder / "cer-ws.xsd")
        )


def _schema(path: Path) -> etree.XMLSchema:
    return etree.XMLSchema(file=path)


def _operations(wsdl: etree._Element) -> dict[str, Operation]:
    elements = {message.get("name", ""): _part(message) for message in wsdl.iterfind(f"{_WSDL}message")}
    found = {}
    for node in wsdl.iterfind(f"{_WSDL}portType/{_WSDL}operation"):
        name = node.get("name", "")
        request, response = (elements[_local(node, side)] for side in ("input", "output"))
        found[request] = Operation(name, _action(wsdl, name), response)
    return found


def _part(message: etree._Element) -> str:
    prefix, _, name = message[0].get("element", "").partition(":")
    return f"{{{message.nsmap[prefix]}}}{name}"


def _local(operation: etree._Element, side: str) -> str:
    node = operation.find(f"{_WSDL}{side}")
    return "" if node is None else node.get("message", "").rpartition(":")[2]


def _action(wsdl: etree._Element, name: str) -> str:
    node = wsdl.find(f"{_WSDL}binding/{_WSDL}operation[@name='{name}']/{_SOAP}operation")
    return "" if node is None else node.get("soapAction", "")
