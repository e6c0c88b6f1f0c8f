"""Requests signed as P1 wants them, made with xmlsec alone: nothing here is shared with the client or the sandbox."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from lxml import etree
from lxml.etree import _Element as Element

from mobile_units.sandbox.certificates import Certificates

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE = f"{OASIS}wssecurity-secext-1.0.xsd"
WSU = f"{OASIS}wssecurity-utility-1.0.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"
PARTS = ("Body", "kontekstWywolania", "Timestamp")


@dataclass(frozen=True)
class Signer:
    """A certificate with its key, and how it signs; parts that are `marked` have an identifier and are not signed."""

    certificate: bytes
    key: bytes
    parts: tuple[str, ...] = PARTS
    marked: tuple[str, ...] = ()
    created: datetime | None = None
    life: timedelta = timedelta(seconds=300)
    method: str = field(default="RsaSha256")
    digest: str = field(default="Sha256")
    c14n: str = field(default="ExclC14N")
    token: bool = True

    def envelope(self, context: str, content: str) -> Element:
        """An envelope signed by this signer."""
        root = etree.fromstring(
            f'<s:Envelope xmlns:s="{SOAP}"><s:Header><w:Security xmlns:w="{WSSE}" s:mustUnderstand="1">'
            f"{self._timestamp()}{self._token()}</w:Security>{context}</s:Header><s:Body>{content}</s:Body></s:Envelope>"
        )
        self._sign(root)
        return root

    def _timestamp(self) -> str:
        created = self.created or datetime.now(UTC)
        instants = [
            each.isoformat(timespec="milliseconds").replace("+00:00", "Z") for each in (created, created + self.life)
        ]
        return (
            f'<u:Timestamp xmlns:u="{WSU}"><u:Created>{instants[0]}</u:Created>'
            f"<u:Expires>{instants[1]}</u:Expires></u:Timestamp>"
        )

    def _token(self) -> str:
        if not self.token:
            return ""
        return (
            f'<w:BinarySecurityToken xmlns:u="{WSU}" u:Id="X509" ValueType="{OASIS}x509-token-profile-1.0#X509v3"'
            f' EncodingType="{OASIS}soap-message-security-1.0#Base64Binary">'
            f"{base64.b64encode(self.certificate).decode()}</w:BinarySecurityToken>"
        )

    def _sign(self, root: Element) -> None:
        constants = xmlsec.constants
        transforms = {name: getattr(constants, f"Transform{name}") for name in (self.method, self.digest, self.c14n)}
        signature = xmlsec.template.create(root, transforms[self.c14n], transforms[self.method])
        root[0][0].append(signature)
        named = {etree.QName(each).localname: each for each in root.iter("*")}
        context = xmlsec.SignatureContext()
        for part in self.marked:
            named[part].set(f"{{{WSU}}}Id", f"id-{uuid4()}")
        for part in self.parts:
            value = f"id-{uuid4()}"
            named[part].set(f"{{{WSU}}}Id", value)
            context.register_id(named[part], "Id", WSU)
            reference = xmlsec.template.add_reference(signature, transforms[self.digest], uri=f"#{value}")
            xmlsec.template.add_transform(reference, transforms[self.c14n])
        pointer = etree.SubElement(
            xmlsec.template.ensure_key_info(signature), f"{{{WSSE}}}SecurityTokenReference", nsmap={"w": WSSE}
        )
        etree.SubElement(pointer, f"{{{WSSE}}}Reference", URI="#X509")
        context.key = xmlsec.Key.from_memory(self.key, xmlsec.constants.KeyDataFormatPem)
        context.sign(signature)


def signer(certificates: Certificates) -> Signer:
    """Signs with the WSS certificate of a sandbox."""
    certificate, key = opened(certificates.wss_p12, certificates.password_file)
    return Signer(certificate, key)


def opened(file: Path, password: Path) -> tuple[bytes, bytes]:
    """The certificate (DER) and the key (PEM) of a p12 file."""
    key, certificate, _ = pkcs12.load_key_and_certificates(file.read_bytes(), password.read_bytes())
    assert key
    assert certificate
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.DER), pem
