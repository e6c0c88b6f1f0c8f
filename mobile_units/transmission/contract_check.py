"""Tries a contract: does it have room for everything that we send, and for everything that we read in its answers?

Every specimen is laid against the contract twice: field by field against the types that zeep reads out of the WSDL, so
that all differences are found and not only the first; and, as far as it fits, as XML against the schema, which knows
codes, patterns and order. What fits both ways is built once more by zeep itself, as it would be sent.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import zeep
import zeep.exceptions
from lxml import etree
from zeep.transports import Transport
from zeep.wsdl.bindings.soap import Soap12Binding, SoapBinding
from zeep.xsd import ComplexType, Element
from zeep.xsd.elements import Group
from zeep.xsd.elements.indicators import Indicator

from mobile_units.rules.transmissions import MessageKind
from mobile_units.transmission.context import context_of
from mobile_units.transmission.contract_schema import assemble, enumerations
from mobile_units.transmission.dialect import Dialect, names_there
from mobile_units.transmission.encode import EncodedCall, encode, encode_changes, encode_lookup
from mobile_units.transmission.soap import ContractError, soap_binding, zeep_settings
from mobile_units.transmission.specimens import BOOK, CELL, QUERIES, SPECIMENS, answers

HEADER = "kontekstWywolania"
ANSWER = "answer: "
"""Begins the path of a field that we read."""
SECONDS = 30.0
"""The longest wait for each document of a contract that is fetched from an address."""

_UNREADABLE = (
    *(zeep.exceptions.Error, ContractError, requests.RequestException, etree.LxmlError, OSError, RuntimeError),
    *(ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError),
)
"""What zeep lets out when a document is not what it should be."""
_LOOKED_AT = 20
"""How many repetitions of a field are judged; a message of a thousand visits shows no more."""
_UNBUILDABLE = (zeep.exceptions.Error, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_DEEPEST = 2
"""How deep a field that our message lacks is filled; what is inside is not judged."""


class UnreadableContractError(Exception):
    """The WSDL or one of its schemas cannot be read; the message says why."""


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """Where our messages and the contract differ: the field by its path, empty for the operation as a whole."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was found: `title` names the binding, `operations` has the differences of each operation of ours."""

    title: str
    operations: Mapping[str, tuple[Difference, ...]]
    notes: tuple[str, ...]

    @property
    def differences(self) -> int:
        """How many there are."""
        return sum(len(found) for found in self.operations.values())

    def lines(self) -> Iterator[str]:
        """The report for a terminal."""
        yield self.title
        for operation, found in self.operations.items():
            yield f"{'differs' if found else 'fits':>7}  {operation}"
            yield from (f"         {each.path + ': ' if each.path else ''}{each.text}" for each in found)
        yield from (f"   note  {note}" for note in self.notes)
        yield self._sum()

    def _sum(self) -> str:
        if not self.differences:
            return "the contract carries our messages"
        return "1 difference" if self.differences == 1 else f"{self.differences} differences"


def check(wsdl: Path | str, dialect: Dialect) -> Report:
    """Lays our messages, as this dialect puts them, against a contract.

    Raises:
        UnreadableContractError: if the contract cannot be read.
    """
    contract = _load(wsdl)
    names = names_there(dialect.operation_names(), contract.binding.all())
    found = {HEADER: _header(contract, dialect)}
    read = answers(dialect)
    for operation, calls in _calls(dialect).items():
        if operation in names:
            found[operation] = _operation(contract, dialect, names[operation], calls, read.get(operation, {}))
        elif operation in dialect.required():
            found[operation] = (Difference("", "the contract has no such operation"),)
    return Report(contract.title(), found, tuple(_notes(contract, dialect, names)))


class _Recorder(Transport):
    """zeep's transport, which keeps every document of a contract as it was read."""

    def __init__(self) -> None:
        session = requests.Session()
        session.trust_env = False
        super().__init__(session=session, timeout=SECONDS)  # type: ignore[no-untyped-call]  # zeep is untyped
        self.documents: dict[str, bytes] = {}

    def load(self, url: str) -> bytes:
        """Reads a document and keeps it."""
        content: bytes = super().load(url)  # type: ignore[no-untyped-call]  # zeep is untyped
        self.documents[str(url)] = content
        return content


