"""The gateways of an installation: each provider speaks to the central system in its own name."""

from collections.abc import Callable

from sqlalchemy import Engine, select

from mobile_units import db
from mobile_units.config import Settings
from mobile_units.models.providers import Provider
from mobile_units.models.service_places import ServicePlace
from mobile_units.transmission.certificates import ANONYMOUS, Credentials, credentials_of
from mobile_units.transmission.context import CallContext, context_of
from mobile_units.transmission.dialect import Dialect, dialect_of
from mobile_units.transmission.gateway import Gateway
from mobile_units.transmission.soap import SoapGateway, SoapSettings

GatewayOf = Callable[[int], Gateway]
"""From the key of a provider to the gateway that speaks for it."""


def gateways_of(settings: Settings, engine: Engine) -> GatewayOf:
    """A function from the key of a provider to its gateway, made at the first call and kept.

    A gateway keeps its connection and belongs to one thread, so every thread needs a function of its own. What the
    call context says of a provider is read once.

    Raises:
        ConfigurationError: if the dialect of the contract is wrong; the function that is returned raises
            CertificateError if a certificate of the provider cannot be used.
    """
    known: dict[int, Gateway] = {}
    dialect = dialect_of(settings)

    def gateway_of(provider_key: int) -> Gateway:
        if provider_key not in known:
            book, cell = _first_place(engine, provider_key)
            context, credentials = context_of(dialect, book, cell), credentials_of(settings, book)
            known[provider_key] = SoapGateway(soap_settings(settings, dialect, context, credentials))
        return known[provider_key]

    return gateway_of


def soap_settings(
    settings: Settings, dialect: Dialect, context: CallContext, credentials: Credentials = ANONYMOUS
) -> SoapSettings:
    """How the central system is reached on behalf of this context, by default without certificates."""
    return SoapSettings(
        wsdl=settings.cer_wsdl,
        address=settings.cer_url,
        context=context,
        dialect=dialect,
        credentials=credentials,
        connect_seconds=settings.cer_connect_seconds,
        read_seconds=settings.cer_read_seconds,
    )


def _first_place(engine: Engine, provider_key: int) -> tuple[str, str]:
    """The provider's book and the cell code of the service place from which its system calls: the first."""
    places = (
        select(Provider.rpwdl_book, ServicePlace.cell_code)
        .join(ServicePlace, ServicePlace.provider_id == Provider.id)
        .where(Provider.id == provider_key)
        .order_by(ServicePlace.cell_code)
    )
    with db.transaction(engine) as session:
        book, cell = session.execute(places.limit(1)).one()
    return book, cell
