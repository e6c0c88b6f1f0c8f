"""Road distances."""

import numpy as np
import pytest

from mobile_units.planning.distances import road_kilometres
from tests.planning.meridian import FROM_51_TO_52, FROM_51_TO_53


def test_distances_are_those_of_the_ellipsoid_times_the_road_factor() -> None:
    """Worked out by hand from the length of a degree of latitude."""
    km = road_kilometres([(51.0, 19.0), (52.0, 19.0), (53.0, 19.0)], 1.3)
    assert km[0, 1] == pytest.approx(1.3 * FROM_51_TO_52, abs=0.01)
    assert km[0, 2] == pytest.approx(1.3 * FROM_51_TO_53, abs=0.01)


def test_latitude_comes_first() -> None:
    """A degree of longitude is much shorter than a degree of latitude in Poland."""
    km = road_kilometres([(52.0, 19.0), (52.0, 20.0)], 1.0)
    assert km[0, 1] == pytest.approx(68.68, abs=0.01)


def test_the_matrix_is_symmetric_with_nothing_on_its_diagonal() -> None:
    """Roads are taken to be equally long both ways."""
    km = road_kilometres([(51.0, 19.0), (52.3, 20.1), (50.2, 18.4), (53.9, 22.0)], 1.3)
    assert np.array_equal(km, km.T)
    assert not km.diagonal().any()
    assert (km + np.eye(4) > 0).all()


@pytest.mark.parametrize("places", [[], [(51.0, 19.0)]])
def test_fewer_than_two_places_have_no_distances(places: list[tuple[float, float]]) -> None:
    """The matrix still has a row for each place."""
    assert road_kilometres(places, 1.3).tolist() == [[0.0]] * len(places)
