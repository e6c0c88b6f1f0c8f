"""Applying a template to what stands: a preview first, by difference, and nothing that has a visit is ever removed.

Applied twice it does nothing more. A slot that has visits the template has no room for is *orphaned*: it stays, closed
to booking, until these visits are moved or cancelled. Until then nothing new is offered at its time in its rooms; only
in the mixed session that it belongs to is it counted among the bookings that others have to fit beside.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from mobile_units.rules.programmes import Programme
from mobile_units.rules.slots import Interval
from mobile_units.rules.stops import covers, merged
from mobile_units.rules.template_slots import Applied, PlannedSlot

T = TypeVar("T")


class Mode(StrEnum):
    """How a template is applied: only where nothing stands, or in place of what stands."""

    ADDITIVE = "additive"
    OVERWRITE = "overwrite"


@dataclass(frozen=True, slots=True)
class StoredSlot:
    """A slot as it stands, how many visits hold a place in it, and whether it only waits for them to leave."""

    slot: PlannedSlot
    visits: int = 0
    orphaned: bool = False


@dataclass(frozen=True, slots=True)
class SlotChange:
    """A slot that keeps its identifier and becomes another; one that was orphaned is offered again."""

    before: PlannedSlot
    after: PlannedSlot


@dataclass(frozen=True, slots=True)
class Orphan:
    """A slot whose visits the template has no room for; `wanted` is what it should be, None if it should not be.

    Nothing is taken from its visits, and none is added. `fresh` tells that it was no orphan before.
    """

    slot: PlannedSlot
    visits: int
    wanted: PlannedSlot | None = None
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Difference:
    """What applying a template does; each slot that stands is named once, and nothing is removed that has a visit.

    `kept` are as wanted. `untouched` are left alone though a template might want them otherwise: all that stands in
    additive mode, what has begun, and what the template does not decide about. `withheld` are wanted and cannot be
    yet, because they overlap with what stands in the same rooms, or their mixed session stands in additive mode.
    """

    added: tuple[PlannedSlot, ...] = ()
    kept: tuple[PlannedSlot, ...] = ()
    changed: tuple[SlotChange, ...] = ()
    removed: tuple[PlannedSlot, ...] = ()
    orphaned: tuple[Orphan, ...] = ()
    untouched: tuple[PlannedSlot, ...] = ()
    withheld: tuple[PlannedSlot, ...] = ()

    @property
    def nothing_to_do(self) -> bool:
        """Whether applying it changes no slot."""
        return not (self.added or self.changed or self.removed or any(each.fresh for each in self.orphaned))


def difference(existing: Sequence[StoredSlot], wanted: Applied, mode: Mode, now: datetime | None = None) -> Difference:
    """What applying a template would do to all the slots that stand at one stop or place.

    A slot is known by its schedule and start. One with visits keeps its end, its places and its being open: if the
    template wants these otherwise it is orphaned. What begins at the instant `now` or before is neither changed nor
    added.
    """
    ahead = [each for each in wanted.slots if now is None or each.time.starts_at > now]
    if mode is Mode.ADDITIVE:
        untouched = tuple(each.slot for each in existing)
        known = {each.key for each in untouched}
        begun = {each.session for each in untouched} - {None}
        new, waiting = _parted(
            (each for each in ahead if each.key not in known), lambda each: each.session not in begun
        )
        added, withheld = _that_fit(new, _Standing(untouched, new))
        withheld = tuple(sorted((*withheld, *waiting), key=lambda each: each.order))
        return Difference(added=added, untouched=untouched, withheld=withheld)
    decided = [_is_decided(each.slot, wanted, now) for each in existing]
    untouched = tuple(each.slot for each, ours in zip(existing, decided, strict=True) if not ours)
    return _overwritten([each for each, ours in zip(existing, decided, strict=True) if ours], ahead, untouched)


def applied(existing: Iterable[StoredSlot], change: Difference) -> list[StoredSlot]:
    """The slots that stand once the difference is applied, in order of time; orphaned ones among them."""
    gone = {each.key for each in change.removed}
    become = {each.after.key: each.after for each in change.changed}
    orphaned = {each.slot.key for each in change.orphaned}
    stay = [
        StoredSlot(
            become.get(each.slot.key, each.slot),
            each.visits,
            each.slot.key in orphaned or (each.orphaned and each.slot.key not in become),
        )
        for each in existing
        if each.slot.key not in gone
    ]
    return sorted((*stay, *map(StoredSlot, change.added)), key=lambda each: each.slot.order)


def _is_decided(slot: PlannedSlot, wanted: Applied, now: datetime | None) -> bool:
    return wanted.decides(slot) and (now is None or slot.time.starts_at > now)


def _overwritten(
    existing: Sequence[StoredSlot], wanted: Sequence[PlannedSlot], untouched: tuple[PlannedSlot, ...]
) -> Difference:
    asked = {each.key: each for each in wanted}
    orphaned = tuple(_orphans(existing, asked))
    lost = {each.slot.key for each in orphaned}
    ours = {each.slot.key: each.slot for each in existing if each.slot.key not in lost}
    returning = {each.slot.key for each in existing if each.orphaned}
    in_place, moving = _parted(
        (each for each in wanted if each.key not in lost),
        lambda each: each.key in ours and _stays_within(ours[each.key], each),
    )
    standing = _Standing((*untouched, *(each.slot for each in orphaned)), wanted)
    fitting, withheld = _that_fit(moving, standing)
    possible = sorted((*in_place, *fitting), key=lambda each: each.order)
    right = {each.key for each in possible if each == ours.get(each.key) and each.key not in returning}
    waiting = tuple(ours[each.key] for each in withheld if each.key in ours)
    return Difference(
        added=tuple(each for each in possible if each.key not in ours),
        kept=tuple(each for each in possible if each.key in right),
        changed=tuple(
            SlotChange(ours[each.key], each) for each in possible if each.key in ours and each.key not in right
        ),
        removed=tuple(each for key, each in ours.items() if key not in asked),
        orphaned=orphaned,
        untouched=(*untouched, *waiting),
        withheld=withheld,
    )


def _orphans(existing: Iterable[StoredSlot], asked: Mapping[tuple[UUID, datetime], PlannedSlot]) -> Iterator[Orphan]:
    for each in existing:
        wanted = asked.get(each.slot.key)
        if each.visits and (wanted is None or not _has_room(each, wanted)):
            yield Orphan(each.slot, each.visits, wanted, fresh=not each.orphaned)


def _has_room(stored: StoredSlot, wanted: PlannedSlot) -> bool:
    return wanted.time == stored.slot.time and not wanted.blocked and wanted.women >= stored.visits


def _stays_within(slot: PlannedSlot, wanted: PlannedSlot) -> bool:
    return slot.session == wanted.session and covers(slot.time, wanted.time)


class _Standing:
    """Times in which rooms are taken by what stands and stays.

    Rooms are those of a programme, whatever the paths; where some share a mixed session, those of all that do. Slots
    of one session do not keep each other out.
    """

    def __init__(self, slots: Collection[PlannedSlot], wanted: Iterable[PlannedSlot]) -> None:
        self.slots = slots
        self.shared = frozenset(each.path.programme for each in (*slots, *wanted) if each.session)
        self.known: dict[tuple[frozenset[Programme], datetime | None], list[Interval]] = {}

    def leaves(self, wanted: PlannedSlot) -> bool:
        """Whether a slot overlaps with nothing that keeps it out."""
        key = rooms, session = self._rooms(wanted), wanted.session
        if key not in self.known:
            keeping_out = (each for each in self.slots if session is None or each.session != session)
            self.known[key] = merged(each.time for each in keeping_out if self._rooms(each) == rooms)
        return _is_free(wanted.time, self.known[key])

    def _rooms(self, slot: PlannedSlot) -> frozenset[Programme]:
        programme = slot.path.programme
        return self.shared if programme in self.shared else frozenset({programme})


def _that_fit(
    wanted: Iterable[PlannedSlot], standing: _Standing
) -> tuple[tuple[PlannedSlot, ...], tuple[PlannedSlot, ...]]:
    """Those wanted that overlap with nothing that stands in the same rooms, and the others."""
    return _parted(wanted, standing.leaves)


def _is_free(time: Interval, taken: Sequence[Interval]) -> bool:
    """Whether a time overlaps with none of those that are taken, which are in order and apart."""
    following = bisect_left(taken, time.ends_at, key=lambda each: each.starts_at)
    return following == 0 or taken[following - 1].ends_at <= time.starts_at


def _parted(each_of: Iterable[T], right: Callable[[T], bool]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """Those of which it is right, and the others."""
    judged = [(each, right(each)) for each in each_of]
    return tuple(each for each, yes in judged if yes), tuple(each for each, yes in judged if not yes)
