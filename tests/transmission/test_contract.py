"""The contract documents itself: every field says what it means, and what we made up says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from mobile_units.config import CONTRACT

XS = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
NAMED_PUBLICLY = {
    "zapiszDaneMus",
    "importujMobilnePunktyObsługi",
    "zapiszHarmonogram",
    "zapiszSloty",
    "aktywujMus",
    "zasilInicjalnie",
}
"""The operations that the Minister of Health's leaflet names."""
OURS = "Operacji o tej nazwie nie podaje żadne publiczne źródło."
PROVISIONAL = "Kontrakt TYMCZASOWY, własny"
DECLARATIONS = [f"{XS}{kind}" for kind in ("element", "attribute", "complexType", "simpleType", "enumeration")]
SCHEMAS = sorted(CONTRACT.parent.glob("*.xsd"))


def undocumented(root: etree._Element) -> Iterator[str]:
    """The declarations in a schema that do not say what they mean, by name; types without a name belong to a field."""
    for node in root.iter(*DECLARATIONS):
        name = node.get("name") or node.get("value")
        if name and not (node.findtext(f"{XS}annotation/{XS}documentation") or "").strip():
            yield f"{etree.QName(node).localname} {name}"


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: file.name)
def test_everything_in_the_schemas_says_what_it_means(file: Path) -> None:
    """Fields, attributes, types and each value of an enumeration."""
    assert list(undocumented(etree.parse(file).getroot())) == []


def test_what_says_nothing_is_noticed() -> None:
    """An empty or missing documentation, on every floor."""
    said = "<annotation><documentation>x</documentation></annotation>"
    schema = f"""<schema xmlns="http://www.w3.org/2001/XMLSchema">
      <element name="a"><annotation><documentation> </documentation></annotation></element>
      <complexType name="B">{said}<sequence><element name="c"/><element name="d">{said}</element></sequence>
        <attribute name="e"/></complexType>
      <simpleType name="F"><restriction base="string"><enumeration value="G"/></restriction></simpleType>
    </schema>"""
    assert list(undocumented(etree.fromstring(schema))) == [
        "element a", "element c", "attribute e", "simpleType F", "enumeration G"
    ]  # fmt: skip


def test_every_operation_says_what_it_does_and_whether_its_name_is_public() -> None:
    """Nobody takes a name of ours for one of the e-Health Centre."""
    operations = {
        node.get("name", ""): node.findtext(f"{WSDL}documentation") or ""
        for node in etree.parse(CONTRACT).getroot().iterfind(f"{WSDL}portType/{WSDL}operation")
    }
    assert [name for name, text in operations.items() if not text.replace(OURS, "").strip()] == []
    assert {name for name, text in operations.items() if OURS not in text} == NAMED_PUBLICLY


@pytest.mark.parametrize("file", [CONTRACT, *SCHEMAS], ids=lambda file: file.name)
def test_every_file_says_that_it_is_provisional(file: Path) -> None:
    """Each may be looked at alone."""
    root = etree.parse(file).getroot()
    said = root.findtext(f"{WSDL}documentation") or root.findtext(f"{XS}annotation/{XS}documentation") or ""
    assert PROVISIONAL in said
