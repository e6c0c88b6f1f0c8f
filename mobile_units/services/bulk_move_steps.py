"""What carrying out a bulk move and undoing it have in common: the locks, the order of the steps, and each step.

Locked are, in this order: the row of the bulk move, all its women, mixed sessions and slots (of each the lowest key
first, as `services.visits` tells). Whoever books meanwhile came before and is seen, or waits and finds what was done.

All leave and then all arrive, each kind of row stored for all of them at once, so the database's capacity holds on the
way. Messages are stored in the order of `planning.hand_over`, and each waits for those of the visits that left the
slot, so it holds at the central system too.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, load_only

from mobile_units.errors import DomainError
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.planning.hand_over import StepKind, Transfer, order_of_hand_over
from mobile_units.planning.problem import Key
from mobile_units.rules.messages import NoticeKind
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import messages_to_women, mixed_sessions, new_visits, slot_places, slots
from mobile_units.services import visit_steps as steps
from mobile_units.services.actors import Actor


@dataclass(frozen=True, slots=True)
class Exchange:
    """A visit that ends, and the one that takes its place in another slot and is not stored yet."""

    old: Visit
    new: Visit


Enter = Callable[[Visit], slot_places.Change]
"""Takes the place of a visit that is about to be stored; whether rooms and crew have time for it was asked before."""


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
    return {key: found[key] for key in keys}


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
    """Ends the old visits and stores the new ones; returns the keys of the old ones in the order in which they go.

    `room` are the free places by slot at the beginning. A refusal on the way is passed through, named by `Refused`.
    """
    leaving, arriving = _in_order(exchanges, room)
    old, new = [each.old for each in leaving], [each.new for each in arriving]
    news = _News()
    for visit in old:
        news.fewer_in(slot_places.free_one(session, visit.slot_id), visit.slot_id)
    steps.change_all(session, actor, old, VisitStatus.MOVED, reason)
    sessions = _fit(session, arriving)
    for each in arriving:
        with _named(each):
            news.more_in(enter(each.new))
    _turn(session, {*sessions, *_shared(old)}, sessions, news)
    steps.call_off_all(session, old)
    news.tell(session, old)
    steps.store_all(session, actor, new, "move")
    new_visits.pass_on_all(session, new)
    messages_to_women.notify_all(session, actor, [each.new for each in exchanges], NoticeKind.MOVED)
    return [visit.id for visit in old]


def _in_order(exchanges: Sequence[Exchange], room: Mapping[int, int]) -> tuple[list[Exchange], list[Exchange]]:
    """In which order the women leave, and in which they arrive."""
    by_id = {each.old.id: each for each in exchanges}
    transfers = (Transfer(each.old.id, each.old.slot_id, each.new.slot.id) for each in exchanges)
    free: dict[Key, int] = {slot_id: places for slot_id, places in room.items()}  # noqa: C416 -- keys of another type
    order = [(step.kind, by_id[int(step.transfer.visit)]) for step in order_of_hand_over(transfers, free).steps]
    leaving = [each for kind, each in order if kind is not StepKind.BOOK]
    return leaving, [each for kind, each in order if kind is not StepKind.CANCEL]


# rooms and crew that slots share


def _shared(visits: Iterable[Visit]) -> set[int]:
    return {visit.slot.session_id for visit in visits if visit.slot.session_id is not None}


def _fit(session: Session, arriving: Sequence[Exchange]) -> dict[int, mixed_sessions.Booked]:
    """What is booked in each mixed session with all who arrive, the others having left."""
    found: dict[int, mixed_sessions.Booked] = {}
    for each in arriving:
        slot = each.new.slot
        if slot.session_id is not None:
            booked = found.get(slot.session_id) or mixed_sessions.booked(session, slot.session_id)
            with _named(each):
                found[slot.session_id] = booked.with_one_more(each.new.path, slot.starts_at)
    return found


def _turn(
    session: Session, session_ids: Iterable[int], known: Mapping[int, mixed_sessions.Booked], news: "_News"
) -> None:
    """Works out which slots of the sessions fit one more now; all of them are locked."""
    for session_id in sorted(session_ids):
        booked = known.get(session_id) or mixed_sessions.booked(session, session_id)
        for turned in mixed_sessions.turn(session, mixed_sessions.turning(session, booked)):
            change = slot_places.Change(turned.schedule_id, news=True)
            if turned.fits:
                news.more_in(change)
            else:
                news.fewer_in(change, turned.slot_id)


# news


@dataclass(slots=True)
class _News:
    """What the central system has to hear of slots: by schedule, those with fewer places, and schedules with more."""

    fewer: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    more: dict[int, bool] = field(default_factory=dict)

    def fewer_in(self, change: slot_places.Change, slot_id: int) -> None:
        """Notes what became of a slot with fewer places."""
        if change.news:
            self.fewer[change.schedule_id].add(slot_id)

    def more_in(self, change: slot_places.Change) -> None:
        """Notes what became of a slot with more places."""
        if change.news:
            self.more[change.schedule_id] = self.more.get(change.schedule_id, False) or change.orphaned

    def tell(self, session: Session, left: Iterable[Visit]) -> None:
        """Has it handed over, behind the cancellations of the visits that have `left`, which are stored."""
        by_schedule: defaultdict[int, set[int]] = defaultdict(set)
        for visit in left:
            by_schedule[visit.slot.schedule_id].add(visit.slot_id)
        for schedule_id in sorted(self.fewer.keys() | slots.news_of_fewer(session, by_schedule)):
            slots.tell_fewer(session, schedule_id, by_schedule[schedule_id] | self.fewer[schedule_id])
        for schedule_id, orphaned in sorted(self.more.items()):
            (slots.tell_orphaned if orphaned else slots.tell)(session, schedule_id)


class Refused(Exception):  # noqa: N818 -- named by what happened, as the refusals are
    """A step was refused, which undoes all; `visit_id` is the visit that was to go."""

    def __init__(self, visit_id: int) -> None:
        super().__init__(visit_id)
        self.visit_id = visit_id


@contextmanager
def _named(each: Exchange) -> Iterator[None]:
    try:
        yield
    except DomainError as error:
        raise Refused(each.old.id) from error


def admission(visit: Visit, left: Iterable[int]) -> slot_places.Admission:
    """With what a visit comes to its slot; a place that was left for it is hers and not of those who wait."""
    found = steps.admission_of(visit)
    return replace(found, waiting=visit.slot.id in left)


def listed(outdated: Mapping[int, str]) -> list[dict[str, object]]:
    """Visits with `why`, as a refusal lists them."""
    return [{"visit_id": visit_id, "why": why} for visit_id, why in sorted(outdated.items())]


def now_or_later(visit: Visit, now: datetime) -> bool:
    """Whether the time of a visit has not begun."""
    return visit.slot.starts_at > now
