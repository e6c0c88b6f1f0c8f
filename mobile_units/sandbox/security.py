"""WS-Security at the sandbox: signatures of requests verified, answers signed; apart from how the client does it.

A request is carried out from what signxml returns as signed, never from the envelope that came, so that what was not
signed has no effect. The rules are those of P1: three signed parts, exclusive canonicalization, RSA-SHA256 and SHA-256,
a Timestamp of five minutes, the certificate as a BinarySecurityToken.
"""

import base64
import hashlib
import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from threading import Lock
from typing import cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from lxml import etree
from lxml.etree import _Element as Element
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidInput, SignXMLException
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from mobile_units.sandbox.certificates import Certificates
from mobile_units.sandbox.rules import Fault

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE = f"{_OASIS}wssecurity-secext-1.0.xsd"
WSU = f"{_OASIS}wssecurity-utility-1.0.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXC_C14N = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0.value
RSA_SHA256 = SignatureMethod.RSA_SHA256.value
SHA256 = DigestAlgorithm.SHA256.value
X509_TOKEN = f"{_OASIS}x509-token-profile-1.0#X509v3"
BASE64_TOKEN = f"{_OASIS}soap-message-security-1.0#Base64Binary"

LIFE = timedelta(seconds=300)
"""How long a request is good for."""
SKEW = timedelta(seconds=30)
"""How far a caller's clock may be off."""
SMALLEST_KEY = 2048

_WSU_ID = f"{{{WSU}}}Id"
_HEADER = f"{{{SOAP}}}Header"
_SECURITY = f"{_HEADER}/{{{WSSE}}}Security"
_CONFIGURATION = SignatureConfiguration(
    location=f"./{_SECURITY}/",
    expect_references=3,
    signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
    digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
)

logging.getLogger("signxml").setLevel(logging.INFO)  # below it logs what it canonicalizes, and that names people


@dataclass(frozen=True, slots=True)
class SignedParts:
    """The parts of a request that its signature covers, as trees of their own; only without security no context."""

    body: Element
    context: Element | None


class Security:
    """Verifies requests and signs answers with the certificates of one sandbox; safe to share between threads."""

    def __init__(self, certificates: Certificates) -> None:
        self._authority = x509.load_pem_x509_certificate(certificates.ca.read_bytes())
        own = x509.load_pem_x509_certificate(certificates.response_pem.read_bytes())
        self._token = base64.b64encode(own.public_bytes(Encoding.DER)).decode()
        key = load_pem_private_key(certificates.response_key.read_bytes(), None)
        self._key = cast("rsa.RSAPrivateKey", key)
        self._certificate_of = lru_cache(maxsize=1000)(self._issued_certificate)
        self._seen = _Seen()

    def verify(self, envelope: Element, now: datetime) -> SignedParts:
        """The signed parts of a request.

        Raises:
            Fault: `brakCertyfikatu`, `certyfikatNiewazny`, `bladPodpisuKomunikatu` or `przekroczonyCzas`.
        """
        security = _only(envelope, _SECURITY)
        token = _token_of(security)
        signature = _only(security, f"{{{DS}}}Signature")
        _check_form(signature, token)
        parts = _parts(envelope, security)
        certificate = self._valid_certificate((token.text or "").strip(), now)
        body, context, timestamp = _verified(signature, parts, certificate)
        expires = _check_time(timestamp, now)
        value = "".join((_only(signature, f"{{{DS}}}SignatureValue").text or "").split())
        self._seen.add_once(hashlib.sha256(value.encode()).digest(), expires, now)
        return SignedParts(body, context)

    def sign(self, content: Element, now: datetime) -> bytes:
        """An envelope with this content, its Body and its Timestamp signed."""
        envelope = etree.fromstring(_envelope(self._token, now))
        security, body = envelope[0][0], envelope[1]
        body.append(content)
        signature = security[2]
        signed_info = signature[0]
        for reference, part in zip(signed_info.iterfind(f"{{{DS}}}Reference"), (body, security[0]), strict=True):
            reference[2].text = base64.b64encode(hashlib.sha256(_canonical(part)).digest()).decode()
        signed = self._key.sign(_canonical(signed_info), padding.PKCS1v15(), hashes.SHA256())
        signature[1].text = base64.b64encode(signed).decode()
        return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")

    def _valid_certificate(self, token: str, now: datetime) -> x509.Certificate:
        certificate = self._certificate_of(token)
        if certificate is None or not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise Fault("certyfikatNiewazny", "Certyfikat podpisu nie jest ważny albo nie wydał go ten urząd.")
        return certificate

    def _issued_certificate(self, token: str) -> x509.Certificate | None:
        """The certificate in a token if our authority issued it for an RSA key of good size."""
        try:
            certificate = x509.load_der_x509_certificate(base64.b64decode(token, validate=False))
            certificate.verify_directly_issued_by(self._authority)
        except (ValueError, TypeError, InvalidSignature):
            return None
        key = certificate.public_key()
        return certificate if isinstance(key, rsa.RSAPublicKey) and key.key_size >= SMALLEST_KEY else None


