"""The map of a plan: what is where, and how the units drive."""

from math import hypot

import pytest

from routes.pages.drawn import drawn_sites, drawn_units
from routes.pages.maps import GAP, LETTER, LINE, MAP_HEIGHT_AT_MOST, MAP_WIDTH, site_map
from tests.planning.sample import sample_problem
from tests.routes.pages.drawn import KUTNO, LODZ, MONDAY, SUNDAY, site, stop, unit


def test_the_map_keeps_distances() -> None:
    """The scale says how far two places are from each other, within one percent."""
    drawn = site_map([site(1), site(2, KUTNO)], [unit()], [])
    assert drawn is not None
    one, other = drawn.unserved
    kilometres = hypot(one.x - other.x, one.y - other.y) / drawn.scale * drawn.scale_km
    assert kilometres == pytest.approx(124.8, rel=0.01)
    assert drawn.scale <= drawn.width / 4


def test_north_is_up_and_east_is_right() -> None:
    """Kutno lies north of Łódź, Wieluń south-west of it, all of them within the drawing."""
    drawn = site_map([site(1), site(2, KUTNO)], [unit()], [])
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
    drawn = site_map(drawn_sites(problem.sites, [1, 2]), drawn_units(problem.units), [])
    assert drawn is not None
    assert (len(drawn.unserved), len(drawn.served), drawn.estimated) == (len(problem.sites), 0, 2)
    assert 400 < drawn.width <= MAP_WIDTH
    assert 400 < drawn.height <= MAP_HEIGHT_AT_MOST


def test_a_tour_goes_from_the_base_in_order_of_time_and_home() -> None:
    """From stop to stop by their first days, whatever the order in which they are given."""
    stops = [stop(SUNDAY, site_id=2), stop(MONDAY, site_id=1)]
    drawn = site_map([site(1), site(2, KUTNO)], [unit(), unit(2)], stops)
    assert drawn is not None
    [tour] = drawn.tours
    base, at = drawn.bases[0], {place.site.id: place for place in drawn.served}
    way = [(base.x, base.y), (at[1].x, at[1].y), (at[2].x, at[2].y), (base.x, base.y)]
    assert tour.points == " ".join(f"{x:g},{y:g}" for x, y in way)
    assert (tour.stops, tour.women) == (2, 120)


def test_signs_grow_with_the_women_reached() -> None:
    """Four times the women, less than four times the radius; several stops at one site add up; left out is smallest."""
    stops = [stop(MONDAY, site_id=1, women=40), stop(SUNDAY, site_id=1, women=40), stop(MONDAY, site_id=2, women=20)]
    drawn = site_map([site(1), site(2, KUTNO), site(3, LODZ)], [unit()], stops)
    assert drawn is not None
    larger, smaller = drawn.served
    assert (larger.women, larger.days, smaller.women) == (80, [MONDAY, SUNDAY], 20)
    assert larger.r > smaller.r > drawn.unserved[0].r
    crowd = [site(key, (51 + key / 500, 19)) for key in range(400)]
    crowded = site_map(crowd, [unit()], [stop(MONDAY, site_id=key) for key in range(400)])
    assert crowded is not None
    assert crowded.served[0].r < larger.r


def test_names_on_the_map_hide_no_other_name() -> None:
    """Of two places side by side the larger is named, one below them, too, and at the right edge to the left of it."""
    near = [site(1, (51.0, 19.0)), site(2, (51.001, 19.001)), site(3, (52.0, 21.0)), site(4, (50.5, 19.0))]
    stops = [stop(MONDAY, site_id=key, women=10 * key) for key in (1, 2, 3, 4)]
    drawn = site_map(near, [unit()], stops)
    assert drawn is not None
    assert [(label.name, label.anchor) for label in drawn.labels] == [
        ("Miejsce 4", "start"), ("Miejsce 3", "end"), ("Miejsce 2", "start"),
    ]  # fmt: skip


def test_one_place_can_be_shown_and_none_is_nothing() -> None:
    """A single point has a map with a scale; without any there is none."""
    assert site_map([], [], []) is None
    drawn = site_map([site(1, LODZ)], [unit()], [])
    assert drawn is not None
    assert drawn.scale > 0


def test_names_on_the_map_hide_no_sign() -> None:
    """A name stands on the side of its place where no other place is."""
    beside = [site(1, (51.0, 19.0)), site(2, (51.0, 19.4)), site(3, (51.0, 20.6)), site(4, (53.0, 19.0))]
    stops = [stop(MONDAY, site_id=key, women=women) for key, women in ((1, 10), (2, 90), (3, 20), (4, 5))]
    drawn = site_map(beside, [unit()], stops)
    assert drawn is not None
    signs = [(place.x, place.y, place.r) for place in drawn.served]
    assert drawn.labels
    for label in drawn.labels:
        left = label.x if label.anchor == "start" else label.x - LETTER * len(label.name)
        right = left + LETTER * len(label.name)
        for x, y, r in signs:
            apart = right <= x - r + GAP / 4 or left >= x + r - GAP / 4
            assert apart or abs(label.y - 4 - y) >= r + LINE / 2 - 0.1
