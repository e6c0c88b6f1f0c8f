"""Tours grow greedily and become dated stops."""

from datetime import date

import pytest

from mobile_units.planning.distances import road_kilometres
from mobile_units.planning.problem import PlannedStop, Problem, coordinates
from mobile_units.planning.tours import Stay, Task, dated_stops, fill, task_for, tour_kilometres
from mobile_units.rules.programmes import Programme
from tests.planning.meridian import FROM_51_TO_53, problem, site, unit


def task_of(asked: Problem) -> Task:
    """The task of all units of a problem about mammography only."""
    kilometres = road_kilometres(coordinates(asked.units, asked.sites), asked.road_factor)
    return task_for(asked, asked.units, [place.women_due[Programme.BREAST] for place in asked.sites], kilometres)


def test_stays_follow_each_other_on_the_working_days_of_the_unit() -> None:
    """Three days and two days around Independence Day and a weekend."""
    task = task_of(problem([unit(1)], [site(10, 52.0, breast=170), site(20, 53.0, breast=100)]))
    assert list(dated_stops(task, [[Stay(0, 3), Stay(1, 2)]])) == [
        PlannedStop(1, 10, (date(2026, 11, 9), date(2026, 11, 10), date(2026, 11, 12)), 170),
        PlannedStop(1, 20, (date(2026, 11, 13), date(2026, 11, 16)), 100),
    ]


def test_kilometres_begin_and_end_at_the_base() -> None:
    """Base, near place, far place, base; and nothing for a unit that stays at home."""
    task = task_of(problem([unit(1), unit(2)], [site(10, 52.0, breast=170), site(20, 53.0, breast=100)]))
    assert tour_kilometres(task, 0, [Stay(0, 3), Stay(1, 2)]) == pytest.approx(1.3 * 2 * FROM_51_TO_53, abs=0.01)
    assert tour_kilometres(task, 1, []) == 0


def test_sites_without_women_due_are_not_part_of_the_task() -> None:
    """The second site becomes the first of the task, with its own distances."""
    task = task_of(problem([unit(1)], [site(10, 52.0), site(20, 53.0, breast=100)]))
    assert [place.id for place in task.sites] == [20]
    assert task.kilometres[0, 1] == pytest.approx(1.3 * FROM_51_TO_53, abs=0.01)


def test_the_last_stay_is_cut_to_the_days_that_are_left() -> None:
    """Five days: three at the place with more women per day, two of the three that the other one needs."""
    task = task_of(problem([unit(1)], [site(10, 52.0, breast=170), site(20, 52.1, breast=165)]))
    (tour,) = fill(task, [[]])
    assert sorted(tour) == [Stay(0, 3), Stay(1, 2)]


def test_a_stay_is_put_where_it_lengthens_the_tour_least() -> None:
    """A place on the far side of the base comes before or after the tour to the north, never inside it."""
    sites = [site(10, 52.0, breast=50), site(20, 53.0, breast=50), site(30, 50.0, breast=50)]
    task = task_of(problem([unit(1)], sites))
    (tour,) = fill(task, [[Stay(0, 1), Stay(1, 1)]])
    assert len(tour) == 3
    assert tour[1].site != 2


def test_a_way_too_long_for_its_women_is_not_gone() -> None:
    """One woman is worth ten kilometres, sixty women are worth six hundred."""
    far = 1.3 * 2 * FROM_51_TO_53
    assert 500 < far < 600
    assert fill(task_of(problem([unit(1)], [site(10, 53.0, breast=50)])), [[]]) == [[]]
    assert fill(task_of(problem([unit(1)], [site(10, 53.0, breast=60)])), [[]]) == [[Stay(0, 2)]]
