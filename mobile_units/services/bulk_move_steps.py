"""What carrying out a bulk move and undoing it have in common: the locks, the order of the steps, and each step.

Locked are, in this order: the row of the bulk move, all its women, mixed sessions and slots (of each the lowest key
first, as `services.visits` tells), and the messages that wait for a worker about the schedules of these slots. Whoever
books meanwhile came before and is seen, or waits and finds what was done.

The steps go in the order of `planning.hand_over`, so the database's capacity holds on the way, and each message waits
for those of the visits that left the slot before, so it holds at the central system too.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, load_only

from mobile_units.errors import DomainError
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.planning.hand_over import StepKind, Transfer, order_of_hand_over
from mobile_units.planning.problem import Key
from mobile_units.rules.messages import NoticeKind
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import messages_to_women, mixed_sessions, slots
from mobile_units.services import visit_steps as steps
from mobile_units.services.actors import Actor


@dataclass(frozen=True, slots=True)
class Exchange:
    """A visit that ends, and the one that takes its place in another slot and is not stored yet."""

    old: Visit
    new: Visit


Enter = Callable[[Visit], None]
"""Takes the place of a visit that is about to be stored."""


def lock_women(session: Session, visit_ids: Iterable[int]) -> dict[int, Visit]:
    """The visits as they are once the rows of their women are locked, with slots and places.

    One whose woman was merged into another meanwhile is left out.
    """
    keys = sorted(visit_ids)
    women = session.scalars(
        select(Woman)
        .where(Woman.id.in_(select(Visit.woman_id).where(Visit.id.in_(keys))))
        .options(load_only(Woman.birth_date, Woman.declaration, Woman.merged_into_id))
        .order_by(Woman.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    locked = {woman.id for woman in women}
    parts = joinedload(Visit.contract_range), joinedload(Visit.woman).load_only(Woman.birth_date, Woman.declaration)
    query = select(Visit).where(Visit.id.in_(keys)).order_by(Visit.id).options(*parts)
    found = session.scalars(query.execution_options(populate_existing=True))
    return {visit.id: visit for visit in found if visit.woman_id in locked}


def lock_slots(session: Session, slot_ids: Iterable[int]) -> dict[int, Slot]:
    """The slots with their places, locked together with all that share rooms and crew with them."""
    keys = sorted(set(slot_ids))
    shared = sorted(filter(None, session.scalars(select(Slot.session_id).where(Slot.id.in_(keys)).distinct())))
    mixed_sessions.lock(session, shared)
    place = joinedload(Slot.schedule).joinedload(Schedule.service_place)
    together = Slot.id.in_(keys) | Slot.session_id.in_(shared)
    found = {slot.id: slot for slot in slots.lock(session, select(Slot).where(together).options(place))}
    _lock_news(session, {slot.schedule_id for slot in found.values()})
    return {key: found[key] for key in keys}


def _lock_news(session: Session, schedule_ids: Iterable[int]) -> None:
    """A booking elsewhere in these schedules must not hold such a message while it waits for ours."""
    kinds = (MessageKind.SAVE_SLOTS, MessageKind.WITHDRAW_SLOTS)
    waiting = OutboxMessage.state == MessageState.PENDING, OutboxMessage.attempts == 0
    query = select(OutboxMessage.id).where(OutboxMessage.kind.in_(kinds), *waiting)
    query = query.where(OutboxMessage.subject_id.in_(sorted(schedule_ids))).order_by(OutboxMessage.id)
    session.execute(query.with_for_update(key_share=True))


def too_many(exchanges: Mapping[int, int], room: Mapping[int, int], left: Iterable[int]) -> set[int]:
    """Of visits and the slots that they enter, those visits that find no room; `left` are the slots that are left."""
    free = Counter(dict(room))
    free.update(left)
    without = set()
    for visit_id, slot_id in sorted(exchanges.items()):
        free[slot_id] -= 1
        if free[slot_id] < 0:
            without.add(visit_id)
    return without


def carry_out(  # noqa: PLR0913, PLR0917 -- what is exchanged, how places are taken, and what is written down
    session: Session,
    actor: Actor,
    exchanges: Sequence[Exchange],
    room: Mapping[int, int],
    enter: Enter,
    reason: str,
) -> list[int]:
    """Ends the old visits and stores the new ones; returns the keys of the old ones in the order in which they went.

    `room` are the free places by slot at the beginning. A refusal on the way is passed through, named by `Refused`.
    """
    by_id = {each.old.id: each for each in exchanges}
    transfers = (Transfer(each.old.id, each.old.slot_id, each.new.slot.id) for each in exchanges)
    free: dict[Key, int] = {slot_id: places for slot_id, places in room.items()}  # noqa: C416 -- keys of another type
    order = []
    for step in order_of_hand_over(transfers, free).steps:
        each = by_id[int(step.transfer.visit)]
        if step.kind is not StepKind.BOOK:
            _leave(session, actor, each.old, reason)
            order.append(each.old.id)
        if step.kind is not StepKind.CANCEL:
            _arrive(session, actor, each, enter)
    for each in exchanges:
        tell_her(session, actor, each.new)
    return order


class Refused(Exception):  # noqa: N818 -- named by what happened, as the refusals are
    """A step was refused, which undoes all; `visit_id` is the visit that was to go."""

    def __init__(self, visit_id: int) -> None:
        super().__init__(visit_id)
        self.visit_id = visit_id


def _leave(session: Session, actor: Actor, old: Visit, reason: str) -> None:
    slots.free(session, old)
    steps.change(session, actor, old, VisitStatus.MOVED, reason)
    steps.call_off(session, old)


def _arrive(session: Session, actor: Actor, each: Exchange, enter: Enter) -> None:
    try:
        enter(each.new)
    except DomainError as error:
        raise Refused(each.old.id) from error
    steps.store(session, actor, each.new, "move")
    steps.pass_on(session, each.new)


def admission(visit: Visit, left: Iterable[int]) -> slots.Admission:
    """With what a visit comes to its slot; a place that was left for it is hers and not of those who wait."""
    found = steps.admission_of(visit)
    return replace(found, waiting=visit.slot.id in left)


def tell_her(session: Session, actor: Actor, visit: Visit) -> None:
    """Has the woman told that her visit was moved; where it was is known by the visit."""
    messages_to_women.notify(session, actor, visit, NoticeKind.MOVED)


def listed(outdated: Mapping[int, str]) -> list[dict[str, object]]:
    """Visits with `why`, as a refusal lists them."""
    return [{"visit_id": visit_id, "why": why} for visit_id, why in sorted(outdated.items())]


def now_or_later(visit: Visit, now: datetime) -> bool:
    """Whether the time of a visit has not begun."""
    return visit.slot.starts_at > now
