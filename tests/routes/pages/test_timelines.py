"""The timeline of a plan: what stands on which day."""

from collections.abc import Sequence
from datetime import date, timedelta

from mobile_units.planning.problem import Period
from mobile_units.rules.calendar import MONDAY_TO_FRIDAY
from routes.pages.drawn import DrawnStop, StopState, drawn_units
from routes.pages.timelines import Cell, Span, timeline
from tests.planning.sample import sample_problem
from tests.routes.pages.drawn import MONDAY, SUNDAY, stop, unit

EASTER_MONDAY = date(2027, 3, 29)


def days_from(first: date, count: int) -> list[date]:
    """Days in a row."""
    return [first + timedelta(days=n) for n in range(count)]


def told(cells: Sequence[Cell]) -> list[tuple[str, int]]:
    """The kinds of cells, and over how many days they go."""
    return [(cell.kind.value, len(cell.days)) for cell in cells]


def test_a_stop_goes_on_after_the_days_off() -> None:
    """From Thursday to Tuesday: a cell before the weekend and one after it, of which the first one begins."""
    days = [MONDAY + timedelta(days=n) for n in (3, 4, 7, 8)]
    drawn = timeline([unit()], MONDAY, MONDAY + timedelta(days=13), [stop(*days)])
    [cells] = drawn.rows[0].lanes
    assert told(cells) == [("free", 3), ("stop", 2), ("off", 2), ("stop", 2), ("free", 3), ("off", 2)]
    before, after = cells[1], cells[3]
    assert [(cell.begins, cell.ends) for cell in (before, after)] == [(True, False), (False, True)]
    assert before.link == after.link == "/stops/1"
    assert [cell.monday for cell in cells] == [True, False, False, True, False, False]


def test_every_day_of_every_lane_is_shown_once() -> None:
    """In a quarter of three units the cells follow each other without a gap."""
    problem = sample_problem()
    units = drawn_units(problem.units)
    drawn = timeline(units, problem.first_day, problem.last_day, [stop(MONDAY), stop(SUNDAY, unit_id=2)])
    assert (len(drawn.rows), len(drawn.columns)) == (3, 90)
    for row in drawn.rows:
        for lane in row.lanes:
            assert [day for cell in lane for day in cell.days] == [column.day for column in drawn.columns]


def test_days_off_and_unavailability_are_told_apart() -> None:
    """A holiday is a day off of everybody; a unit that is away would work otherwise."""
    away = Period(EASTER_MONDAY + timedelta(days=1), EASTER_MONDAY + timedelta(days=2))
    [row] = timeline([unit(away=[away])], EASTER_MONDAY, EASTER_MONDAY + timedelta(days=6), []).rows
    assert told(row.lanes[0]) == [("off", 1), ("away", 2), ("free", 2), ("off", 2)]


def test_a_unit_that_works_on_saturdays_is_free_then() -> None:
    """What is a day off depends on the unit; the heading follows the calendar."""
    drawn = timeline([unit(weekdays=MONDAY_TO_FRIDAY | {6})], MONDAY, SUNDAY, [])
    assert told(drawn.rows[0].lanes[0]) == [("free", 6), ("off", 1)]
    assert [column.off for column in drawn.columns] == [False] * 5 + [True] * 2


def test_free_days_are_cut_at_weeks_and_lead_to_adding_a_stop() -> None:
    """Each week has its own free days, and the link names the first of them."""
    units = [unit(weekdays=frozenset(range(1, 8)))]
    drawn = timeline(
        units, MONDAY, SUNDAY + timedelta(days=1), [stop(MONDAY)], add_link=lambda key, day: f"/add/{key}/{day}"
    )
    assert [cell.link for cell in drawn.rows[0].lanes[0]] == [
        "/stops/1", "/add/1/2027-03-09", "/add/1/2027-03-15",
    ]  # fmt: skip


def test_overlapping_stops_get_lanes_of_their_own() -> None:
    """Both are seen, though a unit cannot be in two places at once."""
    both = [stop(MONDAY, MONDAY + timedelta(days=1)), stop(MONDAY + timedelta(days=1), site_id=2)]
    [row] = timeline([unit()], MONDAY, SUNDAY, both).rows
    shown = [[cell.stop.site_id for cell in lane if cell.stop] for lane in row.lanes]
    assert shown == [[1], [2]]
    assert (row.stops, row.women) == (2, 120)


def test_stops_day_after_day_stay_apart() -> None:
    """Two stops without a free day between them are two cells."""
    both = [stop(MONDAY), stop(MONDAY + timedelta(days=1), site_id=2)]
    [row] = timeline([unit()], MONDAY, SUNDAY, both).rows
    assert told(row.lanes[0])[:3] == [("stop", 1), ("stop", 1), ("free", 3)]


def test_a_stop_that_reaches_beyond_the_period_is_cut() -> None:
    """What of it lies within is shown, and still begins there."""
    whole = stop(*days_from(MONDAY - timedelta(days=1), 3))
    [row] = timeline([unit()], MONDAY, SUNDAY, [whole, stop(MONDAY - timedelta(days=9), site_id=2)]).rows
    [first, *_] = row.lanes[0]
    assert (first.days, first.begins, first.ends, row.stops) == ([MONDAY, MONDAY + timedelta(days=1)], True, True, 1)


def test_headings_name_months_weeks_and_days() -> None:
    """Months and ISO weeks with how many days of them are shown; today and holidays are marked."""
    first = date(2027, 3, 27)
    drawn = timeline([unit()], first, date(2027, 4, 2), [], today=date(2027, 4, 1))
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
    drawn = timeline([unit()], MONDAY, SUNDAY, stops)
    assert (drawn.stops, drawn.states, drawn.wrong) == (2, [StopState.FREE, StopState.PUBLISHED], 1)


def test_the_longest_part_of_a_stop_has_the_name() -> None:
    """A stop from Friday to Tuesday is named after the weekend, one of equal parts in the first of them."""
    late = [MONDAY + timedelta(days=n) for n in (4, 7, 8)]
    even = [MONDAY + timedelta(days=n) for n in (3, 4, 7, 8)]
    named = []
    for days in (late, even):
        [row] = timeline([unit()], MONDAY, MONDAY + timedelta(days=13), [stop(*days)]).rows
        named.append([cell.named for cell in row.lanes[0] if cell.stop])
    assert named == [[False, True], [True, False]]


def test_stops_of_other_itineraries_are_shown_and_not_counted() -> None:
    """Their days are taken, but sums and numbers are those of the itinerary itself."""
    others = stop(MONDAY, site_id=2, state=StopState.BESIDE)
    own = stop(MONDAY + timedelta(days=1))
    drawn = timeline([unit()], MONDAY, SUNDAY, [others, own], add_link=lambda key, day: f"/add/{key}/{day}")
    [row] = drawn.rows
    assert told(row.lanes[0])[:2] == [("stop", 1), ("stop", 1)]
    assert (row.stops, row.women, drawn.stops) == (1, 60, 1)
    assert drawn.states == [StopState.FREE, StopState.BESIDE]
