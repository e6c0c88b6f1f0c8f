"""Plans as JSON: what is written, and what can be read again."""

import json
from dataclasses import asdict, replace
from datetime import date
from typing import Any

import pytest

from mobile_units.errors import DomainError
from mobile_units.planning.check import check, terms
from mobile_units.planning.documents import as_plan, plan_document, read_plan
from mobile_units.planning.problem import Plan, PlannedStop, Unserved
from mobile_units.rules.programmes import Programme
from tests.planning.csv_files import problem, site, sites, unit, units

PROBLEM = problem(
    sites(site(programme="breast"), site(site_id="W2", programme="breast", women_due="60"), site(site_id="W3")),
    units(unit(programmes="breast", weekdays="12345"), unit(unit_id="M0", programmes="breast")),
    "0,1,2,3,4\n1,0,2,3,4\n2,2,0,5,6\n3,3,5,0,7\n4,4,6,7,0\n",
)
THURSDAY, FRIDAY, MONDAY = date(2027, 3, 4), date(2027, 3, 5), date(2027, 3, 8)
STOPS = (
    PlannedStop("M1", "W1", (THURSDAY, FRIDAY, MONDAY), 120),
    PlannedStop("M0", "W2", (THURSDAY, FRIDAY), 60),
)
STATED: dict[str, Any] = {
    "unit_id": "M1", "site_id": "W1", "first_day": "2027-03-04", "last_day": "2027-03-08", "women": 120
}  # fmt: skip


def planned() -> Plan:
    """A plan of two stops."""
    unserved = (
        Unserved("W3", "no_unit", "no unit", "brak jednostki"),
        Unserved("W2", "no_unit", "no unit", "brak jednostki", Programme.CERVICAL),
    )
    objective = replace(terms(PROBLEM, STOPS), km=17.06)
    return Plan(
        stops=STOPS, unserved=unserved, objective=objective, seconds=1.2345, solver="ours", seed=7, iterations=99
    )


def read(document: object) -> Plan:
    """The plan in a document."""
    return as_plan(PROBLEM, read_plan(json.dumps(document).encode()))


def test_a_plan_is_written_as_plain_values() -> None:
    """Stops by unit and day, reasons in both languages, the objective with its terms and weights."""
    document = plan_document(PROBLEM, planned())
    assert json.loads(json.dumps(document)) == document
    assert document == {
        "from": "2027-03-01",
        "to": "2027-03-31",
        "stops": [
            STATED | {"unit_id": "M0", "site_id": "W2", "last_day": "2027-03-05", "women": 60},
            STATED,
        ],
        "unserved": [
            {"site_id": "W3", "reason": "no unit", "code": "no_unit", "reason_pl": "brak jednostki", "programme": None},
            {
                "site_id": "W2",
                "reason": "no unit",
                "code": "no_unit",
                "reason_pl": "brak jednostki",
                "programme": "cervical",
            },
        ],
        "km": 17.06,
        "women": 180,
        "objective": round(planned().objective.value, 3),
        "terms": asdict(planned().objective),
        "seconds": 1.23,
        "solver": "ours",
        "seed": 7,
        "iterations": 99,
    }


def test_what_was_written_is_read_again() -> None:
    """With its terms, to be judged as it was stated."""
    document = json.loads(json.dumps(plan_document(PROBLEM, planned())))
    stated = read_plan(json.dumps(document).encode())
    assert (stated.first_day, stated.last_day) == (PROBLEM.first_day, PROBLEM.last_day)
    plan = as_plan(PROBLEM, stated)
    assert plan.stops == STOPS[::-1]
    assert plan.objective == planned().objective


def test_a_plan_by_hand_needs_only_its_stops() -> None:
    """What it does not state is worked out, so nothing can be misstated."""
    stated = read_plan(b'\xef\xbb\xbf{"stops": []}')
    assert (stated.first_day, stated.last_day) == (None, None)
    assert check(PROBLEM, as_plan(PROBLEM, stated)) == []
    assert read({"stops": [STATED]}).objective == terms(PROBLEM, STOPS[:1])


