"""Slots as pages draw them: by day, by examination, by hour; each with a kind that has a colour and a name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import groupby

from mobile_units.clock import WARSAW
from mobile_units.models.slots import SlotStatus
from mobile_units.rules.calendar import local_day
from mobile_units.rules.programmes import Path
from mobile_units.rules.template_slots import PlannedSlot
from mobile_units.services.fullness import DiarySlot
from routes.pages.words import hour


class Kind(StrEnum):
    """What a slot is at first sight; the first that holds, in this order of importance, is its colour."""

    ORPHANED = "orphaned"
    BLOCKED = "blocked"
    OVERBOOKED = "overbooked"
    KEPT = "kept"
    TAKEN = "taken"
    SHUT = "shut"
    RESERVED = "reserved"
    PART = "part"
    FREE = "free"


LEGEND: Mapping[Kind, str] = {
    Kind.FREE: "wolny",
    Kind.PART: "częściowo zajęty",
    Kind.TAKEN: "zajęty",
    Kind.OVERBOOKED: "ponad liczbę miejsc",
    Kind.RESERVED: "zarezerwowany dla wybranych",
    Kind.KEPT: "proponowany oczekującym",
    Kind.SHUT: "brak wolnej sali lub osoby",
    Kind.BLOCKED: "zablokowany",
    Kind.ORPHANED: "osierocony",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSlot:
    """A slot on a grid; `minute` is what its sign says, `about` all of it in words, `slot_id` None before it exists."""

    slot_id: int | None
    starts_at: datetime
    ends_at: datetime
    kind: Kind
    about: str
    count: str

    @property
    def minute(self) -> str:
        """The minutes of its beginning, as on a clock."""
        return f"{self.starts_at.astimezone(WARSAW).minute:02}"


@dataclass(frozen=True, slots=True)
class Hour:
    """The slots that begin in an hour; an hour that comes twice in autumn is one here."""

    hour: int
    slots: Sequence[GridSlot]


@dataclass(frozen=True, slots=True)
class Lane:
    """The slots of one examination on a day."""

    path: Path
    hours: Sequence[Hour]

    @property
    def slots(self) -> Sequence[GridSlot]:
        """All of them, in order of time."""
        return [slot for each in self.hours for slot in each.slots]


@dataclass(frozen=True, slots=True)
class GridDay:
    """A day with slots."""

    day: date
    lanes: Sequence[Lane]

    @property
    def kinds(self) -> set[Kind]:
        """The kinds that it has."""
        return {slot.kind for lane in self.lanes for slot in lane.slots}


@dataclass(frozen=True, slots=True)
class Strip:
    """A rectangle of a timeline, in minutes from its beginning."""

    x: int
    width: int
    slot: GridSlot


@dataclass(frozen=True, slots=True)
class Timeline:
    """A day drawn to scale from one full hour to another; `ticks` are the hours with their places."""

    minutes: int
    ticks: Sequence[tuple[int, str]]
    lanes: Sequence[tuple[Path, Sequence[Strip]]]


def of_diary(slots: Iterable[DiarySlot]) -> Sequence[GridDay]:
    """The grid of stored slots, which are in order of time."""
    return _days((slot.path, _stored(slot)) for slot in slots)


def of_plan(slots: Iterable[PlannedSlot]) -> Sequence[GridDay]:
    """The grid of slots that a template wants."""
    return _days((slot.path, _planned(slot)) for slot in slots)


def legend(days: Iterable[GridDay]) -> Mapping[Kind, str]:
    """The kinds that occur, by name."""
    seen = {kind for day in days for kind in day.kinds}
    return {kind: name for kind, name in LEGEND.items() if kind in seen}


def timeline(day: GridDay) -> Timeline:
    """A day to scale."""
    slots = [slot for lane in day.lanes for slot in lane.slots]
    begins = min(slot.starts_at for slot in slots).replace(minute=0, second=0)
    ends = max(slot.ends_at for slot in slots)
    hours = -(-_minutes(ends - begins) // 60)
    ticks = [(60 * n, hour(begins + timedelta(hours=n))) for n in range(hours + 1)]
    lanes = [(lane.path, [_strip(slot, begins) for slot in lane.slots]) for lane in day.lanes]
    return Timeline(60 * hours, ticks, lanes)


def _strip(slot: GridSlot, begins: datetime) -> Strip:
    return Strip(_minutes(slot.starts_at - begins), _minutes(slot.ends_at - slot.starts_at), slot)


def _minutes(time: timedelta) -> int:
    return int(time.total_seconds()) // 60


def _days(pairs: Iterable[tuple[Path, GridSlot]]) -> Sequence[GridDay]:
    ordered = sorted(pairs, key=lambda pair: (local_day(pair[1].starts_at), pair[0], pair[1].starts_at))
    by_day = groupby(ordered, lambda pair: local_day(pair[1].starts_at))
    return [GridDay(day, _lanes(of_day)) for day, of_day in by_day]


def _lanes(pairs: Iterable[tuple[Path, GridSlot]]) -> Sequence[Lane]:
    by_path = groupby(pairs, lambda pair: pair[0])
    return [Lane(path, _hours(slot for _, slot in of_path)) for path, of_path in by_path]


def _hours(slots: Iterable[GridSlot]) -> Sequence[Hour]:
    by_hour = groupby(slots, lambda slot: slot.starts_at.astimezone(WARSAW).hour)
    return [Hour(number, list(of_hour)) for number, of_hour in by_hour]


def _stored(slot: DiarySlot) -> GridSlot:
    kind = kind_of(slot)
    return GridSlot(
        slot_id=slot.id,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        kind=kind,
        about=f"{_times(slot.starts_at, slot.ends_at)}: {_about(slot, kind)}",
        count=f"{slot.taken}/{slot.capacity}" if slot.capacity != 1 or slot.taken > 1 else "",
    )


def kind_of(slot: DiarySlot) -> Kind:
    """The colour of a stored slot."""
    if slot.status is SlotStatus.ORPHANED:
        return Kind.ORPHANED
    if slot.status is SlotStatus.BLOCKED:
        return Kind.BLOCKED
    if slot.taken > slot.capacity:
        return Kind.OVERBOOKED
    if slot.kept_for_waiting:
        return Kind.KEPT
    if slot.taken >= slot.capacity:
        return Kind.TAKEN
    return _with_places(slot)


def _with_places(slot: DiarySlot) -> Kind:
    if not slot.fits:
        return Kind.SHUT
    if slot.reserved_for:
        return Kind.RESERVED
    return Kind.PART if slot.taken else Kind.FREE


def _about(slot: DiarySlot, kind: Kind) -> str:
    told = [LEGEND[kind], f"zajęte {slot.taken} z {slot.capacity}"]
    told += [f"nadliczbowych najwyżej {slot.extra}"] if slot.extra else []
    told += [f"tylko: {slot.reserved_for.name_pl}"] if slot.reserved_for else []
    return ", ".join(told)


def _planned(slot: PlannedSlot) -> GridSlot:
    kind = Kind.BLOCKED if slot.blocked else Kind.RESERVED if slot.reserved_for else Kind.FREE
    told = [LEGEND[kind], f"miejsc {slot.capacity}"]
    told += [f"nadliczbowych {slot.extra}"] if slot.extra else []
    told += [f"tylko: {slot.reserved_for.name_pl}"] if slot.reserved_for else []
    return GridSlot(
        slot_id=None,
        starts_at=slot.time.starts_at,
        ends_at=slot.time.ends_at,
        kind=kind,
        about=f"{_times(slot.time.starts_at, slot.time.ends_at)}: {', '.join(told)}",
        count=f"+{slot.extra}" if slot.extra else "",
    )


def _times(starts_at: datetime, ends_at: datetime) -> str:
    return f"{hour(starts_at)}–{hour(ends_at)}"
