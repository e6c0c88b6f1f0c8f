"""Road distances between places, estimated from their coordinates."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

EARTH = Geod(ellps="WGS84")


def road_kilometres(places: Sequence[tuple[float, float]], road_factor: float) -> NDArray[np.float64]:
    """All distances between `places` (latitude, longitude) in kilometres: a symmetric matrix in their order.

    The shortest way on the WGS84 ellipsoid is multiplied by `road_factor`, the usual ratio of roads to straight lines.
    """
    count = len(places)
    kilometres = np.zeros((count, count))
    if count < 2:
        return kilometres
    latitudes, longitudes = np.array(places, dtype=np.float64).T
    one, other = np.triu_indices(count, 1)
    _, _, metres = EARTH.inv(longitudes[one], latitudes[one], longitudes[other], latitudes[other])
    kilometres[one, other] = kilometres[other, one] = np.asarray(metres) / 1000 * road_factor
    return kilometres
