"""The command line: what a person types, what is done, what is said, and with which exit code it ends."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, func, select

from mobile_units import cli, clock, db, migrations
from mobile_units.cli.centre import rounds_of
from mobile_units.config import Settings
from mobile_units.models.base import Base
from mobile_units.models.inbound import InboundCursor
from mobile_units.models.initial_loads import InitialLoadRow, LoadedRowState
from mobile_units.models.itineraries import Itinerary
from mobile_units.models.providers import Provider
from mobile_units.models.reconciliation import Reconciliation
from mobile_units.models.service_places import OpeningHours
from mobile_units.models.sites import Site, SiteDemand
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import OutboxMessage
from mobile_units.models.units import MobileUnit
from mobile_units.models.users import User
from mobile_units.models.visits import Visit
from mobile_units.rules.programmes import Mobility, Programme
from mobile_units.rules.visits import ChangedBy
from mobile_units.services import itineraries, users
from mobile_units.services.actors import Actor
from mobile_units.services.itineraries import DayHours
from mobile_units.transmission.gateway import Retryable
from tests import factories_booking
from tests.conftest import new_database
from tests.environment import environment
from tests.factories_inbound import TellingGateway, booked
from tests.services.test_initial_loads import line, table

pytestmark = pytest.mark.usefixtures("logging_as_before")

BOOK, OTHER_BOOK = "000000012345", "000000054321"
OPTIONS = ["--regon", "123456785", "--branch", "05", "--oid-root", "2.16.840.1.113883.3.4424.2.7.999"]
PASSWORD = "correct horse battery"
SITES = """code,name,locality,lat,lon,population
W1,"Wieluń, Plac Legionów",Wieluń,51.22,18.57,20000
O1,"Osjaków, przy GOK",Osjaków,51.29,18.79,2000
"""
BAD_SITES = """code,name,locality,lat,lon,population
W1,,Wieluń,18.57,51.22,20000
W1,Wieluń,Wieluń,51.22,18.57,wielu
"""
OUTSIDE = (
    "Współrzędne leżą poza Polską; sprawdź, czy nie zamieniono szerokości z długością. / "
    "The coordinates lie outside Poland; check that latitude and longitude are not swapped."
)
UNITS = """code,name,base_lat,base_lon,weekdays,opens,closes,programmes
M1,Mammobus 1,51.77,19.46,"1,2,3,4,5",08:00,16:00,breast:{cell}:40:8:1
"""


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    code: int | str | None
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


Run = Callable[..., Said]


@pytest.fixture(scope="module")
def migrated(settings: Settings, server_url: str) -> Iterator[tuple[Settings, Engine]]:
    """A database of this module with the present schema."""
    made = replace(settings, database_url=new_database(server_url, f"{settings.data_dir.name}-cli"))
    engine = db.engine_of(made)
    migrations.upgrade(engine)
    yield made, engine
    engine.dispose()


@pytest.fixture
def engine(migrated: tuple[Settings, Engine], monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The empty database that the commands use, by the environment."""
    settings, engine = migrated
    monkeypatch.delenv("MOBILE_UNITS_TEST_SERVER")
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    tables = ", ".join(Base.metadata.tables)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    return engine


