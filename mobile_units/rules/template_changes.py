"""Applying a template to what stands: a preview first, by difference, and nothing that has a visit is ever removed.

Applied twice it does nothing more. A slot that has visits the template has no room for is *orphaned*: it stays, closed
to booking, until these visits are moved or cancelled. Until then nothing new is offered at its time in its rooms.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from mobile_units.rules.programmes import Programme
from mobile_units.rules.slots import Interval
from mobile_units.rules.stops import covers, merged
from mobile_units.rules.templates import Applied, PlannedSlot

T = TypeVar("T")


class Mode(StrEnum):
    """How a template is applied: only where nothing stands, or in place of what stands."""

    ADDITIVE = "additive"
    OVERWRITE = "overwrite"


@dataclass(frozen=True, slots=True)
class StoredSlot:
    """A slot as it stands, and how many visits hold a place in it (`visits.OCCUPYING`)."""

    slot: PlannedSlot
    visits: int = 0


@dataclass(frozen=True, slots=True)
class SlotChange:
    """A slot that keeps its identifier and becomes another."""

    before: PlannedSlot
    after: PlannedSlot


@dataclass(frozen=True, slots=True)
class Orphan:
    """A slot whose visits the template has no room for; `wanted` is what it should be, None if it should not be."""

    slot: PlannedSlot
    visits: int
    wanted: PlannedSlot | None = None

    @property
    def standing(self) -> PlannedSlot:
        """As it stands until its visits are moved or cancelled: nothing is taken from them, and none is added."""
        return replace(self.slot, blocked=True)


@dataclass(frozen=True, slots=True)
class Difference:
    """What applying a template does; each slot that stands is named once, and nothing is removed that has a visit.

    `kept` are as wanted. `untouched` are left alone though a template might want them otherwise: all that stands in
    additive mode, what has begun, and what the template does not decide about. `withheld` are wanted and cannot be
    yet, because they overlap with what stands in the same rooms.
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
        stand = all(each.standing == each.slot for each in self.orphaned)
        return stand and not (self.added or self.changed or self.removed)


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
        added, withheld = _that_fit([each for each in ahead if each.key not in known], untouched)
        return Difference(added=added, untouched=untouched, withheld=withheld)
    decided = [_is_decided(each.slot, wanted, now) for each in existing]
    untouched = tuple(each.slot for each, ours in zip(existing, decided, strict=True) if not ours)
    return _overwritten([each for each, ours in zip(existing, decided, strict=True) if ours], ahead, untouched)


def applied(existing: Iterable[StoredSlot], change: Difference) -> list[StoredSlot]:
    """The slots that stand once the difference is applied, in order of time; orphaned ones among them."""
    gone = {each.key for each in change.removed}
    become = {each.after.key: each.after for each in change.changed}
    become |= {each.slot.key: each.standing for each in change.orphaned}
    stay = [replace(each, slot=become.get(each.slot.key, each.slot)) for each in existing if each.slot.key not in gone]
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
    in_place, moving = _parted(
        (each for each in wanted if each.key not in lost),
        lambda each: each.key in ours and covers(ours[each.key].time, each.time),
    )
    fitting, withheld = _that_fit(moving, (*untouched, *(each.slot for each in orphaned)))
    possible = sorted((*in_place, *fitting), key=lambda each: each.order)
    waiting = tuple(ours[each.key] for each in withheld if each.key in ours)
    return Difference(
        added=tuple(each for each in possible if each.key not in ours),
        kept=tuple(each for each in possible if each == ours.get(each.key)),
        changed=tuple(SlotChange(ours[each.key], each) for each in possible if ours.get(each.key, each) != each),
        removed=tuple(each for key, each in ours.items() if key not in asked),
        orphaned=orphaned,
        untouched=(*untouched, *waiting),
        withheld=withheld,
    )


def _orphans(existing: Iterable[StoredSlot], asked: Mapping[tuple[UUID, datetime], PlannedSlot]) -> Iterator[Orphan]:
    for each in existing:
        wanted = asked.get(each.slot.key)
        if each.visits and (wanted is None or not _has_room(each, wanted)):
            yield Orphan(each.slot, each.visits, wanted)


def _has_room(stored: StoredSlot, wanted: PlannedSlot) -> bool:
    return wanted.time == stored.slot.time and not wanted.blocked and wanted.women >= stored.visits


def _that_fit(
    wanted: Iterable[PlannedSlot], standing: Iterable[PlannedSlot]
) -> tuple[tuple[PlannedSlot, ...], tuple[PlannedSlot, ...]]:
    """Those wanted that overlap with nothing that stands in the same rooms, and the others."""
    times: dict[Programme, list[Interval]] = {programme: [] for programme in Programme}
    for each in standing:
        times[each.path.programme].append(each.time)
    taken = {programme: merged(found) for programme, found in times.items()}
    return _parted(wanted, lambda each: _is_free(each.time, taken[each.path.programme]))


def _is_free(time: Interval, taken: Sequence[Interval]) -> bool:
    """Whether a time overlaps with none of those that are taken, which are in order and apart."""
    following = bisect_left(taken, time.ends_at, key=lambda each: each.starts_at)
    return following == 0 or taken[following - 1].ends_at <= time.starts_at


def _parted(each_of: Iterable[T], right: Callable[[T], bool]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """Those of which it is right, and the others."""
    judged = [(each, right(each)) for each in each_of]
    return tuple(each for each, yes in judged if yes), tuple(each for each, yes in judged if not yes)
