"""The waiting list: who waits for a place, for which, and in which order.

A woman waits at a stop or in an area, in one programme once. When a place is freed that somebody waits for, it is kept
(`waits_for`) until it was offered to those whose turn it is (`services.offers`). Whoever could book at once is not put
on the list: nobody would ever offer her what is free already.

The row of the woman is locked first (`services.visits`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    SQLColumnExpression,
    Text,
    Time,
    and_,
    case,
    cast,
    exists,
    extract,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased, joinedload

from mobile_units.clock import WARSAW
from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.sites import Site
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.models.waiting_list import WaitingListEntry
from mobile_units.models.women import Woman
from mobile_units.rules.admission import BookingChannel, Reservation
from mobile_units.rules.calendar import local_day, local_instant, require_in_order
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import ACTIVE, CancelledBy
from mobile_units.rules.waiting import TRANSITIONS, WaitingStatus
from mobile_units.services import women
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import (
    Page,
    Paging,
    apply_change,
    get_owned,
    in_order,
    normalised,
    page_of,
    require_version,
)

LISTED_AT_MOST = 20
"""So many of the places that are free are listed in a refusal."""

EVERY_DAY = tuple(range(1, 8))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """For what a woman waits: places on a path at a stop or in an area, whose TERYT code begins with `teryt`.

    Days, ISO weekdays and the hours from `after` until `before` are when slots may begin, in Polish time, None being
    open. By `channel` she books; urgent women come first.
    """

    woman_id: int
    path: Path
    stop_id: int | None = None
    teryt: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    weekdays: Collection[int] = EVERY_DAY
    after: time | None = None
    before: time | None = None
    urgent: bool = False
    channel: BookingChannel = BookingChannel.DESK


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Which entries are wanted; `teryt` finds those of an area that begins with it."""

    paging: Paging = Paging()
    stop_id: int | None = None
    teryt: str | None = None
    path: Path | None = None
    status: WaitingStatus | None = None
    woman_id: int | None = None


@dataclass(frozen=True, slots=True)
class EntryInQueue:
    """An entry, and which one it is of those that wait for the same path at the same stop or in the same area."""

    entry: WaitingListEntry
    position: int | None


def add(session: Session, actor: Actor, command: NewEntry, now: datetime) -> WaitingListEntry:
    """Puts a woman on the list.

    Raises:
        DomainError: `not_found`, `woman_merged`, `waiting_where`, `period_reversed`, `waiting_days_over`,
            `waiting_for_nothing` (the stop), `parallel_visit`, `not_eligible` (on all days asked for), `places_free`
            with the list of what can be booked; `waiting_already` (at flush).
    """
    woman = women.locked(session, actor, command.woman_id)
    values = {each.name: getattr(command, each.name) for each in fields(command)}
    entry = WaitingListEntry(
        provider_id=actor.provider_id,
        programme=command.path.programme,
        status=WaitingStatus.WAITING,
        queued_at=now,
        **normalised(values, _SPELLING),
    )
    session.add(entry)
    _require_sensible(session, woman, entry, now)
    audit(session, actor, "waiting_add", "woman", woman.id)
    return entry


_SPELLING = {"weekdays": in_order}


def change(  # noqa: PLR0913, PLR0917 -- a change by version, and the instant by which it is judged
    session: Session, actor: Actor, entry_id: int, version: int, values: Mapping[str, Any], now: datetime
) -> WaitingListEntry:
    """Changes what a woman waits for; she keeps her place in the queue.

    Raises:
        DomainError: `stale_version`, `waiting_status` (a place is offered to her, or the entry ended), and what `add`
            refuses.
    """
    woman, entry = locked(session, actor, entry_id)
    require_version(entry, version)
    if entry.status is not WaitingStatus.WAITING:
        raise DomainError("waiting_status", status=entry.status)
    apply_change(entry, version, normalised(values, _SPELLING))
    entry.programme = entry.path.programme
    _require_sensible(session, woman, entry, now)
    audit(session, actor, "waiting_change", "woman", woman.id)
    return entry


def put_back(session: Session, actor: Actor, entry_id: int, version: int, now: datetime) -> WaitingListEntry:
    """Puts a woman whose entry lapsed at the end of the list.

    Raises:
        DomainError: `stale_version`, `waiting_status`, and what `add` refuses.
    """
    woman, entry = locked(session, actor, entry_id)
    apply_change(entry, version, {})
    set_status(entry, WaitingStatus.WAITING)
    entry.queued_at = now
    _require_sensible(session, woman, entry, now)
    audit(session, actor, "waiting_put_back", "woman", woman.id)
    return entry


def locked(session: Session, actor: Actor, entry_id: int) -> tuple[Woman, WaitingListEntry]:
    """An entry as it is once the row of its woman is locked, with her.

    Raises:
        DomainError: `not_found`.
    """
    entry = get_owned(session, actor, WaitingListEntry, entry_id)
    woman = women.locked(session, actor, entry.woman_id)
    session.refresh(entry, with_for_update={"key_share": True})
    return woman, entry


