"""What is wrong with an installation, and how to mend it."""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from sqlalchemy import Engine, LargeBinary, func, or_, select, text, type_coerce
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from mobile_units import clock, crypto, db, migrations
from mobile_units.config import CONTRACT, ConfigurationError, Settings
from mobile_units.errors import DomainError
from mobile_units.messaging.accounts import mail_server_of, sms_account_of
from mobile_units.messaging.mail import MailServer
from mobile_units.models.base import Base
from mobile_units.models.contracts import ContractRange
from mobile_units.models.eligibility import EligibilityRule
from mobile_units.models.messages import HaltedWay
from mobile_units.models.product_codes import ProductCode
from mobile_units.models.providers import Provider
from mobile_units.models.transmissions import MessageState, OutboxMessage, TransmissionLink
from mobile_units.models.users import User
from mobile_units.models.women import Woman
from mobile_units.planning.http import Patience
from mobile_units.planning.osrm import Osrm, road_tables
from mobile_units.services import sites
from mobile_units.transmission.certificates import (
    CertificateError,
    Credentials,
    Identity,
    Use,
    identity_of,
    load_pem,
    p12_of,
    tls_context,
)
from mobile_units.transmission.context import context_of
from mobile_units.transmission.dialect import dialect_of
from mobile_units.transmission.gateways import soap_settings
from mobile_units.transmission.soap import ContractError, SoapGateway

OLDEST_POSTGRESQL = 150_000
ENDS_SOON = timedelta(days=30)
"""A certificate that ends within this time is warned of."""
BRIEF = Patience(connect_seconds=2.0, read_seconds=5.0)
"""How long the service of road distances is waited for."""
NAMED_SITES = 10
"""How many sites are named where many have the same trouble."""
ALERT_SECONDS = 1.0
"""How long a server is given to refuse our certificate."""
NEEDED_TO_START: tuple[tuple[type[Base], str, str], ...] = (
    (Provider, "there is no provider", "Run `mobile-units provider add`."),
    (User, "nobody can sign in", "Run `mobile-units user add`."),
    (ContractRange, "there is no contract, so nothing can be offered", "Add it with its ranges (API: contracts)."),
)
"""What an installation has to hold before it is of use: the table, what is said while it is empty, and what to do."""

WITHOUT_CERTIFICATE: Mapping[Use, str] = {
    Use.TLS: "the central system is called without a certificate of ours",
    Use.SIGNING: "what the central system is sent is not signed",
}
"""What is said while a certificate is not set."""


class Severity(StrEnum):
    """How bad a finding is; only an error keeps the installation from working."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at; `mend` says what to do, empty where nothing is to be done."""

    severity: Severity
    text: str
    mend: str = ""


