"""What is wrong with an installation, and how to mend it."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from sqlalchemy import Engine, LargeBinary, func, select, text, type_coerce
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from mobile_units import crypto, db, migrations
from mobile_units.config import CONTRACT, ConfigurationError, Settings
from mobile_units.models.base import Base
from mobile_units.models.contracts import ContractRange
from mobile_units.models.eligibility import EligibilityRule
from mobile_units.models.product_codes import ProductCode
from mobile_units.models.providers import Provider
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.models.users import User
from mobile_units.models.women import Woman
from mobile_units.transmission.context import CallContext
from mobile_units.transmission.gateways import soap_settings
from mobile_units.transmission.messages import ObjectId
from mobile_units.transmission.soap import ContractError, SoapGateway

OLDEST_POSTGRESQL = 150_000
NEEDED_TO_START: tuple[tuple[type[Base], str, str], ...] = (
    (Provider, "there is no provider", "Run `mobile-units provider add`."),
    (User, "nobody can sign in", "Run `mobile-units user add`."),
    (ContractRange, "there is no contract, so nothing can be offered", "Add it with its ranges (API: contracts)."),
)
"""What an installation has to hold before it is of use: the table, what is said while it is empty, and what to do."""


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
    yield from _contract(settings)
    yield from _central_system(settings)
    yield from _storage(settings)


def _storage(settings: Settings) -> Iterator[Finding]:
    try:
        engine = db.engine_of(settings)
        yield from _database(engine)
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


def _contract(settings: Settings) -> Iterator[Finding]:
    nobody = ObjectId("1", "1")
    context = CallContext(
        provider=nobody,
        user=nobody,
        workplace=nobody,
        role=settings.cer_role,
        version=settings.cer_context_version,
        prefix=settings.cer_context_prefix,
    )
    try:
        SoapGateway(soap_settings(settings, context)).close()
    except ContractError as error:
        yield Finding(
            Severity.ERROR,
            f"{settings.cer_wsdl}: {error}",
            "Set MOBILE_UNITS_CER_WSDL to the contract that the e-Health Centre handed out.",
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
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname, port), timeout=settings.cer_connect_seconds).close()
        yield Finding(Severity.OK, f"{address.hostname}:{port} takes connections")
    except OSError:
        yield Finding(
            Severity.ERROR,
            f"nobody answers at {address.hostname}:{port}",
            "Check MOBILE_UNITS_CER_URL and the network; for a trial start `mobile-units sandbox`.",
        )


def _database(engine: Engine) -> Iterator[Finding]:
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
            "Correct what they are about and send them again (API: transmissions).",
        )
    yield from _unconfirmed_codes(session)


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