@dataclass(frozen=True, slots=True)
class _Contract:
    client: zeep.Client
    binding: SoapBinding
    schema: etree.XMLSchema
    enumerations: Mapping[str, tuple[str, ...]]

    def title(self) -> str:
        version = "1.2" if isinstance(self.binding, Soap12Binding) else "1.1"
        return f"SOAP {version}, binding {etree.QName(self.binding.name).localname}"


def _load(wsdl: Path | str) -> _Contract:
    recorder = _Recorder()
    try:
        client = _client(wsdl, recorder)
        binding = soap_binding(client)
        documents = recorder.documents
        return _Contract(client, binding, assemble(documents), enumerations(documents))
    except _UNREADABLE as error:
        reason = str(error).partition("\n")[0][:200] or "it is not as a WSDL should be"
        raise UnreadableContractError(f"{wsdl} cannot be read ({type(error).__name__}): {reason}") from None
    finally:
        recorder.session.close()


def _client(wsdl: Path | str, recorder: _Recorder) -> zeep.Client:
    """A contract as zeep reads it; what it warns of is told as a difference, under its operation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return zeep.Client(str(wsdl), transport=recorder, settings=zeep_settings(wsdl))


def _calls(dialect: Dialect) -> dict[str, list[EncodedCall]]:
    """The specimens of every operation, as they would be sent."""
    messages = [message for kind in MessageKind for message in SPECIMENS[kind]]
    calls = [encode(message, dialect) for message in messages]
    asked = [encode_lookup(messages[0], dialect), *(encode_changes(query, dialect) for query in QUERIES)]
    grouped: dict[str, list[EncodedCall]] = {}
    for call in (*calls, *filter(None, asked)):
        grouped.setdefault(call.operation, []).append(call)
    return grouped


def _operation(
    contract: _Contract, dialect: Dialect, name: str, calls: Iterable[EncodedCall], read: Mapping[str, Any]
) -> tuple[Difference, ...]:
    operation = contract.binding.get(name)
    body = operation.input.body if operation.input else None
    if body is None:
        return (Difference("", "the contract gives it nothing to carry"),)
    found = list(_undeclared(operation, dialect))
    if operation.style != "document":
        found.append(Difference("", "its style is rpc, ours is document/literal"))
    trial = _Trial(contract.schema)
    for call in calls:
        trial.lay(body, call.arguments)
    found += trial.differences() or _built(operation, calls)
    return (*found, *_answer(contract, dialect, operation, read))


def _built(operation: Any, calls: Iterable[EncodedCall]) -> list[Difference]:
    """What zeep itself has to say when it builds the messages."""
    found = []
    for call in calls:
        try:
            operation.create(**call.arguments)
        except _UNBUILDABLE as error:
            found.append(Difference("", f"it cannot be built: {error}"))
    return found[:1]


def _header(contract: _Contract, dialect: Dialect) -> tuple[Difference, ...]:
    context = context_of(dialect, BOOK, CELL)
    try:
        element = contract.client.get_element(context.element)
    except (zeep.exceptions.LookupError, zeep.exceptions.NamespaceError):
        known = [name.text for each in contract.client.wsdl.types.elements if (name := each.qname).localname == HEADER]
        there = f"it knows {', '.join(known)}" if known else "it knows none of that name"
        return (Difference("", f"the contract does not know {context.element}; {there}"),)
    trial = _Trial(contract.schema)
    trial.lay(element, {"atrybut": context.attributes()})
    return tuple(trial.differences())


def _undeclared(operation: Any, dialect: Dialect) -> Iterator[Difference]:
    """Headers that the binding declares and we do not send, or the other way round; security is declared nowhere."""
    ours = context_of(dialect, BOOK, CELL).element
    declared = {element.qname.text for _, element in operation.input.header.type.elements}
    if ours not in declared:
        yield Difference(HEADER, "the binding does not declare this header for the operation")
    for name in sorted(declared - {ours}):
        if etree.QName(name).localname != "Security":
            yield Difference(etree.QName(name).localname, "the binding declares this header; we do not send it")


def _answer(contract: _Contract, dialect: Dialect, operation: Any, read: Mapping[str, Any]) -> Iterator[Difference]:
    """What we read in an answer and the contract does not put there, and codes that we could not read."""
    body = operation.output.body if operation.output else None
    names = {element.attr_name for element in _all_members(body.type)} if body is not None else set()
    for name in ("wynik", "major"):
        if name not in names:
            yield Difference(f"{ANSWER}{name}", "we read this field; the contract has no such field")
    if body is not None and read:
        trial = _Trial(contract.schema, reading=True)
        trial.lay(body, read)
        yield from trial.differences()
        yield from _unknown_codes(contract, dialect, body.type, read)


def _unknown_codes(
    contract: _Contract, dialect: Dialect, type_: Any, read: Mapping[str, Any], path: str = ""
) -> Iterator[Difference]:
    """Codes that the contract may answer with in a field that we read, and that the dialect could not read."""
    lists: Mapping[str, tuple[str, Mapping[Any, str]]] = {
        "sciezka": ("paths", dialect.paths),
        "status": ("visit_statuses", dialect.visit_statuses),
        "odwolanaPrzez": ("cancellers", dialect.cancellers),
        "zmienionaPrzez": ("changed_by", dialect.changed_by),
        "stanKomunikatu": ("message_states", dialect.message_states),
    }
    for member in _members(type_):
        name, inner = member.element.attr_name, member.element.type
        value = read.get(name)
        value = value[0] if isinstance(value, list) else value
        if isinstance(value, Mapping):
            yield from _unknown_codes(contract, dialect, inner, value, _below(path, name))
        elif name in read and name in lists and inner.qname is not None:
            table, codes = lists[name]
            unknown = [code for code in contract.enumerations.get(inner.qname.text, ()) if code not in codes.values()]
            if unknown:
                text = f"codes that codes.{table} does not know: {', '.join(unknown)}"
                yield Difference(f"{ANSWER}{_below(path, name)}", text)


def _all_members(type_: Any) -> Iterator[Any]:
    """The elements of a type and, however deep, of the types of its elements; of each type once."""
    seen, waiting = {id(type_)}, [type_]
    while waiting:
        for member in _members(waiting.pop()):
            yield member.element
            if id(member.element.type) not in seen:
                seen.add(id(member.element.type))
                waiting.append(member.element.type)


def _notes(contract: _Contract, dialect: Dialect, names: Mapping[str, str]) -> Iterator[str]:
    if dialect.lookup not in names:
        yield "there is no operation that looks a message up: one of unknown outcome is sent again"
    if dialect.changes not in names:
        yield "there is no operation that tells changes: bookings made elsewhere do not arrive, nothing is reconciled"
    unused = sorted(set(contract.binding.all()) - set(names.values()))
    if unused:
        yield "we do not use " + ", ".join(unused)
    bindings = [each for each in contract.client.wsdl.bindings.values() if isinstance(each, SoapBinding)]
    others = [etree.QName(each.name).localname for each in bindings if each is not contract.binding]
    if others:
        yield "we do not use the binding " + ", ".join(others)


@dataclass(frozen=True, slots=True)
class _Member:
    """A field of a type: how often it may be there, and whether it has to be."""

    element: Any
    required: bool
    most: float


def _members(type_: Any) -> Iterator[_Member]:
    """The fields of a type in their order; those between which there is a choice are all optional."""
    if isinstance(type_, ComplexType):
        for _, item in type_.elements_nested:
            yield from _members_in(item, required=True, most=1)


def _members_in(item: Any, *, required: bool, most: float) -> Iterator[_Member]:
    required = required and not item.is_optional
    most *= float("inf") if item.max_occurs == "unbounded" else item.max_occurs
    if isinstance(item, Group):
        yield from _members_in(item.child, required=required, most=most)
    elif isinstance(item, Indicator):
        inner: Any
        for inner in item:  # type: ignore[attr-defined]  # all but the base class are lists
            yield from _members_in(inner, required=required, most=most)
    elif isinstance(item, Element):
        yield _Member(item, required, most)


@dataclass(slots=True)
class _Trial:
    """Messages laid against one element of the contract.

    When `reading`, the fields are those that we look for in an answer: what else it has does not matter.
    """

    schema: etree.XMLSchema
    reading: bool = False
    had: set[str] = field(default_factory=set)
    lacked: dict[str, None] = field(default_factory=dict)
    other: dict[Difference, None] = field(default_factory=dict)
    filled: set[etree._Element] = field(default_factory=set)
    judged: set[tuple[str, str]] = field(default_factory=set)

    def lay(self, element: Any, arguments: Mapping[str, Any]) -> None:
        """Lays one message against an element."""
        self.filled.clear()
        root = etree.Element(element.qname, nsmap=_prefixes(element))
        self._content(root, element.type, arguments, "")
        if not self.reading:
            self._validate(root)

    def differences(self) -> list[Difference]:
        """All that was found, each once."""
        return [*(Difference(path, self._lacking(path)) for path in self.lacked), *self.other]

    def _lacking(self, path: str) -> str:
        return f"the contract requires this field; our message {'may lack' if path in self.had else 'lacks'} it"

    def _tell(self, path: str, text: str) -> None:
        self.other[Difference(f"{ANSWER}{path}" if self.reading else path, text)] = None

    def _content(self, node: etree._Element, type_: Any, value: Any, path: str) -> None:
        fields = [member.element.attr_name for member in _members(type_) if member.element.attr_name != "_value_1"]
        if isinstance(value, Mapping) and isinstance(type_, ComplexType):
            self._fields(node, type_, value, path)
        elif isinstance(value, Mapping):
            self._tell(path, f"the contract has one value here, our message the fields {', '.join(value)}")
            self._fill(node, type_, 0)
        elif fields:
            self._tell(path, f"the contract has the fields {', '.join(fields)} here, our message one value")
            self._fill(node, type_, 0)
        else:
            node.text = _text(type_, value)

    def _fields(self, node: etree._Element, type_: Any, value: Mapping[str, Any], path: str) -> None:
        members = {member.element.attr_name: member for member in _members(type_)}
        attributes = {name: each for name, each in type_.attributes if name}
        for name, inner in value.items():
            if inner is not None and name in attributes:
                node.set(attributes[name].qname, str(inner))
            elif inner is not None and name not in members:
                verb = "read" if self.reading else "send"
                self._tell(_below(path, name), f"we {verb} this field; the contract has no such field")
        for name, member in members.items():
            self._member(node, member, value.get(name), _below(path, name))

    def _member(self, node: etree._Element, member: _Member, value: Any, path: str) -> None:
        if value is None or value == []:
            if member.required and not self.reading:
                self.lacked[path] = None
                self._fill(etree.SubElement(node, member.element.qname), member.element.type, 0)
            return
        self.had.add(path)
        values = value if isinstance(value, list) else [value]
        if len(values) > member.most:
            self._tell(path, f"the contract takes at most {member.most:g}, our message may have {len(values)}")
        for each in values[: int(min(member.most, _LOOKED_AT))]:
            self._content(etree.SubElement(node, member.element.qname), member.element.type, each, path)

    def _fill(self, node: etree._Element, type_: Any, depth: int) -> None:
        """Stands in for what our message lacks, so that the rest can be judged."""
        self.filled.add(node)
        members = [member for member in _members(type_) if member.required] if depth < _DEEPEST else []
        for member in members:
            self._fill(etree.SubElement(node, member.element.qname), member.element.type, depth + 1)
        if not members:
            node.text = "0"

    def _validate(self, root: etree._Element) -> None:
        """Lets the schema judge values and order: of each element its first word, of each path each kind of word."""
        self.schema.validate(root)
        nodes = set()
        log: Any = self.schema.error_log
        for error in log:
            node = _node(root, error.path or "")
            text = error.message.partition("': ")[2] or error.message
            kind = text if error.type_name == "SCHEMAV_CVC_ENUMERATION_VALID" else error.type_name
            if node in self.filled or node in nodes:
                continue
            nodes.add(node)
            if (_path(node), kind) not in self.judged:
                self.judged.add((_path(node), kind))
                self._tell(_path(node), text)


def _below(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _text(type_: Any, value: Any) -> str:
    """A value as zeep writes it; one that it cannot write is left to the schema."""
    try:
        return str(type_.xmlvalue(value))
    except _UNBUILDABLE:
        return str(value)


def _prefixes(element: Any) -> dict[str, str]:
    """A prefix for every namespace that the content of an element may have."""
    names = {etree.QName(each.qname).namespace for each in (element, *_all_members(element.type))}
    return {f"n{number}": name for number, name in enumerate(sorted(filter(None, names)))}


def _node(root: etree._Element, path: str) -> etree._Element:
    """The element that an error of the schema is about."""
    prefixes = {key: value for key, value in root.nsmap.items() if key}
    found: Any = root.xpath(path.partition("/@")[0], namespaces=prefixes)
    return found[0] if found else root


def _path(node: etree._Element) -> str:
    """Where an element is, below the outermost one."""
    names = [etree.QName(each).localname for each in (*reversed(list(node.iterancestors())), node)]
    return "/".join(names[1:])