class _Seen:
    """The signatures that were accepted, each for as long as its Timestamp lives."""

    def __init__(self) -> None:
        self._until: OrderedDict[bytes, datetime] = OrderedDict()
        self._turn = Lock()

    def add_once(self, digest: bytes, expires: datetime, now: datetime) -> None:
        """Remembers a signature; raises Fault if it is known."""
        with self._turn:
            self._forget(now)
            if digest in self._until:
                raise _bad("Ten podpis był już użyty.")
            self._until[digest] = expires + SKEW

    def _forget(self, now: datetime) -> None:
        while self._until and next(iter(self._until.values())) + LIFE < now:
            self._until.popitem(last=False)


def _bad(reason: str) -> Fault:
    return Fault("bladPodpisuKomunikatu", reason)


def _only(parent: Element, path: str) -> Element:
    found = parent.findall(path)
    if len(found) != 1:
        raise _bad(f"W żądaniu nie ma dokładnie jednego elementu {path.rpartition('}')[2]}.")
    return found[0]


def _token_of(security: Element) -> Element:
    """The BinarySecurityToken of a request, an X.509 certificate in Base64."""
    tokens = security.findall(f"{{{WSSE}}}BinarySecurityToken")
    if not tokens:
        raise Fault("brakCertyfikatu", "Brak certyfikatu podpisu (BinarySecurityToken).")
    types = (tokens[0].get("ValueType"), tokens[0].get("EncodingType", BASE64_TOKEN))
    if len(tokens) > 1 or types != (X509_TOKEN, BASE64_TOKEN):
        raise _bad("BinarySecurityToken nie jest jednym certyfikatem X.509 w Base64.")
    return tokens[0]


def _check_form(signature: Element, token: Element) -> None:
    """The signature is made as P1 wants it; signxml judges the algorithms of signature and digest besides."""
    information = _only(signature, f"{{{DS}}}SignedInfo")
    pointer = _only(signature, f"{{{DS}}}KeyInfo/{{{WSSE}}}SecurityTokenReference/{{{WSSE}}}Reference")
    methods = (
        _only(information, f"{{{DS}}}CanonicalizationMethod").get("Algorithm"),
        _only(information, f"{{{DS}}}SignatureMethod").get("Algorithm"),
    )
    if methods != (EXC_C14N, RSA_SHA256):
        raise _bad("Wymagane są exclusive c14n i RSA-SHA256.")
    if pointer.get("URI") != f"#{token.get(_WSU_ID)}":
        raise _bad("KeyInfo nie wskazuje certyfikatu żądania.")
    for reference in information.iterfind(f"{{{DS}}}Reference"):
        transforms = [each.get("Algorithm") for each in reference.iterfind(f"{{{DS}}}Transforms/{{{DS}}}Transform")]
        if transforms != [EXC_C14N] or _only(reference, f"{{{DS}}}DigestMethod").get("Algorithm") != SHA256:
            raise _bad("Każda część podpisu wymaga exclusive c14n i SHA-256.")


