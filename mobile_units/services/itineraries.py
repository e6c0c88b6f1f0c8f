"""Itineraries: drafts and their stops, however they were made, and how they are edited by hand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, time
from typing import Any, Protocol

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.orm import Session, joinedload, selectinload

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop, StopDay
from mobile_units.models.sites import Site
from mobile_units.models.units import MobileUnit, UnitProgramme
from mobile_units.rules.calendar import local_instant, require_period
from mobile_units.rules.slots import Interval, capacity_of
from mobile_units.services import sites, units
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import (
    OwnedEntity,
    Page,
    Paging,
    apply_change,
    get_owned,
    page_of,
    require_version,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItinerary:
    """An empty draft, to be filled by hand."""

    name: str
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class DayHours:
    """One day of a stop; without hours, those of the unit. Polish local time."""

    day: date
    opens: time | None = None
    closes: time | None = None


class Dated(Protocol):
    """Something about one day."""

    @property
    def day(self) -> date:
        """The Polish day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStop:
    """A stop added by hand; `women_planned` defaults to what the unit can examine there."""

    unit_id: int
    site_id: int
    days: Sequence[DayHours]
    women_planned: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopChange:
    """A change of a stop by the version of its itinerary; None leaves a field as it is, days are given whole.

    Another unit works at its own hours on the days on which the one before it did.
    """

    version: int
    unit_id: int | None = None
    site_id: int | None = None
    days: Sequence[DayHours] | None = None
    women_planned: int | None = None
    pinned: bool | None = None


@dataclass(frozen=True, slots=True)
class ItineraryFilter:
    """Which itineraries are wanted."""

    paging: Paging = Paging()
    status: ItineraryStatus | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True)
class StopFilter:
    """Which stops are wanted: those that last into the days from `first_day` to `last_day`."""

    paging: Paging = Paging()
    itinerary_id: int | None = None
    unit_id: int | None = None
    site_id: int | None = None
    status: ItineraryStatus | None = None
    first_day: date | None = None
    last_day: date | None = None


def require_ready(unit: MobileUnit) -> None:
    """Raises `out_of_use` for a unit that was retired, `unit_without_programme` for one that examines nobody."""
    require_in_use(unit)
    if not unit.programmes:
        raise DomainError("unit_without_programme", unit=unit.name)


def require_in_use(what: MobileUnit | Site) -> None:
    """Raises `out_of_use` for a unit or a site that was retired."""
    if not what.active:
        raise DomainError("out_of_use", what=what.name)


def women_within(hours: Interval, each: UnitProgramme) -> int:
    """Women whom a unit can examine in a programme in its working time."""
    return capacity_of(hours.starts_at, hours.ends_at, each.minutes_per_woman, each.rooms, each.women_per_day)


def unit_hours(unit: MobileUnit, day: DayHours, *, first: bool) -> Interval:
    """When women are examined on a day: the hours given, else the unit's, later by the set-up on the first day.

    Raises:
        DomainError: `ends_before_start`, `no_such_local_time`.
    """
    opens_at = local_instant(day.day, day.opens or unit.opens)
    if first and day.opens is None:
        opens_at += unit.setup_time
    return Interval(opens_at, local_instant(day.day, day.closes or unit.closes))


def owned(session: Session, actor: Actor, entity: type[OwnedEntity], keys: Iterable[int]) -> Mapping[int, OwnedEntity]:
    """Those of the provider's units or sites that have one of the keys, by key."""
    query = select(entity).where(entity.id.in_(keys), entity.provider_id == actor.provider_id)
    return {each.id: each for each in session.scalars(query)}


def create(session: Session, actor: Actor, command: NewItinerary) -> Itinerary:
    """Keeps an empty draft.

    Raises:
        DomainError: `ends_before_start`, `period_too_long`.
    """
    return begin(session, actor, command, {})


def begin(session: Session, actor: Actor, command: NewItinerary, planning: dict[str, Any]) -> Itinerary:
    """Keeps an empty draft with what is known of how it came about; raises as `create`."""
    require_period(command.first_day, command.last_day)
    itinerary = Itinerary(
        provider_id=actor.provider_id,
        status=ItineraryStatus.DRAFT,
        planning=planning,
        stops=[],
        **asdict(command),
    )
    session.add(itinerary)
    session.flush()
    audit(session, actor, "create", "itinerary", itinerary.id)
    return itinerary


