"""Drawings of a plan: what stands on which day, where, and how the search went."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from math import hypot
from pathlib import Path

import pytest

from mobile_units.planning.problem import Period
from mobile_units.rules.calendar import MONDAY_TO_FRIDAY
from routes.pages import drawings
from routes.pages.drawings import (
    COLOURS,
    CURVE_HEIGHT,
    CURVE_WIDTH,
    RIM,
    Cell,
    CellKind,
    DrawnSite,
    DrawnStop,
    DrawnUnit,
    Span,
    StopState,
)
from tests.planning.sample import sample_problem
from tests.routes.pages.test_style import contrast, palettes

MONDAY = date(2027, 3, 8)
SUNDAY = date(2027, 3, 14)
EASTER_MONDAY = date(2027, 3, 29)
LODZ, WIELUN, KUTNO = (51.77, 19.46), (51.22, 18.57), (52.23, 19.36)


def unit(key: int = 1, *, away: Sequence[Period] = (), weekdays: frozenset[int] = MONDAY_TO_FRIDAY) -> DrawnUnit:
    """A unit from Łódź."""
    return DrawnUnit(
        id=key, name=f"Mammobus {key}", latitude=LODZ[0], longitude=LODZ[1], weekdays=weekdays, unavailable=away
    )


def site(key: int, place: tuple[float, float] = WIELUN, women: int = 100, *, estimated: bool = False) -> DrawnSite:
    """A site where women are due."""
    return DrawnSite(
        id=key, name=f"Miejsce {key}", latitude=place[0], longitude=place[1], women_due=women, estimated=estimated
    )


def stop(
    *days: date, unit_id: int = 1, site_id: int = 1, women: int = 60, state: StopState = StopState.FREE
) -> DrawnStop:
    """A stop on these days."""
    return DrawnStop(
        unit_id=unit_id, site_id=site_id, place="Wieluń", days=days, women=women, state=state, link=f"/stops/{site_id}"
    )


def days_from(first: date, count: int) -> list[date]:
    """Days in a row."""
    return [first + timedelta(days=n) for n in range(count)]


def told(cells: Sequence[Cell]) -> list[tuple[str, int]]:
    """The kinds of cells, and over how many days they go."""
    return [(cell.kind.value, len(cell.days)) for cell in cells]


# the timeline


def test_a_stop_goes_on_after_the_days_off() -> None:
    """From Thursday to Tuesday: a cell before the weekend and one after it, of which the first one begins."""
    days = [MONDAY + timedelta(days=n) for n in (3, 4, 7, 8)]
    drawn = drawings.timeline([unit()], MONDAY, MONDAY + timedelta(days=13), [stop(*days)])
    [cells] = drawn.rows[0].lanes
    assert told(cells) == [("free", 3), ("stop", 2), ("off", 2), ("stop", 2), ("free", 3), ("off", 2)]
    before, after = cells[1], cells[3]
    assert [(cell.begins, cell.ends) for cell in (before, after)] == [(True, False), (False, True)]
    assert before.link == after.link == "/stops/1"
    assert [cell.monday for cell in cells] == [True, False, False, True, False, False]


def test_every_day_of_every_lane_is_shown_once() -> None:
    """In a quarter of three units the cells follow each other without a gap."""
    problem = sample_problem()
    units = drawings.drawn_units(problem.units)
    drawn = drawings.timeline(units, problem.first_day, problem.last_day, [stop(MONDAY), stop(SUNDAY, unit_id=2)])
    assert (len(drawn.rows), len(drawn.columns)) == (3, 90)
    for row in drawn.rows:
        for lane in row.lanes:
            assert [day for cell in lane for day in cell.days] == [column.day for column in drawn.columns]


def test_days_off_and_unavailability_are_told_apart() -> None:
    """A holiday is a day off of everybody; a unit that is away would work otherwise."""
    away = Period(EASTER_MONDAY + timedelta(days=1), EASTER_MONDAY + timedelta(days=2))
    [row] = drawings.timeline([unit(away=[away])], EASTER_MONDAY, EASTER_MONDAY + timedelta(days=6), []).rows
    assert told(row.lanes[0]) == [("off", 1), ("away", 2), ("free", 2), ("off", 2)]


def test_a_unit_that_works_on_saturdays_is_free_then() -> None:
    """What is a day off depends on the unit; the heading follows the calendar."""
    drawn = drawings.timeline([unit(weekdays=MONDAY_TO_FRIDAY | {6})], MONDAY, SUNDAY, [])
    assert told(drawn.rows[0].lanes[0]) == [("free", 6), ("off", 1)]
    assert [column.off for column in drawn.columns] == [False] * 5 + [True] * 2


def test_free_days_are_cut_at_weeks_and_lead_to_adding_a_stop() -> None:
    """Each week has its own free days, and the link names the first of them."""
    units = [unit(weekdays=frozenset(range(1, 8)))]
    drawn = drawings.timeline(
        units, MONDAY, SUNDAY + timedelta(days=1), [stop(MONDAY)], add_link=lambda key, day: f"/add/{key}/{day}"
    )
    assert [cell.link for cell in drawn.rows[0].lanes[0]] == [
        "/stops/1", "/add/1/2027-03-09", "/add/1/2027-03-15",
    ]  # fmt: skip


def test_overlapping_stops_get_lanes_of_their_own() -> None:
    """Both are seen, though a unit cannot be in two places at once."""
    both = [stop(MONDAY, MONDAY + timedelta(days=1)), stop(MONDAY + timedelta(days=1), site_id=2)]
    [row] = drawings.timeline([unit()], MONDAY, SUNDAY, both).rows
    shown = [[cell.stop.site_id for cell in lane if cell.stop] for lane in row.lanes]
    assert shown == [[1], [2]]
    assert (row.stops, row.women) == (2, 120)


def test_stops_day_after_day_stay_apart() -> None:
    """Two stops without a free day between them are two cells."""
    both = [stop(MONDAY), stop(MONDAY + timedelta(days=1), site_id=2)]
    [row] = drawings.timeline([unit()], MONDAY, SUNDAY, both).rows
    assert told(row.lanes[0])[:3] == [("stop", 1), ("stop", 1), ("free", 3)]


def test_a_stop_that_reaches_beyond_the_period_is_cut() -> None:
    """What of it lies within is shown, and still begins there."""
    whole = stop(*days_from(MONDAY - timedelta(days=1), 3))
    [row] = drawings.timeline([unit()], MONDAY, SUNDAY, [whole, stop(MONDAY - timedelta(days=9), site_id=2)]).rows
    [first, *_] = row.lanes[0]
    assert (first.days, first.begins, first.ends, row.stops) == ([MONDAY, MONDAY + timedelta(days=1)], True, True, 1)


def test_headings_name_months_weeks_and_days() -> None:
    """Months and ISO weeks with how many days of them are shown; today and holidays are marked."""
    first = date(2027, 3, 27)
    drawn = drawings.timeline([unit()], first, date(2027, 4, 2), [], today=date(2027, 4, 1))
    assert drawn.months == [Span(first, 5), Span(date(2027, 4, 1), 2)]
    assert drawn.weeks == [Span(first, 2), Span(EASTER_MONDAY, 5)]
    assert [column.day.day for column in drawn.columns if column.off] == [27, 28, 29]
    assert [column.day for column in drawn.columns if column.today] == [date(2027, 4, 1)]
    assert drawn.columns[2].holiday == "Poniedziałek Wielkanocny"
    assert (drawn.first_day, drawn.last_day) == (first, date(2027, 4, 2))


def test_what_is_explained_is_what_is_shown() -> None:
    """The states that occur, how many stops there are and how many of them have violations; strangers are left out."""
    wrong = DrawnStop(unit_id=1, site_id=3, place="x", days=[SUNDAY], women=1, wrong=["Niedziela."])
    stops = [stop(MONDAY, state=StopState.PUBLISHED), wrong, stop(MONDAY, unit_id=9, state=StopState.CHANGED)]
    drawn = drawings.timeline([unit()], MONDAY, SUNDAY, stops)
    assert (drawn.stops, drawn.states, drawn.wrong) == (2, [StopState.FREE, StopState.PUBLISHED], 1)


def test_colours_of_units_come_again() -> None:
    """The ninth unit has the colour of the first; codes are added by key."""
    problem = sample_problem()
    units = drawings.drawn_units(problem.units * 3, {1: "MB1"})
    assert [each.colour for each in units] == [0, 1, 2, 3, 4, 5, 6, 7, 0]
    assert [each.code for each in units[:2]] == ["MB1", ""]


# the map


def test_the_map_keeps_distances() -> None:
    """The scale says how far two places are from each other, within one percent."""
    drawn = drawings.site_map([site(1), site(2, KUTNO)], [unit()], [])
    assert drawn is not None
    one, other = drawn.unserved
    kilometres = hypot(one.x - other.x, one.y - other.y) / drawn.scale * drawn.scale_km
    assert kilometres == pytest.approx(124.8, rel=0.01)
    assert drawn.scale <= drawn.width / 4


def test_north_is_up_and_east_is_right() -> None:
    """Kutno lies north of Łódź, Wieluń south-west of it, all of them within the drawing."""
    drawn = drawings.site_map([site(1), site(2, KUTNO)], [unit()], [])
    assert drawn is not None
    wielun, kutno = drawn.unserved
    [lodz] = drawn.bases
    assert kutno.y < lodz.y < wielun.y
    assert wielun.x < lodz.x
    for place in (wielun, kutno, lodz):
        assert 0 < place.x < drawn.width
        assert 0 < place.y < drawn.height


def test_the_real_region_is_drawn_whole() -> None:
    """All 189 places of Łódzkie are on the map, and it is neither a stripe nor too high."""
    problem = sample_problem()
    drawn = drawings.site_map(drawings.drawn_sites(problem.sites, [1, 2]), drawings.drawn_units(problem.units), [])
    assert drawn is not None
    assert (len(drawn.unserved), len(drawn.served), drawn.estimated) == (len(problem.sites), 0, 2)
    assert 400 < drawn.width <= drawings.MAP_WIDTH
    assert 400 < drawn.height <= drawings.MAP_HEIGHT_AT_MOST


def test_a_tour_goes_from_the_base_in_order_of_time_and_home() -> None:
    """From stop to stop by their first days, whatever the order in which they are given."""
    stops = [stop(SUNDAY, site_id=2), stop(MONDAY, site_id=1)]
    drawn = drawings.site_map([site(1), site(2, KUTNO)], [unit(), unit(2)], stops)
    assert drawn is not None
    [tour] = drawn.tours
    base, at = drawn.bases[0], {place.site.id: place for place in drawn.served}
    way = [(base.x, base.y), (at[1].x, at[1].y), (at[2].x, at[2].y), (base.x, base.y)]
    assert tour.points == " ".join(f"{x:g},{y:g}" for x, y in way)
    assert (tour.stops, tour.women) == (2, 120)


def test_signs_grow_with_the_women_reached() -> None:
    """Four times the women, less than four times the radius; several stops at one site add up; left out is smallest."""
    stops = [stop(MONDAY, site_id=1, women=40), stop(SUNDAY, site_id=1, women=40), stop(MONDAY, site_id=2, women=20)]
    drawn = drawings.site_map([site(1), site(2, KUTNO), site(3, LODZ)], [unit()], stops)
    assert drawn is not None
    larger, smaller = drawn.served
    assert (larger.women, larger.days, smaller.women) == (80, [MONDAY, SUNDAY], 20)
    assert larger.r > smaller.r > drawn.unserved[0].r
    crowd = [site(key, (51 + key / 500, 19)) for key in range(400)]
    crowded = drawings.site_map(crowd, [unit()], [stop(MONDAY, site_id=key) for key in range(400)])
    assert crowded is not None
    assert crowded.served[0].r < larger.r


def test_names_on_the_map_hide_no_other_name() -> None:
    """Of two places side by side the larger is named, one below them, too, and at the right edge to the left of it."""
    near = [site(1, (51.0, 19.0)), site(2, (51.001, 19.001)), site(3, (52.0, 21.0)), site(4, (50.5, 19.0))]
    stops = [stop(MONDAY, site_id=key, women=10 * key) for key in (1, 2, 3, 4)]
    drawn = drawings.site_map(near, [unit()], stops)
    assert drawn is not None
    assert [(label.name, label.anchor) for label in drawn.labels] == [
        ("Miejsce 4", "start"), ("Miejsce 3", "end"), ("Miejsce 2", "start"),
    ]  # fmt: skip


def test_one_place_can_be_shown_and_none_is_nothing() -> None:
    """A single point has a map with a scale; without any there is none."""
    assert drawings.site_map([], [], []) is None
    drawn = drawings.site_map([site(1, LODZ)], [unit()], [])
    assert drawn is not None
    assert drawn.scale > 0


# the curve


def test_the_curve_rises_in_steps_from_the_first_plan() -> None:
    """It begins at the left below and ends above; between two plans the value stays."""
    drawn = drawings.curve([[8.0, 100.0], [10.0, 150.0], [12.0, 200.0]], 8)
    assert drawn is not None
    points = [tuple(map(float, point.split(","))) for point in drawn.points.split()]
    low, high, half = CURVE_HEIGHT - RIM, RIM, CURVE_WIDTH / 2
    quarter = RIM + (CURVE_WIDTH - 2 * RIM) / 4
    assert points == [
        (RIM, low),
        (quarter, low),
        (quarter, low / 2 + high / 2),
        (half, low / 2 + high / 2),
        (half, high),
    ]
    assert (drawn.lowest, drawn.highest, drawn.seconds) == (100.0, 200.0, 4.0)


def test_a_curve_needs_two_points() -> None:
    """One plan is no curve, and a value that stays the same is a straight line."""
    assert drawings.curve([], 8) is None
    assert drawings.curve([[1.0, 5.0]], 8) is None
    assert drawings.curve([[1.0, 5.0], [2.0, 5.0]], 8) is not None


# colours


def test_colours_of_units_can_be_told_from_the_ground() -> None:
    """Each has a contrast of 4.5 with the surface, which is also the colour of the text on it, in light and dark."""
    sheet = (Path(__file__).parents[3] / "routes" / "static" / "planning.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)
    for ground, block in zip(palettes(), blocks, strict=True):
        colours = dict(re.findall(r"--(u[0-9]|wrong): (#[0-9a-f]{6});", block))
        assert len(colours) == COLOURS + 1
        assert min(contrast(colour, ground["surface"]) for colour in colours.values()) >= 4.5


def test_every_kind_of_cell_and_state_has_its_look() -> None:
    """The style sheet knows every class that the timeline uses."""
    sheet = (Path(__file__).parents[3] / "routes" / "static" / "planning.css").read_text()
    for word in (*CellKind, *StopState):
        if word not in {CellKind.STOP, StopState.FREE}:
            assert f".{word.value}" in sheet
