"""What was sent, fit to be kept and shown: the envelope without the woman and without what could find her again."""

from collections.abc import Collection, Iterator

from lxml import etree

from mobile_units.transmission.security import DS, WSSE

STARS = "***"
SHORTEST_INSIDE = 3
"""A value shorter than this many characters is masked only where it stands alone: it is part of most texts."""


def masked(envelope: etree._Element, personal: Collection[str]) -> bytes:
    """Changes the envelope: every text and attribute that is or contains a personal value becomes stars.

    Signature and certificate go too: who knows all but one value could find that one by trying which fits the digest.
    """
    for part in [*envelope.iter(f"{{{DS}}}Signature", f"{{{WSSE}}}BinarySecurityToken")]:
        part.getparent().remove(part)  # type: ignore[union-attr]  # neither is ever the envelope itself
    revealing = _revealing({*_texts(envelope)}, personal)
    for element in envelope.iter(etree.Element):
        if element.text in revealing:
            element.text = STARS
        for name, value in element.items():
            if value in revealing:
                element.set(name, STARS)
    return etree.tostring(envelope, encoding="utf-8")


def _texts(envelope: etree._Element) -> Iterator[str]:
    for element in envelope.iter(etree.Element):
        yield element.text or ""
        yield from (str(value) for value in element.attrib.values())


def _revealing(texts: set[str], personal: Collection[str]) -> set[str]:
    """Of the texts, those that are or contain one of the values.

    An initial load has thousands of both, so each value is looked for in all other texts at once.
    """
    values = {value for value in personal if value}
    others = texts - values
    together = "\n".join(others)
    inside = [value for value in values if len(value) >= SHORTEST_INSIDE and value in together]
    return (texts & values) | {text for text in others if any(value in text for value in inside)}
