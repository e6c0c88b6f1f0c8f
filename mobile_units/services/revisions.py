"""Publishing a version that revises a published itinerary: only the difference is carried out and handed over.

A stop that stays as it is keeps its mobile points, schedules, slots and visits, and merely passes to the version. One
with another site or other days is changed as `services.changes` does it. One that the version does not continue, or
continues with another unit, is withdrawn; what is new is derived. What was worked already stays as it was: days that
are over are nobody's to change, whatever the version says of them, and a stop with such days passes to the version.
The itinerary that was revised keeps the stops that were withdrawn whole, and is superseded.

Locks: the version, the itinerary that it revises, the units of both, and then the slots of all stops that change, the
lowest id first as bookings do, before anything is queued.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mobile_units.clock import WARSAW
from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop, StopDay
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.units import MobileUnit
from mobile_units.rules.calendar import local_day
from mobile_units.rules.orphans import Cause
from mobile_units.services import changes, derivation, itineraries, slots
from mobile_units.services.actors import Actor, audit
from mobile_units.services.change_works import Changes
from mobile_units.services.changes import StopChange, WorkedDay
from mobile_units.services.derivation import Published
from mobile_units.services.slots import BookedVisit


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisedStop:
    """A stop, as it is in the version unless it is withdrawn, and what becomes of its slots if they change."""

    stop_id: int
    unit_id: int
    unit: str
    site_id: int
    site: str
    first_day: date
    last_day: date
    changes: Changes | None = None


@dataclass(slots=True, kw_only=True)
class Revision:
    """What becomes of each stop, the visits in the way, and how much was derived."""

    kept: list[RevisedStop] = field(default_factory=list)
    changed: list[RevisedStop] = field(default_factory=list)
    withdrawn: list[RevisedStop] = field(default_factory=list)
    new: list[RevisedStop] = field(default_factory=list)
    visits: list[BookedVisit] = field(default_factory=list)
    published: Published = field(default_factory=Published)


@dataclass(frozen=True, slots=True)
class _Step:
    """What becomes of a published stop; without a command it stays, without `women` they stay as planned."""

    stop: Stop
    command: StopChange | None = None
    women: int | None = None
    pinned: bool = False

    @property
    def withdraws(self) -> bool:
        """Whether no day to come is left."""
        return self.command is not None and not self.command.days

    def of(self, base: Itinerary, *, orphan: bool) -> "_Step":
        """The step as it is taken: from the version that the base has by now."""
        return replace(self, command=self.command and replace(self.command, version=base.version, orphan=orphan))


def revised(stop: Stop, done: Changes | None = None) -> RevisedStop:
    """A stop as it is told of."""
    return RevisedStop(
        stop_id=stop.id,
        unit_id=stop.unit_id,
        unit=stop.unit.name,
        site_id=stop.site_id,
        site=stop.site.name,
        first_day=stop.first_day,
        last_day=stop.last_day,
        changes=done,
    )


def lock_base(session: Session, actor: Actor, itinerary: Itinerary) -> Itinerary | None:
    """The published itinerary that a version revises, locked; None for a first version.

    Raises:
        DomainError: `base_superseded`, another version took its place.
    """
    if itinerary.revises_id is None:
        return None
    base = itineraries.get_locked(session, actor, itinerary.revises_id)
    if base.status is not ItineraryStatus.PUBLISHED:
        raise DomainError("base_superseded", name=base.name)
    return base


def require_unchanged(base: Itinerary, version: int | None) -> None:
    """Raises `base_changed` unless the itinerary that a version revises is as the caller knows it."""
    if base.version != version:
        raise DomainError("base_changed", name=base.name, base_version=base.version)


def require_approved(itinerary: Itinerary) -> None:
    """Raises `itinerary_not_approved` unless an itinerary may be published."""
    if itinerary.status is not ItineraryStatus.APPROVED:
        raise DomainError("itinerary_not_approved", status=itinerary.status)


def replace_base(  # noqa: PLR0913 -- one itinerary in the place of another, and whether visits may be orphaned
    session: Session, actor: Actor, itinerary: Itinerary, base: Itinerary, now: datetime, *, orphan: bool = False
) -> Revision:
    """Puts a version in the place of the itinerary that it revises.

    With visits in the way it is left half done, unless their slots may be orphaned.

    Raises:
        DomainError: as `services.publishing.publish`.
    """
    derivation.lock(session, MobileUnit, {stop.unit_id for stop in (*base.stops, *itinerary.stops)})
    itineraries.let_units_change_places(session)
    steps = _steps(base, itinerary, now)
    session.flush()
    derivation.require_ahead(itinerary.stops, now)
    _lock_slots(session, steps, now)
    revision = Revision(new=[revised(stop) for stop in itinerary.stops])
    for step in sorted(steps, key=lambda each: not each.withdraws):
        _note(revision, step, _take(session, actor, step.of(base, orphan=orphan), now))
    if revision.visits and not orphan:
        return revision
    derived = derivation.from_stops(session, actor, itinerary.stops)
    _supersede(session, base, itinerary, now)
    audit(session, actor, "publish", "itinerary", itinerary.id)
    audit(session, actor, "supersede", "itinerary", base.id)
    itineraries.require_units_in_one_place(session)
    revision.published = derived + Published(
        kept=len(revision.kept), changed=len(revision.changed), withdrawn=len(revision.withdrawn)
    )
    return revision


def _steps(base: Itinerary, itinerary: Itinerary, now: datetime) -> list[_Step]:
    """What becomes of each stop of the base; leaves only those stops in the version that are new."""
    published = {stop.id: stop for stop in base.stops}
    continued: dict[int, Stop] = {}
    for stop in itinerary.stops:
        if stop.origin_id in published:
            continued.setdefault(stop.origin_id, stop)
    return [
        _step(stop, itinerary, continued.get(stop.id), now) for stop in base.stops if stop.days or stop.id in continued
    ]


def _step(stop: Stop, itinerary: Itinerary, wanted: Stop | None, now: datetime) -> _Step:
    if wanted is None:
        return _withdrawal(stop, now)
    if _stands_elsewhere(stop, wanted, now):
        _drop_days_over(itinerary, wanted, now)
        return _withdrawal(stop, now)
    itinerary.stops.remove(wanted)
    today = local_day(now)
    days = [_worked(day) for day in stop.days if day.day < today]
    days += [_worked(day) for day in wanted.days if day.day >= today]
    same = days == [_worked(day) for day in stop.days] and wanted.site_id == stop.site_id
    command = None if same else StopChange(version=0, days=days, site_id=wanted.site_id)
    return _Step(stop, command, wanted.women_planned, wanted.pinned)


def _withdrawal(stop: Stop, now: datetime) -> _Step:
    """Drops what is still to come of a stop; one that is over stays."""
    ahead = any(day.closes_at > now for day in stop.days)
    return _Step(stop, StopChange(version=0, days=()) if ahead else None, pinned=stop.pinned)


def _stands_elsewhere(stop: Stop, wanted: Stop, now: datetime) -> bool:
    """Whether the version continues a stop with another unit, or at another site after work at the first has begun."""
    begun = any(day.opens_at <= now for day in stop.days)
    return wanted.unit_id != stop.unit_id or (begun and wanted.site_id != stop.site_id)


def _drop_days_over(itinerary: Itinerary, stop: Stop, now: datetime) -> None:
    stop.days[:] = [day for day in stop.days if day.closes_at > now]
    if not stop.days:
        itinerary.stops.remove(stop)
        return
    stop.first_day, stop.last_day = stop.days[0].day, stop.days[-1].day


def _worked(day: StopDay) -> WorkedDay:
    opens, closes = day.opens_at.astimezone(WARSAW), day.closes_at.astimezone(WARSAW)
    return WorkedDay(day.day, opens.time(), closes.time())


def _lock_slots(session: Session, steps: Iterable[_Step], now: datetime) -> None:
    changed = [step.stop.id for step in steps if step.command]
    query = select(Slot).join(Slot.schedule).join(Schedule.mobile_point).where(MobilePoint.stop_id.in_(changed))
    slots.lock(session, query.where(*slots.in_days(local_day(now), None)))


def _take(session: Session, actor: Actor, step: _Step, now: datetime) -> Changes | None:
    """Takes one step unless visits are in its way; tells what that did to its slots."""
    done = None
    if step.command:
        done = changes.attempt_stop(session, actor, step.stop.id, step.command, now, Cause.ITINERARY_PUBLISHED)
    if step.women is not None and step.women != step.stop.women_planned:
        changes.plan_women(session, step.stop, step.women)
    step.stop.pinned = step.pinned
    return done


def _note(revision: Revision, step: _Step, done: Changes | None) -> None:
    listed = revision.withdrawn if step.withdraws else revision.changed if done else revision.kept
    listed.append(revised(step.stop, done))
    if done:
        revision.visits += done.visits


def _supersede(session: Session, base: Itinerary, itinerary: Itinerary, now: datetime) -> None:
    """The version takes over every stop that has days; the base is published until it has none of them left."""
    itinerary.status, itinerary.published_at = ItineraryStatus.PUBLISHED, now
    session.flush()
    passed = [stop for stop in base.stops if stop.days]
    handed = update(Stop).where(Stop.id.in_([stop.id for stop in passed])).values(itinerary_id=itinerary.id)
    session.execute(handed.execution_options(synchronize_session=False))
    base.status = ItineraryStatus.SUPERSEDED
    session.flush()
    for row in (base, itinerary, *passed, *(day for stop in passed for day in stop.days)):
        session.expire(row)