@pytest.fixture
def run(engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command as a person does, in this process."""

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["mobile-units", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Said(ended.value.code, said.out, said.err)

    return run


@pytest.fixture
def provider(engine: Engine, run: Run) -> int:
    """The key of the only provider."""
    assert run("provider", "add", "Ośrodek", "--book", BOOK, *OPTIONS).code == 0
    with db.transaction(engine) as session:
        return session.scalars(select(Provider.id)).one()


def count(engine: Engine, entity: type[Base]) -> int:
    """How many rows there are."""
    with db.transaction(engine) as session:
        return session.scalar(select(func.count()).select_from(entity)) or 0


def file(folder: Path, content: str) -> str:
    """The path of a file with this content."""
    path = folder / "table.csv"
    path.write_text(content, encoding="utf-8")
    return str(path)


# installation


def test_upgrade_brings_schema_and_reference_data(
    settings: Settings, server_url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an empty database; a second time it finds nothing to do."""
    monkeypatch.setenv("DATABASE_URL", new_database(server_url, f"{settings.data_dir.name}-empty"))
    for _ in range(2):
        assert run("db", "upgrade") == Said(0, f"The database is at revision {migrations.head()}.\n", "")
    assert "codes and rules are missing" not in run("doctor").out


def test_a_provider_is_added_once(engine: Engine, run: Run) -> None:
    """Its RPWDL book is unique; a second time it is refused in both languages."""
    add = ["provider", "add", "Ośrodek", "--book", BOOK, *OPTIONS]
    assert run(*add).out == f"Provider {BOOK} was added.\n"
    again = run(*add)
    assert (again.code, again.out) == (1, "")
    assert again.err.splitlines() == [
        "Taki obiekt już istnieje: providers.",
        "Such an object already exists: providers.",
    ]
    assert count(engine, Provider) == 1


def test_a_refusal_says_what_and_what_next_in_both_languages(engine: Engine, run: Run) -> None:
    """Here a RPWDL book with too few digits."""
    refused = run("provider", "add", "Ośrodek", "--book", "123", *OPTIONS)
    assert refused.code == 1
    assert refused.err.splitlines() == [
        "Numer księgi rejestrowej RPWDL jest niepoprawny. Podaj 12 cyfr z rejestru podmiotów leczniczych.",
        "The number of the RPWDL book is not valid. Give the 12 digits from the register.",
    ]
    assert count(engine, Provider) == 0


@pytest.mark.usefixtures("provider")
def test_a_user_can_sign_in(engine: Engine, run: Run) -> None:
    """With the roles and the password that were given."""
    roles = ["--role", "midwife", "--role", "coordinator"]
    assert run("user", "add", "Polozna", *roles, "--password", PASSWORD).out == "User polozna was added.\n"
    with db.transaction(engine) as session:
        user = users.by_login(session, "polozna")
        assert sorted(user.roles) == ["coordinator", "midwife"]
        assert users.is_password(user.password_hash, PASSWORD)


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--role", "midwife", "--password", "short"], "at least 12 characters"),
        (["--role", "queen", "--password", PASSWORD], "'queen' is not one of"),
        (["--password", PASSWORD], "Missing option '--role'"),
    ],
)
def test_a_user_needs_a_long_password_and_a_role(engine: Engine, run: Run, options: list[str], reason: str) -> None:
    """Otherwise nobody is added, and the password is not repeated."""
    refused = run("user", "add", "polozna", *options)
    assert (refused.code, reason in refused.err, PASSWORD in refused.err) == (2, True, False)
    assert count(engine, User) == 0


@pytest.mark.usefixtures("provider")
def test_a_token_is_shown_once_and_works(engine: Engine, run: Run) -> None:
    """It acts as its user; an unknown user gets none."""
    run("user", "add", "polozna", "--role", "midwife", "--password", PASSWORD)
    token = run("token", "add", "polozna").out.strip()
    with db.transaction(engine) as session:
        owner = users.user_of_token(session, token, clock.now())
        assert owner is not None
        assert owner.login == "polozna"
    refused = run("token", "add", "nobody")
    assert (refused.code, refused.out) == (1, "")
    assert "user nobody" in refused.err


def test_without_a_provider_one_has_to_be_added(run: Run) -> None:
    """The way out is said."""
    refused = run("user", "add", "polozna", "--role", "midwife", "--password", PASSWORD)
    assert (refused.code, "provider add" in refused.err) == (2, True)


