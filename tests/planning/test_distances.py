"""Road distances: of the ellipsoid, and of a service that knows the roads; each is kept for the next time."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs

import numpy as np
import pytest
from geopy.distance import geodesic

from mobile_units.errors import DomainError
from mobile_units.planning import matrices
from mobile_units.planning.distances import distances_from, kept_matrix, matrix_for, road_kilometres
from mobile_units.planning.http import Patience
from mobile_units.planning.osrm import Osrm
from mobile_units.planning.problem import Matrix, PlanningSite, PlanningUnit, Problem, Roads
from mobile_units.rules.programmes import Programme
from tests.planning.meridian import FROM_51_TO_52, FROM_51_TO_53
from tests.stand_in import Reply, refusing_address, serving

IMPATIENT = Patience(connect_seconds=1.0, read_seconds=0.3, most_bytes=100_000)
BREAST = {Programme.BREAST: 40}


def problem(*places: tuple[float, float], roads: Roads | None = None) -> Problem:
    """One unit based at the first place, and a site at each of the others."""
    (latitude, longitude), *others = places
    unit = PlanningUnit(
        id="U",
        name="U",
        latitude=latitude,
        longitude=longitude,
        women_per_day=BREAST,
        women_on_first_day=BREAST,
        weekdays=frozenset({1}),
    )
    sites = tuple(
        PlanningSite(id=number, name="S", latitude=north, longitude=east, women_due={Programme.BREAST: 10})
        for number, (north, east) in enumerate(others)
    )
    days = date(2027, 1, 4), date(2027, 1, 8)
    return Problem(first_day=days[0], last_day=days[1], units=(unit,), sites=sites, roads=roads or Roads())


SOME = [(51.0 + n / 10, 19.0 + n / 7) for n in range(5)]


# the ellipsoid


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


def test_many_places_are_worked_out_as_few_are() -> None:
    """The work is divided among threads; every pair is where it belongs, as another library measures it."""
    random = np.random.default_rng(1)
    places = list(zip(random.uniform(49, 54.8, 200).tolist(), random.uniform(14.2, 24.1, 200).tolist(), strict=True))
    km = road_kilometres(places, 1.0)
    for one, other in random.integers(0, 200, (100, 2)):
        assert km[one, other] == pytest.approx(geodesic(places[one], places[other]).km, abs=1e-6)


def test_the_country_takes_seconds() -> None:
    """100 bases and 2,477 sites: every pair of them."""
    random = np.random.default_rng(1)
    places = list(zip(random.uniform(49, 54.8, 2577).tolist(), random.uniform(14.2, 24.1, 2577).tolist(), strict=True))
    begun = time.monotonic()
    km = road_kilometres(places, 1.3)
    assert time.monotonic() - begun < 15
    assert (km[~np.eye(2577, dtype=bool)] > 0).all()


# where a matrix comes from


def test_without_a_service_distances_are_estimated() -> None:
    """Hours follow from kilometres elsewhere."""
    asked = problem(*SOME, roads=Roads(road_factor=1.5))
    made = matrix_for(asked)
    assert np.array_equal(made.kilometres, road_kilometres(SOME, 1.5))
    assert (made.hours, made.estimated) == (None, 0)


def test_a_problem_may_bring_its_own_matrix() -> None:
    """Nobody is asked then."""
    own = Matrix(np.ones((5, 5)))
    assert matrix_for(replace(problem(*SOME), matrix=own), Osrm(url=refusing_address())) is own


# the service of roads


def indices(asked: SplitResult, name: str) -> list[int]:
    """The positions that a parameter of the question lists."""
    return [int(each) for each in parse_qs(asked.query, separator="&")[name][0].split(";")]


def metres(start: tuple[float, float], end: tuple[float, float]) -> float:
    """What the stand-in takes for the road: another length there than back."""
    return round(abs(end[0] - start[0]) * 111_000 + abs(end[1] - start[1]) * 70_000 + 10 * (end[0] > start[0]), 1)


def osrm(asked: SplitResult) -> Reply:
    """Answers as OSRM does, with a table of at most 2 times 2."""
    version, profile, coordinates = asked.path.removeprefix("/osrm").removeprefix("/table/").split("/")
    assert (version, profile) == ("v1", "driving")
    assert parse_qs(asked.query)["annotations"] == ["duration,distance"]
    places = [(float(north), float(east)) for east, north in (pair.split(",") for pair in coordinates.split(";"))]
    sources, destinations = indices(asked, "sources"), indices(asked, "destinations")
    if len(sources) * len(destinations) > 4:
        return Reply({"code": "TooBig", "message": "Too many table coordinates"}, 400)
    distances = [[metres(places[start], places[end]) for end in destinations] for start in sources]
    durations = [[each / 20 for each in row] for row in distances]
    return Reply({"code": "Ok", "distances": distances, "durations": durations, "sources": [], "destinations": []})


def changed(change: Callable[[dict[str, Any]], object]) -> Callable[[SplitResult], Reply]:
    """The right answer with one change."""

    def answer(asked: SplitResult) -> Reply:
        content = osrm(asked).content
        change(content)
        return Reply(content)

    return answer


def test_roads_are_asked_of_the_service_in_tables_that_it_takes() -> None:
    """Five places in tables of two: nine questions, each pair where it belongs and in its own direction."""
    with serving(osrm) as service:
        made = matrix_for(problem(*SOME), Osrm(url=service.url + "/osrm/", table_size=2))
    assert len(service.asked) == 9
    rounded = [(round(north, 6), round(east, 6)) for north, east in SOME]
    expected = np.array([[metres(start, end) for end in rounded] for start in rounded]) / 1000
    assert np.allclose(made.kilometres, expected)
    assert not np.allclose(made.kilometres, made.kilometres.T)
    assert made.hours is not None
    assert np.allclose(made.hours, expected * 1000 / 20 / 3600)
    assert made.estimated == 0


def test_where_no_road_leads_is_estimated_and_counted() -> None:
    """An island is reached as the crow flies; both figures are estimated where one is missing."""

    def cut_off(content: dict[str, Any]) -> None:
        content["distances"][0][1] = None
        content["distances"][1][1] = content["durations"][1][1] = 7
        content["durations"][1][0] = None

    with serving(changed(cut_off)) as service:
        asked = problem(*SOME[:2], roads=Roads(road_factor=1.4, speed_kmh=40))
        made = matrix_for(asked, Osrm(url=service.url, table_size=2))
    km = road_kilometres(SOME[:2], 1.4)
    assert np.allclose(made.kilometres, km)
    assert made.hours is not None
    assert np.allclose(made.hours, km / 40)
    assert made.estimated == 2


BAD: dict[str, tuple[Callable[[SplitResult], Reply], str]] = {
    "nothing": (lambda _: Reply(b""), "no JSON object"),
    "a page": (lambda _: Reply(b"<html>login</html>"), "no JSON object"),
    "nested without end": (lambda _: Reply(b"[" * 90_000), "no JSON object"),
    "a list": (lambda _: Reply([]), "no JSON object"),
    "another place": (lambda _: Reply(b"", 302, {"Location": "http://127.0.0.1:1/"}), "HTTP 302"),
    "too big": (lambda _: Reply({"code": "TooBig", "message": "<b>"}, 400), "HTTP 400, TooBig"),
    "a hostile code": (lambda _: Reply({"code": "<script>"}, 400), "HTTP 400"),
    "not Ok": (lambda _: Reply({"code": "NoTable"}), "HTTP 200, NoTable"),
    "no distances": (changed(lambda answer: answer.pop("distances")), "distances: expected 2 rows"),
    "too few rows": (changed(lambda answer: answer["durations"].pop()), "durations: expected 2 rows"),
    "a short row": (changed(lambda answer: answer["distances"][1].pop()), "distances: expected 2 columns"),
    "a row that is none": (changed(lambda answer: answer["distances"].__setitem__(0, 7)), "expected 2 columns"),
    "text": (changed(lambda answer: answer["distances"][0].__setitem__(1, "1")), "a cell is no number"),
    "truth": (changed(lambda answer: answer["distances"][0].__setitem__(1, True)), "a cell is no number"),
    "less than nothing": (changed(lambda answer: answer["durations"][0].__setitem__(1, -1)), "a cell is no number"),
    "not a number": (changed(lambda answer: answer["durations"][0].__setitem__(1, math.nan)), "a cell is no number"),
    "infinity": (changed(lambda answer: answer["durations"][0].__setitem__(1, math.inf)), "a cell is no number"),
    "without end": (lambda _: Reply(b"[" + b"1," * 60_000), "more than 100000 bytes"),
}


@pytest.mark.parametrize(("answer", "reason"), BAD.values(), ids=BAD)
def test_an_answer_that_cannot_be_used_is_refused(
    answer: Callable[[SplitResult], Reply], reason: str, tmp_path: Path
) -> None:
    """Its reason is named without what the service sent; there is never half a matrix, and nothing is kept."""
    with serving(answer) as service, pytest.raises(DomainError) as refused:
        matrix_for(problem(*SOME[:2]), Osrm(url=service.url, table_size=2, patience=IMPATIENT), tmp_path)
    assert refused.value.code == "road_service_answer"
    assert reason in refused.value.facts["reason"]
    assert "<" not in refused.value.sentence("pl")
    assert "MOBILE_UNITS_OSRM_URL" in refused.value.way_out("en")
    assert list(tmp_path.iterdir()) == []


def dripping(_: SplitResult) -> Reply:
    """Sends a byte now and then, for ever."""
    return Reply(b" " * 50_000, drip=0.05)


def broken_off(_: SplitResult) -> Reply:
    """Promises more than it sends."""
    return Reply(b"{", headers={"Content-Length": "50", "Connection": "close"})


@pytest.mark.parametrize("answer", [dripping, broken_off])
def test_an_answer_that_does_not_end_in_time_is_given_up(answer: Callable[[SplitResult], Reply]) -> None:
    """However it keeps the connection open."""
    begun = time.monotonic()
    with serving(answer) as service, pytest.raises(DomainError) as refused:
        matrix_for(problem(*SOME), Osrm(url=service.url, patience=IMPATIENT))
    assert refused.value.code == "road_service_unreachable"
    assert (refused.value.facts["reason"] == "timeout") is (answer is dripping)
    assert time.monotonic() - begun < 5


def test_a_service_that_is_not_there_is_named() -> None:
    """With what can be done about it."""
    with pytest.raises(DomainError) as refused:
        matrix_for(problem(*SOME), Osrm(url=refusing_address(), patience=IMPATIENT))
    assert refused.value.code == "road_service_unreachable"
    assert "estimated" in refused.value.way_out("en")


def test_all_questions_together_have_an_end() -> None:
    """However quick each answer is."""
    with serving(osrm) as service, pytest.raises(DomainError) as refused:
        matrix_for(problem(*SOME), Osrm(url=service.url, table_size=2, total_seconds=0))
    assert refused.value.code == "road_service_slow"


# what is kept


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, Matrix]:
    """The file of a matrix, and what it holds."""
    made = matrix_for(problem(*SOME), folder=tmp_path / "distances")
    (path,) = (tmp_path / "distances").iterdir()
    return path, made


def test_roads_are_asked_once(tmp_path: Path) -> None:
    """The second time they come from the folder, hours and count included, even if the service is gone."""
    cut = changed(lambda answer: answer["distances"][0].__setitem__(0, None))
    with serving(cut) as service:
        source = Osrm(url=service.url, table_size=2)
        first = matrix_for(problem(*SOME), source, tmp_path)
    again = matrix_for(problem(*SOME), source, tmp_path)
    assert len(service.asked) == 9
    assert first.hours is not None
    assert again.hours is not None
    assert np.array_equal(first.kilometres, again.kilometres)
    assert np.array_equal(first.hours, again.hours)
    assert first.estimated == again.estimated > 0


def test_roads_that_were_asked_are_known_without_asking(tmp_path: Path) -> None:
    """All of them, or some in another order and one twice; not those of a place that was never asked about."""
    with serving(osrm) as service:
        source = Osrm(url=service.url, table_size=2)
        whole = matrix_for(problem(*SOME), source, tmp_path)
    again = kept_matrix(problem(*SOME), source, tmp_path)
    assert again is not None
    assert np.array_equal(again.kilometres, whole.kilometres)
    some = kept_matrix(problem(*(SOME[number] for number in (3, 0, 0))), source, tmp_path)
    assert some is not None
    assert some.hours is not None
    assert whole.hours is not None
    assert np.array_equal(some.kilometres, whole.kilometres[np.ix_([3, 0, 0], [3, 0, 0])])
    assert np.array_equal(some.hours, whole.hours[np.ix_([3, 0, 0], [3, 0, 0])])
    assert kept_matrix(problem(SOME[0], (51.5, 19.5)), source, tmp_path) is None
    assert len(service.asked) == 9


def test_roads_of_another_service_or_with_other_settings_are_not_taken(tmp_path: Path) -> None:
    """Nor estimates, nor what is in a damaged file, nor anything in a folder that is not there."""
    matrix_for(problem(*SOME), folder=tmp_path)
    with serving(osrm) as service:
        source = Osrm(url=service.url, table_size=2)
        matrix_for(problem(*SOME), source, tmp_path)
    few = SOME[:2]
    assert kept_matrix(problem(*few), source, tmp_path) is not None
    assert kept_matrix(problem(*few), Osrm(url=service.url + "/other"), tmp_path) is None
    assert kept_matrix(problem(*few, roads=Roads(speed_kmh=40)), source, tmp_path) is None
    assert kept_matrix(problem(*few), source, tmp_path / "nowhere") is None
    for path in tmp_path.iterdir():
        path.write_bytes(b"damaged")
    assert kept_matrix(problem(*few), source, tmp_path) is None


def test_estimates_are_kept_too(kept: tuple[Path, Matrix], monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not worked out again; they have no hours."""
    monkeypatch.setattr("mobile_units.planning.distances.road_kilometres", None)
    again = matrix_for(problem(*SOME), folder=kept[0].parent)
    assert np.array_equal(again.kilometres, kept[1].kilometres)
    assert again.hours is None


