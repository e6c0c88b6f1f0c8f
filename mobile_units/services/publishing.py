"""Publishing: an itinerary becomes binding, and what follows from it is derived and queued for the hand-over.

A version that revises a published itinerary takes its place (see `services.revisions`). A preview is the publication
itself, undone at once, so it tells what would happen and refuses what would be refused, but for the visits in the way.

Locks: the itinerary, the one that it revises, and the units, or the place; then slots (see `services.revisions`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session, selectinload

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, ItineraryStatus
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.transmissions import UNSETTLED, OutboxMessage
from mobile_units.models.units import MobileUnit
from mobile_units.rules.calendar import require_period
from mobile_units.rules.programmes import Mobility
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services import derivation, itineraries, revisions, slots
from mobile_units.services.actors import Actor, audit
from mobile_units.services.change_works import undone
from mobile_units.services.derivation import Published
from mobile_units.services.queries import get_owned, require_version
from mobile_units.services.revisions import RevisedStop, Revision
from mobile_units.services.slots import BookedVisit


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What publishing an itinerary would do; with `visits` in the way it would be refused, unless it may orphan slots.

    `base_version` is that of the itinerary which it revises, as it was compared with. `messages` counts what would be
    queued; where it would be refused for visits, without the stops that they hold and all that follows.
    """

    published: Published
    kept: Sequence[RevisedStop]
    changed: Sequence[RevisedStop]
    withdrawn: Sequence[RevisedStop]
    new: Sequence[RevisedStop]
    visits: Sequence[BookedVisit]
    messages: Mapping[MessageKind, int]
    base_version: int | None


def publish(  # noqa: PLR0913 -- which itinerary, as it was read, and whether visits may be orphaned
    session: Session, actor: Actor, itinerary_id: int, version: int, now: datetime, *, orphan: bool = False
) -> Published:
    """Publishes an approved itinerary: its units are bound to its stops, and everything that follows is queued.

    Of a version that revises a published itinerary only the difference is carried out; either all of it or nothing.
    Slots with visits in the way become orphaned if `orphan` says so.

    Raises:
        DomainError: `not_found`, `itinerary_not_approved`, `itinerary_empty`, `stale_version`, `stop_in_the_past`,
            `unit_without_programme`; `out_of_use`, a unit or a site was retired; `no_contracted_range`, a unit's
            programme has no contract for its place on a day of a stop; `schedule_without_slots`, nobody can be
            examined in the hours of a stop; `unit_in_two_places` (at flush), another published itinerary has the unit
            elsewhere. Of a version also `base_superseded`, another version took the place of the itinerary that it
            revises; `base_changed`, that itinerary changed since the approval; `slots_have_visits`, with the list,
            unless their slots may be orphaned.
    """
    itinerary = itineraries.get_locked(session, actor, itinerary_id)
    revisions.require_approved(itinerary)
    require_version(itinerary, version)
    with session.begin_nested():
        base = revisions.lock_base(session, actor, itinerary)
        if base:
            revisions.require_unchanged(base, itinerary.revises_version)
        done = _publish(session, actor, itinerary, base, now, orphan=orphan)
        slots.require_no_visits(() if orphan else done.visits)
    return done.published


def preview(session: Session, actor: Actor, itinerary_id: int, now: datetime, *, orphan: bool = False) -> Preview:
    """What publishing a draft or an approved itinerary would do, and which visits are in its way.

    Raises:
        DomainError: as `publish`, but for approval, versions and visits.
    """
    with undone(session):
        itinerary = itineraries.get_living(session, actor, itinerary_id)
        base = revisions.lock_base(session, actor, itinerary)
        base_version = base.version if base else None
        before = _queued(session, actor)
        done = _publish(session, actor, itinerary, base, now, orphan=orphan)
        queued = _queued(session, actor).items() - before.items()
        return Preview(
            published=done.published,
            kept=done.kept,
            changed=done.changed,
            withdrawn=done.withdrawn,
            new=done.new,
            visits=done.visits,
            messages=Counter(kind for _, (kind, _) in queued),
            base_version=base_version,
        )


def _queued(session: Session, actor: Actor) -> dict[int, tuple[MessageKind, str]]:
    """The messages of the provider that are not settled, and the last write of each, for a message may be reused."""
    query = select(OutboxMessage.id, OutboxMessage.kind, text("outbox_messages.xmin::text"))
    query = query.where(OutboxMessage.provider_id == actor.provider_id, text(f"outbox_messages.{UNSETTLED}"))
    session.flush()
    return {key: (kind, written) for key, kind, written in session.execute(query)}


def _publish(  # noqa: PLR0913 -- as `publish`, with the itinerary that it revises
    session: Session, actor: Actor, itinerary: Itinerary, base: Itinerary | None, now: datetime, *, orphan: bool
) -> Revision:
    if not itinerary.stops:
        raise DomainError("itinerary_empty")
    if base is None:
        return _publish_first(session, actor, itinerary, now)
    return revisions.replace_base(session, actor, itinerary, base, now, orphan=orphan)


def _publish_first(session: Session, actor: Actor, itinerary: Itinerary, now: datetime) -> Revision:
    derivation.require_ahead(itinerary.stops, now)
    derivation.lock(session, MobileUnit, {stop.unit_id for stop in itinerary.stops})
    itinerary.status, itinerary.published_at = ItineraryStatus.PUBLISHED, now
    session.flush()
    published = derivation.from_stops(session, actor, itinerary.stops)
    audit(session, actor, "publish", "itinerary", itinerary.id)
    return Revision(new=[revisions.revised(stop) for stop in itinerary.stops], published=published)


def open_stationary(session: Session, actor: Actor, place_id: int, first_day: date, last_day: date) -> Published:
    """Opens schedules and slots of a stationary place from its opening hours: one schedule for each month and range.

    Raises:
        DomainError: `not_found`, `ends_before_start`, `period_too_long`, `no_contracted_range`; `place_without_hours`,
            the place is not open on any of the days; `schedule_without_slots`, nobody can be examined in the opening
            hours; `schedule_overlaps` (at flush), some of the days have a schedule already.
    """
    place = get_owned(session, actor, ServicePlace, place_id, selectinload(ServicePlace.opening_hours))
    opened = _open(session, actor, place, first_day, last_day)
    if not opened.schedules:
        raise DomainError("place_without_hours", place=place.name)
    return opened


def open_all_stationary(session: Session, actor: Actor, first_day: date, last_day: date) -> list[Published]:
    """Opens every stationary place of the provider that has opening hours on some of the days.

    Raises:
        DomainError: as `open_stationary`, but not `place_without_hours`.
    """
    query = select(ServicePlace).where(
        ServicePlace.provider_id == actor.provider_id, ServicePlace.mobility == Mobility.STATIONARY
    )
    places = session.scalars(query.options(selectinload(ServicePlace.opening_hours)).order_by(ServicePlace.id)).all()
    opened = (_open(session, actor, place, first_day, last_day) for place in places)
    return [each for each in opened if each.schedules]


def _open(session: Session, actor: Actor, place: ServicePlace, first_day: date, last_day: date) -> Published:
    require_period(first_day, last_day)
    derivation.lock(session, ServicePlace, [place.id])
    opened = derivation.from_opening_hours(session, actor, place, first_day, last_day)
    if opened.schedules:
        audit(session, actor, "publish", "service_place", place.id)
    return opened
