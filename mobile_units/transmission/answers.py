"""Reads what the central system answers: bytes in, an `Answer` with harmless texts out.

Elements are found by their local names, because namespaces differ between dialects of P1. Nothing is trusted: no DTD,
no entities, no network, a bounded size and depth.
"""

import re
from collections.abc import Iterable

from lxml import etree

from mobile_units.transmission.gateway import Answer

MAX_BYTES = 4_000_000
"""The longest answer that is read, in bytes."""
MAX_MARKS = 200_000
"""The most signs `<` and `=` in an answer that is parsed: elements and attributes take much more memory than text."""
MAX_TEXT = 500
"""The longest text that is kept of an answer, in characters."""

MAX_SEARCHED = 20_000
"""The longest text that is searched for personal data; what is kept is far shorter."""

_UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_RULE = re.compile(r"\bREG\.WER\.\d+\b")
_ELEVEN_DIGITS = re.compile(r"(?<!\d)\d{11}(?!\d)")
_QUOTED = re.compile(r"""'[^']{0,300}'|"[^"]{0,300}"|„[^”"]{0,300}[”"]|«[^»]{0,300}»""")
_ENVELOPES = {"http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"}


class UnreadableAnswerError(Exception):
    """The bytes are no SOAP answer; the message says why without quoting them."""


def mask(text: str, personal: Iterable[str] = ()) -> str:
    """The text without personal data: numbers of 11 digits, quoted words and the values in `personal` become stars."""
    text = text[:MAX_SEARCHED]
    folded = text.casefold()
    there = {value for value in personal if value and value.casefold() in folded}  # of thousands, hardly any
    for value in sorted(there, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "***", text, flags=re.IGNORECASE)
    text = _ELEVEN_DIGITS.sub("***", text)
    return _QUOTED.sub("'***'", text)[:MAX_TEXT]


def rule_in(text: str) -> str | None:
    """The first rule of P1 (REG.WER.n) that a text names."""
    rule = _RULE.search(text)
    return rule.group() if rule else None


def parse(content: bytes) -> etree._Element:
    """The content of the SOAP body.

    Raises:
        UnreadableAnswerError: if it is no SOAP envelope with one element in its body, carries a DTD, or has too many
            elements and attributes.
    """
    if content.count(b"<") + content.count(b"=") > MAX_MARKS:
        raise UnreadableAnswerError("the answer has too many parts")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )  # a comment is not signed, yet it would cut a text in two
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        raise UnreadableAnswerError("the answer is no well-formed XML") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableAnswerError("the answer carries a DTD")
    return _body(root)


def read(element: etree._Element, personal: Iterable[str] = ()) -> Answer:
    """The answer in the content of a SOAP body: a fault or a `wynik`.

    Raises:
        UnreadableAnswerError: if it is neither.
    """
    if etree.QName(element).localname == "Fault":
        return _fault(element, personal)
    result = _first(element, "wynik")
    major = _text(result, "major") if result is not None else ""
    if result is None or not major:
        raise UnreadableAnswerError("the answer has no result")
    return _answer((_text(result, "minor"), major), _text(result, "komunikat"), personal, fault=False)


def stated(element: etree._Element) -> str:
    """The state that a lookup names, or an empty string."""
    return _text(element, "stanKomunikatu")


def _body(root: etree._Element) -> etree._Element:
    name = etree.QName(root)
    if name.localname != "Envelope" or name.namespace not in _ENVELOPES:
        raise UnreadableAnswerError("the answer is no SOAP envelope")
    contents = root.findall(f"{{{name.namespace}}}Body/*")
    if len(contents) != 1:
        raise UnreadableAnswerError("the answer has no single content")
    return contents[0]


def _fault(fault: etree._Element, personal: Iterable[str]) -> Answer:
    codes = [_text(fault, "kodBleduMinor"), _text(fault, "kodBleduMajor"), _text(fault, "faultcode")]
    text = _text(fault, "opis") or _text(fault, "faultstring") or _text(fault, "Text")
    return _answer(codes, text, personal, fault=True)


def _answer(codes: Iterable[str], text: str, personal: Iterable[str], *, fault: bool) -> Answer:
    known = tuple(code for code in codes if code)
    event = _UUID.search(text) if fault else None
    return Answer(
        codes=known,
        text=mask(text, personal),
        rule=rule_in(" ".join((text, *known))),
        event_uuid=event.group() if event else None,
        fault=fault,
    )


def _first(element: etree._Element, name: str) -> etree._Element | None:
    return element.find(f".//{{*}}{name}")


def _text(element: etree._Element, name: str) -> str:
    found = _first(element, name)
    return (found.text or "").strip() if found is not None else ""
