"""A contract is tried before it is used: every difference from our messages is told at once, under its field."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from mobile_units.cli import cli
from mobile_units.config import CONTRACT
from mobile_units.transmission.contract_check import Report, UnreadableContractError, check
from mobile_units.transmission.dialect import DEFAULT

LACKS = "the contract requires this field; our message lacks it"
MAY_LACK = "the contract requires this field; our message may lack it"
NO_FIELD = "we send this field; the contract has no such field"
NOT_READ = "we read this field; the contract has no such field"
NO_OPERATION = "the contract has no such operation"
XS = "http://www.w3.org/2001/XMLSchema"

Edits = Mapping[str, list[tuple[str, str]]]


def altered(folder: Path, edits: Edits) -> Path:
    """A copy of our contract in which texts are replaced, by file; `*` is every file."""
    for source in CONTRACT.parent.iterdir():
        text = source.read_text(encoding="utf-8")
        for old, new in [*edits.get(source.name, []), *edits.get("*", [])]:
            assert source.name not in edits or old in text, old
            text = text.replace(old, new)
        (folder / source.name).write_text(text, encoding="utf-8")
    return folder / CONTRACT.name


def differences(report: Report) -> dict[str, set[tuple[str, str]]]:
    """What differs, by operation."""
    return {
        operation: {(each.path, each.text) for each in found} for operation, found in report.operations.items() if found
    }


def tried(folder: Path, edits: Edits) -> dict[str, set[tuple[str, str]]]:
    """What differs in a contract that was altered so."""
    return differences(check(altered(folder, edits), DEFAULT))


def field(name: str, type_: str, more: str = "") -> str:
    """The declaration of a field."""
    return f'<xs:element name="{name}" type="{type_}"{more}/>'


def test_our_contract_carries_our_messages() -> None:
    """Every operation of ours is tried, and the header."""
    report = check(CONTRACT, DEFAULT)
    assert list(report.operations) == ["kontekstWywolania", *DEFAULT.operation_names()]
    assert report.differences == 0
    assert report.title == "SOAP 1.1, binding ObslugaCentralnejERejestracjiBinding"
    assert report.notes == ("we do not use pobierzWizyte",)


def test_a_renamed_field_is_one_too_much_and_one_too_few(tmp_path: Path) -> None:
    """Wherever it is carried; the other fields of the same messages are judged as well."""
    edits: Edits = {
        "cer-mt.xsd": [('name="kodZakresu" type="mt:KodZakresuMT"', 'name="zakres" type="mt:KodZakresuMT"')]
    }
    assert tried(tmp_path, edits) == {
        "zapiszHarmonogram": {("harmonogram/kodZakresu", NO_FIELD), ("harmonogram/zakres", LACKS)},
        "zapiszWizyte": {("wizyta/kodZakresu", NO_FIELD), ("wizyta/zakres", LACKS)},
        "zasilInicjalnie": {("wizyta/kodZakresu", NO_FIELD), ("wizyta/zakres", LACKS)},
        "pobierzZmiany": {("answer: zmiana/wizyta/kodZakresu", NOT_READ)},
    }


def test_a_new_required_field_is_told_wherever_it_is_nested(tmp_path: Path) -> None:
    """As simple value or with fields of its own; an optional one does not matter."""
    before = '<xs:element name="imie" type="wsp:TekstMT">'
    new = field("plec", "xs:date") + field("opiekun", "mt:PacjentMT") + field("uwagi", "xs:string", ' minOccurs="0"')
    new = new.replace('"mt:PacjentMT"', '"wsp:IdentyfikatorMT"')
    found = tried(tmp_path, {"cer-mt.xsd": [(before, new + before)]})
    expected = {("wizyta/pacjent/plec", LACKS), ("wizyta/pacjent/opiekun", LACKS)}
    assert found == {"zapiszWizyte": expected, "zasilInicjalnie": expected}


def test_a_field_that_becomes_required_is_missing_only_sometimes(tmp_path: Path) -> None:
    """Our fullest message has it, our barest has not."""
    edits: Edits = {
        "cer-mt.xsd": [('name="ulica" type="wsp:TekstMT" minOccurs="0"', 'name="ulica" type="wsp:TekstMT"')]
    }
    assert tried(tmp_path, edits) == {"importujMobilnePunktyObsługi": {("mobilnyPunktObslugi/ulica", MAY_LACK)}}


def test_all_differences_are_told_at_once(tmp_path: Path) -> None:
    """Missing, unknown, an enumeration, a pattern, a type, an order and a limit, in one contract."""
    edits: Edits = {
        "cer-mt.xsd": [
            ('value="MAMMOGRAFIA"', 'value="MMG"'),
            ('value="HPV_LBC"', 'value="HPV"'),
            ('name="pilna" type="xs:boolean"', 'name="pilna" type="xs:date"'),
            ('<xs:pattern value="[A-Z]{2}"/>', '<xs:pattern value="[A-Z]{3}"/>'),
            ('name="telefon"', 'name="nrTelefonu"'),
        ],
        "cer-ws.xsd": [('maxOccurs="1000"', 'maxOccurs="100"')],
    }

    def not_a_path(code: str) -> str:
        values = "{'MMG', 'CYTOLOGIA_KLASYCZNA', 'HPV'}"
        return f"[facet 'enumeration'] The value '{code}' is not an element of the set {values}."

    found = tried(tmp_path, edits)
    in_visit = {
        ("wizyta/sciezka", not_a_path("MAMMOGRAFIA")),
        ("wizyta/sciezka", not_a_path("HPV_LBC")),
        ("wizyta/pilna", "'True' is not a valid value of the atomic type 'xs:date'."),
        ("wizyta/pacjent/krajDokumentu", "[facet 'pattern'] The value 'XX' is not accepted by the pattern '[A-Z]{3}'."),
        ("wizyta/pacjent/telefon", NO_FIELD),
    }  # fmt: skip
    assert found["zapiszWizyte"] == in_visit
    only_mammography = {each for each in in_visit if "HPV_LBC" not in each[1]}
    limit = ("wizyta", "the contract takes at most 100, our message may have 1000")
    assert found["zasilInicjalnie"] == only_mammography | {limit}
    assert found["pobierzZmiany"] == {
        ("answer: zmiana/wizyta/pacjent/telefon", NOT_READ),
        ("answer: zmiana/wizyta/sciezka", "codes that codes.paths does not know: MMG, HPV"),
    }
    assert set(found) == {"zapiszWizyte", "zasilInicjalnie", "pobierzZmiany"}


@pytest.mark.parametrize(
    ("name", "code", "operation"),
    [
        ("RodzajMusMT", "STACJONARNE", "zapiszDaneMus"),
        ("RodzajMusMT", "MOBILNE", "zapiszDaneMus"),
        ("RodzajSlotuMT", "PROCEDURA_DOMYSLNA", "zapiszSloty"),
        ("StatusWizytyMT", "NIEZREALIZOWANA", "zapiszWizyte"),
        ("OdwolanaPrzezMT", "SWIADCZENIODAWCA", "anulujWizyte"),
        ("SciezkaMT", "CYTOLOGIA_KLASYCZNA", "zapiszWizyte"),
    ],
)
def test_every_code_that_we_may_send_is_tried(tmp_path: Path, name: str, code: str, operation: str) -> None:
    """Of each list the last code as well as the first."""
    types = (CONTRACT.parent / "cer-mt.xsd").read_text(encoding="utf-8")
    declared = types[types.index(f'name="{name}"') :].partition("</xs:simpleType>")[0]
    found = tried(tmp_path, {"cer-mt.xsd": [(declared, declared.replace(f'"{code}"', '"INNY"'))]})
    assert any(f"'{code}'" in text for _, text in found[operation])


def test_a_field_of_another_shape_is_told(tmp_path: Path) -> None:
    """Where we have one value and the contract fields, or the other way round."""
    edits: Edits = {
        "cer-mt.xsd": [
            ('name="kodKomorki" type="mt:KodKomorkiMT"', 'name="kodKomorki" type="wsp:IdentyfikatorMT"'),
            ('"identyfikatorPodmiotu" type="wsp:IdentyfikatorMT"', '"identyfikatorPodmiotu" type="wsp:TekstMT"'),
        ]
    }  # fmt: skip
    assert tried(tmp_path, edits) == {
        "zapiszDaneMus": {
            ("daneMus/kodKomorki", "the contract has the fields extension, root here, our message one value"),
            (
                "daneMus/identyfikatorPodmiotu",
                "the contract has one value here, our message the fields extension, root",
            ),
        }
    }


def test_a_choice_between_fields_is_left_to_the_schema(tmp_path: Path) -> None:
    """One of them is enough; both are too many."""
    street = '<xs:element name="ulica" type="wsp:TekstMT" minOccurs="0">'
    types = (CONTRACT.parent / "cer-mt.xsd").read_text(encoding="utf-8")
    whole = types[types.index(street) :].partition("</xs:element>")
    old = whole[0] + whole[1]
    required = old.replace(' minOccurs="0"', "")
    choice = f"<xs:choice>{required}{field('skrytka', 'wsp:TekstMT')}</xs:choice>"
    found = tried(tmp_path, {"cer-mt.xsd": [(old, choice)]})
    ((_, text),) = found.pop("importujMobilnePunktyObsługi")
    assert "This element is not expected. Expected is one of" in text
    assert "skrytka" in text
    assert not found


def test_types_that_hold_themselves_will_do(tmp_path: Path) -> None:
    """Optional and required, several times over: the check ends, and soon."""
    before = '<xs:element name="imie" type="wsp:TekstMT">'
    optional = "".join(field(f"o{number}", "mt:PacjentMT", ' minOccurs="0"') for number in range(5))
    assert not tried(tmp_path, {"cer-mt.xsd": [(before, optional + before)]})
    required = "".join(field(f"r{number}", "mt:PacjentMT") for number in range(3))
    found = tried(tmp_path, {"cer-mt.xsd": [(before, required + before)]})
    assert found["zapiszWizyte"] == {(f"wizyta/pacjent/r{number}", LACKS) for number in range(3)}


def test_a_missing_operation_is_told(tmp_path: Path) -> None:
    """One that is called differently can be named in the dialect."""
    wsdl = altered(tmp_path, {"cer.wsdl": [('"aktywujMus"', '"otworzMus"'), ('"urn:aktywujMus"', '"urn:otworzMus"')]})
    report = check(wsdl, DEFAULT)
    assert differences(report) == {"aktywujMus": {("", NO_OPERATION)}}
    assert report.notes == ("we do not use otworzMus, pobierzWizyte",)
    operations = {kind: name.replace("aktywuj", "otwórz") for kind, name in DEFAULT.operations.items()}
    assert not check(wsdl, replace(DEFAULT, operations=operations)).differences


def test_what_the_library_mutters_about_a_contract_is_not_passed_on(tmp_path: Path) -> None:
    """A message without its element is a difference, told in our words; a warning of zeep would be an error here."""
    wsdl = altered(tmp_path, {"cer-ws.xsd": [('name="aktywujMusReq"', 'name="otworzMusReq"')]})
    assert set(differences(check(wsdl, DEFAULT))) == {"aktywujMus"}


def test_what_the_contract_cannot_be_asked_is_noted(tmp_path: Path) -> None:
    """Without a lookup and without changes it can be used, but a person should know."""
    names = ("pobierzStanKomunikatu", "pobierzZmiany")
    report = check(altered(tmp_path, {"cer.wsdl": [(f'"{name}"', f'"x{name}"') for name in names]}), DEFAULT)
    assert report.differences == 0
    assert [note.partition(":")[0] for note in report.notes[:2]] == [
        "there is no operation that looks a message up",
        "there is no operation that tells changes",
    ]


def test_names_without_diacritics_namespaces_and_wrappers_do_not_matter(tmp_path: Path) -> None:
    """They are taken from the contract."""
    edits: Edits = {
        "*": [
            ("importujMobilnePunktyObsługi", "ImportujMobilnePunktyObslugi"),
            ("/v0", "/v20270101"),
            ('zapiszSlotyReq"', 'ZapisSlotowZadanie"'),
        ]
    }
    report = check(altered(tmp_path, edits), DEFAULT)
    assert report.differences == 0
    assert "importujMobilnePunktyObsługi" in report.operations


def test_soap_1_2_will_do(tmp_path: Path) -> None:
    """The binding decides."""
    old = "http://schemas.xmlsoap.org/wsdl/soap/"
    edits: Edits = {"cer.wsdl": [(f'"{old}"', '"http://schemas.xmlsoap.org/wsdl/soap12/"')]}
    report = check(altered(tmp_path, edits), DEFAULT)
    assert report.differences == 0
    assert report.title.startswith("SOAP 1.2, ")


def test_schemas_inside_the_wsdl_will_do(tmp_path: Path) -> None:
    """All of them inside, two for one namespace, one that includes another; they are judged as strictly."""
    wsdl = altered(tmp_path, {"cer-mt.xsd": [('value="MAMMOGRAFIA"', 'value="MMG"')]})
    tree = etree.parse(wsdl)
    (types,) = tree.iter("{*}types")
    types.clear()
    split = etree.fromstring(f'<schema xmlns="{XS}" targetNamespace="http://csioz.gov.pl/p1/cer/mt/v0"/>'.encode())
    for name in ("cer-ws", "cer-mt", "wspolne-mt", "kontekst-mt"):
        schema = etree.parse(tmp_path / f"{name}.xsd").getroot()
        for link in schema.iter(f"{{{XS}}}import"):
            del link.attrib["schemaLocation"]
        if name == "cer-mt":
            split.extend(each for each in schema if each.get("name") in {"SciezkaMT", "KrajMT"})
        types.append(schema)
    types.append(split)
    lone = f'<x:schema xmlns:x="{XS}"><x:simpleType name="A"><x:restriction base="KrajMT"/></x:simpleType></x:schema>'
    (tmp_path / "lone.xsd").write_text(lone)
    split.insert(0, etree.Element(f"{{{XS}}}include", schemaLocation="lone.xsd"))
    for source in (*tmp_path.glob("*-mt.xsd"), tmp_path / "cer-ws.xsd"):
        source.unlink()
    tree.write(wsdl)
    found = differences(check(wsdl, DEFAULT))
    assert set(found) == {"zapiszWizyte", "zasilInicjalnie", "pobierzZmiany"}
    assert {path for path, _ in found["zapiszWizyte"]} == {"wizyta/sciezka"}


def test_the_call_context_has_to_be_the_one_of_the_contract(tmp_path: Path) -> None:
    """Its version, its fields, and that the binding declares it."""
    older = {"*": [("kontekst/mt/v20180509", "kontekst/mt/v20170510")]}
    wsdl = altered(tmp_path, older)
    found = differences(check(wsdl, DEFAULT))
    ((_, text),) = found["kontekstWywolania"]
    assert "does not know {http://csioz.gov.pl/p1/kontekst/mt/v20180509}kontekstWywolania" in text
    assert text.endswith("it knows {http://csioz.gov.pl/p1/kontekst/mt/v20170510}kontekstWywolania")
    assert not check(wsdl, replace(DEFAULT, context_version="v20170510")).differences

    renamed = tried(
        tmp_path, {"kontekst-mt.xsd": [('name="wartosc"', 'name="tresc"'), ('name="nazwa"', 'name="klucz"')]}
    )
    header = renamed.pop("kontekstWywolania")
    assert {("atrybut/wartosc", NO_FIELD), ("atrybut/tresc", LACKS), ("atrybut/nazwa", NO_FIELD)} < header
    assert [text for path, text in header if path == "atrybut"] == ["The attribute 'klucz' is required but missing."]
    assert not renamed

    text = CONTRACT.read_text(encoding="utf-8")
    (declaration,) = set(re.findall(r"<soap:header [^>]*>", text))
    other = declaration.replace(
        '"ws:kontekstWywolania" part="kontekstWywolania"', '"ws:bledyOperacji" part="bledyOperacji"'
    )
    undeclared = tried(tmp_path, {"cer.wsdl": [(declaration, other)]})
    assert undeclared["aktywujMus"] == {
        ("kontekstWywolania", "the binding does not declare this header for the operation"),
        ("bledyOperacji", "the binding declares this header; we do not send it"),
    }


def test_what_we_read_has_to_be_in_the_answers(tmp_path: Path) -> None:
    """Otherwise every answer would be unreadable."""
    edits: Edits = {
        "wspolne-mt.xsd": [('name="major"', 'name="glowny"')],
        "cer-ws.xsd": [('name="stanKomunikatu"', 'name="stan"'), ('name="saNastepne"', 'name="wiecej"')],
        "cer-mt.xsd": [('value="SYSTEM"', 'value="AUTOMAT"'), ('name="kod" type', 'name="kodOdmowy" type')],
    }
    found = tried(tmp_path, edits)
    assert all(("answer: major", NOT_READ) in told for told in found.values())
    assert ("answer: stanKomunikatu", NOT_READ) in found["pobierzStanKomunikatu"]
    assert ("answer: odrzuconaWizyta/kod", NOT_READ) in found["zasilInicjalnie"]
    assert found["pobierzZmiany"] == {
        ("answer: major", NOT_READ),
        ("answer: saNastepne", NOT_READ),
        ("answer: zmiana/zmienionaPrzez", "codes that codes.changed_by does not know: AUTOMAT"),
    }


def test_an_operation_that_takes_nothing_is_told(tmp_path: Path) -> None:
    """Its message has no part."""
    told = {"aktywujMus": {("", "the contract gives it nothing to carry")}}
    part = '<wsdl:part name="parameters" element="ws:aktywujMusReq"/>'
    assert tried(tmp_path, {"cer.wsdl": [(part, "")]}) == told


def test_a_style_that_we_do_not_speak_is_told(tmp_path: Path) -> None:
    """P1 speaks document/literal."""
    edits: Edits = {
        "cer.wsdl": [('soapAction="urn:aktywujMus" style="document"', 'soapAction="urn:aktywujMus" style="rpc"')]
    }
    assert ("", "its style is rpc, ours is document/literal") in tried(tmp_path, edits)["aktywujMus"]


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
GARBAGE = {
    "no XML": "WSDL",
    "nothing": "",
    "another document": "<html/>",
    "no operations": "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/' targetNamespace='urn:x'/>",
    "no namespace": "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/'/>",
    "cut off": CONTRACT.read_text(encoding="utf-8")[:9000],
    "a bomb": BOMB + "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/'>&c;</definitions>",
    "a lost import": CONTRACT.read_text(encoding="utf-8"),
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_a_wsdl_that_cannot_be_read_is_told(tmp_path: Path, content: str) -> None:
    """Whatever it is, it ends in one sentence."""
    wsdl = tmp_path / "cer.wsdl"
    wsdl.write_text(content, encoding="utf-8")
    with pytest.raises(UnreadableContractError, match=r"cer\.wsdl cannot be read") as caught:
        check(wsdl, DEFAULT)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "edits",
    [
        {"cer-mt.xsd": [("<xs:schema ", BOMB + "<xs:schema ")]},
        {"cer-mt.xsd": [('type="mt:KrajMT"', 'type="mt:NieMaTakiegoMT"')]},
        {"cer.wsdl": [('schemaLocation="cer-ws.xsd"', 'schemaLocation="http://127.0.0.1:9/cer-ws.xsd"')]},
    ],
    ids=["a bomb", "a type that is nowhere", "an import from the network"],
)
def test_a_schema_that_cannot_be_read_is_told(tmp_path: Path, edits: Edits) -> None:
    """A contract in a file reaches nothing but files."""
    wsdl = altered(tmp_path, {name: [(old, new) for old, new in each] for name, each in edits.items()})
    if "cer-mt.xsd" in edits and BOMB in edits["cer-mt.xsd"][0][1]:
        schema = tmp_path / "cer-mt.xsd"
        text = schema.read_text(encoding="utf-8").replace('<?xml version="1.0" encoding="UTF-8"?>', "")
        schema.write_text(text, encoding="utf-8")
    with pytest.raises(UnreadableContractError):
        check(wsdl, DEFAULT)


class QuietFiles(SimpleHTTPRequestHandler):
    """Serves files and tells nobody."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_wsdl_may_be_at_an_address() -> None:
    """Then what it imports may be there as well."""
    files = partial(QuietFiles, directory=str(CONTRACT.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), files) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            assert check(f"http://127.0.0.1:{server.server_port}/{CONTRACT.name}", DEFAULT).differences == 0
        finally:
            server.shutdown()
            thread.join()