@pytest.mark.usefixtures("provider")
def test_among_several_providers_one_has_to_be_named(engine: Engine, run: Run) -> None:
    """By its RPWDL book; a book that nobody has is no name."""
    run("provider", "add", "Inny", "--book", OTHER_BOOK, *OPTIONS)
    add = ["user", "add", "polozna", "--role", "midwife", "--password", PASSWORD]
    assert "--provider" in run(*add).err
    assert run(*add, "--provider", "999999999999").code == 2
    assert count(engine, User) == 0
    assert run(*add, "--provider", OTHER_BOOK).code == 0
    with db.transaction(engine) as session:
        owner = select(Provider.rpwdl_book).join(User, User.provider_id == Provider.id)
        assert session.scalars(owner).one() == OTHER_BOOK


# import


@pytest.mark.usefixtures("provider")
def test_sites_are_imported_and_women_due_estimated(engine: Engine, run: Run, tmp_path: Path) -> None:
    """A second import of the same changes nothing; without estimates there are none."""
    path = file(tmp_path, SITES)
    assert run("import", "sites", path, "--no-estimate").json == {
        "rows": 2, "created": 2, "updated": 0, "unchanged": 0, "sites_without_teryt": []
    }  # fmt: skip
    assert count(engine, SiteDemand) == 0
    assert run("import", "sites", path).json["updated"] == 2
    assert count(engine, SiteDemand) == 4
    assert run("import", "sites", path).json["unchanged"] == 2


@pytest.mark.usefixtures("provider")
def test_a_dry_run_stores_nothing(engine: Engine, run: Run, tmp_path: Path) -> None:
    """It says what would be done."""
    assert run("import", "sites", file(tmp_path, SITES), "--dry-run").json["created"] == 2
    assert count(engine, Site) == 0


@pytest.mark.usefixtures("provider")
def test_every_bad_cell_of_a_file_is_listed_and_nothing_stored(engine: Engine, run: Run, tmp_path: Path) -> None:
    """By row, column and reason, in both languages."""
    refused = run("import", "sites", file(tmp_path, BAD_SITES))
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.splitlines() == [
        "Niczego nie zapisano: liczba problemów w pliku to 5. Popraw wskazane wiersze i wczytaj plik ponownie.",
        "Nothing was stored: the file has 5 problems. Correct the named rows and import the file again.",
        "  2, name: Brak wartości. / The value is missing.",
        f"  2, lat: {OUTSIDE}",
        f"  2, lon: {OUTSIDE}",
        "  3, population: To nie jest liczba całkowita. / This is not a whole number.",
        "  3, code: To samo podano już w wierszu 2. / The same was given in row 2.",
    ]
    assert count(engine, Site) == 0


@pytest.mark.usefixtures("provider")
def test_a_file_that_is_no_table_is_refused(run: Run, tmp_path: Path) -> None:
    """One that is not there is told by the name that was typed."""
    path = tmp_path / "sites.xlsx"
    path.write_bytes(b"\x00\xff")
    assert "Nie można odczytać pliku." in run("import", "sites", str(path)).err
    missing = run("import", "sites", "nowhere.csv")
    assert (missing.code, "nowhere.csv" in missing.err) == (2, True)


@pytest.mark.usefixtures("provider")
def test_women_due_are_imported(engine: Engine, run: Run, tmp_path: Path) -> None:
    """By site and programme; an unknown site is a bad cell."""
    run("import", "sites", file(tmp_path, SITES), "--no-estimate")
    heading = "site_code,programme,women_due,as_of,source\n"
    assert run("import", "demand", file(tmp_path, heading + "W1,breast,120,2026-10-01,POZ\n")).json["created"] == 1
    refused = run("import", "demand", file(tmp_path, heading + "X1,breast,120,2026-10-01,POZ\n"))
    assert (refused.code, "2, site_code" in refused.err) == (1, True)
    with db.transaction(engine) as session:
        assert session.scalars(select(SiteDemand.women_due)).all() == [120]