def test_what_is_kept_belongs_to_its_places_and_settings(kept: tuple[Path, Matrix]) -> None:
    """A place that moved by a metre, another order or another road factor are other matrices."""
    folder = kept[0].parent
    moved = [(51.00001, 19.0), *SOME[1:]]
    for asked in (problem(*moved), problem(*SOME[::-1]), problem(*SOME, roads=Roads(road_factor=2))):
        made = matrix_for(asked, folder=folder)
        assert np.array_equal(made.kilometres, matrix_for(asked).kilometres)
    assert len(list(folder.iterdir())) == 4


def wrong_file(path: Path, **tables: Any) -> None:
    """Overwrites a kept file with other content."""
    with path.open("wb") as file:
        np.savez(file, **tables)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-200]),
    "a bit turned": lambda path: path.write_bytes(
        path.read_bytes()[:160] + bytes([path.read_bytes()[160] ^ 1]) + path.read_bytes()[161:]
    ),
    "text": lambda path: path.write_text("no matrix"),
    "of other places": lambda path: wrong_file(
        path, kilometres=np.zeros((2, 2)), hours=np.zeros((0, 0)), estimated=np.int64(0)
    ),
    "without a part": lambda path: wrong_file(path, kilometres=np.zeros((5, 5))),
    "not numbers": lambda path: wrong_file(
        path, kilometres=np.full((5, 5), np.nan), hours=np.zeros((0, 0)), estimated=np.int64(0)
    ),
    "objects": lambda path: wrong_file(
        path, kilometres=np.array([{}] * 25).reshape(5, 5), hours=np.zeros((0, 0)), estimated=np.int64(0)
    ),
    "no kilometres": lambda path: wrong_file(
        path, kilometres=np.zeros((0, 0)), hours=np.zeros((0, 0)), estimated=np.int64(0)
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_counts_as_missing_and_is_replaced(
    kept: tuple[Path, Matrix], damage: Callable[[Path], object]
) -> None:
    """The matrix is made anew, and the file is whole again."""
    path, made = kept
    damage(path)
    again = matrix_for(problem(*SOME), folder=path.parent)
    assert np.array_equal(again.kilometres, made.kilometres)
    loaded = matrices.load(path.parent, path.name, 5)
    assert loaded is not None
    assert np.array_equal(loaded.kilometres, made.kilometres)


def test_the_folder_does_not_grow_without_end(kept: tuple[Path, Matrix], monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not used for the longest time goes first, and what a killed process left goes too."""
    path, made = kept
    folder, size = path.parent, path.stat().st_size
    (folder / "new-left.tmp").write_bytes(b"x" * size)
    matrices.save(folder, "second.npz", made, SOME)
    for age, name in enumerate([path.name, "second.npz", "new-left.tmp"]):
        os.utime(folder / name, (1_000_000 - age, 1_000_000 - age))
    monkeypatch.setattr(matrices, "MOST_BYTES", 2 * size)
    assert matrices.load(folder, "second.npz", 5) is not None
    matrices.save(folder, "third.npz", made, SOME)
    assert {file.name for file in folder.iterdir()} == {"second.npz", "third.npz"}


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    """Planning goes on."""
    folder = tmp_path / "file"
    folder.write_text("")
    assert matrix_for(problem(*SOME), folder=folder / "distances").kilometres.any()


def test_a_matrix_that_cannot_be_written_leaves_nothing_behind(
    kept: tuple[Path, Matrix], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk is full for instance: the half file is taken away."""

    def full(file: Any, **_: Any) -> None:
        file.write(b"half")
        raise OSError

    monkeypatch.setattr(np, "savez", full)
    matrices.save(kept[0].parent, "other.npz", kept[1], SOME)
    assert list(kept[0].parent.iterdir()) == [kept[0]]


def test_an_installation_asks_the_service_that_it_has(tmp_path: Path) -> None:
    """In tables of the size that is set, once."""
    with serving(osrm) as service:
        for _ in range(2):
            assert distances_from(service.url, 2, tmp_path)(problem(*SOME)).hours is not None
    assert len(service.asked) == 9
    assert len(list(tmp_path.glob("*.npz"))) == 1
