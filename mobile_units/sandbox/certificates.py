"""Certificates for the sandbox of one machine: an authority, a server, two clients and the signer of responses.

They are worth nothing elsewhere: the key of the authority is thrown away once it has signed them. A
name of a certificate says that it belongs to a sandbox. The two of the client are p12 files behind one password, as the
e-Health Centre hands them out.
"""

import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mobile_units import clock

LIFE = timedelta(days=365)
RENEWED = timedelta(days=7)
"""A set that ends sooner than this is made anew."""
BACKDATED = timedelta(days=1)
"""They are good since yesterday, for clocks that are behind."""
KEY_BITS = 2048
SERVER_NAMES = [
    x509.DNSName("localhost"),
    x509.IPAddress(ip_address("127.0.0.1")),
    x509.IPAddress(ip_address("::1")),
]
CLIENT_USE = [ExtendedKeyUsageOID.CLIENT_AUTH]
SERVER_USE = [ExtendedKeyUsageOID.SERVER_AUTH]


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the files are; what holds a key or a password is readable by its owner only.

    `ca` and `response_ca` are whom the client trusts, as a server and as the signer of responses: that one is the very
    certificate, for the authority vouches for clients as well.
    """

    ca: Path
    server_pem: Path
    server_key: Path
    tls_p12: Path
    wss_p12: Path
    response_pem: Path
    response_key: Path
    response_ca: Path
    password_file: Path

    def variables(self) -> dict[str, str]:
        """The settings by which the product uses them."""
        return {
            "MOBILE_UNITS_CER_TLS_P12": str(self.tls_p12),
            "MOBILE_UNITS_CER_TLS_PASSWORD_FILE": str(self.password_file),
            "MOBILE_UNITS_CER_WSS_P12": str(self.wss_p12),
            "MOBILE_UNITS_CER_WSS_PASSWORD_FILE": str(self.password_file),
            "MOBILE_UNITS_CER_CA": str(self.ca),
            "MOBILE_UNITS_CER_RESPONSE_CA": str(self.response_ca),
        }


@dataclass(frozen=True, slots=True)
class _Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


def make(folder: Path) -> Certificates:
    """The certificates in this folder; those that are there stay if they fit together and live a week longer.

    Raises:
        OSError: the folder cannot be written.
    """
    files = in_folder(folder)
    if not _is_good(files):
        folder.mkdir(parents=True, exist_ok=True)
        _issue_all(files)
    return files


def in_folder(folder: Path) -> Certificates:
    """Where the files of a folder are or will be."""
    absolute = folder.resolve()
    return Certificates(
        ca=absolute / "ca.pem",
        server_pem=absolute / "server.pem",
        server_key=absolute / "server.key",
        tls_p12=absolute / "tls.p12",
        wss_p12=absolute / "wss.p12",
        response_pem=absolute / "response.pem",
        response_key=absolute / "response.key",
        response_ca=absolute / "response.pem",
        password_file=absolute / "password",
    )


def _issue_all(files: Certificates) -> None:
    authority = _authority()
    password = secrets.token_urlsafe(24)
    _write(files.password_file, password.encode())
    for path, name in ((files.tls_p12, "klient TLS"), (files.wss_p12, "klient WSS")):
        _write(path, _p12(_issue(authority, name, CLIENT_USE), authority, password))
    _write_pair(files.server_pem, files.server_key, _issue(authority, "serwer", SERVER_USE, SERVER_NAMES))
    _write_pair(files.response_pem, files.response_key, _issue(authority, "podpis odpowiedzi"))
    _write(files.ca, authority.certificate.public_bytes(Encoding.PEM), mode=0o644)


def _authority() -> _Issued:
    key = _new_key()
    name = _name("urząd certyfikacji")
    usage = _key_usage(signs_certificates=True)
    builder = _builder(name, name, key.public_key()).add_extension(x509.BasicConstraints(True, 0), critical=True)  # noqa: FBT003 -- as the library has it
    return _Issued(builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()), key)


def _issue(
    authority: _Issued,
    name: str,
    use: list[x509.ObjectIdentifier] | None = None,
    alternatives: list[x509.GeneralName] | None = None,
) -> _Issued:
    key = _new_key()
    builder = _builder(_name(name), authority.certificate.subject, key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)  # noqa: FBT003 -- as the library has it
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
    )
    if use:
        builder = builder.add_extension(x509.ExtendedKeyUsage(use), critical=False)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return _Issued(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey) -> x509.CertificateBuilder:
    now = clock.now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        key_encipherment=not signs_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(role: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "PL"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "PIASKOWNICA, bez mocy poza tym komputerem"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Piaskownica CeR: {role}"),
        ]
    )


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def _p12(issued: _Issued, authority: _Issued, password: str) -> bytes:
    encryption = BestAvailableEncryption(password.encode())
    chain = [authority.certificate]
    return pkcs12.serialize_key_and_certificates(b"sandbox", issued.key, issued.certificate, chain, encryption)


def _write_pair(certificate: Path, key: Path, issued: _Issued) -> None:
    _write(certificate, issued.certificate.public_bytes(Encoding.PEM), mode=0o644)
    _write(key, issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replaces a file at once; it is never readable by others, not even while it is written."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    new.replace(path)


def _is_good(files: Certificates) -> bool:
    try:
        authority = x509.load_pem_x509_certificate(files.ca.read_bytes())
        pairs = [*_pairs(files)]
    except (OSError, ValueError):
        return False
    return all(_fits(certificate, key, authority, clock.now()) for certificate, key in pairs)


def _pairs(files: Certificates) -> list[tuple[x509.Certificate | None, object]]:
    password = files.password_file.read_bytes()
    found: list[tuple[x509.Certificate | None, object]] = []
    for pem, key in ((files.server_pem, files.server_key), (files.response_pem, files.response_key)):
        found.append((x509.load_pem_x509_certificate(pem.read_bytes()), load_pem_private_key(key.read_bytes(), None)))
    for path in (files.tls_p12, files.wss_p12):
        loaded_key, certificate, _ = pkcs12.load_key_and_certificates(path.read_bytes(), password)
        found.append((certificate, loaded_key))
    return found


def _fits(certificate: x509.Certificate | None, key: object, authority: x509.Certificate, now: datetime) -> bool:
    if certificate is None or not isinstance(key, rsa.RSAPrivateKey):
        return False
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError):
        return False
    own_key = certificate.public_key() == key.public_key()
    return own_key and certificate.not_valid_after_utc > now + RENEWED
