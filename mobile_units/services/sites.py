"""Sites where units may stand, with the women due around them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from operator import attrgetter
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from mobile_units.models.itineraries import Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.sites import Site, SiteDemand
from mobile_units.rules.places import require_in_poland
from mobile_units.rules.programmes import Programme
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import Page, Paging, apply_change, get_owned, page_of, replace_parts
from mobile_units.transmission import outbox

HANDED_OVER = frozenset({"name", "locality", "landmark", "street", "teryt", "latitude", "longitude"})
"""The fields that the central system keeps with each mobile point at the site."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Women due in one programme; `estimated` unless a register counted them."""

    programme: Programme
    women_due: int
    source: str
    as_of: date
    estimated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSite:
    """A site to be kept; `code` is the provider's own and unique."""

    code: str
    name: str
    locality: str
    latitude: float
    longitude: float
    landmark: str | None = None
    street: str | None = None
    gmina: str | None = None
    teryt: str | None = None
    population: int | None = None
    telephone: str | None = None
    logistics: Mapping[str, Any] = field(default_factory=dict)
    days_max: int = 5
    source: str | None = None
    demands: Sequence[Demand] = ()


@dataclass(frozen=True, slots=True)
class SiteFilter:
    """Which sites are wanted: `text` is part of name, locality or code."""

    paging: Paging = Paging()
    text: str | None = None
    teryt: str | None = None
    programme: Programme | None = None
    active: bool | None = None


def create(session: Session, actor: Actor, command: NewSite) -> Site:
    """Keeps a new site.

    Raises:
        DomainError: `outside_poland`; `already_exists` (at flush), the code is taken.
    """
    require_in_poland(command.latitude, command.longitude)
    values = asdict(command) | {"demands": []}
    site = Site(provider_id=actor.provider_id, active=True, **values)
    replace_demands(site, command.demands)
    session.add(site)
    session.flush()
    audit(session, actor, "create", "site", site.id)
    return site


def find(session: Session, actor: Actor, criteria: SiteFilter) -> Page[Site]:
    """Sites of the provider, by name."""
    query = select(Site).where(Site.provider_id == actor.provider_id).options(selectinload(Site.demands))
    if criteria.text:
        named = (Site.name, Site.locality, Site.code)
        query = query.where(or_(*(column.icontains(criteria.text, autoescape=True) for column in named)))
    if criteria.teryt:
        query = query.where(Site.teryt == criteria.teryt)
    if criteria.programme:
        query = query.where(Site.demands.any(SiteDemand.programme == criteria.programme))
    if criteria.active is not None:
        query = query.where(Site.active == criteria.active)
    return page_of(session, query.order_by(Site.name, Site.id), criteria.paging)


def get(session: Session, actor: Actor, site_id: int) -> Site:
    """One site with its demands."""
    return get_owned(session, actor, Site, site_id, selectinload(Site.demands))


def change(  # noqa: PLR0913, PLR0917 -- a change by version, and the day from which points are still of use
    session: Session, actor: Actor, site_id: int, version: int, values: Mapping[str, Any], today: date
) -> Site:
    """Changes the given fields of a site; `demands`, if given, replace all that were known.

    The mobile points there whose days are not over are handed over again if what they tell of the site changed.
    """
    site = get(session, actor, site_id)
    values = dict(values)
    demands = values.pop("demands", None)
    require_in_poland(values.get("latitude", site.latitude), values.get("longitude", site.longitude))
    apply_change(site, version, values)
    if demands is not None:
        replace_demands(site, demands)
    audit(session, actor, "change", "site", site.id)
    session.flush()
    if not HANDED_OVER.isdisjoint(values):
        tell_points(session, site, today)
    return site


def tell_points(session: Session, site: Site, today: date) -> None:
    """Has the mobile points at a changed site handed over again, as far as their days are not over."""
    query = select(MobilePoint).join(MobilePoint.stop).where(Stop.site_id == site.id, MobilePoint.valid_to >= today)
    points = session.scalars(query.order_by(MobilePoint.id)).all()
    for point in points:
        point.name = site.name
    outbox.enqueue_again(session, MessageKind.IMPORT_MOBILE_POINTS, *(point.id for point in points))


def replace_demands(site: Site, demands: Sequence[Demand]) -> None:
    """Makes these the only demands of the site, keeping the rows of programmes that stay."""
    replace_parts(site.demands, demands, attrgetter("programme"), SiteDemand)


def retire(session: Session, actor: Actor, site_id: int) -> None:
    """Takes a site out of planning; its past stops keep it."""
    get(session, actor, site_id).active = False
    audit(session, actor, "retire", "site", site_id)
    session.flush()
