"""WS-Security on the wire: what we send is signed, what comes back signed is verified; the only importer of xmlsec.

Signed are the body, the call context and the timestamp, each by its `wsu:Id`, with exclusive canonicalization,
RSA-SHA256 and SHA-256, as P1's newest public client does it.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError
from lxml import etree

from mobile_units.transmission.certificates import Identity

LIFE = timedelta(seconds=300)
"""How long a message of ours is valid."""
SKEW = timedelta(minutes=5)
"""How far the clock of the other side may be from ours."""
CHECKED_AGAIN = timedelta(hours=1)
"""How long the issuer of a certificate need not be looked at again."""
CALL_CONTEXT = "kontekstWywolania"

_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE = _OASIS + "wssecurity-secext-1.0.xsd"
WSU = _OASIS + "wssecurity-utility-1.0.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"
X509_TOKEN = _OASIS + "x509-token-profile-1.0#X509v3"
BASE64 = _OASIS + "soap-message-security-1.0#Base64Binary"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"

_ID = f"{{{WSU}}}Id"
_ID_NAMES = frozenset({"id", "assertionid"})
_NAMES = {"wsse": WSSE, "wsu": WSU, "ds": DS}
_TEMPLATE = (
    f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}" xmlns:soap="{{soap}}" soap:mustUnderstand="1">'
    '<wsu:Timestamp wsu:Id="{timestamp}"><wsu:Created>{created}</wsu:Created><wsu:Expires>{expires}</wsu:Expires>'
    "</wsu:Timestamp>"
    f'<wsse:BinarySecurityToken wsu:Id="{{token}}" EncodingType="{BASE64}" ValueType="{X509_TOKEN}">{{certificate}}'
    "</wsse:BinarySecurityToken>"
    f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
    f'<ds:SignatureMethod Algorithm="{RSA_SHA256}"/>{{references}}</ds:SignedInfo><ds:SignatureValue/>'
    f'<ds:KeyInfo><wsse:SecurityTokenReference><wsse:Reference URI="#{{token}}" ValueType="{X509_TOKEN}"/>'
    "</wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature></wsse:Security>"
)
_REFERENCE = (
    f'<ds:Reference URI="#{{}}"><ds:Transforms><ds:Transform Algorithm="{EXCLUSIVE}"/></ds:Transforms>'
    f'<ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue/></ds:Reference>'
)


class SignatureError(Exception):
    """An answer is not signed as it should be; the message says why and quotes nothing."""


class Signer:
    """Signs envelopes with one certificate; the key is read once."""

    def __init__(self, identity: Identity) -> None:
        self._certificate = b64encode(identity.certificate.public_bytes(Encoding.DER)).decode()
        plain = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._key = xmlsec.Key.from_memory(plain, xmlsec.constants.KeyDataFormatPem)

    def sign(self, envelope: etree._Element, now: datetime) -> None:
        """Puts a security header in front of the others, holding the signature of body, call context and timestamp.

        Raises:
            ValueError: if the envelope has no such header or body.
        """
        body, context = _child(envelope, "Body"), _child(_child(envelope, "Header"), CALL_CONTEXT)
        security = self._header(etree.QName(envelope).namespace or "", now, [_named(body), _named(context)])
        context.getparent().insert(0, security)  # type: ignore[union-attr]  # found by its parent
        signing = xmlsec.SignatureContext()
        signing.key = self._key
        for signed in (body, context, security[0]):
            signing.register_id(signed, "Id", WSU)
        signing.sign(security[2])

    def _header(self, soap: str, now: datetime, others: Iterable[str]) -> etree._Element:
        timestamp, token = _new_id(), _new_id()
        return etree.fromstring(
            _TEMPLATE.format(
                soap=soap,
                timestamp=timestamp,
                created=_instant(now),
                expires=_instant(now + LIFE),
                token=token,
                certificate=self._certificate,
                references="".join(map(_REFERENCE.format, (*others, timestamp))),
            )
        )


@dataclass(frozen=True, slots=True)
class _KnownSigner:
    """A certificate that was found to be issued by whom we trust, its key, and when that was."""

    certificate: x509.Certificate
    key: xmlsec.Key
    checked_at: datetime


class Verifier:
    """Verifies the signature of answers against certificates that are trusted, as issuers or as the signers.

    An answer signed with a certificate of `ours` is refused: it is our own message thrown back. Who issued a
    certificate is looked at once an hour.
    """

    def __init__(self, trusted: Sequence[x509.Certificate], ours: x509.Certificate | None = None) -> None:
        self._trusted = tuple(trusted)
        self._ours = ours
        self._known: dict[str, _KnownSigner] = {}

    def verify(self, envelope: etree._Element, now: datetime) -> None:
        """Proves that the body of this envelope, and a fresh timestamp, were signed by whom we trust.

        Raises:
            SignatureError: if that cannot be proved.
        """
        security = _only(envelope.findall("{*}Header/wsse:Security", _NAMES), "security header")
        signature = _only(security.findall("ds:Signature", _NAMES), "signature")
        timestamp = _only(security.findall("wsu:Timestamp", _NAMES), "timestamp")
        body = _only(envelope.findall("{*}Body"), "body")
        signed = _signed_parts(envelope, signature)
        if not {id(body), id(timestamp)} <= {id(part) for part in signed}:
            raise SignatureError("the signature does not cover body and timestamp")
        _check_algorithms(signature)
        _check_time(timestamp, now)
        signer = self._signer(_token(security, signature), now)
        _check_signature(signature, signed, signer.key)

    def _signer(self, token: str, now: datetime) -> _KnownSigner:
        known = self._known.get(token)
        certificate = known.certificate if known else _certificate(token)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise SignatureError("the certificate of the answer is not valid now")
        if known is None or not timedelta(0) <= now - known.checked_at < CHECKED_AGAIN:
            self._check_issuer(certificate, now)
            known = _KnownSigner(certificate, _key(certificate), now)
            self._known = {token: known}
        return known

    def _check_issuer(self, certificate: x509.Certificate, now: datetime) -> None:
        if certificate == self._ours:
            raise SignatureError("the answer is signed with our own certificate")
        try:
            _chains(self._trusted, now).verify(certificate, [])
        except VerificationError:
            raise SignatureError("the certificate of the answer is not issued by whom we trust") from None


def _chains(trusted: Sequence[x509.Certificate], now: datetime) -> Any:
    """Rules for chains of system certificates, which are not made for web browsers."""
    return (
        PolicyBuilder()
        .store(Store(list(trusted)))
        .time(now)
        .extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )


def _signed_parts(envelope: etree._Element, signature: etree._Element) -> list[etree._Element]:
    """What the references of a signature point at.

    Each has to be named by a `wsu:Id`, and only one element may have a name, or another than the one that is read could
    have been signed.
    """
    _only(signature.findall("ds:SignedInfo", _NAMES), "list of signed parts")
    references = signature.findall("ds:SignedInfo/ds:Reference", _NAMES)
    named = {each.get(_ID, ""): each for each in envelope.iter(etree.Element) if _ID in each.attrib}
    uses = Counter(value for each in envelope.iter(etree.Element) for value in _ids(each))
    parts = []
    for reference in references:
        mark, name = reference.get("URI", "")[:1], reference.get("URI", "")[1:]
        if mark != "#" or name not in named or uses[name] != 1:
            raise SignatureError("the signature points at no single part of the answer")
        parts.append(named[name])
    return parts


def _ids(element: etree._Element) -> list[str]:
    return [str(value) for name, value in element.items() if etree.QName(name).localname.casefold() in _ID_NAMES]


def _check_algorithms(signature: etree._Element) -> None:
    """Nothing but what we use ourselves: neither weak digests nor transforms that drop parts of what they sign."""
    allowed = {
        "ds:SignedInfo/ds:CanonicalizationMethod": EXCLUSIVE,
        "ds:SignedInfo/ds:SignatureMethod": RSA_SHA256,
        "ds:SignedInfo/ds:Reference/ds:DigestMethod": SHA256,
        "ds:SignedInfo/ds:Reference/ds:Transforms/ds:Transform": EXCLUSIVE,
    }
    for path, algorithm in allowed.items():
        if {each.get("Algorithm") for each in signature.findall(path, _NAMES)} != {algorithm}:
            raise SignatureError("the signature uses other algorithms than agreed")
    for reference in signature.findall("ds:SignedInfo/ds:Reference", _NAMES):
        _only(reference.findall("ds:Transforms/ds:Transform", _NAMES), "transform of each part")


def _check_time(timestamp: etree._Element, now: datetime) -> None:
    created, expires = (_time(timestamp.findtext(f"wsu:{name}", "", _NAMES)) for name in ("Created", "Expires"))
    if created is None or abs(now - created) > SKEW or (expires is not None and expires + SKEW < now):
        raise SignatureError("the answer is not of this time")


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _token(security: etree._Element, signature: etree._Element) -> str:
    path = "ds:KeyInfo/wsse:SecurityTokenReference/wsse:Reference"
    reference = _only(signature.findall(path, _NAMES), "reference to a certificate")
    tokens = [each for each in security.findall("wsse:BinarySecurityToken", _NAMES) if each.get(_ID)]
    uri = reference.get("URI", "")
    return _only([each for each in tokens if f"#{each.get(_ID)}" == uri], "certificate").text or ""


def _certificate(token: str) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(b64decode(token))
    except (ValueError, Base64Error):
        raise SignatureError("the certificate of the answer cannot be read") from None


def _key(certificate: x509.Certificate) -> xmlsec.Key:
    try:
        return xmlsec.Key.from_memory(certificate.public_bytes(Encoding.PEM), xmlsec.constants.KeyDataFormatCertPem)
    except xmlsec.Error:
        raise SignatureError("the certificate of the answer cannot be read") from None


def _check_signature(signature: etree._Element, signed: Iterable[etree._Element], key: xmlsec.Key) -> None:
    checking = xmlsec.SignatureContext()
    checking.key = key
    for part in signed:
        checking.register_id(part, "Id", WSU)
    try:
        checking.verify(signature)
    except xmlsec.Error:
        raise SignatureError("the signature of the answer is wrong") from None


def _only(found: Sequence[etree._Element], what: str) -> etree._Element:
    if len(found) != 1:
        raise SignatureError(f"the answer has no single {what}" if found else f"the answer has no {what}")
    return found[0]


def _child(parent: etree._Element, name: str) -> etree._Element:
    found = parent.find(f"{{*}}{name}")
    if found is None:
        raise ValueError(f"the envelope has no {name}")
    return found


def _named(element: etree._Element) -> str:
    element.set(_ID, name := _new_id())
    return name


def _new_id() -> str:
    return f"id-{uuid4().hex}"


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