def examine(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Looks at the configuration, then, as far as it holds, at the database, its content and the central system."""
    try:
        settings = Settings.from_env(environ)
    except ConfigurationError as error:
        for problem in error.problems:
            yield Finding(Severity.ERROR, problem, "Set the variable as the configuration table of the README says.")
        return
    yield Finding(Severity.OK, "the configuration is complete")
    yield from _cautions(settings)
    yield from _trusted(settings)
    yield from _certificates(settings)
    yield from _contract(settings)
    yield from _central_system(settings)
    yield from _roads_and_addresses(settings)
    yield from _ways_to_women(settings)
    yield from _storage(settings)


def _storage(settings: Settings) -> Iterator[Finding]:
    try:
        engine = db.engine_of(settings)
        yield from _database(settings, engine)
        engine.dispose()
    except (SQLAlchemyError, OSError) as error:
        yield Finding(
            Severity.ERROR,
            f"the database does not answer ({type(error).__name__})",
            "Check DATABASE_URL and the server.",
        )


def _cautions(settings: Settings) -> Iterator[Finding]:
    if settings.database_url is None:
        yield Finding(
            Severity.WARNING,
            f"the embedded PostgreSQL in {settings.data_dir.resolve()} is used",
            "Set DATABASE_URL in production.",
        )
    if not settings.secure_cookies:
        yield Finding(
            Severity.WARNING,
            "session cookies are sent without HTTPS",
            "Set MOBILE_UNITS_SECURE_COOKIES=1 in production.",
        )
    if settings.cer_url.startswith("http://"):
        yield Finding(
            Severity.WARNING,
            f"the central system is called without TLS at {settings.cer_url}",
            "That is right for the sandbox only.",
        )
        return
    if settings.cer_response_ca is None:
        yield Finding(
            Severity.WARNING,
            "signatures of answers are not verified",
            "Set MOBILE_UNITS_CER_RESPONSE_CA to the certificate that signs them.",
        )
    for use, text_if_none in WITHOUT_CERTIFICATE.items():
        if p12_of(settings, use) is None:
            yield Finding(Severity.WARNING, text_if_none, f"Set {_variable_of(use)} to the e-Health Centre's file.")


def _variable_of(use: Use) -> str:
    return f"MOBILE_UNITS_CER_{use.value.upper()}_P12"


def _trusted(settings: Settings) -> Iterator[Finding]:
    try:
        tls_context(Credentials(authorities=settings.cer_ca))
    except CertificateError as error:
        yield Finding(Severity.ERROR, str(error), "Set MOBILE_UNITS_CER_CA to a PEM file of certificates.")
    try:
        if settings.cer_response_ca:
            load_pem(settings.cer_response_ca)
    except CertificateError as error:
        yield Finding(Severity.ERROR, str(error), "Set MOBILE_UNITS_CER_RESPONSE_CA to a PEM file of certificates.")


def _certificates(settings: Settings, book: str | None = None) -> Iterator[Finding]:
    """Looks at our certificates: at those of one provider, or without a book at those that all providers share."""
    for use in Use:
        path = p12_of(settings, use)
        if path is None or ("{book}" in path) is not (book is not None):
            continue
        try:
            identity = identity_of(settings, use, book or "")
        except CertificateError as error:
            yield Finding(Severity.ERROR, str(error), f"Check the file and the password of {_variable_of(use)}.")
            continue
        if identity:
            yield _validity(use, identity)


def _validity(use: Use, identity: Identity) -> Finding:
    now, begins_at, ends_at = clock.now(), identity.begins_at, identity.ends_at
    text = (
        f"the certificate for {use.name} is valid from {begins_at.date()} to {ends_at.date()}: {identity.fingerprint}"
    )
    mend = "Ask the e-Health Centre for a new one, replace the file and start the workers again."
    if not begins_at <= now <= ends_at:
        return Finding(Severity.ERROR, text, mend)
    return Finding(Severity.WARNING, text, mend) if ends_at - now < ENDS_SOON else Finding(Severity.OK, text)


def _contract(settings: Settings) -> Iterator[Finding]:
    try:
        dialect = dialect_of(settings)
        SoapGateway(soap_settings(settings, dialect, context_of(dialect, "000000000000", "000"))).close()
    except ConfigurationError as error:
        mend = "Correct the file that MOBILE_UNITS_CER_DIALECT names, as the README describes it."
        yield from (Finding(Severity.ERROR, problem, mend) for problem in error.problems)
    except ContractError as error:
        yield Finding(
            Severity.ERROR,
            f"{settings.cer_wsdl}: {error}",
            "Set MOBILE_UNITS_CER_WSDL to the contract that the e-Health Centre handed out;"
            " `mobile-units cer check-contract` says more.",
        )
    else:
        yield Finding(Severity.OK, "the contract of the central system carries our messages")
    if settings.cer_wsdl == CONTRACT:
        yield Finding(
            Severity.WARNING,
            "the contract is our provisional one, not that of the e-Health Centre",
            "Set MOBILE_UNITS_CER_WSDL once you have the real one.",
        )


def _central_system(settings: Settings) -> Iterator[Finding]:
    address = urlsplit(settings.cer_url)
    tls = address.scheme == "https"
    host, port = address.hostname or "", address.port or (443 if tls else 80)
    try:
        with socket.create_connection((host, port), timeout=settings.cer_connect_seconds) as connection:
            found = _handshake(settings, connection, host, port) if tls else None
            yield found or Finding(Severity.OK, f"{host}:{port} takes connections")
    except OSError:
        yield Finding(
            Severity.ERROR,
            f"nobody answers at {host}:{port}",
            "Check MOBILE_UNITS_CER_URL and the network; for a trial start `mobile-units sandbox`.",
        )


def _handshake(settings: Settings, connection: socket.socket, host: str, port: int) -> Finding | None:
    """Whether each side takes the other's certificate; None if ours cannot be used, or if each provider has its own."""
    where = f"{host}:{port}"
    if "{book}" in (p12_of(settings, Use.TLS) or ""):
        return None
    try:
        ours = Credentials(tls=identity_of(settings, Use.TLS, ""), authorities=settings.cer_ca)
        with tls_context(ours).wrap_socket(connection, server_hostname=host) as secured:
            _await_alert(secured)
    except CertificateError:
        return None
    except ssl.SSLCertVerificationError as error:
        text = f"{where} shows a certificate that we do not trust: {error.verify_message}"
        return Finding(Severity.ERROR, text, "Check MOBILE_UNITS_CER_CA, and the address in MOBILE_UNITS_CER_URL.")
    except ssl.SSLError as error:
        text = f"{where} does not let us in: {error.reason}"
        return Finding(Severity.ERROR, text, f"Check {_variable_of(Use.TLS)} and the address in MOBILE_UNITS_CER_URL.")
    return Finding(Severity.OK, f"{where} takes connections over TLS")


def _await_alert(secured: ssl.SSLSocket) -> None:
    """In TLS 1.3 a server refuses our certificate only after the handshake; raises ssl.SSLError if it does."""
    secured.settimeout(ALERT_SECONDS)
    with suppress(TimeoutError):
        secured.recv(1)


def _roads_and_addresses(settings: Settings) -> Iterator[Finding]:
    """What is asked of services beside the central system; none is needed. Only the provider's own is called."""
    if settings.geocoder == "off":
        yield Finding(Severity.OK, "addresses are not looked up (MOBILE_UNITS_GEOCODER is off)")
    else:
        yield Finding(Severity.OK, f"addresses are looked up by {settings.geocoder} at {settings.geocoder_url}")
    if settings.osrm_url is None:
        yield Finding(Severity.OK, "distances are estimated from coordinates (MOBILE_UNITS_OSRM_URL is not set)")
        return
    try:
        road_tables([(52.23, 21.01), (51.76, 19.46)], Osrm(url=settings.osrm_url, patience=BRIEF))
    except DomainError as error:
        yield Finding(Severity.ERROR, error.sentence(), error.way_out())
    else:
        yield Finding(Severity.OK, f"distances are asked of {settings.osrm_url}")


def _ways_to_women(settings: Settings) -> Iterator[Finding]:
    """Whether who writes to women can; a mail server is called, a gateway is not, because a call there may cost."""
    if not settings.messages:
        yield Finding(Severity.OK, "women are not written to, all are called (MOBILE_UNITS_MESSAGES is 0)")
        return
    try:
        if server := mail_server_of(settings):
            yield _mail_server(server)
    except DomainError as refusal:
        yield Finding(Severity.ERROR, refusal.sentence(), "Set MOBILE_UNITS_SMTP_FROM to the address of a mailbox.")
    try:
        if account := sms_account_of(settings):
            yield Finding(Severity.OK, f"SMS to women go by {account.url}")
    except (ValueError, OSError) as error:
        mend = "Correct the file that MOBILE_UNITS_SMS_API names, after the example of the README."
        yield Finding(Severity.ERROR, f"{settings.sms_api}: {error}", mend)


def _mail_server(server: MailServer) -> Finding:
    where = f"{server.host}:{server.port}"
    try:
        socket.create_connection((server.host, server.port), timeout=BRIEF.connect_seconds).close()
    except OSError:
        mend = "Check MOBILE_UNITS_SMTP_URL and the network; what cannot be sent goes to the call list."
        return Finding(Severity.WARNING, f"no mail server answers at {where}", mend)
    return Finding(Severity.OK, f"e-mail to women goes by {where}")


def _database(settings: Settings, engine: Engine) -> Iterator[Finding]:
    with Session(engine) as session:
        version = int(session.scalar(text("SHOW server_version_num")) or 0)
        if version < OLDEST_POSTGRESQL:
            yield Finding(Severity.ERROR, f"PostgreSQL {version} is too old", "Use PostgreSQL 15 or newer.")
        if (there := migrations.current(engine)) != migrations.head():
            yield Finding(
                Severity.ERROR,
                f"the schema of the database is {there or 'missing'}, not {migrations.head()}",
                "Run `mobile-units db upgrade`; if the schema is newer than this program, install the newer program.",
            )
            return
        yield Finding(Severity.OK, "the database answers and has the schema of this program")
        yield from _content(session)
        yield from _messages(settings, session)
        for book in session.scalars(select(Provider.rpwdl_book).order_by(Provider.rpwdl_book)):
            yield from _certificates(settings, book)


def _content(session: Session) -> Iterator[Finding]:
    if not session.scalar(select(func.count()).select_from(EligibilityRule)):
        yield Finding(Severity.ERROR, "codes and rules are missing", "Run `mobile-units db upgrade`.")
    yield from _keys(session)
    for entity, text_if_none, mend in NEEDED_TO_START:
        if not session.scalar(select(func.count()).select_from(entity)):
            yield Finding(Severity.WARNING, text_if_none, mend)
    rejected = session.scalar(select(func.count()).where(OutboxMessage.state == MessageState.REJECTED))
    if rejected:
        yield Finding(
            Severity.WARNING,
            f"{rejected} messages were rejected by the central system",
            "`mobile-units transmissions work-list` says what to correct and how to send them again.",
        )
    yield from _links(session)
    yield from _sites_unknown_to_units(session)
    yield from _unconfirmed_codes(session)


def _links(session: Session) -> Iterator[Finding]:
    """What keeps providers from sending at all."""
    query = select(TransmissionLink, Provider.rpwdl_book).join(Provider, Provider.id == TransmissionLink.provider_id)
    for link, book in session.execute(query.order_by(Provider.rpwdl_book)):
        if link.halted_at:
            yield Finding(
                Severity.ERROR,
                f"nothing is sent for the provider {book}: {link.halted_code or 'halted'}",
                "Mend why the central system does not let us in, then `mobile-units transmissions resume`.",
            )
        elif link.opened_at:
            yield Finding(
                Severity.WARNING,
                f"the central system has not answered the provider {book} since {link.opened_at:%Y-%m-%d %H:%M} UTC",
                "Nothing is to be done while the worker runs: it tries until there is an answer.",
            )


def _messages(settings: Settings, session: Session) -> Iterator[Finding]:
    """What keeps women from being written to."""
    for way in session.scalars(select(HaltedWay).order_by(HaltedWay.channel)):
        yield Finding(
            Severity.ERROR,
            f"nothing is sent to women by {way.channel.value} since {way.halted_at:%Y-%m-%d %H:%M} UTC: {way.reason}",
            "Mend why we are not let in, then `mobile-units messages resume`.",
        )
    unnamed = or_(Provider.short_name.is_(None), Provider.telephone.is_(None))
    query = select(Provider.rpwdl_book).where(unnamed).order_by(Provider.rpwdl_book)
    for book in session.scalars(query) if settings.messages else ():
        yield Finding(
            Severity.WARNING,
            f"the provider {book} writes to nobody: it has no short name or no telephone",
            "Add them by PATCH /api/v1/provider.",
        )


def _sites_unknown_to_units(session: Session) -> Iterator[Finding]:
    """What keeps units that are limited to voivodeships from sites."""
    for key, book in session.execute(select(Provider.id, Provider.rpwdl_book).order_by(Provider.rpwdl_book)):
        codes = sites.without_voivodeship(session, key)
        if codes:
            more = ", …" if len(codes) > NAMED_SITES else ""
            yield Finding(
                Severity.WARNING,
                f"units of the provider {book} that are limited to voivodeships cannot come to {len(codes)} sites"
                f" without a TERYT code: {', '.join(codes[:NAMED_SITES])}{more}",
                "Add the code of the gmina: `mobile-units import sites` with the columns code and teryt, or the API.",
            )


def _keys(session: Session) -> Iterator[Finding]:
    """Tries the keys on the first and on the last woman: keys may have been changed in between."""
    ends = select(func.min(Woman.id)).scalar_subquery(), select(func.max(Woman.id)).scalar_subquery()
    sealed = session.scalars(select(type_coerce(Woman.identity_number, LargeBinary)).where(Woman.id.in_(ends))).all()
    if not all(crypto.can_decrypt(each) for each in sealed):
        yield Finding(
            Severity.ERROR,
            "personal data cannot be read with these keys",
            "Add the key that encrypted it to MOBILE_UNITS_ENCRYPTION_KEYS.",
        )
        return
    women = session.execute(select(Woman.identity_number, Woman.identity_hash).where(Woman.id.in_(ends)))
    if any(crypto.keyed_hash(number) != hashed for number, hashed in women):
        yield Finding(
            Severity.ERROR,
            "women cannot be found with this hash key",
            "Set MOBILE_UNITS_HASH_KEY to the key with which they were stored; it cannot be changed later.",
        )


def _unconfirmed_codes(session: Session) -> Iterator[Finding]:
    used = select(ContractRange.product_code).distinct()
    query = select(ProductCode.code).where(~ProductCode.confirmed, ProductCode.code.in_(used)).distinct()
    for code in session.scalars(query.order_by(ProductCode.code)):
        yield Finding(Severity.WARNING, f"the product code {code} is not confirmed", "Compare it with your contract.")
