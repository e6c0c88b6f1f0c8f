"""The contract as the sandbox reads it: its operations by their request element, and the schema of their requests."""

from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from threading import Lock

from lxml import etree
from lxml.etree import _Element as Element

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

    def problem(self, content: Element) -> str | None:
        """What is wrong with a request or an answer, and where, without the value; None if nothing is."""
        with self.turn:
            if self.schema.validate(content):
                return None
            problem = self.schema.error_log.last_error  # type: ignore[attr-defined]  # absent from lxml-stubs
        return f"{problem.type_name} w {_place(content, problem.path)}"


def load() -> Contract:
    """Reads the contract that is part of this package."""
    with as_file(files("mobile_units").joinpath("transmission/contract")) as folder:
        return Contract(
            operations=_operations(etree.parse(folder / "cer.wsdl").getroot()), schema=_schema(folder / "cer-ws.xsd")
        )


def _place(content: Element, path: str) -> str:
    """The local names on the way to what the path of a finding leads to, which leaves out those without a prefix."""
    prefixes = {prefix: uri for each in content.iter("*") for prefix, uri in each.nsmap.items() if prefix}
    found = etree.ElementTree(content).xpath(path, namespaces=prefixes)
    if not isinstance(found, list) or not found or not isinstance(found[0], Element):
        return path
    way = [found[0], *found[0].iterancestors()]
    return "/".join(etree.QName(each).localname for each in reversed(way))


def _schema(path: Path) -> etree.XMLSchema:
    return etree.XMLSchema(file=path)


def _operations(wsdl: Element) -> dict[str, Operation]:
    elements = {message.get("name", ""): _part(message) for message in wsdl.iterfind(f"{_WSDL}message")}
    found = {}
    for node in wsdl.iterfind(f"{_WSDL}portType/{_WSDL}operation"):
        name = node.get("name", "")
        request, response = (elements[_local(node, side)] for side in ("input", "output"))
        found[request] = Operation(name, _action(wsdl, name), response)
    return found


def _part(message: Element) -> str:
    prefix, _, name = message[0].get("element", "").partition(":")
    return f"{{{message.nsmap[prefix]}}}{name}"


def _local(operation: Element, side: str) -> str:
    node = operation.find(f"{_WSDL}{side}")
    return "" if node is None else node.get("message", "").rpartition(":")[2]


def _action(wsdl: Element, name: str) -> str:
    node = wsdl.find(f"{_WSDL}binding/{_WSDL}operation[@name='{name}']/{_SOAP}operation")
    return "" if node is None else node.get("soapAction", "")