def put_stop(itinerary: Itinerary, unit: MobileUnit, site: Site, days: Sequence[DayHours], women: int) -> Stop:
    """A new stop of an itinerary, which is not flushed; its days may come in any order."""
    days = sorted(days, key=lambda each: each.day)
    stop = Stop(
        unit=unit,
        site=site,
        first_day=days[0].day,
        last_day=days[-1].day,
        women_planned=women,
        days=[_stop_day(itinerary, unit, day, first=number == 0) for number, day in enumerate(days)],
    )
    itinerary.stops.append(stop)
    return stop


def _stop_day(itinerary: Itinerary, unit: MobileUnit, day: DayHours, *, first: bool) -> StopDay:
    hours = unit_hours(unit, day, first=first)
    return StopDay(
        itinerary_id=itinerary.id,
        itinerary_status=itinerary.status,
        unit_id=unit.id,
        day=day.day,
        opens_at=hours.starts_at,
        closes_at=hours.ends_at,
    )


_PARTS = (selectinload(Itinerary.stops).options(joinedload(Stop.unit), joinedload(Stop.site), selectinload(Stop.days)),)


def find(session: Session, actor: Actor, criteria: ItineraryFilter) -> Page[Itinerary]:
    """Itineraries of the provider, the latest period first, without their stops."""
    query = select(Itinerary).where(Itinerary.provider_id == actor.provider_id)
    if criteria.status:
        query = query.where(Itinerary.status == criteria.status)
    if criteria.on:
        query = query.where(Itinerary.first_day <= criteria.on, Itinerary.last_day >= criteria.on)
    return page_of(session, query.order_by(Itinerary.first_day.desc(), Itinerary.id.desc()), criteria.paging)


def get(session: Session, actor: Actor, itinerary_id: int) -> Itinerary:
    """One itinerary with its stops."""
    return get_owned(session, actor, Itinerary, itinerary_id, *_PARTS)


def find_stops(session: Session, actor: Actor, criteria: StopFilter) -> Page[Stop]:
    """Stops of the provider's itineraries in order of time."""
    query = select(Stop).join(Stop.itinerary).where(Itinerary.provider_id == actor.provider_id)
    for column in ("itinerary_id", "unit_id", "site_id"):
        if getattr(criteria, column) is not None:
            query = query.where(getattr(Stop, column) == getattr(criteria, column))
    if criteria.status:
        query = query.where(Itinerary.status == criteria.status)
    if criteria.first_day:
        query = query.where(Stop.last_day >= criteria.first_day)
    if criteria.last_day:
        query = query.where(Stop.first_day <= criteria.last_day)
    query = query.options(joinedload(Stop.unit), joinedload(Stop.site), selectinload(Stop.days))
    return page_of(session, query.order_by(Stop.first_day, Stop.unit_id, Stop.id), criteria.paging)


def get_stop(session: Session, actor: Actor, stop_id: int) -> Stop:
    """One stop with its days.

    Raises:
        DomainError: `not_found`.
    """
    query = select(Stop).join(Stop.itinerary).where(Stop.id == stop_id, Itinerary.provider_id == actor.provider_id)
    query = query.options(joinedload(Stop.unit), joinedload(Stop.site), selectinload(Stop.days))
    stop = session.scalars(query).one_or_none()
    if stop is None:
        raise DomainError("not_found", what=f"Stop {stop_id}")
    return stop


def get_draft(session: Session, actor: Actor, itinerary_id: int) -> Itinerary:
    """An itinerary that may still be changed, as it is once it is locked until the end of the transaction.

    Raises:
        DomainError: `not_found`, `itinerary_not_draft`.
    """
    return _draft(session, actor, Itinerary.id == itinerary_id, f"Itinerary {itinerary_id}")


def get_locked(session: Session, actor: Actor, itinerary_id: int) -> Itinerary:
    """An itinerary with its stops, as it is once it is locked until the end of the transaction.

    Raises:
        DomainError: `not_found`.
    """
    return _locked(session, actor, Itinerary.id == itinerary_id, f"Itinerary {itinerary_id}")


