"""Authorities of the tests: they issue whatever certificates a test wants, good ones and bad ones."""

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from mobile_units import clock
from mobile_units.transmission.certificates import Identity

DAY = timedelta(days=1)
LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@cache
def rsa_key(number: int) -> rsa.RSAPrivateKey:
    """A key for each number; making one takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class Authority:
    """An authority with a self-signed certificate."""

    name: str = "Urząd testowy"
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @cached_property
    def certificate(self) -> x509.Certificate:
        """The certificate that a client or server may trust."""
        name, now = _name(self.name), clock.now()
        builder = _builder(name, name, self.key.public_key(), now - DAY, now + DAY)
        builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
        usage = {name: name in {"key_cert_sign", "crl_sign"} for name in _USAGES}
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        return builder.sign(self.key, hashes.SHA256())

    def issue(
        self, number: int = 0, since: timedelta = -DAY, until: timedelta = DAY, host: x509.GeneralName = LOOPBACK
    ) -> Identity:
        """A certificate over the key of this number, valid between two instants told from now."""
        key, now = rsa_key(number), clock.now()
        builder = _builder(_name(f"Strona {number}"), _name(self.name), key.public_key(), now + since, now + until)
        builder = builder.add_extension(x509.SubjectAlternativeName([host]), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return Identity(builder.add_extension(issuer, critical=False).sign(self.key, hashes.SHA256()), key)

    def pem(self, folder: Path) -> Path:
        """A file with the certificate of this authority."""
        return pem_file(folder / f"{self.name}.pem", self.certificate)


def pem_file(path: Path, *certificates: x509.Certificate) -> Path:
    """A file with these certificates."""
    path.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in certificates))
    return path


def pair_file(path: Path, identity: Identity) -> Path:
    """A file with a certificate and its key, as a server reads it."""
    pem_file(path, identity.certificate)
    with path.open("ab") as file:
        file.write(identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


_USAGES = [
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
]  # fmt: skip


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    since: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(since).not_valid_after(until)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
