"""What we sign is verified by implementations that share nothing with ours, as it arrives: parsed and written again.

The Java one is Apache WSS4J, the command is xmlsec1; where they are not installed their tests are skipped.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from mobile_units.transmission.certificates import Credentials
from tests.transmission import examples
from tests.transmission.authority import Authority, pem_file
from tests.transmission.raw_server import http, raw_server
from tests.transmission.signed_answers import NAMES, WSU
from tests.transmission.test_answers import envelope

JARS = Path("/usr/share/java")
CLASS_PATH = [JARS / f"{name}.jar" for name in ("wss4j", "xmlsec", "commons-logging", "slf4j-api", "slf4j-nop")]
PROGRAM = Path(__file__).parent / "interop" / "VerifyEnvelopes.java"
XMLSEC = ["xmlsec1", "--verify", "--enabled-reference-uris", "same-doc"]
SUCCESS = http(200, envelope("<r><wynik><major>x:Sukces</major></wynik></r>").decode())
AUTHORITY = Authority()
US = AUTHORITY.issue(2)
PARTS = {"Envelope/Body", "Header/kontekstWywolania", "Security/Timestamp"}
TAMPERED: Mapping[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    "Body": (rb"MAMMOGRAFIA", lambda _: b"HPV_LBC"),
    "kontekstWywolania": (rb"SYSTEM_ZEWNETRZNY_PODMIOTU_LECZNICZEGO", lambda _: b"LEKARZ_LEK_DENTYSTA_FELCZER"),
    "Timestamp": (rb"\d(?=Z</wsu:Expires>)", lambda digit: b"%d" % (9 - int(digit))),
}
"""For each signed part: a text in it, and how it is changed so that only the signature can notice."""

needs_xmlsec1 = pytest.mark.skipif(shutil.which("xmlsec1") is None, reason="the command xmlsec1 is not installed")
needs_java = pytest.mark.skipif(
    shutil.which("java") is None or not all(jar.exists() for jar in CLASS_PATH),
    reason=f"Java with Apache WSS4J in {JARS} is not installed",
)


def sent() -> bytes:
    """A signed message as the network carried it."""
    with raw_server(SUCCESS) as server:
        gateway = examples.gateway(server.address, credentials=Credentials(signing=US))
        gateway.send(examples.visit(examples.new_id()))
    return server.received[0].partition(b"\r\n\r\n")[2]


@pytest.fixture(scope="module")
def original() -> bytes:
    """A message that was parsed and written again, with another declaration and other empty elements."""
    root = etree.fromstring(sent())
    return etree.tostring(root, method="xml", xml_declaration=True, encoding="UTF-8", standalone=True)


@pytest.fixture(scope="module")
def tampered(original: bytes) -> dict[str, bytes]:
    """Copies of the message, each with one of its signed parts changed."""
    return {part: _changed(original, text, change) for part, (text, change) in TAMPERED.items()}


def _changed(message: bytes, text: bytes, change: Callable[[bytes], bytes]) -> bytes:
    changed, count = re.subn(text, lambda found: change(found[0]), message)
    assert count == 1
    return changed


def signed_by_signxml(message: bytes) -> set[str]:
    """What signxml finds to be signed, each as parent and name."""
    root = etree.fromstring(message)
    results = XMLVerifier().verify(
        root,
        x509_cert=US.certificate.public_bytes(Encoding.PEM).decode(),
        id_attribute="Id",
        expect_config=SignatureConfiguration(expect_references=3, location=".//"),
    )
    names = {f"#{each.get(f'{{{WSU}}}Id')}": each for each in root.iter(etree.Element)}
    pointed = [names[each.get("URI", "")] for each in root.findall(".//ds:Reference[ds:DigestValue]", NAMES)]
    assert isinstance(results, list)
    digested = [etree.QName(result.signed_xml).localname for result in results if result.signed_xml is not None]
    assert digested == [etree.QName(each).localname for each in pointed]
    return {"/".join(etree.QName(each).localname for each in (part.getparent(), part)) for part in pointed}


def test_signxml_verifies_what_we_sign(original: bytes, tampered: Mapping[str, bytes]) -> None:
    """All three parts are covered, and a change of any is noticed."""
    assert signed_by_signxml(original) == PARTS
    for part, message in tampered.items():
        with pytest.raises(SignXMLException):
            pytest.fail(f"a change of {part} went unnoticed: {signed_by_signxml(message)}")


def verified_by_xmlsec1(folder: Path, message: bytes) -> bool:
    """What the command says of a message."""
    file = folder / "message.xml"
    file.write_bytes(message)
    certificate = pem_file(folder / "certificate.pem", US.certificate)
    names = [option for part in TAMPERED for option in ("--id-attr:Id", part)]
    command = [*XMLSEC, *names, "--pubkey-cert-pem", str(certificate), str(file)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def said_by_wss4j(folder: Path, authority: Authority, messages: Mapping[str, bytes]) -> list[str]:
    """What the Java program says of each message."""
    files = [folder / f"{name}.xml" for name in messages]
    for file, message in zip(files, messages.values(), strict=True):
        file.write_bytes(message)
    class_path = ":".join(map(str, CLASS_PATH))
    command = ["java", "-cp", class_path, str(PROGRAM), str(authority.pem(folder)), *map(str, files)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@needs_xmlsec1
def test_the_command_xmlsec1_verifies_what_we_sign(
    original: bytes, tampered: Mapping[str, bytes], tmp_path: Path
) -> None:
    """And notices the change of any part."""
    assert verified_by_xmlsec1(tmp_path, original)
    assert [part for part, message in tampered.items() if verified_by_xmlsec1(tmp_path, message)] == []


@needs_java
def test_apache_wss4j_verifies_what_we_sign(original: bytes, tampered: Mapping[str, bytes], tmp_path: Path) -> None:
    """Certificate, timestamp and signature; all three parts are covered, and a change of any is noticed."""
    first, *others = said_by_wss4j(tmp_path, AUTHORITY, {"original": original, **tampered})
    assert first == "VERIFIED " + " ".join(sorted(PARTS))
    assert len(others) == len(tampered)
    assert {line.startswith("REFUSED The signature or decryption was invalid") for line in others} == {True}, others


@needs_java
def test_apache_wss4j_refuses_whom_it_does_not_trust(original: bytes, tmp_path: Path) -> None:
    """So the test above proves something about the certificate too."""
    (line,) = said_by_wss4j(tmp_path, Authority("Obcy urząd"), {"message": original})
    assert line.startswith("REFUSED"), line
