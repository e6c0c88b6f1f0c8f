"""The timeline of a plan as its template shows it: units by days."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from mobile_units.planning.problem import Key
from mobile_units.rules.calendar import holiday_name
from routes.pages.drawn import DrawnStop, DrawnUnit, StopState


class CellKind(StrEnum):
    """What a unit does on some days in a row within a week."""

    FREE = "free"
    OFF = "off"
    AWAY = "away"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Days in a row of one kind; a stop goes on in further cells after days off, of which the first is `begins`.

    The longest of these is `named`, because there is most room for the name of the place.
    `link` leads to the stop, or to adding one on the first of free days.
    """

    kind: CellKind
    days: Sequence[date]
    stop: DrawnStop | None = None
    begins: bool = True
    ends: bool = True
    named: bool = True
    link: str | None = None

    @property
    def monday(self) -> bool:
        """Whether a week begins with it."""
        return self.days[0].weekday() == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A unit and its days; more than one lane of cells only if stops overlap. Stops of others do not count."""

    unit: DrawnUnit
    lanes: Sequence[Sequence[Cell]]
    stops: int
    women: int


@dataclass(frozen=True, slots=True)
class Column:
    """A day of the heading."""

    day: date
    off: bool
    holiday: str | None
    today: bool


class Span(NamedTuple):
    """Days that have a heading in common: a month or a week; the first day, and how many."""

    first_day: date
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Units by days, ready to be shown by the macro of the same name."""

    months: Sequence[Span]
    weeks: Sequence[Span]
    columns: Sequence[Column]
    rows: Sequence[Row]
    stops: int
    states: Sequence[StopState]
    wrong: int

    @property
    def first_day(self) -> date:
        """The first day shown."""
        return self.columns[0].day

    @property
    def last_day(self) -> date:
        """The last day shown."""
        return self.columns[-1].day


def timeline(  # noqa: PLR0913 -- what is drawn, and what may be done with it
    units: Sequence[DrawnUnit],
    first_day: date,
    last_day: date,
    stops: Iterable[DrawnStop],
    *,
    today: date | None = None,
    add_link: Callable[[Key, date], str] | None = None,
) -> Timeline:
    """Units as rows and days as columns; stops of other units, and their days outside the period, are not shown.

    With `add_link` (unit, day) every row of free days leads to adding a stop on the first of them.
    """
    days = [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]
    by_unit: dict[Key, list[DrawnStop]] = {unit.id: [] for unit in units}
    for stop in stops:
        if stop.unit_id in by_unit and any(first_day <= day <= last_day for day in stop.days):
            by_unit[stop.unit_id].append(stop)
    shown = [stop for each in by_unit.values() for stop in each]
    held = {stop.state for stop in shown}
    own = _own(shown)
    return Timeline(
        months=_spans(days, lambda day: (day.year, day.month)),
        weeks=_spans(days, lambda day: day.isocalendar()[:2]),
        columns=[Column(day, _is_off(day), holiday_name(day), day == today) for day in days],
        rows=[_row(unit, by_unit[unit.id], days, add_link) for unit in units],
        stops=len(own),
        states=[state for state in StopState if state in held],
        wrong=sum(bool(stop.wrong) for stop in own),
    )


def _own(stops: Iterable[DrawnStop]) -> list[DrawnStop]:
    return [stop for stop in stops if stop.state is not StopState.BESIDE]


def _spans(days: Iterable[date], key: Callable[[date], tuple[int, int]]) -> list[Span]:
    runs = [list(run) for _, run in groupby(days, key)]
    return [Span(run[0], len(run)) for run in runs]


def _is_off(day: date) -> bool:
    return day.isoweekday() > 5 or holiday_name(day) is not None


def _row(
    unit: DrawnUnit,
    stops: Sequence[DrawnStop],
    days: Sequence[date],
    add_link: Callable[[Key, date], str] | None,
) -> Row:
    lanes = [_named(_cells(unit, lane, days, add_link)) for lane in _lanes(stops)]
    own = _own(stops)
    return Row(unit=unit, lanes=lanes, stops=len(own), women=sum(stop.women for stop in own))


def _lanes(stops: Iterable[DrawnStop]) -> list[dict[date, DrawnStop]]:
    """The stops by day, in as few lanes as they need; one at least."""
    lanes: list[dict[date, DrawnStop]] = [{}]
    for stop in sorted(stops, key=lambda each: (each.days[0], each.days[-1])):
        lane = next((each for each in lanes if not any(day in each for day in stop.days)), None)
        if lane is None:
            lanes.append(lane := {})
        lane.update(dict.fromkeys(stop.days, stop))
    return lanes


def _cells(
    unit: DrawnUnit,
    stops: Mapping[date, DrawnStop],
    days: Sequence[date],
    add_link: Callable[[Key, date], str] | None,
) -> Iterable[Cell]:
    for (kind, *_), run in groupby(days, lambda day: _key(unit, stops, day)):
        cell_days = list(run)
        stop = stops.get(cell_days[0])
        if stop is None:
            link = add_link(unit.id, cell_days[0]) if add_link and kind is CellKind.FREE else None
            yield Cell(kind=kind, days=cell_days, link=link)
        else:
            yield Cell(
                kind=kind,
                days=cell_days,
                stop=stop,
                begins=cell_days[0] == max(stop.days[0], days[0]),
                ends=cell_days[-1] == min(stop.days[-1], days[-1]),
                link=stop.link,
            )


def _named(cells: Iterable[Cell]) -> list[Cell]:
    """The cells, of which only the longest of every stop, the first of equal ones, is named."""
    shown = list(cells)
    longest: dict[int, Cell] = {}
    for cell in shown:
        key = id(cell.stop)
        if key not in longest or len(cell.days) > len(longest[key].days):
            longest[key] = cell
    return [cell if cell is longest[id(cell.stop)] else replace(cell, named=False) for cell in shown]


def _key(unit: DrawnUnit, stops: Mapping[date, DrawnStop], day: date) -> tuple[CellKind, int, int]:
    """What the days of one cell have in common; free days are cut at weeks, a stop goes on over them."""
    stop = stops.get(day)
    if stop is not None:
        return CellKind.STOP, id(stop), 0
    if not unit.works_on(day):
        return CellKind.OFF, 0, day.isocalendar()[1]
    return (CellKind.AWAY if unit.is_away(day) else CellKind.FREE), 0, day.isocalendar()[1]