@pytest.mark.usefixtures("provider")
def test_women_due_are_taken_from_the_table_of_the_nfz(engine: Engine, run: Run, tmp_path: Path) -> None:
    """Programme and month are not in the table, so both have to be given."""
    run("import", "sites", file(tmp_path, SITES.replace("population", "teryt").replace("20000", "1017092")
                                .replace(",2000\n", ",1017052\n")), "--no-estimate")  # fmt: skip
    table = file(
        tmp_path,
        "Oddział NFZ,Identyfikator gminy,Województwo,Powiat,Gmina,"
        "Liczba osób kwalifikujących się,Liczba osób wyłączonych\n"
        "05,1017092,łódzkie,wieluński,Wieluń,900,10\n",
    )
    for half in (["--nfz", "breast"], ["--month", "2026-10-01"]):
        assert "go together" in run("import", "demand", table, *half).err
    done = run("import", "demand", table, "--nfz", "breast", "--month", "2026-10-01")
    assert done.code == 0, done.err
    assert (done.json["created"], done.json["sites_without_gmina"]) == (1, ["O1"])


# the job


@pytest.fixture
def equipped(engine: Engine, provider: int, run: Run, tmp_path: Path) -> None:
    """Two sites, a mammobus, a stationary laboratory with hours, and a contract."""
    with db.transaction(engine) as session:
        factories_booking.contract(session, provider)
        bus = factories_booking.service_place(session, provider)
        lab = factories_booking.service_place(session, provider, mobility=Mobility.STATIONARY)
        monday = OpeningHours(
            programme=Programme.BREAST, weekday=1, opens=time(8), closes=time(9), minutes_per_woman=10, rooms=1
        )
        lab.opening_hours.append(monday)
        cell = bus.cell_code
    assert run("import", "sites", file(tmp_path, SITES)).code == 0
    units = run("import", "units", file(tmp_path, UNITS.format(cell=cell)))
    assert units.code == 0, units.err


@pytest.mark.usefixtures("equipped")
def test_a_plan_is_published_and_reported(engine: Engine, run: Run) -> None:
    """From the draft over points, schedules and slots to the report; a plan is published only once."""
    week = ["--from", "2027-03-08", "--to", "2027-03-12"]
    plan = run("plan", *week, "--seconds", "1", "--name", "Tydzień")
    assert plan.code == 0, plan.err
    assert plan.json["stops"] >= 1
    with db.transaction(engine) as session:
        assert session.get_one(Itinerary, plan.json["itinerary"]).name == "Tydzień"
    published = run("publish", str(plan.json["itinerary"]), "--stationary")
    assert published.json["mobile_points"] == plan.json["stops"]
    assert published.json["schedules"] == plan.json["stops"] + 1
    assert count(engine, OutboxMessage) > published.json["schedules"]
    rows = {row["product_code"]: row for row in run("report", "contract-ranges", *week).json}
    assert rows["10.7940.158.02"]["offered"] == 6
    assert rows["10.7940.159.02"]["planned"] > 0
    again = run("publish", str(plan.json["itinerary"]))
    assert (again.code, "published" in again.err) == (1, True)


@pytest.mark.usefixtures("equipped")
def test_a_draft_with_violations_is_published_for_a_reason(engine: Engine, provider: int, run: Run) -> None:
    """A stop on a Saturday is told in both languages; with a reason it is approved and published."""
    saturday = date(2027, 3, 13)
    with db.transaction(engine) as session:
        actor = Actor(provider)
        command = itineraries.NewItinerary(name="Sobota", first_day=saturday, last_day=saturday)
        draft = itineraries.create(session, actor, command)
        unit_id, site_id = (session.scalars(select(entity.id)).first() for entity in (MobileUnit, Site))
        assert unit_id
        assert site_id
        stop = itineraries.NewStop(unit_id=unit_id, site_id=site_id, days=[DayHours(saturday)], women_planned=0)
        itineraries.add_stop(session, actor, draft.id, stop)
    refused = run("publish", str(draft.id))
    assert (refused.code, count(engine, OutboxMessage)) == (1, 0)
    assert "Mammobus 1 nie pracuje w tym dniu tygodnia" in refused.err
    assert "does not work on this weekday" in refused.err
    published = run("publish", str(draft.id), "--accept", "zgoda gminy")
    assert published.json["mobile_points"] == 1, published.err
    with db.transaction(engine) as session:
        assert session.get_one(Itinerary, draft.id).planning["accepted"]["reason"] == "zgoda gminy"


