"""Addresses looked up: what a geocoder said is kept, sites take it over, and a person looks at what is in doubt.

A geocoder is asked over the network, so looking up takes three steps: `prepare` (or `remembered`) reads, `ask_all` asks
without a transaction, and `store` (or `remember`) keeps the answers. Addresses of sites are nobody's personal data.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.planning import GeocodedAddress
from mobile_units.models.sites import Site
from mobile_units.rules.addresses import DOUBTFUL_BELOW, Address, Candidate, Found, best
from mobile_units.services import sites
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import apply_change, require_version

UNKNOWN_FOR = timedelta(days=30)
"""After this time an address that nobody knew is asked again."""
LONGEST_KEY = 1000
"""Characters of an address; a longer one is none."""
GIVES_UP_AFTER = 2
"""Failures of the service in a row."""

Ask = Callable[[Address], Sequence[Candidate]]
Known = dict[str, Found | None]
"""What is known of addresses by their keys; None where it is known that nobody knows them."""


class Outcome(StrEnum):
    """What an answer meant for a site."""

    LOCATED = "located"
    KEPT = "kept"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class GeocodeSites:
    """Look up these sites, or without any those in doubt; at most `limit` addresses are asked, what is known is not."""

    site_ids: Sequence[int] = ()
    limit: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmLocation:
    """A person's word on where a site is: as it is known, or at other coordinates."""

    version: int
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class WantedSite:
    """A site to be looked up, as it was read; `named` tells that somebody asked for it by name."""

    id: int
    version: int
    address: Address
    confidence: float | None
    named: bool

    def takes(self, found: Found) -> bool:
        """Whether the answer is better than what is known; in a site that is certain, only if somebody asked for it."""
        if self.confidence is None:
            return self.named and found.confidence >= DOUBTFUL_BELOW
        return found.confidence > self.confidence or (self.named and found.confidence >= DOUBTFUL_BELOW)


