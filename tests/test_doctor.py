"""The doctor: what is wrong with an installation is found and told with its cure."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from mobile_units import clock, crypto, db, messaging, migrations
from mobile_units.config import Settings
from mobile_units.doctor import Finding, Severity, examine
from mobile_units.models.messages import HaltedWay
from mobile_units.models.providers import Provider
from mobile_units.models.sites import Site
from mobile_units.models.transmissions import MessageState, TransmissionLink
from mobile_units.models.units import MobileUnit, UnitProgramme
from mobile_units.rules.messages import Channel
from mobile_units.sandbox import certificates
from mobile_units.sandbox.server import SandboxServer
from mobile_units.services import reference
from tests import factories, factories_booking, factories_planning, factories_transmission
from tests.conftest import new_database
from tests.environment import environment
from tests.messaging.smtp_server import mail_server
from tests.stand_in import Reply, refusing_address, serving
from tests.transmission.authority import DAY, Authority, pem_file

NOBODY_ANSWERS = "nobody answers at 127.0.0.1:1"
CONFIRMED, UNCONFIRMED = "01.0034.101.01", "10.7940.159.02"


@contextmanager
def changing(settings: Settings) -> Iterator[Session]:
    """A transaction on the database of the settings."""
    engine = db.engine_of(settings)
    with db.transaction(engine) as session:
        yield session
    engine.dispose()


def installed(settings: Settings, server_url: str, name: str) -> Settings:
    """Settings on a new database with schema and reference data; nobody listens where the central system should."""
    url = new_database(server_url, f"{settings.data_dir.name}-{name}")
    made = replace(settings, database_url=url, cer_url="http://127.0.0.1:1/services")
    engine = db.engine_of(made)
    migrations.upgrade(engine)
    engine.dispose()
    with changing(made) as session:
        reference.load_reference_data(session)
    return made


@pytest.fixture(scope="module")
def new(settings: Settings, server_url: str) -> Settings:
    """An installation that nobody uses yet."""
    return installed(settings, server_url, "new")


@pytest.fixture(scope="module")
def used(settings: Settings, server_url: str) -> Settings:
    """An installation with a provider, its user, its contract, and two women."""
    made = installed(settings, server_url, "used")
    with changing(made) as session:
        provider = factories.provider(session)
        factories.user(session, provider.id)
        factories_booking.contract(session, provider.id, [CONFIRMED, UNCONFIRMED])
        for _ in range(2):
            factories_booking.woman(session, provider.id)
    return made


@pytest.fixture(autouse=True)
def keys_as_before(settings: Settings) -> Iterator[None]:
    """The keys of the test database, after the doctor tried others."""
    yield
    crypto.load_keys(settings)


def findings(settings: Settings, **variables: str) -> dict[str, Finding]:
    """What is found, by what is said of it; variables overrule the settings."""
    return {finding.text: finding for finding in examine(environment(settings) | variables)}


def texts(settings: Settings, severity: Severity, **variables: str) -> set[str]:
    """What is said with one severity."""
    return {each.text for each in findings(settings, **variables).values() if each.severity is severity}


def test_wrong_variables_are_all_told_and_nothing_else_is_tried(new: Settings) -> None:
    """Without settings there is nothing to look at."""
    found = findings(new, MOBILE_UNITS_HASH_KEY="short", MOBILE_UNITS_COLOUR="red")
    assert [text.partition(":")[0] for text in found] == ["MOBILE_UNITS_COLOUR", "MOBILE_UNITS_HASH_KEY"]
    assert {(each.severity, bool(each.mend)) for each in found.values()} == {(Severity.ERROR, True)}


def test_whatever_is_wrong_has_a_cure(new: Settings) -> None:
    """Each finding but the good ones says what to do."""
    for finding in findings(new).values():
        assert bool(finding.mend) is (finding.severity is not Severity.OK)


def test_a_new_installation_lacks_provider_user_and_contract(new: Settings) -> None:
    """It works, but it is of no use yet."""
    assert texts(new, Severity.ERROR) == {NOBODY_ANSWERS}
    assert {
        "there is no provider", "nobody can sign in", "there is no contract, so nothing can be offered"
    } <= texts(new, Severity.WARNING)  # fmt: skip


def test_a_used_installation_is_warned_of_what_is_provisional(used: Settings) -> None:
    """The contract of the central system, a code that nobody confirmed, and what is right on a test machine only."""
    assert texts(used, Severity.WARNING) == {
        "the contract is our provisional one, not that of the e-Health Centre",
        f"the product code {UNCONFIRMED} is not confirmed",
        "session cookies are sent without HTTPS",
        "the central system is called without TLS at http://127.0.0.1:1/services",
    }


def test_a_reachable_central_system_is_good(used: Settings, tmp_path: Path) -> None:
    """With the sandbox there is no error left."""
    with SandboxServer(tmp_path / "sandbox.sqlite") as sandbox:
        assert texts(used, Severity.ERROR, MOBILE_UNITS_CER_URL=sandbox.address) == set()
        good = texts(used, Severity.OK, MOBILE_UNITS_CER_URL=sandbox.address)
    assert good >= {
        "the configuration is complete",
        "the contract of the central system carries our messages",
        "the database answers and has the schema of this program",
    }


@pytest.mark.parametrize(
    "content", ["no XML", "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/' targetNamespace='urn:x'/>"]
)
def test_a_contract_that_cannot_carry_our_messages_is_told(used: Settings, tmp_path: Path, content: str) -> None:
    """Whatever keeps it from being used."""
    wsdl = tmp_path / "cer.wsdl"
    wsdl.write_text(content)
    told = texts(used, Severity.ERROR, MOBILE_UNITS_CER_WSDL=str(wsdl)) - {NOBODY_ANSWERS}
    assert [text.partition(":")[0] for text in told] == [str(wsdl)]


def test_a_dialect_that_is_wrong_is_told(used: Settings, tmp_path: Path) -> None:
    """Each fault of the file; nothing is said about the contract."""
    file = tmp_path / "dialect.toml"
    file.write_text('colours = 1\n[context]\nrole = ""\n')
    told = texts(used, Severity.ERROR, MOBILE_UNITS_CER_DIALECT=str(file)) - {NOBODY_ANSWERS}
    assert told == {f"{file}: colours: there is no such key", f"{file}: context.role: expected a text"}


def test_a_dialect_that_does_not_fit_the_contract_is_told(used: Settings, tmp_path: Path) -> None:
    """The dialect of the file is the one that is tried."""
    file = tmp_path / "dialect.toml"
    file.write_text('[operations]\nsave_visit = "umowWizyte"\n')
    (told,) = texts(used, Severity.ERROR, MOBILE_UNITS_CER_DIALECT=str(file)) - {NOBODY_ANSWERS}
    assert told.endswith("the WSDL has no operation umowWizyte")


def test_an_unreachable_database_is_told(used: Settings) -> None:
    """Without the address, which holds a password."""
    url = "postgresql://nobody:hunter2@127.0.0.1:1/none"
    found = findings(used, DATABASE_URL=url)
    assert found["the database does not answer (OperationalError)"].severity is Severity.ERROR
    assert "hunter2" not in repr(found)


def test_the_embedded_server_is_a_matter_of_production(
    used: Settings, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is warned of, and used."""
    monkeypatch.setattr("mobile_units.embedded.ensure_running", lambda _folder: used.database_url)
    found = findings(used, DATABASE_URL="")
    assert f"the embedded PostgreSQL in {used.data_dir} is used" in found
    assert "the database answers and has the schema of this program" in found