def get_living(session: Session, actor: Actor, itinerary_id: int) -> Itinerary:
    """An itinerary that may still be published, a draft or an approved one, locked as by `get_locked`.

    Raises:
        DomainError: `not_found`, `itinerary_not_draft`.
    """
    itinerary = get_locked(session, actor, itinerary_id)
    if itinerary.status not in {ItineraryStatus.DRAFT, ItineraryStatus.APPROVED}:
        raise DomainError("itinerary_not_draft", status=itinerary.status)
    return itinerary


def get_draft_of(session: Session, actor: Actor, stop_id: int) -> Itinerary:
    """The draft of a stop, locked.

    Raises:
        DomainError: `not_found`, `itinerary_not_draft`.
    """
    return _draft(session, actor, Itinerary.stops.any(Stop.id == stop_id), f"Stop {stop_id}")


def _locked(session: Session, actor: Actor, wanted: ColumnElement[bool], what: str) -> Itinerary:
    query = select(Itinerary).where(wanted, Itinerary.provider_id == actor.provider_id).options(*_PARTS)
    locked = query.with_for_update().execution_options(populate_existing=True)
    itinerary = session.scalars(locked).one_or_none()
    if itinerary is None:
        raise DomainError("not_found", what=what)
    return itinerary


def _draft(session: Session, actor: Actor, wanted: ColumnElement[bool], what: str) -> Itinerary:
    itinerary = _locked(session, actor, wanted, what)
    if itinerary.status is not ItineraryStatus.DRAFT:
        raise DomainError("itinerary_not_draft", status=itinerary.status)
    return itinerary


def change(session: Session, actor: Actor, itinerary_id: int, version: int, values: Mapping[str, Any]) -> Itinerary:
    """Changes the name of a draft.

    Raises:
        DomainError: as `get_draft`; `stale_version`.
    """
    itinerary = get_draft(session, actor, itinerary_id)
    apply_change(itinerary, version, values)
    audit(session, actor, "change", "itinerary", itinerary.id)
    session.flush()
    return itinerary


def discard(session: Session, actor: Actor, itinerary_id: int, version: int) -> Itinerary:
    """Puts a draft aside, also one that was approved; it can still be read.

    Raises:
        DomainError: as `get_draft`; `stale_version`.
    """
    itinerary = get_living(session, actor, itinerary_id)
    require_version(itinerary, version)
    itinerary.status = ItineraryStatus.DISCARDED
    session.flush()
    audit(session, actor, "discard", "itinerary", itinerary.id)
    return itinerary


def add_stop(session: Session, actor: Actor, itinerary_id: int, command: NewStop) -> Stop:
    """Adds a stop to a draft, whose version is raised so that nobody publishes what he has not read.

    Raises:
        DomainError: as `get_draft`; `not_found`, the unit or the site; `out_of_use`, `unit_without_programme`,
            `stop_outside_itinerary`, `given_twice` (a day), `ends_before_start`, `no_such_local_time`;
            `unit_in_two_places` (at flush).
    """
    itinerary = get_draft(session, actor, itinerary_id)
    unit = units.get(session, actor, command.unit_id)
    site = sites.get(session, actor, command.site_id)
    require_ready(unit)
    require_in_use(site)
    check_days(itinerary, command.days)
    stop = put_stop(itinerary, unit, site, command.days, 0)
    stop.women_planned = _women_reached(unit, site, stop) if command.women_planned is None else command.women_planned
    _raise_version(itinerary)
    session.flush()
    audit(session, actor, "create", "stop", stop.id)
    return stop


def _raise_version(itinerary: Itinerary) -> None:
    apply_change(itinerary, itinerary.version, {})


def check_days(itinerary: Itinerary, days: Sequence[Dated]) -> None:
    """Raises `given_twice` or `stop_outside_itinerary` unless each of the days is given once and in the itinerary."""
    if len({each.day for each in days}) < len(days):
        raise DomainError("given_twice")
    for each in days:
        if not itinerary.first_day <= each.day <= itinerary.last_day:
            first_day, last_day = itinerary.first_day.isoformat(), itinerary.last_day.isoformat()
            raise DomainError(
                "stop_outside_itinerary", day=each.day.isoformat(), first_day=first_day, last_day=last_day
            )