@dataclass(frozen=True, slots=True)
class Round:
    """One round of looking up: which sites, what is known already, what is to be asked now, and how much is left."""

    geocoder: str
    sites: Sequence[WantedSite]
    known: Known
    questions: Sequence[Address]
    left: int


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered; `failure` is how the service failed at last, `unasked` how many addresses have no answer."""

    known: Known = field(default_factory=dict)
    unasked: int = 0
    failure: DomainError | None = None


@dataclass(frozen=True, slots=True)
class SiteAnswer:
    """What became of a site; `found` is the address as the geocoder writes it."""

    site_id: int
    outcome: Outcome
    confidence: float | None = None
    found: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GeocodeResult:
    """How many addresses were asked and how many are left, what became of the sites, and how the service failed."""

    asked: int
    left: int
    sites: Sequence[SiteAnswer]
    failure: DomainError | None


def prepare(session: Session, actor: Actor, command: GeocodeSites, geocoder: str, now: datetime) -> Round:
    """What is to be looked up.

    Raises:
        DomainError: `not_found`, a site is not there.
    """
    wanted = _wanted(session, actor, command)
    known = remembered(session, geocoder, [site.address for site in wanted], now)
    unknown = list({site.address.key: site.address for site in wanted if site.address.key not in known}.values())
    return Round(geocoder, wanted, known, unknown[: command.limit], max(0, len(unknown) - command.limit))


def _wanted(session: Session, actor: Actor, command: GeocodeSites) -> list[WantedSite]:
    query = select(Site).where(Site.provider_id == actor.provider_id).order_by(Site.id)
    if command.site_ids:
        found = session.scalars(query.where(Site.id.in_(command.site_ids))).all()
        if missing := set(command.site_ids) - {site.id for site in found}:
            raise DomainError("not_found", what=f"Site {min(missing)}")
    else:
        found = session.scalars(query.where(Site.active, Site.location_confidence < DOUBTFUL_BELOW)).all()
    return [
        WantedSite(site.id, site.version, _address(site), site.location_confidence, bool(command.site_ids))
        for site in found
    ]


def _address(site: Site) -> Address:
    return Address(site.locality, site.street, site.gmina, site.teryt)


def remembered(session: Session, geocoder: str, addresses: Iterable[Address], now: datetime) -> Known:
    """What the geocoder said of addresses before, as far as it still counts."""
    query = select(GeocodedAddress).where(
        GeocodedAddress.geocoder == geocoder,
        GeocodedAddress.query.in_({address.key for address in addresses}),
        or_(GeocodedAddress.latitude.is_not(None), GeocodedAddress.asked_at > now - UNKNOWN_FOR),
    )
    return {row.query: _found(row) for row in session.scalars(query)}


def _found(row: GeocodedAddress) -> Found | None:
    if row.latitude is None or row.longitude is None:
        return None
    return Found(row.latitude, row.longitude, row.confidence, row.found or "")


def ask_all(questions: Iterable[Address], ask: Ask, seconds: float) -> Answers:
    """Asks one address after the other, and begins none after `seconds`; no transaction may be open.

    A service that fails twice in a row is asked no more; what it said before counts.
    """
    waiting = [address for address in questions if 0 < len(address.key) <= LONGEST_KEY]
    deadline = clock.monotonic() + seconds
    known: Known = {}
    failures: list[DomainError] = []
    for address in waiting:
        if clock.monotonic() > deadline or len(failures) >= GIVES_UP_AFTER:
            break
        try:
            known[address.key] = best(address, ask(address))
            failures.clear()
        except DomainError as failure:
            failures.append(failure)
    return Answers(known, len(waiting) - len(known), failures[-1] if failures else None)


def remember(session: Session, geocoder: str, known: Known, now: datetime) -> None:
    """Keeps what a geocoder said, in place of what it said before."""
    rows = [
        {
            "geocoder": geocoder,
            "query": key,
            "latitude": found.latitude if found else None,
            "longitude": found.longitude if found else None,
            "confidence": found.confidence if found else 0.0,
            "found": found.label if found else None,
            "asked_at": now,
        }
        for key, found in sorted(known.items())
    ]
    if rows:
        statement = insert(GeocodedAddress).values(rows)
        news = {name: statement.excluded[name] for name in rows[0] if name not in {"geocoder", "query"}}
        session.execute(statement.on_conflict_do_update(index_elements=["geocoder", "query"], set_=news))


def store(  # noqa: PLR0913, PLR0917 -- the answers, and when they came
    session: Session, actor: Actor, asked: Round, answers: Answers, now: datetime, today: date
) -> GeocodeResult:
    """Keeps the answers and lets the sites take them over; a site that was changed meanwhile stays as it is."""
    remember(session, asked.geocoder, answers.known, now)
    known = {**asked.known, **answers.known}
    answered = [site for site in asked.sites if site.address.key in known]
    told = [_take_over(session, actor, site, known[site.address.key], today) for site in answered]
    return GeocodeResult(
        asked=len(answers.known),
        left=asked.left + answers.unasked,
        sites=[each for each, site in zip(told, answered, strict=True) if _is_news(each, site, answers.known)],
        failure=answers.failure,
    )


def _is_news(answer: SiteAnswer, site: WantedSite, new: Mapping[str, Found | None]) -> bool:
    return answer.outcome is Outcome.LOCATED or site.named or site.address.key in new


def _take_over(session: Session, actor: Actor, wanted: WantedSite, found: Found | None, today: date) -> SiteAnswer:
    if found is None:
        return SiteAnswer(wanted.id, Outcome.NOT_FOUND, wanted.confidence)
    if not wanted.takes(found) or not _move(session, actor, wanted, found, today):
        return SiteAnswer(wanted.id, Outcome.KEPT, wanted.confidence, found.label)
    return SiteAnswer(wanted.id, Outcome.LOCATED, found.confidence, found.label)


def _move(session: Session, actor: Actor, wanted: WantedSite, found: Found, today: date) -> bool:
    """Gives a site the coordinates that were found; False if somebody changed it since it was read."""
    site = sites.get(session, actor, wanted.id)
    if site.version != wanted.version:
        return False
    _place(session, actor, site, (found.latitude, found.longitude), found.confidence, today)
    return True


def confirm(session: Session, actor: Actor, site_id: int, command: ConfirmLocation, today: date) -> Site:
    """Takes a person's word for where a site is.

    Raises:
        DomainError: `not_found`, `stale_version`, `outside_poland`, `coordinates_incomplete`.
    """
    site = sites.get(session, actor, site_id)
    require_version(site, command.version)
    if (command.latitude is None) is not (command.longitude is None):
        raise DomainError("coordinates_incomplete")
    given = (command.latitude, command.longitude)
    where = (site.latitude, site.longitude) if given[0] is None or given[1] is None else (given[0], given[1])
    return _place(session, actor, site, where, None, today)


def _place(  # noqa: PLR0913, PLR0917 -- where a site is, and how sure that is
    session: Session, actor: Actor, site: Site, where: tuple[float, float], confidence: float | None, today: date
) -> Site:
    """Sets coordinates and their confidence; the mobile points there are told only of coordinates that changed."""
    if where == (site.latitude, site.longitude):
        apply_change(site, site.version, {"location_confidence": confidence})
        audit(session, actor, "change", "site", site.id)
    else:
        values = {"latitude": where[0], "longitude": where[1]}
        sites.change(session, actor, site.id, site.version, values, today).location_confidence = confidence
    session.flush()
    return site
