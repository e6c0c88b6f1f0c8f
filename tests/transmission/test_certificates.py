"""Certificates: p12 files of every age open with their password, and no key is ever left lying about."""

import ssl
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from mobile_units.config import Settings
from mobile_units.transmission.certificates import (
    CertificateError,
    Credentials,
    Identity,
    credentials_of,
    load_p12,
    load_pem,
    tls_context,
)
from tests.transmission.authority import Authority, pair_file, pem_file

PASSWORD = "tajne-hasło"
AUTHORITY = Authority()
US = AUTHORITY.issue(2)
OF_2010 = (
    PrivateFormat.PKCS12.encryption_builder()
    .kdf_rounds(2000)
    .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
    .hmac_hash(hashes.SHA1())  # noqa: S303 -- as old files have it
    .build(PASSWORD.encode())
)


def p12_file(path: Path, encryption: KeySerializationEncryption, identity: Identity = US) -> Path:
    """A p12 file with a certificate, its key and its authority."""
    chain = [AUTHORITY.certificate]
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"x", identity.key, identity.certificate, chain, encryption))
    return path


@pytest.mark.parametrize("encryption", [OF_2010, BestAvailableEncryption(PASSWORD.encode())], ids=["old", "new"])
def test_a_p12_file_opens_with_its_password(tmp_path: Path, encryption: KeySerializationEncryption) -> None:
    """Whichever of the usual ciphers it has."""
    found = load_p12(p12_file(tmp_path / "us.p12", encryption), PASSWORD)
    assert (found.certificate, found.chain) == (US.certificate, (AUTHORITY.certificate,))
    assert found.key.private_numbers() == US.key.private_numbers()
    assert found.fingerprint == US.certificate.fingerprint(hashes.SHA256()).hex()


def test_even_the_weakest_old_cipher_opens(tmp_path: Path) -> None:
    """Java and Windows used RC2 with 40 bits for certificates for twenty years."""
    pair, made = pair_file(tmp_path / "pair.pem", US), tmp_path / "us.p12"
    ciphers = ["-certpbe", "PBE-SHA1-RC2-40", "-keypbe", "PBE-SHA1-3DES"]
    files = ["-in", str(pair), "-out", str(made)]
    command = ["openssl", "pkcs12", "-export", "-legacy", *ciphers, "-passout", "pass:x", *files]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no openssl command that knows the old ciphers")
    assert load_p12(made, "x").certificate == US.certificate


def test_a_wrong_password_is_told_and_not_repeated(tmp_path: Path) -> None:
    """The message names the file."""
    path = p12_file(tmp_path / "us.p12", OF_2010)
    for wrong in ("hunter2", ""):
        with pytest.raises(CertificateError, match=r"us\.p12 cannot be opened: the password") as caught:
            load_p12(path, wrong)
        assert "hunter2" not in repr(caught.value)


@pytest.mark.parametrize("content", [b"", b"no p12", None])
def test_a_file_that_is_no_p12_is_told(tmp_path: Path, content: bytes | None) -> None:
    """Empty, something else, or not there."""
    path = tmp_path / "us.p12"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CertificateError, match=r"us\.p12 cannot be"):
        load_p12(path, PASSWORD)


def test_a_certificate_needs_an_rsa_key(tmp_path: Path) -> None:
    """Signatures are made with RSA; a p12 without a key signs nothing."""
    path = tmp_path / "us.p12"
    encryption = BestAvailableEncryption(PASSWORD.encode())
    own = Authority()
    for key, certificate in ((own.key, own.certificate), (None, US.certificate)):
        path.write_bytes(pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, encryption))
        with pytest.raises(CertificateError, match="holds no certificate with its RSA key"):
            load_p12(path, PASSWORD)


def test_the_key_is_written_once_encrypted_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS wants a file; nobody else could read it, and it is gone when the context is there."""
    seen: list[tuple[Path, int, bytes]] = []
    load = ssl.SSLContext.load_cert_chain

    def watching(context: ssl.SSLContext, certfile: str, keyfile: None = None, password: bytes | None = None) -> None:
        file = Path(certfile)
        seen.append((file, stat.S_IMODE(file.stat().st_mode), file.read_bytes()))
        load(context, certfile, keyfile, password)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watching)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tls_context(Credentials(tls=US, authorities=AUTHORITY.pem(tmp_path)))
    ((file, mode, content),) = seen
    assert mode == 0o600
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in content
    assert US.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).splitlines()[1] not in content
    assert not file.exists()


def test_tls_is_1_2_or_newer_and_checks_the_server() -> None:
    """Without being told so."""
    context = tls_context(Credentials())
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_session_keys_are_not_logged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A variable of the environment would otherwise have Python write them to a file."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))
    assert tls_context(Credentials()).keylog_filename is None


def test_what_is_trusted_has_to_be_certificates(tmp_path: Path) -> None:
    """Otherwise nobody would be, or everybody."""
    path = tmp_path / "ca.pem"
    for content in (b"", b"no PEM"):
        path.write_bytes(content)
        with pytest.raises(CertificateError, match=r"ca\.pem holds no certificates"):
            load_pem(path)
        with pytest.raises(CertificateError, match="TLS cannot be set up"):
            tls_context(Credentials(authorities=path))
    with pytest.raises(CertificateError, match=r"none\.pem holds no certificates"):
        load_pem(tmp_path / "none.pem")


def test_each_provider_may_have_its_own_files(settings: Settings, tmp_path: Path) -> None:
    """The book in the path stands for the provider's; passwords come from a variable or a file."""
    other = AUTHORITY.issue(1)
    for book, identity in (("000000000001", US), ("000000000002", other)):
        (tmp_path / book).mkdir()
        p12_file(tmp_path / book / "tls.p12", OF_2010, identity)
        (tmp_path / book / "password").write_text(PASSWORD + "\r\n", encoding="utf-8")
    given = replace(
        settings,
        cer_tls_p12=str(tmp_path / "{book}" / "tls.p12"),
        cer_tls_password_file=str(tmp_path / "{book}" / "password"),
        cer_wss_p12=str(tmp_path / "000000000002" / "tls.p12"),
        cer_wss_password=PASSWORD,
        cer_response_ca=pem_file(tmp_path / "signers.pem", other.certificate, AUTHORITY.certificate),
    )
    found = credentials_of(given, "000000000001")
    assert (found.tls and found.tls.certificate) == US.certificate
    assert (found.signing and found.signing.certificate) == other.certificate
    assert found.signers == (other.certificate, AUTHORITY.certificate)
    assert (second := credentials_of(given, "000000000002").tls)
    assert second.certificate == other.certificate
    with pytest.raises(CertificateError, match="000000000003"):
        credentials_of(given, "000000000003")


def test_an_unreadable_password_file_is_told(settings: Settings, tmp_path: Path) -> None:
    """By its path."""
    path = p12_file(tmp_path / "tls.p12", OF_2010)
    given = replace(settings, cer_tls_p12=str(path), cer_tls_password_file=str(tmp_path / "none"))
    with pytest.raises(CertificateError, match="none cannot be read"):
        credentials_of(given, "1")


def test_nothing_shows_a_key() -> None:
    """A repr may land in a log."""
    assert "key" not in repr(Credentials(tls=US, signing=US)).lower()


def test_without_settings_nobody_is_shown(settings: Settings) -> None:
    """The sandbox without certificates wants none."""
    assert credentials_of(settings, "1") == Credentials()
