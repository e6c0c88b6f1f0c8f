"""The commands that look up addresses: of sites, of a file, and a single one."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select

from mobile_units import cli, db
from mobile_units.config import Settings
from mobile_units.models.planning import GeocodedAddress
from mobile_units.models.providers import Provider
from mobile_units.models.sites import Site
from mobile_units.planning import geocoders
from mobile_units.services import sites
from mobile_units.services.actors import Actor
from tests import factories, geocoder
from tests.environment import environment
from tests.stand_in import Reply, StandIn, serving

pytestmark = pytest.mark.usefixtures("logging_as_before")

FILE = """code,name,locality,street,lat,lon
W1,Urząd,Wieluń,Plac Legionów 1,,
O1,Rynek,Osjaków,,51.3,18.8
X1,Rynek,Nigdzie,,,
"""


class Said:
    """What a command said, and how it ended."""

    def __init__(self, code: int | str | None, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


Run = Callable[..., Said]


@pytest.fixture(autouse=True)
def variables(settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of an installation without a geocoder, on a database that knows no address."""
    monkeypatch.delenv("MOBILE_UNITS_TEST_SERVER")
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(geocoders, "PAUSE_SECONDS", {"uug": 0.0, "nominatim": 0.0})
    with engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE geocoded_addresses")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """The UUG that the commands are configured to ask."""
    with serving(geocoder.uug) as service:
        monkeypatch.setenv("MOBILE_UNITS_GEOCODER", "uug")
        monkeypatch.setenv("MOBILE_UNITS_UUG_URL", service.url)
        yield service


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command as a person does, in this process."""

    def run(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["mobile-units", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Said(ended.value.code, said.out, said.err)

    return run


@pytest.fixture
def doubtful(engine: Engine) -> tuple[str, int]:
    """The book of a provider, and its site in doubt at a house that the service knows; another one it does not know."""
    with db.transaction(engine) as session:
        provider: Provider = factories.provider(session)
        keys = []
        for street in ("Plac Legionów 1", "Nieznana 1"):
            command = sites.NewSite(
                code=street, name="Urząd", locality="Wieluń", street=street, latitude=51.0, longitude=18.0
            )
            site = sites.create(session, Actor(provider.id), command)
            site.location_confidence = 0.3
            keys.append(site.id)
        return provider.rpwdl_book, keys[0]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of places, two of them without coordinates."""
    path = tmp_path / "in.csv"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.mark.usefixtures("service")
def test_sites_in_doubt_are_looked_up(engine: Engine, run: Run, doubtful: tuple[str, int]) -> None:
    """What was found is stored, what was not is told."""
    book, key = doubtful
    done = run("geocode", "--provider", book)
    assert (done.code, done.json["asked"], done.json["left"], done.json["failure"]) == (0, 2, 0, None)
    assert [each["outcome"] for each in done.json["sites"]] == ["located", "not_found"]
    with db.transaction(engine) as session:
        site = session.get_one(Site, key)
        assert (site.latitude, site.location_confidence) == (51.2211, 1.0)


def test_a_dry_run_asks_nobody(engine: Engine, run: Run, doubtful: tuple[str, int]) -> None:
    """Not even a geocoder is needed."""
    told = run("geocode", "--provider", doubtful[0], "--dry-run", "--limit", 1)
    assert (told.code, told.json) == (0, {"would_ask": ["Wieluń, Plac Legionów 1"], "left": 1})
    with db.transaction(engine) as session:
        assert session.get_one(Site, doubtful[1]).latitude == 51.0


def test_the_limit_counts_addresses_that_are_asked(
    run: Run, doubtful: tuple[str, int], service: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers are kept in between, so that the next command goes on."""
    monkeypatch.setattr("mobile_units.cli.geocoding.BATCH", 1)
    first = run("geocode", "--provider", doubtful[0], "--limit", 1)
    assert (first.json["asked"], first.json["left"]) == (1, 1)
    assert run("geocode", "--provider", doubtful[0]).json["left"] == 0
    assert len(service.asked) == 2


def test_a_service_that_fails_ends_the_command_with_1(run: Run, doubtful: tuple[str, int], service: StandIn) -> None:
    """It is told how."""
    service.answer = lambda _: Reply(b"", 500)
    failed = run("geocode", "--provider", doubtful[0])
    assert (failed.code, failed.json["left"]) == (1, 2)
    assert "HTTP 500" in failed.json["failure"]


def test_without_a_geocoder_the_way_out_is_told(run: Run, doubtful: tuple[str, int]) -> None:
    """In both languages."""
    for command in (["geocode", "--provider", doubtful[0]], ["geocode-address", "Wieluń"]):
        refused = run(*command)
        assert (refused.code, refused.out) == (1, "")
        assert "Ustaw MOBILE_UNITS_GEOCODER" in refused.err
        assert "Set MOBILE_UNITS_GEOCODER" in refused.err


def test_only_one_asks_at_a_time(engine: Engine, run: Run, service: StandIn) -> None:
    """The application and the commands keep away from each other."""
    with db.alone(engine, "geocoding"):
        refused = run("geocode-address", "Osjaków")
    assert (refused.code, "Try again in a minute" in refused.err, service.asked) == (1, True, [])


def test_a_single_address_is_found(run: Run, service: StandIn) -> None:
    """It is asked once, and told whether a person should look."""
    for _ in range(2):
        found = run("geocode-address", "Osjaków")
        assert found.code == 0
        assert found.json == {
            "latitude": 51.2871, "longitude": 18.7893, "confidence": 0.6, "label": "Osjaków", "doubtful": True
        }  # fmt: skip
    assert len(service.asked) == 1


def test_an_address_that_nobody_knows_is_told(run: Run, service: StandIn) -> None:
    """So is an empty one, and a service that fails."""
    unknown = run("geocode-address", "Nigdzie 1")
    assert (unknown.code, "Nie znaleziono takiego adresu." in unknown.err) == (1, True)
    assert run("geocode-address", "  ").code == 2
    service.answer = lambda _: Reply(b"", 500)
    assert "HTTP 500" in run("geocode-address", "Inny adres").err


def test_a_file_gets_what_it_lacks(engine: Engine, run: Run, source: Path, service: StandIn) -> None:
    """What nobody knows is named; a second time the file stays as it is and nobody is asked."""
    target = source.with_name("out.csv")
    done = run("geocode-file", source, target)
    assert done.code == 1
    assert (done.json["rows"], done.json["found"], done.json["doubtful"]) == (3, 1, [])
    assert done.json["without_coordinates"] == [
        {
            "row": 4,
            "about": "Nigdzie",
            "reason": "The address was not found.",
            "reason_pl": "Nie znaleziono takiego adresu.",
        }
    ]
    assert target.read_text(encoding="utf-8").splitlines() == [
        "code,name,locality,street,lat,lon,location_confidence",
        "W1,Urząd,Wieluń,Plac Legionów 1,51.221100,18.569700,1",
        "O1,Rynek,Osjaków,,51.3,18.8,",
        "X1,Rynek,Nigdzie,,,,",
    ]
    before = target.read_bytes()
    again = run("geocode-file", target, target)
    assert (again.code, again.json["found"], target.read_bytes(), len(service.asked)) == (1, 0, before, 2)
    assert [path.name for path in sorted(source.parent.iterdir())] == ["in.csv", "out.csv"]
    with db.transaction(engine) as session:
        assert session.scalars(select(GeocodedAddress.query).order_by(GeocodedAddress.query)).all() == [
            "nigdzie",
            "wieluń, plac legionów 1",
        ]


@pytest.mark.usefixtures("service")
def test_a_place_in_doubt_is_told_by_its_row(run: Run, source: Path) -> None:
    """And it keeps its confidence for the import; the planner's files have no column for it."""
    source.write_text("site_id,name,lat,lon\n1,Osjaków,,\n", encoding="utf-8")
    target = source.with_name("out.csv")
    done = run("geocode-file", source, target, "--only-coordinates")
    assert (done.code, done.json["doubtful"][0]["row"], done.json["doubtful"][0]["confidence"]) == (0, 2, 0.6)
    assert target.read_text(encoding="utf-8") == "site_id,name,lat,lon\n1,Osjaków,51.287100,18.789300\n"


def test_a_complete_file_needs_neither_settings_nor_database(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rows lack coordinates, they are named by the reason that nobody was asked."""
    for name in ("MOBILE_UNITS_SECRET_KEY", "MOBILE_UNITS_GEOCODER", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    target = source.with_name("out.csv")
    named = CliRunner().invoke(cli.cli, ["geocode-file", str(source), str(target)])
    assert named.exit_code == 1
    assert {each["reason"] for each in json.loads(named.output)["without_coordinates"]} == {
        "Looking up addresses is switched off."
    }
    source.write_text("name,lat,lon\nRynek,51.3,18.8\n", encoding="utf-8")
    monkeypatch.setenv("MOBILE_UNITS_GEOCODER", "uug")
    complete = CliRunner().invoke(cli.cli, ["geocode-file", str(source), str(target)])
    assert (complete.exit_code, json.loads(complete.output)["without_coordinates"]) == (0, [])
    assert target.read_text(encoding="utf-8") == "name,lat,lon,location_confidence\nRynek,51.3,18.8,\n"


def test_a_file_whose_service_fails_is_written_as_far_as_it_goes(run: Run, source: Path, service: StandIn) -> None:
    """The rows that nobody answered for are named with the reason."""
    service.answer = lambda _: Reply(b"", 500)
    failed = run("geocode-file", source, source.with_name("out.csv"))
    assert failed.code == 1
    assert ["HTTP 500" in each["reason"] for each in failed.json["without_coordinates"]] == [True, True]
    assert "51.3,18.8" in source.with_name("out.csv").read_text(encoding="utf-8")


@pytest.mark.usefixtures("service")
def test_a_file_that_was_looked_up_is_imported_with_its_doubts(
    engine: Engine, run: Run, source: Path, doubtful: tuple[str, int]
) -> None:
    """A second import of the same place leaves a person's word as it is."""
    source.write_text("code,name,locality,lat,lon\nO9,Rynek,Osjaków,,\n", encoding="utf-8")
    target = source.with_name("out.csv")
    assert run("geocode-file", source, target).code == 0

    def confidence(said: float | None = -1) -> float | None:
        with db.transaction(engine) as session:
            site = session.scalars(select(Site).where(Site.code == "O9")).one()
            site.location_confidence = site.location_confidence if said == -1 else said
            return site.location_confidence

    imported = run("import", "sites", target, "--provider", doubtful[0])
    assert imported.code == 0, imported.err
    assert confidence() == 0.6
    assert confidence(None) is None
    assert run("import", "sites", target, "--provider", doubtful[0]).json["unchanged"] == 1
    assert confidence() is None
