"""The commands `mobile-units plan` on files; what they do with the database is in `test_cli`."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mobile_units import cli
from mobile_units.errors import DomainError
from mobile_units.planning import process
from mobile_units.planning.check import terms
from mobile_units.planning.explain import explain_unserved
from mobile_units.planning.problem import Plan, PlannedStop, Problem, Progress
from tests.planning.csv_files import site, sites, unit, units

ROOT = Path(__file__).parents[1]
MARCH = ["--from", "2027-03-01", "--to", "2027-03-31"]
MATRIX = "0,10,20\n10,0,15\n20,15,0\n"
STOPS = [
    {"unit_id": "M1", "site_id": "W1", "first_day": "2027-03-01", "last_day": "2027-03-03", "women": 120},
    {"unit_id": "M1", "site_id": "O1", "first_day": "2027-03-04", "last_day": "2027-03-05", "women": 60},
]
VIOLATION = {"code", "message_pl", "message_en", "unit_id", "site_id", "day"}

Files = list[str]


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    code: int | str | None
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command as a person does, in this process."""

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["mobile-units", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Said(ended.value.code, said.out, said.err)

    return run


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The options of two sites and a unit for mammography that works on weekdays."""
    places = sites(
        site(programme="breast"),
        site(site_id="O1", name="", lat="51.29", lon="18.79", programme="breast", women_due="60"),
    )
    (tmp_path / "sites.csv").write_bytes(places)
    (tmp_path / "units.csv").write_bytes(units(unit(programmes="breast", weekdays="12345")))
    return ["--sites", str(tmp_path / "sites.csv"), "--units", str(tmp_path / "units.csv")]


@pytest.fixture
def matrix(tmp_path: Path) -> Files:
    """The option of their distances."""
    (tmp_path / "matrix.csv").write_text(MATRIX, encoding="utf-8")
    return ["--matrix", str(tmp_path / "matrix.csv")]


@pytest.fixture
def plan_file(tmp_path: Path) -> Callable[[object], Files]:
    """The option of a plan."""

    def write(document: object) -> Files:
        path = tmp_path / "plan.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return ["--plan", str(path)]

    return write


def value(terms: dict[str, Any]) -> float:
    """What the terms of an objective come to."""
    weights = terms["weights"]
    km = terms["km"] + weights["crew_km_share"] * terms["km_crews"]
    uneven = weights["women_per_uneven_day"] * terms["uneven_days"]
    return float(terms["women_weighted"] - km / weights["km_per_woman"] - uneven)


def by_hand(problem: Problem, *, seconds: float, seed: int, progress: Callable[[Progress], None] | None) -> Plan:
    """A plan that leaves one site out, instead of the solver's."""
    if progress:
        progress(Progress(1.5, 10, 100, 20.5, 98.0))
    stops = (PlannedStop("M1", "W1", (date(2027, 3, 1), date(2027, 3, 2), date(2027, 3, 3)), 120),)
    return Plan(
        stops=stops,
        unserved=explain_unserved(problem, stops),
        objective=terms(problem, stops),
        seconds=seconds,
        solver="by hand",
        seed=seed,
        iterations=1,
    )


# planning


@pytest.mark.processes
def test_files_are_planned_and_checked_without_database_or_settings(files: Files, matrix: Files) -> None:
    """With an empty environment: what the planner made is found right, and the file says what it is."""
    clean = {"PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "mobile_units", "plan"]
    search = [*command, *files, *matrix, *MARCH, "--seconds", "1", "--seed", "3", "--json"]
    made = subprocess.run(search, env=clean, cwd=ROOT, capture_output=True, check=True)
    document = json.loads(made.stdout)
    assert document["stops"] == sorted(document["stops"], key=lambda stop: (stop["unit_id"], stop["first_day"]))
    assert {(stop["site_id"], stop["women"]) for stop in document["stops"]} == {("W1", 120), ("O1", 60)}
    assert (document["women"], document["km"], document["unserved"], document["seed"]) == (180, 45.0, [], 3)
    assert document["objective"] == pytest.approx(value(document["terms"]), abs=0.001)
    plan = matrix[1].replace("matrix.csv", "plan.json")
    Path(plan).write_bytes(made.stdout)
    judge = [*command, "check", *files, *matrix, "--plan", plan]
    assert subprocess.run(judge, env=clean, cwd=ROOT, capture_output=True, check=True).stdout == b"[]\n"


def test_a_plan_is_printed_for_people(files: Files, matrix: Files, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a table, with what is left out and the terms of the objective."""
    monkeypatch.setattr(process, "solve_apart", by_hand)
    said = run("plan", *files, *matrix, *MARCH, "--seconds", "2")
    assert (said.code, said.err) == (0, "")
    table, left_out, figures = said.out.split("\n\n")
    assert table.splitlines() == [
        "unit           from        to          women  site",
        "M1 Mammobus 1  2027-03-01  2027-03-03  120    W1 Wieluń",
    ]
    assert left_out.splitlines()[:2] == ["Left out:", "site  reason"]
    assert left_out.splitlines()[2].startswith("O1    ")
    told = dict(line.split(maxsplit=1) for line in figures.splitlines())
    assert (told["women"], told["women_due"], told["km"], told["solver"]) == ("120", "180", "20.0", "by hand")
    assert told["km_per_woman"] == "10.0"


def test_progress_is_told_to_a_terminal(files: Files, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the answer, which goes to standard output."""
    monkeypatch.setattr(process, "solve_apart", by_hand)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    said = run("plan", *files, *MARCH, "--json")
    assert said.err == "\r   1.5 s  100 women  20 km  \n"
    assert json.loads(said.out)["women"] == 120


def test_every_bad_cell_is_told(files: Files, run: Run, matrix: Files) -> None:
    """By file, row and column, in both languages."""
    Path(files[1]).write_bytes(sites(site(lat='"51,22"')))
    Path(files[3]).write_bytes(units(unit(home_rule="x", women_per_day="")))
    said = run("plan", *files, *matrix, *MARCH, "--json")
    assert (said.code, said.out) == (1, "")
    lines = said.err.splitlines()
    assert lines[0].startswith("Nie można użyć plików: liczba problemów to 7.")
    assert lines[1].startswith("The files cannot be used: they have 7 problems.")
    assert lines[2] == (
        "  sites, 2, lat: Część ułamkową oddziela kropka, nie przecinek: 51.22. / "
        "Decimals are separated by a point, not by a comma: 51.22."
    )
    assert [line.split(":")[0] for line in lines[3:5]] == ["  units, 2, women_per_day", "  units, 2, home_rule"]
    assert all(line.startswith("  matrix, ") for line in lines[5:])


def test_a_planner_that_fails_is_told(files: Files, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what can be done."""

    def fail(*_: object, **__: object) -> None:
        raise DomainError("planner_failed")

    monkeypatch.setattr(process, "solve_apart", fail)
    said = run("plan", *files, *MARCH)
    assert (said.code, "Plan fewer units" in said.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--sites", "{sites}"], "needs both --sites and --units"),
        (["--units", "{units}"], "needs both --sites and --units"),
        (["--matrix", "{units}"], "needs both --sites and --units"),
        (["--sites", "{sites}", "--units", "{units}", "--name", "x"], "is not stored"),
        (["--sites", "{sites}", "--units", "{units}", "--provider", "1"], "is not stored"),
        (["--sites", "{sites}", "check", "--units", "{units}"], "after `check`"),
        (["--sites", "nowhere.csv", "--units", "{units}"], "nowhere.csv"),
        (["--sites", "{sites}", "--units", "{units}", "--seconds", "nan"], "'nan' is not a number"),
        (["--sites", "{sites}", "--units", "{units}", "--seconds", "inf"], "is not in the range"),
        (["--sites", "{sites}", "--units", "{units}", "--seconds", "-1"], "is not in the range"),
        (["check", "--sites", "{sites}", "--units", "{units}"], "Missing option '--plan'"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(
    arguments: list[str], reason: str, files: Files, run: Run
) -> None:
    """Before anything is read or planned."""
    said = run("plan", *(each.format(sites=files[1], units=files[3]) for each in arguments))
    assert (said.code, said.out) == (2, "")
    assert reason in " ".join(said.err.replace("│", " ").split())


# checking


def test_a_right_plan_has_no_violations(
    files: Files, matrix: Files, run: Run, plan_file: Callable[[object], Files]
) -> None:
    """It need not say more than its stops and days."""
    plan = plan_file({"from": "2027-03-01", "to": "2027-03-31", "stops": STOPS})
    assert run("plan", "check", *files, *matrix, *plan) == Said(0, "[]\n", "")


def test_violations_are_printed_and_end_with_one(files: Files, run: Run, plan_file: Callable[[object], Files]) -> None:
    """Each with its code, both sentences, and where it is; days that are given go before those of the plan."""
    plan = plan_file({"from": "2027-03-01", "to": "2027-03-31", "stops": STOPS})
    said = run("plan", "check", *files, *plan, "--from", "2027-03-02")
    found: list[dict[str, Any]] = json.loads(said.out)
    assert (said.code, said.err) == (1, "")
    assert all(each.keys() == VIOLATION for each in found)
    places = [(each["code"], each["unit_id"], each["site_id"], each["day"]) for each in found]
    assert places == [("outside_period", "M1", "W1", "2027-03-01")]


def test_a_plan_has_to_state_its_days_if_nobody_else_does(
    files: Files, run: Run, plan_file: Callable[[object], Files]
) -> None:
    """Otherwise nobody could say whether it keeps to them."""
    plan = plan_file({"stops": STOPS})
    said = run("plan", "check", *files, *plan)
    assert (said.code, "give --from and --to" in said.err) == (2, True)
    assert run("plan", "check", *files, *plan, *MARCH).code == 0


@pytest.mark.parametrize("document", ["no plan", {"stops": [{"unit_id": "M1"}]}])
def test_a_plan_that_cannot_be_read_ends_with_two(
    document: object, files: Files, run: Run, plan_file: Callable[[object], Files]
) -> None:
    """In both languages; nothing is printed that could be taken for a judgement."""
    said = run("plan", "check", *files, *plan_file(document), *MARCH)
    assert (said.code, said.out) == (2, "")
    assert [line.split(":")[0] for line in said.err.splitlines()] == [
        "Nie można odczytać planu",
        "The plan cannot be read",
    ]


def test_bad_cells_are_told_when_a_plan_is_checked(
    files: Files, run: Run, plan_file: Callable[[object], Files]
) -> None:
    """As when it is made."""
    Path(files[1]).write_bytes(sites(site(women_due="")))
    said = run("plan", "check", *files, *plan_file({"stops": STOPS}), *MARCH)
    assert (said.code, said.out, "sites, 2, women_due" in said.err) == (1, "", True)