def run(*arguments: object) -> Result:
    """The command."""
    return CliRunner().invoke(cli, ["cer", "check-contract", *map(str, arguments)])


def test_the_command_ends_with_0_if_the_contract_fits() -> None:
    """And says what was tried."""
    done = run("--wsdl", CONTRACT)
    assert done.exit_code == 0
    assert done.output.splitlines()[0].startswith("SOAP 1.1")
    assert "   fits  zapiszWizyte\n" in done.output
    assert done.output.endswith("the contract carries our messages\n")


def test_the_command_ends_with_1_if_anything_differs(tmp_path: Path) -> None:
    """Under each operation stand its fields; another dialect may mend it."""
    wsdl = altered(tmp_path, {"cer-mt.xsd": [('value="MOBILNE"', 'value="RUCHOME"')]})
    done = run("--wsdl", wsdl)
    assert done.exit_code == 1
    assert "differs  zapiszDaneMus\n         daneMus/rodzaj: [facet 'enumeration'] The value 'MOBILNE'" in done.output
    assert done.output.endswith("1 difference\n")
    dialect = tmp_path / "dialect.toml"
    dialect.write_text('[codes.mobilities]\nstationary = "STACJONARNE"\nmobile = "RUCHOME"\n')
    assert run("--wsdl", wsdl, "--dialect", dialect).exit_code == 0


def test_the_command_ends_with_2_if_something_cannot_be_read(tmp_path: Path) -> None:
    """Neither a WSDL that is not there nor a dialect that is wrong says anything about the contract."""
    missing = run("--wsdl", tmp_path / "none.wsdl")
    assert missing.exit_code == 2
    assert "cannot be read" in missing.output
    dialect = tmp_path / "dialect.toml"
    dialect.write_text("colours = 1")
    wrong = run("--wsdl", CONTRACT, "--dialect", dialect)
    assert wrong.exit_code == 2
    assert "colours: there is no such key" in wrong.output


def test_the_command_needs_no_installation() -> None:
    """A contract is tried before anything is set up."""
    command = [sys.executable, "-m", "mobile_units", "cer", "check-contract", "--wsdl", str(CONTRACT)]
    done = subprocess.run(command, env={"PYTHONPATH": str(CONTRACT.parents[3])}, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
