"""Matrices kept in a folder by what they are about, so that the same distances are not worked out twice.

A file holds nothing but numbers and may be deleted at any time; one that cannot be read counts as missing.
"""

import hashlib
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mobile_units.planning.problem import Matrix

MOST_BYTES = 512 * 1024 * 1024
"""How much a folder may hold; what was not used for the longest time is deleted first."""
FORM = "2"
"""Goes into the names of files; another one means that the old files are of no use."""

UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading a file may raise that is missing, damaged or of another form."""

Places = Sequence[tuple[float, float]]


def name_of(places: Places, *settings: object) -> str:
    """The name under which the matrix of `places` (latitude, longitude), made with these settings, is kept."""
    return f"{_made_with(settings)}-{hashlib.sha256(np.array(places, dtype='<f8').tobytes()).hexdigest()[:32]}.npz"


def _made_with(settings: Sequence[object]) -> str:
    return hashlib.sha256(repr((FORM, *settings)).encode()).hexdigest()[:32]


def find(folder: Path, places: Places, *settings: object) -> Matrix | None:
    """The kept matrix of `places`, or that part of one of more places; None if there is none made with these settings.

    Of a part nobody knows how many pairs were estimated.
    """
    found = load(folder, name_of(places, *settings), len(places))
    return found or next(_parts(folder, places, settings), None)


def _parts(folder: Path, places: Places, settings: Sequence[object]) -> Iterator[Matrix]:
    for path in sorted(folder.glob(f"{_made_with(settings)}-*.npz"), key=_used, reverse=True):
        known = _places(path)
        kept = {place: number for number, place in enumerate(known)}
        if kept.keys() >= set(places) and (whole := load(folder, path.name, len(known))) is not None:
            wanted = np.ix_(*[[kept[place] for place in places]] * 2)
            yield Matrix(whole.kilometres[wanted], None if whole.hours is None else whole.hours[wanted])


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _places(path: Path) -> list[tuple[float, float]]:
    """The places of a kept matrix, none if they cannot be read."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return [(float(north), float(east)) for north, east in file["places"].tolist()]
    except UNREADABLE:
        return []


def load(folder: Path, name: str, places: int) -> Matrix | None:
    """The kept matrix of so many places; None if there is none, or if its file is damaged."""
    path = folder / name
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            kilometres, hours = (_checked(file[part], places) for part in ("kilometres", "hours"))
            estimated = int(file["estimated"])
    except UNREADABLE:
        return None
    with suppress(OSError):
        path.touch()
    return None if kilometres is None else Matrix(kilometres, hours, estimated)


def _checked(table: NDArray[np.float64], places: int) -> NDArray[np.float64] | None:
    """The table, None for an empty one; raises ValueError unless it is one of distances."""
    if table.size == 0 and places:
        return None
    if table.dtype != np.float64 or table.shape != (places, places) or not (np.isfinite(table) & (table >= 0)).all():
        raise ValueError("not a matrix of these places")
    return table


def save(folder: Path, name: str, matrix: Matrix, places: Places) -> None:
    """Keeps a matrix; without room or permission it is not kept, and nothing else happens."""
    hours = np.zeros((0, 0)) if matrix.hours is None else matrix.hours
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix="new-", suffix=".tmp", delete=False) as file:
            try:
                np.savez(
                    file,
                    kilometres=matrix.kilometres,
                    hours=hours,
                    estimated=np.int64(matrix.estimated),
                    places=np.array(places, dtype="<f8"),
                )
                Path(file.name).replace(folder / name)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        _make_room(folder)


def _make_room(folder: Path) -> None:
    """Deletes the files used longest ago until the others fit; what a killed process left goes with them."""
    files = [(file.stat(), file) for pattern in ("*.npz", "new-*.tmp") for file in folder.glob(pattern)]
    held = 0
    for stat, file in sorted(files, key=lambda each: each[0].st_mtime_ns, reverse=True):
        held += stat.st_size
        if held > MOST_BYTES:
            file.unlink(missing_ok=True)
