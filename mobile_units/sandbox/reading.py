"""How the elements of the contract are read; what is read has been found valid by the schema."""

from collections.abc import Iterator
from datetime import datetime

from lxml import etree
from lxml.etree import _Element as Element

from mobile_units.sandbox.rules import Rule, require

Interval = tuple[float, float]


def every(element: Element, name: str) -> list[Element]:
    """The children of this name, whatever their namespace."""
    return element.findall(f"{{*}}{name}")


def only(element: Element, name: str) -> Element:
    """The first child of this name."""
    return every(element, name)[0]


def text(element: Element, name: str) -> str:
    """The text of the first child of this name."""
    return (only(element, name).text or "").strip()


def optional(element: Element, name: str) -> str | None:
    """The text of a child that need not be there."""
    return text(element, name) if every(element, name) else None


def identity(element: Element, name: str) -> str:
    """An identifier as one text: root and extension."""
    return whole(only(element, name))


def whole(identifier: Element) -> str:
    """An identifier, given as its element."""
    extension, root = values(identifier)
    return f"{root}/{extension}"


def values(element: Element) -> Iterator[str]:
    """The texts of all children, in the order of the contract."""
    return ((child.text or "").strip() for child in element.iterchildren("*"))


def interval(element: Element) -> Interval:
    """From when to when, in seconds of the epoch."""
    return interval_of(text(element, "od"), text(element, "do"))


def interval_of(opens: str, closes: str) -> Interval:
    """Two instants with offsets; RuleBroken unless they are in order."""
    starts, ends = (datetime.fromisoformat(each).timestamp() for each in (opens, closes))
    require(starts < ends, Rule.ENDS_BEFORE_IT_STARTS)
    return starts, ends


def append(parent: Element, name: str, content: str) -> None:
    """Gives an element another child, in the namespace of the first one."""
    child = etree.SubElement(parent, f"{{{etree.QName(parent[0]).namespace}}}{name}")
    child.text = content
