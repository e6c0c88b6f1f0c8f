"""Answers as the central system may sign them, and as it should not, made with xmlsec alone."""

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from mobile_units.transmission.certificates import Identity

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE = OASIS + "wssecurity-secext-1.0.xsd"
WSU = OASIS + "wssecurity-utility-1.0.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"
NAMES = {"s": SOAP, "wsse": WSSE, "wsu": WSU, "ds": DS}
SUCCESS = "<odp><wynik><major>urn:x:Sukces</major></wynik></odp>"
EXCLUSIVE = (xmlsec.constants.TransformExclC14N,)


def signed(
    identity: Identity,
    now: datetime,
    content: str = SUCCESS,
    *,
    parts: Sequence[str] = ("Body", "Timestamp"),
    transforms: Sequence[object] = EXCLUSIVE,
    method: object = xmlsec.constants.TransformRsaSha256,
    digest: object = xmlsec.constants.TransformSha256,
    c14n: object = xmlsec.constants.TransformExclC14N,
    expires: timedelta = timedelta(seconds=300),
) -> etree._Element:
    """An envelope with this content, signed as told; every part is named after itself."""
    envelope = etree.fromstring(_envelope(identity, now, now + expires, content))
    security = envelope.find(".//wsse:Security", NAMES)
    assert security is not None
    signature = xmlsec.template.create(envelope, c14n, method)  # type: ignore[arg-type]  # constants have no public type
    security.append(signature)
    context = xmlsec.SignatureContext()
    context.key = _key(identity)
    for part in parts:
        found = envelope.find(f".//{{*}}{part}")
        assert found is not None
        context.register_id(found, "Id", WSU)
        reference = xmlsec.template.add_reference(signature, digest, uri=f"#{part}")  # type: ignore[arg-type]  # as above
        for transform in transforms:
            xmlsec.template.add_transform(reference, transform)  # type: ignore[arg-type]  # as above
    info = xmlsec.template.ensure_key_info(signature)
    holder = etree.SubElement(info, f"{{{WSSE}}}SecurityTokenReference")
    etree.SubElement(holder, f"{{{WSSE}}}Reference", URI="#Token")
    context.sign(signature)
    return etree.fromstring(etree.tostring(envelope))


def _key(identity: Identity) -> xmlsec.Key:
    plain = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return xmlsec.Key.from_memory(plain, xmlsec.constants.KeyDataFormatPem)


def _envelope(identity: Identity, created: datetime, expires: datetime, content: str) -> str:
    token = b64encode(identity.certificate.public_bytes(Encoding.DER)).decode()
    instants = [each.astimezone(UTC).isoformat().replace("+00:00", "Z") for each in (created, expires)]
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Header><wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}">'
        f'<wsu:Timestamp wsu:Id="Timestamp"><wsu:Created>{instants[0]}</wsu:Created>'
        f"<wsu:Expires>{instants[1]}</wsu:Expires></wsu:Timestamp>"
        f'<wsse:BinarySecurityToken wsu:Id="Token">{token}</wsse:BinarySecurityToken></wsse:Security></s:Header>'
        f'<s:Body xmlns:wsu="{WSU}" wsu:Id="Body">{content}</s:Body></s:Envelope>'
    )
