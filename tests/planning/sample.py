"""The sample region as a planning problem: GeoNames places of Łódzkie, estimated demand, three fictitious units."""

import csv
from datetime import date
from pathlib import Path

import mobile_units
from mobile_units.planning.demand import estimate_women_due
from mobile_units.planning.problem import PlanningSite, PlanningUnit, Problem
from mobile_units.rules.calendar import MONDAY_TO_FRIDAY, quarter_from
from mobile_units.rules.programmes import Programme

SITES_FILE = Path(mobile_units.__file__).parent / "sample_data" / "lodzkie_sites.csv"
LONGEST_STAY = 5


def sample_rows() -> list[dict[str, str]]:
    """The rows of the sample file."""
    with SITES_FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def sample_problem() -> Problem:
    """Two mammobuses and one cytobus in the first quarter of 2027: 61 working days each."""
    first, last = quarter_from(date(2027, 1, 1))
    units = (
        _unit(1, 51.77058, 19.47395, Programme.BREAST),
        _unit(2, 51.40547, 19.70321, Programme.BREAST),
        _unit(3, 51.59584, 18.73023, Programme.CERVICAL),
    )
    sites = tuple(_site(number, row) for number, row in enumerate(sample_rows(), start=1))
    return Problem(first_day=first, last_day=last, units=units, sites=sites)


def _site(number: int, row: dict[str, str]) -> PlanningSite:
    population = int(row["population"])
    return PlanningSite(
        id=number,
        name=row["name"],
        latitude=float(row["lat"]),
        longitude=float(row["lon"]),
        women_due={programme: estimate_women_due(population, programme) for programme in Programme},
        days_max=LONGEST_STAY,
    )


def _unit(number: int, latitude: float, longitude: float, programme: Programme) -> PlanningUnit:
    return PlanningUnit(
        id=number,
        name=f"Unit {number}",
        latitude=latitude,
        longitude=longitude,
        women_per_day={programme: 60},
        women_on_first_day={programme: 55},
        weekdays=MONDAY_TO_FRIDAY,
    )