@pytest.mark.parametrize("revision", ["missing", "9999"])
def test_another_schema_is_told(used: Settings, server_url: str, revision: str) -> None:
    """Older, as before the first migration, or newer; the content is not looked at."""
    other = replace(used, database_url=new_database(server_url, f"{used.data_dir.name}-other"))
    if revision != "missing":
        with changing(other) as session:
            session.execute(text("CREATE TABLE alembic_version AS SELECT '9999' AS version_num"))
    expected = f"the schema of the database is {revision}, not {migrations.head()}"
    assert texts(other, Severity.ERROR) == {NOBODY_ANSWERS, expected}
    assert "nobody can sign in" not in findings(other)


def test_an_old_server_is_told(used: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some constraints need a newer one."""
    monkeypatch.setattr("mobile_units.doctor.OLDEST_POSTGRESQL", 10_000_000)
    (told,) = texts(used, Severity.ERROR) - {NOBODY_ANSWERS}
    assert told.endswith("is too old")


def test_a_lost_encryption_key_is_told(used: Settings) -> None:
    """With another key in front the old one still opens; without it nothing opens."""
    new_key = Fernet.generate_key().decode()
    rotated = ",".join([new_key, *used.encryption_keys])
    assert texts(used, Severity.ERROR, MOBILE_UNITS_ENCRYPTION_KEYS=rotated) == {NOBODY_ANSWERS}
    lost = texts(used, Severity.ERROR, MOBILE_UNITS_ENCRYPTION_KEYS=new_key)
    assert lost == {NOBODY_ANSWERS, "personal data cannot be read with these keys"}


def test_a_changed_hash_key_is_told(used: Settings) -> None:
    """Otherwise every woman would be taken for a new one."""
    told = texts(used, Severity.ERROR, MOBILE_UNITS_HASH_KEY="x" * 40)
    assert told == {NOBODY_ANSWERS, "women cannot be found with this hash key"}


def test_missing_rules_are_told(used: Settings) -> None:
    """Nobody could be booked without them."""
    with changing(used) as session:
        session.execute(text("DELETE FROM eligibility_rules"))
    assert "codes and rules are missing" in texts(used, Severity.ERROR)
    with changing(used) as session:
        reference.load_reference_data(session)
    assert "codes and rules are missing" not in findings(used)


def test_rejected_messages_are_counted(used: Settings) -> None:
    """Each is a visit or a schedule that the central system does not have."""
    with changing(used) as session:
        provider = factories.provider(session)
        for _ in range(3):
            factories_transmission.message(session, provider.id).state = MessageState.REJECTED
    assert "3 messages were rejected by the central system" in texts(used, Severity.WARNING)


def test_sites_that_limited_units_cannot_reach_are_named(used: Settings) -> None:
    """Unless there is no such unit; ten by code, the others are counted."""
    lacking = "cannot come to 12 sites without a TERYT code: "
    with changing(used) as session:
        provider_id = session.scalars(select(Provider.id).order_by(Provider.id).limit(1)).one()
        made = [factories_planning.site(session, provider_id) for _ in range(12)]
        limited = factories_planning.unit(session, provider_id)
        codes = sorted(each.code for each in made)
    assert not [each for each in texts(used, Severity.WARNING) if lacking in each]
    with changing(used) as session:
        session.get_one(MobileUnit, limited.id).voivodeships = ["10"]
    (told,) = (each for each in texts(used, Severity.WARNING) if lacking in each)
    assert told.endswith(": " + ", ".join(codes[:10]) + ", …")
    with changing(used) as session:
        session.execute(delete(UnitProgramme))
        session.execute(delete(MobileUnit))
        session.execute(delete(Site))


def test_a_provider_that_cannot_send_is_named(used: Settings) -> None:
    """A halt waits for a person, an open circuit breaker for the central system."""
    now = clock.now()
    with changing(used) as session:
        halted, broken, fine = (factories.provider(session) for _ in range(3))
        session.add_all(
            [
                TransmissionLink(provider_id=halted.id, halted_at=now, halted_reason="r", halted_code="konto"),
                TransmissionLink(provider_id=broken.id, failures=5, opened_at=now, probe_at=now),
                TransmissionLink(provider_id=fine.id, failures=1),
            ]
        )
        books = halted.rpwdl_book, broken.rpwdl_book, fine.rpwdl_book
    assert f"nothing is sent for the provider {books[0]}: konto" in texts(used, Severity.ERROR)
    assert any(books[1] in text for text in texts(used, Severity.WARNING))
    assert not any(books[2] in text for text in findings(used))
    with changing(used) as session:
        session.execute(delete(TransmissionLink))


GATEWAY = Path(messaging.__file__).parent / "sms_api_example.toml"
WRITES = {
    "MOBILE_UNITS_MESSAGES": "1",
    "MOBILE_UNITS_SMTP_URL": "smtp://127.0.0.1:1",
    "MOBILE_UNITS_SMTP_FROM": "wizyty@example.org",
}


def test_what_keeps_women_from_being_written_to_is_told(used: Settings) -> None:
    """A halt waits for a person; a server that does not answer and a provider without a name cost only calls."""
    assert "women are not written to, all are called (MOBILE_UNITS_MESSAGES is 0)" in texts(used, Severity.OK)
    warned = texts(used, Severity.WARNING, **WRITES)
    assert "no mail server answers at 127.0.0.1:1" in warned
    assert any("writes to nobody: it has no short name" in text for text in warned)
    with mail_server() as server:
        url = f"smtp://u:hunter2@127.0.0.1:{server.port}"
        assert f"e-mail to women goes by 127.0.0.1:{server.port}" in texts(
            used, Severity.OK, **WRITES | {"MOBILE_UNITS_SMTP_URL": url}
        )
    with changing(used) as session:
        session.add(HaltedWay(channel=Channel.EMAIL, halted_at=clock.now(), reason="SMTP 535"))
    assert any("by email since" in text and "SMTP 535" in text for text in texts(used, Severity.ERROR))
    with changing(used) as session:
        session.execute(delete(HaltedWay))


def test_a_gateway_has_to_be_described(used: Settings, tmp_path: Path) -> None:
    """What is missing is named; the gateway itself is not called, for that may cost."""
    description = tmp_path / "gateway.toml"
    variables = {
        "MOBILE_UNITS_MESSAGES": "1",
        "MOBILE_UNITS_SMS_URL": "https://sms.example/v1",
        "MOBILE_UNITS_SMS_API": str(description),
        "MOBILE_UNITS_SMS_SECRET": "hunter2",
        "MOBILE_UNITS_SMS_SENDER": "Proba",
    }
    description.write_text("[send]\n")
    wrong = texts(used, Severity.ERROR, **variables)
    assert any("the interface of the SMS gateway is not described" in text for text in wrong)
    description.write_text(GATEWAY.read_text(encoding="utf-8"))
    assert "SMS to women go by https://sms.example/v1" in texts(used, Severity.OK, **variables)
    assert "hunter2" not in str(findings(used, **variables))


AUTHORITY = Authority()


def certificate(folder: Path, days: int, since: int = -1, book: str = "") -> tuple[dict[str, str], str]:
    """The variables of a certificate for TLS that ends in so many days, and its fingerprint."""
    identity = AUTHORITY.issue(1, since=since * DAY, until=days * DAY)
    encryption = BestAvailableEncryption(b"secret")
    content = pkcs12.serialize_key_and_certificates(b"x", identity.key, identity.certificate, None, encryption)
    (folder / f"tls{book}.p12").write_bytes(content)
    path = folder / ("tls{book}.p12" if book else "tls.p12")
    variables = {"MOBILE_UNITS_CER_TLS_P12": str(path), "MOBILE_UNITS_CER_TLS_PASSWORD": "secret"}
    return variables, identity.fingerprint


@pytest.mark.parametrize(
    ("days", "since", "severity"),
    [
        (31, -1, Severity.OK),
        (29, -1, Severity.WARNING),
        (-1, -2, Severity.ERROR),
        (60, 1, Severity.ERROR),
    ],
    ids=["good", "ends soon", "ended", "not yet"],
)
def test_a_certificate_is_told_with_its_end(
    new: Settings, tmp_path: Path, days: int, since: int, severity: Severity
) -> None:
    """Its fingerprint tells which it is; soon is within 30 days."""
    variables, fingerprint = certificate(tmp_path, days, since)
    found = {text: each for text, each in findings(new, **variables).items() if "certificate for TLS" in text}
    ((text, finding),) = found.items()
    assert text.endswith(fingerprint)
    assert finding.severity is severity
    assert bool(finding.mend) is (severity is not Severity.OK)


def test_a_certificate_that_does_not_open_is_told(new: Settings, tmp_path: Path) -> None:
    """Without its password."""
    variables, _ = certificate(tmp_path, 60)
    found = findings(new, **variables | {"MOBILE_UNITS_CER_TLS_PASSWORD": "hunter2"})
    (told,) = (each for text, each in found.items() if "tls.p12" in text)
    assert told.severity is Severity.ERROR
    assert told.mend == "Check the file and the password of MOBILE_UNITS_CER_TLS_P12."
    assert "hunter2" not in repr(found)


def test_certificates_of_providers_are_all_looked_at(used: Settings, tmp_path: Path) -> None:
    """Each provider has its own; one that is missing is told."""
    with changing(used) as session:
        book = factories.provider(session).rpwdl_book
    variables, fingerprint = certificate(tmp_path, 60, book=book)
    found = findings(used, **variables)
    assert [text for text in found if fingerprint in text]
    missing = [each for text, each in found.items() if "cannot be read" in text]
    assert missing
    assert {each.severity for each in missing} == {Severity.ERROR}


def test_hands_are_shaken_with_the_central_system(used: Settings, tmp_path: Path) -> None:
    """A port that takes connections is not enough: each side has to take the other's certificate."""
    made = certificates.make(tmp_path / "sandbox")
    strangers, _ = certificate(tmp_path, 60)
    with SandboxServer(tmp_path / "sandbox.sqlite", certificates=made) as sandbox:
        good = made.variables() | {"MOBILE_UNITS_CER_URL": sandbox.address}
        where = urlsplit(sandbox.address).netloc
        assert texts(used, Severity.ERROR, **good) == set()
        assert f"{where} takes connections over TLS" in texts(used, Severity.OK, **good)
        ours = {name: value for name, value in good.items() if "TLS_PASSWORD" not in name} | strangers
        assert texts(used, Severity.ERROR, **ours) == {f"{where} does not let us in: TLSV1_ALERT_UNKNOWN_CA"}
        theirs = good | {"MOBILE_UNITS_CER_CA": str(AUTHORITY.pem(tmp_path))}
        (told,) = texts(used, Severity.ERROR, **theirs)
        assert told.startswith(f"{where} shows a certificate that we do not trust: ")
    with SandboxServer(tmp_path / "plain.sqlite") as plain:
        address = plain.address.replace("http:", "https:")
        (told,) = texts(used, Severity.ERROR, **good | {"MOBILE_UNITS_CER_URL": address})
        assert "does not let us in: " in told


def test_whom_we_trust_is_looked_at(new: Settings, tmp_path: Path) -> None:
    """Both files have to hold certificates."""
    path = tmp_path / "ca.pem"
    path.write_text("no PEM")
    given = {"MOBILE_UNITS_CER_CA": str(path), "MOBILE_UNITS_CER_RESPONSE_CA": str(path)}
    assert texts(new, Severity.ERROR, **given) - {NOBODY_ANSWERS} == {
        "TLS cannot be set up: NO_CERTIFICATE_OR_CRL_FOUND",
        f"{path} holds no certificates: ValueError",
    }
    pem_file(path, AUTHORITY.certificate)
    assert texts(new, Severity.ERROR, **given) == {NOBODY_ANSWERS}


def test_tls_without_certificates_is_warned_of(new: Settings) -> None:
    """Without TLS there is another warning."""
    expected = {
        "the central system is called without a certificate of ours", "what the central system is sent is not signed"
    }  # fmt: skip
    assert expected <= texts(new, Severity.WARNING, MOBILE_UNITS_CER_URL="https://127.0.0.1:1/services")
    assert not expected & texts(new, Severity.WARNING)


def test_what_is_asked_of_other_services_is_told(used: Settings) -> None:
    """By default nothing; a geocoder is named, not called."""
    assert {
        "addresses are not looked up (MOBILE_UNITS_GEOCODER is off)",
        "distances are estimated from coordinates (MOBILE_UNITS_OSRM_URL is not set)",
    } <= texts(used, Severity.OK)
    given = {"MOBILE_UNITS_GEOCODER": "uug", "MOBILE_UNITS_UUG_URL": refusing_address()}
    assert f"addresses are looked up by uug at {given['MOBILE_UNITS_UUG_URL']}" in texts(used, Severity.OK, **given)


def test_a_service_of_roads_is_tried(used: Settings) -> None:
    """One that does not answer keeps plans from being made, so it is an error."""
    square = [[0, 1], [1, 0]]
    with serving(lambda _: Reply({"code": "Ok", "distances": square, "durations": square})) as service:
        told = texts(used, Severity.OK, MOBILE_UNITS_OSRM_URL=service.url)
    assert f"distances are asked of {service.url}" in told
    (error,) = texts(used, Severity.ERROR, MOBILE_UNITS_OSRM_URL=service.url) - {NOBODY_ANSWERS}
    assert error.startswith("The service of road distances (OSRM) does not answer")
