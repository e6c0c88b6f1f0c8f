"""The peer of the hand-over: a loop of lxml, xmlsec and requests that signs given envelopes and sends them.

It knows no outbox, no database and no contract: an envelope is parsed, signed in its three parts, posted over one
connection kept open, and the answer is parsed and has to be a success.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from lxml import etree

from mobile_units.sandbox.certificates import Certificates

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE = OASIS + "wssecurity-secext-1.0.xsd"
WSU = OASIS + "wssecurity-utility-1.0.xsd"
X509 = OASIS + "x509-token-profile-1.0#X509v3"
BASE64 = OASIS + "soap-message-security-1.0#Base64Binary"
ID = f"{{{WSU}}}Id"


@dataclass(frozen=True, slots=True)
class Unsigned:
    """An envelope as it was before it was signed, and how it is sent."""

    envelope: bytes
    action: bytes


@dataclass(frozen=True, slots=True)
class Bare:
    """One connection, one key."""

    session: requests.Session
    address: str
    key: xmlsec.Key
    certificate: str

    def send_all(self, envelopes: Sequence[Unsigned]) -> None:
        """Sends one after the other; RuntimeError if one is not accepted."""
        for each in envelopes:
            self.send(each)

    def send(self, unsigned: Unsigned) -> None:
        """Signs and sends one envelope and reads the answer."""
        envelope = etree.fromstring(unsigned.envelope)
        self._sign(envelope)
        headers: dict[str, str | bytes | None] = {
            "SOAPAction": unsigned.action,
            "Content-Type": "text/xml; charset=utf-8",
        }
        answer = self.session.post(self.address, data=etree.tostring(envelope), headers=headers, timeout=(5, 30))
        major = etree.fromstring(answer.content).find(".//{*}wynik/{*}major")
        if major is None or not (major.text or "").endswith(":Sukces"):
            raise RuntimeError(answer.text)

    def _sign(self, envelope: etree._Element) -> None:
        header, body = envelope[0], envelope[1]
        security = etree.Element(f"{{{WSSE}}}Security", nsmap={"wsse": WSSE, "wsu": WSU})
        security.set(f"{{{SOAP}}}mustUnderstand", "1")
        header.insert(0, security)
        timestamp = etree.SubElement(security, f"{{{WSU}}}Timestamp")
        now = datetime.now(UTC)
        for name, instant in (("Created", now), ("Expires", now + timedelta(seconds=300))):
            etree.SubElement(timestamp, f"{{{WSU}}}{name}").text = f"{instant:%Y-%m-%dT%H:%M:%S}.000Z"
        token = etree.SubElement(security, f"{{{WSSE}}}BinarySecurityToken", EncodingType=BASE64, ValueType=X509)
        token.set(ID, "token")
        token.text = self.certificate
        signature = xmlsec.template.create(
            envelope, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha256, ns="ds"
        )
        security.append(signature)
        context = xmlsec.SignatureContext()
        context.key = self.key
        for name, part in (("body", body), ("context", header[1]), ("timestamp", timestamp)):
            part.set(ID, name)
            reference = xmlsec.template.add_reference(signature, xmlsec.constants.TransformSha256, uri=f"#{name}")
            xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
            context.register_id(part, "Id", WSU)
        key_info = xmlsec.template.ensure_key_info(signature)
        named = etree.SubElement(key_info, f"{{{WSSE}}}SecurityTokenReference")
        etree.SubElement(named, f"{{{WSSE}}}Reference", URI="#token", ValueType=X509)
        context.sign(signature)


def unsigned(body: bytes, action: bytes) -> Unsigned:
    """What a sent envelope was before it was signed."""
    envelope = etree.fromstring(body)
    security = envelope.find(f"{{{SOAP}}}Header/{{{WSSE}}}Security")
    assert security is not None
    envelope[0].remove(security)
    for part in (envelope[1], envelope[0][0]):
        part.attrib.pop(ID)
    return Unsigned(etree.tostring(envelope), action)


@contextmanager
def session(files: Certificates, address: str) -> Iterator[Bare]:
    """A connection with the client's certificates."""
    password = files.password_file.read_bytes()
    with TemporaryDirectory() as folder, requests.Session() as made:
        made.trust_env = False
        made.verify = str(files.ca)
        made.cert = str(_pem(files.tls_p12, password, Path(folder) / "tls.pem"))
        key, certificate, _ = pkcs12.load_key_and_certificates(files.wss_p12.read_bytes(), password)
        assert key is not None
        assert certificate is not None
        signing = xmlsec.Key.from_memory(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), xmlsec.constants.KeyDataFormatPem
        )
        yield Bare(made, address, signing, b64encode(certificate.public_bytes(Encoding.DER)).decode())


def _pem(p12: Path, password: bytes, target: Path) -> Path:
    key, certificate, _ = pkcs12.load_key_and_certificates(p12.read_bytes(), password)
    assert key is not None
    assert certificate is not None
    target.touch(mode=0o600)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    target.write_bytes(pem + certificate.public_bytes(Encoding.PEM))
    return target
