"""Road distances between places: estimated from their coordinates, or asked of a service that knows the roads."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from mobile_units.planning import matrices
from mobile_units.planning.osrm import Osrm, road_tables
from mobile_units.planning.problem import Distances, Matrix, Problem, Roads, coordinates

EARTH = Geod(ellps="WGS84")
STRIP = 64
"""Rows that a thread works out at a time."""


def road_kilometres(places: Sequence[tuple[float, float]], road_factor: float) -> NDArray[np.float64]:
    """All distances between `places` (latitude, longitude) in kilometres: a symmetric matrix in their order.

    The shortest way on the WGS84 ellipsoid is multiplied by `road_factor`, the usual ratio of roads to straight lines.
    """
    count = len(places)
    kilometres = np.zeros((count, count))
    latitudes, longitudes = np.array(places, dtype=np.float64).reshape(count, 2).T

    def work_out(first: int) -> None:
        for one in range(first, min(first + STRIP, count - 1)):
            others = slice(one + 1, count)
            here = np.full(count - one - 1, longitudes[one]), np.full(count - one - 1, latitudes[one])
            _, _, metres = EARTH.inv(*here, longitudes[others], latitudes[others], return_back_azimuth=False)
            kilometres[one, others] = kilometres[others, one] = metres / 1000 * road_factor

    with ThreadPoolExecutor(os.cpu_count()) as threads:  # PROJ lets go of the interpreter while it works
        list(threads.map(work_out, range(0, count, STRIP)))
    return kilometres


def matrix_for(problem: Problem, service: Osrm | None = None, folder: Path | None = None) -> Matrix:
    """The roads between all bases and sites of a problem; its own matrix if it brings one.

    They are asked of `service`, or estimated where there is none. Where the service knows no road, kilometres and hours
    are estimated too, and `Matrix.estimated` counts these pairs. What was worked out is kept in `folder`. A service is
    asked over the network, so no transaction may be open.

    Raises:
        DomainError: as `road_tables`; a matrix is whole or there is none.
    """
    if problem.matrix is not None:
        return problem.matrix
    places, roads = coordinates(problem.units, problem.sites), problem.roads
    make = partial(_estimate, places, roads) if service is None else partial(_measure, places, roads, service)
    return make() if folder is None else _kept(folder, places, _settings(roads, service), make)


def kept_matrix(problem: Problem, service: Osrm, folder: Path) -> Matrix | None:
    """What `matrix_for` was told by the service about the places of a problem, or about these and others.

    None where it was never asked about one of them; nobody is asked now.
    """
    return matrices.find(folder, coordinates(problem.units, problem.sites), *_settings(problem.roads, service))


def _settings(roads: Roads, service: Osrm | None) -> tuple[object, ...]:
    """What a matrix depends on beside the places."""
    if service is None:
        return "estimate", roads.road_factor
    return "osrm", service.url, service.profile, roads.road_factor, roads.speed_kmh


def distances_from(url: str | None, table_size: int, folder: Path) -> Distances:
    """`matrix_for` as an installation is configured: with the OSRM service at `url`, if any, kept in `folder`."""
    service = None if url is None else Osrm(url=url, table_size=table_size)
    return partial(matrix_for, service=service, folder=folder)


def _kept(folder: Path, places: matrices.Places, settings: tuple[object, ...], make: Callable[[], Matrix]) -> Matrix:
    name = matrices.name_of(places, *settings)
    found = matrices.load(folder, name, len(places))
    if found is None:
        found = make()
        matrices.save(folder, name, found, places)
    return found


def _estimate(places: Sequence[tuple[float, float]], roads: Roads) -> Matrix:
    return Matrix(road_kilometres(places, roads.road_factor))


def _measure(places: Sequence[tuple[float, float]], roads: Roads, service: Osrm) -> Matrix:
    """What the service knows, completed by estimates; a pair without either figure takes both from them."""
    tables = road_tables(places, service)
    unknown = np.isnan(tables.kilometres) | np.isnan(tables.hours)
    if unknown.any():
        kilometres = road_kilometres(places, roads.road_factor)[unknown]
        tables.kilometres[unknown], tables.hours[unknown] = kilometres, kilometres / roads.speed_kmh
    return Matrix(tables.kilometres, tables.hours, int(unknown.sum()))
