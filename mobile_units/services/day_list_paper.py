"""The list of a day on paper: A4, black and white, letters large enough for a van, boxes to be filled in by hand."""

import json
from collections import Counter
from datetime import time
from pathlib import Path
from typing import Any

from mobile_units.clock import WARSAW
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.slots import Interval
from mobile_units.rules.visits import VisitStatus
from mobile_units.rules.wording import Language, counted_pl, when
from mobile_units.services.day_list import OUTCOMES, Booked, DayList, Line, Mark, Place

NOON = time(12)
TEMPLATE = Path(__file__).with_name("day_list.typ")

OUTCOMES_PL = {
    VisitStatus.ARRIVED: "zgłosiła się",
    VisitStatus.PERFORMED: "zbadana",
    VisitStatus.NOT_PERFORMED: "nie zbadana, powód",
    VisitStatus.NO_SHOW: "nie przyszła",
}
"""The headings of the boxes."""

_PLACES_PL = {
    Place.FREE: "wolne",
    Place.BLOCKED: "zablokowane",
    Place.RESERVED: "tylko",
    Place.WAITING_LIST: "dla listy oczekujących",
}


def pdf(found: DayList) -> bytes:
    """The list as PDF, with the fonts that the typesetter brings along."""
    import typst  # noqa: PLC0415 -- only who prints needs it

    printed: bytes = typst.compile(
        TEMPLATE, sys_inputs={"list": json.dumps(content(found))}, ignore_system_fonts=True, format="pdf"
    )
    return printed


def content(found: DayList) -> dict[str, Any]:
    """What stands on the paper, in words; the template only lays it out."""
    return {
        "name": found.name,
        "day": when(local_instant(found.day, NOON), Language.POLISH).named,
        "unit": found.unit,
        "where": ", ".join(found.where),
        "hours": [_hours(each) for each in found.hours],
        "crew": list(found.crew),
        "summary": _summary(found),
        "outcomes": [OUTCOMES_PL[each] for each in OUTCOMES],
        "lines": [_line(each) for each in found.lines],
        "made_at": f"{found.made_at.astimezone(WARSAW):%d.%m.%Y, %H:%M}",
    }


def _hours(time: Interval) -> str:
    starts_at, ends_at = (when(each, Language.POLISH).time for each in (time.starts_at, time.ends_at))
    return f"{starts_at}–{ends_at}"


def _summary(found: DayList) -> list[str]:
    women = counted_pl(len(found.booked), "kobieta", "kobiety", "kobiet")
    paths = sorted(Counter(each.path for each in found.booked).items())
    free = counted_pl(found.free, "wolne miejsce", "wolne miejsca", "wolnych miejsc")
    return [women, *(f"{path.name_pl}: {count}" for path, count in paths), free]


def _line(line: Line) -> dict[str, Any]:
    return {
        "time": when(line.starts_at, Language.POLISH).time,
        "examination": line.path.name_pl,
        "free": free_in_words(line),
        "woman": _woman(line.booked) if line.booked else None,
    }


def free_in_words(line: Line) -> str:
    """What a line without a woman says."""
    return f"{_PLACES_PL[line.place]} {line.for_pl}" if line.place is Place.RESERVED else _PLACES_PL[line.place]


def _woman(booked: Booked) -> dict[str, Any]:
    return {
        "name": booked.name,
        "born": str(booked.born),
        "identity_end": booked.identity_end,
        "telephone": booked.telephone,
        "marks": [mark_in_words(booked, mark) for mark in booked.marks],
        "outcome": OUTCOMES.index(booked.status) if booked.status in OUTCOMES else None,
        "reason": booked.reason if booked.status is VisitStatus.NOT_PERFORMED else None,
    }


def mark_in_words(booked: Booked, mark: Mark) -> str:
    """A mark with what belongs to it: the reason of an extra place, the end of a reservation."""
    if mark is Mark.OVERBOOKED and booked.overbooking_reason:
        return f"{mark.name_pl}: {booked.overbooking_reason}"
    if mark is Mark.HELD and booked.held_until:
        return f"{mark.name_pl} do {when(booked.held_until, Language.POLISH).time}"
    return mark.name_pl