def _parts(envelope: Element, security: Element) -> dict[str, Element]:
    """Body, kontekstWywolania and Timestamp, each where it belongs, by the references that must lead to them."""
    parts = (
        _only(envelope, f"{{{SOAP}}}Body"),
        _only(envelope, f"{_HEADER}/{{*}}kontekstWywolania"),
        _only(security, f"{{{WSU}}}Timestamp"),
    )
    named = {f"#{part.get(_WSU_ID, '')}": part for part in parts}
    if len(named) != len(parts) or "#" in named:
        raise _bad("Body, kontekstWywolania i Timestamp muszą mieć różne identyfikatory.")
    return named


class _Verifier(XMLVerifier):
    """A reference leads to a part by its place in the envelope, never to another element that bears its identifier."""

    def __init__(self, parts: dict[str, Element]) -> None:
        self._parts = parts

    def _resolve_reference(self, _root: Element, reference: Element, uri_resolver: object = None) -> Element:  # noqa: ARG002 -- the signature of the library
        uri = reference.get("URI", "")
        if uri not in self._parts:
            raise InvalidInput("a reference to something else")
        return self._parts.pop(uri)


def _verified(
    signature: Element, parts: dict[str, Element], certificate: x509.Certificate
) -> tuple[Element, Element, Element]:
    """Body, kontekstWywolania and Timestamp as they were signed; each is referred to once and nothing else is."""
    order = [etree.QName(part).localname for part in parts.values()]
    try:
        results = _Verifier(dict(parts)).verify(
            signature, x509_cert=certificate, expect_config=_CONFIGURATION, validate_schema=False
        )
    except (SignXMLException, ValueError, etree.LxmlError):
        raise _bad("Podpis nie obejmuje dokładnie Body, kontekstWywolania i Timestamp albo nie zgadza się.") from None
    signed = [each.signed_xml for each in cast("list[VerifyResult]", results) if each.signed_xml is not None]
    body, context, timestamp = sorted(signed, key=lambda tree: order.index(etree.QName(tree).localname))
    return body, context, timestamp


def _check_time(timestamp: Element, now: datetime) -> datetime:
    """When the request ends; raises Fault if that was before, if it is from the future, or if it lives too long."""
    try:
        created, expires = (
            datetime.fromisoformat(timestamp.findtext(f"{{{WSU}}}{name}") or "") for name in ("Created", "Expires")
        )
        good = created - SKEW <= now <= min(expires, created + LIFE) + SKEW and created <= expires <= created + LIFE
    except (ValueError, TypeError):
        raise _bad("Timestamp nie podaje chwil z przesunięciem.") from None
    if not good:
        raise Fault("przekroczonyCzas", "Timestamp jest przeterminowany, z przyszłości albo za długi.")
    return expires


def _canonical(element: Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)


def _envelope(token: str, now: datetime) -> str:
    """An answer without content, digests and signature."""
    created, expires = (each.isoformat(timespec="milliseconds").replace("+00:00", "Z") for each in (now, now + LIFE))
    references = "".join(
        f'<ds:Reference URI="#{part}"><ds:Transforms><ds:Transform Algorithm="{EXC_C14N}"/></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue/></ds:Reference>'
        for part in ("Body", "Timestamp")
    )
    return (
        f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Header><wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}"'
        f' soap:mustUnderstand="1"><wsu:Timestamp wsu:Id="Timestamp"><wsu:Created>{created}</wsu:Created>'
        f"<wsu:Expires>{expires}</wsu:Expires></wsu:Timestamp>"
        f'<wsse:BinarySecurityToken wsu:Id="Token" ValueType="{X509_TOKEN}" EncodingType="{BASE64_TOKEN}">{token}'
        f'</wsse:BinarySecurityToken><ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{EXC_C14N}"/><ds:SignatureMethod Algorithm="{RSA_SHA256}"/>{references}'
        f"</ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><wsse:SecurityTokenReference>"
        f'<wsse:Reference URI="#Token" ValueType="{X509_TOKEN}"/></wsse:SecurityTokenReference></ds:KeyInfo>'
        f'</ds:Signature></wsse:Security></soap:Header><soap:Body xmlns:wsu="{WSU}" wsu:Id="Body"/></soap:Envelope>'
    )
