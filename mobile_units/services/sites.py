"""Sites where units may stand, with the women due around them and when a unit may come."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from operator import attrgetter
from typing import Any

from sqlalchemy import exists, false, func, or_, select
from sqlalchemy.orm import Session, selectinload

from mobile_units.models.itineraries import ItineraryStatus, Stop, StopDay
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.sites import Site, SiteBlackout, SiteDemand
from mobile_units.models.units import MobileUnit
from mobile_units.rules.addresses import DOUBTFUL_BELOW
from mobile_units.rules.calendar import require_in_order
from mobile_units.rules.places import features, require_in_poland
from mobile_units.rules.programmes import Programme
from mobile_units.rules.sites import require_stay, require_window, teryt_of
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import (
    Page,
    Paging,
    apply_change,
    get_owned,
    in_order,
    normalised,
    page_of,
    replace_parts,
)
from mobile_units.transmission import outbox

HANDED_OVER = frozenset({"name", "locality", "landmark", "street", "teryt", "latitude", "longitude"})
"""The fields that the central system keeps with each mobile point at the site."""
LOCATION = frozenset({"latitude", "longitude"})
PARTS = ("demands", "blackouts")
"""What a site keeps in rows of other tables."""
_HOW_KEPT: Mapping[str, Callable[[Any], Any]] = {"weekdays": in_order, "lacks": features}


@dataclass(frozen=True, slots=True)
class Demand:
    """Women due in one programme; `estimated` unless a register counted them."""

    programme: Programme
    women_due: int
    source: str
    as_of: date
    estimated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Blackout:
    """Days on which no unit can stand at a site, both included."""

    first_day: date
    last_day: date
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSite:
    """A site to be kept; `code` is the provider's own and unique.

    The other fields are explained at `mobile_units.models.sites.Site`. A gmina's identifier in place of its name (seven
    digits) is taken for its TERYT code, if none is given.
    """

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
    source: str | None = None
    days_min: int = 1
    days_max: int = 5
    earliest: date | None = None
    latest: date | None = None
    weekdays: Sequence[int] = tuple(range(1, 8))
    alternative_group: str | None = None
    priority: float = 1.0
    uptake: float | None = None
    last_visit: date | None = None
    visits_max: int = 1
    gap_days: int = 0
    lacks: Sequence[str] = ()
    demands: Sequence[Demand] = ()
    blackouts: Sequence[Blackout] = ()


@dataclass(frozen=True, slots=True)
class SiteFilter:
    """Which sites are wanted: `text` is part of name, locality or code; `doubtful` are those that may lie elsewhere."""

    paging: Paging = Paging()
    text: str | None = None
    teryt: str | None = None
    programme: Programme | None = None
    active: bool | None = None
    doubtful: bool | None = None


def create(session: Session, actor: Actor, command: NewSite) -> Site:
    """Keeps a new site.

    Raises:
        DomainError: `outside_poland`, `stay_reversed`, `window_reversed`, `period_reversed`, `given_twice`;
            `already_exists` (at flush), the code is taken.
    """
    _check(command)
    values = normalised(asdict(command) | {name: [] for name in PARTS}, _HOW_KEPT)
    site = Site(provider_id=actor.provider_id, active=True, **values)
    site.teryt = teryt_of(site.teryt, site.gmina)
    replace(site, {name: getattr(command, name) for name in PARTS})
    session.add(site)
    session.flush()
    audit(session, actor, "create", "site", site.id)
    return site


def find(session: Session, actor: Actor, criteria: SiteFilter) -> Page[Site]:
    """Sites of the provider, by name."""
    query = select(Site).where(Site.provider_id == actor.provider_id).options(*with_parts())
    if criteria.text:
        named = (Site.name, Site.locality, Site.code)
        query = query.where(or_(*(column.icontains(criteria.text, autoescape=True) for column in named)))
    if criteria.teryt:
        query = query.where(Site.teryt == criteria.teryt)
    if criteria.programme:
        query = query.where(Site.demands.any(SiteDemand.programme == criteria.programme))
    if criteria.active is not None:
        query = query.where(Site.active == criteria.active)
    if criteria.doubtful is not None:
        query = query.where(func.coalesce(Site.location_confidence < DOUBTFUL_BELOW, false()) == criteria.doubtful)
    return page_of(session, query.order_by(Site.name, Site.id), criteria.paging)


def get(session: Session, actor: Actor, site_id: int) -> Site:
    """One site with its parts."""
    return get_owned(session, actor, Site, site_id, *with_parts())


def with_parts() -> list[Any]:
    """The options of a query that loads all parts of sites."""
    return [selectinload(getattr(Site, name)) for name in PARTS]


def change(  # noqa: PLR0913, PLR0917 -- a change by version, and the day from which points are still of use
    session: Session, actor: Actor, site_id: int, version: int, values: Mapping[str, Any], today: date
) -> Site:
    """Changes the given fields of a site; of the `PARTS` those that are given replace all that were known.

    Coordinates that a person gives are in no doubt any more, whatever a geocoder thought of those before.
    The mobile points there whose days are not over are handed over again if what they tell of the site changed.

    Raises:
        DomainError: as `create`.
    """
    site = get(session, actor, site_id)
    known = {field.name: getattr(site, field.name) for field in fields(NewSite)}
    _check(NewSite(**known | dict(values)))
    own = {name: value for name, value in values.items() if name not in PARTS}
    if not LOCATION.isdisjoint(own):
        own["location_confidence"] = None
    apply_change(site, version, normalised(own, _HOW_KEPT))
    teryt, site.teryt = site.teryt, teryt_of(site.teryt, site.gmina)
    replace(site, {name: values[name] for name in PARTS if name in values})
    audit(session, actor, "change", "site", site.id)
    session.flush()
    if not HANDED_OVER.isdisjoint(values) or site.teryt != teryt:
        tell_points(session, site, today)
    return site


def tell_points(session: Session, site: Site, today: date) -> None:
    """Has the mobile points at a changed site handed over again, as far as their days are not over."""
    query = select(MobilePoint).join(MobilePoint.stop).where(Stop.site_id == site.id, MobilePoint.valid_to >= today)
    points = session.scalars(query.order_by(MobilePoint.id)).all()
    for point in points:
        point.name = site.name
    outbox.enqueue_again(session, MessageKind.IMPORT_MOBILE_POINTS, *(point.id for point in points))


def replace(site: Site, parts: Mapping[str, Sequence[Any]]) -> None:
    """Makes the given parts, by their names in `PARTS`, the only ones of the site; rows that stay are kept.

    Raises:
        DomainError: `given_twice`.
    """
    if "demands" in parts:
        replace_parts(site.demands, parts["demands"], attrgetter("programme"), SiteDemand)
    if "blackouts" in parts:
        replace_parts(site.blackouts, parts["blackouts"], attrgetter("first_day", "last_day"), SiteBlackout)


def retire(session: Session, actor: Actor, site_id: int) -> None:
    """Takes a site out of planning; its past stops keep it."""
    get(session, actor, site_id).active = False
    audit(session, actor, "retire", "site", site_id)
    session.flush()


def last_visits(session: Session, actor: Actor, before: date) -> dict[int, date]:
    """The last day on which a unit stood at each site of the provider, where it is known.

    It is that of the published stops that are over before `before`, or what the site itself tells of the time before
    the product knew, whichever is later.
    """
    stood = (
        select(Stop.site_id, func.max(StopDay.day).label("day"))
        .join(StopDay, StopDay.stop_id == Stop.id)
        .where(StopDay.itinerary_status == ItineraryStatus.PUBLISHED, Stop.last_day < before)
        .group_by(Stop.site_id)
        .subquery()
    )
    last = func.greatest(Site.last_visit, stood.c.day).label("last_visit")
    query = select(Site.id, last).outerjoin(stood, stood.c.site_id == Site.id)
    rows = session.execute(query.where(Site.provider_id == actor.provider_id, last.is_not(None)))
    return {row.id: row.last_visit for row in rows}


def without_voivodeship(session: Session, provider_id: int) -> Sequence[str]:
    """The codes of active sites where units limited to voivodeships cannot come, because nobody knows where they lie.

    None if there is no such unit.
    """
    limited = exists().where(
        MobileUnit.provider_id == provider_id, MobileUnit.active, func.cardinality(MobileUnit.voivodeships) > 0
    )
    query = select(Site.code).where(Site.provider_id == provider_id, Site.active, Site.teryt.is_(None), limited)
    return session.scalars(query.order_by(Site.code)).all()


def _check(site: NewSite) -> None:
    require_in_poland(site.latitude, site.longitude)
    require_stay(site.days_min, site.days_max)
    require_window(site.earliest, site.latest)
    for blackout in site.blackouts:
        require_in_order(blackout.first_day, blackout.last_day)
