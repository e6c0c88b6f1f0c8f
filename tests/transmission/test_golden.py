"""What leaves the house, to the byte: one signed envelope of every kind, made from the contract without a network.

The envelopes are kept in `tests/golden`, indented and in canonical form. After a change that is meant to change them,
`pytest tests/transmission/test_golden.py --rewrite-golden` writes them anew; the difference is then read and committed.
Clock and identifiers stand still, and what depends on the key (the certificate and the signature) is left out.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest
from lxml import etree

from mobile_units import clock
from mobile_units.config import CONTRACT
from mobile_units.rules.transmissions import MessageKind
from mobile_units.sandbox.certificates import Certificates, make
from mobile_units.transmission import security
from mobile_units.transmission.certificates import Credentials, load_p12
from mobile_units.transmission.context import context_of
from mobile_units.transmission.contract_schema import assemble
from mobile_units.transmission.dialect import DEFAULT
from mobile_units.transmission.soap import SoapGateway, SoapSettings
from mobile_units.transmission.specimens import BOOK, CELL, QUERIES, SPECIMENS
from mobile_units.transmission.transport import HttpAnswer, HttpConnection
from tests.transmission.test_answers import envelope

GOLDEN = Path(__file__).parents[1] / "golden"
NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
LOOKUP, CHANGES = "lookup", "changes"
NAMES = [*(kind.value for kind in MessageKind), LOOKUP, CHANGES]
Sent = tuple[bytes, str]
"""An envelope and its SOAPAction."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates of nobody."""
    return make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, socket_disabled: None) -> list[Sent]:
    """What would have been sent, at a fixed time with fixed identifiers; there is no network."""
    kept: list[Sent] = []

    def keep(_: HttpConnection, __: str, content: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        kept.append((content, headers["SOAPAction"]))
        return HttpAnswer(200, envelope("<r><wynik><major>x:Sukces</major></wynik></r>"))

    numbers = count(1)
    monkeypatch.setattr(HttpConnection, "post", keep)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(security, "uuid4", lambda: UUID(int=next(numbers)))
    return kept


def send(name: str, certificates: Certificates) -> None:
    """Sends the fullest message of a kind, or asks the fullest question."""
    signing = load_p12(certificates.wss_p12, certificates.password_file.read_text(encoding="utf-8").strip())
    settings = SoapSettings(
        wsdl=CONTRACT,
        address="https://cer.invalid/services",
        context=context_of(DEFAULT, BOOK, CELL),
        credentials=Credentials(signing=signing),
    )
    gateway = SoapGateway(settings)
    if name == CHANGES:
        gateway.changes(QUERIES[0])
    elif name == LOOKUP:
        gateway.lookup(SPECIMENS[MessageKind.SAVE_VISIT][0])
    else:
        gateway.send(SPECIMENS[MessageKind(name)][0])
    gateway.close()


def canonical(content: bytes, action: str) -> str:
    """An envelope as it is kept: with its SOAPAction, indented, in canonical form, without what depends on the key."""
    root = etree.fromstring(content)
    for secret in ("BinarySecurityToken", "SignatureValue"):
        (found,) = root.iter(f"{{*}}{secret}")
        found.text = "(left out)"
    etree.indent(root)
    return f"<!-- SOAPAction: {action} -->\n{etree.tostring(root, method='c14n').decode()}\n"


@pytest.mark.parametrize("name", NAMES)
def test_an_envelope_is_as_it_was(
    name: str, sent: list[Sent], certificates: Certificates, pytestconfig: pytest.Config
) -> None:
    """Any change of what is sent shows in a file that somebody reads."""
    send(name, certificates)
    ((content, action),) = sent
    golden = GOLDEN / f"{name}.xml"
    if pytestconfig.getoption("--rewrite-golden"):
        golden.write_text(canonical(content, action), encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == canonical(content, action)


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_envelope_obeys_the_contract(name: str) -> None:
    """Its header and its body are valid, so that the files are a description of the contract as well."""
    schema = assemble({str(source): source.read_bytes() for source in CONTRACT.parent.iterdir()})
    root = etree.parse(GOLDEN / f"{name}.xml").getroot()
    for part in (*root.iterfind("{*}Header/{*}kontekstWywolania"), *root.iterfind("{*}Body/*")):
        alone = etree.fromstring(etree.tostring(part))
        alone.attrib.pop(f"{{{security.WSU}}}Id", "")
        schema.assertValid(alone)


def test_every_golden_envelope_is_looked_at() -> None:
    """No file is left over from a message that is no more."""
    assert {file.name for file in GOLDEN.iterdir()} == {f"{name}.xml" for name in NAMES}
