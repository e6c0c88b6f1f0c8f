"""`mobile-units demo --once --json` from an empty folder, on a tiny input whose figures are worked out by hand.

Site A has 4,000 inhabitants, so 100 women are due for mammography (20 % in 8 quarters) and 90 for the cervical
programme (27 % in 12 quarters); site B has half of that, 50 and 45. In eight hours with 40 minutes of set-up a mammobus
sees 440 // 8 = 55 women on the first day of a stop and 480 // 8 = 60 on a further one, the cytobus 440 // 15 = 29 and
480 // 15 = 32. So mammography needs two days in A and one in B, and a mammobus has its base in each, so none drives;
the cytobus needs three days in A and two in B.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import holidays
import pytest
from geopy.distance import geodesic

from mobile_units import clock
from mobile_units.demo.examples import WAITING

A, B, CYTOBUS = (51.77058, 19.47395), (51.59583, 18.73023), (51.40547, 19.70321)
SITES = f"""code,name,locality,lat,lon,population
A,Łódź,Łódź,{A[0]},{A[1]},4000
B,Sieradz,Sieradz,{B[0]},{B[1]},2000
"""
WOMEN = 100 + 50 + 90 + 45
MAMMOBUS_SLOTS = (55 + 60) + 55
CYTOBUS_SLOTS = (29 + 32 + 32) + (29 + 32)

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def folder(server_folder: Path) -> Path:
    """A folder for the demonstration and its sites."""
    (server_folder / "sites.csv").write_text(SITES)
    return server_folder


def run_once(folder: Path, women: int, *more: str) -> dict[str, Any]:
    """Runs the command and returns its JSON."""
    options = ["--folder", str(folder / "demo"), "--sites", str(folder / "sites.csv"), "--women", str(women), *more]
    environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "mobile_units", "demo", "--once", "--json", *options],
        capture_output=True,
        text=True,
        env=environ,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


@pytest.fixture(scope="module")
def figures(folder: Path) -> dict[str, Any]:
    """What the first run, which books 12 women, prints."""
    return run_once(folder, 12, "--no-examples")


def days_of_laboratory(figures: dict[str, Any], weekdays: set[int]) -> list[date]:
    """The working days of the quarter on which the stationary place examines in one programme."""

    def days() -> Iterator[date]:
        day, last = date.fromisoformat(figures["from"]), date.fromisoformat(figures["to"])
        while day <= last:
            yield day
            day += timedelta(days=1)

    polish = holidays.country_holidays("PL")
    return [day for day in days() if day.isoweekday() in weekdays and day not in polish]


def months(days: list[date]) -> int:
    """How many calendar months the days touch."""
    return len({(day.year, day.month) for day in days})


def by_code(figures: dict[str, Any], column: str) -> dict[str, int]:
    """One column of the report."""
    return {row["product_code"]: row[column] for row in figures["report"]}


def test_the_quarter_begins_on_the_first_working_day_after_today(figures: dict[str, Any]) -> None:
    """It lasts three full months."""
    first, last = date.fromisoformat(figures["from"]), date.fromisoformat(figures["to"])
    assert first > clock.today()
    assert first.isoweekday() <= 5
    assert first not in holidays.country_holidays("PL")
    assert (last + timedelta(days=1)).day == first.day
    assert 89 <= (last - first).days <= 91


def test_every_woman_due_is_planned_for(figures: dict[str, Any]) -> None:
    """Four stops reach them all."""
    assert (figures["sites"], figures["units"], figures["stops"]) == (2, 3, 4)
    assert figures["women_planned"] == WOMEN


def test_only_the_cytobus_drives(figures: dict[str, Any]) -> None:
    """From its base through both sites and back, 1.3 road kilometres for one as the crow flies."""
    tour = (CYTOBUS, A, B, CYTOBUS)
    assert figures["km"] == pytest.approx(1.3 * sum(geodesic(*leg).km for leg in pairwise(tour)), abs=0.1)


def test_points_schedules_and_slots_follow_from_the_stops(figures: dict[str, Any]) -> None:
    """One point a stop; one schedule a stop and contracted path; one a month and path in the stationary place."""
    breast, cervical = (days_of_laboratory(figures, weekdays) for weekdays in ({1, 3, 5}, {2, 4}))
    assert figures["mobile_points"] == 4
    assert figures["schedules"] == 2 * 1 + 2 * 2 + months(breast) * 1 + months(cervical) * 2
    stationary = len(breast) * (6 * 60 // 10) + len(cervical) * (6 * 60 // 15)
    assert figures["slots"] == MAMMOBUS_SLOTS + CYTOBUS_SLOTS + stationary


def test_everything_was_accepted(figures: dict[str, Any]) -> None:
    """Three places saved and activated, each point, each schedule, its slots, and each visit."""
    messages = 3 + 3 + 4 + 2 * figures["schedules"] + 12
    assert figures["messages"] == {"pending": 0, "in_progress": 0, "accepted": messages, "rejected": 0, "given_up": 0}


def test_the_report_adds_up(figures: dict[str, Any]) -> None:
    """A third of the twelve women chose each path; what was booked was passed, and nothing is performed yet."""
    booked, planned, offered = (by_code(figures, column) for column in ("booked", "planned", "offered"))
    assert figures["visits"] == 12
    assert booked["10.7940.158.02"] + booked["10.7940.159.02"] == 4
    assert booked["01.0034.101.01"] + booked["02.1450.101.02"] == 4
    assert booked["01.0034.102.01"] + booked["02.1450.102.02"] == 4
    assert by_code(figures, "passed") == booked
    assert set(by_code(figures, "performed").values()) == set(by_code(figures, "not_passed").values()) == {0}
    assert (planned["10.7940.159.02"], offered["10.7940.159.02"]) == (150, MAMMOBUS_SLOTS)
    assert planned["01.0034.101.01"] + planned["01.0034.102.01"] == 135
    assert offered["01.0034.101.01"] + offered["01.0034.102.01"] == CYTOBUS_SLOTS
    assert offered["01.0034.101.01"] == pytest.approx(0.6 * CYTOBUS_SLOTS, abs=2)


def test_a_second_run_continues_from_what_is_there(folder: Path, figures: dict[str, Any]) -> None:
    """The itinerary stays, only the three women more are booked; the diary is worked with, and all is accepted."""
    assert not any(figures["diary"].values())
    again = run_once(folder, 15)
    same = ("from", "to", "stops", "km", "mobile_points", "plan_seconds")
    assert {name: again[name] for name in same} == {name: figures[name] for name in same}
    assert 15 <= again["visits"] <= 15 + WAITING, "who waits may have been offered a place meanwhile"
    assert again["messages"]["accepted"] > figures["messages"]["accepted"] + 3
    assert {name for name, count in again["messages"].items() if count} == {"accepted"}
    assert (again["diary"]["templates"], again["diary"]["waiting"]) == (2, 3)
    assert again["diary"]["in_sessions"] > 0
