"""Our certificates and those we trust: password-protected p12 files, and the TLS that is made of them.

A private key lives in memory. The TLS library wants it in a file, so for the blink of reading there is one: readable by
its owner only and encrypted under a password that nobody else ever sees.
"""

import secrets
import ssl
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, pkcs12

from mobile_units.config import Settings


class CertificateError(Exception):
    """A certificate cannot be used; the message names the file and the reason, never a password."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate, its private key, and the certificates between it and its authority."""

    certificate: x509.Certificate
    key: RSAPrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = field(default=(), repr=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, hexadecimal."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def begins_at(self) -> datetime:
        """The first instant of its validity."""
        return self.certificate.not_valid_before_utc

    @property
    def ends_at(self) -> datetime:
        """The last instant of its validity."""
        return self.certificate.not_valid_after_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who we are on the wire, and whom we believe.

    `tls` is shown to the server and `signing` signs what is sent; each may be missing. `authorities` (PEM) are trusted
    to name a server, the system's if None. `signers` are trusted to sign answers, or are themselves the signers;
    without any, signatures of answers are not looked at.
    """

    tls: Identity | None = None
    signing: Identity | None = None
    authorities: Path | None = None
    signers: tuple[x509.Certificate, ...] = ()


ANONYMOUS = Credentials()
"""Shows and signs nothing, and trusts whom the system trusts."""


class Use(StrEnum):
    """What a certificate of ours is for; the word is that of its settings."""

    TLS = "tls"
    SIGNING = "wss"


def credentials_of(settings: Settings, book: str) -> Credentials:
    """The credentials of an installation for the provider with this RPWDL book.

    Raises:
        CertificateError: if one of its certificates cannot be used.
    """
    return Credentials(
        tls=identity_of(settings, Use.TLS, book),
        signing=identity_of(settings, Use.SIGNING, book),
        authorities=settings.cer_ca,
        signers=load_pem(settings.cer_response_ca) if settings.cer_response_ca else (),
    )


def p12_of(settings: Settings, use: Use) -> str | None:
    """The path of the p12 file for one use, in which `{book}` may stand for a provider's book."""
    return settings.cer_tls_p12 if use is Use.TLS else settings.cer_wss_p12


def identity_of(settings: Settings, use: Use, book: str) -> Identity | None:
    """The certificate for one use, of the provider with this book; None if none is set.

    Raises:
        CertificateError: if it cannot be used.
    """
    p12 = p12_of(settings, use)
    return load_p12(_path_of(book, p12), _password_of(settings, use, book)) if p12 else None


def _password_of(settings: Settings, use: Use, book: str) -> str:
    if use is Use.TLS:
        password, file = settings.cer_tls_password, settings.cer_tls_password_file
    else:
        password, file = settings.cer_wss_password, settings.cer_wss_password_file
    return _first_line(_path_of(book, file)) if file else password or ""


def _path_of(book: str, path: str) -> Path:
    return Path(path.replace("{book}", book))


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, ValueError) as error:
        raise CertificateError(f"{path} cannot be read: {type(error).__name__}") from None


def load_p12(path: Path, password: str) -> Identity:
    """The identity in a p12 file.

    Raises:
        CertificateError: if the file cannot be read, the password does not open it, or it holds no RSA key with its
            certificate.
    """
    try:
        key, certificate, chain = pkcs12.load_key_and_certificates(path.read_bytes(), password.encode())
    except OSError as error:
        raise CertificateError(f"{path} cannot be read: {error.strerror}") from None
    except Exception as error:  # noqa: BLE001 -- a damaged file fails in many ways, all the same to its owner
        reason = "the password does not open it" if isinstance(error, ValueError) else "its cipher is not supported"
        raise CertificateError(f"{path} cannot be opened: {reason}, or it is damaged") from None
    if certificate is None or not isinstance(key, RSAPrivateKey):
        raise CertificateError(f"{path} holds no certificate with its RSA key")
    return Identity(certificate, key, tuple(chain))


def load_pem(path: Path) -> tuple[x509.Certificate, ...]:
    """The certificates in a PEM file, at least one.

    Raises:
        CertificateError: if it cannot be read or holds none.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise CertificateError(f"{path} holds no certificates: {type(error).__name__}") from None


def tls_context(credentials: Credentials) -> ssl.SSLContext:
    """How we speak TLS: at least 1.2, with the server's name checked, and with our certificate if we have one.

    Raises:
        CertificateError: if what we trust cannot be read, or our certificate is not fit for TLS.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if credentials.authorities is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(credentials.authorities)
        if credentials.tls is not None:
            _show(context, credentials.tls)
    except OSError as error:  # ssl.SSLError is one
        raise CertificateError(f"TLS cannot be set up: {getattr(error, 'reason', None) or error.strerror}") from None
    return context


def _show(context: ssl.SSLContext, identity: Identity) -> None:
    password = secrets.token_bytes(32)
    key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))
    certificates = [each.public_bytes(Encoding.PEM) for each in (identity.certificate, *identity.chain)]
    with NamedTemporaryFile(prefix="mobile-units-", suffix=".pem") as file:  # mode 0600, removed at the end
        file.write(key + b"".join(certificates))
        file.flush()
        context.load_cert_chain(file.name, password=password)