def set_status(entry: WaitingListEntry, status: WaitingStatus, visit_id: int | None = None) -> None:
    """Gives an entry another status; it refers to a visit only where that holds, or was, the place offered.

    Raises:
        DomainError: `waiting_status`.
    """
    if status not in TRANSITIONS[entry.status]:
        raise DomainError("waiting_status", status=entry.status)
    entry.status, entry.visit_id, entry.answer_by = status, visit_id, None


def lapse(session: Session, visit_ids: Collection[int]) -> None:
    """Ends the entries to which the places of these visits were offered: the time to answer is over."""
    ended = (
        update(WaitingListEntry)
        .where(WaitingListEntry.visit_id.in_(visit_ids), WaitingListEntry.status == WaitingStatus.OFFERED)
        .values(status=WaitingStatus.LAPSED, answer_by=None, version=WaitingListEntry.version + 1)
    )
    session.execute(ended, execution_options={"synchronize_session": "fetch"})


# what is refused


def _require_sensible(session: Session, woman: Woman, entry: WaitingListEntry, now: datetime) -> None:
    """Stores the entry, if the woman can ever be offered something and cannot book it at once."""
    in_order_of_hours = entry.after is None or entry.before is None or entry.after < entry.before
    if (entry.stop_id is None) is (entry.teryt is None) or not in_order_of_hours:
        raise DomainError("waiting_where")
    first, last = _days(session, entry, local_day(now))
    _require_no_visit(session, entry)
    first = _first_eligible(session, woman, entry.path, first, last)
    session.flush()
    _require_nothing_free(session, entry, max(now, local_instant(first, time())))


def _days(session: Session, entry: WaitingListEntry, today: date) -> tuple[date, date | None]:
    """The days to come on which she may be offered a place, as far as they are bounded."""
    if entry.first_day and entry.last_day:
        require_in_order(entry.first_day, entry.last_day)
    if entry.last_day and entry.last_day < today:
        raise DomainError("waiting_days_over")
    first = max(entry.first_day or today, today)
    if entry.stop_id is None:
        return first, entry.last_day
    days = [day for day in _stop_days(session, entry) if first <= day <= (entry.last_day or day)]
    if not days:
        raise DomainError("waiting_for_nothing")
    return days[0], days[-1]


def _stop_days(session: Session, entry: WaitingListEntry) -> Sequence[date]:
    query = (
        select(Stop)
        .join(Stop.itinerary)
        .where(Stop.id == entry.stop_id, Itinerary.provider_id == entry.provider_id)
        .options(joinedload(Stop.days), joinedload(Stop.itinerary))
    )
    with session.no_autoflush:
        stop = session.scalars(query).unique().one_or_none()
    if stop is None:
        raise DomainError("not_found", what=f"Stop {entry.stop_id}")
    published = stop.itinerary.status is ItineraryStatus.PUBLISHED
    return [each.day for each in stop.days] if published else []


def _require_no_visit(session: Session, entry: WaitingListEntry) -> None:
    active = exists().where(
        Visit.woman_id == entry.woman_id, Visit.programme == entry.programme, Visit.status.in_(sorted(ACTIVE))
    )
    with session.no_autoflush:
        if session.scalar(select(active)):
            raise DomainError("parallel_visit")


def _first_eligible(session: Session, woman: Woman, path: Path, first: date, last: date | None) -> date:
    """The first of the days on which she may be screened."""
    with session.no_autoflush:
        assessment = women.assess(session, woman, path, first)
    if assessment.eligible:
        return first
    day = assessment.next_eligible_on
    if day is None or (last is not None and day > last):
        raise women.not_eligible(woman, assessment)
    return max(day, first)


def _require_nothing_free(session: Session, entry: WaitingListEntry, since: datetime) -> None:
    query = (
        fitting(Slot)
        .with_only_columns(Slot.id, Slot.starts_at, Site.locality, func.count().over())
        .where(WaitingListEntry.id == entry.id, *BOOKABLE_NOW, Slot.starts_at > since)
        .order_by(Slot.starts_at, Slot.id)
        .limit(LISTED_AT_MOST)
    )
    found = session.execute(query).all()
    if found:
        listed = [{"slot_id": key, "starts_at": at.isoformat(), "locality": where} for key, at, where, _ in found]
        raise DomainError("places_free", count=found[0][3], places=listed)


BOOKABLE_NOW = (Slot.status == SlotStatus.OPEN, Slot.taken < Slot.capacity, Slot.fits, ~Slot.kept_for_waiting)


# who waits for what


def waits_for(slot_id: int | SQLColumnExpression[int]) -> ColumnElement[bool]:
    """Whether somebody waits for a place in the slot with this key; of any statement, one that updates slots too."""
    slot = aliased(Slot)
    return exists(fitting(slot).where(slot.id == slot_id, WaitingListEntry.status == WaitingStatus.WAITING))