def test_stated_figures_are_judged() -> None:
    """Those at the top stand for those among the terms."""
    plan = read({"stops": [STATED], "women": 500, "km": 1000.5, "terms": {"women": 3, "women_due": 9, "colour": 1}})
    assert (plan.women, plan.km, plan.objective.women_due) == (500, 1000.5, 9)
    assert {each.code for each in check(PROBLEM, plan)} >= {"women_misstated", "kilometres_misstated"}


@pytest.mark.parametrize(
    ("unit_id", "first", "last", "days"),
    [
        ("M1", "2027-03-04", "2027-03-08", (4, 5, 8)),
        ("M0", "2027-03-04", "2027-03-08", (4, 5, 6, 7, 8)),
        ("M1", "2027-03-06", "2027-03-06", (6,)),
        ("M1", "2027-03-26", "2027-03-29", (26, 29)),
        ("M1", "2027-03-09", "2027-03-08", (9, 8)),
        ("M9", "2027-03-04", "2027-03-08", (4, 8)),
    ],
)
def test_a_stop_lasts_the_working_days_of_its_unit(unit_id: str, first: str, last: str, days: tuple[int, ...]) -> None:
    """Its first and its last day belong to it even if nobody works then, so that the judge sees them."""
    (stop,) = read({"stops": [STATED | {"unit_id": unit_id, "first_day": first, "last_day": last}]}).stops
    assert stop.days == tuple(date(2027, 3, day) for day in days)


def test_days_on_which_a_unit_is_away_are_left_out() -> None:
    """As holidays are."""
    away = problem(of_units=units(unit(unavailable="2027-03-05/2027-03-07")))
    (stop,) = as_plan(away, read_plan(json.dumps({"stops": [STATED]}).encode())).stops
    assert stop.days == (THURSDAY, MONDAY)


def test_numbers_are_read_as_ids() -> None:
    """Ids of files are texts."""
    (stop,) = read({"stops": [STATED | {"unit_id": 1, "site_id": 2}]}).stops
    assert (stop.unit_id, stop.site_id) == ("1", "2")


@pytest.mark.parametrize(
    ("content", "problem_en"),
    [
        (b"", "it is not JSON in UTF-8"),
        (b"{", "it is not JSON in UTF-8"),
        ('{"stops": "ł"}'.encode("cp1250"), "it is not JSON in UTF-8"),
        (b"[" * 100_000, "it is not JSON in UTF-8"),
        (b"[]", 'it has no list "stops"'),
        (b'{"stops": {}}', 'it has no list "stops"'),
        (b'{"stops": [1]}', "stop 1 is no object"),
        (b'{"stops": [], "from": 5}', "the value of from is wrong"),
        (b'{"stops": [], "to": "2027-02-30"}', "the value of to is wrong"),
        (b'{"stops": [], "km": NaN}', "the value of km is wrong"),
        (b'{"stops": [], "women": "many"}', "the value of women is wrong"),
    ],
)
def test_what_is_no_plan_is_refused(content: bytes, problem_en: str) -> None:
    """In words that say where to look."""
    with pytest.raises(DomainError) as refused:
        read_plan(content)
    assert refused.value.code == "plan_unreadable"
    assert refused.value.facts["problem_en"] == problem_en


@pytest.mark.parametrize("field", list(STATED))
def test_each_field_of_a_stop_is_needed_and_checked(field: str) -> None:
    """By the number of the stop and the name of the field."""
    incomplete = {name: value for name, value in STATED.items() if name != field}
    for stop, problem_en in (
        (incomplete, f"the field stops[2].{field} is missing"),
        (STATED | {field: None}, f"the value of stops[2].{field} is wrong"),
        (STATED | {field: 1.5}, f"the value of stops[2].{field} is wrong"),
        (STATED | {field: True}, f"the value of stops[2].{field} is wrong"),
    ):
        with pytest.raises(DomainError) as refused:
            read_plan(json.dumps({"stops": [STATED, stop]}).encode())
        assert refused.value.facts["problem_en"] == problem_en
