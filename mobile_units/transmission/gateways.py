"""The gateways of an installation: each provider speaks to the central system in its own name."""

from collections.abc import Callable

from sqlalchemy import Engine, select

from mobile_units import db
from mobile_units.config import Settings
from mobile_units.models.providers import Provider
from mobile_units.models.service_places import ServicePlace
from mobile_units.transmission.context import CallContext
from mobile_units.transmission.gateway import Gateway
from mobile_units.transmission.messages import SERVICE_PLACE_ROOT, ObjectId, provider_id
from mobile_units.transmission.soap import SoapGateway, SoapSettings

GatewayOf = Callable[[int], Gateway]
"""From the key of a provider to the gateway that speaks for it."""


def gateways_of(settings: Settings, engine: Engine) -> GatewayOf:
    """A function from the key of a provider to its gateway, made at the first call and kept.

    A gateway keeps its connection and belongs to one thread, so every thread needs a function of its own. What the
    call context says of a provider is read once.
    """
    known: dict[int, Gateway] = {}

    def gateway_of(provider_key: int) -> Gateway:
        if provider_key not in known:
            known[provider_key] = SoapGateway(soap_settings(settings, _context(settings, engine, provider_key)))
        return known[provider_key]

    return gateway_of


def soap_settings(settings: Settings, context: CallContext) -> SoapSettings:
    """How the central system is reached on behalf of this context."""
    return SoapSettings(
        wsdl=settings.cer_wsdl,
        address=settings.cer_url,
        context=context,
        connect_seconds=settings.cer_connect_seconds,
        read_seconds=settings.cer_read_seconds,
    )


def _context(settings: Settings, engine: Engine, provider_key: int) -> CallContext:
    """The provider's system calls as the provider itself, from its first service place.

    Which identifiers the central e-registration wants for a system that calls by itself is not public; the role is a
    setting.
    """
    places = (
        select(Provider.rpwdl_book, ServicePlace.cell_code)
        .join(ServicePlace, ServicePlace.provider_id == Provider.id)
        .where(Provider.id == provider_key)
        .order_by(ServicePlace.cell_code)
    )
    with db.transaction(engine) as session:
        book, cell = session.execute(places.limit(1)).one()
    provider = provider_id(book)
    return CallContext(
        provider=provider,
        user=provider,
        workplace=ObjectId(SERVICE_PLACE_ROOT, cell),
        role=settings.cer_role,
        version=settings.cer_context_version,
        prefix=settings.cer_context_prefix,
    )
