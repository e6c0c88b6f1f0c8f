"""Offers of freed places to those who wait, in order, and what becomes of them.

A place is held for the woman whose turn it is until she answers or the time is over; then it goes to the next one.
When nobody is left to whom it can be offered, everybody may book it.

A round never waits for a woman while others wait for what it holds: a slot is claimed by an advisory lock, not by its
row, and a woman whose row somebody has is left alone. The slot is then left for the next round, so that nobody takes
her turn meanwhile. All other locks are those of a booking, in the order that `services.visits` tells.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum, auto

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import ItineraryStatus, StopDay
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.models.waiting_list import WaitingListEntry
from mobile_units.models.women import Woman
from mobile_units.rules.calendar import local_day
from mobile_units.rules.messages import NoticeKind
from mobile_units.rules.visits import ACTIVE, CancelledBy, VisitStatus
from mobile_units.rules.waiting import OPEN, WaitingStatus, answer_by, by_day
from mobile_units.services import holds, messages_to_women, slots, waiting_list, women
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import apply_change
from mobile_units.services.visits import Cancellation, NewVisit

DEFAULT_ALLOWED = timedelta(hours=4)


class Offered(Enum):
    """What a round did with a slot."""

    TO_A_WOMAN = auto()
    TO_EVERYBODY = auto()
    LATER = auto()


# the rounds of the worker


def due(session: Session, limit: int = 200) -> Sequence[int]:
    """Keys of slots that are kept for those who wait, the soonest first."""
    query = select(Slot.id).where(Slot.kept_for_waiting).order_by(Slot.starts_at, Slot.id).limit(limit)
    return session.scalars(query).all()


def offer(session: Session, slot_id: int, now: datetime, allowed: timedelta = DEFAULT_ALLOWED) -> Offered:
    """Offers a place in a kept slot to the woman whose turn it is; one transaction for each.

    Where nobody can come any more the place is everybody's. At night nothing is offered, and what could not be
    answered in time after it is everybody's at once.
    """
    slot = _claimed(session, slot_id)
    if slot is None:
        return Offered.LATER
    until = answer_by(now, slot.starts_at, allowed)
    if until is None or not _has_place(slot, now):
        return _lift(session, slot)
    if by_day(now) != now:
        return Offered.LATER
    for entry_id, woman_id in _in_turn(session, slot_id):
        woman = _free_woman(session, woman_id)
        if woman is None:
            return Offered.LATER
        if _offered(session, slot, woman, entry_id, until, now):
            return Offered.TO_A_WOMAN
    return _lift(session, slot)


def _claimed(session: Session, slot_id: int) -> Slot | None:
    """A kept slot that no other worker deals with until the end of the transaction."""
    key = func.hashtextextended(f"offer of slot {slot_id}", 0)
    if not session.scalar(select(func.pg_try_advisory_xact_lock(key))):
        return None
    query = select(Slot).where(Slot.id == slot_id, Slot.kept_for_waiting).options(joinedload(Slot.schedule))
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def _has_place(slot: Slot, now: datetime) -> bool:
    return slot.status is SlotStatus.OPEN and slot.fits and slot.taken < slot.capacity and slot.starts_at > now


def _in_turn(session: Session, slot_id: int) -> Sequence[tuple[int, int]]:
    """Keys of the entries that ask for a slot, with their women, in the order in which it is offered."""
    query = waiting_list.fitting(Slot).with_only_columns(WaitingListEntry.id, WaitingListEntry.woman_id)
    waiting = query.where(Slot.id == slot_id, WaitingListEntry.status == WaitingStatus.WAITING)
    return [(entry_id, woman_id) for entry_id, woman_id in session.execute(waiting.order_by(*waiting_list.QUEUE))]


def _free_woman(session: Session, woman_id: int) -> Woman | None:
    """The woman with her row locked, None if somebody else has it."""
    query = select(Woman).where(Woman.id == woman_id).with_for_update(key_share=True, skip_locked=True)
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def _offered(  # noqa: PLR0913, PLR0917 -- which place, to whom, and until when
    session: Session, slot: Slot, woman: Woman, entry_id: int, until: datetime, now: datetime
) -> bool:
    """Holds the place for the woman, whose row is locked, if she can still come."""
    entry = session.get_one(WaitingListEntry, entry_id, populate_existing=True)
    if entry.status is not WaitingStatus.WAITING or entry.woman_id != woman.id or _has_visit(session, entry):
        return False
    if not women.assess(session, woman, entry.path, local_day(slot.starts_at)).eligible:
        return False
    actor = Actor(entry.provider_id)
    command = NewVisit(woman_id=woman.id, slot_id=slot.id, path=entry.path, urgent=entry.urgent, channel=entry.channel)
    try:
        with session.begin_nested():
            visit = holds.hold(session, actor, command, now, until, waiting=True)
    except DomainError:
        return False
    waiting_list.set_status(entry, WaitingStatus.OFFERED, visit.id)
    entry.answer_by = until
    audit(session, actor, "waiting_offer", "woman", woman.id)
    messages_to_women.notify(session, actor, visit, NoticeKind.PLACE_OFFERED)
    _keep_the_rest(session, slot.id)
    return True


def _has_visit(session: Session, entry: WaitingListEntry) -> bool:
    same = Visit.woman_id == entry.woman_id, Visit.programme == entry.programme
    return bool(session.scalar(select(exists().where(*same, Visit.status.in_(sorted(ACTIVE))))))


def _keep_the_rest(session: Session, slot_id: int) -> None:
    """Keeps what is still free in the slot, for those who come next."""
    more = and_(Slot.taken < Slot.capacity, waiting_list.waits_for(Slot.id))
    kept = update(Slot).where(Slot.id == slot_id).values(kept_for_waiting=more)
    session.execute(kept, execution_options=_CORE)


def _lift(session: Session, slot: Slot) -> Offered:
    """Lets everybody book the slot, in the central e-registration too."""
    lifted = update(Slot).where(Slot.id == slot.id).values(kept_for_waiting=False)
    session.execute(lifted, execution_options=_CORE)
    slots.tell(session, slot.schedule_id)
    return Offered.TO_EVERYBODY


_CORE = {"synchronize_session": False}


def settle(session: Session, now: datetime, limit: int = 100) -> int:
    """Ends entries that events elsewhere decided, or puts them back; how many.

    - A woman who has booked otherwise in the programme waits no more, nor does one whose hold was confirmed as a visit.
    - An offer that was given up as a visit is declined; one that ran out has lapsed.
    - Who waits for a stop or for days that are over, or for a stop that was withdrawn, waits for nothing.
    """
    query = (
        select(WaitingListEntry)
        .join(Woman, Woman.id == WaitingListEntry.woman_id)
        .where(WaitingListEntry.status.in_(sorted(OPEN)), _is_decided(now))
        .order_by(Woman.id, WaitingListEntry.id)
        .limit(limit)
        .with_for_update(of=(Woman, WaitingListEntry), key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    entries = session.scalars(query).all()
    for entry in entries:
        status, visit_id = _decision(session, entry)
        waiting_list.set_status(entry, status, visit_id)
        audit(session, Actor(entry.provider_id), f"waiting_{_NOTES[status]}", "woman", entry.woman_id)
    session.flush()
    return len(entries)


_NOTES = {
    WaitingStatus.BOOKED: "booked_otherwise",
    WaitingStatus.LAPSED: "over",
    WaitingStatus.WAITING: "offer_given_up",
}
"""How the audit log calls what a round decided."""


def _is_decided(now: datetime) -> ColumnElement[bool]:
    entry = WaitingListEntry
    offer = exists().where(Visit.id == entry.visit_id, Visit.status == VisitStatus.HELD)
    return or_(
        and_(entry.status == WaitingStatus.OFFERED, ~offer),
        and_(entry.status == WaitingStatus.WAITING, or_(_booked_otherwise(), _is_over(now))),
    )


def _booked_otherwise() -> ColumnElement[bool]:
    booked = sorted(ACTIVE - {VisitStatus.HELD})
    return exists().where(
        Visit.woman_id == WaitingListEntry.woman_id,
        Visit.programme == WaitingListEntry.programme,
        Visit.status.in_(booked),
    )


def _is_over(now: datetime) -> ColumnElement[bool]:
    entry = WaitingListEntry
    to_come = exists().where(
        StopDay.stop_id == entry.stop_id,
        StopDay.itinerary_status == ItineraryStatus.PUBLISHED,
        StopDay.closes_at > now,
        or_(entry.first_day.is_(None), StopDay.day >= entry.first_day),
        or_(entry.last_day.is_(None), StopDay.day <= entry.last_day),
    )
    return or_(entry.last_day < local_day(now), and_(entry.stop_id.is_not(None), ~to_come))


def _decision(session: Session, entry: WaitingListEntry) -> tuple[WaitingStatus, int | None]:
    if entry.status is WaitingStatus.OFFERED:
        visit = session.get_one(Visit, entry.visit_id, populate_existing=True)
        if visit.status is not VisitStatus.CANCELLED:
            return WaitingStatus.BOOKED, visit.id
        if visit.cancelled_by is CancelledBy.SYSTEM:
            return WaitingStatus.LAPSED, visit.id
        return WaitingStatus.WAITING, None
    visit_id = session.scalars(
        select(Visit.id).where(
            Visit.woman_id == entry.woman_id, Visit.programme == entry.programme, Visit.status.in_(_BOOKED)
        )
    ).first()
    return (WaitingStatus.LAPSED, None) if visit_id is None else (WaitingStatus.BOOKED, visit_id)


_BOOKED = sorted(ACTIVE - {VisitStatus.HELD})


# what the woman answers


def accept(session: Session, actor: Actor, entry_id: int, version: int, now: datetime) -> WaitingListEntry:
    """Books the place that is held for a woman.

    Raises:
        DomainError: `not_found`, `stale_version`, `waiting_status` (nothing is offered to her); `offer_over`, whether
            the worker has come or not.
    """
    entry = _with_offer(session, actor, entry_id, version)
    if entry.answer_by is None or entry.answer_by <= now:
        raise DomainError("offer_over")
    visit = _visit_of(session, entry)
    holds.confirm(session, actor, visit.id, visit.version, now)
    waiting_list.set_status(entry, WaitingStatus.BOOKED, visit.id)
    audit(session, actor, "waiting_accept", "woman", entry.woman_id)
    session.flush()
    return entry


def decline(session: Session, actor: Actor, entry_id: int, version: int) -> WaitingListEntry:
    """Gives up the place that is held for a woman; she keeps her place in the queue and is not offered this one again.

    Raises:
        DomainError: `not_found`, `stale_version`, `waiting_status` (nothing is offered to her), `offer_over`.
    """
    entry = _with_offer(session, actor, entry_id, version)
    _give_up(session, actor, entry)
    waiting_list.set_status(entry, WaitingStatus.WAITING)
    audit(session, actor, "waiting_decline", "woman", entry.woman_id)
    session.flush()
    return entry


def withdraw(session: Session, actor: Actor, entry_id: int, version: int) -> WaitingListEntry:
    """Takes a woman off the list; a place that is held for her goes to the next one.

    Raises:
        DomainError: `not_found`, `stale_version`, `waiting_status` (the entry ended).
    """
    _, entry = waiting_list.locked(session, actor, entry_id)
    apply_change(entry, version, {})
    if entry.status is WaitingStatus.OFFERED:
        _give_up(session, actor, entry)
    waiting_list.set_status(entry, WaitingStatus.WITHDRAWN)
    audit(session, actor, "waiting_withdraw", "woman", entry.woman_id)
    session.flush()
    return entry


def _with_offer(session: Session, actor: Actor, entry_id: int, version: int) -> WaitingListEntry:
    _, entry = waiting_list.locked(session, actor, entry_id)
    if entry.status is WaitingStatus.LAPSED:
        raise DomainError("offer_over")
    apply_change(entry, version, {})
    if entry.status is not WaitingStatus.OFFERED:
        raise DomainError("waiting_status", status=entry.status)
    return entry


def _visit_of(session: Session, entry: WaitingListEntry) -> Visit:
    """The visit that holds the place, as it is while the row of the woman is locked."""
    return session.scalars(
        select(Visit).where(Visit.id == entry.visit_id).execution_options(populate_existing=True)
    ).one()


def _give_up(session: Session, actor: Actor, entry: WaitingListEntry) -> None:
    """Frees the place while the entry is still one with an offer: it is kept for others, not for her."""
    visit = _visit_of(session, entry)
    if visit.status is VisitStatus.HELD:
        given_up = Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN)
        holds.give_up(session, actor, visit.id, given_up)