def _women_reached(unit: MobileUnit, site: Site, stop: Stop) -> int:
    hours = [Interval(day.opens_at, day.closes_at) for day in stop.days]
    due = {demand.programme: demand.women_due for demand in site.demands}
    return sum(
        min(sum(women_within(each, does) for each in hours), due.get(does.programme, 0)) for does in unit.programmes
    )


def remove_stop(session: Session, actor: Actor, stop_id: int) -> None:
    """Takes a stop out of a draft, whose version is raised.

    Raises:
        DomainError: `not_found`, `itinerary_not_draft`.
    """
    itinerary, stop = _stop_of_draft(session, actor, stop_id)
    itinerary.stops.remove(stop)
    _raise_version(itinerary)
    audit(session, actor, "remove", "stop", stop_id)
    session.flush()


def _stop_of_draft(session: Session, actor: Actor, stop_id: int) -> tuple[Itinerary, Stop]:
    what = f"Stop {stop_id}"
    itinerary = _draft(session, actor, Itinerary.stops.any(Stop.id == stop_id), what)
    stop = next((each for each in itinerary.stops if each.id == stop_id), None)
    if stop is None:  # removed by somebody else while this transaction waited for the lock
        raise DomainError("not_found", what=what)
    return itinerary, stop


def change_stop(session: Session, actor: Actor, stop_id: int, command: StopChange) -> Stop:
    """Changes unit, site, days or women of a stop in a draft, or pins it; the version of the draft is raised.

    Raises:
        DomainError: `stale_version`; else as `add_stop`.
    """
    itinerary, stop = _stop_of_draft(session, actor, stop_id)
    require_version(itinerary, command.version)
    let_units_change_places(session)
    if command.unit_id is not None:
        _replace_unit(stop, units.get(session, actor, command.unit_id))
    require_ready(stop.unit)
    if command.site_id is not None:
        stop.site = sites.get(session, actor, command.site_id)
        require_in_use(stop.site)
    if command.days is not None:
        check_days(itinerary, command.days)
        _replace_days(itinerary, stop, command.days)
    stop.women_planned = stop.women_planned if command.women_planned is None else command.women_planned
    stop.pinned = stop.pinned if command.pinned is None else command.pinned
    _raise_version(itinerary)
    audit(session, actor, "change", "stop", stop.id)
    require_units_in_one_place(session)
    return stop


_UNIT_IN_ONE_PLACE = "ex_stop_days_unit_in_one_place, ex_stop_days_unit_in_one_place_of_itinerary"


def let_units_change_places(session: Session) -> None:
    """Lets units stand in two places until `require_units_in_one_place` asks."""
    session.execute(text(f"SET CONSTRAINTS {_UNIT_IN_ONE_PLACE} DEFERRED"))


def require_units_in_one_place(session: Session) -> None:
    """Has the database look, now and from now on, whether a unit stands in two places (see `db.transaction`)."""
    session.flush()
    session.execute(text(f"SET CONSTRAINTS {_UNIT_IN_ONE_PLACE} IMMEDIATE"))


def _replace_unit(stop: Stop, unit: MobileUnit) -> None:
    """Another unit works when it does; hours that were given by hand stay."""
    for number, row in enumerate(stop.days):
        day, first = DayHours(row.day), number == 0
        if unit_hours(stop.unit, day, first=first) == Interval(row.opens_at, row.closes_at):
            hours = unit_hours(unit, day, first=first)
            row.opens_at, row.closes_at = hours.starts_at, hours.ends_at
    stop.unit = unit


def _replace_days(itinerary: Itinerary, stop: Stop, given: Sequence[DayHours]) -> None:
    """Keeps the rows of days that stay: a new row for such a day would stand beside the old one for a moment."""
    known = {row.day: row for row in stop.days}
    days = sorted(given, key=lambda each: each.day)
    wanted = [_stop_day(itinerary, stop.unit, day, first=number == 0) for number, day in enumerate(days)]
    for row in wanted:
        if row.day in known:
            known[row.day].opens_at, known[row.day].closes_at = row.opens_at, row.closes_at
    stop.days[:] = [known.get(row.day, row) for row in wanted]
    stop.first_day, stop.last_day = days[0].day, days[-1].day