@pytest.mark.usefixtures("provider")
def test_without_units_there_is_nothing_to_plan(run: Run) -> None:
    """What is missing is said."""
    refused = run("plan")
    assert (refused.code, "brak jednostek" in refused.err) == (1, True)


@pytest.mark.usefixtures("equipped")
def test_a_period_that_ends_before_it_begins_is_refused(engine: Engine, run: Run) -> None:
    """Before anything is computed or stored."""
    week = ["--from", "2027-03-12", "--to", "2027-03-08"]
    assert "Koniec musi być późniejszy niż początek." in run("plan", *week, "--seconds", "1").err
    assert "Koniec musi być późniejszy niż początek." in run("report", "contract-ranges", *week).err
    assert count(engine, Itinerary) == 0


# what is wrong with the installation


def test_a_wrong_configuration_is_told_whole(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command that needs it ends with 1 and names each variable."""
    monkeypatch.setenv("MOBILE_UNITS_HASH_KEY", "hunter2")
    monkeypatch.setenv("MOBILE_UNITS_COLOUR", "red")
    for command in (["plan"], ["worker"], ["serve"], ["db", "stop"]):
        told = run(*command)
        assert (told.code, told.out) == (1, "")
        assert told.err.splitlines() == [
            "The configuration is wrong:",
            "  MOBILE_UNITS_COLOUR: there is no such variable",
            "  MOBILE_UNITS_HASH_KEY: keys the hash by which a woman is found; expected at least 32 random characters",
        ]


def test_an_unreachable_database_is_told_without_its_address(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address holds a password."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:hunter2@127.0.0.1:1/none")
    told = run("db", "upgrade")
    assert (told.code, "The database does not answer" in told.err) == (1, True)
    assert "hunter2" not in told.err


def test_the_doctor_ends_with_one_if_something_is_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each finding has its line, and its cure one below."""
    monkeypatch.setenv("MOBILE_UNITS_CER_URL", "http://127.0.0.1:1/services")
    told = run("doctor")
    assert told.code == 1
    lines = told.out.splitlines()
    cure = lines[lines.index("  error  nobody answers at 127.0.0.1:1") + 1]
    assert cure.startswith("         → Check MOBILE_UNITS_CER_URL")


COMMANDS = [
    "", "serve", "worker", "sandbox", "sandbox-certificates", "demo", "db", "db upgrade", "db stop", "provider",
    "provider add", "user", "user add", "token", "token add", "import", "import sites", "import units",
    "import demand", "plan", "plan check", "publish", "report", "report contract-ranges", "doctor",
    "cer", "cer check-contract", "cer changes", "reconcile", "initial-load",
    "transmissions", "transmissions list", "transmissions work-list",
    "transmissions show", "transmissions resend", "transmissions give-up", "transmissions resume",
    "transmissions evidence", "transmissions at-risk", "transmissions outages", "transmissions sent",
    "transmissions check", "messages", "messages resume", "geocode", "geocode-address", "geocode-file",
]  # fmt: skip


def all_commands(group: Any, path: str = "") -> Iterator[str]:
    """The paths of all commands below a group, its own included."""
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from all_commands(command, f"{path} {name}".strip())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_complete(command: str) -> None:
    """Every command says what it does, every option what it is for, and no summary is cut off."""
    said = CliRunner().invoke(cli.cli, [*command.split(), "--help"])
    assert said.exit_code == 0
    assert "..." not in said.output.replace("[ARGS]...", "")
    found: Any = cli.cli
    for name in command.split():
        found = found.commands[name]
    assert found.help
    assert [parameter.name for parameter in found.params if not parameter.help] == []


def test_every_command_is_known_here() -> None:
    """So that the help of a new one is looked at."""
    assert sorted(all_commands(cli.cli)) == sorted(COMMANDS)


@pytest.mark.processes
def test_the_program_ends_with_the_exit_code_and_without_a_traceback(migrated: tuple[Settings, Engine]) -> None:
    """As a shell sees it: a refusal is 1, and nothing but the refusal is said."""
    command = [sys.executable, "-m", "mobile_units", "token", "add", "nobody"]
    done = subprocess.run(
        command, env=environment(migrated[0]), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "Nie ma takiego obiektu: user nobody.",
        "There is no such object: user nobody.",
    ]


# what comes from the central system, and what was there before it


@pytest.fixture
def centre(monkeypatch: pytest.MonkeyPatch) -> TellingGateway:
    """A central system that tells what it is given."""
    made = TellingGateway()
    monkeypatch.setattr("mobile_units.transmission.gateways.gateways_of", lambda *_: lambda _: made)
    return made


@pytest.fixture
def slot(engine: Engine, provider: int) -> Slot:
    """A slot to come that takes two women."""
    with db.transaction(engine) as session:
        return factories_booking.slot(session, provider, day=factories_booking.next_day(), capacity=2)


def test_changes_are_read_once_and_told(
    engine: Engine, run: Run, provider: int, slot: Slot, centre: TellingGateway
) -> None:
    """The exit code is 1 while something waits for a person; read again from the start, all of it is known."""
    with db.transaction(engine) as session:
        centre.told = [booked(session, Actor(provider), slot) for _ in range(3)]
    said = run("cer", "changes")
    assert said.code == 1
    told = {"fetched": 3, "new": 3, "applied": 2, "conflict": 1, "waiting": 1, "failure": None}
    assert said.json == told
    assert run("cer", "changes").json["fetched"] == 0
    again = run("cer", "changes", "--again").json
    assert (again["fetched"], again["new"]) == (3, 0)


@pytest.mark.usefixtures("provider", "slot")
def test_a_failure_to_read_changes_is_told(run: Run, centre: TellingGateway) -> None:
    """With exit code 1; the next time it is tried at once."""
    centre.failures = [Retryable(reason="ConnectTimeout")]
    said = run("cer", "changes")
    assert (said.code, said.json["failure"]) == (1, "ConnectTimeout")
    assert run("cer", "changes").code == 0


def test_a_reader_at_work_is_not_disturbed(engine: Engine, run: Run, provider: int, centre: TellingGateway) -> None:
    """Whoever asks by hand is told so."""
    with db.transaction(engine) as session:
        lease = clock.now() + timedelta(minutes=1)
        session.add(InboundCursor(provider_id=provider, leased_until=lease))
    said = run("cer", "changes")
    assert (said.code, said.err) == (1, "Another reader is at it; look again in a moment.\n")
    assert centre.queries == []


def test_reconciliation_tells_what_it_found(
    engine: Engine, run: Run, provider: int, slot: Slot, centre: TellingGateway
) -> None:
    """Changes are read first; the exit code is 1 if something waits for a person."""
    with db.transaction(engine) as session:
        centre.told = [booked(session, Actor(provider), slot)]
    said = run("reconcile")
    assert said.code == 0, said
    assert (said.json["state"], said.json["visits_here"], said.json["visits_there"]) == ("done", 1, 1)
    assert (said.json["differences"], said.json["waiting"]) == ({}, 0)
    assert said.json["first_day"] == str(clock.today() - timedelta(days=30))
    with db.transaction(engine) as session:
        strange = booked(session, Actor(provider), slot)
        centre.told.append(replace(strange, by=ChangedBy.PROVIDER))
    said = run("reconcile", "--from", str(clock.today()), "--to", str(clock.today() + timedelta(days=30)))
    assert (said.code, said.json["waiting"]) == (1, 1)
    assert said.json["differences"] == {"unknown_here": {"open": 1}}
    centre.failures = [Retryable(reason="ConnectTimeout")]
    said = run("reconcile")
    assert (said.code, said.json["state"], said.json["failure"]) == (1, "failed", "ConnectTimeout")


def test_an_initial_load_is_taken_in_and_followed(
    engine: Engine, run: Run, provider: int, slot: Slot, tmp_path: Path
) -> None:
    """A trial, the load, its status, and the report of what was refused, as CSV and as JSON."""
    day = slot.schedule.valid_from.isoformat()
    path = tmp_path / "wizyty.csv"
    path.write_bytes(table(line(slot, day=day), line(slot, day=day)))
    assert run("initial-load", str(path), "--dry-run").json["load_id"] is None
    load_id = str(run("initial-load", str(path), "--chunk", "1").json["load_id"])
    again = run("initial-load", str(path))
    assert (again.code, again.err.splitlines()[1]) == (
        1,
        "This file was loaded before. Load a file with the visits that remain.",
    )
    status = run("initial-load", "--status", load_id)
    assert (status.code, status.json["waiting"], len(status.json["chunks"])) == (0, 2, 2)
    with db.transaction(engine) as session:
        accepted, refused = session.scalars(select(InitialLoadRow).order_by(InitialLoadRow.id))
        accepted.state, refused.state, refused.code = LoadedRowState.ACCEPTED, LoadedRowState.REFUSED, "blad"
    report = tmp_path / "odrzucone.json"
    watched = run("initial-load", "--watch", load_id, "--report", str(report))
    assert (watched.code, watched.json["refused"], "2/2" in watched.err) == (1, 1, True)
    assert [row["code"] for row in json.loads(report.read_text(encoding="utf-8"))] == ["blad"]
    run("initial-load", "--status", load_id, "--report", str(report.with_suffix(".csv")))
    assert report.with_suffix(".csv").read_text(encoding="utf-8").startswith("\ufeffrow,visit_id,code")


@pytest.mark.usefixtures("provider")
def test_an_initial_load_needs_one_thing_to_do(run: Run, tmp_path: Path) -> None:
    """A file, or the number of a load; every problem of a file is told."""
    assert run("initial-load").code == 2
    assert run("initial-load", "--status", "1", "--watch", "1").code == 2
    for option in ("--status", "--watch"):
        unknown = run("initial-load", option, "1")
        assert (unknown.code, unknown.err.splitlines()[0]) == (1, "Nie ma takiego obiektu: InitialLoad 1.")
    refused = run("initial-load", file(tmp_path, "cell_code,day\n001,jutro\n"))
    assert (refused.code, "2, day: To nie jest dzień" in refused.err) == (1, True)


def test_the_worker_reads_changes_and_reconciles_beside_the_delivery(
    engine: Engine, migrated: tuple[Settings, Engine], provider: int, slot: Slot, centre: TellingGateway
) -> None:
    """Each round in a thread of its own, unless it is switched off."""
    settings, stop = replace(migrated[0], cer_reconcile_hour=0), Event()
    holds, changes, daily = rounds_of(settings, engine, stop)
    with db.transaction(engine) as session:
        centre.told = [booked(session, Actor(provider), slot)]
    changes.action()
    assert count(engine, Visit) == 1
    daily.action()
    daily.action()
    assert count(engine, Reconciliation) == 1
    assert (changes.seconds, changes.stop) == (30.0, stop)
    holds.action()
    alone = rounds_of(replace(settings, cer_changes_seconds=0.0, cer_reconcile_hour=None), engine, stop)
    assert [each.name for each in alone] == ["holds"]
