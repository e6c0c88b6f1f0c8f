"""The XML schema of a contract, put together from its documents, so that any message can be validated against it.

A WSDL may hold its schemas inside, import them, or both, with several for one namespace. All are read from memory only.
"""

import os.path
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import etree

XS = "{http://www.w3.org/2001/XMLSchema}"
_ROOT = "urn:mobile-units:contract"


def assemble(documents: Mapping[str, bytes]) -> etree.XMLSchema:
    """One schema out of the documents of a contract, WSDL and XSD, keyed by the path or address of each.

    Raises:
        etree.LxmlError: if they make no schema.
    """
    schemas = _schemas(documents)
    names = {key: f"contract:{number}.xsd" for number, key in enumerate(schemas)}
    chameleons = _relink(schemas, names)
    texts = {names[key]: etree.tostring(schema) for key, schema in schemas.items()}
    imports = []
    for number, (namespace, parts) in enumerate(_by_namespace(schemas, names, chameleons).items()):
        name = f"contract:all-{number}.xsd"
        texts[name] = _schema_of(namespace, [_linked("include", part) for part in parts])
        imports.append(_linked("import", name, namespace))
    return etree.XMLSchema(etree.fromstring(_schema_of(_ROOT, imports), _parser(texts)))


def enumerations(documents: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    """The values of every enumeration of a contract, by the qualified name of its type."""
    found: dict[str, tuple[str, ...]] = {}
    for schema in _schemas(documents).values():
        for simple in schema.iterfind(f"{XS}simpleType[@name]"):
            values = tuple(each.get("value", "") for each in simple.iterfind(f"{XS}restriction/{XS}enumeration"))
            name = etree.QName(schema.get("targetNamespace"), simple.get("name", ""))
            found |= {name.text: values} if values else {}
    return found


class _Memory(etree.Resolver):
    """Finds documents in memory and nothing elsewhere."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self._texts = texts

    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]  # noqa: ARG002 -- lxml's signature, which its stubs do not know
        text = self._texts.get(system_url, b"<missing/>")
        return self.resolve_string(text, context, base_url=system_url)


def _parser(texts: Mapping[str, bytes]) -> etree.XMLParser:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    parser.resolvers.add(_Memory(texts))
    return parser


def _schemas(documents: Mapping[str, bytes]) -> dict[tuple[str, int], etree._Element]:
    """Every schema, keyed by its document and its number in it; each stands by itself."""
    found = {}
    for url, content in documents.items():
        root = etree.fromstring(content, _parser({}))
        for number, schema in enumerate(root.iter(f"{XS}schema")):
            found[url, number] = etree.fromstring(etree.tostring(schema, with_tail=False), _parser({}))
    return found


def _relink(
    schemas: Mapping[tuple[str, int], etree._Element], names: Mapping[tuple[str, int], str]
) -> set[tuple[str, int]]:
    """Lets schemas find one another in memory; returns those that are a part of whatever includes them."""
    chameleons = set()
    for (url, _), schema in schemas.items():
        for node in schema.iterfind(f"{XS}import"):
            node.attrib.pop("schemaLocation", "")
        for node in [*schema.iterfind(f"{XS}include"), *schema.iterfind(f"{XS}redefine")]:
            key = (_absolute(node.get("schemaLocation", ""), url), 0)
            node.set("schemaLocation", names.get(key, "contract:missing.xsd"))
            if key in schemas and schemas[key].get("targetNamespace") is None:
                chameleons.add(key)
    return chameleons


def _by_namespace(
    schemas: Mapping[tuple[str, int], etree._Element],
    names: Mapping[tuple[str, int], str],
    chameleons: set[tuple[str, int]],
) -> dict[str | None, list[str]]:
    grouped: dict[str | None, list[str]] = {}
    for key, schema in schemas.items():
        if key not in chameleons:
            grouped.setdefault(schema.get("targetNamespace"), []).append(names[key])
    return grouped


def _schema_of(namespace: str | None, links: list[etree._Element]) -> bytes:
    schema = etree.Element(f"{XS}schema")
    if namespace:
        schema.set("targetNamespace", namespace)
    schema.extend(links)
    return etree.tostring(schema)


def _linked(how: str, name: str, namespace: str | None = None) -> etree._Element:
    link = etree.Element(f"{XS}{how}", schemaLocation=name)
    if namespace:
        link.set("namespace", namespace)
    return link


def _absolute(location: str, base: str) -> str:
    """Where a document is that another one names; as zeep finds it."""
    if urlsplit(location).scheme in {"http", "https", "file"} or os.path.isabs(location):  # noqa: PTH117 -- as zeep
        return location
    if urlsplit(base).scheme in {"http", "https", "file"}:
        return urljoin(base, location)
    return os.path.realpath(os.path.join(os.path.dirname(base), location))  # noqa: PTH118, PTH120 -- as zeep