def fitting(slot: Any) -> Select[int]:
    """Keys of entries, of any status, with the slots of the alias `slot` that each of them asks for.

    A place that a woman gave up is not offered to her again.
    """
    return (
        select(WaitingListEntry.id)
        .select_from(slot)
        .join(Schedule, Schedule.id == slot.schedule_id)
        .outerjoin(MobilePoint, MobilePoint.id == Schedule.mobile_point_id)
        .outerjoin(Stop, Stop.id == MobilePoint.stop_id)
        .outerjoin(Site, Site.id == Stop.site_id)
        .join(WaitingListEntry, _asks_for(WaitingListEntry, slot))
        .where(
            ~exists().where(
                Visit.woman_id == WaitingListEntry.woman_id,
                Visit.slot_id == slot.id,
                Visit.cancelled_by == CancelledBy.WOMAN,
            )
        )
    )


def _asks_for(entry: type[WaitingListEntry], slot: Any) -> ColumnElement[bool]:
    local = func.timezone(WARSAW.key, slot.starts_at)
    day, clock = cast(local, Date), cast(local, Time)
    return and_(
        entry.provider_id == Schedule.provider_id,
        entry.path == Schedule.path,
        or_(entry.stop_id == Stop.id, func.starts_with(Site.teryt, entry.teryt)),
        or_(entry.first_day.is_(None), entry.first_day <= day),
        or_(entry.last_day.is_(None), entry.last_day >= day),
        extract("isodow", local) == func.any(entry.weekdays),
        or_(entry.after.is_(None), entry.after <= clock),
        or_(entry.before.is_(None), entry.before > clock),
        or_(
            slot.reserved_for.is_(None),
            cast(slot.reserved_for, Text) == cast(entry.channel, Text),
            and_(entry.urgent, slot.reserved_for == Reservation.URGENT),
        ),
    )


QUEUE: tuple[Any, ...] = (WaitingListEntry.urgent.desc(), WaitingListEntry.queued_at, WaitingListEntry.id)
"""The order in which places are offered, as `rules.waiting.turn` tells it."""


# reading


def find(session: Session, actor: Actor, criteria: EntryFilter) -> Page[EntryInQueue]:
    """Entries in the order in which places are offered, those that wait before the others; no woman is named."""
    return _found(session, actor, criteria)


def find_with_women(session: Session, actor: Actor, criteria: EntryFilter) -> Page[EntryInQueue]:
    """As `find`, with the women; each is noted in the audit log as read."""
    page = _found(session, actor, criteria, joinedload(WaitingListEntry.woman))
    for woman_id in sorted({each.entry.woman_id for each in page.items}):
        audit(session, actor, "read", "woman", woman_id)
    return page


def get(session: Session, actor: Actor, entry_id: int) -> EntryInQueue:
    """One entry; noted in the audit log as read of its woman, though she is not named.

    Raises:
        DomainError: `not_found`.
    """
    entry = get_owned(session, actor, WaitingListEntry, entry_id, joinedload(WaitingListEntry.visit))
    audit(session, actor, "waiting_read", "woman", entry.woman_id)
    return in_queue(session, entry)


def in_queue(session: Session, entry: WaitingListEntry) -> EntryInQueue:
    """An entry with its place in the queue."""
    return EntryInQueue(entry, _positions(session, [entry]).get(entry.id))


def _found(session: Session, actor: Actor, criteria: EntryFilter, *options: Any) -> Page[EntryInQueue]:
    query = select(WaitingListEntry).where(WaitingListEntry.provider_id == actor.provider_id)
    for column in ("stop_id", "path", "status", "woman_id"):
        value = getattr(criteria, column)
        if value is not None:
            query = query.where(getattr(WaitingListEntry, column) == value)
    if criteria.teryt is not None:
        query = query.where(WaitingListEntry.teryt.startswith(criteria.teryt, autoescape=True))
    if criteria.woman_id is not None:
        audit(session, actor, "waiting_read", "woman", criteria.woman_id)
    waits = case((WaitingListEntry.status == WaitingStatus.WAITING, 0), else_=1)
    query = query.options(joinedload(WaitingListEntry.visit), *options).order_by(waits, *QUEUE)
    page = page_of(session, query, criteria.paging)
    positions = _positions(session, page.items)
    items = [EntryInQueue(entry, positions.get(entry.id)) for entry in page.items]
    return Page(items, page.total, page.page, page.page_size)


def _positions(session: Session, entries: Collection[WaitingListEntry]) -> dict[int, int]:
    """The places in their queues of those of the entries that wait."""
    paths = {entry.path for entry in entries}
    providers = {entry.provider_id for entry in entries}
    same_queue = (
        WaitingListEntry.provider_id,
        WaitingListEntry.path,
        WaitingListEntry.stop_id,
        WaitingListEntry.teryt,
    )
    number = func.row_number().over(partition_by=same_queue, order_by=QUEUE)
    queue = (
        select(WaitingListEntry.id, number.label("position"))
        .where(
            WaitingListEntry.status == WaitingStatus.WAITING,
            WaitingListEntry.path.in_(paths),
            WaitingListEntry.provider_id.in_(providers),
        )
        .subquery()
    )
    wanted = select(queue.c.id, queue.c.position).where(queue.c.id.in_([entry.id for entry in entries]))
    return dict(session.execute(wanted).all())
