"""The certificates of the sandbox: who they are for, who can read them, and when they are made anew."""

import shlex
import stat
from dataclasses import astuple
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from mobile_units import clock
from mobile_units.cli import cli
from mobile_units.sandbox import certificates as module
from mobile_units.sandbox.certificates import Certificates, make
from tests.sandbox.signing import opened


def test_keys_and_passwords_are_for_their_owner_only(certificates: Certificates) -> None:
    """What others may read holds no secret."""
    readable = {path.name for path in astuple(certificates) if stat.S_IMODE(path.stat().st_mode) & 0o077}
    assert readable == {"ca.pem", "server.pem", "response.pem"}
    assert not any(b"PRIVATE" in path.read_bytes() for path in astuple(certificates) if path.name in readable)


def test_every_certificate_says_that_it_is_of_a_sandbox(certificates: Certificates) -> None:
    """Nobody can take it for one of the e-Health Centre."""
    pems = (certificates.ca, certificates.server_pem, certificates.response_pem)
    found = [x509.load_pem_x509_certificate(path.read_bytes()) for path in pems]
    clients = [opened(path, certificates.password_file)[0] for path in (certificates.tls_p12, certificates.wss_p12)]
    found += map(x509.load_der_x509_certificate, clients)
    names = [certificate.subject.rfc4514_string() for certificate in found]
    assert all("PIASKOWNICA" in name for name in names)
    assert len(set(names)) == 5


def test_the_clients_certificates_are_behind_a_password(certificates: Certificates) -> None:
    """A p12 file alone is of no use."""
    for path in (certificates.tls_p12, certificates.wss_p12):
        with pytest.raises(ValueError, match="password"):
            pkcs12.load_key_and_certificates(path.read_bytes(), b"guess")


def test_the_key_of_the_authority_is_kept_nowhere(certificates: Certificates) -> None:
    """Nobody can issue another certificate that this sandbox believes."""
    files = {path.name for path in certificates.ca.parent.iterdir()}
    assert {path.name for path in astuple(certificates)} == files - {"tls.pem", "tls.key"}


def test_a_good_set_stays(tmp_path: Path) -> None:
    """What was made once can be configured for good."""
    made = make(tmp_path / "here")
    before = [path.read_bytes() for path in astuple(made)]
    assert make(tmp_path / "here") == made
    assert [path.read_bytes() for path in astuple(made)] == before


@pytest.mark.parametrize("name", ["ca", "server_key", "tls_p12", "wss_p12", "response_pem", "password_file"])
def test_a_damaged_set_is_made_anew(tmp_path: Path, name: str) -> None:
    """As a whole: a new authority has issued all of it."""
    made = make(tmp_path)
    before = [path.read_bytes() for path in astuple(made)]
    getattr(made, name).write_bytes(b"damaged")
    make(tmp_path)
    assert not set(before) & {path.read_bytes() for path in astuple(made)}


def test_a_set_about_to_end_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a sandbox never starts with certificates that nobody accepts."""
    made = make(tmp_path)
    before = made.ca.read_bytes()
    later = clock.now() + module.LIFE - module.RENEWED + timedelta(minutes=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    make(tmp_path)
    assert made.ca.read_bytes() != before


def test_parts_of_two_sets_do_not_fit(tmp_path: Path) -> None:
    """A certificate of another authority is no good."""
    made, foreign = make(tmp_path / "a"), make(tmp_path / "b")
    made.response_pem.write_bytes(foreign.response_pem.read_bytes())
    before = made.ca.read_bytes()
    make(tmp_path / "a")
    assert made.ca.read_bytes() != before


def test_the_variables_name_the_files(certificates: Certificates) -> None:
    """Those that the product reads."""
    variables = certificates.variables()
    assert set(variables) == {
        f"MOBILE_UNITS_CER_{name}"
        for name in ("TLS_P12", "TLS_PASSWORD_FILE", "WSS_P12", "WSS_PASSWORD_FILE", "CA", "RESPONSE_CA")
    }
    assert all(Path(value).is_absolute() and Path(value).exists() for value in variables.values())


def test_the_command_prints_what_a_shell_can_source(tmp_path: Path) -> None:
    """Also if the folder's name has a blank, and the same the second time."""
    folder = tmp_path / "a folder"
    said = [CliRunner().invoke(cli, ["sandbox-certificates", str(folder)]) for _ in range(2)]
    assert [each.exit_code for each in said] == [0, 0]
    assert said[0].output == said[1].output
    sourced = dict(line.removeprefix("export ").split("=", 1) for line in said[0].output.splitlines())
    told = {name: shlex.split(value)[0] for name, value in sourced.items()}
    assert told.pop("MOBILE_UNITS_CER_URL") == "https://127.0.0.1:8010/services"  # where the sandbox listens by default
    assert told == make(folder).variables()
